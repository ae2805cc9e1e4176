# SPDX-License-Identifier: MIT
"""The chunk grid: choosing chunks, placing items, splitting arrays."""

from __future__ import annotations

from itertools import product
from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omfiles._chunk_grid import (
    AUTO_BYTES,
    ArgumentError,
    auto_chunks,
    boxes,
    check_chunks,
    check_shape,
    covered_chunks,
    element_index,
    grid,
)

SHAPES = st.lists(st.integers(1, 9), min_size=1, max_size=4).map(tuple)


@st.composite
def grids(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[int, ...]]:
    shape = draw(SHAPES)
    return shape, tuple(draw(st.integers(1, extent)) for extent in shape)


def chunk_order(shape: tuple[int, ...], chunks: tuple[int, ...]) -> list[tuple[slice, ...]]:
    """All chunks one after another, the plain way."""
    return [
        tuple(slice(i * c, min((i + 1) * c, n)) for i, c, n in zip(at, chunks, shape, strict=True))
        for at in np.ndindex(grid(shape, chunks))
    ]


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=6).map(tuple), st.sampled_from([1, 2, 4, 8]))
def test_auto_chunks_fit_and_are_balanced(shape: tuple[int, ...], itemsize: int) -> None:
    chunks = auto_chunks(shape, itemsize)
    assert all(1 <= chunk <= extent for chunk, extent in zip(chunks, shape, strict=True))
    assert prod(chunks) * itemsize <= AUTO_BYTES
    cut = [chunk for chunk, extent in zip(chunks, shape, strict=True) if chunk < extent]
    # Whatever was cut was the longest (the last one counts half) and has been halved: no other is four times as long.
    assert all(max(chunks) <= 4 * (chunk + 1) for chunk in cut)
    if cut:
        assert prod(chunks) * itemsize > AUTO_BYTES // 4


@pytest.mark.parametrize(
    ("shape", "itemsize", "expected"),
    [
        ((5,), 4, (5,)),
        ((10**6,), 4, (15625,)),
        ((721, 1440), 4, (91, 180)),
        ((240, 37, 49), 4, (15, 19, 49)),
        ((1, 1, 10**5), 8, (1, 1, 6250)),
        ((10**5, 1), 8, (6250, 1)),
        ((np.int64(20), np.int64(30)), 4, (20, 30)),
    ],
)
def test_auto_chunks_examples(shape: tuple[int, ...], itemsize: int, expected: tuple[int, ...]) -> None:
    assert auto_chunks(shape, itemsize) == expected


@pytest.mark.parametrize("chunks", [[2, 3], (2, 3), np.array([2, 3]), range(2, 4), [np.int8(2), np.uint64(3)]])
def test_chunks_are_any_sequence_of_integers(chunks: object) -> None:
    assert check_chunks(chunks, (5, 6), 4) == (2, 3)


def test_chunks_are_clipped() -> None:
    assert check_chunks([99, True], (5, 6), 4) == (5, 1)


@pytest.mark.parametrize(
    "chunks", [3, None, "23", b"23", (n for n in (2, 3)), [2.0, 3], {2: 1, 3: 1}, np.array([2.0, 3])]
)
def test_chunks_of_wrong_type(chunks: object) -> None:
    with pytest.raises(TypeError):
        check_chunks(chunks, (5, 6), 4)


@pytest.mark.parametrize(
    ("chunks", "error", "message"),
    [
        ([2, -3], OverflowError, "axis 1 has -3"),
        ([2], ArgumentError, "1 for an array of 2 dimensions"),
        ([0, 3], ArgumentError, "axis 0 has 0"),
    ],
)
def test_wrong_chunks(chunks: list[int], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        check_chunks(chunks, (5, 6), 4)


@pytest.mark.parametrize("shape", [(), (3, 0)])
def test_wrong_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="Dimension must be larger than 0"):
        check_shape(shape)
    with pytest.raises(RuntimeError):
        check_shape(shape)


@given(grids())
def test_element_index(shape_and_chunks: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    shape, chunks = shape_and_chunks
    numbers = np.arange(prod(shape)).reshape(shape)
    for number, selection in enumerate(chunk_order(shape, chunks)):
        for offset, value in enumerate(numbers[selection].flat):
            assert numbers[element_index(shape, chunks, number, offset)] == value


@given(grids())
def test_covered_chunks_are_runs_of_whole_chunks(
    shape_and_chunks: tuple[tuple[int, ...], tuple[int, ...]],
) -> None:
    shape, chunks = shape_and_chunks
    numbers = np.arange(prod(shape)).reshape(shape)
    order = chunk_order(shape, chunks)
    chunk_of = np.empty(shape, int)
    for number, selection in enumerate(order):
        chunk_of[selection] = number
    for number, selection in list(enumerate(order))[:6]:
        start = tuple(s.start for s in selection)
        for item in product(*(range(1, n + 2) for n in shape)):
            box = tuple(slice(s, s + n) for s, n in zip(start, item, strict=True))
            inside = all(s + n <= extent for s, n, extent in zip(start, item, shape, strict=True))
            found = np.unique(chunk_of[box])
            run = np.arange(number, number + len(found))
            # In the order of a stream the item's elements are those of the chunks of the run, and of no others.
            good = inside and np.array_equal(found, run) and np.isin(chunk_of, run).sum() == numbers[box].size
            if good:
                assert covered_chunks(shape, chunks, number, item) == len(found)
            else:
                with pytest.raises(ArgumentError):
                    covered_chunks(shape, chunks, number, item)


def test_the_error_says_what_fits() -> None:
    with pytest.raises(ValueError, match=r"\(1, 4\) does not fit at index \(2, 4\) .* one chunk of shape \(2, 4\)"):
        covered_chunks((5, 8), (2, 4), 3, (1, 4))
    with pytest.raises(ValueError, match="complete"):
        covered_chunks((5, 8), (2, 4), 6, (1, 4))
    with pytest.raises(ValueError, match="2 dimensions"):
        covered_chunks((5, 8), (2, 4), 0, (2, 4, 1))
    with pytest.raises(ValueError, match=r"\(0, 4\)"):
        covered_chunks((5, 8), (2, 4), 0, (0, 4))


@given(grids(), st.integers(1, 200))
def test_boxes_are_a_stream(shape_and_chunks: tuple[tuple[int, ...], tuple[int, ...]], max_elements: int) -> None:
    shape, chunks = shape_and_chunks
    number = 0
    for box in boxes(shape, chunks, max_elements):
        item = tuple(s.stop - s.start for s in box)
        count = covered_chunks(shape, chunks, number, item)
        assert prod(item) <= max_elements or count == 1
        assert tuple(s.start for s in box) == element_index(shape, chunks, number, 0)
        number += count
    assert number == prod(grid(shape, chunks))
