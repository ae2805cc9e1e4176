# SPDX-License-Identifier: MIT
"""Real weather data into an .om file and back: `python examples/demo.py [folder]`.

The package `iris-sample-data` ships NetCDF files: air temperature over North America, monthly sea surface temperature,
air pressure on a rotated grid, and a satellite image in stereographic projection. They are copied into one .om file,
a group each, with coordinates and attributes. Then maps and time series are read back, compared with the source, and
drawn.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import iris_sample_data
import matplotlib.pyplot as plt
import netCDF4
import numpy as np

import omfiles
from omfiles.types import BasicSelection

# Group in the .om file: NetCDF file, its main variable, and how many steps per unit to keep of it.
SOURCES = {
    "north_america": ("E1_north_america.nc", "air_temperature", 100),
    "sea_surface": ("ostia_monthly.nc", "surface_temperature", 100),
    "rotated_pole": ("rotated_pole.nc", "air_pressure_at_sea_level", 10),
    "satellite": ("toa_brightness_stereographic.nc", "data", 100),
}


def open_source(file: str) -> netCDF4.Dataset:
    return netCDF4.Dataset(Path(iris_sample_data.path) / file)


def values(variable: netCDF4.Variable[Any]) -> np.ndarray:
    """All values of a variable; NaN where a float is missing."""
    data = variable[...]
    return np.ma.filled(data, np.nan) if data.dtype.kind == "f" else np.ma.getdata(data)


def attributes(item: netCDF4.Dataset | netCDF4.Variable[Any]) -> dict[str, Any]:
    """All attributes but those whose task the .om file does in another way: NaN, and names of dimensions."""
    return {name: item.getncattr(name) for name in item.ncattrs() if name not in ("_FillValue", "coordinates")}


def copy_source(writer: omfiles.OmFileWriter, group: str) -> omfiles.OmWriterVariable:
    """Copy a NetCDF file into a group: the main variable in steps, all else lossless."""
    file, main, steps = SOURCES[group]
    children = []
    with open_source(file) as source:
        for name, variable in source.variables.items():
            attrs = attributes(variable)
            if variable.ndim == 0:
                scalars = [writer.write_scalar(value, key) for key, value in attrs.items()]
                children.append(writer.write_scalar(values(variable)[()], name, scalars))
                continue
            lossless = "fpx_xor_2d" if variable.dtype.kind == "f" else "pfor_delta_2d"
            encoding: dict[str, Any] = {"scale_factor": steps} if name == main else {"compression": lossless}
            array = writer.write_array(
                values(variable), "auto", name=name, attrs=attrs, dims=variable.dimensions, **encoding
            )
            children.append(array)
        children += [writer.write_scalar(value, key) for key, value in attributes(source).items()]
    return writer.write_group(group, children)


def compare(reader: omfiles.OmFileReader, group: str) -> None:
    """Read one map and, where there are times, one place; print how far they are from the source."""
    file, main, steps = SOURCES[group]
    array = reader[group][main]
    with open_source(file) as source:
        original = values(source[main])
    middle = tuple(n // 2 for n in array.shape)
    keys: dict[str, BasicSelection] = {"whole": ...}
    if array.ndim == 3:
        keys = {"map": middle[0], "series": (slice(None), *middle[1:])}
    for what, key in keys.items():
        start = time.perf_counter()
        found = array[key]
        microseconds = (time.perf_counter() - start) * 1e6
        error = np.nanmax(np.abs(found.astype("f8") - original[key]))
        same_gaps = np.array_equal(np.isnan(found), np.isnan(original[key]))
        result = f"{found.shape!s:10} {microseconds:5.0f} us  largest error {error:.5f}, half a step {0.5 / steps}"
        print(f"{group:14} {what:7} {result}")
        # Half a step, and what float32 itself rounds away.
        assert same_gaps and error <= 0.5 / steps + np.spacing(np.nanmax(np.abs(original)))


def draw(reader: omfiles.OmFileReader, path: Path) -> None:
    """Save a picture of one map, and of one place at all times."""
    group = reader["north_america"]
    temperature, latitude, longitude = (group[name] for name in ("air_temperature", "latitude", "longitude"))
    years = 1860 + np.arange(temperature.shape[0])
    y, x = 20, 30
    figure, (left, right) = plt.subplots(1, 2, figsize=(13, 4.5), layout="constrained")
    image = left.pcolormesh(longitude[:], latitude[:], temperature[-1] - 273.15, shading="nearest")
    left.plot(longitude[x], latitude[y], "wo", markeredgecolor="black")
    left.set(title=f"Air temperature {years[-1]}", xlabel="degrees east", ylabel="degrees north")
    figure.colorbar(image, label="°C")
    right.plot(years, temperature[:, y, x] - 273.15)
    right.set(title=f"{latitude[y]:.1f}° N, {longitude[x]:.1f}° E", xlabel="year", ylabel="°C")
    figure.savefig(path, dpi=110)


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "weather.om"
    start = time.perf_counter()
    with omfiles.OmFileWriter(path) as writer:
        writer.close(writer.write_group("", [copy_source(writer, group) for group in SOURCES]))
    seconds = time.perf_counter() - start

    with omfiles.open(path) as reader:
        print(reader.tree(), "\n")
        for group in SOURCES:
            compare(reader, group)
        draw(reader, folder / "weather.png")

    n_netcdf = sum((Path(iris_sample_data.path) / file).stat().st_size for file, *_ in SOURCES.values())
    print(f"\nNetCDF files {n_netcdf:9,} bytes\n.om file     {path.stat().st_size:9,} bytes, made in {seconds:.2f} s")
    print(f"See {path} and {folder / 'weather.png'}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "build/demo"))
