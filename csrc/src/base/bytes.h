/* SPDX-License-Identifier: MIT */
/* base: unaligned little-endian loads and stores, and a few bit tricks. */
#ifndef OMFI_BYTES_H
#define OMFI_BYTES_H

#include "base/compiler.h"

#include <stdint.h>
#include <string.h>

#if defined(_MSC_VER) && !defined(__clang__)
#include <intrin.h>
#include <stdlib.h>
OMFI_INLINE uint16_t omfi_swap16(uint16_t x) { return _byteswap_ushort(x); }
OMFI_INLINE uint32_t omfi_swap32(uint32_t x) { return _byteswap_ulong(x); }
OMFI_INLINE uint64_t omfi_swap64(uint64_t x) { return _byteswap_uint64(x); }
#else
OMFI_INLINE uint16_t omfi_swap16(uint16_t x) { return __builtin_bswap16(x); }
OMFI_INLINE uint32_t omfi_swap32(uint32_t x) { return __builtin_bswap32(x); }
OMFI_INLINE uint64_t omfi_swap64(uint64_t x) { return __builtin_bswap64(x); }
#endif

/* Bit length: 0 for 0, 1 for 1, 64 for 2^63. */
OMFI_INLINE unsigned omfi_bit_length(uint64_t x) {
#if defined(_MSC_VER) && !defined(__clang__)
    unsigned long index;
    return _BitScanReverse64(&index, x) ? (unsigned)index + 1 : 0;
#else
    return x ? 64 - (unsigned)__builtin_clzll(x) : 0;
#endif
}

/* Position of the lowest set bit; x is not 0. */
OMFI_INLINE unsigned omfi_lowest_bit(uint64_t x) {
#if defined(_MSC_VER) && !defined(__clang__)
    unsigned long index;
    _BitScanForward64(&index, x);
    return (unsigned)index;
#else
    return (unsigned)__builtin_ctzll(x);
#endif
}

OMFI_INLINE unsigned omfi_count_bits(uint64_t x) {
    x -= (x >> 1) & 0x5555555555555555u;
    x = (x & 0x3333333333333333u) + ((x >> 2) & 0x3333333333333333u);
    return (unsigned)((((x + (x >> 4)) & 0x0F0F0F0F0F0F0F0Fu) * 0x0101010101010101u) >> 56);
}

OMFI_INLINE uint64_t omfi_reverse64(uint64_t x) {
    x = ((x >> 1) & 0x5555555555555555u) | ((x & 0x5555555555555555u) << 1);
    x = ((x >> 2) & 0x3333333333333333u) | ((x & 0x3333333333333333u) << 2);
    x = ((x >> 4) & 0x0F0F0F0F0F0F0F0Fu) | ((x & 0x0F0F0F0F0F0F0F0Fu) << 4);
    return omfi_swap64(x);
}

OMFI_INLINE uint32_t omfi_reverse32(uint32_t x) {
    x = ((x >> 1) & 0x55555555u) | ((x & 0x55555555u) << 1);
    x = ((x >> 2) & 0x33333333u) | ((x & 0x33333333u) << 2);
    x = ((x >> 4) & 0x0F0F0F0Fu) | ((x & 0x0F0F0F0Fu) << 4);
    return omfi_swap32(x);
}

OMFI_INLINE uint16_t omfi_load16(const void *src) {
    uint16_t x;
    memcpy(&x, src, sizeof x);
    return OMFI_BIG_ENDIAN ? omfi_swap16(x) : x;
}

OMFI_INLINE uint32_t omfi_load32(const void *src) {
    uint32_t x;
    memcpy(&x, src, sizeof x);
    return OMFI_BIG_ENDIAN ? omfi_swap32(x) : x;
}

OMFI_INLINE uint64_t omfi_load64(const void *src) {
    uint64_t x;
    memcpy(&x, src, sizeof x);
    return OMFI_BIG_ENDIAN ? omfi_swap64(x) : x;
}

OMFI_INLINE float omfi_load_float(const void *src) {
    const uint32_t bits = omfi_load32(src);
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* A number of n_bytes <= 8 bytes. */
OMFI_INLINE uint64_t omfi_load_bytes(const uint8_t *src, unsigned n_bytes) {
    uint64_t x = 0;
    for (unsigned i = 0; i < n_bytes; i++) x |= (uint64_t)src[i] << (8 * i);
    return x;
}

OMFI_INLINE void omfi_store16(void *dst, uint16_t x) {
    if (OMFI_BIG_ENDIAN) x = omfi_swap16(x);
    memcpy(dst, &x, sizeof x);
}

OMFI_INLINE void omfi_store32(void *dst, uint32_t x) {
    if (OMFI_BIG_ENDIAN) x = omfi_swap32(x);
    memcpy(dst, &x, sizeof x);
}

OMFI_INLINE void omfi_store64(void *dst, uint64_t x) {
    if (OMFI_BIG_ENDIAN) x = omfi_swap64(x);
    memcpy(dst, &x, sizeof x);
}

/* memcpy for a small number of bytes, of which compilers make an instruction that begins slowly if they know a limit of
 * the number. The last bytes may be copied twice. */
OMFI_INLINE void omfi_copy_few(uint8_t *OMFI_RESTRICT dst, const uint8_t *OMFI_RESTRICT src, size_t n_bytes) {
#define COPY_ENDS(size) memcpy(dst, src, size), memcpy(dst + n_bytes - (size), src + n_bytes - (size), size)
    if (n_bytes >= 16) {
        for (size_t at = 0; at < n_bytes - 16; at += 16) {
            OMFI_NO_MEMCPY(at);
            memcpy(dst + at, src + at, 16);
        }
        memcpy(dst + n_bytes - 16, src + n_bytes - 16, 16);
    } else if (n_bytes >= 8) {
        COPY_ENDS(8);
    } else if (n_bytes >= 4) {
        COPY_ENDS(4);
    } else if (n_bytes > 0) {
        dst[0] = src[0];
        dst[n_bytes / 2] = src[n_bytes / 2];
        dst[n_bytes - 1] = src[n_bytes - 1];
    }
#undef COPY_ENDS
}

/* memcpy for sizes that are often small. */
OMFI_INLINE void omfi_copy(uint8_t *OMFI_RESTRICT dst, const uint8_t *OMFI_RESTRICT src, size_t n_bytes) {
    if (n_bytes > 256) memcpy(dst, src, n_bytes);
    else omfi_copy_few(dst, src, n_bytes);
}

OMFI_INLINE void omfi_store_float(void *dst, float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    omfi_store32(dst, bits);
}

OMFI_INLINE void omfi_store_bytes(uint8_t *dst, uint64_t x, unsigned n_bytes) {
    for (unsigned i = 0; i < n_bytes; i++) dst[i] = (uint8_t)(x >> (8 * i));
}

#endif
