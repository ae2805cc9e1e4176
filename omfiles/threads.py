# SPDX-License-Identifier: MIT
"""The threads that decode and encode chunks of one large read or write at the same time, and others for asyncio."""

from __future__ import annotations

import contextlib
import operator
import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

__all__ = ["get_num_threads", "set_num_threads", "share", "to_thread"]

T = TypeVar("T")

MAX_THREADS = 16
"""More of them wait for memory rather than work."""

_lock = threading.Lock()
_num_threads: int | None = None
_pool: ThreadPoolExecutor | None = None


def get_num_threads() -> int:
    """How many threads a large read or write may use, the calling one included.

    By default as many as the environment variable ``OMFILES_NUM_THREADS`` says, or as there are cores that this process
    may use, at most 16.

    Examples
    --------
    >>> get_num_threads() >= 1
    True
    """
    global _num_threads
    if _num_threads is None:
        _num_threads = _default()
    return _num_threads


def set_num_threads(n: int) -> None:
    """Let large reads and writes of this process use up to `n` threads, the calling one included.

    What is read and written does not depend on it. Small reads always use the calling thread alone. Several calls at
    the same time share the other threads.

    Parameters
    ----------
    n : int
        At least 1, which means no further threads; more than 16 are taken for 16.

    Raises
    ------
    TypeError, ValueError
        If `n` is not an integer, or below 1.

    Examples
    --------
    >>> before = get_num_threads()
    >>> set_num_threads(1)
    >>> get_num_threads()
    1
    >>> set_num_threads(before)
    """
    global _num_threads, _pool
    try:
        n = operator.index(n)
    except TypeError:
        raise TypeError(f"the number of threads must be an int, not {n!r}") from None
    if n < 1:
        raise ValueError(f"the number of threads must be at least 1, not {n}")
    with _lock:
        _num_threads = min(n, MAX_THREADS)
        pool, _pool = _pool, None
    if pool is not None:
        pool.shutdown(wait=False)


def share(work: Callable[[], None], n_threads: int) -> None:
    """Call `work` in up to `n_threads` threads, this one included; returns when all calls have returned.

    Threads that are busy with other calls are not waited for, so `work` must do everything even if it is called only
    once.
    """
    helpers = _submit(work, n_threads - 1)
    try:
        work()
    finally:
        _join([helper for helper in helpers if not helper.cancel()])


async def to_thread(function: Callable[..., T], *args: Any) -> T:
    """Do what `asyncio.to_thread` does; asyncio is imported only by those who use it."""
    import asyncio

    return await asyncio.to_thread(function, *args)


def _submit(work: Callable[[], None], n: int) -> list[Future[None]]:
    global _pool
    with _lock:
        if _pool is None:
            from concurrent.futures import ThreadPoolExecutor

            _pool = ThreadPoolExecutor(max(1, get_num_threads() - 1), "omfiles-chunks")
        # The interpreter, or another thread, may have begun to shut the pool down.
        with contextlib.suppress(RuntimeError):
            return [_pool.submit(work) for _ in range(n)]
    return []


def _join(helpers: list[Future[None]]) -> None:
    """Wait for the end of what uses the caller's memory, even if that is interrupted."""
    from concurrent.futures import wait

    try:
        wait(helpers)
    except BaseException:
        _join(helpers)
        raise
    for helper in helpers:
        helper.result()


def _default() -> int:
    text = os.environ.get("OMFILES_NUM_THREADS", "")
    if text:
        if not text.isdecimal() or int(text) < 1:
            raise ValueError(f"OMFILES_NUM_THREADS must be a number above 0, not {text!r}")
        return min(int(text), MAX_THREADS)
    n_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(n_cores, MAX_THREADS)


def _forget() -> None:
    """Start anew in a forked process, which has none of the threads."""
    global _lock, _pool
    _lock, _pool = threading.Lock(), None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
