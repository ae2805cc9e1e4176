# SPDX-License-Identifier: MIT
"""What the commands share: opening files, finding variables, tables, JSON, output that appears when it is complete."""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import numpy as np

import omfiles
from omfiles._cli.selections import selection
from omfiles._datasets.attrs import unpack_attrs
from omfiles._reading.names import list_names, suggest_names
from omfiles._reading.reader import OmFileReader
from omfiles._stores.paths import is_url

OK, FAILED, USAGE, INTERRUPTED, NO_READER = 0, 1, 2, 130, 141


class CommandError(Exception):
    """What the user is told in one line.

    Parameters
    ----------
    message : str
        What was found, and what would be right.
    code : int
        The exit code.
    """

    def __init__(self, message: str, code: int = FAILED) -> None:
        super().__init__(message)
        self.code = code


# --- arguments --------------------------------------------------------------------------------------------------------


def add_command(commands: Any, name: str, run: Any, help: str, example: str) -> argparse.ArgumentParser:
    """Add the parser of a command that `run` executes; the help shows an example."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=help,
        description=f"{help[0].upper()}{help[1:]}.",
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    return parser


def add_file(parser: argparse.ArgumentParser, help: str = "path or URL of the file") -> None:
    parser.add_argument("file", metavar="FILE", help=help)
    add_storage_options(parser)


def add_storage_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--storage-option",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        type=_storage_option,
        help="for the filesystem of a URL, such as anon=true; may be repeated",
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="JSON, for programs")


def add_force(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-f", "--force", action="store_true", help="replace what is there")


def add_variables(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--var",
        metavar="NAME",
        action="append",
        default=[],
        help="only this variable, and the coordinates it has; may be repeated, or name several: t2m,rain",
    )


def variables(arguments: argparse.Namespace) -> list[str]:
    """Names of variables that were asked for."""
    return [name for names in arguments.var for name in names.split(",") if name]


def parse_slice(text: str) -> Any:
    """Parse what stands between brackets in Python, for argparse."""
    try:
        return selection(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _storage_option(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE, such as anon=true")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


# --- files ------------------------------------------------------------------------------------------------------------


def storage_options(arguments: argparse.Namespace, path: str | None = None) -> dict[str, Any] | None:
    """Options for the filesystem of a URL. Of two files of a command one may be local: then `path` says which it is."""
    return dict(arguments.storage_option) or None if path is None or is_url(path) else None


def open_file(arguments: argparse.Namespace) -> OmFileReader:
    """Open the file that the command is about."""
    return omfiles.open(arguments.file, storage_options=storage_options(arguments))


def find(root: OmFileReader, path: str) -> OmFileReader:
    """Find a variable by its path below the root; the name of the root itself may be part of it."""
    path = path.strip("/")
    if path in ("", root.name):
        return root
    for candidate in (path, path.removeprefix(f"{root.name}/")):
        if candidate in root and root.num_children:
            return root[candidate]
    known = [path for path, _ in root.walk() if path]
    raise CommandError(f"there is no variable {path!r}; {suggest_names(path, known)}", USAGE)


def find_array(root: OmFileReader, path: str | None) -> OmFileReader:
    """Find an array; without a path the only one, or the root."""
    if path is None:
        if root.is_array:
            return root
        arrays = [(name, node) for name, node in root.walk() if node.is_array]
        if len(arrays) == 1:
            return arrays[0][1]
        raise CommandError(f"say which variable; {list_names([name for name, _ in arrays])}", USAGE)
    node = find(root, path)
    if not node.is_array:
        kind = "group" if node.is_group else "scalar"
        raise CommandError(f"{path!r} is a {kind}, and an array is needed", USAGE)
    return node


def attributes(node: OmFileReader) -> dict[str, Any]:
    return unpack_attrs(node.attrs)


# --- output -----------------------------------------------------------------------------------------------------------


def size_text(n_bytes: float) -> str:
    """Bytes as people read them.

    Examples
    --------
    >>> size_text(999), size_text(1_234_567), size_text(56_700)
    ('999 B', '1.23 MB', '56.7 kB')
    """
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if n_bytes < 999.5 or unit == "TB":
            break
        n_bytes /= 1000
    return f"{n_bytes:.0f} {unit}" if unit == "B" else f"{n_bytes:.3g} {unit}"


def number_text(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.7g}" if isinstance(value, (float, np.floating)) else str(value)


def print_json(value: Any) -> None:
    print(json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False))


def plain(value: Any) -> Any:
    """Turn a value into what JSON knows. It has neither NaN nor infinity: these become null."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def print_table(header: Sequence[str], rows: Iterable[Sequence[str]], right: Iterable[int] = ()) -> None:
    """Print columns; `right` says which are aligned so. On a terminal rich does it, if it is there."""
    rows = [list(map(_printable, row)) for row in rows]
    right = set(right)
    if sys.stdout.isatty() and rich_is_there():
        from rich.console import Console
        from rich.table import Table

        table = Table(box=None, pad_edge=False, header_style="bold")
        for axis, title in enumerate(header):
            table.add_column(title, justify="right" if axis in right else "left", overflow="fold")
        for row in rows:
            table.add_row(*(cell.replace("[", "\\[") for cell in row))
        Console(highlight=False).print(table)
        return
    widths = [max(map(len, column)) for column in zip(header, *rows)]
    for row in [list(header), *rows]:
        cells = [
            cell.rjust(width) if axis in right else cell.ljust(width)
            for axis, (cell, width) in enumerate(zip(row, widths))
        ]
        print("  ".join(cells).rstrip())


def _printable(text: str) -> str:
    """What comes from files must not steer the terminal."""
    return text if text.isprintable() else repr(text)[1:-1]


def rich_is_there() -> bool:
    try:
        import_module("rich")
    except ImportError:
        return False
    return True


def require(module: str, extra: str, what: str) -> Any:
    """Import a module of an extra, or say how to get it."""
    try:
        return import_module(module)
    except ImportError as error:
        name = module.partition(".")[0]
        raise CommandError(f"{what} needs {name}: pip install 'omfiles[{extra}]'") from error


def check_free(path: str, force: bool) -> None:
    """Refuse to replace what is there. Of URLs it is not asked."""
    if not is_url(path) and os.path.lexists(path) and not force:
        raise CommandError(f"{path!r} exists; --force replaces it")


@contextmanager
def atomic_output(path: str, force: bool) -> Iterator[str]:
    """Make a path beside this one to write to, a file or a folder, which takes its place in the end or disappears."""
    check_free(path, force)
    folder, name = os.path.split(path.rstrip("/"))
    if folder and not os.path.isdir(folder):
        raise CommandError(f"No such folder: {folder!r}")
    part = os.path.join(folder, f".{os.urandom(4).hex()}-part-{name}")
    try:
        yield part
        if os.path.isdir(path) and not os.path.islink(path):
            old = f"{part}-old"
            os.rename(path, old)
            os.rename(part, path)
            shutil.rmtree(old)
        else:
            os.replace(part, path)
    finally:
        if os.path.isdir(part):
            shutil.rmtree(part, ignore_errors=True)
        elif os.path.exists(part):
            os.unlink(part)
