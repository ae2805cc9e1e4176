# SPDX-License-Identifier: MIT
"""OM files as stores of zarr 3, for whatever reads zarr: ``zarr.open_group(OmStore("file.om"), mode="r")``.

The store makes up what is asked for: the ``zarr.json`` documents from the records of the file, and the chunks, which it
decodes. So zarr needs no codec, and sees arrays of plain bytes whose chunks are all of one shape.
"""

from __future__ import annotations

import asyncio
import base64
import copy
import json
import re
import struct
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from itertools import product
from typing import Any, NamedTuple, Self

import numpy as np

try:
    from zarr.abc.buffer import Buffer, BufferPrototype
    from zarr.abc.store import ByteRequest, OffsetByteRequest, RangeByteRequest, Store, SuffixByteRequest
except ModuleNotFoundError as error:
    if error.name not in ("zarr", "zarr.abc"):
        raise
    raise ImportError("omfiles.zarr needs zarr 3: pip install 'omfiles[zarr]'", name="zarr") from error

from omfiles._chunk_grid import PREFERRED_BYTES, Shape, grid, preferred_chunks
from omfiles._datasets.attrs import COORDINATE, DEGREES, GRID_INDEX, ROLE
from omfiles._datasets.hierarchy import (
    FileVariable,
    assign_names,
    attributes,
    collect_variables,
    dimensions,
    unique,
)
from omfiles._native.result_limit import require_size
from omfiles._reading.read_arrays import read_together_async
from omfiles._reading.reader import OmFileReader
from omfiles._stores.paths import name_from_path, path_of
from omfiles._writing.array_spec import DIMENSION_KEY

__all__ = ["OmStore"]


class OmStore(Store):
    r"""A read-only zarr store over an OM file.

    The root of the store is a group, also where the root of the file is an array, so that ``xarray.open_zarr`` can open
    every file. An array without a name goes by that of its file. Arrays and groups below an array lie beside it, as
    zarr's arrays have no members. Scalars are attributes, and the ``coordinates`` of an array name its dimensions;
    what `omfiles.xarray.write_dataset` wrote is opened by ``xarray.open_zarr`` as the same dataset, except that text
    with dimensions stays an array of its bytes. ``/`` and ``\`` in names become ``.``, and a number is added to the
    name of an array that is taken.

    Parameters
    ----------
    source : object
        Whatever `omfiles.OmFileReader` takes, such as a path or a URL; or an `omfiles.OmFileReader`.
    storage_options : mapping, optional
        For the filesystem of a URL.
    chunk_bytes : int
        A chunk of zarr is made of whole neighbouring chunks of the file, up to this size, 32 MiB by default: right for
        tasks of dask. What reads single points wants less, and 0 gives the chunks of the file.

    Raises
    ------
    OmFormatError, OSError
        As `omfiles.OmFileReader`. The store is opened, and its listing read, when it is made.

    Examples
    --------
    >>> import numpy as np, omfiles, zarr
    >>> from omfiles.zarr import OmStore
    >>> rain = np.arange(15, dtype="f4").reshape(3, 5)
    >>> omfiles.save("rain.om", rain, chunks=(2, 2), name="rain", attrs={"units": "mm"}, dims=("lat", "lon"))
    >>> group = zarr.open_group(OmStore("rain.om"), mode="r")
    >>> group["rain"][1:, ::2]
    array([[ 5.,  7.,  9.],
           [10., 12., 14.]], dtype=float32)
    >>> group["rain"].attrs["units"], group["rain"].metadata.dimension_names
    ('mm', ('lat', 'lon'))
    """

    supports_writes = False
    supports_deletes = False
    supports_listing = True

    def __init__(
        self,
        source: Any,
        *,
        storage_options: Mapping[str, Any] | None = None,
        chunk_bytes: int = PREFERRED_BYTES,
    ) -> None:
        if isinstance(source, OmFileReader):
            root = copy.copy(source)
        else:
            root = OmFileReader(source, storage_options=storage_options)
        self._set_up(root, path_of(source), chunk_bytes)

    def _set_up(self, root: OmFileReader, path: str, chunk_bytes: int) -> None:
        super().__init__(read_only=True)
        self._root = root
        self._path = path
        self._chunk_bytes = chunk_bytes
        contents = _Contents(root, name_from_path(path), chunk_bytes)
        self._arrays = contents.arrays
        below = {path: node for path, node in contents.metadata.items() if path}
        consolidated = {"kind": "inline", "must_understand": False, "metadata": below}
        contents.metadata[""]["consolidated_metadata"] = consolidated
        self._small_values = contents.values
        for path, node in contents.metadata.items():
            self._small_values[f"{path}/zarr.json".lstrip("/")] = json.dumps(node).encode()

    @classmethod
    async def open(cls, *args: Any, **kwargs: Any) -> Self:
        """Make a store, whose parameters are passed, without blocking the event loop."""
        store = await asyncio.to_thread(cls, *args, **kwargs)
        await store._open()
        return store

    @classmethod
    def _restore(cls, *state: Any) -> Self:
        self = cls.__new__(cls)
        self._set_up(*state)
        return self

    def __reduce__(self) -> Any:
        return self._restore, (self._root, self._path, self._chunk_bytes)

    def close(self) -> None:
        """Close the store and its readers. A reader that was passed stays open."""
        super().close()
        self._root.close()
        for array in self._arrays.values():
            array.reader.close()

    def __eq__(self, other: object) -> bool:
        try:
            return self is other or (isinstance(other, OmStore) and self._origin() == other._origin())
        except TypeError:  # open file objects have none
            return False

    def _origin(self) -> tuple[Any, ...]:
        return self._root._origin(), self._chunk_bytes

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._path or self._root!r})"

    # --- reading ------------------------------------------------------------------------------------------------

    async def get(self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None) -> Buffer | None:
        """Return a document or a decoded chunk, or part of it; None if there is no such key."""
        if key in self._small_values:
            content: bytes | memoryview = self._small_values[key]
        else:
            found = self._find(key)
            if found is None:
                return None
            content = await found[0].read(found[1])
        return prototype.buffer.from_bytes(content[_part(byte_range)])

    async def get_partial_values(
        self, prototype: BufferPrototype, key_ranges: Iterable[tuple[str, ByteRequest | None]]
    ) -> list[Buffer | None]:
        """Do what `get` does for several keys at once."""
        return await asyncio.gather(*(self.get(key, prototype, byte_range) for key, byte_range in key_ranges))

    async def exists(self, key: str) -> bool:
        """Whether there is such a key. Nothing is read."""
        return key in self._small_values or self._find(key) is not None

    async def getsize(self, key: str) -> int:
        """Return the bytes of a value. Nothing is read."""
        if key in self._small_values:
            return len(self._small_values[key])
        found = self._find(key)
        if found is None:
            raise FileNotFoundError(key)
        return found[0].chunk_nbytes

    def _find(self, key: str) -> tuple[_ZarrArray, Shape] | None:
        """The array and the index in its grid of a chunk's key, such as ``a/c/0/3``."""
        path, _, index = key.rpartition("/c/")
        array = self._arrays.get(path)
        if array is None:
            return None
        cell = tuple(int(number) for number in index.split("/") if number.isdecimal())
        inside = len(cell) == len(array.grid) and all(map(int.__lt__, cell, array.grid))
        return (array, cell) if inside and "/".join(map(str, cell)) == index else None

    # --- listing ------------------------------------------------------------------------------------------------

    async def list(self) -> AsyncIterator[str]:
        """List all keys."""
        for key in self._keys(""):
            yield key

    async def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        """List all keys that begin so."""
        for key in self._keys(prefix):
            yield key

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """List what is directly below a path: names of keys, and of folders."""
        folder = f"{prefix.rstrip('/')}/" if prefix else ""
        names = (key[len(folder) :].partition("/")[0] for key in self._keys(folder, whole=False))
        for name in dict.fromkeys(names):
            yield name

    def _keys(self, prefix: str, whole: bool = True) -> Iterator[str]:
        """Keys that begin so; if not `whole`, only the first of the chunks of an array below the folder `prefix`."""
        yield from (key for key in self._small_values if key.startswith(prefix))
        for path, array in self._arrays.items():
            chunks = f"{path}/c/"
            if not whole and chunks != prefix and chunks.startswith(prefix):
                yield f"{chunks}0"
            elif chunks.startswith(prefix) or prefix.startswith(chunks):
                cells = product(*map(range, array.grid))
                keys = (chunks + "/".join(map(str, cell)) for cell in cells)
                yield from (key for key in keys if key.startswith(prefix))

    # --- writing ------------------------------------------------------------------------------------------------

    async def set(self, key: str, value: Buffer) -> None:
        """Raise ValueError: OM files cannot be changed in place."""
        raise self._refusal()

    async def delete(self, key: str) -> None:
        """Raise ValueError: OM files cannot be changed in place."""
        raise self._refusal()

    def _refusal(self) -> ValueError:
        return ValueError(f"{self!r} is read-only: OM files are written once, by omfiles.OmFileWriter")


class _ZarrArray(NamedTuple):
    """An array as zarr sees it."""

    reader: OmFileReader
    chunks: Shape

    @property
    def grid(self) -> Shape:
        return grid(self.reader.shape, self.chunks)

    @property
    def chunk_nbytes(self) -> int:
        return int(np.prod(self.chunks, dtype=object)) * self.reader.dtype.itemsize

    async def read(self, cell: Shape) -> memoryview:
        """Decode a chunk of zarr. At the edge of the array it is filled up."""
        reader = self.reader
        start = tuple(map(int.__mul__, cell, self.chunks))
        stop = tuple(min(s + c, n) for s, c, n in zip(start, self.chunks, reader.shape, strict=True))
        selection = tuple(map(slice, start, stop))
        extent = tuple(map(int.__sub__, stop, start))
        require_size(self.chunks, reader.dtype.itemsize, reader.name)
        out = np.empty(self.chunks, reader.dtype)
        if extent != self.chunks:
            out.fill(np.nan if reader.dtype.kind == "f" else 0)
        part = out[tuple(map(slice, extent))]
        await read_together_async([(reader, selection, part)])
        return out.data.cast("B")


# --- metadata ---------------------------------------------------------------------------------------------------------


class _Contents:
    """A file as zarr sees it.

    Attributes
    ----------
    metadata : dict
        Of groups and arrays, by path; "" is the root.
    arrays : dict of str to _ZarrArray
        By path.
    values : dict of str to bytes
        Chunks of variables without dimensions, by key.
    """

    def __init__(self, root: OmFileReader, unnamed: str, chunk_bytes: int) -> None:
        self.metadata: dict[str, dict[str, Any]] = {}
        self.arrays: dict[str, _ZarrArray] = {}
        self.values: dict[str, bytes] = {}
        self._used = Counter[str]()
        groups, variables = collect_variables(root)
        named = assign_names(groups, [_with_fitting_dims(variable) for variable in variables], unnamed)
        dims = dimensions({(group, name): variable for group, own in named.items() for name, variable in own.items()})
        valid_paths = {path: _valid(path) for path in groups}
        for group in valid_paths.values():
            while group not in self.metadata:  # its name may have a slash
                self.metadata[group] = _group()
                group = group.rpartition("/")[0]
        for path, own in named.items():
            group = valid_paths[path]
            coordinates = []
            for name, variable in own.items():
                reader = variable.reader
                if reader.is_scalar:
                    coordinates.append(self._add_scalar(group, name, variable))
                    continue
                chunks = preferred_chunks(reader.shape, reader.chunks, reader.dtype.itemsize, chunk_bytes)
                metadata = _array(reader.dtype, reader.shape, chunks, dims[path, name], variable.attrs)
                added = self._add(group, name, metadata)
                self.arrays[added] = _ZarrArray(reader, chunks)
                coordinates.append(added)
            attrs = _for_json(attributes(groups[path]))
            auxiliary = [added.rpartition("/")[2] for added in coordinates if self._is_coordinate(added)]
            if auxiliary:
                attrs["coordinates"] = " ".join(auxiliary)  # as xarray and CF name them
            self.metadata[group]["attributes"] = attrs | self.metadata[group]["attributes"]

    def _add(self, group: str, name: str, metadata: dict[str, Any]) -> str:
        own = _valid(name.replace("/", ".")) or "_"
        path = unique(f"{group}/{own}".lstrip("/"), self.metadata, self._used)
        self.metadata[path] = metadata
        return path

    def _add_scalar(self, group: str, name: str, scalar: FileVariable) -> str:
        value = scalar.reader.read_scalar()
        dtype = np.dtype(str) if isinstance(value, str) else value.dtype
        path = self._add(group, name, _array(dtype, (), (), (), scalar.attrs))
        if isinstance(value, str):
            text = value.encode()
            self.values[f"{path}/c"] = struct.pack("<II", 1, len(text)) + text  # the codec vlen-utf8
        else:
            self.values[f"{path}/c"] = value.tobytes()
        return path

    def _is_coordinate(self, path: str) -> bool:
        """Whether a variable says so; it need not any more then."""
        attrs = self.metadata[path]["attributes"]
        attrs.pop(GRID_INDEX, None)  # which only we understand
        roles = str(attrs.get(ROLE, "")).split()
        if not roles or not all(role in (COORDINATE, DEGREES) or role in attrs for role in roles):
            return False
        del attrs[ROLE]
        return COORDINATE in roles and " " not in path


def _with_fitting_dims(variable: FileVariable) -> FileVariable:
    """Names that are not as many as dimensions stay an attribute."""
    if not variable.dims or len(variable.dims) == len(variable.reader.shape):
        return variable
    return variable._replace(dims=[], attrs=variable.attrs | {DIMENSION_KEY: " ".join(variable.dims)})


def _valid(path: str) -> str:
    """Make a path one of zarr: without backslashes, and without names that are only dots."""
    return re.sub(r"(^|/)(\.+)(?=/|$)", r"\1\2_", path.replace("\\", ".").strip("/"))


def _group() -> dict[str, Any]:
    return {"zarr_format": 3, "node_type": "group", "attributes": {}}


def _array(
    dtype: np.dtype[Any], shape: Shape, chunks: Shape, dims: tuple[str, ...], attrs: Mapping[str, Any]
) -> dict[str, Any]:
    plain = _for_json(attrs)
    if "_FillValue" in plain:
        plain |= _fill_value(dtype, plain.pop("_FillValue"))
    codec: dict[str, Any] = {"name": "bytes", "configuration": {"endian": sys.byteorder}}
    if dtype.kind == "U":
        codec = {"name": "vlen-utf8"}
    return {
        "zarr_format": 3,
        "node_type": "array",
        "shape": shape,
        "data_type": "string" if dtype.kind == "U" else dtype.name,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": chunks}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": {"f": "NaN", "U": ""}.get(dtype.kind, 0),
        "codecs": [codec],
        "attributes": plain,
        "dimension_names": dims,
    }


def _fill_value(dtype: np.dtype[Any], value: Any) -> dict[str, Any]:
    """The attribute as xarray keeps it in zarr format 3. It refuses what is no value of the array: that is left out."""
    try:
        if dtype.kind == "f":
            return {"_FillValue": base64.b64encode(struct.pack("<d", value)).decode()}
        if dtype.kind in "iu" and int(value) == value:
            return {"_FillValue": value}
    except (TypeError, ValueError, OverflowError, struct.error):
        pass
    return {}


def _for_json(attrs: Mapping[str, Any]) -> dict[str, Any]:
    """Make attributes such as JSON can hold. NaN and infinities are written as Python's json does, and zarr's."""
    return {name: getattr(value, "tolist", lambda v=value: v)() for name, value in attrs.items()}


def _part(byte_range: ByteRequest | None) -> slice:
    match byte_range:
        case None:
            return slice(None)
        case RangeByteRequest(start, end):
            return slice(start, end)
        case OffsetByteRequest(offset):
            return slice(offset, None)
        case SuffixByteRequest(suffix):
            return slice(-suffix if suffix else sys.maxsize, None)
    raise TypeError(f"Unexpected byte_range, got {byte_range!r}; it must be None or a request of zarr.abc.store")
