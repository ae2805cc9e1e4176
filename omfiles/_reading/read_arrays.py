# SPDX-License-Identifier: MIT
"""Reads of arrays wherever their file lies: nothing above this package asks if it is local or in a store."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from copy import copy
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from omfiles._native.result_limit import clamp_to_limit, require_size
from omfiles._native.threads import to_thread
from omfiles._reading import fancy_index

if TYPE_CHECKING:
    from omfiles._native.read_plan import ReadPlan
    from omfiles._reading.fancy_index import FancySelection, Subselection
    from omfiles._reading.reader import OmFileReader
    from omfiles.types import BasicSelection

    Array = npt.NDArray[Any]
    BasicRead = tuple[OmFileReader, BasicSelection, Array | None]
    Select = Callable[[OmFileReader, Any], FancySelection]

__all__ = [
    "complete",
    "orthogonal",
    "pointwise",
    "read_ranges",
    "read_selection",
    "read_selection_async",
    "read_together",
    "read_together_async",
]

T = TypeVar("T")

BATCH_SIZE = 64 << 20
"""Bytes that the subselections of one batch read from a store."""
PLAN_OVERHEAD = 4 << 10
"""Bytes that the plan of a subselection has itself."""


# --- basic selections -------------------------------------------------------------------------------------------------


def read_together(reads: Sequence[BasicRead]) -> list[Array]:
    """Read basic selections of arrays of one file. From a store their chunks are fetched together.

    Parameters
    ----------
    reads : sequence of (reader, key, out)
        Where `out` is None a new array is made.

    Returns
    -------
    list of numpy.ndarray
        For each read its `out`, or the new array.
    """
    file = reads[0][0]._remote if reads else None
    if file is None:
        return [reader.read_array(key, out=out) for reader, key, out in reads]
    from omfiles._reading.remote_read import chunk_batches

    plans = [reader._plan(key, out) for reader, key, out in reads]
    file.run(chunk_batches(file, plans))
    return [plan.out for plan in plans]


async def read_together_async(reads: Sequence[BasicRead]) -> list[Array]:
    """Read basic selections as `read_together` does, without blocking the event loop.

    The readers may be closed meanwhile.
    """
    file = reads[0][0]._remote if reads else None
    if file is None:
        with ExitStack() as stack:
            copies = [(stack.enter_context(copy(reader)), key, out) for reader, key, out in reads]
            return await to_thread(read_together, copies)
    from omfiles._reading.remote_read import chunk_batches

    plans = [reader._plan(key, out) for reader, key, out in reads]
    await file.run_async(chunk_batches(file, plans))
    return [plan.out for plan in plans]


# --- selections by index arrays and masks -----------------------------------------------------------------------------


def orthogonal(reader: OmFileReader, key: Any) -> FancySelection:
    """Split an orthogonal selection of an array."""
    _require_array(reader, "oindex")
    return fancy_index.orthogonal(key, reader.shape, reader.chunks, _box_limit(reader))


def pointwise(reader: OmFileReader, key: Any) -> FancySelection:
    """Split a selection of an array point by point."""
    _require_array(reader, "vindex")
    return fancy_index.pointwise(key, reader.shape, reader.chunks, _box_limit(reader))


def read_selection(reader: OmFileReader, select: Select, key: Any) -> Array:
    """Read a selection by index arrays and masks; `select` is `orthogonal` or `pointwise`."""
    selection = select(reader, key)
    out, view, subselections = _result(reader, selection)
    file = reader._remote
    if file is None:
        for basic_key, out_index, box_index in subselections:
            if box_index is ...:
                reader.read_array(basic_key, out=view)
            else:
                view[out_index] = reader.read_array(basic_key)[box_index]
        return _masked(out, selection)
    from omfiles._reading.remote_read import chunk_batches

    for batch in _batches(reader, subselections, view):
        file.run(chunk_batches(file, [plan for plan, _ in batch]))
        _scatter(batch, view)
    return _masked(out, selection)


async def read_selection_async(reader: OmFileReader, select: Select, key: Any) -> Array:
    """Read as `read_selection` does, without blocking the event loop. The reader may be closed meanwhile."""
    file = reader._remote
    if file is None:
        with copy(reader) as local:
            return await to_thread(read_selection, local, select, key)
    from omfiles._reading.remote_read import chunk_batches

    with await complete(reader, copy) as remote:
        selection = await to_thread(select, remote, key)
        out, view, subselections = await to_thread(_result, remote, selection)
        batches = _batches(remote, subselections, view)
        while batch := await to_thread(next, batches, None):
            await file.run_async(chunk_batches(file, [plan for plan, _ in batch]))
            await to_thread(_scatter, batch, view)
    return _masked(out, selection)


def _require_array(reader: OmFileReader, what: str) -> None:
    if not reader.is_array:
        raise ValueError(f"Only arrays have {what}; {reader.name!r} is not an array")


def _box_limit(reader: OmFileReader) -> int:
    itemsize = reader.dtype.itemsize
    return max(1, clamp_to_limit(fancy_index.BOX_LIMIT * itemsize) // itemsize)


def _result(reader: OmFileReader, selection: FancySelection) -> tuple[Array, Array, Iterator[Subselection]]:
    """Make the result of a selection, the view of it that subselections fill, and these."""
    if selection.missing is not None and reader.dtype.kind != "f":
        raise IndexError(
            f"masked indices give NaN, which {reader.dtype} of {reader.name!r} cannot hold: leave them out, x[~x.mask]"
        )
    require_size(selection.shape, reader.dtype.itemsize, reader.name)
    out = np.empty(selection.shape, reader.dtype)
    return out, selection.view(out), selection.subselections


def _masked(out: Array, selection: FancySelection) -> Array:
    """Set elements that have masked indices to NaN."""
    if selection.missing is not None:
        out[selection.missing] = np.nan
    return out


def _batches(
    reader: OmFileReader, subselections: Iterator[Subselection], view: Array
) -> Iterator[list[tuple[ReadPlan, Subselection]]]:
    """Plan subselections, in batches whose results have a bounded size."""
    batch: list[tuple[ReadPlan, Subselection]] = []
    size = 0
    for subselection in subselections:
        plan = reader._plan(subselection.key, view if subselection.box_index is ... else None)
        batch.append((plan, subselection))
        size += PLAN_OVERHEAD + plan.out.nbytes
        if size > BATCH_SIZE:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _scatter(batch: list[tuple[ReadPlan, Subselection]], view: Array) -> None:
    for plan, (_, out_index, box_index) in batch:
        if box_index is not ...:
            view[out_index] = plan.out[box_index]


# --- records and ranges -----------------------------------------------------------------------------------------------


async def complete(reader: OmFileReader, function: Callable[[OmFileReader], T]) -> T:
    """Return what a function of a reader returns that loads nothing but records, without blocking the event loop."""
    file = reader._remote
    if file is None:
        return await to_thread(function, reader)
    from omfiles._stores import remote_file

    return await remote_file.complete(file, lambda: function(reader))


def read_ranges(reader: OmFileReader, starts: npt.NDArray[np.uint64], stops: npt.NDArray[np.uint64]) -> Array:
    """Read ranges of the file, each of which starts where the one before stops, as bytes (uint8)."""
    file = reader._remote
    if file is None:
        return np.frombuffer(memoryview(reader._read_bytes(int(starts[0]), int(stops[-1]))), np.uint8)
    return np.frombuffer(b"".join(file.fetch(starts, stops)), np.uint8)
