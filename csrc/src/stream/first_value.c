/* SPDX-License-Identifier: MIT */
/* stream: the first value of a delta stream. Its leading one bits tell its length (format.md, section 5). */
#include "base/bytes.h"
#include "stream/stream.h"

#define BIG_ENDIAN_16(x) omfi_swap16(omfi_load16(x))

omf_status omfi_first_decode(uint64_t *value, unsigned width, const uint8_t *src, size_t src_len, size_t *consumed,
                             omf_error *err) {
    OMFI_CHECK(src_len >= 1, err, OMF_ERR_TRUNCATED, 0, "first value", "the stream is empty");
    const uint8_t lead = src[0];
    if (width == 8) {
        *value = lead;
        *consumed = 1;
        return OMF_OK;
    }
    const unsigned n_ones = 8 - omfi_bit_length((uint8_t)~lead);
    OMFI_CHECK(width == 64 || n_ones <= 4, err, OMF_ERR_CORRUPT, 0, "first value",
               "a first byte above 0xF7 in a stream of 16 or 32 bits");
    const unsigned length = n_ones + 1;
    OMFI_CHECK(src_len >= length, err, OMF_ERR_TRUNCATED, 0, "first value", "the stream ends inside it");
    uint64_t x;
    switch (length) {
    case 1: x = lead; break;
    case 2: x = BIG_ENDIAN_16(src) & 0x3FFF; break;
    case 3: x = (uint64_t)(lead & 0x1F) << 16 | omfi_load16(src + 1); break;
    case 4: x = omfi_swap32(omfi_load32(src)) & 0x0FFFFFFF; break;
    case 5: x = (uint64_t)(lead & 0x07) << 32 | omfi_load32(src + 1); break;
    case 6: x = (uint64_t)(BIG_ENDIAN_16(src) & 0x03FF) << 32 | omfi_load32(src + 2); break;
    case 7: x = (uint64_t)(lead & 0x01) << 48 | (uint64_t)omfi_load16(src + 1) << 32 | omfi_load32(src + 3); break;
    case 8: x = omfi_swap64(omfi_load64(src)) & 0x00FFFFFFFFFFFFFF; break;
    default: x = omfi_load64(src + 1); break;
    }
    OMFI_CHECK(width == 64 || x >> width == 0, err, OMF_ERR_CORRUPT, 0, "first value", "does not fit the word width");
    *value = x;
    *consumed = length;
    return OMF_OK;
}

size_t omfi_first_encode(uint8_t *dst, uint64_t x, unsigned width) {
    if (width == 8) {
        dst[0] = (uint8_t)x;
        return 1;
    }
    if (x < (uint64_t)1 << 7) {
        dst[0] = (uint8_t)x;
        return 1;
    }
    if (x < (uint64_t)1 << 14) {
        omfi_store16(dst, omfi_swap16((uint16_t)(x | 0x8000)));
        return 2;
    }
    if (x < (uint64_t)1 << 21) {
        dst[0] = (uint8_t)(0xC0 | x >> 16);
        omfi_store16(dst + 1, (uint16_t)x);
        return 3;
    }
    if (x < (uint64_t)1 << 28) {
        omfi_store32(dst, omfi_swap32((uint32_t)(x | 0xE0000000)));
        return 4;
    }
    if (x < (uint64_t)1 << 35) {
        dst[0] = (uint8_t)(0xF0 | x >> 32);
        omfi_store32(dst + 1, (uint32_t)x);
        return 5;
    }
    if (x < (uint64_t)1 << 42) {
        omfi_store16(dst, omfi_swap16((uint16_t)(0xF800 | x >> 32)));
        omfi_store32(dst + 2, (uint32_t)x);
        return 6;
    }
    if (x < (uint64_t)1 << 49) {
        dst[0] = (uint8_t)(0xFC | x >> 48);
        omfi_store16(dst + 1, (uint16_t)(x >> 32));
        omfi_store32(dst + 3, (uint32_t)x);
        return 7;
    }
    if (x < (uint64_t)1 << 56) {
        omfi_store64(dst, omfi_swap64(x | 0xFE00000000000000));
        return 8;
    }
    dst[0] = 0xFF;
    omfi_store64(dst + 1, x);
    return 9;
}
