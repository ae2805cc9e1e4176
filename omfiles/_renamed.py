# SPDX-License-Identifier: MIT
"""Names of earlier releases: whoever imports one is told today's."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

__all__ = ["RENAMED", "install", "message"]

RENAMED = {
    "OmFilePyReader": "omfiles.OmFileReader",
    "OmFilePyWriter": "omfiles.OmFileWriter",
    "_rust": "omfiles",
    "grids.gaussian": "omfiles.grids",
    "grids.om_grid": "omfiles.grids",
    "grids.regular": "omfiles.grids",
    "om_grid": "omfiles.grids",
    "omfiles": "omfiles",
    "xarray_backend": "omfiles.xarray",
}


def message(name: str) -> str:
    """Say what something is called today."""
    return f"there is no omfiles.{name} any more: import {RENAMED[name]} instead"


class _Finder:
    """Python looks for a module of each name that a package lacks, also in ``from omfiles import name``."""

    @staticmethod
    def find_spec(fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        package, _, name = fullname.partition(".")
        if package == "omfiles" and name in RENAMED:
            raise ImportError(message(name), name=fullname)
        return None


def install() -> None:
    """Let imports find out. It is asked last, hence never for what exists."""
    if _Finder not in sys.meta_path:
        sys.meta_path.append(_Finder)
