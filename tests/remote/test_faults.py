# SPDX-License-Identifier: MIT
"""What goes wrong on the way: clear errors, no wrong data, and a reader that goes on."""

from __future__ import annotations

import asyncio
import itertools
import multiprocessing
import os
import pickle
import signal
import struct
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import fsspec
import numpy as np
import pytest
import s3fs
from servers import S3, Http
from shared import posix
from stores import PlainAsyncStore, Request, StoredFile, Traffic, content_of, short

import omfiles
from omfiles import OmFileReader, OmFileReaderAsync, OmFormatError, OmReadError
from omfiles.io import FetchOptions, RangeReader

SHAPE, CHUNKS = (60, 40, 50), (1, 40, 50)
ARRAY = np.random.default_rng(1).integers(0, 1000, SHAPE, np.int32)
MANY = FetchOptions(max_gap=0, max_size=1, concurrency=4, tail=256)
"""One request a chunk."""


def make_content(array: np.ndarray = ARRAY, chunks: tuple[int, ...] = CHUNKS, placement: str = "tail") -> bytes:
    return content_of(lambda writer: writer.write_array(array, chunks, name="a", attrs={"units": "K"}), placement)


CONTENT = make_content()
OTHER = make_content(ARRAY + 1)


class Subject(StoredFile):
    """A reader of a file in a store whose answers can be spoiled."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind, CONTENT)

    def open(self, fetch: FetchOptions = MANY) -> None:
        super().open(fetch)

    def spoil(self, fault: Callable[[bytes], bytes], n: int = 0) -> None:
        """Let the n-th data request from now go wrong."""
        seen: list[Request] = []

        def spoiled(number: int, request: Request, data: bytes) -> bytes:
            if request.method != "cat_file":
                return data
            with self.traffic.lock:
                seen.append(request)
                now = len(seen) == n + 1
            return fault(data) if now else data

        self.traffic.fault = spoiled

    def goes_on(self) -> None:
        self.traffic.fault = None
        np.testing.assert_array_equal(self.read(), ARRAY)
        assert self.child("units").read_scalar() == "K"


with_versions = pytest.mark.parametrize("subject", ["sync", "async", "async-native"], indirect=True)
for_threads = pytest.mark.parametrize("subject", ["sync", "plain", "async"], indirect=True)


@pytest.fixture(params=Subject.KINDS)
def subject(request: pytest.FixtureRequest):
    subject = Subject(request.param)
    yield subject
    subject.close()


def fail(error: BaseException) -> Callable[[bytes], bytes]:
    def fault(data: bytes) -> bytes:
        raise error

    return fault


# --- replies ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [0, 1, 30])
def test_replies_of_wrong_length(subject: Subject, n: int) -> None:
    for wrong in (short, lambda data: b"", lambda data: data + b"x", lambda data: CONTENT):
        subject.open()
        subject.spoil(wrong, n)
        with pytest.raises(
            OmReadError, match=r"^file: at byte \d+: the store sent \d+ bytes where \d+ were asked for"
        ) as caught:
            subject.read()
        assert isinstance(caught.value, (OSError, RuntimeError))
        assert caught.value.path == "file"
        subject.goes_on()


def test_a_short_reply_to_opening(subject: Subject) -> None:
    subject.traffic.fault = lambda number, request, data: data[:-10]
    with pytest.raises(OmReadError, match=r"the store sent 246 bytes where 256 were asked for"):
        subject.open()
    subject.traffic.fault = None
    subject.open()
    subject.goes_on()


@pytest.mark.parametrize("n", [0, 1, 30])
@pytest.mark.guarantee(n=22)
def test_errors_of_the_store_arrive(subject: Subject, n: int) -> None:
    for error in (
        TimeoutError("too late"),
        PermissionError("not yours"),
        ConnectionResetError("gone"),
        OSError(16, "Please reduce your request rate."),
        KeyError("some library's mistake"),
    ):
        subject.open()
        subject.spoil(fail(error), n)
        with pytest.raises(type(error)) as caught:
            subject.read()
        assert caught.value.args == error.args
        subject.goes_on()


def test_errors_while_opening_arrive(subject: Subject) -> None:
    subject.traffic.fault = lambda number, request, data: fail(PermissionError("not yours"))(data)
    with pytest.raises(PermissionError, match="not yours"):
        subject.open()
    subject.traffic.fault = None
    subject.open()
    subject.goes_on()


@with_versions
def test_errors_of_the_version_check_arrive(subject: Subject) -> None:
    subject.open()

    def fault(number: int, request: Request, data: bytes) -> bytes:
        return fail(OSError(16, "slow down"))(data) if request.method == "info" else data

    subject.traffic.fault = fault
    with pytest.raises(OSError, match="slow down"):
        subject.read()
    subject.goes_on()


def test_replies_out_of_order(subject: Subject) -> None:
    subject.open(FetchOptions(max_gap=0, max_size=1, concurrency=64))
    subject.traffic.delay = lambda request: 0.02 * (hash((request.start, 1)) % 7)
    subject.goes_on()


# --- files that change ------------------------------------------------------------------------------------------------


def change_at(subject: Subject, n: int, content: bytes) -> None:
    """Let the file be another one after n data requests from now."""

    def change(data: bytes) -> bytes:
        subject.traffic.files["file"] = content
        return data

    subject.spoil(change, n)


@pytest.mark.slow
@with_versions
@pytest.mark.parametrize("n", [0, 1, 5, 30, 55])
@pytest.mark.guarantee(n=19)
def test_a_file_that_is_replaced_in_the_middle(subject: Subject, n: int) -> None:
    for content in (OTHER, CONTENT[:1000], CONTENT + bytes(100), bytes(len(CONTENT))):
        subject.traffic.files["file"] = CONTENT
        subject.open()
        subject.traffic.delay = 0.001
        change_at(subject, n, content)
        for _ in range(2):
            with pytest.raises(OmReadError, match=r"file: the file changed while it was being read: .* open it again"):
                subject.read()
        subject.traffic.files["file"] = CONTENT
        subject.goes_on()
        subject.traffic.files["file"] = OTHER
        subject.open()
        np.testing.assert_array_equal(subject.read(), ARRAY + 1)


@with_versions
def test_a_file_that_was_replaced_between_reads(subject: Subject) -> None:
    subject.open()
    subject.read((0, 0, 0))
    subject.traffic.files["file"] = OTHER
    for key in ((0, 0, 0), (0, 0, 1), (40, 0, 0)):
        with pytest.raises(OmReadError, match="changed while it was being read"):
            subject.read(key)


def test_a_file_that_shrinks_in_a_store_without_versions() -> None:
    subject = Subject("plain")
    subject.open()
    subject.traffic.files["file"] = CONTENT[:50_000]
    with pytest.raises(OmReadError, match=r"the store sent \d+ bytes where \d+ were asked for"):
        subject.read()
    subject.traffic.files["file"] = CONTENT
    subject.goes_on()
    subject.close()


@pytest.mark.guarantee(n=19)
def test_a_file_that_is_deleted(subject: Subject) -> None:
    subject.open()
    del subject.traffic.files["file"]
    with pytest.raises(FileNotFoundError):
        subject.read()
    subject.traffic.files["file"] = CONTENT
    subject.goes_on()


def test_an_object_replaced_on_s3(s3: S3) -> None:
    path = s3.put("file", CONTENT)
    with omfiles.open(f"s3://{path}", storage_options=s3.options, fetch=MANY) as reader:
        np.testing.assert_array_equal(reader[3], ARRAY[3])
        s3.put("file", OTHER)
        with pytest.raises(OmReadError, match="the file changed"):
            reader[4]


# --- stores that break the rules --------------------------------------------------------------------------------------


class Broken(RangeReader):
    """Sends replies as told."""

    name = "broken"

    def __init__(self, change: Callable[[list[tuple[int, bytes]]], list[tuple[int, bytes]]]) -> None:
        self.change = change

    def size(self) -> int:
        return len(CONTENT)

    def read_ranges(self, ranges: Any, *, concurrency: int) -> Any:
        replies = [(index, CONTENT[start:stop]) for index, (start, stop) in enumerate(ranges)]
        yield from self.change(replies) if len(ranges) > 10 else replies

    async def read_ranges_async(self, ranges: Any, *, concurrency: int) -> Any:
        for reply in self.read_ranges(ranges, concurrency=concurrency):
            yield reply


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda replies: replies[:-1], r"at byte \d+: the store did not answer for \d+ bytes"),
        (lambda replies: [], "did not answer"),
        (lambda replies: [*replies, replies[0]], "answered request 0 twice, or was not asked"),
        (lambda replies: [*replies[1:], replies[5]], "answered request 5 twice, or was not asked"),
        (lambda replies: [(index + 1, data) for index, data in replies], "request|bytes where"),
        (lambda replies: [(index - 1, data) for index, data in replies], "request -1 twice, or was not asked"),
    ],
)
def test_left_out_and_repeated_replies(change: Any, message: str) -> None:
    reader = Broken(change)
    with OmFileReader(reader, fetch=MANY) as opened:
        with pytest.raises(OmReadError, match=message):
            opened[...]

        async def read() -> None:
            async with await OmFileReaderAsync.open(reader, fetch=MANY) as opened:
                await opened.read_array(...)

        with pytest.raises(OmReadError, match=message):
            asyncio.run(read())
        reader.change = lambda replies: replies[::-1]
        np.testing.assert_array_equal(opened[...], ARRAY)


def test_a_single_reply_that_is_left_out() -> None:
    class Silent(Broken):
        read_ranges_async = RangeReader.read_ranges_async

        def read_ranges(self, ranges: Any, *, concurrency: int) -> Any:
            yield from ()

    reader = Silent(lambda replies: replies)
    with pytest.raises(OmReadError, match="the store sent 0 bytes where 256 were asked for"):
        OmFileReader(reader, fetch=MANY)
    with pytest.raises(OmReadError, match="the store sent 0 bytes where 256 were asked for"):
        asyncio.run(OmFileReaderAsync.open(reader, fetch=MANY))


# --- damaged files ----------------------------------------------------------------------------------------------------


def test_files_that_are_none(subject: Subject) -> None:
    for content in (b"", b"OM", b"x" * 40, b"x" * 10_000):
        subject.traffic.files["file"] = content
        with pytest.raises(OmFormatError, match="file: "):
            subject.open()


@pytest.mark.slow
@pytest.mark.parametrize("placement", ["tail", "inline"])
def test_damaged_files(subject: Subject, placement: str) -> None:
    """Errors are as those of a local file, or there is none where none can be seen."""
    right = make_content(ARRAY[:8, :10], (1, 10, 50), placement)
    generator = np.random.default_rng(3)
    n_errors = 0
    for _ in range(150):
        damaged = bytearray(right)
        for place in generator.integers(0, len(right), 3):
            damaged[place] = generator.integers(256)
        # Half of the time the metadata are hit.
        if generator.random() < 0.5:
            damaged[-int(generator.integers(1, 200))] ^= 1 << int(generator.integers(8))
        subject.traffic.files["file"] = bytes(damaged)
        found, expected = [], []
        try:
            with OmFileReader(bytes(damaged)) as local:
                expected.append(local[...])
        except (OmFormatError, ValueError, MemoryError) as error:
            expected.append(type(error))
        try:
            subject.open()
            found.append(subject.read())
        except (OmFormatError, ValueError, MemoryError) as error:
            found.append(type(error))
        n_errors += isinstance(found[0], type)
        np.testing.assert_equal(found, expected)
    assert n_errors > 20


def test_a_chunk_that_is_damaged(subject: Subject) -> None:
    damaged = bytearray(CONTENT)
    damaged[100_000:100_100] = b"\xff" * 100
    subject.traffic.files["file"] = bytes(damaged)
    subject.open()
    with pytest.raises(OmFormatError, match=r"file: variable 'a': .*at byte \d+"):
        subject.read()
    np.testing.assert_array_equal(subject.read(0), ARRAY[0])


def test_records_larger_than_the_cache() -> None:
    """A root that claims 3,000,000 children: 48 MB of record, of which the cache keeps nothing."""
    n = 3_000_000
    content = bytearray(make_content(placement="inline"))
    fs = PlainAsyncStore(Traffic({"file": bytes(content)}))
    # A group record: type, compression, length of its name, number of children; then sizes and offsets of the children.
    record = struct.pack("<BBHI", 0, 4, 0, n) + struct.pack("<Q", 89) * n + struct.pack("<Q", 40) * n
    body = b"OM\x03" + bytes(5) + record
    trailer = b"OM\x03" + bytes(5) + struct.pack("<QQ", 8, len(record))
    fs.traffic.files["file"] = body + trailer

    async def count() -> int:
        reader = await asyncio.wait_for(OmFileReaderAsync.from_fsspec(fs, "file"), 30)
        return reader.num_children

    assert asyncio.run(count()) == n


# --- interrupts and threads -------------------------------------------------------------------------------------------


@pytest.mark.slow
@posix
@pytest.mark.parametrize("kind", ["sync", "plain", "async"])
@pytest.mark.parametrize("what", ["open", "read"])
@pytest.mark.guarantee(n=22)
def test_interrupts_arrive(kind: str, what: str, tmp_path: Any) -> None:
    path = tmp_path / "file.om"
    path.write_bytes(CONTENT)
    program = f"""
        import sys
        sys.path.insert(0, {os.path.dirname(__file__)!r})
        import os, pathlib, signal, threading
        from stores import AsyncCountingFS, CountingFS, PlainStore, Traffic
        from omfiles import OmFileReader
        traffic = Traffic(dict(file=pathlib.Path({str(path)!r}).read_bytes()))
        fs = {{"sync": CountingFS, "plain": PlainStore, "async": AsyncCountingFS}}[{kind!r}](traffic)
        if {what == "read"}:
            reader = OmFileReader.from_fsspec(fs, "file")
        traffic.delay = 1000
        threading.Timer(0.5, signal.pthread_kill, [threading.main_thread().ident, signal.SIGINT]).start()
        try:
            OmFileReader.from_fsspec(fs, "file") if {what == "open"} else reader[...]
        except KeyboardInterrupt:
            print("interrupted")
        traffic.delay = 0
        reader = OmFileReader.from_fsspec(fs, "file") if {what == "open"} else reader
        print(reader[...].sum(), flush=True)
        os._exit(0)
        """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done
    first, second = done.stdout.splitlines()
    assert first == "interrupted", done
    assert int(second) == ARRAY.sum()


@pytest.mark.slow
@for_threads
def test_64_threads(subject: Subject) -> None:
    subject.open()
    subject.traffic.delay = 0.001

    def read(number: int) -> None:
        plane = number % SHAPE[0]
        np.testing.assert_array_equal(subject.reader[plane, ::3], ARRAY[plane, ::3])
        assert subject.reader["units"].read_scalar() == "K"
        np.testing.assert_array_equal(
            subject.reader.vindex[[plane, 3], [1, 2], [3, 4]], ARRAY[[plane, 3], [1, 2], [3, 4]]
        )

    with ThreadPoolExecutor(64) as pool:
        list(pool.map(read, range(256)))


@pytest.mark.slow
def test_64_threads_over_http(http: Http) -> None:
    """All at once; `OMFILES_STRESS=60` goes on for a minute."""
    http.files["file.om"] = CONTENT
    end = time.monotonic() + float(os.environ.get("OMFILES_STRESS", "0"))
    together = threading.Barrier(64)

    def read(number: int) -> None:
        together.wait(30)
        for i in itertools.count():
            plane = (7 * number + i) % SHAPE[0]
            np.testing.assert_array_equal(reader[plane : plane + 3, ::3], ARRAY[plane : plane + 3, ::3])
            assert reader["units"].read_scalar() == "K"
            if time.monotonic() >= end:
                break

    with OmFileReader(f"{http.url}/file.om", fetch=MANY) as reader, ThreadPoolExecutor(64) as pool:
        assert list(pool.map(read, range(64))) == [None] * 64


@for_threads
def test_64_threads_with_faults(subject: Subject) -> None:
    """Each read gives what is right, or its error."""
    subject.open()

    def fault(number: int, request: Request, data: bytes) -> bytes:
        if request.method == "cat_file" and number % 17 == 0:
            raise ConnectionResetError("gone")
        return short(data) if request.method == "cat_file" and number % 19 == 0 else data

    subject.traffic.fault = fault

    def read(number: int) -> bool:
        try:
            np.testing.assert_array_equal(subject.reader[number % SHAPE[0]], ARRAY[number % SHAPE[0]])
        except (ConnectionResetError, OmReadError):
            return False
        return True

    with ThreadPoolExecutor(64) as pool:
        good = list(pool.map(read, range(256)))
    assert 100 < sum(good) < 256
    subject.goes_on()


# --- other processes --------------------------------------------------------------------------------------------------


def summarise(reader: OmFileReader) -> tuple[str, int]:
    return reader["units"].read_scalar(), int(reader[...].sum())


RIGHT = ("K", int(ARRAY.sum()))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["url", "chained", "fsspec", "obstore", "plug-in"])
@pytest.mark.guarantee(n=21)
def test_other_processes(s3: S3, kind: str) -> None:
    path = s3.put("file", CONTENT)
    s3.client.put_object_acl(Bucket=s3.bucket, Key="file", ACL="public-read")
    reader = {
        "url": lambda: OmFileReader(f"s3://{path}", storage_options=s3.options, fetch=MANY),
        "chained": lambda: OmFileReader(f"simplecache::s3://{path}", storage_options={"s3": s3.options}),
        "fsspec": lambda: OmFileReader.from_fsspec(s3fs.S3FileSystem(**s3.options), path),
        "obstore": lambda: OmFileReader((s3.store(), "file")),
        "plug-in": lambda: OmFileReader(Answers(s3.endpoint)),
    }[kind]()
    assert summarise(reader) == RIGHT
    for each in (reader, reader["units"]):
        assert len(pickle.dumps(each)) < 1000
        assert pickle.loads(pickle.dumps(each)).name == each.name
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply_async(summarise, [reader]).get(60) == RIGHT
    assert summarise(reader) == RIGHT


class Answers(RangeReader):
    """A plug-in of a user, over plain HTTP."""

    def __init__(self, endpoint: str) -> None:
        self.name = f"{endpoint}/bucket/file"

    def _get(self, start: int, stop: int) -> tuple[bytes, str]:
        from urllib.request import Request, urlopen

        with urlopen(Request(self.name, headers={"Range": f"bytes={start}-{stop - 1}"})) as reply:
            return reply.read(), reply.headers["Content-Range"]

    def size(self) -> int:
        return int(self._get(0, 1)[1].rpartition("/")[2])

    def read_ranges(self, ranges: Any, *, concurrency: int) -> Any:
        for index, (start, stop) in enumerate(ranges):
            yield index, self._get(start, stop)[0]


@pytest.mark.slow
@posix
@pytest.mark.parametrize("kind", ["url", "async-fs", "memory"])
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
@pytest.mark.guarantee(n=21)
def test_after_a_fork(s3: S3, kind: str) -> None:
    path = s3.put("file", CONTENT)
    fsspec.filesystem("memory").pipe_file("/file", CONTENT)
    reader = {
        "url": lambda: OmFileReader(f"s3://{path}", storage_options=s3.options, fetch=MANY),
        "async-fs": lambda: OmFileReader.from_fsspec(s3fs.S3FileSystem(**s3.options, asynchronous=True), path),
        "memory": lambda: OmFileReader("memory://file"),
    }[kind]()
    assert summarise(reader) == RIGHT
    here, there = multiprocessing.get_context("fork").Pipe(duplex=False)

    def child() -> None:
        signal.alarm(60)
        there.send(summarise(reader))

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    there.close()
    try:
        assert here.recv() == RIGHT
    finally:
        process.join()
    assert summarise(reader) == RIGHT


def test_a_reader_opened_elsewhere_notices_a_change(s3: S3) -> None:
    """A pickled reader opens the file anew and sees what is there now."""
    path = s3.put("file", CONTENT)
    pickled = pickle.dumps(OmFileReader(f"s3://{path}", storage_options=s3.options))
    s3.put("file", OTHER)
    np.testing.assert_array_equal(pickle.loads(pickled)[7], ARRAY[7] + 1)


@for_threads
@pytest.mark.guarantee(n=20)
def test_closing_during_a_read(subject: Subject) -> None:
    """The read completes; afterwards everything says closed."""
    subject.open()
    closed = threading.Event()
    subject.traffic.held = lambda request: not closed.is_set()
    with ThreadPoolExecutor(1) as pool:
        read = pool.submit(subject.reader.__getitem__, ...)
        while subject.traffic.under_way == 0:
            time.sleep(0.001)
        subject.reader.close()
        closed.set()
        np.testing.assert_array_equal(read.result(), ARRAY)
    with pytest.raises(ValueError, match="closed"):
        subject.read()
