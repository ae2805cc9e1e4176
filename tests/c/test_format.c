/* SPDX-License-Identifier: MIT */
/* Trailers, records and look-up tables: there and back, with every field replaced by hostile numbers, every prefix, and
 * rubbish; plans against a plain walk over all elements. */
#include "common.h"

#define FILE_SIZE 100000

static guard src, dst;
static const uint64_t NUMBERS[] = {0,
                                   1,
                                   2,
                                   3,
                                   127,
                                   128,
                                   1ull << 28,
                                   UINT32_MAX,
                                   1ull << 32,
                                   1ull << 60,
                                   1ull << 61,
                                   1ull << 63,
                                   (1ull << 63) - 1,
                                   UINT64_MAX - 7,
                                   UINT64_MAX,
                                   FILE_SIZE,
                                   FILE_SIZE - 1};
#define N_NUMBERS (sizeof NUMBERS / sizeof *NUMBERS)

/* Whatever a decoded record says must be safe to use. */
static void check_record(const omf_record *record, const uint8_t *bytes, size_t size) {
    CHECK(record->name >= bytes && record->name + record->name_size == bytes + size, "name outside the record");
    CHECK(omf_record_is_named(bytes, size, (const char *)record->name, record->name_size), "its own name");
    CHECK(!omf_record_is_named(bytes, size, (const char *)record->name, record->name_size + 1), "a longer name");
    CHECK(!omf_record_is_named(bytes, size, "x", 1) || (record->name_size == 1 && record->name[0] == 'x'), "x");
    if (record->value_size)
        CHECK(record->value >= bytes && record->value + record->value_size <= bytes + size, "value outside the record");
    for (uint32_t i = 0; i < record->n_children; i++) {
        omf_span child;
        if (omf_record_child(record, i, &child, NULL) == OMF_OK)
            CHECK(child.offset <= FILE_SIZE && child.size <= FILE_SIZE - child.offset, "child outside the file");
    }
    if (!omf_type_is_array(record->type)) return;
    const omf_array *array = &record->array;
    CHECK(omf_codec_is_valid(&array->codec), "codec");
    CHECK(array->n_dims >= 1 && array->n_dims <= OMF_MAX_DIMS, "%u dimensions", array->n_dims);
    uint64_t n_chunks = 1;
    for (unsigned i = 0; i < array->n_dims; i++) {
        CHECK(array->chunks[i] >= 1 && array->chunks[i] <= array->dims[i], "chunk of dimension %u", i);
        CHECK(!__builtin_mul_overflow(n_chunks, (array->dims[i] - 1) / array->chunks[i] + 1, &n_chunks), "overflow");
    }
    CHECK(n_chunks == array->n_chunks, "%llu chunks", (unsigned long long)array->n_chunks);
    CHECK(array->lut.size <= FILE_SIZE && array->lut.offset <= FILE_SIZE - array->lut.size, "LUT outside the file");
    CHECK(n_chunks + 1 <= 32 * array->lut.size, "LUT too small");
    omf_span range = omf_lut_range(array, 0, omf_lut_n_groups(array) - 1);
    CHECK(range.offset == array->lut.offset && range.size == array->lut.size, "range of the whole LUT");
}

static omf_status decode_record(const uint8_t *bytes, size_t size) {
    uint8_t *in = guard_copy(&src, bytes, size);
    omf_record record;
    omf_error err = {OMF_OK, 0, NULL, NULL};
    omf_status status = omf_record_decode(&record, in, size, 4096, FILE_SIZE, &err);
    for (size_t n = 0; n <= size + 1; n++) {
        const bool has_room = size >= 8 + n;
        CHECK(!omf_record_is_named(in, size, has_room ? (const char *)in + size - n : "", n) || has_room, "%zu", n);
    }
    if (status == OMF_OK) check_record(&record, in, size);
    else
        CHECK(err.status == status && err.reason && err.field && err.offset >= 4096, "status %d without error", status);
    return status;
}

/* A valid record of any kind; returns its size. */
static size_t grow_record(uint8_t *bytes) {
    omf_span children[3] = {{8, 40}, {48, 100}, {FILE_SIZE - 8, 8}};
    uint64_t dims[3] = {10, 20, 300}, chunks[3] = {10, 7, 128}, value = rng_next();
    omf_codec codec = {OMF_TYPE_FLOAT_ARRAY, (omf_compression)rng_below(4), 20, 1};
    omf_array array;
    CHECK(omf_array_init(&array, &codec, 1 + (unsigned)rng_below(3), dims, chunks, NULL) == OMF_OK, "array");
    array.lut = (omf_span){1000, 40 * ((array.n_chunks + OMF_LUT_GROUP) / OMF_LUT_GROUP)};
    omf_record_spec spec = {
        OMF_TYPE_FLOAT_ARRAY, "näme", rng_below(2) ? 5 : 0, children, (uint32_t)rng_below(4), NULL, 0, &array};
    if (rng_below(2)) {
        spec.type = (omf_type)rng_below(12);
        spec.array = NULL;
        spec.value = spec.type == OMF_TYPE_STRING ? "text" : (const char *)&value;
        spec.value_size = spec.type == OMF_TYPE_STRING ? 4 : omf_type_size(spec.type);
    }
    size_t size = omf_record_size(&spec);
    CHECK(size >= 8, "size %zu of type %d", size, spec.type);
    uint8_t *out = guard_tail(&dst, size);
    CHECK(omf_record_encode(out, size, &spec) == OMF_OK && guard_intact(&dst, size), "encode");
    CHECK(omf_record_encode(out, size - 1, &spec) == OMF_ERR_NO_SPACE, "dst too small");
    memcpy(bytes, out, size);
    return size;
}

static void test_records(void) {
    static uint8_t bytes[1024], changed[1024];
    for (unsigned round = 0; round < 300; round++) {
        size_t size = grow_record(bytes);
        CHECK(decode_record(bytes, size) == OMF_OK, "a valid record");
        for (size_t cut = 0; cut < size; cut++) CHECK(decode_record(bytes, cut) != OMF_OK, "%zu of %zu", cut, size);
        memcpy(changed, bytes, size);
        changed[size] = 0;
        CHECK(decode_record(changed, size + 1) != OMF_OK, "a byte left over");
        for (size_t at = 0; at < size; at++)
            for (size_t i = 0; i < N_NUMBERS; i++)
                for (size_t width = 1; width <= 8 && at + width <= size; width *= 2) {
                    memcpy(changed, bytes, size);
                    memcpy(changed + at, &NUMBERS[i], width);
                    decode_record(changed, size);
                }
    }
    for (unsigned round = 0; round < 200000; round++) {
        size_t size = (size_t)rng_below(120);
        rng_fill(bytes, size);
        bytes[0] = (uint8_t)rng_below(24);
        bytes[1] = (uint8_t)rng_below(6);
        for (size_t at = 4; at + 8 <= size; at += 8)
            if (rng_below(2)) memcpy(bytes + at, &NUMBERS[rng_below(N_NUMBERS)], 8);
        decode_record(bytes, size);
    }
    omf_record_spec long_name = {OMF_TYPE_NONE, "", 65536, NULL, 0, NULL, 0, NULL};
    CHECK(omf_record_size(&long_name) == 0, "a name of 65536 bytes");
}

/* Names of one to four bytes a character, and what only looks like them. */
static void test_names(void) {
    static const struct {
        const char *text;
        bool valid;
    } NAMES[] = {
        {"temperature_2m", true},
        {"\xc3\xa4", true},
        {"\xe2\x82\xac", true},
        {"\xe0\xa0\x80", true},
        {"\xed\x9f\xbf", true},
        {"\xf0\x90\x80\x80", true},
        {"\xf4\x8f\xbf\xbf", true},
        {"12345678\xc2\xb0", true},
        {"\xc1\xbf", false},
        {"\xc3", false},
        {"\xe2\x82", false},
        {"\xe0\x9f\xbf", false},
        {"\xed\xa0\x80", false},
        {"\xf0\x8f\xbf\xbf", false},
        {"\xf4\x90\x80\x80", false},
        {"\xf5\x80\x80\x80", false},
        {"\xe2\x82\x2c", false},
        {"\xf0\x90\x80\xc0", false},
        {"\x80", false},
        {"12345678\xff", false},
    };
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        uint8_t bytes[64];
        const size_t length = strlen(NAMES[i].text);
        omf_record_spec spec = {OMF_TYPE_NONE, "0123456789abcdef", length, NULL, 0, NULL, 0, NULL};
        CHECK(omf_record_encode(bytes, sizeof bytes, &spec) == OMF_OK, "encode");
        memcpy(bytes + omf_record_size(&spec) - length, NAMES[i].text, length);
        CHECK((decode_record(bytes, omf_record_size(&spec)) == OMF_OK) == NAMES[i].valid, "name %zu", i);
        spec.name = NAMES[i].text;
        CHECK((omf_record_encode(bytes, sizeof bytes, &spec) == OMF_OK) == NAMES[i].valid, "name %zu written", i);
    }
}

static void test_refused_specs(void) {
    const omf_record_spec no_array = {OMF_TYPE_INT8_ARRAY, "", 0, NULL, 0, NULL, 0, NULL};
    const omf_record_spec too_long = {OMF_TYPE_STRING, "", 0, NULL, 0, "", SIZE_MAX, NULL};
    const uint64_t entries[3] = {3, 1u << 30, 1u << 31}, one = 1;
    uint8_t bytes[128];
    omf_codec codec = {OMF_TYPE_INT8_ARRAY, OMF_PFOR_DELTA_2D, 1, 0};
    omf_array array;
    CHECK(omf_record_size(&no_array) == 0 && omf_record_size(&too_long) == 0, "specs");
    CHECK(omf_array_init(&array, &codec, 1, &one, &one, NULL) == OMF_OK, "array");
    omf_record_spec spec = {OMF_TYPE_INT8_ARRAY, "", 0, NULL, 0, NULL, 0, &array};
    CHECK(omf_record_encode(bytes, sizeof bytes, &spec) == OMF_OK, "an array");
    spec.type = OMF_TYPE_INT16_ARRAY;
    CHECK(omf_record_size(&spec) == 0, "another type than the codec's");
    spec.type = OMF_TYPE_INT8_ARRAY;
    array.n_dims = 0;
    CHECK(omf_record_size(&spec) == 0, "no dimensions");
    array.n_dims = OMF_MAX_DIMS + 1;
    CHECK(omf_record_size(&spec) == 0, "too many dimensions");
    array.n_dims = 1, array.codec.compression = OMF_FPX_XOR_2D;
    CHECK(omf_record_size(&spec) == 0, "a codec that does not go with the type");
    CHECK(omf_record_encode(bytes, sizeof bytes, &no_array) != OMF_OK, "a record of an invalid spec");
    CHECK(omf_lut_encode(bytes, sizeof bytes, entries, 3, 2) == OMF_ERR_ARGUMENT, "groups too small");
}

static void test_status_texts(void) {
    static const omf_status ALL[] = {OMF_OK,           OMF_ERR_ARGUMENT, OMF_ERR_TRUNCATED,   OMF_ERR_CORRUPT,
                                     OMF_ERR_TRAILING, OMF_ERR_NOT_OM,   OMF_ERR_UNSUPPORTED, OMF_ERR_NO_SPACE};
    for (size_t i = 0; i < sizeof ALL / sizeof *ALL; i++)
        for (size_t k = 0; k <= i; k++)
            CHECK((strcmp(omf_status_text(ALL[i]), omf_status_text(ALL[k])) == 0) == (i == k), "texts %zu, %zu", i, k);
    CHECK(omf_status_text((omf_status)99)[0] != 0 && omf_type_size(99) == 0 && !omf_type_is_array(99), "unknown");
}

static void test_trailers_and_headers(void) {
    uint8_t bytes[OMF_LEGACY_HEADER_SIZE];
    omf_span root;
    omf_trailer_encode(bytes, (omf_span){4096, 77});
    uint8_t *in = guard_copy(&src, bytes, OMF_TRAILER_SIZE);
    CHECK(omf_trailer_decode(&root, in, OMF_TRAILER_SIZE, FILE_SIZE, NULL) == OMF_OK, "trailer");
    CHECK(root.offset == 4096 && root.size == 77, "root");
    for (size_t i = 0; i < N_NUMBERS; i++)
        for (size_t k = 0; k < N_NUMBERS; k++) {
            omf_trailer_encode(bytes, (omf_span){NUMBERS[i], NUMBERS[k]});
            if (omf_trailer_decode(&root, bytes, OMF_TRAILER_SIZE, FILE_SIZE, NULL) == OMF_OK)
                CHECK(root.offset <= FILE_SIZE && root.size <= FILE_SIZE - root.offset, "root outside the file");
        }
    for (size_t n = 0; n < OMF_TRAILER_SIZE; n++)
        CHECK(omf_trailer_decode(&root, guard_copy(&src, bytes, n), n, FILE_SIZE, NULL) != OMF_OK, "%zu bytes", n);

    for (unsigned round = 0; round < 200000; round++) {
        omf_array array;
        size_t n = rng_below(8) ? OMF_LEGACY_HEADER_SIZE : (size_t)rng_below(OMF_LEGACY_HEADER_SIZE);
        rng_fill(bytes, sizeof bytes);
        memcpy(bytes, "OM", 2);
        bytes[2] = (uint8_t)(1 + rng_below(3));
        bytes[3] &= 3;
        for (unsigned i = 0; i < 4; i++) {
            uint64_t number = rng_below(2) ? rng_below(200) : NUMBERS[rng_below(N_NUMBERS)];
            memcpy(bytes + 8 + 8 * i, &number, 8);
        }
        in = guard_copy(&src, bytes, n);
        if (omf_header_decode(&array, in, n, n < sizeof bytes ? n : FILE_SIZE, NULL) != OMF_OK) continue;
        CHECK(array.n_dims == 2 && array.legacy && omf_codec_is_valid(&array.codec), "legacy array");
        CHECK(array.n_chunks <= (FILE_SIZE - OMF_LEGACY_HEADER_SIZE) / 8, "more chunks than the file can hold");
    }
}

/* A cursor names the groups that hold both ends of its chunk, and takes these from them. */
static void check_ranges(const omf_array *array, const uint64_t *entries) {
    static uint8_t element;
    const omf_select all = {0, array->n_chunks, 1, 0};
    omf_plan plan;
    omf_cursor cursor;
    CHECK(omf_plan_init(&plan, array, &all, (omf_buffer){&element, 1, 0}, NULL) == OMF_OK, "plan");
    omf_cursor_seek(&cursor, &plan, 0);
    for (uint64_t i = 0; i < array->n_chunks; i++, omf_cursor_next(&cursor)) {
        const uint64_t first = cursor.first_group, last = cursor.last_group;
        uint64_t begin, end, groups[2][OMF_LUT_GROUP];
        CHECK(last < omf_lut_n_groups(array) && last - first <= 1, "groups %u and %u", (unsigned)first, (unsigned)last);
        memcpy(groups[0], entries + first * OMF_LUT_GROUP, sizeof groups[0]);
        memcpy(groups[1], entries + last * OMF_LUT_GROUP, sizeof groups[1]);
        CHECK(omf_cursor_range(&cursor, groups[0], groups[1], &begin, &end, NULL) ==
                  omf_cursor_check(&cursor, entries[i], entries[i + 1], NULL),
              "status of chunk %u", (unsigned)i);
        CHECK(begin == entries[i] && end == entries[i + 1], "range of chunk %u", (unsigned)i);
    }
}

static void test_luts(void) {
    static uint64_t entries[2000 + OMF_LUT_GROUP], found[OMF_LUT_GROUP];
    static uint8_t table[2000 * 10];
    for (unsigned round = 0; round < 400; round++) {
        uint64_t n_chunks = 1 + rng_below(rng_below(2) ? 200 : 1900), dims = n_chunks, one = 1;
        unsigned bits = 1 + (unsigned)rng_below(30);
        omf_codec codec = {OMF_TYPE_INT8_ARRAY, OMF_PFOR_DELTA_2D, 1, 0};
        omf_array array;
        CHECK(omf_array_init(&array, &codec, 1, &dims, &one, NULL) == OMF_OK && array.n_chunks == n_chunks, "array");
        entries[0] = 3;
        for (uint64_t i = 1; i <= n_chunks; i++) entries[i] = entries[i - 1] + 1 + rng_bits(bits);
        array.file_size = entries[n_chunks] + sizeof table;
        size_t group_size = omf_lut_group_size(entries, n_chunks + 1);
        uint64_t n_groups = omf_lut_n_groups(&array);
        CHECK(n_groups == n_chunks / OMF_LUT_GROUP + 1 && group_size <= 514, "%zu bytes a group", group_size);
        size_t size = group_size * (size_t)n_groups;
        uint8_t *out = guard_tail(&dst, size);
        CHECK(omf_lut_encode(out, size, entries, n_chunks + 1, group_size) == OMF_OK, "encode");
        CHECK(guard_intact(&dst, size), "wrote in front of dst");
        CHECK(omf_lut_encode(out, size - 1, entries, n_chunks + 1, group_size) == OMF_ERR_NO_SPACE, "dst too small");
        memcpy(table, out, size);
        array.lut = (omf_span){entries[n_chunks], size};
        check_ranges(&array, entries);
        for (uint64_t group = 0; group < n_groups; group++) {
            unsigned n = 0;
            omf_span range = omf_lut_range(&array, group, group);
            uint8_t *in = guard_copy(&src, table + group * group_size, group_size);
            CHECK(range.size == group_size && range.offset == array.lut.offset + group * group_size, "range");
            CHECK(omf_lut_decode(found, &n, &array, group, in, group_size, NULL) == OMF_OK, "decode");
            CHECK(memcmp(found, entries + group * OMF_LUT_GROUP, 8 * n) == 0, "entries of group %u", (unsigned)group);
            for (unsigned i = 0; i < 30; i++) {
                uint8_t *bad = guard_copy(&src, table + group * group_size, group_size);
                bad[rng_below(group_size)] = (uint8_t)rng_next();
                if (omf_lut_decode(found, &n, &array, group, bad, group_size, NULL) != OMF_OK) continue;
                for (unsigned k = 0; k < n; k++)
                    CHECK(found[k] <= array.file_size && (k == 0 || found[k] > found[k - 1]), "entries out of order");
            }
        }
    }
}

/* Every element that a plan places, by its number in the array, against a walk over the selection. */
static void test_plans(void) {
    static uint64_t expected[4096], found[4096];
    for (unsigned round = 0; round < 3000; round++) {
        unsigned n_dims = 1 + (unsigned)rng_below(3);
        uint64_t dims[3], chunks[3], n_wanted = 1, last_chunk = 0;
        omf_codec codec = {OMF_TYPE_INT64_ARRAY, OMF_PFOR_DELTA_2D, 1, 0};
        omf_array array;
        omf_select select[3];
        for (unsigned i = n_dims; i-- > 0;) {
            dims[i] = 1 + rng_below(16), chunks[i] = 1 + rng_below(dims[i]);
            uint64_t start = rng_below(dims[i]), step = 1 + rng_below(rng_below(2) ? 1 : 9);
            uint64_t count = 1 + rng_below((dims[i] - start - 1) / step + 1);
            select[i] = (omf_select){start, count, step, (int64_t)(8 * n_wanted)};
            n_wanted *= count;
        }
        CHECK(omf_array_init(&array, &codec, n_dims, dims, chunks, NULL) == OMF_OK, "array");
        for (uint64_t i = 0; i < n_wanted; i++) {
            uint64_t left = i, number = 0, scale = 1;
            for (unsigned d = n_dims; d-- > 0; scale *= dims[d], left /= select[d].count)
                number += scale * (select[d].start + left % select[d].count * select[d].step);
            expected[i] = number, found[i] = UINT64_MAX;
        }
        omf_plan plan;
        omf_cursor cursor, sought;
        omf_buffer buffer = {found, 8 * n_wanted, 0};
        CHECK(omf_plan_init(&plan, &array, select, buffer, NULL) == OMF_OK && plan.n_chunks >= 1, "plan");
        omf_cursor_seek(&cursor, &plan, 0);
        uint64_t n_seen = 0, n_placed = 0;
        do {
            omf_cursor_seek(&sought, &plan, n_seen);
            CHECK(sought.chunk == cursor.chunk && sought.buffer.origin == cursor.buffer.origin, "seek is not next");
            CHECK(n_seen == 0 || cursor.chunk > last_chunk, "chunks do not ascend");
            last_chunk = cursor.chunk, n_seen++;
            uint64_t corner[3], left = cursor.chunk, n = 1;
            for (unsigned d = n_dims; d-- > 0;) {
                uint64_t grid = (dims[d] - 1) / chunks[d] + 1;
                corner[d] = left % grid * chunks[d], left /= grid, n *= cursor.dims[d].count;
            }
            for (uint64_t i = 0; i < n; i++, n_placed++) {
                uint64_t rest = i, number = 0, scale = 1;
                size_t place = cursor.buffer.origin;
                for (unsigned d = n_dims; d-- > 0; scale *= dims[d]) {
                    uint64_t k = rest % cursor.dims[d].count;
                    number += scale * (corner[d] + cursor.dims[d].start + k * cursor.dims[d].step);
                    place += (size_t)(cursor.dims[d].stride * (int64_t)k), rest /= cursor.dims[d].count;
                }
                found[place / 8] = number;
            }
        } while (omf_cursor_next(&cursor));
        CHECK(n_seen == plan.n_chunks && n_placed == n_wanted, "%u chunks", (unsigned)n_seen);
        CHECK(memcmp(found, expected, 8 * n_wanted) == 0, "placed elsewhere");

        buffer.size -= 8;
        CHECK(omf_plan_init(&plan, &array, select, buffer, NULL) == OMF_ERR_ARGUMENT, "memory too small");
        buffer.size += 8;
        omf_select *one = &select[rng_below(n_dims)];
        uint64_t *fields[] = {&one->start, &one->count, &one->step};
        *fields[rng_below(3)] = NUMBERS[rng_below(N_NUMBERS)];
        one->stride = (int64_t)(NUMBERS[rng_below(N_NUMBERS)] & ~7ull);
        omf_plan_init(&plan, &array, select, buffer, NULL);
    }
}

int main(void) {
    src = guard_new(1 << 16), dst = guard_new(1 << 16);
    test_trailers_and_headers();
    test_records();
    test_names();
    test_refused_specs();
    test_status_texts();
    test_luts();
    test_plans();
    return 0;
}
