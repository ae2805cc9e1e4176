# SPDX-License-Identifier: MIT
"""Many requests at a time: results in the order in which they complete, and a bounded number under way."""

from __future__ import annotations

import asyncio
import queue
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar

from omfiles._native.threads import start

__all__ = ["as_completed", "as_completed_async", "as_completed_in_threads", "in_thread", "wait"]

T = TypeVar("T")

MAX_THREADS = 32
"""Threads that one read may start; many may run at once."""

REQUEST_THREAD = "omfiles-request"
"""The name of such a thread."""


def as_completed(
    submit: Callable[[int, int], Future[T]], ranges: Sequence[tuple[int, int]], concurrency: int
) -> Generator[tuple[int, T], None, None]:
    """Yield index and result of each range as they complete.

    At most `concurrency` are under way or not yet consumed. An error ends it; the rest is cancelled, as when the
    generator is closed.
    """
    arrived: queue.SimpleQueue[Future[T]] = queue.SimpleQueue()
    pending: dict[Future[T], int] = {}

    def next_result() -> tuple[int, T]:
        future = _get(arrived)
        return pending.pop(future), future.result()

    try:
        for index, (start, stop) in enumerate(ranges):
            if len(pending) == concurrency:
                yield next_result()
            future = submit(start, stop)
            pending[future] = index
            future.add_done_callback(arrived.put)
        while pending:
            yield next_result()
    finally:
        for future in pending:
            future.cancel()


def as_completed_in_threads(
    read: Callable[[int, int], T], ranges: Sequence[tuple[int, int]], concurrency: int
) -> Generator[tuple[int, T], None, None]:
    """Yield what `read(start, stop)` returns for each range, called in threads."""
    return as_completed(partial(in_thread, read), ranges, min(concurrency, MAX_THREADS))


async def as_completed_async(
    start_one: Callable[[int, int], Awaitable[T]], ranges: Sequence[tuple[int, int]], concurrency: int
) -> AsyncGenerator[tuple[int, T], None]:
    """Do what `as_completed` does on the running event loop."""
    arrived: asyncio.Queue[asyncio.Future[T]] = asyncio.Queue()
    pending: dict[asyncio.Future[T], int] = {}

    async def next_result() -> tuple[int, T]:
        task = await arrived.get()
        return pending.pop(task), task.result()

    try:
        for index, (start, stop) in enumerate(ranges):
            if len(pending) == concurrency:
                yield await next_result()
            task: asyncio.Future[T] = asyncio.ensure_future(start_one(start, stop))
            pending[task] = index
            task.add_done_callback(arrived.put_nowait)
        while pending:
            yield await next_result()
    finally:
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)


def in_thread(function: Callable[..., T], *args: Any) -> Future[T]:
    """Call a function in a thread of its own, which costs little beside a request.

    Unlike the threads of a pool it does not keep the interpreter from ending while a store is silent.
    """
    future: Future[T] = Future()
    future.set_running_or_notify_cancel()

    def work() -> None:
        try:
            future.set_result(function(*args))
        except BaseException as error:  # the waiting thread raises it
            future.set_exception(error)

    start(work, REQUEST_THREAD)
    return future


def wait(future: Future[T]) -> T:
    """Wait for a result; if that is interrupted, cancel what makes it."""
    arrived: queue.SimpleQueue[Future[T]] = queue.SimpleQueue()
    future.add_done_callback(arrived.put)
    try:
        return _get(arrived).result()
    finally:
        future.cancel()


def _get(arrived: queue.SimpleQueue[T]) -> T:
    # Windows interrupts no wait, so that Ctrl-C is seen only between waits.
    while True:
        try:
            return arrived.get(timeout=1)
        except queue.Empty:
            pass
