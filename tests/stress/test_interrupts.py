# SPDX-License-Identifier: MIT
"""Ctrl-C at each moment at which it can arrive: no file is left behind, no thread goes on, readers work on."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
from interrupts import at_each_moment
from shared import n_descriptors, posix
from ways import DATA, OLD, WAYS, old_file

import omfiles
from omfiles import OmFileReader, OmFileWriter, write_hashes  # now, as an import has thousands of moments
from omfiles._native.threads import share

pytestmark = [
    pytest.mark.guarantee(n=22),
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:OmFileWriter was dropped:RuntimeWarning"),
    pytest.mark.skipif(sys.implementation.name != "cpython", reason="knows when CPython looks for signals"),
]

LARGE = np.random.default_rng(2).integers(0, 1 << 20, (160, 200, 200), dtype="int32")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return old_file(tmp_path)


@pytest.fixture
def three_threads() -> Iterator[None]:
    before = omfiles.get_num_threads()
    omfiles.set_num_threads(3)
    share(lambda: None, 3)
    yield
    omfiles.set_num_threads(before)


@pytest.fixture
def no_descriptor_is_lost() -> Iterator[None]:
    gc.collect()  # files of earlier tests
    before = n_descriptors() if os.name == "posix" else 0
    yield
    gc.collect()
    assert os.name != "posix" or n_descriptors() <= before


def test_the_moments() -> None:
    """They are those between instructions, of which there are none between taking a lock and giving it back."""
    lock = threading.Lock()
    steps: list[int] = []

    def step(number: int) -> None:
        steps.append(number)

    def action() -> None:
        steps.clear()
        with lock:
            for i in range(3):
                step(i)

    seen = set()
    for _ in at_each_moment(action):
        assert not lock.locked()
        seen.add(len(steps))
    assert seen == {0, 1, 2, 3}


# --- writing ----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("no_descriptor_is_lost")
@pytest.mark.guarantee(n=11)
@pytest.mark.parametrize("write", WAYS)
def test_the_old_file_or_the_new_one(path: Path, write: Callable[[Path], None]) -> None:
    found = []
    for _ in at_each_moment(lambda: write(path)):
        assert os.listdir(path.parent) == [path.name]
        assert omfiles.verify(path)
        found.append(omfiles.open(path).name)
    assert set(found) == {"old", "new"}
    assert found == sorted(found, reverse=True)


@pytest.mark.usefixtures("no_descriptor_is_lost")
@pytest.mark.guarantee(n=11)
def test_hashes(path: Path) -> None:
    hashes = path.with_name("hashes")
    hashes.write_text("old")
    for _ in at_each_moment(lambda: write_hashes(path, hashes)):
        assert sorted(os.listdir(path.parent)) == ["file.om", "hashes"]
        assert hashes.read_text() == "old" or omfiles.verify(path, hashes=hashes)


@pytest.mark.guarantee(n=13)
@pytest.mark.parametrize("large", [False, True])
@pytest.mark.usefixtures("three_threads")
def test_a_writer_goes_on_or_can_be_discarded(path: Path, large: bool) -> None:
    """It says so if it does not know what was written."""
    data, chunks = (LARGE, (20, 50, 50)) if large else (DATA, (10, 10))
    writers: list[OmFileWriter] = []

    def write() -> None:
        writer = writers[-1]
        array = writer.write_array(data, chunks, name="array")
        writer.close(writer.write_group("new", [array]))

    writers.append(OmFileWriter(path))
    n_good = n_failed = 0
    for _ in at_each_moment(write):
        writer = writers.pop()
        if not writer.closed:
            try:
                root = writer.write_array(DATA, (10, 10), name="again")
            except ValueError:
                with pytest.raises(ValueError, match=r"only discard\(\)"):
                    writer.write_scalar(1, "scalar")
                writer.discard()
                n_failed += 1
            else:
                writer.close(root)
                n_good += 1
        assert os.listdir(path.parent) == [path.name]
        assert omfiles.verify(path)
        writers.append(OmFileWriter(path))
    writers.pop()
    assert n_good > 10
    assert n_failed > 2


@posix
@pytest.mark.guarantee(n=11)
def test_signals_at_200_moments(tmp_path: Path) -> None:
    command = [sys.executable, Path(__file__).with_name("kill_worker.py"), tmp_path / "file.om", 2, 200, "SIGINT"]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = eval(done.stdout)
    assert found["kills"] >= 200
    assert not found.get("left behind"), found


# --- reading ----------------------------------------------------------------------------------------------------------

READS: dict[str, tuple[Callable[[OmFileReader], Any], Any]] = {
    "all": (lambda reader: reader[...], OLD),
    "element": (lambda reader: [reader[3, 5], reader[3, 95]], OLD[3, [5, 95]]),
    "orthogonal": (lambda reader: reader.oindex[[3, 50, 7], ::9], OLD[[3, 50, 7], ::9]),
    "pointwise": (lambda reader: reader.vindex[[3, 50, 7], [1, 2, 3]], OLD[[3, 50, 7], [1, 2, 3]]),
    "rows": (lambda reader: list(islice(reader, 3)), DATA[:-4:-1]),
    "attributes": (lambda reader: [reader.attrs["units"], *reader.keys(), reader["units"].read_scalar()],
                   ["K", "units", "K"]),
}  # fmt: skip


@pytest.fixture(params=["local", "remote"])
def source(path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "local":
        yield str(path)
        return
    memory = fsspec.filesystem("memory")
    memory.pipe_file("/interrupts.om", path.read_bytes())
    yield "memory://interrupts.om"
    memory.rm("/interrupts.om")


@pytest.mark.parametrize("name", READS)
@pytest.mark.usefixtures("no_descriptor_is_lost")
def test_a_reader_works_on(source: str, name: str) -> None:
    """Requests have many moments, which the reads share: each read has a third of them, not all the same third."""
    read, expected = READS[name]
    which = (list(READS).index(name) % 3, 3) if source.startswith("memory") else (0, 1)
    with OmFileReader(source) as reader:
        for _ in at_each_moment(lambda: read(reader), *which):
            np.testing.assert_array_equal(read(reader), expected)
            assert not reader.closed


@pytest.mark.usefixtures("no_descriptor_is_lost")
def test_opening_again(source: str) -> None:
    for _ in at_each_moment(lambda: omfiles.open(source)[0]):
        with omfiles.open(source) as reader:
            np.testing.assert_array_equal(reader[0], DATA[-1])


# --- threads ----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("three_threads")
def test_no_thread_goes_on() -> None:
    """They use memory of the caller, which is gone when the interrupt has arrived."""
    main = threading.get_ident()
    running: set[int] = set()

    def work() -> None:
        number = threading.get_ident()
        if number != main:
            running.add(number)
        time.sleep(0.001)  # long enough to be seen by who goes on without waiting
        running.discard(number)

    for _ in at_each_moment(lambda: share(work, 3)):
        for _ in range(3):
            assert not running
            time.sleep(0.0005)  # a helper that begins late would be running by then


@pytest.mark.usefixtures("three_threads")
def test_large_reads(tmp_path: Path) -> None:
    omfiles.save(tmp_path / "large.om", LARGE, (20, 50, 50))
    with OmFileReader(tmp_path / "large.om") as reader:
        out = np.empty_like(LARGE)
        for _ in at_each_moment(lambda: reader.read_array(..., out=out)):
            out[:] = -1
            assert (out == -1).all()
        np.testing.assert_array_equal(reader[...], LARGE)
