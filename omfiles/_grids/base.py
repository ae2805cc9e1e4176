# SPDX-License-Identifier: MIT
"""What all grids have in common."""

from __future__ import annotations

import math
import operator
from abc import ABC, abstractmethod
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from omfiles._grids.projection import Array
from omfiles.types import LatLon, XYIndex

__all__ = ["BORDER", "Box", "Grid", "Indices", "Kind", "check_points", "check_shape"]

Indices: TypeAlias = npt.NDArray[np.int64]
Kind: TypeAlias = Literal["geographic", "projected", "gaussian"]

BORDER = 1e-9
"""Degrees by which a point may miss a box and still be in it: a tenth of a millimetre, far above rounding errors."""


class Grid(ABC):
    """The points of a model: where they are, and which is nearest to a place.

    Indices are those of an array of the shape ``(ny, nx)``: x counts columns and y rows.

    Parameters
    ----------
    crs_wkt : str
        Coordinate reference system, as Open-Meteo writes it.
    shape : sequence of two int
        ``(ny, nx)``.

    Attributes
    ----------
    crs_wkt : str
        The same, with commas where they were missing.
    shape : tuple of two int
        ``(ny, nx)``.
    """

    crs_wkt: str
    shape: tuple[int, int]

    @property
    @abstractmethod
    def kind(self) -> Kind:
        """Whether latitude depends on y and longitude on x alone ("geographic"), on both ("projected"), or points
        follow one another along a single axis x ("gaussian").
        """

    @property
    @abstractmethod
    def latitude(self) -> Array:
        """Latitudes of all points in degrees, float64 of shape ``(ny, nx)``; computed once, not writable."""

    @property
    @abstractmethod
    def longitude(self) -> Array:
        """Longitudes of all points in degrees, float64 of shape ``(ny, nx)``; computed once, not writable."""

    @abstractmethod
    def coordinates(self, x: npt.ArrayLike, y: npt.ArrayLike) -> tuple[Array, Array]:
        """Latitudes and longitudes of points.

        Parameters
        ----------
        x, y : array_like
            Their indices, which broadcast. They may be fractions and outside of the grid, unless it is Gaussian.

        Returns
        -------
        tuple of ndarray
            Latitudes and longitudes in degrees, float64.
        """

    @abstractmethod
    def find_points(self, lat: npt.ArrayLike, lon: npt.ArrayLike) -> tuple[Indices, Indices]:
        """Find the grid points that are nearest to places.

        Parameters
        ----------
        lat, lon : array_like
            Latitudes and longitudes in degrees, which broadcast.

        Returns
        -------
        tuple of ndarray
            Indices x and y, int64; both -1 for places outside of the grid.

        Raises
        ------
        ValueError
            A coordinate is not finite.
        """

    @abstractmethod
    def find_box(self, south: float, north: float, west: float, east: float) -> tuple[slice, slice | Indices] | Indices:
        """Find the smallest selection that has all grid points within a box.

        Parameters
        ----------
        south, north, west, east : float
            Its sides in degrees; points on them are inside. If west is greater than east, the box crosses the
            antimeridian.

        Returns
        -------
        tuple or ndarray
            Indices y and x: slices, or int64 for x if the columns are not adjacent, which go from west to east then.
            On a projected grid also points outside of the box are between those inside. On a Gaussian grid indices
            of the points, int64 in ascending order.
        """

    @abstractmethod
    def cf_attributes(self) -> dict[str, str | float | list[float]]:
        """Attributes of a grid mapping variable of the CF conventions: ``crs_wkt`` and what is known besides."""

    def find_point_xy(self, lat: float, lon: float) -> XYIndex | None:
        """Find the grid point that is nearest to a place.

        Parameters
        ----------
        lat, lon : float
            Latitude and longitude in degrees.

        Returns
        -------
        XYIndex or None
            Its indices; None if the place is more than half a cell outside of the grid.

        Raises
        ------
        ValueError
            A coordinate is not finite.
        TypeError
            Not numbers; `find_points` takes arrays.
        """
        if np.ndim(lat) or np.ndim(lon):
            raise TypeError("find_point_xy takes the latitude and longitude of one place; find_points takes arrays")
        x, y = self.find_points(lat, lon)
        return XYIndex(int(x), int(y)) if x >= 0 else None

    def get_coordinates(self, x: float, y: float) -> LatLon:
        """Latitude and longitude of a point.

        Parameters
        ----------
        x, y : float
            Its indices. They may be fractions and outside of the grid, unless it is Gaussian.

        Returns
        -------
        LatLon
            Degrees.
        """
        if np.ndim(x) or np.ndim(y):
            raise TypeError("get_coordinates takes the indices of one point; coordinates takes arrays")
        latitude, longitude = self.coordinates(x, y)
        return LatLon(float(latitude), float(longitude))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Grid):
            return NotImplemented
        return type(self) is type(other) and (self.crs_wkt, self.shape) == (other.crs_wkt, other.shape)

    def __hash__(self) -> int:
        return hash((self.crs_wkt, self.shape))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.crs_wkt, self.shape)  # not the arrays

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.kind} {self.shape}>"


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
