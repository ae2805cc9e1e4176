# SPDX-License-Identifier: MIT
"""What a coordinate reference system as well-known text says of a grid: its projection and its extent.

Methods and parameters go by their names in the EPSG registry, which PROJ writes too; upper and lower case, blanks and
punctuation do not matter. What is not understood is left to pyproj, if that is installed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from omfiles._grids import wkt
from omfiles._grids.projection import (
    Ellipsoid,
    Geographic,
    LambertAzimuthal,
    LambertConformal,
    Projection,
    RotatedPole,
    Stereographic,
)

__all__ = ["Crs", "Extent", "read"]


class Extent(NamedTuple):
    """The area of use: for a grid, its first and its last point, in degrees."""

    south: float
    west: float
    north: float
    east: float


class Crs(NamedTuple):
    """A coordinate reference system."""

    projection: Projection
    extent: Extent


class _Unsupported(Exception):
    """The message says what is not supported."""


def read(text: str) -> Crs:
    """Read the projection and the area of use.

    Parameters
    ----------
    text : str
        WKT 2 of a geographic, derived geographic or projected system.

    Raises
    ------
    ValueError
        It is not a WKT, lacks an area of use, its prime meridian is not that of Greenwich, or neither this module nor
        pyproj knows the projection.
    ImportError
        Only pyproj knows the projection, and is not installed.

    Examples
    --------
    >>> read('''GEOGCRS["sphere", DATUM["sphere", ELLIPSOID["sphere", 6371229, 0]], CS[ellipsoidal, 2],
    ...     AXIS["latitude", north], AXIS["longitude", east], ANGLEUNIT["degree", 0.0174532925199433],
    ...     USAGE[SCOPE["grid"], BBOX[-90, -180, 90, 179.75]]]''').extent
    Extent(south=-90.0, west=-180.0, north=90.0, east=179.75)
    """
    root = wkt.parse(text)
    extent = _extent(root)
    try:
        return Crs(_projection(root), extent)
    except _Unsupported as unsupported:
        try:
            from omfiles._grids.pyproj_fallback import PyprojProjection
        except ImportError as error:
            raise ImportError(f"{unsupported}: {error}", name="pyproj") from None
        return Crs(PyprojProjection(text), extent)


def _extent(root: wkt.Node) -> Extent:
    """Find the bounding box in the system itself or in its first usage that has one."""
    for place in (root, *root.nodes("USAGE")):
        box = place.find("BBOX")
        if box is not None:
            extent = Extent(*(box.number(i) for i in range(4)))
            if not all(map(math.isfinite, extent)):
                break
            return extent
    raise ValueError(
        "the WKT has no area of use, which says where the grid begins and ends: expected "
        f"USAGE[SCOPE[...], BBOX[south, west, north, east]] in {root.keyword}"
    )


def _projection(root: wkt.Node) -> Projection:
    if root.keyword in ("PROJCRS", "PROJECTEDCRS"):
        base, conversion = root.find("BASEGEOGCRS", "BASEGEODCRS"), root.find("CONVERSION")
    elif root.keyword in ("GEOGCRS", "GEOGRAPHICCRS", "GEODCRS", "GEODETICCRS", "DERIVEDGEOGCRS"):
        base, conversion = root.find("BASEGEOGCRS", "BASEGEODCRS"), root.find("DERIVINGCONVERSION")
    else:
        raise _Unsupported(f"the WKT is of the kind {root.keyword}")
    system = root.find("CS")
    projected = root.keyword.startswith("PROJ")
    if system is not None and system.text(0).lower() != ("cartesian" if projected else "ellipsoidal"):
        raise _Unsupported(f"the WKT has a coordinate system of the kind {system.text(0)}")
    for node in (root, *root.nodes("AXIS")):
        unit = node.find("LENGTHUNIT", "ANGLEUNIT", "UNIT")
        if unit is not None and not math.isclose(unit.number(1), 1 if projected else math.pi / 180, rel_tol=1e-9):
            raise _Unsupported(f"the WKT has coordinates in {unit.text(0)}")
        if node.keyword == "AXIS" and node.text(1).lower() == "west":
            raise _Unsupported("the WKT has an axis to the west")
    ellipsoid = _ellipsoid(base or root)
    if conversion is not None:
        return _convert(conversion, ellipsoid)
    if base is None:
        return Geographic(ellipsoid)
    raise ValueError(f"the WKT has no conversion from {base.keyword} in {root.keyword}")


def _ellipsoid(root: wkt.Node) -> Ellipsoid:
    meridian = root.find("PRIMEM", "PRIMEMERIDIAN")
    if meridian is not None and meridian.number(1) != 0:
        raise ValueError(
            f"the prime meridian of the WKT must be Greenwich, but is {meridian.text(0)} at {meridian.number(1)}"
        )
    datum = root.find("DATUM", "GEODETICDATUM", "TRF", "ENSEMBLE")
    node = None if datum is None else datum.find("ELLIPSOID", "SPHEROID")
    if node is None:
        raise ValueError(f"the WKT has no DATUM with an ELLIPSOID in {root.keyword}")
    unit = node.find("LENGTHUNIT", "UNIT")
    axis, inverse_flattening = node.number(1) * (1 if unit is None else unit.number(1)), node.number(2)
    if not (0 < axis < math.inf and (inverse_flattening == 0 or 100 <= inverse_flattening < math.inf)):
        raise ValueError(
            f"the WKT has an ellipsoid {node.text(0)} of semi-major axis {axis} and inverse flattening "
            f"{inverse_flattening}, where metres and either 0 or some 300 would be right"
        )
    return Ellipsoid(axis, inverse_flattening)


# --- methods ----------------------------------------------------------------------------------------------------------


def _name(text: str) -> str:
    return "".join(filter(str.isalnum, text.lower()))


def _lambert_1sp(ellipsoid: Ellipsoid, *, lat_0: float, **others: float) -> Projection:
    return LambertConformal(ellipsoid, lat_0=lat_0, lat_1=lat_0, lat_2=lat_0, **others)


def _polar_b(ellipsoid: Ellipsoid, *, lat_ts: float, **others: float) -> Projection:
    return Stereographic(ellipsoid, lat_0=math.copysign(90, lat_ts), lat_ts=lat_ts, **others)


def _azimuthal_sphere(ellipsoid: Ellipsoid, **parameters: float) -> Projection:
    if ellipsoid.e:
        raise _Unsupported("the WKT has the method Lambert Azimuthal Equal Area (Spherical), but an ellipsoid")
    return LambertAzimuthal(ellipsoid, **parameters)


def _double_stereographic(ellipsoid: Ellipsoid, **parameters: float) -> Projection:
    if ellipsoid.e:  # it goes to a conformal sphere first
        raise _Unsupported("the WKT has the method Oblique Stereographic and an ellipsoid")
    return Stereographic(ellipsoid, **parameters)


def _pole_of_grib(ellipsoid: Ellipsoid, *, south: float, lon_0: float, rotation: float = 0) -> Projection:
    return RotatedPole(ellipsoid, o_lat_p=-south, o_lon_p=-rotation, lon_0=lon_0)


def _pole_of_cf(ellipsoid: Ellipsoid, *, o_lat_p: float, north: float, o_lon_p: float = 0) -> Projection:
    return RotatedPole(ellipsoid, o_lat_p=o_lat_p, o_lon_p=o_lon_p, lon_0=north + 180)


_SHIFT = {"False easting": "x_0", "False northing": "y_0"}
_ORIGIN = {"Latitude of natural origin": "lat_0", "Longitude of natural origin": "lon_0", **_SHIFT}
_SCALED = {**_ORIGIN, "Scale factor at natural origin": "k_0"}
_OBLIQUE = {"o_lat_p": "o_lat_p", "o_lon_p": "o_lon_p", "lon_0": "lon_0"}

_METHODS: dict[str, tuple[Callable[..., Projection], dict[str, str]]] = {
    "Lambert Conic Conformal (1SP)": (_lambert_1sp, _SCALED),
    "Lambert Conic Conformal (2SP)": (
        LambertConformal,
        {
            "Latitude of false origin": "lat_0",
            "Longitude of false origin": "lon_0",
            "Latitude of 1st standard parallel": "lat_1",
            "Latitude of 2nd standard parallel": "lat_2",
            "Easting at false origin": "x_0",
            "Northing at false origin": "y_0",
        },
    ),
    "Lambert Azimuthal Equal Area": (LambertAzimuthal, _ORIGIN),
    "Lambert Azimuthal Equal Area (Spherical)": (_azimuthal_sphere, _ORIGIN),
    "Stereographic": (Stereographic, _SCALED),
    "Oblique Stereographic": (_double_stereographic, _SCALED),
    "Polar Stereographic (variant A)": (Stereographic, _SCALED),
    "Polar Stereographic (variant B)": (
        _polar_b,
        {"Latitude of standard parallel": "lat_ts", "Longitude of origin": "lon_0", **_SHIFT},
    ),
    "PROJ ob_tran o_proj=longlat": (RotatedPole, _OBLIQUE),
    "PROJ ob_tran o_proj=latlong": (RotatedPole, _OBLIQUE),
    "Pole rotation (GRIB convention)": (
        _pole_of_grib,
        {
            "Latitude of the southern pole (GRIB convention)": "south",
            "Longitude of the southern pole (GRIB convention)": "lon_0",
            "Axis rotation (GRIB convention)": "rotation",
        },
    ),
    "Pole rotation (netCDF CF convention)": (
        _pole_of_cf,
        {
            "Grid north pole latitude (netCDF CF convention)": "o_lat_p",
            "Grid north pole longitude (netCDF CF convention)": "north",
            "North pole grid longitude (netCDF CF convention)": "o_lon_p",
        },
    ),
}
_BY_NAME = {_name(method): known for method, known in _METHODS.items()}
_OPTIONAL = {  # these have a default
    *_SHIFT,
    "Easting at false origin",
    "Northing at false origin",
    "Scale factor at natural origin",
    "o_lon_p",
    "lon_0",
    "Axis rotation (GRIB convention)",
    "North pole grid longitude (netCDF CF convention)",
}


def _convert(conversion: wkt.Node, ellipsoid: Ellipsoid) -> Projection:
    node = conversion.find("METHOD", "PROJECTION")
    method = "" if node is None else node.text(0)
    if _name(method) not in _BY_NAME:
        raise _Unsupported(f"the WKT has the method {method!r}")
    make, parameters = _BY_NAME[_name(method)]
    given = {_name(node.text(0)): node for node in conversion.nodes("PARAMETER")}
    values = {}
    for name, parameter in parameters.items():
        node = given.pop(_name(name), None)
        if node is not None:
            values[parameter] = _value(node, parameter)
        elif name not in _OPTIONAL:
            raise ValueError(f"the WKT has no parameter {name!r} for the method {method!r}")
    for node in given.values():
        raise _Unsupported(f"the WKT has the parameter {node.text(0)!r} for the method {method!r}")
    return make(ellipsoid, **values)


def _value(node: wkt.Node, parameter: str) -> float:
    """Return the value of a parameter in degrees, in metres or as a factor."""
    value = node.number(1)
    unit = node.find("ANGLEUNIT", "LENGTHUNIT", "SCALEUNIT", "UNIT")
    own = 1 if parameter in ("x_0", "y_0", "k_0") else math.pi / 180
    if unit is None or math.isclose(unit.number(1), own, rel_tol=1e-9):
        return value
    return value * unit.number(1) / own
