# SPDX-License-Identifier: MIT
"""The chunk grid as pure functions: checking shapes, choosing chunks, boxes of whole chunks.

The grid numbers chunks in C order; a chunk at the upper edge of a dimension holds what is left there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from math import prod
from operator import index
from typing import Any

import numpy as np

__all__ = [
    "ArgumentError",
    "auto_chunks",
    "boxes",
    "check_chunks",
    "check_shape",
    "covered_chunks",
    "element_index",
    "preferred_chunks",
    "shown",
]

Shape = tuple[int, ...]

AUTO_BYTES = 64 << 10
PREFERRED_BYTES = 32 << 20
"""Bytes of a chunk of dask or zarr, unless a chunk of the file is larger: enough to outweigh what a task costs, and
many fit into memory."""


class ArgumentError(ValueError, RuntimeError):
    """A wrong argument; both ``except ValueError`` and ``except RuntimeError`` catch it."""


def _integers(values: Any, what: str) -> Shape:
    if isinstance(values, (str, bytes)) or not isinstance(values, (Sequence, np.ndarray)):
        raise TypeError(f"{what} must be a sequence of integers, not {values!r}")
    try:
        numbers = tuple(map(index, values))
    except TypeError:
        raise TypeError(f"{what} must be a sequence of integers, not {values!r}") from None
    for axis, number in enumerate(numbers):
        if number < 0:
            raise OverflowError(f"{what} must be at least 1, but axis {axis} has {number}")
        if number == 0:
            raise ArgumentError(f"{what} must be at least 1 (Dimension must be larger than 0), but axis {axis} has 0")
    return numbers


def check_shape(dimensions: Any) -> Shape:
    """Return the shape of an array that a file can hold as a tuple, or say what is wrong with it.

    Examples
    --------
    >>> check_shape([721, 1440])
    (721, 1440)
    """
    shape = _integers(dimensions, "dimensions")
    if not shape:
        raise ArgumentError("an array needs at least one dimension (Dimension must be larger than 0); use write_scalar")
    for axis, extent in enumerate(shape):
        if extent >= 2**63:
            raise ArgumentError(f"dimensions must be below 2**63, but axis {axis} has {shown(extent)}")
    return shape


def shown(value: Any) -> str:
    """Return what messages show of an argument: an integer may have too many digits."""
    huge = isinstance(value, int) and value.bit_length() > 128
    return f"an integer of {value.bit_length()} bits" if huge else repr(value)


def check_chunks(chunks: Any, shape: Shape, itemsize: int) -> Shape:
    """Return the chunk lengths, clipped to the shape, or say what is wrong with them.

    Examples
    --------
    >>> check_chunks([20, 2000], (721, 1440), 4)
    (20, 1440)
    """
    if isinstance(chunks, str) and chunks == "auto":
        return auto_chunks(shape, itemsize)
    lengths = _integers(chunks, 'chunks, if not "auto",')
    if len(lengths) != len(shape):
        raise ArgumentError(
            f"chunks has a wrong number of elements: {len(lengths)} for an array of {len(shape)} dimensions"
        )
    return tuple(map(min, lengths, shape))


def auto_chunks(shape: Sequence[int], itemsize: int) -> Shape:
    """Choose chunk lengths of at most 64 KiB a chunk before compression.

    Reading a time series and reading a map should both decode little data that is not needed, so all lengths become
    about equal, whatever the number of dimensions. Starting from the whole array, the
    longest length is halved (rounded up) until a chunk fits. The last dimension counts half: neighbours in it
    compress best and lie together in memory. Halving leaves chunks of nearly equal size, without slivers at the edge.

    64 KiB decode in some ten microseconds and compress to some ten kilobytes: small beside the latency of a remote
    request, and large enough that the look-up table (a few bytes a chunk) stays small.

    Parameters
    ----------
    shape : sequence of int
        Extents of the array.
    itemsize : int
        Bytes of an element.

    Examples
    --------
    >>> from omfiles import auto_chunks
    >>> auto_chunks((721, 1440), 4)
    (91, 180)
    >>> auto_chunks((240, 37, 49), 4)
    (15, 19, 49)
    >>> auto_chunks((20, 30), 4)
    (20, 30)
    """
    lengths = [int(extent) for extent in shape]
    weights = [2] * (len(lengths) - 1) + [1]
    while prod(lengths) * itemsize > AUTO_BYTES:
        axis = max(range(len(lengths)), key=lambda i: lengths[i] * weights[i] if lengths[i] > 1 else 0)
        lengths[axis] = (lengths[axis] + 1) // 2
    return tuple(lengths)


def grid(shape: Shape, chunks: Shape) -> Shape:
    """Return the number of chunks along each dimension.

    Examples
    --------
    >>> grid((5, 8), (2, 4))
    (3, 2)
    """
    return tuple(-(-extent // chunk) for extent, chunk in zip(shape, chunks, strict=True))


def _unravel(number: int, shape: Shape) -> Shape:
    result = []
    for extent in reversed(shape):
        number, rest = divmod(number, extent)
        result.append(rest)
    return tuple(reversed(result))


def element_index(shape: Shape, chunks: Shape, chunk: int, offset: int) -> Shape:
    """Return the index in the array of an element that is number `offset`, in C order, of chunk number `chunk`.

    Examples
    --------
    >>> element_index((5, 8), (2, 4), chunk=3, offset=5)
    (3, 5)
    """
    start = tuple(map(int.__mul__, _unravel(chunk, grid(shape, chunks)), chunks))
    clipped = tuple(min(c, n - s) for c, n, s in zip(chunks, shape, start, strict=True))
    return tuple(map(int.__add__, start, _unravel(offset, clipped)))


def covered_chunks(shape: Shape, chunks: Shape, chunk: int, item: Shape) -> int:
    """Return how many chunks an item of a stream covers that begins with chunk number `chunk`.

    An item must cover whole chunks that follow one another in the grid: in some dimension any number of chunks, in
    those before it one, in those behind it all. Otherwise the error says where the item begins and what would fit.

    Examples
    --------
    >>> covered_chunks((6, 8), (2, 4), 0, (2, 4))
    1
    >>> covered_chunks((6, 8), (2, 4), 2, (4, 8))
    4
    """
    if len(item) != len(shape):
        raise ArgumentError(
            f"it has a wrong number of elements in its shape {item}: the array has {len(shape)} dimensions"
        )
    cells = grid(shape, chunks)
    if chunk >= prod(cells):
        raise ArgumentError(f"the array of shape {shape} is complete already")
    at = _unravel(chunk, cells)
    start = tuple(map(int.__mul__, at, chunks))
    room = tuple(map(int.__sub__, shape, start))
    counts = [-(-n // c) for n, c in zip(item, chunks, strict=True)]
    whole = all(0 < n <= r and (n == r or n % c == 0) for n, r, c in zip(item, room, chunks, strict=True))
    split = next((i for i, count in enumerate(counts) if count > 1), len(counts))
    if not whole or counts[split + 1 :] != list(cells[split + 1 :]):
        one = tuple(map(min, chunks, room))
        raise ArgumentError(
            f"its shape {item} does not fit at index {start} of the array of shape {shape}: right would be one chunk "
            f"of shape {one}, or several whole chunks that follow one another in C order"
        )
    return prod(counts)


def boxes(shape: Shape, chunks: Shape, max_elements: int) -> Iterator[tuple[slice, ...]]:
    """Split an array into boxes of whole chunks in the order of the file, of at most `max_elements`, or of one
    chunk where that is larger.

    Examples
    --------
    >>> for box in boxes((4, 8), (2, 4), 16):
    ...     print(box)
    (slice(0, 2, None), slice(0, 8, None))
    (slice(2, 4, None), slice(0, 8, None))
    """
    steps = list(chunks)
    for axis in reversed(range(len(shape))):
        others = prod(steps) // steps[axis]
        steps[axis] = min(shape[axis], max(1, max_elements // (others * chunks[axis])) * chunks[axis])
        if steps[axis] < shape[axis]:
            break
    for start in product(*(range(0, n, step) for n, step in zip(shape, steps, strict=True))):
        yield tuple(slice(s, min(s + step, n)) for s, step, n in zip(start, steps, shape, strict=True))


def preferred_chunks(
    shape: Sequence[int], chunks: Sequence[int], itemsize: int, max_bytes: int = PREFERRED_BYTES
) -> Shape:
    """Join neighbouring chunks, the last dimension first as they lie in the file, to chunks that are worth a task.

    Parameters
    ----------
    shape, chunks : sequence of int
        Of an array.
    itemsize : int
        Bytes of an element.
    max_bytes : int
        Whole chunks are added until it would be exceeded, so that the result has more than half of it.

    Examples
    --------
    >>> preferred_chunks((1441, 2879, 181), (1, 5, 181), itemsize=4)
    (16, 2879, 181)
    """
    joined = list(chunks)
    n_bytes = max(1, prod(chunks) * itemsize)
    for axis in reversed(range(len(joined))):
        if n_bytes * 2 > max_bytes:
            break
        grown = min(shape[axis], chunks[axis] * (max_bytes // n_bytes))
        n_bytes = n_bytes // max(1, chunks[axis]) * grown
        joined[axis] = grown
    return tuple(joined)
