/* SPDX-License-Identifier: MIT */
/* kernels: decoding of blocks and streams of W-bit words (format.md, sections 5 and 6). Included for each width. */

#define REFUSE(status, text)                                                                                           \
    do {                                                                                                               \
        input->reason = text;                                                                                          \
        return status;                                                                                                 \
    } while (0)
#define NEED(n_bytes)                                                                                                  \
    if (OMFI_UNLIKELY((size_t)(n_bytes) > (size_t)(end - at)))                                                         \
    REFUSE(OMF_ERR_TRUNCATED, "the block goes on behind the end of its chunk")

/* Low parts of a block, which `bits` <= W describes; the packed bytes are there. */
OMFI_INLINE void FNW(unpack)(T *dst, unsigned n, unsigned bits, FN(packing) packing, const uint8_t *src,
                             size_t readable) {
    if (bits == 0) {
        memset(dst, 0, n * sizeof(T));
        return;
    }
#if W == 16
    if (n == OMFI_BLOCK) {
        FN(unpack_vertical16)(dst, src, bits);
        return;
    }
#elif W == 32
    if (n == OMFI_BLOCK && packing != FN(PACKED_HORIZONTALLY)) {
        FN(unpack_vertical32)(dst, src, bits);
        return;
    }
#elif W == 64
    if (packing == FN(PACKED_AS_XOR) && n == OMFI_BLOCK && bits <= 32) {
        uint32_t words[OMFI_BLOCK];
        FN(unpack_vertical32)(words, src, bits);
        for (unsigned i = 0; i < OMFI_BLOCK; i++) dst[i] = words[i];
        return;
    }
#endif
    (void)packing;
    FNW(unpack_horizontal)(dst, n, bits, src, readable);
}

/* PATCH, behind its header. */
static omf_status FNW(decode_patch)(T *dst, unsigned n, unsigned bits, FN(packing) packing, omfi_input *input,
                                    const uint8_t **cursor) {
    const uint8_t *at = *cursor, *const end = input->end;
    const unsigned bitmap_size = (n + 7) / 8;
    NEED(1 + bitmap_size);
    const unsigned extra = *at++;
    if (bits < 64 && bits + extra > W) REFUSE(OMF_ERR_CORRUPT, "exceptions wider than a word");
    uint64_t bitmap[2];
    if (n == OMFI_BLOCK) {
        bitmap[0] = omfi_load64(at);
        bitmap[1] = omfi_load64(at + 8);
    } else {
        const unsigned in_first = bitmap_size < 8 ? bitmap_size : 8;
        bitmap[0] = omfi_load_bytes(at, in_first);
        bitmap[1] = omfi_load_bytes(at + in_first, bitmap_size - in_first);
        if (n % 64 != 0) bitmap[n / 64] &= ((uint64_t)1 << (n % 64)) - 1;
    }
    at += bitmap_size;
    const unsigned n_exceptions = omfi_count_bits(bitmap[0]) + omfi_count_bits(bitmap[1]);

    T high[OMFI_BLOCK + MERGE_SLACK];
    const size_t high_size = ((size_t)n_exceptions * extra + 7) / 8, low_size = ((size_t)n * bits + 7) / 8;
    NEED(high_size + low_size);
#if W == 64
    if (bits == 64) { /* no bits are left for exceptions, however many are announced */
        const unsigned in_last = n_exceptions * extra % 8;
        for (size_t i = 0; i < high_size; i++)
            if ((i + 1 == high_size && in_last != 0 ? at[i] & ((1u << in_last) - 1) : at[i]) != 0)
                REFUSE(OMF_ERR_CORRUPT, "an exception is wider than a word");
    }
#endif
    const bool has_high = extra != 0 && bits < W;
#ifdef OMFI_HAS_MERGE_BYTES
    if (has_high && n == OMFI_BLOCK && extra <= 8) {
        uint8_t bytes[OMFI_BLOCK + MERGE_SLACK];
        FN(unpack_horizontal8)(bytes, n_exceptions, extra, at, (size_t)(end - at));
        at += high_size; /* the low parts come first: a load that meets two stores waits until they are over */
        FNW(unpack)(dst, n, bits, packing, at, (size_t)(end - at));
        FNW(merge_bytes)(dst, bitmap, bytes, bits);
        *cursor = at + low_size;
        return OMF_OK;
    }
#endif
    if (has_high) FNW(unpack_horizontal)(high, n_exceptions, extra, at, (size_t)(end - at));
    at += high_size;
    FNW(unpack)(dst, n, bits, packing, at, (size_t)(end - at));
    *cursor = at + low_size;
    if (!has_high) return OMF_OK;
#if W > 8 || !defined(OMFI_HAS_MERGE_BYTES)
    if (n == OMFI_BLOCK) {
        FNW(merge)(dst, bitmap, high, bits);
        return OMF_OK;
    }
#endif
    const T *next = high;
    for (unsigned half = 0; half < 2; half++)
        for (uint64_t rest = bitmap[half]; rest != 0; rest &= rest - 1)
            dst[64 * half + omfi_lowest_bit(rest)] |= (T)(*next++ << bits);
    return OMF_OK;
}

#if W > 8
/* VBYTE, behind its header. */
static omf_status FNW(decode_vbyte)(T *dst, unsigned n, unsigned bits, FN(packing) packing, omfi_input *input,
                                    const uint8_t **cursor) {
    const uint8_t *at = *cursor, *const end = input->end;
    NEED(1);
    const unsigned n_exceptions = *at++;
    if (n_exceptions > n) REFUSE(OMF_ERR_CORRUPT, "more exceptions than values");
    const size_t low_size = ((size_t)n * bits + 7) / 8;
    NEED(low_size);
    FNW(unpack)(dst, n, bits, packing, at, (size_t)(end - at));
    at += low_size;

    T high[OMFI_BLOCK];
    if (n_exceptions != 0 && at < end && *at == 255) {
        NEED(1 + n_exceptions * sizeof(T));
        at++;
        for (unsigned i = 0; i < n_exceptions; i++, at += sizeof(T)) high[i] = LOAD(at);
    } else {
        for (unsigned i = 0; i < n_exceptions; i++) {
            NEED(1);
            const unsigned lead = *at++;
            uint64_t number;
            if (lead < 177) {
                number = lead;
            } else if (lead < 241) {
                NEED(1);
                number = 177 + ((lead - 177) << 8 | at[0]);
                at += 1;
            } else if (lead < 249) {
                NEED(2);
                number = 16561 + ((lead - 241) << 16 | omfi_load16(at));
                at += 2;
            } else {
                const unsigned n_bytes = lead - 249 + 3;
                if (lead == 255) REFUSE(OMF_ERR_CORRUPT, "an exception begins with the byte 255");
                NEED(n_bytes);
                number = omfi_load_bytes(at, n_bytes);
                at += n_bytes;
            }
            high[i] = (T)number;
            if (high[i] != number) REFUSE(OMF_ERR_CORRUPT, "an exception is wider than a word");
        }
    }
    NEED(n_exceptions);
    int previous = -1;
    for (unsigned i = 0; i < n_exceptions; i++) {
        const int position = at[i];
        if (position <= previous || position >= (int)n)
            REFUSE(OMF_ERR_CORRUPT, "positions of exceptions do not ascend or lie behind the block");
        previous = position;
        if (bits == 0) {
            dst[position] = high[i];
        } else if (high[i] != 0) {
            if (high[i] >> (W - bits) != 0) REFUSE(OMF_ERR_CORRUPT, "an exception is wider than a word");
            dst[position] |= (T)(high[i] << bits);
        }
    }
    *cursor = at + n_exceptions;
    return OMF_OK;
}
#endif

/* One block of n values, without the byte in front that XOR streams have. */
static omf_status FNW(decode_block)(T *dst, unsigned n, FN(packing) packing, omfi_input *input,
                                    const uint8_t **cursor) {
    const uint8_t *at = *cursor, *const end = input->end;
    NEED(1);
    const unsigned header = *at++;
    const unsigned bits = W == 64 && (header & 63) == 63 ? 64 : header & 63;
    if (bits > W) REFUSE(OMF_ERR_CORRUPT, "values wider than a word");
    *cursor = at;
    switch (header >> 6) {
    case BLOCK_PLAIN: {
        const size_t size = ((size_t)n * bits + 7) / 8;
        NEED(size);
        FNW(unpack)(dst, n, bits, packing, at, (size_t)(end - at));
        *cursor = at + size;
        return OMF_OK;
    }
    case BLOCK_CONST: {
        const unsigned size = (bits + 7) / 8;
        NEED(size);
        uint64_t value = omfi_load_bytes(at, size);
        if (bits < 64) value &= ((uint64_t)1 << bits) - 1;
        for (unsigned i = 0; i < n; i++) dst[i] = (T)value;
        *cursor = at + size;
        return OMF_OK;
    }
    case BLOCK_PATCH: return FNW(decode_patch)(dst, n, bits, packing, input, cursor);
    default:
#if W > 8
        return FNW(decode_vbyte)(dst, n, bits, packing, input, cursor);
#else
        REFUSE(OMF_ERR_CORRUPT, "a VBYTE block in a stream of 8-bit words");
#endif
    }
}

#if W == 64
/* Whether a full block has values of so few bits that their sums are integers of 32 bits. */
OMFI_INLINE bool FN(fits_32)(const uint8_t *at, const uint8_t *end) {
    const unsigned limit = 31 - 7; /* 128 values */
    if (end - at < 2 || at[0] >> 6 == BLOCK_VBYTE) return false;
    return (at[0] & 63) + (at[0] >> 6 == BLOCK_PATCH ? at[1] : 0u) <= limit;
}

/* Such a block is decoded as 32-bit words, which is twice as fast. */
static omf_status FN(decode_zigzag_as_32)(uint64_t *dst, uint64_t *carry, omfi_input *input, const uint8_t **cursor) {
    uint32_t words[OMFI_BLOCK];
    const omf_status status = FN(decode_block32)(words, OMFI_BLOCK, FN(PACKED_HORIZONTALLY), input, cursor);
    if (status != OMF_OK) return status;
    FN(integrate_zigzag32)(words, OMFI_BLOCK, 0);
    const uint64_t before = *carry;
    for (unsigned i = 0; i < OMFI_BLOCK; i++) dst[i] = before + (uint64_t)(int64_t)(int32_t)words[i];
    *carry = dst[OMFI_BLOCK - 1];
    return OMF_OK;
}
#endif

/* One block of n values; there is room for a full one. */
OMFI_INLINE omf_status FNW(decode_and_integrate)(omf_stream kind, T *block, unsigned n, unsigned zeros, T *last,
                                                 omfi_input *input, const uint8_t **cursor) {
#if defined(OMFI_NARROW_BLOCKS) && W > 8
    uint8_t bytes[OMFI_BLOCK];
    if (kind == OMF_STREAM_ZIGZAG && n == OMFI_BLOCK && FN(decode_narrow)(bytes, W, input, cursor)) {
        FNW(integrate_narrow)(block, bytes, last);
        return OMF_OK;
    }
#endif
#if W == 64
    if (kind == OMF_STREAM_ZIGZAG && n == OMFI_BLOCK && FN(fits_32)(*cursor, input->end))
        return FN(decode_zigzag_as_32)(block, last, input, cursor);
#endif
    const FN(packing) packing = kind == OMF_STREAM_XOR ? FN(PACKED_AS_XOR) : FN(PACKED_BY_WIDTH);
    const omf_status status = FNW(decode_block)(block, n, packing, input, cursor);
    if (status != OMF_OK) return status;
    if (kind == OMF_STREAM_DELTA) {
        *last = FNW(integrate_delta)(block, n, *last);
    } else if (kind == OMF_STREAM_ZIGZAG) {
        *last = FNW(integrate_zigzag)(block, n, *last);
    } else {
        (void)zeros; /* streams of narrow words are never XOR */
#if W >= 32
        if (zeros < W) *last = FNW(integrate_xor)(block, n, *last, zeros);
        else
            for (unsigned i = 0; i < n; i++) block[i] = *last;
#endif
    }
    return OMF_OK;
}

/* What integration of a full block would return, which is much cheaper than all values. */
OMFI_INLINE T FNW(total)(omf_stream kind, const T *block, unsigned zeros, T last) {
    T sum = 0;
    (void)zeros;
    if (kind == OMF_STREAM_DELTA) {
        for (unsigned i = 0; i < OMFI_BLOCK; i++) sum = (T)(sum + block[i]);
    } else if (kind == OMF_STREAM_ZIGZAG) {
        for (unsigned i = 0; i < OMFI_BLOCK; i++) sum = (T)(sum + ((block[i] >> 1) ^ (T)(0 - (block[i] & 1))));
    } else {
#if W >= 32
        for (unsigned i = 0; i < OMFI_BLOCK; i++) sum ^= block[i];
        return zeros < W ? last ^ REVERSE(sum) >> zeros : last;
#endif
    }
    return (T)(last + sum);
}

static omf_status FNW(skip_block)(omf_stream kind, unsigned zeros, T *last, omfi_input *input, const uint8_t **cursor) {
    T block[OMFI_BLOCK];
#if defined(OMFI_NARROW_BLOCKS) && W > 8
    uint8_t bytes[OMFI_BLOCK];
    if (kind == OMF_STREAM_ZIGZAG && FN(decode_narrow)(bytes, W, input, cursor)) {
        *last = (T)(*last + (T)FN(total_narrow)(bytes));
        return OMF_OK;
    }
#endif
#if W == 64
    if (kind == OMF_STREAM_ZIGZAG && FN(fits_32)(*cursor, input->end))
        return FN(decode_zigzag_as_32)(block, last, input, cursor);
#endif
    const FN(packing) packing = kind == OMF_STREAM_XOR ? FN(PACKED_AS_XOR) : FN(PACKED_BY_WIDTH);
    const omf_status status = FNW(decode_block)(block, OMFI_BLOCK, packing, input, cursor);
    if (status == OMF_OK) *last = FNW(total)(kind, block, zeros, *last);
    return status;
}

#define REGISTER (64 / sizeof(T)) /* words of the largest one */

/* A stream behind its first value; `kind` is a constant wherever this is inlined. */
OMFI_INLINE omf_status FNW(decode_blocks)(omf_stream kind, T *dst, size_t n_values, uint64_t *carry, omfi_input *input,
                                          size_t *n_done) {
    omf_status status = OMF_OK;
    T last = (T)*carry;
    size_t done = 0;
    while (done < n_values) {
        if (!input->last && (size_t)(input->end - input->at) < OMFI_BLOCK_MAX(OMFI_BLOCK, W)) break;
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
            status = FNW(skip_block)(kind, zeros, &last, input, &at);
        } else if (n == OMFI_BLOCK) {
            status = FNW(decode_and_integrate)(kind, dst + done, OMFI_BLOCK, zeros, &last, input, &at);
        } else { /* integration works in whole registers */
            T block[OMFI_BLOCK];
            memset(block + n / REGISTER * REGISTER, 0, REGISTER * sizeof *block);
            status = FNW(decode_and_integrate)(kind, block, n, zeros, &last, input, &at);
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

static omf_status FNW(decode_delta)(void *dst, size_t n_values, uint64_t *carry, omfi_input *input, size_t *n_done) {
    return FNW(decode_blocks)(OMF_STREAM_DELTA, (T *)dst, n_values, carry, input, n_done);
}

static omf_status FNW(decode_zigzag)(void *dst, size_t n_values, uint64_t *carry, omfi_input *input, size_t *n_done) {
    return FNW(decode_blocks)(OMF_STREAM_ZIGZAG, (T *)dst, n_values, carry, input, n_done);
}

#if W >= 32
static omf_status FNW(decode_xor)(void *dst, size_t n_values, uint64_t *carry, omfi_input *input, size_t *n_done) {
    return FNW(decode_blocks)(OMF_STREAM_XOR, (T *)dst, n_values, carry, input, n_done);
}
#endif

#undef REGISTER
#undef NEED
#undef REFUSE
