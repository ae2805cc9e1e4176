# SPDX-License-Identifier: MIT
"""Values of variables made of such types as a file, or the CF conventions, can hold."""

from __future__ import annotations

import datetime
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray
from xarray import SerializationWarning

from omfiles._writing.array_spec import native_dtype

__all__ = ["storable"]

EXACT_IN_FLOAT64 = 2**53


def storable(var: xarray.Variable, name: str) -> xarray.Variable:
    """Return a variable of numbers, bool, times, str or bytes; among the last two NaN stands for what is missing.

    Parameters
    ----------
    var : xarray.Variable
        Objects and types of pandas become numpy's types, float16 becomes float32.
    name : str
        For a warning.

    Raises
    ------
    TypeError, ValueError
        There is no type for its values.
    """
    if not isinstance(var.dtype, np.dtype):  # one of pandas
        var = xarray.Variable(var.dims, np.asarray(var.data, dtype=object), var.attrs, var.encoding)
    kind = var.dtype.kind
    if kind in ("T", "O"):
        if kind == "O" and var.chunks is not None:
            warnings.warn(
                f"variable {name!r} is a dask array with dtype=object: it is computed to find the type of its values",
                SerializationWarning,
                stacklevel=2,
            )
        return var.copy(data=_of_objects(np.asarray(var.compute().data, dtype=object)))
    if var.dtype == np.float16:
        return var.astype(np.float32)
    if kind not in "bmMSU":
        native_dtype(var.dtype)
    return var


def _of_objects(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    missing = np.asarray(pd.isnull(values))
    present = values[~missing].tolist()
    if not present:
        return np.full(values.shape, np.nan) if values.size else values
    if all(isinstance(value, str) for value in present) or all(isinstance(value, bytes) for value in present):
        return np.where(missing, np.nan, values)
    if all(isinstance(value, (bool, int, float, np.bool_, np.number)) for value in present):
        return _of_numbers(values, missing, np.array(present))
    if all(
        isinstance(value, datetime.datetime | datetime.timedelta | np.datetime64 | np.timedelta64) for value in present
    ):
        return values
    if all(hasattr(value, "calendar") for value in present):  # times of cftime
        return values
    types = sorted({type(value).__name__ for value in present})
    raise TypeError(f"its values are objects of type {', '.join(types)}, which cannot be stored")


def _of_numbers(values: npt.NDArray[Any], missing: npt.NDArray[Any], present: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if present.dtype.kind not in "biuf":
        raise TypeError(f"its values are numbers of which numpy makes {present.dtype}, which cannot be stored")
    if not missing.any():
        return values.astype(present.dtype)
    if present.dtype.kind in "iu" and not (abs(present.astype(float)) < EXACT_IN_FLOAT64).all():
        raise ValueError("it has integers beyond 2**53 and missing values, which float64 cannot hold together")
    found = np.full(values.shape, np.nan, np.promote_types(present.dtype, np.float32))
    found[~missing] = present
    return found
