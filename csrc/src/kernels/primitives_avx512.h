/* SPDX-License-Identifier: MIT */
/* kernels: the primitives of primitives_generic.h for AVX-512 and GFNI. */
#include "kernels/primitives_x86.h"

OMFI_INLINE __m512i load512(const void *src) { return _mm512_loadu_si512(src); }
OMFI_INLINE void store512(void *dst, __m512i x) { _mm512_storeu_si512(dst, x); }

/* All ones below bit n, at most 255; of 64 and more bits, all. */
OMFI_INLINE uint64_t below(unsigned n) { return _bzhi_u64(UINT64_MAX, n); }

/* 0, 1, ... 63. */
OMFI_INLINE __m512i byte_numbers(void) {
    return _mm512_setr_epi64(0x0706050403020100, 0x0F0E0D0C0B0A0908, 0x1716151413121110, 0x1F1E1D1C1B1A1918,
                             0x2726252423222120, 0x2F2E2D2C2B2A2928, 0x3736353433323130, 0x3F3E3D3C3B3A3938);
}

/* --- horizontal packing of 64-bit words --------------------------------------------------------------------------- */

/* A step reads so many bytes from the byte in which its first value begins. */
#define UNPACK_SLACK 64

/* Eight values at a time, which take `bits` bytes. A value begins in one of 32-bit words 0 ... 14, and ends in that one
 * or the two that follow: two of them are shifted right together, and the third is shifted left to meet them. */
static void unpack_words64(uint64_t *dst, unsigned n, unsigned bits, const uint8_t *src) {
    const __m512i mask = _mm512_set1_epi64((long long)(UINT64_MAX >> (64 - bits)));
    const __m512i at = _mm512_mul_epu32(_mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7), _mm512_set1_epi64(bits));
    const __m512i shift = _mm512_and_si512(at, _mm512_set1_epi64(31)), word = _mm512_srli_epi64(at, 5);
    const __m512i left = _mm512_sub_epi64(_mm512_set1_epi64(64), shift);
    const __m512i pair = _mm512_or_si512(_mm512_slli_epi64(word, 32), word); /* twice the word's number */
    const __m512i first = _mm512_add_epi32(pair, _mm512_set1_epi64((long long)1 << 32));
    const __m512i third = _mm512_add_epi32(pair, _mm512_set1_epi64(2));
    for (unsigned i = 0; i < n; i += 8, src += bits) {
        const __m512i packed = load512(src);
        __m512i x = _mm512_srlv_epi64(_mm512_permutexvar_epi32(first, packed), shift);
        if (bits > 33)
            x = _mm512_or_si512(x, _mm512_sllv_epi64(_mm512_maskz_permutexvar_epi32(0x5555, third, packed), left));
        store512(dst + i, _mm512_and_si512(x, mask));
    }
}

/* --- bytes -------------------------------------------------------------------------------------------------------- */

/* 64 values of up to 8 bits from as many bytes as they take: each eight of them are brought to a word of 64 bits, from
 * which each byte takes what begins at its bit. */
OMFI_INLINE __m512i unpack_64(__m512i packed, unsigned bits) {
    const __m512i number = _mm512_mullo_epi32(_mm512_set1_epi64(0x0101010101010101),
                                              _mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7));
    const __m512i place = _mm512_add_epi8(_mm512_set1_epi64(0x0706050403020100),
                                          _mm512_mullo_epi32(number, _mm512_set1_epi32((int)bits)));
    const __m512i bit = _mm512_set1_epi64((long long)(bits * UINT64_C(0x0706050403020100)));
    const __m512i x = _mm512_multishift_epi64_epi8(bit, _mm512_permutexvar_epi8(place, packed));
    return _mm512_and_si512(x, _mm512_set1_epi8((char)((1u << bits) - 1)));
}

static void unpack_bytes(uint8_t *dst, unsigned n, unsigned bits, const uint8_t *src) {
    for (unsigned i = 0; i < n; i += 64, src += 8 * bits) store512(dst + i, unpack_64(load512(src), bits));
}

/* --- exceptions of a full PATCH block ----------------------------------------------------------------------------- */

/* The next exceptions are expanded to where the bits are set; narrow ones as words of 32 bits. */
static void merge16(uint16_t *values, const uint64_t bitmap[2], const uint16_t *exceptions, unsigned bits) {
    const __m128i shift = _mm_cvtsi32_si128((int)bits);
    for (unsigned i = 0; i < OMFI_BLOCK; i += 16) {
        const __mmask16 flags = (__mmask16)(bitmap[i / 64] >> (i % 64));
        const __m512i next = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)exceptions));
        const __m512i high = _mm512_sll_epi32(_mm512_maskz_expand_epi32(flags, next), shift);
        __m256i *const to = (__m256i *)(values + i);
        _mm256_storeu_si256(to, _mm256_or_si256(_mm256_loadu_si256(to), _mm512_cvtepi32_epi16(high)));
        exceptions += _mm_popcnt_u32(flags);
    }
}

static void merge32(uint32_t *values, const uint64_t bitmap[2], const uint32_t *exceptions, unsigned bits) {
    const __m128i shift = _mm_cvtsi32_si128((int)bits);
    for (unsigned i = 0; i < OMFI_BLOCK; i += 16) {
        const __mmask16 flags = (__mmask16)(bitmap[i / 64] >> (i % 64));
        const __m512i high = _mm512_maskz_expand_epi32(flags, load512(exceptions));
        store512(values + i, _mm512_or_si512(load512(values + i), _mm512_sll_epi32(high, shift)));
        exceptions += _mm_popcnt_u32(flags);
    }
}

static void merge64(uint64_t *values, const uint64_t bitmap[2], const uint64_t *exceptions, unsigned bits) {
    const __m128i shift = _mm_cvtsi32_si128((int)bits);
    for (unsigned i = 0; i < OMFI_BLOCK; i += 8) {
        const __mmask8 flags = (__mmask8)(bitmap[i / 64] >> (i % 64));
        const __m512i high = _mm512_maskz_expand_epi64(flags, load512(exceptions));
        store512(values + i, _mm512_or_si512(load512(values + i), _mm512_sll_epi64(high, shift)));
        exceptions += _mm_popcnt_u32(flags);
    }
}
#undef MERGE

/* The same with exceptions of up to 8 bits, as bytes. */
#define OMFI_HAS_MERGE_BYTES
#define WIDEN8(from) load512(from)
#define WIDEN16(from) _mm512_cvtepu8_epi16(load256(from))
#define WIDEN32(from) _mm512_cvtepu8_epi32(load128(from))
#define WIDEN64(from) _mm512_cvtepu8_epi64(_mm_loadl_epi64((const __m128i *)(from)))
#define MERGE_BYTES(W, T, SHIFT)                                                                                       \
    static void merge_bytes##W(T *values, const uint64_t bitmap[2], const uint8_t *exceptions, unsigned bits) {        \
        const __m128i shift = _mm_cvtsi32_si128((int)bits);                                                            \
        for (unsigned half = 0; half < 2; half++) {                                                                    \
            uint8_t high[64];                                                                                          \
            store512(high, _mm512_maskz_expand_epi8(bitmap[half], load512(exceptions)));                               \
            exceptions += _mm_popcnt_u64(bitmap[half]);                                                                \
            for (unsigned i = 0; i < 64; i += 512 / W, values += 512 / W)                                              \
                store512(values, _mm512_or_si512(load512(values), SHIFT(WIDEN##W(high + i), shift)));                  \
        }                                                                                                              \
    }
MERGE_BYTES(8, uint8_t, _mm512_sll_epi16)
MERGE_BYTES(16, uint16_t, _mm512_sll_epi16)
MERGE_BYTES(32, uint32_t, _mm512_sll_epi32)
MERGE_BYTES(64, uint64_t, _mm512_sll_epi64)
#undef MERGE_BYTES
#undef WIDEN8
#undef WIDEN16
#undef WIDEN32
#undef WIDEN64

/* The other way round: the words with set bits, without their low parts, side by side; returns how many. A step writes
 * STEP words, which never goes further than it has read. */
#define OMFI_HAS_TAKE
#define TAKE(W, T, STEP, LANE, LOAD_WORDS, STORE_WORDS)                                                                \
    static unsigned take##W(T *high, const T *values, const uint64_t bitmap[2], unsigned bits) {                       \
        const __m128i shift = _mm_cvtsi32_si128((int)bits);                                                            \
        const T *const start = high;                                                                                   \
        for (unsigned i = 0; i < OMFI_BLOCK; i += STEP) {                                                              \
            const unsigned flags = (unsigned)(bitmap[i / 64] >> (i % 64)) & ((1u << STEP) - 1);                        \
            const __m512i x = _mm512_srl_epi##LANE(LOAD_WORDS(values + i), shift);                                     \
            STORE_WORDS(high, _mm512_maskz_compress_epi##LANE((__mmask##STEP)flags, x));                               \
            high += _mm_popcnt_u32(flags);                                                                             \
        }                                                                                                              \
        return (unsigned)(high - start);                                                                               \
    }
#define LOAD8_32(from) _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(from)))
#define LOAD16_32(from) _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(from)))
#define STORE32_8(to, x) _mm_storeu_si128((__m128i *)(to), _mm512_cvtepi32_epi8(x))
#define STORE32_16(to, x) _mm256_storeu_si256((__m256i *)(to), _mm512_cvtepi32_epi16(x))
TAKE(8, uint8_t, 16, 32, LOAD8_32, STORE32_8)
TAKE(16, uint16_t, 16, 32, LOAD16_32, STORE32_16)
TAKE(32, uint32_t, 16, 32, load512, store512)
TAKE(64, uint64_t, 8, 64, load512, store512)
#undef LOAD8_32
#undef LOAD16_32
#undef STORE32_8
#undef STORE32_16
#undef TAKE

/* --- integration -------------------------------------------------------------------------------------------------- */

/* A word all over a register. */
OMFI_INLINE __m512i spread8(uint8_t x) { return _mm512_set1_epi8((char)x); }
OMFI_INLINE __m512i spread16(uint16_t x) { return _mm512_set1_epi16((short)x); }
OMFI_INLINE __m512i spread32(uint32_t x) { return _mm512_set1_epi32((int)x); }
OMFI_INLINE __m512i spread64(uint64_t x) { return _mm512_set1_epi64((long long)x); }

/* Shuffle control, the same in each lane of 128 bits: the last of the first `half` bytes, as a word of `width` bits, over
 * all of the second `half`; elsewhere zero. */
OMFI_INLINE __m512i spread_last(const unsigned width, const unsigned half) {
    char control[16];
    for (unsigned i = 0; i < 16; i++)
        control[i] = (char)((i & half) != 0 ? (i & ~(2 * half - 1)) + half - width / 8 + i % (width / 8) : 0x80);
    return _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)control));
}

/* Numbers of 32-bit words: the last word of `width` bits of a lane, for all of the four lanes. For narrow words, all words
 * of the lane are the same. */
OMFI_INLINE __m512i last_of_lanes(const unsigned width, const int a, const int b, const int c, const int d) {
    const __m512i lanes = _mm512_setr_epi32(a, a, a, a, b, b, b, b, c, c, c, c, d, d, d, d);
    const __m512i in_lane = width == 64 ? _mm512_broadcast_i32x4(_mm_setr_epi32(2, 3, 2, 3)) : _mm512_set1_epi32(3);
    return _mm512_add_epi32(_mm512_slli_epi32(lanes, 2), in_lane);
}

/* For narrow words: the last one of each lane, over the lane. */
#define LAST_IN_LANE(x, W)                                                                                             \
    (W == 8    ? _mm512_shuffle_epi8(x, _mm512_set1_epi8(15))                                                          \
     : W == 16 ? _mm512_shuffle_epi8(x, _mm512_set1_epi16(0x0F0E))                                                     \
               : (x))

/* A running sum (or XOR): of pairs of words, of pairs, ... of lanes; the last one of the first half is combined into all
 * of the second. */
#define RUNNING(W, name, COMBINE)                                                                                      \
    OMFI_INLINE __m512i running_##name##W(__m512i x) {                                                                 \
        const __m512i pairs = last_of_lanes(W, 0, 0, 2, 2), halves = last_of_lanes(W, 1, 1, 1, 1);                     \
        if (W == 8) x = COMBINE(x, _mm512_slli_epi16(x, 8));                                                           \
        if (W == 8) x = COMBINE(x, _mm512_shuffle_epi8(x, spread_last(W, 2)));                                         \
        if (W == 16) x = COMBINE(x, _mm512_slli_epi32(x, 16));                                                         \
        if (W <= 16) x = COMBINE(x, _mm512_shuffle_epi8(x, spread_last(W, 4)));                                        \
        if (W == 32) x = COMBINE(x, _mm512_slli_epi64(x, 32));                                                         \
        x = COMBINE(x, _mm512_shuffle_epi8(x, spread_last(W, 8)));                                                     \
        x = COMBINE(x, _mm512_maskz_permutexvar_epi32(0xF0F0, pairs, LAST_IN_LANE(x, W)));                             \
        return COMBINE(x, _mm512_maskz_permutexvar_epi32(0xFF00, halves, LAST_IN_LANE(x, W)));                         \
    }
RUNNING(8, add, _mm512_add_epi8)
RUNNING(16, add, _mm512_add_epi16)
RUNNING(32, add, _mm512_add_epi32)
RUNNING(64, add, _mm512_add_epi64)
RUNNING(32, xor, _mm512_xor_si512)
RUNNING(64, xor, _mm512_xor_si512)
#undef RUNNING

/* The carry from one register to the next is one operation long: the sums do not wait for it. */
#define INTEGRATE(W, name, COMBINE, PREPARE)                                                                           \
    {                                                                                                                  \
        const __m512i all = last_of_lanes(W, 3, 3, 3, 3);                                                              \
        __m512i before = spread##W(carry);                                                                             \
        for (unsigned i = 0; i < n; i += 512 / W) {                                                                    \
            const __m512i x = running_##name##W(PREPARE(load512(values + i)));                                         \
            store512(values + i, COMBINE(x, before));                                                                  \
            before = COMBINE(before, _mm512_permutexvar_epi32(all, LAST_IN_LANE(x, W)));                               \
        }                                                                                                              \
        return values[n - 1];                                                                                          \
    }

/* Zigzag: (x >> 1) ^ -(x & 1). Of bytes, each bit is that above it, XOR bit 0: a product with a matrix of bits. */
OMFI_INLINE __m512i unzigzag8(__m512i x) {
    return _mm512_gf2p8affine_epi64_epi8(x, _mm512_set1_epi64(0x0305091121418101), 0);
}
OMFI_INLINE __m512i unzigzag16(__m512i x) {
    const __m512i sign = _mm512_sub_epi16(_mm512_setzero_si512(), _mm512_and_si512(x, _mm512_set1_epi16(1)));
    return _mm512_xor_si512(_mm512_srli_epi16(x, 1), sign);
}
OMFI_INLINE __m512i unzigzag32(__m512i x) {
    const __m512i sign = _mm512_sub_epi32(_mm512_setzero_si512(), _mm512_and_si512(x, _mm512_set1_epi32(1)));
    return _mm512_xor_si512(_mm512_srli_epi32(x, 1), sign);
}
OMFI_INLINE __m512i unzigzag64(__m512i x) {
    const __m512i sign = _mm512_sub_epi64(_mm512_setzero_si512(), _mm512_and_si512(x, _mm512_set1_epi64(1)));
    return _mm512_xor_si512(_mm512_srli_epi64(x, 1), sign);
}

#define KEEP(x) (x)
#define BOTH(W, T)                                                                                                     \
    OMFI_INLINE T integrate_delta##W(T *values, unsigned n, T carry){INTEGRATE(                                        \
        W, add, _mm512_add_epi##W, KEEP)} OMFI_INLINE T integrate_zigzag##W(T *values, unsigned n, T carry) {          \
        INTEGRATE(W, add, _mm512_add_epi##W, unzigzag##W)                                                              \
    }
BOTH(8, uint8_t)
BOTH(16, uint16_t)
BOTH(32, uint32_t)
BOTH(64, uint64_t)
#undef BOTH

/* Reverse the bits of each word: those of each byte, then the order of bytes. */
OMFI_INLINE __m512i reverse(__m512i x, const unsigned width) {
    const __m512i swap =
        _mm512_broadcast_i32x4(width == 32 ? _mm_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12)
                                           : _mm_setr_epi8(7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8));
    const __m512i backwards = _mm512_set1_epi64((long long)0x8040201008040201);
    return _mm512_shuffle_epi8(_mm512_gf2p8affine_epi64_epi8(x, backwards, 0), swap);
}
#define UNREVERSE32(x) _mm512_srl_epi32(reverse(x, 32), shift)
#define UNREVERSE64(x) _mm512_srl_epi64(reverse(x, 64), shift)
OMFI_INLINE uint32_t integrate_xor32(uint32_t *values, unsigned n, uint32_t carry, unsigned zeros) {
    const __m128i shift = _mm_cvtsi32_si128((int)zeros);
    INTEGRATE(32, xor, _mm512_xor_si512, UNREVERSE32)
}
OMFI_INLINE uint64_t integrate_xor64(uint64_t *values, unsigned n, uint64_t carry, unsigned zeros) {
    const __m128i shift = _mm_cvtsi32_si128((int)zeros);
    INTEGRATE(64, xor, _mm512_xor_si512, UNREVERSE64)
}
#undef INTEGRATE
#undef LAST_IN_LANE
#undef KEEP
#undef UNREVERSE32
#undef UNREVERSE64

/* --- conversion --------------------------------------------------------------------------------------------------- */

OMFI_INLINE double to_double(int64_t x) { return (double)x; }
