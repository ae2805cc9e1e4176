# SPDX-License-Identifier: MIT
"""Large reads of the logarithmic codec take values from a table, small ones compute them: the bits are the same."""

from __future__ import annotations

from pathlib import Path

import fsspec
import numpy as np
import pytest

import omfiles
from omfiles.testing.compare import assert_same_array

SHAPE = (520, 530)


@pytest.fixture(scope="module", params=[(20, 33), SHAPE], ids=["small chunks", "one chunk in pieces"])
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every word of the codec, in no order, NaN among them."""
    words = np.random.default_rng(3).permutation(np.arange(np.prod(SHAPE)) % 65536)
    scaled = (words - 32767).astype(np.float64) / 900
    values = np.where(words > 60000, np.nan, 10**scaled - 1).astype(np.float32).reshape(SHAPE)
    path = tmp_path_factory.mktemp("logarithms") / "values.om"
    codec = "pfor_delta_2d_int16_logarithmic"
    omfiles.save(path, values, chunks=request.param, scale_factor=900.0, compression=codec)
    return path


@pytest.mark.parametrize("memory", [False, True], ids=["file", "memory"])
@pytest.mark.parametrize("key", [np.s_[...], np.s_[::-1, :520], np.s_[1:, 2:]])
def test_large_and_small_reads_agree(path: Path, memory: bool, key: object) -> None:
    with omfiles.open(path.read_bytes() if memory else path) as reader:
        rows = [reader[i] for i in range(SHAPE[0])]  # too few values each for a table
        assert_same_array(reader[key], np.stack(rows)[key])
        transposed = np.empty(SHAPE[::-1], np.float32)
        assert_same_array(reader.read_array(..., out=transposed.T), np.stack(rows))


def test_stores(path: Path) -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe("logarithms.om", path.read_bytes())
    with omfiles.open((memory, "logarithms.om")) as remote, omfiles.open(path) as local:
        assert_same_array(remote[...], np.stack([local[i] for i in range(SHAPE[0])]))
