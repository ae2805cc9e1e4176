/* SPDX-License-Identifier: MIT */
/* kernels: 2-D delta of W-bit words (format.md, section 3). Included once for each width. */

static void FNW(add)(void *words, size_t distance, size_t n_values) {
    T *OMFI_RESTRICT values = (T *)words;
    const T *OMFI_RESTRICT before = (const T *)words - distance;
    for (size_t i = 0; i < n_values; i++) values[i] = (T)(values[i] + before[i]);
}

static void FNW(subtract)(void *dst, const void *words, size_t distance, size_t n_values) {
    T *OMFI_RESTRICT out = (T *)dst;
    const T *values = (const T *)words, *before = values - distance;
    for (size_t i = 0; i < n_values; i++) out[i] = (T)(values[i] - before[i]);
}

#if W < 64
#define NAME OMFI_PASTE(unfilter_add, W)
#define WORD T
#define ELEMENT T
#define OP +
#define RESTORE(x) (x)
#include "kernels/unfilter_tmpl.h"
#endif
