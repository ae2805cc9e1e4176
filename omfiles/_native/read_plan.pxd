# SPDX-License-Identifier: MIT
"""A read whose bytes come from elsewhere: see read_plan.pyx."""

from omfiles._core cimport Buffer
from omfiles.libomf cimport omf_array, omf_plan


cdef class ReadPlan:
    cdef omf_array array
    cdef omf_plan plan
    cdef Buffer memory
    cdef object path, variable
    cdef readonly object out     # the result, filled by `decode`
    cdef readonly object n_chunks


# Plan to read `key` of an array into `out`, or into a new array if that is None. Messages name `path` and `variable`.
cdef ReadPlan make_plan(const omf_array *array, object dtype, object key, object out, object path, object variable)
# Plan to read the whole array for the sake of its chunks. It takes no memory: all elements go to one position.
cdef ReadPlan make_chunk_plan(const omf_array *array, object dtype, object path, object variable)
