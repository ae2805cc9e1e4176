# SPDX-License-Identifier: MIT
"""From what users pass as a target to the sink that takes the bytes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from omfiles._stores.paths import is_url
from omfiles._writing.local_sink import LocalSink, Sink

__all__ = ["open_sink"]

WRITABLE = "a path (str or os.PathLike), a URL of any fsspec protocol, or an fsspec.core.OpenFile"


def open_sink(target: Any, storage_options: Mapping[str, Any] | None = None) -> Sink:
    """Open what a file is to be written to.

    Parameters
    ----------
    target : object
        A path (str or os.PathLike), a URL of any fsspec protocol, an ``fsspec.core.OpenFile``, a UPath.
    storage_options : mapping, optional
        For the filesystem of a URL.
    """
    if isinstance(target, (str, os.PathLike)) and not storage_options:
        path = os.fspath(target)
        if not is_url(path):
            return LocalSink(path)
    # All that knows stores is imported on use.
    from omfiles._stores.resolve import locate
    from omfiles._writing.fsspec_sink import sink_of_fsspec

    found = locate(target, storage_options)
    if isinstance(found, str):
        return LocalSink(found)
    if found is None:
        raise TypeError(f"cannot write an OM file to an object of type {type(target).__name__!r}; pass {WRITABLE}")
    fs, path, _ = found
    return sink_of_fsspec(fs, path)
