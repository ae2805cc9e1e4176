/* SPDX-License-Identifier: MIT */
/* Any bytes as a file: trailer, header, all records that can be reached, all look-up tables. What is accepted is safe to
 * use, and comes out the same when it is written again. */
#include "fuzz.h"

#define MAX_RECORDS 200

static void check_array(const omf_array *array, const uint8_t *file, size_t size) {
    uint64_t n_chunks = 1;
    REQUIRE(omf_codec_is_valid(&array->codec) && array->n_dims >= 1 && array->n_dims <= OMF_MAX_DIMS);
    for (unsigned i = 0; i < array->n_dims; i++) {
        REQUIRE(array->chunks[i] >= 1 && array->chunks[i] <= array->dims[i]);
        REQUIRE(!__builtin_mul_overflow(n_chunks, (array->dims[i] - 1) / array->chunks[i] + 1, &n_chunks));
    }
    REQUIRE(n_chunks == array->n_chunks && array->file_size == size);
    const uint64_t n_groups = omf_lut_n_groups(array);
    const omf_span table = omf_lut_range(array, 0, n_groups - 1);
    REQUIRE(table.offset <= size && table.size <= size - table.offset);
    uint64_t entries[OMF_LUT_GROUP];
    unsigned n;
    for (uint64_t group = 0; group < n_groups; group += 1 + group / 8) {
        const omf_span range = omf_lut_range(array, group, group);
        REQUIRE(range.offset >= table.offset && range.offset + range.size <= table.offset + table.size);
        uint8_t *bytes = copy_of(file + range.offset, (size_t)range.size);
        omf_error err = {OMF_OK, 0, NULL, NULL};
        const omf_status status = omf_lut_decode(entries, &n, array, group, bytes, (size_t)range.size, &err);
        free(bytes);
        if (status != OMF_OK) {
            REQUIRE(err.status == status && err.reason != NULL && err.offset <= size);
            continue;
        }
        REQUIRE(n >= 1 && n <= OMF_LUT_GROUP && entries[n - 1] <= size);
        for (unsigned i = 1; i < n; i++) REQUIRE(entries[i] > entries[i - 1]);
    }
}

static void check_written_again(const omf_record *record, const uint8_t *bytes, size_t size) {
    omf_span *children = exactly(record->n_children * sizeof *children);
    omf_record_spec spec = {record->type,  (const char *)record->name, record->name_size, children, record->n_children,
                            record->value, record->value_size,         &record->array};
    bool inside = true;
    for (uint32_t i = 0; i < record->n_children; i++)
        inside = inside && omf_record_child(record, i, &children[i], NULL) == OMF_OK;
    if (inside) {
        REQUIRE(omf_record_size(&spec) == size);
        uint8_t *again = exactly(size);
        REQUIRE(omf_record_encode(again, size, &spec) == OMF_OK && memcmp(again, bytes, size) == 0);
        free(again);
    }
    free(children);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    omf_span spans[MAX_RECORDS];
    unsigned n = 0;
    omf_array legacy;
    omf_error err = {OMF_OK, 0, NULL, NULL};
    if (omf_header_decode(&legacy, data, size < OMF_LEGACY_HEADER_SIZE ? size : OMF_LEGACY_HEADER_SIZE, size, &err) ==
        OMF_OK)
        check_array(&legacy, data, size);
    if (size < OMF_TRAILER_SIZE) return 0;
    const uint8_t *trailer = data + size - OMF_TRAILER_SIZE;
    if (omf_trailer_decode(&spans[0], trailer, OMF_TRAILER_SIZE, size, &err) == OMF_OK) n = 1;
    for (unsigned i = 0; i < n; i++) {
        REQUIRE(spans[i].offset <= size && spans[i].size <= size - spans[i].offset);
        omf_record record;
        const size_t record_size = (size_t)spans[i].size;
        uint8_t *bytes = copy_of(data + spans[i].offset, record_size);
        const omf_status status = omf_record_decode(&record, bytes, record_size, spans[i].offset, size, &err);
        if (status == OMF_OK) {
            REQUIRE(record.name + record.name_size == bytes + record_size);
            REQUIRE(omf_record_is_named(bytes, record_size, (const char *)record.name, record.name_size));
            if (omf_type_is_array(record.type)) check_array(&record.array, data, size);
            else REQUIRE(record.value_size == 0 || record.value >= bytes + 8);
            check_written_again(&record, bytes, record_size);
            for (uint32_t k = 0; k < record.n_children && n < MAX_RECORDS; k++)
                if (omf_record_child(&record, k, &spans[n], &err) == OMF_OK) n++;
        } else {
            REQUIRE(err.status == status && err.reason != NULL && err.field != NULL && err.offset <= size);
        }
        free(bytes);
    }
    return 0;
}
