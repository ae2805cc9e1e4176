# SPDX-License-Identifier: MIT
"""Files of Open-Meteo become datasets with units, times, and latitudes and longitudes."""

from __future__ import annotations

import asyncio
import pickle

import numpy as np
import openmeteo_files as files
import pytest

import omfiles
from omfiles import OmFileWriter
from omfiles.grids import GaussianGrid, OmGrid

xr = pytest.importorskip("xarray", reason="needs xarray", exc_type=ImportError)
pytest.importorskip("dask.array")

from omfiles._xarray.selection import HAS_INDEXES  # noqa: E402
from omfiles.xarray import OmBackendArray, OmXarrayEntrypoint, open_dataset  # noqa: E402

with_index = pytest.mark.skipif(not HAS_INDEXES, reason="xarray is too old for indexes of several coordinates")

RUN = np.datetime64("2026-01-01", "s")
HOUR = np.timedelta64(3600, "s")


@pytest.mark.parametrize("model", files.MODELS.values(), ids=files.MODELS)
def test_coordinates_of_all_grids(tmp_path, model):
    data = files.write_run(tmp_path / "temperature_2m.om", model)
    ds = open_dataset(tmp_path / "temperature_2m.om")
    grid = OmGrid(model.wkt, model.shape)
    regular = grid.kind == "geographic"
    dims = ("lat", "lon") if regular else ("y", "x")
    assert list(ds) == ["temperature_2m"] and ds["temperature_2m"].dims == (*dims, "time")
    np.testing.assert_array_equal(ds["temperature_2m"], data)
    lat, lon = xr.broadcast(ds["lat"], ds["lon"]) if regular else (ds["lat"], ds["lon"])
    assert lat.dims == lon.dims == dims and ds["lat"].dims == (("lat",) if regular else dims)
    np.testing.assert_allclose(lat, grid.latitude)
    np.testing.assert_allclose(lon, grid.longitude)
    assert (ds["lat"].attrs["standard_name"], ds["lat"].attrs["units"]) == ("latitude", "degrees_north")
    assert (ds["lon"].attrs["standard_name"], ds["lon"].attrs["units"]) == ("longitude", "degrees_east")
    assert ("y" in ds.coords) == (grid.kind == "projected")


@pytest.mark.parametrize(
    ("model", "standard_name", "units"),
    [(files.LAMBERT, "projection_{}_coordinate", "m"), (files.ROTATED, None, "degrees")],
    ids=["Lambert", "rotated"],
)
def test_projection_coordinates(tmp_path, model, standard_name, units):
    files.write_time_step(tmp_path / "x.om", model)
    ds = open_dataset(tmp_path / "x.om")
    grid = OmGrid(model.wkt, model.shape)
    for dim, rotated, values in [("y", "grid_latitude", grid.y), ("x", "grid_longitude", grid.x)]:
        np.testing.assert_array_equal(ds[dim], values)
        name = standard_name.format(dim) if standard_name else rotated
        assert ds[dim].attrs == {"standard_name": name, "units": units, "axis": dim.upper()}


def test_a_model_run(tmp_path):
    files.write_run(tmp_path / "temperature_2m.om", files.REGIONAL)
    ds = open_dataset(tmp_path / "temperature_2m.om")
    assert ds["temperature_2m"].attrs["units"] == "K"
    np.testing.assert_array_equal(ds["time"], RUN + HOUR * np.arange(4))
    assert ds["forecast_reference_time"].dims == () and ds["forecast_reference_time"] == RUN
    assert set(ds.coords) == {"lat", "lon", "time", "forecast_reference_time", "spatial_ref"}
    assert set(ds.xindexes) == {"lat", "lon", "time"}
    part = ds["temperature_2m"].sel(lat=50.1, lon=7.1, method="nearest").sel(time="2026-01-01T02")
    assert part == np.ravel_multi_index((28, 22, 2), (60, 50, 4))


def test_a_time_step(tmp_path):
    data = files.write_time_step(tmp_path / "x.om", files.LAMBERT)
    ds = open_dataset(tmp_path / "x.om")
    assert list(ds) == ["temperature_2m", "rain"] and ds["rain"].attrs == {"unit": "K", "units": "K"}
    assert (ds["valid_time"], ds["forecast_reference_time"]) == (RUN + HOUR, RUN)
    np.testing.assert_array_equal(ds["rain"], data + 1)


def test_decoders_of_xarray_are_respected(tmp_path):
    files.write_run(tmp_path / "x.om", files.REGIONAL)
    ds = open_dataset(tmp_path / "x.om", decode_times=False)
    assert ds["time"].dtype == np.int64 and ds["forecast_reference_time"] == files.RUN
    assert ds["time"].attrs["units"] == "seconds since 1970-01-01"
    raw = open_dataset(tmp_path / "x.om", decode_coords=False)
    assert set(raw.coords) == {"lat", "lon", "time"} and {"spatial_ref", "forecast_reference_time"} < set(raw)
    some = open_dataset(tmp_path / "x.om", drop_variables=["lat", "spatial_ref"])
    assert set(some.coords) == {"lon", "time", "forecast_reference_time"}
    files.write_time_step(tmp_path / "curved.om", files.LAMBERT)
    assert not {"lat", "lon"} & set(open_dataset(tmp_path / "curved.om", drop_variables="lat").coords)


@pytest.mark.parametrize("model", files.MODELS.values(), ids=files.MODELS)
def test_grid_mapping(tmp_path, model):
    pyproj = pytest.importorskip("pyproj")
    files.write_time_step(tmp_path / "x.om", model)
    ds = open_dataset(tmp_path / "x.om")
    assert ds["rain"].encoding["grid_mapping"] == "spatial_ref"
    mapping = ds["spatial_ref"].attrs
    assert "grid_mapping_name" in mapping
    crs = pyproj.CRS(mapping["crs_wkt"])
    if model is files.GAUSSIAN:
        assert crs.is_geographic and crs.ellipsoid.semi_major_metre == 6371229 and crs.remarks == "N160"
    else:
        assert crs == pyproj.CRS(OmGrid(model.wkt, model.shape).crs_wkt)


def test_nothing_is_read_for_coordinates(tmp_path, monkeypatch):
    files.write_time_step(tmp_path / "x.om", files.GAUSSIAN)
    monkeypatch.setattr(OmBackendArray, "__getitem__", lambda self, key: pytest.fail(f"{self.reader.name} is read"))
    computed = []
    coordinates = GaussianGrid.coordinates
    monkeypatch.setattr(GaussianGrid, "coordinates", lambda self, x, y: computed.append(x) or coordinates(self, x, y))
    ds = open_dataset(tmp_path / "x.om")
    assert repr(ds) and not computed
    assert ds["lat"].isel(y=0, x=[0, -1]).values.tolist() == pytest.approx([89.5788, -89.5788], abs=1e-4)
    assert computed and all(x.tolist() == [0, 138345] for x in computed), "only what was asked for"


def test_switch(tmp_path):
    files.write_run(tmp_path / "x.om", files.REGIONAL)
    plain = open_dataset(tmp_path / "x.om", openmeteo=False)
    assert set(plain.variables) == {"x", "time"} and plain["x"].attrs["unit"] == "K" and "crs_wkt" in plain.attrs
    with pytest.raises(ValueError, match="openmeteo is True, False or 'auto', not 'yes'"):
        open_dataset(tmp_path / "x.om", openmeteo="yes")


def write_group(path, scalars, arrays):
    with OmFileWriter(path) as writer:
        made = [
            writer.write_array(data, list(data.shape), name=name, attrs=attrs, compression="fpx_xor_2d")
            for name, (data, attrs) in arrays.items()
        ]
        writer.close(writer.write_group("", [*made, *(writer.write_scalar(v, k) for k, v in scalars.items())]))


def test_files_without_marks_are_translated_only_on_request(tmp_path):
    path = tmp_path / "x.om"
    scalars = {"coordinates": "lat lon", "valid_time": np.int64(files.RUN)}
    write_group(path, scalars, {"rain": (np.zeros((3, 4)), {"unit": "mm"})})
    ds = open_dataset(path)
    assert ds["rain"].dims == ("dim0", "dim1") and ds["rain"].attrs == {"unit": "mm"} and ds.attrs["valid_time"]
    ds = open_dataset(path, openmeteo=True)
    assert ds["rain"].dims == ("lat", "lon") and ds["rain"].attrs == {"unit": "mm", "units": "mm"}
    assert list(ds.coords) == ["valid_time"] and ds["valid_time"] == RUN


def test_what_the_file_says_itself_wins(tmp_path):
    path = tmp_path / "x.om"
    scalars = {"coordinates": "lat lon", "crs_wkt": files.LAMBERT.wkt}
    arrays = {
        "rain": (np.zeros((36, 60)), {"unit": "inch", "units": "mm"}),
        "lat": (np.arange(36.0), {}),
        "other": (np.zeros((2, 36, 60)), {}),
    }
    write_group(path, scalars, arrays)
    ds = open_dataset(path)
    assert ds["rain"].dims == ("lat", "lon") and ds["rain"].attrs["units"] == "mm"
    np.testing.assert_array_equal(ds["lat"], np.arange(36.0))
    assert "lon" not in ds.coords and ds["spatial_ref"].attrs == {"crs_wkt": files.LAMBERT.wkt}
    assert len(set(ds["other"].dims) & {"lat", "lon"}) == 0, "a name for each dimension, or none"


def test_nothing_gets_lost(tmp_path):
    path = tmp_path / "x.om"
    scalars = {"crs_wkt": files.LAMBERT.wkt, "coordinates": "lat lon", "unit": "of the group", "valid_time": "a text"}
    arrays = {
        "rain": (np.zeros((36, 60)), {"unit": "inch", "units": "mm", "created_at": np.int64(7)}),
        "spatial_ref": (np.zeros(3), {}),
        "y": (np.zeros((36, 60)), {}),
    }
    write_group(path, scalars, arrays)
    ds = open_dataset(path)
    assert ds.attrs == {"crs_wkt": files.LAMBERT.wkt, "unit": "of the group", "valid_time": "a text"}
    assert ds["rain"].attrs == {"unit": "inch", "units": "mm", "created_at": 7}
    assert set(ds.variables) == {"rain", "spatial_ref", "y"} and ds["rain"].dims == ("lat", "lon")


@pytest.mark.parametrize(
    "crs_wkt",
    ["no well-known text", files.projected("My method", {"p": 1}, "1,2,3,4", (3, 4)).wkt],
    ids=["no WKT", "unknown to pyproj"],
)
def test_a_projection_that_is_unknown_is_no_obstacle(tmp_path, crs_wkt):
    path = tmp_path / "x.om"
    scalars = {"coordinates": "lat lon", "crs_wkt": crs_wkt}
    write_group(path, scalars, {"rain": (np.ones((3, 4)), {})})
    with pytest.warns(UserWarning, match="opened without latitude and longitude: "):
        ds = open_dataset(path)
    assert set(ds.coords) == {"spatial_ref"} and ds["rain"].sum() == 12


@pytest.mark.parametrize(
    "model", [files.REGIONAL, files.LAMBERT, files.GAUSSIAN], ids=["regular", "Lambert", "Gaussian"]
)
def test_dask_pickles_and_copies(tmp_path, model):
    data = files.write_time_step(tmp_path / "x.om", model)
    ds = open_dataset(tmp_path / "x.om", chunks={})
    eager = open_dataset(tmp_path / "x.om").load()
    copy = pickle.loads(pickle.dumps(ds)).copy(deep=True)
    xr.testing.assert_identical(copy.compute(scheduler="threads"), eager)
    assert len(pickle.dumps(open_dataset(tmp_path / "x.om"))) < 20_000
    np.testing.assert_array_equal(copy["rain"], data + 1)


@with_index
@pytest.mark.parametrize("model", [files.REGIONAL, files.LAMBERT], ids=["regular", "Lambert"])
def test_several_time_steps(tmp_path, model):
    for hour in range(3):
        with OmFileWriter(tmp_path / f"{hour}.om") as writer:
            rain = writer.write_array(files.field(model) + hour, [10, 10], name="rain", scale_factor=1)
            scalars = {
                "crs_wkt": model.wkt,
                "coordinates": "lat lon",
                "valid_time": np.int64(files.RUN + 3600 * hour),
            }
            children = [writer.write_scalar(value, name) for name, value in scalars.items()]
            writer.close(writer.write_group("", [rain, *children]))
    with xr.open_mfdataset(
        [tmp_path / f"{hour}.om" for hour in range(3)],
        engine=OmXarrayEntrypoint,
        combine="nested",
        concat_dim="valid_time",
        coords="minimal",
        compat="override",
        data_vars="all",
        join="exact",
    ) as ds:
        np.testing.assert_array_equal(ds["valid_time"], RUN + HOUR * np.arange(3))
        point = ds["rain"].sel(
            lat=40.0 if model is files.LAMBERT else 50.0,
            lon=-100.0 if model is files.LAMBERT else 7.0,
            method="nearest",
        )
        assert point.dims == ("valid_time",) and np.diff(point).tolist() == [1, 1]


@with_index
@pytest.mark.parametrize("model", [files.LAMBERT, files.GAUSSIAN], ids=["Lambert", "Gaussian"])
def test_parts_of_a_run(tmp_path, model):
    paths = [tmp_path / "t2m" / f"chunk_{part}.om" for part in range(2)]
    paths[0].parent.mkdir()
    for part, path in enumerate(paths):
        files.write_run(path, model, files.HOURS + 4 * 3600 * part)
    nested = {"combine": "nested", "concat_dim": "time", "coords": "minimal", "compat": "override", "join": "exact"}
    options = {"engine": OmXarrayEntrypoint, "data_vars": "all", "root_name": "auto"}
    expected = xr.open_mfdataset(paths, **options, **nested)
    for coords in ("minimal", "different", "all"):
        ds = xr.open_mfdataset(paths[::-1], **options, join="outer", coords=coords, compat="no_conflicts")
        if coords == "all":  # of each part, then
            ds = ds.assign_coords(expected[["spatial_ref", "forecast_reference_time"]].coords)
        xr.testing.assert_identical(ds, expected)
        assert ds["lat"].dims == ("y", "x") and ds.xindexes["lat"].equals(expected.xindexes["lat"])
        point = ds["t2m"].sel(lat=40, lon=-100, method="nearest")
        x, y = OmGrid(model.wkt, model.shape).find_point_xy(40, -100)
        np.testing.assert_array_equal(point, np.tile(files.field(model, 4)[y, x], 2))


@with_index
def test_trees(tmp_path):
    files.write_time_step(tmp_path / "x.om", files.LAMBERT)
    tree = xr.open_datatree(tmp_path / "x.om", engine=OmXarrayEntrypoint)
    assert tree["rain"].sel(lat=40, lon=-100, method="nearest").shape == ()
    np.testing.assert_array_equal(open_dataset(tmp_path / "x.om", group="/")["lat"], tree["lat"])


@pytest.mark.skipif(not hasattr(xr.Dataset, "load_async"), reason="xarray is too old for load_async")
def test_coordinates_are_loaded_asynchronously(tmp_path):
    files.write_time_step(tmp_path / "x.om", files.LAMBERT)
    ds = open_dataset(tmp_path / "x.om")
    xr.testing.assert_identical(asyncio.run(open_dataset(tmp_path / "x.om").load_async()), ds.load())


def test_convenience(tmp_path):
    files.write_time_step(tmp_path / "x.om", files.GLOBAL)
    assert omfiles.open_dataset(tmp_path / "x.om").sel(lat=slice(30, 60), lon=slice(-10, 10)).sizes == {
        "lat": 7,
        "lon": 5,
    }
