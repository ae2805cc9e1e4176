# SPDX-License-Identifier: MIT
"""`extract --time` and `plot --time` find times wherever they are, and select them in any order."""

from __future__ import annotations

import argparse
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

import omfiles
from omfiles._cli import plot
from omfiles._cli.times import parse_time, time_axis
from omfiles.xarray import write_dataset

START = np.datetime64("2026-11-01", "ns")
SIX_HOURLY = START + np.arange(12) * np.timedelta64(6, "h")
STEPS = ("step", 6 * np.arange(12), {"standard_name": "forecast_period", "units": "hours"})
REFERENCE = {"standard_name": "forecast_reference_time"}
VALID = {"standard_name": "time"}


def series(**coords):
    (dim,) = {of[0] for of in coords.values() if isinstance(of, tuple) and isinstance(of[0], str)}
    return xr.Dataset({"t": (dim, np.arange(12.0))}, coords=coords)


def runs(**coords):
    steps = ("step", 6 * np.arange(4), {"standard_name": "forecast_period", "units": "hours"})
    ds = xr.Dataset({"t": (("time", "step"), np.arange(12.0).reshape(3, 4))}, {"step": steps, **coords})
    return ds.assign_coords(time=("time", SIX_HOURLY[:3], REFERENCE))


GRIB = series(time=((), START, REFERENCE), step=STEPS, valid_time=("step", SIX_HOURLY, VALID))
UNSORTED = SIX_HOURLY[[5, 1, 2, 3, 4, 0, 6, 7, 8, 9, 10, 11]]
MISSING = np.where(np.arange(12) == 6, np.datetime64("NaT", "ns"), UNSORTED)
CALENDAR = xr.date_range("2001-02-28", periods=12, freq="6h", calendar="360_day", use_cftime=True)
RUNS = runs(valid_time=(("time", "step"), SIX_HOURLY[:3, None] + np.arange(4) * np.timedelta64(6, "h"), VALID))


@pytest.mark.parametrize("ending", ["om", "nc", "zarr"])
@pytest.mark.parametrize(
    ("ds", "period", "expected"),
    [
        pytest.param(GRIB, "2026-11-02", [4, 5, 6, 7], id="a forecast of GRIB"),
        pytest.param(GRIB.drop_vars("valid_time"), "2026-11-02", [4, 5, 6, 7], id="without its valid times"),
        pytest.param(GRIB.isel(step=5), "2026-11-02", 5, id="one message of GRIB"),
        pytest.param(series(time=("time", SIX_HOURLY[::-1])), "2026-11-02", [4, 5, 6, 7], id="descending"),
        pytest.param(series(time=("time", UNSORTED)), "2026-11-02", [0, 4, 6, 7], id="unsorted"),
        pytest.param(series(time=("time", MISSING)), "2026-11-02", [0, 4, 7], id="missing times"),
        pytest.param(series(time=("time", CALENDAR)), "2001-02-30", [8, 9, 10, 11], id="30 February"),
        pytest.param(series(time=("time", CALENDAR)), "2001-02-29/2001-02-30T06", [4, 5, 6, 7, 8, 9], id="calendar"),
        pytest.param(series(t0=("n", SIX_HOURLY)), "2026-11-02", [4, 5, 6, 7], id="by what it holds"),
        pytest.param(series(n=("n", SIX_HOURLY, {"axis": "T"})), "2026-11-02T06/", [*range(5, 12)], id="by its axis"),
        pytest.param(series(time=("time", SIX_HOURLY)), "2026-11-02T07:00+01:00", [5], id="offset from UTC"),
        pytest.param(series(time=("time", SIX_HOURLY)), "/2026-11-01T06:00Z", [0, 1], id="open start"),
        pytest.param(series(time=("time", SIX_HOURLY)), "2026/9999", [*range(12)], id="open end"),
        pytest.param(runs(), "2026-11-02T06", [[11]], id="runs and steps"),
        pytest.param(RUNS, "2026-11-01T00", [[0]], id="runs of GRIB"),
    ],
)
def test_extract(run, tmp_path, ds, period, expected, ending):
    source = tmp_path / f"in.{ending}"
    if ending == "om":
        write_dataset(ds, source)
    elif ending == "nc":
        ds.to_netcdf(source)
    else:
        ds.to_zarr(source, consolidated=False)
    done = run("extract", source, tmp_path / "out.om", "--time", period)
    assert (done.code, done.err) == (0, "")
    with xr.open_dataset(tmp_path / "out.om", engine="om") as part:
        np.testing.assert_array_equal(part["t"], expected)
        axis = next(name for name in ("valid_time", "time", "t0", "n") if name in ds.coords)
        if ds[axis].ndim < 2 and "valid_time" in ds.coords:
            kept = [int(i) for i in np.ravel(expected)]
            np.testing.assert_array_equal(np.ravel(part[axis]), SIX_HOURLY[kept])


def test_more_than_a_period_is_said(run, tmp_path):
    write_dataset(RUNS, tmp_path / "in.om")
    done = run("extract", tmp_path / "in.om", tmp_path / "out.om", "--time", "2026-11-01T12")
    assert done.code == 0
    assert "a rectangle of time and step has the period, and 6 times outside of it: 'valid_time' says which" in done.err
    with xr.open_dataset(tmp_path / "out.om", engine="om") as part:
        inside = part["t"].where(part["valid_time"] == np.datetime64("2026-11-01T12"), drop=True)
        assert sorted(inside.values[np.isfinite(inside.values)]) == [2, 5, 8]


@pytest.mark.parametrize(
    ("ds", "period", "message"),
    [
        (series(time=("time", np.arange(12))), "2026", "'time' has numbers without units such as 'hours since"),
        (series(time=("time", CALENDAR)), "2001-01-31", "there is no 2001-01-31 in the calendar of 'time', '360_day'"),
        (GRIB, "2026-02-30", "there is no 2026-02-30 in the calendar of 'valid_time'"),
        (GRIB, "2026-10", "they go from 2026-11-01T00:00:00 to 2026-11-03T18:00:00"),
        (GRIB.isel(step=0), "2026-11-02", "they go from 2026-11-01T00:00:00 to 2026-11-01T00:00:00"),
        (series(time=("time", CALENDAR)), "2002", "they go from 2001-02-28T00:00:00 to 2001-02-30T18:00:00"),
        (series(n=("n", SIX_HOURLY - START)), "2026", "no coordinates of time"),
    ],
)
def test_what_cannot_be_selected(run, tmp_path, ds, period, message):
    write_dataset(ds, tmp_path / "in.om")
    done = run("extract", tmp_path / "in.om", tmp_path / "out.om", "--time", period)
    assert done.code == 1
    assert message in done.err
    assert not (tmp_path / "out.om").exists()


@pytest.mark.parametrize("text", ["", "/", "2026-13", "2026-11-32", "2026-11-01T25", "2026/2026/2027", "now", "x"])
def test_what_is_no_period(text):
    with pytest.raises(argparse.ArgumentTypeError, match="is no time such as"):
        parse_time(text)


def test_groups_have_the_times_of_those_above(run, tmp_path):
    tree = xr.DataTree.from_dict({"/": GRIB, "/members": xr.Dataset({"u": ("step", np.arange(12.0))})})
    write_dataset(tree, tmp_path / "in.om")
    assert run("extract", tmp_path / "in.om", tmp_path / "out.om", "--time", "2026-11-02").code == 0
    with omfiles.open(tmp_path / "out.om") as part:
        np.testing.assert_array_equal(part["members/u"][...], [4, 5, 6, 7])
        assert "valid_time" not in [child.name for child in part["members"].children]


def test_a_box_has_no_description_of_the_whole_grid(run, tmp_path):
    """Programs make grids of `crs_wkt` and a shape."""
    dims = ("lat", "lon")
    ds = xr.Dataset({"t": (dims, np.zeros((4, 5)))}, {"lat": np.arange(4.0), "lon": np.arange(5.0)}, {"crs_wkt": "x"})
    ds.lat.attrs["units"], ds.lon.attrs["units"] = "degrees_north", "degrees_east"
    write_dataset(ds, tmp_path / "in.om")
    assert run("extract", tmp_path / "in.om", tmp_path / "out.om", "--bbox", "1,1,2,2").code == 0
    with omfiles.open(tmp_path / "out.om") as part:
        assert part["t"].shape == (2, 2) and "crs_wkt" not in part.attrs


@pytest.mark.parametrize(
    ("coords", "expected"),
    [
        ({"time": ("n", SIX_HOURLY), "valid_time": ("n", SIX_HOURLY)}, "valid_time"),
        ({"n": ("n", SIX_HOURLY), "made": ((), START)}, "n"),
        ({"time": ("n", np.arange(12)), "when": ("n", SIX_HOURLY)}, "when"),
        ({"time": ("n", SIX_HOURLY), "when": ("n", SIX_HOURLY, VALID)}, "when"),
        ({"time": ((), START, REFERENCE), "when": ("n", SIX_HOURLY)}, "when"),
        ({"time": ((), START), "n": ("n", np.arange(12))}, "time"),
        ({"made": ((), START), "n": ("n", np.arange(12))}, None),
        ({"time": ("n", ["a"] * 12)}, None),
    ],
)
def test_which_is_the_axis(coords, expected):
    axis = time_axis(series(**coords))
    assert (None if axis is None else axis.name) == expected


def selected(ds, **options):
    return plot._select(
        ds, "t", SimpleNamespace(**{"time": None, "bbox": None, "point": None, "slice": None} | options)
    )


def test_the_map_of_a_time_among_runs_and_steps():
    """The first of the rectangle would be of another time."""
    ds = RUNS.expand_dims(lat=[1, 2], lon=[3, 4, 5], axis=(2, 3))
    with pytest.warns(UserWarning, match="6 times outside"):
        field = selected(ds, time=parse_time("2026-11-01T12"))
    assert field.dims == ("lat", "lon") and (field == 2).all() and field["valid_time"] == np.datetime64("2026-11-01T12")


def test_years_of_other_calendars():
    time = xr.date_range("2001-01-01", periods=3, freq="12h", calendar="360_day", use_cftime=True)
    ds = xr.Dataset({"t": ("time", np.arange(3.0))}, {"time": time})
    np.testing.assert_allclose(plot._axis(ds["t"], "time"), 2001 + np.arange(3) / 720)
