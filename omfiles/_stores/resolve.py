# SPDX-License-Identifier: MIT
"""From what users pass to what can be read from."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from omfiles._stores.coalesce import FetchOptions, fetch_options
from omfiles._stores.file_object import FileObjectReader
from omfiles._stores.fsspec import from_fsspec, is_local
from omfiles._stores.obstore import ObstoreReader
from omfiles._stores.paths import is_url
from omfiles._stores.range_reader import RangeReader
from omfiles._stores.remote_file import RemoteFile

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["locate", "open_store", "resolve"]

LOCAL_URL = re.compile(r"(file|local)://(?!.*::)")

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
    located = locate(source, storage_options)
    if isinstance(located, str):
        return located
    if located is not None:
        return from_fsspec(*located)
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


def open_store(
    source: Any, storage_options: Mapping[str, Any] | None, fetch: FetchOptions | None
) -> str | Buffer | RemoteFile:
    """Find out what a source is, and open it if it is in a store; see `resolve`."""
    options = fetch_options(fetch)  # wrong ones are refused for local files too, which need none
    if isinstance(source, RemoteFile):
        return source
    found = resolve(source, storage_options)
    return RemoteFile.open(found, options) if isinstance(found, RangeReader) else found


def locate(source: Any, storage_options: Mapping[str, Any] | None) -> str | tuple[Any, str, str] | None:
    """Return a local path; or a filesystem, the path in it and a name; or None if `source` is neither."""
    if not isinstance(storage_options, Mapping | None):
        raise TypeError(f"storage_options must be a mapping, not {storage_options!r}")
    if storage_options and not is_url(source):
        raise TypeError(f"storage_options are for URLs, but a {type(source).__name__} was passed: {source!r:.200}")
    if is_url(source):
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
