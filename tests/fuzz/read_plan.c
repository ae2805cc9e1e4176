/* SPDX-License-Identifier: MIT */
/* Any bytes as a file, any selection of its root: every chunk is fetched and decoded as a reader does it, alike by all
 * kernels, and no element is left out. */
#include "fuzz.h"

#define MAX_BYTES (1u << 18)
#define MAX_CHUNKS 500

/* Some indices of each dimension; returns the number of elements. */
static size_t take_select(omf_select *select, const omf_array *array, input *in) {
    size_t n = 1;
    for (unsigned i = array->n_dims; i-- > 0;) {
        const uint64_t dim = array->dims[i], bits = take(in, 1), limit = MAX_BYTES / 8 / n;
        omf_select *s = &select[i];
        *s = (omf_select){take(in, 2) % dim, 1, 1, (int64_t)(n * omf_type_size(array->codec.type))};
        if (bits & 1) s->start = 0;
        if (bits & 2) s->step = 1 + take(in, 2) % dim;
        uint64_t count = (dim - s->start - 1) / s->step + 1;
        if (bits & 4) count = 1 + take(in, 2) % count;
        s->count = count < limit ? count : limit;
        n *= (size_t)s->count;
    }
    return n;
}

static bool load_group(uint64_t *entries, const omf_array *array, uint64_t group, const uint8_t *file) {
    const omf_span range = omf_lut_range(array, group, group);
    unsigned n;
    uint8_t *bytes = copy_of(file + range.offset, (size_t)range.size);
    const omf_status status = omf_lut_decode(entries, &n, array, group, bytes, (size_t)range.size, NULL);
    free(bytes);
    if (status != OMF_OK) return false;
    REQUIRE(n == (group == array->n_chunks / OMF_LUT_GROUP ? array->n_chunks % OMF_LUT_GROUP + 1 : OMF_LUT_GROUP));
    return true;
}

/* Where the cursor's chunk lies, by the look-up table. */
static bool locate(const omf_cursor *cursor, const uint8_t *file, uint64_t *begin, uint64_t *end) {
    const omf_array *array = cursor->plan->array;
    uint64_t first_entries[OMF_LUT_GROUP], last_entries[OMF_LUT_GROUP];
    return load_group(first_entries, array, cursor->first_group, file) &&
           load_group(last_entries, array, cursor->last_group, file) &&
           omf_cursor_range(cursor, first_entries, last_entries, begin, end, NULL) == OMF_OK;
}

static bool read_all(const omf_plan *plan, const uint8_t *file, size_t size) {
    const omf_array *array = plan->array;
    const size_t need = omf_chunk_decode_scratch(&array->codec, array->chunks, array->n_dims);
    if (need == 0 || need > 64 * MAX_BYTES) return false;
    uint8_t *scratch = exactly(need);
    omf_cursor cursor;
    omf_cursor_seek(&cursor, plan, 0);
    bool good = true;
    do {
        uint64_t begin, end;
        omf_error err = {OMF_OK, 0, NULL, NULL};
        good = locate(&cursor, file, &begin, &end);
        if (!good) break;
        REQUIRE(begin < end && end <= size);
        uint8_t *bytes = copy_of(file + begin, (size_t)(end - begin));
        good = omf_cursor_decode(&cursor, bytes, (size_t)(end - begin), scratch, need, &err) == OMF_OK;
        free(bytes);
    } while (good && omf_cursor_next(&cursor));
    free(scratch);
    return good;
}

static void read_array(const omf_array *array, const uint8_t *file, size_t size, input *in) {
    omf_select select[OMF_MAX_DIMS];
    const size_t n_bytes = take_select(select, array, in) * omf_type_size(array->codec.type);
    uint8_t *expected = NULL;
    FOR_EACH_LEVEL(level) {
        uint8_t *memory[2];
        bool good = true;
        for (unsigned i = 0; i < 2; i++) { /* on two backgrounds: what was left out would show */
            memory[i] = exactly(n_bytes);
            memset(memory[i], i == 0 ? 0x00 : 0xFF, n_bytes);
            omf_plan plan;
            omf_error err;
            REQUIRE(omf_plan_init(&plan, array, select, (omf_buffer){memory[i], n_bytes, 0}, &err) == OMF_OK);
            REQUIRE(plan.n_chunks >= 1 && plan.n_chunks <= array->n_chunks);
            good = plan.n_chunks <= MAX_CHUNKS && read_all(&plan, file, size);
        }
        REQUIRE(!good || memcmp(memory[0], memory[1], n_bytes) == 0);
        REQUIRE(level == 0 || good == (expected != NULL));
        REQUIRE(level == 0 || !good || memcmp(memory[0], expected, n_bytes) == 0);
        free(memory[1]), free(expected);
        expected = good ? memory[0] : NULL;
        if (!good) free(memory[0]);
    }
    free(expected);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    enum { PARAMETERS = 32 };
    if (size < PARAMETERS) return 0;
    input in = {data, PARAMETERS};
    const uint8_t *file = data + PARAMETERS;
    size -= PARAMETERS;
    omf_array array;
    omf_span root;
    omf_record record;
    if (size >= OMF_TRAILER_SIZE &&
        omf_trailer_decode(&root, file + size - OMF_TRAILER_SIZE, OMF_TRAILER_SIZE, size, NULL) == OMF_OK) {
        uint8_t *bytes = copy_of(file + root.offset, (size_t)root.size);
        if (omf_record_decode(&record, bytes, (size_t)root.size, root.offset, size, NULL) == OMF_OK &&
            omf_type_is_array(record.type))
            read_array(&record.array, file, size, &in);
        free(bytes);
    } else if (omf_header_decode(&array, file, size < OMF_LEGACY_HEADER_SIZE ? size : OMF_LEGACY_HEADER_SIZE, size,
                                 NULL) == OMF_OK) {
        read_array(&array, file, size, &in);
    }
    return 0;
}
