/* SPDX-License-Identifier: MIT */
/* kernels: encoding of blocks and streams of words of WORD_BITS bits (format.md, sections 5 and 6). Included for each
 * width. */

/* Low parts of a block; returns the bytes written. */
OMFI_INLINE size_t SUFFIXED(pack)(uint8_t *dst, const word_t *values, unsigned n, unsigned bits,
                                  block_packing packing) {
#if WORD_BITS == 16
    if (n == OMFI_BLOCK && bits != 0) {
        pack_vertical16(dst, values, bits);
        return 16 * bits;
    }
#elif WORD_BITS == 32
    if (n == OMFI_BLOCK && bits != 0 && packing != PACKED_HORIZONTALLY) {
        pack_vertical32(dst, values, bits);
        return 16 * bits;
    }
#elif WORD_BITS == 64
    if (packing == PACKED_AS_XOR && n == OMFI_BLOCK && bits != 0 && bits <= 32) {
        uint32_t words[OMFI_BLOCK];
        for (unsigned i = 0; i < OMFI_BLOCK; i++) words[i] = (uint32_t)values[i];
        pack_vertical32(dst, words, bits);
        return 16 * bits;
    }
#endif
    (void)packing;
    return SUFFIXED(pack_horizontal)(dst, values, n, bits);
}

#ifndef OMFI_HAS_TAKE
/* The words with set bits, without their low parts, side by side; returns how many. */
static unsigned SUFFIXED(take)(word_t *high, const word_t *values, const uint64_t bitmap[2], unsigned bits) {
    unsigned m = 0;
    for (unsigned half = 0; half < 2; half++)
        for (uint64_t rest = bitmap[half]; rest != 0; rest &= rest - 1)
            high[m++] = (word_t)(values[64 * half + omfi_lowest_bit(rest)] >> bits);
    return m;
}
#endif

/* Exceptions of a PATCH block: extra bits, bitmap, high parts. */
static inline size_t SUFFIXED(encode_patch)(uint8_t *dst, const word_t *values, const uint64_t longer[2], unsigned n,
                                            unsigned bits, unsigned extra) {
    const unsigned bitmap_size = (n + 7) / 8;
    uint8_t bitmap[OMFI_BLOCK / 8];
    omfi_store64(bitmap, longer[0]);
    omfi_store64(bitmap + 8, longer[1]);
    dst[0] = (uint8_t)extra;
    memcpy(dst + 1, bitmap, bitmap_size);
#if defined(OMFI_HAS_TAKE_BYTES) && (WORD_BITS == 16 || WORD_BITS == 32)
    if (extra <= 8) {
        uint8_t bytes[OMFI_BLOCK];
        const unsigned n_high = SUFFIXED(take_bytes)(bytes, values, longer, bits);
        return 1 + bitmap_size + pack_bytes(dst + 1 + bitmap_size, bytes, n_high, extra);
    }
#endif
    word_t high[OMFI_BLOCK];
    const unsigned m = SUFFIXED(take)(high, values, longer, bits);
    return 1 + bitmap_size + SUFFIXED(pack_horizontal)(dst + 1 + bitmap_size, high, m, extra);
}

#if WORD_BITS > 8
/* Exceptions of a VBYTE block: high parts and positions. */
static size_t SUFFIXED(encode_vbyte)(uint8_t *dst, const word_t *values, const uint64_t longer[2], unsigned bits) {
    word_t high[OMFI_BLOCK];
    const unsigned m = SUFFIXED(take)(high, values, longer, bits);
    uint8_t *at = dst;
    const size_t raw_size = m * sizeof(word_t);
    for (unsigned i = 0; i < m && (size_t)(at - dst) <= raw_size; i++) {
        const uint64_t number = high[i];
        if (number < 177) {
            *at++ = (uint8_t)number;
        } else if (number < 16561) {
            const unsigned rest = (unsigned)number - 177;
            *at++ = (uint8_t)(177 + (rest >> 8));
            *at++ = (uint8_t)rest;
        } else if (number < 540849) {
            const unsigned rest = (unsigned)number - 16561;
            *at++ = (uint8_t)(241 + (rest >> 16));
            omfi_store16(at, (uint16_t)rest);
            at += 2;
        } else {
            const unsigned n_bytes = (omfi_bit_length(number) + 7) / 8;
            *at++ = (uint8_t)(249 + n_bytes - 3);
            omfi_store_bytes(at, number, n_bytes);
            at += n_bytes;
        }
    }
    if ((size_t)(at - dst) > raw_size) {
        at = dst;
        *at++ = 255;
        for (unsigned i = 0; i < m; i++, at += sizeof(word_t)) STORE_WORD(at, high[i]);
    }
    for (unsigned half = 0; half < 2; half++)
        for (uint64_t rest = longer[half]; rest != 0; rest &= rest - 1)
            *at++ = (uint8_t)(64 * half + omfi_lowest_bit(rest));
    return (size_t)(at - dst);
}
#endif

#ifndef OMFI_HAS_CHOOSE
/* The cheapest layout; `longer` receives the bitmap of its exceptions. */
OMFI_INLINE layout SUFFIXED(choose)(uint64_t longer[2], const word_t *values, unsigned n, unsigned top) {
    uint8_t lengths[OMFI_BLOCK];
    uint32_t above[WORD_BITS + CHOOSE_LANES + CHOOSE_MARGIN + 7];
    SUFFIXED(lengths)(lengths, values);
    for (unsigned i = 0; i < CHOOSE_LANES + CHOOSE_MARGIN; i += 8) /* a larger memset begins slowly */
        memset(above + top + i, 0, 8 * sizeof *above);
    count_longer(above, lengths, top);
    const layout chosen = choose_layout(above, n, top, WORD_BITS);
    if (chosen.kind != BLOCK_PLAIN) find_longer(longer, lengths, chosen.bits);
    return chosen;
}
#endif

/* CONST: n times the same value of `top` bits. */
OMFI_INLINE size_t SUFFIXED(encode_const)(uint8_t *dst, word_t value, unsigned top) {
    dst[0] = (uint8_t)(BLOCK_CONST << 6 | (top > 63 ? 63 : top));
    omfi_store_bytes(dst + 1, value, (top + 7) / 8);
    return 1 + (top + 7) / 8;
}

#if !(defined(OMFI_HAS_ENCODE_NARROW) && WORD_BITS == 8)
/* The cheapest layout of values of up to `top` bits: PLAIN, or low parts and exceptions. */
OMFI_INLINE size_t SUFFIXED(encode_cheapest)(uint8_t *dst, const word_t *values, unsigned n, unsigned top,
                                             block_packing packing) {
    uint64_t longer[2];
    layout chosen = SUFFIXED(choose)(longer, values, n, top);
    /* 63 in the header means 64. */
    if (WORD_BITS == 64 && chosen.bits >= 63) chosen = (layout){BLOCK_PLAIN, 64};
    uint8_t *at = dst;
    *at++ = (uint8_t)(chosen.kind << 6 | (chosen.bits > 63 ? 63 : chosen.bits));
    if (chosen.kind == BLOCK_PATCH) at += SUFFIXED(encode_patch)(at, values, longer, n, chosen.bits, top - chosen.bits);
    if (chosen.kind == BLOCK_VBYTE) *at++ = (uint8_t)(omfi_count_bits(longer[0]) + omfi_count_bits(longer[1]));
    at += SUFFIXED(pack)(at, values, n, chosen.bits, packing);
#if WORD_BITS > 8
    if (chosen.kind == BLOCK_VBYTE) at += SUFFIXED(encode_vbyte)(at, values, longer, chosen.bits);
#endif
    return (size_t)(at - dst);
}
#endif

/* The first n values of OMFI_BLOCK, which have the bits of `any`; the rest is zero. */
static size_t SUFFIXED(encode_block)(uint8_t *dst, const word_t *values, unsigned n, word_t any,
                                     block_packing packing) {
    const unsigned top = omfi_bit_length(any);
    if (any == 0) {
        dst[0] = BLOCK_PLAIN << 6;
        return 1;
    }
    unsigned n_equal = 0;
    while (n_equal < n && values[n_equal] == any) n_equal++;
    if (n_equal == n) return SUFFIXED(encode_const)(dst, any, top);
#ifdef OMFI_HAS_ENCODE_NARROW
    const bool is_xor = packing == PACKED_AS_XOR, is_narrow = top <= 8 && packing != PACKED_HORIZONTALLY;
    const size_t size = is_narrow ? SUFFIXED(encode_narrow)(dst, values, n, top, is_xor) : 0;
    if (WORD_BITS == 8 || size != 0) return size;
#endif
#if WORD_BITS == 64
    if (top <= 24) { /* as 32-bit words: none would be stored raw as a VBYTE exception */
        uint32_t words[OMFI_BLOCK];
        for (unsigned i = 0; i < OMFI_BLOCK; i++) words[i] = (uint32_t)values[i];
        return encode_block32(dst, words, n, (uint32_t)any, packing == PACKED_AS_XOR ? packing : PACKED_HORIZONTALLY);
    }
#endif
#if !(defined(OMFI_HAS_ENCODE_NARROW) && WORD_BITS == 8)
    return SUFFIXED(encode_cheapest)(dst, values, n, top, packing);
#endif
}

#ifndef OMFI_HAS_DIFFERENCES
/* Differences of a block to the words before, zigzag or not; returns the OR of them. */
OMFI_INLINE word_t SUFFIXED(differences)(word_t *values, const word_t *block, word_t before, bool zigzag) {
    word_t any = 0;
    values[0] = (word_t)(block[0] - before);
    for (unsigned i = 1; i < OMFI_BLOCK; i++) values[i] = (word_t)(block[i] - block[i - 1]);
    if (zigzag)
        for (unsigned i = 0; i < OMFI_BLOCK; i++)
            values[i] = (word_t)((word_t)(values[i] << 1) ^ (word_t)(0 - (values[i] >> (WORD_BITS - 1))));
    for (unsigned i = 0; i < OMFI_BLOCK; i++) any |= values[i];
    return any;
}

#if WORD_BITS >= 32
/* The same with XOR, reversed after a shift to the left by the number of zeros that all share, which is returned. */
OMFI_INLINE unsigned SUFFIXED(differences_xor)(word_t *values, const word_t *block, word_t before, word_t *any) {
    word_t all = values[0] = block[0] ^ before;
    for (unsigned i = 1; i < OMFI_BLOCK; i++) all |= values[i] = block[i] ^ block[i - 1];
    const unsigned zeros = WORD_BITS - omfi_bit_length(all);
    if (zeros < WORD_BITS)
        for (unsigned i = 0; i < OMFI_BLOCK; i++) values[i] = REVERSE_WORD((word_t)(values[i] << zeros));
    *any = zeros < WORD_BITS ? REVERSE_WORD((word_t)(all << zeros)) : 0;
    return zeros;
}
#endif
#endif

/* A stream behind its first value; `kind` is a constant wherever this is inlined. */
OMFI_INLINE size_t SUFFIXED(encode_blocks)(omf_stream kind, uint8_t *dst, const word_t *src, size_t n_values,
                                           uint64_t *carry) {
    uint8_t *const start = dst;
    const block_packing packing = kind == OMF_STREAM_XOR ? PACKED_AS_XOR : PACKED_BY_WIDTH;
    word_t before = (word_t)*carry;
    for (size_t done = 0; done < n_values; done += OMFI_BLOCK) {
        const unsigned n = n_values - done < OMFI_BLOCK ? (unsigned)(n_values - done) : OMFI_BLOCK;
        const word_t *block = src + done;
        word_t tail[OMFI_BLOCK], values[OMFI_BLOCK], any;
        if (n < OMFI_BLOCK) { /* differences behind the last value are zero */
            memcpy(tail, block, n * sizeof(word_t));
            for (unsigned i = n; i < OMFI_BLOCK; i++) tail[i] = block[n - 1];
            block = tail;
        }
#if WORD_BITS >= 32
        if (kind == OMF_STREAM_XOR) *dst++ = (uint8_t)SUFFIXED(differences_xor)(values, block, before, &any);
        else
#endif
            any = SUFFIXED(differences)(values, block, before, kind == OMF_STREAM_ZIGZAG);
        dst += SUFFIXED(encode_block)(dst, values, n, any, packing);
        before = block[n - 1];
    }
    *carry = before;
    return (size_t)(dst - start);
}

static size_t SUFFIXED(encode_delta)(uint8_t *dst, const void *src, size_t n_values, uint64_t *carry) {
    return SUFFIXED(encode_blocks)(OMF_STREAM_DELTA, dst, (const word_t *)src, n_values, carry);
}

static size_t SUFFIXED(encode_zigzag)(uint8_t *dst, const void *src, size_t n_values, uint64_t *carry) {
    return SUFFIXED(encode_blocks)(OMF_STREAM_ZIGZAG, dst, (const word_t *)src, n_values, carry);
}

#if WORD_BITS >= 32
static size_t SUFFIXED(encode_xor)(uint8_t *dst, const void *src, size_t n_values, uint64_t *carry) {
    return SUFFIXED(encode_blocks)(OMF_STREAM_XOR, dst, (const word_t *)src, n_values, carry);
}
#endif
