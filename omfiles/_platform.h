/* SPDX-License-Identifier: MIT */
/* What differs between POSIX and Windows: positioned reads of local files, a lock that is only ever tried, a counter.
 * Files are never mapped: reading a map of a file that somebody truncates ends the process. */
#ifndef OMFILES_PLATFORM_H
#define OMFILES_PLATFORM_H

#include <errno.h>
#include <stdint.h>

#ifdef _WIN32
#include <intrin.h>
#include <io.h>
#include <sys/stat.h>
#include <windows.h>
#else
#include <sys/stat.h>
#include <unistd.h>
#endif

/* Size of an open regular file: 0, or an errno. */
static inline int omfiles_file_size(int fd, uint64_t *size) {
#ifdef _WIN32
    struct _stat64 st;
    if (_fstat64(fd, &st) != 0) return errno;
    if ((st.st_mode & _S_IFMT) != _S_IFREG) return EINVAL;
#else
    struct stat st;
    if (fstat(fd, &st) != 0) return errno;
    if (S_ISDIR(st.st_mode)) return EISDIR;
    if (!S_ISREG(st.st_mode)) return EINVAL;
#endif
    *size = (uint64_t)st.st_size;
    return 0;
}

/* Read up to size bytes at offset; fewer only at the end of the file. 0, or an errno; *got receives their number. */
static inline int omfiles_pread(int fd, void *dst, size_t size, uint64_t offset, size_t *got) {
    const size_t most = (size_t)1 << 30; /* systems refuse or shorten longer requests */
    *got = 0;
    while (*got < size) {
        const size_t want = size - *got < most ? size - *got : most;
        const uint64_t at = offset + *got;
#ifdef _WIN32
        OVERLAPPED place = {0};
        DWORD n = 0;
        place.Offset = (DWORD)at;
        place.OffsetHigh = (DWORD)(at >> 32);
        if (!ReadFile((HANDLE)_get_osfhandle(fd), (char *)dst + *got, (DWORD)want, &n, &place))
            return GetLastError() == ERROR_HANDLE_EOF ? 0 : EIO;
#else
        const ssize_t n = pread(fd, (char *)dst + *got, want, (off_t)at);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return errno;
#endif
        if (n == 0) return 0;
        *got += (size_t)n;
    }
    return 0;
}

static inline void omfiles_close(int fd) {
#ifdef _WIN32
    _close(fd);
#else
    (void)close(fd);
#endif
}

/* Take the lock (0: free) if it is free: 1, else 0. */
static inline int omfiles_try_lock(volatile char *lock) {
#ifdef _WIN32
    return _InterlockedExchange8(lock, 1) == 0;
#else
    return __atomic_exchange_n(lock, 1, __ATOMIC_ACQUIRE) == 0;
#endif
}

static inline void omfiles_unlock(volatile char *lock) {
#ifdef _WIN32
    (void)_InterlockedExchange8(lock, 0);
#else
    __atomic_store_n(lock, 0, __ATOMIC_RELEASE);
#endif
}

/* Add n to a counter that threads share; returns what it was. */
static inline uint64_t omfiles_count(volatile uint64_t *counter, uint64_t n) {
#ifdef _WIN32
    return (uint64_t)_InterlockedExchangeAdd64((volatile __int64 *)counter, (__int64)n);
#else
    return __atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
#endif
}

#endif
