# SPDX-License-Identifier: MIT
from __future__ import annotations

import math
import pickle
import sys

import numpy as np
import pytest
from models import MODELS, distance
from shared import run_python

from omfiles._grids.crs import Extent, read
from omfiles._grids.projection import (
    Ellipsoid,
    Geographic,
    LambertAzimuthal,
    LambertConformal,
    RotatedPole,
    Stereographic,
)
from omfiles.grids import OmGrid, RegularGrid

pyproj = pytest.importorskip("pyproj")

SPHERE = 'BASEGEOGCRS["Sphere",DATUM["Sphere",ELLIPSOID["Sphere",6371229,0]]]'
USAGE = 'USAGE[SCOPE["grid"],BBOX[40,0,50,10]]'
DEGREES = 'CS[ellipsoidal,2],AXIS["latitude",north],AXIS["longitude",east],ANGLEUNIT["degree",0.0174532925199433]'
METRES = 'CS[Cartesian,2],AXIS["(E)",east],AXIS["(N)",north],LENGTHUNIT["metre",1]'


def projected(method, parameters, *, base=SPHERE, system=METRES):
    listed = ",".join(f'PARAMETER["{name}",{value}]' for name, value in parameters.items())
    return f'PROJCRS["model",{base},CONVERSION["x",METHOD["{method}"],{listed}],{system},{USAGE}]'


def rotated(method, parameters):
    unit = 'ANGLEUNIT["degree",0.0174532925199433]'  # without it PROJ takes some of them for radians
    listed = ",".join(f'PARAMETER["{name}",{value},{unit}]' for name, value in parameters.items())
    return f'GEOGCRS["model",{SPHERE},DERIVINGCONVERSION["x",METHOD["{method}"],{listed}],{DEGREES},{USAGE}]'


LAMBERT = {
    "Latitude of false origin": 45,
    "Longitude of false origin": 5,
    "Latitude of 1st standard parallel": 44,
    "Latitude of 2nd standard parallel": 49,
}
ORIGIN = {"Latitude of natural origin": 45, "Longitude of natural origin": 5}
SHORT = {
    projected("Lambert Conic Conformal (2SP)", LAMBERT): LambertConformal,
    projected("Lambert Conic Conformal (1SP)", ORIGIN): LambertConformal,
    projected("LAMBERT_AZIMUTHAL_EQUAL_AREA", ORIGIN): LambertAzimuthal,
    projected("Lambert Azimuthal Equal Area (Spherical)", ORIGIN): LambertAzimuthal,
    projected("Stereographic", ORIGIN | {"Scale factor at natural origin": 0.9}): Stereographic,
    projected("Oblique Stereographic", ORIGIN): Stereographic,
    projected("Polar Stereographic (variant A)", ORIGIN | {"Latitude of natural origin": 90}): Stereographic,
    projected(
        "Polar Stereographic (variant B)", {"Latitude of standard parallel": -60, "Longitude of origin": 5}
    ): Stereographic,
    rotated("PROJ ob_tran o_proj=longlat", {"o_lat_p": 40, "o_lon_p": 3, "lon_0": 10}): RotatedPole,
    rotated(
        "Pole rotation (GRIB convention)",
        {
            "Latitude of the southern pole (GRIB convention)": -40,
            "Longitude of the southern pole (GRIB convention)": 10,
            "Axis rotation (GRIB convention)": 3,
        },
    ): RotatedPole,
    rotated(
        "Pole rotation (netCDF CF convention)",
        {
            "Grid north pole latitude (netCDF CF convention)": 40,
            "Grid north pole longitude (netCDF CF convention)": -170,
            "North pole grid longitude (netCDF CF convention)": 3,
        },
    ): RotatedPole,
    f'GEOGCRS["model",DATUM["Sphere",ELLIPSOID["Sphere",6371229,0]],{DEGREES},{USAGE}]': Geographic,
}


@pytest.mark.parametrize("text", SHORT)
def test_short_texts_agree_with_proj(text):
    grid = RegularGrid(text, (30, 40))
    assert type(grid._projection) is SHORT[text]
    columns, rows = np.meshgrid(grid.x, grid.y)
    longitude, latitude = grid.to_wgs84.transform(columns, rows)
    assert distance(latitude, longitude, grid.latitude, grid.longitude).max() < 1e-12
    np.testing.assert_allclose(grid.to_projection.transform(0, 40), (grid.x[0], grid.y[0]), rtol=1e-11, atol=1e-8)


@pytest.mark.parametrize("name", ["EPSG:4326", "EPSG:3035", "EPSG:2154", "EPSG:3413", "EPSG:3031", "EPSG:6931"])
def test_systems_of_epsg(name):
    """Also with an ensemble as datum, axes to the south, several usages."""
    crs = pyproj.CRS(name)
    projection, extent = read(crs.to_wkt("WKT2_2019"))
    assert (extent.west, extent.south, extent.east, extent.north) == crs.area_of_use.bounds
    transformer = pyproj.Transformer.from_crs(crs.geodetic_crs, crs, always_xy=True)
    middle = (extent.south + extent.north) / 2, 7.0
    own = projection.forward(*map(np.array, middle))
    np.testing.assert_allclose(own, transformer.transform(*middle[::-1]), rtol=1e-11, atol=1e-5)


def test_units_of_parameters():
    degrees = LAMBERT | {"Easting at false origin": 2000}
    other = degrees | {
        "Latitude of 1st standard parallel": '48.888888888888889,ANGLEUNIT["grad",0.015707963267948967]',
        "Longitude of false origin": f'{math.radians(5)!r},ANGLEUNIT["radian",1]',
        "Easting at false origin": '2,LENGTHUNIT["kilometre",1000]',
    }
    method = "Lambert Conic Conformal (2SP)"
    expected = read(projected(method, degrees)).projection
    given = read(projected(method, other)).projection
    places = np.array([40.0, 50]), np.array([0.0, 10])
    np.testing.assert_allclose(given.forward(*places), expected.forward(*places), rtol=1e-12)
    base = SPHERE.replace("6371229,0", '6371.229,0,LENGTHUNIT["kilometre",1000]')
    assert read(projected(method, degrees, base=base)).projection == expected


def test_extent_without_usage():
    text = f'GEODCRS["x",DATUM["x",ELLIPSOID["x",6371000,0]],{DEGREES},AREA["model"],BBOX[-10.5,170,1e1,-170]]'
    assert read(text).extent == Extent(south=-10.5, west=170, north=10, east=-170)
    several = text.replace("BBOX", 'USAGE[SCOPE["x"],AREA["y"]],USAGE[SCOPE["z"],BBOX[1,2,3,4]],ID')
    assert read(several).extent == Extent(1, 2, 3, 4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a WKT"),
        ("GEOGCRS[", "not a WKT: expected a value after 'GEOGCRS.', but it ends"),
        (f'GEOGCRS["x",DATUM["x",ELLIPSOID["x",6371000,0]],{DEGREES}]', r"no area of use.* BBOX.* in GEOGCRS"),
        (f'GEOGCRS["x",DATUM["x",ELLIPSOID["x",6371000,0]],{DEGREES},BBOX[1e999,0,1,1]]', "no area of use"),
        (f'GEOGCRS["x",DATUM["x",ELLIPSOID["x",6371000,0]],{DEGREES},BBOX[0,1,2]]', "BBOX .* a number as value 4"),
        (f'GEOGCRS["x",{DEGREES},{USAGE}]', "no DATUM with an ELLIPSOID in GEOGCRS"),
        (f'GEOGCRS["x",DATUM["x",ELLIPSOID["E",0,0]],{USAGE}]', "ellipsoid E of semi-major axis 0.0"),
        (f'GEOGCRS["x",DATUM["x",ELLIPSOID["E",6371000,1]],{USAGE}]', "inverse flattening 1.0, where .* some 300"),
        (
            f'GEOGCRS["x",DATUM["x",ELLIPSOID["x",6371000,0]],PRIMEM["Paris",2.33],{DEGREES},{USAGE}]',
            r"must be Greenwich, but is Paris at 2\.33",
        ),
        (projected("Stereographic", {"Latitude of natural origin": 90}), "no parameter 'Longitude of natural origin'"),
        (f'PROJCRS["x",{SPHERE},{METRES},{USAGE}]', "no conversion from BASEGEOGCRS in PROJCRS"),
        (projected("Stereographic", ORIGIN | {"Latitude of natural origin": '"90"'}), "PARAMETER .* needs a number"),
        (projected("Stereographic", ORIGIN | {"Latitude of natural origin": 91}), "has the latitude 91"),
    ],
)
def test_errors(text, message):
    with pytest.raises(ValueError, match=message):
        OmGrid(text, (10, 10))


OTHERS = {
    "Mercator": projected("Mercator (variant A)", ORIGIN | {"Latitude of natural origin": 0}),
    "False weight": projected("Stereographic", ORIGIN | {"False weight": 1}),
    "Oblique Stereographic": projected("Oblique Stereographic", ORIGIN, base=SPHERE.replace(",0]", ",300]")),
    "Spherical": projected("Lambert Azimuthal Equal Area (Spherical)", ORIGIN, base=SPHERE.replace(",0]", ",300]")),
    "foot": projected("Stereographic", ORIGIN, system=METRES.replace('"metre",1', '"foot",0.3048')),
    "axis to the west": projected("Stereographic", ORIGIN, system=METRES.replace('"(E)",east', '"(W)",west')),
}


@pytest.mark.parametrize("name", ["Mercator", "Oblique Stereographic", "foot"])
def test_other_methods_need_pyproj(name):
    grid = RegularGrid(OTHERS[name], (101, 102))
    assert grid.kind == "projected"
    assert grid.cf_attributes() == {"crs_wkt": grid.crs_wkt}
    np.testing.assert_allclose(grid.get_coordinates(0, 0), (40, 0), atol=1e-9)
    np.testing.assert_allclose(grid.get_coordinates(101, 100), (50, 10), atol=1e-9)
    assert grid.find_point_xy(*grid.get_coordinates(13, 57)) == (13, 57)
    assert grid.find_point_xy(-40, 5) is None
    inside = (grid.latitude >= 42) & (grid.latitude <= 44) & (grid.longitude >= 3) & (grid.longitude <= 6)
    rows, columns = (np.flatnonzero(inside.any(axis)) for axis in (1, 0))
    assert grid.find_box(42, 44, 3, 6) == (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    assert pickle.loads(pickle.dumps(grid)) == grid


@pytest.mark.parametrize(
    "text",
    [
        projected("My method", {"p": 1}),
        projected("Mercator (variant A)", ORIGIN | {"Scale factor at natural origin": 0}),
        f'VERTCRS["x",{USAGE}]',
        f'FOO["x",{USAGE}]',
    ],
)
def test_what_pyproj_refuses(text):
    with pytest.raises(ValueError, match="pyproj refuses the WKT: ") as caught:
        OmGrid(text, (10, 10))
    assert isinstance(caught.value, pyproj.exceptions.CRSError), "as omfiles 1.2.0 raises it"


@pytest.mark.parametrize("name", OTHERS)
def test_other_methods_without_pyproj(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyproj", None)
    monkeypatch.delitem(sys.modules, "omfiles._grids.pyproj_fallback", raising=False)
    with pytest.raises(ImportError, match=rf"the WKT has .*{name}.*: .* pip install 'omfiles\[grids\]'") as caught:
        RegularGrid(OTHERS[name], (10, 10))
    assert caught.value.name == "pyproj"


def test_the_six_kinds_without_pyproj():
    texts = [MODELS[name].wkt() for name in ("ICON-D2", "COSMO", "HRRR", "UKV", "RDPS")]
    code = f"""
import sys
sys.modules["pyproj"] = None
from omfiles.grids import OmGrid
for text in {texts!r}:
    assert OmGrid(text, (10, 10)).latitude.shape == (10, 10)
assert OmGrid("Gaussian Grid O320", (1, 421120)).find_point_xy(90, 0) == (0, 0)
try:
    OmGrid(text, (10, 10)).crs
except ImportError as error:
    assert "omfiles[grids]" in str(error)
else:
    raise AssertionError
"""
    run_python(code)


def test_equality_of_projections():
    assert read(next(iter(SHORT))).projection == LambertConformal(
        Ellipsoid(6371229), lat_0=45, lon_0=5, lat_1=44, lat_2=49
    )
