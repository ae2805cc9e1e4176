# SPDX-License-Identifier: MIT
"""The memory of a large result waits for the next one once it is gone, and only then."""

from __future__ import annotations

import asyncio
import concurrent.futures
import gc
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from shared import run_python

import omfiles
from omfiles import OmFileReader, OmFormatError
from omfiles._native import result_memory

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere numpy allocates all results"),
]

MIB = 2**20
SHAPE = (9000, 2000)  # 69 MiB
VALUES = (np.arange(SHAPE[0]) % 1000).astype("f4")[:, None] + (np.arange(SHAPE[1]) % 7).astype("f4")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("large") / "large.om"
    omfiles.save(path, VALUES, (500, 500))
    return path


@pytest.fixture(autouse=True)
def _nothing_waits() -> Iterator[None]:
    result_memory.drop_waiting()
    yield
    result_memory.drop_waiting()


def address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


def n_waiting() -> int:
    """Bytes that waited; they do no longer."""
    gc.collect()
    return result_memory.drop_waiting()


def test_the_next_result_has_the_memory_of_the_last(path: Path) -> None:
    with OmFileReader(path) as reader:
        first = reader[...]
        place = address(first)
        np.testing.assert_array_equal(first, VALUES)
        del first
        for key in (np.s_[::-1], np.s_[:8000], np.s_[100:8000]):  # what is too much is given back
            result = reader[key]
            assert address(result) == place
            np.testing.assert_array_equal(result, VALUES[key])
            del result
        larger = reader[...]  # cannot use it
        np.testing.assert_array_equal(larger, VALUES)
        del larger
        assert n_waiting() == 70 * MIB, "and took its place"


def test_a_result_in_use_is_left_alone(path: Path) -> None:
    with OmFileReader(path) as reader:
        view = memoryview(reader[::-1][5:, 3:])  # nothing else holds the result
        others = [reader[...] for _ in range(2)]
        del others[0]
        others.append(reader[...])
        np.testing.assert_array_equal(np.asarray(view), VALUES[::-1][5:, 3:])
        for other in others:
            other += 1
        np.testing.assert_array_equal(np.asarray(view), VALUES[::-1][5:, 3:])
    assert np.array_equal(others[0], VALUES + 1) and np.array_equal(others[1], VALUES + 1)


def test_results_are_arrays_like_others(path: Path) -> None:
    with OmFileReader(path) as reader:
        result = reader[...]
    assert type(result) is np.ndarray and result.flags.c_contiguous and result.flags.writeable and result.flags.aligned
    assert address(result) % 64 == 0
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(result)), VALUES)
    with pytest.raises(ValueError, match="does not own its data"):
        result.resize(5)
    assert result.copy().flags.owndata


def test_how_much_waits(path: Path) -> None:
    with OmFileReader(path) as reader:
        results = [reader[...] for _ in range(3)]
        results.clear()
        assert n_waiting() == 70 * MIB, "of one result, whatever their number"
        reader[:4000]  # 31 MiB
        assert n_waiting() == 0, "nothing of what malloc keeps"


def test_nothing_waits_that_monitors_of_memory_would_ask_about(tmp_path: Path) -> None:
    omfiles.save(tmp_path / "zeros.om", np.zeros((600 * MIB,), "i1"), (MIB,))
    with OmFileReader(tmp_path / "zeros.om") as reader:
        reader[: 512 * MIB]
        assert n_waiting() == 512 * MIB
        result = reader[: 513 * MIB]
        assert not result.any()
        del result
        assert n_waiting() == 0


def test_a_failed_read_leaves_its_memory(path: Path, tmp_path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 64] = b"\xff" * 64
    (tmp_path / "damaged.om").write_bytes(content)
    with OmFileReader(path) as good, OmFileReader(tmp_path / "damaged.om") as bad:
        with pytest.raises(OmFormatError):
            bad[...]
        assert n_waiting() == 70 * MIB
        good[...]
        with pytest.raises(OmFormatError):
            bad[...]
        np.testing.assert_array_equal(good[...], VALUES)


def test_the_system_takes_it_back_when_it_needs_memory(path: Path) -> None:
    """As it does by itself; the next result is right all the same."""
    mmap = pytest.importorskip("mmap")
    ctypes = pytest.importorskip("ctypes")
    with OmFileReader(path) as reader:
        place = address(reader[...])
        ctypes.CDLL(None).madvise(ctypes.c_void_p(place), ctypes.c_size_t(70 * MIB), mmap.MADV_DONTNEED)
        np.testing.assert_array_equal(reader[...], VALUES)


def test_threads(path: Path) -> None:
    def read(i: int) -> bool:
        key = np.s_[i * 7 :]
        result = reader[key]
        result += i
        return np.array_equal(result, VALUES[key] + np.float32(i))

    with OmFileReader(path) as reader, concurrent.futures.ThreadPoolExecutor(6) as pool:
        assert all(pool.map(read, range(40)))
    assert n_waiting() <= 70 * MIB


def test_remote_files(path: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    fsspec.filesystem("memory").pipe_file("/large.om", path.read_bytes())

    async def read() -> np.ndarray:
        async with await omfiles.OmFileReaderAsync.open("memory://large.om") as reader:
            return await reader.read_array(...)

    for _ in range(3):
        np.testing.assert_array_equal(asyncio.run(read()), VALUES)
    assert n_waiting() == 70 * MIB


def test_a_forked_process_has_none_of_it(path: Path) -> None:
    code = """
import os, sys
import omfiles

def is_mapped(place):
    ranges = (line.split()[0].split("-") for line in open("/proc/self/maps"))
    return any(int(start, 16) <= place < int(stop, 16) for start, stop in ranges)

omfiles.set_num_threads(1)
reader = omfiles.OmFileReader(sys.argv[1])
expected = reader[...]
place = reader[...].__array_interface__["data"][0]
assert is_mapped(place)
child = os.fork()
if child == 0:
    os._exit(0 if not is_mapped(place) and (reader[...] == expected).all() else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert is_mapped(place)
assert reader[...].__array_interface__["data"][0] == place
"""
    run_python(code, path)
