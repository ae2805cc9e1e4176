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
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain, pairwise, product
from typing import Any, NamedTuple

import numpy as np

__all__ = ["BOX_LIMIT", "arrange", "orthogonal", "pointwise"]

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
    return _independent(axes, chunks, limit)


def pointwise(
    key: Any, shape: Sequence[int], chunks: Sequence[int], limit: int = BOX_LIMIT
) -> tuple[tuple[int, ...], tuple[int, ...], Iterator[Piece]]:
    """Split a selection of single elements.

    Dimensions that turn out to be independent of all others, such as time when series at some places are wanted, are
    read as slices.

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
    axes : tuple of int
        Axes of the result in the order in which pieces have them; see `arrange`.
    pieces : iterator of (basic_key, out_index, take_index)
        For each of them do ``arrange(out, axes)[out_index] = read(basic_key)[take_index]``.

    Examples
    --------
    >>> array = np.arange(20).reshape(4, 5)
    >>> out_shape, axes, pieces = pointwise(([3, 0, 3], [-1, 0, 1]), array.shape, chunks=(2, 2))
    >>> out = np.empty(out_shape, array.dtype)
    >>> for basic_key, out_index, take_index in pieces:
    ...     arrange(out, axes)[out_index] = array[basic_key][take_index]
    >>> out
    array([19,  0, 16])
    """
    out_shape, indices = _points(key, shape)
    if 0 in out_shape:
        return out_shape, tuple(range(len(out_shape))), iter(())
    collapsed = [_collapse(index) for index in indices]
    if np.broadcast_shapes(*(index.shape for index in collapsed)) == out_shape:  # not if all points are the same
        indices = collapsed
    varying = [[axis for axis, extent in enumerate(index.shape) if extent > 1] for index in indices]
    used = Counter(chain.from_iterable(varying))
    alone = [len(axes) == 1 and used[axes[0]] == 1 for axes in varying]
    if all(alone[dim] or not axes for dim, axes in enumerate(varying)):
        items = [_as_range(index.reshape(-1)) if axes else index.item() for index, axes in zip(indices, varying)]
        _, pieces = _independent(items, chunks, limit)
        return out_shape, tuple(chain.from_iterable(varying)), pieces

    runs: dict[int, range] = {}
    for dim, index in enumerate(indices):
        run = _as_range(index.reshape(-1)) if alone[dim] else index
        if isinstance(run, range):
            runs[dim] = run
    run_axes = [varying[dim][0] for dim in runs]
    point_axes = [axis for axis in sorted(used) if axis not in run_axes]
    point_shape = [out_shape[axis] for axis in point_axes]
    points = {
        dim: np.broadcast_to(index.reshape([index.shape[axis] for axis in point_axes]), point_shape).reshape(-1)
        for dim, index in enumerate(indices)
        if dim not in runs
    }
    # numpy puts the axis of points where their dimensions are if these are neighbours, else first.
    dims = list(points)
    before = dims[0] if dims[-1] - dims[0] == len(dims) - 1 else 0
    pieces = _point_pieces(points, point_shape, runs, before, shape, chunks, limit)
    return out_shape, (*run_axes[:before], *point_axes, *run_axes[before:]), pieces


def arrange(out: np.ndarray, axes: Sequence[int]) -> np.ndarray:
    """View an array with its axes in another order. Those that are not given have a length of 1, and are left out."""
    rest = [axis for axis in range(out.ndim) if axis not in axes]
    return out.transpose(*axes, *rest).reshape([out.shape[axis] for axis in axes])


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
        if not -size <= index < size:
            raise IndexError(f"index {index} is out of bounds for axis {axis} with size {size}")
        return index % size
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
    """The shape of the result, and for each dimension an array of indices that can be broadcast to it."""
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
        out_shape = np.broadcast_shapes(*(index.shape for index in wrapped))
    except ValueError:
        shapes = " ".join(str(item.shape) for item in items)
        raise IndexError(
            f"shape mismatch: indexing arrays could not be broadcast together with shapes {shapes}"
        ) from None
    return out_shape, [index.reshape((1,) * (len(out_shape) - index.ndim) + index.shape) for index in wrapped]


def _collapse(index: np.ndarray) -> np.ndarray:
    """Shorten to 1 the axes along which indices do not differ."""
    for axis, extent in enumerate(index.shape):
        if extent > 1:
            first = index.take([0], axis)
            if np.all(index == first):
                index = first
    return index


# --- from indices to boxes --------------------------------------------------------------------------------------------


class _Part(NamedTuple):
    """What a piece takes along one dimension."""

    key: slice
    out: slice | np.ndarray
    take: slice | np.ndarray


def _independent(
    axes: Sequence[int | range | np.ndarray], chunks: Sequence[int], limit: int
) -> tuple[tuple[int, ...], Iterator[Piece]]:
    """Split a selection where each dimension selects on its own."""
    kept = [axis for axis in axes if not isinstance(axis, int)]
    out_shape = tuple(len(axis) for axis in kept)
    if 0 in out_shape:
        return out_shape, iter(())
    if not any(isinstance(axis, np.ndarray) for axis in kept):
        basic_key = tuple(_as_slice(axis) if isinstance(axis, range) else axis for axis in axes)
        return out_shape, iter([(basic_key, ..., ...)])
    return out_shape, _orthogonal_pieces(axes, chunks, limit)


def _orthogonal_pieces(axes: Sequence[Any], chunks: Sequence[int], limit: int) -> Iterator[Piece]:
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


def _point_pieces(
    points: dict[int, np.ndarray],
    point_shape: Sequence[int],
    runs: dict[int, range],
    before: int,
    shape: Sequence[int],
    chunks: Sequence[int],
    limit: int,
) -> Iterator[Piece]:
    """Pieces of points along some dimensions, by dimension, and of runs along the others.

    The result has the axes of the first `before` runs, those of the points, and those of the other runs.
    """
    extents = _extents([len(runs.get(dim, range(chunk))) for dim, chunk in enumerate(chunks)], chunks, limit)
    number = np.zeros(math.prod(point_shape), np.int64)  # of the block
    for dim, index in points.items():
        parts = -(-chunks[dim] // extents[dim])
        number *= -(-shape[dim] // chunks[dim]) * parts
        number += index // chunks[dim] * parts + index % chunks[dim] // extents[dim]
    order = np.argsort(number, kind="stable")
    begins = np.append(0, np.flatnonzero(np.diff(number[order])) + 1)
    ends = np.append(begins[1:], len(order))

    places = np.unravel_index(order, point_shape)
    takes, slices = {}, {}
    for dim, index in points.items():
        ascending = index[order]
        starts = np.minimum.reduceat(ascending, begins)
        stops = np.maximum.reduceat(ascending, begins) + 1
        takes[dim] = ascending - np.repeat(starts, ends - begins)
        slices[dim] = list(map(slice, starts.tolist(), stops.tolist()))
    of_runs = list(product(*(list(_range_parts(run, chunks[dim], extents[dim])) for dim, run in runs.items())))
    for block, (begin, end) in enumerate(zip(begins.tolist(), ends.tolist())):
        key = {dim: of_dim[block] for dim, of_dim in slices.items()}
        take = {dim: of_dim[begin:end] for dim, of_dim in takes.items()}
        place = tuple(along[begin:end] for along in places)
        for combination in of_runs:
            key.update((dim, part.key) for dim, part in zip(runs, combination))
            take.update((dim, part.take) for dim, part in zip(runs, combination))
            outs = tuple(part.out for part in combination)
            yield (
                tuple(key[dim] for dim in range(len(shape))),
                (*outs[:before], *place, *outs[before:]),
                tuple(take[dim] for dim in range(len(shape))),
            )
