# SPDX-License-Identifier: MIT
"""Datasets and trees that are written open again as identical ones; how they are stored; what is refused."""

from __future__ import annotations

import datetime
import json
import os
import string
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import omfiles
from omfiles import OmFileReader

pytest.importorskip("xarray")
dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")

import pandas as pd  # noqa: E402
import xarray as xr  # noqa: E402

from omfiles._datasets.attrs import pack_attrs, unpack_attrs  # noqa: E402
from omfiles.xarray import write_dataset  # noqa: E402

RNG = np.random.default_rng(1)
T2M = RNG.normal(280, 10, (24, 50, 40)).astype("f4")
TIME = np.datetime64("2026-11-01", "ns") + np.arange(24) * np.timedelta64(1, "h")


def weather(data: Any = T2M) -> xr.Dataset:
    return xr.Dataset(
        {
            "t2m": (("time", "lat", "lon"), data, {"units": "K", "level": np.int16(2), "height": 2.5}),
            "land": (("lat", "lon"), RNG.random((50, 40)) > 0.5),
            "soil": (("lat", "lon"), RNG.integers(0, 9, (50, 40), np.uint8)),
        },
        {"time": TIME, "lat": np.linspace(40, 64.5, 50), "lon": np.linspace(0, 19.5, 40)},
        {"title": "weather"},
    )


def reopen(path: Any, **options: Any) -> xr.Dataset:
    return xr.open_dataset(path, engine="om", **options)


def assert_round_trip(ds: Any, path: Any, **options: Any) -> None:
    write_dataset(ds, path, **options)
    if isinstance(ds, xr.DataTree):
        found = xr.open_datatree(path, engine="om")
        pairs = [(found[node.path].to_dataset(inherit=False), node.to_dataset(inherit=False)) for node in ds.subtree]
        xr.testing.assert_identical(found, ds)
    else:
        pairs = [(reopen(path), ds)]
    for found, expected in pairs:
        xr.testing.assert_identical(found, expected)
        for name, var in expected.variables.items():  # which `identical` leaves out
            if var.dtype.kind not in "OUTMm":
                assert found.variables[name].dtype == var.dtype.newbyteorder("=")


# --- round trips ------------------------------------------------------------------------------------------------------


def test_a_dataset(tmp_path):
    assert_round_trip(weather(), tmp_path / "a.om")


@pytest.mark.parametrize(
    "values",
    [
        np.array([True, False, True]),
        np.array(["2026-01-01", "NaT", "1900-03-04T05:06:07.123456789"], "M8[ns]"),
        np.array([1, 2, 90], "m8[h]").astype("m8[ns]"),
        np.array(["", "Genève", "東京"]),
        np.array(["a", "b c", "d"], object),
        np.array([b"", b"abc", b"\xff"]),
        np.array([0.1, -0.0, np.nan]),
        np.array([np.inf, -np.inf, 1e-40], "f4"),
        np.array([0, 2**64 - 1, 5], "u8"),
        np.array([-(2**63), 2**63 - 1, 5], ">i8"),
        np.array([-128, 0, 127], "i1"),
    ],
    ids=lambda values: values.dtype.str,
)
@pytest.mark.filterwarnings("ignore:.*dask array with dtype=object")
def test_types(tmp_path, values):
    """As data, as coordinates, as indexes, and single ones."""
    attrs = {"long_name": "something"}
    ds = xr.Dataset(
        {"data": ("x", values, attrs), "single": ((), values[1], attrs)},
        {"y": ("y", values[:2], attrs), "z": ("x", values[::-1], attrs), "height": ((), values[2], attrs)},
        {"single": "the name of a variable"},
    )
    with dask.config.set(scheduler="synchronous"):
        assert_round_trip(ds, tmp_path / "a.om")
        assert_round_trip(ds.chunk(x=2), tmp_path / "a.om")


@pytest.mark.parametrize(
    "attrs",
    [
        {"a": "", "b": "text", "c": 1, "d": 1.5, "e": np.float32(0.1), "f": np.uint64(2**64 - 1), "g": -(2**63)},
        {"huge": 2**70, "flag": True, "no": np.bool_(False), "nothing": None},
        {
            "range": np.array([1, 2], "i2"),
            "flags": np.array([True]),
            "names": np.array(["a", "ß"]),
            "none": np.array([]),
        },
        {"list": [1, 2.5, "x", None, True, [1, [2]]], "numbers": [np.float32(0.5), np.int8(1)], "empty": []},
        {"coordinates": "time", "": 1, "a/b": 1, "ünï": 1},
    ],
)
def test_attributes(tmp_path, attrs):
    ds = xr.Dataset({"data": ("x", [1, 2], attrs), "single": ((), 1, attrs)}, {"time": ("x", [1, 2], attrs)}, attrs)
    ds["a"] = 5  # takes the name of an attribute
    write_dataset(ds, tmp_path / "a.om")
    found = reopen(tmp_path / "a.om", decode_coords="coordinates" not in attrs)
    xr.testing.assert_identical(found.reset_coords(), ds.reset_coords())
    for name in ("data", "single", "time"):
        for key, value in attrs.items():
            np.testing.assert_equal(found[name].attrs[key], value)
            if isinstance(value, np.ndarray) and value.dtype.kind != "U":
                assert found[name].attrs[key].dtype == value.dtype


def test_attributes_of_others_are_left_alone():
    for text in ["", "{", "[]", "5", '{"a": {"dtype": "O", "data": [1]}}', '{"a": {"data": [1]}}', "[" * 100_000]:
        attrs = {"_attributes": text}
        found = unpack_attrs(attrs)
        assert found == attrs


def test_coordinates(tmp_path):
    ds = weather()
    ds = ds.assign_coords(
        {
            "latitude in 2d": (("lat", "lon"), RNG.random((50, 40))),
            "height": 2.0,
            "station": ("lat", [f"s{i}" for i in range(50)]),
            "now": TIME[0],
        }
    )
    assert_round_trip(ds, tmp_path / "a.om")
    assert set(reopen(tmp_path / "a.om", decode_coords=False).data_vars) >= {"height", "station", "t2m"}


def test_what_belongs_to_a_variable(tmp_path):
    """Names of a projection, of bounds and so on are attributes of files, which xarray keeps elsewhere."""
    ds = weather().assign_coords(
        crs=((), 0, {"grid_mapping_name": "latitude_longitude"}),
        time_bounds=(("time", "two"), np.stack([TIME - np.timedelta64(1, "h"), TIME], axis=1)),
        place=("lat", [f"p{i}" for i in range(50)]),
    )
    ds["single"] = 1.5
    ds["cells"] = ("lat", [f"c{i}" for i in range(50)], {"grid_mapping": "an attribute, and stays one"})
    related = {"t2m": {"grid_mapping": "crs", "cell_measures": "area: soil"}, "time": {"bounds": "time_bounds"}}
    related |= {"place": {"grid_mapping": "crs"}, "single": {"grid_mapping": "crs"}, "cells": {"geometry": "place"}}
    for name, names in related.items():
        ds[name].encoding |= names
    ds["cells"].encoding["grid_mapping"] = "hidden by the attribute"

    assert_round_trip(ds, tmp_path / "a.om")
    found = reopen(tmp_path / "a.om")
    assert all(names.items() <= found[name].encoding.items() for name, names in related.items())
    assert "grid_mapping" not in found["cells"].encoding and "grid_mapping" not in found["soil"].encoding
    for name, names in related.items():
        with OmFileReader(tmp_path / "a.om") as reader:  # as other readers see them
            assert names.items() <= reader[name].attrs.items()
    found.om.to_om(tmp_path / "b.om")
    again = reopen(tmp_path / "b.om")
    xr.testing.assert_identical(again, ds)
    assert all(names.items() <= again[name].encoding.items() for name, names in related.items())


def test_a_dataset_without_anything(tmp_path):
    assert_round_trip(xr.Dataset(), tmp_path / "a.om")
    assert_round_trip(xr.Dataset(attrs={"title": "empty"}), tmp_path / "a.om")


def test_a_tree(tmp_path):
    tree = xr.DataTree.from_dict(
        {
            "/": weather()[["lat", "lon"]],
            "/forecast": weather()[["t2m"]].drop_vars(["lat", "lon"]),
            "/forecast/deep": xr.Dataset({"t2m": ("level", [1.5])}, attrs={"levels": [1]}),
            "/static": weather()[["soil"]].drop_vars(["lat", "lon"]).assign_coords(height=1),
            "/empty": xr.Dataset(),
        }
    )
    assert_round_trip(tree, tmp_path / "a.om", encoding={"forecast/t2m": {"chunks": (2, 50, 40)}})
    assert OmFileReader(tmp_path / "a.om")["forecast/t2m"].chunks == (2, 50, 40)
    tree.om.to_om(tmp_path / "b.om")
    xr.testing.assert_identical(xr.open_datatree(tmp_path / "b.om", engine="om"), tree)


def test_what_was_opened_is_written_the_same(tmp_path):
    options = {"encoding": {"t2m": {"scale_factor": 20, "add_offset": -200, "chunks": (24, 5, 8)}}}
    options["encoding"]["t2m"]["compression"] = "pfor_delta_2d_int16"
    write_dataset(weather(), tmp_path / "a.om", **options)
    write_dataset(reopen(tmp_path / "a.om"), tmp_path / "b.om")
    for name in weather().variables:
        first, second = (reopen(tmp_path / file)[name].encoding for file in ("a.om", "b.om"))
        assert {**first, "source": "", "units": ""} == {**second, "source": "", "units": ""}
    for chunks in (None, {}):  # only the first time xarray writes the units of time in another way
        with reopen(tmp_path / "b.om", chunks=chunks) as ds, dask.config.set(scheduler="synchronous"):
            write_dataset(ds, tmp_path / "c.om")
        assert (tmp_path / "c.om").read_bytes() == (tmp_path / "b.om").read_bytes()


names = st.text(string.ascii_letters + string.digits + " _é", min_size=1, max_size=8).filter(
    lambda name: name != "_role"  # which has a meaning in files
)
dims = names.map(lambda name: "d" + "".join(name.split()))
plain_attrs = st.dictionaries(
    names.filter(lambda name: name not in ("units", "dtype", "scale_factor", "add_offset")),
    st.one_of(
        st.text(max_size=5),
        st.integers(-(2**63), 2**64),
        st.floats(allow_nan=False),
        st.booleans(),
        st.none(),
        st.lists(st.one_of(st.integers(), st.text(max_size=3), st.floats(allow_nan=False)), max_size=3),
        hnp.arrays(st.sampled_from(["i2", "f4", "u8", "?"]), st.integers(0, 3), elements={"allow_nan": False}),
    ),
    max_size=3,
)


@st.composite
def datasets(draw: st.DrawFn) -> xr.Dataset:
    sizes = draw(st.dictionaries(dims, st.integers(1, 5), min_size=1, max_size=3))
    variables = {}
    for name in draw(st.lists(names, unique=True, max_size=5)):
        of = tuple(draw(st.permutations(list(sizes)))[: draw(st.integers(0, len(sizes)))])
        of = (name,) if name in sizes else of
        shape = tuple(sizes[dim] for dim in of)
        dtype = draw(st.sampled_from(["f4", "f8", "i1", "i4", "u8", "?", "<M8[ns]", "U3"]))
        if dtype == "U3":
            elements: Any = st.text(string.ascii_letters + "é", max_size=3)
        elif dtype == "<M8[ns]":
            elements = st.integers(0, 2**60).map(lambda n: np.datetime64(n, "ns"))
        else:
            elements = None
        array = draw(hnp.arrays(dtype, shape, elements=elements))
        variables[name] = xr.Variable(of, array, draw(plain_attrs))
    ds = xr.Dataset(variables, attrs=draw(plain_attrs))
    return ds.set_coords(draw(st.sets(st.sampled_from(list(variables)))) if variables else set())


@given(st.data())
def test_any_dataset(scratch_file, data):
    ds = data.draw(datasets())
    if data.draw(st.booleans()):
        ds = ds.chunk(dict.fromkeys(ds.sizes, 2))
    with dask.config.set(scheduler="synchronous"):
        assert_round_trip(ds, scratch_file)


@given(plain_attrs)
def test_any_attributes(attrs):
    packed = pack_attrs(attrs)
    assert all(isinstance(value, (str, int, float, np.number)) for value in packed.values())
    found = unpack_attrs(packed)
    assert found.keys() == attrs.keys()
    np.testing.assert_equal(found, attrs)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array(["a", None, "ß", ""], object), np.array(["a", np.nan, "ß", ""], object)),
        (np.array([b"a", None, b"\xff", b""], object), np.array([b"a", np.nan, b"\xff", b""], object)),
        (np.array([1, None, 2**53 - 1], object), np.array([1, np.nan, 2**53 - 1])),
        (np.array([1, 2**62 + 1], object), np.array([1, 2**62 + 1])),
        (np.array([None, np.nan], object), np.array([np.nan, np.nan])),
        (np.array([True, False], object), np.array([True, False])),
        (np.array([0.1, 65504], "f2"), np.array([0.1, 65504], "f2").astype("f4")),
        (pd.array([1, None, 3], dtype="Int64"), np.array([1, np.nan, 3])),
        (pd.array([1, 2**60 + 1], dtype="Int64"), np.array([1, 2**60 + 1])),
        (pd.array([True, False], dtype="boolean"), np.array([True, False])),
        (pd.array(["a", None], dtype="string"), np.array(["a", np.nan], object)),
        (pd.Categorical(["b", "a", "b"]), np.array(["b", "a", "b"], object)),
    ],
    ids=str,
)
def test_types_that_become_others(tmp_path, values, expected):
    ds = xr.Dataset({"a": ("x", values, {"units": "1"})})
    write_dataset(ds, tmp_path / "a.om")
    found = reopen(tmp_path / "a.om")["a"]
    np.testing.assert_array_equal(pd.isnull(found.to_numpy()), pd.isnull(expected))
    present = ~pd.isnull(expected)
    assert found.to_numpy()[present].tolist() == expected[present].tolist()
    assert found.dtype == expected.dtype and found.attrs == {"units": "1"}
    assert_round_trip(found.to_dataset(), tmp_path / "b.om")


@pytest.mark.parametrize("dtype", ["f4", "u1", "?", "M8[ns]", "m8[ns]", "U3", "S2", "O"])
def test_arrays_without_elements(tmp_path, dtype):
    empty = np.empty((2, 0), dtype)
    ds = xr.Dataset({"a": (("x", "y"), empty, {"long_name": "b"})}, {"x": [1, 2], "y": ("y", empty[0])})
    ds = ds.assign_coords(z=("y", empty[0]))
    assert_round_trip(ds, tmp_path / "a.om")
    assert reopen(tmp_path / "a.om").sizes == {"x": 2, "y": 0}
    with reopen(tmp_path / "a.om", chunks={}) as lazy:
        assert lazy["a"].compute().shape == (2, 0)


def test_text_of_others_that_cannot_be_decoded(tmp_path):
    attrs = {"_role": "text"}
    omfiles.save(tmp_path / "a.om", np.array([[255, 65]], "u1"), name="", attrs=attrs, dims=("x", "text2"))
    with pytest.warns(UserWarning, match="is opened as bytes, as its text cannot be decoded"):
        found = reopen(tmp_path / "a.om")
    assert found.to_dataarray().to_numpy().tolist() == [[b"\xffA"]]


def test_encoding_of_the_cf_conventions(tmp_path):
    """Where it is asked for; what a variable was read from does not count."""
    ds = xr.Dataset({"a": ("x", [1.0, np.nan, 3.0])})
    write_dataset(ds, tmp_path / "a.om", encoding={"a": {"dtype": "i2", "_FillValue": -1}})
    with OmFileReader(tmp_path / "a.om") as file:
        assert file["a"][:].tolist() == [1, -1, 3] and file["a"].dtype == np.int16
    xr.testing.assert_identical(reopen(tmp_path / "a.om"), ds)


def test_coordinates_in_encoding(tmp_path):
    """They are handed on as long as there are such coordinates."""
    ds = xr.Dataset({"a": ("x", [1, 2])}, {"b": ("x", [3, 4]), "c": ("x", [5, 6])})
    ds["a"].encoding["coordinates"] = "b"
    assert_round_trip(ds, tmp_path / "a.om")
    assert reopen(tmp_path / "a.om", decode_coords=False).a.attrs == {"coordinates": "b"}
    assert reopen(tmp_path / "a.om", decode_coords=False).attrs == {"coordinates": "c"}
    for changed in (ds.rename(b="d"), ds.reset_coords("b"), ds.drop_vars("b")):
        assert_round_trip(changed, tmp_path / "b.om")


# --- how it is stored -------------------------------------------------------------------------------------------------


def test_floats_are_stored_exactly_unless_told_otherwise(tmp_path):
    ds = weather().assign(pressure=(("lat", "lon"), RNG.random((50, 40))))
    write_dataset(ds, tmp_path / "a.om", scale_factor=20, encoding={"pressure": {"scale_factor": 1000}})
    with OmFileReader(tmp_path / "a.om") as file:
        found = {name: (file[name].compression_name, file[name].scale_factor) for name in ("t2m", "pressure", "lat")}
    assert found == {"t2m": ("pfor_delta_2d", 20), "pressure": ("pfor_delta_2d", 1000), "lat": ("fpx_xor_2d", 1)}
    np.testing.assert_allclose(reopen(tmp_path / "a.om").t2m, T2M, atol=0.0251, rtol=0)


@pytest.mark.parametrize(
    "encoding",
    [
        {"dtype": np.dtype("f4"), "scale_factor": 0.01, "_FillValue": -1},  # as from netCDF
        {"om_compression": "pfor_delta_2d", "om_scale_factor": 1.0, "om_add_offset": 0.0},  # of whom?
        {"om_compression": "pfor_delta_2d", "om_scale_factor": 1.0, "om_add_offset": 0.0, "dtype": np.dtype("i2")},
        {"om_compression": "fpx_xor_2d", "om_scale_factor": 1.0, "om_add_offset": 0.0, "dtype": np.dtype("f4")},
        {"zlib": True, "chunksizes": (1, 1, 1), "chunks": (3, 3)},
    ],
)
def test_encoding_that_says_something_else_rounds_nothing(tmp_path, encoding):
    ds = weather()
    ds.t2m.encoding = encoding
    assert_round_trip(ds, tmp_path / "a.om")


def test_values_that_were_packed_when_they_were_read(tmp_path):
    """CF's packing, in integers of the file: the encoding of what is opened does not mean the floats."""
    packed = np.arange(20, dtype="i2")
    attrs = {"scale_factor": 0.25, "add_offset": 10.0, "_FillValue": np.int16(3)}
    omfiles.save(tmp_path / "a.om", packed, name="", attrs=attrs, dims=("x",))
    with reopen(tmp_path / "a.om") as ds:
        assert ds.to_dataarray()[0, 5] == 11.25
        assert_round_trip(ds, tmp_path / "b.om")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, (24, 13, 40)),
        ({"chunks": {"time": 6, "lat": 10}}, (6, 10, 40)),
        ({"chunks": {"time": 6}, "encoding": {"t2m": {"chunks": [24, 5, 5]}}}, (24, 5, 5)),
        ({"encoding": {"t2m": {"chunks": "auto"}}}, (24, 13, 40)),
    ],
)
def test_chunks(tmp_path, options, expected):
    write_dataset(weather(), tmp_path / "a.om", **options)
    assert reopen(tmp_path / "a.om").t2m.encoding["om_chunks"] == dict(zip(("time", "lat", "lon"), expected))


def test_chunks_fit_the_blocks_of_dask(tmp_path):
    ds = weather(da.from_array(T2M, (10, 50, 40)))
    with dask.config.set(scheduler="synchronous"):  # and without a warning
        assert_round_trip(ds, tmp_path / "a.om")
    assert reopen(tmp_path / "a.om").t2m.encoding["om_chunks"] == {"time": 10, "lat": 25, "lon": 40}


def test_times_in_blocks_of_dask(tmp_path):
    write_dataset(weather(), tmp_path / "a.om", encoding={"time": {"units": "hours since 2026-01-01"}})
    with reopen(tmp_path / "a.om", chunks={}) as ds, dask.config.set(scheduler="synchronous"):
        ds["run"] = ds.time.chunk().variable[0]
        assert_round_trip(ds, tmp_path / "b.om")


def test_times_that_the_units_do_not_fit_stay_exact(tmp_path):
    ds = weather().isel(time=slice(3))
    ds["time"] = ds.time + np.timedelta64(1, "ns")
    ds["missing"] = "time", np.array([TIME[0] + np.timedelta64(1, "ns"), "NaT", TIME[1]], "M8[ns]")
    ds["step"] = "time", np.array([1, 2, "NaT"], "m8[ns]")
    for name in ("time", "missing"):
        ds[name].encoding["units"] = "hours since 2026-01-01"
    ds["step"].encoding["units"] = "days"
    with pytest.warns(UserWarning, match="can't be serialized faithfully"):
        assert_round_trip(ds, tmp_path / "a.om")


def test_times_as_wished(tmp_path):
    encoding = {"time": {"units": "minutes since 1970-01-01", "chunks": (24,)}}
    assert_round_trip(weather(), tmp_path / "a.om", encoding=encoding)
    found = reopen(tmp_path / "a.om", decode_times=False).time
    assert found.attrs["units"] == "minutes since 1970-01-01"
    assert found[0] == TIME[0].astype("M8[m]").astype(int)
    write_dataset(reopen(tmp_path / "a.om"), tmp_path / "b.om")
    assert (tmp_path / "a.om").read_bytes() == (tmp_path / "b.om").read_bytes()


def test_the_form_in_the_file(tmp_path):
    """As docs/dask.md describes it."""
    ds = weather().assign_coords(height=2.0, name=("lat", np.array(["ab", "c"] * 25)))
    ds.t2m.attrs["valid_range"] = [200, 330]
    write_dataset(ds, tmp_path / "a.om")
    with OmFileReader(tmp_path / "a.om") as file:
        assert file.is_group and file.name == ""
        assert file["t2m"].attrs["coordinates"] == "time lat lon"
        assert json.loads(file["t2m"].attrs["_attributes"]) == {"valid_range": [200, 330]}
        assert dict(file["height"].attrs) == {"_role": "coordinate", "coordinates": ""}
        assert file["height"].read_scalar() == 2
        assert dict(file["name"].attrs) == {
            "_role": "text coordinate",
            "coordinates": "lat text2",
        }
        assert bytes(file["name"][1]) == b"c\0"
        assert dict(file["land"].attrs) == {"dtype": "bool", "coordinates": "lat lon"}
        assert "_role" not in file["time"].attrs


# --- where to ---------------------------------------------------------------------------------------------------------


def test_targets(tmp_path):
    fsspec = pytest.importorskip("fsspec")
    ds = weather()
    ds.om.to_om(str(tmp_path / "a.om"))
    expected = (tmp_path / "a.om").read_bytes()
    memory = fsspec.filesystem("memory")
    write_dataset(ds, "memory://write_dataset/a.om")
    assert memory.cat_file("/write_dataset/a.om") == expected
    write_dataset(ds, "/write_dataset/b.om", fs=memory)
    assert memory.cat_file("/write_dataset/b.om") == expected
    write_dataset(ds, tmp_path.as_uri() + "/b.om", storage_options={"auto_mkdir": True})
    assert (tmp_path / "b.om").read_bytes() == expected
    memory.rm("/write_dataset", recursive=True)


@pytest.mark.parametrize("scheduler", ["synchronous", "threads"])
def test_delayed(tmp_path, scheduler):
    ds = weather(da.from_array(T2M, (10, 50, 40)))
    delayed = ds.om.to_om(tmp_path / "a.om", compute=False)
    assert not (tmp_path / "a.om").exists()
    assert dask.compute(delayed, scheduler=scheduler) == (None,)
    xr.testing.assert_identical(reopen(tmp_path / "a.om"), ds)


def test_a_failure_leaves_the_older_file(tmp_path):
    def fail(block: np.ndarray, block_id: tuple[int, ...]) -> np.ndarray:
        if block_id == (2, 0, 0):
            raise ZeroDivisionError
        return block

    path = tmp_path / "a.om"
    write_dataset(weather(), path)
    older = path.read_bytes()
    data = da.from_array(T2M, (10, 50, 40)).map_blocks(fail, meta=np.empty((0, 0, 0), "f4"))
    with pytest.raises(ZeroDivisionError):
        write_dataset(weather(data), path)
    assert path.read_bytes() == older
    assert os.listdir(tmp_path) == ["a.om"]


def test_a_file_may_be_replaced_by_what_is_read_from_it(tmp_path):
    path = tmp_path / "a.om"
    expected = weather()
    write_dataset(expected, path)
    with reopen(path, chunks={}) as ds:
        write_dataset(ds.isel(time=slice(None, None, -1)), path)
    xr.testing.assert_identical(reopen(path), expected.isel(time=slice(None, None, -1)))


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ds", "error", "message"),
    [
        ({"a/b": 1}, ValueError, "variable 'a/b': its name must not contain a slash"),
        ({5: 1}, TypeError, "variable '5': its name must be a string or None, not 5"),
        ({"a": (("x y",), [1])}, ValueError, "variable 'a': dimensions must have names without white space, .* 'x y'"),
        ({"a": ((3,), [1])}, ValueError, "variable 'a': dimensions must have names without white space, .* 3"),
        ({"a": ("x", [1j])}, ValueError, "variable 'a': Unsupported array data type complex128"),
        ({"a": ((), 1j)}, ValueError, "variable 'a': Unsupported array data type complex128"),
        ({"a": ("x", np.array([{}, []], object))}, (TypeError, ValueError), "variable 'a': "),
        ({"a": ("x", np.array(["b", 1], object))}, TypeError, "variable 'a': its values are objects of type int, str"),
        ({"a": ("x", np.array([2**53 + 1, None], object))}, ValueError, r"variable 'a': .* beyond 2\*\*53 and missing"),
        ({"a": ("x", np.array([2**70], object))}, TypeError, "variable 'a': its values are numbers of which"),
        ({"a": ("x", np.array(["b\0", "c"], object))}, ValueError, "variable 'a': .* a zero at the end"),
        ({"a": ("x", np.array(["\ud800"], object))}, ValueError, "variable 'a': .*surrogates"),
        ({"a": ("x", [1], {"_role": 1})}, ValueError, "variable 'a': attribute '_role' cannot be stored, as the name"),
        ({"a": ("x", [1], {"b": 1j})}, TypeError, "variable 'a': attribute 'b' cannot be stored: it is 1j"),
        ({"a": ("x", [1], {"b": {"c": 1j}})}, TypeError, "variable 'a': attribute 'b' cannot be stored"),
        ({"a": ("x", [1], {"b": {1: 1}})}, TypeError, "variable 'a': attribute 'b' cannot be stored"),
        ({"a": ("x", [1], {"b": [object()]})}, TypeError, "variable 'a': attribute 'b' cannot"),
        ({"a": ("x", [1], {"b": "\ud800"})}, ValueError, "variable 'a': 'b':.*surrogates"),
        ({"a": ("x", [1], {5: 1})}, TypeError, "variable 'a': the name of an attribute must be a str, not 5"),
        ({"a": ("x", np.array([1e10], "f4"))}, ValueError, r"variable 'a': 1 value cannot be held .* index \(0,\)"),
    ],
)
def test_errors_name_the_variable(tmp_path, ds, error, message):
    with pytest.raises(error, match=message):
        write_dataset(xr.Dataset(ds), tmp_path / "a.om", scale_factor=1e5, on_unsupported="raise")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"encoding": {"t": {}}}, "encoding is for the variable 't', but there are only .*'t2m'"),
        (
            {"encoding": {"t2m": {"zlib": 1}}},
            r"variable 't2m': encoding has \['zlib'\], but may have only \['chunks', ",
        ),
        ({"encoding": {"t2m": {"chunks": (1, 2)}}}, "variable 't2m': chunks has a wrong number of elements: 2"),
        ({"encoding": {"t2m": {"compression": "pfor_delta_2d"}}}, "variable 't2m': pfor_delta_2d rounds floats"),
        ({"encoding": {"t2m": {"scale_factor": 0}}}, "variable 't2m': scale_factor must not be 0"),
        ({"encoding": {"soil": {"scale_factor": 5}}}, "variable 'soil': scale_factor and add_offset are for floats"),
        ({"encoding": {"soil": {"compression": "fpx_xor_2d"}}}, "variable 'soil': Invalid data type"),
        ({"compression": "zip"}, "variable 't2m': compression must be one of .*, not 'zip'"),
        ({"chunks": {"time": 6, "x": 6}}, r"chunks are for the dimension 'x', but there are only \['lat', "),
        ({"overflow": "wrap"}, "variable 't2m': overflow must be"),
    ],
)
def test_errors_in_options(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        write_dataset(weather(), tmp_path / "a.om", **options)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"chunks": {"time": -1}}, OverflowError, "variable 't2m': chunks.* axis 0 has -1"),
        ({"chunks": (1, 2, 3)}, TypeError, r"chunks must be a mapping, not \(1, 2, 3\)"),
        ({"encoding": "t2m"}, TypeError, "encoding must be a mapping, not 't2m'"),
        ({"encoding": {"t2m": 5}}, TypeError, "variable 't2m': its encoding must be a mapping, not 5"),
    ],
)
def test_options_of_another_kind(tmp_path, options, error, message):
    with pytest.raises(error, match=message):
        write_dataset(weather(), tmp_path / "a.om", **options)
    assert os.listdir(tmp_path) == []


def test_dimensions_may_be_called_as_that_of_characters(tmp_path):
    ds = xr.Dataset({"a": ("text3", [1, 2, 3]), "b": ("x", ["abc", "d"])})
    ds["c"] = ("_text3", "text3"), [["abc", "", "d"]]
    assert_round_trip(ds, tmp_path / "a.om")


def test_an_error_in_a_tree_names_the_path(tmp_path):
    tree = xr.DataTree.from_dict({"/a/b": xr.Dataset({"c": ("x", [1j])})})
    with pytest.raises(ValueError, match="variable 'a/b/c': Unsupported"):
        write_dataset(tree, tmp_path / "a.om", on_unsupported="raise")
    with pytest.raises(TypeError, match="group 'a/': attribute 'x' cannot be stored"):
        tree = xr.DataTree.from_dict({"/a": xr.Dataset(attrs={"x": object()})})
        write_dataset(tree, tmp_path / "a.om", on_unsupported="raise")


def test_what_cannot_be_stored_is_left_out(tmp_path):
    """One warning names all of it; the rest is there."""
    ds = xr.Dataset(
        {
            "a/b": ("x y", [1, 2], {"odd": 1j, "units": "K"}),
            "complex": ("x y", [1j, 2j]),
            "mixed": ("x y", np.array([1, "a"], object)),
        },
        {"x y": [3, 4]},
        {"odd": object()},
    )
    with pytest.warns(UserWarning, match="not all can be stored as it is") as record:
        write_dataset(ds, tmp_path / "a.om", encoding={"a/b": {"chunks": [1]}}, chunks={"x y": 2})
    message = str(record.pop().message)
    for part in ("'a/b' is called 'a.b'", "'x y' is called 'x_y'", "variable 'a/b': attribute 'odd' cannot be stored"):
        assert part in message
    for part in ("variable 'complex' is left out", "variable 'mixed' is left out", "the dataset: attribute 'odd'"):
        assert part in message
    assert not record.list
    expected = xr.Dataset({"a.b": ("x_y", [1, 2], {"units": "K"})}, {"x_y": [3, 4]})
    xr.testing.assert_identical(reopen(tmp_path / "a.om"), expected)
    assert OmFileReader(tmp_path / "a.om")["a.b"].chunks == (1,)
    tree = xr.DataTree.from_dict({"/g": ds[["complex"]]})
    with pytest.warns(UserWarning, match="variable 'g/complex' is left out"):
        write_dataset(tree, tmp_path / "b.om")
    with pytest.raises(ValueError, match="on_unsupported must be"):
        write_dataset(ds, tmp_path / "b.om", on_unsupported="ignore")


def test_attributes_that_become_others(tmp_path):
    attrs = {
        "dict": {"a": 1, "b": [{"c": np.array([1, 2], "i2")}], "d": {}},
        "array": np.arange(6, dtype="f4").reshape(2, 3),
        "empty": np.zeros((0, 3)),
        "bytes": "ä".encode(),
        "time": datetime.datetime(2026, 1, 2, 3),
        "date": [datetime.date(2026, 1, 2)],
        "times": np.array(["2026-01-02", "NaT"], "M8[D]"),
        "stamp": pd.Timestamp("2026-01-02T03"),
        "step": np.timedelta64(3, "h"),
    }
    others = {"bytes": "ä", "time": "2026-01-02T03:00:00", "date": ["2026-01-02"], "times": ["2026-01-02", "NaT"]}
    others |= {"stamp": "2026-01-02T03:00:00", "step": "3 hours"}
    write_dataset(xr.Dataset({"a": ("x", [1], attrs)}, attrs=attrs), tmp_path / "a.om")
    found = reopen(tmp_path / "a.om")
    for own in (found.attrs, found["a"].attrs):
        np.testing.assert_equal(dict(own), {**attrs, **others})
        assert own["array"].dtype == np.float32 and own["empty"].shape == (0, 3)
        assert own["dict"]["b"][0]["c"].dtype == np.int16


def test_other_objects(tmp_path):
    with pytest.raises(TypeError, match="Dataset or DataTree can be written, not DataArray; to_dataset"):
        write_dataset(weather().t2m, tmp_path / "a.om")


def test_a_multi_index(tmp_path):
    ds = xr.Dataset({"a": (("x", "y"), np.ones((2, 2)))}, {"x": [1, 2], "y": [3, 4]}).stack(z=("x", "y"))
    with pytest.raises(
        NotImplementedError, match=r"variable 'z': a MultiIndex cannot be stored; ds.reset_index\('z'\)"
    ):
        write_dataset(ds, tmp_path / "a.om")
    assert_round_trip(ds.reset_index("z"), tmp_path / "a.om")
