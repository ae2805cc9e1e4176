# SPDX-License-Identifier: MIT
from __future__ import annotations

import asyncio
import math
import pickle

import numpy as np
import pytest
from models import MODELS

import omfiles
from omfiles import OmFileReader
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
    assert grid.find_point_xy(10.5, -0.5) == XYIndex(0, 10)
    assert grid.find_point_xy(0.5, 1.5) == XYIndex(2, 1)  # half away from zero
    assert geographic(0, 0, 11, 11, (12, 12)).find_point_xy(11.5, 11.5) == XYIndex(11, 11)
    for outside in ((10.51, 5), (-0.51, 5), (5, 10.51), (5, -0.51)):
        assert grid.find_point_xy(*outside) is None
    x, y = grid.find_points([[0, 20], [5, 5]], [3, 359.8], outside="mask")
    assert x.tolist() == [[3, None], [3, 0]]
    assert y.tolist() == [[0, None], [5, 5]]


def test_places_outside_are_named():
    grid = geographic(0, 0, 10, 10, (11, 11))
    text = (
        r"^2 of 3 places are outside of the grid, the first at latitude 20.0, longitude 3.0; its sides are between "
        "latitudes 0 and 10 and between longitudes 0 and 10; outside='mask' masks them$"
    )
    with pytest.raises(ValueError, match=text):
        grid.find_points([5, 20, -5], 3)
    with pytest.raises(ValueError, match=r"1 of 1 places .* latitude 5.0, longitude 30.0"):
        grid.find_points(5, 30)
    with pytest.raises(ValueError, match="outside is 'raise' or 'mask', not 'ignore'"):
        grid.find_points(5, 5, outside="ignore")


def test_indices_of_places_outside_read_nothing(tmp_path):
    """They are no indices of anything, and NaN where they may be masked."""
    grid = geographic(0, 0, 10, 10, (11, 11))
    values = np.arange(121 * 3, dtype="f4").reshape(11, 11, 3)
    omfiles.save(tmp_path / "x.om", values, (2, 3, 3))
    x, y = grid.find_points([5, 20, 1], [3, 3, 4], outside="mask")
    expected = values[[5, 0, 1], [3, 0, 4]]
    expected[1] = np.nan
    with OmFileReader(tmp_path / "x.om") as reader:
        np.testing.assert_array_equal(reader.vindex[y, x, 0], expected[:, 0])
        np.testing.assert_array_equal(reader.vindex[y[:, np.newaxis], x[:, np.newaxis], [0, 1, 2]], expected)
        nowhere = grid.find_points(20, [3, 4], outside="mask")
        assert np.isnan(reader.vindex[nowhere[1], nowhere[0], 0]).all()
        for key in [(y.data, x.data, 0), (y.data[1], 0, 0)]:
            with pytest.raises(IndexError, match="out of bounds"):
                reader.vindex[key]
        with pytest.raises(IndexError, match="masked indices are for vindex"):
            reader.oindex[y]
        with pytest.raises(IndexError):
            reader[y[1], 0]
    with pytest.raises(IndexError, match="out of bounds"):
        values[np.asarray(y), np.asarray(x)]
    omfiles.save(tmp_path / "integers.om", values.astype("i4"), (2, 3, 3))
    with OmFileReader(tmp_path / "integers.om") as reader:
        with pytest.raises(IndexError, match=r"masked indices give NaN, which int32 .* leave them out, x\[~x.mask\]"):
            reader.vindex[y, x, 0]
        inside = ~x.mask
        np.testing.assert_array_equal(reader.vindex[y[inside], x[inside], 0], [174, 45])


def test_masked_indices_from_asyncio(tmp_path):
    omfiles.save(tmp_path / "x.om", np.arange(12, dtype="f4").reshape(3, 4), (1, 2))
    x = np.ma.masked_array([1, 0, 3], [False, True, False])

    async def read():
        async with await omfiles.OmFileReaderAsync.from_path(tmp_path / "x.om") as reader:
            return await reader.vindex[2, x]

    np.testing.assert_array_equal(asyncio.run(read()), [9, np.nan, 11])


def half_ways(start, step, n):
    return np.round(start + step * (np.arange(n) + 0.5), 6)


def roundf(value):
    """As in C: halves away from zero."""
    return int(math.copysign(math.floor(abs(value) + 0.5), value))


@pytest.mark.parametrize("name", ["ICON-D2", "GFS", "GFS 0.13"])
def test_half_way_places_are_those_of_the_api(name):
    model = MODELS[name]
    grid = model.grid()
    latitudes = half_ways(model.origin[1], model.step[1], model.shape[0] - 1)
    longitudes = half_ways(model.origin[0], model.step[0], model.shape[1] - 1)
    f4 = np.float32
    rows = [roundf(float((f4(lat) - f4(model.origin[1])) / f4(model.step[1]))) for lat in latitudes]
    columns = [roundf(float((f4(lon) - f4(model.origin[0])) / f4(model.step[0]))) for lon in longitudes]
    np.testing.assert_array_equal(grid.find_points(latitudes, longitudes[0])[1], rows)
    np.testing.assert_array_equal(grid.find_points(latitudes[0], longitudes)[0], columns)


@pytest.mark.parametrize("name", ["GFS 0.13", "ICON", "GFS", "both ends"])
def test_global_grids_have_no_holes(name):
    grid = MODELS[name].grid()
    rng = np.random.default_rng(1)
    longitudes = np.concatenate([rng.uniform(-180, 360, 2000), 180 + np.linspace(-0.5, 0.5, 2001)])
    x, y = grid.find_points(0, longitudes)
    away = abs((longitudes[:, np.newaxis] - grid.x + 180) % 360 - 180)
    np.testing.assert_allclose(away[np.arange(len(x)), x], away.min(axis=1), atol=5e-5)
    assert (y == grid.find_point_xy(0, 0).y).all()
    latitudes = np.linspace(-90, 90, 20001)
    _, y = grid.find_points(latitudes, 0)
    away = abs(latitudes[:, np.newaxis] - grid.y)
    np.testing.assert_allclose(away[np.arange(len(y)), y], away.min(axis=1), atol=5e-5)
    assert (y[0], y[-1]) == (0, grid.ny - 1)


def test_the_gap_of_icon_belongs_to_its_neighbours():
    grid = MODELS["ICON"].grid()
    found = grid.find_points(0, [179.75, 179.82, 179.874, 179.875, 179.93, 180, -180, -180.126])[0]
    assert found.tolist() == [2878, 2878, 2878, 0, 0, 0, 0, 2878]
    almost = geographic(-90, -180, 90, 179.625, (1441, 2878))
    assert almost.find_point_xy(0, 179.8) is None, "three steps apart are no global grid"


def test_a_pole_that_is_far_is_outside():
    grid = geographic(-60, -180, 88, 178, (75, 180))
    assert grid.find_point_xy(90, 0) == XYIndex(90, 74)
    assert grid.find_point_xy(-90, 0) is None


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
        assert grid.find_points([place[0]], place[1], outside="mask")[0].tolist() == [None]


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
