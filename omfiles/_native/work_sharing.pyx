# SPDX-License-Identifier: MIT
"""Work that several threads share. All of them have ended when the caller goes on.

The threads use memory of the caller, even when that is interrupted. Interrupts arrive between instructions of Python,
so a ``finally`` there may be left before it has done anything. Here they arrive only where something is waited for.
"""

from libc.stdint cimport uint64_t

from omfiles._native.platform cimport omfiles_count

from queue import SimpleQueue

cdef enum:
    CLOSED = 1 << 30  # more than there are threads


cdef class WorkSharing:
    """Calls of one function, by the caller of `run` and by threads that call `join` meanwhile."""

    cdef object _work
    cdef object _ended       # for each thread that has ended, what it raised, or None
    cdef uint64_t _n_joined  # threads; CLOSED and more once none may join

    def __init__(self, work):
        self._work = work
        self._ended = SimpleQueue()
        self._n_joined = 0

    def join(self) -> None:
        """Call the function, unless `run` is over. To be called in another thread; raises nothing."""
        if omfiles_count(&self._n_joined, 1) >= CLOSED:
            return
        failure = None
        try:
            self._work()
        except BaseException as error:
            failure = error
        self._ended.put(failure)

    def run(self, start_workers) -> None:
        """Call the function, after `start_workers`, which lets threads call `join`; returns when all calls have ended.

        If several fail, the first error is raised; but an interrupt before all others.
        """
        cdef uint64_t n_left
        failures = []
        try:
            start_workers()
            self._work()
        except BaseException as error:
            failures.append(error)
        n_left = omfiles_count(&self._n_joined, CLOSED)
        while n_left > 0:
            try:
                failure = self._ended.get()
                n_left -= 1
                if failure is not None:
                    failures.append(failure)
            except BaseException as interrupt:
                failures.insert(0, interrupt)
        self._work = None  # a thread that comes late must not keep it alive
        if failures:
            raise failures[0]
