# SPDX-License-Identifier: MIT
"""The attributes of a variable as a mapping."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from typing import Any

from omfiles._reading.display import value_text

__all__ = ["Attributes", "suggest_names"]

SHOWN = 50
"""Most attributes in a repr."""


def suggest_names(name: Any, known: Collection[str]) -> str:
    """Say which known names are like a wrong one, or what the first ten are.

    Examples
    --------
    >>> suggest_names("unit", ["units", "height"]), suggest_names("crs", ["units", "height"])
    ("did you mean 'units'?", "there are 'units', 'height'")
    """
    close = difflib.get_close_matches(str(name), known, n=3)
    if close:
        return f"did you mean {' or '.join(map(repr, close))}?"
    if not known:
        return "there are none"
    return f"there are {', '.join(map(repr, islice(known, 10)))}" + (", ..." if len(known) > 10 else "")


class Attributes(Mapping[str, Any]):
    """Names and values of the attributes of a variable, in the order of the file. The mapping cannot be changed.

    An attribute is a scalar child that has no children itself; of several with one name the first counts. Numbers are
    numpy scalars of the stored type, strings are `str`. The children are opened at the first use, and each value is
    read when it is asked for.

    Parameters
    ----------
    reader : OmFileReader
        The variable.

    Examples
    --------
    >>> import numpy as np, omfiles
    >>> omfiles.save("t2m.om", np.zeros((2, 2), "f4"), name="t2m", attrs={"units": "K"})
    >>> attrs = omfiles.open("t2m.om").attrs
    >>> attrs
    Attributes({'units': 'K'})
    >>> attrs["units"]
    'K'
    """

    __slots__ = ("_children", "_reader")

    def __init__(self, reader: Any) -> None:
        self._reader = reader
        self._children: dict[str, Any] | None = None

    def _open(self) -> dict[str, Any]:
        if self._children is None:
            self._children = self._reader._open_attributes()
        return self._children

    def __getitem__(self, name: str) -> Any:
        children = self._open()
        if name not in children:
            raise KeyError(f"{self._reader.name!r} has no attribute {name!r}; {suggest_names(name, children)}")
        return children[name].read_scalar()

    def __iter__(self) -> Iterator[str]:
        return iter(self._open())

    def __len__(self) -> int:
        return len(self._open())

    def __repr__(self) -> str:
        children = self._open()
        items = [f"{name!r}: {value_text(child)}" for name, child in islice(children.items(), SHOWN)]
        if len(children) > SHOWN:
            items.append(f"... {len(children) - SHOWN} more")
        return f"Attributes({{{', '.join(items)}}})"
