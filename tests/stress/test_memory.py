# SPDX-License-Identifier: MIT
"""How much memory reading and writing take beyond what the caller asked for, at their peak."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from shared import run_python

import omfiles

MIB = 2**20
READ_EXTRA = 8 * MIB
WRITE_EXTRA = 32 * MIB

pytestmark = [
    pytest.mark.memory,
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="peaks are measured through /proc"),
]

# A process of its own measures the peak of its resident memory over what it held before.
PREAMBLE = """
import os, re, sys
import numpy as np, omfiles
from pathlib import Path

def resident(kind):
    return int(re.search(kind + r":\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024

def peak_of(action):
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before = resident("VmRSS")
    result = action()
    print(resident("VmHWM") - before)
"""


def peaks(code: str, *arguments: object) -> list[int]:
    """The peaks that a program measures, in bytes."""
    return [*map(int, run_python(PREAMBLE + code, *arguments).split())]


def peak(code: str, *arguments: object) -> int:
    [found] = peaks(code, *arguments)
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("memory")


def write_file(folder: Path, shape: Sequence[int], chunks: Sequence[int]) -> Path:
    path = folder / ("-".join(map(str, [*shape, *chunks])) + ".om")
    if not path.exists():
        values = np.arange(np.prod(shape), dtype=np.float32).reshape(shape) % 1000
        with omfiles.OmFileWriter(path) as writer:
            writer.close(writer.write_array(values, chunks, scale_factor=20.0))
    return path


LARGE = (4096, 4096)  # 64 MiB


@pytest.mark.parametrize("chunks", [(20, 20), (64, 4096), LARGE], ids=str)
def test_read_takes_the_output_and_little_more(folder: Path, chunks: tuple[int, int]) -> None:
    """Each read in a process that was forked before the first one, and holds nothing of the others."""
    keys = ["...", "::2, ::3", "::-1", "17", ":, 5", "4095, 4095"]
    code = """
reader = omfiles.OmFileReader(sys.argv[1])
reader[0, 0]
for key in sys.argv[2:]:
    child = os.fork()
    if child == 0:
        peak_of(eval(f"lambda: reader[{key}]"))
        sys.stdout.flush()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
"""
    extra = {
        key: found - np.empty(LARGE, np.float32)[eval(f"np.s_[{key}]")].nbytes
        for key, found in zip(keys, peaks(code, write_file(folder, LARGE, chunks), *keys), strict=True)
    }
    assert max(extra.values()) <= READ_EXTRA, extra


def test_what_is_kept_of_points_is_bounded(folder: Path) -> None:
    """Chunks of some 20 kB, 38 MB in all, none of them read twice; every value is right."""
    path = folder / "noise.om"
    noise = np.random.default_rng(1).integers(-(2**30), 2**30, (4096, 2330), dtype=np.int32)
    omfiles.save(path, noise, (2, 2330))
    np.save(folder / "noise.npy", noise[::2, 7])
    code = """
reader = omfiles.OmFileReader(sys.argv[1])
expected = np.load(sys.argv[2])
reader[0, 0]
peak_of(lambda: [1 // (reader[2 * i, 7] == x) for i, x in enumerate(expected)])
"""
    # 1 MiB of chunks; the system may give a huge page, of 2 MiB, at once.
    assert peak(code, path, folder / "noise.npy") <= 4 * MIB


@pytest.mark.parametrize("chunks", [(20, 20), (64, 4096), (2048, 2048)], ids=str)
def test_threads_share_the_memory(folder: Path, chunks: tuple[int, int]) -> None:
    path = write_file(folder, LARGE, chunks)
    code = """
omfiles.set_num_threads(16)
reader = omfiles.OmFileReader(sys.argv[1])
reader[:2000]  # starts them
peak_of(lambda: reader[...])
"""
    assert peak(code, path) <= np.prod(LARGE) * 4 + READ_EXTRA


def test_read_into_an_existing_array_takes_little(folder: Path) -> None:
    path = write_file(folder, LARGE, (20, 20))
    code = """
reader = omfiles.OmFileReader(sys.argv[1])
out = np.zeros(reader.shape, reader.dtype)
out[:] = 1
peak_of(lambda: reader.read_array(..., out=out))
"""
    assert peak(code, path) <= READ_EXTRA


@pytest.mark.parametrize("chunks", [(20, 20), (1, 4096), (2000, 4096), (1, 16)], ids=str)
def test_streaming_write_takes_an_item_and_little_more(tmp_path: Path, chunks: tuple[int, int]) -> None:
    """Items are so large that keeping one longer than needed would be seen."""
    item_rows, n_items = 4000, 3
    shape = (n_items * item_rows, 4096)
    code = f"""
def item():
    values = np.empty(({item_rows}, {shape[1]}), np.float32)
    values[:] = np.arange({shape[1]})
    return values

def write():
    with omfiles.OmFileWriter(sys.argv[1]) as writer:
        items = (item() for _ in range({n_items}))
        writer.close(writer.write_array_streaming({shape}, {chunks}, items, np.dtype("f4"), scale_factor=20.0))

peak_of(write)
"""
    n_item = item_rows * shape[1] * 4
    n_chunks = -(-shape[0] // chunks[0]) * -(-shape[1] // chunks[1])
    assert peak(code, tmp_path / "streamed.om") <= n_item + WRITE_EXTRA + 8 * n_chunks


@pytest.mark.parametrize("layout", ["C", "transposed", "byte-swapped"])
def test_write_takes_little_beyond_its_input(tmp_path: Path, layout: str) -> None:
    code = """
values = (np.arange(2**24) % 1000).astype(np.float32).reshape(4096, 4096)
match sys.argv[2]:
    case "transposed":
        values = values.T
    case "byte-swapped":
        values = values.astype(">f4")

def write():
    with omfiles.OmFileWriter(sys.argv[1]) as writer:
        writer.close(writer.write_array(values, (64, 64), scale_factor=20.0))

peak_of(write)
"""
    assert peak(code, tmp_path / "written.om", layout) <= WRITE_EXTRA + 8 * 64 * 64
