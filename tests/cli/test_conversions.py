# SPDX-License-Identifier: MIT
"""`convert`, `extract` and `plot`."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from weather_fields import HOURS, LATITUDES, LONGITUDES, temperatures

import omfiles


@pytest.mark.parametrize("name", ["weather.nc", "weather.zarr"])
def test_there_and_back_nothing_changes(run, weather, tmp_path, name):
    other, back = tmp_path / name, tmp_path / "back.om"
    assert run("convert", weather, other) == (0, "", "")
    assert run("convert", other, back) == (0, "", "")
    with xr.open_dataset(weather, engine="om") as old, xr.open_dataset(back, engine="om") as new:
        xr.testing.assert_identical(new.load(), old.load())


def test_other_chunks_and_codecs(run, weather, tmp_path):
    path = tmp_path / "maps.om"
    assert run("convert", weather, path, "--chunks", "t2m:time=1", "--compression", "rain:fpx_xor_2d").code == 0
    with omfiles.open(path) as new, omfiles.open(weather) as old:
        assert new["t2m"].chunks == (1, 24, 32)
        np.testing.assert_array_equal(new["t2m"][...], old["t2m"][...])
        assert dict(new.attrs) == dict(old.attrs)
    before = path.read_bytes()
    assert run("convert", weather, path).code == 1
    assert path.read_bytes() == before
    assert run("convert", weather, path, "--force").code == 0
    assert path.read_bytes() != before


def test_legacy_files_become_version_3(run, golden, tmp_path):
    legacy, new = golden / "files/legacy-v2-pfor_delta_2d.om", tmp_path / "new.om"
    assert run("convert", legacy, new).code == 0
    assert new.read_bytes()[:3] == b"OM\x03"
    np.testing.assert_array_equal(omfiles.open(new)[...], omfiles.open(legacy)[...])


def test_extract(run, weather, tmp_path):
    path = tmp_path / "cut.om"
    assert run("extract", weather, path, "--bbox", "-3,40,9,50", "--time", "2026-11-02", "--var", "t2m").code == 0
    rows = (LATITUDES >= 40) & (LATITUDES <= 50)
    columns = (LONGITUDES >= -3) & (LONGITUDES <= 9)
    with xr.open_dataset(path, engine="om") as cut:
        assert list(cut.data_vars) == ["t2m"]
        np.testing.assert_allclose(cut["t2m"], temperatures()[24:, rows][:, :, columns], atol=0.0251)
        np.testing.assert_array_equal(cut["latitude"], LATITUDES[rows])
        assert cut.sizes["time"] == len(HOURS) - 24


@pytest.mark.parametrize("memory", ["256MiB", "1MiB"])
@pytest.mark.parametrize("target", ["cut.nc", "cut.zarr", "cut.om"])
@pytest.mark.parametrize(
    ("dtype", "packing"),
    [
        ("i2", {"scale_factor": 0.001, "add_offset": 285.0, "_FillValue": np.int16(-32768)}),
        ("i2", {"scale_factor": 0.01}),
        ("i1", {"scale_factor": 0.5, "add_offset": -10.0, "_FillValue": np.int8(-1), "_Unsigned": "true"}),
        ("i2", {"_FillValue": np.int16(7), "missing_value": np.int16(8)}),
        ("i2", {"missing_value": np.int16(8)}),
    ],
)
@pytest.mark.filterwarnings("ignore:variable 'data/t2m' has multiple fill values", "ignore:variable 't2m' has multiple")
def test_packed_values_survive(run, tmp_path, dtype, packing, target, memory):
    """Of trees as well, and in parts."""
    values = np.random.default_rng(1).integers(-100, 100, (30, 100, 100)).astype(dtype)
    variables = {
        "t2m": (("time", "lat", "lon"), values, packing),
        "lat": ("lat", np.arange(100), {"scale_factor": 0.5}),
        "lon": ("lon", np.arange(100.0)),
    }
    xr.DataTree.from_dict({"/data": xr.Dataset(variables)}).to_netcdf(tmp_path / "packed.nc")
    assert (
        run("extract", tmp_path / "packed.nc", tmp_path / target, "--bbox", "10,20,29,30", "--memory", memory).code == 0
    )
    old = xr.open_datatree(tmp_path / "packed.nc")["data"].to_dataset().sel(lat=slice(20, 30), lon=slice(10, 29)).load()
    engine = {"nc": "netcdf4", "zarr": "zarr", "om": "om"}[target.split(".")[1]]
    options = {"consolidated": False} if engine == "zarr" else {}
    new = xr.open_datatree(tmp_path / target, engine=engine, **options)["data"].to_dataset().load()
    assert new.t2m.isnull().equals(old.t2m.isnull())
    xr.testing.assert_allclose(new, old, rtol=1e-15, atol=1e-13)
    if engine == "om":
        assert omfiles.open(tmp_path / target)["data/t2m"].compression_name == "pfor_delta_2d"
    else:
        assert new.t2m.encoding["dtype"] == dtype


@pytest.mark.slow
@pytest.mark.parametrize("options", [[], ["--point", "50,10"], ["--slice", "3"]])
def test_plot(run, weather, tmp_path, options):
    path = tmp_path / "picture.png"
    assert run("plot", weather, "t2m", *options, "-o", path).code == 0
    assert path.read_bytes().startswith(b"\x89PNG")


def test_what_cannot_be_stored(run, tmp_path):
    ds = xr.Dataset({"rain": ("x", [1.5, 2.5]), "wave": ("x", [1j, 2j])})
    ds.to_zarr(tmp_path / "a.zarr", consolidated=False)
    failed = run("convert", tmp_path / "a.zarr", tmp_path / "a.om", "--strict")
    assert failed.code == 1 and "variable 'wave': Unsupported array data type complex128" in failed.err
    assert not (tmp_path / "a.om").exists()
    done = run("convert", tmp_path / "a.zarr", tmp_path / "a.om")
    assert done.code == 0 and "variable 'wave' is left out: Unsupported array data type complex128" in done.err
    assert list(xr.open_dataset(tmp_path / "a.om", engine="om")) == ["rain"]
