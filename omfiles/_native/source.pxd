# SPDX-License-Identifier: MIT
"""Where the bytes of a file come from. Several readers share one Source; it is released with the last of them."""

from libc.stdint cimport uint8_t, uint64_t

from omfiles._core cimport Buffer
from omfiles._native.platform cimport omfiles_file
from omfiles.libomf cimport omf_error, omf_status


# What went wrong while the GIL was released. `raise_failure` makes the exception.
cdef struct Failure:
    omf_error error    # a refusal by the C core; OMF_OK if the source failed
    uint64_t base      # where in the file the bytes begin that error.offset counts from
    int system_error   # errno, ENOMEM for memory of our own; or OMFILES_REPLACED
    uint64_t offset    # a short read: what was asked for, and how much came
    size_t wanted
    size_t got


# Bytes [offset, offset + size) of a file in memory.
cdef class Part:
    cdef Buffer buffer
    cdef const uint8_t *start
    cdef uint64_t offset
    cdef uint64_t size


cdef class Source:
    cdef object __weakref__
    cdef omfiles_file file          # OMFILES_NO_FILE for memory and for files of stores
    cdef bytes encoded_origin
    cdef const char *path           # where it is opened again
    cdef readonly object remote     # the RemoteFile that reads it, or None
    cdef object owner               # keeps the resident bytes
    cdef const uint8_t *resident    # bytes [resident_offset, size) of the file, held in memory
    cdef uint64_t resident_offset
    cdef Part part                  # where records were found last
    cdef readonly uint64_t size     # of the file, in bytes
    cdef readonly object name       # path for messages; None for memory
    cdef readonly object origin     # what opens the file in another process: an absolute path, bytes, a RemoteFile

    # Address of bytes [offset, offset + size) if they are resident, else NULL. The caller has checked the range.
    cdef const uint8_t *view(self, uint64_t offset, uint64_t size) noexcept nogil
    # Copy bytes [offset, offset + size) to dst: 0, or -1 and *failure is filled.
    cdef int read(self, void *dst, uint64_t offset, size_t size, Failure *failure) noexcept nogil


# Open what a user passed, or a RemoteFile.
cpdef Source open_source(object source, object storage_options, object fetch)
# Open what `origin` of a Source in this or another process is, or share what is open of the same file.
cdef Source reopen_source(object origin)
# Bytes [offset, offset + size) of the file, which may be fetched for that; the caller has checked the range.
cdef object read_bytes(Source source, uint64_t offset, uint64_t size, object variable)
cdef int raise_failure(const Failure *failure, Source source, object variable) except -1
