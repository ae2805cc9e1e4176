# SPDX-License-Identifier: MIT
"""The layout of the package: what is public, and which layer may import which.

Sources are read, Cython ones included. Imports inside functions count; imports for type checkers do not.
"""

from __future__ import annotations

import ast
import builtins
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import omfiles

PACKAGE = Path(omfiles.__file__).parent
REFERENCE = PACKAGE.parent / "docs" / "reference.md"

HISTORICAL = {"omfiles._zarr3", "omfiles._numcodecs"}
"""Public modules whose names released programs and stored metadata have."""

# From the lowest to the highest. What stands in one line does not import each other, but within a package.
LAYERS = [
    ["errors", "types", "_public", "_renamed", "libomf"],
    ["_core"],
    ["_chunk_grid", "_native"],
    ["_stores"],
    ["_reading", "_writing"],
    [""],  # omfiles itself, which `import omfiles` and others' cimports mean
    ["_datasets", "_grids", "_numcodecs", "dask", "io"],
    ["_tools", "_zarr3", "grids"],
    ["_xarray", "meta", "testing", "zarr"],
    ["chunk_reader", "xarray"],
    ["_cli"],
    ["cli"],
    ["__main__"],
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}


def modules() -> dict[str, Path]:
    """All modules of the package by name, with the files of their sources."""
    found = {}
    for path in sorted(PACKAGE.rglob("*")):
        if path.suffix in (".py", ".pyx", ".pxd"):
            name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
            found[f"{name} {path.suffix}"] = path
    return found


def imported(path: Path) -> Iterator[str]:
    """Names of our modules that a source imports at run time."""
    if path.suffix == ".py":
        yield from imported_by_python(ast.parse(path.read_text()))
        return
    text = re.sub(r'""".*?"""', "", path.read_text(), flags=re.DOTALL)
    for module, name in re.findall(r"^\s*from (omfiles[\w.]*) c?import (\w*)", text, re.MULTILINE):
        yield f"{module}.{name}" if f"{module}.{name}" in MODULES else module
    for module in re.findall(r"^\s*c?import (omfiles[\w.]*)", text, re.MULTILINE):
        yield module


def imported_by_python(tree: ast.AST) -> Iterator[str]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.partition(".")[0] == "omfiles")
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] == "omfiles":
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in MODULES else node.module for name in names)
        else:
            yield from imported_by_python(node)


SOURCES = modules()
MODULES = {name.split()[0] for name in SOURCES}


def part(module: str) -> str:
    """The layer's name of a module: what comes after ``omfiles.``"""
    return module.partition(".")[2].partition(".")[0]


@pytest.mark.parametrize("source", SOURCES)
def test_layers(source: str) -> None:
    """A module imports what is below its layer, or belongs to its own package."""
    own = part(source.split()[0])
    above = {
        module for module in imported(SOURCES[source]) if part(module) != own and LEVEL[part(module)] >= LEVEL[own]
    }
    # `import omfiles` gives the public names; `omfiles/__init__.py` gets at those above it only when they are used.
    if own == "":
        above -= {"omfiles._tools.hashes", "omfiles._tools.verify", "omfiles.xarray"}
    assert not above


def public_modules() -> set[str]:
    return {
        name for name in MODULES if name in HISTORICAL or not any(word[0] == "_" for word in name.split(".") if word)
    }


@pytest.mark.skipif(not REFERENCE.exists(), reason="needs the pages of the documentation")
def test_public_modules_are_in_the_reference() -> None:
    """What has no underscore is public, hence in docs/reference.md; what has one is neither."""
    text = REFERENCE.read_text()
    named = set(re.findall(r"omfiles(?:\.\w+)+", text))
    for module in public_modules() - {"omfiles", "omfiles.libomf"}:
        assert module in named or any(name.startswith(f"{module}.") for name in named), module
    private = {name for name in named if "._" in name and not name.startswith(tuple(HISTORICAL))}
    assert not private


@pytest.mark.skipif(not REFERENCE.exists(), reason="needs the pages of the documentation")
def test_public_names_are_in_the_reference() -> None:
    text = REFERENCE.read_text()
    for name in {*omfiles.__all__} - {"types"}:
        assert re.search(rf":: (omfiles\.)?{name}$", text, re.MULTILINE), name


def test_public_names() -> None:
    assert all(hasattr(omfiles, name) for name in omfiles.__all__)
    assert not set(omfiles.__all__) & set(dir(builtins)), "a star import would hide Python's own"
    for name in omfiles.__all__:
        assert getattr(getattr(omfiles, name), "__module__", "omfiles") in ("omfiles", "omfiles.errors"), name


def test_dir_shows_the_interface_and_nothing_else() -> None:
    code = "import omfiles; print(*dir(omfiles))"
    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert set(shown) == {*omfiles.__all__, "__version__", "errors", "open"}


def test_import_is_light() -> None:
    """Importing the package brings neither what knows stores nor any optional dependency."""
    code = "import sys, omfiles; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert not {"asyncio", "dask", "fsspec", "xarray", "zarr", "omfiles._stores.fsspec"} & set(loaded)
