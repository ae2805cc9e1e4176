# SPDX-License-Identifier: MIT
"""Comparisons that tests of several folders share."""

from __future__ import annotations

import numpy as np

from omfiles.testing.reference import Variable

LOGARITHMIC = "pfor_delta_2d_int16_logarithmic"


def differs_only_in_padding(ours: bytes, theirs: bytes) -> bool:
    """Whether `theirs` is `ours` but for bits that are 0 in ours, as is left by a writer that does not clear padding.

    >>> differs_only_in_padding(bytes([0b0001, 7]), bytes([0b1001, 7]))
    True
    >>> differs_only_in_padding(bytes([0b1001, 7]), bytes([0b0001, 7]))
    False
    """
    if len(ours) != len(theirs):
        return False
    a, b = np.frombuffer(ours, np.uint8), np.frombuffer(theirs, np.uint8)
    return not np.any(a & ~b)


def assert_same_array(found: np.ndarray, expected: np.ndarray, compression: str = "pfor_delta_2d") -> None:
    """Same type, same shape, same bits; but 10 ** x of compression 3 depends on the C library's last bit."""
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    if compression == LOGARITHMIC:
        np.testing.assert_allclose(1 + found, 1 + expected, rtol=1e-6, atol=1e-6)
    else:
        word = f"u{expected.dtype.itemsize}"
        differ = np.ascontiguousarray(found).view(word) != np.ascontiguousarray(expected).view(word)
        assert not differ.any(), f"{differ.sum()} elements differ, the first at {np.argwhere(differ)[0]}"


def assert_same_tree(found: Variable, expected: Variable) -> None:
    """Same names, values, codecs, and children in the same order."""
    assert found.name == expected.name
    assert type(found.value) is type(expected.value)
    if isinstance(expected.value, np.ndarray):
        assert found.chunks == expected.chunks
        assert found.compression == expected.compression
        assert np.float32(found.scale_factor) == np.float32(expected.scale_factor)
        assert np.float32(found.add_offset) == np.float32(expected.add_offset)
        assert_same_array(found.value, expected.value, expected.compression)
    elif isinstance(expected.value, np.generic):
        assert found.value.dtype == expected.value.dtype
        assert found.value.tobytes() == expected.value.tobytes()
    else:
        assert found.value == expected.value
    assert len(found.children) == len(expected.children)
    for a, b in zip(found.children, expected.children, strict=True):
        assert_same_tree(a, b)
