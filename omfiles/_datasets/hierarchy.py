# SPDX-License-Identifier: MIT
"""The groups and variables of a file, and what integrations call them and their dimensions."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from omfiles._datasets.attrs import unpack_attrs
from omfiles._reading.reader import OmFileReader
from omfiles._writing.array_spec import DIMENSION_KEY

__all__ = [
    "FileVariable",
    "assign_names",
    "attributes",
    "collect_variables",
    "dimensions",
    "name_unnamed",
    "unique",
]


class FileVariable(NamedTuple):
    """An array of a file, or a scalar that is not an attribute."""

    path: str  # with the name of the root
    group: str  # path below the root, which is "/"
    local: str  # path in the group
    offset: int  # of its record in the file, which several variables may share as their child
    reader: OmFileReader
    attrs: dict[str, Any]
    dims: list[str]  # empty if the file does not name them


def collect_variables(root: OmFileReader) -> tuple[dict[str, OmFileReader], list[FileVariable]]:
    """Find the groups, of which the root is always one, and the variables, in the order of the file.

    What lies below a variable belongs to the group of that.

    Parameters
    ----------
    root : OmFileReader
        Mostly the root of a file.
    """
    root._fetch_tree()
    groups = {"/": root}
    variables: dict[tuple[str, int], FileVariable] = {}
    start = f"/{root.name}"
    levels: list[tuple[str, str, str]] = []  # of the last variable at each: path, group, and the path of that
    walk = root._walk()
    for node in walk:
        above, group, base = levels[walk.depth - 1] if walk.depth else ("", "", "")
        path = f"{above}/{node.name}"
        if node.is_group or not walk.depth:
            base = path
            group = "/" + "/".join(filter(None, path[len(start) :].split("/")))
            groups.setdefault(group, node)
        levels[walk.depth :] = [(path, group, base)]
        if not node.is_group:
            offset = node._span[0]
            attrs = node._attributes()
            dims = _pop_dims(attrs, path, node.is_array)
            local = path[len(base) :].lstrip("/")
            variable = FileVariable(path, group, local, offset, node, unpack_attrs(attrs), dims)
            variables.setdefault((path, offset), variable)
    return groups, list(variables.values())


def _pop_dims(attrs: dict[str, Any], path: str, is_array: bool) -> list[str]:
    """Take the names of dimensions from the attributes of a variable; a scalar has none."""
    names = attrs.get(DIMENSION_KEY, "")
    if not is_array:
        if names == "":
            attrs.pop(DIMENSION_KEY, None)
        return []
    attrs.pop(DIMENSION_KEY, None)
    if isinstance(names, str):
        return names.split()
    warnings.warn(
        f"variable {path.lstrip('/')!r}: {DIMENSION_KEY!r} is the number {names} instead of the names of its "
        "dimensions, so they get others",
        stacklevel=3,
    )
    return []


def attributes(node: OmFileReader) -> dict[str, Any]:
    """Return the attributes of a group, but for the names of dimensions."""
    return unpack_attrs({key: value for key, value in node._attributes().items() if key != DIMENSION_KEY})


def assign_names(
    groups: Mapping[str, OmFileReader], variables: Sequence[FileVariable], unnamed: str = "data"
) -> dict[str, dict[str, FileVariable]]:
    """Name the variables of each group.

    Variables go by their own names; where a group has several of one name, they go by their paths in the group. If
    those are the same, as of variables without a name below each other, numbers are added. One that several variables
    share is there once. Names are such as xarray's trees and zarr take: dots stand for slashes.
    """
    by_record: dict[tuple[str, int], FileVariable] = {}
    for variable in variables:
        by_record.setdefault((variable.group, variable.offset), variable)
    single = by_record.values()
    count = Counter((variable.group, variable.reader.name) for variable in single)
    found: dict[str, dict[str, FileVariable]] = {path: {} for path in groups}
    used: Counter[str] = Counter()
    for variable in single:
        name = variable.reader.name
        own = found[variable.group]
        plain = (name if count[variable.group, name] == 1 else variable.local).replace("/", ".")
        own[unique(plain, own, used)] = variable
    return {path: name_unnamed(own, unnamed) for path, own in found.items()}


def name_unnamed(variables: dict[str, FileVariable], unnamed: str) -> dict[str, FileVariable]:
    """Give a variable without a name one, if that is not taken."""
    return variables if unnamed in variables else {name or unnamed: variable for name, variable in variables.items()}


def unique(name: str, taken: Container[str], used: Counter[str]) -> str:
    """Append a number to a name if it is taken; `used` remembers the numbers."""
    free = name
    while free in taken:
        used[name] += 1
        free = f"{name}_{used[name] + 1}"
    return free


def dimensions(
    variables: Mapping[Any, FileVariable], others: Iterable[FileVariable] = ()
) -> dict[Any, tuple[str, ...]]:
    """Name the dimensions of variables that share a dataset; `others` are left out, but what they mention counts."""
    mentioned = {dim for variable in (*variables.values(), *others) for dim in variable.dims}
    named: dict[Any, tuple[str, ...]] = {}
    sizes: dict[str, set[int]] = {}
    for key, variable in variables.items():
        shape = variable.reader.shape
        own = variable.reader.name.rpartition("/")[2]
        dims = variable.dims or ([own] if len(shape) == 1 and own in mentioned else [])
        if dims and len(dims) != len(shape):
            raise ValueError(
                f"variable {variable.path.lstrip('/')!r} has {len(shape)} dimensions, shape {shape}, but its "
                f"{DIMENSION_KEY!r} names {len(dims)}: {' '.join(dims)!r}; open the file without it by drop_variables"
            )
        named[key] = tuple(dims)
        for dim, size in zip(dims or _default_dims(shape), shape, strict=True):
            sizes.setdefault(dim, set()).add(size)
    for key, variable in variables.items():
        if not named[key]:
            shape = variable.reader.shape
            named[key] = tuple(
                dim if len(sizes[dim]) == 1 else f"{dim}_{size}"
                for dim, size in zip(_default_dims(shape), shape, strict=True)
            )
    return named


def _default_dims(shape: Sequence[int]) -> list[str]:
    return [f"dim{axis}" for axis in range(len(shape))]
