# SPDX-License-Identifier: MIT
from __future__ import annotations

import pickle

import numpy as np
import pytest
from models import MODELS

from omfiles.grids import OmGrid, RegularGrid
from omfiles.types import LatLon, XYIndex

pyproj = pytest.importorskip("pyproj")

# What omfiles 1.2.0 finds at (latitude, longitude), and its (latitude, longitude) of (x, y).
PEER = {
    "ICON-D2": (
        [(44.436, 15.766, (985, 63)), (46.696, 0.426, (218, 176)), (55.116, 0.466, (220, 597))],
        [
            (985, 63.5, (44.45, 15.76)),
            (218, 176.5, (46.71, 0.4200000000000004)),
            (220, 597.5, (55.129999999999995, 0.4600000000000004)),
        ],
    ),
    "COSMO": (
        [(48.156, 17.098, (147, 104)), (38.837, -1.863, (6, 16)), (45.498, 3.777, (56, 77))],
        [
            (147, 104.5, (48.22805006707824, 17.062667182075295)),
            (6, 16.5, (38.901041059811014, -1.9145806458307573)),
            (56, 77.5, (45.565432328780645, 3.726042419775407)),
        ],
    ),
    "HRRR": (
        [(37.65, -90.074, (372, 169)), (28.002, -110.298, (158, 56)), (44.506, -84.528, (414, 259))],
        [
            (372, 169.5, (37.70888019686913, -90.09861280041333)),
            (158, 56.5, (28.05380655523037, -110.33331886308441)),
            (414, 259.5, (44.56508197419559, -84.55025557398889)),
        ],
    ),
    "AROME": (
        [(42.211, -5.913, (9, 27)), (45.472, 1.123, (126, 93)), (46.652, 9.09, (248, 124))],
        [
            (9, 27.5, (42.241118973524884, -5.9351881622848515)),
            (126, 93.5, (45.503295464110906, 1.103596422627947)),
            (248, 124.5, (46.684628205276965, 9.07474271884581)),
        ],
    ),
    "UKV": (
        [(52.974, -6.738, (109, 104)), (55.731, 1.15, (173, 142)), (57.664, -16.105, (44, 178))],
        [
            (109, 104.5, (53.02318974341004, -6.778351917140848)),
            (173, 142.5, (55.78264055575174, 1.115922369249682)),
            (44, 178.5, (57.70890642206693, -16.163461261268836)),
        ],
    ),
    "RDPS": (
        [(65.46, -8.673, (283, 315)), (38.54, -81.732, (294, 93)), (66.029, -149.581, (119, 214))],
        [
            (283, 315.5, (65.49248396676205, -8.258477608620616)),
            (294, 93.5, (38.68822560259828, -81.71196328143334)),
            (119, 214.5, (66.11175486311107, -149.96296675262448)),
        ],
    ),
    "oblique": (
        [(55.865, 10.457, (117, 139)), (48.281, 14.93, (156, 58)), (42.999, 15.494, (168, 0))],
        [
            (117, 139.5, (55.92966269332102, 10.417187091202182)),
            (156, 58.5, (48.34698643711606, 14.901652809104466)),
            (168, 0.5, (43.064534088980885, 15.468793734679618)),
        ],
    ),
}


def geographic(south, west, north, east, shape):
    # as Open-Meteo writes it: without a comma before USAGE
    return OmGrid(
        f"""
        GEOGCRS["WGS 84",
            DATUM["World Geodetic System 1984",
                ELLIPSOID["WGS 84",6378137,298.257223563]],
            CS[ellipsoidal,2],
                AXIS["latitude",north],
                AXIS["longitude",east],
                ANGLEUNIT["degree",0.0174532925199433]
            USAGE[
                SCOPE["grid"],
                BBOX[{south},{west},{north},{east}]]]""",
        shape,
    )


@pytest.fixture(scope="module")
def globe():
    return geographic(-90, -180, 90, 179.75, (721, 1440))


@pytest.mark.parametrize("name", PEER)
def test_same_as_the_peer(name):
    grid = OmGrid(MODELS[name].wkt(), MODELS[name].shape)
    places, points = PEER[name]
    for latitude, longitude, index in places:
        assert grid.find_point_xy(latitude, longitude) == index
    for x, y, expected in points:
        assert grid.get_coordinates(x, y) == pytest.approx(expected, abs=1e-8)


def test_attributes(globe):
    grid = RegularGrid(globe.crs_wkt, (721, 1440))
    assert (grid.nx, grid.ny, grid.shape) == (1440, 721, (721, 1440))
    assert grid.bounds == (-180, 179.75, -90, 90)
    assert grid.origin == (-180, -90)
    assert (grid.dx, grid.dy) == (0.25, 0.25)
    assert grid.crs == globe.crs == pyproj.CRS(globe.crs_wkt)
    assert grid.wgs84 == pyproj.CRS("EPSG:4326")
    assert grid.to_projection.transform(13, 52) == grid.to_wgs84.transform(13, 52) == (13, 52)
    assert not globe.is_gaussian
    assert globe.kind == "geographic"
    assert isinstance(globe, OmGrid)
    assert repr(globe) == "<RegularGrid geographic (721, 1440)>"


def test_arrays(globe):
    for values, expected in (
        (globe.latitude, np.linspace(-90, 90, 721)[:, np.newaxis]),
        (globe.longitude, np.linspace(-180, 179.75, 1440)),
    ):
        assert values.dtype == np.float64
        np.testing.assert_array_equal(values, np.broadcast_to(expected, (721, 1440)))
        with pytest.raises(ValueError, match="read-only"):
            values[0, 0] = 1
    assert globe.latitude is globe.latitude
    assert globe.longitude is globe.longitude
    longitude, latitude = globe.get_meshgrid()
    assert longitude is globe.longitude
    assert latitude is globe.latitude
    np.testing.assert_array_equal(globe.x, globe.longitude[0])
    np.testing.assert_array_equal(globe.y, globe.latitude[:, 0])


def test_coordinates_are_plain_decimals():
    grid = geographic(43.18, -3.94, 58.08, 20.34, (746, 1215))
    assert all(len(repr(float(value))) <= 6 for value in (*grid.x, *grid.y))


def test_projected_arrays():
    grid = OmGrid(MODELS["UKV"].wkt(), MODELS["UKV"].shape)
    assert grid.kind == "projected"
    assert grid.latitude.shape == grid.longitude.shape == grid.shape
    assert grid.latitude is grid.latitude
    y, x = np.mgrid[: grid.shape[0], : grid.shape[1]]
    latitude, longitude = grid.coordinates(x, y)
    np.testing.assert_array_equal(latitude, grid.latitude)
    np.testing.assert_array_equal(longitude, grid.longitude)
    assert grid.get_coordinates(3, 5) == (latitude[5, 3], longitude[5, 3])
    found = grid.find_points(latitude, longitude)
    np.testing.assert_array_equal(found[0], x)
    np.testing.assert_array_equal(found[1], y)
    assert found[0].dtype == found[1].dtype == np.int64


def test_get_coordinates(globe):
    assert globe.get_coordinates(774, 570) == LatLon(52.5, 13.5)
    assert globe.get_coordinates(-1, 721.5) == LatLon(90.375, -180.25)
    assert [type(value) for value in globe.get_coordinates(np.int64(1), np.int32(2))] == [float, float]
    with pytest.raises(TypeError, match="coordinates takes arrays"):
        globe.get_coordinates([1, 2], 0)


def test_half_a_cell_of_tolerance():
    grid = geographic(0, 0, 10, 10, (11, 11))
    assert grid.find_point_xy(10.5, -0.5) == XYIndex(0, 10)  # half to even
    assert grid.find_point_xy(0.5, 1.5) == XYIndex(2, 0)
    for outside in ((10.51, 5), (-0.51, 5), (5, 10.51), (5, -0.51)):
        assert grid.find_point_xy(*outside) is None
    x, y = grid.find_points([[0, 20], [5, 5]], [3, 359.8])
    np.testing.assert_array_equal(x, [[3, -1], [3, 0]])
    np.testing.assert_array_equal(y, [[0, -1], [5, 5]])


@pytest.mark.parametrize(
    ("longitude", "x"),
    [
        *[(179.75, 1439), (179.874, 1439), (179.875, 0), (179.876, 0), (180, 0), (200, 80), (359.75, 719), (540.25, 1)],
        *[(-180, 0), (-180.124, 0), (-180.126, 1439), (-200, 1360)],
    ],
)
def test_longitudes_wrap(globe, longitude, x):
    assert globe.find_point_xy(0, longitude) == XYIndex(x, 360)
    east = geographic(-90, 0, 90, 359.75, (721, 1440))
    assert east.find_point_xy(0, longitude) == XYIndex((x + 720) % 1440, 360)


def test_longitudes_wrap_on_regional_grids():
    pacific = geographic(-10, 170, 10, -170, (21, 21))
    assert pacific.x[0] == 170
    assert pacific.x[-1] == 190
    assert pacific.find_point_xy(0, -175) == pacific.find_point_xy(0, 185) == XYIndex(15, 10)
    assert pacific.find_point_xy(0, -169) is None
    assert pacific.find_point_xy(0, 0) is None
    rotated = MODELS["all around"].grid()
    assert rotated.find_point_xy(*rotated.get_coordinates(179.6, 40)) == XYIndex(0, 40)


def test_both_ends_are_kept():
    grid = geographic(-90, -180, 90, 180, (73, 145))
    assert grid.find_point_xy(0, 180) == XYIndex(144, 36)
    assert grid.find_point_xy(0, -180) == XYIndex(0, 36)


def test_fractional_index():
    grid = geographic(0, 0, 10, 20, (11, 21))
    x, y = grid.fractional_index([[1.25], [20]], [-0.25, 359.5, 200])
    np.testing.assert_allclose(x, [[-0.25, -0.5, -160]] * 2)
    np.testing.assert_allclose(y, [[1.25] * 3, [20] * 3])
    assert x.dtype == y.dtype == np.float64
    model = MODELS["AROME"].grid()
    latitude, longitude = model.coordinates([-7.25, 12.5], [3.5, 1000.125])
    np.testing.assert_allclose(model.fractional_index(latitude, longitude), [[-7.25, 12.5], [3.5, 1000.125]])


def test_south_to_north_or_back():
    grid = geographic(10, 0, 0, 10, (11, 11))
    assert (grid.y[0], grid.y[-1]) == (10, 0)
    assert grid.find_point_xy(9, 2) == XYIndex(2, 1)


@pytest.mark.parametrize("name", ["HRRR", "UKV", "RDPS", "COSMO"])
def test_places_that_are_nowhere(name):
    grid = MODELS[name].grid()
    latitude, longitude = grid.get_coordinates(10, 10)
    assert grid.find_point_xy(latitude, longitude) == XYIndex(10, 10)
    for place in ((180 - latitude, longitude + 180), (-latitude, longitude + 180), (90.001, 0), (-90, 0)):
        assert grid.find_point_xy(*place) is None
        assert grid.find_points([place[0]], place[1])[0].tolist() == [-1]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_coordinates_must_be_finite(globe, bad):
    with pytest.raises(ValueError, match="must be finite"):
        globe.find_point_xy(bad, 0)
    with pytest.raises(ValueError, match=rf"must be finite, but are 4\.0 and {bad} at \[1, 0\]"):
        globe.find_points([[2], [4]], [[0], [bad]])
    with pytest.raises(ValueError, match="must be finite"):
        globe.fractional_index(0, bad)


def test_one_place_or_many(globe):
    for places in (([1], 2), (1, np.array([2, 3]))):
        with pytest.raises(TypeError, match="find_points takes arrays"):
            globe.find_point_xy(*places)


@pytest.mark.parametrize("shape", [[721, 1440], (np.int32(721), np.int64(1440)), np.array([721, 1440])])
def test_shapes(globe, shape):
    grid = OmGrid(globe.crs_wkt, shape)
    assert grid.shape == (721, 1440)
    assert all(type(n) is int for n in grid.shape)


@pytest.mark.parametrize("shape", [(721,), (1, 721, 1440), (721.0, 1440), 5, None, "ab"])
def test_shapes_that_are_none(globe, shape):
    with pytest.raises(ValueError, match="the shape of a grid is two integers"):
        OmGrid(globe.crs_wkt, shape)


@pytest.mark.parametrize("shape", [(1, 10), (10, 1), (0, 10), (-5, 10)])
def test_shapes_that_are_too_small(globe, shape):
    with pytest.raises(ValueError, match="at least two columns and rows"):
        OmGrid(globe.crs_wkt, shape)


def test_corners_that_are_none():
    with pytest.raises(ValueError, match="cannot be the corners of a grid"):
        geographic(10, 0, 10, 20, (5, 5))


def test_pickle_and_equality(globe):
    assert globe.latitude.size == 721 * 1440  # computed, and yet not in the pickle
    data = pickle.dumps(globe)
    assert len(data) < 1000
    copy = pickle.loads(data)
    assert copy == globe
    assert hash(copy) == hash(globe)
    assert copy.find_point_xy(52.5, 13.5) == globe.find_point_xy(52.5, 13.5)
    assert globe != OmGrid(globe.crs_wkt, (361, 1440))
    assert globe == RegularGrid(globe.crs_wkt, (721, 1440))
    assert globe != "globe"
