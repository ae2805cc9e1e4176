# SPDX-License-Identifier: MIT
"""Writing datasets and trees of datasets."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Collection, Hashable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import xarray
from xarray.conventions import CF_RELATED_DATA, encode_cf_variable
from xarray.indexes import PandasMultiIndex

from omfiles._datasets.attrs import (
    BYTES,
    COORDINATE,
    DEGREES,
    EMPTY,
    GRID_INDEX,
    MISSING,
    ROLE,
    TEXT,
    Empty,
    characters,
    pack_attrs,
)
from omfiles._stores.paths import expand_user
from omfiles._writing.array_spec import (
    DIMENSION_KEY,
    EXACT,
    ArraySpec,
    check_compression,
    encode_name,
    naming,
    native_dtype,
    scale_for,
)
from omfiles._writing.steps import OffStepsError, on_steps, require_steps
from omfiles._writing.writer import OmFileWriter, OmWriterVariable
from omfiles._xarray.degrees import DegreesIndex
from omfiles._xarray.selection import GridIndex
from omfiles._xarray.storable import storable

__all__ = ["OmAccessor", "write_dataset"]

SCALING = ("scale_factor", "add_offset", "compression")
WISHES = ("precision", *SCALING)
TIME = ("units", "calendar")
TRANSLATIONS = {
    ("chunksizes", "contiguous", "shards", "preferred_chunks"): "chunks=(24, 10, 10) are the extents of a chunk",
    (
        "zlib",
        "complevel",
        "shuffle",
        "fletcher32",
        "szip",
        "zstd",
        "blosc",
        "compressor",
        "compressors",
        "filters",
    ): "all is compressed; compression= is the name of a method",
    ("least_significant_digit", "significant_digits", "quantize_mode"): "precision=0.01 keeps steps of 0.01",
}
"""What encodings of NetCDF and Zarr are here."""
PACKING = ("scale_factor", "add_offset", "_FillValue", "missing_value")
"""Of the CF conventions: what makes floats of integers."""
LOSSLESS: dict[str, Any] = {"scale_factor": 1.0, "add_offset": 0.0, "compression": EXACT}
PACKED_ROUNDING = 4
"""Units in the last place that arithmetic of packed values may differ by; see `on_steps`."""
CF = (*TIME, "dtype", "_FillValue", "missing_value", "_Unsigned")
UNNAMED = "__values__"  # which is what xarray opens as None


def write_dataset(
    ds: xarray.Dataset | xarray.DataTree,
    target: Any,
    *,
    encoding: Mapping[str, Mapping[str, Any]] | None = None,
    chunks: Mapping[Any, int] | None = None,
    scale_factor: float | None = None,
    add_offset: float | None = None,
    compression: str | None = None,
    precision: float | None = None,
    overflow: str = "raise",
    fs: Any = None,
    storage_options: Mapping[str, Any] | None = None,
    compute: bool = True,
    on_unsupported: str = "warn",
) -> Any:
    """Write a dataset, or a tree of them, to a file that opens again as an identical one.

    Unless told otherwise nothing is lost: floats are compressed by ``"fpx_xor_2d"``. With a `precision` they are
    rounded to multiples of it, which takes far less space. Times become integers as the CF conventions have
    them. The selection by latitude and longitude on grids of Open-Meteo is kept, other indexes than those of pandas are
    not. What is in dask arrays is compressed in parallel by the scheduler in use, one variable after another, see
    `omfiles.dask.write_dask_array`; it need not fit in memory.

    Parameters
    ----------
    ds : xarray.Dataset or xarray.DataTree
        Numbers, bool, times and time differences, str and bytes; float16 becomes float32. Objects, and types of
        pandas, become the type that holds all values, where missing ones are NaN. Groups of a tree become groups.
    target : str, os.PathLike, fsspec.core.OpenFile or UPath
        The file to write: a path, or a URL of any fsspec protocol. It appears when it is complete; an older file stays
        if that fails.
    encoding : mapping, optional
        For single variables, by name (in a tree by path, such as ``"forecast/t2m"``): a mapping which may have

        - ``chunks``: extents of a chunk of the file, or ``"auto"``
        - ``precision``, or ``scale_factor`` and ``add_offset``, and ``compression``: as for `OmFileWriter.write_array`
        - ``units``, ``calendar``: of times, such as ``"hours since 1970-01-01"``
        - ``dtype``, ``_FillValue``, ``missing_value``, ``_Unsigned``: of numbers, as in the CF conventions
    chunks : mapping of dimension to int, optional
        Extents of chunks of all variables that have the dimension; along dimensions that are not mentioned a variable
        which has one of these is not split. The first that applies counts: `encoding`; this; what ``var.encoding``
        has as ``om_chunks``, when `ds` was read from an OM file; ``"auto"``.
    precision, scale_factor, add_offset, compression : optional
        For the float data variables (not coordinates). `encoding` goes before. Without both, what
        `var.encoding` says as ``om_scale_factor``, ``om_add_offset`` and ``om_compression`` counts, or as packing by
        the CF conventions, as long as all values are on these steps.
    overflow : {"raise", "clip", "nan"}
        What becomes of floats that are too large for their scale, as for `OmFileWriter.write_array`.
    fs : fsspec.spec.AbstractFileSystem, optional
        The filesystem of which `target` is a path.
    storage_options : mapping, optional
        For the filesystem of a URL.
    compute : bool
        False returns a `dask.delayed.Delayed` which writes the file when it is computed; on a cluster that happens on
        a worker.
    on_unsupported : {"warn", "raise"}
        What becomes of variables and attributes that cannot be stored. With "warn" they are left out, slashes in names
        become dots, and blanks in names of dimensions become underscores; one warning names all of them.

    Returns
    -------
    None or dask.delayed.Delayed

    Warns
    -----
    UserWarning
        Values are no longer on the steps of the file that they come from, and are stored exactly.

    Raises
    ------
    ValueError, TypeError
        With ``on_unsupported="raise"``, something cannot be stored: values of other types, names with a slash,
        names of dimensions that are not str or contain white space, attributes of other types than numbers, str,
        bool, None, and lists and one-dimensional arrays of these. The message names the variable.
    NotImplementedError
        A variable has a `pandas.MultiIndex`.

    Examples
    --------
    >>> import numpy as np, xarray
    >>> from omfiles.xarray import write_dataset
    >>> t2m = xarray.DataArray(
    ...     np.linspace(250, 300, 24, dtype=np.float32).reshape(2, 3, 4),
    ...     {"time": np.array(["2026-11-01", "2026-11-02"], "M8[ns]"), "lat": [50.0, 51.0, 52.0]},
    ...     dims=("time", "lat", "lon"),
    ...     attrs={"units": "K"},
    ... )
    >>> ds = xarray.Dataset({"t2m": t2m})
    >>> write_dataset(ds, "t2m.om")
    >>> xarray.testing.assert_identical(xarray.open_dataset("t2m.om", engine="om"), ds)

    The same through the accessor, rounded to a tenth:

    >>> ds.om.to_om("small.om", encoding={"t2m": {"precision": 0.1, "compression": "pfor_delta_2d_int16"}})
    >>> float(abs(xarray.open_dataset("small.om", engine="om").t2m - ds.t2m).max()) < 0.0501
    True
    """
    write = functools.partial(
        _write,
        ds,
        target,
        encoding=_mapping({} if encoding is None else encoding, "encoding"),
        chunks=_mapping({} if chunks is None else chunks, "chunks"),
        scaling={
            name: value
            for name, value in zip(WISHES, (precision, scale_factor, add_offset, compression))
            if value is not None
        },
        overflow=overflow,
        on_unsupported=on_unsupported,
        fs=fs,
        storage_options=storage_options,
    )
    if on_unsupported not in ("warn", "raise"):
        raise ValueError(f"on_unsupported must be 'warn' or 'raise', not {on_unsupported!r}")
    if compute:
        return write()
    from dask.delayed import delayed

    return delayed(write, pure=False)()


class OmAccessor:
    """What ``import omfiles.xarray`` adds to datasets and trees as ``ds.om``.

    Parameters
    ----------
    ds : xarray.Dataset or xarray.DataTree
        To be written.
    """

    def __init__(self, ds: xarray.Dataset | xarray.DataTree) -> None:
        self._ds = ds

    def to_om(self, target: Any, **options: Any) -> Any:
        """Write the dataset, or the tree, to a file: ``write_dataset(ds, target, **options)``."""
        return write_dataset(self._ds, target, **options)


xarray.register_dataset_accessor("om")(OmAccessor)
xarray.register_datatree_accessor("om")(OmAccessor)


class _Item(NamedTuple):
    """A variable, ready to be written."""

    path: str
    name: str
    data: Any
    encoding: dict[str, Any]  # of an array: arguments of `write_array`; empty for a scalar
    attrs: dict[str, Any]
    is_coordinate: bool
    steps: ArraySpec | None = None
    """Keeps the values of a dask array if they are on its steps; nobody has looked yet."""
    rounding: int = 0


class _Group(NamedTuple):
    """A dataset, ready to be written."""

    name: str
    items: list[_Item]
    groups: list[_Group]
    attrs: dict[str, Any]


def _write(
    ds: xarray.Dataset | xarray.DataTree,
    target: Any,
    *,
    fs: Any,
    storage_options: Mapping[str, Any] | None,
    **options: Any,
) -> None:
    if not isinstance(ds, (xarray.Dataset, xarray.DataTree)):
        raise TypeError(f"an xarray.Dataset or DataTree can be written, not {type(ds).__name__}; to_dataset() may help")
    planner = _Planner(**options)
    root = planner.group("", "", ds)
    planner.check_names()
    if planner.left_out:
        warnings.warn(f"not all can be stored as it is: {'; '.join(planner.left_out)}", stacklevel=3)
    if fs is None:
        writer = OmFileWriter(expand_user(target), storage_options=storage_options)
    else:
        writer = OmFileWriter.from_fsspec(fs, target)
    with writer:
        writer.close(_write_group(writer, root, planner.off_steps))
    if planner.off_steps:
        warnings.warn(
            f"{', '.join(map(repr, planner.off_steps))}: stored exactly, which takes more space. The values are not on "
            "the steps that the scale in `encoding` of the file they come from has. precision= would round them",
            stacklevel=3,
        )


def _write_group(writer: OmFileWriter, group: _Group, off_steps: list[str]) -> OmWriterVariable:
    # Coordinates come last, close to the metadata at the end of the file: who opens it mostly needs both.
    ordered = sorted(group.items, key=lambda item: item.is_coordinate)
    handles = {item.name: _write_item(writer, item, off_steps) for item in ordered}
    children = [handles[item.name] for item in group.items]
    children += [_write_group(writer, below, off_steps) for below in group.groups]
    return writer.write_group(group.name, children, attrs=group.attrs)


def _write_item(writer: OmFileWriter, item: _Item, off_steps: list[str]) -> OmWriterVariable:
    if not item.encoding:
        attrs = [writer.write_scalar(value, name) for name, value in item.attrs.items()]
        return writer.write_scalar(item.data, item.name, attrs)
    if isinstance(item.data, np.ndarray):
        return writer.write_array(item.data, name=item.name, attrs=item.attrs, **item.encoding)
    from omfiles.dask import write_dask_array

    if item.steps is None:
        return write_dask_array(writer, item.data, name=item.name, attrs=item.attrs, **item.encoding)
    checked = item.data.map_blocks(
        require_steps, item.steps, item.rounding, dtype=item.data.dtype, meta=item.data._meta
    )
    try:
        return write_dask_array(writer, checked, name=item.name, attrs=item.attrs, **item.encoding)
    except OffStepsError:  # the first blocks may be computed again, and are in the file for nothing
        off_steps.append(item.path)
        return _write_item(writer, item._replace(steps=None, encoding=item.encoding | LOSSLESS), off_steps)


class _Planner:
    """Decides how everything is written, before anything is."""

    def __init__(
        self,
        encoding: Mapping[str, Mapping[str, Any]],
        chunks: Mapping[Any, int],
        scaling: Mapping[str, Any],
        overflow: str,
        on_unsupported: str,
    ) -> None:
        self.left_out: list[str] = []
        """What is not in the file as it was, and why."""
        self._strict = on_unsupported == "raise"
        self._encoding = encoding
        self._chunks = chunks if self._strict else {_without_blanks(dim): size for dim, size in chunks.items()}
        self._scaling = scaling
        self._overflow = overflow
        self.off_steps: list[str] = []
        """Variables that no longer have values as their encoding says."""
        self._paths: set[str] = set()
        self._dims: set[str] = set()

    def group(self, name: str, path: str, ds: xarray.Dataset | xarray.DataTree) -> _Group:
        """Plan a dataset, or a node of a tree and all below; `path` is empty, or ends with a slash."""
        below: Mapping[str, xarray.DataTree] = {}
        if isinstance(ds, xarray.DataTree):
            below, ds = ds.children, ds.to_dataset(inherit=False)
        renamed = {} if self._strict else _renamed(ds)
        for before, after in renamed.items():
            self.left_out.append(f"{path + before!r} is called {after!r}")
        given: dict[Any, str] = {after: before for before, after in renamed.items()}
        ds = ds.rename(renamed)
        planned = [self._item(path, ds, variable, given.get(variable, variable)) for variable in ds.variables]
        items = [item for item in planned if item is not None]
        groups = [self.group(child, f"{path}{child}/", node) for child, node in below.items()]
        with naming(f"group {path!r}" if path else "the dataset"):
            encode_name(name, "its name")
            leave_out = functools.partial(self._leave_out, f"group {path!r}" if path else "the dataset")
            attrs = pack_attrs(ds.attrs, [*map(str, ds.variables), *below], leave_out)
            return _Group(name, items, groups, attrs)

    def _leave_out(self, what: str, error: Exception) -> None:
        if self._strict:
            raise error
        self.left_out.append(f"{what}: {error}")

    def check_names(self) -> None:
        """Refuse what is meant for no variable or no dimension, after all were planned."""
        for path in self._encoding:
            if path not in self._paths:
                raise ValueError(f"encoding is for the variable {path!r}, but there are only {sorted(self._paths)}")
        for dim in self._chunks:
            if dim not in self._dims:
                raise ValueError(f"chunks are for the dimension {dim!r}, but there are only {sorted(self._dims)}")

    def _item(self, path: str, ds: xarray.Dataset, name: Any, given_name: Any) -> _Item | None:
        path += str(given_name)
        self._paths.add(path)
        var = ds.variables[name]
        is_coordinate = name in ds.coords
        with naming(f"variable {path!r}"):
            stored_name = _stored_name(name)
            _check_dims(var)
            self._dims.update(map(str, var.dims))
            index = ds.xindexes.get(name)
            if isinstance(index, PandasMultiIndex):
                raise NotImplementedError(
                    f"variable {path!r}: a MultiIndex cannot be stored; ds.reset_index({name!r}) makes plain variables "
                    "of it"
                )
            own = dict(_mapping(self._encoding.get(path, {}), "its encoding"))
            cf = {key: own.pop(key) for key in CF if key in own}
            leave_out = functools.partial(self._leave_out, f"variable {path!r}")
            try:
                encoded, roles = _encoded(storable(var, path), cf, ds)
            except (TypeError, ValueError) as error:
                if own or cf:
                    raise
                self._leave_out(f"variable {path!r} is left out", error)
                return None
            if is_coordinate and var.dims != (name,):
                roles.append(COORDINATE)
            if isinstance(index, DegreesIndex):
                roles.append(DEGREES)
            attrs = pack_attrs(encoded.attrs, leave_out=leave_out)
            if roles:
                attrs[ROLE] = " ".join(roles)
            if isinstance(index, GridIndex) and name == index.names[0]:
                attrs[GRID_INDEX] = index.description()
            if encoded.size == 0:
                attrs[EMPTY] = Empty(encoded.dtype.str, [*map(str, encoded.dims)], list(encoded.shape)).note()
                return _Item(path, stored_name, "", {}, {**attrs, DIMENSION_KEY: ""}, is_coordinate)
            if encoded.ndim == 0:
                value: Any = encoded.to_numpy()[()]
                if not isinstance(value, str):
                    native_dtype(encoded.dtype)
                return _Item(path, stored_name, value, {}, {**attrs, DIMENSION_KEY: ""}, is_coordinate)
            encoding = {
                "chunks": self._chunk_lengths(own.pop("chunks", None), var, encoded),
                "overflow": self._overflow,
                **_scaling(encoded, {} if is_coordinate else self._scaling, own),
            }
            spec = ArraySpec(name=stored_name, shape=encoded.shape, dtype=encoded.dtype, **encoding)  # checks them
            data = encoded.to_numpy() if encoded.chunks is None else encoded.data
            steps, rounding = None, 0
            if encoded.dtype.kind == "f" and not own and not cf and (is_coordinate or not self._scaling):
                steps, rounding = _former_steps(var, spec)
            if steps is not None and isinstance(data, np.ndarray):
                if on_steps(steps, data, rounding):
                    spec = steps
                else:
                    self.off_steps.append(path)
                steps = None
            encoding |= {key: getattr(steps or spec, key) for key in SCALING}
            encoding["dims"] = encoded.dims
            return _Item(path, stored_name, data, encoding, attrs, is_coordinate, steps, rounding)

    def _chunk_lengths(self, given: Any, var: xarray.Variable, encoded: xarray.Variable) -> Any:
        if given is not None:
            return given
        if any(dim in self._chunks for dim in encoded.dims):
            return [self._chunks.get(dim, size) for dim, size in encoded.sizes.items()]
        before = var.encoding.get("om_chunks")
        if isinstance(before, Mapping) and before.keys() == set(encoded.dims):
            return [before[dim] for dim in encoded.dims]
        return "auto"


def _mapping(value: Any, what: str) -> Mapping[Any, Any]:
    if not isinstance(value, Mapping):
        raise TypeError(f"{what} must be a mapping, not {value!r}")
    return value


def _stored_name(name: Any) -> str:
    if name is None:
        return UNNAMED
    if not isinstance(name, str):
        raise TypeError(f"its name must be a string or None, not {name!r}")
    encode_name(name, "its name")
    if "/" in name:
        raise ValueError("its name must not contain a slash")
    return name


def _renamed(ds: xarray.Dataset) -> dict[str, str]:
    """New names for variables and dimensions whose names cannot be stored, by the old ones."""
    names = [name for name in (*ds.variables, *ds.dims) if isinstance(name, str)]
    new = {name: (_without_blanks(name) if name in ds.dims else name).replace("/", ".") for name in names}
    return {name: other for name, other in new.items() if other != name and [*new.values()].count(other) == 1}


def _without_blanks(dim: Any) -> Any:
    return "_".join(dim.split()) or dim if isinstance(dim, str) else dim


def _check_dims(var: xarray.Variable) -> None:
    for dim in var.dims:
        if not isinstance(dim, str) or dim.split() != [dim]:
            raise ValueError(f"dimensions must have names without white space, but one has {dim!r}")
    if len(set(var.dims)) < var.ndim:
        raise ValueError(f"dimensions must have different names, but these are {var.dims}")


def _encoded(var: xarray.Variable, cf: Mapping[str, Any], ds: xarray.Dataset) -> tuple[xarray.Variable, list[str]]:
    """Turn a variable into one of numbers as the CF conventions have it, or of characters; return its roles too.

    `cf` is its encoding, as far as that was asked for. Text and bytes without elements stay as they are.
    """
    roles = [name for name in CF_RELATED_DATA if name in var.encoding and name not in var.attrs]
    kept = [*roles, *(["coordinates"] if _lists_coordinates(var, ds) else [])]
    if kept:
        var = var.copy(deep=False)
        var.attrs |= {name: var.encoding[name] for name in kept}
    if var.dtype.kind in "fiu":
        return _cf_encoded(var, cf) if cf else var, roles
    if var.dtype.kind == "b":
        return _cf_encoded(var, cf), roles
    var = var.compute()  # text and times are small; xarray cannot encode all of them in dask arrays
    if var.size == 0 and var.dtype.kind in "OSU":
        return var, roles
    first = next((value for value in var.to_numpy().flat if isinstance(value, str | bytes)), None)
    if first is None:
        return _cf_encoded(var, cf), roles
    if var.ndim == 0 and isinstance(first, str):
        return xarray.Variable((), str(first), var.attrs), roles
    encoded, missing = _characters(var, TEXT if isinstance(first, str) else BYTES, ds.dims)
    return encoded, [TEXT if isinstance(first, str) else BYTES, *([MISSING] if missing else []), *roles]


def _lists_coordinates(var: xarray.Variable, ds: xarray.Dataset) -> bool:
    """Whether its encoding lists coordinates, and such as there still are."""
    listed = var.encoding.get("coordinates")
    return isinstance(listed, str) and "coordinates" not in var.attrs and set(listed.split()) <= set(ds.coords)


def _characters(var: xarray.Variable, role: str, taken: Collection[Hashable]) -> tuple[xarray.Variable, bool]:
    """Make characters of text or bytes, along a dimension of which the name is not among those that are taken."""
    encoding = str(var.encoding.get("_Encoding", "utf-8"))
    attrs = var.attrs if encoding == "utf-8" else {**var.attrs, "_Encoding": encoding}
    try:
        data, missing = characters(var.to_numpy(), encoding)
    except (LookupError, UnicodeEncodeError):  # of the encoding that other values had
        attrs = var.attrs
        data, missing = characters(var.to_numpy())
    dim = f"{role}{data.shape[-1]}"
    while dim in taken:
        dim = f"_{dim}"
    return xarray.Variable((*var.dims, dim), data, attrs), missing


def _cf_encoded(var: xarray.Variable, cf: Mapping[str, Any]) -> xarray.Variable:
    """Encode numbers as `cf` says, times, time differences, and bool."""
    encoding = dict(cf)
    if var.dtype.kind in "mMO":
        encoding = {**{key: var.encoding[key] for key in TIME if key in var.encoding}, **cf}
        if encoding and var.dtype.kind in "mM":
            encoding.setdefault("dtype", "int64")  # in finer units if these would not do: xarray warns
    return encode_cf_variable(xarray.Variable(var.dims, var.data, var.attrs, encoding))


def _scaling(encoded: xarray.Variable, general: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Choose compression and scale: by what is said of all variables, and of this one."""
    unknown = sorted(set(own) - set(WISHES))
    if unknown:
        hints = [hint for keys, hint in TRANSLATIONS.items() if set(keys) & set(unknown)]
        known = f"encoding has {unknown}, but may have only {['chunks', *WISHES, *CF]}"
        raise ValueError("; ".join([known, *hints]))
    general, own = _with_scale(general), _with_scale(own)
    if encoded.dtype.kind != "f":
        if "scale_factor" in own or "add_offset" in own:
            raise ValueError(
                f"scale_factor and add_offset are for floats, as precision is, but it is stored as {encoded.dtype}. "
                "NetCDF's scale_factor=0.01 with an integer as dtype is precision=0.01 here, and no dtype"
            )
        return {"scale_factor": 1.0, "add_offset": 0.0, "compression": "pfor_delta_2d", **own}
    given = {**general, **own}
    compression = given.get("compression", EXACT)
    check_compression(compression)
    if not given.keys() & {"scale_factor", "add_offset"} and compression != EXACT:
        raise ValueError(f"{compression} rounds floats to steps: give precision= as well, such as 0.01")
    return LOSSLESS | {"compression": "pfor_delta_2d" if given else EXACT} | given


def _with_scale(wishes: Mapping[str, Any]) -> dict[str, Any]:
    """Put a scale in the place of a precision."""
    scaled = dict(wishes)
    if "precision" in scaled:
        if "scale_factor" in scaled:
            raise ValueError("precision and scale_factor say the same, so only one of them can be given")
        scaled["scale_factor"] = scale_for(scaled.pop("precision"), scaled.get("compression", "pfor_delta_2d"))
    return scaled


def _former_steps(var: xarray.Variable, spec: ArraySpec) -> tuple[ArraySpec | None, int]:
    """Return steps that the values had in the file they come from, and by how much rounding may differ.

    They may have been changed since. An OM file had steps of floats of the same type. Another one had integers, with
    scale and offset of the CF conventions.
    """
    before = var.encoding
    former = {name: before[f"om_{name}"] for name in SCALING if f"om_{name}" in before}
    try:
        stored = np.dtype(before["dtype"])
        if stored.kind in "iu" and before.keys() & PACKING:
            return replace(spec, **_steps_of_packing(before), compression="pfor_delta_2d"), PACKED_ROUNDING
        if stored == spec.dtype and len(former) == len(SCALING) and not before.keys() & {"scale_factor", "add_offset"}:
            steps = replace(spec, **former)
            return None if steps.compression == EXACT else steps, 0
    except (KeyError, ValueError, TypeError, OverflowError, ZeroDivisionError):  # no steps that the format has
        pass
    return None, 0


def _steps_of_packing(encoding: Mapping[str, Any]) -> dict[str, Any]:
    """Translate ``packed * scale_factor + add_offset`` of the CF conventions."""
    step = float(np.asarray(encoding.get("scale_factor", 1)).item())
    # Scales are float32, which holds integers exactly: so steps of 0.3 become a third of that.
    scales = (n / step for n in range(1, 11))
    near = (round(scale) for scale in scales if abs(scale - round(scale)) <= np.finfo("f4").eps * abs(scale))
    scale = next(near, 1 / step)
    return {"scale_factor": scale, "add_offset": -float(np.asarray(encoding.get("add_offset", 0)).item())}
