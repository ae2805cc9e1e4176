# SPDX-License-Identifier: MIT
"""OM files as zarr stores: values, names, metadata, the interface of stores, remote files."""

from __future__ import annotations

import asyncio
import json
import math
import os
import pickle
import threading
from collections import Counter
from typing import ClassVar

import fsspec
import numpy as np
import pytest
from fsspec.asyn import AsyncFileSystem
from hypothesis import given
from hypothesis import strategies as st
from shared import write_file

zarr = pytest.importorskip("zarr", minversion="3.1.3")

from zarr.abc.store import OffsetByteRequest, RangeByteRequest, SuffixByteRequest  # noqa: E402
from zarr.buffer import default_buffer_prototype  # noqa: E402
from zarr.buffer.cpu import Buffer  # noqa: E402

import omfiles  # noqa: E402
from omfiles import OmFileReader, OmFileWriter  # noqa: E402
from omfiles.io import FetchOptions  # noqa: E402
from omfiles.testing import strategies  # noqa: E402
from omfiles.testing.reference import Variable, depth_first  # noqa: E402
from omfiles.testing.trees import read_tree, write_tree  # noqa: E402
from omfiles.zarr import OmStore  # noqa: E402

FIELD = np.random.default_rng(3).normal(size=(7, 9, 11)).astype("f4")
KNOWS_ZARR = "2025.6"  # of xarray, which did not know the types of zarr 3.1 before
PROTOTYPE = default_buffer_prototype()


def weather(writer):
    attrs = {"units": "K", "height": np.float32(2.5), "level": np.int16(3)}
    dims = ("lat", "lon", "time")
    t2m = writer.write_array(FIELD, [2, 3, 5], compression="fpx_xor_2d", name="t2m", attrs=attrs, dims=dims)
    time = writer.write_array(np.arange(11), [11], name="time", attrs={"units": "hours since 2026-01-02"})
    counts = writer.write_array(np.arange(20, dtype="u2").reshape(4, 5), [3, 3], name="counts")
    inner = writer.write_group("inner", [counts, writer.write_scalar(np.uint64(2**64 - 1), "most")])
    return writer.write_group("root", [t2m, time, inner, writer.write_scalar("a test", "title")])


@pytest.fixture
def path(tmp_path):
    return write_file(tmp_path / "weather.om", weather)


def keys(store, prefix=None):
    async def collect():
        return [key async for key in (store.list() if prefix is None else store.list_prefix(prefix))]

    return asyncio.run(collect())


def names(store, prefix):
    async def collect():
        return [name async for name in store.list_dir(prefix)]

    return asyncio.run(collect())


def get(store, key, byte_range=None):
    value = asyncio.run(store.get(key, PROTOTYPE, byte_range))
    return None if value is None else value.to_bytes()


# --- values -----------------------------------------------------------------------------------------------------------


@given(strategies.variables(max_elements=1000), st.sampled_from([0, 100, 1000, 32 << 20]), st.data())
def test_values(scratch_file, variable, chunk_bytes, data):
    write_tree(scratch_file, variable)
    with OmFileReader(scratch_file) as reader:
        expected = reader[...]
    array = zarr.open_group(OmStore(scratch_file, chunk_bytes=chunk_bytes), mode="r")["data"]
    assert (array.shape, array.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_array_equal(array[...], expected)
    assert all(n % c == 0 or n == s for n, c, s in zip(array.chunks, variable.chunks, array.shape))
    outer = tuple(np.array(data.draw(st.lists(st.integers(0, n - 1), max_size=4)), int) for n in array.shape)
    np.testing.assert_array_equal(array.oindex[outer], expected[np.ix_(*outer)])
    points = tuple(np.resize(index, 3) for index in outer if len(index))
    if len(points) == array.ndim:
        np.testing.assert_array_equal(array.vindex[points], expected[points])
    slices = tuple(slice(data.draw(st.integers(0, n)), data.draw(st.integers(0, n)), 2) for n in array.shape)
    np.testing.assert_array_equal(array[slices], expected[slices])


@given(strategies.trees())
def test_all_arrays_are_there(scratch_file, tree):
    """Whatever their names: empty, the same, with slashes, in or below groups, arrays and scalars."""
    write_tree(scratch_file, Variable("root", None, [tree]))
    with OmFileReader(scratch_file) as reader:
        written = depth_first(read_tree(reader))
    expected = [
        variable.value
        for variable in written
        if isinstance(variable.value, np.ndarray) or (variable.value is not None and variable.children)
    ]
    group = zarr.open_group(OmStore(scratch_file), mode="r")
    found = [array[...] for _, array in group.members(max_depth=None) if isinstance(array, zarr.Array)]

    def content(values):
        arrays = (np.asarray(np.array([value])[0]) for value in values)  # numpy's texts end before null characters
        return Counter((array.dtype.kind, array.shape, str(array) + array.tobytes().hex()) for array in arrays)

    assert content(found) == content(expected)


def test_edge_chunks_are_filled_up(path):
    store = OmStore(path, chunk_bytes=0)
    corner = np.frombuffer(get(store, "t2m/c/3/2/2"), "f4").reshape(2, 3, 5)
    np.testing.assert_array_equal(corner[:1, :, :1], FIELD[6:, 6:, 10:])
    assert np.isnan(corner[1:]).all()
    assert np.isnan(corner[:, :, 1:]).all()
    assert np.frombuffer(get(store, "inner/counts/c/1/1"), "u2").tolist() == [18, 19, 0, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize("chunk_bytes", [0, 1000, 32 << 20])
def test_open_zarr(path, chunk_bytes):
    xr = pytest.importorskip("xarray", minversion=KNOWS_ZARR)
    pytest.importorskip("dask")
    store = OmStore(path, chunk_bytes=chunk_bytes)
    lazy = xr.open_zarr(store)
    assert lazy["t2m"].dims == ("lat", "lon", "time")
    assert lazy["t2m"].data.chunksize == {0: (2, 3, 5), 1000: (2, 9, 11), 32 << 20: (7, 9, 11)}[chunk_bytes]
    assert lazy["time"].dtype.kind == "M"
    np.testing.assert_array_equal(lazy["t2m"].compute(), FIELD)
    eager = xr.open_dataset(store, engine="zarr").load()
    xr.testing.assert_identical(lazy.compute(), eager)
    tree = xr.open_datatree(store, engine="zarr")
    assert tree["inner/counts"].values.tolist() == np.arange(20).reshape(4, 5).tolist()


def test_same_as_the_engine_of_xarray(path):
    xr = pytest.importorskip("xarray", minversion=KNOWS_ZARR)
    from omfiles.xarray import OmXarrayEntrypoint

    for group in (None, "inner"):
        ours = xr.open_dataset(path, engine=OmXarrayEntrypoint, group=group or "/")
        xr.testing.assert_identical(xr.open_zarr(OmStore(path), group=group, chunks=None).load(), ours.load())


def test_datasets_that_xarray_wrote(tmp_path):
    """Variables without dimensions, coordinates without an index, attributes that are lists: as by the engine."""
    xr = pytest.importorskip("xarray")
    from omfiles.xarray import OmXarrayEntrypoint, write_dataset

    dataset = xr.Dataset(
        {"t2m": (("lat", "lon", "time"), FIELD, {"units": "K", "valid_range": [180, 330]}), "n": ((), 3, {"a": "b"})},
        {
            "time": np.arange(11),
            "step": ("time", np.arange(11) % 3),
            "height": ((), np.float32(2.5), {"units": "m"}),
            "model": ((), "dwd_icon, Å"),
        },
        {"title": "a test", "sources": ["x", "y"], "height": 1},
    )
    write_dataset(dataset, tmp_path / "dataset.om")
    store = OmStore(tmp_path / "dataset.om", chunk_bytes=0)
    for source in (store, pickle.loads(pickle.dumps(store))):
        found = xr.open_zarr(source, chunks=None, consolidated=False)
        xr.testing.assert_identical(found.load(), dataset)
    xr.testing.assert_identical(
        xr.open_dataset(tmp_path / "dataset.om", engine=OmXarrayEntrypoint).load(), xr.open_zarr(store).load()
    )
    assert get(store, "height/c") == np.float32(2.5).tobytes()
    assert asyncio.run(store.getsize("height/c")) == 4
    assert sorted(names(store, "height")) == ["c", "zarr.json"]


# --- names and metadata -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "name"),
    [("temperature_2m.om", "temperature_2m"), ("rain/chunk_17.om", "rain")],
)
def test_unnamed_root(tmp_path, file, name):
    (tmp_path / "rain").mkdir()
    omfiles.save(tmp_path / file, FIELD, name="", attrs={"units": "K"})
    group = zarr.open(OmStore(tmp_path / file))
    assert list(group) == [name]
    assert group[name].attrs.asdict() == {"units": "K"}


def test_root_without_a_path(path, tmp_path):
    omfiles.save(tmp_path / "x.om", FIELD, name="")
    assert list(zarr.open(OmStore((tmp_path / "x.om").read_bytes()))) == ["data"]


def test_names(tmp_path):
    """Arrays below arrays lie beside these; no name is lost."""

    def tree(writer):
        def array(name, value, children=()):
            return writer.write_array(np.array([value]), [1], name=name, children=children)

        return writer.write_group(
            "root",
            [
                array("a", 2, [array("time", 3), writer.write_group("inner", [array("x", 1)])]),
                array("b", 4, [array("time", 5)]),
                array("u/v", 6),
                array("u\\v", 7),
                array("..", 8),
                writer.write_group("deep/er", [array("x", 9)]),
                writer.write_group("back\\slash", [array("x", 10)]),
                writer.write_group("...", [array("x", 11)]),
            ],
        )

    group = zarr.open(OmStore(write_file(tmp_path / "names.om", tree)))
    found = {path: int(node[0]) for path, node in group.members(max_depth=None) if isinstance(node, zarr.Array)}
    assert found == {
        "a/inner/x": 1, "a_2": 2, "a.time": 3, "b": 4, "b.time": 5, "u.v": 6, "u.v_2": 7, ".._": 8, "deep/er/x": 9,
        "back.slash/x": 10, "..._/x": 11,
    }  # fmt: skip


def test_attributes(path):
    group = zarr.open(OmStore(path))
    assert group.attrs.asdict() == {"title": "a test"}
    assert group["t2m"].attrs.asdict() == {"units": "K", "height": 2.5, "level": 3}
    assert group["inner"].attrs["most"] == 2**64 - 1


def test_numbers_that_json_has_no_word_for(tmp_path):
    attrs = {"low": np.float32("-inf"), "no": float("nan"), "one": np.float32(0.1), "big": np.int64(2**53 + 1)}
    omfiles.save(tmp_path / "x.om", FIELD, name="x", attrs=attrs)
    found = zarr.open(OmStore(tmp_path / "x.om"))["x"].attrs.asdict()
    assert math.isnan(found.pop("no"))
    assert found == {"low": -math.inf, "one": float(np.float32(0.1)), "big": 2**53 + 1}


def test_fill_value_attribute(tmp_path):
    xr = pytest.importorskip("xarray", minversion=KNOWS_ZARR)
    omfiles.save(tmp_path / "f.om", np.array([1, -9.0]), name="f", attrs={"_FillValue": -9.0}, dims=["x"])
    omfiles.save(tmp_path / "i.om", np.array([1, -9]), name="i", attrs={"_FillValue": np.int64(-9)}, dims=["x"])
    for name in "fi":
        found = xr.open_zarr(OmStore(tmp_path / f"{name}.om"), chunks=None)[name]
        np.testing.assert_array_equal(found, [1, np.nan])


@pytest.mark.parametrize("dtype", ["f4", "i2"])
@pytest.mark.parametrize("value", ["none", "AAAAAAAA8D8=", float("nan"), float("inf"), 1.5], ids=str)
def test_fill_value_attribute_that_fills_nothing(tmp_path, dtype, value):
    xr = pytest.importorskip("xarray", minversion=KNOWS_ZARR)
    attrs = {"_FillValue": value, "units": "K"}
    omfiles.save(tmp_path / "x.om", np.array([1, 2], dtype), name="x", attrs=attrs, dims=["x"])
    found = xr.open_zarr(OmStore(tmp_path / "x.om"), chunks=None)["x"]
    np.testing.assert_array_equal(found, [1, 2])
    assert found.attrs == {"units": "K"}


def test_fill_value_attribute_of_a_text(tmp_path):
    xr = pytest.importorskip("xarray", minversion=KNOWS_ZARR)

    def tree(writer):
        attrs = {"coordinates": "", "_FillValue": "none"}
        children = [writer.write_scalar(value, name) for name, value in attrs.items()]
        return writer.write_group("", [writer.write_scalar("icon", "model", children)])

    assert xr.open_zarr(OmStore(write_file(tmp_path / "x.om", tree)), chunks=None)["model"].item() == "icon"


def test_chunks_above_the_limit_of_results(path):
    array = zarr.open(OmStore(path))["t2m"]
    try:
        omfiles.set_max_result_size(FIELD.nbytes - 1)
        with pytest.raises(MemoryError, match=f"'t2m': the result has {FIELD.nbytes} bytes"):
            array[0, 0, 0]
        omfiles.set_max_result_size(FIELD.nbytes)
        assert array[0, 0, 0] == FIELD[0, 0, 0]
    finally:
        omfiles.set_max_result_size(None)


def test_dimensions(tmp_path):
    def tree(writer):
        named = writer.write_array(FIELD, [7, 9, 11], name="named", dims=["a", "b", "c"])
        other = writer.write_array(FIELD[0], [9, 11], name="other")
        wrong = writer.write_scalar("only two", "coordinates")
        return writer.write_group("", [named, other, writer.write_array(FIELD, [7, 9, 11], name="n", children=[wrong])])

    group = zarr.open(OmStore(write_file(tmp_path / "dims.om", tree)))
    assert group["named"].metadata.dimension_names == ("a", "b", "c")
    assert group["other"].metadata.dimension_names == ("dim0_9", "dim1_11")
    assert group["n"].metadata.dimension_names == ("dim0_7", "dim1_9", "dim2")
    assert group["n"].attrs.asdict() == {"coordinates": "only two"}
    assert "coordinates" not in group["named"].attrs


@pytest.mark.parametrize("dtype", [np.dtype(name) for name in ("i1", "u1", "i8", "u8", "f4", "f8")])
def test_dtypes(tmp_path, dtype):
    omfiles.save(tmp_path / "x.om", np.array([[1, 2, 3]], dtype), name="x")
    array = zarr.open(OmStore(tmp_path / "x.om"))["x"]
    assert array.dtype == dtype
    assert array[0].tolist() == [1, 2, 3]
    np.testing.assert_array_equal(array.fill_value, np.nan if dtype.kind == "f" else 0)


def test_one_request_tells_all(path):
    """A tool needs the document of the root only: the others are in it."""

    class Asked(OmStore):
        log: ClassVar = []

        async def get(self, key, prototype, byte_range=None):
            self.log.append(key)
            return await super().get(key, prototype, byte_range)

    group = zarr.open_group(Asked(path), mode="r")
    opened = len(Asked.log)
    assert {name for name, _ in group.members(max_depth=None)} == {"t2m", "time", "inner", "inner/counts"}
    assert group["inner/counts"].shape == (4, 5)
    assert len(Asked.log) == opened


# --- the interface of stores ------------------------------------------------------------------------------------------


@pytest.fixture(params=[0, 1000])
def store(request, path):
    return OmStore(path, chunk_bytes=request.param)


def test_keys_and_values(store):
    found = keys(store)
    assert len(found) == len(set(found))
    arrays = [array for _, array in zarr.open(store).members(max_depth=None) if isinstance(array, zarr.Array)]
    assert len(found) == sum(array.nchunks for array in arrays) + len(arrays) + 2
    for key in found:
        value = get(store, key)
        assert asyncio.run(store.exists(key))
        assert asyncio.run(store.getsize(key)) == len(value)
        if key.endswith("zarr.json"):
            assert json.loads(value)["zarr_format"] == 3


@pytest.mark.parametrize(
    "key",
    ["", "c/0", "t2m", "t2m/c", "t2m/c/0", "t2m/c/0/0/0/0", "t2m/c/9/0/0", "t2m/c/-1/0/0", "t2m/c/0/0/00", "t2m/c/0//0",
     "t2m/c/0/0/²", "/zarr.json", "zarr.json/", "x/zarr.json", "t2m/c/0/0/0/zarr.json", "inner/c/0"],
)  # fmt: skip
def test_keys_that_are_none(store, key):
    assert get(store, key) is None
    assert not asyncio.run(store.exists(key))
    with pytest.raises(FileNotFoundError):
        asyncio.run(store.getsize(key))


def test_listing(store):
    everything = keys(store)
    parts = {key[:end] for key in everything for end in range(len(key) + 1)}
    for prefix in [*parts, "zzz", "t2m/c/9"]:
        assert keys(store, prefix) == [key for key in everything if key.startswith(prefix)]
    folders = {"", *(part.rstrip("/") for part in parts if part.endswith("/"))}
    for folder in [*folders, "zzz", "t2m/c/9"]:
        start = f"{folder}/" if folder else ""
        expected = {key[len(start) :].partition("/")[0] for key in everything if key.startswith(start)}
        for prefix in {folder, start}:
            found = names(store, prefix)
            assert sorted(found) == sorted(expected)


def test_listing_a_folder_does_not_walk_its_chunks(tmp_path):
    """A million chunks would take seconds, and a store of many arrays lists each of them."""
    omfiles.save(tmp_path / "x.om", np.zeros((30, 30), "i1"), chunks=(1, 1), name="x")
    store = OmStore(tmp_path / "x.om", chunk_bytes=0)
    walked = list(store._keys("x/", whole=False))
    assert walked == ["x/zarr.json", "x/c/0"]


def test_byte_ranges(store):
    for key in ("zarr.json", "t2m/c/0/0/0", "inner/counts/c/0/0"):
        whole = get(store, key)
        assert get(store, key, RangeByteRequest(3, 7)) == whole[3:7]
        assert get(store, key, RangeByteRequest(3, 10**9)) == whole[3:]
        assert get(store, key, OffsetByteRequest(5)) == whole[5:]
        assert get(store, key, SuffixByteRequest(4)) == whole[-4:]
        assert get(store, key, SuffixByteRequest(0)) == b""
        assert get(store, key, SuffixByteRequest(10**9)) == whole
        with pytest.raises(TypeError, match="byte_range"):
            get(store, key, (0, 2))
    requests = [("t2m/c/0/0/0", RangeByteRequest(0, 4)), ("none", None), ("zarr.json", None)]
    first, none, document = asyncio.run(store.get_partial_values(PROTOTYPE, requests))
    assert (first.to_bytes(), none, document.to_bytes()) == (FIELD[0, 0, 0].tobytes(), None, get(store, "zarr.json"))


def test_writes_are_refused(store):
    group = zarr.open(store)
    assert store.read_only
    refused = [
        lambda: group["t2m"].__setitem__(0, 1),
        lambda: group["t2m"].attrs.update(units="C"),
        lambda: group.create_group("more"),
        lambda: asyncio.run(store.set("x", Buffer.from_bytes(b"1"))),
        lambda: asyncio.run(store.delete("zarr.json")),
    ]
    for action in refused:
        with pytest.raises(ValueError, match="OmFileWriter"):
            action()
    with pytest.raises(ValueError, match="read-only"):
        zarr.open_group(store, mode="a")


def test_equality_and_pickling(path, tmp_path):
    store = OmStore(path)
    copy = pickle.loads(pickle.dumps(store))
    assert copy == store == OmStore(str(path)) == OmStore(OmFileReader(path))
    assert len(pickle.dumps(store)) < 1000
    np.testing.assert_array_equal(zarr.open(copy)["t2m"][...], FIELD)
    assert store != OmStore(path, chunk_bytes=0)
    assert store != OmStore(write_file(tmp_path / "other.om", weather))
    assert store != "store"
    with open(path, "rb") as file:
        opened = OmStore(file)
        assert opened == opened
        assert opened != OmStore(file)


def test_pickling_keeps_the_name(tmp_path):
    omfiles.save(tmp_path / "rain.om", FIELD, name="")
    assert list(zarr.open(pickle.loads(pickle.dumps(OmStore(tmp_path / "rain.om"))))) == ["rain"]


def test_repr(path):
    assert repr(OmStore(str(path))) == f"OmStore({str(path)!r})"
    assert "OmFileReader" in repr(OmStore(path.read_bytes()))


def test_life_cycle(path):
    reader = OmFileReader(path)
    with OmStore(reader) as store:
        assert zarr.open(store)["t2m"][0, 0, 0] == FIELD[0, 0, 0]
    with pytest.raises(ValueError, match="closed"):
        get(store, "t2m/c/0/0/0")
    assert not reader.closed

    async def opened():
        return await OmStore.open(path, chunk_bytes=0)

    assert asyncio.run(opened()) == OmStore(path, chunk_bytes=0)
    with pytest.raises(FileNotFoundError):
        OmStore("no such file.om")


# --- remote files -----------------------------------------------------------------------------------------------------


class HeldFS(AsyncFileSystem):
    """A filesystem that answers for data only when so many requests are under way together."""

    protocol = "held"
    cachable = False  # codespell:ignore cachable

    def __init__(self, files, **kwargs):
        super().__init__(**kwargs)
        self.files = files
        self.together = self.under_way = self.threads = 0

    async def _info(self, path, **kwargs):
        return {"name": path, "size": len(self.files[path]), "type": "file", "ETag": "1"}

    async def _cat_file(self, path, start=None, end=None, **kwargs):
        self.under_way += 1
        self.threads = max(self.threads, threading.active_count())
        patience = 3000
        while self.under_way < self.together and patience:
            await asyncio.sleep(0.01)
            patience -= 1
        self.together = 0  # from now on answers are immediate
        self.under_way -= 1
        if not patience:
            raise AssertionError("requests were made one after another")
        return self.files[path][slice(start, end)]


@pytest.fixture
def held(tmp_path):
    field = np.random.default_rng(0).normal(size=(64, 50, 50)).astype("f4")
    omfiles.save(tmp_path / "file.om", field, chunks=(1, 50, 50), compression="fpx_xor_2d", name="field")
    return HeldFS({"file.om": (tmp_path / "file.om").read_bytes()}), field


def test_chunks_are_fetched_concurrently(held):
    fs, field = held
    array = zarr.open(OmStore(OmFileReader((fs, "file.om"), fetch=FetchOptions(max_gap=0)), chunk_bytes=0))["field"]
    array[0]  # the look-up table
    before = threading.active_count()
    fs.threads, fs.together = 0, 8
    np.testing.assert_array_equal(array[...], field)
    assert fs.threads - before <= (os.cpu_count() or 1) + 4, "as many as the pool of an event loop has"


def test_pickled_remote_store():
    memory = fsspec.filesystem("memory")
    with OmFileWriter.from_fsspec(memory, "/zarr/rain.om") as writer:
        writer.close(writer.write_array(FIELD, [2, 3, 5], compression="fpx_xor_2d", name=""))
    store = OmStore("memory://zarr/rain.om")
    assert repr(store) == "OmStore('memory://zarr/rain.om')"
    copy = pickle.loads(pickle.dumps(store))
    assert copy == store
    np.testing.assert_array_equal(zarr.open(copy)["rain"][...], FIELD)
    memory.rm("/zarr", recursive=True)


def test_chunks_of_a_dataset_are_read_in_one_request(held):
    """A chunk of zarr is made of many of the file, that lie together."""
    fs, field = held
    array = zarr.open(OmStore((fs, "file.om")))["field"]
    assert array.chunks == field.shape
    np.testing.assert_array_equal(array[...], field)
