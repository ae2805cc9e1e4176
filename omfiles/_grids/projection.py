# SPDX-License-Identifier: MIT
"""Map projections of weather models, forward and inverse, for arrays.

Formulas are those of J. P. Snyder, Map Projections: A Working Manual, USGS Professional Paper 1395, 1987,
https://doi.org/10.3133/pp1395; equation numbers in comments are his. They hold for ellipsoids and, with eccentricity 0,
for spheres. Where he gives series, the equations that they approximate are solved instead.

Latitudes, longitudes and rotated coordinates are degrees, and all others metres; all arrays are float64 and broadcast.
Where a projection is not continuous, results are not finite.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

__all__ = [
    "Array",
    "Ellipsoid",
    "Geographic",
    "LambertAzimuthal",
    "LambertConformal",
    "Projection",
    "RotatedPole",
    "Stereographic",
    "wrap",
]

Array = npt.NDArray[np.float64]


def wrap(longitude: Array) -> Array:
    """Move longitudes to -180 ... 180 degrees; those that are there stay as they are.

    Examples
    --------
    >>> wrap(np.array([-180.0, 180.0, 190.0, 359.75]))
    array([-180.  ,  180.  , -170.  ,   -0.25])
    """
    return longitude - 360 * np.rint(longitude / 360)


@dataclass(frozen=True)
class Ellipsoid:
    """An ellipsoid of revolution and its auxiliary latitudes, in radians.

    Parameters
    ----------
    semi_major_axis : float
        Metres.
    inverse_flattening : float
        0 for a sphere.
    """

    semi_major_axis: float
    inverse_flattening: float = 0

    @cached_property
    def e(self) -> float:
        """Eccentricity."""
        flattening = 1 / self.inverse_flattening if self.inverse_flattening else 0
        return math.sqrt(flattening * (2 - flattening))

    def m(self, latitude: Array) -> Array:
        """Radius of a parallel, in semi-major axes (14-15)."""
        return np.cos(latitude) / np.sqrt(1 - (self.e * np.sin(latitude)) ** 2)

    def conformal(self, latitude: Array) -> Array:
        """Conformal latitude (3-1)."""
        if not self.e:
            return latitude
        ratio = np.exp(-self.e * np.arctanh(self.e * np.sin(latitude)))
        return 2 * np.arctan(np.tan(np.pi / 4 + latitude / 2) * ratio) - np.pi / 2

    def q(self, latitude: Array) -> Array:
        """Area between the equator and a parallel, divided by pi and the square of the semi-major axis (3-12)."""
        sine = np.sin(latitude)
        if not self.e:
            return 2 * sine
        return (1 - self.e**2) * (sine / (1 - (self.e * sine) ** 2) + np.arctanh(self.e * sine) / self.e)

    @cached_property
    def q_pole(self) -> float:
        """Its value at the pole."""
        return float(self.q(np.array(np.pi / 2)))

    def authalic(self, latitude: Array) -> Array:
        """Authalic latitude (3-11)."""
        return np.arcsin(np.clip(self.q(latitude) / self.q_pole, -1, 1)) if self.e else latitude

    def geodetic(self, auxiliary: Callable[[Array], Array], value: Array) -> Array:
        """Geodetic latitude at which `conformal` or `authalic` has a value.

        What must be added to the value is a sum of sines of its even multiples, of which each is smaller than the one
        before by e**2, 1/150 for the Earth. So seven of them are exact, and 16 nodes give them by Fourier analysis.
        There the equation is solved by iteration, each step of which divides the error by 150 as well.
        """
        if not self.e:
            return value
        angles = np.arange(0.5, 16) * (np.pi / 8)  # twice the latitudes of the nodes
        nodes = latitude = angles / 2 - np.pi * (angles > np.pi)
        for _ in range(8):
            latitude = latitude + (nodes - auxiliary(latitude))
        coefficients = [(latitude - nodes) @ np.sin(k * angles) / 8 for k in range(1, 8)]
        last = before = np.zeros_like(value)
        cosine = 2 * np.cos(2 * value)
        for coefficient in reversed(coefficients):  # by Clenshaw's recurrence, as in Snyder's (3-34)
            last, before = coefficient + cosine * last - before, last
        return value + last * np.sin(2 * value)

    def cf_attributes(self) -> dict[str, float]:
        """Describe it for a grid mapping of CF."""
        if not self.inverse_flattening:
            return {"earth_radius": self.semi_major_axis}
        return {"semi_major_axis": self.semi_major_axis, "inverse_flattening": self.inverse_flattening}


class Projection(ABC):
    """From latitude and longitude to coordinates of a plane, and back."""

    @abstractmethod
    def forward(self, latitude: Array, longitude: Array) -> tuple[Array, Array]:
        """Project; returns x (to the east) and y."""

    @abstractmethod
    def inverse(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Return latitude and longitude."""

    def discontinuities(self) -> list[tuple[float, float]] | None:
        """Points, as latitude and longitude, around which `forward` is not continuous. None: they are not known."""
        return []

    @abstractmethod
    def cf_attributes(self) -> dict[str, str | float | list[float]]:
        """Describe it for a grid mapping of CF, Appendix F of the CF conventions."""


@dataclass(frozen=True)
class Geographic(Projection):
    """Plain longitude and latitude.

    Examples
    --------
    >>> Geographic(Ellipsoid(6371229)).forward(np.array(52.5), np.array(13.4))
    (array(13.4), array(52.5))
    """

    ellipsoid: Ellipsoid

    def forward(self, latitude: Array, longitude: Array) -> tuple[Array, Array]:
        """Project; returns x (to the east) and y."""
        return longitude, latitude

    def inverse(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Return latitude and longitude."""
        return y, x

    def cf_attributes(self) -> dict[str, str | float | list[float]]:
        """Describe it for a grid mapping of CF."""
        return {"grid_mapping_name": "latitude_longitude", **self.ellipsoid.cf_attributes()}


@dataclass(frozen=True)
class RotatedPole(Projection):
    """Longitude and latitude after a rotation of the globe: ``ob_tran`` with ``o_proj=longlat`` in PROJ.

    Parameters
    ----------
    ellipsoid : Ellipsoid
        Latitudes are rotated as if it were a sphere.
    o_lat_p : float
        Rotated latitude of the north pole.
    o_lon_p : float
        Rotated longitude of the north pole.
    lon_0 : float
        Longitude on whose meridian the north pole of the rotated globe lies, opposite of it.

    Examples
    --------
    >>> rotated = RotatedPole(Ellipsoid(6371229), o_lat_p=39.25, lon_0=18)
    >>> x, y = rotated.forward(np.array(90.0), np.array(0.0))
    >>> abs(float(x.round(9))), float(y.round(9))
    (0.0, 39.25)
    """

    ellipsoid: Ellipsoid
    _: KW_ONLY
    o_lat_p: float
    o_lon_p: float = 0
    lon_0: float = 0

    def forward(self, latitude: Array, longitude: Array) -> tuple[Array, Array]:
        """Return longitude and latitude on the rotated globe."""
        y, x = _rotate(latitude, longitude - self.lon_0, self.o_lat_p)
        return wrap(x + self.o_lon_p), y

    def inverse(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Return latitude and longitude."""
        latitude, longitude = _rotate(y, x - self.o_lon_p, 180 - self.o_lat_p)
        return latitude, wrap(longitude + self.lon_0)

    def discontinuities(self) -> list[tuple[float, float]]:
        """Return the poles of the rotated globe."""
        north = self.inverse(np.array(0.0), np.array(90.0))
        south = self.inverse(np.array(0.0), np.array(-90.0))
        return [(float(latitude), float(longitude)) for latitude, longitude in (north, south)]

    def cf_attributes(self) -> dict[str, str | float | list[float]]:
        """Describe it for a grid mapping of CF."""
        return {
            "grid_mapping_name": "rotated_latitude_longitude",
            "grid_north_pole_latitude": self.o_lat_p,
            "grid_north_pole_longitude": float(wrap(np.array(self.lon_0 + 180))),
            "north_pole_grid_longitude": self.o_lon_p,
            **self.ellipsoid.cf_attributes(),
        }


@dataclass(frozen=True)
class LambertConformal(Projection):
    """Lambert conformal conic projection.

    Parameters
    ----------
    ellipsoid : Ellipsoid
        What is projected.
    lat_0, lon_0 : float
        Origin.
    lat_1, lat_2 : float
        Standard parallels; they may be equal.
    k_0 : float
        Scale on the standard parallels.
    x_0, y_0 : float
        False easting and northing: coordinates of the origin.

    Examples
    --------
    >>> hrrr = LambertConformal(Ellipsoid(6371229), lat_0=38.5, lon_0=-97.5, lat_1=38.5, lat_2=38.5)
    >>> x, y = hrrr.forward(np.array(21.138), np.array(-122.72))
    >>> float(x.round()), float(y.round())
    (-2697573.0, -1587306.0)
    """

    ellipsoid: Ellipsoid
    _: KW_ONLY
    lat_0: float
    lon_0: float
    lat_1: float
    lat_2: float
    k_0: float = 1
    x_0: float = 0
    y_0: float = 0

    def __post_init__(self) -> None:
        if not (max(abs(self.lat_1), abs(self.lat_2)) < 90 and abs(self.lat_1 + self.lat_2) > 1e-6):
            raise ValueError(
                "a Lambert conformal projection has standard parallels between the poles that are not symmetrical to "
                f"the equator, but they are {self.lat_1} and {self.lat_2}"
            )
        _check_origin(self.lat_0)

    def _t(self, latitude: Array) -> Array:
        """Return the tangent of half the conformal colatitude (15-9)."""
        return np.tan(np.pi / 4 - self.ellipsoid.conformal(np.radians(latitude)) / 2)

    @cached_property
    def _cone(self) -> tuple[float, float, float]:
        """The constant n (15-8), the radius where t = 1 (15-7, 15-10), and the radius of the origin."""
        m_1, m_2 = np.log(self.ellipsoid.m(np.radians([self.lat_1, self.lat_2])))
        t_1, t_2 = np.log(self._t(np.array([self.lat_1, self.lat_2])))
        # Rounding errors of the quotient grow as the parallels come closer; at this distance they are 1e-11, and so is
        # the error of the sine, which is its limit.
        if abs(self.lat_1 - self.lat_2) < 1e-3:
            n = math.sin(math.radians((self.lat_1 + self.lat_2) / 2))
        else:
            n = (m_1 - m_2) / (t_1 - t_2)
        scale = self.ellipsoid.semi_major_axis * self.k_0 / n * np.exp(m_1 - n * t_1)
        return float(n), float(scale), float(scale * self._t(np.array(self.lat_0)) ** n)

    def forward(self, latitude: Array, longitude: Array) -> tuple[Array, Array]:
        """Project; returns x (to the east) and y (15-1 ... 15-4)."""
        n, scale, rho_0 = self._cone
        rho = scale * self._t(latitude) ** n
        theta = np.radians(n * wrap(longitude - self.lon_0))
        return self.x_0 + rho * np.sin(theta), self.y_0 + rho_0 - rho * np.cos(theta)

    def inverse(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Return latitude and longitude (14-9, 14-10, 14-11, 15-5, 15-11)."""
        n, scale, rho_0 = self._cone
        sign = math.copysign(1, n)
        east, south = sign * (x - self.x_0), sign * (rho_0 - (y - self.y_0))
        t = (np.hypot(east, south) / abs(scale)) ** (1 / n)
        latitude = self.ellipsoid.geodetic(self.ellipsoid.conformal, np.pi / 2 - 2 * np.arctan(t))
        return np.degrees(latitude), wrap(self.lon_0 + np.degrees(np.arctan2(east, south)) / n)

    def discontinuities(self) -> list[tuple[float, float]]:
        """Return the pole that is infinitely far."""
        return [(math.copysign(90, -self._cone[0]), self.lon_0)]

    def cf_attributes(self) -> dict[str, str | float | list[float]]:
        """Describe it for a grid mapping of CF; empty if CF cannot."""
        if self.k_0 != 1:
            return {}
        return {
            "grid_mapping_name": "lambert_conformal_conic",
            "standard_parallel": self.lat_1 if self.lat_1 == self.lat_2 else [self.lat_1, self.lat_2],
            "longitude_of_central_meridian": self.lon_0,
            "latitude_of_projection_origin": self.lat_0,
            "false_easting": self.x_0,
            "false_northing": self.y_0,
            **self.ellipsoid.cf_attributes(),
        }


@dataclass(frozen=True)
class _Azimuthal(Projection):
    """A projection whose image of a sphere of auxiliary latitudes is symmetric around the origin."""

    ellipsoid: Ellipsoid
    _: KW_ONLY
    lat_0: float
    lon_0: float
    x_0: float = 0
    y_0: float = 0

    def __post_init__(self) -> None:
        _check_origin(self.lat_0)

    @abstractmethod
    def _auxiliary(self, latitude: Array) -> Array:
        """Return the auxiliary latitude, radians."""

    @property
    @abstractmethod
    def _radii(self) -> tuple[float, float]:
        """Radii of the sphere, for x and y."""

    @cached_property
    def _origin(self) -> tuple[float, float]:
        """Sine and cosine of the auxiliary latitude of the origin."""
        latitude = self._auxiliary(np.radians(self.lat_0))
        return float(np.sin(latitude)), float(np.cos(latitude))

    def _to_sphere(self, latitude: Array, longitude: Array) -> tuple[Array, Array, Array]:
        """Return the unit vector of a point: its parts to the east, to the north and upwards at the origin (5-3)."""
        sine_0, cosine_0 = self._origin
        latitude, longitude = self._auxiliary(np.radians(latitude)), np.radians(longitude - self.lon_0)
        sine, cosine = np.sin(latitude), np.cos(latitude)
        axis = cosine * np.cos(longitude)
        return cosine * np.sin(longitude), cosine_0 * sine - sine_0 * axis, sine_0 * sine + cosine_0 * axis

    def _from_sphere(self, east: Array, north: Array, up: Array) -> tuple[Array, Array]:
        """Return latitude and longitude of a vector of any length."""
        sine_0, cosine_0 = self._origin
        axis = cosine_0 * up - sine_0 * north
        latitude = np.arctan2(sine_0 * up + cosine_0 * north, np.hypot(axis, east))
        latitude = self.ellipsoid.geodetic(self._auxiliary, latitude)
        return np.degrees(latitude), wrap(self.lon_0 + np.degrees(np.arctan2(east, axis)))

    def discontinuities(self) -> list[tuple[float, float]]:
        """Return the point opposite of the origin."""
        east, north, up = (np.array(part) for part in (0.0, 0.0, -1.0))
        latitude, longitude = self._from_sphere(east, north, up)
        return [(float(latitude), float(longitude))]


class LambertAzimuthal(_Azimuthal):
    """Lambert azimuthal equal-area projection.

    Parameters
    ----------
    ellipsoid : Ellipsoid
        What is projected.
    lat_0, lon_0 : float
        Origin.
    x_0, y_0 : float
        False easting and northing: coordinates of the origin.

    Examples
    --------
    >>> europe = LambertAzimuthal(Ellipsoid(6378137, 298.257222101), lat_0=52, lon_0=10, x_0=4321000, y_0=3210000)
    >>> latitude, longitude = europe.inverse(np.array(3962799.45), np.array(2999718.85))
    >>> float(latitude.round(6)), float(longitude.round(6))
    (50.0, 5.0)
    """

    def _auxiliary(self, latitude: Array) -> Array:
        return self.ellipsoid.authalic(latitude)

    @cached_property
    def _radii(self) -> tuple[float, float]:
        """Radius of the sphere of the same area (3-13), times and divided by D (24-20)."""
        radius = self.ellipsoid.semi_major_axis * math.sqrt(self.ellipsoid.q_pole / 2)
        if abs(self.lat_0) == 90:
            return radius, radius
        parallel = self.ellipsoid.semi_major_axis * float(self.ellipsoid.m(np.radians(self.lat_0)))
        d = parallel / (radius * self._origin[1])
        return radius * d, radius / d

    def forward(self, latitude: Array, longitude: Array) -> tuple[Array, Array]:
        """Project; returns x (to the east) and y (24-17 ... 24-19)."""
        east, north, up = self._to_sphere(latitude, longitude)
        radius_x, radius_y = self._radii
        factor = np.sqrt(2 / (1 + up))
        return self.x_0 + radius_x * factor * east, self.y_0 + radius_y * factor * north

    def inverse(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Return latitude and longitude; outside of the image of the sphere they are NaN."""
        radius_x, radius_y = self._radii
        east, north = (x - self.x_0) / radius_x, (y - self.y_0) / radius_y
        square = (east * east + north * north) / 4  # of the sine of half the angle from the origin (24-16)
        factor = np.sqrt(1 - square)
        return self._from_sphere(factor * east, factor * north, 1 - 2 * square)

    def cf_attributes(self) -> dict[str, str | float | list[float]]:
        """Describe it for a grid mapping of CF."""
        return {
            "grid_mapping_name": "lambert_azimuthal_equal_area",
            "longitude_of_projection_origin": self.lon_0,
            "latitude_of_projection_origin": self.lat_0,
            "false_easting": self.x_0,
            "false_northing": self.y_0,
            **self.ellipsoid.cf_attributes(),
        }


@dataclass(frozen=True)
class Stereographic(_Azimuthal):
    """Stereographic projection, polar or oblique.

    Parameters
    ----------
    ellipsoid : Ellipsoid
        What is projected.
    lat_0, lon_0 : float
        Origin.
    k_0 : float
        Scale there.
    lat_ts : float, optional
        Of a polar projection: the latitude where the scale is `k_0`.
    x_0, y_0 : float
        False easting and northing: coordinates of the origin.

    Examples
    --------
    >>> polar = Stereographic(Ellipsoid(6371229), lat_0=90, lon_0=249, lat_ts=60)
    >>> x, y = polar.forward(np.array([90.0, 60.0]), np.array([0.0, 249.0]))
    >>> y.round()
    array([       0., -3185615.])
    """

    _: KW_ONLY
    k_0: float = 1
    lat_ts: float | None = None

    def _auxiliary(self, latitude: Array) -> Array:
        return self.ellipsoid.conformal(latitude)

    @cached_property
    def _radii(self) -> tuple[float, float]:
        """Radius of the sphere of conformal latitudes, for the scale `k_0` where it should be (21-27, 21-33, 21-34)."""
        e = self.ellipsoid.e
        true = math.radians(self.lat_0 if self.lat_ts is None else self.lat_ts)
        latitude = float(self._auxiliary(np.array(true)))
        if abs(self.lat_0) != 90:
            scale = float(self.ellipsoid.m(np.array(true))) / math.cos(latitude)
        elif abs(true) != math.pi / 2:
            scale = float(self.ellipsoid.m(np.array(true))) / (2 * math.tan(math.pi / 4 - abs(latitude) / 2))
        else:
            scale = 1 / math.sqrt((1 + e) ** (1 + e) * (1 - e) ** (1 - e))
        radius = self.ellipsoid.semi_major_axis * self.k_0 * scale
        return radius, radius

    def forward(self, latitude: Array, longitude: Array) -> tuple[Array, Array]:
        """Project; returns x (to the east) and y (21-24, 21-25)."""
        east, north, up = self._to_sphere(latitude, longitude)
        factor = 2 * self._radii[0] / (1 + up)
        return self.x_0 + factor * east, self.y_0 + factor * north

    def inverse(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Return latitude and longitude."""
        east, north = (x - self.x_0) / self._radii[0], (y - self.y_0) / self._radii[0]
        square = (east * east + north * north) / 4  # of the tangent of half the angle from the origin (21-15)
        return self._from_sphere(east, north, 1 - square)

    def cf_attributes(self) -> dict[str, str | float | list[float]]:
        """Describe it for a grid mapping of CF."""
        polar = abs(self.lat_0) == 90
        scale: dict[str, float] = {"scale_factor_at_projection_origin": self.k_0}
        if self.lat_ts is not None:
            scale = {"standard_parallel": self.lat_ts}
        return {
            "grid_mapping_name": "polar_stereographic" if polar else "stereographic",
            "straight_vertical_longitude_from_pole" if polar else "longitude_of_projection_origin": self.lon_0,
            "latitude_of_projection_origin": self.lat_0,
            **scale,
            "false_easting": self.x_0,
            "false_northing": self.y_0,
            **self.ellipsoid.cf_attributes(),
        }


def _check_origin(latitude: float) -> None:
    if not abs(latitude) <= 90:
        raise ValueError(f"the origin of a projection lies between the poles, but has the latitude {latitude}")


def _rotate(latitude: Array, longitude: Array, pole: float) -> tuple[Array, Array]:
    """Latitude and longitude on a globe rotated so that the north pole comes to a latitude (5-7, 5-8b)."""
    sine_p, cosine_p = np.sin(np.radians(pole)), np.cos(np.radians(pole))
    latitude, longitude = np.radians(latitude), np.radians(longitude)
    sine, cosine = np.sin(latitude), np.cos(latitude)
    axis = cosine * np.cos(longitude)
    east, north = cosine * np.sin(longitude), sine_p * axis + cosine_p * sine
    rotated = np.arctan2(sine_p * sine - cosine_p * axis, np.hypot(east, north))
    return np.degrees(rotated), np.degrees(np.arctan2(east, north))
