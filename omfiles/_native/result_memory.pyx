# SPDX-License-Identifier: MIT
"""Memory of large results. Where they are read in a loop, finding and clearing memory for each takes the system about
as long as decoding takes us, so that of the last one that is gone waits for the next one. The system may take it back
at any moment, if it has better use for it.
"""

from cpython.buffer cimport PyBuffer_FillInfo

from omfiles._native.platform cimport (
    OMFILES_PAGE, omfiles_give_up, omfiles_map, omfiles_try_lock, omfiles_unlock, omfiles_unmap
)

import os

import numpy as np

cdef enum:
    LEAST = 32 << 20      # bytes of a result; malloc keeps smaller ones for the next
    MOST = 512 << 20      # of memory that waits: monitors of memory count it

cdef object empty = np.empty


cdef struct Span:
    void *memory
    size_t size

cdef Span waiting
cdef char lock


cdef object new_result(tuple shape, object dtype, uint64_t size):
    cdef Block block
    if size < LEAST:
        return empty(shape, dtype)
    block = Block.__new__(Block)
    block.span = find((size + OMFILES_PAGE - 1) // OMFILES_PAGE * OMFILES_PAGE)
    if block.span.memory == NULL:
        return empty(shape, dtype)
    return np.ndarray(shape, dtype, block)


cdef class Block:
    """The memory of a result, which is its `base`."""

    cdef Span span

    def __getbuffer__(self, Py_buffer *view, int flags):
        PyBuffer_FillInfo(view, self, self.span.memory, self.span.size, False, flags)

    def __dealloc__(self):
        cdef Span old = self.span
        if old.memory != NULL and old.size <= MOST and omfiles_give_up(old.memory, old.size):
            old = exchange(old)
        release(old)


# The lock is only ever tried: a process that was forked while a thread held it goes on without what waits.
cdef Span exchange(Span new) noexcept:
    global waiting
    cdef Span old = new
    if omfiles_try_lock(&lock):
        old = waiting
        waiting = new
        omfiles_unlock(&lock)
    return old


cdef void release(Span span) noexcept:
    if span.memory != NULL:
        omfiles_unmap(span.memory, span.size)


cdef Span find(size_t size) noexcept:
    """What waits, without what is too much, or new memory instead of it."""
    cdef Span found = exchange(Span(NULL, 0))
    if found.size < size:
        release(found)
        found = Span(omfiles_map(size), size)
    elif found.size > size:
        omfiles_unmap(<char *> found.memory + size, found.size - size)
        found.size = size
    return found


def drop_waiting() -> int:
    """Give what waits back to the system; how many bytes? After a fork they would have to be copied page by page."""
    cdef Span old = exchange(Span(NULL, 0))
    release(old)
    return old.size


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=drop_waiting)
