# SPDX-License-Identifier: MIT
"""Selection by latitude and longitude on grids of all kinds."""

from __future__ import annotations

import copy
import json
import pickle

import numpy as np
import openmeteo_files as files
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omfiles.grids import OmGrid

xr = pytest.importorskip("xarray", reason="needs xarray", exc_type=ImportError)

from omfiles import OmFileReader, OmFileWriter  # noqa: E402
from omfiles._xarray.selection import HAS_INDEXES, GridIndex  # noqa: E402
from omfiles.xarray import open_dataset, write_dataset  # noqa: E402

pytestmark = pytest.mark.skipif(not HAS_INDEXES, reason="xarray is too old for indexes of several coordinates")

CURVED = {**files.PROJECTED, "Gaussian": files.GAUSSIAN}
all_grids = pytest.mark.parametrize("model", files.MODELS.values(), ids=files.MODELS)
curved_grids = pytest.mark.parametrize("model", CURVED.values(), ids=CURVED)
PLACES = {
    files.GLOBAL: (52.52, 13.41),
    files.REGIONAL: (52.52, 13.41),
    files.ROTATED: (52.52, 13.41),
    files.LAMBERT: (40.0, -105.3),
    files.AZIMUTHAL: (51.5, -0.1),
    files.STEREOGRAPHIC: (45.5, -73.6),
    files.GAUSSIAN: (-33.9, 151.2),
}


@pytest.fixture
def open_model(tmp_path):
    def open_model(model):
        files.write_time_step(tmp_path / "x.om", model)
        return open_dataset(tmp_path / "x.om")

    return open_model


def at(model, x, y):
    """The value of a grid point."""
    return float(y * model.shape[1] + x)


def distance(lat, lon, other_lat, other_lon):
    """Length of the chord between places on the unit sphere."""

    def vector(lat, lon):
        lat, lon = np.radians(lat), np.radians(lon)
        return np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)

    return np.sqrt(sum((a - b) ** 2 for a, b in zip(vector(lat, lon), vector(other_lat, other_lon))))


# --- places -----------------------------------------------------------------------------------------------------------


@all_grids
def test_a_place(open_model, model):
    lat, lon = PLACES[model]
    ds = open_model(model)
    point = ds.sel(lat=lat, lon=lon, method="nearest")
    assert point["temperature_2m"].shape == () and "spatial_ref" in point.coords
    grid = OmGrid(model.wkt, model.shape)
    distances = distance(grid.latitude, grid.longitude, lat, lon)
    nearest = distance(point["lat"].values, point["lon"].values, lat, lon)
    assert nearest == pytest.approx(distances.min(), rel=0.2), "nearest in columns and rows, about so in kilometres"
    assert point["temperature_2m"] == at(model, *grid.find_point_xy(lat, lon))


@curved_grids
def test_many_places(open_model, model):
    lat, lon = PLACES[model]
    ds = open_model(model)
    cities = {"city": ["a", "b", "c"]}
    lats = xr.DataArray(lat + np.array([0, 0.7, -2.5]), cities)
    lons = xr.DataArray(lon + np.array([0, 1.1, 3.0]), cities)
    places = ds["rain"].sel(lat=lats, lon=lons, method="nearest")
    assert places.dims == ("city",) and places["city"].values.tolist() == cities["city"]
    for i in range(3):
        assert places[i] == ds["rain"].sel(lat=float(lats[i]), lon=float(lons[i]), method="nearest")
    both = ds["rain"].sel(lat=lats, lon=lons.rename(city="other").drop_vars("other"), method="nearest")
    assert both.dims == ("city", "other") and both[1, 1] == places[1]
    along = ds["rain"].sel(lat=lats, lon=lon, method="nearest")
    assert along.dims == ("city",) and along[0] == places[0]
    variables = ds["rain"].sel(lat=lats.variable, lon=lons.variable, method="nearest")
    np.testing.assert_array_equal(variables, places)


@curved_grids
def test_longitudes_may_be_of_any_turn(open_model, model):
    lat, lon = PLACES[model]
    ds = open_model(model)["rain"]
    for turn in (-360, 360, 720):
        assert ds.sel(lat=lat, lon=lon + turn, method="nearest") == ds.sel(lat=lat, lon=lon, method="nearest")


@pytest.mark.parametrize("model", files.PROJECTED.values(), ids=files.PROJECTED)
def test_places_outside_of_the_grid(open_model, model):
    ds = open_model(model)
    with pytest.raises(KeyError, match=r"1 of 1 places .* latitude -45.0, longitude 100.0; its sides are between lat"):
        ds.sel(lat=-45, lon=100, method="nearest")
    lat, lon = PLACES[model]
    with pytest.raises(KeyError, match=r"2 of 3 places .* the first at latitude -45.0, longitude"):
        ds.sel(lat=xr.DataArray([lat, -45, -50], dims="p"), lon=lon, method="nearest")
    part = ds.isel(y=slice(0, 2), x=slice(0, 2))
    with pytest.raises(KeyError, match="1 of 1 places are outside"):
        part.sel(lat=lat, lon=lon, method="nearest")


def test_misuse(open_model):
    ds = open_model(files.LAMBERT)
    place = {"lat": 40, "lon": -105}
    with pytest.raises(ValueError, match="pass method='nearest', not None"):
        ds.sel(place)
    with pytest.raises(ValueError, match="pass method='nearest', not 'pad'"):
        ds.sel(place, method="pad")
    with pytest.raises(ValueError, match="there is no tolerance"):
        ds.sel(place, method="nearest", tolerance=1)
    with pytest.raises(ValueError, match="select by 'lat' and 'lon' together"):
        ds.sel(lat=40, method="nearest")
    with pytest.raises(ValueError, match="either both slices, for a box, or both numbers"):
        ds.sel(lat=slice(30, 40), lon=-105)
    with pytest.raises(ValueError, match="DataArrays that share a dimension"):
        ds.sel(lat=[40, 41], lon=[-105, -104], method="nearest")
    with pytest.raises(ValueError, match="have no steps"):
        ds.sel(lat=slice(30, 40, 2), lon=slice(-105, -100))
    with pytest.raises(ValueError, match="must be finite"):
        ds.sel(lat=40, lon=np.nan, method="nearest")


# --- boxes ------------------------------------------------------------------------------------------------------------


@curved_grids
def test_a_box(open_model, model):
    lat, lon = PLACES[model]
    ds = open_model(model)
    part = ds.sel(lat=slice(lat - 3, lat + 2), lon=slice(lon - 4, lon + 5))
    inside = (abs(ds["lat"] - lat + 0.5) <= 2.5) & (abs(ds["lon"] - lon - 0.5) <= 4.5)
    expected = ds["rain"].values[inside.values]
    assert expected.size > 1
    kept = (abs(part["lat"] - lat + 0.5) <= 2.5) & (abs(part["lon"] - lon - 0.5) <= 4.5)
    np.testing.assert_array_equal(part["rain"].values[kept.values], expected)
    if model is files.GAUSSIAN:
        assert kept.all()
    else:
        rows, columns = inside.values.any(1).sum(), inside.values.any(0).sum()
        assert part["rain"].shape == (rows, columns), "not more than needed"
    assert ds.sel(lat=slice(lat + 2, lat - 3), lon=slice(lon - 4, lon + 5)).identical(part), "either way"


@curved_grids
def test_open_and_empty_boxes(open_model, model):
    ds = open_model(model)
    assert ds.sel(lat=slice(None), lon=slice(None)).sizes == ds.sizes
    assert ds.sel(lat=slice(0.01, 0.02), lon=slice(170.01, 170.02))["rain"].size == 0
    lat, _ = PLACES[model]
    half = ds.sel(lat=slice(lat, None), lon=slice(None))
    assert 0 < half["rain"].size < ds["rain"].size and half["lat"].max() == ds["lat"].max()


def test_a_box_across_the_antimeridian(open_model):
    ds = open_model(files.GAUSSIAN)
    part = ds.sel(lat=slice(-2, 2), lon=slice(175, -170))
    assert ((part["lon"] >= 175) | (part["lon"] <= -170)).all() and len(set(np.sign(part["lon"].values.flat))) == 2


def test_a_box_on_a_regular_grid_is_that_of_any_index(open_model):
    ds = open_model(files.REGIONAL)
    part = ds.sel(lat=slice(50, 51), lon=slice(7, 8))
    assert part["lat"].values.tolist() == [50, 50.25, 50.5, 50.75, 51] and part["lon"].values.tolist() == [7, 7.5, 8]


# --- selection by position, before and after -------------------------------------------------------------------------


@st.composite
def slices(draw, size):
    start, stop = sorted(draw(st.lists(st.integers(0, size), min_size=2, max_size=2, unique=True)))
    part = slice(start, stop, draw(st.sampled_from([None, 1, 2, 3])))
    if draw(st.booleans()):
        return part
    return slice(stop - 1, start - 1 if start else None, -(part.step or 1))


@settings(max_examples=30)
@given(st.data(), st.sampled_from(list(files.PROJECTED.values())))
def test_the_index_follows_slices(data, model):
    index = GridIndex(model.wkt, model.shape)
    grid = OmGrid(model.wkt, model.shape)
    ds = xr.Dataset({"value": (("y", "x"), files.field(model))}, index.coordinates())
    ds = ds.assign_coords(y=grid.y, x=grid.x)
    for _ in range(2):
        ds = ds.isel(y=data.draw(slices(ds.sizes["y"])), x=data.draw(slices(ds.sizes["x"])))
    assert isinstance(ds.xindexes["lat"], GridIndex) and ds.xindexes["lon"] is ds.xindexes["lat"]
    y, x = np.divmod(ds["value"].values.astype(int), model.shape[1])
    np.testing.assert_array_equal(ds["lat"], grid.latitude[y, x])
    np.testing.assert_array_equal(ds["lon"], grid.longitude[y, x])
    np.testing.assert_array_equal(ds["y"], grid.y[y[:, 0]])
    np.testing.assert_array_equal(ds["x"], grid.x[x[0]])
    box = ds["value"].sel(lat=slice(ds["lat"].min(), ds["lat"].max()), lon=slice(None))
    np.testing.assert_array_equal(box, ds["value"])
    # All its points are found from places that are a little aside.
    lat, lon = ds["lat"].drop_vars(list(ds.coords)), ds["lon"].drop_vars(list(ds.coords))
    found = ds["value"].sel(lat=lat.rename(y="i", x="j") + 1e-3, lon=lon.rename(y="i", x="j"), method="nearest")
    np.testing.assert_array_equal(found, ds["value"])


def test_other_selections_drop_the_index(open_model):
    ds = open_model(files.LAMBERT)
    for key in [{"y": 3}, {"x": [1, 5]}, {"x": xr.DataArray([1, 5], dims="p")}]:
        part = ds.isel(key)
        assert not {"lat", "lon"} & set(part.xindexes)
        np.testing.assert_array_equal(part["lat"], ds["lat"].load().isel(key))
    assert ds.isel(y=slice(0, 0))["lat"].values.shape == (0, 60)
    with pytest.raises(IndexError, match="positions 60 to 60 are out of bounds for a size of 60"):
        ds.isel(y=slice(1, None))["lat"].variable[:, [60]]


def test_on_a_gaussian_grid_the_row_may_go(open_model):
    ds = open_model(files.GAUSSIAN)
    for part in (ds.squeeze("y"), ds.isel(y=0).isel(x=slice(1000, None))):
        assert part["lat"].dims == ("x",)
        assert part["rain"].sel(lat=10, lon=20, method="nearest") == ds["rain"].sel(lat=10, lon=20, method="nearest")
        assert set(part["rain"].sel(lat=slice(10, 11), lon=slice(20, 22)).dims) == {"x"}
    with pytest.raises(KeyError, match="outside"):
        ds.isel(x=slice(1000)).sel(lat=10, lon=20, method="nearest")
    assert not ds.isel(x=slice(None, None, 2)).xindexes


def test_other_dimensions_do_not_matter(tmp_path):
    data = files.write_run(tmp_path / "rain.om", files.LAMBERT)
    run = open_dataset(tmp_path / "rain.om")["rain"].isel(time=slice(1, 3)).transpose("time", "x", "y")
    x, y = OmGrid(files.LAMBERT.wkt, files.LAMBERT.shape).find_point_xy(40, -100)
    np.testing.assert_array_equal(run.sel(lat=40, lon=-100, method="nearest"), data[y, x, 1:3])
    assert run.sel(time="2026-01-01T02", lat=slice(38, 40), lon=slice(-100, -98)).ndim == 2


@pytest.mark.parametrize("model", files.PROJECTED.values(), ids=files.PROJECTED)
def test_along_projection_coordinates(open_model, model):
    ds = open_model(model)
    y, x = ds["y"].values, ds["x"].values
    part = ds["rain"].sel(y=slice(y[3], y[5]), x=[x[7], x[2]])
    np.testing.assert_array_equal(part, ds["rain"].values[3:6, [7, 2]])
    assert ds["rain"].sel(y=y[3] + (y[1] - y[0]) / 3, x=x[1], method="nearest") == ds["rain"].values[3, 1]
    with pytest.raises(KeyError):
        ds.sel(y=y[0] - 1)


# --- several datasets -------------------------------------------------------------------------------------------------


@curved_grids
def test_arithmetic(open_model, model):
    ds = open_model(model)
    both = ds["rain"] - ds["temperature_2m"]
    assert (both == 1).all() and isinstance(both.xindexes["lat"], GridIndex)
    assert ((ds + open_model(model))["rain"] == 2 * ds["rain"]).all()
    assert ((ds["rain"] - ds["rain"].drop_indexes(list(ds["rain"].xindexes))) == 0).all()


def test_parts_of_a_grid_are_aligned(open_model):
    rain = open_model(files.LAMBERT)["rain"]
    one, other = rain[2:12, :20], rain[5:, 10:30]
    np.testing.assert_array_equal((one + other) / 2, rain[5:12, 10:20])
    outer = xr.align(one, other, join="outer")[0]
    assert outer.shape == (34, 30) and outer.count() == one.size
    np.testing.assert_array_equal(outer["lat"], rain["lat"][2:, :30])
    np.testing.assert_array_equal(one.reindex_like(other)[:7, :10], rain[5:12, 10:20])
    with pytest.raises(ValueError, match="not parts of one grid"):
        rain + open_model(files.AZIMUTHAL)["rain"]


def test_copies_names_and_text(open_model):
    ds = open_model(files.LAMBERT)
    named = ds.rename(lat="latitude", lon="longitude", y="row", x="column")
    place = {"latitude": 40, "longitude": -105}
    expected = ds["rain"].sel(lat=40, lon=-105, method="nearest")
    for like in (named, copy.deepcopy(named), pickle.loads(pickle.dumps(named)), named.isel(row=slice(1, None))):
        assert like["rain"].sel(place, method="nearest") == expected
        assert like["latitude"].dims == ("row", "column")
    assert len(pickle.dumps(ds.xindexes["lat"])) < 2000
    assert "GridIndex projected (36, 60)" in repr(ds)
    assert not ds.xindexes["lat"].equals(ds.isel(y=slice(5)).xindexes["lat"])


def test_pandas_finds_no_labels_in_it(open_model):
    ds = open_model(files.LAMBERT)
    assert list(ds.indexes) == ["lat", "lon", "y", "x"] and "GridIndex projected (36, 60)" in repr(ds.indexes)
    assert ds.indexes["lat"].tolist() == [ds.xindexes["lat"]]
    with pytest.raises(KeyError):
        ds.indexes["lat"].get_loc(0)


@curved_grids
def test_datasets_are_concatenated_along_other_dimensions(open_model, model):
    ds = open_model(model)
    both = xr.concat([ds, ds + 1], "member", coords="all", data_vars="all", join="exact")
    assert both["rain"].dims == ("member", "y", "x") and both.xindexes["lat"].equals(ds.xindexes["lat"])
    xr.testing.assert_identical(both["lat"].variable, ds["lat"].variable)
    lat, lon = PLACES[model]
    assert np.diff(both["rain"].sel(lat=lat, lon=lon, method="nearest")).tolist() == [1]
    indexes = [ds.xindexes["lat"], ds.isel(x=slice(1, None)).xindexes["lat"]]
    with pytest.raises(ValueError, match=r"not adjacent parts .* before they are concatenated along 'member'"):
        GridIndex.concat(indexes, "member")


@pytest.mark.parametrize("dim", ["y", "x"])
def test_parts_are_combined(open_model, dim):
    ds = open_model(files.LAMBERT)
    parts = [ds.isel({dim: slice(5, None)}), ds.isel({dim: slice(5)})]
    options = {"data_vars": "minimal", "coords": "minimal", "compat": "override", "join": "outer"}
    whole = xr.combine_by_coords(parts, **options)
    xr.testing.assert_identical(whole, ds)
    assert whole.xindexes["lat"].equals(ds.xindexes["lat"])
    with pytest.raises(ValueError, match="not adjacent parts of one grid"):
        xr.combine_by_coords([ds.isel({dim: slice(6, None)}), parts[1]], **options)


def test_stacking_drops_the_index(open_model):
    ds = open_model(files.LAMBERT)
    stacked = ds.stack(point=("y", "x"))
    assert stacked["lat"].dims == ("point",) and stacked["rain"].values[61] == ds["rain"].values[1, 1]


def test_what_users_do(tmp_path):
    """None of this selects by latitude and longitude, but an index must not be in the way."""
    files.write_run(tmp_path / "rain.om", files.LAMBERT)
    ds = open_dataset(tmp_path / "rain.om")
    rain = ds["rain"]
    values = rain.values
    assert isinstance(ds.assign(twice=rain * 2).xindexes["lat"], GridIndex)
    frame = rain.isel(y=slice(2), x=slice(3)).to_dataframe()
    assert frame.index.names == ["y", "x", "time"] and len(frame) == 24
    means = ds.mean("y")
    assert means["rain"].isel(x=slice(5)).shape == (5, 4) and set(means.coords) >= {"x"} and "lat" not in means.coords
    np.testing.assert_array_equal(ds.where(ds["lat"] > 40, drop=True)["rain"].max(), values.max())
    time = xr.concat([ds.isel(time=[0, 1]), ds.isel(time=[2, 3])], "time", join="exact", data_vars="minimal")
    np.testing.assert_array_equal(time["rain"].sel(lat=40, lon=-100, method="nearest").shape, (4,))
    for dim in ("y", "x"):
        parts = [ds.isel({dim: slice(0, 5)}), ds.isel({dim: slice(5, None)})]
        whole = xr.concat(parts, dim, join="outer", coords="minimal", data_vars="minimal", compat="override")
        np.testing.assert_array_equal(whole["rain"], values)
        np.testing.assert_array_equal(whole["lat"], ds["lat"])
        assert whole.xindexes["lat"].equals(ds.xindexes["lat"])
        with pytest.raises(ValueError, match=r"not adjacent parts .* drop_indexes\(\['lat', 'lon'\]\) before"):
            xr.concat(parts[::-1], dim, join="outer", coords="minimal", data_vars="minimal", compat="override")
    assert ds.drop_vars(["lat", "lon"])["rain"].isel(x=slice(3)).sizes["x"] == 3
    assert ds.coarsen(y=4, x=4).mean()["rain"].shape == (9, 15, 4)
    assert ds.groupby("time.hour").mean().sizes["hour"] == 4
    assert ds.sortby("y", ascending=False)["lat"][0, 0] == ds["lat"][-1, 0]
    for moved in (ds.roll(x=1, roll_coords=True), ds.shift(x=1), ds.pad(x=1)):
        assert moved["rain"].sizes["y"] == 36


# --- in files ---------------------------------------------------------------------------------------------------------


def assert_round_trip(ds, path):
    write_dataset(ds, path)
    found = open_dataset(path)
    assert not found["lat"].variable._in_memory
    xr.testing.assert_identical(found, ds)
    assert found.xindexes["lat"].equals(ds.xindexes["lat"]) and found.xindexes["lon"] is found.xindexes["lat"]
    return found


@curved_grids
def test_what_is_written_is_selected_as_before(open_model, tmp_path, model):
    lat, lon = PLACES[model]
    ds = open_model(model)
    found = assert_round_trip(ds, tmp_path / "a.om")
    xr.testing.assert_identical(
        found.sel(lat=lat, lon=lon, method="nearest"), ds.sel(lat=lat, lon=lon, method="nearest")
    )
    box = {"lat": slice(lat - 3, lat + 2), "lon": slice(lon - 4, lon + 5)}
    xr.testing.assert_identical(found.sel(box), ds.sel(box))
    xr.testing.assert_identical(found.isel(x=slice(3, 40)).load(), ds.isel(x=slice(3, 40)).load())
    with OmFileReader(tmp_path / "a.om") as file:
        np.testing.assert_array_equal(file["lat"][...], ds["lat"], "for other readers")
    assert_round_trip(found, tmp_path / "b.om")


def test_parts_of_grids_are_written(open_model, tmp_path):
    ds = open_model(files.LAMBERT)
    part = ds.isel(y=slice(30, 3, -2), x=slice(4, None, 3)).rename(lat="latitude", lon="longitude", y="row")
    part = part.transpose("x", "row")
    write_dataset(part, tmp_path / "a.om")
    found = open_dataset(tmp_path / "a.om")
    xr.testing.assert_identical(found, part)
    box = {"latitude": slice(35, 40), "longitude": slice(-100, -95)}
    xr.testing.assert_identical(found.sel(box), part.sel(box))
    assert found.sel(box)["rain"].shape == (2, 3)
    for options in ({"drop_variables": "longitude"}, {"decode_coords": False}):
        assert "latitude" not in open_dataset(tmp_path / "a.om", **options).xindexes
    row = open_model(files.GAUSSIAN).squeeze("y").isel(x=slice(100, 5000))
    assert_round_trip(row, tmp_path / "b.om")
    write_dataset(ds.drop_indexes(["lat", "lon"]), tmp_path / "c.om")
    assert set(open_dataset(tmp_path / "c.om").xindexes) == {"y", "x"}


def test_trees_of_grids_are_written(open_model, tmp_path):
    ds = open_model(files.LAMBERT)
    whole, part = ds[["rain"]], ds[["rain"]].isel(x=slice(5), y=slice(7)).rename(y="row", x="column")
    below = whole.drop_vars(list(ds.coords))
    tree = xr.DataTree.from_dict({"/whole": whole, "/whole/below": below, "/part": part})
    write_dataset(tree, tmp_path / "a.om")
    found = xr.open_datatree(tmp_path / "a.om", engine="om")
    xr.testing.assert_identical(found, tree)
    for path in ("/whole", "/whole/below", "/part"):
        assert found[path].xindexes["lat"].equals(tree[path].xindexes["lat"])
    assert "part/lat" in open_dataset(tmp_path / "a.om").coords


def test_other_stores_do_not_see_the_description(open_model, tmp_path):
    zarr = pytest.importorskip("omfiles.zarr", reason="needs zarr", exc_type=ImportError)
    ds = open_model(files.LAMBERT)
    write_dataset(ds, tmp_path / "a.om")
    found = xr.open_zarr(zarr.OmStore(tmp_path / "a.om"), consolidated=False, decode_coords="all")
    assert found["rain"].encoding["grid_mapping"] == "spatial_ref"
    xr.testing.assert_identical(found.load(), ds.drop_indexes(["lat", "lon"]).load())
    write_dataset(found, tmp_path / "b.om")


GOOD = {"crs_wkt": files.LAMBERT.wkt, "shape": [36, 60], "rows": [0, 3, 1], "columns": [0, 5, 1]}
GOOD |= {"names": {"lat": "lat", "lon": "lon"}, "dims": {"y": "y", "x": "x"}}


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"crs_wkt": "no WKT"},
        {"crs_wkt": 5},
        {"shape": [36]},
        {"shape": [36, 10**400]},
        {"rows": 0},
        {"rows": [34, 37, 1]},
        {"rows": [1, -2, -1]},
        {"columns": [0, 5, 0]},
        {"columns": [3, -2, -1]},
        {"columns": [5, 5, 1]},
        {"names": {"lat": "lat"}},
        {"names": {"lat": "lat", "lon": []}},
        {"names": {"lat": "lon", "lon": "lat"}},
        {"dims": {"y": "x", "x": "y"}},
    ],
    ids=str,
)
def test_descriptions_that_somebody_else_wrote(tmp_path, change, recwarn):
    data = {name: np.ones((3, 5)) for name in ("lat", "lon", "rain")}
    with OmFileWriter(tmp_path / "a.om") as writer:
        children = [
            writer.write_array(
                values,
                [3, 5],
                name=name,
                scale_factor=1,
                dims=("y", "x"),
                attrs={"_grid_index": json.dumps(GOOD | change)} if name == "lat" else {},
            )
            for name, values in data.items()
        ]
        writer.close(writer.write_group("", children))
    ds = open_dataset(tmp_path / "a.om")
    assert ds["lat"].attrs == {} and repr(ds) and ds["rain"].sum() == 15
    if change:
        assert "lat" not in ds.xindexes
        warned = [str(warning.message) for warning in recwarn]
        assert "names" in change or "dims" in change or "without selection by latitude and longitude" in warned[0]
    else:
        assert isinstance(ds.xindexes["lat"], GridIndex) and not recwarn


@pytest.mark.parametrize("text", ["", "{", "[]", "5", "null", "[" * 100_000, 7])
def test_descriptions_that_are_no_json(text):
    with pytest.raises(ValueError, match=r"describes no part of a grid|Expecting"):
        GridIndex.described(text)
