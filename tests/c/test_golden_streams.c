/* SPDX-License-Identifier: MIT */
/* Golden streams, both ways, at every SIMD level, in guarded memory. */
#include "common.h"

#define MAX_BYTES 8192

static const char *path;

static void test_streams(void) {
    static uint8_t values[MAX_BYTES], bytes[MAX_BYTES];
    guard src = guard_new(MAX_BYTES), dst = guard_new(MAX_BYTES);
    FILE *file = fopen(path, "rb");
    CHECK(file, "%s", path);
    uint32_t head[4];
    unsigned n_streams = 0;
    while (fread(head, sizeof head, 1, file) == 1) {
        omf_stream kind = (omf_stream)head[0];
        unsigned width = head[1];
        size_t n = head[2], size = n * width / 8, n_bytes = head[3], written;
        CHECK(fread(values, 1, size, file) == size && fread(bytes, 1, n_bytes, file) == n_bytes, "%s ends", path);

        uint8_t *in = guard_copy(&src, bytes, n_bytes), *out = guard_tail(&dst, size);
        omf_error err;
        omf_status status = omf_stream_decode(out, size, n, kind, width, in, n_bytes, &err);
        CHECK(status == OMF_OK, "stream %u: %s", n_streams, err.reason);
        CHECK(memcmp(out, values, size) == 0 && guard_intact(&dst, size), "stream %u", n_streams);

        size_t bound = omf_stream_bound(n, kind, width);
        in = guard_copy(&src, values, size), out = guard_tail(&dst, bound);
        CHECK(omf_stream_encode(out, bound, &written, in, n, kind, width) == OMF_OK, "stream %u", n_streams);
        CHECK(written == n_bytes && memcmp(out, bytes, n_bytes) == 0, "stream %u: other bytes", n_streams);
        CHECK(omf_stream_encode(out, bound - 1, &written, in, n, kind, width) == OMF_ERR_NO_SPACE, "dst too small");
        n_streams++;
    }
    fclose(file);
    CHECK(n_streams >= 1200, "%u streams only", n_streams);
}

int main(int argc, char **argv) {
    CHECK(argc == 3, "usage: %s streams.bin files.bin", argv[0]);
    path = argv[1];
    at_every_level(test_streams);
    return 0;
}
