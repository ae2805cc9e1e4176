# SPDX-License-Identifier: MIT
"""Work that several threads share, and of which nothing goes on when the caller does.

The threads use memory of the caller, even when that is interrupted. Interrupts arrive between instructions of Python,
so a ``finally`` there may be left before it has done anything. Here they arrive where something is waited for only.
"""

from libc.stdint cimport uint64_t

from omfiles._native.platform cimport omfiles_count

from queue import SimpleQueue

cdef enum:
    CLOSED = 1 << 30  # more than there are threads


cdef class Crew:
    """Calls of one function, by the caller of `run` and by those who call `help` meanwhile."""

    cdef object _work
    cdef object _ended      # for each helper that has ended, what it raised, or None
    cdef uint64_t _n_begun  # helpers; CLOSED and more once nobody may begin

    def __init__(self, work):
        self._work = work
        self._ended = SimpleQueue()
        self._n_begun = 0

    def help(self) -> None:
        """Call the function, unless `run` is over. To be called in another thread; raises nothing."""
        if omfiles_count(&self._n_begun, 1) >= CLOSED:
            return
        failure = None
        try:
            self._work()
        except BaseException as error:
            failure = error
        self._ended.put(failure)

    def run(self, hire) -> None:
        """Call the function, after `hire`, which lets others call `help`; returns when all calls have ended.

        If several fail, the first error is raised; but an interrupt before all others.
        """
        cdef uint64_t n_left
        failures = []
        try:
            hire()
            self._work()
        except BaseException as error:
            failures.append(error)
        n_left = omfiles_count(&self._n_begun, CLOSED)
        while n_left > 0:
            try:
                failure = self._ended.get()
                n_left -= 1
                if failure is not None:
                    failures.append(failure)
            except BaseException as interrupt:
                failures.insert(0, interrupt)
        self._work = None  # who comes late must not keep it alive
        if failures:
            raise failures[0]
