# SPDX-License-Identifier: MIT
"""What tests of several folders share. pytest puts this folder on the path of modules (see `pyproject.toml`)."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from omfiles import OmFileWriter, OmWriterVariable
from omfiles.io import RangeReader

posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX")
counts_descriptors = pytest.mark.skipif(not os.path.isdir("/dev/fd"), reason="counts descriptors through /dev/fd")


def n_descriptors() -> int:
    return len(os.listdir("/dev/fd"))


def write_file(path: Path, tree: Callable[[OmFileWriter], OmWriterVariable], placement: str = "tail") -> Path:
    """Write what ``tree(writer)`` makes and returns as the root."""
    with OmFileWriter(path, placement) as writer:
        writer.close(tree(writer))
    return path


def run_python(code: str, *arguments: object, **environment: str) -> str:
    """Run a program in a process of its own, which must succeed; returns what it prints."""
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment})
    assert done.returncode == 0, done.stderr
    return done.stdout.rstrip("\n")


def at_once(*actions: Callable[[], object]) -> list[Any]:
    """What the actions return, each called in a thread of its own."""
    begun = threading.Barrier(len(actions))

    def run(action: Callable[[], object]) -> object:
        begun.wait(30)
        return action()

    with ThreadPoolExecutor(len(actions)) as pool:
        return list(pool.map(run, actions))


class MemoryStore(RangeReader):
    """A store that has one file, with the least that a plug-in must have."""

    name = "memory"

    def __init__(self, content: bytes) -> None:
        self.content = content

    def size(self) -> int:
        return len(self.content)

    def read_ranges(self, ranges: Any, *, concurrency: int) -> Iterator[tuple[int, bytes]]:
        for index, (start, stop) in enumerate(ranges):
            yield index, self.content[start:stop]
