# SPDX-License-Identifier: MIT
"""What users pass to grids, checked: shapes, places, boxes of latitude and longitude."""

from __future__ import annotations

import math
import operator
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from omfiles._grids.projection import Array

__all__ = ["BORDER", "Box", "Indices", "check_points", "check_shape", "outside_text"]

Indices: TypeAlias = npt.NDArray[np.int64]

BORDER = 1e-9
"""Degrees by which a point may miss a box and still be in it: a tenth of a millimetre, far above rounding errors."""


def check_shape(shape: Any) -> tuple[int, int]:
    """Return a shape as two ints."""
    try:
        ny, nx = map(operator.index, shape)
    except (TypeError, ValueError):
        raise ValueError(f"the shape of a grid is two integers (ny, nx), not {shape!r}") from None
    return ny, nx


def check_points(lat: npt.ArrayLike, lon: npt.ArrayLike) -> tuple[Array, Array]:
    """Return latitudes and longitudes as finite arrays of one shape."""
    latitude, longitude = np.asarray(lat, np.float64), np.asarray(lon, np.float64)
    if latitude.shape != longitude.shape:
        latitude, longitude = np.broadcast_arrays(latitude, longitude)
    finite = np.isfinite(latitude) & np.isfinite(longitude)
    if not finite.all():
        at = np.unravel_index(np.argmin(finite), finite.shape)
        raise ValueError(
            f"latitude and longitude must be finite, but are {latitude[at]} and {longitude[at]}"
            + (f" at {[int(i) for i in at]}" if at else "")
        )
    return latitude, longitude


def outside_text(lat: Array, lon: Array, outside: npt.NDArray[np.bool_], reach: str) -> str:
    """Name the places that are outside of a grid, and say how far that reaches."""
    first = np.flatnonzero(outside)[0]
    return (
        f"{np.count_nonzero(outside)} of {outside.size} places are outside of the grid, the first at latitude "
        f"{lat.flat[first]}, longitude {lon.flat[first]}; {reach}"
    )


class Box(NamedTuple):
    """A box of latitude and longitude, in degrees; `width` goes from `west` to the east."""

    south: float
    north: float
    west: float
    width: float

    @classmethod
    def between(cls, south: float, north: float, west: float, east: float) -> Box:
        """Check the sides of a box."""
        if not (south <= north and math.isfinite(north - south) and math.isfinite(east - west)):
            raise ValueError(
                "a box has finite sides, of which south is not greater than north; "
                f"found {south=}, {north=}, {west=}, {east=}"
            )
        return cls(south, north, west, 360.0 if east - west >= 360 else (east - west) % 360)

    def widened(self, dtype: np.dtype[Any]) -> Box:
        """Widen it by what degrees of a type may be off, so that points on the sides stay inside."""
        margin = 360 * float(np.finfo(dtype).eps) if dtype.kind == "f" and dtype.itemsize < 8 else 0.0
        west, width = self.west - margin, min(360.0, self.width + 2 * margin)
        return Box(self.south - margin, self.north + margin, west, width)

    def has_latitude(self, latitude: Array) -> npt.NDArray[np.bool_]:
        """Whether latitudes are inside."""
        return (latitude >= self.south - BORDER) & (latitude <= self.north + BORDER)

    def has_longitude(self, longitude: Array) -> npt.NDArray[np.bool_]:
        """Whether longitudes are inside."""
        return (longitude - self.west + BORDER) % 360 <= self.width + 2 * BORDER

    def rows(self, latitude: Array) -> slice | Indices:
        """Select from the latitudes of rows."""
        rows = np.flatnonzero(self.has_latitude(latitude))
        return _span(rows) if _adjacent(rows) else rows

    def columns(self, longitude: Array) -> slice | Indices:
        """Select from the longitudes of columns, in the order of these, across their seam if need be."""
        columns = np.flatnonzero(self.has_longitude(longitude))
        if _adjacent(columns):
            return _span(columns)
        return np.roll(columns, -np.argmax(np.diff(columns)) - 1)  # first those before the seam of the longitudes

    def ascending(self, columns: Indices, longitude: Array) -> tuple[Indices, Array]:
        """Sort columns that this has selected from west to east, without those of a meridian that is there twice.

        Returns
        -------
        tuple of ndarray
            The columns, and their longitudes, which ascend from the west of this.
        """
        degrees = (self.west + (longitude[columns] - self.west + BORDER) % 360 - BORDER).round(10)
        degrees, kept = np.unique(degrees, return_index=True)
        return columns[kept], degrees

    def region(self, latitude: Array, longitude: Array) -> tuple[slice, ...]:
        """Return the smallest slices that have all points inside, one for each dimension of the coordinates."""
        inside = self.has_latitude(latitude) & self.has_longitude(longitude)
        others = [tuple(set(range(inside.ndim)) - {axis}) for axis in range(inside.ndim)]
        return tuple(_span(np.flatnonzero(inside.any(axes))) for axes in others)


def _adjacent(indices: Indices) -> bool:
    return bool(np.all(np.diff(indices) == 1))


def _span(indices: Indices) -> slice:
    """Return the smallest slice that has ascending indices."""
    return slice(int(indices[0]), int(indices[-1]) + 1) if indices.size else slice(0, 0)
