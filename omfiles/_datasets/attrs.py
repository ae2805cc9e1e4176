# SPDX-License-Identifier: MIT
"""How datasets are stored, as far as the format has no words for it; docs/dask.md describes it for users.

A variable without dimensions is a scalar with a string child ``coordinates`` that names none: without children it would
be an attribute.

An array says by its attribute ``_role`` that it is a coordinate though it is no index, that it is text, in UTF-8 and
along its last dimension, or bytes, and by their names which of its attributes xarray keeps in ``encoding``. Attributes
that are no single number or string are together in one, ``_attributes``, as JSON. Latitudes of a grid by whose formulas
xarray selects say by ``_grid_index`` which it is; see `GridIndex.description`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from omfiles._writing.array_spec import DIMENSION_KEY, SCALAR_TYPES, encode_name, scalar

__all__ = [
    "ATTRIBUTES",
    "BYTES",
    "COORDINATE",
    "GRID_INDEX",
    "ROLE",
    "TEXT",
    "characters",
    "pack_attrs",
    "unpack_attrs",
]

ROLE = "_role"
COORDINATE = "coordinate"
TEXT, BYTES = "text", "bytes"
ATTRIBUTES = "_attributes"
GRID_INDEX = "_grid_index"
ARRAY_KINDS = "biuf"
"""Of arrays that an attribute may hold; of text it has lists."""


def pack_attrs(attrs: Mapping[Any, Any], taken: Collection[str] = ()) -> dict[str, Any]:
    """Turn attributes into such as a file can hold.

    Parameters
    ----------
    attrs : mapping
        Values may be str, numbers, bool, None, lists of these (tuples, and arrays of text, become lists), and
        one-dimensional arrays of numbers.
    taken : collection of str
        Names that something else has.

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
        encode_name(name, "the name of an attribute")
        if name in (ROLE, ATTRIBUTES, GRID_INDEX):
            raise ValueError(f"attribute {name!r} cannot be stored, as the name has a meaning in the file")
        if name not in taken and _is_single(value):
            scalar(value, name)
            plain[name] = value
            continue
        try:
            others[name] = _to_json(value)
        except TypeError as error:
            raise TypeError(f"attribute {name!r} cannot be stored: {error}") from None
    if others:
        plain[ATTRIBUTES] = json.dumps(others)
    return plain


def _is_single(value: Any) -> bool:
    if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0):
        return value.dtype in SCALAR_TYPES or value.dtype.kind == "U"
    if isinstance(value, int):
        return not isinstance(value, bool) and -(2**63) <= value < 2**64
    return isinstance(value, (str, float))


def _to_json(value: Any) -> Any:
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, (np.bool_, np.integer, np.float32, np.float16)):
        return value.item()
    if isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.dtype.kind == "U"):
        return [_to_json(item) for item in value]
    if isinstance(value, np.ndarray) and value.ndim == 1 and value.dtype.kind in ARRAY_KINDS and value.itemsize <= 8:
        return {"dtype": value.dtype.name, "data": value.tolist()}
    raise TypeError(
        f"it is {value!r} of type {type(value).__name__}; there may be str, int, float, bool, None, lists of these, "
        "and one-dimensional arrays of numbers"
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
    if not isinstance(value, dict):
        return value
    dtype = np.dtype(value["dtype"])
    if dtype.kind not in ARRAY_KINDS:
        raise ValueError
    return np.array(value["data"], dtype)


def characters(values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Turn strings, or bytes, into an array of bytes with one more dimension, in UTF-8 and filled up with zeros.

    Examples
    --------
    >>> characters(np.array(["Å", "abc"]))
    array([[195, 133,   0],
           [ 97,  98,  99]], dtype=uint8)
    """
    texts = []
    for index, text in np.ndenumerate(values):
        if not isinstance(text, (str, bytes)):
            raise TypeError(f"the value at {index} is {text!r}, but among str there may be nothing else")
        if text[-1:] in ("\0", b"\0"):
            raise ValueError(f"the value at {index} is {text!r}, but a zero at the end cannot be stored")
        texts.append(text.encode() if isinstance(text, str) else text)
    fixed = np.array(texts, "S")
    return fixed.view(np.uint8).reshape(*values.shape, fixed.itemsize)
