/* SPDX-License-Identifier: MIT */
/* kernels: which layout a writer gives a block (format.md, section 5, "How a writer chooses a block's layout"). */
#ifndef OMFI_CHOOSE_H
#define OMFI_CHOOSE_H

#include "base/compiler.h"

#include <stdint.h>
#include <string.h>

/* Kinds of blocks, as they stand in the two upper bits of the header. */
enum { BLOCK_PLAIN = 0, BLOCK_VBYTE = 1, BLOCK_PATCH = 2, BLOCK_CONST = 3 };

/* An exception with r high bits is reckoned at 1 byte, and above 7, 15, 19, 25 bits at 1, 2, 3, 4 bytes more. */
enum { CHOOSE_MARGIN = 26, CHOOSE_LANES = 8 };

typedef struct layout {
    unsigned kind, bits;
} layout;

/* above[b] = how many of the n values have more than b bits, for b from 0 to top, rounded up to CHOOSE_LANES, +
 * CHOOSE_MARGIN; it is 0 from top on, where no candidate is cheaper than PLAIN.
 *
 * The cheapest candidate wins; among equals PLAIN, then the one with the most bits, then PATCH. So all that decides
 * goes into one key, whose minimum is found without branches, for CHOOSE_LANES numbers of bits at once. */
OMFI_INLINE layout choose_layout(const uint32_t *above, unsigned n, unsigned top, const unsigned width) {
    const uint32_t bitmap_size = (n + 7) / 8;
    uint32_t keys[CHOOSE_LANES];
    memset(keys, 0xFF, sizeof keys);
    for (unsigned first = 0; first < top; first += CHOOSE_LANES)
        for (unsigned lane = 0; lane < CHOOSE_LANES; lane++) {
            const unsigned b = first + lane;
            const uint32_t low = (n * b + 7) / 8 + 2, rank = (width - b) << 1;
            const uint32_t patch = low + bitmap_size + (above[b] * (top - b) + 7) / 8;
            const uint32_t vbyte =
                low + 2 * above[b] + above[b + 7] + 2 * above[b + 15] + 3 * above[b + 19] + 4 * above[b + 25];
            const uint32_t patch_key = patch << 8 | rank, vbyte_key = vbyte << 8 | rank | 1;
            const uint32_t key = width == 8 || patch_key < vbyte_key ? patch_key : vbyte_key;
            keys[lane] = key < keys[lane] ? key : keys[lane];
        }
    uint32_t best = ((n * top + 7) / 8 + 1) << 8;
    for (unsigned lane = 0; lane < CHOOSE_LANES; lane++) best = keys[lane] < best ? keys[lane] : best;
    const unsigned rank = (best & 0xFF) >> 1;
    if (rank == 0) return (layout){BLOCK_PLAIN, top};
    return (layout){best & 1 ? BLOCK_VBYTE : BLOCK_PATCH, width - rank};
}

#endif
