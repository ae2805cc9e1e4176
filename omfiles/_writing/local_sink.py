# SPDX-License-Identifier: MIT
"""Where a writer's bytes go: something that takes them in order and, in the end, keeps all or nothing."""

from __future__ import annotations

import errno
import os
import stat
from typing import Any, Protocol

from omfiles._native.writer import PartFile

__all__ = ["LocalSink", "Sink"]


class Sink(Protocol):
    """Takes the bytes of a file in order.

    Attributes
    ----------
    name : str
        What messages call the file.
    """

    name: str

    def write(self, data: memoryview, /) -> None:
        """Take all of `data`, which is valid during the call only."""

    def commit(self) -> None:
        """Make the file appear, complete; nothing is called afterwards."""

    def abort(self) -> None:
        """Leave nothing behind. Possible after errors, of `commit` too."""


class LocalSink:
    """A local file that appears under its name only when it is complete.

    Until then the bytes are in a hidden file beside it, ``.<name>.<random>.om-part``. A file that it replaces
    passes on its permissions; of a symbolic link, the target is replaced.

    Parameters
    ----------
    path : str or os.PathLike
        The file.

    Raises
    ------
    FileNotFoundError
        The folder does not exist.
    IsADirectoryError
        The path is a folder.
    PermissionError
        The folder, or a file of that name, is not writable.
    ValueError
        The path is something else than a regular file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.name = os.fspath(path)
        if not isinstance(self.name, str):
            raise TypeError(f"the path must be a str or os.PathLike of str, not {path!r}")
        self._target = os.path.realpath(self.name)
        mode = self._mode_of_old_file()
        folder, base = os.path.split(self._target)
        # 40 characters are at most 160 bytes, so that the longest allowed name leaves room for the rest.
        part = os.path.join(folder, f".{base[:40]}.{os.urandom(4).hex()}.om-part")
        try:
            self._part = PartFile(part)
        except OSError as error:
            raise self._error(error.errno) from None
        if mode is not None and hasattr(os, "fchmod"):
            os.fchmod(self._part.fd, mode)

    def _error(self, code: Any) -> OSError:
        return OSError(code, os.strerror(code), self.name)

    def _mode_of_old_file(self) -> int | None:
        try:
            found = os.stat(self.name)
        except FileNotFoundError:
            if not self.name:
                raise
            if self.name.endswith((os.sep, os.altsep or os.sep)):
                raise self._error(errno.EISDIR) from None
            return None
        if stat.S_ISDIR(found.st_mode):
            raise self._error(errno.EISDIR)
        if not stat.S_ISREG(found.st_mode):
            raise ValueError(f"{self.name!r} is not a regular file, so it cannot be replaced by an .om file")
        if not os.access(self._target, os.W_OK):
            raise self._error(errno.EACCES)
        return stat.S_IMODE(found.st_mode)

    def write(self, data: memoryview, /) -> None:
        """Append all of `data`."""
        done = 0
        while done < len(data):
            done += os.write(self._part.fd, data[done:])

    def commit(self) -> None:
        """Close the hidden file and give it its name."""
        self._part.rename(self._target)

    def abort(self) -> None:
        """Close and remove the hidden file."""
        self._part.remove()
