/* SPDX-License-Identifier: MIT */
/* Golden files, from trailer or legacy header to all elements, at every SIMD level, in guarded memory; and
 * what was written encoded again to the same chunks. */
#include "common.h"

#include <math.h>

#define MAX_BYTES (1u << 20)

static const char *path;
static guard scratch_memory, src, dst;

/* The root of a file; its record stays in `file`. */
static omf_array open_file(const uint8_t *file, size_t size) {
    omf_record record;
    omf_array array;
    omf_span root;
    omf_error err = {OMF_OK, 0, NULL, NULL};
    if (omf_trailer_decode(&root, file + size - OMF_TRAILER_SIZE, OMF_TRAILER_SIZE, size, &err) != OMF_OK) {
        CHECK(omf_header_decode(&array, file, OMF_LEGACY_HEADER_SIZE, size, &err) == OMF_OK, "%s", err.reason);
        return array;
    }
    CHECK(omf_record_decode(&record, file + root.offset, (size_t)root.size, root.offset, size, &err) == OMF_OK &&
              omf_type_is_array(record.type),
          "%s", err.reason);
    return record.array;
}

static void load_group(uint64_t *entries, const omf_array *array, uint64_t group, const uint8_t *file) {
    const omf_span range = omf_lut_range(array, group, group);
    unsigned n;
    omf_error err = {OMF_OK, 0, NULL, NULL};
    CHECK(omf_lut_decode(entries, &n, array, group, file + range.offset, (size_t)range.size, &err) == OMF_OK, "%s",
          err.reason);
}

/* 10 ** x depends on the last bit of the C library. */
static bool same(const omf_array *array, const uint8_t *found, const uint8_t *expected, size_t size) {
    if (array->codec.compression != OMF_PFOR_DELTA_2D_INT16_LOGARITHMIC) return memcmp(found, expected, size) == 0;
    for (size_t i = 0; i < size; i += sizeof(float)) {
        float a, b;
        memcpy(&a, found + i, sizeof a), memcpy(&b, expected + i, sizeof b);
        if (!(fabsf(a - b) <= 1e-6f * (1 + fabsf(b))) && !(isnan(a) && isnan(b))) return false;
    }
    return true;
}

static void test_file(const uint8_t *file, size_t size, const uint8_t *expected, uint8_t *given, size_t n_bytes) {
    static uint8_t encoded[MAX_BYTES];
    const omf_array array = open_file(file, size);
    omf_select select[OMF_MAX_DIMS];
    int64_t stride = (int64_t)omf_type_size(array.codec.type);
    for (unsigned i = array.n_dims; i-- > 0; stride *= (int64_t)array.dims[i])
        select[i] = (omf_select){0, array.dims[i], 1, stride};
    CHECK((size_t)stride == n_bytes, "%zu bytes of elements", n_bytes);
    const size_t need = omf_chunk_decode_scratch(&array.codec, array.chunks, array.n_dims);
    uint8_t *scratch = guard_tail(&scratch_memory, need), *memory = guard_tail(&dst, n_bytes);
    omf_plan plan;
    omf_cursor cursor;
    omf_error err = {OMF_OK, 0, NULL, NULL};
    CHECK(omf_plan_init(&plan, &array, select, (omf_buffer){memory, n_bytes, 0}, &err) == OMF_OK, "%s", err.reason);
    CHECK(plan.n_chunks == array.n_chunks, "chunks of a plan");
    omf_cursor_seek(&cursor, &plan, 0);
    do {
        uint64_t first_entries[OMF_LUT_GROUP], last_entries[OMF_LUT_GROUP], begin, end;
        load_group(first_entries, &array, cursor.first_group, file);
        load_group(last_entries, &array, cursor.last_group, file);
        CHECK(omf_cursor_range(&cursor, first_entries, last_entries, &begin, &end, &err) == OMF_OK, "%s", err.reason);
        const size_t n = (size_t)(end - begin);
        const uint8_t *bytes = guard_copy(&src, file + begin, n);
        CHECK(omf_cursor_decode(&cursor, bytes, n, scratch, need, &err) == OMF_OK, "%s", err.reason);
        omf_buffer from = cursor.buffer;
        from.data = given;
        omf_range_report report = {0, 0, 0};
        size_t written;
        CHECK(omf_chunk_encode(encoded, sizeof encoded, &written, &array.codec, &from, cursor.dims, array.n_dims,
                               OMF_OVERFLOW_NAN, scratch, need, &report) == OMF_OK,
              "encode");
        /* The other writer does not clear the padding. */
        CHECK(written == n, "%zu bytes of a chunk became %zu", n, written);
        for (size_t i = 0; i < n; i++) CHECK((encoded[i] & ~file[begin + i]) == 0, "byte %zu of a chunk", i);
    } while (omf_cursor_next(&cursor));
    CHECK(guard_intact(&dst, n_bytes) && same(&array, memory, expected, n_bytes), "other elements");
}

static void test_files(void) {
    static uint8_t content[MAX_BYTES], elements[MAX_BYTES], given[MAX_BYTES];
    FILE *in = fopen(path, "rb");
    CHECK(in, "%s", path);
    uint32_t head[2];
    unsigned n_files = 0;
    for (; fread(head, sizeof head, 1, in) == 1; n_files++) {
        CHECK(head[0] <= MAX_BYTES && head[1] <= MAX_BYTES, "file %u is too large", n_files);
        CHECK(fread(content, 1, head[0], in) == head[0] && fread(elements, 1, head[1], in) == head[1] &&
                  fread(given, 1, head[1], in) == head[1],
              "%s ends", path);
        test_file(content, head[0], elements, given, head[1]);
    }
    fclose(in);
    CHECK(n_files >= 60, "%u files only", n_files);
}

int main(int argc, char **argv) {
    CHECK(argc == 3, "usage: %s streams.bin files.bin", argv[0]);
    path = argv[2];
    scratch_memory = guard_new(1 << 20), src = guard_new(MAX_BYTES), dst = guard_new(MAX_BYTES);
    at_every_level(test_files);
    return 0;
}
