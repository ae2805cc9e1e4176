# SPDX-License-Identifier: MIT
"""The scalar children of a variable as a mapping."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from typing import Any

from omfiles._reading.display import value_text

__all__ = ["Attributes", "similar"]

SHOWN = 50
"""Most attributes in a repr."""


def similar(name: Any, known: Collection[str]) -> str:
    """Say which names there are, for those who have asked for one that is not: such that are like it, or the first.

    Examples
    --------
    >>> similar("unit", ["units", "height"])
    "there are 'units'"
    """
    names = difflib.get_close_matches(str(name), known, n=3) or list(islice(known, 10))
    return f"there are {', '.join(map(repr, names))}" if names else "it has none"


class Attributes(Mapping[str, Any]):
    """Names and values of the scalar children of a reader, in the order of the file.

    Numbers are numpy scalars of the stored type, strings are `str`. The children are opened at the first use, and each
    value is read when it is asked for. Of children of one name the first counts. The mapping cannot be changed.

    Parameters
    ----------
    reader : OmFileReader
        The variable that has the children.

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
            children: dict[str, Any] = {}
            for index in range(self._reader.num_children):
                child = self._reader.get_child_by_index(index)
                if child.is_scalar:
                    children.setdefault(child.name, child)
            self._children = children
        return self._children

    def __getitem__(self, name: str) -> Any:
        children = self._open()
        if name not in children:
            raise KeyError(f"{self._reader.name!r} has no attribute {name!r}; {similar(name, children)}")
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
