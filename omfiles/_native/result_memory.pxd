# SPDX-License-Identifier: MIT
from libc.stdint cimport uint64_t


# An array for a result of `size` bytes, with anything in it.
cdef object new_result(tuple shape, object dtype, uint64_t size)
