# SPDX-License-Identifier: MIT
"""More files are open than a process may have descriptors."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from shared import at_once, n_descriptors

import omfiles
from omfiles import OmFileReader
from omfiles.errors import OmReadError

N_FILES = 200
ROWS = np.random.default_rng(1).integers(0, 1 << 20, (120, 100), "int32")  # more than comes along when a file is opened


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("many")
    paths = [folder / f"{number:03}.om" for number in range(N_FILES)]
    for number, path in enumerate(paths):
        omfiles.save(path, ROWS + number, (10, 10), name="numbers")
    return paths


@pytest.fixture
def readers(paths: list[Path], few_descriptors: int) -> Iterator[list[OmFileReader]]:
    before = n_descriptors()
    readers = [omfiles.open(path) for path in paths]
    assert n_descriptors() <= before + few_descriptors // 2
    yield readers
    for reader in readers:
        reader.close()
    assert n_descriptors() == before


def test_all_are_read(readers: list[OmFileReader]) -> None:
    for _ in range(2):
        for number, reader in enumerate(readers):
            assert reader[7, 9] == ROWS[7, 9] + number
            np.testing.assert_array_equal(reader[::7], ROWS[::7] + number)


def test_by_many_threads(readers: list[OmFileReader]) -> None:
    def work(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for number in rng.integers(N_FILES, size=500).tolist():
            row = int(rng.integers(120))
            np.testing.assert_array_equal(readers[number][row], ROWS[row] + number)

    at_once(*[partial(work, seed) for seed in range(8)])


def test_iterating_copies(readers: list[OmFileReader]) -> None:
    """They share the descriptor, which is closed with the last of them."""
    rows = [iter(copy.copy(reader)) for reader in readers]
    for number, row in enumerate(rows):
        np.testing.assert_array_equal(next(row), ROWS[0] + number)


@pytest.mark.usefixtures("few_descriptors")
def test_from_another_working_directory(paths: list[Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(paths[0].parent)
    readers = [omfiles.open(path.name) for path in paths]
    monkeypatch.chdir(tmp_path)
    for number, reader in enumerate(readers):
        assert reader[59, 99] == ROWS[59, 99] + number
        reader.close()


@pytest.mark.usefixtures("few_descriptors")
def test_what_was_replaced_meanwhile(paths: list[Path], tmp_path: Path) -> None:
    """It is not taken for the file that was opened."""
    replaced, changed, removed = (tmp_path / name for name in ("replaced.om", "changed.om", "removed.om"))
    for path in (replaced, changed, removed):
        path.write_bytes(paths[0].read_bytes())
    # The first few files stay open.
    few = [omfiles.open(path) for path in paths[:16]]
    three = [omfiles.open(path) for path in (replaced, changed, removed)]
    others = [omfiles.open(path) for path in paths]
    omfiles.save(tmp_path / "other.om", ROWS, (10, 10), name="numbers")
    os.replace(tmp_path / "other.om", replaced)
    os.utime(changed, ns=(0, 0))
    removed.unlink()
    for reader in three[:2]:
        with pytest.raises(OmReadError, match=r"replaced or changed after its descriptor .* Open it again"):
            reader[0, 0]
    with pytest.raises(FileNotFoundError, match=r"removed\.om"):
        three[2][0, 0]
    assert others[5][0, 0] == ROWS[0, 0] + 5
    for reader in [*few, *three, *others]:
        reader.close()
