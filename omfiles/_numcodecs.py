# SPDX-License-Identifier: MIT
"""The integer compression of OM files as a codec of numcodecs, for arrays of zarr format 2 and for kerchunk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

try:
    from numcodecs.abc import Codec
    from numcodecs.registry import register_codec
except ModuleNotFoundError as error:
    if error.name != "numcodecs":
        raise
    raise ImportError("omfiles._numcodecs needs numcodecs: pip install 'omfiles[codec]'", name="numcodecs") from error

from omfiles._native.codec import decode_stream, encode_stream

__all__ = ["TurboPfor"]

STREAMS: dict[str, Literal["zigzag", "delta"]] = {"i": "zigzag", "u": "delta"}


@dataclass
class TurboPfor(Codec):  # type: ignore[misc]
    """Integers as differences to their neighbours, packed into as few bits as blocks of 128 of them need.

    It is the integer stream of OM files (``docs/format.md``, section 5) without anything around it.

    Parameters
    ----------
    dtype : str
        Type of the elements: int8 ... int64, uint8 ... uint64, in native byte order.
    chunk_elements : int, optional
        Number of elements of a chunk, which the compressed bytes do not tell. Needed to decode.

    Examples
    --------
    >>> import numpy as np
    >>> from omfiles._numcodecs import TurboPfor
    >>> codec = TurboPfor("int16", chunk_elements=10)
    >>> codec.encode(np.arange(10, dtype="int16")).hex()
    '00c202'
    >>> codec.decode(bytes.fromhex("00c202"))
    array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], dtype=int16)
    """

    codec_id: ClassVar[str] = "turbo_pfor"

    dtype: str = "int16"
    chunk_elements: int | None = None

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> TurboPfor:
        """Make a codec from what `get_config` returned."""
        return cls(**{key: config[key] for key in ("dtype", "chunk_elements") if key in config})

    def encode(self, buf: npt.NDArray[Any]) -> bytes:
        """Compress an array.

        Parameters
        ----------
        buf : numpy.ndarray
            Of exactly `dtype`, contiguous in C or Fortran order; the elements are taken as they lie in memory.

        Returns
        -------
        bytes
            Nothing for an array without elements.

        Raises
        ------
        TypeError
            It is something else.
        ValueError
            `dtype` is no integer type.
        """
        dtype = self._integer()
        if not isinstance(buf, np.ndarray) or buf.dtype != dtype:
            found = f"an array of {buf.dtype}" if isinstance(buf, np.ndarray) else type(buf).__name__
            raise TypeError(f"turbo_pfor with dtype {self.dtype!r} encodes numpy arrays of that type, not {found}")
        if not (buf.flags.c_contiguous or buf.flags.f_contiguous):
            raise TypeError("turbo_pfor encodes contiguous arrays; make a copy of this one first")
        if buf.size == 0:
            return b""
        words = buf.ravel(order="K").view(f"u{dtype.itemsize}")
        return encode_stream(words, STREAMS[dtype.kind], 8 * dtype.itemsize)  # type: ignore[arg-type]

    def decode(self, buf: Any, out: None = None) -> npt.NDArray[Any]:
        """Decompress to an array of `chunk_elements` elements in one dimension.

        Parameters
        ----------
        buf : bytes-like
            What `encode` returned; nothing gives an array without elements.
        out : None
            Not supported.

        Raises
        ------
        OmFormatError
            It is damaged, or holds another number of elements.
        ValueError
            `chunk_elements` is not known, `dtype` is no integer type, or `out` is given.
        """
        dtype = self._integer()
        if out is not None:
            raise ValueError("turbo_pfor cannot decode into `out`")
        if memoryview(buf).nbytes == 0:
            return np.empty(0, dtype)
        if self.chunk_elements is None:
            raise ValueError("turbo_pfor needs chunk_elements, the number of elements of a chunk, to decode")
        words = decode_stream(buf, self.chunk_elements, STREAMS[dtype.kind], 8 * dtype.itemsize)  # type: ignore[arg-type]
        return words.view(dtype)

    def _integer(self) -> np.dtype[Any]:
        dtype = np.dtype(self.dtype)
        if dtype.kind not in STREAMS or not dtype.isnative:
            raise ValueError(f"turbo_pfor has no dtype {self.dtype!r}; it compresses int8 ... int64, uint8 ... uint64")
        return dtype


register_codec(TurboPfor)
