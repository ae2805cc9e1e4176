# SPDX-License-Identifier: MIT
"""Damaged files: the library refuses exactly what the reference refuses, and reads the rest alike."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omfiles import OmError, OmFileReader
from omfiles.testing import reference
from omfiles.testing.compare import assert_same_tree
from omfiles.testing.reference import Malformed, Variable
from omfiles.testing.strategies import damaged, trees, variables
from omfiles.testing.trees import read_tree

FILES = Path(__file__).parent.parent / "golden" / "files"
SEEDS = [*FILES.glob("hierarchy-*.om"), *FILES.glob("legacy-*.om"), *FILES.glob("*-1d.om")]


@functools.cache
def seed_bytes(path: Path) -> bytes:
    return path.read_bytes()


def assert_agreement(data: bytes) -> None:
    try:
        expected = reference.read_file(data)
    except Malformed:
        with pytest.raises(OmError):
            read_tree(OmFileReader(data))
    else:
        assert_same_tree(read_tree(OmFileReader(data)), expected)


@given(st.sampled_from(SEEDS).flatmap(lambda path: damaged(seed_bytes(path))))
def test_golden_files(data: bytes) -> None:
    assert_agreement(data)


@given((trees() | variables(max_elements=200)).map(reference.write_file).flatmap(damaged))
def test_any_files(data: bytes) -> None:
    assert_agreement(data)


@given(st.binary(max_size=200), st.sampled_from([b"", b"OM\1", b"OM\2", b"OM\3"]))
def test_garbage(data: bytes, start: bytes) -> None:
    assert_agreement(start + data)


def test_every_prefix() -> None:
    data = seed_bytes(FILES / "hierarchy-tail.om")
    for n in range(len(data)):
        with pytest.raises(OmError):
            read_tree(OmFileReader(data[:n]))


@pytest.mark.parametrize("name", ["hierarchy-tail.om", "i2-pfor_delta_2d-1d.om", "legacy-v2-pfor_delta_2d_int16.om"])
@pytest.mark.parametrize("value", [0, 1, 2**28, 2**32 - 1, 2**60, 2**63, 2**64 - 1])
@pytest.mark.guarantee(n=4)
def test_every_number_replaced(name: str, value: int) -> None:
    """Any 8 bytes of the metadata replaced by numbers that make sums and products overflow."""
    data = seed_bytes(FILES / name)
    places = range(0, 40) if name.startswith("legacy") else range(max(0, len(data) - 360), len(data) - 7, 4)
    for place in places:
        assert_agreement(data[:place] + value.to_bytes(8, "little") + data[place + 8 :])


def test_a_record_among_its_own_ancestors() -> None:
    """outer at byte 8 -> inner at byte 48 -> outer."""
    size = len(reference.encode_record(Variable("outer"), [(0, 0)]))
    outer = reference.encode_record(Variable("outer"), [(size, 48)])
    inner = reference.encode_record(Variable("inner"), [(size, 8)])
    data = (b"OM\3".ljust(8, b"\0") + outer).ljust(48, b"\0") + inner
    data = data.ljust(-(-len(data) // 8) * 8, b"\0") + reference.TRAILER.pack(b"OM\3\0", 0, 8, size)
    with pytest.raises(Malformed, match="own ancestor"):
        reference.read_file(data)
    with pytest.raises(OmError):
        read_tree(OmFileReader(data))


@pytest.mark.guarantee(n=5)
def test_claims_that_no_bytes_back() -> None:
    """2^40 elements in a file of some hundred bytes: refused before memory is taken."""
    data = bytearray(reference.write_file(Variable("x", np.zeros(100, np.int8), [], (100,))))
    at = data.rindex((100).to_bytes(8, "little") * 2)
    data[at : at + 16] = (2**40).to_bytes(8, "little") * 2
    with pytest.raises(OmError):
        read_tree(OmFileReader(bytes(data)))
