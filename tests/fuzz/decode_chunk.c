/* SPDX-License-Identifier: MIT */
/* Any bytes as a chunk, any part of it: refused or decoded, alike by all kernels, at once and in pieces. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    input in = {data, size};
    chunk c = take_chunk(&in);
    c.codec.scale_factor = take_scale(&in);
    c.codec.add_offset = take_scale(&in);
    const size_t piece = 1 + (size_t)take_below(&in, OMF_FEED_MIN);
    take_selection(&c, &in);
    uint8_t *expected = NULL;
    FOR_EACH_LEVEL(level) {
        uint8_t *at_once = decode_chunk(&c, in.at, in.left, 0), *in_pieces = decode_chunk(&c, in.at, in.left, piece);
        REQUIRE((at_once == NULL) == (in_pieces == NULL) && (level == 0 || (at_once == NULL) == (expected == NULL)));
        if (at_once == NULL) continue;
        REQUIRE(memcmp(at_once, in_pieces, c.size) == 0);
        REQUIRE(level == 0 || memcmp(at_once, expected, c.size) == 0);
        free(in_pieces), free(expected);
        expected = at_once;
    }
    free(expected);
    return 0;
}
