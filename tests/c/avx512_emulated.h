/* SPDX-License-Identifier: MIT */
/* AVX-512 on machines that have none: SIMDe (https://github.com/simd-everywhere/simde), and in plain C what it lacks of
 * the intrinsics that the core uses. It goes in front of csrc/src/kernels/avx512.c, see the Makefile. */
#ifndef AVX512_EMULATED_H
#define AVX512_EMULATED_H

#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>
#include <simde/x86/gfni.h>

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#include "kernels/cpu.h"

bool omfi_cpu_has_avx512(void) { return omfi_cpu_has_avx2(); }

/* The lanes of a register, as an array `name`, and back. */
#define LANES(T, N, name, x)                                                                                           \
    T name[N];                                                                                                         \
    memcpy(name, &(x), sizeof name)
#define RETURN_LANES(V, lanes)                                                                                         \
    V vector;                                                                                                          \
    memcpy(&vector, lanes, sizeof vector);                                                                             \
    return vector

/* Conversions: the first N lanes of V become those of TO_V, whose others are 0. */
#define CONVERT(name, V, T, N, TO_V, TO_T)                                                                             \
    static inline TO_V emulated_##name(V x) {                                                                          \
        LANES(T, sizeof(V) / sizeof(T), from, x);                                                                      \
        TO_T to[sizeof(TO_V) / sizeof(TO_T)] = {0};                                                                    \
        for (int i = 0; i < N; i++) to[i] = (TO_T)from[i];                                                             \
        RETURN_LANES(TO_V, to);                                                                                        \
    }
CONVERT(cvtepi32_epi16, __m512i, uint32_t, 16, __m256i, uint16_t)
CONVERT(cvtepi32_epi8, __m512i, uint32_t, 16, __m128i, uint8_t)
CONVERT(cvtepi32_epi64, __m256i, int32_t, 8, __m512i, int64_t)
CONVERT(cvtepi64_epi16, __m512i, uint64_t, 8, __m128i, uint16_t)
CONVERT(cvtepu16_epi32, __m256i, uint16_t, 16, __m512i, uint32_t)
CONVERT(cvtepu8_epi16, __m256i, uint8_t, 32, __m512i, uint16_t)
CONVERT(cvtepu8_epi32, __m128i, uint8_t, 16, __m512i, uint32_t)
CONVERT(cvtepu8_epi64, __m128i, uint8_t, 8, __m512i, uint64_t)

/* Compression, expansion, and what works lane by lane. */
#define LANE_BY_LANE(W)                                                                                                \
    static inline __m512i emulated_maskz_compress_epi##W(uint64_t mask, __m512i x) {                                   \
        LANES(uint##W##_t, 512 / W, from, x);                                                                          \
        uint##W##_t to[512 / W] = {0};                                                                                 \
        for (int i = 0, k = 0; i < 512 / W; i++)                                                                       \
            if (mask >> i & 1) to[k++] = from[i];                                                                      \
        RETURN_LANES(__m512i, to);                                                                                     \
    }                                                                                                                  \
    static inline __m512i emulated_maskz_expand_epi##W(uint64_t mask, __m512i x) {                                     \
        LANES(uint##W##_t, 512 / W, from, x);                                                                          \
        uint##W##_t to[512 / W] = {0};                                                                                 \
        for (int i = 0, k = 0; i < 512 / W; i++)                                                                       \
            if (mask >> i & 1) to[i] = from[k++];                                                                      \
        RETURN_LANES(__m512i, to);                                                                                     \
    }                                                                                                                  \
    static inline __m512i emulated_lzcnt_epi##W(__m512i x) {                                                           \
        LANES(uint##W##_t, 512 / W, lanes, x);                                                                         \
        for (int i = 0; i < 512 / W; i++) {                                                                            \
            int n = 0;                                                                                                 \
            while (n < W && (lanes[i] >> (W - 1 - n) & 1) == 0) n++;                                                   \
            lanes[i] = (uint##W##_t)n;                                                                                 \
        }                                                                                                              \
        RETURN_LANES(__m512i, lanes);                                                                                  \
    }                                                                                                                  \
    static inline __m512i emulated_srai_epi##W(__m512i x, unsigned n) {                                                \
        LANES(int##W##_t, 512 / W, lanes, x);                                                                          \
        for (int i = 0; i < 512 / W; i++) lanes[i] = (int##W##_t)(lanes[i] >> (n < W ? n : W - 1));                    \
        RETURN_LANES(__m512i, lanes);                                                                                  \
    }
LANE_BY_LANE(8)
LANE_BY_LANE(16)
LANE_BY_LANE(32)
LANE_BY_LANE(64)

static inline __m512i emulated_maskz_sllv_epi64(uint64_t mask, __m512i x, __m512i shift) {
    LANES(uint64_t, 8, lanes, x);
    LANES(uint64_t, 8, counts, shift);
    for (int i = 0; i < 8; i++) lanes[i] = (mask >> i & 1) != 0 && counts[i] < 64 ? lanes[i] << counts[i] : 0;
    RETURN_LANES(__m512i, lanes);
}

static inline uint64_t emulated_reduce_or_epi64(__m512i x) {
    LANES(uint64_t, 8, lanes, x);
    uint64_t all = 0;
    for (int i = 0; i < 8; i++) all |= lanes[i];
    return all;
}

static inline int32_t emulated_reduce_add_epi32(__m512i x) {
    LANES(uint32_t, 16, lanes, x);
    uint32_t sum = 0;
    for (int i = 0; i < 16; i++) sum += lanes[i];
    return (int32_t)sum;
}

static inline uint32_t emulated_compare_epu16(__m512i x, __m512i y, int is_less) {
    LANES(uint16_t, 32, a, x);
    LANES(uint16_t, 32, b, y);
    uint32_t mask = 0;
    for (int i = 0; i < 32; i++) mask |= (uint32_t)(is_less ? a[i] < b[i] : a[i] == b[i]) << i;
    return mask;
}

static inline uint8_t emulated_cmple_epu16_mask(__m128i x, __m128i y) {
    LANES(uint16_t, 8, a, x);
    LANES(uint16_t, 8, b, y);
    unsigned mask = 0;
    for (int i = 0; i < 8; i++) mask |= (unsigned)(a[i] <= b[i]) << i;
    return (uint8_t)mask;
}

/* Both registers side by side, of which the upper one goes down by n words; of bytes in each lane of 128 bits. */
static inline __m512i emulated_alignr_epi64(__m512i high, __m512i low, int n) {
    uint64_t both[16];
    memcpy(both, &low, 64);
    memcpy(both + 8, &high, 64);
    RETURN_LANES(__m512i, both + n);
}

static inline __m512i emulated_alignr_epi8(__m512i high, __m512i low, int n) {
    uint8_t both[32], to[64];
    for (int lane = 0; lane < 64; lane += 16) {
        memcpy(both, (const char *)&low + lane, 16);
        memcpy(both + 16, (const char *)&high + lane, 16);
        memcpy(to + lane, both + n, 16);
    }
    RETURN_LANES(__m512i, to);
}

/* Memory is touched only where the mask says so. */
static inline void emulated_store(void *to, uint64_t mask, const void *from, int size, int n) {
    for (int i = 0; i < n; i++)
        if (mask >> i & 1) memcpy((char *)to + size * i, (const char *)from + size * i, (size_t)size);
}
static inline void emulated_mask_storeu_epi64(void *to, uint64_t mask, __m512i x) {
    emulated_store(to, mask, &x, 8, 8);
}
static inline void emulated_mask_storeu_epi8(void *to, uint64_t mask, __m512i x) {
    emulated_store(to, mask, &x, 1, 64);
}
static inline void emulated_mask_storeu_epi8_128(void *to, uint64_t mask, __m128i x) {
    emulated_store(to, mask, &x, 1, 16);
}
static inline __m512i emulated_maskz_loadu_epi8(uint64_t mask, const void *from) {
    uint8_t to[64] = {0};
    emulated_store(to, mask, from, 1, 64);
    RETURN_LANES(__m512i, to);
}

#undef _mm512_lzcnt_epi32
#undef _mm512_lzcnt_epi64
#undef _mm512_madd_epi16
#undef _mm512_maskz_compress_epi32
#undef _mm512_maskz_compress_epi64
#undef _mm512_maskz_expand_epi32
#undef _mm512_maskz_expand_epi64
#undef _mm512_srai_epi32
#undef _mm512_srai_epi64
#define _mm512_alignr_epi64 emulated_alignr_epi64
#define _mm512_alignr_epi8 emulated_alignr_epi8
#define _mm512_cmpeq_epu16_mask(a, b) emulated_compare_epu16(a, b, 0)
#define _mm512_cmplt_epu16_mask(a, b) emulated_compare_epu16(a, b, 1)
#define _mm512_cvtepi32_epi16 emulated_cvtepi32_epi16
#define _mm512_cvtepi32_epi8 emulated_cvtepi32_epi8
#define _mm512_cvtepi32_epi64 emulated_cvtepi32_epi64
#define _mm512_cvtepi64_epi16 emulated_cvtepi64_epi16
#define _mm512_cvtepu16_epi32 emulated_cvtepu16_epi32
#define _mm512_cvtepu8_epi16 emulated_cvtepu8_epi16
#define _mm512_cvtepu8_epi32 emulated_cvtepu8_epi32
#define _mm512_cvtepu8_epi64 emulated_cvtepu8_epi64
#define _mm512_lzcnt_epi32 emulated_lzcnt_epi32
#define _mm512_lzcnt_epi64 emulated_lzcnt_epi64
#define _mm512_madd_epi16(a, b) simde_mm512_madd_epi16(a, b) /* SIMDe's own name for it has other arguments */
#define _mm512_mask_cmpeq_epu16_mask(mask, a, b) ((mask) & emulated_compare_epu16(a, b, 0))
#define _mm512_mask_storeu_epi64 emulated_mask_storeu_epi64
#define _mm512_mask_storeu_epi8 emulated_mask_storeu_epi8
#define _mm512_maskz_compress_epi16 emulated_maskz_compress_epi16
#define _mm512_maskz_compress_epi32 emulated_maskz_compress_epi32
#define _mm512_maskz_compress_epi64 emulated_maskz_compress_epi64
#define _mm512_maskz_compress_epi8 emulated_maskz_compress_epi8
#define _mm512_maskz_expand_epi16 emulated_maskz_expand_epi16
#define _mm512_maskz_expand_epi32 emulated_maskz_expand_epi32
#define _mm512_maskz_expand_epi64 emulated_maskz_expand_epi64
#define _mm512_maskz_expand_epi8 emulated_maskz_expand_epi8
#define _mm512_maskz_loadu_epi8 emulated_maskz_loadu_epi8
#define _mm512_maskz_sllv_epi64 emulated_maskz_sllv_epi64
#define _mm512_reduce_add_epi32 emulated_reduce_add_epi32
#define _mm512_reduce_or_epi64 emulated_reduce_or_epi64
#define _mm512_srai_epi32 emulated_srai_epi32
#define _mm512_srai_epi64 emulated_srai_epi64
#define _mm_cmple_epu16_mask emulated_cmple_epu16_mask
#define _mm_mask_storeu_epi8 emulated_mask_storeu_epi8_128

#endif
