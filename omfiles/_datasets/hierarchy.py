# SPDX-License-Identifier: MIT
"""The groups and arrays of a file, and what integrations call them and their dimensions."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from omfiles._datasets.attrs import unpack_attrs
from omfiles._reading.reader import OmFileReader, OmVariable
from omfiles._writing.array_spec import DIMENSION_KEY

__all__ = [
    "Array",
    "attributes",
    "dimensions",
    "members",
    "name_unnamed",
    "scalar_variables",
    "scan",
    "unique",
]


class Array(NamedTuple):
    """An array of a file."""

    path: str  # with the name of the root
    group: str  # path below the root, which is "/"
    local: str  # path in the group
    offset: int  # of its record in the file, which several variables may share as their child
    reader: OmFileReader
    attrs: dict[str, Any]
    dims: list[str]  # empty if the file does not name them


def scan(
    root: OmFileReader, places: Mapping[str, OmVariable] | None = None
) -> tuple[dict[str, OmFileReader], list[Array]]:
    """Find the groups, of which the root is always one, and the arrays, in the order of the file.

    What lies below an array belongs to the group of that.

    Parameters
    ----------
    root : OmFileReader
        Mostly the root of a file.
    places : dict of str to OmVariable, optional
        Its listing, if that is at hand.
    """
    if places is None:
        places = root._get_flat_variable_metadata()
    start = next(iter(places))
    groups = {"/": root}
    group_of: dict[str, tuple[str, str]] = {}  # by path: the group, and the path of that in the file
    arrays = []
    done: set[str] = set()
    for path, place in places.items():
        if path in done:
            continue
        node = root._init_from_variable(place)
        if node.is_group or path == start:
            group = "/" + "/".join(filter(None, path[len(start) :].split("/")))
            base = path
            groups.setdefault(group, node)
        else:
            group, base = group_of[path[: -len(node.name) - 1]]
        group_of[path] = group, base
        if node.is_array:
            attrs, alone = node._attributes()
            if alone:
                done.update(f"{path}/{name}" for name in attrs)  # mostly: no need to open them again
            names = attrs.pop(DIMENSION_KEY, "")
            if not isinstance(names, str):
                warnings.warn(
                    f"variable {path.lstrip('/')!r}: {DIMENSION_KEY!r} is the number {names} instead of the names of "
                    "its dimensions, so they get others",
                    stacklevel=2,
                )
                names = ""
            local = path[len(base) :].lstrip("/")
            arrays.append(Array(path, group, local, place.offset, node, unpack_attrs(attrs), names.split()))
    return groups, arrays


def attributes(node: OmFileReader, without: Iterable[OmFileReader] = ()) -> dict[str, Any]:
    """Return the attributes of a variable, but for the names of dimensions and the children in `without`."""
    others = {DIMENSION_KEY, *(child.name for child in without)}
    return unpack_attrs({key: value for key, value in node._attributes()[0].items() if key not in others})


def scalar_variables(group: OmFileReader) -> list[OmFileReader]:
    """Find the scalars below a group that are variables without dimensions, and no attributes of it."""
    return [
        child
        for child in group.children
        if child.is_scalar and child.num_children and child.attrs.get(DIMENSION_KEY) == ""
    ]


def members(
    groups: Mapping[str, OmFileReader], arrays: Sequence[Array], unnamed: str = "data"
) -> dict[str, dict[str, Array]]:
    """Name the arrays of each group.

    Arrays go by their own names; where a group has several of one name, they go by their paths in the group. If those
    are the same, as of arrays without a name below each other, numbers are added. One that several variables share is
    there once. Names are such as xarray's trees and zarr take: dots stand for slashes.
    """
    places: dict[tuple[str, int], Array] = {}
    for array in arrays:
        places.setdefault((array.group, array.offset), array)
    single = places.values()
    count = Counter((array.group, array.reader.name) for array in single)
    found: dict[str, dict[str, Array]] = {path: {} for path in groups}
    used: Counter[str] = Counter()
    for array in single:
        name = array.reader.name
        own = found[array.group]
        plain = (name if count[array.group, name] == 1 else array.local).replace("/", ".")
        own[unique(plain, own, used)] = array
    return {path: name_unnamed(own, unnamed) for path, own in found.items()}


def name_unnamed(arrays: dict[str, Array], unnamed: str) -> dict[str, Array]:
    """Give an array without a name one, if that is not taken."""
    return arrays if unnamed in arrays else {name or unnamed: array for name, array in arrays.items()}


def unique(name: str, taken: Container[str], used: Counter[str]) -> str:
    """Append a number to a name if it is taken; `used` remembers the numbers."""
    free = name
    while free in taken:
        used[name] += 1
        free = f"{name}_{used[name] + 1}"
    return free


def dimensions(arrays: Mapping[Any, Array], others: Iterable[Array] = ()) -> dict[Any, tuple[str, ...]]:
    """Name the dimensions of arrays that share a dataset; `others` are left out, but what they mention counts."""
    mentioned = {dim for array in (*arrays.values(), *others) for dim in array.dims}
    named: dict[Any, tuple[str, ...]] = {}
    sizes: dict[str, set[int]] = {}
    for key, array in arrays.items():
        shape = array.reader.shape
        own = array.reader.name.rpartition("/")[2]
        dims = array.dims or ([own] if len(shape) == 1 and own in mentioned else [])
        if dims and len(dims) != len(shape):
            raise ValueError(
                f"variable {array.path.lstrip('/')!r} has {len(shape)} dimensions, shape {shape}, but its "
                f"{DIMENSION_KEY!r} names {len(dims)}: {' '.join(dims)!r}; open the file without it by drop_variables"
            )
        named[key] = tuple(dims)
        for dim, size in zip(dims or _default_dims(shape), shape, strict=True):
            sizes.setdefault(dim, set()).add(size)
    for key, array in arrays.items():
        if not named[key]:
            shape = array.reader.shape
            named[key] = tuple(
                dim if len(sizes[dim]) == 1 else f"{dim}_{size}"
                for dim, size in zip(_default_dims(shape), shape, strict=True)
            )
    return named


def _default_dims(shape: Sequence[int]) -> list[str]:
    return [f"dim{axis}" for axis in range(len(shape))]
