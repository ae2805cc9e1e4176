# SPDX-License-Identifier: MIT
"""An opened file of a store: what is known of it, and reads as batches of requests.

What must be fetched is said by generators of `Batch`es, which do no I/O. `RemoteFile.run` and `RemoteFile.run_async`
fetch for them, so that synchronous and asynchronous reading are the same but for the waiting.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextvars import ContextVar
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from omfiles._stores.coalesce import FetchOptions, plan_requests
from omfiles._stores.concurrency import in_thread, wait
from omfiles._stores.range_reader import RangeReader, Tail
from omfiles.errors import OmError, OmReadError

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["Batch", "ChunkPlan", "NotHere", "RemoteFile", "complete"]

T = TypeVar("T")
Range = tuple[int, int]

CACHE_SIZE = 32 << 20
"""Bytes of records and look-up tables that are kept for one file."""
WINDOW_CHUNKS = 1 << 17
"""Chunks of one read that are located at a time: with their places they take a few megabytes."""


class Batch(NamedTuple):
    """Ranges of a file that are needed, and what is done with them."""

    starts: npt.NDArray[np.uint64]
    stops: npt.NDArray[np.uint64]
    consume: Callable[[npt.NDArray[np.intp], Buffer, int], None]
    """Called with the indices of some ranges, and bytes that cover them from some offset of the file on."""
    checked: bool = True
    """Whether the version of the file must be looked at. Not if another batch of the same read follows."""


class ChunkPlan(Protocol):
    """What is to be done with the chunks of an array, as `omfiles._native.read_plan.ReadPlan` explains."""

    @property
    def n_chunks(self) -> int: ...

    def groups(self, first: int, last: int) -> npt.NDArray[np.uint64]: ...

    def group_range(self, number: int) -> tuple[int, int]: ...

    def locate(
        self, first: int, last: int, groups: dict[int, Buffer]
    ) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]: ...

    def decode(
        self,
        first: int,
        last: int,
        starts: npt.NDArray[np.uint64],
        stops: npt.NDArray[np.uint64],
        source: Buffer,
        offset: int,
    ) -> None: ...


class NotHere(Exception):
    """Bytes are needed that are not here and may not be waited for."""

    def __init__(self, ranges: Sequence[Range]) -> None:
        super().__init__(ranges)
        self.ranges = ranges


# If set, `RemoteFile.take` raises `NotHere` instead of fetching, and finds here what was fetched since.
_at_hand: ContextVar[dict[Range, Buffer] | None] = ContextVar("_at_hand", default=None)


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

    # --- records and look-up tables ------------------------------------------------------------------------------

    def take(self, ranges: Sequence[Range]) -> list[Buffer]:
        """Return the bytes of records, fetched together if they are not here yet."""
        found, missing = self._peek(ranges)
        at_hand = _at_hand.get()
        if at_hand is not None:
            found.update((range_, at_hand[range_]) for range_ in missing if range_ in at_hand)
            missing = [range_ for range_ in missing if range_ not in found]
            if missing:
                raise NotHere(missing)
        if missing:
            self.run(self._fetch(missing, found))
        return [found[range_] for range_ in ranges]

    def _peek(self, ranges: Iterable[Range]) -> tuple[dict[Range, Buffer], list[Range]]:
        """Return what is here, and what is not."""
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

    def _keep(self, range_: Range, content: bytes) -> None:
        with self._lock:
            if range_ not in self._cache:
                self._cache[range_] = content
                self._cached += len(content)
            while self._cached > CACHE_SIZE and self._cache:  # an interrupt may have left the sum too large
                self._cached -= len(self._cache.popitem(last=False)[1])

    def _fetch(self, ranges: Sequence[Range], found: dict[Range, Buffer], checked: bool = True) -> Iterator[Batch]:
        """Put the bytes of ranges into `found`, and keep them."""

        def consume(members: npt.NDArray[np.intp], data: Buffer, offset: int) -> None:
            view = memoryview(data)
            for start, stop in (ranges[i] for i in members.tolist()):
                content = bytes(view[start - offset : stop - offset])
                found[start, stop] = content
                self._keep((start, stop), content)

        places = np.array(ranges, np.uint64).reshape(-1, 2)
        yield Batch(places[:, 0], places[:, 1], consume, checked)

    # --- data ----------------------------------------------------------------------------------------------------

    def read(self, plans: Sequence[ChunkPlan]) -> Iterator[Batch]:
        """Fill the results of plans. A round trip for look-up tables that are not here, and one for the chunks."""
        for parts in _windows(plans):
            groups = [plan.groups(first, last).tolist() for plan, first, last in parts]
            places = [
                {number: plan.group_range(number) for number in numbers}
                for (plan, _, _), numbers in zip(parts, groups, strict=True)
            ]
            found, missing = self._peek(range_ for part in places for range_ in part.values())
            if missing:
                yield from self._fetch(missing, found, checked=False)
            located = [
                plan.locate(first, last, {number: found[range_] for number, range_ in part.items()})
                for (plan, first, last), part in zip(parts, places, strict=True)
            ]
            yield _decoding(parts, located)

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
        self._requests = plan_requests(batch.starts, batch.stops, file.options)
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


def _windows(plans: Sequence[ChunkPlan]) -> Iterator[list[tuple[ChunkPlan, int, int]]]:
    """Split plans into parts, (plan, first chunk, last chunk), that are read together."""
    parts: list[tuple[ChunkPlan, int, int]] = []
    room = WINDOW_CHUNKS
    for plan in plans:
        first = 0
        while first < plan.n_chunks:
            last = min(plan.n_chunks, first + room)
            parts.append((plan, first, last))
            room -= last - first
            first = last
            if room == 0:
                yield parts
                parts, room = [], WINDOW_CHUNKS
    if parts:
        yield parts


def _decoding(
    parts: Sequence[tuple[ChunkPlan, int, int]],
    located: Sequence[tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]],
) -> Batch:
    """Make the batch that decodes the chunks of some parts of plans."""
    ends = list(accumulate(last - first for _, first, last in parts))

    def consume(members: npt.NDArray[np.intp], data: Buffer, offset: int) -> None:
        # Chunks of one part that follow one another, as most do, are decoded in one call.
        breaks = np.flatnonzero(np.diff(members) != 1) + 1
        for run in np.split(members, breaks):
            begin, end = int(run[0]), int(run[-1]) + 1
            while begin < end:
                i = bisect_right(ends, begin)
                plan, first, last = parts[i]
                origin = ends[i] - (last - first)
                stop = min(end, ends[i])
                starts, stops = located[i]
                span = slice(begin - origin, stop - origin)
                plan.decode(first + span.start, first + span.stop, starts[span], stops[span], data, offset)
                begin = stop

    starts = np.concatenate([starts for starts, _ in located])
    stops = np.concatenate([stops for _, stops in located])
    return Batch(starts, stops, consume)


async def complete(file: RemoteFile, function: Callable[[], T]) -> T:
    """Return what a function returns that only reads records, fetching what it misses without blocking the loop."""
    at_hand: dict[Range, Buffer] = {}
    while True:
        token = _at_hand.set(at_hand)
        try:
            return function()
        except NotHere as missing:
            ranges = missing.ranges
        finally:
            _at_hand.reset(token)
        await file.run_async(file._fetch(ranges, at_hand))
