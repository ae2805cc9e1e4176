# SPDX-License-Identifier: MIT
"""A writer's life: files appear whole or not at all, whatever happens in between."""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import pickle
import stat
import subprocess
import sys
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gil import lets_others_run
from shared import at_once, counts_descriptors, n_descriptors, posix

from omfiles import OmFileReader, OmFileWriter, save
from omfiles._writing.local_sink import LocalSink

DATA = np.arange(12.0).reshape(3, 4)
OLD = b"an older file"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The path of an older file, alone in its folder."""
    path = tmp_path / "file.om"
    path.write_bytes(OLD)
    return path


def assert_untouched(path: Path) -> None:
    assert path.read_bytes() == OLD
    assert list(path.parent.iterdir()) == [path]


def fill(writer: OmFileWriter) -> Any:
    return writer.write_array(DATA, (2, 2))


# --- opening ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [str, Path, lambda path: os.path.relpath(path)])
def test_kinds_of_paths(path: Path, kind: Any) -> None:
    with OmFileWriter(kind(path)) as writer:
        fill(writer)
    with OmFileReader(path) as reader:
        assert np.array_equal(reader[:], DATA)


@pytest.mark.parametrize("wrong", [None, 5, b"file.om", ["file.om"]])
def test_wrong_types_of_paths(wrong: Any) -> None:
    with pytest.raises(TypeError):
        OmFileWriter(wrong)


def test_no_argument() -> None:
    with pytest.raises(TypeError):
        OmFileWriter()  # type: ignore[call-arg]


def test_missing_folder(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "file.om"
    with pytest.raises(FileNotFoundError) as caught:
        OmFileWriter(path)
    assert caught.value.filename == str(path)
    with pytest.raises(FileNotFoundError):
        OmFileWriter("")


def test_folders(tmp_path: Path) -> None:
    for folder in tmp_path, f"{tmp_path}{os.sep}", f"{tmp_path / 'new'}{os.sep}":
        with pytest.raises(IsADirectoryError):
            OmFileWriter(folder)
    file = tmp_path / "file"
    file.write_bytes(b"")
    with pytest.raises((NotADirectoryError, FileNotFoundError)):
        OmFileWriter(file / "x.om")


@posix
def test_special_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for special in tmp_path / "fifo", os.devnull:
        with pytest.raises(ValueError, match="not a regular file"):
            OmFileWriter(special)


@posix
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write everywhere")
def test_permissions(path: Path) -> None:
    path.chmod(0o444)
    with pytest.raises(PermissionError):
        OmFileWriter(path)
    path.parent.chmod(0o555)
    with pytest.raises(PermissionError):
        OmFileWriter(path.parent / "new.om")
    path.parent.chmod(0o755)


@pytest.mark.parametrize(("placement", "error"), [("head", ValueError), (None, TypeError), (1, TypeError)])
def test_placement_is_checked_before_the_file_is_touched(path: Path, placement: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="metadata_placement"):
        OmFileWriter(path, placement)
    assert_untouched(path)


def test_long_names(tmp_path: Path) -> None:
    path = tmp_path / ("é" * 125 + ".om")
    save(path, DATA)
    with OmFileReader(path) as reader:
        assert reader.shape == (3, 4)


# --- appearing --------------------------------------------------------------------------------------------------------


@pytest.mark.guarantee(n=11)
@pytest.mark.guarantee(n=12)
def test_the_file_appears_on_close(path: Path) -> None:
    writer = OmFileWriter(path)
    root = fill(writer)
    assert path.read_bytes() == OLD
    parts = [p.name for p in path.parent.iterdir() if p != path]
    assert len(parts) == 1
    assert parts[0].startswith(".file.om.")
    assert parts[0].endswith(".om-part")
    assert writer.close(root) is None
    assert list(path.parent.iterdir()) == [path]
    with OmFileReader(path) as reader:
        assert np.array_equal(reader[:], DATA)


@posix
@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_mode_of_new_and_replaced_files(path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        save(path.with_name("new.om"), DATA)
        path.chmod(0o640)
        save(path, DATA)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.with_name("new.om").stat().st_mode) == 0o666 & ~umask
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@posix
def test_symbolic_links(path: Path) -> None:
    for target in path, path.with_name("new.om"):
        link = path.with_name(f"link to {target.name}")
        link.symlink_to(target.name)
        save(link, DATA)
        assert link.is_symlink()
        with OmFileReader(target) as reader:
            assert reader.shape == (3, 4)
    loop = path.with_name("loop")
    loop.symlink_to("loop")
    with pytest.raises(OSError, match="symbolic links"):
        OmFileWriter(loop)


@pytest.mark.guarantee(n=11)
def test_two_writers_on_one_path(path: Path) -> None:
    first, second = OmFileWriter(path), OmFileWriter(path)
    first.close(first.write_scalar("first", "x"))
    with OmFileReader(path) as reader:
        assert reader.read_scalar() == "first"
    second.close(second.write_scalar("second", "x"))
    with OmFileReader(path) as reader:
        assert reader.read_scalar() == "second"
    assert list(path.parent.iterdir()) == [path]


def test_a_reader_of_the_old_file_is_not_disturbed(path: Path) -> None:
    save(path, DATA)
    with OmFileReader(path) as reader:
        save(path, DATA + 1)
        assert np.array_equal(reader[:], DATA)


# --- ending -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["close", "discard"])
def test_after_the_end_everything_says_closed(path: Path, end: str) -> None:
    writer = OmFileWriter(path)
    root = fill(writer)
    assert not writer.closed
    assert "closed" not in repr(writer)
    writer.close(root) if end == "close" else writer.discard()
    assert writer.closed
    assert "closed" in repr(writer)
    for use in (
        lambda: writer.close(root),
        lambda: writer.discard(),
        lambda: fill(writer),
        lambda: writer.write_array_streaming((3, 4), (2, 2), [DATA], DATA.dtype),
        lambda: writer.write_scalar(1, "x"),
        lambda: writer.write_group("x", []),
    ):
        with pytest.raises(ValueError, match="closed"):
            use()
    with pytest.raises(TypeError):  # arguments are checked first
        writer.write_scalar(1, None)  # type: ignore[arg-type]


def test_discard(path: Path) -> None:
    writer = OmFileWriter(path)
    fill(writer)
    writer.discard()
    assert_untouched(path)


@pytest.mark.guarantee(n=11)
def test_dropped_writer(path: Path) -> None:
    writers = [OmFileWriter(path), OmFileWriter(path)]
    handle = fill(writers[0])  # does not keep its writer alive
    for _ in range(2):
        with pytest.warns(RuntimeWarning, match=r"OmFileWriter was dropped without calling close\(\)"):
            writers.pop()
    assert_untouched(path)
    assert handle.name == "data"


def test_no_warning_after_close_and_discard(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        writer = OmFileWriter(path)
        writer.discard()
        del writer
        save(path, DATA)
        gc.collect()


def test_writer_left_at_exit(path: Path) -> None:
    code = f"import omfiles; writer = omfiles.OmFileWriter({str(path)!r}); writer.write_scalar(1, 'x')"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "dropped without calling close()" in result.stderr
    assert result.returncode == 0
    assert_untouched(path)


@posix
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_copy_does_no_harm(path: Path) -> None:
    writer = OmFileWriter(path)
    root = fill(writer)
    pid = os.fork()
    if pid == 0:
        del writer
        gc.collect()
        os._exit(0)
    os.waitpid(pid, 0)
    writer.close(root)
    with OmFileReader(path) as reader:
        assert np.array_equal(reader[:], DATA)


def test_writers_do_not_pickle(path: Path) -> None:
    writer = OmFileWriter(path)
    with pytest.raises(TypeError):
        pickle.dumps(writer)
    writer.discard()


# --- with -------------------------------------------------------------------------------------------------------------


def test_with_and_close(path: Path) -> None:
    with OmFileWriter(path) as writer:
        fill(writer)
        writer.close(writer.write_scalar(1, "root"))
    with OmFileReader(path) as reader:
        assert reader.name == "root"


@pytest.mark.guarantee(n=18)
def test_with_closes_the_only_root(path: Path) -> None:
    with OmFileWriter(path) as writer:
        writer.write_group("root", [fill(writer), writer.write_scalar(1, "x")])
    assert writer.closed
    with OmFileReader(path) as reader:
        assert reader.name == "root"


def test_with_does_not_guess(path: Path) -> None:
    def leave(*names: str) -> None:
        with OmFileWriter(path) as writer:
            for name in names:
                writer.write_scalar(1, name)

    with pytest.raises(ValueError, match=r"2 could be it \('a', 'b'\)"):
        leave("a", "b")
    with pytest.raises(ValueError, match="nothing was written"):
        leave()
    assert_untouched(path)


@pytest.mark.parametrize("error", [KeyError, KeyboardInterrupt])
@pytest.mark.guarantee(n=18)
def test_with_discards_on_an_exception(path: Path, error: type[BaseException]) -> None:
    def leave() -> None:
        with OmFileWriter(path) as writer:
            fill(writer)
            raise error

    with pytest.raises(error):
        leave()
    assert_untouched(path)


def test_with_and_discard(path: Path) -> None:
    with OmFileWriter(path) as writer:
        fill(writer)
        writer.discard()
    assert_untouched(path)


# --- failing ----------------------------------------------------------------------------------------------------------


class FullDisk(LocalSink):
    """Takes some bytes, then fails at every write."""

    def __init__(self, path: Path, room: int) -> None:
        super().__init__(path)
        self.room = room

    def write(self, data: memoryview, /) -> None:
        if len(data) > self.room:
            super().write(data[: self.room])
            raise OSError(errno.ENOSPC, "No space left on device")
        self.room -= len(data)
        super().write(data)


def writer_on(sink: Any) -> OmFileWriter:
    writer = OmFileWriter.__new__(OmFileWriter)
    writer._start(sink, inline=False)
    return writer


NOISE = np.random.default_rng(0).integers(0, 2**60, 400_000)


@pytest.mark.parametrize("room", [0, 1 << 20, 2 << 20])
@pytest.mark.guarantee(n=13)
def test_after_a_failed_write_only_discard_is_left(path: Path, room: int) -> None:
    writer = writer_on(FullDisk(path, room))
    root = writer.write_group("root", [])
    with pytest.raises(OSError, match="No space left") as caught:
        writer.close(writer.write_array(NOISE, (1000,)))
    assert caught.value.errno == errno.ENOSPC
    assert not writer.closed
    for use in (
        lambda: fill(writer),
        lambda: writer.write_array_streaming((3, 4), (2, 2), [DATA], DATA.dtype),
        lambda: writer.write_scalar(1, "x"),
        lambda: writer.write_group("x", []),
        lambda: writer.close(root),
    ):
        with pytest.raises(ValueError, match=r"only discard\(\)"):
            use()
    writer.discard()
    assert_untouched(path)


@pytest.mark.guarantee(n=13)
@pytest.mark.guarantee(n=18)
def test_a_failed_write_in_with(path: Path) -> None:
    def write(*ignored: type[Exception]) -> None:
        with writer_on(FullDisk(path, 100)) as writer, contextlib.suppress(*ignored):
            writer.write_array(NOISE, (1000,))

    with pytest.raises(OSError, match="No space left"):
        write()
    # Even if the program goes on as if nothing had happened.
    with pytest.raises(ValueError, match=r"only discard\(\)"):
        write(OSError)
    assert_untouched(path)


@pytest.mark.guarantee(n=12)
@pytest.mark.guarantee(n=13)
def test_a_failed_commit(path: Path) -> None:
    class Stubborn(LocalSink):
        def commit(self) -> None:
            raise OSError(errno.EIO, "Input/output error")

    writer = writer_on(Stubborn(path))
    root = fill(writer)
    with pytest.raises(OSError, match="Input/output"):
        writer.close(root)
    with pytest.raises(ValueError, match=r"only discard\(\)"):
        writer.close(root)
    writer.discard()
    assert_untouched(path)


@posix
def test_a_folder_that_vanishes(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    writer = OmFileWriter(folder / "file.om")
    root = fill(writer)
    for part in folder.iterdir():
        part.unlink()
    folder.rmdir()
    with pytest.raises(FileNotFoundError):
        writer.close(root)
    writer.discard()


@pytest.mark.guarantee(n=13)
@pytest.mark.guarantee(n=22)
def test_interrupted_while_writing(path: Path) -> None:
    """An interrupt in the middle of a write leaves it unknown what was written."""

    class Interrupted(LocalSink):
        def write(self, data: memoryview, /) -> None:
            raise KeyboardInterrupt

    writer = writer_on(Interrupted(path))
    with pytest.raises(KeyboardInterrupt):
        writer.write_array(NOISE, (1000,))
    with pytest.raises(ValueError, match=r"only discard\(\)"):
        fill(writer)
    writer.discard()
    assert_untouched(path)


# --- threads ----------------------------------------------------------------------------------------------------------


def test_threads_share_a_writer(path: Path) -> None:
    writer = OmFileWriter(path)
    arrays = {f"a{i}": np.random.default_rng(i).integers(0, 1000, (50, 60)) for i in range(40)}
    handles: dict[str, Any] = {}

    def work(names: list[str]) -> None:
        for name in names:
            handles[name] = writer.write_array(arrays[name], (20, 20), name=name)

    at_once(*[partial(work, list(arrays)[i::4]) for i in range(4)])
    writer.close(writer.write_group("root", [handles[name] for name in arrays]))
    with OmFileReader(path) as reader:
        for name, data in arrays.items():
            assert np.array_equal(reader[name][:], data)


@pytest.mark.guarantee(n=23)
def test_the_gil_is_free_while_encoding(tmp_path: Path) -> None:
    data = np.random.default_rng(0).integers(0, 2**30, (2000, 4000))
    assert lets_others_run(lambda: save(tmp_path / "file.om", data, (200, 400)), 11)


@counts_descriptors
@pytest.mark.guarantee(n=24)
def test_nothing_leaks(path: Path) -> None:
    save(path, DATA)
    before = n_descriptors()
    for _ in range(100):
        save(path, DATA)
        OmFileWriter(path).discard()
        with pytest.raises(ValueError, match="masked"):
            save(path, np.ma.masked_array(DATA))
    assert n_descriptors() == before
