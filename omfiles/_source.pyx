# SPDX-License-Identifier: MIT
"""Local files and memory as sources of bytes."""

from cpython.buffer cimport PyBUF_SIMPLE, PyObject_CheckBuffer
from cpython.bytes cimport PyBytes_AsString, PyBytes_FromStringAndSize
from libc.errno cimport ENOMEM
from libc.string cimport memcpy

from omfiles._core cimport Buffer, acquire, check
from omfiles.libomf cimport OMF_OK

import errno
import io
import os

from omfiles.errors import OmReadError

cdef extern from "_platform.h" nogil:
    int omfiles_file_size(int fd, uint64_t *size)
    int omfiles_pread(int fd, void *dst, size_t size, uint64_t offset, size_t *got)
    void omfiles_close(int fd)

# The end of a file is read at once when it is opened: mostly it holds the trailer and all records.
cdef enum:
    TAIL_SIZE = 16384

# A pipe must not block us before we can refuse it.
OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


cdef class Source:
    def __cinit__(self):
        self.fd = -1

    def __dealloc__(self):
        if self.fd >= 0:
            omfiles_close(self.fd)

    cdef const uint8_t *view(self, uint64_t offset, uint64_t size) noexcept nogil:
        if offset < self.resident_offset or offset > self.size or size > self.size - offset:
            return NULL
        return self.resident + (offset - self.resident_offset)

    cdef int read(self, void *dst, uint64_t offset, size_t size, Failure *failure) noexcept nogil:
        cdef const uint8_t *resident = self.view(offset, size)
        cdef size_t got = 0
        if resident != NULL:
            memcpy(dst, resident, size)
            return 0
        failure.error.status = OMF_OK
        failure.system_error = omfiles_pread(self.fd, dst, size, offset, &got)
        failure.offset = offset
        failure.wanted = size
        failure.got = got
        return 0 if failure.system_error == 0 and got == size else -1


cdef Source open_source(object source):
    """Open what a user passed: a path, or the content of a file."""
    if isinstance(source, (str, os.PathLike)):
        return open_path(os.fspath(source))
    if isinstance(source, io.BytesIO):
        return open_memory(source.getvalue())
    if PyObject_CheckBuffer(source):
        return open_memory(source)
    raise TypeError(
        f"cannot open an object of type {type(source).__name__!r} as an OM file: "
        "pass a path (str or os.PathLike), the content of a file (bytes-like), or an io.BytesIO"
    )


cdef Source open_path(object path):
    cdef Source self = Source.__new__(Source)
    cdef Failure failure
    cdef bytes tail
    cdef int error
    if not isinstance(path, str):
        raise TypeError(f"a path must be str, not {type(path).__name__}: {path!r}")
    self.fd = os.open(path, OPEN_FLAGS)
    self.name = path
    self.origin = os.path.abspath(path)
    error = omfiles_file_size(self.fd, &self.size)
    if error == errno.EINVAL:
        raise OSError(error, "Not a regular file", path)
    if error != 0:
        raise OSError(error, os.strerror(error), path)
    self.resident_offset = self.size  # nothing yet, so that `read` goes to the file
    tail = PyBytes_FromStringAndSize(NULL, min(self.size, <uint64_t> TAIL_SIZE))
    if self.read(PyBytes_AsString(tail), self.size - len(tail), len(tail), &failure) != 0:
        raise_failure(&failure, self, None)
    self.owner = tail
    self.resident = <const uint8_t *> PyBytes_AsString(tail)
    self.resident_offset = self.size - len(tail)
    return self


cdef Source open_memory(object content):
    cdef Source self = Source.__new__(Source)
    cdef Buffer buffer = acquire(content, PyBUF_SIMPLE)
    self.origin = content
    self.owner = buffer
    self.resident = <const uint8_t *> buffer.view.buf
    self.size = buffer.view.len
    return self


cdef int raise_failure(const Failure *failure, Source source, object variable) except -1:
    """Raise the exception that `failure` describes."""
    check(failure.error.status, &failure.error, source.name, variable, failure.base)
    if failure.system_error == ENOMEM:
        raise MemoryError(f"no memory to read {source.name or 'a file in memory'}")
    if failure.system_error != 0:
        raise OSError(failure.system_error, os.strerror(failure.system_error), source.name)
    raise OmReadError(
        f"the file was truncated while it was open: {failure.got} of {failure.wanted} bytes were there",
        path=source.name,
        variable=variable,
        offset=failure.offset,
    )
