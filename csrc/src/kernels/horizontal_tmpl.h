/* SPDX-License-Identifier: MIT */
/* kernels: horizontal packing of words of WORD_BITS bits (format.md, section 5). Included once for each width. */

/* Unpack n <= OMFI_BLOCK values of `bits` bits; `readable` bytes of src, at least the packed ones, may be read.
 * dst has room for a full block, and what lies behind the n values there is not kept. */
static void SUFFIXED(unpack_horizontal)(word_t *OMFI_RESTRICT dst, unsigned n, unsigned bits, const uint8_t *src,
                                        size_t readable) {
    uint8_t padded[OMFI_BLOCK * WORD_BITS / 8 + UNPACK_SLACK];
    const size_t n_bytes = ((size_t)n * bits + 7) / 8;
    if (readable < n_bytes + UNPACK_SLACK) {
        omfi_copy_few(padded, src, n_bytes);
        memset(padded + n_bytes, 0, UNPACK_SLACK);
        src = padded;
    }
#if WORD_BITS == 8
    unpack_bytes(dst, n, bits, src);
#else
    if (bits <= 8) {
        uint8_t bytes[OMFI_BLOCK];
        unpack_bytes(bytes, n, bits, src);
        for (unsigned i = 0; i < n; i++) dst[i] = bytes[i];
        return;
    }
#if WORD_BITS == 64
    if (bits <= 32) {
        uint32_t words[OMFI_BLOCK];
        unpack_words32(words, n, bits, src);
        for (unsigned i = 0; i < n; i++) dst[i] = words[i];
        return;
    }
#endif
    SUFFIXED(unpack_words)(dst, n, bits, src);
#endif
}

/* Pack the low `bits` bits of n values; returns the bytes written. Padding is zero. */
static inline size_t SUFFIXED(pack_horizontal)(uint8_t *OMFI_RESTRICT dst, const word_t *src, unsigned n,
                                               unsigned bits) {
    if (bits == 0) return 0;
#if WORD_BITS == 8
    return pack_bytes(dst, src, n, bits);
#else
    if (bits <= 8) {
        uint8_t bytes[OMFI_BLOCK];
        if (n == OMFI_BLOCK)
            for (unsigned i = 0; i < OMFI_BLOCK; i++) bytes[i] = (uint8_t)src[i];
        else /* exceptions that have just been stored one by one, so that loads of many would wait */
            for (unsigned i = 0; i < n; i += 8) /* what lies behind the n values is not packed */
                for (unsigned k = i; k < i + 8; k++) bytes[k] = (uint8_t)src[k];
        return pack_bytes(dst, bytes, n, bits);
    }
    const uint64_t mask = ~(uint64_t)0 >> (64 - bits);
    uint8_t *const start = dst;
    uint64_t pending = 0;
    unsigned fill = 0;
    for (unsigned i = 0; i < n; i++) {
        const uint64_t value = src[i] & mask;
        pending |= value << fill;
        fill += bits;
        if (fill >= 64) {
            omfi_store64(dst, pending);
            dst += 8;
            fill -= 64;
            pending = fill == 0 ? 0 : value >> (bits - fill);
        }
    }
    omfi_store_bytes(dst, pending, (fill + 7) / 8);
    return (size_t)(dst - start) + (fill + 7) / 8;
#endif
}
