/* SPDX-License-Identifier: MIT */
/* What differs between POSIX and Windows: positioned reads of local files, descriptors that are set aside while too many
 * files are open, a lock that is only ever tried, a counter.
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
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
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

/* --- descriptors that may be set aside ---------------------------------------------------------------------------- */

enum {
    OMFILES_NO_FILE = -1,
    OMFILES_ASIDE = -2,   /* a file that is opened again when it is read */
    OMFILES_BUSY = -3,    /* about to be set aside, or not */
    OMFILES_REPLACED = -1 /* instead of an errno: at its path there is another file now */
};

typedef struct omfiles_file {
    int fd;
    int n_users; /* reads under way, which know the descriptor */
    int is_used; /* since it was last asked for */
#ifndef _WIN32
    struct stat status; /* when it was set aside */
#endif
} omfiles_file;

#ifdef _WIN32 /* where a process may open thousands */
static inline unsigned omfiles_open_max(void) { return 1u << 30; }
static inline int omfiles_was_used(omfiles_file *file) { return (void)file, 1; }
static inline int omfiles_set_aside(omfiles_file *file) { return (void)file, 0; }
static inline int omfiles_hold(omfiles_file *file, const char *path, int *fd, int *reopened) {
    return (void)path, (void)reopened, *fd = file->fd, 0;
}
static inline void omfiles_let_go(omfiles_file *file) { (void)file; }
#else
/* How many descriptors may stay open: half of what the process may have. */
static inline unsigned omfiles_open_max(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > 1u << 30) return 1u << 30;
    return (unsigned)limit.rlim_cur / 2;
}

/* Whether it was read since this was last asked. */
static inline int omfiles_was_used(omfiles_file *file) {
    return __atomic_exchange_n(&file->is_used, 0, __ATOMIC_RELAXED);
}

/* Close it if nobody reads it: 1, else 0. A read counts itself before it looks for the descriptor, which is taken away
 * here before reads are looked for: one of the two sees the other. */
static inline int omfiles_set_aside(omfiles_file *file) {
    int fd = __atomic_load_n(&file->fd, __ATOMIC_SEQ_CST);
    if (fd < 0 || fstat(fd, &file->status) != 0) return 0;
    if (!__atomic_compare_exchange_n(&file->fd, &fd, OMFILES_BUSY, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) return 0;
    const int in_use = __atomic_load_n(&file->n_users, __ATOMIC_SEQ_CST) != 0;
    if (!in_use) (void)close(fd);
    __atomic_store_n(&file->fd, in_use ? fd : OMFILES_ASIDE, __ATOMIC_SEQ_CST);
    return !in_use;
}

/* Whether it is the file that was set aside, as it was. */
static inline int omfiles_is_same(const struct stat *now, const struct stat *before) {
#ifdef __APPLE__
#define st_mtim st_mtimespec
#endif
    return now->st_dev == before->st_dev && now->st_ino == before->st_ino && now->st_size == before->st_size &&
           now->st_mtim.tv_sec == before->st_mtim.tv_sec && now->st_mtim.tv_nsec == before->st_mtim.tv_nsec;
#ifdef __APPLE__
#undef st_mtim
#endif
}

/* Keep *fd open until `omfiles_let_go`. What was set aside is opened again, and *reopened becomes 1. 0, or why not: an
 * errno or OMFILES_REPLACED. */
static inline int omfiles_hold(omfiles_file *file, const char *path, int *fd, int *reopened) {
    struct stat status;
    int error = 0, expected = OMFILES_ASIDE;
    __atomic_add_fetch(&file->n_users, 1, __ATOMIC_SEQ_CST);
    if (!__atomic_load_n(&file->is_used, __ATOMIC_RELAXED)) __atomic_store_n(&file->is_used, 1, __ATOMIC_RELAXED);
    while ((*fd = __atomic_load_n(&file->fd, __ATOMIC_SEQ_CST)) == OMFILES_BUSY) (void)sched_yield();
    if (*fd != OMFILES_ASIDE) return 0;
    do *fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    while (*fd < 0 && errno == EINTR);
    if (*fd < 0 || fstat(*fd, &status) != 0) error = errno;
    else if (!omfiles_is_same(&status, &file->status)) error = OMFILES_REPLACED;
    else if (__atomic_compare_exchange_n(&file->fd, &expected, *fd, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        return *reopened = 1, 0;
    if (*fd >= 0) (void)close(*fd);
    *fd = expected; /* another thread was faster */
    if (error != 0) __atomic_sub_fetch(&file->n_users, 1, __ATOMIC_SEQ_CST);
    return error;
}

static inline void omfiles_let_go(omfiles_file *file) { __atomic_sub_fetch(&file->n_users, 1, __ATOMIC_SEQ_CST); }
#endif

/* --- threads ------------------------------------------------------------------------------------------------------ */

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

/* --- memory ------------------------------------------------------------------------------------------------------- */

#define OMFILES_PAGE ((size_t)2 << 20) /* bytes of a large page */

#if defined(__linux__) && defined(MADV_FREE) && defined(MADV_HUGEPAGE) && UINTPTR_MAX > UINT32_MAX
/* Memory in large pages, of a multiple of their size; NULL if there is none. */
static inline void *omfiles_map(size_t size) {
    if (size > SIZE_MAX - OMFILES_PAGE) return NULL;
    char *const found = mmap(NULL, size + OMFILES_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (found == MAP_FAILED) return NULL;
    const size_t before = (size_t)(0 - (uintptr_t)found) % OMFILES_PAGE; /* to the next page */
    if (before > 0) (void)munmap(found, before);
    (void)munmap(found + before + size, OMFILES_PAGE - before);
    (void)madvise(found + before, size, MADV_HUGEPAGE);
    return found + before;
}

static inline void omfiles_unmap(void *memory, size_t size) { (void)munmap(memory, size); }

/* Let the system take the memory without its content, until it is written again: 1, or 0 if it does not know that. */
static inline int omfiles_give_up(void *memory, size_t size) { return madvise(memory, size, MADV_FREE) == 0; }
#else
static inline void *omfiles_map(size_t size) { return (void)size, (void *)0; }
static inline void omfiles_unmap(void *memory, size_t size) { (void)memory, (void)size; }
static inline int omfiles_give_up(void *memory, size_t size) { return (void)memory, (void)size, 0; }
#endif

#endif
