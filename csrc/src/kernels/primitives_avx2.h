/* SPDX-License-Identifier: MIT */
/* kernels: the primitives of primitives_generic.h for AVX2. */
#include "kernels/primitives_x86.h"

/* --- horizontal packing of 64-bit words --------------------------------------------------------------------------- */

/* A step reads so many bytes from the byte in which its first value begins. */
#define UNPACK_SLACK 32

/* Four values at a time. A value begins in one of 32-bit words 0 ... 6 behind the first value's byte, and ends in that
 * one or the two that follow: two of them are shifted right together, and the third is shifted left to meet them. */
static void unpack_words64(uint64_t *dst, unsigned n, unsigned bits, const uint8_t *src) {
    const __m256i mask = _mm256_set1_epi64x((long long)(UINT64_MAX >> (64 - bits)));
    const __m256i multiples = _mm256_setr_epi64x(0, bits, 2 * (long long)bits, 3 * (long long)bits);
    for (unsigned i = 0, bit = 0; i < n; i += 4, bit += 4 * bits) {
        const __m256i packed = load256(src + bit / 8), at = _mm256_add_epi64(multiples, _mm256_set1_epi64x(bit % 8));
        const __m256i shift = _mm256_and_si256(at, _mm256_set1_epi64x(31)), word = _mm256_srli_epi64(at, 5);
        const __m256i pair = _mm256_or_si256(_mm256_slli_epi64(word, 32), word); /* twice the word's number */
        const __m256i first = _mm256_add_epi32(pair, _mm256_set1_epi64x((long long)1 << 32));
        __m256i x = _mm256_srlv_epi64(_mm256_permutevar8x32_epi32(packed, first), shift);
        if (bits > 33) {
            const __m256i third = _mm256_permutevar8x32_epi32(packed, _mm256_add_epi32(pair, _mm256_set1_epi64x(2)));
            const __m256i low_half = _mm256_and_si256(third, _mm256_set1_epi64x(UINT32_MAX));
            x = _mm256_or_si256(x, _mm256_sllv_epi64(low_half, _mm256_sub_epi64(_mm256_set1_epi64x(64), shift)));
        }
        store256(dst + i, _mm256_and_si256(x, mask));
    }
}

/* --- bytes -------------------------------------------------------------------------------------------------------- */

/* 32 values at a time, the even ones apart from the odd ones: the byte in which a value begins, and the next one, are a
 * word of 16 bits, and a product takes what begins at such a bit to the word's bit 8. Sixteen values take 2 * bits
 * bytes, and 16 are read. */
OMFI_INLINE void unpack_bytes_const(uint8_t *dst, unsigned n, const unsigned bits, const uint8_t *src) {
#define BYTES_AT(i) (char)((i) * bits / 8), (char)((i) * bits / 8 + 1)
#define FACTOR(i) (short)(256 >> ((i) * bits % 8))
#define EVEN(X) X(0), X(2), X(4), X(6), X(8), X(10), X(12), X(14)
#define ODD(X) X(1), X(3), X(5), X(7), X(9), X(11), X(13), X(15)
    const __m256i even = _mm256_setr_epi8(EVEN(BYTES_AT), EVEN(BYTES_AT)),
                  odd = _mm256_setr_epi8(ODD(BYTES_AT), ODD(BYTES_AT));
    const __m256i even_factor = _mm256_setr_epi16(EVEN(FACTOR), EVEN(FACTOR)),
                  odd_factor = _mm256_setr_epi16(ODD(FACTOR), ODD(FACTOR));
#undef BYTES_AT
#undef FACTOR
#undef EVEN
#undef ODD
    const __m256i mask = _mm256_set1_epi8((char)((1u << bits) - 1)), high_byte = _mm256_set1_epi16((short)0xFF00);
    for (unsigned i = 0; i < n; i += 32, src += 4 * bits) {
        const __m256i packed =
            _mm256_inserti128_si256(_mm256_castsi128_si256(load128(src)), load128(src + 2 * bits), 1);
        const __m256i low = _mm256_mullo_epi16(_mm256_shuffle_epi8(packed, even), even_factor);
        const __m256i high = _mm256_mullo_epi16(_mm256_shuffle_epi8(packed, odd), odd_factor);
        const __m256i both = _mm256_or_si256(_mm256_srli_epi16(low, 8), _mm256_and_si256(high, high_byte));
        store256(dst + i, _mm256_and_si256(both, mask));
    }
}

#define UNPACK_BYTES(b)                                                                                                \
    case b: unpack_bytes_const(dst, n, b, src); break;
static void unpack_bytes(uint8_t *dst, unsigned n, unsigned bits, const uint8_t *src) {
    switch (bits) { OMFI_WIDTHS_8(UNPACK_BYTES) }
}
#undef UNPACK_BYTES

/* --- exceptions of a full PATCH block ----------------------------------------------------------------------------- */

/* For each pattern of eight bits of the bitmap, which of the next eight exceptions comes where; 0x80 is none. */
#define ONES_BELOW(m, k)                                                                                               \
    ((m >> 0 & (k > 0)) + (m >> 1 & (k > 1)) + (m >> 2 & (k > 2)) + (m >> 3 & (k > 3)) + (m >> 4 & (k > 4)) +          \
     (m >> 5 & (k > 5)) + (m >> 6 & (k > 6)))
#define PLACE(m, k) (uint64_t)((m >> k & 1) != 0 ? ONES_BELOW(m, k) : 0x80) << (8 * k)
#define PLACES(m)                                                                                                      \
    PLACE((m), 0) | PLACE((m), 1) | PLACE((m), 2) | PLACE((m), 3) | PLACE((m), 4) | PLACE((m), 5) | PLACE((m), 6) |    \
        PLACE((m), 7)
#define PLACES_4(m) PLACES(m), PLACES(m + 1), PLACES(m + 2), PLACES(m + 3)
#define PLACES_16(m) PLACES_4(m), PLACES_4(m + 4), PLACES_4(m + 8), PLACES_4(m + 12)
#define PLACES_64(m) PLACES_16(m), PLACES_16(m + 16), PLACES_16(m + 32), PLACES_16(m + 48)
static const uint64_t places[256 + 1] = {PLACES_64(0u), PLACES_64(64u), PLACES_64(128u), PLACES_64(192u)};
#undef PLACES_64
#undef PLACES_16
#undef PLACES_4
#undef PLACES
#undef PLACE
#undef ONES_BELOW

OMFI_INLINE __m128i places_of(unsigned flags) { return load128((const uint8_t *)&places[flags]); }

static void merge16(uint16_t *values, const uint64_t bitmap[2], const uint16_t *exceptions, unsigned bits) {
    const __m128i shift = _mm_cvtsi32_si128((int)bits), second = _mm_set1_epi16(0x0100);
    for (unsigned i = 0; i < OMFI_BLOCK; i += 8) {
        const unsigned flags = (unsigned)(bitmap[i / 64] >> (i % 64)) & 0xFF;
        const __m128i place = places_of(flags), both = _mm_unpacklo_epi8(place, place);
        const __m128i first = _mm_adds_epu8(both, both); /* twice the place; none stays above 0x80 */
        const __m128i next = _mm_loadu_si128((const __m128i *)exceptions);
        const __m128i high = _mm_sll_epi16(_mm_shuffle_epi8(next, _mm_adds_epu8(first, second)), shift);
        __m128i *at = (__m128i *)(values + i);
        _mm_storeu_si128(at, _mm_or_si128(_mm_loadu_si128(at), high));
        exceptions += _mm_popcnt_u32(flags);
    }
}

static void merge32(uint32_t *values, const uint64_t bitmap[2], const uint32_t *exceptions, unsigned bits) {
    const __m128i shift = _mm_cvtsi32_si128((int)bits);
    for (unsigned i = 0; i < OMFI_BLOCK; i += 8) {
        const unsigned flags = (unsigned)(bitmap[i / 64] >> (i % 64)) & 0xFF;
        const __m256i place = _mm256_cvtepi8_epi32(places_of(flags)), none = _mm256_srai_epi32(place, 31);
        const __m256i next = _mm256_permutevar8x32_epi32(load256(exceptions), place);
        const __m256i high = _mm256_sll_epi32(_mm256_andnot_si256(none, next), shift);
        store256(values + i, _mm256_or_si256(load256(values + i), high));
        exceptions += _mm_popcnt_u32(flags);
    }
}

static void merge64(uint64_t *values, const uint64_t bitmap[2], const uint64_t *exceptions, unsigned bits) {
    for (unsigned half = 0; half < 2; half++)
        for (uint64_t rest = bitmap[half]; rest != 0; rest &= rest - 1)
            values[64 * half + omfi_lowest_bit(rest)] |= *exceptions++ << bits;
}

/* The same with exceptions of up to 8 bits, as bytes. */
#define OMFI_HAS_MERGE_BYTES
#define MERGE_BYTES(W, T, EXPAND)                                                                                      \
    static void merge_bytes##W(T *values, const uint64_t bitmap[2], const uint8_t *exceptions, unsigned bits) {        \
        const __m128i shift = _mm_cvtsi32_si128((int)bits);                                                            \
        for (unsigned i = 0; i < OMFI_BLOCK; i += 8) {                                                                 \
            const unsigned flags = (unsigned)(bitmap[i / 64] >> (i % 64)) & 0xFF;                                      \
            const __m128i high = _mm_shuffle_epi8(load128(exceptions), places_of(flags));                              \
            EXPAND(values + i, high);                                                                                  \
            exceptions += _mm_popcnt_u32(flags);                                                                       \
        }                                                                                                              \
    }
#define EXPAND16(to, high)                                                                                             \
    _mm_storeu_si128((__m128i *)(to), _mm_or_si128(_mm_loadu_si128((const __m128i *)(to)),                             \
                                                   _mm_sll_epi16(_mm_cvtepu8_epi16(high), shift)))
#define EXPAND32(to, high)                                                                                             \
    store256(to, _mm256_or_si256(load256(to), _mm256_sll_epi32(_mm256_cvtepu8_epi32(high), shift)))
#define EXPAND64(to, high)                                                                                             \
    store256(to, _mm256_or_si256(load256(to), _mm256_sll_epi64(_mm256_cvtepu8_epi64(high), shift)));                   \
    store256(to + 4,                                                                                                   \
             _mm256_or_si256(load256(to + 4), _mm256_sll_epi64(_mm256_cvtepu8_epi64(_mm_srli_si128(high, 4)), shift)))
MERGE_BYTES(16, uint16_t, EXPAND16)
MERGE_BYTES(32, uint32_t, EXPAND32)
MERGE_BYTES(64, uint64_t, EXPAND64)
#undef MERGE_BYTES
#undef EXPAND16
#undef EXPAND32
#undef EXPAND64

/* The other way round: the words with set bits, without their low parts, side by side; returns how many. Four words at
 * a time; a step writes as many, which never goes further than it has read. */
#define OMFI_HAS_TAKE
#define ORDERS(X)                                                                                                      \
    {X(0, 0, 0, 0), X(0, 0, 0, 0), X(1, 0, 0, 0), X(0, 1, 0, 0), X(2, 0, 0, 0), X(0, 2, 0, 0),                         \
     X(1, 2, 0, 0), X(0, 1, 2, 0), X(3, 0, 0, 0), X(0, 3, 0, 0), X(1, 3, 0, 0), X(0, 1, 3, 0),                         \
     X(2, 3, 0, 0), X(0, 2, 3, 0), X(1, 2, 3, 0), X(0, 1, 2, 3)}
#define ORDER8(a, b, c, d) {a, b, c, d}
#define ORDER16(a, b, c, d) {2 * a, 2 * a + 1, 2 * b, 2 * b + 1, 2 * c, 2 * c + 1, 2 * d, 2 * d + 1}
#define WORD32(a) 4 * a, 4 * a + 1, 4 * a + 2, 4 * a + 3
#define ORDER32(a, b, c, d) {WORD32(a), WORD32(b), WORD32(c), WORD32(d)}
#define PAIR(a) 2 * a, 2 * a + 1
#define ORDER64(a, b, c, d) {PAIR(a), PAIR(b), PAIR(c), PAIR(d)}
static const uint8_t order8[16][4] = ORDERS(ORDER8), order16[16][8] = ORDERS(ORDER16);
static const uint8_t order32[16][16] = ORDERS(ORDER32);
static const uint32_t order64[16][8] = ORDERS(ORDER64);
#undef ORDERS
#undef ORDER8
#undef ORDER16
#undef WORD32
#undef ORDER32
#undef PAIR
#undef ORDER64
#define TAKE(name, HIGH, T, STEP)                                                                                      \
    static unsigned name(HIGH *high, const T *values, const uint64_t bitmap[2], unsigned bits) {                       \
        const __m128i shift = _mm_cvtsi32_si128((int)bits);                                                            \
        const HIGH *const start = high;                                                                                \
        for (unsigned half = 0; half < 2; half++) {                                                                    \
            uint64_t rest = bitmap[half];                                                                              \
            for (unsigned i = 0; i < 64; i += 4, rest >>= 4, values += 4) {                                            \
                const unsigned flags = (unsigned)rest & 15;                                                            \
                STEP;                                                                                                  \
                high += _mm_popcnt_u32(flags);                                                                         \
            }                                                                                                          \
        }                                                                                                              \
        return (unsigned)(high - start);                                                                               \
    }
/* Some versions of GCC lack _mm_loadu_si32, and one has it wrong. */
#define LOAD4(from) _mm_cvtsi32_si128((int)omfi_load32(from))
#define LOAD8(from) _mm_loadl_epi64((const __m128i *)(from))
TAKE(take8, uint8_t, uint8_t,
     const __m128i x = _mm_srl_epi16(_mm_shuffle_epi8(LOAD4(values), LOAD4(order8[flags])), shift);
     omfi_store32(high, (uint32_t)_mm_cvtsi128_si32(_mm_and_si128(x, _mm_set1_epi8((char)(0xFF >> bits))))))
TAKE(take16, uint16_t, uint16_t,
     _mm_storel_epi64((__m128i *)high, _mm_srl_epi16(_mm_shuffle_epi8(LOAD8(values), LOAD8(order16[flags])), shift)))
TAKE(take32, uint32_t, uint32_t,
     _mm_storeu_si128((__m128i *)high,
                      _mm_srl_epi32(_mm_shuffle_epi8(load128((const uint8_t *)values), load128(order32[flags])),
                                    shift)))
TAKE(take64, uint64_t, uint64_t,
     store256(high, _mm256_srl_epi64(_mm256_permutevar8x32_epi32(load256(values), load256(order64[flags])), shift)))
/* The same for high parts that are bytes. */
#define OMFI_HAS_TAKE_BYTES
#define STORE_BYTES(FOUR_WORDS, LOW_BYTES)                                                                             \
    const __m128i bytes = _mm_shuffle_epi8(FOUR_WORDS, _mm_cvtsi32_si128(LOW_BYTES));                                  \
    omfi_store32(high, (uint32_t)_mm_cvtsi128_si32(_mm_shuffle_epi8(bytes, LOAD4(order8[flags]))))
TAKE(take_bytes16, uint8_t, uint16_t, STORE_BYTES(_mm_srl_epi16(LOAD8(values), shift), 0x06040200))
TAKE(take_bytes32, uint8_t, uint32_t, STORE_BYTES(_mm_srl_epi32(load128((const uint8_t *)values), shift), 0x0C080400))
#undef STORE_BYTES
#undef LOAD4
#undef LOAD8
#undef TAKE

/* --- integration -------------------------------------------------------------------------------------------------- */

/* A word all over a register. */
OMFI_INLINE __m256i spread8(uint8_t x) { return _mm256_set1_epi8((char)x); }
OMFI_INLINE __m256i spread16(uint16_t x) { return _mm256_set1_epi16((short)x); }
OMFI_INLINE __m256i spread32(uint32_t x) { return _mm256_set1_epi32((int)x); }
OMFI_INLINE __m256i spread64(uint64_t x) { return _mm256_set1_epi64x((long long)x); }

/* The last word of each half of a register, all over the half. */
OMFI_INLINE __m256i spread_last(__m256i x, const unsigned width) {
    switch (width) {
    case 8: return _mm256_shuffle_epi8(x, _mm256_set1_epi8(15));
    case 16: return _mm256_shuffle_epi8(x, _mm256_set1_epi16(0x0F0E));
    case 32: return _mm256_shuffle_epi32(x, 0xFF);
    default: return _mm256_shuffle_epi32(x, 0xEE);
    }
}

/* Running sum (or XOR) over each half of a register, by doubling distances. */
#define RUNNING(W, name, COMBINE)                                                                                      \
    OMFI_INLINE __m256i running_##name##W(__m256i x) {                                                                 \
        if (W <= 8) x = COMBINE(x, _mm256_slli_si256(x, 1));                                                           \
        if (W <= 16) x = COMBINE(x, _mm256_slli_si256(x, 2));                                                          \
        if (W <= 32) x = COMBINE(x, _mm256_slli_si256(x, 4));                                                          \
        return COMBINE(x, _mm256_slli_si256(x, 8));                                                                    \
    }
RUNNING(8, add, _mm256_add_epi8)
RUNNING(16, add, _mm256_add_epi16)
RUNNING(32, add, _mm256_add_epi32)
RUNNING(64, add, _mm256_add_epi64)
RUNNING(32, xor, _mm256_xor_si256)
RUNNING(64, xor, _mm256_xor_si256)
#undef RUNNING

/* `before` goes to the low half, and to the high one with the low half's last word. It is one operation from register
 * to register: the sums of a register do not wait for it. */
#define INTEGRATE(W, name, COMBINE, PREPARE)                                                                           \
    {                                                                                                                  \
        const __m256i in_high = _mm256_setr_epi64x(0, 0, -1, -1);                                                      \
        __m256i before = spread##W(carry);                                                                             \
        for (unsigned i = 0; i < n; i += 256 / W) {                                                                    \
            const __m256i x = running_##name##W(PREPARE(load256(values + i)));                                         \
            const __m256i last = spread_last(x, W), other = _mm256_permute2x128_si256(last, last, 0x01);               \
            store256(values + i, COMBINE(COMBINE(x, _mm256_and_si256(other, in_high)), before));                       \
            before = COMBINE(before, COMBINE(last, other));                                                            \
        }                                                                                                              \
        return values[n - 1];                                                                                          \
    }

#define KEEP(x) (x)
/* Zigzag: (x >> 1) ^ -(x & 1). */
OMFI_INLINE __m256i unzigzag8(__m256i x) {
    const __m256i one = _mm256_set1_epi8(1), half = _mm256_and_si256(_mm256_srli_epi16(x, 1), _mm256_set1_epi8(0x7F));
    return _mm256_xor_si256(half, _mm256_sub_epi8(_mm256_setzero_si256(), _mm256_and_si256(x, one)));
}
OMFI_INLINE __m256i unzigzag16(__m256i x) {
    const __m256i sign = _mm256_sub_epi16(_mm256_setzero_si256(), _mm256_and_si256(x, _mm256_set1_epi16(1)));
    return _mm256_xor_si256(_mm256_srli_epi16(x, 1), sign);
}
OMFI_INLINE __m256i unzigzag32(__m256i x) {
    const __m256i sign = _mm256_sub_epi32(_mm256_setzero_si256(), _mm256_and_si256(x, _mm256_set1_epi32(1)));
    return _mm256_xor_si256(_mm256_srli_epi32(x, 1), sign);
}
OMFI_INLINE __m256i unzigzag64(__m256i x) {
    const __m256i sign = _mm256_sub_epi64(_mm256_setzero_si256(), _mm256_and_si256(x, _mm256_set1_epi64x(1)));
    return _mm256_xor_si256(_mm256_srli_epi64(x, 1), sign);
}
#define BOTH(W, T)                                                                                                     \
    OMFI_INLINE T integrate_delta##W(T *values, unsigned n, T carry){INTEGRATE(                                        \
        W, add, _mm256_add_epi##W, KEEP)} OMFI_INLINE T integrate_zigzag##W(T *values, unsigned n, T carry) {          \
        INTEGRATE(W, add, _mm256_add_epi##W, unzigzag##W)                                                              \
    }
BOTH(8, uint8_t)
BOTH(16, uint16_t)
BOTH(32, uint32_t)
BOTH(64, uint64_t)
#undef BOTH

/* Reverse the bits of each word: of each nibble by table, then the order of nibbles and bytes. */
OMFI_INLINE __m256i reverse(__m256i x, const unsigned width) {
    const __m256i nibble = _mm256_set1_epi8(15);
    const __m256i to_high = _mm256_broadcastsi128_si256(_mm_setr_epi8(0, (char)0x80, 0x40, (char)0xC0, 0x20, (char)0xA0,
                                                                      0x60, (char)0xE0, 0x10, (char)0x90, 0x50,
                                                                      (char)0xD0, 0x30, (char)0xB0, 0x70, (char)0xF0));
    const __m256i to_low =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15));
    const __m256i swap =
        _mm256_broadcastsi128_si256(width == 32 ? _mm_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12)
                                                : _mm_setr_epi8(7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8));
    const __m256i low = _mm256_shuffle_epi8(to_high, _mm256_and_si256(x, nibble));
    const __m256i high = _mm256_shuffle_epi8(to_low, _mm256_and_si256(_mm256_srli_epi16(x, 4), nibble));
    return _mm256_shuffle_epi8(_mm256_or_si256(low, high), swap);
}
#define UNREVERSE32(x) _mm256_srl_epi32(reverse(x, 32), shift)
#define UNREVERSE64(x) _mm256_srl_epi64(reverse(x, 64), shift)
OMFI_INLINE uint32_t integrate_xor32(uint32_t *values, unsigned n, uint32_t carry, unsigned zeros) {
    const __m128i shift = _mm_cvtsi32_si128((int)zeros);
    INTEGRATE(32, xor, _mm256_xor_si256, UNREVERSE32)
}
OMFI_INLINE uint64_t integrate_xor64(uint64_t *values, unsigned n, uint64_t carry, unsigned zeros) {
    const __m128i shift = _mm_cvtsi32_si128((int)zeros);
    INTEGRATE(64, xor, _mm256_xor_si256, UNREVERSE64)
}
#undef INTEGRATE
#undef KEEP
#undef UNREVERSE32
#undef UNREVERSE64

/* --- exceptions of a full PATCH block of bytes -------------------------------------------------------------------- */

/* 32 values at a time: the number of exceptions before a value in its half of the register says which one is its own. */
static void merge_bytes8(uint8_t *values, const uint64_t bitmap[2], const uint8_t *exceptions, unsigned bits) {
    const __m128i shift = _mm_cvtsi32_si128((int)bits);
    const __m256i byte = _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303);
    const __m256i bit = _mm256_set1_epi64x((long long)0x8040201008040201), ones = _mm256_set1_epi8(-1);
    for (unsigned i = 0; i < OMFI_BLOCK; i += 32, values += 32) {
        const uint32_t flags = (uint32_t)(bitmap[i / 64] >> (i % 64));
        const __m256i flag = _mm256_shuffle_epi8(_mm256_set1_epi32((int)flags), byte);
        const __m256i has = _mm256_cmpeq_epi8(_mm256_and_si256(flag, bit), bit); /* -1 where there is one */
        const __m256i place = _mm256_xor_si256(running_add8(has), ones);         /* their number - 1 */
        const __m128i low = load128(exceptions), high = load128(exceptions + _mm_popcnt_u32(flags & 0xFFFF));
        const __m256i next = _mm256_shuffle_epi8(_mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1), place);
        const __m256i own = _mm256_sll_epi16(_mm256_and_si256(next, has), shift);
        store256(values, _mm256_or_si256(load256(values), own));
        exceptions += _mm_popcnt_u32(flags);
    }
}

/* --- bit lengths, from which a writer chooses the layout of a block ----------------------------------------------- */

/* Of bytes: the longer one of their two halves, `base` more unless it is zero. */
OMFI_INLINE __m256i byte_lengths(__m256i x, const char base) {
    const __m256i nibble = _mm256_set1_epi8(15);
    const __m128i short_lengths = _mm_setr_epi8(0, 1, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4);
    const __m128i zero = _mm_setr_epi8(0, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
    const __m128i of_low = _mm_and_si128(_mm_add_epi8(short_lengths, _mm_set1_epi8(base)), zero);
    const __m128i of_high = _mm_and_si128(_mm_add_epi8(short_lengths, _mm_set1_epi8((char)(base + 4))), zero);
    const __m256i high = _mm256_and_si256(_mm256_srli_epi16(x, 4), nibble);
    return _mm256_max_epu8(_mm256_shuffle_epi8(_mm256_broadcastsi128_si256(of_low), _mm256_and_si256(x, nibble)),
                           _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(of_high), high));
}

static void lengths8(uint8_t lengths[OMFI_BLOCK], const uint8_t *values) {
    for (unsigned i = 0; i < OMFI_BLOCK; i += 32) store256(lengths + i, byte_lengths(load256(values + i), 0));
}

static void lengths16(uint8_t lengths[OMFI_BLOCK], const uint16_t *values) {
    const __m256i low_byte = _mm256_set1_epi16(0xFF);
    for (unsigned i = 0; i < OMFI_BLOCK; i += 32) {
        const __m256i x = load256(values + i), y = load256(values + i + 16);
        const __m256i low = _mm256_packus_epi16(_mm256_and_si256(x, low_byte), _mm256_and_si256(y, low_byte));
        const __m256i high = _mm256_packus_epi16(_mm256_srli_epi16(x, 8), _mm256_srli_epi16(y, 8));
        const __m256i longer = _mm256_max_epu8(byte_lengths(low, 0), byte_lengths(high, 8));
        store256(lengths + i, _mm256_permute4x64_epi64(longer, 0xD8)); /* packing works in halves */
    }
}

/* 126 more than the bit length of each word, as the exponent of a float; a word without its second highest bit is not
 * rounded up to the next power of two. Words from 2^31 on are negative, and give more than 126 + 32. */
OMFI_INLINE __m256i exponents(const uint32_t *values) {
    const __m256i x = load256(values), rounded_down = _mm256_andnot_si256(_mm256_srli_epi32(x, 1), x);
    return _mm256_srli_epi32(_mm256_castps_si256(_mm256_cvtepi32_ps(rounded_down)), 23);
}

static void lengths32(uint8_t lengths[OMFI_BLOCK], const uint32_t *values) {
    const __m256i bias = _mm256_set1_epi16(126), order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    for (unsigned i = 0; i < OMFI_BLOCK; i += 32) {
        const __m256i x = _mm256_packs_epi32(exponents(values + i), exponents(values + i + 8));
        const __m256i y = _mm256_packs_epi32(exponents(values + i + 16), exponents(values + i + 24));
        const __m256i both = _mm256_packus_epi16(_mm256_subs_epu16(x, bias), _mm256_subs_epu16(y, bias));
        const __m256i capped = _mm256_min_epu8(both, _mm256_set1_epi8(32));
        store256(lengths + i, _mm256_permutevar8x32_epi32(capped, order)); /* packing works in halves */
    }
}

static void lengths64(uint8_t lengths[OMFI_BLOCK], const uint64_t *values) {
    for (unsigned i = 0; i < OMFI_BLOCK; i++) lengths[i] = (uint8_t)(64 - _lzcnt_u64(values[i]));
}

OMFI_INLINE uint32_t flag_longer(const uint8_t *lengths, unsigned bits) {
    return (uint32_t)_mm256_movemask_epi8(_mm256_cmpgt_epi8(load256(lengths), _mm256_set1_epi8((char)bits)));
}

static void find_longer(uint64_t bitmap[2], const uint8_t lengths[OMFI_BLOCK], unsigned bits) {
    for (unsigned half = 0; half < 2; half++, lengths += 64)
        bitmap[half] = flag_longer(lengths, bits) | (uint64_t)flag_longer(lengths + 32, bits) << 32;
}

static void count_longer(uint32_t *above, const uint8_t lengths[OMFI_BLOCK], unsigned top) {
    for (unsigned b = 0; b < top; b++) {
        uint64_t bitmap[2];
        find_longer(bitmap, lengths, b);
        above[b] = (uint32_t)(_mm_popcnt_u64(bitmap[0]) + _mm_popcnt_u64(bitmap[1]));
    }
}

/* --- conversion --------------------------------------------------------------------------------------------------- */

/* AVX2 has no instruction for it. The halves of x become the mantissas of 2^52 + low and of 2^84 + (high + 2^31) 2^32.
 * What is too much is subtracted exactly, so that only the sum is rounded. */
OMFI_INLINE double to_double(int64_t x) {
    const uint64_t low_bits = ((uint64_t)x & UINT32_MAX) | 0x4330000000000000;
    const uint64_t high_bits = ((uint64_t)x >> 32) ^ 0x4530000080000000;
    double low, high;
    memcpy(&low, &low_bits, sizeof low);
    memcpy(&high, &high_bits, sizeof high);
    return (high - (0x1p84 + 0x1p63 + 0x1p52)) + low;
}
