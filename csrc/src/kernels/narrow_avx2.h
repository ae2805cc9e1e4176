/* SPDX-License-Identifier: MIT */
/* kernels: narrow blocks for AVX2, see narrow_x86.h. */

/* --- vertical packing: `bits` from 1 to 8, to bytes --------------------------------------------------------------- */

/* Four values that follow each other in a lane are taken as one, spread over the bytes of the lane, and then change
 * places with those of the other lanes. */
OMFI_INLINE void unpack_narrow32_const(uint8_t *dst, const uint8_t *src, const unsigned bits) {
    const __m256i first_half = _mm256_set1_epi32((1 << 2 * bits) - 1), second_half = _mm256_slli_epi32(first_half, 16);
    const __m256i even_bytes = _mm256_set1_epi16((1 << bits) - 1), odd_bytes = _mm256_slli_epi16(even_bytes, 8);
    const __m256i order =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
    OMFI_UNROLL
    for (unsigned i = 0; i < 8; i += 2) {
        __m256i x = take_steps32(src, i, 4 * bits);
        if (bits < 8) {
            const __m256i second = _mm256_slli_epi32(x, (int)(16 - 2 * bits));
            x = _mm256_or_si256(_mm256_and_si256(x, first_half), _mm256_and_si256(second, second_half));
            const __m256i odd = _mm256_slli_epi16(x, (int)(8 - bits));
            x = _mm256_or_si256(_mm256_and_si256(x, even_bytes), _mm256_and_si256(odd, odd_bytes));
        }
        store256(dst + 16 * i, _mm256_shuffle_epi8(x, order));
    }
}

OMFI_INLINE void unpack_narrow16_const(uint8_t *dst, const uint8_t *src, const unsigned bits) {
    const __m256i even_bytes = _mm256_set1_epi16((1 << bits) - 1), odd_bytes = _mm256_slli_epi16(even_bytes, 8);
    const __m256i order =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15));
    OMFI_UNROLL
    for (unsigned i = 0; i < 8; i += 2) {
        __m256i x = _mm256_inserti128_si256(_mm256_castsi128_si256(take_step16(src, i, 2 * bits)),
                                            take_step16(src, i + 1, 2 * bits), 1);
        if (bits < 8) {
            const __m256i odd = _mm256_slli_epi16(x, (int)(8 - bits));
            x = _mm256_or_si256(_mm256_and_si256(x, even_bytes), _mm256_and_si256(odd, odd_bytes));
        }
        store256(dst + 16 * i, _mm256_shuffle_epi8(x, order));
    }
}

#define UNPACK_NARROW16(b)                                                                                             \
    case b: unpack_narrow16_const(dst, src, b); break;
static void unpack_narrow16(uint8_t *dst, const uint8_t *src, unsigned bits) {
    switch (bits) { OMFI_WIDTHS_8(UNPACK_NARROW16) }
}
#define UNPACK_NARROW32(b)                                                                                             \
    case b: unpack_narrow32_const(dst, src, b); break;
static void unpack_narrow32(uint8_t *dst, const uint8_t *src, unsigned bits) {
    switch (bits) { OMFI_WIDTHS_8(UNPACK_NARROW32) }
}
#undef UNPACK_NARROW16
#undef UNPACK_NARROW32

/* Low parts, which lie as those of words of `width` bits do. */
OMFI_INLINE void unpack_narrow(uint8_t *dst, const unsigned width, unsigned bits, const uint8_t *src, size_t readable) {
    if (bits == 0) memset(dst, 0, OMFI_BLOCK);
    else if (width == 16) unpack_narrow16(dst, src, bits);
    else if (width == 32) unpack_narrow32(dst, src, bits);
    else unpack_horizontal8(dst, OMFI_BLOCK, bits, src, readable);
}

/* The parts of a PATCH block: packed exceptions of `extra` bits, and behind them low parts. */
OMFI_INLINE void unpack_patched(uint8_t *dst, const unsigned width, unsigned bits, unsigned extra,
                                const uint64_t bitmap[2], unsigned n_exceptions, const uint8_t *src, size_t readable) {
    const size_t high_size = (n_exceptions * extra + 7) / 8;
    uint8_t high[OMFI_BLOCK + MERGE_SLACK];
    unpack_horizontal8(high, n_exceptions, extra, src, readable);
    /* The low parts come first: a load that meets two stores waits until they are over. */
    unpack_narrow(dst, width, bits, src + high_size, readable - high_size);
    merge_bytes8(dst, bitmap, high, bits);
}

/* Of a VBYTE block, up to 16 exceptions at ascending positions; 16 of both can be read. */
OMFI_INLINE void merge_few(uint8_t *values, unsigned bits, const uint8_t *exceptions, const uint8_t *positions,
                           unsigned n_exceptions) {
    uint64_t bitmap[2] = {0, 0};
    for (unsigned i = 0; i < n_exceptions; i++) {
        const unsigned k = positions[i];
        const uint64_t bit = (uint64_t)1 << (k % 64), in_second = 0 - (uint64_t)(k / 64);
        bitmap[0] |= bit & ~in_second;
        bitmap[1] |= bit & in_second;
    }
    merge_bytes8(values, bitmap, exceptions, bits);
}

/* --- integration -------------------------------------------------------------------------------------------------- */

/* 128 zigzag bytes -> their running sums from *carry on, which becomes the last one. The sums themselves take 16 bits.
 * Neighbours are added first, so that half as many sums run: those of the odd bytes. */
#define INTEGRATE_NARROW(W, T, STORE_ALL)                                                                              \
    OMFI_INLINE void integrate_narrow##W(T *values, const uint8_t *bytes, T *carry) {                                  \
        const __m256i in_high = _mm256_setr_epi64x(0, 0, -1, -1), start = spread##W(*carry);                           \
        __m256i before = _mm256_setzero_si256();                                                                       \
        for (unsigned i = 0; i < OMFI_BLOCK; i += 32) {                                                                \
            const __m256i x = unzigzag8(load256(bytes + i));                                                           \
            const __m256i running = running_add16(_mm256_maddubs_epi16(_mm256_set1_epi8(1), x));                       \
            const __m256i last = spread_last(running, 16), other = _mm256_permute2x128_si256(last, last, 0x01);        \
            const __m256i odd = _mm256_add_epi16(_mm256_add_epi16(running, _mm256_and_si256(other, in_high)), before); \
            const __m256i even = _mm256_sub_epi16(odd, _mm256_srai_epi16(x, 8));                                       \
            const __m256i low = _mm256_unpacklo_epi16(even, odd), high = _mm256_unpackhi_epi16(even, odd);             \
            STORE_ALL(values + i, _mm256_castsi256_si128(low), _mm256_castsi256_si128(high),                           \
                      _mm256_extracti128_si256(low, 1), _mm256_extracti128_si256(high, 1));                            \
            before = _mm256_add_epi16(before, _mm256_add_epi16(last, other));                                          \
        }                                                                                                              \
        *carry = values[OMFI_BLOCK - 1];                                                                               \
    }
#define STORE_16(to, a, b, c, d)                                                                                       \
    store256(to, _mm256_add_epi16(start, _mm256_setr_m128i(a, b)));                                                    \
    store256(to + 16, _mm256_add_epi16(start, _mm256_setr_m128i(c, d)))
#define STORE_32(to, a, b, c, d)                                                                                       \
    store256(to, _mm256_add_epi32(start, _mm256_cvtepi16_epi32(a)));                                                   \
    store256(to + 8, _mm256_add_epi32(start, _mm256_cvtepi16_epi32(b)));                                               \
    store256(to + 16, _mm256_add_epi32(start, _mm256_cvtepi16_epi32(c)));                                              \
    store256(to + 24, _mm256_add_epi32(start, _mm256_cvtepi16_epi32(d)))
#define STORE_8_OF_64(to, x)                                                                                           \
    store256(to, _mm256_add_epi64(start, _mm256_cvtepi16_epi64(x)));                                                   \
    store256(to + 4, _mm256_add_epi64(start, _mm256_cvtepi16_epi64(_mm_srli_si128(x, 8))))
#define STORE_64(to, a, b, c, d)                                                                                       \
    STORE_8_OF_64(to, a);                                                                                              \
    STORE_8_OF_64(to + 8, b);                                                                                          \
    STORE_8_OF_64(to + 16, c);                                                                                         \
    STORE_8_OF_64(to + 24, d)
INTEGRATE_NARROW(16, uint16_t, STORE_16)
INTEGRATE_NARROW(32, uint32_t, STORE_32)
INTEGRATE_NARROW(64, uint64_t, STORE_64)
#undef INTEGRATE_NARROW
#undef STORE_16
#undef STORE_32
#undef STORE_8_OF_64
#undef STORE_64

/* The last of these sums, from 0 on. */
static int32_t total_narrow(const uint8_t *bytes) {
    __m256i sums = _mm256_setzero_si256();
    for (unsigned i = 0; i < OMFI_BLOCK; i += 32) {
        const __m256i x = unzigzag8(load256(bytes + i));
        const __m256i pairs = _mm256_maddubs_epi16(_mm256_set1_epi8(1), x);
        sums = _mm256_add_epi32(sums, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
    }
    int32_t parts[8], total = 0;
    store256(parts, sums);
    for (unsigned i = 0; i < 8; i++) total += parts[i];
    return total;
}

#include "kernels/narrow_x86.h"
