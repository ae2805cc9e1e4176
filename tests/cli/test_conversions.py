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


@pytest.mark.slow
@pytest.mark.parametrize("options", [[], ["--point", "50,10"], ["--slice", "3"]])
def test_plot(run, weather, tmp_path, options):
    path = tmp_path / "picture.png"
    assert run("plot", weather, "t2m", *options, "-o", path).code == 0
    assert path.read_bytes().startswith(b"\x89PNG")
