# SPDX-License-Identifier: MIT
"""Points of grids whose latitude depends on more than one dimension: computed when needed, selected by formulas."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import json
from bisect import bisect_left
from collections.abc import Hashable, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray
from xarray.indexes import PandasIndex

from omfiles._xarray.lazy import DirectArray, index_arrays

if TYPE_CHECKING:
    from omfiles.grids import OmGrid

__all__ = ["DEGREES", "HAS_INDEXES", "GridIndex", "grid_of", "index_result"]

HAS_INDEXES = hasattr(xarray.indexes, "CoordinateTransformIndex")
"""Whether xarray knows indexes of several coordinates that have several dimensions, as of 2025.7."""

Positions = npt.NDArray[np.int64]

DEGREES = {
    "lat": {"standard_name": "latitude", "long_name": "latitude", "units": "degrees_north"},
    "lon": {"standard_name": "longitude", "long_name": "longitude", "units": "degrees_east"},
}


@lru_cache(maxsize=16)
def grid_of(crs_wkt: str, shape: tuple[int, int]) -> OmGrid:
    """Make a grid, or return the one that was made before."""
    from omfiles.grids import OmGrid  # not before it is needed: whoever names an engine of xarray imports all of them

    return OmGrid(crs_wkt, shape)


class GridPoints(DirectArray):
    """Latitudes or longitudes of some rows and columns of a grid.

    Parameters
    ----------
    index : GridIndex
        Of these rows and columns.
    role : {"lat", "lon"}
        What to compute.
    """

    def __init__(self, index: GridIndex, role: str) -> None:
        self.index = index
        self.role = role
        self.axes: tuple[str, ...] = ("x",) if isinstance(index.rows, int) else ("y", "x")
        self.dtype = np.dtype(np.float64)

    @property
    def shape(self) -> tuple[int, ...]:
        lengths = dict(zip(reversed(("y", "x")), reversed(self.index.shape)))
        return tuple(lengths[axis] for axis in self.axes)

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        at = dict(zip(self.axes, index_arrays(key, self.shape)))
        index = self.index
        y = index.rows if isinstance(index.rows, int) else _taken(index.rows, at["y"])
        latitude, longitude = index.grid.coordinates(_taken(index.columns, at["x"]), y)
        return latitude if self.role == "lat" else longitude

    def transpose(self, order: Sequence[int]) -> Self:
        new = copy.copy(self)
        new.axes = tuple(self.axes[axis] for axis in order)
        return new

    async def async_getitem(self, key: Any) -> npt.NDArray[Any]:
        """Compute in a thread."""
        return await asyncio.to_thread(self.__getitem__, key)


class GridIndex(xarray.Index):
    """Selection by latitude and longitude on a projected, rotated or reduced Gaussian grid, in constant time.

    ``ds.sel(lat=52.5, lon=13.4, method="nearest")`` takes the grid point that is nearest to a place; with DataArrays of
    latitudes and longitudes, those nearest to many places. ``ds.sel(lat=slice(35, 70), lon=slice(-12, 35))`` takes a
    box: all grid points inside, and on a projected grid also others between them. A box whose west is greater than its
    east crosses the antimeridian.

    It is the index of the coordinates ``lat`` and ``lon``, which depend on the dimensions ``y`` and ``x``. Slices along
    these keep it, other selections drop it.

    Parameters
    ----------
    crs_wkt : str
        Coordinate reference system of the grid.
    shape : tuple of two int
        ``(ny, nx)``.

    Examples
    --------
    >>> index = GridIndex('GEOGCRS["Reduced Gaussian Grid", REMARK["N160"]]', (1, 138346))
    >>> index.sel({"lat": 52.5, "lon": 13.4}, method="nearest").dim_indexers
    {'x': 14705, 'y': 0}
    >>> lat = index.coordinates()["lat"]
    >>> lat.shape, round(lat[0, 14705].item(), 2)
    ((1, 138346), 52.51)
    """

    def __init__(self, crs_wkt: str, shape: tuple[int, int]) -> None:
        self._key = crs_wkt, shape
        self.rows: range | int = range(shape[0])
        self.columns = range(shape[1])
        self._names: dict[str, Hashable] = {"lat": "lat", "lon": "lon"}
        self._dims: dict[str, Hashable] = {"y": "y", "x": "x"}

    # --- what it is ---------------------------------------------------------------------------------------------

    @property
    def grid(self) -> OmGrid:
        """The whole grid."""
        return grid_of(*self._key)

    @property
    def names(self) -> tuple[Hashable, ...]:
        """Latitude and longitude."""
        return tuple(self._names.values())

    @property
    def dims(self) -> tuple[Hashable, ...]:
        """Dimensions of latitude and longitude."""
        return (self._dims["x"],) if isinstance(self.rows, int) else (self._dims["y"], self._dims["x"])

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the dimensions."""
        return (len(self.columns),) if isinstance(self.rows, int) else (len(self.rows), len(self.columns))

    def __repr__(self) -> str:
        return f"<GridIndex {self.grid.kind} {self.shape}>"

    def _repr_inline_(self, max_width: int) -> str:
        return repr(self)[:max_width]

    def coordinates(self, variables: Mapping[Any, xarray.Variable] | None = None) -> xarray.Coordinates:
        """Make the coordinates of a dataset, with this as their index if xarray is new enough."""
        variables = self.create_variables(variables)
        return xarray.Coordinates(variables, indexes=dict.fromkeys(variables, self) if HAS_INDEXES else None)

    def create_variables(
        self, variables: Mapping[Any, xarray.Variable] | None = None
    ) -> dict[Hashable, xarray.Variable]:
        """Make the coordinate variables, which are computed when they are needed.

        Parameters
        ----------
        variables : mapping, optional
            Whose attributes, encoding and order of dimensions they get.
        """
        made = {}
        for role, name in self._names.items():
            like = variables[name] if variables is not None else None
            attrs, encoding = (like.attrs, like.encoding) if like is not None else (DEGREES[role], None)
            new = xarray.Variable(self.dims, GridPoints(self, role), attrs, encoding)
            made[name] = new.transpose(*like.dims) if like is not None and set(like.dims) == set(self.dims) else new
        return made

    def to_pandas_index(self) -> pd.Index:
        """Stand for it in ``ds.indexes``, which xarray makes as a whole where it wants those of dimensions.

        pandas has no index of coordinates that have several dimensions: this holds nothing but the index itself, and so
        finds no labels.
        """
        return pd.Index([self], dtype=object)

    # --- in a file ------------------------------------------------------------------------------------------------

    def description(self) -> str:
        """Describe it in JSON."""
        crs_wkt, shape = self._key
        rows, columns = (
            part if isinstance(part, int) else (part.start, part.stop, part.step) for part in (self.rows, self.columns)
        )
        parts = {"crs_wkt": crs_wkt, "shape": shape, "rows": rows, "columns": columns}
        return json.dumps({**parts, "names": self._names, "dims": self._dims})

    @classmethod
    def described(cls, description: Any) -> Self:
        """Make the one of a description.

        Raises
        ------
        ValueError
            It describes no part of a grid.
        ImportError
            The projection needs pyproj.
        """
        try:
            found = json.loads(description)
            index = cls(found["crs_wkt"], tuple(found["shape"]))
            row = index.grid.is_gaussian and found["rows"] == 0
            index.rows = 0 if row else _part(found["rows"], index.shape[0])
            index.columns = _part(found["columns"], index.shape[-1])
            index._names = {role: str(found["names"][role]) for role in index._names}
            index._dims = {role: str(found["dims"][role]) for role in index._dims}
        except (LookupError, TypeError, ArithmeticError, RecursionError) as error:
            raise ValueError(f"{description!r} describes no part of a grid") from error
        return index

    # --- selection by position ------------------------------------------------------------------------------------

    def isel(self, indexers: Mapping[Any, Any]) -> Self | None:
        """Follow slices. On a Gaussian grid they have no steps, and the row may be an integer."""
        gaussian = self.grid.kind == "gaussian"
        y, x = (indexers.get(self._dims[role], slice(None)) for role in ("y", "x"))
        rows: range | int
        if isinstance(self.rows, int):
            rows = self.rows
        elif isinstance(y, slice) or (gaussian and np.ndim(y) == 0):
            rows = self.rows[y if isinstance(y, slice) else int(y)]
        else:
            return None
        if not isinstance(x, slice) or (gaussian and x.step not in (None, 1)):
            return None
        return self._replace(rows, self.columns[x])

    def _replace(self, rows: range | int, columns: range) -> Self:
        new = self._copy(deep=False)
        new.rows, new.columns = rows, columns
        return new

    # --- selection by labels --------------------------------------------------------------------------------------

    def sel(self, labels: dict[Any, Any], method: str | None = None, tolerance: float | None = None) -> Any:
        """Select points, or a box."""
        if len(labels) != len(self._names):
            raise ValueError("select by {!r} and {!r} together".format(*self.names))
        if tolerance is not None:
            raise ValueError("there is no tolerance: places are half a cell from a grid point, or outside")
        lat, lon = (labels[name] for name in self.names)
        if isinstance(lat, slice) and isinstance(lon, slice):
            return index_result(self._in_box(lat, lon))
        if isinstance(lat, slice) or isinstance(lon, slice):
            raise ValueError("latitude and longitude are either both slices, for a box, or both numbers")
        if method != "nearest":
            raise ValueError(f"places are rarely grid points: pass method='nearest', not {method!r}")
        return index_result(self._nearest(lat, lon))

    def _nearest(self, lat: Any, lon: Any) -> dict[Hashable, Any]:
        from omfiles._grids.box import check_points, outside_text

        lat, lon = (label if isinstance(label, xarray.DataArray) else _labelled(label) for label in (lat, lon))
        lat, lon = xarray.broadcast(lat, lon)
        rows = self.rows if isinstance(self.rows, range) else None
        x, y = self.grid._nearest(*check_points(lat.values, lon.values), self.columns, rows)
        outside = np.asarray(x < 0)
        if np.any(outside):
            raise KeyError(outside_text(lat.values, lon.values, outside, self._extent()))
        positions = {self._dims["x"]: x} if rows is None else {self._dims["x"]: x, self._dims["y"]: y}
        return {dim: lat.copy(data=at) if at.ndim else int(at) for dim, at in positions.items()}

    def _extent(self) -> str:
        """Say how far the grid reaches."""
        return self.grid._reach(_indices(self.columns), _indices(self.rows))

    def _in_box(self, lat: slice, lon: slice) -> dict[Hashable, Any]:
        if lat.step is not None or lon.step is not None:
            raise ValueError("slices of latitude and longitude have no steps")
        south, north = sorted((_degrees(lat.start, -90), _degrees(lat.stop, 90)))
        west, east = _degrees(lon.start, -180), _degrees(lon.stop, 180)
        box = self.grid.find_box(south, north, west, east)
        y, x = box if isinstance(box, tuple) else (slice(0, 1), box)
        found: dict[Hashable, Any] = {self._dims["x"]: _covered(x, self.columns)}
        if not isinstance(self.rows, int):
            found[self._dims["y"]] = _covered(y, self.rows)
        return found

    # --- several indexes ------------------------------------------------------------------------------------------

    def equals(self, other: xarray.Index, *, exclude: frozenset[Hashable] | None = None) -> bool:
        """Whether this and another index are of the same points, but for dimensions that are excluded."""
        if not isinstance(other, GridIndex) or self._key != other._key:
            return False
        pairs = {self._dims["y"]: (self.rows, other.rows), self._dims["x"]: (self.columns, other.columns)}
        return all(one == another for dim, (one, another) in pairs.items() if dim not in (exclude or ()))

    @classmethod
    def concat(cls, indexes: Sequence[Self], dim: Hashable, positions: Any = None) -> Self:
        """Join adjacent parts of a grid. Along a dimension that is not theirs they must be equal, and do not get it."""
        first = indexes[0]
        fits = all(index.equals(first, exclude=frozenset([dim])) for index in indexes)
        rows, columns = first.rows, first.columns
        if dim in first.dims:
            along = "rows" if dim == first._dims["y"] else "columns"
            parts = [getattr(index, along) for index in indexes]
            begin, step = parts[0].start, parts[0].step
            whole = range(begin, begin + sum(map(len, parts)) * step, step)
            begins = accumulate(map(len, parts), initial=0)
            fits = fits and all(part == whole[at : at + len(part)] for part, at in zip(parts, begins))
            rows, columns = (whole, columns) if along == "rows" else (rows, whole)
        if not fits:
            raise ValueError(
                f"these are not adjacent parts of one grid, in its order: {', '.join(map(repr, indexes))}; "
                f"drop_indexes({list(first.names)}) before they are concatenated along {dim!r}"
            )
        return first._replace(rows, columns)

    def join(self, other: Self, how: str = "inner") -> Self:
        """Rows and columns that two parts of a grid have in common, or all from the first to the last."""
        rows, columns = _join(self.rows, other.rows, how), _join(self.columns, other.columns, how)
        if self._key != other._key or rows is None or not isinstance(columns, range):
            raise ValueError(f"{self!r} and {other!r} are not parts of one grid that can be joined")
        return self._replace(rows, columns)

    def reindex_like(self, other: Self) -> dict[Hashable, Any]:
        """Positions of the rows and columns of another part of the grid, -1 where they are not here."""
        found: dict[Hashable, Any] = {self._dims["x"]: _position(_indices(other.columns), self.columns)}
        if not isinstance(self.rows, int):
            found[self._dims["y"]] = _position(_indices(other.rows), self.rows)
        return found

    def rename(self, name_dict: Mapping[Any, Hashable], dims_dict: Mapping[Any, Hashable]) -> Self:
        """Give coordinates and dimensions other names."""
        new = self._copy(deep=False)
        new._names = {role: name_dict.get(name, name) for role, name in self._names.items()}
        new._dims = {role: dims_dict.get(name, name) for role, name in self._dims.items()}
        return new


def _labelled(label: Any) -> xarray.DataArray:
    if isinstance(label, xarray.Variable):
        return xarray.DataArray(label)
    if np.ndim(label):
        raise ValueError(
            "latitudes and longitudes of several places are DataArrays that share a dimension, "
            "such as xarray.DataArray([52.5, 48.1], dims='place')"
        )
    return xarray.DataArray(np.float64(label))


def _degrees(bound: Any, default: float) -> float:
    return default if bound is None else float(bound)


def _part(bounds: Sequence[int], size: int) -> range:
    part = range(*bounds)
    if not part or part[0] not in range(size) or part[-1] not in range(size):
        raise IndexError
    return part


def _indices(rows: range | int) -> Positions:
    if isinstance(rows, int):
        return np.array([rows])
    return np.arange(rows.start, rows.stop, rows.step)


def _taken(indices: range, at: Positions) -> Positions:
    """Elements of a range, without making an array of the whole."""
    if at.size and not (-len(indices) <= at.min() and at.max() < len(indices)):
        raise IndexError(f"positions {at.min()} to {at.max()} are out of bounds for a size of {len(indices)}")
    return indices.start + indices.step * np.where(at < 0, at + len(indices), at)


def _position(index: npt.NDArray[Any], indices: range) -> Positions:
    """Where in a range the nearest index is; -1 if it is half a step or more outside."""
    at = np.rint((index - indices.start) / indices.step)
    return np.where((at >= 0) & (at < len(indices)), at, -1).astype(np.int64)


def _covered(selected: slice | Positions, indices: range) -> slice | Positions:
    """Where in a range the selected indices are."""
    if isinstance(selected, slice):
        ascending = indices if indices.step > 0 else indices[::-1]
        first, last = (bisect_left(ascending, bound) for bound in (selected.start, selected.stop))
        return slice(first, last) if indices.step > 0 else slice(len(indices) - last, len(indices) - first)
    at, rest = np.divmod(selected - indices.start, indices.step)
    return at[(rest == 0) & (at >= 0) & (at < len(indices))]


def _join(one: range | int, another: range | int, how: str) -> range | int | None:
    if one == another:
        return one
    if isinstance(one, int) or isinstance(another, int) or one.step != 1 or another.step != 1:
        return None
    if how == "inner":
        return range(max(one.start, another.start), min(one.stop, another.stop))
    return range(min(one.start, another.start), max(one.stop, another.stop))


def index_result(
    dim_indexers: dict[Hashable, Any],
    indexes: dict[Hashable, xarray.Index] | None = None,
    variables: dict[Hashable, xarray.Variable] | None = None,
) -> Any:
    """What `xarray.Index.sel` returns, for which xarray has no public name."""
    some = PandasIndex(np.zeros(1), "x").sel({"x": 0})
    return dataclasses.replace(some, dim_indexers=dim_indexers, indexes=indexes or {}, variables=variables or {})
