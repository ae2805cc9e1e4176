# SPDX-License-Identifier: MIT
from __future__ import annotations

import numpy as np
import pytest

from omfiles.grids import GaussianGrid, OmGrid
from omfiles.types import LatLon, XYIndex

TOTALS = {"O1280": 6_599_680, "O320": 421_120, "N320": 542_080, "N160": 138_346}
# What omfiles 1.2.0 finds at (latitude, longitude), and its (latitude, longitude) of (x, y).
PEER = {
    "O1280": (
        [
            (87.117, 61.317, (4131, 0)),
            (-37.094, -20.657, (5454962, 0)),
            (-34.227, 196.759, (5326261, 0)),
            (72.075, -338.151, (133667, 0)),
        ],
        [
            (1679057, 0, (25.905096660808436, -83.22052401746726)),
            (4665743, 0, (-21.195079086115996, 51.91251271617497)),
            (3429869, 0, (-1.7926186291739896, -157.76806989674344)),
        ],
    ),
    "O320": (
        [
            (-75.283, 93.665, (414834, 0)),
            (29.532, -145.323, (96845, 0)),
            (79.389, 174.065, (3655, 0)),
            (-53.877, 159.959, (385752, 0)),
        ],
        [
            (157601, 0, (12.224824355971895, 90.0)),
            (275315, 0, (-15.31615925058548, 165.0)),
            (92105, 0, (30.77283372365339, 52.32558139534884)),
        ],
    ),
    "N320": (
        [
            (60.699, -51.428, (36251, 0)),
            (29.008, 186.268, (141051, 0)),
            (33.635, 272.506, (123199, 0)),
            (58.894, -286.33, (39911, 0)),
        ],
        [
            (321682, 0, (-11.100702576112411, -156.9375)),
            (460642, 0, (-44.82435597189695, -85.875)),
            (355817, 0, (-18.688524590163933, 83.53125)),
        ],
    ),
    "N160": (
        [
            (-3.738, 267.22, (73488, 0)),
            (-65.074, -161.73, (131384, 0)),
            (36.51, 44.503, (28300, 0)),
            (-38.276, -72.248, (111625, 0)),
        ],
        [
            (54498, 0, (12.636505460218409, 25.3125)),
            (17840, 0, (48.58034321372854, 72.8)),
            (84793, 0, (-13.7597503900156, 146.25)),
        ],
    ),
}


def grid_of(name):
    return OmGrid(f'GEOGCRS["WGS 84", REMARK["Reduced Gaussian Grid {name} (ECMWF)"]]', (1, TOTALS[name]))


@pytest.fixture(scope="module")
def o1280():
    return grid_of("O1280")


@pytest.fixture(scope="module", params=TOTALS)
def grid(request):
    return grid_of(request.param)


@pytest.mark.parametrize(
    ("latitude", "longitude", "expected"),
    [
        (53.63797, 45, (261, 517)),
        (19.229, -126.277, (2625, 1006)),
        (91, 342, (19, 0)),
        (-91, 342, (19, 2559)),
        (-19.229, -126.277, (2625, 1553)),
    ],
)
def test_reference_points(o1280, latitude, longitude, expected):
    assert o1280._grid._find_point_xy(latitude, longitude) == XYIndex(*expected)


@pytest.mark.parametrize("name", PEER)
def test_same_as_the_peer(name):
    grid = grid_of(name)
    places, points = PEER[name]
    for latitude, longitude, index in places:
        assert grid.find_point_xy(latitude, longitude) == index
    for x, y, expected in points:
        assert grid.get_coordinates(x, y) == pytest.approx(expected, abs=1e-12)


def test_attributes(grid):
    assert grid.kind == "gaussian"
    assert grid.is_gaussian
    assert grid.crs is None
    inner = grid._grid
    attributes = grid.cf_attributes()
    assert attributes["grid_mapping_name"] == "latitude_longitude"
    again = GaussianGrid(str(attributes["crs_wkt"]), grid.shape)
    assert again.grid_type == inner.grid_type
    assert again.cf_attributes() == attributes, "a text that has a datum stays as it is"
    assert inner.shape == (inner.ny, inner.nx) == (1, TOTALS[inner.grid_type])
    assert inner.latitude_lines == int(inner.grid_type[1:])
    assert len(GaussianGrid.N320_COUNT_PER_LINE) == 320
    assert len(GaussianGrid.N160_COUNT_PER_LINE) == 160
    for member in ("x", "y", "fractional_index"):
        with pytest.raises(AttributeError, match="has neither columns nor rows"):
            getattr(grid, member)(0, 0)


@pytest.mark.slow
def test_arrays(grid):
    latitude, longitude = grid.latitude, grid.longitude
    assert latitude.shape == longitude.shape == grid.shape
    assert latitude.dtype == longitude.dtype == np.float64
    assert latitude is grid.latitude
    assert longitude is grid.longitude
    for values in (latitude, longitude):
        with pytest.raises(ValueError, match="read-only"):
            values[0, 0] = 1
    n = grid._grid.latitude_lines
    step = 180 / (2 * n + 0.5)
    lines, counts = np.unique(latitude, return_counts=True)
    np.testing.assert_allclose(lines, (np.arange(2 * n) - n + 0.5) * step, atol=1e-12)
    np.testing.assert_array_equal(counts, counts[::-1])
    assert np.all(np.diff(latitude) <= 0)
    assert longitude.min() == -180
    assert longitude.max() < 180
    np.testing.assert_array_equal(longitude[0, : counts[0]] % 360, np.arange(counts[0]) * 360 / counts[0])


def test_points_are_found_where_they_are(grid):
    x = np.arange(0, TOTALS[grid._grid.grid_type], 101)
    latitude, longitude = grid.coordinates(x, 0)
    np.testing.assert_array_equal(latitude, grid.latitude[0, x])
    np.testing.assert_array_equal(longitude, grid.longitude[0, x])
    for turn in (0, 360, -720):
        found_x, found_y = grid.find_points(latitude, longitude + turn)
        np.testing.assert_array_equal(found_x, x)
        np.testing.assert_array_equal(found_y, 0)
    assert found_x.dtype == found_y.dtype == np.int64
    assert grid.get_coordinates(int(x[7]), 0) == LatLon(latitude[7], longitude[7])


def test_the_southern_of_two_lines_at_the_same_distance(o1280):
    assert o1280._grid._find_point_xy(0, 0) == XYIndex(0, 1280)


def test_nearest_of_all():
    """Not nearer to the poles, where other lines have points that are nearer by degrees than the two next lines."""
    grid = grid_of("N160")
    rng = np.random.default_rng(1)
    latitude, longitude = rng.uniform(-30, 30, 50), rng.uniform(-180, 180, 50)
    x, _ = grid.find_points(latitude, longitude)
    east = np.abs(longitude[:, np.newaxis] - grid.longitude)
    square = (latitude[:, np.newaxis] - grid.latitude) ** 2 + np.minimum(east, 360 - east) ** 2
    np.testing.assert_allclose(square[np.arange(50), x], square.min(axis=1), rtol=1e-9)


def test_type_by_name_or_number():
    for name, total in TOTALS.items():
        assert GaussianGrid("", (1, total)).grid_type == name
    with pytest.raises(ValueError, match=r"O320 has the shape \(1, 421120\), not \(1, 5\)"):
        OmGrid("Gaussian Grid O320", (1, 5))
    with pytest.raises(ValueError, match=r"O320 has the shape \(1, 421120\), not \(421120, 1\)"):
        OmGrid("Gaussian Grid O320", (421120, 1))
    with pytest.raises(ValueError, match=r"unknown Gaussian grid of 5 points: known are O1280 with 6599680, "):
        OmGrid("Gaussian Grid O640", (1, 5))


@pytest.mark.parametrize(("x", "y"), [(-1, 0), (421120, 0), (5, 1), (5, -1), (1.5, 0), ([3, 421120], [0, 0])])
def test_coordinates_outside(x, y):
    grid = grid_of("O320")
    with pytest.raises(ValueError, match=r"points of a grid O320 are x = 0 \.\.\. 421119 and y = 0, not"):
        grid.coordinates(x, y)


def test_bad_places(o1280):
    with pytest.raises(ValueError, match="must be finite"):
        o1280.find_point_xy(np.nan, 0)
    with pytest.raises(TypeError, match="find_points takes arrays"):
        o1280.find_point_xy([1], 0)


@pytest.mark.parametrize("name", ["O320", "N160"])
def test_boxes(name):
    grid = grid_of(name)
    rng = np.random.default_rng(2)
    latitude, longitude = grid.latitude[0], grid.longitude[0]
    boxes = [(*np.sort(rng.uniform(-90, 90, 2)), *rng.uniform(-200, 400, 2)) for _ in range(6)]
    boxes += [(50, 52, -0.5, 1), (50, 52, 359.5, 361), (89, 90, 0, 360), (-90, 90, -180, 180), (-1, 1, 179.9, -179.9)]
    boxes += [(50, 50.000001, 0, 5), (latitude[5000], latitude[5000], longitude[5000], longitude[5000])]
    for south, north, west, east in boxes:
        width = 360 if east - west >= 360 else (east - west) % 360
        inside = (latitude >= south) & (latitude <= north) & ((longitude - west) % 360 <= width)
        found = grid.find_box(south, north, west, east)
        assert found.dtype == np.int64
        np.testing.assert_array_equal(found, np.flatnonzero(inside), err_msg=str((south, north, west, east)))


def test_points_on_the_sides_are_inside():
    grid = grid_of("N160")
    x = np.random.default_rng(3).integers(0, TOTALS["N160"], 300)
    latitude, longitude = grid.coordinates(x, 0)
    for i in range(len(x)):
        assert grid.find_box(latitude[i], latitude[i], longitude[i], longitude[i]).tolist() == [x[i]]
