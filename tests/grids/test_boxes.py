# SPDX-License-Identifier: MIT
"""Boxes on all grids but the Gaussian ones, against a look at every point."""

from __future__ import annotations

import numpy as np
import pytest
from models import GEOGRAPHIC, MODELS, PROJECTED
from test_regular import geographic

from omfiles._grids import regular
from omfiles._grids.box import Box
from omfiles._grids.projection import LambertConformal


def inside(grid, south, north, west, east):
    """Rounding errors may neither add nor take away points on the sides, hence a bit more than the box."""
    south, north, west, east = south - 1e-9, north + 1e-9, west - 1e-9, east + 1e-9
    width = 360 if east - west >= 360 else (east - west) % 360
    return (grid.latitude >= south) & (grid.latitude <= north) & ((grid.longitude - west) % 360 <= width)


def around_points(grid, rng, n):
    """Boxes from a hundredth of a degree to a hemisphere around points of the grid, some of them up to a pole."""
    for _ in range(n):
        y, x = rng.integers(grid.ny), rng.integers(grid.nx)
        latitude, longitude = grid.latitude[y, x], grid.longitude[y, x]
        down, up, left, right = 10 ** rng.uniform(-2, 2, 4)
        south, north = max(-90, latitude - down), min(90, latitude + up)
        south, north = ((south, north), (south, 90), (-90, north))[rng.choice(3, p=[0.8, 0.1, 0.1])]
        turn = rng.choice([-360, 0, 360])
        yield south, north, longitude - left + turn, longitude + right


def anywhere(rng, n):
    for _ in range(n):
        yield *np.sort(rng.uniform(-90, 90, 2)), *rng.uniform(-180, 360, 2)


def boxes(grid, n):
    rng = np.random.default_rng(n)
    yield from around_points(grid, rng, n)
    yield from anywhere(rng, 5)
    yield from [(-90, 90, -180, 180), (-90, 90, 0, 0), (60, 90, 170, -170), (-90, -60, -180, 180)]


@pytest.mark.slow
@pytest.mark.parametrize("name", PROJECTED)
def test_projected(name):
    grid = MODELS[name].grid()
    for box in boxes(grid, 15):
        y, x = grid.find_box(*box)
        assert type(y) is type(x) is slice
        rows, columns = (np.flatnonzero(inside(grid, *box).any(axis)) for axis in (1, 0))
        if rows.size:
            assert (y.start, y.stop, x.start, x.stop) == (rows[0], rows[-1] + 1, columns[0], columns[-1] + 1), box
        else:
            assert (y, x) == (slice(0, 0), slice(0, 0)), box


@pytest.mark.parametrize("name", GEOGRAPHIC)
def test_geographic(name):
    grid = MODELS[name].grid()
    for box in boxes(grid, 5):
        y, x = grid.find_box(*box)
        selected = np.zeros(grid.shape, bool)
        selected[y, x] = True
        np.testing.assert_array_equal(selected, inside(grid, *box), err_msg=str(box))


def test_sides_are_inside():
    grid = geographic(43.18, -3.94, 58.08, 20.34, (746, 1215))
    assert grid.find_box(44.44, 44.52, 10.02, 10.06) == (slice(63, 68), slice(698, 701))
    assert grid.find_box(44.45, 44.51, 10.03, 10.05) == (slice(64, 67), slice(699, 700))
    assert grid.find_box(44.44, 44.44, 370.02, 370.02) == (slice(63, 64), slice(698, 699))
    assert grid.find_box(44.45, 44.455, 10.02, 10.06) == (slice(0, 0), slice(698, 701))


def test_columns_across_the_seam_go_from_west_to_east():
    globe = geographic(-90, -180, 90, 179.75, (721, 1440))
    y, x = globe.find_box(0, 0.5, 179.5, -179.5)
    assert y == slice(360, 363)
    assert x.dtype == np.int64
    assert x.tolist() == [1438, 1439, 0, 1, 2]
    assert globe.find_box(0, 0, 0, 359.5)[1].tolist() == [*range(720, 1440), *range(719)]
    assert globe.find_box(0, 0, -180, 180)[1] == slice(0, 1440)
    both_ends = geographic(-90, -180, 90, 180, (73, 145))
    assert both_ends.find_box(0, 0, 177, -177)[1].tolist() == [143, 144, 0, 1]


def test_columns_and_rows_in_any_order():
    box = Box.between(10, 20, 170, -170)
    assert box.columns(np.arange(180, -180, -10)).tolist() == [35, 0, 1]
    assert box.columns(np.arange(0, 360, 10)) == slice(17, 20)
    assert box.columns(np.array([175, 0, -175])).tolist() == [2, 0]
    assert box.rows(np.array([30, 20, 15, 10, 5])) == slice(1, 4)
    assert box.rows(np.array([10, 0, 20])).tolist() == [0, 2]
    assert box.rows(np.array([0.0])) == slice(0, 0)


def test_little_is_looked_at(monkeypatch):
    """A small box on a large grid needs only points near it."""
    grid = MODELS["HRRR"]._replace(step=(1000, 1000), shape=(3177, 5400)).grid()
    sizes = []
    inverse = LambertConformal.inverse

    def counting(self, x, y):
        sizes.append(x.size)
        return inverse(self, x, y)

    monkeypatch.setattr(LambertConformal, "inverse", counting)
    y, x = grid.find_box(40, 41, -101, -100)
    selected = (y.stop - y.start) * (x.stop - x.start)
    assert 9000 < selected < 12000
    assert sum(sizes) < 1.3 * selected


def test_samples_that_are_rare(monkeypatch):
    """The margin is measured, so that few samples give a larger rectangle to look at and not a wrong one."""
    monkeypatch.setattr(regular, "EDGE_SAMPLES", 12)
    for name in ("HRDPS", "MEPS", "Europe", "oblique"):
        grid = MODELS[name].grid()
        for box in around_points(grid, np.random.default_rng(3), 10):
            y, x = grid.find_box(*box)
            rows, columns = (np.flatnonzero(inside(grid, *box).any(axis)) for axis in (1, 0))
            if rows.size:
                assert (y.start, y.stop, x.start, x.stop) == (rows[0], rows[-1] + 1, columns[0], columns[-1] + 1), box


@pytest.mark.parametrize("box", [(2, 1, 0, 5), (np.nan, 1, 0, 5), (0, 1, -np.inf, 5), (0, 1, 0, np.nan)])
def test_boxes_that_are_none(box):
    for grid in (geographic(0, 0, 10, 10, (11, 11)), MODELS["UKV"].grid()):
        with pytest.raises(ValueError, match="a box has finite sides, of which south is not greater than north; found"):
            grid.find_box(*box)
