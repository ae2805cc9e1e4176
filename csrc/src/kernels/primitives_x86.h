/* SPDX-License-Identifier: MIT */
/* kernels: the primitives of primitives_generic.h that AVX2 and AVX-512 share. */

/* One function body for each number of bits, so that all shifts are constants: X(1) X(2) ... */
#define OMFI_WIDTHS_16(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15) X(16)
#define OMFI_WIDTHS_32(X)                                                                                              \
    OMFI_WIDTHS_16(X) X(17) X(18) X(19) X(20) X(21) X(22) X(23) X(24) X(25) X(26) X(27) X(28) X(29) X(30) X(31) X(32)

OMFI_INLINE __m128i FN(load128)(const uint8_t *src) { return _mm_loadu_si128((const __m128i *)src); }
OMFI_INLINE __m256i FN(load256)(const void *src) { return _mm256_loadu_si256((const __m256i *)src); }
OMFI_INLINE void FN(store256)(void *dst, __m256i x) { _mm256_storeu_si256((__m256i *)dst, x); }

/* --- vertical packing --------------------------------------------------------------------------------------------- */

/* A word index of four (eight) lanes is 16 bytes. Two steps at a time fill a register of 256 bits: their words are the
 * same or neighbours, and shifts that differ are one variable shift. */
OMFI_INLINE __m256i FN(word_pair)(const uint8_t *src, unsigned first, unsigned second) {
    if (first == second) return _mm256_broadcastsi128_si256(FN(load128)(src + 16 * first));
    return FN(load256)(src + 16 * first);
}

OMFI_INLINE void FN(unpack_vertical32_const)(uint32_t *dst, const uint8_t *src, const unsigned bits) {
    const __m256i mask = _mm256_set1_epi32((int)(UINT32_MAX >> (32 - bits)));
    OMFI_UNROLL
    for (unsigned i = 0; i < 32; i += 2) {
        const unsigned word0 = i * bits / 32, shift0 = i * bits % 32;
        const unsigned word1 = (i + 1) * bits / 32, shift1 = (i + 1) * bits % 32;
        const bool split0 = shift0 + bits > 32, split1 = shift1 + bits > 32;
        __m256i x = _mm256_srlv_epi32(FN(word_pair)(src, word0, word1),
                                      _mm256_setr_epi32((int)shift0, (int)shift0, (int)shift0, (int)shift0, (int)shift1,
                                                        (int)shift1, (int)shift1, (int)shift1));
        if (split0 || split1) {
            /* A shift by 32 gives 0: half of a pair that is not split takes nothing, and its word need not be there. */
            const int left0 = split0 ? (int)(32 - shift0) : 32, left1 = split1 ? (int)(32 - shift1) : 32;
            const __m256i next =
                split0 && split1
                    ? FN(word_pair)(src, word0 + 1, word1 + 1)
                    : _mm256_broadcastsi128_si256(FN(load128)(src + 16 * (split0 ? word0 + 1 : word1 + 1)));
            x = _mm256_or_si256(
                x, _mm256_sllv_epi32(next, _mm256_setr_epi32(left0, left0, left0, left0, left1, left1, left1, left1)));
        }
        FN(store256)(dst + 4 * i, bits == 32 ? x : _mm256_and_si256(x, mask));
    }
}

OMFI_INLINE void FN(unpack_vertical16_const)(uint16_t *dst, const uint8_t *src, const unsigned bits) {
    const __m128i mask = _mm_set1_epi16((short)(UINT16_MAX >> (16 - bits)));
    OMFI_UNROLL
    for (unsigned i = 0; i < 16; i++) {
        const unsigned word = i * bits / 16, shift = i * bits % 16;
        __m128i x = _mm_srli_epi16(FN(load128)(src + 16 * word), (int)shift);
        if (shift + bits > 16)
            x = _mm_or_si128(x, _mm_slli_epi16(FN(load128)(src + 16 * (word + 1)), (int)(16 - shift)));
        if (shift + bits != 16) x = _mm_and_si128(x, mask);
        _mm_storeu_si128((__m128i *)(dst + 8 * i), x);
    }
}

OMFI_INLINE void FN(pack_vertical32_const)(uint8_t *dst, const uint32_t *src, const unsigned bits) {
    const __m128i mask = _mm_set1_epi32((int)(UINT32_MAX >> (32 - bits)));
    __m128i pending = _mm_setzero_si128();
    OMFI_UNROLL
    for (unsigned i = 0; i < 32; i++) {
        const unsigned shift = i * bits % 32;
        const __m128i x = _mm_and_si128(_mm_loadu_si128((const __m128i *)(src + 4 * i)), mask);
        pending = shift == 0 ? x : _mm_or_si128(pending, _mm_slli_epi32(x, (int)shift));
        if (shift + bits >= 32) {
            _mm_storeu_si128((__m128i *)(dst + 16 * (i * bits / 32)), pending);
            if (shift + bits > 32) pending = _mm_srli_epi32(x, (int)(32 - shift));
        }
    }
}

OMFI_INLINE void FN(pack_vertical16_const)(uint8_t *dst, const uint16_t *src, const unsigned bits) {
    const __m128i mask = _mm_set1_epi16((short)(UINT16_MAX >> (16 - bits)));
    __m128i pending = _mm_setzero_si128();
    OMFI_UNROLL
    for (unsigned i = 0; i < 16; i++) {
        const unsigned shift = i * bits % 16;
        const __m128i x = _mm_and_si128(_mm_loadu_si128((const __m128i *)(src + 8 * i)), mask);
        pending = shift == 0 ? x : _mm_or_si128(pending, _mm_slli_epi16(x, (int)shift));
        if (shift + bits >= 16) {
            _mm_storeu_si128((__m128i *)(dst + 16 * (i * bits / 16)), pending);
            if (shift + bits > 16) pending = _mm_srli_epi16(x, (int)(16 - shift));
        }
    }
}

#define UNPACK32(b)                                                                                                    \
    case b: FN(unpack_vertical32_const)(dst, src, b); break;
static void FN(unpack_vertical32)(uint32_t *dst, const uint8_t *src, unsigned bits) {
    switch (bits) { OMFI_WIDTHS_32(UNPACK32) }
}
#define UNPACK16(b)                                                                                                    \
    case b: FN(unpack_vertical16_const)(dst, src, b); break;
static void FN(unpack_vertical16)(uint16_t *dst, const uint8_t *src, unsigned bits) {
    switch (bits) { OMFI_WIDTHS_16(UNPACK16) }
}
#define PACK32(b)                                                                                                      \
    case b: FN(pack_vertical32_const)(dst, src, b); break;
static void FN(pack_vertical32)(uint8_t *dst, const uint32_t *src, unsigned bits) {
    switch (bits) { OMFI_WIDTHS_32(PACK32) }
}
#define PACK16(b)                                                                                                      \
    case b: FN(pack_vertical16_const)(dst, src, b); break;
static void FN(pack_vertical16)(uint8_t *dst, const uint16_t *src, unsigned bits) {
    switch (bits) { OMFI_WIDTHS_16(PACK16) }
}
#undef UNPACK32
#undef UNPACK16
#undef PACK32
#undef PACK16

/* --- exceptions of a full PATCH block ----------------------------------------------------------------------------- */

enum { MERGE_SLACK = 16 };

/* --- horizontal packing of 16-bit and 32-bit words ---------------------------------------------------------------- */

/* Eight values at a time, which take `bits` bytes; the second four begin 4 * bits bits behind the first. Each takes the
 * four bytes from the one in which it begins, and a fifth one if it may reach there. */
typedef struct FN(eight) {
    __m256i place, fifth, shift, left, mask;
} FN(eight);

OMFI_INLINE FN(eight) FN(eight_of)(unsigned bits) {
    const __m256i number = _mm256_setr_epi32(0, 1, 2, 3, 0, 1, 2, 3);
    const int second = (int)(4 * bits % 8);
    const __m256i at = _mm256_add_epi32(_mm256_mullo_epi32(number, _mm256_set1_epi32((int)bits)),
                                        _mm256_setr_epi32(0, 0, 0, 0, second, second, second, second));
    const __m256i byte = _mm256_mullo_epi32(_mm256_srli_epi32(at, 3), _mm256_set1_epi32(0x01010101));
    const __m256i shift = _mm256_and_si256(at, _mm256_set1_epi32(7));
    return (FN(eight)){
        .place = _mm256_add_epi32(byte, _mm256_set1_epi32(0x03020100)),
        .fifth = _mm256_or_si256(_mm256_add_epi32(byte, _mm256_set1_epi32(4)), _mm256_set1_epi32((int)0x80808000)),
        .shift = shift,
        .left = _mm256_sub_epi32(_mm256_set1_epi32(32), shift),
        .mask = _mm256_set1_epi32((int)(UINT32_MAX >> (32 - bits))),
    };
}

OMFI_INLINE __m256i FN(take_eight)(const FN(eight) * eight, const uint8_t *src, unsigned bits) {
    const __m256i packed =
        _mm256_inserti128_si256(_mm256_castsi128_si256(FN(load128)(src)), FN(load128)(src + bits / 2), 1);
    __m256i x = _mm256_srlv_epi32(_mm256_shuffle_epi8(packed, eight->place), eight->shift);
    if (bits > 25) x = _mm256_or_si256(x, _mm256_sllv_epi32(_mm256_shuffle_epi8(packed, eight->fifth), eight->left));
    return _mm256_and_si256(x, eight->mask);
}

static void FN(unpack_words16)(uint16_t *dst, unsigned n, unsigned bits, const uint8_t *src) {
    const FN(eight) eight = FN(eight_of)(bits);
    for (unsigned i = 0; i < n; i += 8, src += bits) {
        const __m256i x = FN(take_eight)(&eight, src, bits);
        const __m128i words = _mm_packus_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
        if (i + 8 <= n) {
            _mm_storeu_si128((__m128i *)(dst + i), words);
        } else {
            uint16_t rest[8];
            _mm_storeu_si128((__m128i *)rest, words);
            memcpy(dst + i, rest, (n - i) * sizeof *rest);
        }
    }
}

static void FN(unpack_words32)(uint32_t *dst, unsigned n, unsigned bits, const uint8_t *src) {
    const FN(eight) eight = FN(eight_of)(bits);
    for (unsigned i = 0; i < n; i += 8, src += bits) {
        const __m256i words = FN(take_eight)(&eight, src, bits);
        if (i + 8 <= n) {
            FN(store256)(dst + i, words);
        } else {
            uint32_t rest[8];
            FN(store256)(rest, words);
            memcpy(dst + i, rest, (n - i) * sizeof *rest);
        }
    }
}

/* --- bytes -------------------------------------------------------------------------------------------------------- */

/* Eight values of `bits` bits take `bits` bytes. Reads 8 bytes at each of them. */
static void FN(unpack_bytes)(uint8_t *dst, unsigned n, unsigned bits, const uint8_t *src) {
    const uint64_t mask = UINT64_C(0x0101010101010101) * ((1u << bits) - 1);
    unsigned i = 0;
    for (; i + 8 <= n; i += 8, src += bits) omfi_store64(dst + i, _pdep_u64(omfi_load64(src), mask));
    if (i < n) {
        uint8_t rest[8];
        omfi_store64(rest, _pdep_u64(omfi_load64(src), mask));
        memcpy(dst + i, rest, n - i);
    }
}

/* Writes up to 8 bytes behind the packed ones, for which OMFI_BLOCK_BOUND has room if n >= 8. */
static size_t FN(pack_bytes)(uint8_t *dst, const uint8_t *src, unsigned n, unsigned bits) {
    const uint64_t mask = UINT64_C(0x0101010101010101) * ((1u << bits) - 1);
    uint8_t *const start = dst;
    unsigned i = 0;
    for (; i + 8 <= n; i += 8, dst += bits) omfi_store64(dst, _pext_u64(omfi_load64(src + i), mask));
    if (i < n) {
        uint8_t rest[8] = {0};
        memcpy(rest, src + i, n - i);
        omfi_store_bytes(dst, _pext_u64(omfi_load64(rest), mask), ((n - i) * bits + 7) / 8);
        dst += ((n - i) * bits + 7) / 8;
    }
    return (size_t)(dst - start);
}
