# SPDX-License-Identifier: MIT
"""Filesystems in memory that record what they are asked, take their time and, if told so, fail."""

from __future__ import annotations

import asyncio
import io
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from fsspec.asyn import AsyncFileSystem
from fsspec.spec import AbstractFileSystem

from omfiles import OmFileReader, OmFileReaderAsync, OmFileWriter, OmWriterVariable
from omfiles.io import FetchOptions


@dataclass
class Request:
    """One request, as the store saw it."""

    method: str
    path: str
    start: int | None = None
    stop: int | None = None
    began: float = 0.0
    ended: float = 0.0
    delay: float = 0.0


# Given the number of a request, counted from 0, the request and the right reply, it returns the reply or raises.
Fault = Callable[[int, Request, bytes], bytes]


@dataclass
class Traffic:
    """What a store holds, what it was asked, and how it answers.

    Attributes
    ----------
    files : dict
        Content by path; may be changed at any time.
    delay : float or callable
        Seconds that an answer takes; a callable gets the request.
    in_rounds : bool
        Count the delay from the latest request, not from the one to be answered: so all requests that are made at a
        time are answered together, however slow the machine is.
    held : callable, optional
        Whether to hold back the answer to a request still; it is asked again and again.
    fault : callable, optional
        What goes wrong; see `Fault`.
    requests : list of Request
        All that was asked.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    delay: float | Callable[[Request], float] = 0.0
    in_rounds: bool = False
    held: Callable[[Request], bool] | None = None
    fault: Fault | None = None
    requests: list[Request] = field(default_factory=list)
    latest: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, request: Request) -> int:
        request.ended = float("inf")
        request.delay = self.delay(request) if callable(self.delay) else self.delay
        with self.lock:
            number = len(self.requests)
            self.requests.append(request)
            request.began = self.latest = time.perf_counter()
        return number

    def waits(self, request: Request) -> bool:
        """Whether it is too early to answer."""
        now = time.perf_counter()
        if self.held is not None and self.held(request):
            if now - request.began > 30:
                raise AssertionError(f"{request} was held back until nobody cared")
            return True
        return now - (self.latest if self.in_rounds else request.began) < request.delay

    def wait(self, request: Request) -> int:
        number = self.begin(request)
        while self.waits(request):
            time.sleep(0.001)
        return number

    async def wait_async(self, request: Request) -> int:
        number = self.begin(request)
        await asyncio.sleep(0)
        while self.waits(request):
            await asyncio.sleep(0.001)
        return number

    def reply(self, number: int, request: Request) -> bytes:
        try:
            if request.path not in self.files:
                raise FileNotFoundError(request.path)
            data = self.files[request.path][slice(request.start, request.stop)] if request.method == "cat_file" else b""
            return self.fault(number, request, data) if self.fault else data
        finally:
            request.ended = time.perf_counter()

    def info(self, path: str) -> dict[str, object]:
        content = self.files[path]
        return {"name": path, "size": len(content), "type": "file", "ETag": f'"{hash(content):x}"'}

    def reset(self) -> None:
        self.requests.clear()

    @property
    def data_requests(self) -> list[Request]:
        return [request for request in self.requests if request.method == "cat_file"]

    @property
    def round_trips(self) -> int:
        """Length of the longest chain of requests of which each began after the one before had ended."""
        count, end = 0, float("-inf")
        for request in sorted(self.requests, key=lambda request: request.ended):
            if request.began >= end:
                count, end = count + 1, request.ended
        return count

    @property
    def answered(self) -> int:
        """Number of requests that have been answered."""
        return sum(request.ended < float("inf") for request in list(self.requests))

    @property
    def under_way(self) -> int:
        """Number of requests that wait for an answer."""
        return len(self.requests) - self.answered

    @property
    def peak(self) -> int:
        """Most requests that were under way at a time."""
        events = [(r.began, 1) for r in self.requests] + [(r.ended, -1) for r in self.requests]
        most = now = 0
        for _, change in sorted(events):
            now += change
            most = max(most, now)
        return most


class CountingFS(AbstractFileSystem):
    """A synchronous filesystem over `Traffic`."""

    protocol = "counting"
    cachable = False  # codespell:ignore cachable

    def __init__(self, traffic: Traffic) -> None:
        super().__init__()
        self.traffic = traffic

    def _ask(self, request: Request) -> bytes:
        return self.traffic.reply(self.traffic.wait(request), request)

    def info(self, path, **kwargs):
        self._ask(Request("info", path))
        return self.traffic.info(path)

    def cat_file(self, path, start=None, end=None, **kwargs):
        return self._ask(Request("cat_file", path, start, end))


class AsyncCountingFS(AsyncFileSystem):
    """An asynchronous filesystem over `Traffic`; as with real ones, its coroutines belong to one event loop."""

    protocol = "acounting"
    cachable = False  # codespell:ignore cachable

    def __init__(self, traffic: Traffic, **kwargs) -> None:
        super().__init__(**kwargs)
        self.traffic = traffic
        self.home: asyncio.AbstractEventLoop | None = None

    async def _ask(self, request: Request) -> bytes:
        self.home = self.home or asyncio.get_running_loop()
        if asyncio.get_running_loop() is not self.home:
            raise RuntimeError("the session is attached to a different loop")
        return self.traffic.reply(await self.traffic.wait_async(request), request)

    async def _info(self, path, **kwargs):
        await self._ask(Request("info", path))
        return self.traffic.info(path)

    async def _cat_file(self, path, start=None, end=None, **kwargs):
        return await self._ask(Request("cat_file", path, start, end))


class PlainStore:
    """The least that a filesystem must be: `size` and `cat_file`."""

    def __init__(self, traffic: Traffic) -> None:
        self.traffic = traffic

    def _ask(self, request: Request) -> bytes:
        return self.traffic.reply(self.traffic.wait(request), request)

    def size(self, path):
        self._ask(Request("size", path))
        return len(self.traffic.files[path])

    def cat_file(self, path, start, end):
        return self._ask(Request("cat_file", path, start, end))


class PlainAsyncStore:
    """The least that an asynchronous filesystem must be: `_size` and `_cat_file`."""

    def __init__(self, traffic: Traffic) -> None:
        self.traffic = traffic

    async def _ask(self, request: Request) -> bytes:
        return self.traffic.reply(await self.traffic.wait_async(request), request)

    async def _size(self, path):
        await self._ask(Request("size", path))
        return len(self.traffic.files[path])

    async def _cat_file(self, path, start, end):
        return await self._ask(Request("cat_file", path, start, end))


class StoredFile:
    """A file in a store, and its reader."""

    KINDS = ("async", "async-native", "sync", "plain")

    def __init__(self, kind: str, content: bytes) -> None:
        self.kind = kind
        self.native = kind == "async-native"
        self.traffic = Traffic({"file": content})
        make = {"sync": CountingFS, "plain": PlainStore}.get(kind, AsyncCountingFS)
        self.fs: Any = make(self.traffic, asynchronous=True) if self.native else make(self.traffic)
        self.runner = asyncio.Runner()
        self.reader: Any = None

    def close(self) -> None:
        self.runner.close()

    def do(self, result: Any) -> Any:
        """What a method of the reader gives: asynchronous ones are awaited."""
        return self.runner.run(result) if self.native else result

    def open(self, fetch: FetchOptions) -> None:
        make = OmFileReaderAsync if self.native else OmFileReader
        self.reader = self.do(make.from_fsspec(self.fs, "file", fetch=fetch))

    def read(self, key: Any = ...) -> np.ndarray:
        return self.do(self.reader.read_array(key))

    def child(self, name: str) -> Any:
        return self.do(self.reader.get_child_by_name(name))


def content_of(tree: Callable[[OmFileWriter], OmWriterVariable], placement: str = "tail") -> bytes:
    """The bytes of a file whose root ``tree(writer)`` makes and returns."""
    content = io.BytesIO()
    content.close = lambda: None  # type: ignore[method-assign]

    class Store:
        def open(self, path: str, mode: str) -> Any:
            return content

    writer = OmFileWriter.from_fsspec(Store(), "file", placement)
    writer.close(tree(writer))
    return content.getvalue()


def short(data: bytes) -> bytes:
    """Half of a reply."""
    return data[: len(data) // 2]


def fail_at(*numbers: int, error: Exception) -> Fault:
    """Let some requests fail."""

    def fault(number: int, request: Request, data: bytes) -> bytes:
        if number in numbers:
            raise error
        return data

    return fault
