# SPDX-License-Identifier: MIT
"""What is in an array, in a few numbers; read part by part."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from omfiles._chunk_grid import boxes, grid
from omfiles._reading.reader import OmFileReader
from omfiles._tools.stored_chunks import chunk_sizes

__all__ = ["Statistics", "statistics"]

PART_BYTES = 32 << 20
"""Bytes that are decoded at a time, unless a chunk is larger."""


class Statistics(NamedTuple):
    """What `statistics` found."""

    minimum: Any
    """Of what is not NaN, like `maximum` and `mean`; None if all are NaN."""
    maximum: Any
    mean: float | None
    n_values: int
    """With those that are NaN."""
    n_nan: int
    nbytes: int
    """Decoded."""
    nbytes_stored: int
    n_chunks: int
    smallest_chunk: int
    """Bytes in the file, like `median_chunk` and `largest_chunk`."""
    median_chunk: float
    largest_chunk: int


def statistics(reader: OmFileReader, *, progress: Callable[[int], None] | None = None) -> Statistics:
    """Read an array and sum it up. It need not fit in memory: needed are some 100 MiB, and 8 bytes a chunk.

    Parameters
    ----------
    reader : OmFileReader
        Of an array.
    progress : callable, optional
        Called with the number of decoded bytes that were read since the last call.

    Examples
    --------
    >>> import numpy as np, omfiles
    >>> omfiles.save("rain.om", np.array([[0.5, np.nan], [2, 3.5]], "f4"), name="rain")
    >>> found = statistics(omfiles.open("rain.om"))
    >>> float(found.minimum), float(found.maximum), found.mean, found.n_nan
    (0.5, 3.5, 2.0, 1)
    """
    sizes = chunk_sizes(reader)
    lows, highs, sums = [], [], []
    n_nan = 0
    for box in boxes(reader.shape, reader.chunks, PART_BYTES // reader.dtype.itemsize):
        part = reader[box]
        n_bytes = part.nbytes
        if part.dtype.kind == "f":
            isnan = np.isnan(part)
            n_here = int(np.count_nonzero(isnan))
            n_nan += n_here
            if n_here:
                part = part[~isnan]
        if part.size:
            lows.append(part.min())
            highs.append(part.max())
            with np.errstate(invalid="ignore", over="ignore"):  # infinities of both signs, for example
                sums.append(float(part.sum(dtype=np.float64)))
        if progress is not None:
            progress(n_bytes)
    n_valid = reader.size - n_nan
    return Statistics(
        minimum=min(lows, default=None),
        maximum=max(highs, default=None),
        mean=_mean(sums, n_valid),
        n_values=reader.size,
        n_nan=n_nan,
        nbytes=reader.nbytes,
        nbytes_stored=int(sizes.sum()),
        n_chunks=math.prod(grid(reader.shape, reader.chunks)),
        smallest_chunk=int(sizes.min()),
        median_chunk=float(np.median(sizes)),
        largest_chunk=int(sizes.max()),
    )


def _mean(sums: list[float], n_values: int) -> float | None:
    if n_values == 0:
        return None
    if all(map(math.isfinite, sums)):
        return math.fsum(sums) / n_values
    return sum(sums) / n_values  # with infinities of both signs it is NaN, where fsum raises
