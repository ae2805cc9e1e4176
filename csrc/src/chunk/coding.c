/* SPDX-License-Identifier: MIT */
/* chunk: the table of codings, sizes of chunks and of scratch (format.md, sections 3 to 5). */
#include "chunk/coding.h"
#include "base/checked.h"
#include "base/error.h"
#include "chunk/extent.h"
#include "kernels/kernels.h"

#include <string.h>

/* Scratch that stays in a second-level cache. */
#define SCRATCH_TARGET ((uint64_t)256 * 1024)

static bool is_unsigned(omf_type type) {
    return type == OMF_TYPE_UINT8_ARRAY || type == OMF_TYPE_UINT16_ARRAY || type == OMF_TYPE_UINT32_ARRAY ||
           type == OMF_TYPE_UINT64_ARRAY;
}

omfi_coding omfi_coding_of(const omf_codec *codec) {
    const omfi_kernels *kernels = omfi_kernels_get();
    const unsigned size = (unsigned)omf_type_size(codec->type);
    omfi_coding coding = {
        .stream = is_unsigned(codec->type) ? OMF_STREAM_DELTA : OMF_STREAM_ZIGZAG,
        .width = 8 * size,
        .word_size = size,
        .element_size = size,
        .unfilter = kernels->unfilter_add[OMFI_WIDTH_INDEX(8 * size)],
    };
    if (codec->compression == OMF_FPX_XOR_2D) {
        coding.stream = OMF_STREAM_XOR;
        coding.unfilter = size == 4 ? kernels->unfilter_xor32 : NULL;
    } else if (codec->type == OMF_TYPE_FLOAT_ARRAY && codec->compression == OMF_PFOR_DELTA_2D) {
        coding.restore = kernels->restore_i32;
        coding.unfilter = kernels->unfilter_i32;
        coding.quantize = kernels->quantize_i32;
    } else if (codec->type == OMF_TYPE_FLOAT_ARRAY) {
        const bool log = codec->compression == OMF_PFOR_DELTA_2D_INT16_LOGARITHMIC;
        coding.width = 16;
        coding.word_size = 2;
        coding.restore = log ? kernels->restore_i16_log : kernels->restore_i16;
        coding.unfilter = log ? NULL : kernels->unfilter_i16;
        coding.quantize = log ? kernels->quantize_i16_log : kernels->quantize_i16;
    } else if (codec->type == OMF_TYPE_DOUBLE_ARRAY) {
        coding.restore = kernels->restore_i64;
        coding.quantize = kernels->quantize_i64;
    }
    return coding;
}

omf_status omfi_chunk_check(const omf_codec *codec, const omf_buffer *buffer, const omf_dim *dims, unsigned n_dims,
                            uint64_t *n_rows, uint64_t *n_cols, omf_error *err) {
    OMFI_CHECK(omf_codec_is_valid(codec), err, OMF_ERR_ARGUMENT, 0, "codec", "not a valid codec");
    OMFI_CHECK(n_dims >= 1 && n_dims <= OMF_MAX_DIMS, err, OMF_ERR_ARGUMENT, 0, "n_dims", "must be 1 to 64");
    const size_t element_size = omf_type_size(codec->type);
    omfi_extent extent = {0, 0};
    uint64_t n = 1, n_bytes;
    for (unsigned i = 0; i < n_dims; i++) {
        const omf_dim *dim = &dims[i];
        OMFI_CHECK(dim->size >= 1 && dim->count >= 1 && dim->step >= 1 && dim->start < dim->size, err, OMF_ERR_ARGUMENT,
                   i, "dims", "sizes, counts and steps must be at least 1, starts inside");
        OMFI_CHECK(dim->count == 1 || dim->count - 1 <= (dim->size - 1 - dim->start) / dim->step, err, OMF_ERR_ARGUMENT,
                   i, "dims", "the selection leaves the chunk");
        *n_rows = n;
        OMFI_CHECK(omfi_mul(&n, n, dim->size) && omfi_extent_add(&extent, dim->count, dim->stride), err,
                   OMF_ERR_ARGUMENT, i, "dims", "sizes or strides overflow");
    }
    *n_cols = dims[n_dims - 1].size;
    OMFI_CHECK(omfi_mul(&n_bytes, n, element_size) && n_bytes <= SIZE_MAX / 2, err, OMF_ERR_ARGUMENT, 0, "dims",
               "the chunk does not fit the address space");
    OMFI_CHECK(omfi_extent_fits(&extent, buffer, element_size), err, OMF_ERR_ARGUMENT, 0, "buffer",
               "the selection does not fit the buffer");
    return OMF_OK;
}

uint64_t omfi_history(uint64_t n_rows, uint64_t n_cols) { return n_rows > 1 ? n_cols : 0; }

/* Elements of a window for n elements: a history so many times, a first value, two blocks. Once is enough. */
static uint64_t window_for(uint64_t n_histories, uint64_t n, uint64_t n_rows, uint64_t n_cols) {
    const uint64_t least = n_histories * omfi_history(n_rows, n_cols) + 1 + 2 * OMFI_BLOCK;
    return n < least ? n : least;
}

uint64_t omfi_window_capacity(const omfi_coding *coding, uint64_t n_rows, uint64_t n_cols, size_t scratch_size) {
    const uint64_t capacity = scratch_size / coding->word_size, n = n_rows * n_cols;
    return capacity < window_for(1, n, n_rows, n_cols) ? 0 : capacity < n ? capacity : n;
}

size_t omfi_window_size(const omf_codec *codec, const uint64_t *chunk, unsigned n_dims) {
    uint64_t n_rows = 1, n, n_bytes;
    for (unsigned i = 0; i + 1 < n_dims; i++)
        if (!omfi_mul(&n_rows, n_rows, chunk[i])) return 0;
    if (!omf_codec_is_valid(codec) || n_dims == 0 || !omfi_mul(&n, n_rows, chunk[n_dims - 1])) return 0;
    const unsigned word_size = omfi_coding_of(codec).word_size;
    if (!omfi_mul(&n_bytes, n, word_size) || n_bytes > SIZE_MAX / 2) return 0;
    /* A window that slides moves its history, and should win as much room by it: else long rows take for ever. */
    const uint64_t least = word_size * window_for(2, n, n_rows, chunk[n_dims - 1]);
    const uint64_t target = n_bytes < SCRATCH_TARGET ? n_bytes : SCRATCH_TARGET;
    const uint64_t size = least > target ? least : target;
    return (size_t)((size + 7) / 8 * 8);
}

omfi_filter_range omfi_filter_range_of(const omfi_coding *coding, uint64_t n_rows, uint64_t n_cols, uint64_t begin,
                                       uint64_t end) {
    omfi_filter_range range = {coding->stream == OMF_STREAM_XOR && coding->width == 64 ? 2 : 1, 0, 0};
    const uint64_t limit = n_rows * n_cols;
    range.from = range.per_element * begin;
    range.to = range.per_element * end;
    if (range.from < n_cols) range.from = n_cols;
    if (range.to > limit) range.to = limit;
    return range;
}

void omfi_copy_strided(void *dst, int64_t dst_stride, const void *src, int64_t src_stride, uint64_t n, unsigned size) {
    char *to = dst;
    const char *from = src;
#define COPY(n_bytes)                                                                                                  \
    for (uint64_t i = 0; i < n; i++, to += dst_stride, from += src_stride) memcpy(to, from, n_bytes);                  \
    break
    switch (size) {
    case 1: COPY(1);
    case 2: COPY(2);
    case 4: COPY(4);
    default: COPY(8);
    }
#undef COPY
}

uint64_t omf_chunk_min_size(const omf_codec *codec, uint64_t n_elements) {
    const omfi_coding coding = omfi_coding_of(codec);
    if (n_elements == 0) return 0;
    if (coding.stream == OMF_STREAM_XOR) return 2 * omfi_ceil_div(n_elements, OMFI_BLOCK);
    return 1 + omfi_ceil_div(n_elements - 1, OMFI_BLOCK);
}

uint64_t omf_chunk_max_size(const omf_codec *codec, uint64_t n_elements) {
    uint64_t size;
    if (!omfi_mul(&size, n_elements, omfi_coding_of(codec).word_size + 10) ||
        !omfi_add(&size, size, 9 + 4 * omfi_ceil_div(n_elements, OMFI_BLOCK)))
        return UINT64_MAX;
    return size;
}

size_t omf_chunk_bound(const omf_codec *codec, uint64_t n_elements) {
    if (!omf_codec_is_valid(codec) || n_elements > SIZE_MAX) return 0;
    const omfi_coding coding = omfi_coding_of(codec);
    return omf_stream_bound((size_t)n_elements, coding.stream, coding.width);
}

size_t omf_chunk_decode_scratch(const omf_codec *codec, const uint64_t *chunk, unsigned n_dims) {
    return omfi_window_size(codec, chunk, n_dims);
}

size_t omf_chunk_encode_scratch(const omf_codec *codec, const uint64_t *chunk, unsigned n_dims) {
    return omfi_window_size(codec, chunk, n_dims);
}
