# SPDX-License-Identifier: MIT
"""Datasets of xarray from and to files of all formats. What is large goes through dask, part by part."""

from __future__ import annotations

import argparse
import errno
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from omfiles._chunk_grid import ArgumentError, auto_chunks, boxes, check_chunks, preferred_chunks
from omfiles._cli.common import USAGE, CommandError, atomic_output, check_free, require, storage_options
from omfiles._cli.encoding import EncodingOptions
from omfiles._cli.progress import Progress
from omfiles._stores.paths import is_url

if TYPE_CHECKING:
    import xarray

__all__ = ["FORMATS", "Data", "format_of", "open_data", "write_data"]

Data: TypeAlias = "xarray.Dataset | xarray.DataTree"

ENDINGS = {
    "om": ("om",),
    "netcdf": ("nc", "nc3", "nc4", "cdf", "netcdf", "h5", "hdf5"),
    "zarr": ("zarr",),
    "grib": ("grib", "grib1", "grib2", "grb", "grb2"),
}
FORMATS = tuple(ENDINGS)
KEPT = (
    "units",
    "calendar",
    "grid_mapping",
    "dtype",
    "scale_factor",
    "add_offset",
    "_FillValue",
    "missing_value",
    "_Unsigned",
)
"""Encodings that mean the same in all formats, those of packed values only together."""
SMALL = 1 << 20
"""Bytes of a variable that is always read as a whole."""
COPIES = 4
"""How often a part of a variable is in memory on its way: as stored, read, decoded by xarray, and to be encoded."""
LEAST_BLOCK = 8 << 20
"""Bytes of a part that are worth a thread."""
TARGET_CHUNK = 2 << 20
"""Bytes of chunks of NetCDF and Zarr, which are larger than those of OM files."""


def format_of(path: str, given: str | None, option: str) -> str:
    """Tell a format by how a name ends, or as an option says."""
    if given is not None:
        return given
    ending = os.path.splitext(path.rstrip("/").split("?")[0])[1].removeprefix(".").lower()
    for name, endings in ENDINGS.items():
        if ending in endings:
            return name
    known = ", ".join(f".{ending}" for endings in ENDINGS.values() for ending in endings[:1])
    raise CommandError(f"the name {path!r} does not tell the format, as {known} do; {option} says which it is", USAGE)


# --- opening ----------------------------------------------------------------------------------------------------------


def open_data(path: str, format: str, arguments: argparse.Namespace, *, decode_times: bool) -> Data:
    """Open a file, lazily: a tree if it has groups, else a dataset. Times that are not decoded are kept as they are."""
    require("xarray", "xarray", "this command")
    options = storage_options(arguments, path)
    if not is_url(path) and not os.path.exists(path):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
    decoders = {"decode_times": decode_times, "decode_timedelta": False}
    is_local_netcdf = format == "netcdf" and not is_url(path)
    with _chunk_cache(arguments.memory // COPIES, path) if is_local_netcdf else nullcontext():
        opened: Data = OPENERS[format](path, options, decoders)
    return opened


def _open_om(path: str, options: dict[str, Any] | None, decoders: dict[str, Any]) -> Data:
    import xarray

    from omfiles.xarray import OmXarrayEntrypoint

    return _joined(xarray.open_groups(path, engine=OmXarrayEntrypoint, storage_options=options, **decoders))


def _open_netcdf(path: str, options: dict[str, Any] | None, decoders: dict[str, Any]) -> Data:
    import xarray

    if is_url(path):
        raise CommandError(f"NetCDF files are read from local paths, so {path!r} must be downloaded first")
    engine: Any = _netcdf_engine()
    return _joined(xarray.open_groups(path, engine=engine, **decoders))


def _open_zarr(path: str, options: dict[str, Any] | None, decoders: dict[str, Any]) -> Data:
    import xarray

    require("zarr", "zarr", "Zarr")
    warnings.filterwarnings("ignore", "Failed to open Zarr store with consolidated metadata")  # as ours have none
    return _joined(xarray.open_groups(path, engine="zarr", storage_options=options, **decoders))


def _open_grib(path: str, options: dict[str, Any] | None, decoders: dict[str, Any]) -> Data:
    if is_url(path):
        raise CommandError(f"GRIB files are read from local paths, so {path!r} must be downloaded first")
    cfgrib = require("cfgrib", "grib", "GRIB")
    try:
        found = cfgrib.open_datasets(path, backend_kwargs={"indexpath": ""}, **decoders)
    except EOFError:  # which is how it says that there are none
        found = []
    if not found:
        raise CommandError(f"{path!r} has no GRIB messages that cfgrib understands")
    if len(found) == 1:
        return _joined({"/": found[0]})
    # Messages on levels of several kinds do not fit one dataset: each kind becomes a group.
    groups: dict[str, xarray.Dataset] = {}
    for one in found:
        kind = next((str(var.attrs["GRIB_typeOfLevel"]) for var in one.data_vars.values()), "data")
        groups[kind if kind not in groups else f"{kind}_{len(groups)}"] = one
    return _joined(groups)


def _joined(groups: dict[str, xarray.Dataset]) -> Data:
    import xarray

    return groups["/"] if list(groups) == ["/"] else xarray.DataTree.from_dict(groups)


OPENERS: dict[str, Callable[[str, dict[str, Any] | None, dict[str, Any]], Any]] = {
    "om": _open_om,
    "netcdf": _open_netcdf,
    "zarr": _open_zarr,
    "grib": _open_grib,
}


def _netcdf_engine() -> str:
    for module, engine in (("netCDF4", "netcdf4"), ("h5netcdf", "h5netcdf")):
        if find_spec(module) is not None:
            return engine
    raise CommandError("NetCDF needs netCDF4: pip install 'omfiles[convert]'")


@contextmanager
def _chunk_cache(n_bytes: int, path: str | None = None) -> Iterator[None]:
    """Limit the chunks that netCDF4 keeps of a file that is opened meanwhile: by default 64 MiB of each variable."""
    if _netcdf_engine() != "netcdf4":
        yield
        return
    import netCDF4

    n_variables = 1
    if path is not None:
        with netCDF4.Dataset(path) as file:
            groups = [file]
            for group in groups:
                groups += group.groups.values()
            n_variables = sum(var.ndim > 1 for group in groups for var in group.variables.values())
    before = netCDF4.get_chunk_cache()
    netCDF4.set_chunk_cache(min(before[0], n_bytes // max(1, n_variables)))
    try:
        yield
    finally:
        netCDF4.set_chunk_cache(*before)


# --- writing ----------------------------------------------------------------------------------------------------------


class _Plan(NamedTuple):
    """How a variable is written."""

    blocks: Sequence[int]
    """Extents of the parts in which it is read, if all together are large."""
    encoding: Mapping[str, Any]


Planner = Callable[[str, "xarray.Variable", bool, int], _Plan]
"""Called with path, variable, whether it is a coordinate, and bytes of a part."""


def write_data(data: Data, path: str, format: str, arguments: argparse.Namespace, encoding: EncodingOptions) -> None:
    """Write a dataset or a tree in some format; `encoding` is for OM files."""
    check_free(path, arguments.force)
    if format == "om":
        _write_om(data, path, arguments, encoding)
    elif format == "netcdf":
        _write_netcdf(data, path, arguments)
    elif format == "zarr":
        _write_zarr(data, path, arguments)
    else:
        raise CommandError("GRIB files can be read, but not written", USAGE)


def _write_om(data: Data, path: str, arguments: argparse.Namespace, options: EncodingOptions) -> None:
    from omfiles.xarray import write_dataset

    encoding: dict[str, Mapping[str, Any]] = {}

    def plan(name: str, var: xarray.Variable, is_coordinate: bool, block: int) -> _Plan:
        mine = options.for_variable(name, var.dims, var.shape, var.dtype, is_coordinate)
        try:
            chunks = check_chunks(mine.get("chunks", _om_chunks(var) or "auto"), var.shape, var.dtype.itemsize)
        except ArgumentError as error:
            raise CommandError(f"{name}: {error}", USAGE) from None
        encoding[name] = {**mine, "chunks": chunks}
        first = next(boxes(var.shape, chunks, block // var.dtype.itemsize))
        kept = {key: value for key, value in var.encoding.items() if key.startswith("om_")}
        return _Plan([part.stop for part in first], kept)

    with _in_blocks(data, path, plan, arguments.memory) as blocks:
        options.check(encoding)
        for_store = storage_options(arguments, path)
        write_dataset(
            blocks,
            path,
            encoding=encoding,
            overflow=arguments.overflow,
            storage_options=for_store,
            on_unsupported="raise" if arguments.strict else "warn",
        )


def _write_netcdf(data: Data, path: str, arguments: argparse.Namespace) -> None:
    if is_url(path):
        raise CommandError(f"NetCDF files are written to local paths, not to {path!r}")
    engine: Any = _netcdf_engine()

    def plan(name: str, var: xarray.Variable, is_coordinate: bool, block: int) -> _Plan:
        chunks, blocks = _target_chunks(var, block)
        return _Plan(blocks, {"chunksizes": chunks, "zlib": True, "complevel": 1, "shuffle": True})

    # What is written are whole chunks, which need not be kept.
    with (
        _in_blocks(data, path, plan, arguments.memory) as blocks,
        atomic_output(path, arguments.force) as part,
        _chunk_cache(SMALL),
    ):
        blocks.to_netcdf(part, engine=engine)


def _write_zarr(data: Data, path: str, arguments: argparse.Namespace) -> None:
    require("zarr", "zarr", "Zarr")

    def plan(name: str, var: xarray.Variable, is_coordinate: bool, block: int) -> _Plan:
        chunks, blocks = _target_chunks(var, block)
        return _Plan(blocks, {"chunks": chunks})

    with _in_blocks(data, path, plan, arguments.memory) as blocks:
        if is_url(path):
            mode: Any = "w" if arguments.force else "w-"
            blocks.to_zarr(path, mode=mode, storage_options=storage_options(arguments, path), consolidated=False)
        else:
            with atomic_output(path, arguments.force) as part:
                blocks.to_zarr(part, mode="w-", consolidated=False)


def _om_chunks(var: xarray.Variable) -> tuple[int, ...] | None:
    """Chunks of the OM file that a variable comes from; those of other formats are too large for one."""
    chunks = var.encoding.get("om_chunks", {})
    return tuple(chunks[dim] for dim in var.dims) if chunks.keys() == set(var.dims) else None


def _target_chunks(var: xarray.Variable, block: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Chunks of NetCDF and Zarr, several of those of the OM file each, and blocks of several of these."""
    size = var.dtype.itemsize
    chunks = preferred_chunks(var.shape, _om_chunks(var) or auto_chunks(var.shape, size), size, TARGET_CHUNK)
    return chunks, preferred_chunks(var.shape, chunks, size, block)


@contextmanager
def _in_blocks(data: Data, path: str, planner: Planner, memory: int) -> Iterator[Any]:
    """Let variables of numbers be dask arrays, if together they are large. How much of them has been read is shown."""
    import xarray

    groups: dict[str, xarray.Dataset]
    if isinstance(data, xarray.DataTree):
        groups = {node.path: node.to_dataset(inherit=False) for node in data.subtree}
    else:
        groups = {"/": data.copy()}
    at_once = memory // COPIES
    total = sum(var.nbytes for ds in groups.values() for name, var in ds.variables.items() if _has_parts(name, ds))
    in_parts = total > at_once
    with _threads(at_once, total) if in_parts else nullcontext(1) as n_threads:
        plans = {
            (group, name): planner(
                f"{group.strip('/')}/{name}".lstrip("/"), var, name in ds.coords, at_once // n_threads
            )
            for group, ds in groups.items()
            for name, var in ds.variables.items()
            if _is_numeric(var)
        }
        with Progress(f"writing {os.path.basename(path.rstrip('/'))}", total * in_parts) as progress:
            for group, ds in groups.items():
                mine = {name: plans.get((group, name)) for name in ds.variables}
                groups[group] = _planned(ds, mine, progress if in_parts else None)
            yield xarray.DataTree.from_dict(groups) if isinstance(data, xarray.DataTree) else groups["/"]


def _is_numeric(var: xarray.Variable) -> bool:
    return bool(var.ndim and var.size and var.dtype.kind in "fiu")


def _has_parts(name: Any, ds: xarray.Dataset) -> bool:
    var = ds.variables[name]
    return _is_numeric(var) and var.nbytes > SMALL and name not in ds.xindexes


@contextmanager
def _threads(at_once: int, total: int) -> Iterator[int]:
    """Let dask work with so many threads that a part for each can be in memory; tell how many."""
    require("dask.array", "dask", f"writing {total >> 20} MiB with {at_once * COPIES >> 20} MiB of --memory")
    import dask.system

    given = dask.config.get("num_workers", None) or dask.system.CPU_COUNT
    n_threads = max(1, min(given, at_once // LEAST_BLOCK))
    with dask.config.set(num_workers=n_threads):
        yield n_threads


def _planned(ds: xarray.Dataset, plans: Mapping[Any, _Plan | None], progress: Progress | None) -> xarray.Dataset:
    """Prepare a dataset; with a progress large variables become dask arrays."""
    # Integers without a fill value had no gaps where they come from.
    warnings.filterwarnings("ignore", ".*floating point data as an integer dtype without any _FillValue")

    def counted(block: Any) -> Any:
        assert progress is not None
        progress(block.nbytes)
        return block

    large = {}
    for name, plan in plans.items():
        if progress is not None and plan is not None and _has_parts(name, ds):
            var = ds.variables[name].chunk(dict(zip(ds.variables[name].dims, plan.blocks)))
            large[name] = var.copy(data=var.data.map_blocks(counted, dtype=var.dtype, meta=var.data._meta))
    ds = ds.assign({name: var for name, var in large.items() if name in ds.data_vars})
    ds = ds.assign_coords({name: var for name, var in large.items() if name in ds.coords})
    for name, plan in plans.items():
        var = ds.variables[name]
        var.encoding = {**_kept(var), **(plan.encoding if plan is not None else {})}
    return ds


def _kept(var: xarray.Variable) -> dict[str, Any]:
    kept = {key: value for key, value in var.encoding.items() if key in KEPT}
    if {"_FillValue", "missing_value"} <= kept.keys() and not np.array_equal(
        kept["_FillValue"], kept["missing_value"], equal_nan=np.asarray(kept["_FillValue"]).dtype.kind == "f"
    ):
        del kept["missing_value"]  # both have become NaN, which xarray refuses to write as two values
    return kept
