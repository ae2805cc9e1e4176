# SPDX-License-Identifier: MIT
"""A read whose bytes somebody else fetches: which ranges it needs, and the chunks decoded from them in any order.

Chunks are numbered 0 ... n_chunks - 1 within the plan and ascend in the file. Other threads may call `decode` for
different chunks of one plan at the same time.
"""

from cpython.buffer cimport PyBUF_CONTIG, PyBUF_SIMPLE, PyBUF_STRIDED, PyBUF_WRITABLE
from libc.stdint cimport uint8_t, uint64_t
from libc.stdlib cimport free, malloc

from omfiles._core cimport (
    Buffer, acquire, check, omf_chunk_decode_scratch, omf_cursor_decode, omf_cursor_next, omf_cursor_range,
    omf_cursor_seek, omf_lut_decode, omf_lut_n_groups, omf_lut_range, omf_plan_init
)
from omfiles._native.basic_index cimport Selection, check_out, parse, place, shape_of
from omfiles._native.local_read cimport Group, make_table
from omfiles._native.result_limit cimport require_size
from omfiles._native.result_memory cimport new_result
from omfiles.libomf cimport OMF_OK, omf_array, omf_cursor, omf_error, omf_span, omf_status

import numpy as np


cdef ReadPlan make_plan(const omf_array *array, object dtype, object key, object out, object path, object variable):
    cdef Selection selection
    parse(&selection, key, array)
    if out is None:
        require_size(shape_of(&selection), dtype.itemsize, variable)
        out = new_result(shape_of(&selection), dtype, selection.n_elements * dtype.itemsize)
    else:
        check_out(out, shape_of(&selection), dtype)
    return plan_into(out, &selection, array, dtype, path, variable)


cdef ReadPlan make_chunk_plan(const omf_array *array, object dtype, object path, object variable):
    cdef Selection selection
    parse(&selection, Ellipsis, array)
    out = np.ndarray(shape_of(&selection), dtype, np.empty(1, dtype), strides=(0,) * array.n_dims)
    return plan_into(out, &selection, array, dtype, path, variable)


cdef ReadPlan plan_into(object out, Selection *selection, const omf_array *array, object dtype, object path,
                        object variable):
    cdef ReadPlan self = ReadPlan.__new__(ReadPlan)
    cdef omf_error error
    self.array = array[0]
    self.path = path
    self.variable = variable
    self.n_chunks = 0
    self.out = out
    if selection.n_elements == 0:
        return self
    self.memory = acquire(self.out, PyBUF_STRIDED | PyBUF_WRITABLE)
    check(omf_plan_init(&self.plan, &self.array, selection.select,
                        place(selection, self.memory.view.buf, self.memory.view.strides, dtype.itemsize), &error),
          &error, path, variable, 0)
    self.plan.table = make_table(&self.plan)
    self.n_chunks = self.plan.n_chunks
    return self


cdef const uint64_t *entries_of(ReadPlan self, dict groups, uint64_t number, Group *loaded) except NULL:
    """Entries of group `number`. Of the groups decoded last, `loaded` has one of even and one of odd number."""
    cdef Group *group = &loaded[number & 1]
    cdef Buffer memory
    cdef omf_error error
    if group.key != number + 1:
        group.key = 0
        memory = acquire(groups[number], PyBUF_SIMPLE)
        check(omf_lut_decode(group.entries, &group.n_entries, &self.array, number, <const uint8_t *> memory.view.buf,
                             memory.view.len, &error), &error, self.path, self.variable, 0)
        group.key = number + 1
    return group.entries


cdef class ReadPlan:
    """A selection of an array on its way into `out`."""

    def __dealloc__(self):
        free(<void *> self.plan.table)

    def groups(self, uint64_t first, uint64_t last):
        """Numbers of the groups of the look-up table that chunks [first, last) need, ascending (uint64)."""
        cdef omf_cursor cursor
        cdef uint64_t number, known = 0, n = 0, _i
        numbers = np.empty(2 * (last - first), np.uint64)
        cdef Buffer memory = acquire(numbers, PyBUF_CONTIG)
        cdef uint64_t *dst = <uint64_t *> memory.view.buf
        omf_cursor_seek(&cursor, &self.plan, first)
        with nogil:
            for _i in range(first, last):
                for number in range(max(cursor.first_group, known), cursor.last_group + 1):
                    dst[n] = number
                    n += 1
                known = cursor.last_group + 1
                omf_cursor_next(&cursor)
        return numbers[:n]

    def group_range(self, uint64_t number) -> tuple[int, int]:
        """Where a group lies in the file, as (start, stop)."""
        cdef omf_span span = omf_lut_range(&self.array, number, number)
        return span.offset, span.offset + span.size

    def table_range(self) -> tuple[int, int]:
        """Where the whole look-up table lies in the file, as (start, stop)."""
        cdef omf_span span = omf_lut_range(&self.array, 0, omf_lut_n_groups(&self.array) - 1)
        return span.offset, span.offset + span.size

    def locate(self, uint64_t first, uint64_t last, dict groups):
        """Where chunks [first, last) lie in the file: arrays of starts and stops (uint64).

        `groups` holds the bytes of at least the groups that `groups(first, last)` names.
        """
        cdef omf_cursor cursor
        cdef omf_error error
        cdef Group[2] loaded
        cdef const uint64_t *first_entries
        cdef const uint64_t *last_entries
        cdef uint64_t i
        starts, stops = np.empty(last - first, np.uint64), np.empty(last - first, np.uint64)
        cdef Buffer start_memory = acquire(starts, PyBUF_CONTIG), stop_memory = acquire(stops, PyBUF_CONTIG)
        cdef uint64_t *start = <uint64_t *> start_memory.view.buf
        cdef uint64_t *stop = <uint64_t *> stop_memory.view.buf
        loaded[0].key = loaded[1].key = 0
        omf_cursor_seek(&cursor, &self.plan, first)
        for i in range(last - first):
            first_entries = entries_of(self, groups, cursor.first_group, loaded)
            last_entries = entries_of(self, groups, cursor.last_group, loaded)
            check(omf_cursor_range(&cursor, first_entries, last_entries, &start[i], &stop[i], &error), &error,
                  self.path, self.variable, 0)
            omf_cursor_next(&cursor)
        return starts, stops

    def decode(self, uint64_t first, uint64_t last, starts, stops, source, uint64_t offset) -> None:
        """Decode chunks [first, last) from `source`, which holds the file from `offset` on.

        Chunk first + i lies at [starts[i], stops[i]) of the file, as `locate` found.
        """
        cdef omf_cursor cursor
        cdef omf_error error
        cdef omf_status status = OMF_OK
        cdef Buffer start_memory = acquire(starts, PyBUF_SIMPLE), stop_memory = acquire(stops, PyBUF_SIMPLE)
        cdef Buffer memory = acquire(source, PyBUF_SIMPLE)
        cdef const uint64_t *start = <const uint64_t *> start_memory.view.buf
        cdef const uint64_t *stop = <const uint64_t *> stop_memory.view.buf
        cdef const uint8_t *src = <const uint8_t *> memory.view.buf
        cdef uint64_t size = memory.view.len, i
        cdef Py_ssize_t n_bytes = (last - first) * sizeof(uint64_t)
        cdef bint outside = False
        if last <= first:
            return
        if start_memory.view.len != n_bytes or stop_memory.view.len != n_bytes:
            raise ValueError("starts and stops must have one entry for each chunk")
        cdef size_t scratch_size = omf_chunk_decode_scratch(&self.array.codec, self.array.chunks, self.array.n_dims)
        cdef void *scratch = malloc(scratch_size)
        if scratch == NULL or scratch_size == 0:
            free(scratch)
            raise MemoryError("no memory to decode a chunk")
        with nogil:
            omf_cursor_seek(&cursor, &self.plan, first)
            for i in range(last - first):
                outside = start[i] < offset or stop[i] < start[i] or stop[i] - offset > size
                if outside:
                    break
                status = omf_cursor_decode(&cursor, src + (start[i] - offset), stop[i] - start[i], scratch,
                                           scratch_size, &error)
                if status != OMF_OK:
                    break
                omf_cursor_next(&cursor)
            free(scratch)
        if outside:
            raise ValueError(f"chunk {first + i} does not lie inside the bytes given")
        check(status, &error, self.path, self.variable, start[i])
