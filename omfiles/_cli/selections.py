# SPDX-License-Identifier: MIT
"""What users write on the command line to select a part of an array."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from types import EllipsisType
from typing import Any, TypeAlias

from omfiles._chunk_grid import Shape, boxes
from omfiles._reading.fancy_index import as_slice, select_axes

__all__ = ["Key", "selection", "slabs"]

Item: TypeAlias = int | slice | EllipsisType
Key: TypeAlias = tuple[Item, ...]

INTEGER = re.compile(r"[+-]?\d+")


def selection(text: str) -> Key:
    """Parse what stands between brackets in Python.

    Examples
    --------
    >>> selection("0, :, 10:20:2, -1")
    (0, slice(None, None, None), slice(10, 20, 2), -1)
    >>> selection("...,3")
    (Ellipsis, 3)
    """
    items = [item.strip() for item in text.strip().removeprefix("[").removesuffix("]").split(",")]
    if items[-1] == "" and len(items) > 1:
        items.pop()
    return tuple(_item(item, text) for item in items)


def _item(item: str, text: str) -> Item:
    if item == "...":
        return ...
    parts = [part.strip() for part in item.split(":")]
    numbers = [int(part) if INTEGER.fullmatch(part) else None for part in parts]
    known = all(number is not None or not part for part, number in zip(parts, numbers))
    if not known or not item or len(parts) > 3:
        raise ValueError(
            f"{item!r} in the slice {text!r} is no index and no start:stop:step; right would be '0, :, 10:20' say"
        )
    if len(parts) > 1:
        if numbers[2:] == [0]:
            raise ValueError(f"{item!r} in the slice {text!r} has a step of 0")
        return slice(*numbers)
    assert numbers[0] is not None
    return numbers[0]


def slabs(key: Key, shape: Sequence[int], max_elements: int) -> tuple[Shape, Iterator[Key]]:
    """Return the shape of what a key selects, and keys of its parts, which one after another are the whole in C order.

    Examples
    --------
    >>> selected, parts = slabs((..., slice(None, None, -2)), (3, 4), max_elements=4)
    >>> selected, list(parts)
    ((3, 2), [(slice(0, 2, 1), slice(3, None, -2)), (slice(2, 3, 1), slice(3, None, -2))])
    """
    selected: list[Any] = select_axes(key, shape)
    kept = tuple(len(item) for item in selected if isinstance(item, range))

    def parts() -> Iterator[Key]:
        if 0 in kept:
            return
        for box in boxes(kept, (1,) * len(kept), max_elements) if kept else [()]:
            bounds = iter(box)
            yield tuple(as_slice(item[next(bounds)]) if isinstance(item, range) else item for item in selected)

    return kept, parts()
