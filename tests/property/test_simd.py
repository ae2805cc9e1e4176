# SPDX-License-Identifier: MIT
"""Every SIMD level against the generic one, on more data than the slow reference could check."""

from __future__ import annotations

import numpy as np
import pytest

from omfiles import _core
from omfiles._native import codec
from omfiles.testing.compare import assert_same_array
from omfiles.testing.strategies import CODECS, STREAMS

N = 128 * 400 + 77
LEVELS = [name for name in _core.simd_available() if name != "generic"]
pytestmark = pytest.mark.skipif(not LEVELS, reason="this CPU or build has the generic kernels only")


def words(width: int, seed: int) -> np.ndarray:
    """Blocks of differences with every bit width, with and without exceptions."""
    rng = np.random.default_rng(seed)
    bits = np.repeat(rng.integers(0, width + 1, -(-N // 128)), 128)[:N]
    bits = np.where(rng.random(N) < 0.02, width, bits)
    raw = rng.integers(0, 2**63, N, np.uint64) << np.uint64(1) ^ rng.integers(0, 2**63, N, np.uint64)
    short = np.where(bits > 0, raw >> (64 - np.maximum(bits, 1)).astype(np.uint64), np.uint64(0))
    return short.astype(f"u{width // 8}")


def at_level(name: str, function: object, *args: object) -> object:
    before = _core.simd_name()
    _core.simd_select(name)
    try:
        return function(*args)
    finally:
        _core.simd_select(before)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(("kind", "width"), STREAMS)
@pytest.mark.parametrize("seed", range(4))
def test_streams(level: str, kind: str, width: int, seed: int) -> None:
    differences = words(width, seed)
    accumulate = np.bitwise_xor.accumulate if kind == "xor" else np.add.accumulate
    values = accumulate(differences, dtype=differences.dtype)
    expected = at_level("generic", codec.encode_stream, values, kind, width)
    assert at_level(level, codec.encode_stream, values, kind, width) == expected
    for name in ("generic", level):
        assert_same_array(at_level(name, codec.decode_stream, expected, N, kind, width), values)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(("dtype", "compression"), CODECS)
@pytest.mark.parametrize("shape", [(N,), (37, 1001), (1000, 37), (9, 11, 7, 33)])
@pytest.mark.guarantee(n=17)
def test_chunks(level: str, dtype: np.dtype, compression: str, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(len(shape))
    array = np.cumsum(rng.normal(0, 1, shape), axis=-1)
    array = array.astype(dtype) if dtype.kind != "u" else np.abs(array).astype(dtype)
    if dtype.kind == "f":
        array[rng.random(shape) < 0.01] = np.nan
        array = np.abs(array) if "logarithmic" in compression else array
    expected = at_level("generic", codec.encode_chunk, array, compression, 20.0, 1.5)
    assert at_level(level, codec.encode_chunk, array, compression, 20.0, 1.5) == expected
    decoded = at_level("generic", codec.decode_chunk, expected, shape, dtype, compression, 20.0, 1.5)
    assert_same_array(at_level(level, codec.decode_chunk, expected, shape, dtype, compression, 20.0, 1.5), decoded)


# Odd integers of 21 bits, by the reciprocal of which kernels may still multiply; and one of 23 bits with an integer for
# which that would not do.
ODD = [2**21 - 1, 2**21 - 3, 2**20 + 1, *(2 * np.random.default_rng(6).integers(2**19, 2**20, 20) + 1).tolist()]
WIDER = 6929883, 13698370


def nearly_halfway(odd: int) -> list[int]:
    """Integers of 24 bits whose quotients by `odd` come as near as any to the middle between two floats."""
    inverse = pow(2**22, -1, odd)  # q * 2**22 is a multiple of `odd`, and one more or less
    return [q for least in (inverse, odd - inverse) for q in range(least, 2**24, odd)]


SCALES = [
    *ODD,
    ODD[0] / 2**30,
    WIDER[0],
    1,
    0.1,
    3,
    20,
    100,
    1000,
    2 - 2**-23,
    1 + 2**-23,
    1 / 3,
    2**-40,
    2**-41,
    1e-30,
    1e18,
    1e30,
]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(("dtype", "compression"), [c for c in CODECS if c[0].kind == "f" and "pfor" in c[1]])
def test_quotients(level: str, dtype: np.dtype, compression: str) -> None:
    """Words become floats as if they were divided by the scale, all of 16 bits and many of 32 and 64."""
    width = 16 if "int16" in compression else 8 * dtype.itemsize
    values = np.arange(2**16, dtype=np.uint16)
    rng = np.random.default_rng(5)
    if width > 16:
        wide = rng.integers(0, 2**63, 2**16, np.uint64) * 2 + 1 >> rng.integers(64 - width, 64, 2**16, np.uint64)
        values = np.where(rng.random(2**16) < 0.5, wide, -wide).astype(f"u{width // 8}")
        hard = [WIDER[1], *(q for odd in ODD for q in nearly_halfway(odd))]
        values[: len(hard)] = hard
    stream = codec.encode_stream(values, "zigzag", width)
    random_scales = rng.uniform(1, 2, 20).tolist()
    for scale in [sign * x for x in [*SCALES, *random_scales] for sign in (1, -1)]:
        arguments = (stream, values.shape, dtype, compression, scale, 0.0)
        expected = at_level("generic", codec.decode_chunk, *arguments)
        assert_same_array(at_level(level, codec.decode_chunk, *arguments), expected)
