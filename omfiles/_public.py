# SPDX-License-Identifier: MIT
"""Public names say where users import them from, not where they are defined."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable

__all__ = ["adopt"]


def adopt(module: str, names: Iterable[str]) -> None:
    """Set ``__module__`` of the classes and functions that a public module has under these names.

    It is what reprs, tracebacks, pickles and documentation show.
    """
    for name in names:
        value = getattr(sys.modules[module], name)
        if str(getattr(value, "__module__", "")).startswith("omfiles._"):
            with contextlib.suppress(TypeError):  # compiled classes of free-threaded builds cannot be changed
                value.__module__ = module
