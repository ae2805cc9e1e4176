# SPDX-License-Identifier: MIT
"""Local files, memory, and files of stores as sources of bytes."""

from cpython.buffer cimport PyBUF_SIMPLE, PyObject_CheckBuffer
from cpython.bytes cimport PyBytes_AsString, PyBytes_FromStringAndSize
from libc.errno cimport ENOMEM
from libc.stdint cimport uintptr_t
from libc.string cimport memcpy

from omfiles._core cimport Buffer, acquire, check
from omfiles._native.platform cimport (
    omfiles_close, omfiles_file_size, omfiles_hold, omfiles_let_go, omfiles_open_max, omfiles_pread, omfiles_set_aside,
    omfiles_was_used, OMFILES_NO_FILE, OMFILES_REPLACED
)
from omfiles.libomf cimport OMF_OK

import errno
import os
import weakref
from collections import OrderedDict

from omfiles.errors import OmReadError

cdef extern from "Python.h":
    bytes PyUnicode_EncodeFSDefault(str text)

# The end of a file is read at once when it is opened: mostly it holds the trailer and all records.
cdef enum:
    TAIL_SIZE = 16384

cdef object resolver = None

# A pipe must not block us before we can refuse it.
OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


# What paths begin with that mean the same in every working directory; `os.path.abspath` takes a tenth of an opening.
cdef str ABSOLUTE = "/" if os.name == "posix" else "\\\\?\\"


# Descriptors that are open for local files. The first few stay open; of the others there are weak references to the
# sources, by identity, those first that were opened or used longest ago. If there are too many they are set aside, so
# that any number of files can be open.
cdef enum:
    FEW = 16
cdef Py_ssize_t n_open = 0
cdef object held = OrderedDict()


# Files that were opened for unpickled readers and are still in use. Of a dataset there may be many in one process.
cdef object reopened = weakref.WeakValueDictionary()


cdef class Part:
    pass


cdef class Source:
    def __cinit__(self):
        self.file.fd = OMFILES_NO_FILE

    def __dealloc__(self):
        if self.file.fd >= 0:
            forget(self)
            omfiles_close(self.file.fd)

    def read_range(self, uint64_t start, uint64_t stop):
        """Bytes [start, stop) of the file."""
        if not start <= stop <= self.size:
            raise ValueError(f"bytes {start} ... {stop} do not lie in a file of {self.size}")
        return read_bytes(self, start, stop - start, None)

    cdef const uint8_t *view(self, uint64_t offset, uint64_t size) noexcept nogil:
        if offset < self.resident_offset or offset > self.size or size > self.size - offset:
            return NULL
        return self.resident + (offset - self.resident_offset)

    cdef int read(self, void *dst, uint64_t offset, size_t size, Failure *failure) noexcept nogil:
        cdef const uint8_t *resident = self.view(offset, size)
        cdef size_t got = 0
        cdef int fd, reopened = 0
        if resident != NULL:
            memcpy(dst, resident, size)
            return 0
        failure.error.status = OMF_OK
        failure.system_error = omfiles_hold(&self.file, self.path, &fd, &reopened)
        if failure.system_error == 0:
            failure.system_error = omfiles_pread(fd, dst, size, offset, &got)
            omfiles_let_go(&self.file)
        if reopened:
            with gil:
                admit(self)
        failure.offset = offset
        failure.wanted = size
        failure.got = got
        return 0 if failure.system_error == 0 and got == size else -1


def set_resolver(function):
    """Set what tells a local path, the content of a file and a RemoteFile apart in all that users pass.

    It is called with a source, storage options and fetch options, and returns one of the three.
    """
    global resolver
    resolver = function


cpdef Source open_source(object source, object storage_options, object fetch):
    # A str is asked for first: for other classes `os.PathLike` is slow to answer. A UPath has storage options.
    if not isinstance(source, str) and isinstance(source, os.PathLike) and not hasattr(source, "storage_options"):
        source = os.fspath(source)
    if storage_options or fetch is not None or not (
        isinstance(source, bytes) or (isinstance(source, str) and "://" not in source and "::" not in source)
    ):
        source = resolver(source, storage_options, fetch)
    return open_resolved(source)


cdef Source open_resolved(object source):
    if isinstance(source, str):
        return open_path(source)
    return open_memory(source) if PyObject_CheckBuffer(source) else open_remote(source)


cdef Source reopen_source(object origin):
    cdef Source self
    if not isinstance(origin, str):
        return open_resolved(origin)
    self = reopened.get(identity_of(origin, os.stat(origin)))
    if self is None:
        self = open_path(origin)
        reopened[identity_of(origin, os.fstat(self.file.fd))] = self
    return self


cdef tuple identity_of(str path, object status):
    """What is another if the file at a path was replaced or changed."""
    return path, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


cdef int admit(Source self) except -1:
    """Count a descriptor that was opened, and set others aside if there are too many."""
    global n_open
    cdef Source other
    cdef Py_ssize_t most
    n_open += 1
    if n_open <= FEW:
        return 0
    held[<uintptr_t> <void *> self] = weakref.ref(self)
    most = omfiles_open_max()
    for _ in range(2 * len(held)):  # those that were used come round once more
        if n_open <= most:
            break
        key, reference = held.popitem(False)
        other = reference()
        if other is None:
            continue
        if not omfiles_was_used(&other.file) and other is not self and omfiles_set_aside(&other.file):
            n_open -= 1
        else:
            held[key] = reference
    return 0


cdef void forget(Source self):
    global n_open
    n_open -= 1
    held.pop(<uintptr_t> <void *> self, None)


cdef Source open_remote(object file):
    cdef Source self = Source.__new__(Source)
    cdef Buffer buffer = acquire(file.tail, PyBUF_SIMPLE)
    self.remote = file
    self.origin = file
    self.name = file.name
    self.size = file.size
    self.owner = buffer
    self.resident = <const uint8_t *> buffer.view.buf
    self.resident_offset = self.size - buffer.view.len
    return self


cdef object read_bytes(Source source, uint64_t offset, uint64_t size, object variable):
    cdef Failure failure
    cdef bytes content
    cdef char *dst
    cdef int failed
    if source.remote is not None:
        return source.remote.load([(offset, offset + size)])[0]
    content = PyBytes_FromStringAndSize(NULL, size)
    dst = PyBytes_AsString(content)
    with nogil:
        failed = source.read(dst, offset, size, &failure)
    if failed:
        raise_failure(&failure, source, variable)
    return content


cdef Source open_path(object path):
    cdef Source self = Source.__new__(Source)
    cdef Failure failure
    cdef bytes tail
    cdef int error
    if not isinstance(path, str):
        raise TypeError(f"a path must be str, not {type(path).__name__}: {path!r}")
    self.name = path
    self.origin = path if path.startswith(ABSOLUTE) else os.path.abspath(path)
    self.encoded_origin = PyUnicode_EncodeFSDefault(self.origin)
    self.path = PyBytes_AsString(self.encoded_origin)
    self.file.fd = os.open(path, OPEN_FLAGS)
    admit(self)
    error = omfiles_file_size(self.file.fd, &self.size)
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
    if failure.system_error == OMFILES_REPLACED:
        raise OmReadError(
            "the file was replaced or changed after its descriptor had been closed to make room for others: more than "
            f"{omfiles_open_max()} files are open, half of what the process may open (ulimit -n). Open it again",
            path=source.name,
            variable=variable,
            offset=failure.offset,
        )
    if failure.system_error != 0:
        raise OSError(failure.system_error, os.strerror(failure.system_error), source.name)
    raise OmReadError(
        f"the file was truncated while it was open: {failure.got} of {failure.wanted} bytes were there",
        path=source.name,
        variable=variable,
        offset=failure.offset,
    )
