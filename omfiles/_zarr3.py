# SPDX-License-Identifier: MIT
"""The integer compression of OM files as codecs of zarr format 3: a serializer, and a compressor of bytes."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

try:
    from zarr.abc.buffer import Buffer, NDBuffer
    from zarr.abc.codec import ArrayBytesCodec, BytesBytesCodec
except ModuleNotFoundError as error:
    if error.name not in ("zarr", "zarr.abc"):
        raise
    raise ImportError("omfiles._zarr3 needs zarr 3: pip install 'omfiles[codec]'", name="zarr") from error

from omfiles._numcodecs import TurboPfor
from omfiles.errors import OmFormatError

__all__ = ["PforCodec", "PforSerializer"]

SIZED = b"\x00\x3f"
"""Where the input was not exactly one chunk, its size follows (8 bytes, little-endian), then the stream. No stream of
bytes begins so: behind its first value, 0, this announces a block of 63 bits where there are 8."""


@dataclass(frozen=True)
class _Pfor:
    """What the two codecs have in common: a name, and no configuration."""

    name: str = ""
    config: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if self.name != type(self).name:
            raise ValueError(f"the name of {type(self).__name__} is {type(self).name!r}, not {self.name!r}")
        if self.config:
            raise ValueError(f"{self.name!r} has no configuration, but found {dict(self.config)}")

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Make a codec from its metadata: a name, perhaps with an empty ``configuration`` or ``config``."""
        return cls(data["name"], data.get("configuration") or data.get("config") or {})

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Make a codec, whatever is given."""
        return cls()

    def to_dict(self) -> dict[str, Any]:
        """Return its metadata, as zarr's specification and omfiles 1.2.0 understand it."""
        return {"name": self.name}

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: Any) -> int:
        """Raise NotImplementedError: the size depends on the data."""
        raise NotImplementedError


@dataclass(frozen=True)
class PforCodec(_Pfor, BytesBytesCodec):
    """Compress bytes as if they were integers of 8 bits: for arrays of any type, best directly behind ``bytes``.

    Behind another compressor, sharding or `PforSerializer` it works too, but then omfiles 1.2.0 cannot read the array.
    (What that writes in such a place it cannot read itself: the size of the input is missing. It is refused here.)

    Parameters
    ----------
    name : str
        Always ``"omfiles.pfor"``.
    config : dict
        Always empty.

    Examples
    --------
    >>> import numpy as np, zarr
    >>> from omfiles._zarr3 import PforCodec
    >>> store = {}
    >>> array = zarr.create_array(store, data=np.full(1000, 7, "uint8"), compressors=[PforCodec()])
    >>> len(store["c/0"]), array[:3]
    (9, array([7, 7, 7], dtype=uint8))
    """

    name: str = "omfiles.pfor"
    is_fixed_size = False

    def _encode_sync(self, chunk_bytes: Buffer, chunk_spec: Any) -> Buffer:
        data = chunk_bytes.as_numpy_array()
        stream = TurboPfor("uint8").encode(data)
        if len(data) != _n_bytes(chunk_spec):
            stream = SIZED + len(data).to_bytes(8, "little") + stream
        return chunk_spec.prototype.buffer.from_bytes(stream)

    def _decode_sync(self, chunk_bytes: Buffer, chunk_spec: Any) -> Buffer:
        stream = chunk_bytes.as_numpy_array()
        n_bytes = _n_bytes(chunk_spec)
        if stream[:2].tobytes() == SIZED:
            n_bytes = int.from_bytes(stream[2:10].tobytes(), "little")
            stream = stream[10:]
            if n_bytes > 128 * len(stream):  # a block of 128 takes at least a byte
                raise OmFormatError(f"omfiles.pfor: {len(stream)} bytes cannot hold {n_bytes}", field="size", offset=2)
        return chunk_spec.prototype.buffer.from_array_like(TurboPfor("uint8", n_bytes).decode(stream))

    async def _encode_single(self, chunk_data: Buffer, chunk_spec: Any) -> Buffer:
        return await asyncio.to_thread(self._encode_sync, chunk_data, chunk_spec)

    async def _decode_single(self, chunk_data: Buffer, chunk_spec: Any) -> Buffer:
        return await asyncio.to_thread(self._decode_sync, chunk_data, chunk_spec)


@dataclass(frozen=True)
class PforSerializer(_Pfor, ArrayBytesCodec):
    """Compress arrays of integers: int8 ... int64, uint8 ... uint64.

    Parameters
    ----------
    name : str
        Always ``"omfiles.pfor_serializer"``.
    config : dict
        Always empty.

    Examples
    --------
    >>> import numpy as np, zarr
    >>> from omfiles._zarr3 import PforSerializer
    >>> store = {}
    >>> array = zarr.create_array(store, data=np.arange(1000), serializer=PforSerializer(), compressors=None)
    >>> len(store["c/0"]), array[-3:]
    (17, array([997, 998, 999]))
    """

    name: str = "omfiles.pfor_serializer"
    is_fixed_size = False

    def validate(self, *, shape: tuple[int, ...], dtype: Any, chunk_grid: Any) -> None:
        """Raise ValueError if the elements are no integers."""
        _integers(dtype)

    def _encode_sync(self, chunk_array: NDBuffer, chunk_spec: Any) -> Buffer:
        data = chunk_array.as_numpy_array().ravel()  # in C order, whatever the order in memory
        return chunk_spec.prototype.buffer.from_bytes(_integers(chunk_spec.dtype).encode(data))

    def _decode_sync(self, chunk_bytes: Buffer, chunk_spec: Any) -> NDBuffer:
        codec = _integers(chunk_spec.dtype, math.prod(chunk_spec.shape))
        data = codec.decode(chunk_bytes.as_numpy_array()).reshape(chunk_spec.shape)
        return chunk_spec.prototype.nd_buffer.from_ndarray_like(data)

    async def _encode_single(self, chunk_data: NDBuffer, chunk_spec: Any) -> Buffer:
        return await asyncio.to_thread(self._encode_sync, chunk_data, chunk_spec)

    async def _decode_single(self, chunk_data: Buffer, chunk_spec: Any) -> NDBuffer:
        return await asyncio.to_thread(self._decode_sync, chunk_data, chunk_spec)


def _n_bytes(chunk_spec: Any) -> int:
    return math.prod(chunk_spec.shape) * int(chunk_spec.dtype.to_native_dtype().itemsize)


def _integers(dtype: Any, n: int | None = None) -> TurboPfor:
    """Return the codec of chunks of an array; `dtype` is zarr's."""
    native = dtype.to_native_dtype()
    if native.kind not in "iu" or not native.isnative:
        raise ValueError(
            f"omfiles.pfor_serializer has no dtype {native.str!r}; it compresses native integers of any size"
        )
    return TurboPfor(native.name, n)
