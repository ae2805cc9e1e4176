# SPDX-License-Identifier: MIT
"""Chunks, with their filters and rounding: the C core against the reference implementation, at every SIMD level."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omfiles import OmFormatError
from omfiles._native import codec
from omfiles.testing import reference
from omfiles.testing.compare import assert_same_array
from omfiles.testing.reference import Malformed, Variable
from omfiles.testing.strategies import damaged, shapes, values, variables

QUANTISED = [
    ("float32", "pfor_delta_2d"),
    ("float64", "pfor_delta_2d"),
    ("float32", "pfor_delta_2d_int16"),
    ("float32", "pfor_delta_2d_int16_logarithmic"),
]


def codec_of(variable: Variable) -> tuple[str, float, float]:
    return variable.compression, variable.scale_factor, variable.add_offset


@given(variables())
@pytest.mark.guarantee(n=15)
@pytest.mark.guarantee(n=17)
def test_both_ways(simd: str, variable: Variable) -> None:
    array = variable.value
    encoded = codec.encode_chunk(array, *codec_of(variable))
    assert encoded.hex() == reference.encode_chunk(array, *codec_of(variable)).hex()
    expected = reference.decode_chunk(encoded, array.shape, array.dtype, *codec_of(variable))
    found = codec.decode_chunk(encoded, array.shape, array.dtype, *codec_of(variable))
    assert_same_array(found, expected, variable.compression)


@given(variables(max_elements=500))
def test_any_memory_layout(variable: Variable) -> None:
    """Transposed, reversed, Fortran-ordered: the bytes are those of a C-ordered copy."""
    expected = codec.encode_chunk(np.ascontiguousarray(variable.value.T), *codec_of(variable))
    assert codec.encode_chunk(variable.value.T, *codec_of(variable)) == expected
    backwards = np.ascontiguousarray(variable.value[..., ::-1])[..., ::-1]
    expected = codec.encode_chunk(variable.value, *codec_of(variable))
    assert codec.encode_chunk(backwards, *codec_of(variable)) == expected
    assert codec.encode_chunk(np.asfortranarray(variable.value), *codec_of(variable)) == expected


@given(variables(max_elements=500), st.data())
@pytest.mark.guarantee(n=2)
@pytest.mark.guarantee(n=3)
def test_damaged(simd: str, variable: Variable, data: st.DataObject) -> None:
    shape, dtype = variable.value.shape, variable.value.dtype
    encoded = data.draw(damaged(reference.encode_chunk(variable.value, *codec_of(variable))))
    try:
        expected = reference.decode_chunk(encoded, shape, dtype, *codec_of(variable))
    except Malformed:
        with pytest.raises(OmFormatError):
            codec.decode_chunk(encoded, shape, dtype, *codec_of(variable))
    else:
        found = codec.decode_chunk(encoded, shape, dtype, *codec_of(variable))
        assert_same_array(found, expected, variable.compression)


@pytest.mark.parametrize("overflow", ["raise", "clip", "nan"])
@pytest.mark.parametrize(("dtype", "compression"), QUANTISED)
@given(data=st.data(), scale=st.sampled_from([1.0, 20.0, 0.1, 1e6, -3.0]), offset=st.sampled_from([0.0, 273.15]))
@pytest.mark.guarantee(n=15)
def test_values_that_do_not_fit(
    dtype: str, compression: str, overflow: str, simd: str, data: st.DataObject, scale: float, offset: float
) -> None:
    """Infinities and everything else that a float can be."""
    array = data.draw(shapes(max_dims=2, max_elements=300).flatmap(lambda shape: values(np.dtype(dtype), shape)))
    if compression == "pfor_delta_2d_int16_logarithmic":
        array = np.where(array < 0, np.float32(-2), np.where(array < 1, np.float32(0), np.float32(np.inf)))
        array, scale = array.astype(dtype), abs(scale)
    try:
        expected = reference.encode_chunk(array, compression, scale, offset, overflow)
    except ValueError:
        with pytest.raises(ValueError, match="can"):
            codec.encode_chunk(array, compression, scale, offset, overflow)
    else:
        assert codec.encode_chunk(array, compression, scale, offset, overflow).hex() == expected.hex()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_halves_and_neighbours(dtype: str, simd: str) -> None:
    """Halves are rounded away from zero, their neighbours are not: floor(x + 0.5) would fail here."""
    halves = np.concatenate([np.arange(-300.5, 300), 2.0 ** np.arange(0, 30) + 0.5]).astype(dtype)
    array = np.concatenate([halves, np.nextafter(halves, halves.dtype.type(-np.inf)), np.nextafter(halves, np.inf)])
    array = np.concatenate([array, [0.49999997, 0.49999999999999994, -0.0, 8388609, 4503599627370497]]).astype(dtype)
    array = array[np.abs(array) < 2**30]
    encoded = codec.encode_chunk(array, "pfor_delta_2d", 1, 0)
    assert encoded.hex() == reference.encode_chunk(array, "pfor_delta_2d", 1, 0).hex()


@pytest.mark.parametrize(("dtype", "compression"), QUANTISED[:3])
def test_edges_of_the_range(dtype: str, compression: str, simd: str) -> None:
    """The largest and smallest floats that can be held, and the first ones that cannot."""
    bits = 16 if compression == "pfor_delta_2d_int16" else 8 * np.dtype(dtype).itemsize
    kind = np.dtype(dtype).type
    low, high = kind(-(2.0 ** (bits - 1))), kind(2.0 ** (bits - 1) - 1)
    largest = kind(high - 1) if bits == 16 else np.nextafter(kind(2.0 ** (bits - 1)), kind(0))
    fit = np.array([low, largest, 0, np.nan], dtype)
    encoded = codec.encode_chunk(fit, compression, 1, 0)
    assert encoded.hex() == reference.encode_chunk(fit, compression, 1, 0).hex()
    assert_same_array(codec.decode_chunk(encoded, fit.shape, dtype, compression, 1, 0), fit)
    for misfit in (np.nextafter(low, kind(-np.inf)) - kind(bits == 16), high, kind(np.inf), kind(-np.inf)):
        with pytest.raises(ValueError, match="can"):
            codec.encode_chunk(np.array([0, misfit], dtype), compression, 1, 0)
