/* SPDX-License-Identifier: MIT */
/* roundtrip: encode a field of temperatures as one chunk, decode one of its columns. */
#include <omf/omf.h>

#include <cmath>
#include <cstdio>
#include <vector>

int main() {
    const uint64_t shape[2] = {300, 400};
    std::vector<float> field(shape[0] * shape[1]);
    for (size_t i = 0; i < field.size(); i++)
        field[i] = 15 + 10 * std::sin(0.01f * static_cast<float>(i / 400 + i % 400));

    omf_simd_select(nullptr); // the best instruction set that there is
    const omf_codec codec = {OMF_TYPE_FLOAT_ARRAY, OMF_PFOR_DELTA_2D_INT16, 20, 0};

    // The chunk is the whole field; its rows follow one another.
    const omf_dim all[2] = {{shape[0], 0, shape[0], 1, 4 * 400}, {shape[1], 0, shape[1], 1, 4}};
    const omf_buffer source = {field.data(), 4 * field.size(), 0};
    std::vector<uint8_t> chunk(omf_chunk_bound(&codec, field.size()));
    std::vector<uint64_t> scratch(omf_chunk_encode_scratch(&codec, shape, 2) / 8 + 1);
    omf_range_report report = {};
    size_t size = 0;
    omf_status status = omf_chunk_encode(chunk.data(), chunk.size(), &size, &codec, &source, all, 2, OMF_OVERFLOW_NAN,
                                         scratch.data(), 8 * scratch.size(), &report);
    if (status != OMF_OK || report.n_values != 0) return std::puts(omf_status_text(status)), 1;
    std::printf("%zu bytes instead of %zu\n", size, 4 * field.size());

    // Column 7 alone, into memory where its values are neighbours.
    std::vector<float> column(shape[0]);
    const omf_dim one[2] = {{shape[0], 0, shape[0], 1, 4}, {shape[1], 7, 1, 1, 0}};
    const omf_buffer target = {column.data(), 4 * column.size(), 0};
    scratch.resize(omf_chunk_decode_scratch(&codec, shape, 2) / 8 + 1);
    omf_error error = {};
    status = omf_chunk_decode(&target, &codec, one, 2, chunk.data(), size, scratch.data(), 8 * scratch.size(), &error);
    if (status != OMF_OK) return std::printf("byte %llu: %s\n", (unsigned long long)error.offset, error.reason), 1;

    float worst = 0;
    for (size_t i = 0; i < column.size(); i++) worst = std::fmax(worst, std::fabs(column[i] - field[400 * i + 7]));
    std::printf("off by at most %.3f\n", worst);
    return worst <= 0.5f / codec.scale_factor * 1.001f ? 0 : 1;
}
