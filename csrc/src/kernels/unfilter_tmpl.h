/* SPDX-License-Identifier: MIT */
/* kernels: the 2-D filter undone and the elements restored at once (format.md, section 3). Included for each pair of a
 * WORD and an ELEMENT, with NAME, OP (+ or ^), RESTORE(x), and SCALED where that divides.
 *
 * Some columns at a time go down all rows. The row above stays in registers: storing it and loading it again waits
 * where a load meets two stores that are under way, as it does in rows of odd lengths. */

#define SOME FN(OMFI_PASTE(NAME, _some))
#define ALL FN(OMFI_PASTE(NAME, _all))
#define COLUMNS (128 / sizeof(WORD)) /* four registers of 256 bits */
#define FEW (OMFI_UNFILTER_MIN / sizeof(WORD))

/* n columns, of which the last n_left are left behind in the last row. */
OMFI_INLINE void SOME(char *dst, int64_t dst_stride, const WORD *above, WORD *words, size_t distance, size_t n_rows,
                      const size_t n, size_t n_left, float scale, float offset, bool multiplies) {
    WORD sum[COLUMNS];
    const WORD all_bits = (WORD)-1, kept = above != NULL ? all_bits : 0;
    const WORD *before = above != NULL ? above : words;
    (void)scale, (void)offset, (void)multiplies;
    for (size_t i = 0; i < n; i++) sum[i] = before[i] & kept;
    for (size_t row = 0; row < n_rows; row++, dst += dst_stride) {
        ELEMENT *OMFI_RESTRICT out = (ELEMENT *)dst;
        const WORD *OMFI_RESTRICT in = words + row * distance;
#define STEP sum[i] = (WORD)(sum[i] OP in[i]), out[i] = RESTORE(sum[i])
        if (n > FEW) {
            OMFI_INDEPENDENT
            for (size_t i = 0; i < n; i++) STEP;
        } else {
            OMFI_INDEPENDENT OMFI_ONE_VECTOR for (size_t i = 0; i < n; i++) STEP;
        }
#undef STEP
    }
    words += (n_rows - 1) * distance;
    for (size_t i = n - n_left; i < n; i++) words[i] = sum[i];
}

OMFI_INLINE void ALL(char *dst, int64_t dst_stride, const WORD *above, WORD *words, size_t distance, size_t n_rows,
                     size_t n_cols, float scale, float offset, bool multiplies) {
#define GO_DOWN(from, n, n_left)                                                                                       \
    SOME(dst + (from) * sizeof(ELEMENT), dst_stride, above != NULL ? above + (from) : NULL, words + (from), distance,  \
         n_rows, n, n_left, scale, offset, multiplies)
    size_t i = 0;
    if (n_cols % FEW != 0) /* the last ones, and before them others that come again */
        GO_DOWN(n_cols - FEW, FEW, n_cols % FEW);
    for (; i + COLUMNS <= n_cols; i += COLUMNS) GO_DOWN(i, COLUMNS, COLUMNS);
    for (; i + FEW <= n_cols; i += FEW) GO_DOWN(i, FEW, FEW);
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
#undef FEW
#undef NAME
#undef WORD
#undef ELEMENT
#undef OP
#undef RESTORE
#undef SCALED
