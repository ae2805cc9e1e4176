/* SPDX-License-Identifier: MIT */
/* Stream decoders and encoders: every kernel against the generic one for each width, bit width, kind of block and
 * length of tail; prefixes, damage and rubbish, all in memory that ends at an unmapped page. */
#include "common.h"

#define MAX_VALUES 1100
#define ROOM (12 * BLOCK_ROOM)

static guard src, dst;
static uint8_t bytes[ROOM];

/* Decode at every level: all must agree. Returns the status; `values` receives what came out, if it was OMF_OK. */
static omf_status decode(uint8_t *values, size_t n, stream_kind kind, const uint8_t *data, size_t n_bytes) {
    size_t size = n * kind.width / 8;
    omf_status first = OMF_OK;
    for (unsigned level = 0; omf_simd_available(level); level++) {
        omf_simd_select(omf_simd_available(level));
        uint8_t *in = guard_copy(&src, data, n_bytes), *out = guard_tail(&dst, size);
        omf_error err = {OMF_OK, 0, NULL, NULL};
        omf_status status = omf_stream_decode(out, size, n, kind.kind, kind.width, in, n_bytes, &err);
        CHECK(guard_intact(&dst, size), "%s%u wrote in front of dst", kind.name, kind.width);
        CHECK(memcmp(in, data, n_bytes) == 0, "%s%u changed its input", kind.name, kind.width);
        CHECK(status == OMF_OK || (err.status == status && err.reason && err.offset <= n_bytes),
              "%s%u: status %d, error %d at %llu of %zu", kind.name, kind.width, status, err.status,
              (unsigned long long)err.offset, n_bytes);
        if (level == 0) {
            first = status;
            if (status == OMF_OK) memcpy(values, out, size);
        }
        CHECK((status == OMF_OK) == (first == OMF_OK), "%s%u: %s says %d, generic %d", kind.name, kind.width,
              omf_simd_name(), status, first);
        CHECK(status != OMF_OK || memcmp(values, out, size) == 0, "%s%u: %s differs", kind.name, kind.width,
              omf_simd_name());
    }
    return first;
}

/* Encode at every level, to the same bytes, and decode those to the same values. */
static void encode(const uint8_t *values, size_t n, stream_kind kind) {
    static uint8_t expected[ROOM], again[MAX_VALUES * 8];
    size_t size = n * kind.width / 8, bound = omf_stream_bound(n, kind.kind, kind.width), n_expected = 0;
    CHECK(bound && bound <= ROOM, "bound %zu of %zu values", bound, n);
    for (unsigned level = 0; omf_simd_available(level); level++) {
        omf_simd_select(omf_simd_available(level));
        uint8_t *in = guard_copy(&src, values, size), *out = guard_tail(&dst, bound);
        size_t written;
        CHECK(omf_stream_encode(out, bound, &written, in, n, kind.kind, kind.width) == OMF_OK, "%s%u of %zu values",
              kind.name, kind.width, n);
        CHECK(written <= bound && guard_intact(&dst, bound), "%s%u wrote outside", kind.name, kind.width);
        if (level == 0) memcpy(expected, out, n_expected = written);
        CHECK(written == n_expected && memcmp(out, expected, written) == 0, "%s%u of %zu values: %s differs", kind.name,
              kind.width, n, omf_simd_name());
    }
    CHECK(decode(again, n, kind, expected, n_expected) == OMF_OK && memcmp(again, values, size) == 0,
          "%s%u of %zu values does not come back", kind.name, kind.width, n);
}

/* A block of every kind, bit width and length; alone, or behind a full one of the same kind. */
static void test_every_block(stream_kind kind) {
    static uint8_t values[MAX_VALUES * 8];
    bool is_xor = kind.kind == OMF_STREAM_XOR;
    for (unsigned layout = PLAIN; layout <= CONSTANT; layout++)
        for (unsigned bits = 0; bits <= kind.width; bits++)
            for (unsigned tail = 1; tail <= 128; tail++) {
                if ((kind.width == 8 && layout == VBYTE) || (kind.width == 64 && bits == 63)) continue;
                unsigned n = is_xor ? 0 : 1;
                uint8_t *at = bytes;
                if (!is_xor) *at++ = (uint8_t)rng_below(128);
                for (unsigned block = rng_below(2) ? 0 : 1; block < 2; block++) {
                    unsigned size = block == 0 ? 128 : tail;
                    if (is_xor) *at++ = (uint8_t)rng_below(kind.width + 2);
                    at += grow_block(at, size, kind.width, layout, bits);
                    n += size;
                }
                size_t n_bytes = (size_t)(at - bytes);
                CHECK(decode(values, n, kind, bytes, n_bytes) == OMF_OK, "%s%u: layout %u, %u bits, %u values",
                      kind.name, kind.width, layout, bits, tail);
                if (rng_below(16)) continue; /* the rest, which takes longer, for some */
                encode(values, n, kind);
                CHECK(decode(values, n, kind, bytes, n_bytes - 1) != OMF_OK, "%s%u: one byte less", kind.name,
                      kind.width);
                bytes[n_bytes] = 0;
                CHECK(decode(values, n, kind, bytes, n_bytes + 1) == OMF_ERR_TRAILING, "%s%u: one byte more", kind.name,
                      kind.width);
            }
}

static void test_every_prefix(stream_kind kind) {
    static uint8_t values[MAX_VALUES * 8];
    for (unsigned round = 0; round < 10; round++) {
        size_t n = 1 + (size_t)rng_below(400), n_bytes = grow_stream(bytes, n, kind);
        for (size_t cut = 0; cut < n_bytes; cut++)
            CHECK(decode(values, n, kind, bytes, cut) != OMF_OK, "%s%u: %zu of %zu bytes", kind.name, kind.width, cut,
                  n_bytes);
    }
}

static void test_damage(stream_kind kind) {
    static uint8_t values[MAX_VALUES * 8];
    for (unsigned round = 0; round < 5000; round++) {
        size_t n = 1 + (size_t)rng_below(round % 8 ? 300 : MAX_VALUES), n_bytes = grow_stream(bytes, n, kind);
        decode(values, n, kind, bytes, damage(bytes, n_bytes));
    }
}

/* Of each exception of a VBYTE block any other number and position, which may be out of order or behind the block. */
static void test_vbyte_exceptions(stream_kind kind) {
    static uint8_t values[MAX_VALUES * 8];
    if (kind.width == 8) return;
    for (unsigned round = 0; round < 20; round++) {
        bool is_xor = kind.kind == OMF_STREAM_XOR;
        unsigned start = 1, bits = (unsigned)rng_below(9);
        bytes[0] = is_xor ? 0 : 1; /* leading zeros, or the first value */
        size_t n_bytes = start + grow_block(bytes + start, 128, kind.width, VBYTE, bits);
        for (size_t at = start + 2 + 16 * bits; at < n_bytes; at += 1 + (size_t)rng_below(4)) {
            uint8_t before = bytes[at];
            for (unsigned other = 0; other < 256; other += 1 + (unsigned)rng_below(8)) {
                bytes[at] = (uint8_t)other;
                decode(values, is_xor ? 128 : 129, kind, bytes, n_bytes);
            }
            bytes[at] = before;
        }
    }
}

static void test_rubbish(stream_kind kind) {
    static uint8_t values[MAX_VALUES * 8];
    for (unsigned round = 0; round < 5000; round++) {
        size_t n_bytes = (size_t)rng_below(400);
        rng_fill(bytes, n_bytes);
        decode(values, 1 + (size_t)rng_below(MAX_VALUES), kind, bytes, n_bytes);
    }
}

/* Differences of few bits with some of many, from all the same to all different. */
static void test_encoders(stream_kind kind) {
    static uint8_t values[MAX_VALUES * 8];
    for (unsigned round = 0; round < 500; round++) {
        size_t n = 1 + (size_t)rng_below(MAX_VALUES);
        unsigned small = (unsigned)rng_below(kind.width + 1), large = (unsigned)rng_below(kind.width + 1);
        uint64_t one_in = 1 + rng_below(100), word = rng_bits(kind.width), step = rng_bits(small);
        for (size_t i = 0; i < n; i++) {
            if (round % 3) step = rng_bits(rng_below(one_in) ? small : large);
            word = kind.kind == OMF_STREAM_XOR ? word ^ step : word + step;
            store_word(values + i * kind.width / 8, word, kind.width / 8);
        }
        encode(values, n, kind);
    }
}

static void test_arguments(void) {
    uint64_t words[2] = {0, 0};
    uint8_t stream[64];
    size_t written;
    rng_fill(stream, sizeof stream);
    CHECK(omf_stream_decode(words, 15, 2, OMF_STREAM_DELTA, 64, (const uint8_t *)"\0\0", 2, NULL) == OMF_ERR_NO_SPACE,
          "dst too small");
    CHECK(omf_stream_decode(words, 16, 2, OMF_STREAM_DELTA, 7, stream, 2, NULL) == OMF_ERR_ARGUMENT, "width 7");
    CHECK(omf_stream_decode(words, 16, 2, OMF_STREAM_XOR, 8, stream, 2, NULL) == OMF_ERR_ARGUMENT, "XOR of 8 bits");
    CHECK(omf_stream_encode(stream, sizeof stream, &written, words, 2, (omf_stream)3, 8) == OMF_ERR_ARGUMENT, "kind 3");
    CHECK(omf_stream_bound(SIZE_MAX / 2, OMF_STREAM_DELTA, 64) == 0, "a bound that overflows");
    CHECK(omf_stream_bound(1, OMF_STREAM_XOR, 16) == 0, "a bound of an invalid stream");
}

int main(void) {
    src = guard_new(ROOM), dst = guard_new(ROOM);
    test_arguments();
    for (unsigned i = 0; i < N_STREAM_KINDS; i++) {
        test_every_block(STREAM_KINDS[i]);
        test_every_prefix(STREAM_KINDS[i]);
        test_damage(STREAM_KINDS[i]);
        test_vbyte_exceptions(STREAM_KINDS[i]);
        test_rubbish(STREAM_KINDS[i]);
        test_encoders(STREAM_KINDS[i]);
    }
    return 0;
}
