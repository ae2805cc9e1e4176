/* SPDX-License-Identifier: MIT */
/* chunk: which bytes of the caller's memory a strided selection can reach. */
#ifndef OMFI_EXTENT_H
#define OMFI_EXTENT_H

#include "base/checked.h"
#include "omf/chunk.h"

/* Bytes below and above the first element that any combination of indices reaches. */
typedef struct omfi_extent {
    uint64_t below, above;
} omfi_extent;

/* Add a dimension; false on overflow. */
OMFI_INLINE bool omfi_extent_add(omfi_extent *extent, uint64_t count, int64_t stride) {
    const uint64_t step = stride < 0 ? 0 - (uint64_t)stride : (uint64_t)stride;
    uint64_t *side = stride < 0 ? &extent->below : &extent->above;
    uint64_t length;
    return omfi_mul(&length, count - 1, step) && omfi_add(side, *side, length);
}

/* Whether all of it, and the last element itself, lies inside the buffer. */
OMFI_INLINE bool omfi_extent_fits(const omfi_extent *extent, const omf_buffer *buffer, size_t element_size) {
    return buffer->origin <= buffer->size && extent->below <= buffer->origin &&
           element_size <= buffer->size - buffer->origin &&
           extent->above <= buffer->size - buffer->origin - element_size;
}

#endif
