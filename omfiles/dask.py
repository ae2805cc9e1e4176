# SPDX-License-Identifier: MIT
"""Writing dask arrays: blocks are compressed where dask computes them, and appended in order.

Everything is one graph, so that dask computes nothing twice that blocks have in common. Each block has a task that
compresses it; a chain of empty tasks makes dask compute the blocks in the order of the file.
"""

from __future__ import annotations

import contextlib
import math
import os
import sys
import threading
import uuid
import warnings
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

try:
    import dask.array as da
except ModuleNotFoundError as error:
    if error.name not in ("dask", "dask.array"):
        raise
    raise ImportError("omfiles.dask needs dask: pip install 'omfiles[dask]'", name="dask") from error

from dask.base import compute, get_scheduler
from dask.delayed import delayed
from dask.local import get_sync
from dask.threaded import get as get_threaded

from omfiles._chunk_grid import PREFERRED_BYTES, ArgumentError, auto_chunks, preferred_chunks
from omfiles._writing.array_spec import ArraySpec, naming
from omfiles._writing.encode import EncodedPart, encode_part
from omfiles._writing.writer import OmFileWriter, OmWriterVariable, write_from_producer

__all__ = ["write_dask_array"]

Append = Callable[[EncodedPart], None]

WINDOW_BYTES = 512 << 20
"""Bytes of blocks that are computed at a time by a scheduler that returns results only when all are there."""


def write_dask_array(
    writer: OmFileWriter,
    data: da.Array,
    chunks: Sequence[int] | npt.NDArray[Any] | str | None = None,
    scale_factor: float = 1.0,
    add_offset: float = 0.0,
    compression: str = "pfor_delta_2d",
    name: str = "data",
    children: Sequence[OmWriterVariable] | None = None,
    *,
    attrs: Mapping[str, Any] | None = None,
    dims: Sequence[str] | None = None,
    overflow: str = "raise",
    precision: float | None = None,
) -> OmWriterVariable:
    """Write a dask array, which need not fit in memory.

    The file is the same as by `OmFileWriter.write_array` of the computed array. Blocks are compressed in parallel by
    the scheduler in use: threads, processes or a ``dask.distributed`` cluster, where only compressed bytes travel to
    the writer.

    Parameters
    ----------
    writer : OmFileWriter
        The writer.
    data : dask.array.Array
        float32, float64 or integers of 8 to 64 bits, with at least one dimension, no extent of 0, and chunks of known
        lengths.
    chunks : sequence of int or "auto", optional
        Extents of a chunk of the file, as for `OmFileWriter.write_array`. ``"auto"`` chooses such that blocks hold
        whole chunks, if that does not make them much smaller. The default is the first block along each dimension,
        which is mostly far more than is good for reading parts.
    scale_factor, add_offset, compression, name, children, attrs, dims, overflow, precision
        As for `OmFileWriter.write_array`; the defaults round floats to whole numbers.

    Returns
    -------
    OmWriterVariable
        To be the child of another variable, or the root.

    Warns
    -----
    dask.array.PerformanceWarning
        Blocks can be written as they are if they hold whole chunks which follow one another in the file: along some
        dimension several chunks, along those before it one, along those behind it all. Others are rechunked, and the
        warning says what would have been right.

    Examples
    --------
    >>> import dask.array as da, numpy as np
    >>> from omfiles import OmFileWriter
    >>> from omfiles.dask import write_dask_array
    >>> t2m = da.random.default_rng(1).normal(280, 10, (365, 40, 80), chunks=(73, 40, 80)).astype(np.float32)
    >>> with OmFileWriter("t2m.om") as writer:
    ...     writer.close(write_dask_array(writer, t2m, chunks=(73, 8, 8), precision=0.05, name="t2m"))
    """
    if not isinstance(data, da.Array):
        raise TypeError(f"Expected a dask array, not {type(data).__name__}; OmFileWriter.write_array is for the others")
    what = f"variable {name!r}"
    if math.isnan(sum(data.shape)):
        raise ValueError(f"{what}: lengths of its dask chunks are unknown; data.compute_chunk_sizes() finds them")
    if 0 in (data.shape or (0,)):
        raise ArgumentError(
            f"{what} of shape {data.shape} cannot be stored: an array needs at least one dimension, and each must be "
            "larger than 0"
        )
    # Blocks without elements, as selections leave behind, drop out.
    data = data.rechunk(tuple(tuple(filter(None, lengths)) for lengths in data.chunks))
    if chunks is None:
        chunks = [lengths[0] for lengths in data.chunks]
    elif isinstance(chunks, str) and chunks == "auto":
        chunks = _chunks_in_blocks(data.chunks, data.dtype.itemsize)
    elif isinstance(chunks, (Sequence, np.ndarray)) and len(chunks) != data.ndim:
        raise ArgumentError(f"{what}: chunks has {len(chunks)} elements, but the array {data.ndim} dimensions")
    with naming(what):
        spec = ArraySpec(
            shape=data.shape,
            chunks=chunks,
            dtype=data.dtype,
            name=name,
            scale_factor=scale_factor,
            add_offset=add_offset,
            compression=compression,
            overflow=overflow,
            precision=precision,
        )
    blocks = _in_order(data, spec)
    return write_from_producer(writer, spec, partial(_produce, spec, blocks), children, attrs, dims)


def _chunks_in_blocks(blocks: Sequence[Sequence[int]], itemsize: int) -> list[int]:
    """Choose chunks like `auto_chunks`, of which blocks hold whole ones if that does not make them much smaller.

    Examples
    --------
    >>> _chunks_in_blocks([(100, 100, 50), (721,)], 4)
    [50, 181]
    """

    def fit(lengths: Sequence[int], chunk: int) -> int:
        if len(lengths) == 1:
            return chunk
        return next((n for n in range(chunk, chunk // 2, -1) if lengths[0] % n == 0), chunk)

    return list(map(fit, blocks, auto_chunks([max(lengths) for lengths in blocks], itemsize)))


def _in_order(data: da.Array, spec: ArraySpec) -> da.Array:
    """Rechunk an array if its blocks, in C order, are not whole chunks of the file in C order."""
    chunks = spec.chunks
    whole = all(length % c == 0 for lengths, c in zip(data.chunks, chunks) for length in lengths[:-1])
    split = next((axis for axis, lengths in enumerate(data.chunks) if max(lengths) > chunks[axis]), data.ndim)
    if whole and all(len(lengths) == 1 for lengths in data.chunks[split + 1 :]):
        return data
    largest = math.prod(map(max, data.chunks)) * data.dtype.itemsize
    better = preferred_chunks(data.shape, chunks, data.dtype.itemsize, max(largest, PREFERRED_BYTES))
    warnings.warn(
        f"variable {spec.name!r}: blocks of shape {data.chunksize} do not follow the order of chunks of shape {chunks} "
        f"in the file, so the data are rechunked. data.rechunk({better}) could be written as they are, and mostly "
        "costs less where the data come from",
        da.PerformanceWarning,
        stacklevel=3,
    )
    return data.rechunk(better)


def _produce(spec: ArraySpec, data: da.Array, append: Append) -> None:
    """Compress all blocks, and append them in order."""
    scheduler = get_scheduler(collections=[data])
    cluster = sys.modules.get("distributed")
    client = getattr(scheduler, "__self__", None)
    if cluster is not None and isinstance(client, cluster.Client):
        _produce_on_cluster(_tasks(data, partial(encode_part, spec)), append, client)
    elif scheduler in (get_threaded, get_sync):
        _produce_here(spec, data, append, scheduler)
    else:
        tasks = _tasks(data, partial(encode_part, spec))
        block_bytes = math.prod(data.chunksize) * data.dtype.itemsize
        window = max(os.cpu_count() or 1, WINDOW_BYTES // block_bytes)
        for start in range(0, len(tasks), window):
            for part in compute(*tasks[start : start + window]):
                append(part)


def _tasks(data: Any, function: Callable[..., Any]) -> list[Any]:
    """Make a task of each block, in C order."""
    meta = np.empty((0,) * data.ndim, object)
    mapped = data.map_blocks(function, meta=meta, name=f"encode-{uuid.uuid4().hex}")
    return mapped.to_delayed().ravel().tolist()


def _nothing(*args: Any) -> None:
    """Link tasks in a graph."""


def _chain(tasks: list[Any]) -> Any:
    """Make a task that needs all others, one after another."""
    link, last = delayed(_nothing), None
    for task in tasks:
        last = link(task, last)
    return last


class _Appender:
    """Gets parts from several threads, and appends them in order.

    The thread that holds the next part appends it while others wait with theirs: so a slow file holds back compression.
    """

    def __init__(self, append: Append) -> None:
        self._append = append
        self._lock = threading.Lock()
        self._early: dict[int, EncodedPart] = {}
        self._next = 0

    def put(self, number: int, part: EncodedPart) -> None:
        with self._lock:
            self._early[number] = part
            while self._next in self._early:
                self._append(self._early.pop(self._next))
                self._next += 1

    def close(self) -> None:
        """Append nothing any more: after an error, threads of dask finish what they have begun."""
        with self._lock:
            self._next = -1


def _produce_here(spec: ArraySpec, data: da.Array, append: Append, scheduler: Callable[..., Any]) -> None:
    appender = _Appender(append)
    numblocks = data.numblocks

    def encode(block: npt.NDArray[Any], block_id: tuple[int, ...]) -> None:
        appender.put(int(np.ravel_multi_index(block_id, numblocks)), encode_part(spec, block))

    try:
        _chain(_tasks(data, encode)).compute(scheduler=scheduler)
    finally:
        appender.close()


def _produce_on_cluster(tasks: list[Any], append: Append, client: Any) -> None:
    import distributed

    with contextlib.suppress(ValueError):  # which says that this is no task itself
        distributed.secede()
    link = delayed(_nothing)
    # Each result stays where it is until its turn, hence only its token is part of the chain.
    chain = _chain([link(task) for task in tasks])
    *futures, last = client.compute([*tasks, chain])
    waiting = deque(futures)
    del futures
    try:
        while waiting:
            append(waiting.popleft().result())
    finally:
        client.cancel([*waiting, last])
