# SPDX-License-Identifier: MIT
"""``plot``: a map or a series as PNG."""

from __future__ import annotations

import argparse
import os
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from omfiles._cli.common import (
    OK,
    USAGE,
    CommandError,
    add_command,
    add_force,
    add_storage_options,
    atomic_output,
    check_free,
    parse_slice,
    require,
)
from omfiles._cli.convert import only
from omfiles._cli.datasets import FORMATS, format_of, open_data
from omfiles._cli.extract import geographic_coordinates, in_box, parse_box, with_dimensions
from omfiles._cli.selections import Key
from omfiles._cli.times import first_inside, in_period, is_time, parse_time, time_axis
from omfiles._tools.copy_variables import MEMORY

if TYPE_CHECKING:
    from collections.abc import Hashable

    import xarray

    from omfiles._xarray.degrees import Role

__all__ = ["add_parsers"]

MAX_POINTS = 2000
"""Points along a side of a map: there are no more pixels, so of larger maps every other point, or fewer, is read."""


def add_parsers(commands: Any) -> None:
    parser = add_command(
        commands,
        "plot",
        plot,
        "draw a map, or a series, as PNG",
        "omfiles plot weather.om t2m --time 2026-11-01T12 --bbox -12,35,35,70 -o map.png",
    )
    parser.add_argument("input", metavar="FILE", help="path or URL of the file")
    parser.add_argument("variable", metavar="VAR", nargs="?", help="path of the array, if there are several")
    parser.add_argument(
        "-o", "--output", metavar="OUT", help="the picture, by default VAR.png; .pdf and .svg also work"
    )
    parser.add_argument(
        "-s",
        "--slice",
        type=parse_slice,
        metavar="SLICE",
        help="what to draw, as between brackets in Python; without, the first map, of which --time may choose another",
    )
    parser.add_argument("--point", type=_point, metavar="LAT,LON", help="draw the series of the nearest grid point")
    parser.add_argument("--time", type=parse_time, metavar="START/END", help="time of a map, or period of a series")
    parser.add_argument("--bbox", type=parse_box, metavar="W,S,E,N", help="region of a map")
    parser.add_argument(
        "--cmap", default="viridis", help="colours of a map, as matplotlib names them (default %(default)s)"
    )
    parser.add_argument("--from", dest="source_format", choices=FORMATS, help="format of FILE")
    parser.set_defaults(memory=MEMORY)
    add_force(parser)
    add_storage_options(parser)


def _point(text: str) -> tuple[float, float]:
    try:
        lat, lon = map(float, text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not LAT,LON such as 52.5,13.4") from None
    if not -90 <= lat <= 90 or not -360 <= lon <= 360:
        raise argparse.ArgumentTypeError(f"{text!r} is no place LAT,LON: a latitude lies within -90 ... 90")
    return lat, lon


def plot(arguments: argparse.Namespace) -> int:
    require("matplotlib", "plot", "drawing")
    data = open_data(
        arguments.input, format_of(arguments.input, arguments.source_format, "--from"), arguments, decode_times=True
    )
    ds, name = _dataset(data, arguments.variable)
    output = arguments.output or f"{name.replace(os.sep, '_')}.png"
    check_free(output, arguments.force)
    field = _select(ds, name, arguments)
    _draw(field, output, arguments)
    print(output)
    return OK


def _dataset(data: Any, variable: str | None) -> tuple[xarray.Dataset, str]:
    """Find the variable, and the dataset that it belongs to."""
    import xarray

    if variable is None:
        nodes = (
            {"": data} if isinstance(data, xarray.Dataset) else {f"{path}/": ds for path, ds in data.to_dict().items()}
        )
        candidates = [
            f"{path}{name}".lstrip("/") for path, ds in nodes.items() for name, var in ds.data_vars.items() if var.ndim
        ]
        maps = [path for path in candidates if not path.endswith(("_bnds", "_bounds"))]
        if len(maps) != 1:
            raise CommandError(f"say which variable; there are {', '.join(map(repr, candidates[:10]))}", USAGE)
        variable = maps[0]
    group, _, last = variable.strip("/").rpartition("/")
    tree = isinstance(data, xarray.DataTree)
    if (
        tree
        and group in data
        and isinstance(data[group or "/"], xarray.DataTree)
        and last in data[group or "/"].variables
    ):
        return data[group or "/"].to_dataset(), last  # also coordinates
    if isinstance(data, xarray.Dataset) and variable in data.variables:
        return data, variable
    ds: Any = only(data, [variable])
    (found,) = ds.data_vars
    return ds, str(found)


def _select(ds: xarray.Dataset, name: str, arguments: argparse.Namespace) -> xarray.DataArray:
    """Select one map, or one series."""
    ds = with_dimensions(ds)
    first = {}
    if arguments.time is not None:
        dims = ds[name].dims
        ds = _found(in_period(ds, arguments.time, dims), "times")
        first = first_inside(time_axis(ds, dims), arguments.time)
    ds = ds[[name]] if name in ds.data_vars else ds
    if arguments.bbox is not None:
        ds = _found(in_box(ds, arguments.bbox), "latitudes and longitudes")
    if arguments.point is not None:
        ds = _found(_nearest(ds, *arguments.point), "latitudes and longitudes")
    if arguments.slice is not None:
        field = _sliced(ds[name], arguments.slice)
    else:
        field = ds[name] if arguments.point is not None else _first_map(ds, name, first)
    field = field.squeeze()
    if field.ndim not in (1, 2) or field.size == 0:
        raise CommandError(
            f"{name!r} has {field.ndim} dimensions left, {dict(field.sizes)}: select a map of two, or a series of one, "
            "by --slice, --time or --point",
            USAGE,
        )
    if field.ndim == 1:
        return field
    return field.isel({dim: slice(None, None, -(-size // MAX_POINTS)) for dim, size in field.sizes.items()})


def _found(selected: xarray.Dataset | None, what: str) -> xarray.Dataset:
    if selected is None:
        raise CommandError(f"the variable has no {what} by which to select; --slice selects by position", USAGE)
    return selected


def _sliced(field: xarray.DataArray, key: Key) -> xarray.DataArray:
    try:
        return field[key]
    except IndexError as error:
        raise CommandError(f"--slice does not fit {field.name!r} of shape {field.shape}: {error}", USAGE) from None


def _first_map(ds: xarray.Dataset, name: str, first: Mapping[Hashable, int]) -> xarray.DataArray:
    """Select the first elements along the dimensions that are not those of a map, which otherwise are the last two."""
    field = ds[name]
    lat, lon = geographic_coordinates(ds)
    of_map = {*lat.dims, *lon.dims} if lat is not None and lon is not None else set()
    if not of_map or not of_map <= set(field.dims):
        of_map = set(field.dims[-2:])
    return field.isel({dim: first.get(dim, 0) for dim in field.dims if dim not in of_map})


def _nearest(ds: xarray.Dataset, lat: float, lon: float) -> xarray.Dataset | None:
    from omfiles._xarray.selection import GridIndex

    latitude, longitude = geographic_coordinates(ds)
    if latitude is None or longitude is None or 0 in (latitude.ndim, longitude.ndim):
        return None
    try:
        if isinstance(ds.xindexes.get(latitude.name), GridIndex):
            return ds.sel({latitude.name: lat, longitude.name: lon}, method="nearest")
        if latitude.dims != longitude.dims:
            return ds.isel(_along(latitude, lat, "latitude") | _along(longitude, lon, "longitude"))
    except KeyError as error:
        raise CommandError(f"--point: {error.args[0]}") from None
    longitude = longitude.transpose(*latitude.dims)
    distance = _distance(latitude.values, longitude.values, lat, lon)
    at = np.unravel_index(np.nanargmin(distance), distance.shape)
    row = {dim: int(index) for dim, index in zip(latitude.dims, at)}
    if latitude.ndim == 2 and distance[at] > _spacing(latitude.values, longitude.values, at):
        raise CommandError(
            f"--point: latitude {lat}, longitude {lon} is outside of the grid; the nearest of its points is at "
            f"latitude {latitude.values[at]:.6g}, longitude {longitude.values[at]:.6g}"
        )
    return ds.isel(row)


def _along(degrees: xarray.DataArray, place: float, role: Role) -> dict[Hashable, int]:
    """Find the row or the column of a place."""
    from omfiles._xarray.degrees import DegreesIndex

    index = DegreesIndex(degrees.values, degrees.dims[0], role=role)
    if index.axis is not None:
        found: dict[Hashable, int] = index.sel({degrees.name: place}, method="nearest").dim_indexers
        return {dim: int(position) for dim, position in found.items()}
    away = degrees.values - place
    away = abs((away + 180) % 360 - 180 if role == "longitude" else away)
    position = int(away.argmin())
    near = degrees.values[max(0, position - 1) : position + 2]
    if away[position] > (np.ptp(near) if near.size > 1 else 90):
        raise KeyError(f"{role} {place} is outside of the grid, which has {degrees.min():.6g} to {degrees.max():.6g}")
    return {degrees.dims[0]: position}


def _distance(latitude: Any, longitude: Any, lat: float, lon: float) -> Any:
    """Angles between points and a place."""
    east = np.deg2rad(longitude - lon)
    south, north = np.deg2rad(latitude), np.deg2rad(lat)
    nearness = np.sin(south) * np.sin(north) + np.cos(south) * np.cos(north) * np.cos(east)
    return np.arccos(np.clip(nearness, -1, 1))


def _spacing(latitude: Any, longitude: Any, at: tuple[Any, ...]) -> float:
    """Largest angle between a point and its neighbours."""
    around = tuple(slice(max(0, int(index) - 1), int(index) + 2) for index in at)
    return float(np.nanmax(_distance(latitude[around], longitude[around], latitude[at], longitude[at])))


def _draw(field: xarray.DataArray, output: str, arguments: argparse.Namespace) -> None:
    from matplotlib import colormaps
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if arguments.cmap not in colormaps:
        raise CommandError(
            f"matplotlib has no colours named {arguments.cmap!r}; viridis, RdBu_r, turbo, ... are there", USAGE
        )
    figure = Figure(figsize=(9, 5), layout="constrained", dpi=120)
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    label = " ".join(filter(None, (str(field.name), f"[{field.attrs['units']}]" if "units" in field.attrs else "")))
    lat, lon = geographic_coordinates(field.to_dataset(name="field"))
    if field.ndim == 2:
        _draw_map(figure, axes, field, label, arguments.cmap)
    elif lat is not None and lon is not None and lat.dims == lon.dims == field.dims:  # points of a Gaussian grid
        size = max(2.0, 150_000 / field.size)
        points = axes.scatter(lon.values, lat.values, size, field.values, cmap=arguments.cmap, marker="s")
        points.set_rasterized(True)
        points.set_linewidth(0)
        axes.set(xlabel="degrees east", ylabel="degrees north")
        figure.colorbar(points, label=label)
    else:
        times = time_axis(field.to_dataset(name="field"))
        along = field.dims[0] if times is None or times.dims != field.dims else times.name
        axes.plot(_axis(field, along), field.values, marker="." if field.size < 60 else None)
        axes.set(xlabel=str(along), ylabel=label)
        axes.grid(alpha=0.3)
    axes.set_title(_title(field), fontsize="medium")
    ending = os.path.splitext(output)[1].removeprefix(".").lower() or "png"
    if ending not in figure.canvas.get_supported_filetypes():
        raise CommandError(f"pictures cannot be {ending!r}; .png, .pdf and .svg can", USAGE)
    with atomic_output(output, arguments.force) as part:
        figure.savefig(part, format=ending)


def _draw_map(figure: Any, axes: Any, field: xarray.DataArray, label: str, cmap: str) -> None:
    lat, lon = geographic_coordinates(field.to_dataset(name="field"))
    values = field
    if lat is not None and lon is not None and {*lat.dims, *lon.dims} == set(field.dims):
        y, x = lat.values, lon.values
        names = ("degrees north", "degrees east")
        if lat.ndim == 1:
            values = field.transpose(lat.dims[0], lon.dims[0])
            x = np.rad2deg(np.unwrap(np.deg2rad(x)))
            axes.set_aspect(min(2.5, 1 / max(0.2, np.cos(np.deg2rad(y.mean())))))
        else:
            values, y, x = field.transpose(*lat.dims), y, lon.transpose(*lat.dims).values
            # Where longitudes wrap, cells would be drawn across the whole map.
            x = np.rad2deg(np.unwrap(np.unwrap(np.deg2rad(x), axis=1), axis=0))
    else:
        y, x = (_axis(field, dim) for dim in field.dims)
        names = (str(field.dims[0]), str(field.dims[1]))
    data = np.ma.masked_invalid(values.values.astype(float))
    image = axes.pcolormesh(x, y, data, shading="nearest", cmap=cmap, rasterized=True)
    axes.set(ylabel=names[0], xlabel=names[1])
    figure.colorbar(image, label=label)


def _axis(field: xarray.DataArray, name: Any) -> Any:
    """Values along a dimension, or of a coordinate of it, that can be drawn."""
    if name in field.coords and field[name].dtype.kind in "fiuM":
        return field[name].values
    if name in field.coords and is_time(field[name]):  # of other calendars
        return [_years(time) if hasattr(time, "year") else np.nan for time in field[name].values]
    return np.arange(field.sizes[name])


def _years(time: Any) -> float:
    """Express a time of any calendar in years."""
    start = time.replace(month=1, day=1, hour=0, minute=0, second=0, microsecond=0)
    year: float = time.year + (time - start) / (start.replace(year=time.year + 1) - start)
    return year


def _title(field: xarray.DataArray) -> str:
    """Name what is drawn, and where and when."""
    parts = [str(field.attrs.get("long_name") or field.attrs.get("standard_name") or field.name).replace("_", " ")]
    for name, coordinate in field.coords.items():
        if coordinate.ndim == 0 and coordinate.dtype.kind in "fiuMO":
            text = _value_text(coordinate)
            if text and name not in ("spatial_ref", "forecast_reference_time", "forecast_period"):
                parts.append(f"{name} {text}")
    return ", ".join(parts[:5])


def _value_text(coordinate: Any) -> str:
    value = coordinate.values[()]
    if coordinate.dtype.kind == "M":
        return str(np.datetime_as_string(value, unit="m"))
    if coordinate.dtype.kind == "O":
        return str(getattr(value, "isoformat", lambda: "")())[:16]
    return f"{value:.6g} {coordinate.attrs.get('units', '')}".strip()
