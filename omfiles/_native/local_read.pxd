# SPDX-License-Identifier: MIT
"""Reading the chunks of a plan: look-up table, fetching, decoding."""

from libc.stdint cimport uint8_t, uint64_t

from omfiles._native.source cimport Failure, Source
from omfiles.libomf cimport OMF_LUT_GROUP, omf_plan


# One decoded group of a look-up table.
cdef struct Group:
    uint64_t key             # number of the group + 1; 0: nothing here
    unsigned n_entries
    uint64_t[OMF_LUT_GROUP] entries


# Memory for bytes of a file, and which it holds.
cdef struct Bytes:
    uint8_t *data
    size_t capacity
    uint64_t offset
    size_t size


# Of one array: the groups of the look-up table that were decoded last, and the bytes of small chunks that were read
# alone. Threads share it.
cdef class LutCache:
    cdef char lock           # of the slots
    cdef Group *slots
    cdef uint64_t n_slots
    cdef char chunks_lock    # of what follows
    cdef Bytes *chunks       # NULL until one is kept
    cdef size_t chunks_size  # bytes that they have
    cdef unsigned oldest     # the slot that makes room next


cdef LutCache new_cache(uint64_t n_groups)

# Check where chunks [first, last) of the plan lie, without reading them: 0, or -1 and *failure is filled.
cdef int locate_chunks(const omf_plan *plan, Source source, LutCache cache, uint64_t first, uint64_t last,
                       Failure *failure) noexcept nogil

# A table for the plan, to be freed after use, or NULL: where none is worth its while, or there is no memory.
cdef float *make_table(const omf_plan *plan) noexcept nogil

# Fetch and decode all chunks of the plan, large amounts of them in several threads: 0, or -1 and *failure is filled.
cdef int read_plan(omf_plan *plan, Source source, LutCache cache, Failure *failure) except -2
