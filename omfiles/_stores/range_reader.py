# SPDX-License-Identifier: MIT
"""What the reader needs of a store: `RangeReader`. Whoever implements it can be read from."""

from __future__ import annotations

import abc
import asyncio
import contextlib
from collections.abc import AsyncGenerator, Generator, Hashable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from omfiles._stores.concurrency import MAX_THREADS, as_completed_async, in_thread

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["RangeReader", "Tail"]


class Tail(NamedTuple):
    """The end of a file, and what the store said about the whole."""

    size: int
    """Size of the file in bytes."""
    version: Hashable | None
    """What identifies its content; None if the store does not tell."""
    data: Buffer
    """Its last bytes."""


class RangeReader(abc.ABC):
    """One file of some store, read by byte ranges.

    Subclasses must have `name`, `size` and `read_ranges`; the other methods have defaults made from these, which
    a store that knows better overrides. Exceptions of the store pass through unchanged. A reply that is too short
    or too long is noticed by the caller. Readers may be used by several threads at once; they pickle, and work
    after a fork.

    Attributes
    ----------
    name : str
        What messages call the file.

    Examples
    --------
    >>> from omfiles.io import RangeReader
    >>> class Memory(RangeReader):
    ...     name = "memory"
    ...
    ...     def __init__(self, content):
    ...         self.content = content
    ...
    ...     def size(self):
    ...         return len(self.content)
    ...
    ...     def read_ranges(self, ranges, *, concurrency):
    ...         for index, (start, stop) in enumerate(ranges):
    ...             yield index, self.content[start:stop]
    >>> Memory(b"some bytes").tail(5)
    Tail(size=10, version=None, data=b'bytes')
    """

    name: str

    @abc.abstractmethod
    def size(self) -> int:
        """Ask for the size of the file in bytes."""

    @abc.abstractmethod
    def read_ranges(
        self, ranges: Sequence[tuple[int, int]], *, concurrency: int
    ) -> Generator[tuple[int, Buffer], None, None]:
        """Read ranges of bytes.

        Parameters
        ----------
        ranges : sequence of (int, int)
            Start and stop of each; none is empty.
        concurrency : int
            Most ranges that are under way, or here and not yet consumed: a slow consumer bounds what is in memory.

        Yields
        ------
        tuple of int and bytes-like
            Index into `ranges`, and the bytes; in the order of arrival. Closing the generator cancels the rest.
        """

    def read_ranges_async(
        self, ranges: Sequence[tuple[int, int]], *, concurrency: int
    ) -> AsyncGenerator[tuple[int, Buffer], None]:
        """Read ranges as `read_ranges` does, without blocking the event loop. The default uses threads."""

        def read(start: int, stop: int) -> asyncio.Future[Buffer]:
            return asyncio.wrap_future(in_thread(self._read, start, stop))

        return as_completed_async(read, ranges, min(concurrency, MAX_THREADS))

    def version(self) -> Hashable | None:
        """Ask for what identifies the content at this moment, such as an ETag; None if the store does not tell."""
        return None

    async def version_async(self) -> Hashable | None:
        """Ask as `version` does, without blocking the event loop."""
        return await asyncio.wrap_future(in_thread(self.version))

    def tail(self, n: int) -> Tail:
        """Read the last `n` bytes, or all if there are fewer; in one round trip where the store can."""
        version = self.version()
        size = self.size()
        start = max(0, size - n)
        return Tail(size, version, self._read(start, size) if size > 0 else b"")

    async def tail_async(self, n: int) -> Tail:
        """Read as `tail` does, without blocking the event loop."""
        return await asyncio.wrap_future(in_thread(self.tail, n))

    def _read(self, start: int, stop: int) -> Buffer:
        with contextlib.closing(self.read_ranges([(start, stop)], concurrency=1)) as replies:
            return next((data for _, data in replies), b"")  # a missing reply is seen as a short one
