/* SPDX-License-Identifier: MIT */
/* kernels: the 2-D filter undone and the elements restored at once (format.md, section 3). Included for each pair of a
 * WORD and an ELEMENT, with NAME, OP (+ or ^), RESTORE(x), and SCALED where that divides.
 *
 * Some columns at a time go down all rows. The row above stays in registers: storing it and loading it again waits
 * where a load meets two stores that are under way, as it does in rows of odd lengths. */

#define SOME FN(OMFI_PASTE(NAME, _some))
#define ALL FN(OMFI_PASTE(NAME, _all))
#define COLUMNS (128 / sizeof(WORD)) /* four registers of 256 bits */

OMFI_INLINE void SOME(char *dst, int64_t dst_stride, const WORD *above, WORD *words, size_t distance, size_t n_rows,
                      const size_t n, float scale, float offset, bool multiplies) {
    WORD sum[COLUMNS];
    const WORD all_bits = (WORD)-1, kept = above != NULL ? all_bits : 0;
    const WORD *before = above != NULL ? above : words;
    (void)scale, (void)offset, (void)multiplies;
    for (size_t i = 0; i < n; i++) sum[i] = before[i] & kept;
    for (size_t row = 0; row < n_rows; row++, dst += dst_stride) {
        ELEMENT *OMFI_RESTRICT out = (ELEMENT *)dst;
        const WORD *OMFI_RESTRICT in = words + row * distance;
        for (size_t i = 0; i < n; i++) {
            sum[i] = (WORD)(sum[i] OP in[i]);
            out[i] = RESTORE(sum[i]);
        }
    }
    words += (n_rows - 1) * distance;
    for (size_t i = 0; i < n; i++) words[i] = sum[i];
}

OMFI_INLINE void ALL(char *dst, int64_t dst_stride, const WORD *above, WORD *words, size_t distance, size_t n_rows,
                     size_t n_cols, float scale, float offset, bool multiplies) {
    size_t i = 0;
#define GO_DOWN(n)                                                                                                     \
    SOME(dst + i * sizeof(ELEMENT), dst_stride, above != NULL ? above + i : NULL, words + i, distance, n_rows, n,      \
         scale, offset, multiplies)
    for (; i + COLUMNS <= n_cols; i += COLUMNS) GO_DOWN(COLUMNS);
    for (; i + COLUMNS / 4 <= n_cols; i += COLUMNS / 4) GO_DOWN(COLUMNS / 4);
    for (; i + COLUMNS / 8 <= n_cols; i += COLUMNS / 8) GO_DOWN(COLUMNS / 8);
    for (; i < n_cols; i++) GO_DOWN(1);
#undef GO_DOWN
}

static void FN(NAME)(void *dst, int64_t dst_stride, const void *above, void *words, size_t distance, size_t n_rows,
                     size_t n_cols, float scale, float offset) {
#ifdef SCALED
    if (FN(multiplies)(scale)) {
        ALL((char *)dst, dst_stride, (const WORD *)above, (WORD *)words, distance, n_rows, n_cols, scale, offset, true);
        return;
    }
#endif
    ALL((char *)dst, dst_stride, (const WORD *)above, (WORD *)words, distance, n_rows, n_cols, scale, offset, false);
}

#undef SOME
#undef ALL
#undef COLUMNS
#undef NAME
#undef WORD
#undef ELEMENT
#undef OP
#undef RESTORE
#undef SCALED
