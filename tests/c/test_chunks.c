/* SPDX-License-Identifier: MIT */
/* Chunks: parts of a chunk against the whole, in pieces against at once, every memory layout, at every SIMD level; too
 * little room; damage. All memory ends at an unmapped page. */
#include "common.h"

#include <math.h>

#define MAX_ELEMENTS 9000
#define ROOM ((MAX_ELEMENTS / 128 + 3) * BLOCK_ROOM)
#define LARGE (8 << 20) /* bytes; long rows go into larger arrays past the caches */

static const omf_codec CODECS[] = {
    {OMF_TYPE_INT8_ARRAY, OMF_PFOR_DELTA_2D, 1, 0},
    {OMF_TYPE_UINT8_ARRAY, OMF_PFOR_DELTA_2D, 1, 0},
    {OMF_TYPE_INT16_ARRAY, OMF_PFOR_DELTA_2D, 1, 0},
    {OMF_TYPE_UINT16_ARRAY, OMF_PFOR_DELTA_2D, 1, 0},
    {OMF_TYPE_INT32_ARRAY, OMF_PFOR_DELTA_2D, 1, 0},
    {OMF_TYPE_UINT32_ARRAY, OMF_PFOR_DELTA_2D, 1, 0},
    {OMF_TYPE_INT64_ARRAY, OMF_PFOR_DELTA_2D, 1, 0},
    {OMF_TYPE_UINT64_ARRAY, OMF_PFOR_DELTA_2D, 1, 0},
    {OMF_TYPE_FLOAT_ARRAY, OMF_PFOR_DELTA_2D, 20, -5},
    {OMF_TYPE_DOUBLE_ARRAY, OMF_PFOR_DELTA_2D, 20, 5},
    {OMF_TYPE_FLOAT_ARRAY, OMF_FPX_XOR_2D, 1, 0},
    {OMF_TYPE_DOUBLE_ARRAY, OMF_FPX_XOR_2D, 1, 0},
    {OMF_TYPE_FLOAT_ARRAY, OMF_PFOR_DELTA_2D_INT16, 20, 5},
    {OMF_TYPE_FLOAT_ARRAY, OMF_PFOR_DELTA_2D_INT16_LOGARITHMIC, 100, 0},
};
#define N_CODECS (sizeof CODECS / sizeof *CODECS)

static guard src, dst, scratch_memory;

/* A chunk with its encoded bytes and what they decode to. */
typedef struct sample {
    omf_codec codec;
    bool foreign; /* the bytes are valid, but not such as our encoder writes, and `elements` are unknown */
    unsigned n_dims;
    uint64_t shape[4];
    size_t n, size; /* elements, bytes of one */
    uint8_t elements[MAX_ELEMENTS * 8], decoded[MAX_ELEMENTS * 8], encoded[ROOM];
    size_t n_bytes;
} sample;

/* Scratch of exactly the size asked for; aligned to 8 bytes, as that size is a multiple of 8 or rounded up to one. */
static void *scratch_of(size_t size) { return guard_tail(&scratch_memory, (size + 7) / 8 * 8); }

/* Bytes of scratch: what is recommended, or so little that the window slides all the time. */
static size_t some_scratch(const sample *s, size_t recommended) {
    uint64_t n_cols = s->shape[s->n_dims - 1], least = (s->n > n_cols ? n_cols : 0) + 1 + 2 * 128;
    return rng_below(2) ? recommended : (size_t)(least < s->n ? least : s->n) * s->size;
}

/* The whole chunk in C order. Returns the number of elements. */
static size_t whole(omf_dim *dims, const uint64_t *shape, unsigned n_dims, size_t size) {
    size_t n = 1;
    for (unsigned i = n_dims; i-- > 0; n *= (size_t)shape[i])
        dims[i] = (omf_dim){shape[i], 0, shape[i], 1, (int64_t)(n * size)};
    return n;
}

static void grow_elements(sample *s) {
    unsigned spread = (unsigned)rng_below(30);
    double value = 100;
    for (size_t i = 0; i < s->n; i++) {
        value += (double)(int64_t)(rng_bits(spread) - (rng_bits(spread) >> 1)) / 16;
        if (rng_below(200) == 0) value = (double)rng_below(1000);
        if (s->codec.type == OMF_TYPE_DOUBLE_ARRAY) {
            memcpy(s->elements + 8 * i, &value, 8);
        } else if (s->codec.type == OMF_TYPE_FLOAT_ARRAY) {
            float narrow = (float)(value < 0 ? -value : value);
            memcpy(s->elements + 4 * i, &narrow, 4);
        } else {
            store_word(s->elements + s->size * i, (uint64_t)(int64_t)value, s->size);
        }
    }
}

/* The stream of format.md, section 4. */
static stream_kind stream_of(const omf_codec *codec) {
    bool is_unsigned = codec->type < OMF_TYPE_FLOAT_ARRAY && codec->type % 2;
    bool is_16 =
        codec->compression == OMF_PFOR_DELTA_2D_INT16 || codec->compression == OMF_PFOR_DELTA_2D_INT16_LOGARITHMIC;
    unsigned width = 8 * (unsigned)omf_type_size(codec->type);
    stream_kind kind = {is_unsigned ? OMF_STREAM_DELTA : OMF_STREAM_ZIGZAG, width, ""};
    if (codec->compression == OMF_FPX_XOR_2D) kind.kind = OMF_STREAM_XOR;
    if (is_16) kind.width = 16;
    return kind;
}

static sample *grow_sample(omf_codec codec, bool foreign) {
    static sample s;
    s.codec = codec;
    s.foreign = foreign;
    s.size = omf_type_size(codec.type);
    s.n_dims = 1 + (unsigned)rng_below(4);
    uint64_t left = rng_below(8) ? 600 : MAX_ELEMENTS;
    for (unsigned i = 0; i < s.n_dims; i++) {
        s.shape[i] = 1 + rng_below(i + 1 < s.n_dims && left > 9 ? 9 : left);
        left /= s.shape[i];
    }
    omf_dim dims[4];
    s.n = whole(dims, s.shape, s.n_dims, s.size);
    grow_elements(&s);

    omf_range_report report = {0, 0, 0};
    size_t need = omf_chunk_encode_scratch(&s.codec, s.shape, s.n_dims), bound = omf_chunk_bound(&s.codec, s.n);
    CHECK(need && need <= scratch_memory.capacity && bound <= ROOM, "scratch %zu, bound %zu", need, bound);
    omf_buffer from = {guard_copy(&src, s.elements, s.n * s.size), s.n * s.size, 0};
    uint8_t *out = guard_tail(&dst, bound);
    omf_status status = omf_chunk_encode(out, bound, &s.n_bytes, &s.codec, &from, dims, s.n_dims, OMF_OVERFLOW_NAN,
                                         scratch_of(need), need, &report);
    CHECK(status == OMF_OK && s.n_bytes <= bound && guard_intact(&dst, bound), "status %d", status);
    CHECK(s.n_bytes >= omf_chunk_min_size(&s.codec, s.n) && s.n_bytes <= omf_chunk_max_size(&s.codec, s.n),
          "%zu bytes of %zu elements", s.n_bytes, s.n);
    memcpy(s.encoded, out, s.n_bytes);
    if (foreign) s.n_bytes = grow_stream(s.encoded, s.n, stream_of(&codec));

    need = omf_chunk_decode_scratch(&s.codec, s.shape, s.n_dims);
    omf_error err;
    uint8_t *in = guard_copy(&src, s.encoded, s.n_bytes);
    omf_buffer into = {guard_tail(&dst, s.n * s.size), s.n * s.size, 0};
    status = omf_chunk_decode(&into, &s.codec, dims, s.n_dims, in, s.n_bytes, scratch_of(need), need, &err);
    CHECK(status == OMF_OK && guard_intact(&dst, s.n * s.size), "status %d", status);
    memcpy(s.decoded, into.data, s.n * s.size);
    bool lossless = s.codec.type < OMF_TYPE_FLOAT_ARRAY || s.codec.compression == OMF_FPX_XOR_2D;
    CHECK(foreign || !lossless || memcmp(s.decoded, s.elements, s.n * s.size) == 0, "codec %d", s.codec.compression);
    return &s;
}

/* A random box of the chunk, for a random memory layout. */
typedef struct selection {
    omf_dim dims[4];
    size_t size, origin; /* of the memory, in bytes */
} selection;

static selection grow_selection(const sample *s) {
    selection sel;
    uint64_t stride = s->size * (1 + rng_below(3));
    size_t reach = s->size, origin = 0;
    for (unsigned i = s->n_dims; i-- > 0;) {
        omf_dim *dim = &sel.dims[i];
        dim->size = s->shape[i];
        dim->start = rng_below(dim->size);
        dim->step = 1 + rng_below(rng_below(2) ? 1 : dim->size);
        dim->count = 1 + rng_below((dim->size - dim->start - 1) / dim->step + 1);
        bool backwards = rng_below(3) == 0;
        dim->stride = backwards ? -(int64_t)stride : (int64_t)stride;
        if (backwards) origin += (size_t)(stride * (dim->count - 1));
        reach += (size_t)(stride * (dim->count - 1));
        stride *= dim->count + rng_below(2);
    }
    sel.size = reach, sel.origin = origin;
    return sel;
}

/* Compare the selected elements with those of the whole chunk, and that nothing between them was touched. */
static void check_selection(const sample *s, const selection *sel, const uint8_t *memory) {
    static uint8_t expected[ROOM * 8];
    memset(expected, 0x5A, sel->size);
    uint64_t at[4] = {0};
    for (;;) {
        size_t element = 0, place = sel->origin;
        for (unsigned i = 0; i < s->n_dims; i++) {
            const omf_dim *dim = &sel->dims[i];
            element = element * (size_t)dim->size + (size_t)(dim->start + at[i] * dim->step);
            place += (size_t)(dim->stride * (int64_t)at[i]);
        }
        memcpy(expected + place, s->decoded + element * s->size, s->size);
        unsigned i = s->n_dims;
        while (i-- > 0 && ++at[i] == sel->dims[i].count) at[i] = 0;
        if (i == UINT32_MAX) break;
    }
    CHECK(memcmp(expected, memory, sel->size) == 0, "type %d, compression %d, %u dims, %s", s->codec.type,
          s->codec.compression, s->n_dims, omf_simd_name());
}

/* The selection lies at the end of an array that has `before` more bytes. */
static void test_selection(const sample *s, size_t before) {
    selection sel = grow_selection(s);
    if (sel.size > ROOM * 4) return;
    size_t need = omf_chunk_decode_scratch(&s->codec, s->shape, s->n_dims);
    uint8_t *in = guard_copy(&src, s->encoded, s->n_bytes), *memory = guard_tail(&dst, sel.size);
    omf_buffer into = {memory - before, before + sel.size, before + sel.origin};
    memset(memory, 0x5A, sel.size);
    omf_error err;
    omf_status status =
        omf_chunk_decode(&into, &s->codec, sel.dims, s->n_dims, in, s->n_bytes, scratch_of(need), need, &err);
    CHECK(status == OMF_OK && guard_intact(&dst, sel.size), "status %d", status);
    check_selection(s, &sel, memory);

    into.size -= s->size;
    if (before == 0 && (sel.origin + s->size <= into.size || into.size == 0)) {
        status = omf_chunk_decode(&into, &s->codec, sel.dims, s->n_dims, in, s->n_bytes, scratch_of(need), need, &err);
        CHECK(status == OMF_ERR_NO_SPACE || status == OMF_ERR_ARGUMENT, "memory too small: %d", status);
    }
}

static void test_decode_in_pieces(const sample *s) {
    selection sel = grow_selection(s);
    if (sel.size > ROOM * 4) return;
    size_t need = some_scratch(s, omf_chunk_decode_scratch(&s->codec, s->shape, s->n_dims));
    uint8_t *memory = guard_tail(&dst, sel.size);
    omf_buffer into = {memory, sel.size, sel.origin};
    memset(memory, 0x5A, sel.size);
    omf_chunk_decoder decoder;
    omf_error err;
    CHECK(omf_chunk_decoder_init(&decoder, &into, &s->codec, sel.dims, s->n_dims, scratch_of(need), need, &err) ==
              OMF_OK,
          "init");
    size_t position = 0, piece = 0;
    bool done = false;
    while (!done) {
        size_t left = s->n_bytes - position, consumed = 0;
        piece = (piece < OMF_FEED_MIN ? piece : 0) + 1 + (size_t)rng_below(rng_below(2) ? OMF_FEED_MIN : 100);
        if (piece > left) piece = left;
        uint8_t *in = guard_copy(&src, s->encoded + position, piece);
        omf_status status = omf_chunk_decoder_feed(&decoder, in, piece, piece == left, &consumed, &done, &err);
        CHECK(status == OMF_OK && consumed <= piece, "status %d: %s", status, err.reason);
        CHECK(done || consumed || piece < OMF_FEED_MIN, "no progress with %zu of %zu bytes", piece, left);
        CHECK(done || piece < left || consumed, "not done at the end");
        if (consumed) piece = 0;
        position += consumed;
    }
    CHECK(guard_intact(&dst, sel.size), "wrote in front of dst");
    check_selection(s, &sel, memory);
}

static void test_encode_in_pieces(const sample *s) {
    static uint8_t pieces[ROOM];
    omf_dim dims[4];
    whole(dims, s->shape, s->n_dims, s->size);
    size_t need = some_scratch(s, omf_chunk_encode_scratch(&s->codec, s->shape, s->n_dims)), total = 0;
    omf_buffer from = {guard_copy(&src, s->elements, s->n * s->size), s->n * s->size, 0};
    omf_chunk_encoder encoder;
    omf_range_report report = {0, 0, 0};
    CHECK(omf_chunk_encoder_init(&encoder, &s->codec, &from, dims, s->n_dims, OMF_OVERFLOW_NAN, scratch_of(need), need,
                                 &report) == OMF_OK,
          "init");
    for (bool done = false; !done;) {
        size_t cap = OMF_DRAIN_MIN + (size_t)rng_below(3000), written = 0;
        uint8_t *out = guard_tail(&dst, cap);
        CHECK(omf_chunk_encoder_next(&encoder, out, cap, &written, &done) == OMF_OK && written <= cap, "next");
        CHECK(guard_intact(&dst, cap) && (written || done) && total + written <= s->n_bytes, "%zu + %zu of %zu bytes",
              total, written, s->n_bytes);
        memcpy(pieces + total, out, written);
        total += written;
    }
    CHECK(total == s->n_bytes && memcmp(pieces, s->encoded, total) == 0, "in pieces: %zu, at once: %zu", total,
          s->n_bytes);
}

static void test_too_little_room(const sample *s) {
    omf_dim dims[4];
    whole(dims, s->shape, s->n_dims, s->size);
    size_t size = s->n * s->size, need = omf_chunk_decode_scratch(&s->codec, s->shape, s->n_dims), written;
    uint8_t *in = guard_copy(&src, s->encoded, s->n_bytes);
    omf_buffer memory = {guard_tail(&dst, size), size, 0};
    omf_range_report report = {0, 0, 0};
    omf_status status = omf_chunk_decode(&memory, &s->codec, dims, s->n_dims, in, s->n_bytes, scratch_of(0), 0, NULL);
    CHECK(status == OMF_ERR_NO_SPACE, "no scratch: %d", status);
    memory.size -= s->size;
    status = omf_chunk_decode(&memory, &s->codec, dims, s->n_dims, in, s->n_bytes, scratch_of(need), need, NULL);
    CHECK(status == OMF_ERR_NO_SPACE || status == OMF_ERR_ARGUMENT, "memory too small: %d", status);
    memory.size += s->size;
    need = omf_chunk_encode_scratch(&s->codec, s->shape, s->n_dims);
    size_t bound = omf_chunk_bound(&s->codec, s->n);
    memory.data = guard_copy(&src, s->elements, size);
    uint8_t *out = guard_tail(&dst, bound);
    status = omf_chunk_encode(out, bound - 1, &written, &s->codec, &memory, dims, s->n_dims, OMF_OVERFLOW_NAN,
                              scratch_of(need), need, &report);
    CHECK(status == OMF_ERR_NO_SPACE, "dst too small: %d", status);
    status = omf_chunk_encode(out, bound, &written, &s->codec, &memory, dims, s->n_dims, OMF_OVERFLOW_NAN,
                              scratch_of(0), 0, &report);
    CHECK(status == OMF_ERR_NO_SPACE, "no scratch: %d", status);
}

/* At once and in pieces, damaged chunks are refused or decoded alike. */
static void test_damage(const sample *s) {
    static uint8_t bytes[ROOM + 8], first[MAX_ELEMENTS * 8];
    omf_dim dims[4];
    whole(dims, s->shape, s->n_dims, s->size);
    size_t size = s->n * s->size, need = omf_chunk_decode_scratch(&s->codec, s->shape, s->n_dims);
    for (unsigned round = 0; round < 4; round++) {
        memcpy(bytes, s->encoded, s->n_bytes);
        size_t n_bytes = damage(bytes, s->n_bytes), position = 0;
        uint8_t *in = guard_copy(&src, bytes, n_bytes);
        omf_buffer into = {guard_tail(&dst, size), size, 0};
        omf_error err = {OMF_OK, 0, NULL, NULL};
        omf_status status =
            omf_chunk_decode(&into, &s->codec, dims, s->n_dims, in, n_bytes, scratch_of(need), need, &err);
        CHECK(guard_intact(&dst, size) && (status == OMF_OK || (err.status == status && err.reason)), "%d", status);
        memcpy(first, into.data, size);

        omf_chunk_decoder decoder;
        omf_status fed =
            omf_chunk_decoder_init(&decoder, &into, &s->codec, dims, s->n_dims, scratch_of(need), need, &err);
        for (bool done = false; fed == OMF_OK && !done;) {
            size_t consumed, left = n_bytes - position, piece = left < OMF_FEED_MIN ? left : OMF_FEED_MIN;
            in = guard_copy(&src, bytes + position, piece);
            fed = omf_chunk_decoder_feed(&decoder, in, piece, piece == left, &consumed, &done, &err);
            CHECK(fed != OMF_OK || done || consumed, "no progress");
            position += consumed;
        }
        if (fed == OMF_OK && position < n_bytes) fed = OMF_ERR_TRAILING;
        CHECK((fed == OMF_OK) == (status == OMF_OK), "type %d, compression %d: at once %d, in pieces %d", s->codec.type,
              s->codec.compression, status, fed);
        CHECK(status != OMF_OK || memcmp(first, into.data, size) == 0, "in pieces other values");
    }
}

static void test_all(void) {
    for (size_t i = 0; i < N_CODECS; i++)
        for (unsigned round = 0; round < 300; round++) {
            const sample *s = grow_sample(CODECS[i], round % 2);
            for (unsigned again = 0; again < 8; again++)
                test_selection(s, 0), test_selection(s, LARGE), test_decode_in_pieces(s);
            if (!s->foreign) test_encode_in_pieces(s);
            test_too_little_room(s);
            test_damage(s);
        }
}

/* The integers of the logarithmic codec are those of logarithms in double, rounded to float and multiplied there. */
static void test_logarithms(void) {
    enum { N = 1000 };
    static float values[N];
    static int16_t words[N];
    static uint8_t encoded[ROOM];
    for (unsigned round = 0; round < 200; round++) {
        const omf_codec codec = {OMF_TYPE_FLOAT_ARRAY, OMF_PFOR_DELTA_2D_INT16_LOGARITHMIC,
                                 round % 2 ? 1000.0f : (float)(1 + rng_below(6000)), 0};
        for (unsigned i = 0; i < N; i++) {
            uint32_t bits = (uint32_t)rng_below(0x7F800000); /* any finite number, up to 10^5 more often */
            if (rng_below(2)) bits = (uint32_t)rng_below(0x47C35000);
            memcpy(&values[i], &bits, sizeof bits);
            if (rng_below(4) == 0) values[i] = -(float)rng_below(1u << 24) / (float)(1u << 24);
        }
        values[0] = -1.0f, values[1] = 0.0f, values[2] = (float)NAN, values[3] = (float)-NAN;
        values[4] = (float)INFINITY, values[5] = -1.5f;
        omf_dim dim = {N, 0, N, 1, sizeof *values};
        omf_buffer from = {guard_copy(&src, values, sizeof values), sizeof values, 0};
        omf_range_report report = {0, 0, 0};
        size_t n_bytes, n_bad = 2, need = omf_chunk_encode_scratch(&codec, &dim.size, 1);
        CHECK(omf_chunk_encode(encoded, sizeof encoded, &n_bytes, &codec, &from, &dim, 1, OMF_OVERFLOW_CLIP,
                               scratch_of(need), need, &report) == OMF_OK &&
                  omf_stream_decode(words, sizeof words, N, OMF_STREAM_ZIGZAG, 16, encoded, n_bytes, NULL) == OMF_OK,
              "encode");
        for (unsigned i = 6; i < N; i++) {
            float a = 1.0f + values[i], y = (float)log10((double)a) * codec.scale_factor;
            int expected = y < 32766.5f ? (int)roundf(y) : 32766;
            n_bad += y >= 32766.5f || (y <= -32768.5f && values[i] > -1.0f);
            if (y <= -32768.5f) expected = INT16_MIN;
            CHECK(words[i] == expected, "%a with scale %a: %d instead of %d, %s", (double)values[i],
                  (double)codec.scale_factor, words[i], expected, omf_simd_name());
        }
        CHECK(words[0] == INT16_MIN && words[1] == 0 && words[2] == INT16_MAX && words[3] == INT16_MAX &&
                  words[4] == INT16_MAX - 1 && words[5] == INT16_MIN,
              "%d %d %d %d %d %d, %s", words[0], words[1], words[2], words[3], words[4], words[5], omf_simd_name());
        CHECK(report.n_values == n_bad, "%llu values instead of %zu", (unsigned long long)report.n_values, n_bad);
    }
}

/* Extents, strides and counts that overflow whatever is computed from them. */
static void test_hostile_dimensions(void) {
    static const uint64_t NUMBERS[] = {0, 1, 2, 127, 1u << 28, UINT32_MAX, 1ull << 60, 1ull << 63, UINT64_MAX};
    uint64_t memory[8], scratch[64];
    uint8_t byte = 0;
    omf_buffer into = {memory, sizeof memory, 0};
    for (unsigned round = 0; round < 200000; round++) {
        omf_dim dims[3];
        uint64_t shape[3];
        for (unsigned i = 0; i < 3; i++) {
            uint64_t *fields[] = {&dims[i].size, &dims[i].start, &dims[i].count, &dims[i].step};
            for (unsigned k = 0; k < 4; k++) *fields[k] = NUMBERS[rng_below(rng_below(2) ? 3 : 9)];
            dims[i].stride = (int64_t)(NUMBERS[rng_below(9)] & ~7ull);
            shape[i] = dims[i].size;
        }
        into.origin = (size_t)(rng_below(8) ? 8 * rng_below(12) : UINT64_MAX - 7);
        const omf_codec *codec = &CODECS[rng_below(N_CODECS)];
        omf_chunk_decode(&into, codec, dims, 3, &byte, 1, scratch, sizeof scratch, NULL);
        omf_chunk_decode_scratch(codec, shape, 3);
        omf_chunk_encode_scratch(codec, shape, 3);
        omf_chunk_bound(codec, shape[0]);
        CHECK(omf_chunk_min_size(codec, shape[0]) <= omf_chunk_max_size(codec, shape[0]), "sizes");
    }
}

static void test_arguments(void) {
    const omf_codec bad[] = {{OMF_TYPE_INT8, OMF_PFOR_DELTA_2D, 1, 0},
                             {OMF_TYPE_INT8_ARRAY, OMF_FPX_XOR_2D, 1, 0},
                             {OMF_TYPE_DOUBLE_ARRAY, OMF_PFOR_DELTA_2D_INT16, 1, 0},
                             {OMF_TYPE_FLOAT_ARRAY, OMF_PFOR_DELTA_2D, 0, 0},
                             {OMF_TYPE_FLOAT_ARRAY, OMF_PFOR_DELTA_2D, 1, (float)INFINITY},
                             {OMF_TYPE_FLOAT_ARRAY, OMF_COMPRESSION_NONE, 1, 0}};
    const uint64_t shape[2] = {2, 3}, large[2] = {UINT64_MAX, UINT64_MAX};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(!omf_codec_is_valid(&bad[i]) && omf_chunk_decode_scratch(&bad[i], shape, 2) == 0 &&
                  omf_chunk_encode_scratch(&bad[i], shape, 2) == 0 && omf_chunk_bound(&bad[i], 6) == 0,
              "codec %zu", i);
    CHECK(omf_chunk_decode_scratch(&CODECS[0], shape, 0) == 0, "no dimensions");
    CHECK(omf_chunk_decode_scratch(&CODECS[0], large, 2) == 0, "a shape that overflows");
    CHECK(omf_chunk_bound(&CODECS[0], UINT64_MAX) == 0, "a bound that overflows");
    CHECK(omf_chunk_max_size(&CODECS[0], UINT64_MAX / 11) == UINT64_MAX, "a size that overflows");
    CHECK(omf_chunk_min_size(&CODECS[0], 0) == 0, "no elements");
    const uint64_t long_rows[2] = {4, 1 << 20};
    CHECK(omf_chunk_decode_scratch(&CODECS[0], long_rows, 2) > 2 << 20 &&
              omf_chunk_encode_scratch(&CODECS[0], long_rows, 2) > 2 << 20,
          "long rows that are moved for a few blocks each");
}

/* A chunk that is complete waits until somebody says that nothing follows. */
static void test_last_piece_unannounced(void) {
    const omf_codec codec = {OMF_TYPE_UINT64_ARRAY, OMF_PFOR_DELTA_2D, 1, 0};
    const omf_dim dim = {1, 0, 1, 1, 8};
    uint64_t value = UINT64_MAX, found = 0, scratch[64];
    uint8_t encoded[2048];
    size_t n_bytes, consumed;
    bool done;
    omf_range_report report = {0, 0, 0};
    omf_error err;
    omf_chunk_decoder decoder;
    omf_buffer from = {&value, 8, 0}, into = {&found, 8, 0};
    CHECK(omf_chunk_encode(encoded, sizeof encoded, &n_bytes, &codec, &from, &dim, 1, OMF_OVERFLOW_NAN, scratch,
                           sizeof scratch, &report) == OMF_OK,
          "encode");
    CHECK(omf_chunk_decoder_init(&decoder, &into, &codec, &dim, 1, scratch, sizeof scratch, &err) == OMF_OK, "init");
    CHECK(omf_chunk_decoder_feed(&decoder, encoded, n_bytes, false, &consumed, &done, &err) == OMF_OK && !done &&
              consumed == 0,
          "more may follow");
    CHECK(omf_chunk_decoder_feed(&decoder, encoded, n_bytes, true, &consumed, &done, &err) == OMF_OK && done &&
              consumed == n_bytes && found == value,
          "the only value");
}

/* What is below -1 has no logarithm; -1 is the nearest that can be held. */
static void test_clipped_logarithms(void) {
    const float below = -1.5f;
    for (float scale = -1000; scale <= 1000; scale += 2000) {
        const omf_codec codec = {OMF_TYPE_FLOAT_ARRAY, OMF_PFOR_DELTA_2D_INT16_LOGARITHMIC, scale, 0};
        const omf_dim dim = {1, 0, 1, 1, 4};
        float values[1] = {below}, found = 0;
        uint64_t scratch[64];
        uint8_t encoded[2048];
        size_t n_bytes;
        omf_range_report report = {0, 0, 0};
        omf_error err;
        omf_buffer from = {values, 4, 0}, into = {&found, 4, 0};
        CHECK(omf_chunk_encode(encoded, sizeof encoded, &n_bytes, &codec, &from, &dim, 1, OMF_OVERFLOW_CLIP, scratch,
                               sizeof scratch, &report) == OMF_OK &&
                  omf_chunk_decode(&into, &codec, &dim, 1, encoded, n_bytes, scratch, sizeof scratch, &err) == OMF_OK,
              "one value");
        CHECK(found == -1.0f && report.n_values == 1, "%a with scale %a", (double)found, (double)scale);
    }
}

int main(void) {
    src = guard_new(ROOM), dst = guard_new(LARGE + ROOM * 4), scratch_memory = guard_new(1 << 20);
    at_every_level(test_all);
    at_every_level(test_logarithms);
    at_every_level(test_clipped_logarithms);
    at_every_level(test_last_piece_unannounced);
    test_hostile_dimensions();
    test_arguments();
    return 0;
}
