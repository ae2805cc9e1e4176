# SPDX-License-Identifier: MIT
"""The attributes of a variable as a mapping."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from omfiles._reading.display import value_text
from omfiles._reading.names import suggest_names

__all__ = ["Attributes"]

SHOWN = 50
"""Most attributes in a repr."""


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
            raise KeyError(f"{self._reader.name!r} has no attribute {name!r}; {suggest_names(str(name), children)}")
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
