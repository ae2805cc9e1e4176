# SPDX-License-Identifier: MIT
"""Types used throughout the library."""

from __future__ import annotations

from types import EllipsisType
from typing import NamedTuple, TypeAlias

__all__ = ["BasicSelection", "BasicSelector", "LatLon", "XYIndex"]

BasicSelector: TypeAlias = int | slice | EllipsisType
"""One item of a selection."""

BasicSelection: TypeAlias = BasicSelector | tuple[BasicSelector, ...]
"""What stands between the brackets of ``reader[...]``."""


class LatLon(NamedTuple):
    """Latitude and longitude in degrees.

    Examples
    --------
    >>> from omfiles.types import LatLon
    >>> LatLon(lat=52.5, lon=13.4)
    LatLon(lat=52.5, lon=13.4)
    """

    lat: float
    lon: float


class XYIndex(NamedTuple):
    """Indices of a grid point along x (columns) and y (rows).

    Examples
    --------
    >>> from omfiles.types import XYIndex
    >>> XYIndex(x=3, y=7)
    XYIndex(x=3, y=7)
    """

    x: int
    y: int
