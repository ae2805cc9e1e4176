# SPDX-License-Identifier: MIT
"""Trees as JSON and .npy files, to hand them to another process. Runs in the peer's environment too: numpy only.

A tree is nested dicts: id (the same wherever several parents share a variable), name, children, and `text`, `scalar`
(dtype, hex) or `array` (path of a .npy file, with chunks, compression, scale_factor, add_offset); a group has none of
the three.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np

_serial = itertools.count()


def pack_value(value: Any, folder: Path) -> dict[str, Any]:
    if value is None:
        return {}
    if isinstance(value, str):
        return {"text": value}
    if isinstance(value, np.ndarray):
        path = folder / f"{next(_serial)}.npy"
        np.save(path, value)
        return {"array": str(path)}
    return {"scalar": [value.dtype.name, value.tobytes().hex()]}


def unpack_value(node: dict[str, Any]) -> Any:
    if "text" in node:
        return node["text"]
    if "array" in node:
        return np.load(node["array"])
    if "scalar" in node:
        dtype, data = node["scalar"]
        return np.frombuffer(bytes.fromhex(data), dtype)[0]
    return None
