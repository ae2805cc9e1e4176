# SPDX-License-Identifier: MIT
"""Finding out what is in a file, without reading the data of its arrays."""

import numpy as np
import pytest

import omfiles
from omfiles import OmFileReader, OmFileWriter


@pytest.fixture(params=["tail", "inline"])
def path(request, tmp_path):
    """A file of groups, arrays with attributes and coordinates, names with slashes and of other scripts."""
    path = tmp_path / "model.om"
    with OmFileWriter(path, metadata_placement=request.param) as writer:
        lat = writer.write_array(
            np.linspace(40, 60, 5), "auto", compression="fpx_xor_2d", name="lat", attrs={"units": "°N"}
        )
        t2m = writer.write_array(
            np.arange(30, dtype="f4").reshape(5, 6),
            [2, 6],
            scale_factor=20,
            add_offset=1.5,
            name="t2m",
            attrs={"units": "K", "height": np.float32(2), "levels": 3},
            dims=("lat", "lon"),
        )
        odd = writer.write_array(np.zeros((3, 4), "u2"), [3, 4], name="wind/speed")
        title = writer.write_scalar("Größe <1>", "title")
        surface = writer.write_group("surface", [t2m, odd, lat])
        empty = writer.write_group("empty", [])
        writer.close(writer.write_group("", [surface, title, lat, empty]))
    return path


@pytest.fixture
def root(path):
    with OmFileReader(path) as reader:
        yield reader


def test_a_group_is_a_mapping_of_its_children(root):
    assert list(root) == ["surface", "title", "lat", "empty"] == list(root.keys())
    assert len(root) == 4
    assert "title" in root
    assert "surface/t2m" in root
    assert "t2m" not in root
    assert 3 not in root
    assert [child.name for child in root.values()] == list(root)
    assert [(name, child.name) for name, child in root.items()] == [(name, name) for name in root]
    assert all(isinstance(child, OmFileReader) for child in root.values())
    assert dict(root.items()).keys() == {"surface", "title", "lat", "empty"}


def test_an_empty_group_is_an_empty_mapping_and_yet_true(root):
    empty = root["empty"]
    assert len(empty) == 0
    assert list(empty) == list(empty.values()) == empty.children == []
    assert empty


def test_children_by_path(root):
    assert root["surface"]["t2m"].shape == (5, 6)
    assert root["surface/t2m"].shape == (5, 6)
    assert root["surface/t2m/units"].read_scalar() == "K"
    assert root["surface"]["wind/speed"].dtype == np.uint16
    assert root["surface/wind/speed"].dtype == np.uint16
    assert root["surface/t2m"]["coordinates"].read_scalar() == "lat lon"


@pytest.mark.parametrize(
    "name", ["t2m", "", "/", "surface/", "/surface", "surface//t2m", "surface/wind", "surface/t2m/x"]
)
def test_missing_children(root, name):
    assert name not in root
    with pytest.raises(KeyError):
        root[name]


def test_missing_children_are_helped_with(root):
    with pytest.raises(KeyError, match="'surface'"):
        root["surfaces"]
    with pytest.raises(KeyError, match="'title'"):
        root["nothing like it"]
    with pytest.raises(KeyError, match=r"'surface' has no child 't2n'; did you mean 't2m'\?"):
        root["surface/t2n"]


def test_children_of_arrays(root):
    t2m = root["surface/t2m"]
    assert list(t2m.keys()) == ["units", "height", "levels", "coordinates"]
    assert t2m["units"].read_scalar() == "K"
    assert "units" in t2m
    assert len(t2m) == 5  # of an array the length is that of its first dimension
    assert [child.name for child in t2m.children] == list(t2m.keys())


def test_attributes(root):
    attrs = root["surface/t2m"].attrs
    assert attrs == {"units": "K", "height": 2, "levels": 3, "coordinates": "lat lon"}
    assert [type(value) for value in attrs.values()] == [str, np.float32, np.int64, str]
    assert repr(attrs) == "Attributes({'units': 'K', 'height': 2.0, 'levels': 3, 'coordinates': 'lat lon'})"
    assert root.attrs == {"title": "Größe <1>"}
    assert root["title"].attrs == {}


def test_an_array_is_a_sequence_of_rows(root):
    t2m = root["surface/t2m"]
    rows = list(t2m)
    assert len(rows) == len(t2m) == 5
    np.testing.assert_array_equal(np.array(rows), t2m[...])
    assert [value.ndim for value in root["lat"]] == [0] * 5
    assert (t2m.ndim, t2m.size, t2m.nbytes, t2m.shape) == (2, 30, 120, (5, 6))
    np.testing.assert_array_equal(np.asarray(t2m), t2m[...])
    assert np.asarray(t2m, dtype="f8").dtype == np.float64


def test_scalars_have_neither_length_nor_rows(root):
    with pytest.raises(TypeError, match="'title'"):
        len(root["title"])
    with pytest.raises(TypeError, match="'title'"):
        iter(root["title"])
    assert np.asarray(root["surface/t2m/height"]) == 2


def test_orthogonal_and_pointwise(root):
    t2m = root["surface/t2m"]
    data = t2m[...]
    np.testing.assert_array_equal(t2m.oindex[[4, 0], [True, False] * 3], data[[4, 0]][:, ::2])
    np.testing.assert_array_equal(t2m.oindex[[4, 0, 1]], data[[4, 0, 1]])
    np.testing.assert_array_equal(t2m.oindex[2, [3, 3, -1, 0]], data[2, [3, 3, -1, 0]])
    np.testing.assert_array_equal(t2m.oindex[1:, ::-2], data[1:, ::-2])
    np.testing.assert_array_equal(t2m.vindex[[4, 0, 4], [1, -1, 1]], data[[4, 0, 4], [1, -1, 1]])
    np.testing.assert_array_equal(t2m.vindex[[[4], [0]], [1, 5]], data[np.ix_([4, 0], [1, 5])])
    np.testing.assert_array_equal(t2m.vindex[data > 17], data[data > 17])
    assert t2m.vindex[2, 3].shape == t2m.oindex[2, 3].shape == ()
    for key in ([0, 1], np.array([0, 1]), (0, [1]), data > 3):
        with pytest.raises(IndexError, match="oindex"):
            t2m[key]


TREE = """\
''  group  {title: 'Größe <1>'}
├── surface  group
│   ├── t2m  float32 (5, 6) chunks (2, 6) pfor_delta_2d scale 20 offset 1.5  \
{units: 'K', height: 2.0, levels: 3, coordinates: 'lat lon'}
│   ├── wind/speed  uint16 (3, 4) chunks (3, 4) pfor_delta_2d
│   └── lat  float64 (5,) chunks (5,) fpx_xor_2d  {units: '°N'}
├── lat  float64 (5,) chunks (5,) fpx_xor_2d  {units: '°N'}
└── empty  group, empty"""


def test_display(root):
    assert str(root.tree()) == TREE
    assert repr(root) == str(root) == "<OmFileReader group '' 4 children>"
    assert repr(root["surface/t2m"]) == (
        "<OmFileReader 't2m' float32 (5, 6) chunks (2, 6) pfor_delta_2d scale 20 offset 1.5 4 children>"
    )
    assert repr(root["title"]) == "<OmFileReader 'title' str 'Größe <1>'>"
    html = root._repr_html_()
    assert "Größe &lt;1&gt;" in html
    assert "wind/speed" in html


def test_display_of_a_closed_reader(root):
    root.close()
    assert repr(root) == "<OmFileReader closed>"
    assert "closed" in root._repr_html_()
    for use in (root.tree, root.keys, lambda: root.attrs["title"], lambda: root["title"], lambda: list(root)):
        with pytest.raises(ValueError, match="closed"):
            use()


def test_no_data_are_read(path):
    """Everything that discovery needs is there when the data and the look-up tables are gone."""
    content = bytearray(path.read_bytes())
    reader = omfiles.open(bytes(content))
    for array in (reader["surface/t2m"], reader["surface/wind/speed"], reader["lat"]):
        assert array[...].size == array.size
    spans = [(v.offset, v.size) for v in reader._get_flat_variable_metadata().values()] + [(len(content) - 24, 24)]
    bare = bytearray(len(content))
    bare[:3] = content[:3]
    for offset, size in spans:
        bare[offset : offset + size] = content[offset : offset + size]
    root = omfiles.open(bytes(bare))
    assert root.tree() == TREE
    assert root._repr_html_() == reader._repr_html_()
    assert repr(root["surface/t2m"]) == repr(reader["surface/t2m"])
    assert root["surface/t2m"].attrs == reader["surface/t2m"].attrs
    assert root["surface/t2m"].nbytes == 120
    with pytest.raises(omfiles.OmFormatError):
        root["surface/t2m"][...]


def test_golden_hierarchies(golden):
    for placement in ("tail", "inline"):
        with omfiles.open(golden / "files" / f"hierarchy-{placement}.om") as root:
            assert list(root) == ["temperature_2m", "lat", "lon", "pressure_levels", "attributes"]
            assert root["temperature_2m"].attrs == {"coordinates": "lat lon", "units": "K"}
            assert root["pressure_levels/geopotential"].shape == (2, 3)
            assert root["attributes"].attrs["greeting"] == "Grüße, 世界"
            assert root.tree().count("\n") == 6


def test_legacy_files(golden):
    for path in (golden / "files").glob("legacy-*.om"):
        with omfiles.open(path) as root:
            assert root.tree().startswith("''  float32 (")
            assert root.attrs == {}
            assert root.children == []
            assert list(root.keys()) == []
