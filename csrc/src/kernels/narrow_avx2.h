/* SPDX-License-Identifier: MIT */
/* kernels: narrow blocks for AVX2. The values of most blocks take up to 8 bits with their exceptions, whatever the words
 * of the stream are: as bytes, four times as many are in a register as words of 32 bits. */

/* --- vertical packing: `bits` from 1 to 8, to bytes --------------------------------------------------------------- */

/* Four values that follow each other in a lane are taken as one, spread over the bytes of the lane, and then change
 * places with those of the other lanes. */
OMFI_INLINE void FN(unpack_narrow32_const)(uint8_t *dst, const uint8_t *src, const unsigned bits) {
    const __m256i first_half = _mm256_set1_epi32((1 << 2 * bits) - 1), second_half = _mm256_slli_epi32(first_half, 16);
    const __m256i even_bytes = _mm256_set1_epi16((1 << bits) - 1), odd_bytes = _mm256_slli_epi16(even_bytes, 8);
    const __m256i order =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
    OMFI_UNROLL
    for (unsigned i = 0; i < 8; i += 2) {
        __m256i x = FN(take_steps32)(src, i, 4 * bits);
        if (bits < 8) {
            const __m256i second = _mm256_slli_epi32(x, (int)(16 - 2 * bits));
            x = _mm256_or_si256(_mm256_and_si256(x, first_half), _mm256_and_si256(second, second_half));
            const __m256i odd = _mm256_slli_epi16(x, (int)(8 - bits));
            x = _mm256_or_si256(_mm256_and_si256(x, even_bytes), _mm256_and_si256(odd, odd_bytes));
        }
        FN(store256)(dst + 16 * i, _mm256_shuffle_epi8(x, order));
    }
}

OMFI_INLINE void FN(unpack_narrow16_const)(uint8_t *dst, const uint8_t *src, const unsigned bits) {
    const __m256i even_bytes = _mm256_set1_epi16((1 << bits) - 1), odd_bytes = _mm256_slli_epi16(even_bytes, 8);
    const __m256i order =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15));
    OMFI_UNROLL
    for (unsigned i = 0; i < 8; i += 2) {
        __m256i x = _mm256_inserti128_si256(_mm256_castsi128_si256(FN(take_step16)(src, i, 2 * bits)),
                                            FN(take_step16)(src, i + 1, 2 * bits), 1);
        if (bits < 8) {
            const __m256i odd = _mm256_slli_epi16(x, (int)(8 - bits));
            x = _mm256_or_si256(_mm256_and_si256(x, even_bytes), _mm256_and_si256(odd, odd_bytes));
        }
        FN(store256)(dst + 16 * i, _mm256_shuffle_epi8(x, order));
    }
}

#define UNPACK_NARROW16(b)                                                                                             \
    case b: FN(unpack_narrow16_const)(dst, src, b); break;
static void FN(unpack_narrow16)(uint8_t *dst, const uint8_t *src, unsigned bits) {
    switch (bits) { OMFI_WIDTHS_8(UNPACK_NARROW16) }
}
#define UNPACK_NARROW32(b)                                                                                             \
    case b: FN(unpack_narrow32_const)(dst, src, b); break;
static void FN(unpack_narrow32)(uint8_t *dst, const uint8_t *src, unsigned bits) {
    switch (bits) { OMFI_WIDTHS_8(UNPACK_NARROW32) }
}
#undef UNPACK_NARROW16
#undef UNPACK_NARROW32

/* Low parts, which lie as those of words of `width` bits do. */
OMFI_INLINE void FN(unpack_narrow)(uint8_t *dst, const unsigned width, unsigned bits, const uint8_t *src,
                                   size_t readable) {
    if (bits == 0) memset(dst, 0, OMFI_BLOCK);
    else if (width == 16) FN(unpack_narrow16)(dst, src, bits);
    else if (width == 32) FN(unpack_narrow32)(dst, src, bits);
    else FN(unpack_horizontal8)(dst, OMFI_BLOCK, bits, src, readable);
}

/* --- integration -------------------------------------------------------------------------------------------------- */

/* 128 zigzag bytes -> their running sums from *carry on, which becomes the last one. The sums themselves take 16 bits.
 * Neighbours are added first, so that half as many sums run: those of the odd bytes. */
#define INTEGRATE_NARROW(W, T, STORE_ALL)                                                                              \
    OMFI_INLINE void FN(integrate_narrow##W)(T * values, const uint8_t *bytes, T *carry) {                             \
        const __m256i in_high = _mm256_setr_epi64x(0, 0, -1, -1), start = FN(spread##W)(*carry);                       \
        __m256i before = _mm256_setzero_si256();                                                                       \
        for (unsigned i = 0; i < OMFI_BLOCK; i += 32) {                                                                \
            const __m256i x = FN(unzigzag8)(FN(load256)(bytes + i));                                                   \
            const __m256i running = FN(running_add16)(_mm256_maddubs_epi16(_mm256_set1_epi8(1), x));                   \
            const __m256i last = FN(spread_last)(running, 16), other = _mm256_permute2x128_si256(last, last, 0x01);    \
            const __m256i odd = _mm256_add_epi16(_mm256_add_epi16(running, _mm256_and_si256(other, in_high)), before); \
            const __m256i even = _mm256_sub_epi16(odd, _mm256_srai_epi16(x, 8));                                       \
            const __m256i low = _mm256_unpacklo_epi16(even, odd), high = _mm256_unpackhi_epi16(even, odd);             \
            STORE_ALL(values + i, _mm256_castsi256_si128(low), _mm256_castsi256_si128(high),                           \
                      _mm256_extracti128_si256(low, 1), _mm256_extracti128_si256(high, 1));                            \
            before = _mm256_add_epi16(before, _mm256_add_epi16(last, other));                                          \
        }                                                                                                              \
        *carry = values[OMFI_BLOCK - 1];                                                                               \
    }
#define STORE_16(to, a, b, c, d)                                                                                       \
    FN(store256)(to, _mm256_add_epi16(start, _mm256_setr_m128i(a, b)));                                                \
    FN(store256)(to + 16, _mm256_add_epi16(start, _mm256_setr_m128i(c, d)))
#define STORE_32(to, a, b, c, d)                                                                                       \
    FN(store256)(to, _mm256_add_epi32(start, _mm256_cvtepi16_epi32(a)));                                               \
    FN(store256)(to + 8, _mm256_add_epi32(start, _mm256_cvtepi16_epi32(b)));                                           \
    FN(store256)(to + 16, _mm256_add_epi32(start, _mm256_cvtepi16_epi32(c)));                                          \
    FN(store256)(to + 24, _mm256_add_epi32(start, _mm256_cvtepi16_epi32(d)))
#define STORE_8_OF_64(to, x)                                                                                           \
    FN(store256)(to, _mm256_add_epi64(start, _mm256_cvtepi16_epi64(x)));                                               \
    FN(store256)(to + 4, _mm256_add_epi64(start, _mm256_cvtepi16_epi64(_mm_srli_si128(x, 8))))
#define STORE_64(to, a, b, c, d)                                                                                       \
    STORE_8_OF_64(to, a);                                                                                              \
    STORE_8_OF_64(to + 8, b);                                                                                          \
    STORE_8_OF_64(to + 16, c);                                                                                         \
    STORE_8_OF_64(to + 24, d)
INTEGRATE_NARROW(16, uint16_t, STORE_16)
INTEGRATE_NARROW(32, uint32_t, STORE_32)
INTEGRATE_NARROW(64, uint64_t, STORE_64)
#undef INTEGRATE_NARROW
#undef STORE_16
#undef STORE_32
#undef STORE_8_OF_64
#undef STORE_64

/* The last of these sums, from 0 on. */
static int32_t FN(total_narrow)(const uint8_t *bytes) {
    __m256i sums = _mm256_setzero_si256();
    for (unsigned i = 0; i < OMFI_BLOCK; i += 32) {
        const __m256i x = FN(unzigzag8)(FN(load256)(bytes + i));
        const __m256i pairs = _mm256_maddubs_epi16(_mm256_set1_epi8(1), x);
        sums = _mm256_add_epi32(sums, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
    }
    int32_t parts[8], total = 0;
    FN(store256)(parts, sums);
    for (unsigned i = 0; i < 8; i++) total += parts[i];
    return total;
}

/* --- blocks ------------------------------------------------------------------------------------------------------- */

/* Decode a full block of words of `width` bits to bytes. False: it is not narrow, or not what it should be, which the
 * decoder for all blocks knows better. */
OMFI_INLINE bool FN(decode_narrow)(uint8_t *dst, const unsigned width, const omfi_input *input,
                                   const uint8_t **cursor) {
    const uint8_t *at = *cursor, *const end = input->end;
    uint8_t high[OMFI_BLOCK + MERGE_SLACK];
    if (end - at < 2) return false;
    const unsigned bits = at[0] & 63, kind = at[0] >> 6, low_size = OMFI_BLOCK / 8 * bits;
    if (bits > 8) return false;
    if (kind == BLOCK_PLAIN) {
        if ((size_t)(end - at) < 1 + low_size) return false;
        FN(unpack_narrow)(dst, width, bits, at + 1, (size_t)(end - at - 1));
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
        FN(unpack_horizontal8)(high, n_exceptions, extra, at, (size_t)(end - at));
        at += high_size; /* the low parts come first: a load that meets two stores waits until they are over */
        FN(unpack_narrow)(dst, width, bits, at, (size_t)(end - at));
        FN(merge_bytes8)(dst, bitmap, high, bits);
        *cursor = at + low_size;
        return true;
    }
    if (kind == BLOCK_VBYTE) {
        const unsigned n_exceptions = at[1];
        if (n_exceptions > 16 || (size_t)(end - at) < 2 + low_size + 2 * n_exceptions) return false;
        const uint8_t *exceptions = at + 2 + low_size, *const behind = exceptions + 2 * n_exceptions;
        if (end - exceptions < 2 * 16 + MERGE_SLACK) {
            omfi_copy_few(high + 1, exceptions, 2 * n_exceptions);
            exceptions = high + 1;
        }
        const uint8_t *const positions = exceptions + n_exceptions;
        /* A larger one takes two bytes. */
        const __m128i limit = _mm_set1_epi8((char)(bits == 0 ? 176 : 255u >> bits));
        const __m128i too_large = _mm_subs_epu8(FN(load128)(exceptions), limit), position = FN(load128)(positions);
        const int fit = _mm_movemask_epi8(_mm_cmpeq_epi8(too_large, _mm_setzero_si128()));
        const int ascend = _mm_movemask_epi8(_mm_cmpgt_epi8(position, FN(load128)(positions - 1))) | 1;
        const int wanted = (1 << n_exceptions) - 1;
        if (((~fit | ~ascend | _mm_movemask_epi8(position)) & wanted) != 0) return false;
        uint64_t bitmap[2] = {0, 0};
        for (unsigned i = 0; i < n_exceptions; i++) {
            const unsigned k = positions[i];
            const uint64_t bit = (uint64_t)1 << (k % 64), in_second = 0 - (uint64_t)(k / 64);
            bitmap[0] |= bit & ~in_second;
            bitmap[1] |= bit & in_second;
        }
        FN(unpack_narrow)(dst, width, bits, at + 2, (size_t)(end - at - 2));
        FN(merge_bytes8)(dst, bitmap, exceptions, bits);
        *cursor = behind;
        return true;
    }
    return false;
}
