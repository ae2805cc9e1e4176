# SPDX-License-Identifier: MIT
"""Opening and recognising what users pass to xarray."""

from __future__ import annotations

import copy
import os
from typing import Any

from omfiles._reading.reader import OmFileReader
from omfiles._stores.paths import expand_user, is_url, path_of

__all__ = ["is_om", "open_source"]

MAGIC = tuple(b"OM" + bytes([version]) for version in (1, 2, 3))


def open_source(source: Any, storage_options: dict[str, Any] | None, group: str | None) -> OmFileReader:
    """Open a file, or one of its groups."""
    if isinstance(source, OmFileReader):
        root = copy.copy(source)
    else:
        root = OmFileReader(expand_user(source), storage_options=storage_options)
    path = (group or "").strip("/")
    if not path:
        return root
    with root:
        try:
            child = root[path]
        except KeyError as error:
            raise KeyError(f"there is no group {path!r}: {error.args[0]}") from None
    if not child.is_group:
        raise ValueError(f"{path!r} is no group but {child!r}")
    return child


def is_om(source: Any) -> bool:
    """Whether this is an OM file: by the end of its name, or by its first bytes if they can be had."""
    if path_of(source).lower().endswith(".om"):
        return True  # without a request to a store
    try:
        return _first_bytes(source) in MAGIC
    except OSError:  # others may be able to open it
        return False


def _first_bytes(source: Any) -> bytes:
    """The first three bytes of a local or an open file, or of its content."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source[:3])
    source = expand_user(source)
    if isinstance(source, (str, os.PathLike)):
        if is_url(os.fsdecode(source)) or not os.path.isfile(source):
            return b""
        with open(source, "rb") as file:
            return file.read(3)
    if callable(getattr(source, "read", None)) and callable(getattr(source, "seek", None)):
        position = source.tell()
        source.seek(0)
        head = source.read(3)
        source.seek(position)
        return bytes(head) if isinstance(head, bytes) else b""
    return b""
