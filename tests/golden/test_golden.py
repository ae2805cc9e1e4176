# SPDX-License-Identifier: MIT
"""The reference implementation, the C core, the reader and the writer against golden data (see README.md)."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import numpy as np
import pytest

from omfiles import OmFileReader
from omfiles._native import codec
from omfiles.testing import reference
from omfiles.testing.compare import assert_same_array, assert_same_tree, differs_only_in_padding
from omfiles.testing.reference import Variable
from omfiles.testing.strategies import STREAMS
from omfiles.testing.trees import read_tree, write_tree

HERE = Path(__file__).parent
FILES = [entry["file"] for entry in json.loads((HERE / "files" / "index.json").read_text())]
LEGACY = [name for name in FILES if name.startswith("legacy")]
HIERARCHIES = ["hierarchy-tail.om", "hierarchy-inline.om"]
ARRAYS = [name for name in FILES if name not in HIERARCHIES]


@functools.cache
def streams(kind: str, width: int) -> list[tuple[str, list[int], bytes]]:
    """(description, values, bytes) of all golden streams of a kind."""
    found = []
    for entry in json.loads((HERE / "streams.json").read_text()):
        if (entry["stream"], entry["width"]) == (kind, width):
            values = [int(value) for value in entry["values"]]
            found.append((f"{entry['data']}, {len(values)} values", values, bytes.fromhex(entry["bytes"])))
    return found


def load(name: str) -> bytes:
    return (HERE / "files" / name).read_bytes()


def arrays(name: str) -> dict[str, np.ndarray]:
    with np.load((HERE / "files" / name).with_suffix(".npz")) as arrays:
        return dict(arrays)


@functools.cache
def by_reference(name: str) -> Variable:
    return reference.read_file(load(name))


def as_written(name: str) -> Variable:
    """The tree that was given to the writer."""
    tree = by_reference(name)
    codec = tree.compression, tree.scale_factor, tree.add_offset
    return Variable(tree.name, arrays(name)["written"], tree.children, tree.chunks, *codec)


def call_order(name: str, tree: Variable) -> list[Variable]:
    """The order in which the variables of a hierarchy were made: first the scalars of the group `attributes`."""
    early = tree.children[-1].children
    assert tree.children[-1].name == "attributes"
    return early + [v for v in reference.depth_first(tree) if not any(v is e for e in early)]


@pytest.mark.parametrize(("kind", "width"), STREAMS)
def test_streams_by_reference(kind: str, width: int) -> None:
    for description, values, data in streams(kind, width):
        assert reference.decode_stream(data, len(values), kind, width) == values, description
        assert reference.encode_stream(values, kind, width).hex() == data.hex(), description


@pytest.mark.parametrize(("kind", "width"), STREAMS)
def test_streams_by_core(kind: str, width: int, simd: str) -> None:
    for description, values, data in streams(kind, width):
        words = np.array(values, dtype=f"u{width // 8}")
        assert_same_array(codec.decode_stream(data, len(values), kind, width), words)
        assert codec.encode_stream(words, kind, width).hex() == data.hex(), description


@pytest.mark.slow
@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_by_reference(name: str) -> None:
    tree = by_reference(name)
    assert_same_array(tree.value, arrays(name)["read"], tree.compression)
    if name in LEGACY:
        ours = reference.write_legacy(as_written(name), version=1 if "-v1-" in name else 2)
    else:
        ours = reference.write_file(as_written(name))
    assert differs_only_in_padding(ours, load(name))


@pytest.mark.parametrize("name", HIERARCHIES)
def test_hierarchies_by_reference(name: str) -> None:
    tree = by_reference(name)
    placement = "inline" if "inline" in name else "tail"
    assert differs_only_in_padding(reference.write_file(tree, placement, call_order(name, tree)), load(name))


@pytest.mark.parametrize("name", FILES)
def test_files_by_reader(name: str) -> None:
    with OmFileReader(str(HERE / "files" / name)) as reader:
        found = read_tree(reader)
    assert_same_tree(found, by_reference(name))
    if name in ARRAYS:
        assert_same_array(found.value, arrays(name)["read"], found.compression)


@pytest.mark.parametrize("name", [name for name in ARRAYS if name not in LEGACY])
def test_arrays_by_writer(name: str, tmp_path: Path) -> None:
    ours = write_tree(tmp_path / name, as_written(name))
    assert differs_only_in_padding(ours, load(name))
    assert ours.hex() == reference.write_file(as_written(name)).hex()


@pytest.mark.parametrize("name", HIERARCHIES)
def test_hierarchies_by_writer(name: str, tmp_path: Path) -> None:
    tree = by_reference(name)
    placement = "inline" if "inline" in name else "tail"
    assert differs_only_in_padding(write_tree(tmp_path / name, tree, placement, call_order(name, tree)), load(name))
