# SPDX-License-Identifier: MIT
"""Arrays as they are stored: how large their chunks are, and compressed chunks that another file can take over."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from omfiles._chunk_grid import boxes, grid
from omfiles._reading.read_arrays import read_ranges
from omfiles._reading.reader import OmFileReader
from omfiles._writing.array_spec import EXACT, ArraySpec
from omfiles._writing.encode import EncodedPart

__all__ = ["chunk_sizes", "encoded_parts", "nbytes_stored", "spec_of"]

LOCATED_CHUNKS = 1 << 16
"""Chunks that are located at a time: that takes a megabyte."""
PART_BYTES = 32 << 20
"""Decoded bytes of the chunks that are copied at a time."""

Offsets = npt.NDArray[np.uint64]


def spec_of(reader: OmFileReader) -> ArraySpec:
    """All about an array but its elements, as a writer takes it.

    Parameters
    ----------
    reader : OmFileReader
        Of an array.

    Examples
    --------
    >>> import numpy as np, omfiles
    >>> omfiles.save("t2m.om", np.zeros((4, 6), "f4"), (2, 3), name="t2m", scale_factor=20)
    >>> spec = spec_of(omfiles.open("t2m.om"))
    >>> spec.chunks, spec.scale_factor, spec.compression
    ((2, 3), 20.0, 'pfor_delta_2d')
    """
    return ArraySpec(
        name=reader.name,
        shape=reader.shape,
        chunks=reader.chunks,
        dtype=reader.dtype,
        scale_factor=reader.scale_factor,
        add_offset=reader.add_offset,
        compression=reader.compression_name,
    )


def chunk_sizes(reader: OmFileReader) -> Offsets:
    """Bytes that each chunk of an array takes in the file, in C order of the chunks. Only the look-up table is read.

    Parameters
    ----------
    reader : OmFileReader
        Of an array.

    Returns
    -------
    numpy.ndarray
        uint64, one number for each chunk.

    Raises
    ------
    OmFormatError
        The look-up table is damaged.

    Examples
    --------
    >>> import numpy as np, omfiles
    >>> omfiles.save("rain.om", np.arange(24, dtype="i4").reshape(4, 6), (2, 6), name="rain")
    >>> chunk_sizes(omfiles.open("rain.om")).shape
    (2,)
    """
    n_chunks = _n_chunks(reader)
    sizes = []
    for first in range(0, n_chunks, LOCATED_CHUNKS):
        starts, stops = _locate(reader, first, min(n_chunks, first + LOCATED_CHUNKS))
        sizes.append(stops - starts)
    return np.concatenate(sizes)


def nbytes_stored(reader: OmFileReader) -> int:
    """Bytes that all chunks of an array take in the file, without its look-up table.

    Parameters
    ----------
    reader : OmFileReader
        Of an array.

    Examples
    --------
    >>> import numpy as np, omfiles
    >>> omfiles.save("rain.om", np.arange(2400, dtype="i4").reshape(40, 60), name="rain")
    >>> nbytes_stored(omfiles.open("rain.om")) < 9600
    True
    """
    n_chunks = _n_chunks(reader)
    (start,), _ = _locate(reader, 0, 1)
    _, (stop,) = _locate(reader, n_chunks - 1, n_chunks)
    return int(stop) - int(start)


def encoded_parts(reader: OmFileReader, max_bytes: int = PART_BYTES) -> Iterator[EncodedPart]:
    """Read an array as it is stored, for `OmFileWriter.write_parts` of an array with the same `spec_of`.

    Nothing is decoded. The range of each chunk is checked against what its elements can take.

    Parameters
    ----------
    reader : OmFileReader
        Of an array.
    max_bytes : int
        Decoded bytes of the chunks of a part, unless one chunk is larger.

    Yields
    ------
    EncodedPart
        Chunks that follow one another, from the first to the last.

    Raises
    ------
    OmFormatError
        The look-up table is damaged.

    Examples
    --------
    >>> import numpy as np, omfiles
    >>> omfiles.save("rain.om", np.arange(24, dtype="i4").reshape(4, 6), (2, 3), name="rain")
    >>> [part.shape for part in encoded_parts(omfiles.open("rain.om"), max_bytes=48)]
    [(2, 6), (2, 6)]
    """
    spec = spec_of(reader)
    first = 0
    for box in boxes(spec.shape, spec.chunks, max_bytes // spec.dtype.itemsize):
        shape = tuple(part.stop - part.start for part in box)
        last = first + prod(grid(shape, tuple(map(min, spec.chunks, shape))))
        starts, stops = _locate(reader, first, last)
        yield EncodedPart(spec, shape, read_ranges(reader, starts, stops), stops - starts[0], None)
        first = last


def _n_chunks(reader: OmFileReader) -> int:
    if not reader.is_array:
        raise ValueError(f"{reader.name!r} is not an array, so it has no chunks")
    return prod(grid(reader.shape, reader.chunks))


def _locate(reader: OmFileReader, first: int, last: int) -> tuple[Offsets, Offsets]:
    """Where chunks [first, last) of the whole array start and stop in the file. Each starts where the one before stops.

    The groups of the look-up table lie one behind the other, too, so that they are read at once.
    """
    plan = reader._plan_chunks()
    groups = plan.groups(first, last).tolist()
    ranges = {number: plan.group_range(number) for number in groups}
    begin, end = ranges[groups[0]][0], ranges[groups[-1]][1]
    table = memoryview(reader._read_bytes(begin, end))
    return plan.locate(first, last, {number: table[i - begin : j - begin] for number, (i, j) in ranges.items()})


def same_encoding(spec: ArraySpec, other: ArraySpec) -> bool:
    """Whether chunks of one array can be taken over by another of the same elements."""
    return _essence(spec) == _essence(other)


def _essence(spec: ArraySpec) -> tuple[Any, ...]:
    """Leave out what has no effect on bytes: the scale of what is stored exactly."""
    exact = spec.dtype.kind != "f" or spec.compression == EXACT
    scale = () if exact else (spec.scale_factor, spec.add_offset)
    return spec.dtype, spec.compression, spec.shape, spec.chunks, *scale
