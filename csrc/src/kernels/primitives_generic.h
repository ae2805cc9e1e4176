/* SPDX-License-Identifier: MIT */
/* kernels: packing of full blocks and integration of differences, in portable C (format.md, sections 5 and 6).
 * Included by a kernel file, which defines FN. */

/* --- vertical packing: lanes of words, `bits` from 1 to the width of a word --------------------------------------- */

#define UNPACK_VERTICAL(W, T, LANES)                                                                                   \
    static void FN(unpack_vertical##W)(T * OMFI_RESTRICT dst, const uint8_t *src, unsigned bits) {                     \
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
    static void FN(pack_vertical##W)(uint8_t *OMFI_RESTRICT dst, const T *src, unsigned bits) {                        \
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

/* --- spreading the low bits of 64 over 64 / W words, `bits` for each ---------------------------------------------- */

#define SPREAD(W, T)                                                                                                   \
    OMFI_INLINE void FN(spread##W)(T * dst, uint64_t packed, unsigned bits) {                                          \
        const T mask = (T)(((uint64_t)1 << bits) - 1);                                                                 \
        for (unsigned k = 0; k < 64 / W; k++, packed >>= bits) dst[k] = (T)(packed & mask);                            \
    }
SPREAD(16, uint16_t)
SPREAD(32, uint32_t)
#undef SPREAD

/* --- bytes: horizontal packing of 8-bit words, `bits` from 1 to 8 ------------------------------------------------- */

/* Eight values of `bits` bits take `bits` bytes. Reads 8 bytes at each of them. */
static void FN(unpack_bytes)(uint8_t *dst, unsigned n, unsigned bits, const uint8_t *src) {
    const unsigned mask = (1u << bits) - 1;
    for (unsigned i = 0; i < n; i += 8, src += bits) {
        uint64_t packed = omfi_load64(src);
        for (unsigned k = i; k < i + 8 && k < n; k++, packed >>= bits) dst[k] = (uint8_t)(packed & mask);
    }
}

/* Returns the bytes written; padding is zero. */
static size_t FN(pack_bytes)(uint8_t *dst, const uint8_t *src, unsigned n, unsigned bits) {
    const unsigned mask = (1u << bits) - 1;
    uint8_t *const start = dst;
    for (unsigned i = 0; i < n; i += 8) {
        const unsigned m = n - i < 8 ? n - i : 8;
        uint64_t packed = 0;
        for (unsigned k = 0; k < m; k++) packed |= (uint64_t)(src[i + k] & mask) << (k * bits);
        omfi_store_bytes(dst, packed, (m * bits + 7) / 8);
        dst += (m * bits + 7) / 8;
    }
    return (size_t)(dst - start);
}

/* --- exceptions of a full PATCH block ----------------------------------------------------------------------------- */

/* A merge may read, not use, this many words behind the exceptions. */
enum { MERGE_SLACK = 8 };

/* values[i] |= next exception << bits, wherever bit i of the bitmap is set; bits < W. */
#define MERGE(W, T)                                                                                                    \
    static void FN(merge##W)(T * values, const uint64_t bitmap[2], const T *exceptions, unsigned bits) {               \
        for (unsigned half = 0; half < 2; half++)                                                                      \
            for (uint64_t rest = bitmap[half]; rest != 0; rest &= rest - 1)                                            \
                values[64 * half + omfi_lowest_bit(rest)] |= (T)(*exceptions++ << bits);                               \
    }
MERGE(8, uint8_t)
MERGE(16, uint16_t)
MERGE(32, uint32_t)
MERGE(64, uint64_t)
#undef MERGE

/* --- integration of a full block, in place: differences -> values; returns the last value ------------------------- */

#define INTEGRATE(W, T)                                                                                                \
    static T FN(integrate_delta##W)(T * values, T carry) {                                                             \
        for (unsigned i = 0; i < OMFI_BLOCK; i++) values[i] = carry = (T)(carry + values[i]);                          \
        return carry;                                                                                                  \
    }                                                                                                                  \
    static T FN(integrate_zigzag##W)(T * values, T carry) {                                                            \
        for (unsigned i = 0; i < OMFI_BLOCK; i++)                                                                      \
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
    static T FN(integrate_xor##W)(T * values, T carry, unsigned zeros) {                                               \
        for (unsigned i = 0; i < OMFI_BLOCK; i++) values[i] = carry ^= omfi_reverse##W(values[i]) >> zeros;            \
        return carry;                                                                                                  \
    }
INTEGRATE_XOR(32, uint32_t)
INTEGRATE_XOR(64, uint64_t)
#undef INTEGRATE_XOR
