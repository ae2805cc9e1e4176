# SPDX-License-Identifier: MIT
from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from models import MODELS, PROJECTED, distance

from omfiles._grids.projection import Ellipsoid, LambertAzimuthal, LambertConformal, RotatedPole, Stereographic

pyproj = pytest.importorskip("pyproj")

CLARKE = Ellipsoid(6378206.4, 294.9786982)
INTERNATIONAL = Ellipsoid(6378388, 297)


@pytest.mark.parametrize(
    ("projection", "latitude", "longitude", "x", "y"),
    [
        # Snyder, Map Projections, Appendix A: pages 296, 334, 314 and 315
        (LambertConformal(CLARKE, lat_0=23, lon_0=-96, lat_1=33, lat_2=45), 35, -75, 1894410.9, 1564649.5),
        (LambertAzimuthal(CLARKE, lat_0=40, lon_0=-100), 30, -110, -965932.1, -1056814.9),
        (Stereographic(CLARKE, lat_0=40, lon_0=-100, k_0=0.9999), 30, -90, 971630.8, -1063049.3),
        (Stereographic(INTERNATIONAL, lat_0=-90, lon_0=-100, lat_ts=-71), -75, 150, -1540033.6, -560526.4),
    ],
)
def test_examples_of_snyder(projection, latitude, longitude, x, y):
    assert projection.forward(np.array(latitude), np.array(longitude)) == pytest.approx((x, y), abs=0.06)
    assert projection.inverse(np.array(x), np.array(y)) == pytest.approx((latitude, longitude), abs=1e-6)


@pytest.mark.parametrize("version", ["WKT2_2015", "WKT2_2019"])
@pytest.mark.parametrize("name", MODELS)
def test_grids_agree_with_proj(name, version):
    model = MODELS[name]
    grid = model.grid(version)
    columns, rows = np.arange(0, grid.nx, 7), np.arange(0, grid.ny, 5)[:, np.newaxis]
    x, y = (start + step * index for start, step, index in zip(model.origin, model.step, (columns, rows)))
    longitude, latitude = grid.to_wgs84.transform(*np.broadcast_arrays(x, y))
    # The inverse equal-area projection of PROJ has errors of a millimetre, hence not 1e-13.
    own = grid.latitude[rows, columns], grid.longitude[rows, columns]
    assert distance(latitude, longitude, *own).max() < 2e-10
    index_x, index_y = grid.fractional_index(*own)
    assert np.abs(index_x - columns).max() < 1e-9
    assert np.abs(index_y - rows).max() < 1e-9
    assert np.ptp([grid.x, model.origin[0] + np.arange(grid.nx) * model.step[0]], axis=0).max() % 360 < 1e-7 * grid.dx


@pytest.mark.parametrize("name", PROJECTED)
def test_the_globe_agrees_with_proj(name):
    grid = MODELS[name].grid()
    rng = np.random.default_rng(0)
    sine, longitude = rng.uniform(-0.99, 0.99, 2000), rng.uniform(-360, 360, 2000)
    latitude = np.degrees(np.arcsin(sine))
    x, y = grid._projection.forward(latitude, longitude)
    expected = np.array(grid.to_projection.transform(longitude, latitude))
    np.testing.assert_allclose(np.hypot(*(expected - (x, y))) / np.hypot(*expected), 0, atol=1e-10)
    back = grid._projection.inverse(x, y)
    np.testing.assert_allclose(distance(latitude, longitude, *back), 0, atol=1e-10)


@pytest.mark.parametrize("name", PROJECTED)
def test_poles_agree_with_proj(name):
    grid = MODELS[name].grid()
    for latitude in (-90, -89.99, 89.99, 90):
        expected = np.array(grid.to_projection.transform(25, latitude))
        with np.errstate(all="ignore"):
            x, y = grid._projection.forward(np.array(latitude), np.array(25))
        if np.isfinite(expected).all() and np.hypot(*expected) < 1e8:
            scale = 1 if isinstance(grid._projection, RotatedPole) else 6.4e6
            if isinstance(grid._projection, LambertAzimuthal):  # PROJ is some centimetres off
                scale *= 30
            assert np.hypot(*(expected - (x, y))) < 1e-9 * scale
        else:
            assert not np.hypot(x, y) < 1e8


def test_cf_has_no_scale_of_a_cone():
    grid = MODELS["one parallel"].grid()
    assert grid.cf_attributes() == {"crs_wkt": grid.crs_wkt}


@pytest.mark.parametrize("name", sorted(set(MODELS) - {"one parallel", "UKV"}))  # for UKV pyproj has none
def test_cf_attributes_agree_with_pyproj(name):
    grid = MODELS[name].grid()
    own, theirs = grid.cf_attributes(), grid.crs.to_cf()
    assert own.pop("crs_wkt") == grid.crs_wkt
    if "earth_radius" in own:  # CF has a name of its own for spheres
        own["semi_major_axis"] = own.pop("earth_radius")
        own["inverse_flattening"] = 0
    if name in ("KNMI radar", "NSIDC south", "true at the pole"):  # CF wants it, pyproj leaves it out
        theirs["latitude_of_projection_origin"] = np.sign(grid.crs.to_cf()["standard_parallel"]) * 90
    described = {"semi_minor_axis", "longitude_of_prime_meridian", "crs_wkt"}
    assert own.keys() == {
        key for key in theirs if key not in described and not key.endswith(("_crs_name", "_name"))
    } | {"grid_mapping_name"}
    assert own.pop("grid_mapping_name") == theirs["grid_mapping_name"]
    for key, value in own.items():
        difference = np.subtract(value, theirs[key])
        assert np.all(difference % 360 == 0 if "longitude" in key else difference == 0), key


def test_cf_attributes_of_an_azimuthal_sphere():
    attributes = MODELS["UKV"].grid().cf_attributes()
    assert attributes == {
        "crs_wkt": MODELS["UKV"].wkt(),
        "grid_mapping_name": "lambert_azimuthal_equal_area",
        "longitude_of_projection_origin": -2.5,
        "latitude_of_projection_origin": 54.9,
        "false_easting": 0,
        "false_northing": 0,
        "earth_radius": 6371229,
    }


@pytest.mark.parametrize("parallels", [(50, 50.05), (50, 50.005), (-40, -40.0011)])
def test_parallels_that_differ_a_little(parallels):
    pole = np.copysign(90, parallels[0])
    proj = pyproj.Proj(proj="lcc", lat_0=pole, lon_0=10, lat_1=parallels[0], lat_2=parallels[1], ellps="clrk66")
    own = LambertConformal(CLARKE, lat_0=pole, lon_0=10, lat_1=parallels[0], lat_2=parallels[1])
    places = np.array([35.0, 60.0]), np.array([-20.0, 40.0])
    np.testing.assert_allclose(own.forward(*places), proj(*places[::-1]), rtol=2e-9)


def test_nearly_equal_parallels():
    """The cone constant is a quotient of small differences, or a limit of it."""
    places = np.array([30.0, 60.0]), np.array([-100.0, 20.0])
    around = [
        LambertConformal(CLARKE, lat_0=45, lon_0=0, lat_1=50, lat_2=50 + step).forward(*places)
        for step in (0, 1e-12, 1e-6, 0.999e-3, 1.001e-3)
    ]
    np.testing.assert_allclose(around[1], around[0], rtol=1e-12)
    np.testing.assert_allclose(around[2], around[0], rtol=1e-7)
    np.testing.assert_allclose(around[4], np.array(around[3]) + (np.array(around[3]) - around[0]) * 0.002, rtol=1e-9)


@pytest.mark.parametrize("parallels", [(30, -30), (0, 0), (90, 90), (45, np.nan)])
def test_no_cone(parallels):
    with pytest.raises(ValueError, match=r"standard parallels between the poles .* not symmetrical .* but they are"):
        LambertConformal(CLARKE, lat_0=40, lon_0=0, lat_1=parallels[0], lat_2=parallels[1])


def test_no_origin():
    for make in (Stereographic, LambertAzimuthal, partial(LambertConformal, lat_1=50, lat_2=50)):
        with pytest.raises(ValueError, match=r"between the poles, but has the latitude 90\.5"):
            make(CLARKE, lat_0=90.5, lon_0=0)


@pytest.mark.parametrize("ellipsoid", [CLARKE, INTERNATIONAL, Ellipsoid(6378137, 298.257223563), Ellipsoid(6371229)])
def test_auxiliary_latitudes(ellipsoid):
    latitude = np.linspace(-1.55, 1.55, 1001)
    for auxiliary in (ellipsoid.conformal, ellipsoid.authalic):
        np.testing.assert_allclose(ellipsoid.geodetic(auxiliary, auxiliary(latitude)), latitude, rtol=0, atol=2e-14)
