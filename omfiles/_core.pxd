# SPDX-License-Identifier: MIT
"""The C functions of the core, under the names of csrc/include/omf, and what our other modules share besides.

The functions need neither the GIL nor linking: the one copy of the core lives in `_core`. Other packages cimport them
from `omfiles`.
"""

from cpython.buffer cimport Py_buffer
from libc.stdint cimport uint64_t

from omfiles.libomf cimport omf_error, omf_status

cdef class Buffer:
    """Holds the memory of a Python object while this object lives."""

    cdef Py_buffer view

# Acquire the memory of `source` as `flags` (PyBUF_...) ask; the exporter's own exception if it cannot give it.
cdef Buffer acquire(object source, int flags)

# Raise the Python exception for `status`; OmFormatError says `path`, `variable` and `base` + error.offset.
cdef int check(omf_status status, const omf_error *error, object path, object variable, uint64_t base) except -1

include "_core_declarations.pxi"
