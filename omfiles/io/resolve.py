# SPDX-License-Identifier: MIT
"""From what users pass to what can be read from or written to."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from omfiles.io.fileobj import FileObjectReader
from omfiles.io.fsspec import from_fsspec, is_local
from omfiles.io.obstore import ObstoreReader
from omfiles.io.protocol import RangeReader
from omfiles.io.upload import sink_of_fsspec
from omfiles.sink import LocalSink, Sink

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["resolve", "resolve_target"]

# Two letters at least, so that drives of Windows are none.
URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+(://|::)")
LOCAL_URL = re.compile(r"(file|local)://(?!.*::)")

WRITABLE = "a path (str or os.PathLike), a URL of any fsspec protocol, or an fsspec.core.OpenFile"
READABLE = (
    "a path (str or os.PathLike), a URL of any fsspec protocol, an fsspec file, a pair (filesystem or object store, "
    "path), a seekable binary file object, the content of a file (bytes-like), or a RangeReader"
)


def resolve(source: Any, storage_options: Mapping[str, Any] | None = None) -> str | Buffer | RangeReader:
    """Find out what a source is. Nothing is read or opened here, but filesystems are made for URLs.

    Parameters
    ----------
    source : object
        A path (str or os.PathLike); a URL of any fsspec protocol, also a chained one; an ``fsspec.core.OpenFile``, an
        opened fsspec file, a UPath; a pair of a filesystem or an object store and a path; a seekable binary file
        object; the content of a file (bytes-like); a `RangeReader`.
    storage_options : mapping, optional
        For the filesystem of a URL.

    Returns
    -------
    str, bytes-like or RangeReader
        The path of a local file, the content of a file, or what reads a file.
    """
    if isinstance(source, RangeReader):
        return source
    place = _locate(source, storage_options)
    if isinstance(place, str):
        return place
    if place is not None:
        return from_fsspec(*place)
    if isinstance(source, tuple) and len(source) == 2:
        store, path = source
        return ObstoreReader(store, path) if hasattr(store, "get_range") else from_fsspec(store, path)
    if isinstance(source, io.BytesIO):
        return source.getvalue()
    if _is_buffer(source):
        content: Buffer = source
        return content
    if callable(getattr(source, "read", None)) and callable(getattr(source, "seek", None)):
        return FileObjectReader(source)
    raise TypeError(f"cannot read an OM file from an object of type {type(source).__name__!r}; pass {READABLE}")


def resolve_target(target: Any, storage_options: Mapping[str, Any] | None = None) -> Sink:
    """Open what a file is to be written to.

    Parameters
    ----------
    target : object
        A path (str or os.PathLike), a URL of any fsspec protocol, an ``fsspec.core.OpenFile``, a UPath.
    storage_options : mapping, optional
        For the filesystem of a URL.
    """
    place = _locate(target, storage_options)
    if isinstance(place, str):
        return LocalSink(place)
    if place is None:
        raise TypeError(f"cannot write an OM file to an object of type {type(target).__name__!r}; pass {WRITABLE}")
    fs, path, _ = place
    return sink_of_fsspec(fs, path)


def _locate(source: Any, storage_options: Mapping[str, Any] | None) -> str | tuple[Any, str, str] | None:
    """Return a local path; or a filesystem, the path in it and a name; or None if `source` is neither."""
    if not isinstance(storage_options, Mapping | None):
        raise TypeError(f"storage_options must be a mapping, not {storage_options!r}")
    is_url = isinstance(source, str) and URL.match(source) is not None
    if storage_options and not is_url:
        raise TypeError(f"storage_options are for URLs, but a {type(source).__name__} was passed: {source!r:.200}")
    if is_url:
        return _local_path(source) if LOCAL_URL.match(source) else _of_url(source, storage_options or {})
    fs, path = getattr(source, "fs", None), getattr(source, "path", None)
    if fs is not None and isinstance(path, str):
        if getattr(source, "compression", None):
            raise ValueError(f"{path!r} is to be opened with compression {source.compression!r}; OM files have none")
        return fs._strip_protocol(path) if is_local(fs) else (fs, path, path)
    if isinstance(source, (str, os.PathLike)):
        path = os.fspath(source)
        if not isinstance(path, str):
            raise TypeError(f"a path must be str, not {type(path).__name__}: {path!r}")
        return path
    return None


def _local_path(url: str) -> str:
    path = url.partition("://")[2]
    return path.lstrip("/") if os.name == "nt" else path


def _of_url(url: str, storage_options: Mapping[str, Any]) -> tuple[Any, str, str]:
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise ImportError(f"URLs such as {url!r} need fsspec: pip install 'omfiles[fsspec]'", name="fsspec") from error
    fs, path = url_to_fs(url, **storage_options)
    return fs, path, url


def _is_buffer(source: Any) -> bool:
    try:
        memoryview(source).release()
    except TypeError:
        return False
    return True
