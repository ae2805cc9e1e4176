# SPDX-License-Identifier: MIT
"""From arrays to compressed chunks: for a file that is being written, or apart from it as an `EncodedPart`."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from omfiles._chunk_grid import ArgumentError, boxes, covered_chunks, element_index
from omfiles._core import ARRAY_TYPES, COMPRESSIONS
from omfiles._native.writer import ArrayEncoder, Output
from omfiles._writing.array_spec import ArraySpec, native_dtype, plain_array
from omfiles._writing.steps import Reach, reach

__all__ = ["EncodedPart", "Item", "append_array", "append_item", "array_encoder", "encode_part"]

# Arrays that C cannot read in place are copied in parts of so many elements.
COPY_ELEMENTS = 1 << 19


class EncodedPart(NamedTuple):
    """Some chunks of an array, compressed by `encode_part`; it can be pickled."""

    spec: ArraySpec
    """The whole array."""
    shape: tuple[int, ...]
    """Of this part."""
    data: npt.NDArray[np.uint8]
    ends: npt.NDArray[np.uint64]
    """Where in `data` each chunk ends."""
    lost: tuple[int, int, int, float] | None
    """What could not be held; see `ArrayEncoder.lost`."""
    reach: Reach | None = None
    """Of values that are too close together for their scale."""


Item: TypeAlias = npt.NDArray[Any] | EncodedPart
"""What a stream can consist of."""


class _Memory:
    """A sink that keeps the bytes."""

    name = "memory"

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: memoryview, /) -> None:
        self.data += data

    def commit(self) -> None: ...

    def abort(self) -> None: ...


def encode_part(spec: ArraySpec, part: npt.NDArray[Any]) -> EncodedPart:
    """Compress some chunks of an array, to be one of the parts of `OmFileWriter.write_parts`.

    It needs no file, so it can run in another thread, process or machine. The file becomes the same as from `part`.

    Parameters
    ----------
    spec : ArraySpec
        The whole array.
    part : numpy.ndarray
        Whole chunks that follow one another, as `OmFileWriter.write_parts` takes them.

    Returns
    -------
    EncodedPart
        The compressed chunks; they can be pickled.

    Examples
    --------
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> from functools import partial
    >>> import numpy as np
    >>> from omfiles import ArraySpec, OmFileWriter, encode_part
    >>> years = [np.full((12, 20, 40), year, np.float32) for year in range(1991, 2021)]
    >>> spec = ArraySpec(name="t2m", shape=(360, 20, 40), chunks=(12, 20, 40), dtype="f4", compression="fpx_xor_2d")
    >>> with ThreadPoolExecutor() as pool, OmFileWriter("t2m.om") as writer:
    ...     t2m = writer.write_parts(spec, pool.map(partial(encode_part, spec), years))
    """
    what = f"variable {spec.name!r}: a part"
    array = _checked(spec, part, what)
    if array.ndim != len(spec.shape):
        raise ArgumentError(f"{what} has shape {array.shape}, but the array has {len(spec.shape)} dimensions")
    memory = _Memory()
    out = Output(memory)
    encoder = array_encoder(out, spec, array.shape)
    _append(encoder, spec, array)
    out.flush()
    return EncodedPart(
        spec, array.shape, np.frombuffer(memory.data, np.uint8), encoder.ends, encoder.lost, reach(spec, array)
    )


def array_encoder(out: Output, spec: ArraySpec, shape: tuple[int, ...]) -> ArrayEncoder:
    """Make an encoder for an array, or for a part of it, of this shape."""
    return ArrayEncoder(
        out,
        ARRAY_TYPES[spec.dtype],
        COMPRESSIONS[spec.compression],
        spec.scale_factor,
        spec.add_offset,
        shape,
        spec.chunks,
        spec.overflow,
    )


def append_array(encoder: ArrayEncoder, spec: ArraySpec, array: npt.NDArray[Any]) -> None:
    """Append an array, or raise a `ValueError` if a value cannot be held."""
    _append(encoder, spec, array)
    _raise_if_lost(encoder, spec)


def append_item(encoder: ArrayEncoder, spec: ArraySpec, item: Any, what: str) -> None:
    """Append an item of a stream."""
    if not isinstance(item, EncodedPart):
        item = _checked(spec, item, what)
    elif item.spec != spec:
        raise ArgumentError(f"{what} was encoded for {item.spec}, not {spec}")
    try:
        covered_chunks(spec.shape, spec.chunks, encoder.n_done, item.shape)
    except ArgumentError as error:
        raise ArgumentError(f"{what}: {error}") from None
    if isinstance(item, EncodedPart):
        encoder.append_encoded(item.data, item.ends, item.lost)
    else:
        _append(encoder, spec, item)
    _raise_if_lost(encoder, spec)


def _checked(spec: ArraySpec, item: Any, what: str) -> npt.NDArray[Any]:
    array = plain_array(item, what)
    if native_dtype(array.dtype) != spec.dtype:
        raise TypeError(f"{what} has dtype {array.dtype}, not {spec.dtype}")
    return array


def _append(encoder: ArrayEncoder, spec: ArraySpec, array: npt.NDArray[Any]) -> None:
    """Encode an array that C can read in place as it is, any other in parts, copied one at a time."""
    size = array.itemsize
    if array.dtype.isnative and array.flags.aligned and all(stride % size == 0 for stride in array.strides):
        encoder.append(array)
    else:
        for box in boxes(array.shape, tuple(map(min, spec.chunks, array.shape)), COPY_ELEMENTS):
            encoder.append(np.array(array[box], spec.dtype, order="C"))


def _range(spec: ArraySpec) -> tuple[float, float]:
    """Return the smallest and the largest float that can be held, but for rounding."""
    bits = 16 if "int16" in spec.compression else 8 * spec.dtype.itemsize
    ends = [-(2 ** (bits - 1)) / spec.scale_factor, (2 ** (bits - 1) - 2) / spec.scale_factor]
    if spec.compression.endswith("logarithmic"):
        largest = float(np.finfo(np.float32).max)
        ends = [min(10 ** min(end, 39.0) - 1, largest) for end in ends]
    else:
        ends = [end - spec.add_offset for end in ends]
    return min(ends), max(ends)


def _raise_if_lost(encoder: ArrayEncoder, spec: ArraySpec) -> None:
    if encoder.lost is None or spec.overflow != "raise":
        return
    count, chunk, offset, value = encoder.lost
    low, high = _range(spec)
    raise ValueError(
        f"variable {spec.name!r}: {count} value{'s' * (count != 1)} cannot be held by {spec.compression} with "
        f"scale_factor {spec.scale_factor:g} and add_offset {spec.add_offset:g}; the first one is {value:.9g} at index "
        f"{element_index(spec.shape, spec.chunks, chunk, offset)}; the range is {low:.9g} to {high:.9g}. "
        "Choose another scale_factor, or overflow='clip' or 'nan'"
    )
