/* SPDX-License-Identifier: MIT */
/* kernels: packing of full blocks and integration of differences, in portable C (format.md, sections 5 and 6).
 * kernel_tmpl.h says what primitives are. */
#include "kernels/primitives_portable.h"

/* --- vertical packing: lanes of words, `bits` from 1 to the width of a word --------------------------------------- */

#define UNPACK_VERTICAL(W, T, LANES)                                                                                   \
    static void unpack_vertical##W(T *OMFI_RESTRICT dst, const uint8_t *src, unsigned bits) {                          \
        const T mask = (T)((T) ~(T)0 >> (W - bits));                                                                   \
        for (unsigned i = 0; i < OMFI_BLOCK / LANES; i++) {                                                            \
            const unsigned word = i * bits / W, shift = i * bits % W;                                                  \
            /* The word behind the last one is never needed: there, all wanted bits lie in the last word. */           \
            const unsigned next = word + 1 < bits ? word + 1 : word;                                                   \
            for (unsigned lane = 0; lane < LANES; lane++) {                                                            \
                const T low = omfi_load##W(src + (W / 8) * (word * LANES + lane));                                     \
                const T high = omfi_load##W(src + (W / 8) * (next * LANES + lane));                                    \
                dst[i * LANES + lane] = (T)((low >> shift | (T)(high << (W - 1 - shift)) << 1) & mask);                \
            }                                                                                                          \
        }                                                                                                              \
    }                                                                                                                  \
    static void pack_vertical##W(uint8_t *OMFI_RESTRICT dst, const T *src, unsigned bits) {                            \
        const T mask = (T)((T) ~(T)0 >> (W - bits));                                                                   \
        T pending[LANES] = {0};                                                                                        \
        for (unsigned i = 0; i < OMFI_BLOCK / LANES; i++) {                                                            \
            const unsigned shift = i * bits % W;                                                                       \
            const bool full = shift + bits >= W;                                                                       \
            for (unsigned lane = 0; lane < LANES; lane++) {                                                            \
                const T value = src[i * LANES + lane] & mask;                                                          \
                const T word = (T)(pending[lane] | (T)(value << shift));                                               \
                if (full) omfi_store##W(dst + (W / 8) * lane, word);                                                   \
                pending[lane] = full ? (T)(value >> (W - 1 - shift) >> 1) : word;                                      \
            }                                                                                                          \
            if (full) dst += (W / 8) * LANES;                                                                          \
        }                                                                                                              \
    }
UNPACK_VERTICAL(16, uint16_t, 8)
UNPACK_VERTICAL(32, uint32_t, 4)
#undef UNPACK_VERTICAL

/* --- integration of n <= OMFI_BLOCK words, in place: differences -> values; returns the last value ---------------- */

#define INTEGRATE(W, T)                                                                                                \
    OMFI_INLINE T integrate_delta##W(T *values, unsigned n, T carry) {                                                 \
        for (unsigned i = 0; i < n; i++) values[i] = carry = (T)(carry + values[i]);                                   \
        return carry;                                                                                                  \
    }                                                                                                                  \
    OMFI_INLINE T integrate_zigzag##W(T *values, unsigned n, T carry) {                                                \
        for (unsigned i = 0; i < n; i++)                                                                               \
            values[i] = carry = (T)(carry + ((T)(values[i] >> 1) ^ (T)(0 - (values[i] & 1))));                         \
        return carry;                                                                                                  \
    }
INTEGRATE(8, uint8_t)
INTEGRATE(16, uint16_t)
INTEGRATE(32, uint32_t)
INTEGRATE(64, uint64_t)
#undef INTEGRATE

/* The same for XOR; `zeros` < W is the number of leading zeros that the block's values share. */
#define INTEGRATE_XOR(W, T)                                                                                            \
    OMFI_INLINE T integrate_xor##W(T *values, unsigned n, T carry, unsigned zeros) {                                   \
        for (unsigned i = 0; i < n; i++) values[i] = carry ^= omfi_reverse##W(values[i]) >> zeros;                     \
        return carry;                                                                                                  \
    }
INTEGRATE_XOR(32, uint32_t)
INTEGRATE_XOR(64, uint64_t)
#undef INTEGRATE_XOR

/* --- bit lengths, from which a writer chooses the layout of a block ----------------------------------------------- */

#define LENGTHS(W, T, LENGTH)                                                                                          \
    static void lengths##W(uint8_t lengths[OMFI_BLOCK], const T *values) {                                             \
        for (unsigned i = 0; i < OMFI_BLOCK; i++) lengths[i] = (uint8_t)(LENGTH(values[i]));                           \
    }
#define NARROW_LENGTH(x) omfi_bit_length((uint64_t)(x) << 1 | 1) - 1 /* needs no test for zero */
LENGTHS(8, uint8_t, NARROW_LENGTH)
LENGTHS(16, uint16_t, NARROW_LENGTH)
LENGTHS(32, uint32_t, NARROW_LENGTH)
LENGTHS(64, uint64_t, omfi_bit_length)
#undef NARROW_LENGTH
#undef LENGTHS

/* above[b] = how many lengths are above b, for b < top; none is above top. */
static void count_longer(uint32_t *above, const uint8_t lengths[OMFI_BLOCK], unsigned top) {
    /* Four tables, so that runs of equal lengths do not wait for each other. */
    uint8_t count[4][65] = {{0}};
    for (unsigned i = 0; i < OMFI_BLOCK; i++) count[i % 4][lengths[i]]++;
    uint32_t sum = 0;
    for (unsigned b = top; b-- > 0;)
        above[b] = sum += (uint32_t)count[0][b + 1] + count[1][b + 1] + count[2][b + 1] + count[3][b + 1];
}

/* Bit i of the bitmap: whether lengths[i] is above `bits`. */
static void find_longer(uint64_t bitmap[2], const uint8_t lengths[OMFI_BLOCK], unsigned bits) {
    const uint64_t ones = UINT64_C(0x0101010101010101), to_top = (127 - bits) * ones;
    for (unsigned half = 0; half < 2; half++) {
        bitmap[half] = 0;
        for (unsigned i = 0; i < 64; i += 8) { /* a length above `bits` reaches the top bit of its byte */
            const uint64_t flags = ((omfi_load64(lengths + 64 * half + i) + to_top) >> 7) & ones;
            bitmap[half] |= flags * UINT64_C(0x0102040810204080) >> 56 << i;
        }
    }
}
