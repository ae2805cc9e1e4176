/* SPDX-License-Identifier: MIT */
/* kernels: decoding of blocks and streams of words of WORD_BITS bits (format.md, sections 5 and 6). Included for each
 * width. */

/* Return from the calling function, with a reason for the omfi_input. */
#define RETURN_ERROR(input, status, text)                                                                              \
    do {                                                                                                               \
        (input)->reason = text;                                                                                        \
        return status;                                                                                                 \
    } while (0)
#define RETURN_CORRUPT(input, text) RETURN_ERROR(input, OMF_ERR_CORRUPT, text)
/* ... unless n_bytes are among those from `at` to `end`. */
#define RETURN_IF_SHORT(input, at, end, n_bytes)                                                                       \
    do {                                                                                                               \
        if (OMFI_UNLIKELY((size_t)(n_bytes) > (size_t)((end) - (at))))                                                 \
            RETURN_ERROR(input, OMF_ERR_TRUNCATED, "the block goes on behind the end of its chunk");                   \
    } while (0)

/* Low parts of a block, which `bits` <= WORD_BITS describes; the packed bytes are there. */
OMFI_INLINE void SUFFIXED(unpack)(word_t *dst, unsigned n, unsigned bits, block_packing packing, const uint8_t *src,
                                  size_t readable) {
    if (bits == 0) {
        memset(dst, 0, n * sizeof(word_t));
        return;
    }
#if WORD_BITS == 16
    if (n == OMFI_BLOCK) {
        unpack_vertical16(dst, src, bits);
        return;
    }
#elif WORD_BITS == 32
    if (n == OMFI_BLOCK && packing != PACKED_HORIZONTALLY) {
        unpack_vertical32(dst, src, bits);
        return;
    }
#elif WORD_BITS == 64
    if (packing == PACKED_AS_XOR && n == OMFI_BLOCK && bits <= 32) {
        uint32_t words[OMFI_BLOCK];
        unpack_vertical32(words, src, bits);
        for (unsigned i = 0; i < OMFI_BLOCK; i++) dst[i] = words[i];
        return;
    }
#endif
    (void)packing;
    SUFFIXED(unpack_horizontal)(dst, n, bits, src, readable);
}

#if WORD_BITS == 8 /* once for all widths */
/* The bitmap of a PATCH block of n values, which takes (n + 7) / 8 bytes. */
OMFI_INLINE void load_bitmap(uint64_t bitmap[2], const uint8_t *src, unsigned n) {
    if (n == OMFI_BLOCK) {
        bitmap[0] = omfi_load64(src);
        bitmap[1] = omfi_load64(src + 8);
    } else {
        const unsigned size = (n + 7) / 8, in_first = size < 8 ? size : 8;
        bitmap[0] = omfi_load_bytes(src, in_first);
        bitmap[1] = omfi_load_bytes(src + in_first, size - in_first);
        if (n % 64 != 0) bitmap[n / 64] &= ((uint64_t)1 << (n % 64)) - 1;
    }
}

/* Whether n_bits packed bits are 0. */
OMFI_INLINE bool are_zero(const uint8_t *src, unsigned n_bits) {
    for (unsigned i = 0; i < n_bits / 8; i++)
        if (src[i] != 0) return false;
    return n_bits % 8 == 0 || (src[n_bits / 8] & ((1u << n_bits % 8) - 1)) == 0;
}
#endif

/* Put exceptions above the low parts of the values whose bits are set. */
OMFI_INLINE void SUFFIXED(merge_exceptions)(word_t *values, unsigned n, const uint64_t bitmap[2],
                                            const word_t *exceptions, unsigned bits) {
#if WORD_BITS > 8 || !defined(OMFI_HAS_MERGE_BYTES)
    if (n == OMFI_BLOCK) {
        SUFFIXED(merge)(values, bitmap, exceptions, bits);
        return;
    }
#endif
    (void)n;
    for (unsigned half = 0; half < 2; half++)
        for (uint64_t rest = bitmap[half]; rest != 0; rest &= rest - 1)
            values[64 * half + omfi_lowest_bit(rest)] |= (word_t)(*exceptions++ << bits);
}

/* PATCH, behind its header. */
static omf_status SUFFIXED(decode_patch)(word_t *dst, unsigned n, unsigned bits, block_packing packing,
                                         omfi_input *input, const uint8_t **cursor) {
    const uint8_t *at = *cursor, *const end = input->end;
    const unsigned bitmap_size = (n + 7) / 8;
    RETURN_IF_SHORT(input, at, end, 1 + bitmap_size);
    const unsigned extra = *at++;
    if (bits < 64 && bits + extra > WORD_BITS) RETURN_CORRUPT(input, "exceptions wider than a word");
    uint64_t bitmap[2];
    load_bitmap(bitmap, at, n);
    at += bitmap_size;
    const unsigned n_exceptions = omfi_count_bits(bitmap[0]) + omfi_count_bits(bitmap[1]);
    const size_t high_size = ((size_t)n_exceptions * extra + 7) / 8, low_size = ((size_t)n * bits + 7) / 8;
    RETURN_IF_SHORT(input, at, end, high_size + low_size);
    const uint8_t *const low = at + high_size;
    *cursor = low + low_size;
#if WORD_BITS == 64
    /* No bits are left for exceptions then, however many are announced. */
    if (bits == 64 && !are_zero(at, n_exceptions * extra)) RETURN_CORRUPT(input, "an exception is wider than a word");
#endif
    if (extra == 0 || bits == WORD_BITS) {
        SUFFIXED(unpack)(dst, n, bits, packing, low, (size_t)(end - low));
        return OMF_OK;
    }
#ifdef OMFI_HAS_MERGE_BYTES
    if (n == OMFI_BLOCK && extra <= 8) {
        uint8_t bytes[OMFI_BLOCK + MERGE_SLACK];
        unpack_horizontal8(bytes, n_exceptions, extra, at, (size_t)(end - at));
        /* The low parts come first: a load that meets two stores waits until they are over. */
        SUFFIXED(unpack)(dst, n, bits, packing, low, (size_t)(end - low));
        SUFFIXED(merge_bytes)(dst, bitmap, bytes, bits);
        return OMF_OK;
    }
#endif
    word_t high[OMFI_BLOCK + MERGE_SLACK];
    SUFFIXED(unpack_horizontal)(high, n_exceptions, extra, at, (size_t)(end - at));
    SUFFIXED(unpack)(dst, n, bits, packing, low, (size_t)(end - low));
    SUFFIXED(merge_exceptions)(dst, n, bitmap, high, bits);
    return OMF_OK;
}

#if WORD_BITS > 8
/* VBYTE, behind its header. */
static omf_status SUFFIXED(decode_vbyte)(word_t *dst, unsigned n, unsigned bits, block_packing packing,
                                         omfi_input *input, const uint8_t **cursor) {
    const uint8_t *at = *cursor, *const end = input->end;
    RETURN_IF_SHORT(input, at, end, 1);
    const unsigned n_exceptions = *at++;
    if (n_exceptions > n) RETURN_CORRUPT(input, "more exceptions than values");
    const size_t low_size = ((size_t)n * bits + 7) / 8;
    RETURN_IF_SHORT(input, at, end, low_size);
    SUFFIXED(unpack)(dst, n, bits, packing, at, (size_t)(end - at));
    at += low_size;

    word_t high[OMFI_BLOCK];
    if (n_exceptions != 0 && at < end && *at == 255) {
        RETURN_IF_SHORT(input, at, end, 1 + n_exceptions * sizeof(word_t));
        at++;
        for (unsigned i = 0; i < n_exceptions; i++, at += sizeof(word_t)) high[i] = LOAD_WORD(at);
    } else {
        for (unsigned i = 0; i < n_exceptions; i++) {
            RETURN_IF_SHORT(input, at, end, 1);
            const unsigned lead = *at++;
            uint64_t number;
            if (lead < 177) {
                number = lead;
            } else if (lead < 241) {
                RETURN_IF_SHORT(input, at, end, 1);
                number = 177 + ((lead - 177) << 8 | at[0]);
                at += 1;
            } else if (lead < 249) {
                RETURN_IF_SHORT(input, at, end, 2);
                number = 16561 + ((lead - 241) << 16 | omfi_load16(at));
                at += 2;
            } else {
                const unsigned n_bytes = lead - 249 + 3;
                if (lead == 255) RETURN_CORRUPT(input, "an exception begins with the byte 255");
                RETURN_IF_SHORT(input, at, end, n_bytes);
                number = omfi_load_bytes(at, n_bytes);
                at += n_bytes;
            }
            high[i] = (word_t)number;
            if (high[i] != number) RETURN_CORRUPT(input, "an exception is wider than a word");
        }
    }
    RETURN_IF_SHORT(input, at, end, n_exceptions);
    int previous = -1;
    for (unsigned i = 0; i < n_exceptions; i++) {
        const int position = at[i];
        if (position <= previous || position >= (int)n)
            RETURN_CORRUPT(input, "positions of exceptions do not ascend or lie behind the block");
        previous = position;
        if (bits == 0) {
            dst[position] = high[i];
        } else if (high[i] != 0) {
            if (high[i] >> (WORD_BITS - bits) != 0) RETURN_CORRUPT(input, "an exception is wider than a word");
            dst[position] |= (word_t)(high[i] << bits);
        }
    }
    *cursor = at + n_exceptions;
    return OMF_OK;
}
#endif

/* One block of n values, without the byte in front that XOR streams have. */
static omf_status SUFFIXED(decode_block)(word_t *dst, unsigned n, block_packing packing, omfi_input *input,
                                         const uint8_t **cursor) {
    const uint8_t *at = *cursor, *const end = input->end;
    RETURN_IF_SHORT(input, at, end, 1);
    const unsigned header = *at++;
    const unsigned bits = WORD_BITS == 64 && (header & 63) == 63 ? 64 : header & 63;
    if (bits > WORD_BITS) RETURN_CORRUPT(input, "values wider than a word");
    *cursor = at;
    switch (header >> 6) {
    case BLOCK_PLAIN: {
        const size_t size = ((size_t)n * bits + 7) / 8;
        RETURN_IF_SHORT(input, at, end, size);
        SUFFIXED(unpack)(dst, n, bits, packing, at, (size_t)(end - at));
        *cursor = at + size;
        return OMF_OK;
    }
    case BLOCK_CONST: {
        const unsigned size = (bits + 7) / 8;
        RETURN_IF_SHORT(input, at, end, size);
        uint64_t value = omfi_load_bytes(at, size);
        if (bits < 64) value &= ((uint64_t)1 << bits) - 1;
        for (unsigned i = 0; i < n; i++) dst[i] = (word_t)value;
        *cursor = at + size;
        return OMF_OK;
    }
    case BLOCK_PATCH: return SUFFIXED(decode_patch)(dst, n, bits, packing, input, cursor);
    default:
#if WORD_BITS > 8
        return SUFFIXED(decode_vbyte)(dst, n, bits, packing, input, cursor);
#else
        RETURN_CORRUPT(input, "a VBYTE block in a stream of 8-bit words");
#endif
    }
}

#if WORD_BITS == 64
/* Whether a full block has values of so few bits that their sums are integers of 32 bits. */
OMFI_INLINE bool fits_32(const uint8_t *at, const uint8_t *end) {
    const unsigned limit = 31 - 7; /* 128 values */
    if (end - at < 2 || at[0] >> 6 == BLOCK_VBYTE) return false;
    return (at[0] & 63) + (at[0] >> 6 == BLOCK_PATCH ? at[1] : 0u) <= limit;
}

/* Such a block is decoded as 32-bit words, which is twice as fast. */
static omf_status decode_zigzag_as_32(uint64_t *dst, uint64_t *carry, omfi_input *input, const uint8_t **cursor) {
    uint32_t words[OMFI_BLOCK];
    const omf_status status = decode_block32(words, OMFI_BLOCK, PACKED_HORIZONTALLY, input, cursor);
    if (status != OMF_OK) return status;
    integrate_zigzag32(words, OMFI_BLOCK, 0);
    const uint64_t before = *carry;
    for (unsigned i = 0; i < OMFI_BLOCK; i++) dst[i] = before + (uint64_t)(int64_t)(int32_t)words[i];
    *carry = dst[OMFI_BLOCK - 1];
    return OMF_OK;
}
#endif

/* One block of n values; there is room for a full one. */
OMFI_INLINE omf_status SUFFIXED(decode_and_integrate)(omf_stream kind, word_t *block, unsigned n, unsigned zeros,
                                                      word_t *last, omfi_input *input, const uint8_t **cursor) {
#if defined(OMFI_NARROW_BLOCKS) && WORD_BITS > 8
    uint8_t bytes[OMFI_BLOCK];
    if (kind == OMF_STREAM_ZIGZAG && n == OMFI_BLOCK && decode_narrow(bytes, WORD_BITS, input, cursor)) {
        SUFFIXED(integrate_narrow)(block, bytes, last);
        return OMF_OK;
    }
#endif
#if WORD_BITS == 64
    if (kind == OMF_STREAM_ZIGZAG && n == OMFI_BLOCK && fits_32(*cursor, input->end))
        return decode_zigzag_as_32(block, last, input, cursor);
#endif
    const block_packing packing = kind == OMF_STREAM_XOR ? PACKED_AS_XOR : PACKED_BY_WIDTH;
    const omf_status status = SUFFIXED(decode_block)(block, n, packing, input, cursor);
    if (status != OMF_OK) return status;
    if (kind == OMF_STREAM_DELTA) {
        *last = SUFFIXED(integrate_delta)(block, n, *last);
    } else if (kind == OMF_STREAM_ZIGZAG) {
        *last = SUFFIXED(integrate_zigzag)(block, n, *last);
    } else {
        (void)zeros; /* streams of narrow words are never XOR */
#if WORD_BITS >= 32
        if (zeros < WORD_BITS) *last = SUFFIXED(integrate_xor)(block, n, *last, zeros);
        else
            for (unsigned i = 0; i < n; i++) block[i] = *last;
#endif
    }
    return OMF_OK;
}

/* What integration of a full block would return, which is much cheaper than all values. */
OMFI_INLINE word_t SUFFIXED(total)(omf_stream kind, const word_t *block, unsigned zeros, word_t last) {
    word_t sum = 0;
    (void)zeros;
    if (kind == OMF_STREAM_DELTA) {
        for (unsigned i = 0; i < OMFI_BLOCK; i++) sum = (word_t)(sum + block[i]);
    } else if (kind == OMF_STREAM_ZIGZAG) {
        for (unsigned i = 0; i < OMFI_BLOCK; i++)
            sum = (word_t)(sum + ((block[i] >> 1) ^ (word_t)(0 - (block[i] & 1))));
    } else {
#if WORD_BITS >= 32
        for (unsigned i = 0; i < OMFI_BLOCK; i++) sum ^= block[i];
        return zeros < WORD_BITS ? last ^ REVERSE_WORD(sum) >> zeros : last;
#endif
    }
    return (word_t)(last + sum);
}

static omf_status SUFFIXED(skip_block)(omf_stream kind, unsigned zeros, word_t *last, omfi_input *input,
                                       const uint8_t **cursor) {
    word_t block[OMFI_BLOCK];
#if defined(OMFI_NARROW_BLOCKS) && WORD_BITS > 8
    uint8_t bytes[OMFI_BLOCK];
    if (kind == OMF_STREAM_ZIGZAG && decode_narrow(bytes, WORD_BITS, input, cursor)) {
        *last = (word_t)(*last + (word_t)total_narrow(bytes));
        return OMF_OK;
    }
#endif
#if WORD_BITS == 64
    if (kind == OMF_STREAM_ZIGZAG && fits_32(*cursor, input->end))
        return decode_zigzag_as_32(block, last, input, cursor);
#endif
    const block_packing packing = kind == OMF_STREAM_XOR ? PACKED_AS_XOR : PACKED_BY_WIDTH;
    const omf_status status = SUFFIXED(decode_block)(block, OMFI_BLOCK, packing, input, cursor);
    if (status == OMF_OK) *last = SUFFIXED(total)(kind, block, zeros, *last);
    return status;
}

#define REGISTER (64 / sizeof(word_t)) /* words of the largest one */

/* A stream behind its first value; `kind` is a constant wherever this is inlined. */
OMFI_INLINE omf_status SUFFIXED(decode_blocks)(omf_stream kind, word_t *dst, size_t n_values, uint64_t *carry,
                                               omfi_input *input, size_t *n_done) {
    omf_status status = OMF_OK;
    word_t last = (word_t)*carry;
    size_t done = 0;
    while (done < n_values) {
        if (!input->last && (size_t)(input->end - input->at) < OMFI_BLOCK_MAX(OMFI_BLOCK, WORD_BITS)) break;
        const unsigned n = n_values - done < OMFI_BLOCK ? (unsigned)(n_values - done) : OMFI_BLOCK;
        const uint8_t *at = input->at;
        unsigned zeros = 0;
        if (kind == OMF_STREAM_XOR) {
            if (at == input->end) {
                input->reason = "the stream ends before its last block";
                status = OMF_ERR_TRUNCATED;
                break;
            }
            zeros = *at++;
        }
        if (dst == NULL) {
            status = SUFFIXED(skip_block)(kind, zeros, &last, input, &at);
        } else if (n == OMFI_BLOCK) {
            status = SUFFIXED(decode_and_integrate)(kind, dst + done, OMFI_BLOCK, zeros, &last, input, &at);
        } else { /* integration works in whole registers */
            word_t block[OMFI_BLOCK];
            memset(block + n / REGISTER * REGISTER, 0, REGISTER * sizeof *block);
            status = SUFFIXED(decode_and_integrate)(kind, block, n, zeros, &last, input, &at);
            omfi_copy_few((uint8_t *)(dst + done), (const uint8_t *)block, n * sizeof *block);
        }
        if (status != OMF_OK) break;
        input->at = at;
        done += n;
    }
    *carry = last;
    *n_done = done;
    return status;
}

static omf_status SUFFIXED(decode_delta)(void *dst, size_t n_values, uint64_t *carry, omfi_input *input,
                                         size_t *n_done) {
    return SUFFIXED(decode_blocks)(OMF_STREAM_DELTA, (word_t *)dst, n_values, carry, input, n_done);
}

static omf_status SUFFIXED(decode_zigzag)(void *dst, size_t n_values, uint64_t *carry, omfi_input *input,
                                          size_t *n_done) {
    return SUFFIXED(decode_blocks)(OMF_STREAM_ZIGZAG, (word_t *)dst, n_values, carry, input, n_done);
}

#if WORD_BITS >= 32
static omf_status SUFFIXED(decode_xor)(void *dst, size_t n_values, uint64_t *carry, omfi_input *input, size_t *n_done) {
    return SUFFIXED(decode_blocks)(OMF_STREAM_XOR, (word_t *)dst, n_values, carry, input, n_done);
}
#endif

#undef REGISTER
#undef RETURN_ERROR
#undef RETURN_CORRUPT
#undef RETURN_IF_SHORT
