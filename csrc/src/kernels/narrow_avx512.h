/* SPDX-License-Identifier: MIT */
/* kernels: narrow blocks for AVX-512, see narrow_x86.h. Two registers hold a block, and no step asks how many bits its
 * values have: that changes from block to block, so that CPUs would guess it wrong. */

/* --- vertical packing: `bits` up to 8, to bytes ------------------------------------------------------------------- */

/* 64 values are 8 words of 64 bits, each with four steps of two lanes: the four bytes of either lane in which the steps
 * begin and end. Step 4 * g begins at bit 4 * g * bits of its lane: in the lane's byte g * bits / 2, in its lower or
 * upper half. The first word of the second 64 values is number bits / 2. */
#define PLACE32(bits, half, lane, byte) (16 * ((byte) / 4) + 4 * (lane) + (byte) % 4 - 16 * ((bits) / 2) * (half))
#define PLACE16(bits, half, lane, byte) (16 * ((byte) / 2) + 2 * (lane) + (byte) % 2 - 16 * ((bits) / 2) * (half))
#define FOUR(PLACE, bits, half, lane, byte)                                                                            \
    PLACE(bits, half, lane, byte), PLACE(bits, half, lane, (byte) + 1), PLACE(bits, half, lane, (byte) + 2),           \
        PLACE(bits, half, lane, (byte) + 3)
#define TWO_LANES(PLACE, bits, half, group, lane)                                                                      \
    FOUR(PLACE, bits, half, lane, (group) * (bits) / 2), FOUR(PLACE, bits, half, (lane) + 1, (group) * (bits) / 2)
#define GROUP32(bits, half, group) TWO_LANES(PLACE32, bits, half, group, 0), TWO_LANES(PLACE32, bits, half, group, 2)
#define GROUP16(bits, half, group)                                                                                     \
    TWO_LANES(PLACE16, bits, half, group, 0), TWO_LANES(PLACE16, bits, half, group, 2),                                \
        TWO_LANES(PLACE16, bits, half, group, 4), TWO_LANES(PLACE16, bits, half, group, 6)
#define HALF32(bits, half)                                                                                             \
    {GROUP32(bits, half, 4 * (half)), GROUP32(bits, half, 4 * (half) + 1), GROUP32(bits, half, 4 * (half) + 2),        \
     GROUP32(bits, half, 4 * (half) + 3)}
#define HALF16(bits, half) {GROUP16(bits, half, 2 * (half)), GROUP16(bits, half, 2 * (half) + 1)}
#define BOTH(HALF, bits) {HALF(bits, 0), HALF(bits, 1)}
#define ALL_BITS(HALF)                                                                                                 \
    {BOTH(HALF, 0), BOTH(HALF, 1), BOTH(HALF, 2), BOTH(HALF, 3), BOTH(HALF, 4),                                        \
     BOTH(HALF, 5), BOTH(HALF, 6), BOTH(HALF, 7), BOTH(HALF, 8)}
static const uint8_t places32[9][2][64] = ALL_BITS(HALF32), places16[9][2][64] = ALL_BITS(HALF16);
#undef PLACE32
#undef PLACE16
#undef FOUR
#undef TWO_LANES
#undef GROUP32
#undef GROUP16
#undef HALF32
#undef HALF16
#undef BOTH
#undef ALL_BITS

/* The order of values behind these steps: those of all lanes by turns. */
OMFI_INLINE __m512i lanes_by_turns(const unsigned n_lanes) {
    uint8_t order[64];
    for (unsigned i = 0; i < 64; i++) {
        const unsigned step = i / n_lanes, lane = i % n_lanes;
        order[i] = (uint8_t)(step / 4 * 4 * n_lanes + lane / 2 * 8 + lane % 2 * 4 + step % 4);
    }
    return load512(order);
}

OMFI_INLINE void unpack_narrow_vertical(uint8_t *dst, const uint8_t *src, unsigned bits, const uint8_t places[2][64],
                                        const unsigned n_lanes) {
    const __m512i mask = _mm512_set1_epi8((char)((1u << bits) - 1));
    const __m512i from_low =
        _mm512_set1_epi64((long long)(UINT64_C(0x2020202000000000) + bits * UINT64_C(0x0302010003020100)));
    const __mmask8 odd_groups = n_lanes == 4 ? 0xCC : 0xF0;
    const __m512i from = _mm512_mask_add_epi64(from_low, odd_groups, from_low,
                                               _mm512_set1_epi64((long long)(bits % 2 * UINT64_C(0x0404040404040404))));
    for (unsigned half = 0; half < 2; half++, dst += 64) {
        const unsigned before = 16 * (bits / 2) * half;
        const __m512i packed = _mm512_maskz_loadu_epi8(below(16 * bits - before), src + before);
        const __m512i x = _mm512_multishift_epi64_epi8(from, _mm512_permutexvar_epi8(load512(places[half]), packed));
        store512(dst, _mm512_and_si512(_mm512_permutexvar_epi8(lanes_by_turns(n_lanes), x), mask));
    }
}

/* Low parts, which lie as those of words of `width` bits do. */
OMFI_INLINE void unpack_narrow(uint8_t *dst, const unsigned width, unsigned bits, const uint8_t *src, size_t readable) {
    (void)readable;
    if (width == 16) {
        unpack_narrow_vertical(dst, src, bits, places16[bits], 8);
    } else if (width == 32) {
        unpack_narrow_vertical(dst, src, bits, places32[bits], 4);
    } else {
        const uint64_t read = below(8 * bits);
        store512(dst, unpack_64(_mm512_maskz_loadu_epi8(read, src), bits));
        store512(dst + 64, unpack_64(_mm512_maskz_loadu_epi8(read, src + 8 * bits), bits));
    }
}

/* --- exceptions --------------------------------------------------------------------------------------------------- */

/* The bytes of `exceptions` go where the bits are set, above `bits` bits. */
OMFI_INLINE void merge_64(uint8_t *values, uint64_t bitmap, __m512i exceptions, unsigned bits) {
    const __m512i high = _mm512_sll_epi16(_mm512_maskz_expand_epi8(bitmap, exceptions), _mm_cvtsi32_si128((int)bits));
    store512(values, _mm512_or_si512(load512(values), high));
}

/* The parts of a PATCH block: packed exceptions of `extra` bits, and behind them low parts. */
OMFI_INLINE void unpack_patched(uint8_t *dst, const unsigned width, unsigned bits, unsigned extra,
                                const uint64_t bitmap[2], unsigned n_exceptions, const uint8_t *src, size_t readable) {
    const unsigned high_size = (n_exceptions * extra + 7) / 8, first_size = 8 * extra;
    const unsigned second_size = high_size > first_size ? high_size - first_size : 0;
    const __m512i first = unpack_64(_mm512_maskz_loadu_epi8(below(high_size), src), extra);
    const __m512i second = unpack_64(_mm512_maskz_loadu_epi8(below(second_size), src + high_size - second_size), extra);
    const __m512i behind = _mm512_add_epi8(byte_numbers(), _mm512_set1_epi8((char)omfi_count_bits(bitmap[0])));
    unpack_narrow(dst, width, bits, src + high_size, readable - high_size);
    merge_64(dst, bitmap[0], first, bits);
    merge_64(dst + 64, bitmap[1], _mm512_permutex2var_epi8(first, behind, second), bits);
}

/* Of a VBYTE block, up to 16 exceptions at ascending positions; 16 of both can be read. */
OMFI_INLINE void merge_few(uint8_t *values, unsigned bits, const uint8_t *exceptions, const uint8_t *positions,
                           unsigned n_exceptions) {
    const uint64_t there = below(n_exceptions);
    const __m512i one = _mm512_set1_epi64(1), half = _mm512_set1_epi64(64);
    const __m128i position = load128(positions);
    const __m512i a = _mm512_cvtepu8_epi64(position), b = _mm512_cvtepu8_epi64(_mm_srli_si128(position, 8));
    const __mmask8 first = (__mmask8)there, second = (__mmask8)(there >> 8);
    /* A shift by 64 or more, or by less than 0, gives 0. */
    const __m512i lower =
        _mm512_or_si512(_mm512_maskz_sllv_epi64(first, one, a), _mm512_maskz_sllv_epi64(second, one, b));
    const __m512i upper = _mm512_or_si512(_mm512_maskz_sllv_epi64(first, one, _mm512_sub_epi64(a, half)),
                                          _mm512_maskz_sllv_epi64(second, one, _mm512_sub_epi64(b, half)));
    const uint64_t bitmap[2] = {(uint64_t)_mm512_reduce_or_epi64(lower), (uint64_t)_mm512_reduce_or_epi64(upper)};
    const __m128i high = load128(exceptions + omfi_count_bits(bitmap[0]));
    merge_64(values, bitmap[0], _mm512_castsi128_si512(load128(exceptions)), bits);
    merge_64(values + 64, bitmap[1], _mm512_castsi128_si512(high), bits);
}

/* --- integration -------------------------------------------------------------------------------------------------- */

/* Running sums of 64 zigzag bytes, each from `before` on; returns what comes before the next ones. Sums of four bytes run
 * over the register; to what comes before such four, sums of the first one, two, three and four of them are added. */
OMFI_INLINE __m512i integrate_64(__m512i sums[4], const uint8_t *bytes, __m512i before) {
    const __m512i x = unzigzag8(load512(bytes));
    const __m512i fours = _mm512_dpbusd_epi32(_mm512_setzero_si512(), _mm512_set1_epi8(1), x);
    const __m512i running = running_add32(fours), from = _mm512_add_epi32(before, _mm512_sub_epi32(running, fours));
    const __m512i first_bytes = _mm512_broadcast_i32x4(_mm_setr_epi32(0x00000001, 0x00000101, 0x00010101, 0x01010101));
    const __m512i lane = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
    OMFI_UNROLL
    for (int k = 0; k < 4; k++) {
        const __m512i four = _mm512_add_epi32(lane, _mm512_set1_epi32(4 * k));
        sums[k] =
            _mm512_dpbusd_epi32(_mm512_permutexvar_epi32(four, from), first_bytes, _mm512_permutexvar_epi32(four, x));
    }
    return _mm512_add_epi32(before, _mm512_permutexvar_epi32(_mm512_set1_epi32(15), running));
}

/* 128 zigzag bytes -> their running sums from *carry on, which becomes the last one. Sums of 16 bits are those of 32
 * without the upper half; to 64 bits the carry is added afterwards. */
OMFI_INLINE void integrate_narrow16(uint16_t *values, const uint8_t *bytes, uint16_t *carry) {
    __m512i before = _mm512_set1_epi32(*carry), sums[4];
    uint16_t even[32];
    for (unsigned i = 0; i < 32; i++) even[i] = (uint16_t)(2 * i);
    for (unsigned i = 0; i < OMFI_BLOCK; i += 64) {
        before = integrate_64(sums, bytes + i, before);
        for (unsigned k = 0; k < 4; k += 2)
            store512(values + i + 16 * k, _mm512_permutex2var_epi16(sums[k], load512(even), sums[k + 1]));
    }
    *carry = (uint16_t)_mm_cvtsi128_si32(_mm512_castsi512_si128(before));
}

OMFI_INLINE void integrate_narrow32(uint32_t *values, const uint8_t *bytes, uint32_t *carry) {
    __m512i before = _mm512_set1_epi32((int)*carry), sums[4];
    for (unsigned i = 0; i < OMFI_BLOCK; i += 64) {
        before = integrate_64(sums, bytes + i, before);
        for (unsigned k = 0; k < 4; k++) store512(values + i + 16 * k, sums[k]);
    }
    *carry = (uint32_t)_mm_cvtsi128_si32(_mm512_castsi512_si128(before));
}

OMFI_INLINE void integrate_narrow64(uint64_t *values, const uint8_t *bytes, uint64_t *carry) {
    const __m512i start = _mm512_set1_epi64((long long)*carry);
    __m512i before = _mm512_setzero_si512(), sums[4];
    for (unsigned i = 0; i < OMFI_BLOCK; i += 64) {
        before = integrate_64(sums, bytes + i, before);
        for (unsigned k = 0; k < 4; k++) {
            const __m512i low = _mm512_cvtepi32_epi64(_mm512_castsi512_si256(sums[k]));
            const __m512i high = _mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64(sums[k], 1));
            store512(values + i + 16 * k, _mm512_add_epi64(start, low));
            store512(values + i + 16 * k + 8, _mm512_add_epi64(start, high));
        }
    }
    *carry += (uint64_t)(int64_t)_mm_cvtsi128_si32(_mm512_castsi512_si128(before));
}

/* The last of these sums, from 0 on. */
OMFI_INLINE int32_t total_narrow(const uint8_t *bytes) {
    const __m512i one = _mm512_set1_epi8(1), zero = _mm512_setzero_si512();
    const __m512i first = _mm512_dpbusd_epi32(zero, one, unzigzag8(load512(bytes)));
    return _mm512_reduce_add_epi32(_mm512_dpbusd_epi32(first, one, unzigzag8(load512(bytes + 64))));
}

#include "kernels/narrow_x86.h"
