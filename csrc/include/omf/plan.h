/* SPDX-License-Identifier: MIT */
/* Plans: which chunks a selection of an array touches, and how each of them lies in the caller's array.
 *
 * Reading:  omf_plan_init; for each chunk of the plan, in any order and from any number of threads:
 *           omf_cursor_seek / _next, fetch the groups of the LUT that the cursor names, omf_lut_decode and
 *           omf_cursor_range find the chunk's bytes, fetch them, omf_cursor_decode.
 * Writing:  the same with a selection of everything, and omf_chunk_encode with cursor.buffer and cursor.dims. */
#ifndef OMF_PLAN_H
#define OMF_PLAN_H

#include "chunk.h"
#include "format.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Wanted indices of one dimension, start + i * step for i < count, and their distance in the caller's array. */
typedef struct omf_select {
    uint64_t start;
    uint64_t count; /* at least 1 */
    uint64_t step;  /* at least 1; for a negative numpy step reverse the stride instead */
    int64_t stride; /* bytes; any sign */
} omf_select;

typedef struct omf_plan {
    const omf_array *array;
    const float *table; /* what omf_table_fill made for array->codec; NULL, as omf_plan_init leaves it: none */
    uint64_t n_chunks;  /* chunks that the selection touches, at least 1 */
    omf_buffer buffer;  /* the caller's array */
    omf_select select[OMF_MAX_DIMS];
    uint64_t grid[OMF_MAX_DIMS];    /* chunks of the array along each dimension */
    uint64_t first[OMF_MAX_DIMS];   /* first touched chunk along each dimension */
    uint64_t touched[OMF_MAX_DIMS]; /* number of touched chunks along each dimension */
} omf_plan;

/* Check a selection against the array and the caller's memory. Does not read or write `buffer`; buffer.origin is the
 * offset of the first selected element. `array` must outlive the plan. After this a plan does not change: threads may
 * share it. */
OMF_API omf_status omf_plan_init(omf_plan *plan, const omf_array *array, const omf_select *select, omf_buffer buffer,
                                 omf_error *err);

/* One chunk of a plan. Several cursors may walk one plan. */
typedef struct omf_cursor {
    const omf_plan *plan;
    uint64_t index;      /* which of the plan's n_chunks */
    uint64_t chunk;      /* its number in the chunk grid; ascends with index */
    uint64_t n_elements; /* elements of the (clipped) chunk */
    omf_buffer buffer;   /* the caller's array, origin moved to the first wanted element of this chunk */
    omf_dim dims[OMF_MAX_DIMS];
    uint64_t grid[OMF_MAX_DIMS]; /* place in the chunk grid */
    uint64_t at[OMF_MAX_DIMS];   /* private: place among the touched chunks */
    int64_t shift[OMF_MAX_DIMS]; /* private: each dimension's part of buffer.origin */
    /* Groups of the LUT with the chunk's begin and its end. The end is the begin of the next chunk, so the groups are
     * neighbours where the chunk is the last one of its group, and otherwise the same. */
    uint64_t first_group, last_group;
} omf_cursor;

/* Go to the index-th chunk (index < n_chunks). */
OMF_API void omf_cursor_seek(omf_cursor *cursor, const omf_plan *plan, uint64_t index);
/* Go to the next one; false (and the cursor is invalid) at the end. */
OMF_API bool omf_cursor_next(omf_cursor *cursor);

/* The file range [*begin, *end) of the cursor's chunk, by the entries of groups first_group and last_group, as
 * omf_lut_decode gives them. It has been checked, as omf_cursor_check does. */
OMF_API omf_status omf_cursor_range(const omf_cursor *cursor, const uint64_t first_entries[OMF_LUT_GROUP],
                                    const uint64_t last_entries[OMF_LUT_GROUP], uint64_t *begin, uint64_t *end,
                                    omf_error *err);

/* Check a file range [begin, end) for the cursor's chunk, before it is fetched. */
OMF_API omf_status omf_cursor_check(const omf_cursor *cursor, uint64_t begin, uint64_t end, omf_error *err);

/* Decode the cursor's chunk from src into the caller's array. scratch must be aligned to 8 bytes, its size is that of
 * omf_chunk_decode_scratch. err->offset counts from src. */
OMF_API omf_status omf_cursor_decode(const omf_cursor *cursor, const uint8_t *src, size_t src_len, void *scratch,
                                     size_t scratch_size, omf_error *err);

#ifdef __cplusplus
}
#endif
#endif
