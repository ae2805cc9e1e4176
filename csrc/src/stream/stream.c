/* SPDX-License-Identifier: MIT */
/* stream: whole streams, first value and blocks (format.md, sections 5 and 6). */
#include "stream/stream.h"
#include "base/bytes.h"
#include "base/checked.h"
#include "kernels/kernels.h"

static bool is_valid(omf_stream kind, unsigned width) {
    if (kind == OMF_STREAM_XOR) return width == 32 || width == 64;
    return (kind == OMF_STREAM_DELTA || kind == OMF_STREAM_ZIGZAG) &&
           (width == 8 || width == 16 || width == 32 || width == 64);
}

uint64_t omfi_word_load(const void *word, unsigned width) {
    uint8_t x8;
    uint16_t x16;
    uint32_t x32;
    uint64_t x64;
    switch (width) {
    case 8: return memcpy(&x8, word, sizeof x8), x8;
    case 16: return memcpy(&x16, word, sizeof x16), x16;
    case 32: return memcpy(&x32, word, sizeof x32), x32;
    default: return memcpy(&x64, word, sizeof x64), x64;
    }
}

void omfi_word_store(void *word, uint64_t value, unsigned width) {
    const uint8_t x8 = (uint8_t)value;
    const uint16_t x16 = (uint16_t)value;
    const uint32_t x32 = (uint32_t)value;
    switch (width) {
    case 8: memcpy(word, &x8, sizeof x8); break;
    case 16: memcpy(word, &x16, sizeof x16); break;
    case 32: memcpy(word, &x32, sizeof x32); break;
    default: memcpy(word, &value, sizeof value); break;
    }
}

/* Decode all n_values; *consumed receives the bytes taken from src. */
static omf_status decode(void *dst, size_t n_values, omf_stream kind, unsigned width, const uint8_t *src,
                         size_t src_len, size_t *consumed, omf_error *err) {
    uint64_t carry = 0;
    size_t n_first = 0, n_done;
    *consumed = 0;
    if (kind != OMF_STREAM_XOR && n_values > 0) {
        OMFI_TRY(omfi_first_decode(&carry, width, src, src_len, consumed, err));
        omfi_word_store(dst, carry, width);
        n_first = 1;
    }
    omfi_input input = {src + *consumed, src + src_len, true, NULL};
    const omfi_decode_fn blocks = omfi_kernels_get()->decode[kind][OMFI_WIDTH_INDEX(width)];
    const omf_status status =
        blocks((uint8_t *)dst + n_first * (width / 8), n_values - n_first, &carry, &input, &n_done);
    *consumed = (size_t)(input.at - src);
    OMFI_CHECK(status == OMF_OK, err, status, *consumed, "block", input.reason);
    return OMF_OK;
}

omf_status omf_stream_decode(void *dst, size_t dst_cap, size_t n_values, omf_stream kind, unsigned width,
                             const uint8_t *src, size_t src_len, omf_error *err) {
    OMFI_CHECK(is_valid(kind, width), err, OMF_ERR_ARGUMENT, 0, "width", "not a stream of this kind");
    OMFI_CHECK(n_values <= dst_cap / (width / 8), err, OMF_ERR_NO_SPACE, 0, "dst", "too small for the values");
    size_t consumed;
    OMFI_TRY(decode(dst, n_values, kind, width, src, src_len, &consumed, err));
    OMFI_CHECK(consumed == src_len, err, OMF_ERR_TRAILING, consumed, "stream", "bytes are left over");
    return OMF_OK;
}

omf_status omfi_delta64_decode(uint64_t *dst, size_t n_values, const uint8_t *src, size_t src_len, omf_error *err) {
    size_t consumed;
    return decode(dst, n_values, OMF_STREAM_DELTA, 64, src, src_len, &consumed, err);
}

size_t omf_stream_bound(size_t n_values, omf_stream kind, unsigned width) {
    uint64_t bound;
    if (!is_valid(kind, width)) return 0;
    const uint64_t n_blocks = omfi_ceil_div(n_values, OMFI_BLOCK);
    if (!omfi_mul(&bound, n_blocks, OMFI_BLOCK_BOUND(OMFI_BLOCK, width)) || !omfi_add(&bound, bound, OMFI_FIRST_MAX) ||
        bound > SIZE_MAX)
        return 0;
    return (size_t)bound;
}

omf_status omf_stream_encode(uint8_t *dst, size_t dst_cap, size_t *written, const void *src, size_t n_values,
                             omf_stream kind, unsigned width) {
    const size_t bound = omf_stream_bound(n_values, kind, width);
    if (bound == 0 || n_values == 0) return OMF_ERR_ARGUMENT;
    if (dst_cap < bound) return OMF_ERR_NO_SPACE;
    uint64_t carry = 0;
    size_t size = 0, n_first = 0;
    if (kind != OMF_STREAM_XOR) {
        carry = omfi_word_load(src, width);
        size = omfi_first_encode(dst, carry, width);
        n_first = 1;
    }
    const omfi_encode_fn blocks = omfi_kernels_get()->encode[kind][OMFI_WIDTH_INDEX(width)];
    *written = size + blocks(dst + size, (const uint8_t *)src + n_first * (width / 8), n_values - n_first, &carry);
    return OMF_OK;
}
