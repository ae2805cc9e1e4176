# SPDX-License-Identifier: MIT
"""Files of fsspec filesystems, synchronous and asynchronous, and of objects with the same few methods."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import inspect
import os
import pickle
import threading
import weakref
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Hashable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any

from omfiles._stores.concurrency import as_completed, as_completed_async, as_completed_in_threads, wait
from omfiles._stores.range_reader import RangeReader, Tail
from omfiles.errors import OmReadError

__all__ = ["AsyncFsspecReader", "FsspecReader", "from_fsspec", "is_local", "path_text", "protocols", "synchronous"]

Coroutines = Callable[..., Coroutine[Any, Any, Any]]

# They answer from a copy, of which the store's description says nothing: their version is unknown.
CACHES = {"blockcache", "cached", "filecache", "simplecache"}
# Threads are of no use to those that wait for no network, and harm those that share one connection, cache or archive:
# tarfile moves one position for all members, and so do zipfile of Python up to 3.12.8 and 3.13.1 when they seek.
SERIAL = CACHES | {"data", "file", "ftp", "libarchive", "local", "memory", "tar", "zip"}

_in_use: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()
_of_parents: list[Any] = []

if hasattr(os, "register_at_fork"):
    # To drop a filesystem closes its connections. In a forked process that would also end the watch that the kernel
    # keeps on them for the parent, whose reads would then wait for ever.
    os.register_at_fork(after_in_child=lambda: _of_parents.extend(_in_use.values()))

TAGS = ("ETag", "etag", "e_tag")
TIMES = ("mtime", "LastModified", "Last-Modified", "last_modified", "updated", "modified", "created")


def from_fsspec(fs: Any, path: str | os.PathLike[str], name: str | None = None) -> FsspecReader:
    """Make a reader of a file in a filesystem.

    Parameters
    ----------
    fs : fsspec filesystem
        Or any object with ``size(path)`` and ``cat_file(path, start=, end=)``; for asynchronous use ``_size`` and
        ``_cat_file`` are enough.
    path : str or os.PathLike
        The file, with or without the protocol.
    name : str, optional
        What messages call the file; the path by default.
    """
    text = path_text(path)
    missing = _missing(fs, "cat_file", "size")
    if missing and _missing(fs, "_cat_file", "_size"):
        raise _lacks(fs, missing)
    return (AsyncFsspecReader if missing or _is_async(fs) else FsspecReader)(fs, text, name or text)


def path_text(path: str | os.PathLike[str]) -> str:
    """Return the path of a file in a filesystem as str."""
    text = os.fspath(path) if isinstance(path, os.PathLike) else path
    if not isinstance(text, str):
        raise TypeError(f"the path of a file in a filesystem must be str or os.PathLike of str, not {path!r}")
    return text


def protocols(fs: Any) -> set[str]:
    """Names of the protocols of a filesystem."""
    found = getattr(fs, "protocol", ())
    return {found} if isinstance(found, str) else set(found)


def is_local(fs: Any) -> bool:
    """Whether a filesystem is the plain local one, for which the operating system does better."""
    return (type(fs).__module__, type(fs).__name__) == ("fsspec.implementations.local", "LocalFileSystem")


def synchronous(fs: Any) -> Any:
    """Make a filesystem like `fs` that has fsspec's own loop; the same of those that it wraps."""
    if not getattr(fs, "asynchronous", False):
        return fs
    args = map(synchronous, fs.storage_args)
    options = {key: synchronous(value) for key, value in fs.storage_options.items() if key != "loop"}
    return type(fs)(*args, **{**options, "asynchronous": False})


class FsspecReader(RangeReader):
    """A file of a synchronous filesystem; made by `from_fsspec`."""

    def __init__(self, fs: Any, path: str, name: str) -> None:
        self.name = name
        self._fs = _keep(fs)
        self._path = path
        self._pid = os.getpid()

    def __reduce__(self) -> Any:
        return from_fsspec, (self._fs, self._path, self.name)

    def _filesystem(self) -> Any:
        """The filesystem, a new one in a forked process: the loop, threads and connections are the parent's."""
        if self._pid != os.getpid():
            # Other objects than filesystems, and what cannot be pickled, are used as they are.
            if hasattr(self._fs, "storage_options"):
                with contextlib.suppress(Exception):
                    self._fs = _keep(pickle.loads(pickle.dumps(self._fs)))
            self._pid = os.getpid()
        return self._fs

    def _turn(self, fs: Any) -> contextlib.AbstractContextManager[Any]:
        """What to hold while a filesystem works that must not be asked twice at a time, by whatever reader."""
        part = _serial_part(fs)
        if part is None:
            return contextlib.nullcontext()
        # Caches answer even this with attributes of the filesystem that they wrap, unless they are not asked.
        attributes: dict[str, Any] = object.__getattribute__(part, "__dict__")
        return attributes.setdefault("_omfiles_lock", threading.RLock())

    def _describe(self) -> tuple[int, Hashable | None]:
        """Size and version."""
        fs = self._filesystem()
        with self._turn(fs):
            described = self._ask(fs)
        return described

    def _ask(self, fs: Any) -> tuple[int, Hashable | None]:
        if not CACHES.isdisjoint(protocols(fs)):
            with fs.open(self._path, "rb") as file:
                return file.seek(0, os.SEEK_END), None
        if hasattr(fs, "info"):
            return _size_and_version(fs.info(self._path, **_fresh(fs, fs.info, self._path)), self.name)
        return _size_and_version({"size": fs.size(self._path)}, self.name)

    def _read(self, start: int, stop: int) -> bytes:
        fs = self._filesystem()
        with self._turn(fs):
            data: bytes = fs.cat_file(self._path, start=start, end=stop)
        return data

    def size(self) -> int:
        """Ask for the size of the file in bytes."""
        return self._describe()[0]

    def version(self) -> Hashable | None:
        """Ask for the ETag, or for the time of modification and the size."""
        return self._describe()[1]

    def tail(self, n: int) -> Tail:
        """Read the last `n` bytes: first the size, then these."""
        size, version = self._describe()
        start = max(0, size - n)
        return Tail(size, version, self._read(start, size) if size else b"")

    def read_ranges(
        self, ranges: Sequence[tuple[int, int]], *, concurrency: int
    ) -> Generator[tuple[int, bytes], None, None]:
        """Read ranges; in threads if there may be a network behind, and several of them."""
        if concurrency == 1 or len(ranges) <= 1 or _serial_part(self._fs) is not None:
            return ((index, self._read(*range_)) for index, range_ in enumerate(ranges))
        return as_completed_in_threads(self._read, ranges, concurrency)


class AsyncFsspecReader(FsspecReader):
    """A file of an asynchronous filesystem such as s3fs, gcsfs or fsspec's http; made by `from_fsspec`.

    Its coroutines run on the caller's event loop if the filesystem was made for it (``asynchronous=True``), and else
    on the loop that fsspec runs in a thread of its own.
    """

    def __init__(self, fs: Any, path: str, name: str) -> None:
        super().__init__(fs, path, name)
        self._twin: Any = None

    def _start(self, function: Coroutines, *args: Any) -> Future[Any]:
        """Run a coroutine on fsspec's own loop."""
        fs = self._filesystem()
        if fs.asynchronous:
            # It has no loop of its own, so that a twin does the work.
            if self._twin is None or self._twin[0] != self._pid:
                self._twin = self._pid, _keep(synchronous(fs))
            fs = self._twin[1]
        return asyncio.run_coroutine_threadsafe(function(fs, self._path, *args), fs.loop)

    def _submit(self, function: Coroutines, *args: Any) -> Future[Any]:
        """Do the same for a caller who will block."""
        missing = _missing(self._fs, "cat_file", "size")
        if missing:
            raise _lacks(self._fs, missing)
        return self._start(function, *args)

    async def _run(self, function: Coroutines, *args: Any) -> Any:
        """Run a coroutine where it can run, and await it here."""
        fs = self._filesystem()
        if _belongs_here(fs):
            return await function(fs, self._path, *args)
        return await asyncio.wrap_future(self._start(function, *args))

    def _describe(self) -> tuple[int, Hashable | None]:
        found: tuple[int, Hashable | None] = wait(self._submit(_ask))
        return found

    def _read(self, start: int, stop: int) -> bytes:
        data: bytes = wait(self._submit(_fetch, start, stop))
        return data

    def tail(self, n: int) -> Tail:
        """Read the last `n` bytes in one round trip: size and bytes are asked for at the same time."""
        tail: Tail = wait(self._submit(_fetch_tail, n))
        return tail

    def read_ranges(
        self, ranges: Sequence[tuple[int, int]], *, concurrency: int
    ) -> Generator[tuple[int, bytes], None, None]:
        """Read ranges on the loop of fsspec."""
        return as_completed(partial(self._submit, _fetch), ranges, concurrency)

    async def version_async(self) -> Hashable | None:
        """Ask for the ETag, or for the time of modification and the size."""
        version: Hashable | None = (await self._run(_ask))[1]
        return version

    async def tail_async(self, n: int) -> Tail:
        """Read the last `n` bytes in one round trip."""
        tail: Tail = await self._run(_fetch_tail, n)
        return tail

    def read_ranges_async(
        self, ranges: Sequence[tuple[int, int]], *, concurrency: int
    ) -> AsyncGenerator[tuple[int, bytes], None]:
        """Read ranges on the running loop, or on that of fsspec."""
        return as_completed_async(partial(self._run, _fetch), ranges, concurrency)


def _keep(fs: Any) -> Any:
    """Note that a filesystem must outlive a fork."""
    if hasattr(fs, "storage_options"):
        _in_use[id(fs)] = fs
    return fs


# --- coroutines that run on the loop of the filesystem ----------------------------------------------------------------


async def _ask(fs: Any, path: str) -> tuple[int, Hashable | None]:
    if hasattr(fs, "_info"):
        return _size_and_version(await fs._info(path, **_fresh(fs, fs._info, path)), path)
    return _size_and_version({"size": await fs._size(path)}, path)


async def _fetch(fs: Any, path: str, start: int, stop: int) -> bytes:
    data: bytes = await fs._cat_file(path, start=start, end=stop)
    return data


async def _fetch_tail(fs: Any, path: str, n: int) -> Tail:
    # A file that is replaced between the two requests looks damaged, or its version changes at the next read.
    replies: Sequence[Any] = await asyncio.gather(
        _ask(fs, path), fs._cat_file(path, start=-n, end=None), return_exceptions=True
    )
    described, data = replies
    if isinstance(described, BaseException):
        raise described
    size, version = described
    # Not every filesystem counts from the end, and none does so in an empty file.
    wanted = min(n, size)
    if isinstance(data, BaseException) or len(data) != wanted:
        data = await _fetch(fs, path, size - wanted, size) if wanted else b""
    return Tail(size, version, data)


# --- what filesystems are and say -------------------------------------------------------------------------------------


def _missing(fs: Any, *methods: str) -> list[str]:
    return [method for method in methods if not callable(getattr(fs, method, None))]


def _lacks(fs: Any, missing: list[str]) -> TypeError:
    return TypeError(
        f"an object of type {type(fs).__name__!r} is no filesystem to read from: it lacks {' and '.join(missing)}; "
        "pass an fsspec filesystem, or an object with size(path) and cat_file(path, start=, end=)"
    )


def _is_async(fs: Any) -> bool:
    # The class is asked, because caches pass questions on to the filesystem that they wrap. The directory filesystem
    # is asynchronous if what it wraps is.
    inner = getattr(fs, "fs", None)
    return getattr(type(fs), "async_impl", False) and (inner is None or _is_async(inner))


def _serial_part(fs: Any) -> Any:
    """Return of a filesystem, or of the one whose folder it shows, what must not be asked twice at a time, or None."""
    if not SERIAL.isdisjoint(protocols(fs)):
        return fs
    return _serial_part(fs.fs) if "dir" in protocols(fs) else None


def _belongs_here(fs: Any) -> bool:
    """Whether coroutines of a filesystem can run on the running loop: its connections belong to one loop."""
    if not hasattr(fs, "asynchronous"):
        return True
    loop = asyncio.get_running_loop()
    if fs.asynchronous:
        return vars(fs).setdefault("_omfiles_loop", loop) is loop
    return fs.loop is loop


def _fresh(fs: Any, info: Callable[..., Any], path: str) -> dict[str, bool]:
    """Return what `info` must be told, so that it asks the store and not an older listing of the folder."""
    if "refresh" in inspect.signature(info).parameters:
        return {"refresh": True}
    if getattr(fs, "dircache", None):
        fs.invalidate_cache(path)
    return {}


def _size_and_version(info: Mapping[str, Any], name: str) -> tuple[int, Hashable | None]:
    if info.get("type") == "directory":
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), name)
    size = info.get("size")
    if size is None:
        raise OmReadError("the store does not tell the size of the file, which is needed to read it", path=name)
    version = next((info[key] for key in TAGS if info.get(key)), None)
    if version is None:
        version = next(((info[key], size) for key in TIMES if info.get(key)), None)
    return int(size), version
