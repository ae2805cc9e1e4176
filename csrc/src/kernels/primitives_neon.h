/* SPDX-License-Identifier: MIT */
/* kernels: the primitives of primitives_generic.h for AArch64 with NEON. */
#include "kernels/primitives_portable.h"

/* --- vertical packing: a word index of all lanes is a register ---------------------------------------------------- */

/* A shift by the width of a word or more gives 0; a negative one goes to the right. */
#define VERTICAL(W, T, VECTOR, SHIFT_T)                                                                                \
    static void unpack_vertical##W(T *OMFI_RESTRICT dst, const uint8_t *src, unsigned bits) {                          \
        const VECTOR mask = vdupq_n_u##W((T)((T) ~(T)0 >> (W - bits)));                                                \
        for (unsigned i = 0; i < W; i++) {                                                                             \
            const unsigned word = i * bits / W, shift = i * bits % W;                                                  \
            /* The word behind the last one is never needed: there, all wanted bits lie in the last word. */           \
            const unsigned next = word + 1 < bits ? word + 1 : word;                                                   \
            const VECTOR low = vreinterpretq_u##W##_u8(vld1q_u8(src + 16 * word));                                     \
            const VECTOR high = vreinterpretq_u##W##_u8(vld1q_u8(src + 16 * next));                                    \
            const VECTOR x = vorrq_u##W(vshlq_u##W(low, vdupq_n_s##W((SHIFT_T)(0 - (int)shift))),                      \
                                        vshlq_u##W(high, vdupq_n_s##W((SHIFT_T)(W - shift))));                         \
            vst1q_u##W(dst + (128 / W) * i, vandq_u##W(x, mask));                                                      \
        }                                                                                                              \
    }                                                                                                                  \
    static void pack_vertical##W(uint8_t *OMFI_RESTRICT dst, const T *src, unsigned bits) {                            \
        const VECTOR mask = vdupq_n_u##W((T)((T) ~(T)0 >> (W - bits)));                                                \
        VECTOR pending = vdupq_n_u##W(0);                                                                              \
        for (unsigned i = 0; i < W; i++) {                                                                             \
            const unsigned shift = i * bits % W;                                                                       \
            const VECTOR x = vandq_u##W(vld1q_u##W(src + (128 / W) * i), mask);                                        \
            pending = vorrq_u##W(pending, vshlq_u##W(x, vdupq_n_s##W((SHIFT_T)shift)));                                \
            if (shift + bits < W) continue;                                                                            \
            vst1q_u8(dst, vreinterpretq_u8_u##W(pending));                                                             \
            dst += 16;                                                                                                 \
            pending = vshlq_u##W(x, vdupq_n_s##W((SHIFT_T)((int)shift - W)));                                          \
        }                                                                                                              \
    }
VERTICAL(16, uint16_t, uint16x8_t, int16_t)
VERTICAL(32, uint32_t, uint32x4_t, int32_t)
#undef VERTICAL

/* --- integration of a full block ---------------------------------------------------------------------------------- */

/* Running sum (or XOR) over a register, by doubling distances. The carry from one register to the next is one operation
 * long: the sums do not wait for it. */
#define TO_BYTES_8(x) (x)
#define TO_BYTES_16(x) vreinterpretq_u8_u16(x)
#define TO_BYTES_32(x) vreinterpretq_u8_u32(x)
#define TO_BYTES_64(x) vreinterpretq_u8_u64(x)
#define FROM_BYTES_8(x) (x)
#define FROM_BYTES_16(x) vreinterpretq_u16_u8(x)
#define FROM_BYTES_32(x) vreinterpretq_u32_u8(x)
#define FROM_BYTES_64(x) vreinterpretq_u64_u8(x)
#define SHIFTED(W, x, n_bytes) FROM_BYTES_##W(vextq_u8(vdupq_n_u8(0), TO_BYTES_##W(x), 16 - (n_bytes)))
#define INTEGRATE(W, VECTOR, COMBINE, PREPARE)                                                                         \
    {                                                                                                                  \
        VECTOR before = vdupq_n_u##W(carry);                                                                           \
        for (unsigned i = 0; i < n; i += 128 / W) {                                                                    \
            VECTOR x = vld1q_u##W(values + i);                                                                         \
            x = PREPARE(W, x);                                                                                         \
            if (W <= 8) x = COMBINE(x, SHIFTED(W, x, 1));                                                              \
            if (W <= 16) x = COMBINE(x, SHIFTED(W, x, 2));                                                             \
            if (W <= 32) x = COMBINE(x, SHIFTED(W, x, 4));                                                             \
            x = COMBINE(x, SHIFTED(W, x, 8));                                                                          \
            vst1q_u##W(values + i, COMBINE(x, before));                                                                \
            before = COMBINE(before, vdupq_laneq_u##W(x, 128 / W - 1));                                                \
        }                                                                                                              \
        return values[n - 1];                                                                                          \
    }

#define KEEP(W, x) (x)
/* Zigzag: (x >> 1) ^ -(x & 1). */
#define UNZIGZAG(W, x) veorq_u##W(vshrq_n_u##W(x, 1), vsubq_u##W(vdupq_n_u##W(0), vandq_u##W(x, vdupq_n_u##W(1))))
#define BOTH(W, T, VECTOR)                                                                                             \
    OMFI_INLINE T integrate_delta##W(T *values, unsigned n, T carry){                                                  \
        INTEGRATE(W, VECTOR, vaddq_u##W, KEEP)} OMFI_INLINE T integrate_zigzag##W(T *values, unsigned n, T carry) {    \
        INTEGRATE(W, VECTOR, vaddq_u##W, UNZIGZAG)                                                                     \
    }
BOTH(8, uint8_t, uint8x16_t)
BOTH(16, uint16_t, uint16x8_t)
BOTH(32, uint32_t, uint32x4_t)
BOTH(64, uint64_t, uint64x2_t)
#undef BOTH

#define UNREVERSE(W, x) vshlq_u##W(vreinterpretq_u##W##_u8(vrev##W##q_u8(vrbitq_u8(vreinterpretq_u8_u##W(x)))), right)
OMFI_INLINE uint32_t integrate_xor32(uint32_t *values, unsigned n, uint32_t carry, unsigned zeros) {
    const int32x4_t right = vdupq_n_s32(-(int32_t)zeros);
    INTEGRATE(32, uint32x4_t, veorq_u32, UNREVERSE)
}
OMFI_INLINE uint64_t integrate_xor64(uint64_t *values, unsigned n, uint64_t carry, unsigned zeros) {
    const int64x2_t right = vdupq_n_s64(-(int64_t)zeros);
    INTEGRATE(64, uint64x2_t, veorq_u64, UNREVERSE)
}
#undef TO_BYTES_8
#undef TO_BYTES_16
#undef TO_BYTES_32
#undef TO_BYTES_64
#undef FROM_BYTES_8
#undef FROM_BYTES_16
#undef FROM_BYTES_32
#undef FROM_BYTES_64
#undef SHIFTED
#undef INTEGRATE
#undef KEEP
#undef UNZIGZAG
#undef UNREVERSE

/* --- bit lengths, from which a writer chooses the layout of a block ----------------------------------------------- */

static void lengths8(uint8_t lengths[OMFI_BLOCK], const uint8_t *values) {
    for (unsigned i = 0; i < OMFI_BLOCK; i += 16)
        vst1q_u8(lengths + i, vsubq_u8(vdupq_n_u8(8), vclzq_u8(vld1q_u8(values + i))));
}

static void lengths16(uint8_t lengths[OMFI_BLOCK], const uint16_t *values) {
    for (unsigned i = 0; i < OMFI_BLOCK; i += 8)
        vst1_u8(lengths + i, vsub_u8(vdup_n_u8(16), vmovn_u16(vclzq_u16(vld1q_u16(values + i)))));
}

static void lengths32(uint8_t lengths[OMFI_BLOCK], const uint32_t *values) {
    for (unsigned i = 0; i < OMFI_BLOCK; i += 8) {
        const uint16x4_t low = vmovn_u32(vclzq_u32(vld1q_u32(values + i)));
        const uint16x4_t high = vmovn_u32(vclzq_u32(vld1q_u32(values + i + 4)));
        vst1_u8(lengths + i, vsub_u8(vdup_n_u8(32), vmovn_u16(vcombine_u16(low, high))));
    }
}

static void lengths64(uint8_t lengths[OMFI_BLOCK], const uint64_t *values) {
    for (unsigned i = 0; i < OMFI_BLOCK; i++) lengths[i] = (uint8_t)omfi_bit_length(values[i]);
}

static void count_longer(uint32_t *above, const uint8_t lengths[OMFI_BLOCK], unsigned top) {
    for (unsigned b = 0; b < top; b++) {
        uint8x16_t counts = vdupq_n_u8(0);
        for (unsigned i = 0; i < OMFI_BLOCK; i += 16)
            counts = vsubq_u8(counts, vcgtq_u8(vld1q_u8(lengths + i), vdupq_n_u8((uint8_t)b)));
        above[b] = vaddvq_u8(counts);
    }
}

/* Sums of neighbours bring the flags of eight bytes into one. */
static void find_longer(uint64_t bitmap[2], const uint8_t lengths[OMFI_BLOCK], unsigned bits) {
    const uint8x16_t places = vreinterpretq_u8_u64(vdupq_n_u64(0x8040201008040201)), limit = vdupq_n_u8((uint8_t)bits);
    for (unsigned half = 0; half < 2; half++, lengths += 64) {
        uint8x16_t flags[4];
        for (unsigned k = 0; k < 4; k++) flags[k] = vandq_u8(vcgtq_u8(vld1q_u8(lengths + 16 * k), limit), places);
        uint8x16_t sums = vpaddq_u8(vpaddq_u8(flags[0], flags[1]), vpaddq_u8(flags[2], flags[3]));
        sums = vpaddq_u8(sums, sums);
        bitmap[half] = vgetq_lane_u64(vreinterpretq_u64_u8(sums), 0);
    }
}
