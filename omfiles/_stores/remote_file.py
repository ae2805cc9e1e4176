# SPDX-License-Identifier: MIT
"""An opened file of a store: its size, its version, its end, a cache of ranges, and reads as batches of requests.

Generators of `Batch`es say what must be fetched, and do no I/O themselves. `RemoteFile.run` and `RemoteFile.run_async`
fetch for them, so that synchronous and asynchronous reading are the same but for the waiting.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Generator, Hashable, Iterable, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from omfiles._stores.coalesce import FetchOptions, coalesce_ranges
from omfiles._stores.concurrency import in_thread, wait
from omfiles._stores.range_reader import RangeReader, Tail
from omfiles.errors import OmError, OmReadError

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["Batch", "MissingRanges", "RemoteFile", "complete"]

T = TypeVar("T")
Range = tuple[int, int]

CACHE_SIZE = 32 << 20
"""Bytes of ranges that are cached for one file: records, look-up tables."""


class Batch(NamedTuple):
    """Ranges of a file that are needed, and what is done with them."""

    starts: npt.NDArray[np.uint64]
    stops: npt.NDArray[np.uint64]
    consume: Callable[[npt.NDArray[np.intp], Buffer, int], None]
    """Called with the indices of some ranges, and bytes that cover them from some offset of the file on."""
    checked: bool = True
    """Whether the version of the file must be looked at. Not if another batch of the same read follows."""


class MissingRanges(Exception):
    """Bytes are needed that are not here, and the caller may not be blocked until they are."""

    def __init__(self, ranges: Sequence[Range]) -> None:
        super().__init__(ranges)
        self.ranges = ranges


# If set, `RemoteFile.load` raises `MissingRanges` instead of fetching, and finds here what was fetched since.
_prefetched: ContextVar[dict[Range, Buffer] | None] = ContextVar("_prefetched", default=None)


class RemoteFile:
    """A file of a store, shared by all readers of its variables.

    Parameters
    ----------
    reader : RangeReader
        Where its bytes come from.
    options : FetchOptions
        How they are fetched.
    tail : Tail
        What opening it brought.
    """

    def __init__(self, reader: RangeReader, options: FetchOptions, tail: Tail) -> None:
        wanted, got = min(tail.size, options.tail), len(memoryview(tail.data))
        if got != wanted:
            raise _wrong_length(reader, tail.size - wanted, wanted, got)
        self.reader = reader
        self.options = options
        self.name = reader.name
        self.size = tail.size
        self.tail = tail.data
        self.version = tail.version
        self._cache: OrderedDict[Range, bytes] = OrderedDict()
        self._cached = 0
        self._lock = threading.Lock()

    @classmethod
    def open(cls, reader: RangeReader, options: FetchOptions) -> RemoteFile:
        """Open a file: one round trip where the store can."""
        return cls(reader, options, reader.tail(options.tail))

    @classmethod
    async def open_async(cls, reader: RangeReader, options: FetchOptions) -> RemoteFile:
        """Open a file without blocking the event loop."""
        return cls(reader, options, await reader.tail_async(options.tail))

    def __reduce__(self) -> Any:
        return RemoteFile.open, (self.reader, self.options)

    # --- bytes ---------------------------------------------------------------------------------------------------

    def load(self, ranges: Sequence[Range]) -> list[Buffer]:
        """Return bytes that are worth caching, such as records. What is not here is fetched together."""
        found, missing = self._look_up(ranges)
        prefetched = _prefetched.get()
        if prefetched is not None:
            found.update((range_, prefetched[range_]) for range_ in missing if range_ in prefetched)
            missing = [range_ for range_ in missing if range_ not in found]
            if missing:
                raise MissingRanges(missing)
        if missing:
            self.run([self._caching(missing, found)])
        return [found[range_] for range_ in ranges]

    def loading(self, ranges: Iterable[Range], *, checked: bool) -> Generator[Batch, None, dict[Range, Buffer]]:
        """Do what `load` does, as part of a read that consists of batches; returns the bytes of each range."""
        found, missing = self._look_up(ranges)
        if missing:
            yield self._caching(missing, found, checked)
        return found

    def fetch(self, starts: npt.NDArray[np.uint64], stops: npt.NDArray[np.uint64]) -> list[memoryview]:
        """Fetch the bytes of ranges, and do not cache them."""
        found: dict[int, memoryview] = {}

        def consume(members: npt.NDArray[np.intp], data: Buffer, offset: int) -> None:
            view = memoryview(data)
            for i in members.tolist():
                found[i] = view[int(starts[i]) - offset : int(stops[i]) - offset]

        self.run([Batch(starts, stops, consume)])
        return [found[i] for i in range(len(starts))]

    def _look_up(self, ranges: Iterable[Range]) -> tuple[dict[Range, Buffer], list[Range]]:
        """Return what is in the tail or in the cache, and what is missing."""
        tail_start = self.size - len(memoryview(self.tail))
        found: dict[Range, Buffer] = {}
        missing: dict[Range, None] = {}
        with self._lock:
            for start, stop in ranges:
                if start >= tail_start:
                    found[start, stop] = memoryview(self.tail)[start - tail_start : stop - tail_start]
                elif start == stop:
                    found[start, stop] = b""
                elif (start, stop) in self._cache:
                    self._cache.move_to_end((start, stop))
                    found[start, stop] = self._cache[start, stop]
                else:
                    missing[start, stop] = None
        return found, list(missing)

    def _caching(self, ranges: Sequence[Range], found: dict[Range, Buffer], checked: bool = True) -> Batch:
        """Make the batch that puts the bytes of ranges into `found` and into the cache."""

        def consume(members: npt.NDArray[np.intp], data: Buffer, offset: int) -> None:
            view = memoryview(data)
            for start, stop in (ranges[i] for i in members.tolist()):
                content = bytes(view[start - offset : stop - offset])
                found[start, stop] = content
                self._cache_range((start, stop), content)

        starts_and_stops = np.array(ranges, np.uint64).reshape(-1, 2)
        return Batch(starts_and_stops[:, 0], starts_and_stops[:, 1], consume, checked)

    def _cache_range(self, range_: Range, content: bytes) -> None:
        with self._lock:
            if range_ not in self._cache:
                self._cache[range_] = content
                self._cached += len(content)
            while self._cached > CACHE_SIZE and self._cache:  # an interrupt may have left the sum too large
                self._cached -= len(self._cache.popitem(last=False)[1])

    # --- fetching ------------------------------------------------------------------------------------------------

    def run(self, batches: Iterable[Batch]) -> None:
        """Fetch for batches, one after another, and consume replies while others are under way."""
        try:
            for batch in batches:
                fetch = _Fetch(self, batch)
                check = in_thread(self.reader.version) if fetch.check_is_due() else None
                replies = self.reader.read_ranges(fetch.ranges, concurrency=fetch.concurrency)
                with contextlib.closing(replies):
                    for index, data in replies:
                        fetch.consume(index, data)
                        if check is None and fetch.check_is_due():
                            check = in_thread(self.reader.version)
                fetch.finish()
                if check is not None:
                    self._compare(wait(check))
        except OmError:
            self._compare(self.reader.version())  # if the file is another one by now, nothing else is to be said
            raise

    async def run_async(self, batches: Iterable[Batch]) -> None:
        """Fetch as `run` does, without blocking the event loop; batches are consumed in threads."""
        check: asyncio.Future[Hashable | None] | None = None
        try:
            iterator = iter(batches)
            while (batch := await asyncio.to_thread(next, iterator, None)) is not None:
                fetch = _Fetch(self, batch)
                check = asyncio.ensure_future(self.reader.version_async()) if fetch.check_is_due() else None
                replies = self.reader.read_ranges_async(fetch.ranges, concurrency=fetch.concurrency)
                async with contextlib.aclosing(replies):
                    async for index, data in replies:
                        await asyncio.to_thread(fetch.consume, index, data)
                        if check is None and fetch.check_is_due():
                            check = asyncio.ensure_future(self.reader.version_async())
                fetch.finish()
                if check is not None:
                    self._compare(await check)
        except OmError:
            self._compare(await self.reader.version_async())
            raise
        finally:
            if check is not None:
                check.cancel()

    def _compare(self, version: Hashable | None) -> None:
        if version != self.version:
            raise OmReadError(
                f"the file changed while it was being read: its version was {self.version!r}, now it is {version!r}; "
                "open it again",
                path=self.name,
            )


class _Fetch:
    """The requests of one batch, and which of them are unanswered."""

    def __init__(self, file: RemoteFile, batch: Batch) -> None:
        self._reader = file.reader
        self._batch = batch
        self._checked = batch.checked and file.version is not None
        self._requests = coalesce_ranges(batch.starts, batch.stops, file.options)
        self.ranges = self._requests.ranges()
        self.concurrency = self._requests.concurrency(file.options)
        self._unanswered = set(range(len(self.ranges)))

    def check_is_due(self) -> bool:
        """Whether it is time to ask for the version: when the last request is on its way.

        Sooner, a change in the middle would go unnoticed; later, it would cost a round trip.
        """
        return self._checked and len(self._unanswered) <= self.concurrency

    def consume(self, index: int, data: Buffer) -> None:
        if index not in self._unanswered:
            raise OmReadError(f"the store answered request {index} twice, or was not asked", path=self._reader.name)
        start, stop = self.ranges[index]
        if len(memoryview(data)) != stop - start:
            raise _wrong_length(self._reader, start, stop - start, len(memoryview(data)))
        self._batch.consume(self._requests.members(index), data, start)
        self._unanswered.remove(index)

    def finish(self) -> None:
        if self._unanswered:
            start, stop = self.ranges[min(self._unanswered)]
            raise OmReadError(
                f"the store did not answer for {stop - start} bytes", path=self._reader.name, offset=start
            )


def _wrong_length(reader: RangeReader, offset: int, wanted: int, got: int) -> OmReadError:
    return OmReadError(f"the store sent {got} bytes where {wanted} were asked for", path=reader.name, offset=offset)


async def complete(file: RemoteFile, function: Callable[[], T]) -> T:
    """Return what a function returns that only loads records, fetching what it misses without blocking the loop."""
    prefetched: dict[Range, Buffer] = {}
    while True:
        token = _prefetched.set(prefetched)
        try:
            return function()
        except MissingRanges as missing:
            ranges = missing.ranges
        finally:
            _prefetched.reset(token)
        await file.run_async([file._caching(ranges, prefetched)])
