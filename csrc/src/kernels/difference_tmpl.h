/* SPDX-License-Identifier: MIT */
/* kernels: 2-D delta of words of WORD_BITS bits (format.md, section 3). Included once for each width. */

static void SUFFIXED(add)(void *words, size_t distance, size_t n_values) {
    word_t *OMFI_RESTRICT values = (word_t *)words;
    const word_t *OMFI_RESTRICT before = (const word_t *)words - distance;
    for (size_t i = 0; i < n_values; i++) values[i] = (word_t)(values[i] + before[i]);
}

static void SUFFIXED(subtract)(void *dst, const void *words, size_t distance, size_t n_values) {
    word_t *OMFI_RESTRICT out = (word_t *)dst;
    const word_t *values = (const word_t *)words, *before = values - distance;
    for (size_t i = 0; i < n_values; i++) out[i] = (word_t)(values[i] - before[i]);
}

#if WORD_BITS < 64
#define NAME OMFI_PASTE(unfilter_add, WORD_BITS)
#define WORD word_t
#define ELEMENT word_t
#define OP +
#define RESTORE(x) (x)
#include "kernels/unfilter_tmpl.h"
#endif
