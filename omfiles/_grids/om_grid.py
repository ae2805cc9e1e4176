# SPDX-License-Identifier: MIT
"""The grid of a model, of whatever kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy.typing as npt

from omfiles._grids.base import Grid, Indices, Kind
from omfiles._grids.gaussian import GaussianGrid
from omfiles._grids.projection import Array
from omfiles._grids.regular import RegularGrid

if TYPE_CHECKING:
    import pyproj

__all__ = ["OmGrid"]


class OmGrid(Grid):
    """The grid of a model, as Open-Meteo describes it.

    Parameters
    ----------
    crs_wkt : str
        Coordinate reference system: ``crs_wkt`` of a file or of its metadata. A text that contains "Gaussian Grid"
        stands for a `GaussianGrid`, any other for a `RegularGrid`.
    shape : sequence of two int
        ``(ny, nx)``: the first two dimensions of an array.

    Attributes
    ----------
    crs_wkt : str
        The same, with commas where they were missing.
    shape : tuple of two int
        ``(ny, nx)``.

    Raises
    ------
    ValueError
        The text cannot be read or does not say where the grid begins and ends, or the shape does not fit.
    ImportError
        The projection is none of those that Open-Meteo uses, and pyproj is not installed.

    Examples
    --------
    >>> from omfiles.grids import OmGrid
    >>> grid = OmGrid('''PROJCRS["HRRR", BASEGEOGCRS["sphere", DATUM["sphere", ELLIPSOID["sphere", 6371229, 0]]],
    ...     CONVERSION["Lambert", METHOD["Lambert Conic Conformal (2SP)"],
    ...         PARAMETER["Latitude of false origin", 38.5], PARAMETER["Longitude of false origin", -97.5],
    ...         PARAMETER["Latitude of 1st standard parallel", 38.5],
    ...         PARAMETER["Latitude of 2nd standard parallel", 38.5]],
    ...     CS[Cartesian, 2], AXIS["(E)", east], AXIS["(N)", north], LENGTHUNIT["metre", 1],
    ...     USAGE[SCOPE["grid"], BBOX[21.138, -122.72, 47.8424, -60.918]]]''', (1059, 1799))
    >>> grid.kind, grid.latitude.shape
    ('projected', (1059, 1799))
    >>> grid.find_point_xy(40.0, -105.3)
    XYIndex(x=678, y=594)
    >>> grid.find_points([40.0, 52.5], [-105.3, 13.4])
    (array([678,  -1]), array([594,  -1]))
    """

    def __init__(self, crs_wkt: str, shape: Sequence[int]) -> None:
        self._grid = GaussianGrid(crs_wkt, shape) if "Gaussian Grid" in crs_wkt else RegularGrid(crs_wkt, shape)
        self.crs_wkt = self._grid.crs_wkt
        self.shape = self._grid.shape

    @property
    def kind(self) -> Kind:
        """What the grid is like.

        "geographic": latitude depends on y and longitude on x alone; "projected": both on both; "gaussian": points
        follow one another along a single axis x.
        """
        return self._grid.kind

    @property
    def is_gaussian(self) -> bool:
        """Whether it is a reduced Gaussian grid."""
        return isinstance(self._grid, GaussianGrid)

    @property
    def crs(self) -> pyproj.CRS | None:
        """The coordinate reference system, which needs pyproj; None for a Gaussian grid."""
        return None if isinstance(self._grid, GaussianGrid) else self._grid.crs

    @property
    def _regular(self) -> RegularGrid:
        if isinstance(self._grid, GaussianGrid):
            raise AttributeError(f"a reduced Gaussian grid such as {self._grid.grid_type} has neither columns nor rows")
        return self._grid

    @property
    def x(self) -> Array:
        """Projection coordinates of columns; not of a Gaussian grid."""
        return self._regular.x

    @property
    def y(self) -> Array:
        """Projection coordinates of rows; not of a Gaussian grid."""
        return self._regular.y

    @property
    def latitude(self) -> Array:
        return self._grid.latitude

    @property
    def longitude(self) -> Array:
        return self._grid.longitude

    def get_meshgrid(self) -> tuple[Array, Array]:
        """Longitudes and latitudes of all points: `longitude`, `latitude`."""
        return self.longitude, self.latitude

    def coordinates(self, x: npt.ArrayLike, y: npt.ArrayLike) -> tuple[Array, Array]:
        return self._grid.coordinates(x, y)

    def fractional_index(self, lat: npt.ArrayLike, lon: npt.ArrayLike) -> tuple[Array, Array]:
        """Compute indices of places between the grid points, see `RegularGrid.fractional_index`."""
        return self._regular.fractional_index(lat, lon)

    def find_points(self, lat: npt.ArrayLike, lon: npt.ArrayLike) -> tuple[Indices, Indices]:
        return self._grid.find_points(lat, lon)

    def find_box(self, south: float, north: float, west: float, east: float) -> tuple[slice, slice | Indices] | Indices:
        return self._grid.find_box(south, north, west, east)

    def cf_attributes(self) -> dict[str, str | float | list[float]]:
        return self._grid.cf_attributes()
