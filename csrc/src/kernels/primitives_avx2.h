/* SPDX-License-Identifier: MIT */
/* kernels: the primitives of primitives_generic.h for AVX2. */

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

enum { MERGE_SLACK = 8 };

/* Eight values at a time, without branches. PDEP spreads the eight bits over bytes, and then the numbers 0 ... 7 over
 * the bytes that are set: which of the next exceptions goes where. */
#define MERGE(W, T, EXPAND)                                                                                            \
    static void FN(merge##W)(T * values, const uint64_t bitmap[2], const T *exceptions, unsigned bits) {               \
        const __m128i shift = _mm_cvtsi32_si128((int)bits);                                                            \
        (void)shift;                                                                                                   \
        for (unsigned half = 0; half < 2; half++)                                                                      \
            for (unsigned i = 0; i < 64; i += 8) {                                                                     \
                const unsigned flags = (unsigned)(bitmap[half] >> i) & 0xFF;                                           \
                const uint64_t bytes = _pdep_u64(flags, 0x0101010101010101) * 0xFF;                                    \
                const __m128i mask = _mm_cvtsi64_si128((long long)bytes);                                              \
                const __m128i place = _mm_cvtsi64_si128((long long)_pdep_u64(0x0706050403020100, bytes));              \
                EXPAND(values + 64 * half + i, exceptions, mask, place);                                               \
                exceptions += _mm_popcnt_u32(flags);                                                                   \
            }                                                                                                          \
    }
#define EXPAND8(to, from, mask, place)                                                                                 \
    {                                                                                                                  \
        const __m128i next = _mm_shuffle_epi8(_mm_loadl_epi64((const __m128i *)(from)), place);                        \
        const __m128i high = _mm_and_si128(_mm_sll_epi16(_mm_and_si128(next, mask), shift), mask);                     \
        _mm_storel_epi64((__m128i *)(to), _mm_or_si128(_mm_loadl_epi64((const __m128i *)(to)), high));                 \
    }
#define EXPAND16(to, from, mask, place)                                                                                \
    {                                                                                                                  \
        const __m128i pair = _mm_mullo_epi16(_mm_cvtepu8_epi16(place), _mm_set1_epi16(0x0202));                        \
        const __m128i next =                                                                                           \
            _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(from)), _mm_add_epi16(pair, _mm_set1_epi16(0x0100)));   \
        const __m128i high = _mm_sll_epi16(_mm_and_si128(next, _mm_cvtepi8_epi16(mask)), shift);                       \
        _mm_storeu_si128((__m128i *)(to), _mm_or_si128(_mm_loadu_si128((const __m128i *)(to)), high));                 \
    }
#define EXPAND32(to, from, mask, place)                                                                                \
    {                                                                                                                  \
        const __m256i next = _mm256_permutevar8x32_epi32(FN(load256)(from), _mm256_cvtepu8_epi32(place));              \
        const __m256i high = _mm256_sll_epi32(_mm256_and_si256(next, _mm256_cvtepi8_epi32(mask)), shift);              \
        FN(store256)(to, _mm256_or_si256(FN(load256)(to), high));                                                      \
    }
MERGE(8, uint8_t, EXPAND8)
MERGE(16, uint16_t, EXPAND16)
MERGE(32, uint32_t, EXPAND32)
#undef MERGE
#undef EXPAND8
#undef EXPAND16
#undef EXPAND32

static void FN(merge64)(uint64_t *values, const uint64_t bitmap[2], const uint64_t *exceptions, unsigned bits) {
    for (unsigned half = 0; half < 2; half++)
        for (uint64_t rest = bitmap[half]; rest != 0; rest &= rest - 1)
            values[64 * half + omfi_lowest_bit(rest)] |= *exceptions++ << bits;
}

/* --- spreading ---------------------------------------------------------------------------------------------------- */

OMFI_INLINE void FN(spread16)(uint16_t *dst, uint64_t packed, unsigned bits) {
    omfi_store64(dst, _pdep_u64(packed, UINT64_C(0x0001000100010001) * ((1u << bits) - 1)));
}
OMFI_INLINE void FN(spread32)(uint32_t *dst, uint64_t packed, unsigned bits) {
    omfi_store64(dst, _pdep_u64(packed, UINT64_C(0x0000000100000001) * ((1u << bits) - 1)));
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

static size_t FN(pack_bytes)(uint8_t *dst, const uint8_t *src, unsigned n, unsigned bits) {
    const uint64_t mask = UINT64_C(0x0101010101010101) * ((1u << bits) - 1);
    uint8_t *const start = dst;
    unsigned i = 0;
    for (; i + 8 <= n; i += 8, dst += bits) omfi_store_bytes(dst, _pext_u64(omfi_load64(src + i), mask), bits);
    if (i < n) {
        uint8_t rest[8] = {0};
        memcpy(rest, src + i, n - i);
        omfi_store_bytes(dst, _pext_u64(omfi_load64(rest), mask), ((n - i) * bits + 7) / 8);
        dst += ((n - i) * bits + 7) / 8;
    }
    return (size_t)(dst - start);
}

/* --- integration -------------------------------------------------------------------------------------------------- */

/* Shuffle control that copies the last word of each 128-bit half over the half. */
OMFI_INLINE __m256i FN(last_word)(const unsigned width) {
    switch (width) {
    case 8: return _mm256_set1_epi8(15);
    case 16: return _mm256_set1_epi16(0x0F0E);
    case 32: return _mm256_set1_epi32(0x0F0E0D0C);
    default: return _mm256_set1_epi64x(0x0F0E0D0C0B0A0908);
    }
}

/* Running sum (or XOR) over a register: within each half by doubling distances, then the low half's last word is
 * combined into the high half. */
#define RUNNING(W, name, COMBINE)                                                                                      \
    OMFI_INLINE __m256i FN(running_##name##W)(__m256i x) {                                                             \
        if (W <= 8) x = COMBINE(x, _mm256_slli_si256(x, 1));                                                           \
        if (W <= 16) x = COMBINE(x, _mm256_slli_si256(x, 2));                                                          \
        if (W <= 16) x = COMBINE(x, _mm256_slli_si256(x, 4));                                                          \
        x = COMBINE(x, _mm256_slli_si256(x, 8));                                                                       \
        const __m256i last = _mm256_shuffle_epi8(x, FN(last_word)(W));                                                 \
        return COMBINE(x, _mm256_permute2x128_si256(last, last, 0x08));                                                \
    }
RUNNING(8, add, _mm256_add_epi8)
RUNNING(16, add, _mm256_add_epi16)
RUNNING(64, add, _mm256_add_epi64)
RUNNING(64, xor, _mm256_xor_si256)
#undef RUNNING

/* The same for 32 bits: neighbours, then the second word into the third and fourth, then the fourth into the high half.
 * It needs half as many shuffles, of which most CPUs do one at a time. */
#define RUNNING32(name, COMBINE)                                                                                       \
    OMFI_INLINE __m256i FN(running_##name##32)(__m256i x) {                                                            \
        const __m256i second =                                                                                         \
            _mm256_broadcastsi128_si256(_mm_setr_epi8(-1, -1, -1, -1, -1, -1, -1, -1, 4, 5, 6, 7, 4, 5, 6, 7));        \
        x = COMBINE(x, _mm256_slli_epi64(x, 32));                                                                      \
        x = COMBINE(x, _mm256_shuffle_epi8(x, second));                                                                \
        const __m256i fourth = _mm256_permutevar8x32_epi32(x, _mm256_set1_epi32(3));                                   \
        return COMBINE(x, _mm256_and_si256(fourth, _mm256_setr_epi32(0, 0, 0, 0, -1, -1, -1, -1)));                    \
    }
RUNNING32(add, _mm256_add_epi32)
RUNNING32(xor, _mm256_xor_si256)
#undef RUNNING32

/* The last word of a register, in all places. */
#define BROADCAST_LAST(x, W)                                                                                           \
    (W == 32 ? _mm256_permutevar8x32_epi32(x, _mm256_set1_epi32(7))                                                    \
             : _mm256_permute4x64_epi64(_mm256_shuffle_epi8(x, FN(last_word)(W)), 0xFF))

/* The carry from one register to the next is one operation long: the sums of a register do not wait for it. */
#define INTEGRATE(W, name, COMBINE, SET1, PREPARE)                                                                     \
    {                                                                                                                  \
        __m256i before = SET1(carry);                                                                                  \
        for (unsigned i = 0; i < OMFI_BLOCK; i += 256 / W) {                                                           \
            __m256i x = FN(load256)(values + i);                                                                       \
            x = FN(running_##name##W)(PREPARE(x));                                                                     \
            FN(store256)(values + i, COMBINE(x, before));                                                              \
            before = COMBINE(before, BROADCAST_LAST(x, W));                                                            \
        }                                                                                                              \
        return values[OMFI_BLOCK - 1];                                                                                 \
    }

#define KEEP(x) (x)
#define SET1_8(x) _mm256_set1_epi8((char)(x))
#define SET1_16(x) _mm256_set1_epi16((short)(x))
#define SET1_32(x) _mm256_set1_epi32((int)(x))
#define SET1_64(x) _mm256_set1_epi64x((long long)(x))
static uint8_t FN(integrate_delta8)(uint8_t *values, uint8_t carry)
    INTEGRATE(8, add, _mm256_add_epi8, SET1_8, KEEP) static uint16_t
    FN(integrate_delta16)(uint16_t *values, uint16_t carry)
        INTEGRATE(16, add, _mm256_add_epi16, SET1_16, KEEP) static uint32_t
    FN(integrate_delta32)(uint32_t *values, uint32_t carry)
        INTEGRATE(32, add, _mm256_add_epi32, SET1_32, KEEP) static uint64_t
    FN(integrate_delta64)(uint64_t *values, uint64_t carry) INTEGRATE(64, add, _mm256_add_epi64, SET1_64, KEEP)

    /* Zigzag: (x >> 1) ^ -(x & 1). */
    OMFI_INLINE __m256i FN(unzigzag8)(__m256i x) {
    const __m256i one = _mm256_set1_epi8(1), half = _mm256_and_si256(_mm256_srli_epi16(x, 1), _mm256_set1_epi8(0x7F));
    return _mm256_xor_si256(half, _mm256_sub_epi8(_mm256_setzero_si256(), _mm256_and_si256(x, one)));
}
OMFI_INLINE __m256i FN(unzigzag16)(__m256i x) {
    const __m256i sign = _mm256_sub_epi16(_mm256_setzero_si256(), _mm256_and_si256(x, _mm256_set1_epi16(1)));
    return _mm256_xor_si256(_mm256_srli_epi16(x, 1), sign);
}
OMFI_INLINE __m256i FN(unzigzag32)(__m256i x) {
    const __m256i sign = _mm256_sub_epi32(_mm256_setzero_si256(), _mm256_and_si256(x, _mm256_set1_epi32(1)));
    return _mm256_xor_si256(_mm256_srli_epi32(x, 1), sign);
}
OMFI_INLINE __m256i FN(unzigzag64)(__m256i x) {
    const __m256i sign = _mm256_sub_epi64(_mm256_setzero_si256(), _mm256_and_si256(x, _mm256_set1_epi64x(1)));
    return _mm256_xor_si256(_mm256_srli_epi64(x, 1), sign);
}
static uint8_t FN(integrate_zigzag8)(uint8_t *values, uint8_t carry)
    INTEGRATE(8, add, _mm256_add_epi8, SET1_8, FN(unzigzag8)) static uint16_t
    FN(integrate_zigzag16)(uint16_t *values, uint16_t carry)
        INTEGRATE(16, add, _mm256_add_epi16, SET1_16, FN(unzigzag16)) static uint32_t
    FN(integrate_zigzag32)(uint32_t *values, uint32_t carry)
        INTEGRATE(32, add, _mm256_add_epi32, SET1_32, FN(unzigzag32)) static uint64_t
    FN(integrate_zigzag64)(uint64_t *values, uint64_t carry)
        INTEGRATE(64, add, _mm256_add_epi64, SET1_64, FN(unzigzag64))

    /* Reverse the bits of each word: of each nibble by table, then the order of nibbles and bytes. */
    OMFI_INLINE __m256i FN(reverse)(__m256i x, const unsigned width) {
    const __m256i nibble = _mm256_set1_epi8(15);
    const __m256i to_high = _mm256_broadcastsi128_si256(_mm_setr_epi8(0, (char)0x80, 0x40, (char)0xC0, 0x20, (char)0xA0,
                                                                      0x60, (char)0xE0, 0x10, (char)0x90, 0x50,
                                                                      (char)0xD0, 0x30, (char)0xB0, 0x70, (char)0xF0));
    const __m256i to_low =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15));
    const __m256i swap =
        _mm256_broadcastsi128_si256(width == 32 ? _mm_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12)
                                                : _mm_setr_epi8(7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8));
    const __m256i low = _mm256_shuffle_epi8(to_high, _mm256_and_si256(x, nibble));
    const __m256i high = _mm256_shuffle_epi8(to_low, _mm256_and_si256(_mm256_srli_epi16(x, 4), nibble));
    return _mm256_shuffle_epi8(_mm256_or_si256(low, high), swap);
}
#define UNREVERSE32(x) _mm256_srl_epi32(FN(reverse)(x, 32), shift)
#define UNREVERSE64(x) _mm256_srl_epi64(FN(reverse)(x, 64), shift)
static uint32_t FN(integrate_xor32)(uint32_t *values, uint32_t carry, unsigned zeros) {
    const __m128i shift = _mm_cvtsi32_si128((int)zeros);
    INTEGRATE(32, xor, _mm256_xor_si256, SET1_32, UNREVERSE32)
}
static uint64_t FN(integrate_xor64)(uint64_t *values, uint64_t carry, unsigned zeros) {
    const __m128i shift = _mm_cvtsi32_si128((int)zeros);
    INTEGRATE(64, xor, _mm256_xor_si256, SET1_64, UNREVERSE64)
}
#undef INTEGRATE
#undef BROADCAST_LAST
#undef KEEP
#undef SET1_8
#undef SET1_16
#undef SET1_32
#undef SET1_64
#undef UNREVERSE32
#undef UNREVERSE64
