# SPDX-License-Identifier: MIT
"""Selections by index arrays and masks, split into basic reads (integers and slices). Pure functions.

A subselection reads a *box* by a basic key, and picks the wanted elements from it. Boxes follow the chunk grid, so that
a chunk is decoded once. They have at most ``BOX_LIMIT`` elements, so that a box stays small in memory. The first rule
gives way to the second: where the wanted elements of one chunk span more than the limit, it is read once for each box.
"""

from __future__ import annotations

import math
import operator
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain, pairwise, product, starmap
from typing import Any, NamedTuple

import numpy as np

__all__ = ["BOX_LIMIT", "FancySelection", "Subselection", "as_slice", "orthogonal", "pointwise", "select_axes"]

BOX_LIMIT = 2**19
"""Most elements of a box: 4 MiB of the widest type."""


class Subselection(NamedTuple):
    """A part of a selection that one basic read serves: do ``view[out_index] = read(key)[box_index]``.

    Where both indices are ``...``, `key` can be read straight into ``view``; there are no other subselections then.
    """

    key: tuple[Any, ...]
    out_index: Any
    box_index: Any


class FancySelection(NamedTuple):
    """A selection by index arrays and masks.

    Attributes
    ----------
    shape : tuple of int
        Of the result.
    axes : tuple of int
        Axes of the result in the order in which subselections have them.
    subselections : iterator of Subselection
        What to read into ``selection.view(out)``.
    missing : ndarray of bool, optional
        Elements of the result whose indices are masked. They are NaN, whatever subselections read there.
    """

    shape: tuple[int, ...]
    axes: tuple[int, ...]
    subselections: Iterator[Subselection]
    missing: np.ndarray | None = None

    def view(self, out: np.ndarray) -> np.ndarray:
        """View a result with its axes in the order of subselections. Axes of length 1 may be left out."""
        if self.axes == tuple(range(out.ndim)):
            return out
        rest = [axis for axis in range(out.ndim) if axis not in self.axes]
        return out.transpose(*self.axes, *rest).reshape([out.shape[axis] for axis in self.axes])


def orthogonal(key: Any, shape: Sequence[int], chunks: Sequence[int], limit: int = BOX_LIMIT) -> FancySelection:
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

    Examples
    --------
    >>> array = np.arange(20).reshape(4, 5)
    >>> selection = orthogonal(([3, 0], slice(1, 4)), array.shape, chunks=(2, 2))
    >>> out = np.empty(selection.shape, array.dtype)
    >>> for key, out_index, box_index in selection.subselections:
    ...     selection.view(out)[out_index] = array[key][box_index]
    >>> out
    array([[16, 17, 18],
           [ 1,  2,  3]])
    """
    items = select_axes(key, shape)
    out_shape = tuple(len(item) for item in items if not isinstance(item, int))
    subselections = iter(()) if 0 in out_shape else _independent(items, chunks, limit)
    return FancySelection(out_shape, tuple(range(len(out_shape))), subselections)


def pointwise(key: Any, shape: Sequence[int], chunks: Sequence[int], limit: int = BOX_LIMIT) -> FancySelection:
    """Split a selection of single elements.

    Dimensions that turn out to be independent of all others, such as time when series at some points are wanted, are
    read as slices.

    Parameters
    ----------
    key : tuple of int and integer arrays, or a mask
        One item for each dimension; they are broadcast against each other. Or one boolean array of the whole shape.
        Integer arrays may be masked.
    shape, chunks : sequence of int
        Of the array to select from.
    limit : int
        Most elements of a box.

    Examples
    --------
    >>> array = np.arange(20).reshape(4, 5)
    >>> selection = pointwise(([3, 0, 3], [-1, 0, 1]), array.shape, chunks=(2, 2))
    >>> out = np.empty(selection.shape, array.dtype)
    >>> for key, out_index, box_index in selection.subselections:
    ...     selection.view(out)[out_index] = array[key][box_index]
    >>> out
    array([19,  0, 16])
    """
    key, missing = _unmasked(key)
    if missing is not None:
        selection = pointwise(key, shape, chunks, limit)
        return selection._replace(missing=np.broadcast_to(missing, selection.shape))
    out_shape, indices = _broadcast_indices(key, shape)
    if 0 in out_shape:
        return FancySelection(out_shape, tuple(range(len(out_shape))), iter(()))
    collapsed = [_collapse(index) for index in indices]
    if np.broadcast_shapes(*(index.shape for index in collapsed)) == out_shape:  # not if all points are the same
        indices = collapsed
    varying = [[axis for axis, extent in enumerate(index.shape) if extent > 1] for index in indices]
    used = Counter(chain.from_iterable(varying))
    alone = [len(axes) == 1 and used[axes[0]] == 1 for axes in varying]
    if all(alone[dim] or not axes for dim, axes in enumerate(varying)):
        items = [_as_range(index.reshape(-1)) if axes else index.item() for index, axes in zip(indices, varying)]
        return FancySelection(out_shape, tuple(chain.from_iterable(varying)), _independent(items, chunks, limit))

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
    axes = (*run_axes[:before], *point_axes, *run_axes[before:])
    return FancySelection(out_shape, axes, _points_and_runs(points, point_shape, runs, before, shape, chunks, limit))


# --- from what the user wrote to ranges and arrays of non-negative indices -------------------------------------------


def select_axes(key: Any, shape: Sequence[int]) -> list[int | range | np.ndarray]:
    """What a key selects along each dimension; indices are not negative.

    Examples
    --------
    >>> select_axes((..., slice(None, None, -2)), (3, 4))
    [range(0, 3), range(3, -1, -2)]
    """
    return [_axis(item, axis, shape[axis]) for axis, item in enumerate(_expand(key, len(shape)))]


def _expand(key: Any, ndim: int) -> list[Any]:
    """One item for each dimension: the ellipsis, or what is missing at the end, becomes full slices."""
    items = list(key) if isinstance(key, tuple) else [key]
    ellipses = [i for i, item in enumerate(items) if item is Ellipsis]
    if len(ellipses) > 1:
        raise ValueError("an index can have only one ellipsis ('...')")
    given = len(items) - len(ellipses)
    if given > ndim:
        raise IndexError(f"too many indices: the array has {ndim} dimensions, but {given} were indexed")
    at = ellipses[0] if ellipses else len(items)
    return items[:at] + [slice(None)] * (ndim - given) + items[at + 1 :]


def _axis(item: Any, axis: int, size: int) -> int | range | np.ndarray:
    """An integer, a range, or an array of indices, all in [0, size)."""
    if isinstance(item, slice):
        return range(*item.indices(size))
    _refuse_bool(item, axis)
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


def _refuse_bool(item: Any, axis: int) -> None:
    if isinstance(item, bool | np.bool_):
        raise IndexError(
            f"axis {axis}: {item} is no index; a mask has a value for each element, and int() makes an index of a bool"
        )


def _as_array(item: Any, axis: int) -> np.ndarray:
    _refuse_bool(item, axis)
    if isinstance(item, np.ma.MaskedArray):
        raise IndexError(f"axis {axis}: masked indices are for vindex, which gives NaN where they are masked")
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


def as_slice(indices: range) -> slice:
    stop = indices.stop if indices.stop >= 0 else None
    return slice(indices.start, stop, indices.step)


def _unmasked(key: Any) -> tuple[Any, np.ndarray | None]:
    """Replace masked indices by others of the same array, and tell which elements of the result they are."""
    items = key if isinstance(key, tuple) else (key,)
    if not any(isinstance(item, np.ma.MaskedArray) for item in items):
        return key, None
    missing: Any = False
    filled = []
    for item in items:
        if isinstance(item, np.ma.MaskedArray):
            missing = missing | np.ma.getmaskarray(item)
            item = item.filled(item.compressed()[0] if item.count() else 0)
        filled.append(item)
    return tuple(filled), np.asarray(missing) if np.any(missing) else None


def _broadcast_indices(key: Any, shape: Sequence[int]) -> tuple[tuple[int, ...], list[np.ndarray]]:
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


class _AxisPart(NamedTuple):
    """What a subselection reads along one dimension."""

    key: slice
    out: slice | np.ndarray
    box: slice | np.ndarray


def _independent(
    items: Sequence[int | range | np.ndarray], chunks: Sequence[int], limit: int
) -> Iterator[Subselection]:
    """Split a selection where each dimension selects on its own, and something."""
    if not any(isinstance(item, np.ndarray) for item in items):
        key = tuple(as_slice(item) if isinstance(item, range) else item for item in items)
        return iter([Subselection(key, ..., ...)])
    return _boxes(items, chunks, limit)


def _boxes(items: Sequence[Any], chunks: Sequence[int], limit: int) -> Iterator[Subselection]:
    kept = [(item, chunk) for item, chunk in zip(items, chunks, strict=True) if not isinstance(item, int)]
    extents = _extents([_span(item) for item, _ in kept], [chunk for _, chunk in kept], limit)
    parts = [
        list((_range_parts if isinstance(item, range) else _array_parts)(item, chunk, extent))
        for (item, chunk), extent in zip(kept, extents, strict=True)
    ]
    rest = iter(parts)
    keys = [[item] if isinstance(item, int) else [part.key for part in next(rest)] for item in items]
    outs = _outer([[part.out for part in axis_parts] for axis_parts in parts])
    boxes = _outer([[part.box for part in axis_parts] for axis_parts in parts])
    return starmap(Subselection, zip(product(*keys), product(*outs), product(*boxes), strict=True))


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


def _range_parts(indices: range, chunk: int, extent: int) -> Iterator[_AxisPart]:
    """Parts of at most `extent` elements, hence of `extent * step` indices, that end with a block."""
    step = abs(indices.step)
    begin = 0
    while begin < len(indices):
        index = indices[begin]
        start = _block_start(index, chunk, extent * step)
        room = index - start if indices.step < 0 else _block_stop(start, chunk, extent * step) - 1 - index
        end = min(begin + room // step + 1, len(indices))
        yield _AxisPart(as_slice(indices[begin:end]), slice(begin, end), slice(0, end - begin))
        begin = end


def _array_parts(indices: np.ndarray, chunk: int, extent: int) -> Iterator[_AxisPart]:
    """Parts end with a block, and where a chunk without wanted elements follows."""
    order = None if np.all(indices[1:] >= indices[:-1]) else np.argsort(indices, kind="stable")
    ascending = indices if order is None else indices[order]
    ends = (np.diff(_block_start(ascending, chunk, extent)) != 0) | (np.diff(ascending // chunk) > 1)
    bounds = [0, *(np.flatnonzero(ends) + 1).tolist(), len(indices)]
    for begin, end in pairwise(bounds):
        start, last = int(ascending[begin]), int(ascending[end - 1])
        out = slice(begin, end) if order is None else order[begin:end]
        yield _AxisPart(slice(start, last + 1), out, ascending[begin:end] - start)


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


def _points_and_runs(
    points: dict[int, np.ndarray],
    point_shape: Sequence[int],
    runs: dict[int, range],
    before: int,
    shape: Sequence[int],
    chunks: Sequence[int],
    limit: int,
) -> Iterator[Subselection]:
    """Subselections of points along some dimensions, by dimension, and of runs along the others.

    The result has the axes of the first `before` runs, those of the points, and those of the other runs.
    """
    extents = _extents([len(runs.get(dim, range(chunk))) for dim, chunk in enumerate(chunks)], chunks, limit)
    order, bounds = _sorted_by_block(_block_numbers(points, shape, chunks, extents))
    positions = np.unravel_index(order, point_shape)
    boxes = {dim: _boxes_of_points(index[order], bounds) for dim, index in points.items()}
    run_parts = list(product(*(list(_range_parts(run, chunks[dim], extents[dim])) for dim, run in runs.items())))
    for block, (begin, end) in enumerate(pairwise(bounds)):
        key: dict[int, Any] = {dim: slices[block] for dim, (slices, _) in boxes.items()}
        box_index: dict[int, Any] = {dim: inside[begin:end] for dim, (_, inside) in boxes.items()}
        position = tuple(along[begin:end] for along in positions)
        for parts in run_parts:
            key.update((dim, part.key) for dim, part in zip(runs, parts))
            box_index.update((dim, part.box) for dim, part in zip(runs, parts))
            outs = tuple(part.out for part in parts)
            yield Subselection(
                tuple(key[dim] for dim in range(len(shape))),
                (*outs[:before], *position, *outs[before:]),
                tuple(box_index[dim] for dim in range(len(shape))),
            )


def _block_numbers(
    points: dict[int, np.ndarray], shape: Sequence[int], chunks: Sequence[int], extents: Sequence[int]
) -> np.ndarray:
    """Number, for each point, the block of at most `extents` that holds it: a chunk, or a part of one."""
    numbers = np.zeros(next(iter(points.values())).shape, np.int64)
    for dim, index in points.items():
        parts = -(-chunks[dim] // extents[dim])
        numbers *= -(-shape[dim] // chunks[dim]) * parts
        numbers += index // chunks[dim] * parts + index % chunks[dim] // extents[dim]
    return numbers


def _sorted_by_block(numbers: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """Return the order of points by the number of their block, and where in it blocks begin and the last one ends."""
    order = np.argsort(numbers, kind="stable")
    begins = np.flatnonzero(np.diff(numbers[order])) + 1
    return order, [0, *begins.tolist(), len(order)]


def _boxes_of_points(index: np.ndarray, bounds: list[int]) -> tuple[list[slice], np.ndarray]:
    """Return, along a dimension, the smallest box around the points of each block, and the points in their boxes."""
    begins = bounds[:-1]
    starts = np.minimum.reduceat(index, begins)
    stops = np.maximum.reduceat(index, begins) + 1
    return list(map(slice, starts.tolist(), stops.tolist())), index - np.repeat(starts, np.diff(bounds))
