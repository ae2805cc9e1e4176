# SPDX-License-Identifier: MIT
"""The only module that is linked with the C core: errors, buffers, instruction sets, and the functions for others."""

from cpython.buffer cimport PyBuffer_Release, PyObject_GetBuffer
from cpython.pycapsule cimport PyCapsule_New
from libc.stdint cimport uint64_t

from omfiles cimport libomf
from omfiles.libomf cimport OMF_ERR_ARGUMENT, OMF_ERR_NO_SPACE, OMF_OK, omf_error, omf_status

import os

import numpy as np

from omfiles.errors import OmFormatError

# Type codes of arrays by the dtype of their elements, and of numeric scalars: eleven less.
ARRAY_TYPES = {
    np.dtype(name): 12 + i
    for i, name in enumerate(
        ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"]
    )
}

COMPRESSIONS = {
    "pfor_delta_2d_int16": 0,
    "fpx_xor_2d": 1,
    "pfor_delta_2d": 2,
    "pfor_delta_2d_int16_logarithmic": 3,
}


cdef extern from "_capi.h":
    ctypedef struct omfiles_api:
        pass
    const omfiles_api omfiles_table

# The same functions for C: see csrc/include/omfiles.h.
_C_API = PyCapsule_New(<void *>&omfiles_table, "omfiles._core._C_API", NULL)


cdef class Buffer:
    def __dealloc__(self):
        PyBuffer_Release(&self.view)


cdef Buffer acquire(object source, int flags):
    cdef Buffer buffer = Buffer.__new__(Buffer)
    PyObject_GetBuffer(source, &buffer.view, flags)
    return buffer


cdef int check(omf_status status, const omf_error *error, object path, object variable, uint64_t base) except -1:
    if status == OMF_OK:
        return 0
    reason = (error.reason if error.reason != NULL else libomf.omf_status_text(status)).decode()
    if status == OMF_ERR_ARGUMENT:
        raise ValueError(reason)
    if status == OMF_ERR_NO_SPACE:
        raise RuntimeError(f"internal error: {reason}")
    field = error.field.decode() if error.field != NULL else None
    raise OmFormatError(reason, path=path, variable=variable, offset=base + error.offset, field=field)


def simd_name() -> str:
    """Name of the instruction set in use.

    >>> simd_name() in simd_available()
    True
    """
    return libomf.omf_simd_name().decode()


def simd_available() -> list[str]:
    """Names of the instruction sets that this machine and build have, from the lowest.

    >>> simd_available()[0]
    'generic'
    """
    names = []
    while libomf.omf_simd_available(len(names)) != NULL:
        names.append(libomf.omf_simd_available(len(names)).decode())
    return names


def simd_select(name: str | None) -> None:
    """Use the instruction set `name`, or the best one if None. Call it while nothing is being read or written.

    >>> simd_select(None)
    """
    cdef const char *wanted = NULL
    if name is not None:
        encoded = name.encode()
        wanted = encoded
    if libomf.omf_simd_select(wanted) != OMF_OK:
        raise ValueError(f"no instruction set {name!r} here; available: {', '.join(simd_available())}")


# OMFILES_SIMD lowers the choice, for tests and for hunting bugs.
simd_select(os.environ.get("OMFILES_SIMD") or None)


include "_core_functions.pxi"
