# SPDX-License-Identifier: MIT
"""Killed writers, full disks, writes that fail or are short: a path holds the old file whole, or the new one whole."""

from __future__ import annotations

import errno
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shared import posix, run_python
from ways import DATA, OLD, WAYS, old_file

import omfiles
from omfiles import OmFileWriter
from omfiles._writing import local_sink

pytestmark = pytest.mark.guarantee(n=11)


def attempt(write: Callable[[Path], None], path: Path) -> int:
    """Write; returns the number of the system's error, or 0."""
    try:
        write(path)
    except OSError as error:
        return error.errno
    return 0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return old_file(tmp_path)


def assert_old(path: Path) -> None:
    assert omfiles.verify(path)
    with omfiles.open(path) as reader:
        assert reader.name == "old" and np.array_equal(reader[...], OLD)
    assert os.listdir(path.parent) == [path.name]


def assert_new(path: Path) -> None:
    assert omfiles.verify(path)
    with omfiles.open(path) as reader:
        assert reader.name == "new" and reader.attrs["units"] == "m" and np.array_equal(reader[...], DATA)
    assert os.listdir(path.parent) == [path.name]


# --- killed -----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@posix
def test_killed_at_200_moments(tmp_path: Path) -> None:
    """What `kill -9` leaves behind goes by a name that tells what it is."""
    command = [sys.executable, Path(__file__).with_name("kill_worker.py"), tmp_path / "file.om", 1, 200]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = eval(done.stdout)
    assert found["kills"] >= 200
    assert found["left behind"] > 20, "they were killed at the wrong moments"


# --- no room ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def tmpfs(tmp_path: Path) -> Iterator[Path]:
    """A disk of 256 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "omfiles", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount")
    if done.returncode != 0:
        pytest.skip(f"no disk can be mounted: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@posix
@pytest.mark.parametrize("write", WAYS)
def test_a_full_disk(tmpfs: Path, write: Callable[[Path], None]) -> None:
    """However many pages are free: there is the old file and an error, or the new file; and no room is lost."""
    path = old_file(tmpfs)
    page = os.sysconf("SC_PAGE_SIZE")
    free = os.statvfs(tmpfs).f_bavail
    needed = -(-path.stat().st_size // page)
    filler = tmpfs / "filler"
    for room in range(needed + 4):
        filler.write_bytes(bytes((free - room) * page))
        code = attempt(write, path)
        filler.unlink()
        if code == 0:
            assert_new(path)
            assert room >= needed - 1
            return
        assert code == errno.ENOSPC
        assert_old(path)
        assert os.statvfs(tmpfs).f_bavail == free
    raise AssertionError("there was never enough room")


@pytest.mark.slow
@posix
def test_a_limit_of_the_size(path: Path) -> None:
    """As on a full disk, wherever no disk can be mounted: a limit in every record, and in the trailer."""
    code = f"""
import errno, os, resource, signal, sys
from pathlib import Path
sys.path[:0] = {sys.path!r}
from test_writer_disasters import attempt, assert_new, assert_old
from ways import WAYS, old_file
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
path = Path({str(path)!r})
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
for write in WAYS:
    old_file(path.parent)
    write(path)
    size = path.stat().st_size
    old_file(path.parent)
    for limit in [*range(0, size, 1000), *range(size - 200, size, 7), size - 1, size]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        code = attempt(write, path)
        assert code == (0 if limit == size else errno.EFBIG), (code, limit, size)
        assert_old(path) if code else assert_new(path)
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
"""
    run_python(code)


# --- writes that fail, or take less than they should ------------------------------------------------------------------


@contextmanager
def os_call(name: str, change: Callable[..., Any]) -> Iterator[None]:
    """Let a function of `os` be another one, which gets the right one as its first argument, for writers only."""
    with pytest.MonkeyPatch.context() as patch:
        right = getattr(os, name)
        patch.setattr(local_sink.os, name, lambda *args, **options: change(right, *args, **options))
        yield


@pytest.mark.parametrize("write", WAYS)
def test_short_writes(path: Path, write: Callable[[Path], None]) -> None:
    """A system may take fewer bytes than it is given; the others are given again."""
    rng = random.Random(2)
    n_short = 0

    def short(right: Callable[[int, Any], int], fd: int, data: memoryview) -> int:
        nonlocal n_short
        n = rng.randint(1, len(data))
        n_short += n < len(data)
        return right(fd, data[:n])

    with os_call("write", short):
        write(path)
    assert n_short > 3
    assert_new(path)


@pytest.mark.parametrize("write", WAYS)
@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.ESTALE], ids=errno.errorcode.get)
def test_any_write_may_fail(path: Path, write: Callable[[Path], None], code: int) -> None:
    """The first write, the second, and so on, after some of its bytes were taken."""
    n_writes = 0

    def failing(right: Callable[[int, Any], int], fd: int, data: memoryview) -> int:
        nonlocal n_writes
        n_writes += 1
        if n_writes % 2 == 1:
            return right(fd, data[: len(data) // 2 + 1])
        if n_writes >= fail_at:
            raise OSError(code, os.strerror(code))
        return right(fd, data)

    fail_at = 0
    while fail_at < 100:
        fail_at += 2
        n_writes = 0
        with os_call("write", failing):
            ended = attempt(write, path)
        if ended == 0:
            break
        assert ended == code
        assert_old(path)
    assert fail_at > 2
    assert_new(path)


@pytest.mark.parametrize("name", ["close", "replace"])
@pytest.mark.parametrize("write", WAYS)
def test_the_end_may_fail(path: Path, write: Callable[[Path], None], name: str) -> None:
    """File systems of networks report errors of earlier writes when a file is closed."""

    def failing(right: Callable[..., None], *args: Any) -> None:
        if name == "close":
            right(*args)
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with pytest.raises(OSError, match="Input/output error"), os_call(name, failing):
        write(path)
    assert_old(path)


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt, SystemExit, GeneratorExit])
@pytest.mark.parametrize("after", [0, 1, 2])
def test_an_exception_in_the_iterator(path: Path, error: type[BaseException], after: int) -> None:
    def rows() -> Iterator[np.ndarray]:
        for i in range(after):
            yield DATA[20 * i : 20 * i + 20]
        raise error

    with pytest.raises(error), OmFileWriter(path) as writer:
        writer.close(writer.write_array_streaming(DATA.shape, (10, 10), rows(), DATA.dtype))
    assert_old(path)


# --- two writers ------------------------------------------------------------------------------------------------------


def test_writers_on_one_path_and_a_reader(path: Path) -> None:
    """Threads write one path again and again; whoever opens it meanwhile reads the whole of one version."""
    n_versions = 40

    def write(first: int) -> None:
        for version in range(first, first + n_versions):
            omfiles.save(path, np.full((50, 100), version, "int32"), (10, 10))

    omfiles.save(path, np.full((50, 100), -1, "int32"), (10, 10))
    seen = set()
    with ThreadPoolExecutor(3) as pool:
        writers = [pool.submit(write, 1000 * i) for i in range(3)]
        while not all(writer.done() for writer in writers):
            values = omfiles.open(path)[...]
            assert (values == values[0, 0]).all()
            seen.add(int(values[0, 0]))
        for writer in writers:
            writer.result()
    assert seen <= {-1, *(1000 * i + j for i in range(3) for j in range(n_versions))}
    assert int(omfiles.open(path)[0, 0]) % 1000 == n_versions - 1, "the last one to be closed stays"
    assert os.listdir(path.parent) == [path.name]
