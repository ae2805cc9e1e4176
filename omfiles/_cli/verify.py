# SPDX-License-Identifier: MIT
"""``verify`` and ``hash``: whether a file is good, and what shows later that it still is."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable
from typing import Any

import omfiles
from omfiles._cli.common import (
    FAILED,
    OK,
    add_command,
    add_file,
    add_force,
    add_json,
    check_free,
    print_json,
    storage_options,
)
from omfiles._cli.progress import Progress
from omfiles._tools.hashes import default_hash_path

__all__ = ["add_parsers"]


def add_parsers(commands: Any) -> None:
    parser = add_command(
        commands,
        "verify",
        verify,
        "check the structure of a file, all look-up tables and every chunk; exit code 1 says that something is damaged",
        "omfiles verify weather.om --hashes",
    )
    add_file(parser)
    parser.add_argument(
        "--hashes",
        nargs="?",
        const=True,
        metavar="HASHES",
        help="compare all bytes with hashes that `omfiles hash` wrote: those of HASHES=FILE.blake2b by default",
    )
    add_json(parser)

    parser = add_command(
        commands,
        "hash",
        write_hashes,
        "write hashes of a file beside it, for `omfiles verify FILE --hashes` and for b2sum --check",
        "omfiles hash weather.om",
    )
    add_file(parser)
    parser.add_argument("-o", "--output", metavar="OUT", help="a file to write, by default FILE.blake2b")
    add_force(parser)


def verify(arguments: argparse.Namespace) -> int:
    with Progress("verifying") as progress:
        result = omfiles.verify(
            arguments.file,
            hashes=arguments.hashes,
            storage_options=storage_options(arguments),
            progress=_reporting(progress),
        )
    if arguments.json:
        print_json({"ok": result.ok, **dataclasses.asdict(result)})
    else:
        print(result)
    return OK if result.ok else FAILED


def write_hashes(arguments: argparse.Namespace) -> int:
    check_free(arguments.output or str(default_hash_path(arguments.file)), arguments.force)
    with Progress("hashing") as progress:
        path = omfiles.write_hashes(
            arguments.file,
            arguments.output,
            storage_options=storage_options(arguments),
            progress=_reporting(progress),
        )
    print(path)
    return OK


def _reporting(progress: Progress) -> Callable[[int, int], None]:
    """Turn what is done in all into what has been done since."""
    before = 0

    def report(done: int, total: int) -> None:
        nonlocal before
        progress.total = total
        progress(done - before)
        before = done

    return report
