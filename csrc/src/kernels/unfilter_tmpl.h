/* SPDX-License-Identifier: MIT */
/* kernels: the 2-D filter undone and the elements restored at once (format.md, section 3). Included for each pair of
 * types, which these macros describe; they are undefined again here:
 *
 *     NAME         of the function
 *     WORD         type of the words
 *     ELEMENT      type of the elements
 *     OP           + or ^, which undoes the filter
 *     RESTORE(x)   the element of a word; it may use scale, offset and multiplies
 *     SCALED       is defined if RESTORE does that
 *
 * Some columns at a time go down all rows. The row above stays in registers: storing it and loading it again waits
 * where a load meets two stores that are under way, as it does in rows of odd lengths. */
#if !defined(NAME) || !defined(WORD) || !defined(ELEMENT) || !defined(OP) || !defined(RESTORE)
#error "unfilter_tmpl.h needs NAME, WORD, ELEMENT, OP and RESTORE"
#endif

#define UNFILTER_COLUMNS OMFI_PASTE(NAME, _columns)
#define UNFILTER_ALL OMFI_PASTE(NAME, _all)
#define MANY (128 / sizeof(WORD)) /* columns at a time: four registers of 256 bits */
#define FEW (OMFI_UNFILTER_MIN / sizeof(WORD))

/* n columns, of which the last n_left are left behind in the last row. */
OMFI_INLINE void UNFILTER_COLUMNS(char *dst, int64_t dst_stride, const WORD *above, WORD *words, size_t distance,
                                  size_t n_rows, const size_t n, size_t n_left, float scale, float offset,
                                  bool multiplies) {
    WORD sum[MANY];
    const WORD all_bits = (WORD)-1, kept = above != NULL ? all_bits : 0;
    const WORD *before = above != NULL ? above : words;
    (void)scale, (void)offset, (void)multiplies;
    for (size_t i = 0; i < n; i++) sum[i] = before[i] & kept;
    for (size_t row = 0; row < n_rows; row++, dst += dst_stride) {
        ELEMENT *OMFI_RESTRICT out = (ELEMENT *)dst;
        const WORD *OMFI_RESTRICT in = words + row * distance;
#define UNFILTER_ONE sum[i] = (WORD)(sum[i] OP in[i]), out[i] = RESTORE(sum[i])
        if (n > FEW) {
            OMFI_INDEPENDENT
            for (size_t i = 0; i < n; i++) UNFILTER_ONE;
        } else {
            OMFI_INDEPENDENT OMFI_ONE_VECTOR for (size_t i = 0; i < n; i++) UNFILTER_ONE;
        }
#undef UNFILTER_ONE
    }
    words += (n_rows - 1) * distance;
    for (size_t i = n - n_left; i < n; i++) words[i] = sum[i];
}

OMFI_INLINE void UNFILTER_ALL(char *dst, int64_t dst_stride, const WORD *above, WORD *words, size_t distance,
                              size_t n_rows, size_t n_cols, float scale, float offset, bool multiplies) {
#define UNFILTER_FROM(first, n, n_left)                                                                                \
    UNFILTER_COLUMNS(dst + (first) * sizeof(ELEMENT), dst_stride, above != NULL ? above + (first) : NULL,              \
                     words + (first), distance, n_rows, n, n_left, scale, offset, multiplies)
    size_t i = 0;
    if (n_cols % FEW != 0) /* the last ones, and before them others that come again */
        UNFILTER_FROM(n_cols - FEW, FEW, n_cols % FEW);
    for (; i + MANY <= n_cols; i += MANY) UNFILTER_FROM(i, MANY, MANY);
    for (; i + FEW <= n_cols; i += FEW) UNFILTER_FROM(i, FEW, FEW);
#undef UNFILTER_FROM
}

static void NAME(void *dst, int64_t dst_stride, const void *above, void *words, size_t distance, size_t n_rows,
                 size_t n_cols, float scale, float offset) {
#ifdef SCALED
    if (multiplies(scale)) {
        UNFILTER_ALL((char *)dst, dst_stride, (const WORD *)above, (WORD *)words, distance, n_rows, n_cols, scale,
                     offset, true);
        return;
    }
#endif
    UNFILTER_ALL((char *)dst, dst_stride, (const WORD *)above, (WORD *)words, distance, n_rows, n_cols, scale, offset,
                 false);
}

#undef UNFILTER_COLUMNS
#undef UNFILTER_ALL
#undef MANY
#undef FEW
#undef NAME
#undef WORD
#undef ELEMENT
#undef OP
#undef RESTORE
#undef SCALED
