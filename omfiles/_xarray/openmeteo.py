# SPDX-License-Identifier: MIT
"""What Open-Meteo writes, in terms of the CF conventions: units, times, and where the grid points are.

Files of a model run have an array as their root, with the scalars ``crs_wkt``, ``unit``, ``forecast_reference_time``
and ``coordinates`` and the array ``time`` as its children. Files of a time step have a group of arrays, each with its
``unit``, as their root; ``crs_wkt``, ``forecast_reference_time``, ``valid_time`` and ``coordinates`` belong to the
group. Times are seconds since 1970.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

import numpy as np
import xarray

from omfiles._datasets.hierarchy import FileVariable
from omfiles._reading.reader import OmFileReader
from omfiles._writing.array_spec import DIMENSION_KEY
from omfiles._xarray.selection import DEGREES, GridIndex, grid_of

if TYPE_CHECKING:
    from omfiles.grids import OmGrid

__all__ = ["GRID_MAPPING", "Names", "OpenMeteoMode", "Translated", "applies", "inherit_dimensions", "translate"]

OpenMeteoMode: TypeAlias = bool | Literal["auto"]
Names: TypeAlias = Mapping[str, tuple[str, ...]]

CRS_KEY = "crs_wkt"
GRID_MAPPING = "spatial_ref"
UNITS_OF_TIME = "seconds since 1970-01-01"
SCALAR_TIMES = {"valid_time": "time", "forecast_reference_time": "forecast_reference_time"}
"""Scalars that become coordinates, and their CF standard names."""


class Translated(NamedTuple):
    """A dataset in terms of the CF conventions."""

    dims: Names
    attrs_of: Mapping[str, dict[str, Any]]
    added: dict[str, xarray.Variable]
    """Coordinates that are not in the file."""
    grid: GridIndex | None
    """Of latitudes and longitudes that depend on more than one dimension; these are not among `added`."""


def applies(mode: OpenMeteoMode, root: OmFileReader) -> bool:
    """Whether a file follows these conventions."""
    if mode == "auto":
        return isinstance(root.attrs.get(CRS_KEY), str)
    if isinstance(mode, bool):
        return mode
    raise ValueError(f"openmeteo is True, False or 'auto', not {mode!r}")


def inherit_dimensions(groups: Mapping[str, OmFileReader], variables: Iterable[FileVariable]) -> list[FileVariable]:
    """Give variables that do not name their dimensions the names of the nearest group above, if the number fits."""
    names = {
        path: value.split() for path, node in groups.items() if isinstance(value := node.attrs.get(DIMENSION_KEY), str)
    }

    def inherited(variable: FileVariable) -> FileVariable:
        group = variable.group
        while group not in names and group != "/":
            group = group.rpartition("/")[0] or "/"
        dims = names.get(group, [])
        fits = not variable.dims and len(dims) == len(variable.reader.shape)
        return variable._replace(dims=dims) if fits else variable

    return [inherited(variable) for variable in variables]


def translate(
    dims: Names, attrs_of: Mapping[str, dict[str, Any]], attrs: Mapping[str, Any], sizes: Mapping[str, int]
) -> Translated:
    """Translate the description of a dataset. Attributes stay as well: programs for `omfiles` 1.2 look for them.

    Parameters
    ----------
    dims, attrs_of : dict
        Dimensions and attributes of variables.
    attrs : dict
        Attributes of the dataset.
    sizes : dict
        Lengths of dimensions.
    """
    attrs_of = {name: _described(name, dims[name], own) for name, own in attrs_of.items()}
    added = _scalar_times(attrs, dims)
    crs_wkt = attrs.get(CRS_KEY)
    if not isinstance(crs_wkt, str) or GRID_MAPPING in dims:
        return Translated(dims, attrs_of, added, None)
    grid = _grid(crs_wkt, dims, sizes)
    mapping = {CRS_KEY: crs_wkt} if grid is None else grid.cf_attributes()
    index = None
    if grid is not None and grid.kind == "geographic":
        added["lat"] = xarray.Variable("lat", grid.y, {**DEGREES["lat"], "axis": "Y"})
        added["lon"] = xarray.Variable("lon", grid.x, {**DEGREES["lon"], "axis": "X"})
    elif grid is not None and not {"y", "x"} & dims.keys():
        index = GridIndex(crs_wkt, grid.shape)
        if grid.kind == "projected":
            added |= _projection_coordinates(grid)
        dims = {name: tuple({"lat": "y", "lon": "x"}.get(dim, dim) for dim in own) for name, own in dims.items()}
    added[GRID_MAPPING] = xarray.Variable((), np.int32(0), mapping)
    return Translated(dims, attrs_of, added, index)


def _scalar_times(attrs: Mapping[str, Any], dims: Names) -> dict[str, xarray.Variable]:
    """Make coordinates of times among the attributes of a dataset."""
    return {
        name: xarray.Variable((), np.int64(attrs[name]), {"standard_name": standard_name, "units": UNITS_OF_TIME})
        for name, standard_name in SCALAR_TIMES.items()
        if name not in dims and isinstance(attrs.get(name), np.integer)
    }


def _grid(crs_wkt: str, dims: Names, sizes: Mapping[str, int]) -> OmGrid | None:
    """Make the grid of a dataset that has its dimensions, and no coordinates of these."""
    if not {"lat", "lon"} <= sizes.keys() or {"lat", "lon"} & dims.keys():
        return None
    try:
        return grid_of(crs_wkt, (sizes["lat"], sizes["lon"]))
    except (ValueError, ImportError) as error:
        warnings.warn(f"the file is opened without latitude and longitude: {error}", stacklevel=2)
        return None


def _projection_coordinates(grid: OmGrid) -> dict[str, xarray.Variable]:
    if grid.cf_attributes().get("grid_mapping_name") == "rotated_latitude_longitude":
        names, units = {"y": "grid_latitude", "x": "grid_longitude"}, "degrees"
    else:
        names, units = {"y": "projection_y_coordinate", "x": "projection_x_coordinate"}, "m"
    values = {"y": grid.y, "x": grid.x}
    return {
        dim: xarray.Variable(dim, values[dim], {"standard_name": name, "units": units, "axis": dim.upper()})
        for dim, name in names.items()
    }


def _described(name: str, dims: tuple[str, ...], attrs: Mapping[str, Any]) -> dict[str, Any]:
    attrs = dict(attrs)
    if "unit" in attrs:
        attrs.setdefault("units", attrs["unit"])
    if name == "time" and dims == ("time",) and "units" not in attrs:
        attrs = {"standard_name": "time", "axis": "T", **attrs, "units": UNITS_OF_TIME}
    return attrs
