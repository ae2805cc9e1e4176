# SPDX-License-Identifier: MIT
"""Large reads and writes use several threads; what comes of them does not depend on that."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shared import at_once, posix, run_python

import omfiles
from omfiles import OmFileReader, OmFormatError
from omfiles._native.threads import share

LARGE = np.random.default_rng(0).integers(0, 1000, (300, 200, 60), np.int32).cumsum(0, np.int32)


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    before = omfiles.get_num_threads()
    yield
    omfiles.set_num_threads(before)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("threads") / "large.om"
    omfiles.save(path, LARGE, (7, 30, 60))
    return path


@pytest.mark.parametrize("n", [1, 2, 3, 16])
@pytest.mark.parametrize("key", [np.s_[...], np.s_[::-1, ::3], np.s_[5:280, 7, ::2], np.s_[:, :, 59]], ids=str)
def test_results_do_not_depend_on_the_number(path: Path, n: int, key: Any) -> None:
    omfiles.set_num_threads(n)
    with OmFileReader(path) as reader:
        np.testing.assert_array_equal(reader[key], LARGE[key])
    with OmFileReader(path.read_bytes()) as reader:
        np.testing.assert_array_equal(reader[key], LARGE[key])


@pytest.mark.parametrize("source", ["file", "memory"])
def test_of_several_damages_the_first_is_told(path: Path, tmp_path: Path, source: str) -> None:
    content = bytearray(path.read_bytes())
    for place in range(len(content) // 3, len(content) * 9 // 10, 20_000):
        content[place : place + 3000] = b"\xff" * 3000
    damaged = tmp_path / "damaged.om"
    damaged.write_bytes(content)
    reader = OmFileReader(damaged if source == "file" else bytes(content))
    messages = set()
    for n in (1, 2, 4, 4, 4, 4):
        omfiles.set_num_threads(n)
        with pytest.raises(OmFormatError) as caught:
            reader[...]
        messages.add(str(caught.value))
    assert len(messages) == 1


def test_small_reads_start_no_thread(path: Path) -> None:
    program = f"""
        import threading, omfiles
        reader = omfiles.open({str(path)!r})
        reader[:30], reader[5, 5, 5], reader[:, 3, 3]
        print(threading.active_count())
        reader[...]
        print(threading.active_count())
        """
    assert run_python(program, OMFILES_NUM_THREADS="3").split() == ["1", "3"]
    assert run_python(program, OMFILES_NUM_THREADS="1").split() == ["1", "1"]


@pytest.mark.slow
def test_the_number_of_threads() -> None:
    program = "import omfiles; print(omfiles.get_num_threads())"
    assert run_python(program, OMFILES_NUM_THREADS="5") == "5"
    assert run_python(program, OMFILES_NUM_THREADS="500") == "16"
    if hasattr(os, "sched_setaffinity"):
        assert run_python("import os; os.sched_setaffinity(0, {0})\n" + program, OMFILES_NUM_THREADS="") == "1"
    wrong = "import omfiles\ntry: omfiles.get_num_threads()\nexcept ValueError as error: print(error)"
    for text in ("0", "-1", "many"):
        expected = f"OMFILES_NUM_THREADS must be a number above 0, not {text!r}"
        assert run_python(wrong, OMFILES_NUM_THREADS=text) == expected
    for n in (0, -1):
        with pytest.raises(ValueError, match=f"must be at least 1, not {n}"):
            omfiles.set_num_threads(n)
    for wrong_type in (1.5, "2"):
        with pytest.raises(TypeError, match=f"must be an int, not {wrong_type!r}"):
            omfiles.set_num_threads(wrong_type)  # type: ignore[arg-type]


@pytest.mark.slow
def test_many_callers(path: Path) -> None:
    """They share the threads, and none waits for those that are busy with another one."""
    omfiles.set_num_threads(4)
    with OmFileReader(path) as reader, ThreadPoolExecutor(20) as pool:
        for found in pool.map(lambda i: reader[i % 3 :], range(60)):
            np.testing.assert_array_equal(found, LARGE[-len(found) :])


def test_64_threads_on_one_reader(path: Path) -> None:
    """All at once; `OMFILES_STRESS=60` goes on for a minute."""
    omfiles.set_num_threads(4)
    end = time.monotonic() + float(os.environ.get("OMFILES_STRESS", "0"))
    together = threading.Barrier(64)

    def read(number: int) -> None:
        together.wait(30)
        n_rounds = 0
        while n_rounds < 5 or time.monotonic() < end:
            start = (7 * number + n_rounds) % 290
            np.testing.assert_array_equal(reader[start : start + 9, ::7], LARGE[start : start + 9, ::7])
            np.testing.assert_array_equal(reader[start, start % 200], LARGE[start, start % 200])
            n_rounds += 1

    with OmFileReader(path) as reader, ThreadPoolExecutor(64) as pool:
        assert list(pool.map(read, range(64))) == [None] * 64


@pytest.fixture(scope="module")
def scattered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six arrays whose records lie far from each other, and from the end of the file, which readers hold in memory."""
    path = tmp_path_factory.mktemp("threads") / "scattered.om"
    with omfiles.OmFileWriter(path, "inline") as writer:
        arrays = [
            writer.write_array(LARGE[i : i + 40], (5, 20, 60), name=f"array{i}", attrs={"number": i}) for i in range(6)
        ]
        writer.close(writer.write_group("root", arrays))
    return path


def test_first_reads_at_once(scattered: Path) -> None:
    """What a reader keeps for the next read, several threads make, find and replace at the same time."""

    def records(root: OmFileReader, first: int) -> None:
        for i in (first, (first + 1) % 6):
            assert root[f"array{i}"].attrs == {"number": i}

    def points(array: OmFileReader) -> None:
        for i in np.ndindex(4, 50):
            assert array[i[0], i[1], 7] == LARGE[3 + i[0], i[1], 7]

    for i in range(6):
        with OmFileReader(scattered) as root:
            at_once(*[partial(records, root, i)] * 3, *[partial(points, root["array3"])] * 3)


@pytest.mark.guarantee(n=20)
def test_closing_while_others_use_it(scattered: Path) -> None:
    """All that they get is right, until they are told that the reader is closed."""
    uses: list[tuple[Callable[[OmFileReader, OmFileReader], Any], Any]] = [
        (lambda root, array: root.name, "root"),
        (lambda root, array: list(root), [f"array{i}" for i in range(6)]),
        (lambda root, array: root["array2"].attrs["number"], 2),
        (lambda root, array: len(root._get_flat_variable_metadata()), 13),
        (lambda root, array: pickle.loads(pickle.dumps(root)).name, "root"),
        (lambda root, array: (array.chunks, array.dtype, array.nbytes), ((5, 20, 60), np.int32, 1_920_000)),
        (lambda root, array: int(array[3, 77, 5]), LARGE[7, 77, 5]),
        (lambda root, array: int(array[3:30:4, ::9].sum()), LARGE[7:34:4, ::9].sum()),
        (lambda root, array: int(array[...].sum()), LARGE[4:44].sum()),
    ]

    def use(root: OmFileReader, array: OmFileReader, action: Callable[[OmFileReader, OmFileReader], Any], right: Any):
        with pytest.raises(ValueError, match="the reader is closed"):
            while True:
                assert action(root, array) == right

    def close(root: OmFileReader, array: OmFileReader) -> None:
        time.sleep(0.02)  # the others are at work by then; right is what happens at any moment
        root.close()
        array.close()

    for _ in range(5):
        root = OmFileReader(scattered)
        array = root["array4"]
        at_once(partial(close, root, array), *[partial(use, root, array, *each) for each in uses])


def test_the_number_changes_while_others_read(path: Path) -> None:
    def change() -> None:
        for n in (1, 3, 2, 16, 4, 1):
            omfiles.set_num_threads(n)
            time.sleep(0.005)  # so that the changes fall into different reads

    with OmFileReader(path) as reader:
        for found in at_once(change, *[partial(reader.read_array, ...)] * 3)[1:]:
            np.testing.assert_array_equal(found, LARGE)


def test_nobody_waits_for_the_work_of_others() -> None:
    omfiles.set_num_threads(2)
    go, started, calls = threading.Event(), threading.Event(), []

    def long() -> None:
        started.set()
        assert go.wait(30)

    other = threading.Thread(target=share, args=(long, 2))
    other.start()
    assert started.wait(30)
    share(lambda: calls.append(threading.current_thread()), 2)
    assert threading.current_thread() in calls
    go.set()
    other.join()


def test_errors_of_other_threads_arrive() -> None:
    omfiles.set_num_threads(2)
    arrived = threading.Barrier(2)

    def work() -> None:
        arrived.wait(30)
        if threading.current_thread() is not threading.main_thread():
            raise MemoryError("no scratch")

    with pytest.raises(MemoryError, match="no scratch"):
        share(work, 2)


@posix
@pytest.mark.guarantee(n=22)
def test_an_interrupt_waits_for_the_threads() -> None:
    """They write into memory of the caller."""
    omfiles.set_num_threads(2)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have switched it off
    both, ended = threading.Barrier(2), []

    def work() -> None:
        both.wait(30)
        if threading.current_thread() is not threading.main_thread():
            for _ in range(3):
                signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
                threading.Event().wait(0.05)
            ended.append(True)

    try:
        with pytest.raises(KeyboardInterrupt):
            share(work, 2)
    finally:
        signal.signal(signal.SIGINT, before)
    assert ended == [True]


@posix
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
@pytest.mark.guarantee(n=21)
def test_after_a_fork(path: Path) -> None:
    omfiles.set_num_threads(3)
    reader = OmFileReader(path)
    expected = int(reader[...].sum(dtype=np.int64))
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)

    def child() -> None:
        signal.alarm(60)
        there.send((int(reader[...].sum(dtype=np.int64)), omfiles.get_num_threads(), threading.active_count()))

    process = context.Process(target=child)
    process.start()
    assert here.recv() == (expected, 3, 3)
    process.join()
    assert int(reader[...].sum(dtype=np.int64)) == expected


# --- writing ----------------------------------------------------------------------------------------------------------


def written(path: Path, data: np.ndarray, n_threads: int, **options: Any) -> bytes:
    omfiles.set_num_threads(n_threads)
    omfiles.save(path, data, **options)
    return path.read_bytes()


FLOATS = np.linspace(-5, 5, LARGE.size, dtype=np.float32).reshape(LARGE.shape) + LARGE % 7


@pytest.mark.slow
@pytest.mark.parametrize(
    ("data", "chunks"),
    [
        (LARGE, (7, 30, 60)),
        (LARGE, (1, 200, 60)),
        (LARGE, (100, 200, 60)),
        (LARGE, (300, 200, 60)),
        (LARGE[::-1, :, ::2], (20, 20, 20)),
        (LARGE.astype(">i4"), (20, 20, 20)),
        (FLOATS, (3, 200, 60)),
    ],
    ids=["", "rows", "large chunks", "one chunk", "strided", "swapped", "float"],
)
@pytest.mark.parametrize("n", [2, 3, 16])
@pytest.mark.guarantee(n=17)
def test_files_do_not_depend_on_the_number(tmp_path: Path, data: np.ndarray, chunks: tuple[int, ...], n: int) -> None:
    path = tmp_path / "file.om"
    assert written(path, data, n, chunks=chunks) == written(path, data, 1, chunks=chunks)
    np.testing.assert_allclose(omfiles.open(path)[...], data, atol=0.51)


def test_streams_do_not_depend_on_the_number(tmp_path: Path) -> None:
    files = []
    for n in (1, 3):
        omfiles.set_num_threads(n)
        with omfiles.OmFileWriter(tmp_path / "file.om") as writer:
            writer.write_array_streaming(LARGE.shape, (5, 40, 60), (LARGE[i : i + 50] for i in range(0, 300, 50)), "i4")
        files.append((tmp_path / "file.om").read_bytes())
    assert files[0] == files[1]


@pytest.mark.parametrize("overflow", ["raise", "clip", "nan"])
def test_the_first_float_that_cannot_be_held(tmp_path: Path, overflow: str) -> None:
    data = FLOATS.copy()
    data[50, 3, 7] = data[51, 0, 0] = data[290, 199, 59] = 1e20
    results: list[Any] = []
    for n in (1, 4, 4, 4):
        try:
            options: dict[str, Any] = {"scale_factor": 10, "overflow": overflow}
            results.append(written(tmp_path / "file.om", data, n, chunks=(3, 200, 60), **options))
        except ValueError as error:
            results.append(str(error))
    assert results.count(results[0]) == len(results)
    if overflow == "raise":
        assert "3 values" in results[0]
        assert "(50, 3, 7)" in results[0]


def test_a_full_disk(tmp_path: Path) -> None:
    """The error arrives as from one thread, and no thread is left waiting."""
    path = tmp_path / "file.om"
    for n in (1, 2, 5):
        omfiles.set_num_threads(n)
        writer = omfiles.OmFileWriter(path)
        pieces = []

        def full(data: memoryview, pieces: list[int] = pieces) -> None:
            pieces.append(len(data))
            if len(pieces) == 3:
                raise OSError(28, "No space left on device")

        writer._sink.write = full
        with pytest.raises(OSError, match="No space left"):
            writer.write_array(np.random.default_rng(0).integers(0, 1 << 30, (300, 200, 60)), (5, 40, 60))
        with pytest.raises(ValueError, match=r"discard\(\)"):
            writer.write_scalar(1.0, "x")
        writer.discard()
        assert list(tmp_path.iterdir()) == []


def test_many_writers(tmp_path: Path) -> None:
    omfiles.set_num_threads(4)
    expected = written(tmp_path / "expected.om", LARGE, 4, chunks=(7, 30, 60))

    def write(number: int) -> bytes:
        omfiles.save(tmp_path / f"{number}.om", LARGE, (7, 30, 60))
        return (tmp_path / f"{number}.om").read_bytes()

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(write, range(16))) == {expected}


@pytest.mark.parametrize("placement", ["tail", "inline"])
def test_one_writer_in_many_threads(tmp_path: Path, placement: str) -> None:
    """Their calls are done one after another."""
    omfiles.set_num_threads(2)

    def write(number: int) -> list[omfiles.OmWriterVariable]:
        data = LARGE + number
        return [
            writer.write_array(data[:60], (5, 40, 60), name=f"whole {number}", attrs={"number": number}),
            writer.write_array_streaming((60, 200, 60), (5, 200, 60), iter(data[:60].reshape(6, 10, 200, 60)), "i4",
                                         name=f"streamed {number}"),
            writer.write_group(f"group {number}", [writer.write_scalar(number, "number")]),
        ]  # fmt: skip

    with omfiles.OmFileWriter(tmp_path / "file.om", placement) as writer:
        made = at_once(*[partial(write, number) for number in range(6)])
        writer.close(writer.write_group("root", [variable for each in made for variable in each]))
    with OmFileReader(tmp_path / "file.om") as root:
        assert len(root) == 18
        for number in range(6):
            whole, streamed = root[f"whole {number}"], root[f"streamed {number}"]
            assert whole["number"].read_scalar() == root[f"group {number}/number"].read_scalar() == number
            for array in (whole, streamed):
                np.testing.assert_array_equal(array[...], LARGE[:60] + number)


@pytest.mark.parametrize("ending", ["close", "discard"])
@pytest.mark.guarantee(n=11)
def test_ending_a_file_while_others_write(tmp_path: Path, ending: str) -> None:
    """The file is complete, or not there; the others are told that the writer is closed."""
    writer = omfiles.OmFileWriter(tmp_path / "file.om")
    root = writer.write_array(LARGE[:60], (5, 40, 60), name="root", attrs={"units": "m"})

    def write(number: int) -> None:
        with pytest.raises(ValueError, match="the writer is closed"):
            while True:
                array = writer.write_array(LARGE[:20], (5, 40, 60), name="array")
                writer.write_group("group", [array, writer.write_scalar(number, "scalar")])

    def end() -> None:
        time.sleep(0.02)  # the others are at work by then; right is what happens at any moment
        writer.close(root) if ending == "close" else writer.discard()

    at_once(end, *[partial(write, number) for number in range(4)])
    assert writer.closed
    if ending == "close":
        with OmFileReader(tmp_path / "file.om") as reader:
            np.testing.assert_array_equal(reader[...], LARGE[:60])
            assert reader.attrs == {"units": "m"}
        assert omfiles.verify(tmp_path / "file.om")
    assert [file.name for file in tmp_path.iterdir()] == ["file.om"] * (ending == "close")
