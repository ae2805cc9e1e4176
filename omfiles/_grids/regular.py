# SPDX-License-Identifier: MIT
"""Grids with columns and rows at equal distances, on a map projection or in latitude and longitude."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from omfiles._grids import crs, wkt
from omfiles._grids.axis import Axis
from omfiles._grids.box import Box, Indices, check_points, check_shape
from omfiles._grids.om_grid import Kind, OmGrid
from omfiles._grids.projection import Array, Geographic, RotatedPole

if TYPE_CHECKING:
    import pyproj

__all__ = ["RegularGrid"]

EDGE_SAMPLES = 512
"""Points on each side of a box that are projected to see where it may lie."""
SAFE_DISTANCE = 5.0
"""Degrees from a discontinuity of a projection beyond which so many samples show each bend: they are at most 0.7
degrees apart."""


class RegularGrid(OmGrid):
    """A regular grid: latitude and longitude, also rotated, or a map projection.

    Regular and rotated latitude/longitude, Lambert conformal conic, Lambert azimuthal equal-area and stereographic
    grids are computed here; others by pyproj (``pip install 'omfiles[grids]'``). Latitudes and longitudes are those
    of the datum of the grid, as if it were WGS 84.

    Parameters
    ----------
    crs_wkt : str
        Coordinate reference system as WKT 2. Its area of use names the first and the last grid point.
    shape : sequence of two int
        ``(ny, nx)``, both at least 2.

    Attributes
    ----------
    crs_wkt : str
        The same, with commas where they were missing.
    shape : tuple of two int
        ``(ny, nx)``.
    nx, ny : int
        Columns and rows.
    bounds : tuple of four float
        ``(xmin, xmax, ymin, ymax)`` of the grid points, in degrees or metres.
    origin : tuple of two float
        ``(xmin, ymin)``.
    dx, dy : float
        Distances of columns and rows.

    Raises
    ------
    ValueError
        The WKT cannot be read or has no area of use, or the shape does not fit.
    ImportError
        The projection needs pyproj, which is not installed.

    Examples
    --------
    >>> from omfiles.grids import RegularGrid
    >>> grid = RegularGrid('''GEOGCRS["WGS 84", DATUM["World Geodetic System 1984",
    ...     ELLIPSOID["WGS 84", 6378137, 298.257223563]], CS[ellipsoidal, 2],
    ...     AXIS["latitude", north], AXIS["longitude", east], ANGLEUNIT["degree", 0.0174532925199433],
    ...     USAGE[SCOPE["grid"], BBOX[-90, -180, 90, 179.75]]]''', (721, 1440))
    >>> grid.find_point_xy(52.52, 13.41), grid.find_point_xy(0, 179.9)
    (XYIndex(x=774, y=570), XYIndex(x=0, y=360))
    >>> grid.get_coordinates(774, 570)
    LatLon(lat=52.5, lon=13.5)
    >>> grid.find_box(south=35, north=70, west=-10, east=30)
    (slice(500, 641, None), slice(680, 841, None))
    """

    def __init__(self, crs_wkt: str, shape: Sequence[int]) -> None:
        self.crs_wkt = wkt.repair(crs_wkt)
        self.shape = self.ny, self.nx = check_shape(shape)
        if self.nx <= 1 or self.ny <= 1:
            raise ValueError(f"a regular grid has at least two columns and rows, but its shape is {self.shape}")
        self._projection, extent = crs.read(self.crs_wkt)
        corners = np.array([extent.south, extent.north]), np.array([extent.west, extent.east])
        (xmin, xmax), (ymin, ymax) = (corner.tolist() for corner in self._forward(*corners))
        self._period = 360.0 if isinstance(self._projection, Geographic | RotatedPole) else None
        if self._period is not None and xmax < xmin:  # across the antimeridian
            xmax += self._period
        if not np.isfinite([xmin, xmax, ymin, ymax]).all() or xmin == xmax or ymin == ymax:
            raise ValueError(
                f"the first and the last grid point of the WKT cannot be the corners of a grid: {extent} is at "
                f"x {xmin} ... {xmax} and y {ymin} ... {ymax}"
            )
        self.bounds = xmin, xmax, ymin, ymax
        self.origin = xmin, ymin
        self.dx = (xmax - xmin) / (self.nx - 1)
        self.dy = (ymax - ymin) / (self.ny - 1)

    @property
    def kind(self) -> Kind:
        return "geographic" if isinstance(self._projection, Geographic) else "projected"

    # --- coordinates ----------------------------------------------------------------------------------------------

    @cached_property
    def x(self) -> Array:
        """Longitudes of columns, or their projection coordinates in metres; float64 of shape ``(nx,)``."""
        return _fixed(self._at(np.arange(self.nx), self.origin[0], self.dx))

    @cached_property
    def y(self) -> Array:
        """Latitudes of rows, or their projection coordinates in metres; float64 of shape ``(ny,)``."""
        return _fixed(self._at(np.arange(self.ny), self.origin[1], self.dy))

    @cached_property
    def _points(self) -> tuple[Array, Array]:
        latitude, longitude = self.coordinates(np.arange(self.nx), np.arange(self.ny)[:, np.newaxis])
        return _fixed(latitude), _fixed(longitude)

    @property
    def latitude(self) -> Array:
        return self._points[0]

    @property
    def longitude(self) -> Array:
        return self._points[1]

    def coordinates(self, x: npt.ArrayLike, y: npt.ArrayLike) -> tuple[Array, Array]:
        columns = self._at(np.asarray(x, np.float64), self.origin[0], self.dx)
        rows = self._at(np.asarray(y, np.float64), self.origin[1], self.dy)
        shape = np.broadcast_shapes(columns.shape, rows.shape)
        with np.errstate(all="ignore"):  # outside of what is projected
            return self._projection.inverse(np.broadcast_to(columns, shape), np.broadcast_to(rows, shape))

    def _at(self, index: npt.NDArray[Any], origin: float, step: float) -> Array:
        """Projection coordinates of indices: of latitude and longitude plain decimals, if they should be.

        That is, 50.1 where rounding errors make 50.099999999999994 of it; a difference of at most six micrometres.
        """
        position = origin + index * step
        return position.round(10) if self.kind == "geographic" else position

    def _forward(self, latitude: Array, longitude: Array) -> tuple[Array, Array]:
        with np.errstate(all="ignore"):  # where the projection is not continuous
            return self._projection.forward(latitude, longitude)

    # --- searching ------------------------------------------------------------------------------------------------

    def fractional_index(self, lat: npt.ArrayLike, lon: npt.ArrayLike) -> tuple[Array, Array]:
        """Compute indices of places between the grid points.

        Parameters
        ----------
        lat, lon : array_like
            Latitudes and longitudes in degrees, which broadcast.

        Returns
        -------
        tuple of ndarray
            Indices x and y, float64, not limited to the grid. In degrees, x is within half a turn of the middle of the
            grid. Beyond the poles and where the projection is not continuous they are not finite.

        Raises
        ------
        ValueError
            A coordinate is not finite.

        Examples
        --------
        >>> from omfiles.grids import RegularGrid
        >>> grid = RegularGrid('''GEOGCRS["WGS 84", DATUM["World Geodetic System 1984",
        ...     ELLIPSOID["WGS 84", 6378137, 298.257223563]], CS[ellipsoidal, 2],
        ...     AXIS["latitude", north], AXIS["longitude", east], ANGLEUNIT["degree", 0.0174532925199433],
        ...     USAGE[SCOPE["grid"], BBOX[-90, -180, 90, 179.75]]]''', (721, 1440))
        >>> grid.fractional_index(10.125, [-180, 180.0625, 359])
        (array([0.00e+00, 2.50e-01, 7.16e+02]), array([400.5, 400.5, 400.5]))
        """
        x, y = self._project(*check_points(lat, lon))
        x, y = (x - self.origin[0]) / self.dx, (y - self.origin[1]) / self.dy
        if self._period is not None:
            turn = self._period / self.dx
            x = x - turn * np.rint((x - (self.nx - 1) / 2) / turn)
        return x, y

    @cached_property
    def _axes(self) -> tuple[Axis, Axis]:
        """Columns and rows."""
        degrees = self._period is not None
        return (
            Axis(self.origin[0], self.dx, self.nx, "longitude" if degrees else "plane"),
            Axis(self.origin[1], self.dy, self.ny, "latitude" if degrees else "plane"),
        )

    def _project(self, latitude: Array, longitude: Array) -> tuple[Array, Array]:
        """Projection coordinates x and y of places; not finite where there are none."""
        if self.kind == "projected":
            latitude = np.where(np.abs(latitude) <= 90, latitude, np.nan)
        return self._forward(latitude, longitude)

    def _nearest(
        self, latitude: Array, longitude: Array, columns: range | None = None, rows: range | None = None
    ) -> tuple[Indices, Indices]:
        parts = range(self.nx) if columns is None else columns, range(self.ny) if rows is None else rows
        found = zip(self._axes, self._project(latitude, longitude), parts)
        x, y = (axis.nearest_in(at, part) for axis, at, part in found)
        inside = (x >= 0) & (y >= 0)
        if inside.all():
            return x, y
        return np.where(inside, x, -1), np.where(inside, y, -1)

    def find_box(self, south: float, north: float, west: float, east: float) -> tuple[slice, slice | Indices]:
        box = Box.between(south, north, west, east)
        if isinstance(self._projection, Geographic):
            return cast(slice, box.rows(self.y)), box.columns(self.x)  # latitudes ascend, or descend
        y, x = self._candidates(box)
        if (y.stop - y.start, x.stop - x.start) == self.shape:
            latitude, longitude = self._points
        else:
            rows, columns = np.arange(y.start, y.stop)[:, np.newaxis], np.arange(x.start, x.stop)
            latitude, longitude = self.coordinates(columns, rows)
        inside_y, inside_x = box.region(latitude, longitude)
        return _shifted(inside_y, y.start), _shifted(inside_x, x.start)

    def _candidates(self, box: Box) -> tuple[slice, slice]:
        """Rows and columns outside of which no point can be in the box.

        Away from its discontinuities a projection has no extremes inside of the box: so they are on its sides.
        Between samples a coordinate exceeds its neighbours by an eighth of its second difference; all of that is
        added, and one point more. Where the projection is cut, the second difference is that large.
        """
        points = self._projection.discontinuities()
        if points is None or any(_touches(box, *point) for point in points):
            return slice(0, self.ny), slice(0, self.nx)
        steps = np.linspace(0, 1, EDGE_SAMPLES)
        south, north = np.clip([box.south, box.north], -90, 90)
        latitudes, longitudes = south + steps * (north - south), box.west + steps * box.width
        x, y = self.fractional_index(
            np.stack(np.broadcast_arrays(latitudes, latitudes, south, north)),
            np.stack(np.broadcast_arrays(longitudes[0], longitudes[-1], longitudes, longitudes)),
        )
        return _cover(y, self.ny), _cover(x, self.nx)

    # --- objects of pyproj ----------------------------------------------------------------------------------------

    @cached_property
    def crs(self) -> pyproj.CRS:
        """The coordinate reference system."""
        from omfiles._grids.pyproj_fallback import crs_from_wkt

        return crs_from_wkt(self.crs_wkt)

    @cached_property
    def wgs84(self) -> pyproj.CRS:
        """Latitude and longitude on WGS 84 (EPSG 4326)."""
        from omfiles._grids.pyproj_fallback import WGS84

        return WGS84

    @cached_property
    def to_projection(self) -> pyproj.Transformer:
        """From longitude and latitude to x and y."""
        from omfiles._grids.pyproj_fallback import transformer

        return transformer(self.wgs84, self.crs)

    @cached_property
    def to_wgs84(self) -> pyproj.Transformer:
        """From x and y to longitude and latitude."""
        from omfiles._grids.pyproj_fallback import transformer

        return transformer(self.crs, self.wgs84)

    def cf_attributes(self) -> dict[str, str | float | list[float]]:
        return {"crs_wkt": self.crs_wkt, **self._projection.cf_attributes()}


def _fixed(array: Array) -> Array:
    array.flags.writeable = False
    return array


def _shifted(part: slice, offset: int) -> slice:
    return slice(part.start + offset, part.stop + offset) if part.stop else part


def _touches(box: Box, latitude: float, longitude: float) -> bool:
    """Whether a point is in a box or so near that samples of its sides would not show it."""
    reach = SAFE_DISTANCE
    if not box.south - reach <= latitude <= box.north + reach:
        return False
    if abs(latitude) + reach < 90:
        reach /= math.cos(math.radians(latitude))
        return (longitude - box.west + reach) % 360 <= box.width + 2 * reach
    return True


def _cover(sides: Array, size: int) -> slice:
    """Return indices that are not beyond the sides of a box, of which samples are given."""
    margin = 1 + np.abs(np.diff(sides, 2)).max()
    low, high = sides.min() - margin, sides.max() + margin
    if not np.isfinite(high - low):
        return slice(0, size)
    return slice(int(np.clip(low, 0, size)), int(np.clip(np.ceil(high), 0, size)))
