/* SPDX-License-Identifier: MIT */
/* kernels: the primitives of primitives_generic.h that NEON takes over as they are, in portable C. */

/* --- horizontal packing of words of more than 8 bits -------------------------------------------------------------- */

/* Nine bytes are read from the one in which a value begins; the last one begins in the last packed byte, or before. */
#define UNPACK_SLACK 8

#define UNPACK_WORDS(W, T)                                                                                             \
    static void unpack_words##W(T *dst, unsigned n, unsigned bits, const uint8_t *src) {                               \
        const T mask = (T)((T) ~(T)0 >> (W - bits));                                                                   \
        size_t bit = 0;                                                                                                \
        for (unsigned i = 0; i < n; i++, bit += bits) dst[i] = (T)(omfi_load64(src + bit / 8) >> (bit % 8)) & mask;    \
    }
UNPACK_WORDS(16, uint16_t)
UNPACK_WORDS(32, uint32_t)
#undef UNPACK_WORDS

static void unpack_words64(uint64_t *dst, unsigned n, unsigned bits, const uint8_t *src) {
    const uint64_t mask = UINT64_MAX >> (64 - bits);
    size_t bit = 0;
    for (unsigned i = 0; i < n; i++, bit += bits) {
        const uint64_t low = omfi_load64(src + bit / 8) >> (bit % 8);
        const uint64_t high = (uint64_t)src[bit / 8 + 8] << (63 - bit % 8) << 1;
        dst[i] = (low | high) & mask;
    }
}

/* --- bytes: horizontal packing of 8-bit words, `bits` from 1 to 8 ------------------------------------------------- */

/* Eight values of `bits` bits take `bits` bytes. Reads 8 bytes at each of them. */
static void unpack_bytes(uint8_t *dst, unsigned n, unsigned bits, const uint8_t *src) {
    const unsigned mask = (1u << bits) - 1;
    for (unsigned i = 0; i < n; i += 8, src += bits) {
        uint64_t packed = omfi_load64(src);
        for (unsigned k = i; k < i + 8 && k < n; k++, packed >>= bits) dst[k] = (uint8_t)(packed & mask);
    }
}

/* Returns the bytes written; padding is zero. */
static size_t pack_bytes(uint8_t *dst, const uint8_t *src, unsigned n, unsigned bits) {
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
#define MERGE_SLACK 8

/* values[i] |= next exception << bits, wherever bit i of the bitmap is set; bits < W. */
#define MERGE(W, T)                                                                                                    \
    static void merge##W(T *values, const uint64_t bitmap[2], const T *exceptions, unsigned bits) {                    \
        for (unsigned half = 0; half < 2; half++)                                                                      \
            for (uint64_t rest = bitmap[half]; rest != 0; rest &= rest - 1)                                            \
                values[64 * half + omfi_lowest_bit(rest)] |= (T)(*exceptions++ << bits);                               \
    }
MERGE(8, uint8_t)
MERGE(16, uint16_t)
MERGE(32, uint32_t)
MERGE(64, uint64_t)
#undef MERGE

/* --- output ------------------------------------------------------------------------------------------------------- */

static void copy_nontemporal(void *dst, const void *src, size_t n_bytes) { memcpy(dst, src, n_bytes); }

/* --- conversion --------------------------------------------------------------------------------------------------- */

OMFI_INLINE double to_double(int64_t x) { return (double)x; }
