/* SPDX-License-Identifier: MIT */
/* base: what differs between compilers. */
#ifndef OMFI_COMPILER_H
#define OMFI_COMPILER_H

#if defined(_MSC_VER) && !defined(__clang__)
#define OMFI_INLINE static __forceinline
#define OMFI_RESTRICT __restrict
#define OMFI_UNLIKELY(x) (x)
#define OMFI_UNROLL
#define OMFI_ONE_VECTOR
#define OMFI_INDEPENDENT __pragma(loop(ivdep))
#define OMFI_NO_MEMCPY(i) ((void)(i))
#define OMFI_HAS_FMA 0 /* it calls a function for each value, where others use the instruction if there is one */
#define OMFI_PREFETCH(address) ((void)(address))
#define OMFI_LOAD_RELAXED(word) (*(const volatile unsigned *)(word))
#define OMFI_STORE_RELAXED(word, value) (*(volatile unsigned *)(word) = (value))
#else
#define OMFI_INLINE static inline __attribute__((always_inline))
#define OMFI_RESTRICT __restrict__
#define OMFI_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define OMFI_HAS_FMA 1
#define OMFI_PREFETCH(address) __builtin_prefetch(address)
/* In a loop that copies, with its counter: otherwise GCC makes a memcpy of it, and of that `rep movs`, whose start takes
 * longer than a short copy. */
#define OMFI_NO_MEMCPY(i) __asm__("" : "+r"(i))
/* Of a word (an unsigned int) that several threads may write, always the same value. */
#define OMFI_LOAD_RELAXED(word) __atomic_load_n(word, __ATOMIC_RELAXED)
#define OMFI_STORE_RELAXED(word, value) __atomic_store_n(word, value, __ATOMIC_RELAXED)
#if defined(__clang__)
#define OMFI_UNROLL _Pragma("clang loop unroll(full)")
#define OMFI_ONE_VECTOR
#define OMFI_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define OMFI_UNROLL _Pragma("GCC unroll 128")
/* A loop that is to become one operation on a register, which it does not if it is unrolled before. */
#define OMFI_ONE_VECTOR _Pragma("GCC unroll 1")
/* A loop whose steps do not touch what others write. */
#define OMFI_INDEPENDENT _Pragma("GCC ivdep")
#endif
#endif

#if defined(__i386__) && !defined(__SSE2_MATH__)
#error "format.md prescribes each rounding, which the x87 cannot do: compile with -msse2 -mfpmath=sse"
#endif

#if defined(__x86_64__) || defined(_M_X64)
#define OMFI_X86_64 1
#else
#define OMFI_X86_64 0
#endif

/* Get a line of memory in order to write to it. All x86-64 CPUs know the instruction, or take it for no operation, but
 * compilers use it only if told so. */
#if OMFI_X86_64 && defined(__GNUC__)
#define OMFI_PREFETCH_WRITE(address) __asm__ volatile("prefetchw %0" : : "m"(*(const char *)(address)))
#elif defined(__GNUC__)
#define OMFI_PREFETCH_WRITE(address) __builtin_prefetch(address, 1)
#else
#define OMFI_PREFETCH_WRITE(address) ((void)(address))
#endif

/* Stores that went past the caches become visible before those that follow. */
#if OMFI_X86_64 && defined(__GNUC__)
#define OMFI_NONTEMPORAL_END() __asm__ volatile("sfence" : : : "memory")
#elif OMFI_X86_64
#include <xmmintrin.h>
#define OMFI_NONTEMPORAL_END() _mm_sfence()
#else
#define OMFI_NONTEMPORAL_END() ((void)0)
#endif

#if defined(__BYTE_ORDER__) && defined(__ORDER_BIG_ENDIAN__)
#define OMFI_BIG_ENDIAN (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
#else
#define OMFI_BIG_ENDIAN 0
#endif

#if (defined(__aarch64__) || defined(_M_ARM64)) && !OMFI_BIG_ENDIAN
#define OMFI_AARCH64 1
#else
#define OMFI_AARCH64 0
#endif

#endif
