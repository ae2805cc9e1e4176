# SPDX-License-Identifier: MIT
"""Results larger than the program allows are refused before they are allocated."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shared import MemoryStore, run_python

import omfiles
from omfiles import OmFileReader, OmFileReaderAsync

DATA = np.arange(1200, dtype="i2").reshape(30, 40)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    omfiles.save(tmp_path / "rain.om", DATA, (7, 9), name="rain")
    return tmp_path / "rain.om"


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    yield
    omfiles.set_max_result_size(None)


SELECTIONS: dict[str, Callable[[OmFileReader], Any]] = {
    "basic": lambda rain: rain[:20],
    "read_array": lambda rain: rain.read_array(np.s_[:20]),
    "oindex": lambda rain: rain.oindex[list(range(20)), :],
    "vindex": lambda rain: rain.vindex[np.arange(20)[:, np.newaxis], np.arange(40)],
}


@pytest.mark.parametrize("remote", [False, True], ids=["local", "remote"])
@pytest.mark.parametrize("select", SELECTIONS.values(), ids=SELECTIONS)
def test_the_limit_holds_for_every_read(path: Path, select: Callable[[OmFileReader], Any], remote: bool) -> None:
    with OmFileReader(MemoryStore(path.read_bytes()) if remote else path) as rain:
        omfiles.set_max_result_size(1599)
        with pytest.raises(MemoryError, match=r"'rain'.* 1600 bytes; .* allows 1599"):
            select(rain)
        omfiles.set_max_result_size(1600)
        np.testing.assert_array_equal(select(rain), DATA[:20])


@pytest.mark.parametrize("remote", [False, True], ids=["local", "remote"])
def test_what_is_read_on_the_way_is_no_larger(tmp_path: Path, remote: bool) -> None:
    """Iteration reads many rows at once, and selections what lies between their elements."""
    path = tmp_path / "large.om"
    data = np.arange(240_000.0).reshape(300, 800)
    omfiles.save(path, data, (300, 400), name="large")
    with OmFileReader(MemoryStore(path.read_bytes()) if remote else path) as large:
        omfiles.set_max_result_size(data[0].nbytes)
        np.testing.assert_array_equal(next(iter(large)), data[0])
        omfiles.set_max_result_size(16)
        np.testing.assert_array_equal(large.vindex[[0, 50], [3, 50]], data[[0, 50], [3, 50]])
        np.testing.assert_array_equal(large.oindex[[7, 299], 3], data[[7, 299], 3])
        omfiles.set_max_result_size(15)
        with pytest.raises(MemoryError, match=r"16 bytes; .* allows 15"):
            large.vindex[[0, 50], [3, 50]]


def test_xarray(path: Path) -> None:
    xarray = pytest.importorskip("xarray")
    with xarray.open_dataset(path, engine="om") as dataset:
        rain = dataset["rain"]
        points = xarray.DataArray(range(20), dims="point")
        omfiles.set_max_result_size(39)
        for select in (rain[[*range(19), 29], 0], rain[points, points]):
            with pytest.raises(MemoryError, match=r"'rain'.* 40 bytes; .* allows 39"):
                select.load()
        omfiles.set_max_result_size(40)
        np.testing.assert_array_equal(rain[[*range(19), 29], 0], DATA[[*range(19), 29], 0])
        np.testing.assert_array_equal(rain[points, points], DATA[range(20), range(20)])


def test_asyncio(path: Path) -> None:
    async def read() -> np.ndarray:
        async with await OmFileReaderAsync.open(path) as rain:
            return await rain.read_array(...)

    omfiles.set_max_result_size(100)
    with pytest.raises(MemoryError, match="allows 100"):
        asyncio.run(read())


def test_memory_of_the_caller_is_not_limited(path: Path) -> None:
    omfiles.set_max_result_size(0)
    out = np.empty_like(DATA)
    with OmFileReader(path) as rain:
        assert rain.read_array(..., out=out) is out
        assert rain[:0].shape == (0, 40)
    np.testing.assert_array_equal(out, DATA)


def test_a_small_file_that_holds_much(tmp_path: Path) -> None:
    path = tmp_path / "zeros.om"
    omfiles.save(path, np.broadcast_to(np.int8(0), (4096, 4096)), (512, 4096))
    assert path.stat().st_size < 200_000
    omfiles.set_max_result_size(1 << 20)
    with pytest.raises(MemoryError, match=r"16777216 bytes"):
        omfiles.open(path)[...]


@pytest.mark.memory
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs limits of memory, and what is taken of it")
@pytest.mark.guarantee(n=5)
def test_what_is_too_large_for_the_machine(tmp_path: Path) -> None:
    """The process lives on, and so does the reader."""
    path = tmp_path / "zeros.om"
    omfiles.save(path, np.broadcast_to(np.int8(0), (1 << 13, 1 << 14)), (1 << 10, 1 << 14))
    program = """
import resource, sys
from pathlib import Path
import omfiles

array = omfiles.open(sys.argv[1])
array[0]
taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (taken + (100 << 20),) * 2)
try:
    array[...]
except MemoryError:
    print(array[:, 5].shape, array[1000:1010].any())
"""
    assert run_python(program, path) == "(8192,) False"


def test_what_is_set() -> None:
    assert omfiles.get_max_result_size() is None
    omfiles.set_max_result_size(5)
    assert omfiles.get_max_result_size() == 5
    omfiles.set_max_result_size(2**70)
    assert omfiles.get_max_result_size() is None
    with pytest.raises(ValueError, match="at least 0, not -1"):
        omfiles.set_max_result_size(-1)
