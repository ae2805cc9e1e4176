# SPDX-License-Identifier: MIT
"""What platform.h has: files, memory, locks and counters, alike on POSIX and Windows."""

from libc.stdint cimport uint64_t


cdef extern from "platform.h" nogil:
    enum:
        OMFILES_NO_FILE
        OMFILES_REPLACED
    ctypedef struct omfiles_file:
        int fd
    int omfiles_file_size(int fd, uint64_t *size)
    unsigned omfiles_open_max()
    bint omfiles_was_used(omfiles_file *file)
    bint omfiles_set_aside(omfiles_file *file)
    int omfiles_hold(omfiles_file *file, const char *path, int *fd, int *reopened)
    void omfiles_let_go(omfiles_file *file)
    int omfiles_pread(int fd, void *dst, size_t size, uint64_t offset, size_t *got)
    void omfiles_close(int fd)

    bint omfiles_try_lock(char *lock)
    void omfiles_unlock(char *lock)
    uint64_t omfiles_count(uint64_t *counter, uint64_t n)

    size_t OMFILES_PAGE
    void *omfiles_map(size_t size)
    void omfiles_unmap(void *memory, size_t size)
    bint omfiles_give_up(void *memory, size_t size)
