# SPDX-License-Identifier: MIT
"""Selections of arrays in files against the same selections of numpy arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from omfiles import OmFileReader, save
from omfiles.testing import reference
from omfiles.testing.compare import assert_same_array
from omfiles.testing.reference import Variable
from omfiles.testing.strategies import selections, slices, variables


def opened(variable: Variable) -> tuple[OmFileReader, np.ndarray]:
    """A reader of the variable, and all that is to be read from it."""
    data = reference.write_file(variable)
    reader = OmFileReader(data)
    return reader, reader.read_array(...)


@given(variables(max_elements=1000), st.data())
def test_basic(simd: str, variable: Variable, data: st.DataObject) -> None:
    reader, array = opened(variable)
    selection = data.draw(selections(array.shape))
    found, expected = reader[selection], np.asarray(array[selection])
    assert_same_array(found, expected)
    assert found.flags.c_contiguous
    assert found.flags.writeable
    assert found.flags.owndata or found.base is None


@given(variables(max_elements=1000), st.data(), st.sampled_from(["C", "F", "strided", "reversed"]))
def test_into_an_array(variable: Variable, data: st.DataObject, layout: str) -> None:
    """`out=` of any memory layout; what lies between its elements stays as it was."""
    reader, array = opened(variable)
    selection = data.draw(selections(array.shape))
    expected = np.asarray(array[selection])
    wide = np.full(tuple(3 * n for n in expected.shape), 77, expected.dtype)
    steps = (*(slice(1, None, 3) for _ in expected.shape), ...)
    out = {
        "C": np.empty(expected.shape, expected.dtype),
        "F": np.empty(expected.shape, expected.dtype, order="F"),
        "strided": wide[steps],
        "reversed": np.empty(expected.shape, expected.dtype)[(*(slice(None, None, -1) for _ in expected.shape), ...)],
    }[layout]
    assert reader.read_array(selection, out=out) is out
    assert_same_array(out, expected)
    wide[steps] = 77
    assert (wide == 77).all()


def orthogonal(array: np.ndarray, key: tuple[Any, ...]) -> np.ndarray:
    """Each item of the key on its own axis."""
    for axis, item in reversed([*enumerate(key)]):
        array = array[(slice(None),) * axis + (item,)]
    return np.asarray(array)


@st.composite
def orthogonal_keys(draw: st.DrawFn, shape: tuple[int, ...]) -> tuple[Any, ...]:
    def item(dim: int) -> Any:
        numbers = st.lists(st.integers(-dim, dim - 1), max_size=2 * dim + 2).map(lambda i: np.array(i, dtype=np.intp))
        masks = st.lists(st.booleans(), min_size=dim, max_size=dim).map(np.array)
        return draw(numbers | masks | slices(dim) | st.integers(-dim, dim - 1))

    return tuple(item(dim) for dim in shape)


@given(variables(max_elements=300), st.data())
def test_oindex(variable: Variable, data: st.DataObject) -> None:
    reader, array = opened(variable)
    key = data.draw(orthogonal_keys(array.shape))
    assert_same_array(reader.oindex[key], orthogonal(array, key))


@given(variables(max_elements=300), st.data())
def test_vindex(variable: Variable, data: st.DataObject) -> None:
    reader, array = opened(variable)
    shape = data.draw(st.sampled_from([(3,), (2, 3), (0,), (1, 20)]))
    n = int(np.prod(shape))
    key = tuple(
        np.array(data.draw(st.lists(st.integers(-dim, dim - 1), min_size=n, max_size=n)), np.intp).reshape(shape)
        for dim in array.shape
    )
    assert_same_array(reader.vindex[key], array[key])
    mask = np.random.default_rng(n).random(array.shape) < data.draw(st.sampled_from([0, 0.1, 1]))
    assert_same_array(reader.vindex[mask], array[mask])


def test_a_chunk_wider_than_any_buffer(scratch_file: Path) -> None:
    """One chunk of several MiB, and selections from its front, middle and end."""
    rng = np.random.default_rng(1)
    array = np.cumsum(rng.integers(-9, 10, (7, 300_000)), axis=1).astype(np.int32)
    save(scratch_file, array, chunks=array.shape)
    with OmFileReader(scratch_file) as reader:
        for selection in (np.s_[0, :10], np.s_[3, 1000:2000:7], np.s_[::-2, -5:], np.s_[-1, -1], np.s_[:, ::100_000]):
            assert_same_array(reader[selection], np.asarray(array[selection]))
