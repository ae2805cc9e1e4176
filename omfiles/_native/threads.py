# SPDX-License-Identifier: MIT
"""The threads that decode and encode chunks of one large read or write at the same time, and others for asyncio."""

from __future__ import annotations

import contextlib
import operator
import os
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

from omfiles._native.work_sharing import WorkSharing

__all__ = ["get_num_threads", "set_num_threads", "share", "start", "to_thread"]

T = TypeVar("T")

MAX_THREADS = 16
"""More of them wait for memory rather than work."""

_lock = threading.Lock()
_num_threads: int | None = None
_pool: _Pool | None = None


def get_num_threads() -> int:
    """How many threads a large read or write may use, the calling one included.

    By default as many as the environment variable ``OMFILES_NUM_THREADS`` says, or as there are cores that this process
    may use, at most 16.

    Examples
    --------
    >>> import omfiles
    >>> omfiles.get_num_threads() >= 1
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
    >>> import omfiles
    >>> before = omfiles.get_num_threads()
    >>> omfiles.set_num_threads(1)
    >>> omfiles.get_num_threads()
    1
    >>> omfiles.set_num_threads(before)
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
        pool.close()


def share(work: Callable[[], None], n_threads: int) -> None:
    """Call `work` in up to `n_threads` threads, this one included; returns when all calls have returned.

    Threads that are busy with other calls are not waited for, so `work` must do everything even if it is called only
    once.
    """
    sharing = WorkSharing(work)
    sharing.run(lambda: _start_workers(sharing.join, n_threads - 1))


def start(function: Callable[[], None], name: str) -> None:
    """Call a function in a new thread, which does not keep the interpreter from ending."""
    try:
        threading.Thread(target=function, name=name, daemon=True).start()
    except RuntimeError as error:
        # An interrupt of the wait for the thread makes a lock of `threading` complain.
        if isinstance(error.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        raise


def _start_workers(call: Callable[[], None], n: int) -> None:
    global _pool
    with _lock:
        if _pool is None:
            _pool = _Pool()
        _pool.submit(call, n)


async def to_thread(function: Callable[..., T], *args: Any) -> T:
    """Do what `asyncio.to_thread` does; asyncio is imported only by those who use it."""
    import asyncio

    return await asyncio.to_thread(function, *args)


class _Pool:
    """Threads that wait for calls.

    `concurrent.futures` has no pool that could be used: an interrupt of its caller may leave one of its locks locked.
    """

    def __init__(self) -> None:
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._n_threads = 0

    def submit(self, call: Callable[[], None], n: int) -> None:
        """Let `call` be called up to `n` times, which must not raise, as soon as a thread has nothing else to do."""
        for _ in range(n):
            self._calls.put(call)
            if self._n_threads < get_num_threads() - 1:
                self._n_threads += 1
                # No more threads may be had, or the interpreter has begun to end.
                with contextlib.suppress(RuntimeError):
                    start(self._serve, "omfiles-chunks")

    def close(self) -> None:
        """Let the threads end that have nothing to do any more."""
        for _ in range(self._n_threads):
            self._calls.put(None)

    def _serve(self) -> None:
        while (call := self._calls.get()) is not None:
            call()
            del call  # it keeps memory of its caller alive


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
