# SPDX-License-Identifier: MIT
"""Variables of xarray made of those of a file: names, dimensions, attributes, encoding."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray
from xarray.backends import AbstractDataStore
from xarray.conventions import CF_RELATED_DATA

from omfiles._chunk_grid import preferred_chunks
from omfiles._datasets.attrs import BYTES, COORDINATE, DEGREES, EMPTY, GRID_INDEX, MISSING, ROLE, TEXT, Empty, texts
from omfiles._datasets.hierarchy import (
    FileVariable,
    assign_names,
    attributes,
    collect_variables,
    dimensions,
    name_unnamed,
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
    """The variables below one of an OM file as variables of xarray.

    Parameters
    ----------
    root_variable : OmFileReader
        Mostly the root of a file. Arrays stay readable when it is closed.
    root_name : str
        What to call the root if it is a variable without a name.
    drop_variables : str or iterable of str, optional
        Variables that are left out.
    openmeteo : bool or "auto"
        Whether the file follows the conventions of Open-Meteo; see `OmXarrayEntrypoint.open_dataset`.

    Attributes
    ----------
    root_variable : OmFileReader
        The variable.
    coordinates : set of str
        Variables that are coordinates, though they may have no index.
    grid : GridIndex or None
        Makes coordinates of a grid whose latitude depends on more than one dimension.
    indexes : list of GridIndex
        Of latitudes and longitudes that are arrays of the file as well.
    degrees : set of str
        Latitudes and longitudes at equal distances, by which to select around the globe.
    """

    def __init__(
        self,
        root_variable: OmFileReader,
        *,
        root_name: str = "",
        drop_variables: str | Iterable[str] | None = None,
        openmeteo: OpenMeteoMode = "auto",
    ) -> None:
        _, variables, translated = _contents(root_variable, openmeteo)
        named: dict[str, FileVariable] = {}
        used = Counter[str]()
        for variable in variables:
            named[unique(variable.path.lstrip("/"), named, used)] = variable
        dropped = _names(drop_variables)
        named = {name: variable for name, variable in name_unnamed(named, root_name).items() if name not in dropped}
        self._start(root_variable, _describe(root_variable, named, dimensions(named, variables), translated, dropped))

    @classmethod
    def of_groups(
        cls,
        root_variable: OmFileReader,
        *,
        root_name: str = "",
        drop_variables: str | Iterable[str] | None = None,
        openmeteo: OpenMeteoMode = "auto",
    ) -> dict[str, OmDataStore]:
        """Make a store for each group, by path. What lies below a variable belongs to the group of that.

        Variables go by their own names; where a group has several of one name, they go by their paths in the group,
        with dots instead of slashes. A variable that several share is there once.
        """
        groups, variables, translated = _contents(root_variable, openmeteo)
        dropped = _names(drop_variables)
        named = {
            path: {name: variable for name, variable in own.items() if name not in dropped}
            for path, own in assign_names(groups, variables, root_name).items()
        }
        # Children of a tree share the dimensions of their parents, hence all are named together.
        kept = {(path, name): variable for path, own in named.items() for name, variable in own.items()}
        dims = dimensions(kept, variables)
        stores = {}
        for path, own in named.items():
            own_dims = {name: dims[path, name] for name in own}
            store = stores[path] = cls.__new__(cls)
            store._start(groups[path], _describe(groups[path], own, own_dims, translated, dropped))
        return stores

    def _start(self, root_variable: OmFileReader, described: _Description) -> None:
        self.root_variable = root_variable
        self._described = described
        self.coordinates, self.grid, self.indexes = described.coordinates, described.grid, described.indexes
        self.degrees = described.degrees

    @property
    def related(self) -> dict[str, list[str]]:
        """Attributes that xarray keeps in `encoding`, by the name of their variable."""
        return {
            name: [attr for attr in roles if attr in CF_RELATED_DATA] for name, roles in self._described.roles.items()
        }

    @property
    def variables_store(self) -> dict[str, OmVariable]:
        """Where all variables below the root are in the file, by path."""
        return self.root_variable._get_flat_variable_metadata()

    def get_variables(self) -> Mapping[str, xarray.Variable]:
        """Return all variables, in the order of the file; data of arrays are read when they are needed."""
        described = self._described
        arrays = {name: variable for name, variable in described.variables.items() if variable.reader.is_array}
        data: dict[str, Any] = {
            name: OmBackendArray(variable.reader) if name in arrays else variable.reader.read_scalar()
            for name, variable in described.variables.items()
        }
        data |= self._fetch()
        data |= {name: np.empty(empty.shape, empty.dtype) for name, empty in described.empty.items()}
        dims = {**described.dims, **{name: described.dims[name][:-1] for name in described.characters}}
        text_encodings = {}
        for name in described.characters:
            data[name], text_encodings[name] = _texts(name, data[name], described.attrs_of[name], described.roles[name])
        variables = {name: xarray.Variable(dims[name], data[name]) for name in data}
        lazy = (decoded(described.attrs_of) & arrays.keys()) - text_encodings.keys()
        variables |= lazily_indexed({name: variables[name] for name in lazy})
        for name, variable in variables.items():
            variable.attrs = described.attrs_of[name]
            if name in arrays:
                variable.encoding |= _encoding(arrays[name].reader, described.dims[name])
            if name in text_encodings:
                variable.attrs.pop("_Encoding", None)
                variable.encoding |= {"char_dim_name": described.dims[name][-1], **text_encodings[name]}
            if GRID_MAPPING in described.added and {"lat", "lon"} <= set(described.variables[name].dims):
                variable.encoding["grid_mapping"] = GRID_MAPPING
        return {**variables, **described.added}

    def get_attrs(self) -> dict[str, Any]:
        """Return the attributes of the root."""
        return self._described.attrs

    def get_dimensions(self) -> dict[str, int]:
        """Return the dimensions and their lengths."""
        sizes = _sizes(self._described.variables, self._described.dims)
        return sizes | {dim: n for empty in self._described.empty.values() for dim, n in zip(empty.dims, empty.shape)}

    def close(self) -> None:
        """Close the root; data stay readable."""
        self.root_variable.close()

    def _fetch(self) -> dict[str, npt.NDArray[Any]]:
        """Read texts and indexes all together: xarray would read one after another."""
        described = self._described
        wanted = {name: described.variables[name].reader for name in described.characters}
        for name, variable in described.variables.items():
            if (
                described.dims[name] == (name,)
                and variable.reader.is_array
                and variable.reader.nbytes <= MAX_EAGER_INDEX
            ):
                wanted[name] = variable.reader
        return dict(zip(wanted, read_together([(reader, ..., None) for reader in wanted.values()]), strict=True))


@dataclass(frozen=True)
class _Description:
    """A dataset without its data. Everything of variables is by their names."""

    variables: Mapping[str, FileVariable]
    dims: Names
    attrs_of: Mapping[str, dict[str, Any]]
    roles: Mapping[str, list[str]]
    attrs: dict[str, Any]
    coordinates: set[str]
    degrees: set[str]
    characters: list[str]
    """Arrays of bytes that are texts."""
    empty: Mapping[str, Empty]
    """Arrays without elements."""
    indexes: list[GridIndex]
    added: Mapping[str, xarray.Variable]
    """Coordinates that are not in the file."""
    grid: GridIndex | None


def _describe(
    root: OmFileReader, variables: Mapping[str, FileVariable], dims: Names, translated: bool, dropped: set[str]
) -> _Description:
    attrs_of = {name: dict(variable.attrs) for name, variable in variables.items()}
    roles = {name: str(attrs.pop(ROLE, "")).split() for name, attrs in attrs_of.items()}
    notes = {
        name: Empty.read(attrs.pop(EMPTY))
        for name, attrs in attrs_of.items()
        if EMPTY in attrs and variables[name].reader.is_scalar
    }
    empty = {name: found for name, found in notes.items() if found is not None}
    description = _Description(
        variables=variables,
        dims={**dims, **{name: tuple(found.dims) for name, found in empty.items()}},
        empty=empty,
        indexes=list(_grid_indexes(attrs_of, dims, variables)),  # takes attributes away
        attrs_of=attrs_of,
        roles=roles,
        attrs=attributes(root),
        coordinates={name for name, own in roles.items() if COORDINATE in own},
        degrees={name for name, own in roles.items() if DEGREES in own},
        characters=[
            name
            for name, own in roles.items()
            if not {TEXT, BYTES}.isdisjoint(own) and variables[name].reader.is_array and dims[name]
        ],
        added={},
        grid=None,
    )
    return _translate(description, dropped) if translated else description


def _translate(description: _Description, dropped: set[str]) -> _Description:
    """Follow the conventions of Open-Meteo."""
    dims = description.dims
    found = translate(dims, description.attrs_of, description.attrs, _sizes(description.variables, dims))
    return replace(
        description,
        dims=found.dims,
        attrs_of=found.attrs_of,
        coordinates=description.coordinates | found.added.keys(),
        degrees=description.degrees | ({"lat", "lon"} & found.added.keys()),
        added={name: variable for name, variable in found.added.items() if name not in dropped},
        grid=None if {"lat", "lon"} & dropped else found.grid,
    )


def _sizes(variables: Mapping[str, FileVariable], dims: Names) -> dict[str, int]:
    return {dim: size for name, variable in variables.items() for dim, size in zip(dims[name], variable.reader.shape)}


def _contents(root: OmFileReader, openmeteo: OpenMeteoMode) -> tuple[dict[str, OmFileReader], list[FileVariable], bool]:
    """Find groups and variables, and whether they are those of Open-Meteo."""
    groups, variables = collect_variables(root)
    translated = applies(openmeteo, root)
    return groups, inherit_dimensions(groups, variables) if translated else variables, translated


def _names(names: str | Iterable[str] | None) -> set[str]:
    return {names} if isinstance(names, str) else set(names or ())


def _grid_indexes(
    attrs_of: Mapping[str, dict[str, Any]], dims: Names, variables: Mapping[str, FileVariable]
) -> Iterator[GridIndex]:
    """Make the indexes that attributes describe, which are taken away, where their coordinates are in the dataset."""

    def sizes(name: str) -> dict[str, int]:
        return dict(zip(dims[name], variables[name].reader.shape)) if name in variables else {}

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


def _texts(
    name: str, characters: npt.NDArray[Any], attrs: Mapping[str, Any], roles: Sequence[str]
) -> tuple[npt.NDArray[Any], dict[str, Any]]:
    """Return text, or bytes, and what xarray says of it in `encoding`."""
    missing = MISSING in roles
    if TEXT in roles:
        encoding = str(attrs.get("_Encoding", "utf-8"))
        try:
            return texts(characters, encoding, missing), {"dtype": np.dtype("S1"), "_Encoding": encoding}
        except (UnicodeError, LookupError) as error:
            warnings.warn(f"variable {name!r} is opened as bytes, as its text cannot be decoded: {error}", stacklevel=2)
    return texts(characters, None, missing), {"dtype": np.dtype("S1")}


def _encoding(reader: OmFileReader, dims: Sequence[str]) -> dict[str, Any]:
    """How an array is stored. Names that CF or netCDF give another meaning begin with ``om_``."""
    chunks = reader.chunks
    preferred = preferred_chunks(reader.shape, chunks, reader.dtype.itemsize)
    return {
        "om_chunks": dict(zip(dims, chunks)),
        "preferred_chunks": dict(zip(dims, preferred)),
        "om_compression": reader.compression_name,
        "om_scale_factor": reader.scale_factor,
        "om_add_offset": reader.add_offset,
    }
