# SPDX-License-Identifier: MIT
"""How datasets are stored, as far as the format has no words for it; docs/dask.md describes it for users.

A variable without dimensions is a scalar with a string child ``coordinates`` that names none: without children it would
be an attribute.

An array says by its attribute ``_role`` that it is a coordinate though it is no index, that it is text, in UTF-8 and
along its last dimension, or bytes, and by their names which of its attributes xarray keeps in ``encoding``. With the
role ``missing``, elements of text or bytes whose characters all are 255 stand for missing ones; no other has the full
length then. Attributes that are no single number or string are together in one, ``_attributes``, as JSON. Latitudes of
a grid by whose formulas xarray selects say by ``_grid_index`` which it is; see `GridIndex.description`.

An array without elements is a scalar whose attribute ``_empty`` says its type, dimensions and shape.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from omfiles._writing.array_spec import DIMENSION_KEY, SCALAR_TYPES, encode_name, scalar

__all__ = [
    "ATTRIBUTES",
    "BYTES",
    "COORDINATE",
    "DEGREES",
    "EMPTY",
    "GRID_INDEX",
    "MISSING",
    "ROLE",
    "TEXT",
    "Empty",
    "characters",
    "pack_attrs",
    "texts",
    "unpack_attrs",
]

ROLE = "_role"
COORDINATE = "coordinate"
TEXT, BYTES, MISSING = "text", "bytes", "missing"
EMPTY = "_empty"
ATTRIBUTES = "_attributes"
DEGREES = "degrees"
"""The role of latitudes and longitudes by which xarray selects around the globe."""
GRID_INDEX = "_grid_index"
ARRAY_KINDS = "biuf"
"""Of arrays that an attribute may hold; of text it has lists."""


def _fail(error: Exception) -> None:
    raise error


def pack_attrs(
    attrs: Mapping[Any, Any], taken: Collection[str] = (), leave_out: Callable[[Exception], None] = _fail
) -> dict[str, Any]:
    """Turn attributes into such as a file can hold.

    Parameters
    ----------
    attrs : mapping
        Values may be str, numbers, bool, None, lists and dicts of these (tuples, and arrays of text, become lists), and
        arrays of numbers. Times become text as ISO 8601 has it, bytes are taken for UTF-8.
    taken : collection of str
        Names that something else has.
    leave_out : callable
        Called with an error about an attribute that cannot be stored. By default it is raised.

    Examples
    --------
    >>> packed = pack_attrs({"units": "K", "valid_range": np.array([180, 330], "i2"), "checked": True})
    >>> packed
    {'units': 'K', '_attributes': '{"valid_range": {"dtype": "int16", "data": [180, 330]}, "checked": true}'}
    >>> unpack_attrs(packed)
    {'units': 'K', 'valid_range': array([180, 330], dtype=int16), 'checked': True}
    """
    plain: dict[str, Any] = {}
    others: dict[str, Any] = {}
    taken = {"", DIMENSION_KEY, *taken}
    for name, value in attrs.items():
        try:
            encode_name(name, "the name of an attribute")
            if name in (ROLE, ATTRIBUTES, GRID_INDEX, EMPTY):
                raise ValueError(f"attribute {name!r} cannot be stored, as the name has a meaning in the file")
            value = _as_text(value)
            if name not in taken and _is_single(value):
                scalar(value, name)
                plain[name] = value
            else:
                others[name] = _to_json(value, name)
        except (TypeError, ValueError) as error:
            leave_out(error)
    if others:
        plain[ATTRIBUTES] = json.dumps(others)
    return plain


def _is_single(value: Any) -> bool:
    if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0):
        return value.dtype in SCALAR_TYPES or value.dtype.kind == "U"
    if isinstance(value, int):
        return not isinstance(value, bool) and -(2**63) <= value < 2**64
    return isinstance(value, (str, float))


def _as_text(value: Any) -> Any:
    """Return text for what is a time or bytes; other values stay as they are."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "mM":
        return value.astype(str)[()]
    if isinstance(value, (np.datetime64, np.timedelta64)):
        return str(value)
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return str(value)
    return value.decode() if isinstance(value, bytes) else value


def _to_json(value: Any, name: str) -> Any:
    value = _as_text(value)
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, (np.bool_, np.integer, np.float32, np.float16)):
        return value.item()
    if isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.dtype.kind == "U"):
        return [_to_json(item, name) for item in value]
    if isinstance(value, np.ndarray) and value.dtype.kind in ARRAY_KINDS and value.itemsize <= 8:
        shape = {} if value.ndim == 1 else {"shape": value.shape}
        return {"dtype": value.dtype.name, "data": value.ravel().tolist(), **shape}
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {"dict": {key: _to_json(item, name) for key, item in value.items()}}
    raise TypeError(
        f"attribute {name!r} cannot be stored: it is {value!r} of type {type(value).__name__}; there may be str, int, "
        "float, bool, None, times, lists and dicts of these, and arrays of numbers"
    )


def unpack_attrs(attrs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes from which `pack_attrs` made these."""
    plain = dict(attrs)
    try:
        others = json.loads(plain[ATTRIBUTES])
        values = {name: _from_json(value) for name, value in others.items()}
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError):
        return plain  # written by somebody else
    del plain[ATTRIBUTES]
    return plain | values


def _from_json(value: Any) -> Any:
    if isinstance(value, list):
        return [_from_json(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "dict" in value:
        return {key: _from_json(item) for key, item in value["dict"].items()}
    dtype = np.dtype(value["dtype"])
    if dtype.kind not in ARRAY_KINDS:
        raise ValueError
    return np.array(value["data"], dtype).reshape(value.get("shape", -1))


class Empty(NamedTuple):
    """An array without elements."""

    dtype: str
    dims: list[str]
    shape: list[int]

    def note(self) -> str:
        """Return the attribute that says so."""
        return json.dumps(self._asdict())

    @classmethod
    def read(cls, note: Any) -> Empty | None:
        """Return what `note` said, or None if somebody else wrote the attribute."""
        try:
            empty = cls(**json.loads(note))
            made = np.empty(empty.shape, empty.dtype)
        except (TypeError, ValueError, MemoryError, RecursionError):
            return None
        return empty if made.size == 0 and len(empty.dims) == made.ndim else None


def characters(values: npt.NDArray[Any], encoding: str = "utf-8") -> tuple[npt.NDArray[np.uint8], bool]:
    """Turn strings, or bytes, into an array of bytes with one more dimension, filled up with zeros.

    Parameters
    ----------
    values : numpy.ndarray
        NaN stands for missing ones.
    encoding : str
        Of strings.

    Returns
    -------
    characters : numpy.ndarray
        Bytes.
    missing : bool
        Whether there are missing ones: these have nothing but 255.

    Examples
    --------
    >>> characters(np.array(["Å", "abc"]))
    (array([[195, 133,   0],
           [ 97,  98,  99]], dtype=uint8), False)
    """
    found: list[bytes | None] = []
    for index, text in np.ndenumerate(values):
        if isinstance(text, float) and np.isnan(text):
            found.append(None)
            continue
        if not isinstance(text, (str, bytes)):
            raise TypeError(f"the value at {index} is {text!r}, but among str there may be nothing else")
        if text[-1:] in ("\0", b"\0"):
            raise ValueError(f"the value at {index} is {text!r}, but a zero at the end cannot be stored")
        found.append(text.encode(encoding) if isinstance(text, str) else text)
    missing = None in found
    absent = b"\xff" * (1 + max((len(text) for text in found if text is not None), default=0))
    fixed = np.array([absent if text is None else text for text in found], "S")
    return fixed.view(np.uint8).reshape(*values.shape, fixed.itemsize), missing


def texts(characters: npt.NDArray[Any], encoding: str | None = "utf-8", missing: bool = False) -> npt.NDArray[Any]:
    """Turn an array of bytes into one of strings with one dimension less.

    Parameters
    ----------
    characters : numpy.ndarray
        As the function of that name makes them.
    encoding : str or None
        Of strings; None returns bytes.
    missing : bool
        Whether elements of nothing but 255 are missing ones, for which NaN stands.
    """
    *shape, length = characters.shape
    fixed = np.ascontiguousarray(characters).view(f"S{length}").reshape(shape)
    absent = fixed == b"\xff" * length if missing else np.False_
    if encoding is not None:
        fixed = np.char.decode(np.where(absent, b"", fixed), encoding)
    elif not missing:
        return fixed
    found = np.array(fixed, dtype=object)
    found[absent] = np.nan
    return found
