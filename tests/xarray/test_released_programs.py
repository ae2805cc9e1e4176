# SPDX-License-Identifier: MIT
"""Programs that were written for omfiles 1.2 run as they are."""

from __future__ import annotations

import fsspec
import numpy as np
import openmeteo_files as files
import pytest

import omfiles
from omfiles.grids import OmGrid

xr = pytest.importorskip("xarray", reason="needs xarray", exc_type=ImportError)
pd = pytest.importorskip("pandas")

from omfiles.xarray import OmXarrayEntrypoint  # noqa: E402

ENGINE = {"engine": OmXarrayEntrypoint}


def test_one_variable_of_a_run(tmp_path):
    values = files.write_run(tmp_path / "temperature_2m.om", files.REGIONAL)
    with fsspec.open(f"file://{tmp_path / 'temperature_2m.om'}") as backend:
        ds = xr.open_dataset(backend, **ENGINE)
        data = ds[""]
        grid = OmGrid(ds.attrs["crs_wkt"], data.shape[:2])
        x, y = grid.find_point_xy(50.1, 7.1)
        np.testing.assert_array_equal(data[y, x, :], values[28, 22])
    times = pd.to_datetime(ds["time"].values, unit="s")
    assert times.tolist() == pd.to_datetime(files.HOURS, unit="s").tolist()
    scalars = {"crs_wkt": files.REGIONAL.wkt, "unit": "K", "forecast_reference_time": files.RUN}
    for attrs in (ds.attrs, data.attrs):
        assert scalars.items() <= attrs.items()
        assert pd.to_datetime(attrs["forecast_reference_time"], unit="s") == pd.Timestamp("2026-01-01")
    assert data.attrs["units"] == "K"
    assert ds["forecast_reference_time"] == np.datetime64("2026-01-01")


def test_all_variables_of_a_time(tmp_path):
    files.write_time_step(tmp_path / "x.om", files.LAMBERT)
    ds = xr.open_dataset(tmp_path / "x.om", **ENGINE)
    assert OmGrid(ds.attrs["crs_wkt"], ds["rain"].shape).shape == files.LAMBERT.shape
    assert ds.attrs["valid_time"] == files.RUN + 3600 and ds["rain"].attrs["unit"] == "K"
    assert pd.to_datetime(ds["valid_time"].values, unit="s") == pd.Timestamp("2026-01-01T01")


@pytest.mark.parametrize("time", ["2026-01-01T01", "1815-06-18T09:30"])
@pytest.mark.parametrize("unit", ["s", "ns"])
def test_pandas_takes_times_for_seconds_that_are_decoded(time, unit):
    """Which is why those programs need no raw seconds."""
    times = np.array([time], f"M8[{unit}]")
    assert pd.to_datetime(times, unit="s").tolist() == [pd.Timestamp(time)]
    assert pd.to_datetime(times[0], unit="s") == pd.Timestamp(time)


@pytest.mark.parametrize("write", [files.write_run, files.write_time_step])
@pytest.mark.parametrize("model", [files.REGIONAL, files.LAMBERT])
def test_attributes_that_are_coordinates_too_are_written_again(tmp_path, write, model):
    write(tmp_path / "x.om", model)
    ds = xr.open_dataset(tmp_path / "x.om", **ENGINE)
    ds.om.to_om(tmp_path / "new.om")
    again = xr.open_dataset(tmp_path / "new.om", **ENGINE)
    xr.testing.assert_identical(again, ds)
    assert again.attrs["forecast_reference_time"] == files.RUN


def test_tilde(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    ds = xr.Dataset({"rain": ("x", [1, 2])})
    ds.om.to_om("~/rain.om")
    assert (tmp_path / "rain.om").exists()
    for opened in (
        xr.open_dataset("~/rain.om", **ENGINE),
        omfiles.open_dataset("~/rain.om"),
        xr.open_datatree("~/rain.om", **ENGINE).to_dataset(),
        dict(xr.open_groups("~/rain.om", **ENGINE))["/"],
    ):
        xr.testing.assert_identical(opened, ds)
    assert OmXarrayEntrypoint().guess_can_open("~/rain.om")
    (tmp_path / "rain").write_bytes((tmp_path / "rain.om").read_bytes())
    assert OmXarrayEntrypoint().guess_can_open("~/rain"), "by its first bytes"
