# SPDX-License-Identifier: MIT
"""Selection by latitude and by longitude where each has a dimension of its own, at equal distances."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from typing import Any, Literal, Self, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray
from xarray.indexes import PandasIndex

from omfiles._grids.axis import Axis
from omfiles._grids.box import Box
from omfiles._xarray.selection import index_result

__all__ = ["DegreesIndex", "with_degrees"]

Role: TypeAlias = Literal["latitude", "longitude"]

ROLES: dict[Role, tuple[str, ...]] = {
    "latitude": ("degrees_north", "degree_north"),
    "longitude": ("degrees_east", "degree_east"),
}
UNEVEN = 0.01
"""Part of a step by which distances may differ, as those of float32 do."""


class _AlignedWithPandasIndex(type(PandasIndex)):  # type: ignore[misc]
    """The class of an index that xarray aligns with a `PandasIndex`, as it compares classes for that."""

    def __eq__(cls, other: object) -> bool:
        return other is PandasIndex or other is cls

    def __hash__(cls) -> int:
        return hash(PandasIndex)


class DegreesIndex(PandasIndex, metaclass=_AlignedWithPandasIndex):
    """What xarray has for each dimension, but that longitudes wrap, and that places outside are an error.

    ``ds.sel(lat=52.5, lon=359.9, method="nearest")`` takes the cell that Open-Meteo's API takes, and
    ``ds.sel(lat=slice(70, 35), lon=slice(160, -160))`` a box, whichever way latitudes go. Longitudes of the result
    ascend from west to east, 160 ... 200 here. All else is as with any other index, and both kinds are aligned.

    Parameters
    ----------
    array, dim, coord_dtype, fastpath
        As for `xarray.indexes.PandasIndex`.
    role : {"latitude", "longitude"}
        What it is.
    axis : Axis, optional
        All points of the grid, of which these may be some. By default these are all.
    attrs : mapping, optional
        Attributes of longitudes that have become others.
    """

    role: Role
    axis: Axis | None
    attrs: dict[Any, Any]

    def __init__(
        self,
        array: Any,
        dim: Hashable,
        coord_dtype: Any = None,
        *,
        fastpath: bool = False,
        role: Role = "longitude",
        axis: Axis | None = None,
        attrs: Mapping[Any, Any] | None = None,
    ) -> None:
        super().__init__(array, dim, coord_dtype, fastpath=fastpath)
        self.role = role
        self.attrs = dict(attrs or {})
        self.axis = axis or _axis(self.values, role)

    @property
    def values(self) -> npt.NDArray[np.float64]:
        """The degrees, float64."""
        return np.asarray(self.index.values, np.float64)

    def __repr__(self) -> str:
        return f"DegreesIndex({self.index!r})"

    def _replace(self, index: pd.Index, dim: Hashable | None = None, coord_dtype: Any = None) -> Self:
        dim, coord_dtype = self.dim if dim is None else dim, self.coord_dtype if coord_dtype is None else coord_dtype
        return type(self)(index, dim, coord_dtype, fastpath=True, role=self.role, axis=self.axis, attrs=self.attrs)

    # --- several indexes ------------------------------------------------------------------------------------------

    @classmethod
    def concat(cls, indexes: Any, dim: Hashable, positions: Any = None) -> Any:
        """Join as any other index."""
        joined = PandasIndex.concat(indexes, dim, positions)
        return cls(joined.index, dim, joined.coord_dtype, role=indexes[0].role, attrs=indexes[0].attrs)

    def join(self, other: Any, how: str = "inner") -> Any:
        """Join as any other index."""
        joined = PandasIndex(self.index, self.dim, self.coord_dtype).join(other, how)
        return type(self)(joined.index, self.dim, joined.coord_dtype, role=self.role, axis=self.axis, attrs=self.attrs)

    def reindex_like(self, other: PandasIndex, method: str | None = None, tolerance: Any = None) -> dict[Hashable, Any]:
        """Positions of the labels of another index, -1 where there are none; the nearest ones may be turns away."""
        if method == "nearest" and tolerance is None and self.axis is not None:
            return {self.dim: self._nearest(np.asarray(other.index.values, np.float64))}
        found: dict[Hashable, Any] = super().reindex_like(other, method, tolerance)  # type: ignore[arg-type]
        return found

    # --- selection ------------------------------------------------------------------------------------------------

    def sel(self, labels: dict[Any, Any], method: str | None = None, tolerance: Any = None) -> Any:
        """Select by degrees."""
        [(name, label)] = labels.items()
        if isinstance(label, slice):
            if method is not None or tolerance is not None:
                raise NotImplementedError("slices of latitude and longitude have neither a method nor a tolerance")
            return self._in_slice(label)
        degrees = np.asarray(label.values if isinstance(label, xarray.DataArray | xarray.Variable) else label)
        if degrees.dtype.kind not in "iuf":
            return super().sel(labels, method, tolerance)
        degrees = degrees.astype(np.float64)
        if not np.isfinite(degrees).all():
            raise KeyError(f"{name} must be finite, but is {degrees[~np.isfinite(degrees)].flat[0]}")
        if method == "nearest" and self.axis is not None:
            degrees = self._snapped(name, degrees, tolerance)
            method = tolerance = None
        elif self.role == "longitude":
            degrees = self._turned(degrees)
        if np.dtype(self.coord_dtype).kind == "f":
            degrees = degrees.astype(self.coord_dtype)
        return super().sel({name: _like(label, degrees)}, method, tolerance)

    def _turned(self, longitude: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Longitudes of the turn where the index is; but those inside stay as they are, to the last bit."""
        values = self.values
        if not values.size:
            return longitude
        west, east = values.min(), values.max()
        turned = longitude - 360 * np.rint((longitude - (west + east) / 2) / 360)
        return np.where((longitude >= west) & (longitude <= east), longitude, turned.round(10))

    def _nearest(self, degrees: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        """Positions of the nearest points, -1 outside."""
        axis, values = self.axis, self.values
        own = _axis(values, self.role)
        if axis is None or not values.size:
            return np.full(degrees.shape, -1)
        if own is not None and abs(own.step) > 1.5 * abs(axis.step):  # every other point, or fewer
            return own.nearest(degrees)
        found = axis.nearest(degrees)
        cells = axis.origin + axis.step * found.astype(np.float64)
        if self.role == "longitude":
            cells = self._turned(cells)
        near = abs(axis.step) / 4
        order = np.argsort(values, kind="stable")
        at = order[np.minimum(np.searchsorted(values[order], cells - near), len(values) - 1)]
        return np.where((found >= 0) & (abs(values[at] - cells) < near), at, -1)

    def _snapped(self, name: Hashable, degrees: npt.NDArray[np.float64], tolerance: Any) -> npt.NDArray[np.float64]:
        """Degrees of the nearest points."""
        at = self._nearest(degrees)
        outside = at < 0
        if tolerance is not None:
            away = abs(self.values[at] - degrees) if self.values.size else np.full(at.shape, np.inf)
            outside |= (abs((away + 180) % 360 - 180) if self.role == "longitude" else away) > tolerance
        if outside.any():
            reach = f"{self.values.min():.6g} to {self.values.max():.6g}" if self.values.size else "nothing"
            first = degrees[outside].flat[0]
            raise KeyError(
                f"{np.count_nonzero(outside)} of {outside.size} places are outside of the grid, the first at "
                f"{self.role} {first}; {name} has {reach}, and half a cell around"
                + ("" if tolerance is None else f", but within a tolerance of {tolerance}")
            )
        return self.values[at]

    def _in_slice(self, label: slice) -> Any:
        values = self.values
        if not values.size:
            return index_result({self.dim: slice(0, 0)})
        first, last = _bound(label.start, values[0]), _bound(label.stop, values[-1])
        if self.role == "latitude":
            south, north = sorted((first, last))
            rows = Box.between(south, north, 0, 0).widened(self.index.dtype).rows(values)
            return index_result({self.dim: _stepped(rows, label.step)})
        box = Box.between(-90, 90, first, last).widened(self.index.dtype)
        columns = box.columns(values)
        if isinstance(columns, slice):
            return index_result({self.dim: _stepped(columns, label.step)})
        columns, degrees = box.ascending(columns, values)
        columns, degrees = columns[:: label.step], degrees[:: label.step]
        index = self._replace(pd.Index(degrees.astype(self.coord_dtype), name=self.index.name))
        [(name, variable)] = index.create_variables().items()
        variable.attrs = dict(self.attrs)
        return index_result({self.dim: columns}, {name: index}, {name: variable})


def with_degrees(dataset: xarray.Dataset, names: Collection[Hashable]) -> xarray.Dataset:
    """Give those of these names that are latitudes and longitudes at equal distances an index that knows it."""
    indexes: dict[Hashable, DegreesIndex] = {}
    variables: dict[Hashable, xarray.Variable] = {}
    for name in dataset.sizes:
        if name not in names or name not in dataset.variables:
            continue
        variable = dataset.variables[name]
        role = _role(variable)
        if role is None or variable.dims != (name,) or variable.dtype.kind not in "iuf" or name in dataset.xindexes:
            continue
        index = DegreesIndex(variable.to_index(), name, variable.dtype, role=role, attrs=variable.attrs)
        if index.axis is not None:
            indexes[name] = index
            variables |= index.create_variables({name: variable})
    if indexes:
        dataset = dataset.assign_coords(xarray.Coordinates(variables, indexes=indexes))
    return dataset


def _role(variable: xarray.Variable) -> Role | None:
    for role, units in ROLES.items():
        if variable.attrs.get("standard_name") == role or variable.attrs.get("units") in units:
            return role
    return None


def _axis(values: npt.NDArray[np.float64], role: Role) -> Axis | None:
    """The axis of degrees that are at equal distances."""
    steps = np.diff(values)
    step = (values[-1] - values[0]) / len(steps) if len(steps) else 0.0
    if step == 0 or not np.isfinite(step) or np.any(abs(steps - step) > UNEVEN * abs(step)):
        return None
    return Axis(float(values[0]), float(step), len(values), role)


def _bound(bound: Any, default: float) -> float:
    return float(default if bound is None else np.asarray(bound))


def _like(label: Any, degrees: npt.NDArray[Any]) -> Any:
    """Degrees in the place of a label."""
    if isinstance(label, xarray.DataArray | xarray.Variable):
        return label.copy(data=degrees)
    return degrees


def _stepped(selected: slice | npt.NDArray[np.int64], step: int | None) -> slice | npt.NDArray[np.int64]:
    if isinstance(selected, slice):
        return slice(selected.start, selected.stop, step)
    return selected[::step]
