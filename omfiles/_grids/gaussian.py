# SPDX-License-Identifier: MIT
"""Reduced Gaussian grids of ECMWF: lines of latitude with fewer points the nearer they are to a pole."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from omfiles._grids import wkt
from omfiles._grids.box import BORDER, Box, Indices, check_points, check_shape
from omfiles._grids.om_grid import Kind, OmGrid
from omfiles._grids.projection import Array
from omfiles._grids.reduced_lines import N160, N320
from omfiles.types import XYIndex

__all__ = ["GaussianGrid"]


SPHERE = (
    'GEOGCRS["Reduced Gaussian Grid",DATUM["sphere",ELLIPSOID["sphere",6371229,0]],CS[ellipsoidal,2],'
    'AXIS["latitude",north],AXIS["longitude",east],ANGLEUNIT["degree",0.0174532925199433],REMARK["{}"]]'
)
"""What ECMWF computes on, for texts that name the type of the grid and no datum: PROJ could not read them."""


class GaussianGrid(OmGrid):
    """A reduced Gaussian grid: one axis of points, along lines from north to south.

    A grid of the type O1280 has 1280 lines on each hemisphere. Latitudes are those that Open-Meteo computes with: lines
    have equal distances, 180 / (2 N + 0.5) degrees, instead of the roots of a Legendre polynomial.

    Parameters
    ----------
    crs_wkt : str
        Any text that contains the type: O1280, O320, N320 or N160. Without one the number of points decides.
    shape : sequence of two int
        ``(1, nx)``.

    Attributes
    ----------
    crs_wkt : str
        The same, with commas where they were missing.
    shape : tuple of two int
        ``(ny, nx)``.
    nx, ny : int
        Points, and 1.
    grid_type : str
        Such as "O1280".
    latitude_lines : int
        Lines on each hemisphere.

    Raises
    ------
    ValueError
        The type is not known, or its points are not as many.

    Examples
    --------
    >>> from omfiles.grids import GaussianGrid
    >>> grid = GaussianGrid('GEOGCRS["Reduced Gaussian Grid", REMARK["O320"]]', (1, 421120))
    >>> grid.find_point_xy(52.52, 13.41)
    XYIndex(x=37793, y=0)
    >>> grid.get_coordinates(37793, 0)
    LatLon(lat=52.412..., lon=13.695...)
    >>> grid.find_box(south=52.4, north=52.9, west=-0.5, east=1)
    array([37224, 37225, 37772, 37773])
    """

    N320_COUNT_PER_LINE: ClassVar[list[int]] = list(N320)
    """Points on the lines of one hemisphere, from the pole to the equator."""
    N160_COUNT_PER_LINE: ClassVar[list[int]] = list(N160)
    """Points on the lines of one hemisphere, from the pole to the equator."""

    def __init__(self, crs_wkt: str, shape: Sequence[int]) -> None:
        self.crs_wkt = wkt.repair(crs_wkt)
        self.shape = self.ny, self.nx = check_shape(shape)
        octahedral = {f"O{n}": [20 + 4 * y for y in range(n)] for n in (1280, 320)}
        types = {**octahedral, "N320": self.N320_COUNT_PER_LINE, "N160": self.N160_COUNT_PER_LINE}
        found = [name for name, counts in types.items() if name in crs_wkt or 2 * sum(counts) == self.nx]
        if not found:
            totals = ", ".join(f"{name} with {2 * sum(counts)}" for name, counts in types.items())
            raise ValueError(f"unknown Gaussian grid of {self.nx} points: known are {totals}; found {crs_wkt[:80]!r}")
        self.grid_type = found[0]
        half = types[self.grid_type]
        self.latitude_lines = len(half)
        self._counts = np.array(half + half[::-1], np.int64)
        self._starts = np.cumsum(self._counts) - self._counts
        self._distance = 180 / (2 * self.latitude_lines + 0.5)
        if self.shape != (1, 2 * sum(half)):
            raise ValueError(f"a grid {self.grid_type} has the shape (1, {2 * sum(half)}), not {self.shape}")

    @property
    def kind(self) -> Kind:
        return "gaussian"

    @cached_property
    def _lines(self) -> Array:
        """Latitudes of the lines."""
        n = self.latitude_lines
        return (n - 0.5 - np.arange(2 * n, dtype=np.float64)) * self._distance

    @cached_property
    def latitude(self) -> Array:
        latitude = np.repeat(self._lines, self._counts).reshape(self.shape)
        latitude.flags.writeable = False
        return latitude

    @cached_property
    def longitude(self) -> Array:
        along = np.arange(self.nx) - np.repeat(self._starts, self._counts)
        longitude = _longitude(along, np.repeat(self._counts, self._counts)).reshape(self.shape)
        longitude.flags.writeable = False
        return longitude

    def coordinates(self, x: npt.ArrayLike, y: npt.ArrayLike = 0) -> tuple[Array, Array]:
        """Latitudes and longitudes of points.

        Parameters
        ----------
        x, y : array_like of int
            Their indices, which broadcast; y is 0.

        Returns
        -------
        tuple of ndarray
            Latitudes and longitudes in degrees, float64.

        Raises
        ------
        ValueError
            An index is outside of the grid.
        """
        x, y = np.broadcast_arrays(np.asarray(x), np.asarray(y))
        outside = np.flatnonzero((x < 0) | (x >= self.nx) | (y != 0) | (x % 1 != 0))
        if outside.size:
            raise ValueError(
                f"points of a grid {self.grid_type} are x = 0 ... {self.nx - 1} and y = 0, not "
                f"x = {x.flat[outside[0]]} and y = {y.flat[outside[0]]}"
            )
        x = x.astype(np.int64)
        line = np.searchsorted(self._starts, x, side="right") - 1
        return self._lines[line], _longitude(x - self._starts[line], self._counts[line])

    def _nearest(
        self, latitude: Array, longitude: Array, columns: range | None = None, rows: range | None = None
    ) -> tuple[Indices, Indices]:
        along, line = self._find(latitude, longitude)
        x = self._starts[line] + along
        if columns is not None:
            x = np.where((x >= columns.start) & (x < columns.stop), x - columns.start, -1)
        return x, np.where(x < 0, -1, 0)

    def _find(self, latitude: Array, longitude: Array) -> tuple[Indices, Indices]:
        """Find the nearest points: indices on the line, and lines. Open-Meteo decides in the same way."""
        d = self._distance
        line = np.trunc(self.latitude_lines - 1 - (latitude - d / 2) / d)
        line = np.clip(line, 0, 2 * self.latitude_lines - 2).astype(np.int64)
        (along, distance), (along_south, distance_south) = (
            self._nearest_on(latitude, longitude, candidate) for candidate in (line, line + 1)
        )
        north = distance < distance_south
        line = np.where(north, line, line + 1)
        return np.where(north, along, along_south) % self._counts[line], line

    def _nearest_on(self, latitude: Array, longitude: Array, line: Indices) -> tuple[Indices, Array]:
        """Find the nearest points on given lines, and the squares of their distances."""
        step = 360 / self._counts[line]
        along = np.rint(longitude / step)
        distance = (self._lines[line] - latitude) ** 2 + (along * step - longitude) ** 2
        return along.astype(np.int64), distance

    def _find_point_xy(self, lat: float, lon: float) -> XYIndex:
        """Find the nearest point: its index on its line, and the line."""
        along, line = self._find(*check_points(lat, lon))
        return XYIndex(int(along), int(line))

    def find_box(self, south: float, north: float, west: float, east: float) -> Indices:
        """Find all points within a box.

        Parameters
        ----------
        south, north, west, east : float
            Its sides in degrees; points on them are inside. If west is greater than east, the box crosses the
            antimeridian.

        Returns
        -------
        ndarray
            Their indices, int64 in ascending order.
        """
        box = Box.between(south, north, west, east)
        lines = np.flatnonzero(box.has_latitude(self._lines))
        count, start = self._counts[lines], self._starts[lines]
        west %= 360
        first = np.ceil((west - BORDER) * count / 360).astype(np.int64)
        last = np.floor((west + box.width + BORDER) * count / 360).astype(np.int64)
        n = np.clip(last - first + 1, 0, count)
        along = np.arange(n.sum()) - np.repeat(np.cumsum(n) - n, n) + np.repeat(first, n)
        indices = np.repeat(start, n) + along % np.repeat(count, n)
        indices.sort()
        return indices

    def cf_attributes(self) -> dict[str, str | float | list[float]]:
        complete = re.search(r"\b(DATUM|ENSEMBLE)\[", self.crs_wkt) is not None
        crs_wkt = self.crs_wkt if complete else SPHERE.format(self.grid_type)
        return {"crs_wkt": crs_wkt, "grid_mapping_name": "latitude_longitude"}


def _longitude(along: Indices, count: Indices) -> Array:
    longitude = along * 360 / count
    return np.where(longitude >= 180, longitude - 360, longitude)
