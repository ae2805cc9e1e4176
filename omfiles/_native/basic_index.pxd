# SPDX-License-Identifier: MIT
"""What stands between the brackets of reader[...], as the C core and the output array need it."""

from libc.stdint cimport uint64_t

from omfiles.libomf cimport omf_array, omf_buffer, omf_select


cdef struct Selection:
    unsigned n_dims
    omf_select[64] select   # for each dimension of the array; strides are set by `place`
    bint[64] backwards      # the step was negative
    bint[64] kept           # the dimension is there in the result; an integer drops it
    unsigned n_kept
    uint64_t n_elements     # of the result


# Parse ints, slices and ellipsis; IndexError, TypeError and ValueError as numpy has them.
cdef int parse(Selection *selection, object key, const omf_array *array) except -1
# The shape of the result.
cdef tuple shape_of(const Selection *selection)
# Refuse an array that cannot take a result of this shape and dtype.
cdef int check_out(object out, tuple shape, object dtype) except -1
# Lay the selection into a result with these strides in bytes, whose first element lies at `first`. With strides NULL
# all elements fall on the first one: enough to make a plan, not to read.
cdef omf_buffer place(Selection *selection, void *first, const Py_ssize_t *strides, size_t itemsize) noexcept nogil
