# SPDX-License-Identifier: MIT
"""`convert` of what is larger than the memory that it can have."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import omfiles

pytest.importorskip("dask.array")
pytest.importorskip("netCDF4")
pytest.importorskip("xarray")
pytest.importorskip("zarr")
pytestmark = [
    pytest.mark.memory,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="memory is limited, and measured, by means of Linux"),
    pytest.mark.xdist_group("memory_limit"),  # tests that share a large file
]

SHAPE = (48, 1024, 1024)  # 192 MiB
MEMORY = "64MiB"
ROOM = 96 << 20

# Libraries and what they map are there before the limit is set; the room is for the conversion alone.
LIMITED = """
import re, resource, sys
from pathlib import Path
import dask.array, dask.threaded, netCDF4, numpy, omfiles.xarray, xarray, zarr
from omfiles.cli import main

room, *arguments = sys.argv[1:]
mapped = int(re.search(r"VmSize:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024
resource.setrlimit(resource.RLIMIT_AS, (mapped + int(room),) * 2)
try:
    numpy.empty(int(room) + 2**24, "u1")
except MemoryError:
    sys.exit(main(["convert", *arguments]))
sys.exit("there is no limit")
"""


def convert(*arguments: object) -> None:
    # A thread reserves much more memory than it takes, for a stack and an arena of its own.
    environment = {**os.environ, "MALLOC_ARENA_MAX": "1", "DASK_NUM_WORKERS": "2", "OMP_NUM_THREADS": "1"}
    command = ["sh", "-c", 'ulimit -s 1024 && exec "$@"', "sh", sys.executable, "-c", LIMITED, str(ROOM)]
    command += ["--memory", MEMORY, *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("large") / "large.om"
    with omfiles.OmFileWriter(path) as writer:
        maps = (expected(hour)[None] for hour in range(SHAPE[0]))
        t2m = writer.write_array_streaming(
            SHAPE, (1, 256, 256), maps, np.float32, 20, name="t2m", dims=("time", "y", "x")
        )
        writer.close(writer.write_group("", [t2m]))
    return path


def expected(hour: int) -> np.ndarray:
    rows, columns = np.ogrid[: SHAPE[1], : SHAPE[2]]
    return ((rows // 8 + columns // 8 + hour) % 256).astype(np.float32)


def check(path: Path) -> None:
    with omfiles.open(path) as reader:
        t2m = reader["t2m"]
        assert t2m.shape == SHAPE
        for hour in (0, 23, 47):
            np.testing.assert_array_equal(t2m[hour], expected(hour))


def test_other_chunks(large: Path, tmp_path: Path) -> None:
    convert(large, tmp_path / "series.om", "--chunks", "time=24,y=16,x=16")
    check(tmp_path / "series.om")


@pytest.mark.parametrize("name", ["large.nc", "large.zarr"])
def test_there_and_back(large: Path, tmp_path: Path, name: str) -> None:
    convert(large, tmp_path / name)
    convert(tmp_path / name, tmp_path / "back.om", "--scale-factor", "20")
    check(tmp_path / "back.om")


def test_many_variables(tmp_path: Path) -> None:
    with omfiles.OmFileWriter(tmp_path / "many.om") as writer:
        handles = [
            writer.write_array(expected(hour)[None], (1, 256, 256), 20, name=f"v{hour}", dims=("time", "y", "x"))
            for hour in range(SHAPE[0])
        ]
        writer.close(writer.write_group("", handles))
    convert(tmp_path / "many.om", tmp_path / "many.nc")
    convert(tmp_path / "many.nc", tmp_path / "back.om", "--scale-factor", "20")
    with omfiles.open(tmp_path / "back.om") as reader:
        for hour in (0, 23, 47):
            np.testing.assert_array_equal(reader[f"v{hour}"][0], expected(hour))
