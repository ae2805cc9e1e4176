/* SPDX-License-Identifier: MIT */
/* Any elements through a chunk and back. Integers and XORed floats return bit for bit, 16-bit steps when they are encoded
 * again; parts are parts of the whole. */
#include "fuzz.h"

static void *encode(const chunk *chunk, const uint8_t *elements, size_t *n_bytes) {
    const size_t bound = omf_chunk_bound(&chunk->codec, chunk->n);
    const size_t need = omf_chunk_encode_scratch(&chunk->codec, chunk->shape, chunk->n_dims);
    uint8_t *bytes = exactly(bound), *scratch = exactly(need), *memory = copy_of(elements, chunk->size);
    const omf_buffer from = {memory, chunk->size, chunk->origin};
    omf_range_report report = {0, 0, 0};
    REQUIRE(omf_chunk_encode(bytes, bound, n_bytes, &chunk->codec, &from, chunk->dims, chunk->n_dims, OMF_OVERFLOW_CLIP,
                             scratch, need, &report) == OMF_OK);
    REQUIRE(*n_bytes <= bound && *n_bytes >= omf_chunk_min_size(&chunk->codec, chunk->n) &&
            *n_bytes <= omf_chunk_max_size(&chunk->codec, chunk->n));
    uint8_t *exact = copy_of(bytes, *n_bytes);
    free(bytes), free(scratch), free(memory);
    return exact;
}

static void check_part(const chunk *part, const uint8_t *memory, const uint8_t *whole) {
    uint64_t at[4] = {0};
    for (;;) {
        size_t element = 0;
        int64_t place = (int64_t)part->origin;
        for (unsigned i = 0; i < part->n_dims; i++) {
            const omf_dim *dim = &part->dims[i];
            element = element * (size_t)dim->size + (size_t)(dim->start + at[i] * dim->step);
            place += dim->stride * (int64_t)at[i];
        }
        REQUIRE(memcmp(memory + place, whole + element * part->element_size, part->element_size) == 0);
        unsigned i = part->n_dims;
        while (i > 0 && ++at[i - 1] == part->dims[i - 1].count) at[--i] = 0;
        if (i == 0) return;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    input in = {data, size};
    const chunk whole = take_chunk(&in);
    chunk part = whole;
    take_selection(&part, &in);
    const size_t level = (size_t)take(&in, 1) % 4;
    FOR_EACH_LEVEL(i) {
        if (i == level) break;
    }
    /* The rest of the input again and again. */
    uint8_t *elements = exactly(whole.size);
    for (size_t i = 0; i < whole.size; i++) elements[i] = in.left > 0 ? in.at[i % in.left] : (uint8_t)i;
    size_t n_bytes;
    uint8_t *bytes = encode(&whole, elements, &n_bytes), *decoded = decode_chunk(&whole, bytes, n_bytes, 0);
    REQUIRE(decoded != NULL);
    const bool is_float = whole.codec.type >= OMF_TYPE_FLOAT_ARRAY;
    if (!is_float || whole.codec.compression == OMF_FPX_XOR_2D) REQUIRE(memcmp(decoded, elements, whole.size) == 0);
    if (whole.codec.compression == OMF_PFOR_DELTA_2D_INT16) {
        size_t n_again;
        uint8_t *again = encode(&whole, decoded, &n_again);
        REQUIRE(n_again == n_bytes && memcmp(again, bytes, n_bytes) == 0);
        free(again);
    }
    uint8_t *memory = decode_chunk(&part, bytes, n_bytes, 0);
    REQUIRE(memory != NULL);
    check_part(&part, memory, decoded);
    free(memory), free(decoded), free(bytes), free(elements);
    return 0;
}
