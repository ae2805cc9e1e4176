# SPDX-License-Identifier: MIT
"""``extract``: a region, a period or some variables into a new file. Only chunks that are needed are fetched."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from omfiles._cli.common import (
    OK,
    USAGE,
    CommandError,
    add_command,
    add_force,
    add_storage_options,
    check_free,
    listing,
    variables,
)
from omfiles._cli.convert import Wishes, add_encoding, add_ends, only
from omfiles._cli.datasets import Data, format_of, open_data, write_data

if TYPE_CHECKING:
    import xarray

__all__ = ["add_parsers", "coordinate", "parse_time"]

Box = tuple[float, float, float, float]


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


def parse_box(text: str) -> Box:
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


def parse_time(text: str) -> slice:
    """Parse a period for argparse."""
    parts = text.split("/")
    try:
        for part in parts:
            if part and np.isnat(np.datetime64(part.removesuffix("Z"), "ns")):
                raise ValueError
    except ValueError:
        parts = []
    if len(parts) not in (1, 2) or not any(parts):
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 2026-11-01T06, and no START/END of two of them")
    bounds = [part.removesuffix("Z") or None for part in parts]
    return slice(bounds[0], bounds[-1])


def extract(arguments: argparse.Namespace) -> int:
    source, target = arguments.input, arguments.output
    source_format = format_of(source, arguments.source_format, "--from")
    target_format = format_of(target, arguments.target_format, "--to")
    check_free(target, arguments.force)
    wishes = Wishes(arguments)
    if wishes and target_format != "om":
        raise CommandError("chunks, compression and scale are for .om files as output", USAGE)
    data = only(open_data(source, source_format, arguments, decode_times=True), variables(arguments))
    if arguments.time is not None:
        data = _selected(data, "time", lambda ds: in_period(ds, arguments.time))
    if arguments.bbox is not None:
        data = _selected(data, "latitude and longitude", lambda ds: in_box(ds, arguments.bbox))
    write_data(data, target, target_format, arguments, wishes)
    wishes.check()
    return OK


def _selected(data: Data, what: str, select: Callable[[xarray.Dataset], xarray.Dataset | None]) -> Data:
    """Select from a dataset, or from those groups of a tree that have the coordinates."""
    import xarray

    groups: dict[str, xarray.Dataset] = {"/": data} if isinstance(data, xarray.Dataset) else data.to_dict()
    selected = {path: select(ds) for path, ds in groups.items()}
    if all(ds is None for ds in selected.values()):
        names = sorted({str(name) for ds in groups.values() for name in ds.coords})
        raise CommandError(f"the file has no coordinates of {what} by which to select; {listing(names)}")
    kept = {path: groups[path] if ds is None else ds for path, ds in selected.items()}
    return kept["/"] if isinstance(data, xarray.Dataset) else xarray.DataTree.from_dict(kept)


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


def place_coordinates(ds: xarray.Dataset) -> tuple[Any, Any]:
    """Return the latitudes and the longitudes, or None for each."""
    lat = coordinate(ds, "latitude", ("degrees_north", "degree_north"), ("lat", "latitude"))
    lon = coordinate(ds, "longitude", ("degrees_east", "degree_east"), ("lon", "longitude"))
    return lat, lon


def in_period(ds: xarray.Dataset, period: slice) -> xarray.Dataset | None:
    """Select times, along whatever dimension they have."""
    time = coordinate(ds, "time", (), ("time", "valid_time"))
    if time is None or time.ndim != 1:
        return None
    index = time.to_index()
    inside = index.slice_indexer(period.start, period.stop)
    if len(index[inside]) == 0:
        raise CommandError(f"no time is in the period: they go from {_iso(index.min())} to {_iso(index.max())}")
    return ds.isel({time.dims[0]: inside})


def _iso(time: Any) -> str:
    return str(time.isoformat())


def in_box(ds: xarray.Dataset, box: Box) -> xarray.Dataset | None:
    """Select a box of latitudes and longitudes, on a grid of any kind."""
    west, south, east, north = box
    lat, lon = place_coordinates(ds)
    if lat is None or lon is None or 0 in (lat.ndim, lon.ndim):
        return None
    outside = CommandError(f"no grid point is in the box {west:g},{south:g},{east:g},{north:g} (W,S,E,N)")
    index = ds.xindexes.get(lat.name)
    if lat.ndim == lon.ndim == 1 and lat.dims != lon.dims:
        rows = np.flatnonzero(_between(lat.values, south, north))
        offsets = (lon.values - west) % 360
        columns = np.flatnonzero(offsets <= _width(west, east))
        columns = columns[np.argsort(offsets[columns], kind="stable")] if _wraps(columns, offsets) else columns
        if rows.size == 0 or columns.size == 0:
            raise outside
        return ds.isel({lat.dims[0]: _as_slice(rows), lon.dims[0]: _as_slice(columns)})
    if index is not None and type(index).__name__ == "GridIndex":
        selected = ds.sel({lat.name: slice(south, north), lon.name: slice(west, east)})
        if 0 in selected.sizes.values():
            raise outside
        return selected
    inside = _between(lat.values, south, north) & ((lon.values - west) % 360 <= _width(west, east))
    if not inside.any():
        raise outside
    places = np.nonzero(inside)
    return ds.isel({dim: slice(int(at.min()), int(at.max()) + 1) for dim, at in zip(lat.dims, places)})


def _between(values: npt.NDArray[Any], low: float, high: float) -> npt.NDArray[np.bool_]:
    return (values >= low) & (values <= high)


def _width(west: float, east: float) -> float:
    return 360.0 if east - west >= 360 else (east - west) % 360


def _wraps(columns: npt.NDArray[np.intp], offsets: npt.NDArray[Any]) -> bool:
    """Whether the box lies across the seam of the longitudes, so that columns must be put in another order."""
    return columns.size > 1 and bool(np.any(np.diff(columns) > 1))


def _as_slice(at: npt.NDArray[np.intp]) -> slice | npt.NDArray[np.intp]:
    """Make a slice of positions that follow one another, which is read faster."""
    if np.all(np.diff(at) == 1):
        return slice(int(at[0]), int(at[-1]) + 1)
    return at
