# SPDX-License-Identifier: MIT
"""Seekable binary file objects of Python."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Generator, Sequence
from typing import Any

from omfiles._stores.range_reader import RangeReader

__all__ = ["FileObjectReader"]


class FileObjectReader(RangeReader):
    """Reads from an open file; its position moves, and it stays open.

    Parameters
    ----------
    file : binary file object
        Must be seekable.
    """

    def __init__(self, file: Any) -> None:
        if isinstance(file, io.TextIOBase):
            raise TypeError(f"the file {_name(file)} was opened as text; open it in mode 'rb'")
        seekable = getattr(file, "seekable", None)
        if seekable is not None and not seekable():
            raise ValueError(f"the file {_name(file)} is not seekable; pass its content, file.read(), instead")
        self.name = _name(file)
        self._file = file
        self._lock = threading.Lock()

    def size(self) -> int:
        """Ask for the size of the file in bytes."""
        with self._lock:
            self._file.seek(0, os.SEEK_END)
            return int(self._file.tell())

    def read_ranges(
        self, ranges: Sequence[tuple[int, int]], *, concurrency: int
    ) -> Generator[tuple[int, bytes], None, None]:
        """Read ranges one by one."""
        for index, (start, stop) in enumerate(ranges):
            yield index, self._read(start, stop)

    def _read(self, start: int, stop: int) -> bytes:
        with self._lock:
            self._file.seek(start)
            data = bytes(self._file.read(stop - start))
            # Files without buffer may give less than is there.
            while len(data) < stop - start and (more := self._file.read(stop - start - len(data))):
                data += more
            return data

    def __reduce__(self) -> Any:
        raise TypeError(f"the open file {self.name} cannot be pickled; open OM files by path or URL for that")


def _name(file: Any) -> str:
    name = getattr(file, "name", None)
    return name if isinstance(name, str) else f"<{type(file).__name__}>"
