/* SPDX-License-Identifier: MIT */
/* base: sums and products of sizes that come from strangers. Each returns false, and leaves *out alone, on overflow. */
#ifndef OMFI_CHECKED_H
#define OMFI_CHECKED_H

#include "base/compiler.h"

#include <stdbool.h>
#include <stdint.h>

OMFI_INLINE bool omfi_add(uint64_t *out, uint64_t a, uint64_t b) {
    if (b > UINT64_MAX - a) return false;
    *out = a + b;
    return true;
}

OMFI_INLINE bool omfi_mul(uint64_t *out, uint64_t a, uint64_t b) {
    if (a != 0 && b > UINT64_MAX / a) return false;
    *out = a * b;
    return true;
}

/* a / b rounded up; b is not 0. */
OMFI_INLINE uint64_t omfi_ceil_div(uint64_t a, uint64_t b) { return a / b + (a % b != 0); }

#endif
