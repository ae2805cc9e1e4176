# SPDX-License-Identifier: MIT
"""Many requests at a time: bounds, order, errors, interrupts, threads and processes."""

from __future__ import annotations

import asyncio
import multiprocessing
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, closing
from typing import Any

import fsspec
import pytest
import s3fs
from servers import CONTENT, S3, Http
from shared import posix
from stores import AsyncCountingFS, CountingFS, Traffic, fail_at, short

from omfiles._stores.concurrency import REQUEST_THREAD
from omfiles._stores.fsspec import from_fsspec
from omfiles._stores.obstore import ObstoreReader
from omfiles._stores.resolve import resolve
from omfiles.io import RangeReader

RANGES = [(i * 1000, i * 1000 + 500) for i in range(40)]


class Obstore:
    """An object store with nothing but synchronous methods."""

    def __init__(self, traffic: Traffic) -> None:
        self.fs = CountingFS(traffic)

    def head(self, path: str) -> dict[str, Any]:
        return self.fs.info(path)

    def get_range(self, path: str, *, start: int, end: int) -> bytes:
        return self.fs.cat_file(path, start, end)


@pytest.fixture(params=["threads", "loop", "obstore", "async-native"])
def reader(request: pytest.FixtureRequest, traffic: Traffic) -> RangeReader:
    if request.param == "obstore":
        return ObstoreReader(Obstore(traffic), "file")
    if request.param == "threads":
        return from_fsspec(CountingFS(traffic), "file")
    return from_fsspec(AsyncCountingFS(traffic, asynchronous=request.param == "async-native"), "file")


def take(reader: RangeReader, n: int, concurrency: int, pause: float = 0) -> list[tuple[int, bytes]]:
    """Take the first `n` replies, and close."""
    found = []
    with closing(reader.read_ranges(RANGES, concurrency=concurrency)) as replies:
        for _ in range(n):
            found.append(next(replies))
            time.sleep(pause)
    return found


async def take_async(reader: RangeReader, n: int, concurrency: int, pause: float = 0) -> list[tuple[int, bytes]]:
    found = []
    async with aclosing(reader.read_ranges_async(RANGES, concurrency=concurrency)) as replies:
        async for reply in replies:
            found.append(reply)
            await asyncio.sleep(pause)
            if len(found) == n:
                break
    return found


@pytest.fixture(params=["sync", "async"])
def take_some(request: pytest.FixtureRequest) -> Any:
    if request.param == "sync":
        return take
    return lambda *args, **kwargs: asyncio.run(take_async(*args, **kwargs))


def test_concurrency_is_used_and_bounded(reader: RangeReader, traffic: Traffic, take_some: Any) -> None:
    traffic.held = lambda request: traffic.under_way < 8 and len(traffic.requests) < len(RANGES)
    for index, data in take_some(reader, len(RANGES), 8):
        assert data == CONTENT[slice(*RANGES[index])]
    assert len(traffic.requests) == len(RANGES)
    assert traffic.peak == 8


def test_a_slow_consumer_is_not_flooded(reader: RangeReader, traffic: Traffic, take_some: Any) -> None:
    taken = take_some(reader, 5, 4, pause=0.02)
    assert len(taken) == 5
    assert len(traffic.requests) <= 5 + 4


def test_closing_cancels(reader: RangeReader, traffic: Traffic, take_some: Any) -> None:
    """Neither what is under way is waited for, nor is anything asked afterwards."""
    closed = threading.Event()
    traffic.held = lambda request: request.start != 0 and not closed.is_set()
    assert take_some(reader, 1, 4)[0][0] == 0
    closed.set()
    time.sleep(0.1)
    assert len(traffic.requests) <= 5


def test_order_of_arrival(reader: RangeReader, traffic: Traffic, take_some: Any) -> None:
    traffic.held = lambda request: request.start == 0 and traffic.answered < len(RANGES) - 1
    indices = [index for index, _ in take_some(reader, len(RANGES), 8)]
    assert sorted(indices) == list(range(len(RANGES)))
    assert indices.index(0) >= len(RANGES) - 8


def test_errors_arrive_unchanged(reader: RangeReader, traffic: Traffic, take_some: Any) -> None:
    for error in (PermissionError("not yours"), TimeoutError("too late"), KeyError("x"), OSError(5, "throttled")):
        traffic.reset()
        traffic.fault = fail_at(10, error=error)
        with pytest.raises(type(error)) as caught:
            take_some(reader, len(RANGES), 4)
        # asyncio makes a copy of a TimeoutError.
        assert caught.value is error or caught.value.args == error.args == ("too late",)
        assert len(traffic.requests) < len(RANGES)
        traffic.fault = None
        assert len(take_some(reader, len(RANGES), 4)) == len(RANGES)


def test_short_replies_are_left_to_the_caller(reader: RangeReader, traffic: Traffic, take_some: Any) -> None:
    traffic.fault = lambda number, request, data: short(data)
    assert {len(data) for _, data in take_some(reader, len(RANGES), 4)} == {250}


def test_cancelling_a_task(reader: RangeReader, traffic: Traffic) -> None:
    async def run() -> None:
        traffic.held = lambda request: True
        task = asyncio.create_task(take_async(reader, len(RANGES), 4))
        while traffic.under_way < 4:
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        traffic.held = None
        await asyncio.sleep(0.1)
        assert len(traffic.requests) == 4
        assert len(await take_async(reader, len(RANGES), 4)) == len(RANGES)

    asyncio.run(run())


def test_the_event_loop_is_not_blocked(reader: RangeReader, traffic: Traffic) -> None:
    async def run() -> None:
        ticks = 0
        traffic.held = lambda request: ticks < 5
        task = asyncio.create_task(take_async(reader, 4, 4))
        while not task.done():
            await asyncio.sleep(0.001)
            ticks += 1
        assert len(await task) == 4

    asyncio.run(run())


@pytest.mark.slow
def test_64_threads(reader: RangeReader, traffic: Traffic) -> None:
    traffic.delay = 0.001
    with ThreadPoolExecutor(64) as pool:
        for replies in pool.map(lambda _: take(reader, len(RANGES), 4), range(64)):
            assert all(data == CONTENT[slice(*RANGES[index])] for index, data in replies)
    for thread in threading.enumerate():
        if thread.name == REQUEST_THREAD and thread.is_alive():  # an interrupt can leave one that never began
            thread.join(30)
            assert not thread.is_alive()  # they end by themselves


# --- interrupts -------------------------------------------------------------------------------------------------------


@pytest.fixture
def silent_server() -> Iterator[str]:
    """The URL of a server that takes connections and never answers: who waits for it waits for ever."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.slow
@posix
@pytest.mark.parametrize(
    "use", ["list(reader.read_ranges([(0, 1)], concurrency=4))", "reader.tail(1)", "reader.version()"]
)
@pytest.mark.parametrize("kind", ["http", "obstore"])
def test_interrupts_arrive(silent_server: str, kind: str, use: str) -> None:
    make = {
        "http": f"resolve('{silent_server}/file')",
        "obstore": f"resolve((__import__('obstore').store.HTTPStore.from_url('{silent_server}', "
        "client_options={'allow_http': True, 'timeout': '100s'}, retry_config={'max_retries': 0}), 'file'))",
    }[kind]
    program = f"""
        import signal, threading, os, obstore.store
        from omfiles._stores.resolve import resolve
        reader = {make}
        threading.Timer(0.5, os.kill, [os.getpid(), signal.SIGINT]).start()
        try:
            {use}
        except KeyboardInterrupt:
            print("interrupted")
        """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=60)
    assert done.stdout == "interrupted\n", done


# --- processes --------------------------------------------------------------------------------------------------------


def in_fork(function: Any) -> Any:
    """What `function` returns in a process forked from this one."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)

    def child() -> None:
        signal.alarm(60)
        try:
            there.send(function())
        except BaseException as error:
            there.send(error)

    process = context.Process(target=child)
    process.start()
    there.close()
    try:
        return here.recv()
    finally:
        process.join()


def simple_read(reader: RangeReader) -> tuple[bytes, bytes]:
    (_, data), = reader.read_ranges([(0, 100)], concurrency=1)  # fmt: skip
    async_tail = asyncio.run(reader.tail_async(100))
    return bytes(data), bytes(async_tail.data)


@pytest.mark.slow
@posix
@pytest.mark.parametrize("kind", ["s3", "s3-async", "simplecache", "http", "memory", "threads"])
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_forked_processes(s3: S3, http: Http, traffic: Traffic, kind: str) -> None:
    path = s3.put("file", CONTENT)
    http.files["file"] = CONTENT
    reader = {
        "s3": lambda: from_fsspec(s3fs.S3FileSystem(**s3.options), path),
        "s3-async": lambda: from_fsspec(s3fs.S3FileSystem(**s3.options, asynchronous=True), path),
        "simplecache": lambda: resolve(f"simplecache::s3://{path}", {"s3": s3.options}),
        "http": lambda: resolve(f"{http.url}/file"),
        "memory": from_memory,
        "threads": lambda: from_fsspec(CountingFS(traffic), "file"),
    }[kind]()
    right = CONTENT[:100], CONTENT[-100:]
    assert simple_read(reader) == right
    assert in_fork(lambda: simple_read(reader)) == right
    assert simple_read(reader) == right


def from_memory() -> RangeReader:
    fsspec.filesystem("memory").pipe_file("/file", CONTENT)
    return resolve("memory://file")


@posix
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_obstore_says_that_it_cannot_be_forked(s3: S3) -> None:
    s3.put("file", CONTENT)
    reader = ObstoreReader(s3.store(), "file")
    assert bytes(reader.tail(100).data) == CONTENT[-100:]
    error = in_fork(lambda: simple_read(reader))
    assert isinstance(error, RuntimeError)
    assert "'file': obstore does not work in a forked process" in str(error)
