/* SPDX-License-Identifier: MIT */
/* Any elements, from any layout of memory, with any scale and offset, in any codec: the same bytes by all kernels, at
 * once and in pieces, that can be decoded; what did not fit is counted. */
#include "fuzz.h"

static uint8_t *encode(const chunk *c, const uint8_t *elements, omf_overflow overflow, size_t piece, size_t *n_bytes,
                       omf_range_report *report) {
    const size_t bound = omf_chunk_bound(&c->codec, c->n);
    const size_t need = omf_chunk_encode_scratch(&c->codec, c->shape, c->n_dims);
    const omf_buffer from = {copy_of(elements, c->size), c->size, c->origin};
    uint8_t *bytes = exactly(bound), *scratch = exactly(need);
    *report = (omf_range_report){0, 0, 0};
    *n_bytes = 0;
    if (piece == 0) {
        REQUIRE(omf_chunk_encode(bytes, bound, n_bytes, &c->codec, &from, c->dims, c->n_dims, overflow, scratch, need,
                                 report) == OMF_OK);
    } else {
        omf_chunk_encoder encoder;
        uint8_t *out = exactly(piece);
        bool done = false;
        REQUIRE(omf_chunk_encoder_init(&encoder, &c->codec, &from, c->dims, c->n_dims, overflow, scratch, need,
                                       report) == OMF_OK);
        while (!done) {
            size_t written;
            REQUIRE(omf_chunk_encoder_next(&encoder, out, piece, &written, &done) == OMF_OK);
            REQUIRE(written <= piece && (done || written > 0) && *n_bytes + written <= bound);
            memcpy(bytes + *n_bytes, out, written);
            *n_bytes += written;
        }
        free(out);
    }
    uint8_t *exact = copy_of(bytes, *n_bytes);
    free(bytes), free(scratch), free(from.data);
    return exact;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    input in = {data, size};
    chunk c = take_chunk(&in);
    const chunk whole = c;
    c.codec.scale_factor = take_scale(&in);
    c.codec.add_offset = take_scale(&in);
    const omf_overflow overflow = take(&in, 1) % 2 ? OMF_OVERFLOW_NAN : OMF_OVERFLOW_CLIP;
    const size_t piece = OMF_DRAIN_MIN + (size_t)take_below(&in, 3000);
    const size_t gap = c.element_size * (1 + (size_t)take(&in, 1) % 3);
    if (take(&in, 1) % 2) { /* backwards, with gaps */
        c.size = c.element_size;
        int64_t stride = -(int64_t)gap;
        for (unsigned i = c.n_dims; i-- > 0; stride *= (int64_t)c.shape[i]) {
            c.dims[i].stride = stride;
            c.origin += (size_t)(-stride) * (size_t)(c.shape[i] - 1);
        }
        c.size += c.origin;
    }
    uint8_t *elements = exactly(c.size);
    for (size_t i = 0; i < c.size; i++) elements[i] = in.left > 0 ? in.at[i % in.left] : (uint8_t)i;
    uint8_t *expected = NULL;
    size_t n_expected = 0;
    omf_range_report first = {0, 0, 0}, report;
    FOR_EACH_LEVEL(level) {
        size_t n_at_once, n_pieces;
        uint8_t *at_once = encode(&c, elements, overflow, 0, &n_at_once, &report);
        if (level == 0) first = report;
        REQUIRE(report.n_values == first.n_values && report.first_index == first.first_index);
        uint8_t *in_pieces = encode(&c, elements, overflow, piece, &n_pieces, &report);
        REQUIRE(report.n_values == first.n_values && report.first_index == first.first_index);
        REQUIRE(n_at_once == n_pieces && memcmp(at_once, in_pieces, n_pieces) == 0);
        REQUIRE(level == 0 || (n_at_once == n_expected && memcmp(at_once, expected, n_expected) == 0));
        REQUIRE(report.n_values <= c.n && (report.n_values == 0 || report.first_index < c.n));
        free(in_pieces), free(expected);
        expected = at_once, n_expected = n_at_once;
    }
    uint8_t *decoded = decode_chunk(&whole, expected, n_expected, 0);
    REQUIRE(decoded != NULL);
    free(decoded), free(expected), free(elements);
    return 0;
}
