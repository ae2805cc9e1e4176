# SPDX-License-Identifier: MIT
"""Writing to fsspec filesystems, in order and all or nothing."""

from __future__ import annotations

import os
from typing import Any

from omfiles._stores.fsspec import is_local, path_text, protocols, synchronous
from omfiles._writing.local_sink import LocalSink, Sink

__all__ = ["FsspecSink", "sink_of_fsspec"]

BLOCK_SIZE = 16 << 20
"""Bytes of one part of an upload. S3 takes 10,000 parts, so that a file may have 156 GiB."""


def sink_of_fsspec(fs: Any, path: str | os.PathLike[str]) -> Sink:
    """Open a file of a filesystem for writing.

    Parameters
    ----------
    fs : fsspec filesystem
        Or any object with ``open(path, "wb")``.
    path : str or os.PathLike
        The file.
    """
    text = path_text(path)
    return LocalSink(fs._strip_protocol(text)) if is_local(fs) else FsspecSink(synchronous(fs), text)


class FsspecSink:
    """A file of a filesystem that appears when it is complete.

    On object stores it is a multipart upload that `commit` completes and `abort` gives up. Filesystems that cannot
    hold a file back, such as plain objects with an ``open`` method, show it as it grows; there `abort` removes it by
    ``rm``.

    Parameters
    ----------
    fs : fsspec filesystem
        Or any object with ``open(path, "wb")``.
    path : str
        The file.
    block_size : int
        Bytes that are collected before they are sent.
    """

    def __init__(self, fs: Any, path: str, block_size: int = BLOCK_SIZE) -> None:
        self.name = path
        self._fs = fs
        self._file = _open(fs, path, block_size)
        # Whether closing the file still leaves it to be committed or discarded.
        self._held_back = callable(getattr(self._file, "commit", None)) and not getattr(self._file, "autocommit", False)

    def write(self, data: memoryview, /) -> None:
        """Append all of `data`."""
        block = bytes(data)  # some files keep what they are given
        written = self._file.write(block)
        if written is not None and written != len(block):
            raise OSError(f"{self.name}: {written} of {len(block)} bytes were written")

    def commit(self) -> None:
        """Send what is left and let the file appear."""
        self._file.close()
        if self._held_back:
            self._file.commit()

    def abort(self) -> None:
        """Give up the upload, or remove the file."""
        file = self._file
        if _is_buffered(file):
            # Closing it would send the rest, and let the file appear on some stores.
            try:
                file.discard()
            finally:
                file.closed = True
            return
        try:
            if self._held_back or not hasattr(file, "discard"):
                file.close()
        finally:
            if hasattr(file, "discard"):
                file.discard()
            elif hasattr(self._fs, "rm"):
                self._fs.rm(self.name)


def _open(fs: Any, path: str, block_size: int) -> Any:
    while "dir" in protocols(fs):  # a folder of another filesystem
        fs, path = fs.fs, fs._join(path)
    if "memory" in protocols(fs):
        # Opened in the usual way it would take the place of an older file at once.
        from fsspec.implementations.memory import MemoryFile

        return MemoryFile(fs, fs._strip_protocol(path))
    try:
        return fs.open(path, "wb", block_size=block_size, autocommit=False)
    except TypeError:
        return fs.open(path, "wb")


def _is_buffered(file: Any) -> bool:
    try:
        from fsspec.spec import AbstractBufferedFile
    except ImportError:
        return False
    return isinstance(file, AbstractBufferedFile)
