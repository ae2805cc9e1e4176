# SPDX-License-Identifier: MIT
"""What users hand to a writer, checked and turned into what the format stores."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from omfiles._chunk_grid import ArgumentError, check_chunks, check_shape, shown
from omfiles._core import ARRAY_TYPES, COMPRESSIONS

STRING = 11
SCALAR_TYPES = {dtype: code - 11 for dtype, code in ARRAY_TYPES.items()}
MAX_NAME = 65535  # bytes; the format has 16 bits for it
DIMENSION_KEY = "coordinates"
"""The string child of an array that names its dimensions, separated by white space."""

EXACT = "fpx_xor_2d"
"""The compression that keeps floats as they are."""

LOGARITHMIC = "pfor_delta_2d_int16_logarithmic"

# Compressions that do not take all types.
DTYPES = {
    EXACT: ("float32", "float64"),
    "pfor_delta_2d_int16": ("float32",),
    LOGARITHMIC: ("float32",),
}


class Scalar(NamedTuple):
    """A value as the format has it."""

    type: int
    value: bytes


@contextmanager
def naming(what: str) -> Iterator[None]:
    """Say in errors about arguments what they are about."""
    try:
        yield
    except (TypeError, ValueError, OverflowError) as error:
        kind = next(kind for kind in (ArgumentError, TypeError, ValueError, OverflowError) if isinstance(error, kind))
        raise kind(f"{what}: {error}") from error


@dataclass(frozen=True, init=False, slots=True)
class ArraySpec:
    """An array without its elements: name, shape, and how it is encoded.

    `encode_part` and `OmFileWriter.write_parts` take it. It is checked, cannot be changed, and can be pickled;
    `dataclasses.replace` makes another one.

    Parameters
    ----------
    shape : sequence of int
        Shape of the whole array.
    chunks : sequence of int or "auto"
        Extents of a chunk.
    dtype : numpy.dtype or what makes one
        float32, float64 or integers of 8 to 64 bits.
    name, scale_factor, add_offset, compression, overflow, precision
        As for `OmFileWriter.write_array`; the defaults round floats to whole numbers.

    Attributes
    ----------
    name : str
        Name of the variable.
    shape : tuple of int
        Shape of the whole array.
    chunks : tuple of int
        Extents of a chunk: chosen if they were ``"auto"``, and not larger than those of the array.
    dtype : numpy.dtype
        In native byte order.
    scale_factor, add_offset : float
        Rounded to float32, as a file stores them.
    compression : str
        Name of the compression.
    overflow : str
        What becomes of floats that cannot be held.

    Raises
    ------
    ValueError, TypeError, OverflowError
        The format cannot store such an array. The message names the argument.

    Examples
    --------
    >>> from omfiles import ArraySpec
    >>> spec = ArraySpec(name="t2m", shape=(721, 1440), chunks="auto", dtype="f4", precision=0.05)
    >>> spec.chunks, spec.scale_factor, spec.compression
    ((91, 180), 20.0, 'pfor_delta_2d')
    """

    name: str
    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    dtype: np.dtype[Any]
    scale_factor: float
    add_offset: float
    compression: str
    overflow: str

    def __init__(
        self,
        *,
        shape: Sequence[int] | npt.NDArray[Any],
        chunks: Sequence[int] | npt.NDArray[Any] | str,
        dtype: npt.DTypeLike,
        name: str = "data",
        scale_factor: float = 1.0,
        add_offset: float = 0.0,
        compression: str = "pfor_delta_2d",
        overflow: str = "raise",
        precision: float | None = None,
    ) -> None:
        if dtype is None:
            raise TypeError("dtype must be a numpy.dtype, not None")
        native = native_dtype(np.dtype(dtype))
        extents = check_shape(shape)
        put = partial(object.__setattr__, self)
        put("dtype", native)
        put("shape", extents)
        put("chunks", check_chunks(chunks, extents, native.itemsize))
        if precision is not None:
            if scale_factor != 1:
                raise ValueError("precision and scale_factor say the same, so only one of them can be given")
            scale_factor = scale_for(precision, compression)
            if native.kind != "f":
                raise ValueError(f"precision is for floats; {native} is kept exactly")
        put("scale_factor", _real(scale_factor, "scale_factor"))
        if self.scale_factor == 0:
            raise ValueError(f"scale_factor must not be 0 as float32, but is {scale_factor!r}")
        put("add_offset", _real(add_offset, "add_offset"))
        check_compression(compression)
        allowed = DTYPES.get(compression)
        if allowed is not None and native.name not in allowed:
            raise ArgumentError(f"Invalid data type: {compression} is for {' and '.join(allowed)}, not {native}")
        put("compression", compression)
        if overflow not in ("raise", "clip", "nan"):
            raise ValueError(f"overflow must be 'raise', 'clip' or 'nan', not {overflow!r}")
        put("overflow", overflow)
        encode_name(name, "name")
        put("name", name)


def scale_for(precision: Any, compression: Any = "pfor_delta_2d") -> float:
    """Return the scale_factor that keeps steps of `precision`.

    Examples
    --------
    >>> scale_for(0.01)
    100.0
    """
    step = _real(precision, "precision")
    if step <= 0:
        raise ValueError(f"precision is the distance between values that are kept, such as 0.01, not {precision!r}")
    if compression in (EXACT, LOGARITHMIC):
        raise ValueError(f"precision is a step, but {compression} has none; pfor_delta_2d and pfor_delta_2d_int16 do")
    return 1 / float(precision)


def check_compression(compression: Any) -> None:
    """Refuse what is no name of a compression."""
    if not isinstance(compression, str):
        raise TypeError(f"compression must be a str, not {compression!r}")
    if compression not in COMPRESSIONS:
        raise ValueError(f"compression must be one of {', '.join(COMPRESSIONS)}, not {compression!r}")


def plain_array(data: Any, what: str) -> npt.NDArray[Any]:
    """Check that `data` is an array that can be written, and return it as a plain ndarray."""
    if not isinstance(data, np.ndarray):
        raise TypeError(f"{what} must be a numpy.ndarray, not {type(data).__name__}; numpy.asarray may help")
    if isinstance(data, np.ma.MaskedArray):
        raise ValueError(f"{what} is a masked array; fill it first, for instance with data.filled(numpy.nan)")
    native_dtype(data.dtype)
    return np.asarray(data)


def native_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return `dtype` in native byte order if arrays of it can be written."""
    native = dtype.newbyteorder("=")
    if native not in ARRAY_TYPES:
        names = ", ".join(str(known) for known in ARRAY_TYPES)
        raise ValueError(f"Unsupported array data type {dtype}; these can be written: {names}")
    return native


def _real(value: Any, what: str) -> float:
    """Convert a number to a float that float32 holds exactly."""
    if isinstance(value, str | bytes) or (not hasattr(value, "__float__") and not hasattr(value, "__index__")):
        raise TypeError(f"{what} must be a number, not {value!r}")
    try:
        with np.errstate(over="ignore"):
            number = float(np.float32(float(value)))
    except OverflowError:  # of what is no float
        number = np.inf
    if not np.isfinite(number):
        raise ValueError(f"{what} must be finite as float32, not {shown(value)}")
    return number


def encode_name(name: Any, what: str) -> bytes:
    """Return a variable's name as UTF-8; `what` says in messages what it is."""
    if not isinstance(name, str):
        raise TypeError(f"{what} must be a str, not {name!r}")
    encoded = _utf8(name, what)
    if len(encoded) > MAX_NAME:
        raise ValueError(f"{what} {name[:20]!r}... has {len(encoded)} bytes as UTF-8, more than {MAX_NAME}")
    return encoded


def _utf8(text: str, what: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{what} {text!r} cannot be stored as UTF-8: {error.reason}") from None


def attributes(attrs: Any, dims: Any, ndim: int) -> dict[str, Scalar]:
    """Turn attributes, and the names of dimensions as one more of them, into scalars."""
    if attrs is not None and not isinstance(attrs, Mapping):
        raise TypeError(f"attrs must be a mapping of names to values, not {attrs!r}")
    values = dict(attrs or {})
    if dims is not None:
        if DIMENSION_KEY in values:
            raise ValueError(f"dims is written as the attribute {DIMENSION_KEY!r}, so attrs must not have it as well")
        values[DIMENSION_KEY] = _joined(dims, ndim)
    for name in values:
        encode_name(name, "attrs: the name")
    return {name: scalar(value, name) for name, value in values.items()}


def _joined(dims: Any, ndim: int) -> str:
    if isinstance(dims, str) or not isinstance(dims, Sequence) or not all(isinstance(dim, str) for dim in dims):
        raise TypeError(f"dims must be a sequence of names, one for each dimension, not {dims!r}")
    if len(dims) != ndim or len(set(dims)) != ndim:
        raise ValueError(f"dims must have {ndim} different names, one for each dimension, not {tuple(dims)}")
    for dim in dims:
        if dim.split() != [dim]:
            raise ValueError(f"dims: a name must be neither empty nor contain white space, but one is {dim!r}")
    return " ".join(dims)


def scalar(value: Any, name: str) -> Scalar:
    """Turn a value into a scalar of the format; `name` is for messages."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if isinstance(value, str):
        return Scalar(STRING, _utf8(value, f"{name!r}:"))
    dtype = _scalar_dtype(value)
    if dtype is None:
        raise ValueError(
            f"Unsupported scalar data type: {name!r} is {value!r} of type {type(value).__name__}; str, int, float and "
            "numpy's integers and floats can be written"
        )
    try:
        return Scalar(SCALAR_TYPES[dtype], np.array(value, dtype.newbyteorder("<")).tobytes())
    except OverflowError:
        raise ValueError(f"{name!r}: {shown(value)} does not fit {dtype}") from None


def _scalar_dtype(value: Any) -> np.dtype[Any] | None:
    if isinstance(value, bool | np.ndarray):
        return None
    if isinstance(value, np.generic):
        native = value.dtype.newbyteorder("=")
        if native in SCALAR_TYPES:
            return native
        return np.dtype("float64") if value.dtype.kind == "f" else None
    if hasattr(value, "__index__"):
        return np.dtype("int64" if operator.index(value) < 2**63 else "uint64")
    return np.dtype("float64") if hasattr(value, "__float__") else None
