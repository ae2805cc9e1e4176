/* SPDX-License-Identifier: MIT */
/* plan: selection of an array -> the chunks that it touches, one by one, each with its place in the caller's memory. */
#include "base/checked.h"
#include "base/error.h"
#include "chunk/extent.h"
#include "omf/plan.h"

omf_status omf_plan_init(omf_plan *plan, const omf_array *array, const omf_select *select, omf_buffer buffer,
                         omf_error *err) {
    plan->array = array;
    plan->table = NULL;
    plan->buffer = buffer;
    plan->n_chunks = 1;
    omfi_extent extent = {0, 0};
    for (unsigned i = 0; i < array->n_dims; i++) {
        const omf_select *want = &select[i];
        const uint64_t dim = array->dims[i], chunk = array->chunks[i];
        OMFI_CHECK(want->count >= 1 && want->step >= 1 && want->start < dim &&
                       want->count - 1 <= (dim - 1 - want->start) / want->step,
                   err, OMF_ERR_ARGUMENT, i, "selection", "outside the array");
        OMFI_CHECK(omfi_extent_add(&extent, want->count, want->stride), err, OMF_ERR_ARGUMENT, i, "selection",
                   "the strides overflow");
        plan->select[i] = *want;
        plan->grid[i] = omfi_ceil_div(dim, chunk);
        plan->first[i] = want->start / chunk;
        /* With steps longer than a chunk every wanted index has a chunk of its own. */
        plan->touched[i] = want->step > chunk
                               ? want->count
                               : (want->start + (want->count - 1) * want->step) / chunk - plan->first[i] + 1;
        plan->n_chunks *= plan->touched[i];
    }
    OMFI_CHECK(omfi_extent_fits(&extent, &buffer, omf_type_size(array->codec.type)), err, OMF_ERR_ARGUMENT, 0, "buffer",
               "the selection does not fit the buffer");
    return OMF_OK;
}

/* Recompute dimension i of the cursor from its position at[i]. */
static void place(omf_cursor *cursor, unsigned i) {
    const omf_plan *plan = cursor->plan;
    const omf_select *want = &plan->select[i];
    const uint64_t extent = plan->array->dims[i], length = plan->array->chunks[i];
    const uint64_t first_wanted = want->step > length ? want->start + cursor->at[i] * want->step : 0;
    const uint64_t chunk = want->step > length ? first_wanted / length : plan->first[i] + cursor->at[i];
    const uint64_t begin = chunk * length;
    const uint64_t end = extent - begin < length ? extent : begin + length;
    /* Wanted indices start + k * step with k in [k0, k1) lie in [begin, end). */
    uint64_t k0 = 0, k1 = want->count;
    if (want->step == 1) {
        if (begin > want->start) k0 = begin - want->start;
        if (end < want->start + want->count) k1 = end - want->start;
    } else {
        if (begin > want->start) k0 = omfi_ceil_div(begin - want->start, want->step);
        const uint64_t k_end = omfi_ceil_div(end - want->start, want->step);
        if (k_end < k1) k1 = k_end;
    }
    omf_dim *dim = &cursor->dims[i];
    dim->size = end - begin;
    dim->start = want->start + k0 * want->step - begin;
    dim->count = k1 - k0;
    dim->step = want->step;
    dim->stride = want->stride;
    cursor->grid[i] = chunk;
    cursor->shift[i] = (int64_t)k0 * want->stride;
}

/* Sum up what the dimensions say. */
static void finish(omf_cursor *cursor) {
    const omf_plan *plan = cursor->plan;
    uint64_t number = 0, n = 1;
    int64_t shift = 0;
    for (unsigned i = 0; i < plan->array->n_dims; i++) {
        number = number * plan->grid[i] + cursor->grid[i];
        n *= cursor->dims[i].size;
        shift += cursor->shift[i];
    }
    cursor->chunk = number;
    cursor->first_group = number / OMF_LUT_GROUP;
    cursor->last_group = (number + 1) / OMF_LUT_GROUP;
    cursor->n_elements = n;
    cursor->buffer.origin = (size_t)((int64_t)plan->buffer.origin + shift);
}

void omf_cursor_seek(omf_cursor *cursor, const omf_plan *plan, uint64_t index) {
    cursor->plan = plan;
    cursor->index = index;
    cursor->buffer = plan->buffer;
    for (unsigned i = plan->array->n_dims; i-- > 0;) {
        cursor->at[i] = index % plan->touched[i];
        index /= plan->touched[i];
        place(cursor, i);
    }
    finish(cursor);
}

bool omf_cursor_next(omf_cursor *cursor) {
    const omf_plan *plan = cursor->plan;
    if (++cursor->index >= plan->n_chunks) return false;
    for (unsigned i = plan->array->n_dims; i-- > 0;) {
        const bool carry = ++cursor->at[i] == plan->touched[i];
        if (carry) cursor->at[i] = 0;
        place(cursor, i);
        if (!carry) break;
    }
    finish(cursor);
    return true;
}

omf_status omf_cursor_range(const omf_cursor *cursor, const uint64_t first_entries[OMF_LUT_GROUP],
                            const uint64_t last_entries[OMF_LUT_GROUP], uint64_t *begin, uint64_t *end,
                            omf_error *err) {
    *begin = first_entries[cursor->chunk % OMF_LUT_GROUP];
    *end = last_entries[(cursor->chunk + 1) % OMF_LUT_GROUP];
    return omf_cursor_check(cursor, *begin, *end, err);
}

omf_status omf_cursor_check(const omf_cursor *cursor, uint64_t begin, uint64_t end, omf_error *err) {
    const omf_array *array = cursor->plan->array;
    OMFI_CHECK(begin < end && end <= array->file_size, err, OMF_ERR_CORRUPT, begin, "look-up table",
               "a chunk's range is empty or lies outside the file");
    OMFI_CHECK(end - begin >= omf_chunk_min_size(&array->codec, cursor->n_elements), err, OMF_ERR_CORRUPT, begin,
               "look-up table", "a chunk is shorter than its elements allow");
    OMFI_CHECK(end - begin <= omf_chunk_max_size(&array->codec, cursor->n_elements), err, OMF_ERR_CORRUPT, begin,
               "look-up table", "a chunk is longer than its elements allow");
    return OMF_OK;
}

omf_status omf_cursor_decode(const omf_cursor *cursor, const uint8_t *src, size_t src_len, void *scratch,
                             size_t scratch_size, omf_error *err) {
    const omf_array *array = cursor->plan->array;
    omf_chunk_decoder decoder;
    size_t consumed;
    bool done;
    OMFI_TRY(omf_chunk_decoder_init(&decoder, &cursor->buffer, &array->codec, cursor->dims, array->n_dims, scratch,
                                    scratch_size, err));
    decoder.table = cursor->plan->table;
    return omf_chunk_decoder_feed(&decoder, src, src_len, true, &consumed, &done, err);
}
