# SPDX-License-Identifier: MIT
"""The reading backend of xarray: ``xarray.open_dataset("t2m.om", engine="om")``.

`OmXarrayEntrypoint` is what xarray finds. `OmDataStore` makes variables of the arrays of a file, and `OmBackendArray`
reads their data when they are needed. Opening a file reads its records and, from a store, the indexes.

Of xarray only what its guide to new backends describes is used; that places `LazilyIndexedArray` and the classes of
keys in `xarray.core.indexing`, and nowhere else.
"""

from __future__ import annotations

import copy
import inspect
import math
import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

try:
    import xarray
    from xarray.backends import AbstractDataStore, BackendArray, BackendEntrypoint, StoreBackendEntrypoint
    from xarray.core.indexing import ExplicitIndexer, LazilyIndexedArray, OuterIndexer, VectorizedIndexer
except ModuleNotFoundError as error:
    if error.name != "xarray":
        raise
    raise ImportError("omfiles.xarray needs xarray: pip install 'omfiles[xarray]'", name="xarray") from error

from omfiles.indexing import pointwise
from omfiles.reader import OmFileReader, OmVariable, _read_pieces

__all__ = ["DIMENSION_KEY", "OmBackendArray", "OmDataStore", "OmXarrayEntrypoint", "open_dataset"]

DIMENSION_KEY = "coordinates"
"""The string child of an array that names its dimensions, separated by white space."""
MAX_PREFERRED_CHUNK = 32 << 20
"""Bytes of a chunk of dask, unless a chunk of the file is larger. Whole chunks are added until it would exceed this, so
that it has more than half of it: enough to outweigh what a task costs, and many fit into memory."""
MAX_EAGER_INDEX = 1 << 20
"""Bytes of a coordinate that is fetched from a store when the dataset is opened."""
MAX_POINT_BOX = 1 << 24
"""Elements of an array that are read at once to take points from them."""
MAGIC = tuple(b"OM" + bytes([version]) for version in (1, 2, 3))


def open_dataset(source: Any, **options: Any) -> xarray.Dataset:
    """Open an OM file as a dataset.

    The same as ``xarray.open_dataset(source, engine="om")``, where the engine may be left out except for URLs: these
    xarray takes for netCDF.

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
    >>> open_dataset("rain.om").sizes
    Frozen({'lat': 2, 'lon': 3})
    """
    return xarray.open_dataset(source, engine=OmXarrayEntrypoint, **options)


class OmXarrayEntrypoint(BackendEntrypoint):
    """The engine ``"om"`` of xarray.

    Examples
    --------
    >>> import numpy as np, omfiles, xarray
    >>> omfiles.save("t2m.om", np.full((2, 3), 280, "f4"), name="t2m", attrs={"units": "K"}, dims=("lat", "lon"))
    >>> t2m = xarray.open_dataset("t2m.om", engine=OmXarrayEntrypoint)["t2m"]
    >>> t2m.dims, t2m.attrs["units"], float(t2m.mean())
    (('lat', 'lon'), 'K', 280.0)
    """

    description = "Open .om files of Open-Meteo"
    url = "https://open-meteo.com"
    supports_groups = True

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        """Whether this is an OM file: by the end of its name, or by its first bytes if they can be had."""
        return isinstance(filename_or_obj, OmFileReader) or _is_om(filename_or_obj)

    def open_dataset(
        self,
        filename_or_obj: Any,
        *,
        mask_and_scale: Any = True,
        decode_times: Any = True,
        concat_characters: bool = True,
        decode_coords: Any = True,
        drop_variables: str | Iterable[str] | None = None,
        use_cftime: bool | None = None,
        decode_timedelta: Any = None,
        group: str | None = None,
        storage_options: dict[str, Any] | None = None,
    ) -> xarray.Dataset:
        """Open all arrays of a file as one dataset, or those of one group.

        Parameters
        ----------
        filename_or_obj : object
            Whatever `OmFileReader` takes, or an `OmFileReader`.
        mask_and_scale, decode_times, concat_characters, decode_coords, drop_variables, use_cftime, decode_timedelta
            As for `xarray.open_dataset`.
        group : str, optional
            Path of a group. Only its own arrays are opened, under their own names. By default all arrays of the file
            are opened, under their paths.
        storage_options : dict, optional
            For the filesystem of a URL.
        """
        with _open(filename_or_obj, storage_options, group) as root:
            unnamed = _name_from_path(filename_or_obj)
            if group is None:
                store = OmDataStore(root, unnamed=unnamed, drop_variables=drop_variables)
            else:
                store = OmDataStore.of_groups(root, unnamed=unnamed, drop_variables=drop_variables)["/"]
            return StoreBackendEntrypoint().open_dataset(
                store,
                mask_and_scale=mask_and_scale,
                decode_times=decode_times,
                concat_characters=concat_characters,
                decode_coords=decode_coords,
                use_cftime=use_cftime,
                decode_timedelta=decode_timedelta,
            )

    # xarray finds them itself, but not if the class is passed as the engine.
    open_dataset_parameters = tuple(inspect.signature(open_dataset).parameters)[1:]

    def open_groups_as_dict(
        self,
        filename_or_obj: Any,
        *,
        drop_variables: str | Iterable[str] | None = None,
        group: str | None = None,
        storage_options: dict[str, Any] | None = None,
        **decoders: Any,
    ) -> dict[str, xarray.Dataset]:
        """Open each group as a dataset of its own arrays; parameters as for `open_dataset`."""
        with _open(filename_or_obj, storage_options, group) as root:
            stores = OmDataStore.of_groups(
                root, unnamed=_name_from_path(filename_or_obj), drop_variables=drop_variables
            )
            return {path: StoreBackendEntrypoint().open_dataset(store, **decoders) for path, store in stores.items()}

    def open_datatree(self, filename_or_obj: Any, **options: Any) -> xarray.DataTree:
        """Open a file as a tree of datasets; parameters as for `open_dataset`."""
        return xarray.DataTree.from_dict(self.open_groups_as_dict(filename_or_obj, **options))


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

    Attributes
    ----------
    root_variable : OmFileReader
        The variable.
    variables_store : dict of str to OmVariable
        Places of all variables of the file, by path.
    """

    def __init__(
        self,
        root_variable: OmFileReader,
        *,
        unnamed: str = "data",
        drop_variables: str | Iterable[str] | None = None,
    ) -> None:
        self.root_variable = root_variable
        self.variables_store = root_variable._get_flat_variable_metadata()
        _, arrays = _scan(root_variable, self.variables_store)
        named = {array.path.lstrip("/"): array for array in arrays}
        self._arrays = _without(drop_variables, _name_root(named, unnamed))
        self._dims = _dimensions(self._arrays)

    @classmethod
    def of_groups(
        cls, root_variable: OmFileReader, *, unnamed: str = "data", drop_variables: str | Iterable[str] | None = None
    ) -> dict[str, OmDataStore]:
        """Make a store for each group, by path. What lies below an array belongs to the group of that.

        Arrays go by their own names; where a group has several of one name, they go by their paths in the group.
        """
        places = root_variable._get_flat_variable_metadata()
        groups, arrays = _scan(root_variable, places)
        count = Counter((array.group, array.reader.name) for array in arrays)
        members: dict[str, dict[str, _Array]] = {path: {} for path in groups}
        for array in arrays:
            name = array.reader.name
            members[array.group].setdefault(name if count[array.group, name] == 1 else array.local, array)
        members = {path: _without(drop_variables, _name_root(own, unnamed)) for path, own in members.items()}
        # Children of a tree share the dimensions of their parents, hence all are named together.
        dims = _dimensions({(path, name): array for path, own in members.items() for name, array in own.items()})
        stores = {}
        for path, own in members.items():
            store = stores[path] = cls.__new__(cls)
            store.root_variable = groups[path]
            store.variables_store = places
            store._arrays = own
            store._dims = {name: dims[path, name] for name in own}
        return stores

    def get_variables(self) -> dict[str, xarray.Variable]:
        """Return all arrays, in the order of the file; data are read when they are needed."""
        fetched = self._fetch_indexes()
        return {
            name: xarray.Variable(
                self._dims[name],
                fetched[name] if name in fetched else LazilyIndexedArray(OmBackendArray(array.reader)),
                array.attrs,
                _encoding(array.reader, self._dims[name]),
            )
            for name, array in self._arrays.items()
        }

    def get_attrs(self) -> dict[str, Any]:
        """Return the scalar children of the root."""
        return {name: value for name, value in self.root_variable.attrs.items() if name != DIMENSION_KEY}

    def get_dimensions(self) -> dict[str, int]:
        """Return the dimensions and their lengths."""
        return {
            dim: size
            for name, array in self._arrays.items()
            for dim, size in zip(self._dims[name], array.reader.shape, strict=True)
        }

    def close(self) -> None:
        """Close the root; data stay readable."""
        self.root_variable.close()

    def _fetch_indexes(self) -> dict[str, npt.NDArray[Any]]:
        """Read together what xarray would otherwise read one by one, each for the time of several requests."""
        file = self.root_variable._remote
        if file is None:
            return {}
        plans = {
            name: array.reader._plan(...)
            for name, array in self._arrays.items()
            if self._dims[name] == (name,) and array.reader.nbytes <= MAX_EAGER_INDEX
        }
        file.run(file.read(list(plans.values())))
        return {name: plan.out for name, plan in plans.items()}


class OmBackendArray(BackendArray):
    """An array of an OM file for xarray. It can be pickled, and read by many threads at once.

    Parameters
    ----------
    reader : OmFileReader
        Of an array.
    """

    def __init__(self, reader: OmFileReader) -> None:
        self.reader = reader
        self.shape = reader.shape
        self.dtype = reader.dtype

    def __getitem__(self, key: ExplicitIndexer) -> npt.NDArray[Any]:
        if isinstance(key, VectorizedIndexer):
            if any(isinstance(item, slice) for item in key.tuple):  # xarray makes arrays of them
                return LazilyIndexedArray(self).vindex[key].get_duck_array()
            return _read_points(self.reader, key.tuple)
        if isinstance(key, OuterIndexer):
            return self.reader.oindex[key.tuple]
        return self.reader.read_array(key.tuple)


# --- what is in a file ------------------------------------------------------------------------------------------------


class _Array(NamedTuple):
    """An array of a file."""

    path: str  # with the name of the root
    group: str  # path below the root, which is "/"
    local: str  # path in the group
    reader: OmFileReader
    attrs: dict[str, Any]
    dims: list[str]  # empty if the file does not name them


def _scan(root: OmFileReader, places: dict[str, OmVariable]) -> tuple[dict[str, OmFileReader], list[_Array]]:
    """Find the groups, of which the root is always one, and the arrays, in the order of the file."""
    start = next(iter(places))
    groups = {"/": root}
    group_of: dict[str, tuple[str, str]] = {}  # by path: the group, and the path of that in the file
    arrays = []
    for path, place in places.items():
        node = root._init_from_variable(place)
        if node.is_group or path == start:
            group = "/" + "/".join(filter(None, path[len(start) :].split("/")))
            base = path
            groups.setdefault(group, node)
        else:
            group, base = group_of[path[: -len(node.name) - 1]]
        group_of[path] = group, base
        if node.is_array:
            attrs = dict(node.attrs)
            names = attrs.pop(DIMENSION_KEY, None)
            dims = names.split() if isinstance(names, str) else []
            arrays.append(_Array(path, group, path[len(base) :].lstrip("/"), node, attrs, dims))
    return groups, arrays


def _name_root(arrays: dict[str, _Array], unnamed: str) -> dict[str, _Array]:
    """Give an array without a name one, if that is not taken."""
    return arrays if unnamed in arrays else {name or unnamed: array for name, array in arrays.items()}


def _without(names: str | Iterable[str] | None, arrays: dict[str, _Array]) -> dict[str, _Array]:
    dropped = {names} if isinstance(names, str) else set(names or ())
    return {name: array for name, array in arrays.items() if name not in dropped}


def _dimensions(arrays: dict[Any, _Array]) -> dict[Any, tuple[str, ...]]:
    """Name the dimensions of arrays that share a dataset."""
    mentioned = {dim for array in arrays.values() for dim in array.dims}
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


def _encoding(reader: OmFileReader, dims: Sequence[str]) -> dict[str, Any]:
    """How an array is stored. Names that CF or netCDF give another meaning begin with ``om_``."""
    chunks = reader.chunks
    preferred = preferred_chunks(reader.shape, chunks, reader.dtype.itemsize)
    return {
        "chunks": chunks,
        "preferred_chunks": dict(zip(dims, preferred, strict=True)),
        "om_compression": reader.compression_name,
        "om_scale_factor": reader.scale_factor,
        "om_add_offset": reader.add_offset,
    }


def preferred_chunks(shape: Sequence[int], chunks: Sequence[int], itemsize: int) -> tuple[int, ...]:
    """Join neighbouring chunks, the last dimension first as they lie in the file, to chunks good for dask.

    Parameters
    ----------
    shape, chunks : sequence of int
        Of an array.
    itemsize : int
        Bytes of an element.

    Examples
    --------
    >>> preferred_chunks((1441, 2879, 181), (1, 5, 181), itemsize=4)
    (16, 2879, 181)
    """
    joined = list(chunks)
    n_bytes = max(1, math.prod(chunks) * itemsize)
    for axis in reversed(range(len(joined))):
        if n_bytes * 2 > MAX_PREFERRED_CHUNK:
            break
        grown = min(shape[axis], chunks[axis] * (MAX_PREFERRED_CHUNK // n_bytes))
        n_bytes = n_bytes // max(1, chunks[axis]) * grown
        joined[axis] = grown
    return tuple(joined)


# --- points -----------------------------------------------------------------------------------------------------------


def _read_points(reader: OmFileReader, indices: tuple[npt.NDArray[np.intp], ...]) -> npt.NDArray[Any]:
    """Read the elements at index arrays that are broadcast against each other.

    Often some dimensions are independent of all others, such as time when series at some places are wanted: an axis of
    the result belongs to each of them alone. They are read as slices, and only the others as points.
    """
    shape = np.broadcast_shapes(*(index.shape for index in indices))
    runs: dict[int, tuple[int, slice]] = {}  # of independent dimensions: the axis of the result, the indices
    for dim, index in enumerate(indices):
        axes = _varying(index)
        if len(axes) == 1 and not any(axes & _varying(other) for other in indices[:dim] + indices[dim + 1 :]):
            run = _as_slice(index.reshape(-1), reader.shape[dim])
            if run is not None:
                runs[dim] = axes.pop(), run
    if len(runs) == len(indices):
        runs.popitem()
    run_axes = tuple(axis for axis, _ in runs.values())
    run_shape = tuple(shape[axis] for axis in run_axes)
    dims = [dim for dim in range(len(indices)) if dim not in runs]

    points = tuple(indices[dim].squeeze(run_axes) for dim in dims)
    point_shape, pieces = pointwise(
        points,
        [reader.shape[dim] for dim in dims],
        [reader.chunks[dim] for dim in dims],
        max(1, MAX_POINT_BOX // max(1, math.prod(run_shape))),
    )
    out = np.empty((math.prod(point_shape), *run_shape), reader.dtype)
    # numpy puts the axis of the points where their dimensions are if these are neighbours, else first.
    at = dims[0] if dims[-1] - dims[0] == len(dims) - 1 else 0

    def merged(of_points: Sequence[Any], of_runs: Sequence[Any]) -> tuple[Any, ...]:
        both = dict(zip(dims, of_points, strict=True)) | dict(zip(runs, of_runs, strict=True))
        return tuple(both[dim] for dim in range(len(indices)))

    whole = [slice(None)] * len(runs)
    slices = [run for _, run in runs.values()]
    _read_pieces(
        reader,
        ((merged(key, slices), (*whole[:at], places), merged(take, whole)) for key, places, take in pieces),
        np.moveaxis(out, 0, at),
    )
    axes_of_out = [axis for axis in range(len(shape)) if axis not in run_axes] + list(run_axes)
    return out.reshape(point_shape + run_shape).transpose(np.argsort(axes_of_out))


def _varying(index: npt.NDArray[np.intp]) -> set[int]:
    return {axis for axis, extent in enumerate(index.shape) if extent != 1}


def _as_slice(index: npt.NDArray[np.intp], size: int) -> slice | None:
    """Evenly spaced indices as a slice."""
    steps = np.diff(index)
    if len(steps) == 0 or steps[0] == 0 or np.any(steps != steps[0]) or index.min() < 0 or index.max() >= size:
        return None
    stop = int(index[-1] + steps[0])
    return slice(int(index[0]), stop if stop >= 0 else None, int(steps[0]))


# --- sources ----------------------------------------------------------------------------------------------------------


def _open(source: Any, storage_options: dict[str, Any] | None, group: str | None) -> OmFileReader:
    if isinstance(source, OmFileReader):
        root = copy.copy(source)
    else:
        root = OmFileReader(source, storage_options=storage_options)
    path = (group or "").strip("/")
    if not path:
        return root
    with root:
        child = root[path]
    if not child.is_group:
        raise ValueError(f"{path!r} is no group but {child!r}")
    return child


def _path_of(source: Any) -> str:
    """The path or URL of a source, or an empty string."""
    if isinstance(source, tuple):
        source = source[-1]
    for path in (source, getattr(source, "path", None), getattr(source, "name", None)):
        if isinstance(path, (str, os.PathLike)):
            text = os.fsdecode(path)
            return re.split(r"[?#]", text)[0] if "://" in text else text
    return ""


def _name_from_path(source: Any) -> str:
    """What to call an array without a name: as its file, or as its folder where files are parts of a series."""
    *folders, file = [part for part in re.split(r"[/\\]", _path_of(source)) if part] or [""]
    if folders and re.match("(chunk|year|master)_", file):
        return folders[-1]
    return os.path.splitext(file)[0] or "data"


def _is_om(source: Any) -> bool:
    if _path_of(source).lower().endswith(".om"):
        return True  # without a request to a store
    try:
        return _first_bytes(source) in MAGIC
    except OSError:  # others may be able to open it
        return False


def _first_bytes(source: Any) -> bytes:
    """The first three bytes of a local or an open file, or of its content."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source[:3])
    if isinstance(source, (str, os.PathLike)):
        if "://" in os.fsdecode(source) or not os.path.isfile(source):
            return b""
        with open(source, "rb") as file:
            return file.read(3)
    if callable(getattr(source, "read", None)) and callable(getattr(source, "seek", None)):
        position = source.tell()
        source.seek(0)
        head = source.read(3)
        source.seek(position)
        return bytes(head) if isinstance(head, bytes) else b""
    return b""
