/* SPDX-License-Identifier: MIT */
/* kernels: blocks of a writer, for AVX-512 with VBMI, VBMI2, GFNI and VPOPCNTDQ.
 *
 * What a block needs stays in registers from the differences to the packed bits, with few branches: the layout changes
 * from block to block, so that CPUs guess it wrong. Values of up to 8 bits, the most frequent ones by far, are worked
 * on as bytes, whatever the width of words: two registers hold a block. */

#define OMFI_HAS_DIFFERENCES
#define OMFI_HAS_CHOOSE
#define OMFI_HAS_ENCODE_NARROW

/* --- differences -------------------------------------------------------------------------------------------------- */

/* The word before each of x's, `last` being the register before: by lanes of 128 bits, then within them. */
#define BEFORE(W, x, last) _mm512_alignr_epi8(x, _mm512_alignr_epi64(x, last, 6), 16 - W / 8)

#define TWICE8(x) _mm512_add_epi8(x, x)
#define TWICE16(x) _mm512_slli_epi16(x, 1)
#define TWICE32(x) _mm512_slli_epi32(x, 1)
#define TWICE64(x) _mm512_slli_epi64(x, 1)
#define SIGN8(x) _mm512_movm_epi8(_mm512_movepi8_mask(x))
#define SIGN16(x) _mm512_srai_epi16(x, 15)
#define SIGN32(x) _mm512_srai_epi32(x, 31)
#define SIGN64(x) _mm512_srai_epi64(x, 63)

/* Differences of a block to the words before, zigzag or not; returns the OR of them. */
#define DIFFERENCES(W, T)                                                                                              \
    OMFI_INLINE T differences##W(T *values, const T *block, T before, const bool zigzag) {                             \
        __m512i last = spread##W(before), any = _mm512_setzero_si512();                                                \
        for (unsigned i = 0; i < OMFI_BLOCK; i += 512 / W) {                                                           \
            const __m512i x = load512(block + i);                                                                      \
            __m512i difference = _mm512_sub_epi##W(x, BEFORE(W, x, last));                                             \
            if (zigzag) difference = _mm512_xor_si512(TWICE##W(difference), SIGN##W(difference));                      \
            store512(values + i, difference);                                                                          \
            any = _mm512_or_si512(any, difference);                                                                    \
            last = x;                                                                                                  \
        }                                                                                                              \
        uint64_t bits = (uint64_t)_mm512_reduce_or_epi64(any);                                                         \
        for (unsigned i = 32; i >= W; i /= 2) bits |= bits >> i;                                                       \
        return (T)bits;                                                                                                \
    }
DIFFERENCES(8, uint8_t)
DIFFERENCES(16, uint16_t)
DIFFERENCES(32, uint32_t)
DIFFERENCES(64, uint64_t)
#undef DIFFERENCES

/* The same with XOR, reversed after a shift to the left by the number of zeros that all share, which is returned. */
#define DIFFERENCES_XOR(W, T)                                                                                          \
    OMFI_INLINE unsigned differences_xor##W(T *values, const T *block, T before, T *any_value) {                       \
        __m512i last = spread##W(before), any = _mm512_setzero_si512(), all[W / 4];                                    \
        for (unsigned i = 0; i < W / 4; i++) {                                                                         \
            const __m512i x = load512(block + i * (512 / W));                                                          \
            all[i] = _mm512_xor_si512(x, BEFORE(W, x, last));                                                          \
            any = _mm512_or_si512(any, all[i]);                                                                        \
            last = x;                                                                                                  \
        }                                                                                                              \
        uint64_t bits = (uint64_t)_mm512_reduce_or_epi64(any);                                                         \
        if (W == 32) bits = (bits | bits >> 32) & UINT32_MAX;                                                          \
        const unsigned zeros = W - (unsigned)(64 - _lzcnt_u64(bits));                                                  \
        const __m128i shift = _mm_cvtsi32_si128((int)zeros);                                                           \
        for (unsigned i = 0; i < W / 4; i++)                                                                           \
            store512(values + i * (512 / W), reverse(_mm512_sll_epi##W(all[i], shift), W));                            \
        *any_value = zeros == W ? 0 : omfi_reverse##W((T)(bits << zeros));                                             \
        return zeros;                                                                                                  \
    }
DIFFERENCES_XOR(32, uint32_t)
DIFFERENCES_XOR(64, uint64_t)
#undef DIFFERENCES_XOR
#undef BEFORE
#undef TWICE8
#undef TWICE16
#undef TWICE32
#undef TWICE64
#undef SIGN8
#undef SIGN16
#undef SIGN32
#undef SIGN64

/* --- a block as bytes --------------------------------------------------------------------------------------------- */

/* Byte k of word i of 8: seen as a matrix of 8 by 8 bytes, what transposes it. */
#define TRANSPOSED_BYTES UINT64_C(0x3830282018100800)
#define EIGHT(first, step)                                                                                             \
    _mm512_setr_epi64((long long)(first), (long long)((first) + (step)), (long long)((first) + 2 * (step)),            \
                      (long long)((first) + 3 * (step)), (long long)((first) + 4 * (step)),                            \
                      (long long)((first) + 5 * (step)), (long long)((first) + 6 * (step)),                            \
                      (long long)((first) + 7 * (step)))
#define ONES UINT64_C(0x0101010101010101)

OMFI_INLINE __m512i transpose_bytes(__m512i x) { return _mm512_permutexvar_epi8(EIGHT(TRANSPOSED_BYTES, ONES), x); }

/* Words below 256, or what MAP makes of them, as bytes: value i is byte i % 64 of bytes[i / 64]. */
#define WORDS(at, i) MAP(load512(at + i))
#define TO_BYTES8(bytes, at) bytes[0] = WORDS(at, 0), bytes[1] = WORDS(at, 64)
#define TO_BYTES16(bytes, at)                                                                                          \
    for (unsigned half = 0; half < 2; half++) {                                                                        \
        const __m512i both = _mm512_packus_epi16(WORDS(at, 64 * half), WORDS(at, 64 * half + 32));                     \
        bytes[half] = _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7), both);                       \
    }
#define TO_BYTES32(bytes, at)                                                                                          \
    for (unsigned half = 0; half < 2; half++) {                                                                        \
        const __m512i first = _mm512_packus_epi32(WORDS(at, 64 * half), WORDS(at, 64 * half + 16));                    \
        const __m512i second = _mm512_packus_epi32(WORDS(at, 64 * half + 32), WORDS(at, 64 * half + 48));              \
        const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);                 \
        bytes[half] = _mm512_permutexvar_epi32(order, _mm512_packus_epi16(first, second));                             \
    }
#define TO_BYTES64(bytes, at)                                                                                          \
    for (unsigned half = 0; half < 2; half++) {                                                                        \
        __m512i all = WORDS(at, 64 * half);                                                                            \
        OMFI_UNROLL                                                                                                    \
        for (unsigned i = 1; i < 8; i++)                                                                               \
            all = _mm512_or_si512(all, _mm512_slli_epi64(WORDS(at, 64 * half + 8 * i), 8 * i));                        \
        bytes[half] = transpose_bytes(all);                                                                            \
    }

#define MAP(x) (x)
OMFI_INLINE void narrow8(__m512i bytes[2], const uint8_t *values) { TO_BYTES8(bytes, values); }
OMFI_INLINE void narrow16(__m512i bytes[2], const uint16_t *values) { TO_BYTES16(bytes, values); }
OMFI_INLINE void narrow32(__m512i bytes[2], const uint32_t *values) { TO_BYTES32(bytes, values); }
OMFI_INLINE void narrow64(__m512i bytes[2], const uint64_t *values) { TO_BYTES64(bytes, values); }
#undef MAP

/* --- bit lengths -------------------------------------------------------------------------------------------------- */

#define MAP(x) _mm512_lzcnt_epi32(x)
OMFI_INLINE void leading_zeros32(__m512i bytes[2], const uint32_t *values) { TO_BYTES32(bytes, values); }
#undef MAP
#define MAP(x) _mm512_lzcnt_epi64(x)
OMFI_INLINE void leading_zeros64(__m512i bytes[2], const uint64_t *values) { TO_BYTES64(bytes, values); }
#undef MAP
#undef WORDS
#define WORDS(at, i) _mm512_lzcnt_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(at + i))))
OMFI_INLINE void leading_zeros16(__m512i bytes[2], const uint16_t *values) { TO_BYTES32(bytes, values); }
#undef WORDS
#undef TO_BYTES8
#undef TO_BYTES16
#undef TO_BYTES32
#undef TO_BYTES64

/* Of 64 bytes: bit i of 64-bit word 7 - k is bit k of byte i. Eight bytes are a matrix of 8 by 8 bits, whose first row
 * is the last byte; to multiply it by a constant one is to transpose it. */
OMFI_INLINE __m512i bit_planes(__m512i x) {
    const __m512i backwards =
        _mm512_broadcast_i32x4(_mm_setr_epi8(7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8));
    const __m512i from_top = _mm512_set1_epi64(0x0102040810204080);
    return transpose_bytes(_mm512_gf2p8affine_epi64_epi8(from_top, _mm512_shuffle_epi8(x, backwards), 0));
}

/* How many bits of each pair of words are set, as 16-bit words. */
OMFI_INLINE __m128i count_planes(__m512i first, __m512i second) {
    return _mm512_cvtepi64_epi16(_mm512_add_epi64(_mm512_popcnt_epi64(first), _mm512_popcnt_epi64(second)));
}

/* --- layout of a block -------------------------------------------------------------------------------------------- */

/* What choose.h does, for a block with values of more than 8 bits: `longer` receives the bitmap of exceptions. */
OMFI_INLINE layout choose_by_zeros(uint64_t longer[2], const __m512i leading_zeros[2], unsigned n, unsigned top,
                                   const unsigned width) {
    enum { PADDING = 32 };
    uint16_t padded[PADDING + 64] = {0}, *const above = padded + PADDING; /* above[63 - b] as in choose.h */
    uint64_t planes[8][2][8];
    const __m512i ones_up_to =
        _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 3, 7, 15, 31, 63, 127, -1, 0, 0, 0, 0, 0, 0, 0));
    const __m512i all = _mm512_set1_epi8(width == 64 ? 64 : 32), eight = _mm512_set1_epi8(8);
    for (unsigned k = 0; 8 * k < top; k++) {
        __m512i longer_than[2];
        for (unsigned half = 0; half < 2; half++) {
            const __m512i length = _mm512_sub_epi8(all, leading_zeros[half]);
            const __m512i rest = _mm512_subs_epu8(length, _mm512_set1_epi8((char)(8 * k)));
            longer_than[half] = bit_planes(_mm512_shuffle_epi8(ones_up_to, _mm512_min_epu8(rest, eight)));
            store512(planes[k][half], longer_than[half]);
        }
        _mm_storeu_si128((__m128i *)(above + 56 - 8 * k), count_planes(longer_than[0], longer_than[1]));
    }
    const __m512i from_31 = _mm512_set_epi16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20,
                                             21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31);
    const __m512i seven = _mm512_set1_epi16(7), bitmap_size = _mm512_set1_epi16((short)((n + 7) / 8));
    layout best = {BLOCK_PLAIN, top};
    unsigned best_cost = (n * top + 7) / 8 + 1;
    for (unsigned first = top > 32 ? 32 : 0;; first -= 32) {
        const uint16_t *const at = above + 32 - first;
        const __m512i b = _mm512_add_epi16(from_31, _mm512_set1_epi16((short)first));
        const __m512i left = _mm512_sub_epi16(_mm512_set1_epi16((short)top), b), count = load512(at);
        const __m512i bits = _mm512_mullo_epi16(_mm512_set1_epi16((short)n), b);
        const __m512i low = _mm512_add_epi16(_mm512_srli_epi16(_mm512_add_epi16(bits, seven), 3), _mm512_set1_epi16(2));
        const __m512i high = _mm512_srli_epi16(_mm512_add_epi16(_mm512_mullo_epi16(count, left), seven), 3);
        const __m512i patch = _mm512_add_epi16(_mm512_add_epi16(low, bitmap_size), high);
        const __m512i above7 = load512(at - 7), above15 = load512(at - 15);
        const __m512i above19 = load512(at - 19), above25 = load512(at - 25);
        const __m512i once = _mm512_add_epi16(_mm512_add_epi16(low, above7), above19);
        const __m512i more = _mm512_add_epi16(_mm512_add_epi16(count, above15), above19);
        const __m512i twice = _mm512_add_epi16(more, _mm512_slli_epi16(above25, 1));
        const __m512i vbyte = _mm512_add_epi16(once, _mm512_slli_epi16(twice, 1));
        const __mmask32 candidates = _mm512_cmplt_epu16_mask(b, _mm512_set1_epi16((short)top));
        const __m512i cost = _mm512_mask_min_epu16(_mm512_set1_epi16(-1), candidates, patch, vbyte);
        const __m256i half = _mm256_min_epu16(_mm512_castsi512_si256(cost), _mm512_extracti64x4_epi64(cost, 1));
        const __m128i part = _mm_min_epu16(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
        const unsigned least = (unsigned)_mm_cvtsi128_si32(_mm_minpos_epu16(part)) & 0xFFFF;
        if (least < best_cost) {
            const __m512i wanted = _mm512_set1_epi16((short)least);
            const unsigned at_least = (unsigned)_mm512_mask_cmpeq_epu16_mask(candidates, cost, wanted);
            const unsigned lane = omfi_lowest_bit(at_least); /* the one with the most bits */
            best_cost = least;
            best.bits = first + 31 - lane;
            best.kind = _mm512_cmpeq_epu16_mask(patch, wanted) >> lane & 1 ? BLOCK_PATCH : BLOCK_VBYTE;
        }
        if (first == 0) break;
    }
    if (best.kind != BLOCK_PLAIN)
        for (unsigned half = 0; half < 2; half++) longer[half] = planes[best.bits / 8][half][7 - best.bits % 8];
    return best;
}

#define CHOOSE(W, T)                                                                                                   \
    OMFI_INLINE layout choose##W(uint64_t longer[2], const T *values, unsigned n, unsigned top) {                      \
        __m512i zeros[2];                                                                                              \
        leading_zeros##W(zeros, values);                                                                               \
        return choose_by_zeros(longer, zeros, n, top, W);                                                              \
    }
CHOOSE(16, uint16_t)
CHOOSE(32, uint32_t)
CHOOSE(64, uint64_t)
#undef CHOOSE

/* --- a block of bytes --------------------------------------------------------------------------------------------- */

/* Eight bytes of `bits` bits in each word: these bits side by side at its lower end, then the words side by side. */
OMFI_INLINE __m512i squeeze(__m512i x, unsigned bits) {
    if (bits == 8) return x;
    const __m512i pairs = _mm512_maddubs_epi16(_mm512_set1_epi16((short)(1 | 1 << (8 + bits))), x);
    const __m512i quads = _mm512_madd_epi16(pairs, _mm512_set1_epi32(1 | 1 << (16 + 2 * bits)));
    const __m512i high = _mm512_sll_epi64(_mm512_srli_epi64(quads, 32), _mm_cvtsi32_si128((int)(4 * bits)));
    const __m512i all = _mm512_or_si512(_mm512_and_si512(quads, _mm512_set1_epi64(UINT32_MAX)), high);
    return _mm512_maskz_compress_epi8(ONES * ((1u << bits) - 1), all);
}

/* Packed horizontally; exactly the bytes that n values take are written and returned. */
OMFI_INLINE size_t pack_narrow(uint8_t *dst, const __m512i bytes[2], unsigned n, unsigned bits) {
    const unsigned size = (n * bits + 7) / 8;
    _mm512_mask_storeu_epi8(dst, below(size < 8 * bits ? size : 8 * bits), squeeze(bytes[0], bits));
    if (n > 64) _mm512_mask_storeu_epi8(dst + 8 * bits, below(size - 8 * bits), squeeze(bytes[1], bits));
    return size;
}

/* Packed vertically, in 4 lanes of 32-bit words or 8 lanes of 16-bit words: first lane by lane, then their words by
 * turns. Up to 128 bytes are written. */
#define LANES(step, a, b, c, d, e, f, g, h)                                                                            \
    _mm512_setr_epi64((long long)((step) + (a) * ONES), (long long)((step) + (b) * ONES),                              \
                      (long long)((step) + (c) * ONES), (long long)((step) + (d) * ONES),                              \
                      (long long)((step) + (e) * ONES), (long long)((step) + (f) * ONES),                              \
                      (long long)((step) + (g) * ONES), (long long)((step) + (h) * ONES))
OMFI_INLINE size_t pack_narrow_vertical32(uint8_t *dst, const __m512i bytes[2], unsigned bits) {
    const __m512i order = LANES(UINT64_C(0x1C1814100C080400), 0, 32, 64, 96, 1, 33, 65, 97);
    const __m512i next = _mm512_add_epi8(order, _mm512_set1_epi8(2));
    const __m512i x = squeeze(_mm512_permutex2var_epi8(bytes[0], order, bytes[1]), bits);
    const __m512i y = squeeze(_mm512_permutex2var_epi8(bytes[0], next, bytes[1]), bits);
    const __m512i even = _mm512_setr_epi32(0, 0, 16, 16, 1, 1, 17, 17, 2, 2, 18, 18, 3, 3, 19, 19);
    const __m512i words = _mm512_mask_add_epi32(even, 0xAAAA, even, _mm512_set1_epi32((int)bits));
    store512(dst, _mm512_permutex2var_epi32(x, words, y));
    if (bits > 4) store512(dst + 64, _mm512_permutex2var_epi32(x, _mm512_add_epi32(words, _mm512_set1_epi32(4)), y));
    return 16 * bits;
}

OMFI_INLINE size_t pack_narrow_vertical16(uint8_t *dst, const __m512i bytes[2], unsigned bits) {
    const __m512i order = LANES(TRANSPOSED_BYTES, 0, 64, 1, 65, 2, 66, 3, 67);
    const __m512i next = _mm512_add_epi8(order, _mm512_set1_epi8(4));
    const __m512i x = squeeze(_mm512_permutex2var_epi8(bytes[0], order, bytes[1]), bits);
    const __m512i y = squeeze(_mm512_permutex2var_epi8(bytes[0], next, bytes[1]), bits);
    const __m512i lane = _mm512_set1_epi64(0x0003000200010000);
    const __m512i turn = _mm512_setr_epi64(0, 0x20 * UINT64_C(0x0001000100010001), 0x01 * UINT64_C(0x0001000100010001),
                                           0x21 * UINT64_C(0x0001000100010001), 0x02 * UINT64_C(0x0001000100010001),
                                           0x22 * UINT64_C(0x0001000100010001), 0x03 * UINT64_C(0x0001000100010001),
                                           0x23 * UINT64_C(0x0001000100010001));
    const __m512i words = _mm512_add_epi16(turn, _mm512_mullo_epi16(lane, _mm512_set1_epi16((short)bits)));
    store512(dst, _mm512_permutex2var_epi16(x, words, y));
    if (bits > 4) store512(dst + 64, _mm512_permutex2var_epi16(x, _mm512_add_epi16(words, _mm512_set1_epi16(4)), y));
    return 16 * bits;
}

/* The low parts of n values, in the order of words of `width` bits. */
OMFI_INLINE size_t pack_narrow_low(uint8_t *dst, const __m512i bytes[2], unsigned n, unsigned bits,
                                   const unsigned width, const bool is_xor) {
    if (bits == 0) return 0;
    const __m512i mask = _mm512_set1_epi8((char)(0xFF >> (8 - bits)));
    const __m512i low[2] = {_mm512_and_si512(bytes[0], mask), _mm512_and_si512(bytes[1], mask)};
    if (n == OMFI_BLOCK && width == 16) return pack_narrow_vertical16(dst, low, bits);
    if (n == OMFI_BLOCK && (width == 32 || (width == 64 && is_xor))) return pack_narrow_vertical32(dst, low, bits);
    return pack_narrow(dst, low, n, bits);
}

/* The bytes of both registers whose bits are set, side by side; returns how many. */
OMFI_INLINE unsigned join(__m512i joined[2], __m512i first, __m512i second, const uint64_t set[2]) {
    const unsigned n_first = (unsigned)_mm_popcnt_u64(set[0]), n_second = (unsigned)_mm_popcnt_u64(set[1]);
    const __m512i tail = _mm512_maskz_compress_epi8(set[1], second);
    joined[0] =
        _mm512_or_si512(_mm512_maskz_compress_epi8(set[0], first), _mm512_maskz_expand_epi8(~below(n_first), tail));
    joined[1] = _mm512_maskz_compress_epi8(~below(64 - n_first), tail);
    return n_first + n_second;
}

/* encode_block of encode_tmpl.h for values of at most 8 bits that are not all equal, those behind the n-th being zero.
 * Returns 0 for a rare block that it cannot write. */
OMFI_INLINE size_t encode_narrow(uint8_t *dst, const __m512i bytes[2], unsigned n, unsigned top, const unsigned width,
                                 const bool is_xor) {
    uint8_t *const start = dst;
    /* All ones from the highest bit of a byte downwards: the bits of its two halves together. */
    const __m512i of_low =
        _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 3, 3, 7, 7, 7, 7, 15, 15, 15, 15, 15, 15, 15, 15));
    const __m512i of_high =
        _mm512_broadcast_i32x4(_mm_setr_epi8(0, 31, 63, 63, 127, 127, 127, 127, -1, -1, -1, -1, -1, -1, -1, -1));
    const __m512i nibble = _mm512_set1_epi8(15);
    __m512i planes[2];
    for (unsigned half = 0; half < 2; half++) {
        const __m512i x = bytes[half], high = _mm512_and_si512(_mm512_srli_epi16(x, 4), nibble);
        const __m512i low = _mm512_shuffle_epi8(of_low, _mm512_and_si512(x, nibble));
        planes[half] = bit_planes(_mm512_or_si512(low, _mm512_shuffle_epi8(of_high, high)));
    }
    /* Lane i is for 7 - i bits: among equals the first one is wanted, and found. */
    const __m128i above = count_planes(planes[0], planes[1]);
    const __m128i b = _mm_setr_epi16(7, 6, 5, 4, 3, 2, 1, 0), seven = _mm_set1_epi16(7);
    const __m128i bits = _mm_add_epi16(_mm_mullo_epi16(_mm_set1_epi16((short)n), b), seven);
    const __m128i low = _mm_add_epi16(_mm_srli_epi16(bits, 3), _mm_set1_epi16(2));
    const __m128i left = _mm_sub_epi16(_mm_set1_epi16((short)top), b);
    const __m128i high = _mm_srli_epi16(_mm_add_epi16(_mm_mullo_epi16(above, left), seven), 3);
    const __m128i patch = _mm_add_epi16(_mm_add_epi16(low, high), _mm_set1_epi16((short)((n + 7) / 8)));
    const __m128i vbyte = _mm_add_epi16(_mm_add_epi16(low, _mm_slli_epi16(above, 1)), _mm_slli_si128(above, 14));
    const __m128i cost = width == 8 ? patch : _mm_min_epu16(patch, vbyte);
    const __mmask8 candidates = (__mmask8)(0xFF << (8 - top));
    const __m128i least = _mm_minpos_epu16(_mm_mask_mov_epi16(_mm_set1_epi16(-1), candidates, cost));
    const unsigned found = (unsigned)_mm_cvtsi128_si32(least), lane = found >> 16;
    if ((found & 0xFFFF) >= (n * top + 7) / 8 + 1) {
        *dst++ = (uint8_t)(BLOCK_PLAIN << 6 | top);
        return 1 + pack_narrow_low(dst, bytes, n, top, width, is_xor);
    }
    const unsigned chosen = 7 - lane, extra = top - chosen;
    uint64_t all_planes[2][8];
    store512(all_planes[0], planes[0]);
    store512(all_planes[1], planes[1]);
    const uint64_t longer[2] = {all_planes[0][lane], all_planes[1][lane]};
    const __m128i shift = _mm_cvtsi32_si128((int)chosen);
    const __m512i kept = _mm512_set1_epi8((char)(0xFF >> chosen));
    const __m512i first = _mm512_and_si512(_mm512_srl_epi16(bytes[0], shift), kept);
    const __m512i second = _mm512_and_si512(_mm512_srl_epi16(bytes[1], shift), kept);
    __m512i parts[2];
    const unsigned m = join(parts, first, second, longer);
    if (width == 8 || _mm_cmple_epu16_mask(patch, vbyte) >> lane & 1) {
        const unsigned bitmap_size = (n + 7) / 8;
        dst[0] = (uint8_t)(BLOCK_PATCH << 6 | chosen);
        dst[1] = (uint8_t)extra;
        dst += 2;
        _mm_mask_storeu_epi8(dst, (__mmask16)below(bitmap_size), _mm_loadu_si128((const __m128i *)longer));
        dst += bitmap_size;
        dst += pack_narrow(dst, parts, m, extra);
        return (size_t)(dst - start) + pack_narrow_low(dst, bytes, n, chosen, width, is_xor);
    }
    if (extra == 8) return 0;
    /* All numbers are below 177; there are less than 64 of them, or PLAIN would be cheaper. */
    dst[0] = (uint8_t)(BLOCK_VBYTE << 6 | chosen);
    dst[1] = (uint8_t)m;
    dst += 2;
    dst += pack_narrow_low(dst, bytes, n, chosen, width, is_xor);
    _mm512_mask_storeu_epi8(dst, below(m), parts[0]);
    const __m512i place = byte_numbers();
    join(parts, place, _mm512_add_epi8(place, _mm512_set1_epi8(64)), longer);
    _mm512_mask_storeu_epi8(dst + m, below(m), parts[0]);
    return (size_t)(dst - start) + 2 * m;
}

#define ENCODE_NARROW(W, T)                                                                                            \
    OMFI_INLINE size_t encode_narrow##W(uint8_t *dst, const T *values, unsigned n, unsigned top, bool is_xor) {        \
        __m512i bytes[2];                                                                                              \
        narrow##W(bytes, values);                                                                                      \
        return encode_narrow(dst, bytes, n, top, W, is_xor);                                                           \
    }
ENCODE_NARROW(8, uint8_t)
ENCODE_NARROW(16, uint16_t)
ENCODE_NARROW(32, uint32_t)
ENCODE_NARROW(64, uint64_t)
#undef ENCODE_NARROW
#undef EIGHT
#undef LANES
#undef ONES
#undef TRANSPOSED_BYTES
