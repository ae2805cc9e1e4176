/* SPDX-License-Identifier: MIT */
/* chunk: which bytes of the caller's memory a strided selection can reach. */
#ifndef OMFI_REACH_H
#define OMFI_REACH_H

#include "base/checked.h"
#include "omf/chunk.h"

/* Bytes below and above the first element that any combination of indices reaches. */
typedef struct omfi_reach {
    uint64_t below, above;
} omfi_reach;

/* Add a dimension; false on overflow. */
OMFI_INLINE bool omfi_reach_add(omfi_reach *reach, uint64_t count, int64_t stride) {
    const uint64_t step = stride < 0 ? 0 - (uint64_t)stride : (uint64_t)stride;
    uint64_t *side = stride < 0 ? &reach->below : &reach->above;
    uint64_t length;
    return omfi_mul(&length, count - 1, step) && omfi_add(side, *side, length);
}

/* Whether all of it, and the last element itself, lies inside the buffer. */
OMFI_INLINE bool omfi_reach_fits(const omfi_reach *reach, const omf_buffer *buffer, size_t element_size) {
    return buffer->origin <= buffer->size && reach->below <= buffer->origin &&
           element_size <= buffer->size - buffer->origin &&
           reach->above <= buffer->size - buffer->origin - element_size;
}

#endif
