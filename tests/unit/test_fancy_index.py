# SPDX-License-Identifier: MIT
"""Orthogonal and point-wise selections against numpy, and what they read to get there."""

import math
import time
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omfiles._reading.fancy_index import BOX_LIMIT, orthogonal, pointwise


class Chunked:
    """A numpy array that keeps a record of the chunks and elements that are read from it."""

    def __init__(self, shape, chunks):
        self.array = np.arange(math.prod(shape)).reshape(shape)
        self.chunks = chunks
        self.numbers = np.zeros(shape, int)
        for axis, (size, chunk) in enumerate(zip(shape, chunks, strict=True)):
            along = np.arange(size) // chunk
            self.numbers = self.numbers * (-(-size // chunk)) + np.expand_dims(
                along, [*range(axis), *range(axis + 1, len(shape))]
            )
        self.reads = []
        self.largest = 0

    def read(self, key):
        assert isinstance(key, tuple) and len(key) == self.array.ndim
        assert all(isinstance(item, (int, slice)) for item in key)
        self.reads.append(set(np.unique(self.numbers[key]).tolist()))
        return self.array[key]

    def orthogonal(self, key, **limit):
        return self.select(orthogonal(key, self.array.shape, self.chunks, **limit))

    def pointwise(self, key, **limit):
        return self.select(pointwise(key, self.array.shape, self.chunks, **limit))

    def select(self, selection):
        out = np.full(selection.shape, -1)
        for basic_key, out_index, box_index in selection.subselections:
            box = self.read(basic_key)
            if box_index is not ...:
                self.largest = max(self.largest, box.size)
            selection.view(out)[out_index] = box[box_index]
        return out

    def check_reads(self, wanted):
        """Every chunk with wanted elements is read once, and no other."""
        read = [number for numbers in self.reads for number in numbers]
        assert len(read) == len(set(read)), "a chunk was read twice"
        chunks_of_wanted = set(np.unique(self.numbers.reshape(-1)[wanted]).tolist())
        assert set(read) == chunks_of_wanted


@st.composite
def arrays(draw):
    shape = tuple(draw(st.lists(st.integers(1, 12), min_size=1, max_size=4)))
    return Chunked(shape, tuple(draw(st.integers(1, size)) for size in shape))


def axis_items(size):
    bounds = st.none() | st.integers(-size - 2, size + 2)
    return st.one_of(
        st.integers(-size, size - 1),
        st.builds(slice, bounds, bounds, st.none() | st.integers(-5, 5).filter(bool)),
        st.lists(st.integers(-size, size - 1), max_size=8),
        st.lists(st.integers(-size, size - 1), max_size=30).map(lambda items: np.array(items, np.int16)),
        st.lists(st.booleans(), min_size=size, max_size=size).map(lambda items: np.array(items, bool)),
    )


def select_with_numpy(array, key):
    """The meaning of an orthogonal selection: one dimension after the other."""
    for axis, item in reversed(list(enumerate(key))):
        item = np.asarray(item, np.intp) if isinstance(item, list) else item
        array = array[(slice(None),) * axis + (item,)]
    return array


@given(st.data(), arrays())
def test_orthogonal_equals_numpy(data, chunked):
    key = tuple(data.draw(axis_items(size)) for size in chunked.array.shape)
    expected = select_with_numpy(chunked.array, key)
    result = chunked.orthogonal(key)
    assert result.shape == expected.shape
    np.testing.assert_array_equal(result, expected)
    chunked.check_reads(expected.reshape(-1))


@given(st.data(), arrays(), st.integers(1, 60))
def test_orthogonal_boxes_are_bounded(data, chunked, limit):
    key = tuple(data.draw(axis_items(size)) for size in chunked.array.shape)
    expected = select_with_numpy(chunked.array, key)
    np.testing.assert_array_equal(chunked.orthogonal(key, limit=limit), expected)
    assert chunked.largest <= limit
    if math.prod(chunked.chunks) <= limit:
        chunked.check_reads(expected.reshape(-1))


@st.composite
def point_keys(draw, shape):
    if draw(st.booleans()):
        rng = np.random.default_rng(draw(st.integers(0, 1000)))
        return rng.random(shape) < draw(st.sampled_from([0, 0.01, 0.5, 1]))
    points = tuple(draw(st.lists(st.integers(0, 6), max_size=3)))
    key = []
    for size in shape:
        item_shape = tuple(
            1 if draw(st.integers(0, 3)) == 0 else n for n in points[draw(st.integers(0, len(points))) :]
        )
        n = math.prod(item_shape)
        items = draw(st.lists(st.integers(-size, size - 1), min_size=n, max_size=n))
        key.append(np.array(items, int).reshape(item_shape) if item_shape else items[0])
    return tuple(key)


@given(st.data(), arrays(), st.sampled_from([1, 7, 60, BOX_LIMIT]))
def test_pointwise_equals_numpy(data, chunked, limit):
    key = data.draw(point_keys(chunked.array.shape))
    expected = chunked.array[key]
    result = chunked.pointwise(key, limit=limit)
    assert result.shape == expected.shape
    np.testing.assert_array_equal(result, expected)
    assert chunked.largest <= limit
    if math.prod(chunked.chunks) <= limit:
        chunked.check_reads(np.asarray(expected).reshape(-1))


def test_neighbouring_chunks_are_read_together():
    chunked = Chunked((1000, 50), (1, 50))
    mask = np.ones(1000, bool)
    mask[500] = False
    np.testing.assert_array_equal(chunked.orthogonal(mask), chunked.array[mask])
    assert len(chunked.reads) == 2


@pytest.mark.parametrize("item", [[3, 4, 5], [9, 6, 3, 0], [7], np.arange(12) > 4, [-1]])
def test_even_steps_need_no_temporary_array(item):
    chunked = Chunked((12, 10), (5, 5))
    np.testing.assert_array_equal(chunked.orthogonal((slice(None, None, -2), 0)), chunked.array[::-2, 0])
    np.testing.assert_array_equal(chunked.orthogonal(item), chunked.array[item])
    assert chunked.largest == 0


def test_default_limit_with_large_chunks():
    chunked = Chunked((1500, 1500), (1500, 1500))
    rows = [0, 7, 1499]
    np.testing.assert_array_equal(chunked.orthogonal((rows, rows)), chunked.array[np.ix_(rows, rows)])
    assert chunked.largest <= BOX_LIMIT


def test_slices_of_long_dimensions_are_cut():
    chunked = Chunked((6, 400_000), (2, 1000))
    rows = [0, 1, 3, 5]
    np.testing.assert_array_equal(chunked.orthogonal((rows, slice(7, None, 3))), chunked.array[rows, 7::3])
    assert BOX_LIMIT / 4 < chunked.largest <= BOX_LIMIT
    chunked.check_reads(chunked.array[rows, 7::3].reshape(-1))


@pytest.mark.parametrize("chunk", [1, 2**20, 2**61, 2**62])
def test_extents_near_the_limit_of_64_bits(chunk):
    key = [0, 5, 2**62 - 1]
    subselections = orthogonal((key, [0]), (2**62, 1), (chunk, 1)).subselections
    assert [basic_key[0] for basic_key, _, _ in subselections][-1] == slice(2**62 - 1, 2**62)
    subselections = pointwise((key, 0), (2**62, 1), (chunk, 1)).subselections
    assert [basic_key[0] for basic_key, _, _ in subselections][-1] == slice(2**62 - 1, 2**62)


@pytest.mark.slow
@pytest.mark.timing
def test_points_without_work_per_point():
    """A million points in 100,000 chunks."""
    rng = np.random.default_rng(1)
    key = (rng.integers(0, 10_000, 1_000_000), rng.integers(0, 10_000, 1_000_000))
    start = time.process_time()
    subselections = pointwise(key, (10_000, 10_000), (20, 50)).subselections
    n_points = sum(len(positions) for _, (positions,), _ in subselections)
    assert n_points == 1_000_000
    assert time.process_time() - start < 5  # below one second on an idle machine


def test_series_at_points_are_slices_of_boxes():
    chunked = Chunked((30, 40, 50), (10, 10, 20))
    i, j = np.array([3, 4, 25]), np.array([5, 9, 31])
    key = (i[:, None], j[:, None], np.arange(45, 0, -3))
    np.testing.assert_array_equal(chunked.pointwise(key), chunked.array[key])
    assert len(chunked.reads) == 2, "two chunks of places, along time as a whole"
    chunked.check_reads(chunked.array[key].reshape(-1))


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_independent_points_are_an_orthogonal_selection(order):
    """Such as xarray makes of a transposed array, also if it has already broadcast the indices."""
    chunked = Chunked((30, 40, 50), (10, 10, 20))
    items = (slice(3, 9), slice(None, None, -2), slice(7, 8))
    shape = [0, 0, 0]
    indices = []
    for dim, item in enumerate(items):
        index = np.arange(chunked.array.shape[dim])[item]
        axis = order.index(dim)
        shape[axis] = len(index)
        indices.append(index.reshape([-1 if a == axis else 1 for a in range(3)]))
    expected = chunked.array[items].transpose(order)
    for key in (tuple(indices), tuple(np.broadcast_arrays(*indices))):
        np.testing.assert_array_equal(chunked.pointwise(key), expected)
    assert chunked.largest == 0 and len(chunked.reads) == 2, "read at once, and straight into the result"
    rows = np.broadcast_arrays([[5], [0], [17]], 3, [1, 4])
    np.testing.assert_array_equal(chunked.pointwise(tuple(rows)), chunked.array[np.ix_([5, 0, 17], [3], [1, 4])][:, 0])


def test_points_that_are_all_the_same():
    chunked = Chunked((4, 5), (2, 2))
    np.testing.assert_array_equal(chunked.pointwise(([1, 1, 1], [[3], [3]])), np.full((2, 3), 8))


@pytest.mark.parametrize(
    ("key", "error", "text"),
    [
        (10, IndexError, "index 10 is out of bounds for axis 0 with size 10"),
        ((0, [1, -6]), IndexError, "index -6 is out of bounds for axis 1 with size 5"),
        (([1, 2], np.array([2**63], np.uint64)), IndexError, f"index {2**63} is out of bounds for axis 1"),
        (2**70, IndexError, f"index {2**70} is out of bounds for axis 0"),
        ((1, 2, 3), IndexError, "too many indices: the array has 2 dimensions, but 3 were indexed"),
        ((..., 1, ...), ValueError, "only one ellipsis"),
        ([0.5], IndexError, "axis 0: expected an integer, integers or a mask, got"),
        (np.array([1.0]), IndexError, "got an array of float64"),
        ("a", IndexError, "got 'a'"),
        (None, IndexError, "got None"),
        ([[1, 2], [3, 4]], IndexError, "must be 1-dimensional, got 2 dimensions"),
        (np.ones(9, bool), IndexError, "size of axis is 10 but size of corresponding boolean axis is 9"),
        (slice(None, None, 0), ValueError, "zero"),
        (slice("a", None), TypeError, "slice indices must be integers"),
    ],
)
def test_orthogonal_misuse(key, error, text):
    with pytest.raises(error) as caught:
        orthogonal(key, (10, 5), (5, 5))
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ([1, 2], "vindex needs integers or an integer array for each of 2 dimensions, got 1"),
        (([1], [2], [3]), "got 3"),
        (([1], slice(None)), "axis 1: expected an integer, integers or a mask, got slice(None, None, None)"),
        (([1], ...), "got Ellipsis"),
        (([1, 2], [1, 2, 3]), "could not be broadcast together with shapes (2,) (3,)"),
        (([0, 10], 0), "index 10 is out of bounds for axis 0 with size 10"),
        ((0, -6), "index -6 is out of bounds for axis 1 with size 5"),
        (np.ones((5, 10), bool), "a mask for vindex needs the shape of the array, (10, 5), but has (5, 10)"),
        ((np.ones(10, bool), np.ones(5, bool)), "axis 0: vindex takes one mask of the whole shape"),
    ],
)
def test_pointwise_misuse(key, text):
    with pytest.raises(IndexError) as caught:
        pointwise(key, (10, 5), (5, 5))
    assert text in str(caught.value)


@pytest.mark.parametrize("index", list(product([3, np.int8(-1), np.array(2)], repeat=2)))
def test_single_elements(index):
    chunked = Chunked((10, 5), (4, 4))
    assert chunked.orthogonal(index) == chunked.array[index]
    assert chunked.pointwise(index) == chunked.array[index]


def test_empty_selections_read_nothing():
    chunked = Chunked((10, 5), (4, 4))
    assert chunked.orthogonal(([], slice(None))).shape == (0, 5)
    assert chunked.orthogonal(([1, 3, 4], slice(2, 2))).shape == (3, 0)
    assert chunked.pointwise(([], [])).shape == (0,)
    assert chunked.pointwise((np.zeros((2, 0), int), 1)).shape == (2, 0)
    assert chunked.reads == []
