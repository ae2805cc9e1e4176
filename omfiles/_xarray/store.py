# SPDX-License-Identifier: MIT
"""Variables of xarray made of the arrays of a file: names, dimensions, attributes, encoding."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy.typing as npt
import xarray
from xarray.backends import AbstractDataStore
from xarray.conventions import CF_RELATED_DATA

from omfiles._chunk_grid import preferred_chunks
from omfiles._datasets.attrs import BYTES, COORDINATE, GRID_INDEX, ROLE, TEXT
from omfiles._datasets.hierarchy import (
    Array,
    attributes,
    dimensions,
    members,
    name_unnamed,
    scalar_variables,
    scan,
    unique,
)
from omfiles._reading.read_arrays import read_together
from omfiles._reading.reader import OmFileReader, OmVariable
from omfiles._xarray.lazy import OmBackendArray, decoded, lazily_indexed
from omfiles._xarray.openmeteo import GRID_MAPPING, Names, OpenMeteoMode, applies, inherit_dimensions, translate
from omfiles._xarray.selection import GridIndex

__all__ = ["OmDataStore"]

MAX_EAGER_INDEX = 1 << 20
"""Bytes of a coordinate that is read when the dataset is opened."""


class OmDataStore(AbstractDataStore):
    """The arrays below a variable of an OM file as variables of xarray.

    Parameters
    ----------
    root_variable : OmFileReader
        Mostly the root of a file. Arrays stay readable when it is closed.
    unnamed : str
        What to call the root if it is an array without a name.
    drop_variables : str or iterable of str, optional
        Arrays that are left out.
    openmeteo : bool or "auto"
        Whether the file follows the conventions of Open-Meteo; see `OmXarrayEntrypoint.open_dataset`.

    Attributes
    ----------
    root_variable : OmFileReader
        The variable.
    variables_store : dict of str to OmVariable
        Places of all variables of the file, by path.
    coordinates : set of str
        Variables that are coordinates, though they may have no index.
    grid : GridIndex or None
        Makes coordinates of a grid whose latitude depends on more than one dimension.
    indexes : list of GridIndex
        Of latitudes and longitudes that are arrays of the file as well.
    """

    def __init__(
        self,
        root_variable: OmFileReader,
        *,
        unnamed: str = "data",
        drop_variables: str | Iterable[str] | None = None,
        openmeteo: OpenMeteoMode = "auto",
    ) -> None:
        self.root_variable = root_variable
        self.variables_store = root_variable._get_flat_variable_metadata()
        _, arrays, translated = _contents(root_variable, self.variables_store, openmeteo)
        named = name_unnamed({array.path.lstrip("/"): array for array in arrays}, unnamed)
        dropped = _names(drop_variables)
        named = {name: array for name, array in named.items() if name not in dropped}
        self._describe(named, dimensions(named, arrays), f"{root_variable.name}/".lstrip("/"), translated, dropped)

    @classmethod
    def of_groups(
        cls,
        root_variable: OmFileReader,
        *,
        unnamed: str = "data",
        drop_variables: str | Iterable[str] | None = None,
        openmeteo: OpenMeteoMode = "auto",
    ) -> dict[str, OmDataStore]:
        """Make a store for each group, by path. What lies below an array belongs to the group of that.

        Arrays go by their own names; where a group has several of one name, they go by their paths in the group,
        with dots instead of slashes. An array that several variables share is there once.
        """
        places = root_variable._get_flat_variable_metadata()
        groups, arrays, translated = _contents(root_variable, places, openmeteo)
        dropped = _names(drop_variables)
        named = {
            path: {name: array for name, array in own.items() if name not in dropped}
            for path, own in members(groups, arrays, unnamed).items()
        }
        # Children of a tree share the dimensions of their parents, hence all are named together.
        kept = {(path, name): array for path, own in named.items() for name, array in own.items()}
        dims = dimensions(kept, arrays)
        stores = {}
        for path, own in named.items():
            store = stores[path] = cls.__new__(cls)
            store.root_variable = groups[path]
            store.variables_store = places
            store._describe(own, {name: dims[path, name] for name in own}, "", translated, dropped, slash=".")
        return stores

    def _describe(
        self,
        arrays: Mapping[str, Array],
        dims: Names,
        prefix: str,
        translated: bool,
        dropped: set[str],
        slash: str = "/",
    ) -> None:
        scalars = scalar_variables(self.root_variable)
        self._added: dict[str, xarray.Variable] = {}
        taken, used = set(arrays), Counter[str]()
        for child in scalars:
            free = unique(prefix + child.name.replace("/", slash), taken, used)
            taken.add(free)
            self._added[free] = xarray.Variable((), child.read_scalar(), attributes(child))
        self._arrays, self._dims = arrays, dims
        self._attrs = attributes(self.root_variable, without=scalars)
        self._attrs_of: Mapping[str, dict[str, Any]] = {name: dict(array.attrs) for name, array in arrays.items()}
        self._roles = {name: str(attrs.pop(ROLE, "")).split() for name, attrs in self._attrs_of.items()}
        self.coordinates = {name for name, roles in self._roles.items() if COORDINATE in roles}
        self.indexes = list(_grid_indexes(self._attrs_of, dims, arrays))
        self._characters = [name for name, roles in self._roles.items() if TEXT in roles or BYTES in roles]
        for name, variable in self._added.items():
            roles = str(variable.attrs.pop(ROLE, "")).split()
            _keep_in_encoding(variable, roles)
            if COORDINATE in roles:
                self.coordinates.add(name)
        self.grid: GridIndex | None = None
        if translated:
            if self.root_variable.is_array:  # whose scalars are also those of the dataset
                self._attrs.pop("unit", None)
            found = translate(dims, self._attrs_of, self._attrs, self.get_dimensions())
            self._dims, self._attrs_of, self._attrs = found.dims, found.attrs_of, found.attrs
            self._added |= found.added
            self.coordinates |= found.added.keys()
            self.grid = None if {"lat", "lon"} & dropped else found.grid
        self._added = {name: variable for name, variable in self._added.items() if name not in dropped}

    def get_variables(self) -> Mapping[str, xarray.Variable]:
        """Return all arrays, in the order of the file; data are read when they are needed."""
        data: dict[str, Any] = {name: OmBackendArray(array.reader) for name, array in self._arrays.items()}
        data |= self._fetch()
        data |= {name: data[name].view("S1") for name in self._characters}
        variables = {name: xarray.Variable(self._dims[name], data[name]) for name in self._arrays}
        variables |= lazily_indexed({name: variables[name] for name in decoded(self._attrs_of)})
        for name, array in self._arrays.items():
            variable = variables[name]
            variable.attrs = self._attrs_of[name]
            variable.encoding |= _encoding(array.reader, self._dims[name])
            _keep_in_encoding(variable, self._roles[name])
            if TEXT in self._roles[name]:
                variable.attrs["_Encoding"] = "utf-8"  # xarray takes it away again
            if GRID_MAPPING in self._added and {"lat", "lon"} <= set(array.dims):
                variable.encoding["grid_mapping"] = GRID_MAPPING
        return {**variables, **self._added}

    def get_attrs(self) -> dict[str, Any]:
        """Return the scalar children of the root."""
        return self._attrs

    def get_dimensions(self) -> dict[str, int]:
        """Return the dimensions and their lengths."""
        return {
            dim: size for name, array in self._arrays.items() for dim, size in zip(self._dims[name], array.reader.shape)
        }

    def close(self) -> None:
        """Close the root; data stay readable."""
        self.root_variable.close()

    def _fetch(self) -> dict[str, npt.NDArray[Any]]:
        """Read texts and indexes all together: xarray would read one after another."""
        wanted = {name: self._arrays[name] for name in self._characters}
        for name, array in self._arrays.items():
            if self._dims[name] == (name,) and array.reader.nbytes <= MAX_EAGER_INDEX:
                wanted[name] = array
        return dict(zip(wanted, read_together([(array.reader, ..., None) for array in wanted.values()]), strict=True))


def _contents(
    root: OmFileReader, places: Mapping[str, OmVariable], openmeteo: OpenMeteoMode
) -> tuple[dict[str, OmFileReader], list[Array], bool]:
    """Find groups and arrays, and whether they are those of Open-Meteo."""
    groups, arrays = scan(root, places)
    translated = applies(openmeteo, root)
    return groups, inherit_dimensions(groups, arrays) if translated else arrays, translated


def _names(names: str | Iterable[str] | None) -> set[str]:
    return {names} if isinstance(names, str) else set(names or ())


def _grid_indexes(
    attrs_of: Mapping[str, dict[str, Any]], dims: Names, arrays: Mapping[str, Array]
) -> Iterator[GridIndex]:
    """Make the indexes that attributes describe, which are taken away, where their coordinates are in the dataset."""

    def sizes(name: str) -> dict[str, int]:
        return dict(zip(dims[name], arrays[name].reader.shape)) if name in arrays else {}

    for name, attrs in attrs_of.items():
        if GRID_INDEX not in attrs:
            continue
        try:
            index = GridIndex.described(attrs.pop(GRID_INDEX))
        except (ValueError, ImportError) as error:
            warnings.warn(f"{name!r} is opened without selection by latitude and longitude: {error}", stacklevel=2)
            continue
        own = dict(zip(index.dims, index.shape))
        if index.names[0] == name and all(sizes(str(coordinate)) == own for coordinate in index.names):
            yield index


def _keep_in_encoding(variable: xarray.Variable, names: Iterable[str]) -> None:
    """Take attributes from where `xarray.open_dataset(..., decode_coords="all")` takes them, too."""
    for name in set(CF_RELATED_DATA).intersection(names, variable.attrs):
        variable.encoding[name] = variable.attrs.pop(name)


def _encoding(reader: OmFileReader, dims: Sequence[str]) -> dict[str, Any]:
    """How an array is stored. Names that CF or netCDF give another meaning begin with ``om_``."""
    chunks = reader.chunks
    preferred = preferred_chunks(reader.shape, chunks, reader.dtype.itemsize)
    return {
        "chunks": chunks,
        "preferred_chunks": dict(zip(dims, preferred)),
        "om_compression": reader.compression_name,
        "om_scale_factor": reader.scale_factor,
        "om_add_offset": reader.add_offset,
    }
