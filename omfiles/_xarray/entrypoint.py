# SPDX-License-Identifier: MIT
"""What xarray calls, and what users call."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypedDict, Unpack

import xarray
from xarray.backends import BackendEntrypoint, StoreBackendEntrypoint
from xarray.conventions import encode_dataset_coordinates

from omfiles._reading.reader import OmFileReader
from omfiles._stores.paths import name_from_path
from omfiles._xarray.degrees import with_degrees
from omfiles._xarray.openmeteo import OpenMeteoMode
from omfiles._xarray.selection import HAS_INDEXES
from omfiles._xarray.sources import is_om, open_source
from omfiles._xarray.store import OmDataStore

__all__ = ["OmXarrayEntrypoint", "open_dataset"]


class Decoders(TypedDict, total=False):
    """What `xarray.open_dataset` passes on to what decodes variables."""

    mask_and_scale: Any
    decode_times: Any
    concat_characters: bool
    decode_coords: Any
    use_cftime: bool | None
    decode_timedelta: Any


def open_dataset(source: Any, **options: Any) -> xarray.Dataset:
    """Open an OM file as a dataset.

    The same as ``xarray.open_dataset(source, engine="om", root_name="auto")``: an array without a name gets that of its
    file. The engine may be left out except for URLs: these xarray takes for netCDF.

    Parameters
    ----------
    source : object
        Whatever `OmFileReader` takes, or an `OmFileReader`.
    **options
        For `xarray.open_dataset`, such as ``chunks``, and for `OmXarrayEntrypoint.open_dataset`.

    Examples
    --------
    >>> import numpy as np, omfiles
    >>> omfiles.save("rain.om", np.arange(6).reshape(2, 3), name="rain", dims=("lat", "lon"))
    >>> omfiles.open_dataset("rain.om").sizes
    Frozen({'lat': 2, 'lon': 3})
    """
    return xarray.open_dataset(source, engine=OmXarrayEntrypoint, **{"root_name": "auto", **options})


class OmXarrayEntrypoint(BackendEntrypoint):
    """The engine ``"om"`` of xarray.

    Examples
    --------
    >>> import numpy as np, omfiles, xarray
    >>> omfiles.save("t2m.om", np.full((2, 3), 280, "f4"), name="t2m", attrs={"units": "K"}, dims=("lat", "lon"))
    >>> from omfiles.xarray import OmXarrayEntrypoint
    >>> t2m = xarray.open_dataset("t2m.om", engine=OmXarrayEntrypoint)["t2m"]
    >>> t2m.dims, t2m.attrs["units"], float(t2m.mean())
    (('lat', 'lon'), 'K', 280.0)
    """

    description = "Open .om files of Open-Meteo"
    url = "https://open-meteo.com"
    supports_groups = True

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        """Whether this is an OM file: by the end of its name, or by its first bytes if they can be had."""
        return isinstance(filename_or_obj, OmFileReader) or is_om(filename_or_obj)

    open_dataset_parameters = (
        *Decoders.__annotations__,
        "drop_variables",
        "group",
        "storage_options",
        "openmeteo",
        "root_name",
    )

    def open_dataset(
        self,
        filename_or_obj: Any,
        *,
        drop_variables: str | Iterable[str] | None = None,
        group: str | None = None,
        storage_options: dict[str, Any] | None = None,
        openmeteo: OpenMeteoMode = "auto",
        root_name: str = "",
        **decoders: Unpack[Decoders],
    ) -> xarray.Dataset:
        """Open all arrays of a file as one dataset, or those of one group.

        Parameters
        ----------
        filename_or_obj : object
            Whatever `OmFileReader` takes, or an `OmFileReader`.
        drop_variables : str or iterable of str, optional
            Variables that are left out.
        group : str, optional
            Path of a group. Only its own arrays are opened, under their own names. By default all arrays of the file
            are opened, under their paths.
        storage_options : dict, optional
            For the filesystem of a URL.
        openmeteo : bool or "auto"
            Whether the file follows the conventions of Open-Meteo: ``coordinates`` of a group are the dimensions of
            its arrays, ``unit`` stands for ``units``, times are seconds since 1970, and ``crs_wkt`` says where the grid
            points are. Then latitude and longitude become coordinates, by which to select, without being read:
            dimensions of regular grids, otherwise coordinates of the dimensions ``y`` and ``x``. With "auto", if the
            root has a string ``crs_wkt``. Attributes stay under the names that they have in the file, too.
        root_name : str
            What to call the root if it is an array without a name. With "auto", as its file, `temperature_2m.om`; where
            that is called ``chunk_*``, ``year_*`` or ``master_*`` as its folder; ``data`` if there is no path.
        **decoders
            ``mask_and_scale``, ``decode_times``, ``concat_characters``, ``decode_coords``, ``use_cftime`` and
            ``decode_timedelta``, as for `xarray.open_dataset`.
        """
        _check(decoders, "open_dataset")
        options: dict[str, Any] = {
            "root_name": _root_name(root_name, filename_or_obj),
            "drop_variables": drop_variables,
            "openmeteo": openmeteo,
        }
        with open_source(filename_or_obj, storage_options, group) as root:
            store = OmDataStore(root, **options) if group is None else OmDataStore.of_groups(root, **options)["/"]
            return _decode(store, decoders)

    def open_groups_as_dict(
        self,
        filename_or_obj: Any,
        *,
        group: str | None = None,
        storage_options: dict[str, Any] | None = None,
        drop_variables: str | Iterable[str] | None = None,
        openmeteo: OpenMeteoMode = "auto",
        root_name: str = "auto",
        **decoders: Unpack[Decoders],
    ) -> dict[str, xarray.Dataset]:
        """Open each group as a dataset of its own arrays; parameters as for `open_dataset`.

        A tree cannot give out a variable without a name, hence `root_name` is "auto" here.
        """
        _check(decoders, "open_groups_as_dict")
        with open_source(filename_or_obj, storage_options, group) as root:
            name = _root_name(root_name, filename_or_obj)
            stores = OmDataStore.of_groups(root, root_name=name, drop_variables=drop_variables, openmeteo=openmeteo)
            return {path: _decode(store, decoders) for path, store in stores.items()}

    def open_datatree(self, filename_or_obj: Any, **options: Any) -> xarray.DataTree:
        """Open a file as a tree of datasets; parameters as for `open_dataset`."""
        return xarray.DataTree.from_dict(self.open_groups_as_dict(filename_or_obj, **options))


def _root_name(given: str, source: Any) -> str:
    return name_from_path(source) if given == "auto" else given


def _check(decoders: Decoders, method: str) -> None:
    for name in decoders.keys() - Decoders.__annotations__.keys():
        raise TypeError(f"{method}() got an unexpected keyword argument {name!r}")


def _decode(store: OmDataStore, decoders: Decoders) -> xarray.Dataset:
    dataset = StoreBackendEntrypoint().open_dataset(store, **decoders)
    decode_coords = decoders.get("decode_coords", True)
    _keep_in_encoding(dataset, store)
    if not decode_coords:
        _show_coordinates(dataset, store)
    else:
        if store.coordinates:
            dataset = dataset.set_coords(store.coordinates & set(dataset.variables))
        for index in store.indexes:
            dataset = dataset.assign_coords(index.coordinates(dataset.variables))
    if store.grid is not None:
        dataset = dataset.assign_coords(store.grid.coordinates())
    if HAS_INDEXES:  # else xarray makes others instead
        dataset = with_degrees(dataset, store.degrees)
    dataset.set_close(_nothing)
    return dataset


def _keep_in_encoding(dataset: xarray.Dataset, store: OmDataStore) -> None:
    """Take attributes from where ``decode_coords="all"`` takes them, too."""
    for name, variable in dataset.variables.items():
        for attr in store.related.get(str(name), ()):
            if attr in variable.attrs:
                variable.encoding[attr] = variable.attrs.pop(attr)


def _show_coordinates(dataset: xarray.Dataset, store: OmDataStore) -> None:
    """Name coordinates, bounds and the like in attributes, as netCDF files do: they were not to be decoded."""
    own = [variable.attrs.get("coordinates", "") for variable in dataset.variables.values()]
    if all(isinstance(value, str) for value in own) and "coordinates" not in dataset.attrs:
        named = {name for name in store.coordinates & set(dataset.variables) if " " not in name}
        variables, dataset.attrs = encode_dataset_coordinates(dataset.set_coords(named))
        for name, variable in variables.items():
            dataset.variables[name].attrs = variable.attrs
    for name, variable in dataset.variables.items():
        for attr in store.related.get(str(name), ()):
            if attr in variable.encoding:
                variable.attrs[attr] = variable.encoding.pop(attr)


def _nothing() -> None:
    """Close a dataset: the root is closed already, and arrays stay readable. With the root, it could not be pickled."""
