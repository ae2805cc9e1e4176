# SPDX-License-Identifier: MIT
"""What users write on the command line to select a part of an array."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from types import EllipsisType
from typing import TypeAlias

from omfiles._chunk_grid import Shape, boxes

__all__ = ["Key", "ranges", "selection", "slabs"]

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
    taken = ranges(key, shape)
    kept = tuple(len(part) for part in taken if isinstance(part, range))

    def parts() -> Iterator[Key]:
        if 0 in kept:
            return
        for box in boxes(kept, (1,) * len(kept), max_elements) if kept else [()]:
            places = iter(box)
            yield tuple(_slice(part[next(places)]) if isinstance(part, range) else part for part in taken)

    return kept, parts()


def ranges(key: Key, shape: Sequence[int]) -> list[int | range]:
    """Return what is taken along each dimension."""
    given = [item for item in key if item is not ...]
    if len(given) > len(shape) or len(key) - len(given) > 1:
        raise ValueError(f"the slice has {len(given)} dimensions, but the array has {len(shape)}, of shape {shape}")
    at = key.index(...) if len(given) < len(key) else len(given)
    items = [*key[:at], *[slice(None)] * (len(shape) - len(given)), *key[at + len(key) - len(given) :]]
    taken: list[int | range] = []
    for axis, (item, size) in enumerate(zip(items, shape, strict=True)):
        if isinstance(item, slice):
            taken.append(range(size)[item])
        elif isinstance(item, int) and -size <= item < size:
            taken.append(item % size)
        else:
            raise ValueError(f"the slice has index {item} along axis {axis}, but that goes from 0 to {size - 1}")
    return taken


def _slice(part: range) -> slice:
    return slice(part.start, part.stop if part.stop >= 0 else None, part.step)
