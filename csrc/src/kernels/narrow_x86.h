/* SPDX-License-Identifier: MIT */
/* kernels: narrow blocks. The values of most blocks take up to 8 bits with their exceptions, whatever the words of the
 * stream are: as bytes, four times as many are in a register as words of 32 bits. */

/* Decode a full block of words of `width` bits to bytes. False: it is not narrow, or not what it should be, which the
 * decoder for all blocks knows better. */
OMFI_INLINE bool decode_narrow(uint8_t *dst, const unsigned width, const omfi_input *input, const uint8_t **cursor) {
    const uint8_t *at = *cursor, *const end = input->end;
    if (end - at < 2) return false;
    const unsigned bits = at[0] & 63, kind = at[0] >> 6, low_size = OMFI_BLOCK / 8 * bits;
    if (bits > 8) return false;
    if (kind == BLOCK_PLAIN) {
        if ((size_t)(end - at) < 1 + low_size) return false;
        unpack_narrow(dst, width, bits, at + 1, (size_t)(end - at - 1));
        *cursor = at + 1 + low_size;
        return true;
    }
    if (kind == BLOCK_PATCH) {
        const unsigned extra = at[1];
        if (end - at < 2 + OMFI_BLOCK / 8 || extra == 0 || bits + extra > 8) return false;
        const uint64_t bitmap[2] = {omfi_load64(at + 2), omfi_load64(at + 10)};
        const unsigned n_exceptions = omfi_count_bits(bitmap[0]) + omfi_count_bits(bitmap[1]);
        const unsigned high_size = (n_exceptions * extra + 7) / 8;
        at += 2 + OMFI_BLOCK / 8;
        if ((size_t)(end - at) < high_size + low_size) return false;
        unpack_patched(dst, width, bits, extra, bitmap, n_exceptions, at, (size_t)(end - at));
        *cursor = at + high_size + low_size;
        return true;
    }
    if (kind == BLOCK_VBYTE) {
        const unsigned n_exceptions = at[1];
        uint8_t high[2 * 16 + MERGE_SLACK + 1];
        if (n_exceptions > 16 || (size_t)(end - at) < 2 + low_size + 2 * n_exceptions) return false;
        const uint8_t *exceptions = at + 2 + low_size, *const behind = exceptions + 2 * n_exceptions;
        if (end - exceptions < 2 * 16 + MERGE_SLACK) {
            omfi_copy_few(high + 1, exceptions, 2 * n_exceptions);
            exceptions = high + 1;
        }
        const uint8_t *const positions = exceptions + n_exceptions;
        /* A larger one takes two bytes. */
        const __m128i limit = _mm_set1_epi8((char)(bits == 0 ? 176 : 255u >> bits));
        const __m128i too_large = _mm_subs_epu8(load128(exceptions), limit), position = load128(positions);
        const int fit = _mm_movemask_epi8(_mm_cmpeq_epi8(too_large, _mm_setzero_si128()));
        const int ascend = _mm_movemask_epi8(_mm_cmpgt_epi8(position, load128(positions - 1))) | 1;
        const int wanted = (1 << n_exceptions) - 1;
        if (((~fit | ~ascend | _mm_movemask_epi8(position)) & wanted) != 0) return false;
        unpack_narrow(dst, width, bits, at + 2, (size_t)(end - at - 2));
        merge_few(dst, bits, exceptions, positions, n_exceptions);
        *cursor = behind;
        return true;
    }
    return false;
}
