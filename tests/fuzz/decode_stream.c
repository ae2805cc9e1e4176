/* SPDX-License-Identifier: MIT */
/* Any bytes as a stream of any kind: refused or decoded, alike by all kernels; what was decoded can be encoded. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    input in = {data, size};
    const stream s = take_stream(&in);
    const size_t n = (size_t)take_below(&in, 3000), n_bytes = n * s.width / 8;
    uint8_t *expected = NULL;
    FOR_EACH_LEVEL(level) {
        uint8_t *values = exactly(n_bytes);
        omf_error err = {OMF_OK, 0, NULL, NULL};
        const omf_status status = omf_stream_decode(values, n_bytes, n, s.kind, s.width, in.at, in.left, &err);
        if (status != OMF_OK) {
            REQUIRE(err.status == status && err.reason != NULL && err.offset <= in.left);
            REQUIRE(expected == NULL);
            free(values);
            continue;
        }
        REQUIRE(level == 0 || (expected != NULL && memcmp(values, expected, n_bytes) == 0));
        free(expected);
        expected = values;
    }
    if (expected != NULL && n > 0) {
        size_t written;
        const size_t bound = omf_stream_bound(n, s.kind, s.width);
        uint8_t *bytes = exactly(bound), *again = exactly(n_bytes);
        REQUIRE(omf_stream_encode(bytes, bound, &written, expected, n, s.kind, s.width) == OMF_OK && written <= bound);
        REQUIRE(omf_stream_decode(again, n_bytes, n, s.kind, s.width, bytes, written, NULL) == OMF_OK);
        REQUIRE(memcmp(again, expected, n_bytes) == 0);
        free(bytes), free(again);
    }
    free(expected);
    return 0;
}
