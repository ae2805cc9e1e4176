/* SPDX-License-Identifier: MIT */
/* kernels: which layout a writer gives a block (format.md, section 5, "How a writer chooses a block's layout"). */
#ifndef OMFI_CHOOSE_H
#define OMFI_CHOOSE_H

#include "base/compiler.h"

#include <stdint.h>

/* Kinds of blocks, as they stand in the two upper bits of the header. */
enum { BLOCK_PLAIN = 0, BLOCK_VBYTE = 1, BLOCK_PATCH = 2, BLOCK_CONST = 3 };

/* An exception with r high bits is reckoned at 1 byte, and above 7, 15, 19, 25 bits at 1, 2, 3, 4 bytes more. */
enum { CHOOSE_MARGIN = 26 };

typedef struct layout {
    unsigned kind, bits;
} layout;

/* above[b] = how many of the n values have more than b bits, for b from 0 to top + CHOOSE_MARGIN.
 *
 * The cheapest candidate wins; among equals PLAIN, then the one with the most bits, then PATCH. So all that decides
 * goes into one key, whose minimum is found without branches. */
OMFI_INLINE layout choose_layout(const uint32_t *above, unsigned n, unsigned top, const unsigned width) {
    uint32_t best = (((n * top + 7) / 8 + 1) << 8);
    const uint32_t bitmap_size = (n + 7) / 8;
    uint32_t patch_best = UINT32_MAX, vbyte_best = UINT32_MAX;
    for (unsigned b = 0; b < top; b++) {
        const uint32_t low = (n * b + 7) / 8 + 2, rank = (width - b) << 1;
        const uint32_t patch = low + bitmap_size + (above[b] * (top - b) + 7) / 8;
        const uint32_t vbyte =
            low + 2 * above[b] + above[b + 7] + 2 * above[b + 15] + 3 * above[b + 19] + 4 * above[b + 25];
        const uint32_t patch_key = patch << 8 | rank, vbyte_key = vbyte << 8 | rank | 1;
        patch_best = patch_key < patch_best ? patch_key : patch_best;
        vbyte_best = vbyte_key < vbyte_best ? vbyte_key : vbyte_best;
    }
    if (width == 8) vbyte_best = UINT32_MAX; /* VBYTE is not used with 8-bit words */
    if (patch_best < best) best = patch_best;
    if (vbyte_best < best) best = vbyte_best;
    const unsigned rank = (best & 0xFF) >> 1;
    if (rank == 0) return (layout){BLOCK_PLAIN, top};
    return (layout){best & 1 ? BLOCK_VBYTE : BLOCK_PATCH, width - rank};
}

#endif
