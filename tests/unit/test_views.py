# SPDX-License-Identifier: MIT
"""All views of a file agree on which scalars are attributes, and which variables there are."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import omfiles
from omfiles import OmFileReader, OmFileWriter
from omfiles._tools.copy_variables import copy_file
from omfiles.cli import main
from omfiles.testing.reference import Variable, write_file


def array(name: str, *children: Variable) -> Variable:
    return Variable(name, np.arange(3, dtype="i2"), list(children), (3,))


def scalar(name: str, value: Any, *children: Variable) -> Variable:
    return Variable(name, np.int16(value) if isinstance(value, int) else value, list(children))


def group(name: str, *children: Variable) -> Variable:
    return Variable(name, None, list(children))


SHARED = array("s", scalar("a", 1))

FILES = {
    "attributes": group("root", scalar("a", "x"), array("v", scalar("a", 2), scalar("b", "y"))),
    "scalars with children": group("root", scalar("a", "x", scalar("b", 1)), scalar("c", 2, array("v"), group("g"))),
    "nested scalars": group("root", scalar("a", 1, scalar("b", 2, scalar("c", 3, scalar("d", 4))))),
    "attributes of one name": group(
        "root", scalar("a", "x"), scalar("a", "y"), array("v", scalar("a", 1), scalar("a", 2))
    ),
    "array, then scalar": group("root", array("a"), scalar("a", 5)),
    "scalar, then array": group("root", scalar("a", 5), array("a")),
    "two scalars, one with children": group("root", scalar("a", 5), scalar("a", 6, scalar("b", 7))),
    "arrays of one name": group("root", array("v", scalar("a", 1)), array("v", scalar("a", 2))),
    "names without characters": group("", scalar("", 1), array("", scalar("", 2)), group("", array("", group("")))),
    "names with slashes": group("root", scalar("a/b", 1), array("v/w", scalar("a/b", 2)), group("v", array("w"))),
    "below an array": array("v", scalar("a", 1), array("w", scalar("b", 2)), group("g", scalar("c", 3), array("x"))),
    "a scalar": scalar("a", 1),
    "a scalar with children": scalar("a", 1, scalar("b", 2), scalar("c", 3, scalar("d", 4)), array("v")),
    "a shared array": group("root", group("g", SHARED), group("h", SHARED), SHARED, SHARED),
}


class Found(NamedTuple):
    """A variable and its attributes."""

    path: str
    value: Any
    attrs: dict[str, Any]


def plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value


def is_attribute(variable: Variable) -> bool:
    return not (variable.value is None or isinstance(variable.value, np.ndarray) or variable.children)


def expected(variable: Variable, path: str = "", depth: int = 0) -> list[Found]:
    """By recursion over the tree of which a file is made."""
    attrs: dict[str, Any] = {}
    found = [Found(path, plain(variable.value), attrs)]
    for child in variable.children:
        if is_attribute(child):
            attrs.setdefault(child.name, plain(child.value))
        else:
            found += expected(child, f"{path}/{child.name}" if depth else child.name, depth + 1)
    return found


def content(reader: OmFileReader) -> Any:
    if reader.is_group:
        return None
    return plain(reader[...] if reader.is_array else reader.read_scalar())


def walked(root: OmFileReader) -> list[Found]:
    return [Found(path, content(node), plain(dict(node.attrs))) for path, node in root.walk()]


def comparable(found: Iterable[Any]) -> list[str]:
    return sorted(map(repr, found))


@pytest.fixture(params=FILES)
def tree(request: pytest.FixtureRequest) -> Variable:
    return FILES[request.param]


@pytest.fixture
def path(tree: Variable, tmp_path: Path) -> Path:
    path = tmp_path / "file.om"
    path.write_bytes(write_file(tree))
    return path


def test_readers(tree: Variable, path: Path) -> None:
    with omfiles.open(path) as root:
        assert walked(root) == expected(tree)
        assert all(dict(reader.attrs) == reader._attributes() for _, reader in root.walk())
        assert {f"/{root.name}/{p}" for p, _ in root.walk() if p} <= root._get_flat_variable_metadata().keys()


def test_trees_of_text(tree: Variable, path: Path) -> None:
    with omfiles.open(path) as root:
        lines = root.tree().splitlines()
        html = root._repr_html_()
    n_attributes = sum(len(found.attrs) for found in expected(tree))
    assert len(lines) == html.count("<summary>") == len(expected(tree))
    assert sum(line.count(": ") for line in lines) == html.count("<tr>") == n_attributes


def test_commands(tree: Variable, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*arguments: str) -> Any:
        assert main([*arguments, "--json", str(path)]) == 0
        return json.loads(capsys.readouterr().out)

    described = [(found.path, found.attrs) for found in expected(tree)]
    assert [(found["path"], found["attributes"]) for found in run("info")["variables"]] == described

    listed = [found["path"] for found in run("ls", "-r")]
    assert listed[-len(described) + 1 :] == [p for p, _ in described[1:]] or len(described) == 1

    def nested(node: dict[str, Any]) -> list[Any]:
        return [node["attributes"]] + [attrs for child in node["children"] for attrs in nested(child)]

    assert nested(run("tree")) == [attrs for _, attrs in described]


def test_copies(tree: Variable, path: Path) -> None:
    copies = [path.with_name("copy.om"), path.with_name("converted.om")]
    with omfiles.open(path) as root, OmFileWriter(copies[0]) as writer:
        copy_file(root, writer)
    assert main(["convert", str(path), str(copies[1])]) == 0
    for copy in copies:
        with omfiles.open(copy) as root:
            assert walked(root) == expected(tree)
            assert [child.name for child in root.children] == [child.name for child in tree.children]


def values_and_attrs(tree: Variable) -> list[Any]:
    """What a dataset has of each variable; of groups, attributes only."""
    seen = set()
    found = []

    def visit(variable: Variable, group: int) -> None:
        group = id(variable) if variable.value is None else group
        if variable.value is not None and (id(variable), group) not in seen:
            attrs = expected(variable)[0].attrs
            found.append((plain(variable.value), attrs))
        seen.add((id(variable), group))
        for child in variable.children:
            if not is_attribute(child):
                visit(child, group)

    visit(tree, id(tree))
    return found


def groups(tree: Variable) -> list[dict[str, Any]]:
    found = expected(tree)
    return [found[0].attrs, *(one.attrs for one in found[1:] if one.value is None)]


def test_xarray(tree: Variable, path: Path) -> None:
    xarray = pytest.importorskip("xarray")
    from omfiles.xarray import OmXarrayEntrypoint

    with omfiles.open_dataset(path, decode_cf=False) as dataset:
        found = [(plain(var.values), plain(var.attrs)) for var in dataset.variables.values()]
        assert dataset.attrs == groups(tree)[0]
    everything = [(found.value, found.attrs) for found in expected(tree) if found.value is not None]
    n_shared = 1 if tree is FILES["a shared array"] else 0  # twice below one parent
    assert comparable(found) == comparable(everything[n_shared:])

    nodes = xarray.open_groups(path, engine=OmXarrayEntrypoint, decode_cf=False).values()
    found = [(plain(var.values), plain(var.attrs)) for node in nodes for var in node.variables.values()]
    assert comparable(found) == comparable(values_and_attrs(tree))
    if tree is not FILES["names without characters"]:  # of which several are one group
        assert comparable([plain(node.attrs) for node in nodes]) == comparable(groups(tree))


def test_zarr(tree: Variable, path: Path) -> None:
    zarr = pytest.importorskip("zarr", minversion="3")
    from omfiles.zarr import OmStore

    root = zarr.open_group(OmStore(path), mode="r")
    nodes = [node for _, node in root.members(max_depth=None)]
    found = [(plain(node[...]), node.attrs.asdict()) for node in nodes if isinstance(node, zarr.Array)]
    assert comparable(found) == comparable(values_and_attrs(tree))
    if tree is not FILES["names without characters"]:
        attrs = [root.attrs.asdict()] + [node.attrs.asdict() for node in nodes if isinstance(node, zarr.Group)]
        assert comparable(filter(None, attrs)) == comparable(filter(None, groups(tree))), "a group may lead to another"
