# SPDX-License-Identifier: MIT
"""Round trips through real files: what is written is what the reference writes, and what is read is what it reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omfiles import OmFileReader
from omfiles.testing import reference
from omfiles.testing.compare import assert_same_array, assert_same_tree
from omfiles.testing.reference import Variable
from omfiles.testing.strategies import trees, variables
from omfiles.testing.trees import read_tree, write_tree


@given(variables())
@pytest.mark.guarantee(n=15)
def test_arrays(scratch_file: Path, simd: str, variable: Variable) -> None:
    data = write_tree(scratch_file, variable)
    assert data.hex() == reference.write_file(variable).hex()
    with OmFileReader(scratch_file) as reader:
        found = read_tree(reader)
    assert_same_tree(found, reference.read_file(data))
    if variable.value.dtype.kind in "iu" or variable.compression == "fpx_xor_2d":
        assert_same_array(found.value, variable.value)
    elif variable.compression != "pfor_delta_2d_int16_logarithmic":
        half_step = 0.5 / abs(variable.scale_factor)
        tolerance = 4 * np.finfo(found.value.dtype).eps * (np.abs(variable.value) + abs(variable.add_offset))
        assert (np.isnan(found.value) == np.isnan(variable.value)).all()
        assert (np.isnan(found.value) | (np.abs(found.value - variable.value) <= half_step + tolerance)).all()


@pytest.mark.parametrize("placement", ["tail", "inline"])
@given(tree=trees())
def test_trees(scratch_file: Path, placement: str, tree: Variable) -> None:
    data = write_tree(scratch_file, tree, placement)
    assert data.hex() == reference.write_file(tree, placement).hex()
    with OmFileReader(scratch_file) as reader:
        assert_same_tree(read_tree(reader), reference.read_file(data))


@given(variables(), st.sampled_from([1, 2]))
def test_legacy(variable: Variable, version: int) -> None:
    """Versions 1 and 2, which only the reference can write."""
    codec = variable.compression if variable.value.dtype == np.float32 else "pfor_delta_2d_int16"
    values = np.nan_to_num(variable.value.astype(np.float64), posinf=9, neginf=0) % 1000
    rows = values.astype(np.float32).reshape(values.shape[0], -1)
    chunks = tuple(min(chunk, dim) for chunk, dim in zip((*variable.chunks, 7), rows.shape, strict=False))
    legacy = Variable("", rows, [], chunks, codec if version == 2 else "pfor_delta_2d_int16", 20.0)
    data = reference.write_legacy(legacy, version)
    assert_same_tree(read_tree(OmFileReader(data)), reference.read_file(data))


def legacy_array() -> Variable:
    return Variable("", np.arange(60, dtype=np.float32).reshape(6, 10), [], (4, 3), "pfor_delta_2d_int16")


def test_version_1_ignores_its_compression() -> None:
    data = bytearray(reference.write_legacy(legacy_array(), version=1))
    data[3] = 77
    assert_same_tree(read_tree(OmFileReader(bytes(data))), legacy_array())


@pytest.mark.parametrize("size", [0, 8, 2**64 - 1])
def test_legacy_data_that_ends_like_a_trailer(size: int) -> None:
    """What it points to is no record, so the file is what its beginning says."""
    data = reference.write_legacy(legacy_array()) + reference.TRAILER.pack(b"OM\3\0", 0, 0, size)
    assert_same_tree(reference.read_file(data), legacy_array())
    assert_same_tree(read_tree(OmFileReader(data)), legacy_array())
