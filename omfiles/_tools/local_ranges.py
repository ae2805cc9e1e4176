# SPDX-License-Identifier: MIT
"""Local files read by ranges as those of stores are, for what goes through whole files wherever they lie."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from omfiles._native.source import Source, open_source
from omfiles._stores.coalesce import FetchOptions, fetch_options
from omfiles._stores.range_reader import RangeReader, Tail
from omfiles._stores.remote_file import RemoteFile

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["open_ranges"]


class _LocalRanges(RangeReader):
    """A local file, or memory."""

    def __init__(self, source: Source) -> None:
        self.name = source.name or "<memory>"
        self._source = source

    def size(self) -> int:
        return self._source.size

    def read_ranges(
        self, ranges: Sequence[tuple[int, int]], *, concurrency: int
    ) -> Generator[tuple[int, Buffer], None, None]:
        for index, (start, stop) in enumerate(ranges):
            yield index, self._source.read_range(start, stop)


def open_ranges(
    source: Any, storage_options: Mapping[str, Any] | None = None, fetch: FetchOptions | None = None
) -> RemoteFile:
    """Open what `OmFileReader` takes, without a look at what is in it.

    Parameters
    ----------
    source : object
        A path, a URL, a file of fsspec, the content of a file, and so on.
    storage_options : mapping, optional
        For the filesystem of a URL.
    fetch : FetchOptions, optional
        How many requests of which size are sent.
    """
    opened = open_source(source, storage_options, fetch)
    if opened.remote is not None:
        return opened.remote
    options = fetch_options(fetch)
    ranges = _LocalRanges(opened)
    return RemoteFile(ranges, options, Tail(opened.size, None, ranges.tail(options.tail).data))
