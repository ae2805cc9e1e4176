# SPDX-License-Identifier: MIT
"""The grid of a model, of whatever kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from omfiles._grids.box import Indices, check_points, outside_text
from omfiles._grids.projection import Array
from omfiles.types import LatLon, XYIndex

if TYPE_CHECKING:
    import pyproj

__all__ = ["Kind", "OmGrid"]

Kind: TypeAlias = Literal["geographic", "projected", "gaussian"]

NOWHERE = np.iinfo(np.int64).min
"""What is below the mask of an index: no array has such a one."""


class OmGrid:
    """The grid of a model, as Open-Meteo describes it: where its points are, and which is nearest to a place.

    It is a `RegularGrid` or a `GaussianGrid`: calling this class makes one of the two. Indices are those of an array of
    the shape ``(ny, nx)``: x counts columns and y rows.

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
    >>> grid.find_points([40.0, 39.7], [-105.3, -104.9])
    (array([678, 688]), array([594, 582]))
    >>> x, y = grid.find_points([40.0, 52.5], [-105.3, 13.4], outside="mask")
    >>> x.mask
    array([False,  True])
    """

    crs_wkt: str
    shape: tuple[int, int]

    def __new__(cls, crs_wkt: str, shape: Sequence[int]) -> Self:
        if cls is not OmGrid:
            return super().__new__(cls)
        from omfiles._grids.gaussian import GaussianGrid
        from omfiles._grids.regular import RegularGrid

        kind = GaussianGrid if "Gaussian Grid" in crs_wkt else RegularGrid
        return super().__new__(cast(type[Self], kind))

    @property
    def kind(self) -> Kind:
        """What the grid is like.

        "geographic": latitude depends on y and longitude on x alone; "projected": both on both; "gaussian": points
        follow one another along a single axis x.
        """
        raise NotImplementedError

    @property
    def is_gaussian(self) -> bool:
        """Whether it is a reduced Gaussian grid."""
        return self.kind == "gaussian"

    @property
    def crs(self) -> pyproj.CRS | None:
        """The coordinate reference system, which needs pyproj; None for a Gaussian grid."""
        return None

    @property
    def x(self) -> Array:
        """Projection coordinates of columns; not of a Gaussian grid."""
        raise self._no_columns()

    @property
    def y(self) -> Array:
        """Projection coordinates of rows; not of a Gaussian grid."""
        raise self._no_columns()

    def _no_columns(self) -> AttributeError:
        return AttributeError(f"a reduced Gaussian grid such as {self!r} has neither columns nor rows")

    @property
    def latitude(self) -> Array:
        """Latitudes of all points in degrees, float64 of shape ``(ny, nx)``; computed once, not writable."""
        raise NotImplementedError

    @property
    def longitude(self) -> Array:
        """Longitudes of all points in degrees, float64 of shape ``(ny, nx)``; computed once, not writable."""
        raise NotImplementedError

    def get_meshgrid(self) -> tuple[Array, Array]:
        """Longitudes and latitudes of all points: `longitude`, `latitude`."""
        return self.longitude, self.latitude

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
        raise NotImplementedError

    def fractional_index(self, lat: npt.ArrayLike, lon: npt.ArrayLike) -> tuple[Array, Array]:
        """Compute indices of places between the grid points, see `RegularGrid.fractional_index`."""
        raise self._no_columns()

    def find_points(
        self, lat: npt.ArrayLike, lon: npt.ArrayLike, *, outside: Literal["raise", "mask"] = "raise"
    ) -> tuple[Indices, Indices]:
        """Find the grid points that are nearest to places: the cells that Open-Meteo's API takes.

        Parameters
        ----------
        lat, lon : array_like
            Latitudes and longitudes in degrees, which broadcast.
        outside : {"raise", "mask"}
            What to do about places that are more than half a cell outside of the grid: raise an error, or return
            masked arrays. Global grids have no places outside.

        Returns
        -------
        tuple of ndarray
            Indices x and y, int64. With "mask", masked arrays: ``reader.vindex[y, x]`` gives NaN where they are
            masked. Below the mask is no index of any array, so that nothing reads another cell by it.

        Raises
        ------
        ValueError
            A place is outside of the grid, or a coordinate is not finite.
        """
        if outside not in ("raise", "mask"):
            raise ValueError(f"outside is 'raise' or 'mask', not {outside!r}")
        latitude, longitude = check_points(lat, lon)
        x, y = self._nearest(latitude, longitude)
        missing = np.asarray(x < 0)
        if outside == "mask":
            x, y = (np.ma.masked_array(np.where(missing, NOWHERE, at), missing) for at in (x, y))
            return x, y
        if missing.any():
            text = outside_text(latitude, longitude, missing, self._reach())
            raise ValueError(f"{text}; outside='mask' masks them")
        return x, y

    def _nearest(
        self, latitude: Array, longitude: Array, columns: range | None = None, rows: range | None = None
    ) -> tuple[Indices, Indices]:
        """Find the nearest grid points, or positions in some columns and rows: x and y, both -1 outside."""
        raise NotImplementedError

    def _reach(self, columns: Indices | None = None, rows: Indices | None = None) -> str:
        """Say how far the grid reaches, or some columns and rows of it."""
        x = np.arange(self.shape[1]) if columns is None else columns
        y = np.arange(self.shape[0]) if rows is None else rows
        if not x.size or not y.size:
            return "it has no points"
        sides = [(x, y[:1]), (x, y[-1:]), (x[:1], y), (x[-1:], y)]
        lat, lon = (np.concatenate(points) for points in zip(*(self.coordinates(*side) for side in sides)))
        return (
            f"its sides are between latitudes {lat.min():.6g} and {lat.max():.6g} "
            f"and between longitudes {lon.min():.6g} and {lon.max():.6g}"
        )

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
        raise NotImplementedError

    def cf_attributes(self) -> dict[str, str | float | list[float]]:
        """Attributes of a grid mapping variable of the CF conventions: ``crs_wkt`` and what is known besides."""
        raise NotImplementedError

    def find_point_xy(self, lat: float, lon: float) -> XYIndex | None:
        """Find the grid point that is nearest to a place.

        Parameters
        ----------
        lat, lon : float
            Latitude and longitude in degrees.

        Returns
        -------
        XYIndex or None
            Its indices; None if the place is more than half a cell outside of the grid. `find_points` raises there.

        Raises
        ------
        ValueError
            A coordinate is not finite.
        TypeError
            Not numbers; `find_points` takes arrays.
        """
        if np.ndim(lat) or np.ndim(lon):
            raise TypeError("find_point_xy takes the latitude and longitude of one place; find_points takes arrays")
        x, y = self._nearest(*check_points(lat, lon))
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

    @property
    def _grid(self) -> Self:
        """The grid itself, for programs that look here for the kind that omfiles 1.2.0 has inside."""
        return self

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, OmGrid):
            return NotImplemented
        return type(self) is type(other) and (self.crs_wkt, self.shape) == (other.crs_wkt, other.shape)

    def __hash__(self) -> int:
        return hash((self.crs_wkt, self.shape))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.crs_wkt, self.shape)  # not the arrays

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.kind} {self.shape}>"
