/* SPDX-License-Identifier: MIT */
#include "fuzz.h"

#include <math.h>

#define MAX_ELEMENTS 8192

uint64_t take(input *in, unsigned n_bytes) {
    uint64_t number = 0;
    for (unsigned i = 0; i < n_bytes && in->left > 0; i++, in->at++, in->left--) number |= (uint64_t)*in->at << (8 * i);
    return number;
}

uint64_t take_below(input *in, uint64_t limit) { return take(in, 2) % limit; }

uint64_t take_hostile(input *in) {
    static const uint64_t NUMBERS[] = {0, 127, 128, 1u << 28, UINT32_MAX, 1ull << 60, 1ull << 63, UINT64_MAX};
    const uint64_t byte = take(in, 1);
    if (byte < 200) return byte % 20;
    if (byte < 240) return NUMBERS[byte % 8];
    return take(in, 8);
}

void *exactly(size_t n_bytes) {
    void *memory = malloc(n_bytes);
    REQUIRE(memory != NULL || n_bytes == 0);
    return memory;
}

void *copy_of(const void *src, size_t n_bytes) {
    void *memory = exactly(n_bytes);
    if (n_bytes > 0) memcpy(memory, src, n_bytes);
    return memory;
}

/* --- streams ------------------------------------------------------------------------------------------------------ */

stream take_stream(input *in) {
    static const stream STREAMS[] = {
        {OMF_STREAM_DELTA, 8},  {OMF_STREAM_DELTA, 16},  {OMF_STREAM_DELTA, 32},  {OMF_STREAM_DELTA, 64},
        {OMF_STREAM_ZIGZAG, 8}, {OMF_STREAM_ZIGZAG, 16}, {OMF_STREAM_ZIGZAG, 32}, {OMF_STREAM_ZIGZAG, 64},
        {OMF_STREAM_XOR, 32},   {OMF_STREAM_XOR, 64},
    };
    return STREAMS[take(in, 1) % (sizeof STREAMS / sizeof *STREAMS)];
}

/* --- chunks ------------------------------------------------------------------------------------------------------- */

float take_scale(input *in) {
    const uint32_t bits = (uint32_t)take(in, 4);
    float scale;
    memcpy(&scale, &bits, sizeof scale);
    return isfinite(scale) && scale != 0 ? scale : 20;
}

chunk take_chunk(input *in) {
    static const struct {
        omf_type type;
        omf_compression compression;
    } CODECS[] = {
        {OMF_TYPE_INT8_ARRAY, OMF_PFOR_DELTA_2D},        {OMF_TYPE_UINT8_ARRAY, OMF_PFOR_DELTA_2D},
        {OMF_TYPE_INT16_ARRAY, OMF_PFOR_DELTA_2D},       {OMF_TYPE_UINT16_ARRAY, OMF_PFOR_DELTA_2D},
        {OMF_TYPE_INT32_ARRAY, OMF_PFOR_DELTA_2D},       {OMF_TYPE_UINT32_ARRAY, OMF_PFOR_DELTA_2D},
        {OMF_TYPE_INT64_ARRAY, OMF_PFOR_DELTA_2D},       {OMF_TYPE_UINT64_ARRAY, OMF_PFOR_DELTA_2D},
        {OMF_TYPE_FLOAT_ARRAY, OMF_PFOR_DELTA_2D},       {OMF_TYPE_DOUBLE_ARRAY, OMF_PFOR_DELTA_2D},
        {OMF_TYPE_FLOAT_ARRAY, OMF_FPX_XOR_2D},          {OMF_TYPE_DOUBLE_ARRAY, OMF_FPX_XOR_2D},
        {OMF_TYPE_FLOAT_ARRAY, OMF_PFOR_DELTA_2D_INT16}, {OMF_TYPE_FLOAT_ARRAY, OMF_PFOR_DELTA_2D_INT16_LOGARITHMIC},
    };
    const size_t which = (size_t)take(in, 1) % (sizeof CODECS / sizeof *CODECS);
    chunk chunk = {.codec = {CODECS[which].type, CODECS[which].compression, 20, 0}};
    chunk.n_dims = 1 + (unsigned)take(in, 1) % 4;
    chunk.element_size = omf_type_size(chunk.codec.type);
    chunk.n = 1;
    for (unsigned i = 0; i < chunk.n_dims; i++) {
        chunk.shape[i] = 1 + take_below(in, MAX_ELEMENTS / chunk.n);
        chunk.n *= (size_t)chunk.shape[i];
    }
    int64_t stride = (int64_t)chunk.element_size;
    for (unsigned i = chunk.n_dims; i-- > 0; stride *= (int64_t)chunk.shape[i])
        chunk.dims[i] = (omf_dim){chunk.shape[i], 0, chunk.shape[i], 1, stride};
    chunk.size = chunk.n * chunk.element_size;
    return chunk;
}

void take_selection(chunk *chunk, input *in) {
    uint64_t stride = chunk->element_size * (1 + take(in, 1) % 3);
    chunk->size = chunk->element_size;
    for (unsigned i = chunk->n_dims; i-- > 0;) {
        omf_dim *dim = &chunk->dims[i];
        const uint64_t bits = take(in, 1);
        dim->start = take_below(in, dim->size);
        dim->step = bits & 1 ? 1 : 1 + take_below(in, dim->size);
        dim->count = 1 + take_below(in, (dim->size - dim->start - 1) / dim->step + 1);
        dim->stride = bits & 2 ? -(int64_t)stride : (int64_t)stride;
        const size_t reach = (size_t)(stride * (dim->count - 1));
        if (bits & 2) chunk->origin += reach;
        chunk->size += reach;
        stride *= dim->count + (bits >> 2 & 1);
    }
}

uint8_t *decode_chunk(const chunk *chunk, const uint8_t *bytes, size_t n_bytes, size_t piece) {
    const size_t need = omf_chunk_decode_scratch(&chunk->codec, chunk->shape, chunk->n_dims);
    REQUIRE(need > 0);
    uint8_t *memory = exactly(chunk->size), *scratch = exactly(need);
    memset(memory, 0x5A, chunk->size);
    const omf_buffer into = {memory, chunk->size, chunk->origin};
    omf_error err = {OMF_OK, 0, NULL, NULL};
    omf_status status;
    if (piece == 0) {
        status =
            omf_chunk_decode(&into, &chunk->codec, chunk->dims, chunk->n_dims, bytes, n_bytes, scratch, need, &err);
    } else {
        omf_chunk_decoder decoder;
        size_t position = 0, size = piece;
        bool done = false;
        status =
            omf_chunk_decoder_init(&decoder, &into, &chunk->codec, chunk->dims, chunk->n_dims, scratch, need, &err);
        while (status == OMF_OK && !done) {
            const bool last = size >= n_bytes - position;
            if (last) size = n_bytes - position;
            uint8_t *part = copy_of(bytes + position, size);
            size_t consumed = 0;
            status = omf_chunk_decoder_feed(&decoder, part, size, last, &consumed, &done, &err);
            free(part);
            if (status != OMF_OK) break;
            REQUIRE(consumed <= size && (done || !last));
            REQUIRE(done || consumed > 0 || size < OMF_FEED_MIN);
            position += consumed;
            size = consumed > 0 ? piece : size + piece;
        }
    }
    free(scratch);
    if (status == OMF_OK) return memory;
    REQUIRE(err.status == status && err.reason != NULL && err.field != NULL && err.offset <= n_bytes);
    free(memory);
    return NULL;
}
