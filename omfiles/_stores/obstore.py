# SPDX-License-Identifier: MIT
"""Files of object stores with the methods of obstore (or obspec), which need not be installed."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Generator, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from omfiles._stores.concurrency import as_completed_async, as_completed_in_threads, in_thread, wait
from omfiles._stores.fsspec import path_text
from omfiles._stores.range_reader import RangeReader, Tail

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["ObstoreReader"]

_first_process: int | None = None


class ObstoreReader(RangeReader):
    """A file of an object store.

    Waiting is done in threads, for obstore does not listen to Ctrl-C while it waits.

    Parameters
    ----------
    store : obstore store
        Or any object with ``get_range(path, start=, end=)`` and ``head(path)``; ``get``, and the asynchronous forms of
        all three, are used if they are there.
    path : str or os.PathLike
        The file.
    """

    def __init__(self, store: Any, path: str | os.PathLike[str]) -> None:
        missing = [method for method in ("get_range", "head") if not callable(getattr(store, method, None))]
        if missing:
            raise TypeError(
                f"an object of type {type(store).__name__!r} is no object store to read from: it lacks "
                f"{' and '.join(missing)}; pass a store of obstore, or an object with the same methods"
            )
        self._store = store
        self.name = self._path = path_text(path)

    def __reduce__(self) -> Any:
        return ObstoreReader, (self._store, self._path)

    def _usable(self) -> Any:
        """The store, unless it would wait forever for threads that a fork has left behind."""
        global _first_process
        if type(self._store).__module__.partition(".")[0] == "obstore":
            _first_process = _first_process or os.getpid()
            if _first_process != os.getpid():
                raise RuntimeError(
                    f"{self.name!r}: obstore does not work in a forked process after its parent has used it; start "
                    "processes by 'spawn' or 'forkserver', or read through fsspec"
                )
        return self._store

    def _read(self, start: int, stop: int) -> Buffer:
        data: Buffer = self._usable().get_range(self._path, start=start, end=stop)
        return data

    async def _read_async(self, start: int, stop: int) -> Buffer:
        data: Buffer = await self._usable().get_range_async(self._path, start=start, end=stop)
        return data

    def size(self) -> int:
        """Ask for the size of the file in bytes."""
        return int(self._describe()["size"])

    def version(self) -> Hashable | None:
        """Ask for the ETag, or for the time of modification and the size."""
        return _version(self._describe())

    def _describe(self) -> Mapping[str, Any]:
        meta: Mapping[str, Any] = wait(in_thread(self._usable().head, self._path))
        return meta

    async def version_async(self) -> Hashable | None:
        """Ask as `version` does."""
        if not hasattr(self._store, "head_async"):
            return await super().version_async()
        return _version(await self._usable().head_async(self._path))

    def tail(self, n: int) -> Tail:
        """Read the last `n` bytes: in one request, or if the store cannot count from the end, in two."""
        return wait(in_thread(self._tail, n))

    def _tail(self, n: int) -> Tail:
        store = self._usable()
        if hasattr(store, "get"):
            try:
                reply = store.get(self._path, options={"range": {"suffix": n}})
                return Tail(reply.meta["size"], _version(reply.meta), reply.bytes())
            except Exception as error:
                _raise_if_missing(error)
        meta = store.head(self._path)
        size = meta["size"]
        return Tail(size, _version(meta), self._read(max(0, size - n), size) if size else b"")

    async def tail_async(self, n: int) -> Tail:
        """Read as `tail` does."""
        store = self._usable()
        if not all(hasattr(store, method) for method in ("get_async", "head_async", "get_range_async")):
            return await super().tail_async(n)
        try:
            reply = await store.get_async(self._path, options={"range": {"suffix": n}})
            return Tail(reply.meta["size"], _version(reply.meta), await reply.bytes_async())
        except Exception as error:
            _raise_if_missing(error)
        meta = await store.head_async(self._path)
        size = meta["size"]
        return Tail(size, _version(meta), await self._read_async(max(0, size - n), size) if size else b"")

    def read_ranges(
        self, ranges: Sequence[tuple[int, int]], *, concurrency: int
    ) -> Generator[tuple[int, Buffer], None, None]:
        """Read ranges in threads."""
        return as_completed_in_threads(self._read, ranges, concurrency)

    def read_ranges_async(
        self, ranges: Sequence[tuple[int, int]], *, concurrency: int
    ) -> AsyncGenerator[tuple[int, Buffer], None]:
        """Read ranges on the running loop."""
        if not hasattr(self._store, "get_range_async"):
            return super().read_ranges_async(ranges, concurrency=concurrency)
        return as_completed_async(self._read_async, ranges, concurrency)


def _raise_if_missing(error: Exception) -> None:
    # All else may mean that the store does not count from the end, or that the file is empty.
    if isinstance(error, FileNotFoundError):
        raise error


def _version(meta: Mapping[str, Any]) -> Hashable | None:
    tag: Hashable | None = meta.get("e_tag")
    if tag:
        return tag
    modified = meta.get("last_modified")
    return (modified, meta["size"]) if modified else None
