# SPDX-License-Identifier: MIT
"""Boxes and places of the command line, on files of several kinds."""

from __future__ import annotations

import numpy as np
import pytest

from omfiles import OmFileWriter

xr = pytest.importorskip("xarray", reason="needs xarray", exc_type=ImportError)

from omfiles.xarray import open_dataset, write_dataset  # noqa: E402

LAT = np.arange(30.0, 61, 2)
LON = np.arange(0.0, 360, 5)
DATA = np.arange(LAT.size * LON.size, dtype="f4").reshape(LAT.size, LON.size)
BOX = "-12,35,12,45"
ROWS, COLUMNS = slice(3, 8), [70, 71, 0, 1, 2]


@pytest.fixture
def globe():
    attrs = {"units": "degrees_east", "bounds": "lon_bnds"}
    return xr.Dataset(
        {"t": (("lat", "lon"), DATA), "lon_bnds": (("lon", "nv"), np.stack([LON - 2.5, LON + 2.5], axis=1))},
        {"lat": ("lat", LAT, {"units": "degrees_north"}), "lon": ("lon", LON, attrs)},
    )


def test_a_box_across_the_seam_has_ascending_longitudes(run, tmp_path, globe):
    pytest.importorskip("netCDF4")
    write_dataset(globe, tmp_path / "a.om")
    globe["lon"].encoding = {"dtype": "u2", "scale_factor": 0.01}
    globe.to_netcdf(tmp_path / "b.nc", engine="netcdf4")
    for name in ("a.om", "b.nc"):
        for target in ("cut.om", "cut.nc"):
            assert run("extract", tmp_path / name, tmp_path / target, "--force", "--bbox", BOX).code == 0
        for cut in (open_dataset(tmp_path / "cut.om"), xr.open_dataset(tmp_path / "cut.nc", engine="netcdf4")):
            assert cut["lon"].values.tolist() == [-10, -5, 0, 5, 10]
            assert cut["lat"].values.tolist() == [36, 38, 40, 42, 44]
            np.testing.assert_array_equal(cut["t"], DATA[ROWS][:, COLUMNS])
            np.testing.assert_array_equal(cut["lon_bnds"][:, 0], [-12.5, -7.5, -2.5, 2.5, 7.5])
            assert cut.sel(lon=slice(-6, 6))["t"].shape == (5, 3)
            cut.close()


def write_unnamed(path, lat, lon, **arrays):
    with OmFileWriter(path) as writer:
        values = {"lat": lat, "lon": lon, **arrays}
        children = [writer.write_array(array, array.shape, name=name) for name, array in values.items()]
        writer.close(writer.write_group("", children))


def test_boxes_apply_to_arrays_without_names_of_dimensions(run, tmp_path):
    cube = np.stack([DATA, DATA + 1])
    arrays = {"t": DATA, "cube": cube, "turned": np.ascontiguousarray(DATA.T), "other": cube[:, 0, :3]}
    write_unnamed(tmp_path / "x.om", LAT, LON, **arrays)
    result = run("extract", tmp_path / "x.om", tmp_path / "cut.om", "--bbox", BOX)
    assert (result.code, result.err) == (0, "")
    cut = open_dataset(tmp_path / "cut.om")
    np.testing.assert_array_equal(cut["t"], DATA[ROWS][:, COLUMNS])
    np.testing.assert_array_equal(cut["cube"], cube[:, ROWS][..., COLUMNS])
    np.testing.assert_array_equal(cut["turned"], DATA.T[COLUMNS][:, ROWS])
    np.testing.assert_array_equal(cut["other"], cube[:, 0, :3])
    assert (cut["lat"].size, cut["lon"].size) == (5, 5)


def test_arrays_whose_dimensions_cannot_be_told_are_named(run, tmp_path):
    square = DATA[:, : LAT.size]
    write_unnamed(tmp_path / "x.om", LAT, LON[: LAT.size], square=np.ascontiguousarray(square))
    result = run("extract", tmp_path / "x.om", tmp_path / "cut.om", "--bbox", "10,35,40,45")
    assert result.code == 0
    assert "left whole, as their dimensions have no names" in result.err and "'square'" in result.err
    cut = open_dataset(tmp_path / "cut.om")
    np.testing.assert_array_equal(cut["square"], square)
    assert (cut["lat"].values.tolist(), cut["lon"].values.tolist()) == ([36, 38, 40, 42, 44], [*range(10, 41, 5)])


def test_groups_are_cut_by_the_coordinates_they_inherit(run, tmp_path, globe):
    tree = xr.DataTree.from_dict({"/": globe, "/more": xr.Dataset({"u": (("lat", "lon"), DATA + 1)})})
    write_dataset(tree, tmp_path / "x.om")
    assert run("extract", tmp_path / "x.om", tmp_path / "cut.om", "--bbox", BOX).code == 0
    cut = xr.open_datatree(tmp_path / "cut.om", engine="om")
    np.testing.assert_array_equal(cut["more/u"], DATA[ROWS][:, COLUMNS] + 1)
    np.testing.assert_array_equal(cut["t"], DATA[ROWS][:, COLUMNS])


@pytest.mark.parametrize("curved", [False, True], ids=["regular", "curved"])
def test_a_series_outside_of_the_grid(run, tmp_path, globe, curved):
    pytest.importorskip("matplotlib")
    ds = globe[["t"]].expand_dims(time=3).copy()
    if curved:
        lat, lon = np.meshgrid(LAT, LON, indexing="ij")
        ds = xr.Dataset(
            {"t": (("time", "y", "x"), ds["t"].values)},
            {"lat": (("y", "x"), lat, {"units": "degrees_north"}), "lon": (("y", "x"), lon, {"units": "degrees_east"})},
        )
    write_dataset(ds, tmp_path / "x.om")
    picture = tmp_path / "x.png"
    result = run("plot", tmp_path / "x.om", "t", "--point", "80,10", "-o", picture)
    assert result.code == 1 and "outside of the grid" in result.err and "80" in result.err
    assert run("plot", tmp_path / "x.om", "t", "--point", "40,359.9", "-o", picture).code == 0


def test_sides_are_inside_in_float32_too(run, tmp_path):
    tenths = np.round(np.arange(3500, 3600) / 10, 1).astype("f4")
    attrs = {"units": "degrees_east"}
    ds = xr.Dataset({"t": (("lat", "lon"), np.zeros((2, 100)))}, {"lat": [1.0, 2.0], "lon": ("lon", tenths, attrs)})
    write_dataset(ds, tmp_path / "x.om")
    assert run("extract", tmp_path / "x.om", tmp_path / "cut.om", "--bbox", "-9.9,1,-4.7,2").code == 0
    np.testing.assert_array_equal(open_dataset(tmp_path / "cut.om")["lon"], tenths[1:54])


def test_boxes_of_places_one_after_another(run, tmp_path):
    places = {"lat": ("place", [50.0, 10, 52, 48]), "lon": ("place", [10.0, 10, 100, -349])}
    write_dataset(xr.Dataset({"t": ("place", np.arange(4.0))}).assign_coords(places), tmp_path / "x.om")
    assert run("extract", tmp_path / "x.om", tmp_path / "cut.om", "--bbox", "5,45,15,55").code == 0
    assert open_dataset(tmp_path / "cut.om")["t"].values.tolist() == [0, 3]


def test_coordinates_whose_dimensions_are_in_another_order(run, tmp_path):
    lat, lon = np.meshgrid(LAT, LON, indexing="ij")
    coords = {"lat": (("y", "x"), lat), "lon": (("x", "y"), np.ascontiguousarray(lon.T))}
    write_dataset(xr.Dataset({"t": (("y", "x"), DATA)}).assign_coords(coords), tmp_path / "x.om")
    assert run("extract", tmp_path / "x.om", tmp_path / "cut.om", "--bbox", "20,35,40,45").code == 0
    np.testing.assert_array_equal(open_dataset(tmp_path / "cut.om")["t"], DATA[ROWS, 4:9])
