# SPDX-License-Identifier: MIT
"""OmFileReader: properties, children, scalars, mapping and array behaviour."""

from __future__ import annotations

import doctest
import inspect
from pathlib import Path

import numpy as np
import pytest

import omfiles
from omfiles import OmFileReader, OmFileWriter, _core
from omfiles._native import codec
from omfiles._native import reader as native_reader

DATA = np.arange(4 * 5 * 6, dtype="float32").reshape(4, 5, 6)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A group of arrays, scalars of all types and a nested group."""
    path = tmp_path_factory.mktemp("reader") / "all.om"
    with omfiles.OmFileWriter(path) as w:
        t2m = w.write_array(
            DATA, (2, 2, 6), 20.0, 1.5, name="t2m", attrs={"units": "K", "level": np.int8(-2)}, dims=("y", "x", "time")
        )
        wind = w.write_array(DATA[0].astype("int16"), (5, 6), name="wind")
        inner = w.write_group("inner", [wind, w.write_array(DATA[0, 0], (6,), compression="fpx_xor_2d", name="a/b")])
        slash = w.write_group("inner/wind", [w.write_scalar("deep", "x")])
        scalars = [
            w.write_scalar(np.dtype(name).type(value), name)
            for name, value in [("int8", -128), ("uint8", 255), ("int16", -32768), ("uint16", 65535),
                                ("int32", -(2**31)), ("uint32", 2**32 - 1), ("int64", -(2**63)), ("uint64", 2**64 - 1),
                                ("float32", 0.1), ("float64", 0.1)]
        ]  # fmt: skip
        texts = [w.write_scalar("", "empty"), w.write_scalar("Gruß ☀", "text"), w.write_scalar("second", "text")]
        w.close(w.write_group("top", [t2m, inner, slash, *scalars, *texts]))
    return path


@pytest.fixture
def root(path: Path) -> OmFileReader:
    return OmFileReader(path)


def test_properties_of_an_array(root: OmFileReader) -> None:
    t2m = root["t2m"]
    assert (t2m.name, t2m.shape, t2m.chunks, t2m.dtype) == ("t2m", (4, 5, 6), (2, 2, 6), np.dtype("float32"))
    assert (t2m.ndim, t2m.size, t2m.nbytes, t2m.num_children) == (3, 120, 480, 3)
    assert (t2m.is_array, t2m.is_scalar, t2m.is_group) == (True, False, False)
    assert (t2m.compression_name, t2m.scale_factor, t2m.add_offset) == ("pfor_delta_2d", 20.0, 1.5)
    assert root["inner"]["a/b"].compression_name == "fpx_xor_2d"


def test_properties_of_a_group(root: OmFileReader) -> None:
    assert (root.name, root.shape, root.chunks, root.dtype) == ("top", (), (), type(None))
    assert (root.ndim, root.size, root.nbytes, root.num_children) == (0, 0, 0, 16)
    assert (root.is_array, root.is_scalar, root.is_group) == (False, False, True)
    for name in ("compression_name", "scale_factor", "add_offset"):
        with pytest.raises(ValueError, match="'top' is a group; only arrays"):
            getattr(root, name)
    with pytest.raises(ValueError, match="only scalars have a value"):
        root.read_scalar()


@pytest.mark.parametrize("name", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"])
def test_integer_scalars(root: OmFileReader, name: str) -> None:
    info = np.iinfo(name)
    value = root[name].read_scalar()
    assert type(value) is np.dtype(name).type
    assert value == (info.min if info.min else info.max)
    assert (root[name].dtype, root[name].shape, root[name].size) == (np.dtype(name), (), 1)
    assert root[name].nbytes == np.dtype(name).itemsize


def test_float_and_string_scalars(root: OmFileReader) -> None:
    assert type(root["float32"].read_scalar()) is np.float32
    assert root["float32"].read_scalar() == np.float32(0.1)
    assert root["float64"].read_scalar() == 0.1
    assert root["empty"].read_scalar() == ""
    text = root["text"]
    assert (text.read_scalar(), text.dtype, text.nbytes, text.is_scalar) == ("Gruß ☀", str, 9, True)
    with pytest.raises(ValueError, match="only arrays have compression_name"):
        text.compression_name  # noqa: B018
    with pytest.raises(ValueError, match="an array; only scalars"):
        root["t2m"].read_scalar()


def test_read_only_properties(root: OmFileReader) -> None:
    with pytest.raises(AttributeError):
        root.name = "x"


def test_get_child_by_index(root: OmFileReader) -> None:
    assert root.get_child_by_index(np.int64(1)).name == "inner"
    assert root.get_child_by_index(index=True).name == "inner"
    with pytest.raises(ValueError, match="'top' has 16 children"):
        root.get_child_by_index(16)
    for index in (-1, 2**32, 2**70):
        with pytest.raises(OverflowError):
            root.get_child_by_index(index)
    for index in (1.0, "t2m", None):
        with pytest.raises(TypeError):
            root.get_child_by_index(index)


def test_a_name_stands_for_the_same_child_however_often_it_is_asked_for(tmp_path: Path) -> None:
    names = ["b", "ab", "", "a", "a", "b\0", "ä", "a/b", "b", "\xe4b"]
    with OmFileWriter(tmp_path / "names.om") as writer:
        # More than what is read with the end of the file, so that some records have to be fetched.
        filler = [writer.write_scalar("x" * 5000, f"filler {i}") for i in range(20)]
        children = [writer.write_scalar(i, name) for i, name in enumerate(names)]
        writer.close(writer.write_group("", [*children[:5], *filler, *children[5:]]))
    for order in (names, names[::-1]):
        reader = OmFileReader(tmp_path / "names.om")
        for _ in range(3):
            for name in order:
                assert reader[name].read_scalar() == names.index(name) == reader.get_child_by_name(name).read_scalar()
            for missing in ("c", "aa", "b\0\0", "A", "\udce4", "filler", "ab/"):
                assert missing not in reader


def test_get_child_by_name(root: OmFileReader) -> None:
    assert root.get_child_by_name(name="text").read_scalar() == "Gruß ☀"
    assert root.get_child_by_name("inner/wind").is_group
    for name in ("", "absent", "t2m/units"):
        with pytest.raises(ValueError, match="has no child"):
            root.get_child_by_name(name)
    with pytest.raises(TypeError):
        root.get_child_by_name(1)


def test_children_have_the_class_of_the_reader(path: Path) -> None:
    class Mine(OmFileReader):
        pass

    assert type(Mine(path)["inner/a/b"]) is Mine
    assert OmFileReader.__module__ == "omfiles"


def test_paths(root: OmFileReader) -> None:
    assert root["t2m/units"].read_scalar() == "K"
    assert root["inner/a/b"].ndim == 1  # the name holds a slash
    assert root["inner/wind"].is_group  # an exact name goes first
    assert root["inner/wind/x"].read_scalar() == "deep"  # all ways to take the path apart are tried
    assert "inner/wind/x" in root
    assert "inner/wind/y" not in root
    with pytest.raises(KeyError, match=r"'top' has no child 't2n'; did you mean 't2m'\?"):
        root["t2n"]
    with pytest.raises(KeyError, match="there are none"):
        root["empty"]["x"]


def test_group_as_mapping(root: OmFileReader) -> None:
    names = ["t2m", "inner", "inner/wind", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64",
             "float32", "float64", "empty", "text"]  # fmt: skip
    assert list(root) == list(root.keys()) == names
    assert len(root) == 15
    assert [child.name for child in root.values()] == names
    assert [(name, child.name) for name, child in root.items()] == [(name, name) for name in names]
    assert "t2m" in root
    assert 3 not in root
    assert len(root.children) == 16
    assert bool(root["inner"])
    assert "t2m" in root._ipython_key_completions_()


def test_array_as_array(root: OmFileReader) -> None:
    t2m = root["t2m"]
    assert len(t2m) == 4
    rows = list(t2m)
    assert len(rows) == 4
    np.testing.assert_array_equal(rows, DATA)
    assert rows[0].base is None  # owns its memory
    assert [row.shape for row in root["inner/a/b"]] == [()] * 6
    np.testing.assert_array_equal(np.asarray(t2m), DATA)
    assert np.asarray(t2m, dtype="int32").dtype == np.int32
    assert np.mean(t2m) == DATA.mean()
    with pytest.raises(ValueError, match="without being copied"):
        t2m.__array__(copy=False)
    assert 119 in t2m
    assert -1 not in t2m
    assert "units" in t2m
    assert list(t2m.keys()) == ["units", "level", "coordinates"]


def test_scalars_and_groups_are_no_arrays(root: OmFileReader) -> None:
    assert np.asarray(root["int8"]) == -128
    assert np.asarray(root["text"])[()] == "Gruß ☀"
    for function in (len, iter):
        with pytest.raises(TypeError, match="scalar"):
            function(root["int8"])
    assert bool(root["int8"])
    with pytest.raises(ValueError, match="Only arrays"):
        np.asarray(root)
    for key in (0, ..., (), None):
        with pytest.raises(ValueError, match="Only arrays"):
            root[key]
        with pytest.raises(ValueError, match="Only arrays"):
            root["int8"].read_array(key)
    for index in (root.oindex, root.vindex):
        with pytest.raises(ValueError, match="Only arrays"):
            index[0]


def test_attrs_and_display(root: OmFileReader) -> None:
    assert dict(root["t2m"].attrs) == {"units": "K", "level": -2, "coordinates": "y x time"}
    assert "'t2m' float32 (4, 5, 6)" in repr(root["t2m"])
    assert "wind" in root.tree()
    assert "<" in root._repr_html_()


def test_flat_listing(root: OmFileReader) -> None:
    listing = root._get_flat_variable_metadata()
    assert list(listing)[:5] == ["/top", "/top/t2m", "/top/t2m/units", "/top/t2m/level", "/top/t2m/coordinates"]
    for path, variable in listing.items():
        assert variable.name == path
    below = root["inner"]._get_flat_variable_metadata()
    assert list(below) == ["/inner", "/inner/wind", "/inner/a/b"]
    variable = listing["/top/text"]
    assert repr(variable) == f"OmVariable(name='/top/text', offset={variable.offset}, size={variable.size})"
    assert root._init_from_variable(variable).read_scalar() == "Gruß ☀"
    with pytest.raises(TypeError):
        root._init_from_variable("/top/text")
    with pytest.raises(TypeError):
        omfiles.OmVariable()
    with pytest.raises(AttributeError):
        variable.offset = 3


def test_flat_listing_of_unnamed_root(tmp_path: Path) -> None:
    with omfiles.OmFileWriter(tmp_path / "a.om") as w:
        w.close(w.write_group("", [w.write_scalar(1.0, "t")]))
    assert list(OmFileReader(tmp_path / "a.om")._get_flat_variable_metadata()) == ["/", "//t"]


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_legacy(golden: Path, version: str) -> None:
    file = next((golden / "files").glob(f"legacy-{version}-*.om"))
    reader = OmFileReader(file)
    assert (reader.name, reader.num_children, reader.add_offset, reader.ndim) == ("", 0, 0.0, 2)
    assert reader.dtype == np.float32
    listing = reader._get_flat_variable_metadata()
    assert [(v.name, v.offset, v.size) for v in listing.values()] == [("/", 0, 40)]
    assert reader._init_from_variable(listing["/"]).shape == reader.shape


def test_names_outside_the_tail(tmp_path: Path) -> None:
    """Records that do not lie in the end of the file that was read when it was opened."""
    path = tmp_path / "inline.om"
    with omfiles.OmFileWriter(path, metadata_placement="inline") as w:
        first = w.write_array(DATA, DATA.shape, name="first", attrs={"units": "m"})
        noise = np.random.default_rng(0).integers(0, 2**31, 20000, "int32")
        w.close(w.write_group("top", [first, w.write_array(noise, (1000,), name="noise")]))
    root = OmFileReader(path)
    assert list(root) == ["first", "noise"]
    assert root["first/units"].read_scalar() == "m"
    np.testing.assert_array_equal(root["first"][...], DATA)
    np.testing.assert_array_equal(root["noise"][...], noise)


def test_signatures() -> None:
    assert list(inspect.signature(OmFileReader).parameters) == ["source", "storage_options", "fetch"]

    class Named(OmFileReader):
        def __init__(self, name: str) -> None:
            super().__init__(name)

    assert list(inspect.signature(Named).parameters) == ["name"]
    assert str(inspect.signature(OmFileReader.read_array)) == "(self, /, ranges, *, out=None)"
    assert list(inspect.signature(OmFileReader.get_child_by_name).parameters) == ["self", "name"]
    assert list(inspect.signature(OmFileReader.from_path).parameters) == ["file_path"]


@pytest.mark.parametrize("module", [_core, codec, native_reader], ids=lambda module: module.__name__)
def test_examples_of_compiled_modules(module: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    results = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
    assert results.failed == 0
    assert results.attempted > 2
