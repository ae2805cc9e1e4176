# SPDX-License-Identifier: MIT
"""Selection by latitude and longitude on regular grids: around the globe, and not outside of the grid."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import openmeteo_files as files
import pytest

from omfiles.grids import OmGrid

xr = pytest.importorskip("xarray", reason="needs xarray", exc_type=ImportError)

from omfiles._xarray.degrees import DegreesIndex, with_degrees  # noqa: E402
from omfiles._xarray.selection import HAS_INDEXES  # noqa: E402
from omfiles.xarray import open_dataset, write_dataset  # noqa: E402

pytestmark = pytest.mark.skipif(not HAS_INDEXES, reason="xarray is too old for indexes of backends")

FROM_160 = [160, 165, 170, 175, 180, 185, 190, 195, 200]


@pytest.fixture
def globe(tmp_path):
    files.write_time_step(tmp_path / "globe.om", files.GLOBAL)
    return open_dataset(tmp_path / "globe.om")


@pytest.fixture
def region(tmp_path):
    files.write_time_step(tmp_path / "region.om", files.REGIONAL)
    return open_dataset(tmp_path / "region.om")


@pytest.fixture
def from_greenwich(tmp_path):
    """Latitudes from north to south, and longitudes from 0 to 355, as arrays of the file."""
    values = np.arange(37 * 72, dtype="f4").reshape(37, 72)
    ds = xr.Dataset(
        {"t": (("latitude", "longitude"), values)},
        {
            "latitude": ("latitude", np.arange(90.0, -91, -5), {"units": "degrees_north"}),
            "longitude": ("longitude", np.arange(0, 360, 5, dtype="f4"), {"units": "degrees_east"}),
        },
    )
    write_dataset(around_the_globe(ds, "latitude", "longitude"), tmp_path / "east.om")
    return open_dataset(tmp_path / "east.om")


def around_the_globe(ds, *names):
    """The dataset as the engine gives one of a regular grid of Open-Meteo."""
    return with_degrees(ds.drop_indexes(names), names)


def test_files_open_again_with_the_indexes_that_were_written(tmp_path, globe):
    plain = xr.Dataset(
        {"t": (("lat", "lon"), np.zeros((3, 4), "f4"))},
        {
            "lat": ("lat", [50.0, 51, 52], {"units": "degrees_north"}),
            "lon": ("lon", [5.0, 6, 7, 8], {"units": "degrees_east"}),
        },
    )
    for name, ds in [("plain", plain), ("part", globe.sel(lon=slice(160, -160)))]:
        write_dataset(ds, tmp_path / f"{name}.om")
        again = open_dataset(tmp_path / f"{name}.om")
        assert {dim: type(index) for dim, index in again.xindexes.items()} == {
            dim: type(index) for dim, index in ds.xindexes.items()
        }
    xr.testing.assert_identical(open_dataset(tmp_path / "plain.om"), plain)
    assert again.sel(lon=-175)["lon"] == 185


def test_a_box_across_the_antimeridian(globe):
    part = globe.sel(lon=slice(160, -160))
    assert part["lon"].values.tolist() == FROM_160
    assert part["lon"].attrs == globe["lon"].attrs
    columns = [68, 69, 70, 71, 0, 1, 2, 3, 4]
    np.testing.assert_array_equal(part["rain"], globe["rain"].values[:, columns])
    np.testing.assert_array_equal(part["rain"].sel(lon=-175, method="nearest"), part["rain"].sel(lon=185))
    assert part.sel(lon=slice(-180, -170))["lon"].values.tolist() == [180, 185, 190]
    assert globe.sel(lon=slice(160, -160, 2))["lon"].values.tolist() == FROM_160[::2]
    assert globe.chunk(lon=7)["rain"].sel(lon=slice(160, -160)).compute().equals(part["rain"])


def test_boxes_of_a_file_from_greenwich(from_greenwich):
    t = from_greenwich["t"]
    part = t.sel(longitude=slice(-10, 10), latitude=slice(40, 50))
    assert part["longitude"].values.tolist() == [-10, -5, 0, 5, 10]
    assert part["latitude"].values.tolist() == [50, 45, 40]
    np.testing.assert_array_equal(part, t.values[8:11][:, [70, 71, 0, 1, 2]])
    assert t.sel(latitude=slice(50, 40)).equals(t.sel(latitude=slice(40, 50)))
    assert t.sel(longitude=slice(None, 10))["longitude"].values.tolist() == [0, 5, 10]
    assert t.sel(latitude=slice(None, 85))["latitude"].values.tolist() == [90, 85]
    assert t.sel(latitude=slice(-85, None))["latitude"].values.tolist() == [-85, -90]
    assert t.sel(longitude=slice(-180, 180)).equals(t), "all columns stay as they are"
    assert t.sel(longitude=-7.6, latitude=41, method="nearest") == t[10, 70]


@pytest.mark.parametrize(("lon", "column"), [(359, 36), (-1, 36), (176, 71), (178, 0), (-182, 0), (540, 0), (180, 0)])
def test_longitudes_of_any_turn(globe, lon, column):
    assert globe["rain"].sel(lat=0, lon=lon, method="nearest") == globe["rain"][18, column]


def test_exact_longitudes_of_any_turn(globe):
    rain = globe["rain"]
    assert rain.sel(lon=355.0).equals(rain.sel(lon=-5))
    assert rain.sel(lon=[185, -5])["lon"].values.tolist() == [-175, -5]
    with pytest.raises(KeyError, match="not all values found"):
        rain.sel(lon=1.0)
    assert rain.sel(lon=359, method="pad").equals(rain.sel(lon=-5))


def test_places_outside(region):
    for label, reach in [({"lat": 70}, "latitude 70.0; lat has 43 to 57.75"), ({"lon": -170}, "lon has -4 to 20.5")]:
        with pytest.raises(KeyError, match=rf"1 of 1 places are outside .*{reach}"):
            region.sel(label, method="nearest")
    places = {"lat": xr.DataArray([50, 20, 30], dims="p"), "lon": xr.DataArray([7, 7, 7], dims="p")}
    with pytest.raises(KeyError, match=r"2 of 3 places are outside of the grid, the first at latitude 20\.0"):
        region.sel(places, method="nearest")
    with pytest.raises(KeyError, match=r"within a tolerance of 0\.01"):
        region.sel(lat=50.1, method="nearest", tolerance=0.01)
    with pytest.raises(KeyError, match="1 of 1 places are outside"):
        region.isel(lat=slice(0, 4)).sel(lat=50, method="nearest")
    with pytest.raises(KeyError, match="lon must be finite, but is nan"):
        region.sel(lon=np.nan, method="nearest")
    assert np.isnan(region["rain"].reindex(lat=[50.1, 70], method="nearest")[1]).all()
    assert region["rain"].reindex(lon=[367.1], method="nearest").values[0, 0] == region["rain"].sel(lon=7)[0]


def test_beyond_a_pole_is_no_place(globe):
    with pytest.raises(KeyError, match="1 of 1 places"):
        globe.sel(lat=90.1, method="nearest")
    assert globe.sel(lat=90, method="nearest")["lat"] == 90


def test_half_way_places_are_those_of_the_grid(region):
    grid = OmGrid(files.REGIONAL.wkt, files.REGIONAL.shape)
    lat, lon = grid.y[:-1] + grid.dy / 2, grid.x[:-1] + grid.dx / 2
    rows, columns = grid.find_points(lat, 0)[1], grid.find_points(50, lon)[0]
    rain = region["rain"]
    np.testing.assert_array_equal(rain.sel(lat=lat, lon=lon, method="nearest"), rain.values[rows][:, columns])
    part = rain.isel(lat=slice(1, None)).sel(lat=lat[2:], method="nearest")
    np.testing.assert_array_equal(part, rain.values[rows[2:]], err_msg="also in a part of the grid")


def test_coarser_and_turned_grids(globe):
    rain = globe["rain"]
    assert rain.isel(lon=slice(None, None, 4)).sel(lon=172, method="nearest")["lon"] == -180
    turned = rain.roll(lon=36, roll_coords=True)
    assert turned.sel(lon=slice(-10, 10))["lon"].values.tolist() == [-10, -5, 0, 5, 10]
    assert turned.sel(lon=176, method="nearest").equals(rain.sel(lon=175))
    assert rain.isel(lon=[3]).sel(lon=-164, method="nearest")["lon"] == -165
    assert globe.rename(lon="x").sel(x=359, method="nearest")["x"] == 0


def test_it_is_aligned_with_other_indexes(globe):
    rain = globe["rain"].load()
    plain = xr.DataArray(rain.values, {"lat": rain["lat"].values, "lon": rain["lon"].values}, ("lat", "lon"))
    assert type(plain.xindexes["lon"]) is not type(rain.xindexes["lon"])
    for difference in (rain - plain, plain - rain, rain[:, 3:] - plain, plain - rain[5:]):
        assert difference.size > 2000 and (difference == 0).all()
    assert (rain - rain.isel(lon=slice(10))).shape == (37, 10)
    outer = xr.align(globe.isel(lon=slice(5)), globe.isel(lon=slice(3, 9)), join="outer")[0]
    assert outer["lon"].values.tolist() == rain["lon"].values[:9].tolist()
    xr.align(rain, plain, join="exact")
    assert xr.merge([globe, plain.rename("other")]).sizes == globe.sizes
    assert globe.identical(globe.copy(deep=True))


def test_what_is_made_of_it_selects_as_well(globe, tmp_path):
    expected = globe["rain"].sel(lon=slice(160, -160))
    parts = [globe.isel(lon=slice(0, 5)), globe.isel(lon=slice(5, None))]
    for like in (
        pickle.loads(pickle.dumps(globe)),
        copy.deepcopy(globe),
        xr.concat([globe, globe], "member", data_vars="all").isel(member=0),
        xr.concat(parts, "lon", data_vars="minimal"),
        globe * 1,
        globe.load(),
        globe.sortby("lat", ascending=False).sortby("lat"),
    ):
        assert isinstance(like.xindexes["lon"], DegreesIndex)
        np.testing.assert_array_equal(like["rain"].sel(lon=slice(160, -160)), expected)
    stacked = globe["rain"].stack(z=("lat", "lon"))
    np.testing.assert_array_equal(stacked.unstack("z"), globe["rain"])
    pytest.importorskip("netCDF4")
    expected.to_netcdf(tmp_path / "box.nc")
    with xr.open_dataset(tmp_path / "box.nc") as again:
        assert again["lon"].values.tolist() == FROM_160


def test_files_along_time(tmp_path):
    paths = [tmp_path / "0.om", tmp_path / "1.om"]
    for i, path in enumerate(paths):
        files.write_run(path, files.GLOBAL, files.HOURS + 3600 * 4 * i)
    datasets = [open_dataset(path, chunks={}) for path in paths]
    names = [next(iter(ds.data_vars)) for ds in datasets]
    datasets = [ds.rename({name: "t"}) for ds, name in zip(datasets, names)]
    ds = xr.combine_by_coords(datasets, data_vars="minimal", coords="minimal", compat="override", join="exact")
    assert ds["t"].sel(lat=0, lon=359, method="nearest").shape == (8,)


def test_trees(tmp_path):
    files.write_time_step(tmp_path / "globe.om", files.GLOBAL)
    tree = xr.open_datatree(tmp_path / "globe.om", engine="om")
    assert tree["rain"].sel(lon=slice(160, -160))["lon"].values.tolist() == FROM_160


def test_other_coordinates_keep_the_index_of_xarray(tmp_path):
    ds = xr.Dataset(
        {"t": (("lat", "lon", "x"), np.zeros((3, 4, 2)))},
        {
            "lat": ("lat", [1.0, 2, 4], {"units": "degrees_north"}),
            "lon": [0.0, 90, 180, 270],
            "x": ("x", [1.0, 2], {"units": "m"}),
        },
    )
    write_dataset(ds, tmp_path / "x.om")
    opened = open_dataset(tmp_path / "x.om")
    assert not any(isinstance(index, DegreesIndex) for index in opened.xindexes.values())


def test_degrees_of_other_types(tmp_path):
    tenths = np.round(np.arange(3500, 3600) / 10, 1).astype("f4")
    ds = xr.Dataset(
        {"t": (("lat", "lon"), np.zeros((10, 100)))},
        {"lat": ("lat", np.arange(10), {"units": "degrees_north"}), "lon": ("lon", tenths, {"units": "degrees_east"})},
    )
    write_dataset(around_the_globe(ds, "lat", "lon"), tmp_path / "x.om")
    ds = open_dataset(tmp_path / "x.om")
    assert ds["lat"].dtype.kind == "i" and ds["lon"].dtype == "f4"
    with pytest.raises(KeyError, match="not all values found"):
        ds.sel(lat=5.5)
    assert ds.sel(lat=5.4, method="nearest")["lat"] == 5
    assert ds.sel(lat=slice(1.5, 3))["lat"].values.tolist() == [2, 3]
    for west, east in [(350.1, 355.3), (-9.9, -4.7)]:
        np.testing.assert_array_equal(ds.sel(lon=slice(west, east))["lon"], tenths[1:54])
    assert ds.sel(lon=350.1)["lon"] == tenths[1]
