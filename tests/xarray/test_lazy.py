# SPDX-License-Identifier: MIT
"""Selections wait until their data are needed, whatever is done to them before."""

from __future__ import annotations

import asyncio
import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shared import MemoryStore

import omfiles
from omfiles import OmFileWriter

xr = pytest.importorskip("xarray", reason="needs xarray", exc_type=ImportError)
pytest.importorskip("dask.array")

from omfiles.xarray import OmBackendArray, open_dataset  # noqa: E402

DIMS = ("lat", "lon", "time")
FIELD = np.arange(7 * 8 * 9, dtype="i2").reshape(7, 8, 9)


def write(path):
    """An array that xarray takes as it is, one that it must decode, and coordinates."""
    packed = {"scale_factor": 0.5, "_FillValue": np.int16(5)}
    with OmFileWriter(path) as writer:
        arrays = [
            writer.write_array(FIELD, [2, 3, 4], name="plain", dims=DIMS),
            writer.write_array(FIELD, [2, 3, 4], name="packed", dims=DIMS, attrs=packed),
            writer.write_array(np.arange(7.0), [7], name="lat", compression="fpx_xor_2d"),
        ]
        writer.close(writer.write_group("", arrays))


class Memory(MemoryStore):
    """While it is asked for data, it awaits `pause`."""

    async def read_ranges_async(self, ranges, *, concurrency):
        await self.pause()
        for item in self.read_ranges(ranges, concurrency=concurrency):
            yield item


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("lazy") / "x.om"
    write(path)
    return path


@pytest.fixture
def reads(monkeypatch):
    """Names of the arrays that are read."""
    names = []
    read = OmBackendArray.__getitem__
    monkeypatch.setattr(
        OmBackendArray, "__getitem__", lambda self, key: names.append(self.reader.name) or read(self, key)
    )
    return names


# --- chains of selections ---------------------------------------------------------------------------------------------


def positions(size):
    return st.integers(-size, size - 1)


@st.composite
def steps(draw, sizes):
    """One step of a chain: what to call of a variable, and with what."""
    dims = list(sizes)
    if not dims:
        return "isel", {}
    kind = draw(st.sampled_from(["isel", "isel", "points", "transpose"]))
    if kind == "transpose":
        return "transpose", draw(st.permutations(dims))
    if kind == "points":
        chosen = [dim for dim in dims if sizes[dim] and draw(st.booleans())]
        shape = draw(st.sampled_from([(3,), (2, 2), (1,)]))
        new = [f"p{len(dims)}{axis}" for axis in range(len(shape))]
        if set(new) & set(dims):
            return "isel", {}
        n = int(np.prod(shape))
        points = {
            dim: xr.DataArray(
                np.array(draw(st.lists(positions(sizes[dim]), min_size=n, max_size=n))).reshape(shape), dims=new
            )
            for dim in chosen
        }
        return "isel", points
    key = {}
    for dim in dims:
        size = sizes[dim]
        bounds = st.none() | st.integers(-size, size)  # xarray composes others wrongly, whatever the backend
        items = [st.builds(slice, bounds, bounds, st.sampled_from([None, 1, 2, 3, -1, -2]))]
        if size:
            items += [positions(size), st.lists(positions(size), max_size=4)]
        if draw(st.booleans()):
            key[dim] = draw(st.one_of(items))
    if all(isinstance(key.get(dim), int) for dim in dims):
        key.popitem()  # xarray fails to take a single element of what it transposed lazily, whatever the backend
    return "isel", key


few_chunks = pytest.mark.filterwarnings("ignore:The specified .*hunks separate the stored chunks")


@few_chunks
@given(
    st.data(),
    st.sampled_from(["plain", "packed"]),
    st.sampled_from([{}, {"cache": False}, {"chunks": {}}, {"chunks": {"lat": 3, "time": 5}}]),
    st.booleans(),
    st.booleans(),
)
def test_chains_of_selections(path, data, name, options, remote, pickled):
    source = Memory(path.read_bytes()) if remote else path
    lazy = open_dataset(source, **options)[name]
    eager = open_dataset(path)[name].load()
    for _ in range(data.draw(st.integers(1, 4))):
        method, argument = data.draw(steps(dict(eager.sizes)))
        if method == "isel":
            lazy, eager = lazy.isel(argument), eager.isel(argument)
        else:
            lazy, eager = lazy.transpose(*argument), eager.transpose(*argument)
        if pickled:
            lazy = pickle.loads(pickle.dumps(lazy))
    assert lazy.shape == eager.shape and lazy.dtype == eager.dtype
    xr.testing.assert_identical(lazy.load(), eager)


@pytest.mark.parametrize("name", ["plain", "packed"])
def test_nothing_is_read_before_it_is_needed(path, reads, name):
    ds = open_dataset(path)
    reads.clear()
    part = ds[name].isel(lat=slice(1, None, 2)).isel(lon=[3, 1]).transpose("time", "lon", "lat").isel(time=-1)
    part = copy.copy(part).copy(deep=True).rename(lat="y")
    assert (
        repr(ds) and repr(part.to_dataset()) and ds._repr_html_() and part.nbytes and part.sizes == {"lon": 2, "y": 3}
    )
    assert not reads
    expected = FIELD[1::2, [3, 1], -1].T
    np.testing.assert_array_equal(part, expected if name == "plain" else expected * 0.5)
    assert reads == [name]


def test_what_was_loaded_is_not_read_again(path, reads):
    for cache, n_reads in [(True, 1), (False, 2)]:
        plain = open_dataset(path, cache=cache)["plain"]
        reads.clear()
        np.testing.assert_array_equal(plain.values, plain.values)
        assert len(reads) == n_reads


def test_copies_can_be_changed(path):
    ds = open_dataset(path)
    changed = ds.copy(deep=True)
    changed["plain"][0, 0, 0] = 77
    assert changed["plain"].values[0, 0, 0] == 77 and ds["plain"].values[0, 0, 0] == 0


def test_single_elements_are_arrays_without_dimensions(path):
    value = OmBackendArray(omfiles.open(path)["plain"])
    element = open_dataset(path)["plain"].isel(lat=1, lon=2, time=3)
    assert isinstance(element.values, np.ndarray) and element.values == FIELD[1, 2, 3]
    assert np.asarray(value).shape == FIELD.shape and isinstance(np.asarray(value), np.ndarray)


@few_chunks
@pytest.mark.guarantee(n=21)
def test_pickles_are_small(path):
    ds = open_dataset(path, cache=False)
    many = open_dataset(path, chunks={"lat": 1})
    assert len(pickle.dumps(OmBackendArray(omfiles.open(path)["plain"]))) < 500
    assert len(pickle.dumps(ds["plain"].variable)) < 1000
    assert len(pickle.dumps(ds)) < 3000
    assert len(pickle.dumps(many["plain"])) < 20_000


# --- asyncio ----------------------------------------------------------------------------------------------------------

has_async = pytest.mark.skipif(not hasattr(xr.Dataset, "load_async"), reason="xarray is too old for load_async")
KEY = {"lat": slice(None, None, -2), "lon": xr.DataArray([5, 1, 5], dims="p"), "time": [8, 0]}


@has_async
def test_variables_are_loaded_at_the_same_time(path):
    """Each waits until both have asked the store."""
    store = Memory(path.read_bytes())
    ds = open_dataset(store)[["plain", "packed"]].isel(KEY)

    async def main():
        waiting = set()
        all_here = asyncio.Event()

        async def pause():
            waiting.add(asyncio.current_task())
            if len(waiting) == 2:
                all_here.set()
            await asyncio.wait_for(all_here.wait(), 30)

        store.pause = pause
        return await ds.load_async()

    loaded = asyncio.run(main())
    xr.testing.assert_identical(loaded, open_dataset(path)[["plain", "packed"]].isel(KEY).load())


def test_decoded_variables_wait_as_well(tmp_path, monkeypatch):
    """Among them bounds of times, which have no attributes of their own."""
    hours = np.arange(12).reshape(6, 2)
    with OmFileWriter(tmp_path / "x.om") as writer:
        attrs = {"units": "hours since 2026-01-01", "bounds": "limits"}
        variables = [
            writer.write_array(hours[:, 0].copy(), [3], name="when", dims=["step"], attrs=attrs),
            writer.write_array(hours, [3, 2], name="limits", dims=["step", "side"]),
            writer.write_array(hours, [3, 2], name="masked", dims=["step", "side"], attrs={"missing_value": 5}),
            writer.write_array(hours % 2, [3, 2], name="flag", dims=["step", "side"], attrs={"dtype": "bool"}),
        ]
        writer.close(writer.write_group("", variables))
    ds = open_dataset(tmp_path / "x.om")
    with monkeypatch.context() as patch:
        patch.setattr(OmBackendArray, "__getitem__", lambda self, key: pytest.fail(f"{self.reader.name} is read"))
        part = ds.isel(step=[4, 1]).transpose(..., "step")
    limits = np.datetime64("2026-01-01", "ns") + hours[[4, 1]].T * np.timedelta64(1, "h")
    np.testing.assert_array_equal(part["limits"], limits)
    np.testing.assert_array_equal(part["when"], limits[0])
    np.testing.assert_array_equal(part["masked"], hours[[4, 1]].T)
    assert part["masked"].dtype == np.float64 and part["flag"].values.tolist() == [[False, False], [True, True]]


@has_async
def test_local_files_are_loaded_in_threads(path):
    ds = open_dataset(path)
    loaded = asyncio.run(open_dataset(path).isel(KEY).load_async())
    xr.testing.assert_identical(loaded, ds.isel(KEY).load())


@pytest.mark.usefixtures("few_descriptors")
def test_more_files_than_descriptors(tmp_path):
    rng = np.random.default_rng(3)
    values = rng.integers(0, 1 << 20, (90, 100, 100), "int32")  # larger than what comes along when a file is opened
    paths = [str(tmp_path / f"{number:03}.om") for number in range(len(values))]
    for path, part in zip(paths, values):
        omfiles.save(path, part, (10, 10), name="numbers")
    datasets = [xr.open_dataset(path, engine="om") for path in paths]
    with xr.open_mfdataset(paths, engine="om", combine="nested", concat_dim="time") as joined:
        np.testing.assert_array_equal(joined["numbers"], values)
    for dataset, part in zip(datasets, values):
        np.testing.assert_array_equal(dataset["numbers"], part)
