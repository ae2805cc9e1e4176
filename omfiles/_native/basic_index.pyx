# SPDX-License-Identifier: MIT
"""Basic selections: integers, slices and ellipsis, in C speed."""

from cpython.number cimport PyIndex_Check, PyNumber_AsSsize_t
from cpython.tuple cimport PyTuple_GetItem

import numpy as np

cdef extern from "Python.h":
    int PySlice_Unpack(object slice, Py_ssize_t *start, Py_ssize_t *stop, Py_ssize_t *step) except -1
    Py_ssize_t PySlice_AdjustIndices(Py_ssize_t length, Py_ssize_t *start, Py_ssize_t *stop, Py_ssize_t step) nogil


cdef int parse(Selection *selection, object key, const omf_array *array) except -1:
    cdef tuple items = key if isinstance(key, tuple) else (key,)
    cdef Py_ssize_t i, n_items = len(items), n_skipped
    cdef unsigned dim = 0, n_dims = array.n_dims
    cdef bint seen = False
    selection.n_dims = n_dims
    selection.n_kept = 0
    selection.n_elements = 1
    for i in range(n_items):
        item = <object> PyTuple_GetItem(items, i)
        if item is ...:
            if seen:
                raise ValueError("an index can have only one ellipsis ('...')")
            seen = True
            n_skipped = <Py_ssize_t> n_dims - (n_items - 1)
            while n_skipped > 0:
                take_slice(selection, dim, array.dims[dim], 0, array.dims[dim], 1)
                dim += 1
                n_skipped -= 1
        elif dim == n_dims:
            raise IndexError(f"too many indices: the array has {n_dims} dimensions, but {n_items - seen} were indexed")
        else:
            take(selection, dim, array.dims[dim], item)
            dim += 1
    while dim < n_dims:
        take_slice(selection, dim, array.dims[dim], 0, array.dims[dim], 1)
        dim += 1
    return 0


cdef int take(Selection *selection, unsigned dim, Py_ssize_t length, object item) except -1:
    """Set one dimension from what the user wrote."""
    cdef Py_ssize_t index, start, stop, step
    if isinstance(item, slice):
        PySlice_Unpack(item, &start, &stop, &step)
        take_slice(selection, dim, length, start, stop, step)
        return 0
    if isinstance(item, int) and not isinstance(item, bool):
        index = PyNumber_AsSsize_t(item, IndexError)
    else:
        index = index_of(item)
    if index < -length or index >= length:
        raise IndexError(f"index {index} is out of bounds for axis {dim} with size {length}")
    selection.select[dim].start = index + length if index < 0 else index
    selection.select[dim].count = 1
    selection.select[dim].step = 1
    selection.backwards[dim] = False
    selection.kept[dim] = False
    return 0


cdef Py_ssize_t index_of(object item) except? -1:
    if not PyIndex_Check(item) or isinstance(item, (bool, np.bool_)):  # which numpy before 2.3 takes for an index
        raise unsupported(item)
    try:
        return PyNumber_AsSsize_t(item, IndexError)
    except TypeError:
        raise unsupported(item) from None


cdef void take_slice(Selection *selection, unsigned dim, Py_ssize_t length, Py_ssize_t start, Py_ssize_t stop,
                     Py_ssize_t step) noexcept nogil:
    cdef Py_ssize_t count = PySlice_AdjustIndices(length, &start, &stop, step)
    selection.backwards[dim] = step < 0
    selection.kept[dim] = True
    selection.n_kept += 1
    selection.n_elements *= count
    # The C core walks upwards; going backwards is left to the stride in memory.
    if step < 0:
        start += (count - 1) * step
        step = -step
    selection.select[dim].start = start
    selection.select[dim].count = count
    selection.select[dim].step = 1 if count < 2 else step


cdef object unsupported(object item):
    text = f"unsupported selection item for basic indexing; expected integer or slice, got {type(item)}"
    if isinstance(item, (bool, np.bool_)):
        text += "; a mask has a value for each element (reader.oindex[...]), and int() makes an index of a bool"
    if hasattr(item, "__len__") and not isinstance(item, (str, bytes)):
        text += "; use reader.oindex[...] (a list for each dimension) or reader.vindex[...] (points) for them"
    return IndexError(text)


cdef tuple shape_of(const Selection *selection):
    cdef unsigned dim
    if selection.n_kept == 0:
        return ()
    return tuple([selection.select[dim].count for dim in range(selection.n_dims) if selection.kept[dim]])


cdef omf_buffer place(Selection *selection, void *first, const Py_ssize_t *strides, size_t itemsize) noexcept nogil:
    cdef omf_buffer buffer
    cdef omf_select *select
    cdef Py_ssize_t stride, extent, below = 0
    cdef unsigned dim, axis = 0
    buffer.size = itemsize
    buffer.origin = 0
    for dim in range(selection.n_dims):
        select = &selection.select[dim]
        stride = strides[axis] if strides != NULL and selection.kept[dim] and select.count > 1 else 0
        axis += selection.kept[dim]
        extent = (select.count - 1) * (stride if stride > 0 else -stride)
        buffer.size += extent
        if stride < 0:
            below += extent
        select.stride = -stride if selection.backwards[dim] else stride
        if select.stride < 0:
            buffer.origin += extent
    buffer.data = <char *> first - below
    return buffer


cdef int check_out(object out, tuple shape, object dtype) except -1:
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out must be a numpy.ndarray, not {type(out).__name__}")
    if out.shape != shape:
        raise ValueError(f"out has shape {out.shape}; the selection has {shape}")
    if out.dtype != dtype:
        raise ValueError(f"out has dtype {out.dtype.str}; the array has {dtype.str}")
    if not out.flags.writeable:
        raise ValueError("out is read-only; it must be writable")
    if not out.flags.aligned:
        raise ValueError("out is not aligned in memory to its elements; it must be")
    if out.size and any(stride == 0 < extent - 1 for stride, extent in zip(out.strides, out.shape)):
        raise ValueError("out holds elements that share memory (stride 0); each must have its own")
    return 0
