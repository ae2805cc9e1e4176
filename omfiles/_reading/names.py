# SPDX-License-Identifier: MIT
"""What to tell users of names that do not exist."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from itertools import islice

__all__ = ["list_names", "suggest_names"]


def suggest_names(name: str, known: Collection[str]) -> str:
    """Say which known names or paths are like a wrong one; if none is, which there are.

    Examples
    --------
    >>> suggest_names("unit", ["units", "height"]), suggest_names("t2m", ["rain", "surface/t2m"])
    ("did you mean 'units'?", "did you mean 'surface/t2m'?")
    """
    last = name.rpartition("/")[2]
    close = [path for path in known if path.rpartition("/")[2] == last][:3]
    close = close or difflib.get_close_matches(name, known) or difflib.get_close_matches(last, known)
    return f"did you mean {' or '.join(map(repr, close))}?" if close else list_names(known)


def list_names(names: Collection[str]) -> str:
    """Say which names there are, up to ten of them.

    Examples
    --------
    >>> list_names(["units", "height"]), list_names([])
    ("there are 'units', 'height'", 'there are none')
    """
    if not names:
        return "there are none"
    return f"there are {', '.join(map(repr, islice(names, 10)))}" + (", ..." if len(names) > 10 else "")
