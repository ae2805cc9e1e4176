# SPDX-License-Identifier: MIT
"""Reading through xarray: how files become datasets, and that data are read late, in parts, and rightly."""

from __future__ import annotations

import io
import os
import pickle
import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import pytest
from shared import write_file

import omfiles
from omfiles import OmFileReader, OmFileWriter

pytest.importorskip("xarray")
dask = pytest.importorskip("dask")

import xarray as xr  # noqa: E402
from xarray.backends import BackendArray  # noqa: E402

from omfiles._chunk_grid import preferred_chunks  # noqa: E402
from omfiles._xarray.lazy import lazily_indexed  # noqa: E402
from omfiles.xarray import DIMENSION_KEY, OmBackendArray, OmDataStore, OmXarrayEntrypoint  # noqa: E402

FIELD = np.arange(9 * 11 * 13, dtype="f4").reshape(9, 11, 13)
LAT, LON, HOURS = np.linspace(40, 48, 9), np.linspace(0, 10, 11), np.arange(13)
DIMS = ("lat", "lon", "time")


def open_dataset(source, **options):
    return xr.open_dataset(source, engine=OmXarrayEntrypoint, **options)


def weather(writer, name=""):
    """A group of a field and its coordinates."""
    coordinates = [
        writer.write_array(LAT, [9], name="lat", compression="fpx_xor_2d", attrs={"units": "degrees_north"}),
        writer.write_array(LON, [11], name="lon", compression="fpx_xor_2d"),
        writer.write_array(HOURS, [13], name="time", attrs={"units": "hours since 2026-01-02"}),
    ]
    attrs = {"units": "K", "height": np.float32(2), "level": np.int16(3)}
    t2m = writer.write_array(FIELD, [2, 3, 5], scale_factor=4, name="t2m", attrs=attrs, dims=DIMS)
    return writer.write_group(name, [t2m, *coordinates, writer.write_scalar("a test", "title")])


@pytest.fixture
def path(tmp_path):
    return write_file(tmp_path / "weather.om", weather)


@pytest.fixture
def t2m(path):
    """The field, of which nothing has been read yet."""
    return open_dataset(path)["t2m"]


class Store:
    """A store that counts what it is asked."""

    def __init__(self, content):
        self.content = content
        self.requests = []

    def size(self, path):
        self.requests.append("size")
        return len(self.content)

    def cat_file(self, path, start, end):
        self.requests.append((start, end))
        return self.content[start:end]


# --- mapping ----------------------------------------------------------------------------------------------------------


def test_a_group_without_a_name_becomes_a_dataset(path):
    ds = open_dataset(path)
    assert list(ds.data_vars) == ["t2m"] and list(ds.coords) == ["lat", "lon", "time"]
    assert ds.attrs == {"title": "a test"}
    assert ds["t2m"].dims == DIMS
    assert ds.sizes == {"lat": 9, "lon": 11, "time": 13}
    assert set(ds.xindexes) == {"lat", "lon", "time"}
    np.testing.assert_array_equal(ds["t2m"], FIELD)
    np.testing.assert_array_equal(ds["lat"], LAT)
    assert ds["time"].values[5] == np.datetime64("2026-01-02T05")


def test_attributes_keep_their_types(t2m):
    assert list(t2m.attrs) == ["units", "height", "level"]
    assert t2m.attrs["units"] == "K"
    assert t2m.attrs["height"].dtype == np.float32 and t2m.attrs["level"].dtype == np.int16


def test_selection_by_labels(t2m):
    assert t2m.sel(lat=43.1, lon=6.9, method="nearest").sel(time="2026-01-02T03") == FIELD[3, 7, 3]
    np.testing.assert_array_equal(t2m.sel(lat=slice(41, 43), lon=2), FIELD[1:4, 2])


def test_names_are_paths_and_attributes_of_groups_are_dropped(tmp_path):
    def tree(writer):
        wind = writer.write_array(FIELD[0], [11, 13], name="wind/speed")
        surface = writer.write_group("surface", [wind, writer.write_scalar(1, "dropped")])
        return writer.write_group("root", [writer.write_scalar("kept", "title"), surface])

    ds = open_dataset(write_file(tmp_path / "x.om", tree))
    assert list(ds.variables) == ["root/surface/wind/speed"]
    assert ds.attrs == {"title": "kept"}


def test_order_is_that_of_the_file(tmp_path):
    names = [f"v{i * 7 % 20}" for i in range(20)]
    path = write_file(
        tmp_path / "x.om", lambda w: w.write_group("", [w.write_array(np.zeros(3), [3], name=name) for name in names])
    )
    assert list(open_dataset(path).variables) == names


def test_dimension_coordinates_of_a_named_root_are_no_indexes(tmp_path):
    ds = open_dataset(write_file(tmp_path / "x.om", lambda writer: weather(writer, "root")))
    assert list(ds.data_vars) == ["root/t2m", "root/lat", "root/lon", "root/time"]
    assert ds["root/lat"].dims == ("lat",) and not ds.xindexes


def test_names_of_dimensions_are_separated_by_any_white_space(tmp_path):
    def tree(writer):
        children = [writer.write_scalar(" a,b\t c\n", DIMENSION_KEY)]
        return writer.write_array(FIELD[0], [11, 13], name="v", children=children)

    assert open_dataset(write_file(tmp_path / "x.om", tree))["v"].dims == ("a,b", "c")


def test_dimensions_without_names_are_numbered(tmp_path):
    omfiles.save(tmp_path / "x.om", FIELD, name="v")
    assert open_dataset(tmp_path / "x.om")["v"].dims == ("dim0", "dim1", "dim2")


def test_conflicting_dimensions_without_names_tell_their_size(tmp_path):
    def tree(writer):
        shapes = {"a": (3, 4), "b": (5, 4), "c": (3,)}
        return writer.write_group("", [writer.write_array(np.ones(s), list(s), name=n) for n, s in shapes.items()])

    ds = open_dataset(write_file(tmp_path / "x.om", tree))
    assert {name: v.dims for name, v in ds.items()} == {
        "a": ("dim0_3", "dim1"),
        "b": ("dim0_5", "dim1"),
        "c": ("dim0_3",),
    }


def test_coordinates_that_are_no_string_name_nothing(tmp_path):
    def tree(writer):
        return writer.write_array(FIELD, [9, 11, 13], name="v", children=[writer.write_scalar(7, DIMENSION_KEY)])

    with pytest.warns(UserWarning, match="variable 'v': 'coordinates' is the number 7 instead of the names"):
        variable = open_dataset(write_file(tmp_path / "x.om", tree))["v"]
    assert variable.dims == ("dim0", "dim1", "dim2") and variable.attrs == {}


def wrong_coordinates(writer):
    wrong = writer.write_array(FIELD, [9, 11, 13], name="bad", children=[writer.write_scalar("lat lon", DIMENSION_KEY)])
    return writer.write_group("", [wrong, writer.write_array(LAT, [9], name="lat")])


def test_a_wrong_number_of_dimensions_is_an_error_that_names_the_variable(tmp_path):
    path = write_file(tmp_path / "x.om", wrong_coordinates)
    with pytest.raises(ValueError, match=r"variable 'bad' has 3 dimensions.* names 2: 'lat lon'"):
        open_dataset(path)
    assert list(open_dataset(path, drop_variables="bad").variables) == ["lat"]


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("temperature_2m.om", "temperature_2m"),
        ("temperature_2m/chunk_123.om", "temperature_2m"),
        ("rain/year_2020.om", "rain"),
        ("rain/master_0.om", "rain"),
    ],
)
def test_a_root_without_a_name_is_called_as_its_file(tmp_path, file, name):
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    omfiles.save(path, FIELD, name="")
    for source in (path, str(path)):
        assert list(omfiles.open_dataset(source)) == list(xr.open_datatree(source, engine=OmXarrayEntrypoint)) == [name]
        assert list(open_dataset(source, root_name="auto")) == [name]
        assert list(open_dataset(source, root_name="t2m")) == ["t2m"]
        assert list(open_dataset(source)) == [""], "as programs for omfiles 1.2 expect it"
    assert list(omfiles.open_dataset(path.read_bytes())) == ["data"]


def test_a_root_array_with_coordinates_as_children(tmp_path):
    def tree(writer):
        time = writer.write_array(HOURS, [13], name="time")
        names = writer.write_scalar("lat lon time", DIMENSION_KEY)
        return writer.write_array(FIELD, [1, 5, 13], name="", children=[time, names, writer.write_scalar("K", "unit")])

    ds = open_dataset(write_file(tmp_path / "run.om", tree))
    assert ds[""].dims == DIMS and list(ds.xindexes) == ["time"]
    assert ds.attrs == ds[""].attrs == {"unit": "K"}


def test_a_name_from_the_file_that_is_taken_is_not_used(tmp_path):
    def tree(writer):
        return writer.write_array(FIELD[0], [11, 13], name="", children=[writer.write_array(LAT, [9], name="lat")])

    assert list(open_dataset(write_file(tmp_path / "lat.om", tree))) == ["", "lat"]


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_legacy_files(golden, version):
    path = golden / "files" / f"legacy-{version}-pfor_delta_2d_int16.om"
    ds = open_dataset(path)
    with OmFileReader(path) as reader:
        np.testing.assert_array_equal(ds[""], reader[...])
    assert ds[""].dims == ("dim0", "dim1")


def test_encoding_says_how_an_array_is_stored(t2m):
    assert t2m.encoding["om_chunks"] == {"lat": 2, "lon": 3, "time": 5}
    assert "chunks" not in t2m.encoding  # which zarr would obey
    assert t2m.encoding["preferred_chunks"] == {"lat": 9, "lon": 11, "time": 13}
    assert t2m.encoding["om_compression"] == "pfor_delta_2d"
    assert (t2m.encoding["om_scale_factor"], t2m.encoding["om_add_offset"]) == (4, 0)
    assert t2m.encoding["dtype"] == np.float32


@pytest.mark.parametrize(
    ("shape", "chunks"),
    [
        ((1441, 2879, 181), (1, 5, 181)),
        ((721, 1440, 504), (10, 10, 504)),
        ((100_000_000,), (1000,)),
        ((9000, 9000), (9000, 9000)),
        ((40, 40, 40), (7, 7, 7)),
        ((30, 5000, 5000), (1, 701, 701)),
        ((), ()),
        ((0, 5), (1, 5)),
    ],
)
def test_preferred_chunks(shape, chunks):
    sizes = preferred_chunks(shape, chunks, 4)
    n_bytes = 4 * np.prod(sizes, dtype=int)
    assert all(size % chunk == 0 or size == extent for size, chunk, extent in zip(sizes, chunks, shape))
    assert n_bytes <= max(32 << 20, 4 * np.prod(chunks, dtype=int))
    assert n_bytes >= 8 << 20 or sizes == shape


# --- groups -----------------------------------------------------------------------------------------------------------


def forest(writer):
    def pressure(level):
        wind = writer.write_array(FIELD[level], [11, 13], name="wind", dims=("lon", "time"))
        return writer.write_group(f"p{level}", [wind, writer.write_scalar(level, "level")])

    lon = writer.write_array(LON, [11], name="lon", compression="fpx_xor_2d")
    levels = writer.write_group("levels", [pressure(0), pressure(1)])
    return writer.write_group("model", [writer.write_scalar("a test", "title"), lon, levels])


def test_datatree(tmp_path):
    tree = xr.open_datatree(write_file(tmp_path / "x.om", forest), engine=OmXarrayEntrypoint)
    assert [node.path for node in tree.subtree] == ["/", "/levels", "/levels/p0", "/levels/p1"]
    assert tree.attrs == {"title": "a test"} and tree["levels/p1"].attrs == {"level": 1}
    np.testing.assert_array_equal(tree["levels/p1/wind"], FIELD[1])
    assert list(tree["levels/p1"].coords) == ["lon"], "inherited from the root"


def test_groups(tmp_path):
    path = write_file(tmp_path / "x.om", forest)
    groups = xr.open_groups(path, engine=OmXarrayEntrypoint)
    assert {path: list(ds.variables) for path, ds in groups.items()} == {
        "/": ["lon"],
        "/levels": [],
        "/levels/p0": ["wind"],
        "/levels/p1": ["wind"],
    }
    assert list(xr.open_groups(path, engine=OmXarrayEntrypoint, group="/levels")) == ["/", "/p0", "/p1"]
    assert list(xr.open_groups(path, engine=OmXarrayEntrypoint, drop_variables="wind")["/levels/p0"]) == []
    np.testing.assert_array_equal(open_dataset(path, group="levels/p1")["wind"], FIELD[1])
    assert list(open_dataset(path, group="/").variables) == ["lon"]
    assert list(open_dataset(path).variables) == ["model/lon", "model/levels/p0/wind", "model/levels/p1/wind"]


def test_groups_that_are_none(path):
    with pytest.raises(KeyError, match=r"no group 'nowhere': .* there are 't2m'"):
        open_dataset(path, group="nowhere")
    with pytest.raises(ValueError, match="'t2m' is no group but <OmFileReader 't2m' float32"):
        open_dataset(path, group="t2m")


def test_groups_without_names_and_arrays_of_one_name(tmp_path):
    def tree(writer):
        inner = writer.write_array(LAT, [9], name="lat")
        outer = writer.write_array(FIELD[:, 0], [9, 13], name="t2m", children=[inner])
        unnamed = writer.write_group("", [writer.write_array(LON, [11], name="lon")])
        return writer.write_group("", [outer, writer.write_array(LAT, [9], name="lat"), unnamed])

    groups = xr.open_groups(write_file(tmp_path / "x.om", tree), engine=OmXarrayEntrypoint)
    assert {path: list(ds) for path, ds in groups.items()} == {"/": ["t2m", "t2m.lat", "lat", "lon"]}


def test_default_dimensions_of_a_tree_do_not_conflict(tmp_path):
    def tree(writer):
        below = writer.write_group("below", [writer.write_array(LON, [11], name="b")])
        return writer.write_group("", [writer.write_array(LAT, [9], name="a"), below])

    tree = xr.open_datatree(write_file(tmp_path / "x.om", tree), engine=OmXarrayEntrypoint)
    assert tree["a"].dims == ("dim0_9",) and tree["below/b"].dims == ("dim0_11",)


# --- what can be opened -----------------------------------------------------------------------------------------------


def test_sources(path):
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    memory.pipe_file("/weather.om", path.read_bytes())
    with open(path, "rb") as file, OmFileReader(path) as reader:
        sources = [
            str(path),
            path,
            path.read_bytes(),
            io.BytesIO(path.read_bytes()),
            file,
            reader,
            f"file://{path}",
            "memory://weather.om",
            fsspec.open("memory://weather.om"),
            (memory, "weather.om"),
        ]
        for source in sources:
            ds = open_dataset(source)
            np.testing.assert_array_equal(ds["t2m"], FIELD)
            ds.close()
        assert not reader.closed


def test_paths_of_universal_pathlib(path):
    upath = pytest.importorskip("upath")
    pytest.importorskip("fsspec").filesystem("memory").pipe_file("/weather.om", path.read_bytes())
    source = upath.UPath("memory://weather.om")
    assert OmXarrayEntrypoint().guess_can_open(source)
    np.testing.assert_array_equal(open_dataset(source)["t2m"], FIELD)


def test_storage_options(path):
    pytest.importorskip("fsspec")
    url = f"simplecache::file://{path}"
    options = {"simplecache": {"cache_storage": str(path.parent / "cache")}}
    np.testing.assert_array_equal(open_dataset(url, storage_options=options)["t2m"], FIELD)
    with pytest.raises(TypeError, match="storage_options are for URLs"):
        open_dataset(path, storage_options=options)


def test_guessing(path, tmp_path):
    guess = OmXarrayEntrypoint().guess_can_open
    foreign = tmp_path / "x.nc"
    foreign.write_bytes(b"CDF\x01 and so on")
    bare = tmp_path / "bare"
    bare.write_bytes(path.read_bytes())
    with open(bare, "rb") as file:
        file.seek(5)
        assert guess(file) and file.tell() == 5
    for source in [path, str(path), bare, path.read_bytes(), io.BytesIO(path.read_bytes()), "X.OM", "a/missing.om"]:
        assert guess(source), source
    for source in ["s3://bucket/x.om", "https://example.com/x.om?version=3", OmFileReader(path)]:
        assert guess(source), source
    for source in [foreign, str(foreign), tmp_path, "s3://bucket/x.nc", b"CDF", io.BytesIO(), io.StringIO("OM"), 7]:
        assert not guess(source), source


def test_errors_of_opening(tmp_path):
    with pytest.raises(FileNotFoundError):
        open_dataset(tmp_path / "missing.om")
    (tmp_path / "damaged.om").write_bytes(b"x" * 100)
    with pytest.raises(omfiles.OmFormatError, match=r"damaged\.om"):
        open_dataset(tmp_path / "damaged.om")
    with pytest.raises(TypeError, match=r"open_dataset\(\) got an unexpected keyword argument 'nonsense'"):
        open_dataset(tmp_path / "missing.om", nonsense=1)
    with pytest.raises(TypeError, match=r"open_groups_as_dict\(\) got an unexpected keyword argument 'nonsense'"):
        xr.open_datatree(tmp_path / "missing.om", engine=OmXarrayEntrypoint, nonsense=1)


def test_several_files(tmp_path):
    for part in range(3):

        def tree(writer, part=part):
            time = writer.write_array(HOURS + 13 * part, [13], name="time", attrs={"units": "hours since 2026-01-02"})
            return writer.write_group("", [time, writer.write_array(FIELD + part, [2, 3, 5], name="t2m", dims=DIMS)])

        write_file(tmp_path / f"part{part}.om", tree)
    with xr.open_mfdataset(str(tmp_path / "*.om"), engine=OmXarrayEntrypoint) as ds:
        assert ds.sizes["time"] == 39 and ds["t2m"].chunks == ((9,), (11,), (13, 13, 13))
        np.testing.assert_array_equal(ds["t2m"], np.concatenate([FIELD, FIELD + 1, FIELD + 2], axis=2))


def test_data_stay_readable_after_closing(path):
    with open_dataset(path) as ds:
        pass
    np.testing.assert_array_equal(ds["t2m"], FIELD)


def test_the_engine_is_found(path):
    if not entry_points(group="xarray.backends", name="om"):
        pytest.skip("omfiles is not installed")
    for engine in ("om", None):
        np.testing.assert_array_equal(xr.open_dataset(path, engine=engine)["t2m"], FIELD)
    assert list(xr.open_datatree(path, engine="om")["/"]) == ["t2m"]


def test_convenience(path):
    np.testing.assert_array_equal(omfiles.open_dataset(path, decode_times=False)["time"], HOURS)


def test_xarray_is_an_extra(path):
    code = "import sys; sys.modules['xarray'] = None; import omfiles; omfiles.open_dataset('x.om')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "ImportError: omfiles.xarray needs xarray: pip install 'omfiles[xarray]'" in done.stderr


# --- decoding ---------------------------------------------------------------------------------------------------------


def test_decoding_is_up_to_xarray(tmp_path):
    def tree(writer):
        attrs = {"scale_factor": 0.5, "add_offset": 10.0, "_FillValue": np.int16(-1)}
        packed = writer.write_array(np.array([4, -1], "i2"), [2], name="packed", attrs=attrs)
        lead = writer.write_array(np.array([4, 5]), [2], name="lead", attrs={"units": "days"})
        return writer.write_group("", [packed, lead])

    path = write_file(tmp_path / "x.om", tree)
    ds = open_dataset(path, decode_timedelta=True)
    np.testing.assert_array_equal(ds["packed"], [12, np.nan])
    assert ds["lead"].values[1] == np.timedelta64(5, "D")
    raw = open_dataset(path, mask_and_scale=False, decode_timedelta=False)
    np.testing.assert_array_equal(raw["packed"], [4, -1])
    np.testing.assert_array_equal(raw["lead"], [4, 5])
    assert list(open_dataset(path, decode_cf=False)["packed"].attrs) == ["scale_factor", "add_offset", "_FillValue"]


def test_decoder_keywords(path):
    assert open_dataset(path, decode_times=False)["time"].dtype.kind == "i"
    some = open_dataset(path, drop_variables=["t2m", "lat"])
    assert list(some.variables) == ["lon", "time"] and set(some.xindexes) == {"lon", "time"}, "as with the others"
    assert open_dataset(path, decode_coords=False, concat_characters=False, use_cftime=None)["t2m"].shape == FIELD.shape


# --- laziness and selections ------------------------------------------------------------------------------------------


def test_opening_reads_nothing_but_indexes(path, monkeypatch):
    read = []
    whole = OmBackendArray.__getitem__
    monkeypatch.setattr(
        OmBackendArray, "__getitem__", lambda self, key: read.append(self.reader.name) or whole(self, key)
    )
    t2m = open_dataset(path)["t2m"].isel(lat=[1, 2], time=slice(None, None, -3)).transpose()
    assert repr(t2m) and "t2m" not in read
    np.testing.assert_array_equal(t2m, FIELD[1:3, :, ::-3].T)
    assert read.count("t2m") == 1


POINTS = xr.DataArray([3, 0, 3, 8], dims="point")
OTHER = xr.DataArray([1, 10, 1, -1], dims="point")
GRID = xr.DataArray([[0, 5], [7, 7], [2, -1]], dims=("y", "x"))


@pytest.mark.parametrize(
    "key",
    [
        {"lat": 3},
        {"lat": -1, "lon": 2, "time": 5},
        {"lat": slice(1, 8, 3), "time": slice(None, None, 2)},
        {"lat": slice(None, None, -1), "time": slice(11, 2, -4)},
        {"lon": slice(4, 4)},
        {"lon": []},
        {"lat": [5, 0, 5]},
        {"lat": [5, 0, 5], "lon": 3, "time": [12, -1]},
        {"lon": [8, 1], "time": slice(None, None, -1)},
        {"lat": POINTS},
        {"lon": POINTS, "time": OTHER},
        {"lat": POINTS, "lon": OTHER},
        {"lat": POINTS, "time": OTHER},
        {"lat": POINTS, "lon": OTHER, "time": POINTS},
        {"lat": POINTS, "lon": OTHER, "time": slice(10, None, -3)},
        {"lat": POINTS, "lon": OTHER, "time": [7, 1, 2]},
        {"lat": POINTS, "lon": 5, "time": OTHER},
        {"lat": GRID, "time": slice(2, 4)},
        {"lat": GRID, "lon": GRID},
        {"lat": GRID, "lon": POINTS},
        {"lat": POINTS[:0], "lon": OTHER[:0]},
        {"lat": POINTS[:1], "lon": OTHER[:1]},
    ],
    ids=str,
)
@pytest.mark.parametrize("remote", [False, True])
def test_selections(path, key, remote):
    source = (Store(path.read_bytes()), "weather.om") if remote else path
    lazy = open_dataset(source)["t2m"].isel(key)
    xr.testing.assert_equal(lazy.variable, xr.DataArray(FIELD, dims=DIMS).isel(key).variable)


def test_selections_of_selections(t2m):
    expected = xr.DataArray(FIELD, dims=DIMS)
    for key in [{"lat": slice(1, None)}, {"lat": POINTS[:3], "lon": OTHER[:3]}, {"time": slice(None, None, -2)}]:
        t2m, expected = t2m.isel(key), expected.isel(key)
    np.testing.assert_array_equal(t2m.transpose(), expected.transpose())
    np.testing.assert_array_equal(t2m.isel(point=1, time=0), expected.isel(point=1, time=0))


def key_of(select):
    """The key that xarray makes of a selection of a variable."""
    keys = []

    class Probe(BackendArray):
        shape, dtype = FIELD.shape, FIELD.dtype

        def __getitem__(self, key):
            keys.append(key)
            return np.empty(0)

    variable = lazily_indexed({"probe": xr.Variable(DIMS, Probe())})["probe"]
    select(variable).load()
    return keys[0]


def test_keys_of_xarray(path):
    array = OmBackendArray(OmFileReader(path)["t2m"])
    assert (array.shape, array.dtype, array.ndim) == ((9, 11, 13), np.dtype("f4"), 3)
    points = xr.Variable("p", [3, 0, 3])
    for select in (
        lambda variable: variable[2, ::2, -1],
        lambda variable: variable[[3, 0, 3], 1, [5, 1]],
        lambda variable: variable[{"lat": points, "time": points}],
        lambda variable: variable[{"lat": points, "lon": points, "time": points}],
        lambda variable: variable.transpose("time", "lat", "lon")[::2],
    ):
        expected = select(xr.Variable(DIMS, FIELD))
        np.testing.assert_array_equal(array[key_of(select)], expected)
    np.testing.assert_array_equal(array, FIELD)


def test_bad_indices_are_refused(path):
    array = OmBackendArray(OmFileReader(path)["t2m"])
    key = key_of(lambda variable: variable[{dim: xr.Variable("p", [0, 1]) for dim in DIMS}])
    for bad in ([0, 9], [-10, 0], [7, 8, 9]):
        changed = type(key)((np.array(bad), np.array(bad) * 0, np.array(bad) * 0))
        with pytest.raises(IndexError, match="out of bounds for axis 0 with size 9"):
            array[changed]
    with pytest.raises(
        TypeError, match=r"expected a key of xarray, one of BasicIndexer, .* and VectorizedIndexer, not \(0, 1\)"
    ):
        array[0, 1]


def test_only_public_names_of_other_projects_are_used():
    for file in Path(omfiles.__file__).parent.rglob("*.py"):
        assert not re.search(r"\b(xarray|zarr|dask)\.(core|_\w+)|import _\w+ from (xarray|zarr|dask)", file.read_text())


def test_series_at_points_read_each_chunk_once(tmp_path):
    field = np.arange(40 * 40 * 100, dtype="i4").reshape(40, 40, 100)
    omfiles.save(tmp_path / "x.om", field, chunks=[10, 10, 20], name="v", dims=DIMS)
    store = Store((tmp_path / "x.om").read_bytes())
    points = xr.DataArray([[3, 35], [4, 31]], dims=("y", "x"))
    lazy = open_dataset((store, "x.om"))["v"].isel(lat=points, lon=points)
    store.requests.clear()
    np.testing.assert_array_equal(lazy, field[points.values, points.values])
    asked = [request for request in store.requests if request != "size"]
    assert len(asked) <= 3
    assert len(set(asked)) == len(asked)


# --- dask, processes, threads -----------------------------------------------------------------------------------------


def test_chunks(path, monkeypatch):
    assert open_dataset(path, chunks={})["t2m"].chunks == ((9,), (11,), (13,))
    monkeypatch.setattr("omfiles._xarray.store.preferred_chunks", lambda *args: preferred_chunks(*args, 2000))
    assert open_dataset(path, chunks={})["t2m"].chunks == ((2, 2, 2, 2, 1), (11,), (13,))
    ds = open_dataset(path, chunks={"lat": 4, "time": 13})
    assert ds["t2m"].chunks == ((4, 4, 1), (11,), (13,))
    with dask.config.set(scheduler="threads"):
        np.testing.assert_array_equal(ds["t2m"][::-2, 3].compute(), FIELD[::-2, 3])


@pytest.mark.guarantee(n=21)
def test_pickles_are_small_and_read_the_same(t2m, path):
    array = OmBackendArray(OmFileReader(path)["t2m"])
    assert len(pickle.dumps(array)) < 1000
    copy = pickle.loads(pickle.dumps(array))
    np.testing.assert_array_equal(copy, FIELD)
    lazy = t2m.isel(lat=slice(2, 5))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(lazy)), FIELD[2:5])


@pytest.mark.guarantee(n=21)
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_datasets_work_after_a_fork(path):
    with open_dataset(path) as dataset:
        expected = dataset["t2m"].isel(lat=3).values
        child = os.fork()
        if child == 0:
            same = np.array_equal(dataset["t2m"].isel(lat=3).values, expected)
            same = same and np.array_equal(dataset["t2m"].copy(deep=True).values, FIELD)
            os._exit(0 if same else 1)
        assert os.waitpid(child, 0)[1] == 0
        np.testing.assert_array_equal(dataset["t2m"].values, FIELD)


@pytest.mark.slow
def test_dask_in_other_processes(path):
    ds = open_dataset(path, chunks={}).chunk(lat=5)
    with dask.config.set(scheduler="processes", num_workers=2):
        assert ds["t2m"].max().compute() == FIELD.max()


def test_threads(t2m):
    barrier = threading.Barrier(8)

    def read(number):
        barrier.wait()
        return [t2m.isel(lat=number, lon=slice(None, None, -1)).values for _ in range(20)]

    with ThreadPoolExecutor(8) as pool:
        for number, results in enumerate(pool.map(read, range(8))):
            for result in results:
                np.testing.assert_array_equal(result, FIELD[number, ::-1])


# --- requests ---------------------------------------------------------------------------------------------------------


def many(writer):
    attrs = {"units": "K", "long_name": "a variable", "height": 2.0, "level": 3}
    coordinates = [
        writer.write_array(v, [len(v)], name=n, compression="fpx_xor_2d") for n, v in [("lat", LAT), ("lon", LON)]
    ]
    fields = [
        writer.write_array(np.zeros((9, 11), "f4"), [3, 4], name=f"v{i}", attrs=attrs, dims=("lat", "lon"))
        for i in range(60)
    ]
    return writer.write_group("", [*coordinates, *fields])


def test_opening_many_variables_of_a_store_takes_two_requests(tmp_path):
    store = Store(write_file(tmp_path / "x.om", many).read_bytes())
    ds = open_dataset((store, "x.om"), drop_variables=["lat", "lon"])
    assert len(ds) == 60 and [v.attrs["units"] for v in ds.values()] == ["K"] * 60
    assert len(store.requests) == 2


def test_indexes_of_a_store_are_fetched_together(tmp_path):
    def tree(writer):
        names = [f"x{i}" for i in range(5)]
        coordinates = [writer.write_array(np.arange(50.0), [10], name=n, compression="fpx_xor_2d") for n in names]
        field = writer.write_array(np.zeros((50,) * 2), [50] * 2, name="field", dims=names[:2])
        others = writer.write_array(np.zeros((50,) * 3, "f4"), [50] * 3, name="other", dims=names[2:])
        return writer.write_group("", [*coordinates, field, others])

    store = Store(write_file(tmp_path / "x.om", tree).read_bytes())
    ds = open_dataset((store, "x.om"))
    assert len(ds.xindexes) == 5 and ds["x4"].values[-1] == 49
    assert len(store.requests) <= 4, "the size, the tail, look-up tables, data"


def test_store(path):
    reader = OmFileReader(path)
    store = OmDataStore(reader)
    assert store.root_variable is reader
    assert list(store.variables_store)[:2] == ["/", "//t2m"]
    assert list(store.get_variables()) == ["t2m", "lat", "lon", "time"]
    assert store.get_attrs() == {"title": "a test"}
    assert store.get_dimensions() == {"lat": 9, "lon": 11, "time": 13}
    store.close()
    assert reader.closed


def test_scalars_with_names_that_others_have_or_trees_refuse(tmp_path):
    with OmFileWriter(tmp_path / "file.om") as writer:

        def scalar(value, name):
            return writer.write_scalar(value, name, [writer.write_scalar("", "coordinates")])

        array = writer.write_array(np.arange(6.0), [3], name="t")
        scalars = [scalar(1, "a/b"), scalar(2, "a.b"), scalar(3, "t"), scalar(4, "s"), scalar(5, "s")]
        writer.close(writer.write_group("", [array, *scalars]))
    with xr.open_dataset(tmp_path / "file.om", engine="om") as dataset:
        values = {name: variable.values.tolist() for name, variable in dataset.variables.items()}
    assert values == {"t": [0, 1, 2, 3, 4, 5], "a/b": 1, "a.b": 2, "t_2": 3, "s": 4, "s_2": 5}
    with xr.open_datatree(tmp_path / "file.om", engine="om") as tree:
        values = {name: variable.values.tolist() for name, variable in tree.variables.items()}
    assert values == {"t": [0, 1, 2, 3, 4, 5], "a.b": 1, "a.b_2": 2, "t_2": 3, "s": 4, "s_2": 5}


@pytest.mark.parametrize("shared", [False, True])
def test_arrays_of_one_name_in_a_tree(tmp_path, shared):
    """One that several share is there once; the others go by paths that xarray and netCDF take."""
    hours = np.arange(3)
    with OmFileWriter(tmp_path / "x.om") as writer:
        times = [
            writer.write_array(hours + i, (3,), name="time", attrs={"units": "hours since 2026-01-01"}) for i in (0, 1)
        ]
        arrays = [
            writer.write_array(np.zeros((3, 2), "f4"), (3, 2), name=name, children=[time], dims=("time", "x"))
            for name, time in zip(("t2m", "rain/1h"), times[:1] * 2 if shared else times)
        ]
        writer.close(writer.write_group("", arrays))
    tree = xr.open_datatree(tmp_path / "x.om", engine="om")
    names = ["rain.1h", "t2m", "time"] if shared else ["rain.1h", "rain.1h.time", "t2m", "t2m.time"]
    assert sorted(tree.variables) == names
    for name, i in [("time", 0)] if shared else [("t2m.time", 0), ("rain.1h.time", 1)]:
        np.testing.assert_array_equal(
            tree[name], np.datetime64("2026-01-01", "ns") + (hours + i) * np.timedelta64(1, "h")
        )
    assert ("time" in tree.indexes) == shared
    tree.om.to_om(tmp_path / "y.om")
    xr.testing.assert_identical(xr.open_datatree(tmp_path / "y.om", engine="om"), tree)
