# SPDX-License-Identifier: MIT
"""What read plans need of a file in a store, as batches: first look-up tables, then chunks, decoded as they arrive."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from omfiles._stores.remote_file import Batch, RemoteFile

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["ChunkPlan", "chunk_batches"]

Offsets = npt.NDArray[np.uint64]

WINDOW_CHUNKS = 1 << 17
"""Chunks of one read that are located at a time: with their ranges they take a few megabytes."""


class ChunkPlan(Protocol):
    """What is to be done with the chunks of an array, as `omfiles._native.read_plan.ReadPlan` explains."""

    @property
    def n_chunks(self) -> int: ...

    def groups(self, first: int, last: int) -> Offsets: ...

    def group_range(self, number: int) -> tuple[int, int]: ...

    def locate(self, first: int, last: int, groups: dict[int, Buffer]) -> tuple[Offsets, Offsets]: ...

    def decode(self, first: int, last: int, starts: Offsets, stops: Offsets, source: Buffer, offset: int) -> None: ...


Span = tuple[ChunkPlan, int, int]
"""Chunks [first, last) of a plan, as (plan, first, last)."""


def chunk_batches(file: RemoteFile, plans: Sequence[ChunkPlan]) -> Iterator[Batch]:
    """Fill the results of plans. A round trip for look-up tables that are not here, and one for the chunks."""
    for spans in _windows(plans):
        groups = [
            {number: plan.group_range(number) for number in plan.groups(first, last).tolist()}
            for plan, first, last in spans
        ]
        found = yield from file.loading([range_ for ranges in groups for range_ in ranges.values()], checked=False)
        located = [
            plan.locate(first, last, {number: found[range_] for number, range_ in ranges.items()})
            for (plan, first, last), ranges in zip(spans, groups, strict=True)
        ]
        yield _decoding(spans, located)


def _windows(plans: Sequence[ChunkPlan]) -> Iterator[list[Span]]:
    """Cut plans into spans of chunks, and join these to windows that are read together."""
    window: list[Span] = []
    room = WINDOW_CHUNKS
    for plan in plans:
        first = 0
        while first < plan.n_chunks:
            last = min(plan.n_chunks, first + room)
            window.append((plan, first, last))
            room -= last - first
            first = last
            if room == 0:
                yield window
                window, room = [], WINDOW_CHUNKS
    if window:
        yield window


def _decoding(spans: Sequence[Span], located: Sequence[tuple[Offsets, Offsets]]) -> Batch:
    """Make the batch that decodes the chunks of spans, which lie at the starts and stops in `located`."""
    ends = list(accumulate(last - first for _, first, last in spans))

    def consume(members: npt.NDArray[np.intp], data: Buffer, offset: int) -> None:
        # Chunks of one span that follow one another, as most do, are decoded in one call.
        breaks = np.flatnonzero(np.diff(members) != 1) + 1
        for run in np.split(members, breaks):
            begin, end = int(run[0]), int(run[-1]) + 1
            while begin < end:
                i = bisect_right(ends, begin)
                plan, first, last = spans[i]
                origin = ends[i] - (last - first)
                stop = min(end, ends[i])
                starts, stops = located[i]
                inside = slice(begin - origin, stop - origin)
                plan.decode(first + inside.start, first + inside.stop, starts[inside], stops[inside], data, offset)
                begin = stop

    starts = np.concatenate([starts for starts, _ in located])
    stops = np.concatenate([stops for _, stops in located])
    return Batch(starts, stops, consume)
