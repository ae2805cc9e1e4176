# SPDX-License-Identifier: MIT
"""How large the result of one read may be."""

from libc.stdint cimport uint64_t

# Bytes that a result may have, `omfiles.set_max_result_size`.
cdef uint64_t result_limit() noexcept nogil
# Raise MemoryError if a result of this variable would be larger.
cpdef int require_size(tuple shape, size_t itemsize, object variable) except -1
