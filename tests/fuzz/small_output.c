/* SPDX-License-Identifier: MIT */
/* Too little room, of any amount, in whatever is written to: streams, records, tables, chunks, scratch; and selections
 * that fit neither chunk nor memory. Refused, and nothing written outside. */
#include "fuzz.h"

static void streams(input *in) {
    const stream s = take_stream(in);
    const size_t n = (size_t)take_below(in, 2000), n_bytes = n * s.width / 8;
    const size_t room = (size_t)take_below(in, 2 * n_bytes + 40);
    uint8_t *out = exactly(room);
    const omf_status decoded = omf_stream_decode(out, room, n, s.kind, s.width, in->at, in->left, NULL);
    REQUIRE(room >= n_bytes || decoded == OMF_ERR_NO_SPACE);
    uint8_t *values = exactly(n_bytes);
    for (size_t i = 0; i < n_bytes; i++) values[i] = in->left > 0 ? in->at[i % in->left] : 0;
    size_t written = 0;
    const omf_status encoded = omf_stream_encode(out, room, &written, values, n, s.kind, s.width);
    if (n == 0) REQUIRE(encoded == OMF_ERR_ARGUMENT);
    else REQUIRE((encoded == OMF_OK) == (room >= omf_stream_bound(n, s.kind, s.width)) && written <= room);
    free(out), free(values);
}

static void chunks(input *in) {
    chunk c = take_chunk(in);
    for (unsigned i = 0; i < c.n_dims; i++) {
        uint64_t *fields[] = {&c.dims[i].size, &c.dims[i].start, &c.dims[i].count, &c.dims[i].step};
        for (unsigned k = 0; k < 4; k++)
            if (take(in, 1) % 8 == 0) *fields[k] = take_hostile(in);
        if (take(in, 1) % 4 == 0) c.dims[i].stride = (int64_t)(take_hostile(in) * c.element_size);
    }
    uint64_t shape[4];
    for (unsigned i = 0; i < c.n_dims; i++) shape[i] = c.dims[i].size;
    const size_t need = omf_chunk_decode_scratch(&c.codec, shape, c.n_dims);
    const size_t room = take(in, 1) % 4 ? (size_t)take_below(in, 4096) / 8 * 8 : need < (1 << 20) ? need : 0;
    const size_t size = take(in, 1) % 4 ? c.size : (size_t)take_below(in, 2 * c.size);
    const uint64_t origin = take(in, 1) % 4 ? 0 : take_hostile(in) * c.element_size;
    uint8_t *memory = exactly(size), *scratch = exactly(room);
    memset(memory, 0, size);
    const omf_buffer buffer = {memory, size, (size_t)origin};
    omf_chunk_decode(&buffer, &c.codec, c.dims, c.n_dims, in->at, in->left, scratch, room, NULL);
    const size_t cap = (size_t)take_below(in, 1 << 15);
    uint8_t *out = exactly(cap);
    omf_range_report report = {0, 0, 0};
    size_t written = 0;
    if (omf_chunk_encode(out, cap, &written, &c.codec, &buffer, c.dims, c.n_dims, OMF_OVERFLOW_NAN, scratch, room,
                         &report) == OMF_OK)
        REQUIRE(written > 0 && written <= cap);
    omf_chunk_encoder encoder;
    bool done = omf_chunk_encoder_init(&encoder, &c.codec, &buffer, c.dims, c.n_dims, OMF_OVERFLOW_CLIP, scratch, room,
                                       &report) != OMF_OK;
    while (!done && omf_chunk_encoder_next(&encoder, out, cap, &written, &done) == OMF_OK)
        REQUIRE(written <= cap && (done || written > 0));
    free(memory), free(scratch), free(out);
}

static void plans(input *in) {
    uint64_t dims[3], lengths[3];
    omf_select select[3];
    const unsigned n_dims = 1 + (unsigned)take(in, 1) % 3;
    const omf_codec codec = {OMF_TYPE_INT16_ARRAY, OMF_PFOR_DELTA_2D, 1, 0};
    for (unsigned i = 0; i < n_dims; i++) {
        dims[i] = take_hostile(in), lengths[i] = take_hostile(in);
        select[i] = (omf_select){take_hostile(in), take_hostile(in), take_hostile(in), (int64_t)(2 * take_hostile(in))};
        if (take(in, 1) & 1) select[i].stride = -select[i].stride;
    }
    omf_array array;
    if (omf_array_init(&array, &codec, n_dims, dims, lengths, NULL) != OMF_OK) return;
    uint8_t memory[64];
    const omf_buffer buffer = {memory, sizeof memory, (size_t)(2 * take_hostile(in))};
    omf_plan plan;
    omf_cursor cursor;
    if (omf_plan_init(&plan, &array, select, buffer, NULL) != OMF_OK) return;
    omf_cursor_seek(&cursor, &plan, plan.n_chunks - 1);
    REQUIRE(cursor.chunk < array.n_chunks && cursor.buffer.origin <= sizeof memory - 2 && !omf_cursor_next(&cursor));
}

static void records_and_tables(input *in) {
    const uint64_t dims[2] = {7, 300}, lengths[2] = {3, 100};
    const omf_codec codec = {OMF_TYPE_FLOAT_ARRAY, OMF_FPX_XOR_2D, 1, 0};
    omf_array array;
    REQUIRE(omf_array_init(&array, &codec, 1 + (unsigned)take(in, 1) % 2, dims, lengths, NULL) == OMF_OK);
    const omf_span children[3] = {{8, 8}, {16, 8}, {24, 8}};
    const size_t room = (size_t)take_below(in, 700), value_size = (size_t)take_below(in, 40);
    omf_record_spec spec = {(omf_type)(take(in, 1) % 24),
                            "name",
                            take(in, 1) % 5,
                            children,
                            (uint32_t)take(in, 1) % 4,
                            "a value of up to 40 bytes, for any scalar",
                            value_size,
                            &array};
    uint8_t *out = exactly(room);
    const size_t size = omf_record_size(&spec);
    const omf_status status = omf_record_encode(out, room, &spec);
    REQUIRE((status == OMF_OK) == (size > 0 && size <= room));
    uint64_t entries[200];
    const uint64_t n = 1 + take(in, 1) % 199;
    entries[0] = 3;
    for (uint64_t i = 1; i < n; i++) entries[i] = entries[i - 1] + 1 + take(in, 1 + (unsigned)(i % 3)) % (1ull << 20);
    const size_t group_size = omf_lut_group_size(entries, n);
    const uint64_t n_groups = (n + OMF_LUT_GROUP - 1) / OMF_LUT_GROUP;
    REQUIRE((omf_lut_encode(out, room, entries, n, group_size) == OMF_OK) == (group_size * n_groups <= room));
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    input in = {data, size};
    switch (take(&in, 1) % 4) {
    case 0: streams(&in); break;
    case 1: chunks(&in); break;
    case 2: plans(&in); break;
    default: records_and_tables(&in);
    }
    return 0;
}
