# SPDX-License-Identifier: MIT
"""From wanted ranges of bytes to requests: a pure function, and the options that steer it."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["FetchOptions", "Requests", "coalesce_ranges", "fetch_options"]

UInt64Array = npt.NDArray[np.uint64]
LARGEST_OFFSET = 2**64 - 1


@dataclass(frozen=True, slots=True)
class FetchOptions:
    """How a remote file is fetched.

    The defaults come from what requests cost. S3 answers after 20 to 400 ms and then sends 50 to 90 MB/s per
    connection. Through s3fs a request also keeps the processor busy for some 4 ms (1.5 ms through fsspec's http,
    0.7 ms through obstore), and that only one at a time.

    Parameters
    ----------
    max_gap : int
        Ranges that are at most so many bytes apart are fetched together, and the gap is thrown away. With many
        requests under way they share the latency, but not the processor; in 4 ms 70 MB/s transfer 280 kB. Hence
        256 KiB. Smaller ones suit slow lines: 32 KiB at 10 MB/s.
    max_size : int
        Largest request that several ranges are put into; a single range is never cut. 4 MiB take 60 ms, so that the
        latency is a minor part, and large reads still become several requests that arrive side by side and are
        decoded while others are under way. A map of 400 x 400 points that lies in 10,000 adjacent chunks of 810 bytes
        takes 2 requests instead of 10,000, and 100 points anywhere in it take about 4.
    concurrency : int
        Most requests under way at a time for one read, so that 100 chunks far apart from each other take the time of
        one. The store may allow less: s3fs opens 10 connections, unless it is made with
        ``config_kwargs={"max_pool_connections": 128}``; of a synchronous store 32 threads wait.
    max_in_flight : int
        Most bytes under way, or arrived and not yet decoded, at a time for one read, unless a single request is larger:
        64 MiB, that is 16 requests of 4 MiB, which fill a line of 10 Gbit/s.
    tail : int
        Bytes at the end of a file that are fetched when it is opened. There lie the trailer and the records of all
        variables: 60 variables with 4 attributes each take some 20 kB. 64 KiB take 1 ms.
    """

    max_gap: int = 256 << 10
    max_size: int = 4 << 20
    concurrency: int = 128
    max_in_flight: int = 64 << 20
    tail: int = 64 << 10

    def __post_init__(self) -> None:
        for name, least in [("max_gap", 0), ("max_size", 1), ("concurrency", 1), ("max_in_flight", 1), ("tail", 64)]:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int):
                raise TypeError(f"{name} must be an int, not {value!r}")
            if value < least:
                raise ValueError(f"{name} must be at least {least}, not {value}")


def fetch_options(fetch: FetchOptions | None) -> FetchOptions:
    """Return the options that a user has given, or else the defaults."""
    if fetch is None:
        return FetchOptions()
    if not isinstance(fetch, FetchOptions):
        raise TypeError(f"fetch must be an omfiles.io.FetchOptions, not {fetch!r}")
    return fetch


@dataclass(frozen=True, slots=True)
class Requests:
    """Requests that together cover all wanted ranges.

    Attributes
    ----------
    starts, stops : numpy.ndarray
        Bytes of each request, in the order of the file.
    order : numpy.ndarray
        Indices of the wanted ranges, by request.
    splits : numpy.ndarray
        Request `i` covers the wanted ranges ``order[splits[i]:splits[i + 1]]``.
    """

    starts: UInt64Array
    stops: UInt64Array
    order: npt.NDArray[np.intp]
    splits: npt.NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.starts)

    def ranges(self) -> list[tuple[int, int]]:
        """Start and stop of each request."""
        return list(zip(self.starts.tolist(), self.stops.tolist(), strict=True))

    def members(self, request: int) -> npt.NDArray[np.intp]:
        """Indices of the wanted ranges that a request covers."""
        return self.order[self.splits[request] : self.splits[request + 1]]

    def concurrency(self, options: FetchOptions) -> int:
        """How many of these requests may be under way at a time."""
        if len(self) == 0:
            return 1
        largest = int((self.stops - self.starts).max())
        return max(1, min(options.concurrency, options.max_in_flight // largest))


def coalesce_ranges(starts: npt.ArrayLike, stops: npt.ArrayLike, options: FetchOptions) -> Requests:
    """Decide which requests to send for ranges of bytes.

    Parameters
    ----------
    starts, stops : array_like of int
        The wanted ranges, in any order; they may overlap or be the same, but none is empty. Of ranges that overlap
        or are the same, no byte is fetched twice unless `options.max_size` separates them.
    options : FetchOptions
        Their `max_gap` and `max_size` count here.

    Returns
    -------
    Requests
        A request that covers more than `options.max_size` bytes covers one wanted range, and those inside of it.

    Examples
    --------
    >>> requests = coalesce_ranges([1000, 0, 10, 10], [1100, 10, 20, 20], FetchOptions(max_gap=100))
    >>> requests.ranges(), requests.members(0).tolist()
    ([(0, 20), (1000, 1100)], [1, 2, 3])
    """
    starts = np.asarray(starts, np.uint64)
    stops = np.asarray(stops, np.uint64)
    if starts.shape != stops.shape or starts.ndim != 1:
        raise ValueError(f"starts and stops must be as many, in one dimension; they have {starts.shape}, {stops.shape}")
    empty = np.flatnonzero(starts >= stops)
    if len(empty):
        first = empty[0]
        raise ValueError(f"a range must stop after its start: range {first} is {starts[first]} ... {stops[first]}")
    # Of ranges with one start the shortest comes first, so that equal ones are neighbours. Chunks are sorted already.
    ascending = bool((starts[1:] > starts[:-1]).all())
    order = np.arange(len(starts)) if ascending else np.lexsort((stops, starts))
    sorted_starts = starts[order]
    ends = np.maximum.accumulate(stops[order])  # of all ranges so far

    # Where a gap is too wide a new request begins. Unsigned differences are right only behind the end.
    gap = sorted_starts[1:] - ends[:-1]
    cut = (sorted_starts[1:] > ends[:-1]) & (gap > np.uint64(min(options.max_gap, LARGEST_OFFSET)))
    splits = np.concatenate(([0], np.flatnonzero(cut) + 1, [len(order)])) if len(order) else np.zeros(1, np.intp)
    too_large = np.flatnonzero(ends[splits[1:] - 1] - sorted_starts[splits[:-1]] > options.max_size)
    if len(too_large):
        cuts = [splits]
        for first, last in zip(splits[too_large].tolist(), splits[too_large + 1].tolist(), strict=True):
            inside = _split(sorted_starts[first:last].tolist(), ends[first:last].tolist(), options.max_size)
            cuts.append(first + np.array(inside, np.intp))
        splits = np.sort(np.concatenate(cuts))
    return Requests(sorted_starts[splits[:-1]], ends[splits[1:] - 1], order, splits)


def _split(starts: list[int], ends: list[int], max_size: int) -> list[int]:
    """Where to cut ranges that lie close to each other: as late as `max_size` allows."""
    cuts: list[int] = []
    first = 0
    while True:
        # Ranges inside of the first one come for free, even if that is larger.
        limit = max(starts[first] + max_size, ends[first])
        first = bisect_right(ends, limit, lo=first)
        if first == len(ends):
            return cuts
        cuts.append(first)
