/* SPDX-License-Identifier: MIT */
/* kernels: between floats and integers, and the XOR filter (format.md, section 3).
 * Each step is rounded to the type, so nothing here may be contracted to fused operations; and casts that look needless
 * round for compilers that calculate with more bits, as GCC does for s390x. */

static void exclusive_or32(void *words, size_t distance, size_t n_values) {
    uint32_t *OMFI_RESTRICT values = (uint32_t *)words;
    const uint32_t *OMFI_RESTRICT before = (const uint32_t *)words - distance;
    for (size_t i = 0; i < n_values; i++) values[i] ^= before[i];
}

static void difference_xor32(void *dst, const void *words, size_t distance, size_t n_values) {
    uint32_t *OMFI_RESTRICT out = (uint32_t *)dst;
    const uint32_t *values = (const uint32_t *)words, *before = values - distance;
    for (size_t i = 0; i < n_values; i++) out[i] = values[i] ^ before[i];
}

/* 10^y, within half a unit of a float and a little; 0 or infinity far outside. It is 2^t with t = y * log2(10): 2^n, a
 * matter of the exponent, times 2^f with |f| <= 1/2, by the Taylor series of exp(f * ln 2), whose first omitted term is
 * 0.35^11 / 11!. In double and without calls it is the same on every machine, and is vectorised; powf is neither. */
OMFI_INLINE float power10(float y) {
    const double magic = 0x1.8p52, limit = 200; /* 2^200 and 2^-200 are no floats */
    const double t = (double)y * 3.3219280948873626, capped = t < limit ? t : limit;
    const double safe = capped > -limit ? capped : -limit, shifted = safe + magic;
    const double x = (safe - (shifted - magic)) * 0.6931471805599453;
    const double x2 = x * x, x4 = x2 * x2; /* short chains of operations: CPUs do many at once */
    const double p0 = (1 + x) + (1.0 / 2 + 1.0 / 6 * x) * x2;
    const double p4 = (1.0 / 24 + 1.0 / 120 * x) + (1.0 / 720 + 1.0 / 5040 * x) * x2;
    const double p8 = (1.0 / 40320 + 1.0 / 362880 * x) + 1.0 / 3628800 * x2;
    double p = p0 + (p4 + p8 * x4) * x4;
    uint64_t bits, exponent;
    memcpy(&bits, &p, sizeof bits);
    memcpy(&exponent, &shifted, sizeof exponent); /* its low bits are n */
    bits += exponent << 52;
    memcpy(&p, &bits, sizeof p);
    return (float)p;
}

/* --- words -> elements -------------------------------------------------------------------------------------------- */

/* The rounded quotient q / scale of an integer q in a float of p bits, without the division, which takes several times
 * as long. `high` is 1 / scale, rounded, e = scale * high - 1 its exact error and `low` what it lacks, rounded: their sum
 * is 1 / scale within 2 u^2 of itself, u = 2^-p being the error of one rounding. That of q * low adds u^2 at most. So the
 * last operation rounds the quotient with an error of less than 4 u^2 of itself: the right float, unless halfway between
 * two floats lies between the two. With a scale of S times a power of two, S odd, what lies halfway is M times another,
 * M odd and of p + 1 bits. The quotient never is, as S * M has more bits than q, and its distance is at least one part in
 * S * M. That is more than the error if S <= 2^(p-3): floats as scales have 24 bits, of which the last three must be 0
 * when q has no more, as in all scales that are integers below two million. `multiplies` says whether they are, and
 * whether all steps stay far from the smallest and largest floats. */
#if defined(OMFI_FUSED) && OMFI_HAS_FMA
OMFI_INLINE bool multiplies(float scale) {
    uint32_t bits;
    memcpy(&bits, &scale, sizeof bits);
    return scale >= 0x1p-40f && scale <= 0x1p60f && (bits & 7) == 0;
}
#define QUOTIENT(FLOAT, FUSED)                                                                                         \
    OMFI_INLINE FLOAT quotient_##FLOAT(FLOAT q, FLOAT scale, bool multiplies) {                                        \
        const FLOAT high = 1 / scale, low = -FUSED(scale, high, -1) * high;                                            \
        return multiplies ? FUSED(q, high, q * low) : q / scale;                                                       \
    }
#else
OMFI_INLINE bool multiplies(float scale) { return (void)scale, false; }
#define QUOTIENT(FLOAT, FUSED)                                                                                         \
    OMFI_INLINE FLOAT quotient_##FLOAT(FLOAT q, FLOAT scale, bool multiplies) { return (void)multiplies, q / scale; }
#endif
QUOTIENT(float, fmaf)
QUOTIENT(double, fma)
#undef QUOTIENT

/* Elements converted at once: a constant number, the last ones once more, spares the loop for the rest. */
enum { TOGETHER = 16 };

#define RESTORE(name, WORD, FLOAT, MARK, EXPRESSION)                                                                   \
    OMFI_INLINE void name##_some(FLOAT *OMFI_RESTRICT out, const WORD *OMFI_RESTRICT in, size_t n, FLOAT scale,        \
                                 FLOAT offset, bool multiplies) {                                                      \
        (void)offset;                                                                                                  \
        for (size_t i = 0; i < n; i++) {                                                                               \
            const FLOAT quotient = quotient_##FLOAT(TO_##FLOAT(in[i]), scale, multiplies);                             \
            out[i] = in[i] == MARK ? (FLOAT)NAN : EXPRESSION;                                                          \
        }                                                                                                              \
    }                                                                                                                  \
    OMFI_INLINE void name##_rows(char *dst, int64_t dst_stride, const char *words, size_t words_stride, size_t n_rows, \
                                 size_t n_cols, FLOAT scale, FLOAT offset, bool multiplies) {                          \
        for (size_t row = 0; row < n_rows; row++, dst += dst_stride, words += words_stride) {                          \
            FLOAT *out = (FLOAT *)dst;                                                                                 \
            const WORD *in = (const WORD *)words;                                                                      \
            size_t i = 0;                                                                                              \
            for (; i + TOGETHER <= n_cols; i += TOGETHER)                                                              \
                name##_some(out + i, in + i, TOGETHER, scale, offset, multiplies);                                     \
            if (i == n_cols) continue;                                                                                 \
            if (i == 0) name##_some(out, in, n_cols, scale, offset, multiplies);                                       \
            else name##_some(out + n_cols - TOGETHER, in + n_cols - TOGETHER, TOGETHER, scale, offset, multiplies);    \
        }                                                                                                              \
    }                                                                                                                  \
    static void name(void *dst, int64_t dst_stride, const void *words, size_t words_stride, size_t n_rows,             \
                     size_t n_cols, float scale, float offset) {                                                       \
        if (multiplies(scale)) name##_rows(dst, dst_stride, words, words_stride, n_rows, n_cols, scale, offset, true); \
        else name##_rows(dst, dst_stride, words, words_stride, n_rows, n_cols, scale, offset, false);                  \
    }
#define TO_float(x) (float)(x)
#define TO_double to_double
RESTORE(restore_i16, int16_t, float, INT16_MAX, quotient - offset)
RESTORE(restore_i16_log, int16_t, float, INT16_MAX, power10(quotient) - 1.0f)
RESTORE(restore_i32, int32_t, float, INT32_MAX, quotient - offset)
RESTORE(restore_i64, int64_t, double, INT64_MAX, quotient - offset)
#undef RESTORE
#undef TO_float
#undef TO_double

static void look_up(void *dst, int64_t dst_stride, const void *words, size_t words_stride, size_t n_rows, size_t n_cols,
                    const float *table) {
    for (size_t row = 0; row < n_rows; row++) {
        float *OMFI_RESTRICT out = (float *)dst;
        const uint16_t *OMFI_RESTRICT in = (const uint16_t *)words;
        size_t i = 0;
        for (; i + 8 <= n_cols; i += 8) {
            OMFI_UNROLL
            for (size_t k = i; k < i + 8; k++) out[k] = table[in[k]];
        }
        for (; i < n_cols; i++) out[i] = table[in[i]];
        dst = (char *)dst + dst_stride;
        words = (const char *)words + words_stride;
    }
}

/* --- elements -> words -------------------------------------------------------------------------------------------- */

/* log10(a) of a >= 2^-24, the float nearest to it (tried for all floats). a is 2^k * m with sqrt(1/2) <= m < sqrt(2), and
 * ln(m) = 2 artanh(s) with s = (m - 1) / (m + 1), by the Taylor series, whose first omitted term is s^21 / 21 with s^2 <
 * 0.03. In double and without calls it is the same on every machine, and is vectorised; log10f is neither. */
OMFI_INLINE float decimal_log(float a) {
    const uint32_t sqrt_half = 0x3F3504F3; /* as a float; above it, each 2^23 is a doubling */
    uint32_t bits;
    float mantissa;
    memcpy(&bits, &a, sizeof bits);
    const int32_t k = (int32_t)(bits - sqrt_half) >> 23;
    bits -= (uint32_t)k << 23;
    memcpy(&mantissa, &bits, sizeof mantissa);
    const double m = mantissa, s = (m - 1) / (m + 1), z = s * s;
    const double z2 = z * z, z4 = z2 * z2;
    const double p0 = (1.0 / 3 + 1.0 / 5 * z) + (1.0 / 7 + 1.0 / 9 * z) * z2;
    const double p4 = (1.0 / 11 + 1.0 / 13 * z) + (1.0 / 15 + 1.0 / 17 * z) * z2;
    const double p = p0 + (p4 + 1.0 / 19 * z4) * z4;
    const double rest = p * z * s + s;
    return (float)(k * 0.30102999566398120 + rest * 0.86858896380650366); /* log10(2), 2 / ln(10) */
}

/* x = -1, whose logarithm is minus infinity, is stored as the smallest integer; what lies below has none. */
OMFI_INLINE float log_scaled(float x, float scale) {
    const float a = 1.0f + x, positive = a <= FLT_MAX ? decimal_log(a) : a; /* infinity and NaN stay */
    const float y = (a <= 0 ? -INFINITY : positive) * scale, lowest = scale > 0 ? INT16_MIN : y;
    return x < -1.0f ? (scale > 0 ? -INFINITY : INFINITY) : x == -1.0f ? lowest : y;
}

/* Values of a piece: it is done again, with more care, if one of them is out of range. */
enum { PIECE = 256 };

/* Rounding half away from zero: adding the float just below 1/2, away from zero, and truncating is exact for every
 * float. y is out of range from TOO_LOW downwards and from TOO_HIGH upwards; all between fit WIDE. The first loop has no
 * branches, so that compilers vectorise it. */
#define QUANTIZE(name, WORD, WIDE, FLOAT, MARK, COPYSIGN, BELOW_HALF, TOO_LOW, TOO_HIGH, EXPRESSION)                   \
    static size_t name(void *words, const void *src, size_t n_values, float scale_factor, float add_offset,            \
                       omf_overflow overflow) {                                                                        \
        const FLOAT scale = scale_factor, offset = add_offset;                                                         \
        const FLOAT *OMFI_RESTRICT in = (const FLOAT *)src;                                                            \
        WORD *OMFI_RESTRICT out = (WORD *)words;                                                                       \
        const WIDE above = overflow == OMF_OVERFLOW_CLIP ? MARK - 1 : MARK;                                            \
        const WIDE below = overflow == OMF_OVERFLOW_CLIP ? -MARK - 1 : MARK;                                           \
        size_t n_bad = 0;                                                                                              \
        (void)offset;                                                                                                  \
        for (size_t start = 0; start < n_values; start += PIECE) {                                                     \
            const size_t end = n_values - start < PIECE ? n_values : start + PIECE;                                    \
            WIDE bad = 0;                                                                                              \
            for (size_t i = start; i < end; i++) {                                                                     \
                const FLOAT x = in[i], y = EXPRESSION;                                                                 \
                const bool fits = (y > (TOO_LOW)) & (y < (TOO_HIGH));                                                  \
                const FLOAT safe = fits ? y : 0;                                                                       \
                const WIDE q = (WIDE)(FLOAT)(safe + COPYSIGN(BELOW_HALF, safe));                                       \
                out[i] = (WORD)(fits ? q : (WIDE)MARK);                                                                \
                bad |= !fits & (x == x);                                                                               \
            }                                                                                                          \
            if (bad == 0) continue;                                                                                    \
            for (size_t i = start; i < end; i++) {                                                                     \
                const FLOAT x = in[i], y = EXPRESSION;                                                                 \
                if (y >= (TOO_HIGH)) out[i] = (WORD)above, n_bad++;                                                    \
                if (y <= (TOO_LOW)) out[i] = (WORD)below, n_bad++;                                                     \
            }                                                                                                          \
        }                                                                                                              \
        return n_bad;                                                                                                  \
    }
/* Floats just below 2^31 and 2^63 are at most MARK - 1; floats just below -2^31 and -2^63 are the first that are too
 * low. */
QUANTIZE(quantize_i16, int16_t, int32_t, float, INT16_MAX, copysignf, 0x1.fffffep-2f, -32768.5f, 32766.5f,
         (float)(x + offset) * scale)
QUANTIZE(quantize_log, int16_t, int32_t, float, INT16_MAX, copysignf, 0x1.fffffep-2f, -32768.5f, 32766.5f,
         log_scaled(x, scale))
QUANTIZE(quantize_i32, int32_t, int32_t, float, INT32_MAX, copysignf, 0x1.fffffep-2f, -2147483904.0f, 2147483648.0f,
         (float)(x + offset) * scale)
QUANTIZE(quantize_large, int64_t, int64_t, double, INT64_MAX, copysign, 0x1.fffffffffffffp-2, -9223372036854777856.0,
         9223372036854775808.0, (double)(x + offset) * scale)
#undef QUANTIZE

/* The logarithm in float is off by 2^-21.6 of itself at most (tried for all floats), and two roundings by 2^-24 each. It
 * makes no difference unless the product lies so near to a half that it may have to be rounded the other way; such values,
 * a few in a thousand, and those that cannot be held are done again. */
static size_t quantize_i16_log(void *words, const void *src, size_t n_values, float scale_factor, float add_offset,
                               omf_overflow overflow) {
    enum { STEP = 64 };
    const uint32_t sqrt_half = 0x3F3504F3, infinity = 0x7F800000;
    const float *OMFI_RESTRICT in = (const float *)src;
    int16_t *OMFI_RESTRICT out = (int16_t *)words;
    size_t n_bad = 0;
    for (size_t n; n_values != 0; n_values -= n, in += n, out += n) {
        uint16_t unsure[STEP];
        uint32_t any = 0;
        n = n_values < STEP ? n_values : STEP;
        for (size_t i = 0; i < n; i++) {
            const float x = in[i], a = 1.0f + x;
            uint32_t bits;
            float m;
            memcpy(&bits, &a, sizeof bits);
            const int32_t k = (int32_t)(bits - sqrt_half) >> 23;
            const uint32_t mantissa = bits - ((uint32_t)k << 23);
            memcpy(&m, &mantissa, sizeof m);
            const float s = (m - 1) / (m + 1), z = s * s;
            const float p = (1.0f / 3 + 1.0f / 5 * z) + (1.0f / 7 + 1.0f / 9 * z) * (z * z);
            const float log = (float)k * 0.3010299957f + (p * z * s + s) * 0.8685889638f; /* log10(2), 2 / ln(10) */
            const float y = log * scale_factor, size = fabsf(y), capped = size < 32766.0f ? size : 32766.0f;
            const float nearest = (float)(capped + 0x1p23f) - 0x1p23f, from_half = 0.5f - fabsf(capped - nearest);
            const int32_t q = (int32_t)copysignf(capped + 0x1.fffffep-2f, y);
            out[i] = (int16_t)(x != x ? INT16_MAX : q);
            const uint32_t is_near = from_half <= capped * 0x1p-21f, is_large = size >= 32766.0f;
            const uint32_t has_none = bits - 1 >= infinity - 1; /* a is 0, negative or infinite */
            const uint32_t flag = x != x ? 0 : is_near | is_large | has_none;
            unsure[i] = (uint16_t)flag;
            any |= flag;
        }
        if (any == 0) continue;
        for (size_t i = 0; i < n; i++)
            if (unsure[i]) n_bad += quantize_log(out + i, in + i, 1, scale_factor, add_offset, overflow);
    }
    return n_bad;
}

/* Most CPUs cannot convert doubles to 64-bit integers in vectors. Below 2^51 there is a way around: after adding 1.5 *
 * 2^52 the lowest bits of the double are the integer, rounded to the nearest, halves to even; the halves that should go
 * the other way are found by what is left over, which is exact. Pieces with larger values go the slow way. */
static size_t quantize_i64(void *words, const void *src, size_t n_values, float scale_factor, float add_offset,
                           omf_overflow overflow) {
    enum { STEP = 256 };
    const double scale = scale_factor, offset = add_offset, magic = 0x1.8p52, limit = 0x1p51;
    const double *OMFI_RESTRICT in = (const double *)src;
    int64_t *OMFI_RESTRICT out = (int64_t *)words;
    int64_t magic_bits;
    memcpy(&magic_bits, &magic, sizeof magic_bits);
    size_t n_bad = 0;
    for (size_t start = 0; start < n_values; start += STEP) {
        const size_t n = n_values - start < STEP ? n_values - start : STEP;
        int64_t large = 0;
        for (size_t i = start; i < start + n; i++) {
            const double x = in[i], y = (x + offset) * scale;
            const double capped = y < limit ? y : limit, safe = capped > -limit ? capped : -limit;
            const double shifted = safe + magic, rest = safe - (shifted - magic);
            const int64_t is_nan = x != x, is_positive = safe > 0;
            const int64_t up = is_positive & (rest == 0.5), down = (is_positive ^ 1) & (rest == -0.5);
            int64_t q;
            memcpy(&q, &shifted, sizeof q);
            q += up - down - magic_bits;
            out[i] = (q & ~-is_nan) | (INT64_MAX & -is_nan);
            large |= (y > limit) | (y < -limit);
        }
        if (large != 0) n_bad += quantize_large(out + start, in + start, n, scale_factor, add_offset, overflow);
    }
    return n_bad;
}
