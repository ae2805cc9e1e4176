# SPDX-License-Identifier: MIT
"""Arrays of a file for xarray, which are read when their data are needed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import xarray
from xarray.backends import BackendArray

from omfiles._reading.read_arrays import orthogonal, pointwise, read_selection, read_selection_async
from omfiles._reading.reader import OmFileReader

__all__ = ["DirectArray", "OmBackendArray", "decoded", "index_arrays", "lazily_indexed"]

# xarray has no public names for its kinds of keys, and they cannot be told apart by what they hold.
BASIC, ORTHOGONAL, POINTWISE = "BasicIndexer", "OuterIndexer", "VectorizedIndexer"

DECODED = {"_FillValue", "missing_value", "scale_factor", "add_offset", "_Unsigned", "dtype", "calendar", "_Encoding"}
"""Attributes by which xarray makes other values of those in the file."""
TIME = re.compile("since|day|hour|minute|second", re.IGNORECASE)


class DirectArray(BackendArray):
    """An array that takes keys of all kinds itself, as xarray wants it where it has wrapped nothing around it."""

    @property
    def oindex(self) -> Self:
        """The array itself, where xarray selects along each axis on its own."""
        return self

    @property
    def vindex(self) -> Self:
        """The array itself, where xarray selects points."""
        return self


class OmBackendArray(DirectArray):
    """An array of an OM file for xarray. It can be pickled, and read by many threads at once.

    Parameters
    ----------
    reader : OmFileReader
        Of an array.
    """

    def __init__(self, reader: OmFileReader) -> None:
        self.reader = reader
        self.shape = reader.shape
        self.dtype = reader.dtype

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        if _kind(key) == BASIC:
            return self.reader.read_array(key.tuple)
        if _kind(key) == POINTWISE:
            return read_selection(self.reader, pointwise, index_arrays(key, self.shape))
        return read_selection(self.reader, orthogonal, key.tuple)

    async def async_getitem(self, key: Any) -> npt.NDArray[Any]:
        """Read a selection without blocking the event loop."""
        if _kind(key) == POINTWISE:
            arrays = await asyncio.to_thread(index_arrays, key, self.shape)
            return await read_selection_async(self.reader, pointwise, arrays)
        return await read_selection_async(self.reader, orthogonal, key.tuple)


def _kind(key: Any) -> str:
    kind = type(key).__name__
    if kind not in (BASIC, ORTHOGONAL, POINTWISE):
        raise TypeError(f"expected a key of xarray, one of {BASIC}, {ORTHOGONAL} and {POINTWISE}, not {key!r}")
    return kind


def index_arrays(key: Any, shape: tuple[int, ...]) -> tuple[npt.NDArray[np.intp], ...]:
    """Make index arrays, which broadcast to the result, of a key of xarray."""
    by_point = _kind(key) == POINTWISE
    arrays = [
        np.arange(*item.indices(size)) if isinstance(item, slice) else np.asarray(item)
        for item, size in zip(key.tuple, shape)
    ]
    # Each has axes of its own, except that points share theirs, which come first.
    own = [not by_point or isinstance(item, slice) for item in key.tuple]
    points = max((array.ndim for array, alone in zip(arrays, own) if not alone), default=0)
    ndim = points + sum(array.ndim for array, alone in zip(arrays, own) if alone)
    made, axis = [], points
    for array, alone in zip(arrays, own):
        if alone:
            axis += array.ndim
        made.append(array.reshape(array.shape + (1,) * (ndim - (axis if alone else points))))
    return tuple(made)


def decoded(attrs_of: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """Find the variables of which xarray makes other values, by the attributes of all."""
    found = {
        name
        for name, attrs in attrs_of.items()
        if not DECODED.isdisjoint(attrs) or TIME.search(str(attrs.get("units", ""))) is not None
    }
    bounds = {str(attrs_of[name].get("bounds")) for name in found}  # xarray gives them the units of the others
    return found | (bounds & attrs_of.keys())


def lazily_indexed(variables: Mapping[Any, xarray.Variable]) -> Mapping[Any, xarray.Variable]:
    """Let selections of variables that hold an `OmBackendArray` wait until the data are needed.

    xarray does so itself when there is nothing to decode, but lets no selection wait of what it decodes.

    Parameters
    ----------
    variables : mapping
        Without attributes, so that nothing is decoded here.
    """
    lazy, _, _ = xarray.conventions.decode_cf_variables(
        variables,
        {},
        concat_characters=False,
        mask_and_scale=False,
        decode_times=False,
        decode_coords=False,
        decode_timedelta=False,
    )
    return lazy
