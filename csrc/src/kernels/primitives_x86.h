/* SPDX-License-Identifier: MIT */
/* kernels: the primitives of primitives_generic.h that AVX2 and AVX-512 share. */

/* One function body for each number of bits, so that all shifts are constants: X(1) X(2) ... */
#define OMFI_WIDTHS_8(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8)
#define OMFI_WIDTHS_16(X) OMFI_WIDTHS_8(X) X(9) X(10) X(11) X(12) X(13) X(14) X(15) X(16)
#define OMFI_WIDTHS_32(X)                                                                                              \
    OMFI_WIDTHS_16(X) X(17) X(18) X(19) X(20) X(21) X(22) X(23) X(24) X(25) X(26) X(27) X(28) X(29) X(30) X(31) X(32)

OMFI_INLINE __m128i load128(const uint8_t *src) { return _mm_loadu_si128((const __m128i *)src); }
OMFI_INLINE __m256i load256(const void *src) { return _mm256_loadu_si256((const __m256i *)src); }
OMFI_INLINE void store256(void *dst, __m256i x) { _mm256_storeu_si256((__m256i *)dst, x); }

/* --- vertical packing --------------------------------------------------------------------------------------------- */

/* A word index of four (eight) lanes is 16 bytes. Two steps at a time fill a register of 256 bits: their words are the
 * same or neighbours, and shifts that differ are one variable shift. */
OMFI_INLINE __m256i word_pair(const uint8_t *src, unsigned first, unsigned second) {
    if (first == second) return _mm256_broadcastsi128_si256(load128(src + 16 * first));
    return load256(src + 16 * first);
}

/* Step i of all lanes and step i + 1, with other bits above their own. */
OMFI_INLINE __m256i take_steps32(const uint8_t *src, const unsigned i, const unsigned bits) {
    const unsigned word0 = i * bits / 32, shift0 = i * bits % 32;
    const unsigned word1 = (i + 1) * bits / 32, shift1 = (i + 1) * bits % 32;
    const bool split0 = shift0 + bits > 32, split1 = shift1 + bits > 32;
    const __m256i x = _mm256_srlv_epi32(word_pair(src, word0, word1),
                                        _mm256_setr_epi32((int)shift0, (int)shift0, (int)shift0, (int)shift0,
                                                          (int)shift1, (int)shift1, (int)shift1, (int)shift1));
    if (!split0 && !split1) return x;
    /* A shift by 32 gives 0: half of a pair that is not split takes nothing, and its word need not be there. */
    const int left0 = split0 ? (int)(32 - shift0) : 32, left1 = split1 ? (int)(32 - shift1) : 32;
    const __m256i next = split0 && split1
                             ? word_pair(src, word0 + 1, word1 + 1)
                             : _mm256_broadcastsi128_si256(load128(src + 16 * (split0 ? word0 + 1 : word1 + 1)));
    return _mm256_or_si256(
        x, _mm256_sllv_epi32(next, _mm256_setr_epi32(left0, left0, left0, left0, left1, left1, left1, left1)));
}

OMFI_INLINE void unpack_vertical32_const(uint32_t *dst, const uint8_t *src, const unsigned bits) {
    const __m256i mask = _mm256_set1_epi32((int)(UINT32_MAX >> (32 - bits)));
    OMFI_UNROLL
    for (unsigned i = 0; i < 32; i += 2) {
        const __m256i x = take_steps32(src, i, bits);
        store256(dst + 4 * i, bits == 32 ? x : _mm256_and_si256(x, mask));
    }
}

/* Step i of all lanes, with other bits above its own. */
OMFI_INLINE __m128i take_step16(const uint8_t *src, const unsigned i, const unsigned bits) {
    const unsigned word = i * bits / 16, shift = i * bits % 16;
    const __m128i x = _mm_srli_epi16(load128(src + 16 * word), (int)shift);
    if (shift + bits <= 16) return x;
    return _mm_or_si128(x, _mm_slli_epi16(load128(src + 16 * (word + 1)), (int)(16 - shift)));
}

OMFI_INLINE void unpack_vertical16_const(uint16_t *dst, const uint8_t *src, const unsigned bits) {
    const __m128i mask = _mm_set1_epi16((short)(UINT16_MAX >> (16 - bits)));
    OMFI_UNROLL
    for (unsigned i = 0; i < 16; i++)
        _mm_storeu_si128((__m128i *)(dst + 8 * i), _mm_and_si128(take_step16(src, i, bits), mask));
}

OMFI_INLINE void pack_vertical32_const(uint8_t *dst, const uint32_t *src, const unsigned bits) {
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

OMFI_INLINE void pack_vertical16_const(uint8_t *dst, const uint16_t *src, const unsigned bits) {
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
    case b: unpack_vertical32_const(dst, src, b); break;
static void unpack_vertical32(uint32_t *dst, const uint8_t *src, unsigned bits) {
    switch (bits) { OMFI_WIDTHS_32(UNPACK32) }
}
#define UNPACK16(b)                                                                                                    \
    case b: unpack_vertical16_const(dst, src, b); break;
static void unpack_vertical16(uint16_t *dst, const uint8_t *src, unsigned bits) {
    switch (bits) { OMFI_WIDTHS_16(UNPACK16) }
}
#define PACK32(b)                                                                                                      \
    case b: pack_vertical32_const(dst, src, b); break;
static void pack_vertical32(uint8_t *dst, const uint32_t *src, unsigned bits) {
    switch (bits) { OMFI_WIDTHS_32(PACK32) }
}
#define PACK16(b)                                                                                                      \
    case b: pack_vertical16_const(dst, src, b); break;
static void pack_vertical16(uint8_t *dst, const uint16_t *src, unsigned bits) {
    switch (bits) { OMFI_WIDTHS_16(PACK16) }
}
#undef UNPACK32
#undef UNPACK16
#undef PACK32
#undef PACK16

/* --- exceptions of a full PATCH block ----------------------------------------------------------------------------- */

/* A merge reads, and does not use, so many words or bytes behind the exceptions. */
#define MERGE_SLACK 16

/* --- horizontal packing of 16-bit and 32-bit words ---------------------------------------------------------------- */

/* Eight values at a time, which take `bits` bytes; the second four begin 4 * bits bits behind the first. Each takes the
 * four bytes from the one in which it begins, and a fifth one if it may reach there. */
typedef struct eight_layout {
    __m256i place, fifth, shift, left, mask;
} eight_layout;

OMFI_INLINE eight_layout eight_of(unsigned bits) {
    const __m256i number = _mm256_setr_epi32(0, 1, 2, 3, 0, 1, 2, 3);
    const int second = (int)(4 * bits % 8);
    const __m256i at = _mm256_add_epi32(_mm256_mullo_epi32(number, _mm256_set1_epi32((int)bits)),
                                        _mm256_setr_epi32(0, 0, 0, 0, second, second, second, second));
    const __m256i byte = _mm256_mullo_epi32(_mm256_srli_epi32(at, 3), _mm256_set1_epi32(0x01010101));
    const __m256i shift = _mm256_and_si256(at, _mm256_set1_epi32(7));
    return (eight_layout){
        .place = _mm256_add_epi32(byte, _mm256_set1_epi32(0x03020100)),
        .fifth = _mm256_or_si256(_mm256_add_epi32(byte, _mm256_set1_epi32(4)), _mm256_set1_epi32((int)0x80808000)),
        .shift = shift,
        .left = _mm256_sub_epi32(_mm256_set1_epi32(32), shift),
        .mask = _mm256_set1_epi32((int)(UINT32_MAX >> (32 - bits))),
    };
}

OMFI_INLINE __m256i take_eight(const eight_layout *eight, const uint8_t *src, unsigned bits) {
    const __m256i packed = _mm256_inserti128_si256(_mm256_castsi128_si256(load128(src)), load128(src + bits / 2), 1);
    __m256i x = _mm256_srlv_epi32(_mm256_shuffle_epi8(packed, eight->place), eight->shift);
    if (bits > 25) x = _mm256_or_si256(x, _mm256_sllv_epi32(_mm256_shuffle_epi8(packed, eight->fifth), eight->left));
    return _mm256_and_si256(x, eight->mask);
}

static void unpack_words16(uint16_t *dst, unsigned n, unsigned bits, const uint8_t *src) {
    const eight_layout eight = eight_of(bits);
    for (unsigned i = 0; i < n; i += 8, src += bits) {
        const __m256i x = take_eight(&eight, src, bits);
        _mm_storeu_si128((__m128i *)(dst + i),
                         _mm_packus_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1)));
    }
}

static void unpack_words32(uint32_t *dst, unsigned n, unsigned bits, const uint8_t *src) {
    const eight_layout eight = eight_of(bits);
    for (unsigned i = 0; i < n; i += 8, src += bits) store256(dst + i, take_eight(&eight, src, bits));
}

/* --- bytes -------------------------------------------------------------------------------------------------------- */

/* Without PDEP and PEXT, which take hundreds of cycles on AMD's first two Zen generations. */

/* Pack 32 values of up to 7 bits: neighbours join to 16 bits, to 32 and to 64. */
OMFI_INLINE void pack_32(uint8_t *dst, __m256i x, unsigned bits) {
    const int one = 1 << bits, two = 1 << 2 * bits;
    const __m256i by2 = _mm256_maddubs_epi16(_mm256_set1_epi16((short)(one << 8 | 1)), x);
    const __m256i by4 = _mm256_madd_epi16(by2, _mm256_set1_epi32(two << 16 | 1));
    const __m256i upper = _mm256_sll_epi64(_mm256_srli_epi64(by4, 32), _mm_cvtsi32_si128((int)(4 * bits)));
    const __m256i by8 = _mm256_or_si256(_mm256_and_si256(by4, _mm256_set1_epi64x(UINT32_MAX)), upper);
    const __m128i byte = _mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m128i second = _mm_cmpgt_epi8(byte, _mm_set1_epi8((char)(bits - 1)));
    const __m128i side_by_side = _mm_add_epi8(byte, _mm_and_si128(second, _mm_set1_epi8((char)(8 - bits))));
    const __m128i low = _mm_shuffle_epi8(_mm256_castsi256_si128(by8), side_by_side);
    const __m128i high = _mm_shuffle_epi8(_mm256_extracti128_si256(by8, 1), side_by_side);
    _mm_storeu_si128((__m128i *)dst, low);
    _mm_storeu_si128((__m128i *)(dst + 2 * bits), high);
}

/* Reads whole registers of src, a full block at most. Writes up to 30 bytes behind the packed ones, for which
 * OMFI_BLOCK_BOUND has room if n >= 32. */
static size_t pack_bytes(uint8_t *dst, const uint8_t *src, unsigned n, unsigned bits) {
    const size_t size = ((size_t)n * bits + 7) / 8;
    if (bits == 8) {
        memcpy(dst, src, n);
        return n;
    }
    const __m256i byte = _mm256_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
                                          22, 23, 24, 25, 26, 27, 28, 29, 30, 31);
    const __m256i mask = _mm256_set1_epi8((char)((1u << bits) - 1));
    unsigned i = 0;
    for (; i + 32 <= n; i += 32) pack_32(dst + i / 8 * bits, _mm256_and_si256(load256(src + i), mask), bits);
    if (i < n) {
        const __m256i there = _mm256_cmpgt_epi8(_mm256_set1_epi8((char)(n - i)), byte);
        const __m256i rest = _mm256_and_si256(_mm256_and_si256(load256(src + i), mask), there);
        uint8_t packed[32];
        pack_32(n >= 32 ? dst + i / 8 * bits : packed, rest, bits);
        if (n < 32) memcpy(dst, packed, size);
    }
    return size;
}

/* --- output ------------------------------------------------------------------------------------------------------- */

static void copy_nontemporal(void *dst, const void *src, size_t n_bytes) {
    const size_t to_line = (size_t)(0 - (uintptr_t)dst) % 64, head = to_line < n_bytes ? to_line : n_bytes;
    uint8_t *to = (uint8_t *)dst + head;
    const uint8_t *from = (const uint8_t *)src + head;
    omfi_copy((uint8_t *)dst, (const uint8_t *)src, head);
    for (n_bytes -= head; n_bytes >= 64; n_bytes -= 64, to += 64, from += 64) {
        _mm256_stream_si256((__m256i *)to, load256(from));
        _mm256_stream_si256((__m256i *)(to + 32), load256(from + 32));
    }
    omfi_copy(to, from, n_bytes);
}
