# SPDX-License-Identifier: MIT
"""Selections by index arrays and masks, split into basic reads (integers and slices). Pure functions.

A piece of a selection is a *box*: a basic key that is read into a temporary array, from which the wanted elements
are taken. Boxes follow the chunk grid, so that a chunk is decoded once, and are at most ``BOX_LIMIT`` elements, so that
the temporary stays small. The first rule gives way to the second: where the wanted elements of one chunk span more
than the limit, the chunk is read once for each part.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator, Sequence
from itertools import pairwise, product
from typing import Any, NamedTuple

import numpy as np

__all__ = ["BOX_LIMIT", "orthogonal", "pointwise"]

BOX_LIMIT = 2**19
"""Most elements of a box: 4 MiB of the widest type."""

Piece = tuple[tuple[Any, ...], Any, Any]


def orthogonal(
    key: Any, shape: Sequence[int], chunks: Sequence[int], limit: int = BOX_LIMIT
) -> tuple[tuple[int, ...], Iterator[Piece]]:
    """Split an orthogonal selection, where the item of each dimension selects on its own.

    Parameters
    ----------
    key : int, slice, ellipsis, 1-d sequence of int, 1-d mask, or a tuple of them
        An integer drops its dimension. Slices have any step. A mask has the length of its dimension. Dimensions that
        are not given are taken whole.
    shape, chunks : sequence of int
        Of the array to select from.
    limit : int
        Most elements of a box.

    Returns
    -------
    out_shape : tuple of int
    pieces : iterator of (basic_key, out_index, take_index)
        For each of them do ``out[out_index] = read(basic_key)[take_index]``. A selection that slices alone can
        express is a single piece whose two indices are ``...``, and can be read straight into ``out``.

    Examples
    --------
    >>> array = np.arange(20).reshape(4, 5)
    >>> out_shape, pieces = orthogonal(([3, 0], slice(1, 4)), array.shape, chunks=(2, 2))
    >>> out = np.empty(out_shape, array.dtype)
    >>> for basic_key, out_index, take_index in pieces:
    ...     out[out_index] = array[basic_key][take_index]
    >>> out
    array([[16, 17, 18],
           [ 1,  2,  3]])
    """
    axes = [_axis(item, axis, shape[axis]) for axis, item in enumerate(_expand(key, len(shape)))]
    kept = [axis for axis in axes if not isinstance(axis, int)]
    out_shape = tuple(len(axis) for axis in kept)
    if 0 in out_shape:
        return out_shape, iter(())
    if not any(isinstance(axis, np.ndarray) for axis in kept):
        basic_key = tuple(_as_slice(axis) if isinstance(axis, range) else axis for axis in axes)
        return out_shape, iter([(basic_key, ..., ...)])
    return out_shape, _orthogonal_pieces(axes, chunks, limit)


def pointwise(
    key: Any, shape: Sequence[int], chunks: Sequence[int], limit: int = BOX_LIMIT
) -> tuple[tuple[int, ...], Iterator[Piece]]:
    """Split a selection of single elements.

    Parameters
    ----------
    key : tuple of int and integer arrays, or a mask
        One item for each dimension; they are broadcast against each other. Or one boolean array of the whole shape.
    shape, chunks : sequence of int
        Of the array to select from.
    limit : int
        Most elements of a box.

    Returns
    -------
    out_shape : tuple of int
    pieces : iterator of (basic_key, positions, take_index)
        For each of them do ``out.reshape(-1)[positions] = read(basic_key)[take_index]``.

    Examples
    --------
    >>> array = np.arange(20).reshape(4, 5)
    >>> out_shape, pieces = pointwise(([3, 0, 3], [-1, 0, 1]), array.shape, chunks=(2, 2))
    >>> out = np.empty(out_shape, array.dtype)
    >>> for basic_key, positions, take_index in pieces:
    ...     out[positions] = array[basic_key][take_index]
    >>> out
    array([19,  0, 16])
    """
    out_shape, points = _points(key, shape)
    if 0 in out_shape:
        return out_shape, iter(())
    return out_shape, _point_pieces(points, shape, chunks, limit)


# --- from what the user wrote to ranges and arrays of non-negative indices -------------------------------------------


def _expand(key: Any, ndim: int) -> list[Any]:
    """One item for each dimension: the ellipsis, or what is missing at the end, becomes full slices."""
    items = list(key) if isinstance(key, tuple) else [key]
    ellipses = [i for i, item in enumerate(items) if item is Ellipsis]
    if len(ellipses) > 1:
        raise ValueError("an index can only have a single ellipsis ('...')")
    given = len(items) - len(ellipses)
    if given > ndim:
        raise IndexError(f"too many indices for array: array is {ndim}-dimensional, but {given} were indexed")
    at = ellipses[0] if ellipses else len(items)
    return items[:at] + [slice(None)] * (ndim - given) + items[at + 1 :]


def _axis(item: Any, axis: int, size: int) -> int | range | np.ndarray:
    """An integer, a range, or an array of indices, all in [0, size)."""
    if isinstance(item, slice):
        return range(*item.indices(size))
    try:
        index = operator.index(item)
    except TypeError:
        pass
    else:
        return int(_in_bounds(np.asarray(index), axis, size))
    array = _as_array(item, axis)
    if array.ndim != 1:
        raise IndexError(f"axis {axis}: an index array of oindex must be 1-dimensional, got {array.ndim} dimensions")
    if array.dtype == bool:
        if len(array) != size:
            raise IndexError(
                f"boolean index did not match indexed array along axis {axis}; "
                f"size of axis is {size} but size of corresponding boolean axis is {len(array)}"
            )
        array = np.flatnonzero(array)
    return _as_range(_in_bounds(array, axis, size))


def _as_array(item: Any, axis: int) -> np.ndarray:
    array = np.asarray(item)
    if array.size == 0 and not isinstance(item, np.ndarray):
        array = array.astype(np.int64)  # numpy makes float64 of an empty list
    if array.dtype.kind not in "iub":
        what = f"an array of {array.dtype}" if isinstance(item, np.ndarray) else repr(item)
        raise IndexError(f"axis {axis}: expected an integer, integers or a mask, got {what}")
    return array


def _in_bounds(array: np.ndarray, axis: int, size: int) -> np.ndarray:
    """The indices as int64 with negative ones wrapped."""
    if array.size and (array.min() < -size or array.max() >= size):
        bad = array[(array < -size) | (array >= size)].flat[0]
        raise IndexError(f"index {bad} is out of bounds for axis {axis} with size {size}")
    array = array.astype(np.int64)
    array[array < 0] += size
    return array


def _as_range(array: np.ndarray) -> range | np.ndarray:
    """Evenly spaced indices as a range: slices read faster than arrays."""
    if len(array) == 0:
        return range(0)
    first = int(array[0])
    step = int(array[1]) - first if len(array) > 1 else 1
    if step == 0 or np.any(np.diff(array) != step):
        return array
    return range(first, first + len(array) * step, step)


def _as_slice(indices: range) -> slice:
    stop = indices.stop if indices.stop >= 0 else None
    return slice(indices.start, stop, indices.step)


def _points(key: Any, shape: Sequence[int]) -> tuple[tuple[int, ...], list[np.ndarray]]:
    """The shape of the result, and for each dimension the indices of all points."""
    items = [_as_array(item, axis) for axis, item in enumerate(key if isinstance(key, tuple) else (key,))]
    if len(items) == 1 and items[0].dtype == bool:
        mask = items[0]
        if mask.shape != tuple(shape):
            raise IndexError(f"a mask for vindex needs the shape of the array, {tuple(shape)}, but has {mask.shape}")
        points = list(np.nonzero(mask))
        return points[0].shape, points
    if len(items) != len(shape):
        raise IndexError(
            f"vindex needs integers or an integer array for each of {len(shape)} dimensions, got {len(items)}"
        )
    for axis, item in enumerate(items):
        if item.dtype == bool:
            raise IndexError(
                f"axis {axis}: vindex takes one mask of the whole shape, {tuple(shape)}, or integer arrays"
            )
    wrapped = [_in_bounds(item, axis, shape[axis]) for axis, item in enumerate(items)]
    try:
        broadcast = np.broadcast_arrays(*wrapped)
    except ValueError:
        shapes = " ".join(str(item.shape) for item in items)
        raise IndexError(
            f"shape mismatch: indexing arrays could not be broadcast together with shapes {shapes}"
        ) from None
    return broadcast[0].shape, [array.reshape(-1) for array in broadcast]


# --- from indices to boxes --------------------------------------------------------------------------------------------


class _Part(NamedTuple):
    """What a piece takes along one dimension."""

    key: slice
    out: slice | np.ndarray
    take: slice | np.ndarray


def _orthogonal_pieces(axes: list[Any], chunks: Sequence[int], limit: int) -> Iterator[Piece]:
    kept = [(axis, chunk) for axis, chunk in zip(axes, chunks, strict=True) if not isinstance(axis, int)]
    extents = _extents([_span(axis) for axis, _ in kept], [chunk for _, chunk in kept], limit)
    parts = [
        list((_range_parts if isinstance(axis, range) else _array_parts)(axis, chunk, extent))
        for (axis, chunk), extent in zip(kept, extents, strict=True)
    ]
    rest = iter(parts)
    keys = [[axis] if isinstance(axis, int) else [part.key for part in next(rest)] for axis in axes]
    outs = _outer([[part.out for part in axis_parts] for axis_parts in parts])
    takes = _outer([[part.take for part in axis_parts] for axis_parts in parts])
    return zip(product(*keys), product(*outs), product(*takes), strict=True)


def _span(axis: range | np.ndarray) -> int:
    """Elements from the first to the last that is wanted, as a box holds them."""
    return len(axis) if isinstance(axis, range) else int(axis.max()) - int(axis.min()) + 1


def _extents(spans: list[int], chunks: Sequence[int], limit: int) -> list[int]:
    """Extents of a box of at most `limit` elements: some whole chunks, or a part of one that is too large.

    Boxes grow from the last dimension on, along which chunks lie side by side in the file, and are cut along the
    first ones, so that the reader of a part can stop early in the chunk.
    """
    cells = [min(span, chunk) for span, chunk in zip(spans, chunks, strict=True)]
    extents = list(chunks)
    size = math.prod(cells)
    for d, cell in enumerate(cells):
        if size > limit:
            extents[d] = max(1, cell * limit // size)
            size = size // cell * extents[d]
    for d in reversed(range(len(cells))):
        if extents[d] == chunks[d] < spans[d]:
            factor = max(1, limit // size)
            extents[d] *= factor
            size *= factor
    return extents


def _block_start(index: Any, chunk: int, extent: int) -> Any:
    """Start of the block that holds an index. Blocks are as many whole chunks as `extent` holds, or parts of one."""
    if extent >= chunk:
        block = extent // chunk * chunk
        return index // block * block
    return index - index % chunk % extent


def _block_stop(start: int, chunk: int, extent: int) -> int:
    if extent >= chunk:
        return start + extent // chunk * chunk
    return min(start + extent, start - start % chunk + chunk)


def _range_parts(indices: range, chunk: int, extent: int) -> Iterator[_Part]:
    """Parts of at most `extent` elements, hence of `extent * step` indices, that end with a block."""
    step = abs(indices.step)
    begin = 0
    while begin < len(indices):
        index = indices[begin]
        start = _block_start(index, chunk, extent * step)
        room = index - start if indices.step < 0 else _block_stop(start, chunk, extent * step) - 1 - index
        end = min(begin + room // step + 1, len(indices))
        yield _Part(_as_slice(indices[begin:end]), slice(begin, end), slice(0, end - begin))
        begin = end


def _array_parts(indices: np.ndarray, chunk: int, extent: int) -> Iterator[_Part]:
    """Parts end with a block, and where a chunk without wanted elements follows."""
    order = None if np.all(indices[1:] >= indices[:-1]) else np.argsort(indices, kind="stable")
    ascending = indices if order is None else indices[order]
    ends = (np.diff(_block_start(ascending, chunk, extent)) != 0) | (np.diff(ascending // chunk) > 1)
    bounds = [0, *(np.flatnonzero(ends) + 1).tolist(), len(indices)]
    for begin, end in pairwise(bounds):
        start, last = int(ascending[begin]), int(ascending[end - 1])
        out = slice(begin, end) if order is None else order[begin:end]
        yield _Part(slice(start, last + 1), out, ascending[begin:end] - start)


def _outer(axes: list[list[slice | np.ndarray]]) -> list[list[Any]]:
    """Reshape the items of each dimension, so that one of each makes an index that applies them independently.

    numpy keeps the order of dimensions if arrays are neighbours, so slices between two arrays become arrays.
    """
    arrays = [d for d, items in enumerate(axes) if not isinstance(items[0], slice)]
    if not arrays:
        return axes
    first, last = arrays[0], arrays[-1]
    outer = list(axes)
    for d in range(first, last + 1):
        along = (-1, *(1,) * (last - d))
        outer[d] = [
            (np.arange(item.start, item.stop) if isinstance(item, slice) else item).reshape(along) for item in axes[d]
        ]
    return outer


def _point_pieces(points: list[np.ndarray], shape: Sequence[int], chunks: Sequence[int], limit: int) -> Iterator[Piece]:
    extents = _extents(list(chunks), chunks, limit)
    number = np.zeros(len(points[0]), np.int64)  # of the block
    for index, size, chunk, extent in zip(points, shape, chunks, extents, strict=True):
        parts = -(-chunk // extent)
        number = number * (-(-size // chunk) * parts) + index // chunk * parts + index % chunk // extent
    order = np.argsort(number, kind="stable")
    begins = np.append(0, np.flatnonzero(np.diff(number[order])) + 1)
    ends = np.append(begins[1:], len(order))

    takes, slices = [], []
    for index in points:
        ascending = index[order]
        starts = np.minimum.reduceat(ascending, begins)
        stops = np.maximum.reduceat(ascending, begins) + 1
        takes.append(ascending - np.repeat(starts, ends - begins))
        slices.append(map(slice, starts.tolist(), stops.tolist()))
    for basic_key, begin, end in zip(zip(*slices), begins.tolist(), ends.tolist()):
        yield basic_key, order[begin:end], tuple(take[begin:end] for take in takes)
