# SPDX-License-Identifier: MIT
"""``extract``: a region, a period or some variables into a new file. Only chunks that are needed are fetched."""

from __future__ import annotations

import argparse
import re
import warnings
from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from omfiles._cli.common import (
    OK,
    USAGE,
    CommandError,
    add_command,
    add_force,
    add_storage_options,
    check_free,
    variables,
)
from omfiles._cli.convert import add_ends, only
from omfiles._cli.datasets import Data, format_of, open_data, write_data
from omfiles._cli.encoding import EncodingOptions, add_encoding
from omfiles._cli.times import in_period, parse_time
from omfiles._reading.names import list_names

if TYPE_CHECKING:
    import xarray

    from omfiles._grids.box import Box

__all__ = ["add_parsers", "coordinate"]

Sides = tuple[float, float, float, float]
"""West, south, east, north."""


def add_parsers(commands: Any) -> None:
    parser = add_command(
        commands,
        "extract",
        extract,
        "write a region, a period or some variables to a new file; only the chunks that are needed are read",
        "omfiles extract s3://bucket/icon.om europe.om --bbox -12,35,35,70 --time 2026-11-01/2026-11-03 --var t2m",
    )
    add_ends(parser, "path or URL of an .om file, or of another format as for convert")
    parser.add_argument(
        "--bbox",
        type=parse_box,
        metavar="W,S,E,N",
        help="longitudes and latitudes of the sides; with W greater than E it crosses the antimeridian",
    )
    parser.add_argument(
        "--time",
        type=parse_time,
        metavar="START/END",
        help="times in UTC such as 2026-11-01T06/2026-11-03, both included; one alone means that day, hour ...",
    )
    add_encoding(parser)
    add_force(parser)
    add_storage_options(parser)


def parse_box(text: str) -> Sides:
    """Parse a box for argparse."""
    try:
        west, south, east, north = map(float, text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not W,S,E,N, four numbers such as -12,35,35,70") from None
    if not (-90 <= south <= north <= 90 and abs(west) <= 360 and abs(east) <= 360):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no box W,S,E,N: south ({south:g}) and north ({north:g}) must ascend within -90 ... 90, "
            "and longitudes lie within -360 ... 360"
        )
    return west, south, east, north


def extract(arguments: argparse.Namespace) -> int:
    source, target = arguments.input, arguments.output
    source_format = format_of(source, arguments.source_format, "--from")
    target_format = format_of(target, arguments.target_format, "--to")
    check_free(target, arguments.force)
    options = EncodingOptions.parse(arguments)
    if options and target_format != "om":
        raise CommandError("chunks, compression and scale are for .om files as output", USAGE)
    opened = open_data(source, source_format, arguments, decode_times=arguments.time is not None)
    data = only(opened, variables(arguments))
    if arguments.time is not None:
        data = _selected(data, "time", lambda ds: in_period(ds, arguments.time))
    if arguments.bbox is not None:
        data = _selected(data, "latitude and longitude", lambda ds: _of_part(in_box(ds, arguments.bbox)))
    write_data(data, target, target_format, arguments, options)
    return OK


def _selected(data: Data, what: str, select: Callable[[xarray.Dataset], xarray.Dataset | None]) -> Data:
    """Select from a dataset, or from those groups of a tree that have the coordinates."""
    import xarray

    groups: dict[str, xarray.Dataset] = (
        {"/": data}
        if isinstance(data, xarray.Dataset)
        else {node.path: node.to_dataset() for node in data.subtree}  # with what they inherit, by which to select
    )
    selected = {path: _selected_group(path, groups, select) for path in groups}
    if all(ds is None for ds in selected.values()):
        names = sorted({str(name) for ds in groups.values() for name in ds.coords})
        raise CommandError(f"the file has no coordinates of {what} by which to select; {list_names(names)}")
    kept = {path: groups[path] if ds is None else ds for path, ds in selected.items()}
    return kept["/"] if isinstance(data, xarray.Dataset) else xarray.DataTree.from_dict(kept)


def _selected_group(
    path: str, groups: dict[str, xarray.Dataset], select: Callable[[xarray.Dataset], xarray.Dataset | None]
) -> xarray.Dataset | None:
    """Select from a group by its coordinates, or by those of the nearest group above that has its dimensions."""
    ds = groups[path]
    selected = select(ds)
    above = path
    while selected is None and above != "/":
        above = above.rpartition("/")[0] or "/"
        borrowed = {
            name: coordinate
            for name, coordinate in groups[above].coords.items()
            if name not in ds.variables and coordinate.ndim and coordinate.sizes.items() <= ds.sizes.items()
        }
        selected = select(ds.assign_coords(borrowed))
        selected = None if selected is None else selected.drop_vars(borrowed)
    return selected


def _of_part(ds: xarray.Dataset | None) -> xarray.Dataset | None:
    """Take away what describes all of a grid: coordinates and `spatial_ref` describe the part."""
    if ds is not None:
        for attrs in (ds.attrs, *(var.attrs for var in ds.variables.values() if var.ndim)):
            attrs.pop("crs_wkt", None)
    return ds


# --- selections -------------------------------------------------------------------------------------------------------


def coordinate(ds: xarray.Dataset, standard_name: str, units: tuple[str, ...], names: tuple[str, ...]) -> Any:
    """Find a coordinate: by its name, its standard name, or its units."""
    for name in names:
        if name in ds.variables:
            return ds[name]
    for key, var in ds.variables.items():
        if var.attrs.get("standard_name") == standard_name or var.attrs.get("units") in units:
            return ds[key]
    return None


def geographic_coordinates(ds: xarray.Dataset) -> tuple[Any, Any]:
    """Return the latitudes and the longitudes, or None for each."""
    lat = coordinate(ds, "latitude", ("degrees_north", "degree_north"), ("lat", "latitude"))
    lon = coordinate(ds, "longitude", ("degrees_east", "degree_east"), ("lon", "longitude"))
    return lat, lon


def in_box(ds: xarray.Dataset, sides: Sides) -> xarray.Dataset | None:
    """Select a box of latitudes and longitudes, on a grid of any kind."""
    from omfiles._grids.box import Box
    from omfiles._xarray.selection import GridIndex

    west, south, east, north = sides
    ds = with_dimensions(ds)
    lat, lon = geographic_coordinates(ds)
    if lat is None or lon is None or 0 in (lat.ndim, lon.ndim):
        return None
    box = Box.between(south, north, west, east).widened(np.result_type(lat, lon))
    if lat.ndim == lon.ndim == 1 and lat.dims != lon.dims:
        selected = _columns(ds.isel({lat.dims[0]: box.rows(lat.values)}), lon, box)
    elif isinstance(ds.xindexes.get(lat.name), GridIndex):
        selected = ds.sel({lat.name: slice(south, north), lon.name: slice(west, east)})
    elif lat.ndim == 1:
        inside = box.has_latitude(lat.values) & box.has_longitude(lon.values)
        selected = ds.isel({lat.dims[0]: np.flatnonzero(inside)})
    else:
        selected = ds.isel(dict(zip(lat.dims, box.region(lat.values, lon.transpose(*lat.dims).values))))
    if 0 in selected.sizes.values():
        raise CommandError(f"no grid point is in the box {west:g},{south:g},{east:g},{north:g} (W,S,E,N)")
    return selected


def _columns(ds: xarray.Dataset, lon: xarray.DataArray, box: Box) -> xarray.Dataset:
    """Select columns. If they are from both sides of the seam of longitudes, these become ascending ones."""
    columns = box.columns(lon.values)
    if isinstance(columns, slice):
        return ds.isel({lon.dims[0]: columns})
    columns, degrees = box.ascending(columns, lon.values)
    turns = degrees - lon.values[columns]
    selected = ds.isel({lon.dims[0]: columns})
    bounds = {**lon.encoding, **lon.attrs}.get("bounds")
    for name in (lon.name, *([bounds] if bounds in ds.variables else [])):
        old = selected.variables[name]
        shift = turns.reshape([-1 if dim == lon.dims[0] else 1 for dim in old.dims])
        values = (old.values + shift).round(10).astype(old.dtype)
        kept = {key: value for key, value in old.encoding.items() if key == "bounds"}  # packing may not hold the others
        selected = selected.assign({name: (old.dims, values, old.attrs, kept)})
    return selected


ANONYMOUS = re.compile(r"dim\d+(_\d+)?")
"""Dimensions that have no name in the file."""


def with_dimensions(ds: xarray.Dataset) -> xarray.Dataset:
    """Name dimensions that have no names after latitude and longitude, where their lengths tell which they are."""
    lat, lon = geographic_coordinates(ds)
    if lat is None or lon is None or (lat.ndim, lon.ndim) != (1, 1) or (lat.dims == lon.dims and not _anonymous(lat)):
        return ds
    sides = {role.name: role.name if _anonymous(role) else role.dims[0] for role in (lat, lon)}
    dims = {ds[name].size: dim for name, dim in sides.items()}
    named = {name: _renamed(ds.variables[name], [dim]) for name, dim in sides.items()}
    left = []
    for name, var in ds.variables.items():
        if name in sides or not _anonymous(var) or not dims.keys() & {*var.shape}:
            continue
        if len(dims) == 2 and all(var.shape.count(size) == 1 for size in dims):
            named[name] = _renamed(var, [dims.get(size, dim) for dim, size in zip(var.dims, var.shape)])
        elif var.ndim > 1:
            left.append(name)
    if left:
        warnings.warn(
            "left whole, as their dimensions have no names and their lengths do not tell which are those of latitude "
            f"and longitude: {', '.join(map(repr, left))}",
            stacklevel=2,
        )
    return ds.drop_vars(named).assign(named) if len(named) > 2 or _anonymous(lat) or _anonymous(lon) else ds


def _anonymous(var: xarray.Variable | xarray.DataArray) -> bool:
    return all(ANONYMOUS.fullmatch(str(dim)) for dim in var.dims)


def _renamed(var: xarray.Variable, dims: Sequence[Hashable]) -> xarray.Variable:
    new = var.copy(deep=False)
    new.dims = dims
    return new
