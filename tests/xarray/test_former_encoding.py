# SPDX-License-Identifier: MIT
"""Encoding of the file that data come from: obeyed where it still fits, and otherwise nothing is rounded."""

from __future__ import annotations

import os
import warnings
from typing import Any

import numpy as np
import pytest

import omfiles

pytest.importorskip("xarray")
dask = pytest.importorskip("dask")

import xarray as xr  # noqa: E402

from omfiles.xarray import write_dataset  # noqa: E402

RNG = np.random.default_rng(5)
DIMS = ("time", "lat", "lon")
COORDS = {"time": np.arange(24), "lat": np.linspace(40, 49.5, 20), "lon": np.linspace(0, 14.5, 30)}


def smooth(shape: tuple[int, ...] = (24, 20, 30)) -> Any:
    return RNG.integers(-3, 4, shape).cumsum(0)


@pytest.fixture
def steps(tmp_path):
    """Steps of 0.05, with gaps, in a file."""
    values = ((smooth() + 5600) / 20).astype("f4")
    values[0, :, ::7] = np.nan
    path = tmp_path / "steps.om"
    write_dataset(xr.Dataset({"t2m": (DIMS, values)}, COORDS), path, scale_factor=20, chunks={"time": 6, "lat": 10})
    return path


def codec(path: Any, name: str = "t2m") -> tuple[str, float]:
    with omfiles.open(path) as file:
        return file[name].compression_name, file[name].scale_factor


PACKINGS = [
    ("i2", {"scale_factor": 0.001, "add_offset": 285.0, "_FillValue": np.int16(-32768)}, 1000),
    ("i2", {"scale_factor": np.float32(0.001), "add_offset": np.float32(285), "_FillValue": np.int16(-1)}, 1000),
    (
        "i2",
        {"scale_factor": np.float32(0.00182), "add_offset": np.float32(285.12)},
        np.float32(1 / np.float32(0.00182)),
    ),
    ("i2", {"scale_factor": 0.01}, 100),
    ("i2", {"scale_factor": 10.0, "missing_value": np.int16(3)}, 1),
    ("i2", {"scale_factor": 0.3, "_FillValue": np.int16(3)}, 10),
    ("u1", {"scale_factor": 0.5, "add_offset": -10.0, "_FillValue": np.uint8(255)}, 2),
    ("i1", {"scale_factor": 0.5, "add_offset": -10.0, "_FillValue": np.int8(-1), "_Unsigned": "true"}, 2),
    ("i2", {"_FillValue": np.int16(-1)}, 1),
    ("i4", {"scale_factor": 1e-5, "add_offset": 1e5, "_FillValue": np.int32(-1)}, 1e5),
]


@pytest.mark.parametrize("in_blocks", [False, True])
@pytest.mark.parametrize(("dtype", "attrs", "scale"), PACKINGS)
def test_packed_values_take_the_same_steps(tmp_path, dtype, attrs, scale, in_blocks):
    pytest.importorskip("netCDF4")
    packed = smooth().clip(-100, 100).astype(dtype)
    xr.Dataset({"t2m": (DIMS, packed, attrs)}, COORDS).to_netcdf(tmp_path / "a.nc")
    with xr.open_dataset(tmp_path / "a.nc", chunks={} if in_blocks else None) as ds:
        write_dataset(ds, tmp_path / "a.om")  # without a warning
        old = ds.load()
    assert codec(tmp_path / "a.om") == ("pfor_delta_2d", scale)
    new = xr.load_dataset(tmp_path / "a.om", engine="om")
    assert new.t2m.dtype == old.t2m.dtype
    reach = np.abs(old.t2m) + abs(float(attrs.get("add_offset", 0)))
    assert (new.t2m.isnull() == old.t2m.isnull()).all()
    assert not (np.abs(new.t2m - old.t2m) > 4 * np.finfo(old.t2m.dtype).eps * reach).any()
    if packed.itemsize > 1:
        assert os.path.getsize(tmp_path / "a.om") < 2 * packed.nbytes


def test_packing_that_a_file_cannot_have_is_stored_exactly(tmp_path):
    """Scale and offset of a file are float32."""
    attrs = {"scale_factor": 0.0018226111, "add_offset": 285.1234567}
    ds = xr.decode_cf(xr.Dataset({"t2m": (DIMS, smooth().astype("i2"), attrs)}, COORDS))
    with pytest.warns(UserWarning, match="'t2m': stored exactly"):
        write_dataset(ds, tmp_path / "a.om")
    xr.testing.assert_identical(xr.load_dataset(tmp_path / "a.om", engine="om"), ds)


def assign(ds: xr.Dataset) -> xr.Dataset:
    ds["t2m"][3] = 0.123
    return ds


CHANGES = {
    "concat": lambda ds: xr.concat([ds, (ds * 0.0123).assign_coords(time=ds.time + 24)], "time"),
    "coarsen": lambda ds: ds.coarsen(lat=2).mean(),
    "shift": lambda ds: ds.shift(time=1, fill_value=0.123),
    "where": lambda ds: ds.where(ds.lat > 42, 0.123),
    "fillna": lambda ds: ds.fillna(0.123),
    "assignment": assign,
    "infinite": lambda ds: ds.fillna(np.inf),
    "large": lambda ds: ds.fillna(3e38),
}


@pytest.mark.parametrize("in_blocks", [False, True])
@pytest.mark.parametrize("change", CHANGES)
def test_what_was_changed_is_not_rounded(tmp_path, steps, change, in_blocks):
    ds = CHANGES[change](xr.load_dataset(steps, engine="om"))
    ds.t2m.encoding = xr.open_dataset(steps, engine="om").t2m.encoding  # as some versions of xarray do, and others not
    written = ds.chunk(time=6) if in_blocks else ds
    with pytest.warns(UserWarning, match="'t2m': stored exactly") as caught:
        write_dataset(written, tmp_path / "a.om")
    assert len(caught) == 1
    xr.testing.assert_identical(xr.load_dataset(tmp_path / "a.om", engine="om"), ds)
    assert codec(tmp_path / "a.om")[0] == "fpx_xor_2d"


@pytest.mark.filterwarnings("ignore:.*do not follow the order of chunks", "ignore:The specified chunks separate")
@pytest.mark.parametrize("in_blocks", [False, True])
@pytest.mark.parametrize("compression", ["pfor_delta_2d", "pfor_delta_2d_int16", "pfor_delta_2d_int16_logarithmic"])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_what_is_on_steps_keeps_them(tmp_path, compression, dtype, in_blocks):
    if dtype == "f8" and "int16" in compression:
        return
    values = np.abs(smooth() / 7).astype(dtype)
    values[0, 0] = np.nan
    encoding = {"t2m": {"scale_factor": 123, "compression": compression}}
    write_dataset(xr.Dataset({"t2m": (DIMS, values)}, COORDS), tmp_path / "a.om", encoding=encoding)
    with xr.open_dataset(tmp_path / "a.om", engine="om", chunks={"time": 5} if in_blocks else None) as ds:
        changed = ds.isel(time=slice(None, None, -1), lat=slice(3, 9)).transpose("lon", "time", "lat")
        write_dataset(changed, tmp_path / "b.om")
    assert codec(tmp_path / "b.om") == (compression, 123)
    xr.testing.assert_identical(xr.load_dataset(tmp_path / "b.om", engine="om"), changed.load())


def test_a_tree_says_once_which_of_its_variables_are_stored_exactly(tmp_path, steps):
    ds = xr.load_dataset(steps, engine="om")
    ds["t2m"][:] = RNG.random(ds.t2m.shape)
    with pytest.warns(UserWarning, match="'t2m', 'a/b/t2m': stored exactly") as caught:
        write_dataset(xr.DataTree.from_dict({"/": ds, "a/b": ds}), tmp_path / "a.om")
    assert len(caught) == 1


# --- chunks -----------------------------------------------------------------------------------------------------------


def test_chunks_follow_the_dimensions(tmp_path, steps):
    ds = xr.open_dataset(steps, engine="om")
    write_dataset(ds.transpose("lon", "lat", "time"), tmp_path / "a.om")
    write_dataset(ds.isel(time=0), tmp_path / "b.om")
    assert omfiles.open(tmp_path / "a.om")["t2m"].chunks == (30, 10, 6)
    assert omfiles.open(tmp_path / "b.om")["t2m"].chunks == (20, 30)  # chosen


def test_chunks_are_not_those_of_zarr(tmp_path, steps):
    pytest.importorskip("zarr")
    pytest.importorskip("xarray", minversion="2025.6")  # for zarr 3.1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with xr.open_dataset(steps, engine="om") as ds:
            ds.to_zarr(tmp_path / "a.zarr", consolidated=False)
        with xr.open_dataset(steps, engine="om", chunks={"time": 10}) as ds:
            ds.to_zarr(tmp_path / "b.zarr", consolidated=False)
        large = xr.Dataset({"t2m": (DIMS, np.zeros((100, 100, 100), "f4"))})
        large.to_zarr(tmp_path / "c.zarr", encoding={"t2m": {"chunks": (100, 100, 100)}}, consolidated=False)
        zarr = xr.open_zarr(tmp_path / "c.zarr", consolidated=False, chunks=None)
    assert sum(len(files) for _, _, files in os.walk(tmp_path / "a.zarr" / "t2m")) == 2  # one chunk and metadata
    xr.testing.assert_equal(xr.open_zarr(tmp_path / "b.zarr", consolidated=False), xr.open_dataset(steps, engine="om"))
    write_dataset(zarr, tmp_path / "c.om")
    assert omfiles.open(tmp_path / "c.om")["t2m"].chunks == omfiles.auto_chunks((100, 100, 100), 4)
