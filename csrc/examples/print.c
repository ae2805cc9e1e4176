/* SPDX-License-Identifier: MIT */
/* print FILE: an OM file as text, a line for each variable, and the values of arrays below it.
 *
 * The core neither opens files nor allocates, so this is what a user of it brings: reading bytes, memory, and what to do
 * with errors. Everything is read through `fetch`; exchange it for a mapped file, an archive or a socket. */
#include <omf/omf.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 100
#define MAX_RECORDS 1000000 /* a hostile file may lead in circles */

static const char *const TYPES[] = {"group",  "int8",  "uint8",  "int16",   "uint16",  "int32",
                                    "uint32", "int64", "uint64", "float32", "float64", "string"};
static FILE *file;
static uint64_t file_size;

static void fail(const char *reason) {
    fprintf(stderr, "print: %s\n", reason);
    exit(1);
}

static void check(omf_status status, const omf_error *err) {
    if (status == OMF_OK) return;
    fprintf(stderr, "print: byte %" PRIu64 ", %s: %s\n", err->offset, err->field, err->reason);
    exit(1);
}

static void *allocate(uint64_t size) {
    void *memory = size <= SIZE_MAX ? malloc(size ? (size_t)size : 1) : NULL;
    if (memory == NULL) fail("not enough memory");
    return memory;
}

/* Bytes of the file. The core has checked that the span lies inside of it. */
static uint8_t *fetch(omf_span span) {
    uint8_t *bytes = allocate(span.size);
    if (fseek(file, (long)span.offset, SEEK_SET) != 0 || fread(bytes, 1, (size_t)span.size, file) != span.size)
        fail("cannot read");
    return bytes;
}

/* --- arrays ----------------------------------------------------------------------------------------------------- */

/* A group of the look-up table. Neighbours are needed together, so two are kept: of even numbers, and of odd numbers. */
typedef struct group {
    uint64_t number;
    uint64_t entries[OMF_LUT_GROUP];
} group;

static const uint64_t *load_group(group groups[2], const omf_array *array, uint64_t number) {
    omf_error err;
    unsigned n_entries;
    group *group = &groups[number % 2];
    if (group->number != number) {
        group->number = number;
        const omf_span span = omf_lut_range(array, number, number);
        uint8_t *bytes = fetch(span);
        check(omf_lut_decode(group->entries, &n_entries, array, number, bytes, (size_t)span.size, &err), &err);
        free(bytes);
    }
    return group->entries;
}

/* Decode the whole array into `size` bytes of memory, chunk by chunk. */
static void read_array(void *data, size_t size, const omf_array *array) {
    omf_error err;
    omf_select select[OMF_MAX_DIMS];
    int64_t stride = (int64_t)omf_type_size(array->codec.type);
    for (unsigned i = array->n_dims; i-- > 0;) {
        select[i].start = 0;
        select[i].count = array->dims[i];
        select[i].step = 1;
        select[i].stride = stride;
        stride *= (int64_t)array->dims[i];
    }
    omf_plan plan;
    check(omf_plan_init(&plan, array, select, (omf_buffer){data, size, 0}, &err), &err);

    const size_t scratch_size = omf_chunk_decode_scratch(&array->codec, array->chunks, array->n_dims);
    void *scratch = allocate(scratch_size);
    group groups[2] = {{.number = UINT64_MAX}, {.number = UINT64_MAX}};
    omf_cursor cursor;
    omf_cursor_seek(&cursor, &plan, 0);
    do {
        uint64_t begin, end;
        const uint64_t *first_entries = load_group(groups, array, cursor.first_group);
        const uint64_t *last_entries = load_group(groups, array, cursor.last_group);
        check(omf_cursor_range(&cursor, first_entries, last_entries, &begin, &end, &err), &err);
        uint8_t *bytes = fetch((omf_span){begin, end - begin});
        const omf_status status = omf_cursor_decode(&cursor, bytes, (size_t)(end - begin), scratch, scratch_size, &err);
        err.offset += begin;
        check(status, &err);
        free(bytes);
    } while (omf_cursor_next(&cursor));
    free(scratch);
}

/* --- text ------------------------------------------------------------------------------------------------------- */

/* `type` is that of a scalar; an array's is eleven more. */
#define PRINT(ctype, format)                                                                                           \
    {                                                                                                                  \
        ctype x;                                                                                                       \
        memcpy(&x, at, sizeof x);                                                                                      \
        printf(format, x);                                                                                             \
        break;                                                                                                         \
    }
static void print_number(omf_type type, const void *at) {
    switch (type) {
    case OMF_TYPE_INT8: PRINT(int8_t, "%" PRId8)
    case OMF_TYPE_UINT8: PRINT(uint8_t, "%" PRIu8)
    case OMF_TYPE_INT16: PRINT(int16_t, "%" PRId16)
    case OMF_TYPE_UINT16: PRINT(uint16_t, "%" PRIu16)
    case OMF_TYPE_INT32: PRINT(int32_t, "%" PRId32)
    case OMF_TYPE_UINT32: PRINT(uint32_t, "%" PRIu32)
    case OMF_TYPE_INT64: PRINT(int64_t, "%" PRId64)
    case OMF_TYPE_UINT64: PRINT(uint64_t, "%" PRIu64)
    case OMF_TYPE_FLOAT: PRINT(float, "%.9g")
    default: PRINT(double, "%.17g")
    }
}

static void print_array(const omf_array *array) {
    const omf_type scalar = (omf_type)(array->codec.type - 11);
    const size_t width = omf_type_size(array->codec.type);
    uint64_t n = 1; /* the core has checked that the product fits */
    printf(" %s [", TYPES[scalar]);
    for (unsigned i = 0; i < array->n_dims; i++) {
        printf("%s%" PRIu64, i ? ", " : "", array->dims[i]);
        n *= array->dims[i];
    }
    printf("]\n");
    char *data = allocate(n * width);
    read_array(data, (size_t)n * width, array);
    const uint64_t row = array->dims[array->n_dims - 1];
    for (uint64_t i = 0; i < n; i++) {
        print_number(scalar, data + i * width);
        putchar(i % row == row - 1 ? '\n' : ' ');
    }
    free(data);
}

static void print_record(omf_span span, unsigned depth) {
    static unsigned n_records = 0;
    omf_error err;
    omf_record record;
    if (depth > MAX_DEPTH || ++n_records > MAX_RECORDS) fail("too many records; do they lead in circles?");
    uint8_t *bytes = fetch(span);
    check(omf_record_decode(&record, bytes, (size_t)span.size, span.offset, file_size, &err), &err);

    printf("%*s%.*s", (int)(2 * depth), "", (int)record.name_size, (const char *)record.name);
    if (omf_type_is_array(record.type)) {
        print_array(&record.array);
    } else if (record.type == OMF_TYPE_STRING) {
        printf(" string %.*s\n", (int)record.value_size, (const char *)record.value);
    } else if (record.type == OMF_TYPE_NONE) {
        printf(" group\n");
    } else {
        printf(" %s ", TYPES[record.type]);
        print_number(record.type, record.value); /* on a big-endian machine, swap the bytes */
        printf("\n");
    }
    for (uint32_t i = 0; i < record.n_children; i++) {
        omf_span child;
        check(omf_record_child(&record, i, &child, &err), &err);
        print_record(child, depth + 1);
    }
    free(bytes);
}

int main(int argc, char **argv) {
    omf_error err;
    omf_span root;
    if (argc != 2) fail("usage: print FILE");
    file = fopen(argv[1], "rb");
    const long end = file != NULL && fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
    if (end < 0) fail("cannot open the file");
    file_size = (uint64_t)end;
    omf_simd_select(NULL);

    const uint64_t tail = file_size < OMF_TRAILER_SIZE ? file_size : OMF_TRAILER_SIZE;
    uint8_t *trailer = fetch((omf_span){file_size - tail, tail});
    if (omf_trailer_decode(&root, trailer, (size_t)tail, file_size, &err) == OMF_OK) {
        print_record(root, 0);
    } else { /* a legacy file, or none at all */
        const uint64_t head = file_size < OMF_LEGACY_HEADER_SIZE ? file_size : OMF_LEGACY_HEADER_SIZE;
        uint8_t *header = fetch((omf_span){0, head});
        omf_array array;
        check(omf_header_decode(&array, header, (size_t)head, file_size, &err), &err);
        print_array(&array);
        free(header);
    }
    free(trailer);
    fclose(file);
    return 0;
}
