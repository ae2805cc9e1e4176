/* SPDX-License-Identifier: MIT */
/* kernels: encoding of blocks and streams of W-bit words (format.md, sections 5 and 6). Included for each width. */

/* Bit length of a word; the one bit more spares a test for zero. */
#if W == 64
#define WORD_LENGTH(x) omfi_bit_length(x)
#else
#define WORD_LENGTH(x) (omfi_bit_length((uint64_t)(x) << 1 | 1) - 1)
#endif

/* Low parts of a block; returns the bytes written. */
OMFI_INLINE size_t FNW(pack)(uint8_t *dst, const T *values, unsigned n, unsigned bits, bool is_xor) {
#if W == 16
    if (n == OMFI_BLOCK && bits != 0) {
        FN(pack_vertical16)(dst, values, bits);
        return 16 * bits;
    }
#elif W == 32
    if (n == OMFI_BLOCK && bits != 0) {
        FN(pack_vertical32)(dst, values, bits);
        return 16 * bits;
    }
#elif W == 64
    if (is_xor && n == OMFI_BLOCK && bits != 0 && bits <= 32) {
        uint32_t words[OMFI_BLOCK];
        for (unsigned i = 0; i < OMFI_BLOCK; i++) words[i] = (uint32_t)values[i];
        FN(pack_vertical32)(dst, words, bits);
        return 16 * bits;
    }
#endif
    (void)is_xor;
    return FNW(pack_horizontal)(dst, values, n, bits);
}

/* above[b] = number of values with more than b bits, for b up to top + CHOOSE_MARGIN; none has more than top. */
OMFI_INLINE void FNW(count_widths)(uint32_t *above, const T *values, unsigned n, unsigned top) {
    /* Four tables, so that runs of equal lengths do not wait for each other. */
    uint8_t lengths[4][W + 1] = {{0}};
    unsigned i = 0;
    for (; i + 4 <= n; i += 4)
        for (unsigned k = 0; k < 4; k++) lengths[k][WORD_LENGTH(values[i + k])]++;
    for (; i < n; i++) lengths[0][WORD_LENGTH(values[i])]++;
    memset(above + top, 0, (CHOOSE_MARGIN + 1) * sizeof *above);
    for (unsigned b = top; b-- > 0;)
        above[b] = above[b + 1] + lengths[0][b + 1] + lengths[1][b + 1] + lengths[2][b + 1] + lengths[3][b + 1];
}

/* Exceptions of a PATCH block: extra bits, bitmap, high parts. */
static size_t FNW(encode_patch)(uint8_t *dst, const T *values, unsigned n, unsigned bits, unsigned extra) {
    const unsigned bitmap_size = (n + 7) / 8;
    T high[OMFI_BLOCK];
    unsigned n_exceptions = 0;
    dst[0] = (uint8_t)extra;
    for (unsigned i = 0; i < n; i += 8) {
        const unsigned m = n - i < 8 ? n - i : 8;
        unsigned flags = 0;
        for (unsigned k = 0; k < m; k++) {
            const T part = (T)(values[i + k] >> bits);
            high[n_exceptions] = part;
            n_exceptions += part != 0;
            flags |= (unsigned)(part != 0) << k;
        }
        dst[1 + i / 8] = (uint8_t)flags;
    }
    return 1 + bitmap_size + FNW(pack_horizontal)(dst + 1 + bitmap_size, high, n_exceptions, extra);
}

#if W > 8
/* Exceptions of a VBYTE block: high parts and positions. */
static size_t FNW(encode_vbyte)(uint8_t *dst, const T *values, unsigned n, unsigned bits) {
    uint8_t positions[OMFI_BLOCK];
    T high[OMFI_BLOCK];
    unsigned m = 0;
    for (unsigned i = 0; i < n; i++) {
        positions[m] = (uint8_t)i;
        high[m] = (T)(values[i] >> bits);
        m += high[m] != 0;
    }
    uint8_t *at = dst;
    const size_t raw_size = m * sizeof(T);
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
        for (unsigned i = 0; i < m; i++, at += sizeof(T)) STORE(at, high[i]);
    }
    memcpy(at, positions, m);
    return (size_t)(at - dst) + m;
}
#endif

static size_t FNW(encode_block)(uint8_t *dst, const T *values, unsigned n, bool is_xor) {
    T any = 0, differing = 0;
    for (unsigned i = 0; i < n; i++) {
        any |= values[i];
        differing |= values[i] ^ values[0];
    }
    const unsigned top = omfi_bit_length(any);
    if (any == 0) {
        dst[0] = BLOCK_PLAIN << 6;
        return 1;
    }
    if (differing == 0) {
        dst[0] = (uint8_t)(BLOCK_CONST << 6 | (top > 63 ? 63 : top));
        omfi_store_bytes(dst + 1, any, (top + 7) / 8);
        return 1 + (top + 7) / 8;
    }
    uint32_t above[W + CHOOSE_MARGIN + 1];
    FNW(count_widths)(above, values, n, top);
    layout chosen = choose_layout(above, n, top, W);
    /* 63 in the header means 64. */
    if (W == 64 && chosen.bits >= 63) chosen = (layout){BLOCK_PLAIN, 64};
    uint8_t *at = dst;
    *at++ = (uint8_t)(chosen.kind << 6 | (chosen.bits > 63 ? 63 : chosen.bits));
    if (chosen.kind == BLOCK_PATCH) at += FNW(encode_patch)(at, values, n, chosen.bits, top - chosen.bits);
    if (chosen.kind == BLOCK_VBYTE) *at++ = (uint8_t)above[chosen.bits];
    at += FNW(pack)(at, values, n, chosen.bits, is_xor);
#if W > 8
    if (chosen.kind == BLOCK_VBYTE) at += FNW(encode_vbyte)(at, values, n, chosen.bits);
#endif
    return (size_t)(at - dst);
}

/* A stream behind its first value; `kind` is a constant wherever this is inlined. */
OMFI_INLINE size_t FNW(encode_blocks)(omf_stream kind, uint8_t *dst, const T *src, size_t n_values, uint64_t *carry) {
    uint8_t *const start = dst;
    T before = (T)*carry;
    for (size_t done = 0; done < n_values; done += OMFI_BLOCK) {
        const unsigned n = n_values - done < OMFI_BLOCK ? (unsigned)(n_values - done) : OMFI_BLOCK;
        const T *const block = src + done;
        T values[OMFI_BLOCK];
        if (kind == OMF_STREAM_XOR) {
            T any = values[0] = block[0] ^ before;
            for (unsigned i = 1; i < n; i++) any |= values[i] = block[i] ^ block[i - 1];
#if W >= 32
            const unsigned zeros = W - omfi_bit_length(any);
            *dst++ = (uint8_t)zeros;
            if (zeros < W)
                for (unsigned i = 0; i < n; i++) values[i] = REVERSE((T)(values[i] << zeros));
#else
            (void)any;
#endif
        } else {
            values[0] = (T)(block[0] - before);
            for (unsigned i = 1; i < n; i++) values[i] = (T)(block[i] - block[i - 1]);
            if (kind == OMF_STREAM_ZIGZAG)
                for (unsigned i = 0; i < n; i++) values[i] = (T)((T)(values[i] << 1) ^ (T)(0 - (values[i] >> (W - 1))));
        }
        dst += FNW(encode_block)(dst, values, n, kind == OMF_STREAM_XOR);
        before = block[n - 1];
    }
    *carry = before;
    return (size_t)(dst - start);
}

static size_t FNW(encode_delta)(uint8_t *dst, const void *src, size_t n_values, uint64_t *carry) {
    return FNW(encode_blocks)(OMF_STREAM_DELTA, dst, (const T *)src, n_values, carry);
}

static size_t FNW(encode_zigzag)(uint8_t *dst, const void *src, size_t n_values, uint64_t *carry) {
    return FNW(encode_blocks)(OMF_STREAM_ZIGZAG, dst, (const T *)src, n_values, carry);
}

#if W >= 32
static size_t FNW(encode_xor)(uint8_t *dst, const void *src, size_t n_values, uint64_t *carry) {
    return FNW(encode_blocks)(OMF_STREAM_XOR, dst, (const T *)src, n_values, carry);
}
#endif

#undef WORD_LENGTH
