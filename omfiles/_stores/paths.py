# SPDX-License-Identifier: MIT
"""Paths and URLs of files. Nothing that knows stores is imported here."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

__all__ = ["expand_user", "is_url", "name_from_path", "options_for", "path_of"]

# Two letters at least, so that drives of Windows are none.
URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+(://|::)")


def is_url(source: Any) -> bool:
    """Whether this is the URL of a file, which may be a chained one.

    Examples
    --------
    >>> is_url("s3://bucket/rain.om"), is_url("simplecache::s3://bucket/rain.om"), is_url("C:/rain.om")
    (True, True, False)
    """
    return isinstance(source, str) and URL.match(source) is not None


def expand_user(source: Any) -> Any:
    """Replace ``~`` at the start of a path by the folder that it stands for. Whatever else a source is, it stays.

    Examples
    --------
    >>> expand_user("~/rain.om").endswith("rain.om"), expand_user("s3://bucket/~/rain.om")
    (True, 's3://bucket/~/rain.om')
    """
    is_path = isinstance(source, (str, os.PathLike)) and str(source).startswith("~")
    return os.path.expanduser(source) if is_path else source


def options_for(path: Any, storage_options: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """The storage options, if this is a URL: of several files of one call, some may be local."""
    return storage_options if is_url(path) else None


def name_from_path(source: Any) -> str:
    """What to call an array without a name: as its file, or as its folder where files are parts of a series.

    Examples
    --------
    >>> name_from_path("s3://openmeteo/data/dwd_icon/temperature_2m/chunk_923.om"), name_from_path("rain.om")
    ('temperature_2m', 'rain')
    """
    *folders, file = [part for part in re.split(r"[/\\]", path_of(source)) if part] or [""]
    if folders and re.match("(chunk|year|master)_", file):
        return folders[-1]
    return os.path.splitext(file)[0] or "data"


def path_of(source: Any) -> str:
    """The path or URL of a source, or an empty string."""
    if isinstance(source, tuple):
        source = source[-1]
    for path in (source, getattr(source, "path", None), getattr(source, "name", None)):
        if isinstance(path, (str, os.PathLike)):
            text = os.fsdecode(path)
            return re.split(r"[?#]", text)[0] if "://" in text else text
    return ""
