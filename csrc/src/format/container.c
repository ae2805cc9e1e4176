/* SPDX-License-Identifier: MIT */
/* format: header, trailer, the legacy header, and the checks that every array description must pass
 * (format.md, sections 1, 7 and 8). */
#include "format/array.h"
#include "base/bytes.h"
#include "base/checked.h"
#include "base/error.h"
#include "omf/format.h"

void omf_header_encode(uint8_t dst[OMF_HEADER_SIZE]) {
    dst[0] = 'O';
    dst[1] = 'M';
    dst[2] = 3;
}

void omf_trailer_encode(uint8_t dst[OMF_TRAILER_SIZE], omf_span root) {
    memset(dst, 0, OMF_TRAILER_SIZE);
    omf_header_encode(dst);
    omfi_store64(dst + 8, root.offset);
    omfi_store64(dst + 16, root.size);
}

omf_status omf_trailer_decode(omf_span *root, const uint8_t *src, size_t src_len, uint64_t file_size, omf_error *err) {
    OMFI_CHECK(src_len == OMF_TRAILER_SIZE && file_size >= OMF_TRAILER_SIZE, err, OMF_ERR_NOT_OM, 0, "trailer",
               "Not an OM file: too small for a trailer");
    const uint64_t start = file_size - OMF_TRAILER_SIZE;
    OMFI_CHECK(src[0] == 'O' && src[1] == 'M' && src[2] == 3, err, OMF_ERR_NOT_OM, start, "trailer",
               "Not an OM file: the last 24 bytes are no trailer");
    const uint64_t offset = omfi_load64(src + 8), size = omfi_load64(src + 16);
    OMFI_CHECK(offset <= file_size, err, OMF_ERR_CORRUPT, start + 8, "root offset", "lies behind the end of the file");
    OMFI_CHECK(size <= file_size - offset, err, OMF_ERR_CORRUPT, start + 16, "root size",
               "the root record ends behind the end of the file");
    root->offset = offset;
    root->size = size;
    return OMF_OK;
}

omf_status omf_array_init(omf_array *array, const omf_codec *codec, unsigned n_dims, const uint64_t *dims,
                          const uint64_t *chunks, omf_error *err) {
    OMFI_CHECK(omf_codec_is_valid(codec), err, OMF_ERR_ARGUMENT, 0, "codec",
               "data type and compression do not go together, or scale or offset is not finite, or scale is 0");
    OMFI_CHECK(n_dims >= 1 && n_dims <= OMF_MAX_DIMS, err, OMF_ERR_ARGUMENT, 0, "number of dimensions",
               "must be 1 to 64");
    array->codec = *codec;
    array->n_dims = n_dims;
    array->legacy = false;
    array->file_size = 0;
    array->lut.offset = array->lut.size = 0;
    for (unsigned i = 0; i < n_dims; i++) {
        OMFI_CHECK(dims[i] >= 1, err, OMF_ERR_ARGUMENT, 8 * (uint64_t)i, "dimensions", "each must be at least 1");
        OMFI_CHECK(chunks[i] >= 1, err, OMF_ERR_ARGUMENT, 8 * (uint64_t)i, "chunk lengths", "each must be at least 1");
        array->dims[i] = dims[i];
        array->chunks[i] = chunks[i] < dims[i] ? chunks[i] : dims[i];
    }
    return omfi_array_count(array, OMF_ERR_ARGUMENT, 0, err);
}

omf_status omfi_array_count(omf_array *array, omf_status status, uint64_t dims_offset, omf_error *err) {
    uint64_t n_bytes = omf_type_size(array->codec.type), n_chunks = 1;
    for (unsigned i = 0; i < array->n_dims; i++) {
        OMFI_CHECK(omfi_mul(&n_bytes, n_bytes, array->dims[i]) && n_bytes <= INT64_MAX, err, status,
                   dims_offset + 8 * (uint64_t)i, "dimensions", "the size of the array in bytes does not fit 63 bits");
        /* No overflow: there are at most as many chunks as elements. */
        n_chunks *= omfi_ceil_div(array->dims[i], array->chunks[i]);
    }
    array->n_chunks = n_chunks;
    return OMF_OK;
}

omf_status omfi_array_check_size(const omf_array *array, uint64_t data_size, uint64_t dims_offset, omf_error *err) {
    /* A chunk of k bytes holds at most 128 * (k - 1) + 1 elements (section 5), so all chunks together fewer than
     * 128 for each byte of data. */
    uint64_t n = 1, limit;
    for (unsigned i = 0; i < array->n_dims; i++) n *= array->dims[i];
    if (!omfi_mul(&limit, data_size, 128)) return OMF_OK;
    OMFI_CHECK(n <= limit, err, OMF_ERR_CORRUPT, dims_offset, "dimensions",
               "more elements than the bytes of the file can hold");
    return OMF_OK;
}

static omf_status legacy_decode(omf_array *array, const uint8_t *src, size_t src_len, uint64_t file_size,
                                omf_error *err) {
    OMFI_CHECK(src_len >= OMF_LEGACY_HEADER_SIZE, err, OMF_ERR_TRUNCATED, src_len, "legacy header",
               "the file is too small: its header has 40 bytes");
    array->codec.type = OMF_TYPE_FLOAT_ARRAY;
    array->codec.compression = src[2] == 1 ? OMF_PFOR_DELTA_2D_INT16 : (omf_compression)src[3];
    array->codec.scale_factor = omfi_load_float(src + 4);
    array->codec.add_offset = 0;
    OMFI_CHECK(src[2] == 1 || src[3] <= OMF_PFOR_DELTA_2D_INT16_LOGARITHMIC, err, OMF_ERR_UNSUPPORTED, 3, "compression",
               "unknown compression: 0 to 3 are known");
    OMFI_CHECK(omf_codec_is_valid(&array->codec), err, OMF_ERR_CORRUPT, 4, "scale_factor", "must be finite and not 0");
    array->legacy = true;
    array->file_size = file_size;
    array->n_dims = 2;
    for (unsigned i = 0; i < 2; i++) {
        array->dims[i] = omfi_load64(src + 8 + 8 * i);
        array->chunks[i] = omfi_load64(src + 24 + 8 * i);
        OMFI_CHECK(array->dims[i] >= 1, err, OMF_ERR_CORRUPT, 8 + 8 * i, "dimensions", "each must be at least 1");
        OMFI_CHECK(array->chunks[i] >= 1 && array->chunks[i] <= array->dims[i], err, OMF_ERR_CORRUPT, 24 + 8 * i,
                   "chunk lengths", "each must be at least 1 and at most the dimension");
    }
    OMFI_TRY(omfi_array_count(array, OMF_ERR_CORRUPT, 8, err));
    OMFI_CHECK(array->n_chunks <= (file_size - OMF_LEGACY_HEADER_SIZE) / 8, err, OMF_ERR_TRUNCATED,
               OMF_LEGACY_HEADER_SIZE, "look-up table", "ends behind the end of the file");
    array->lut.offset = OMF_LEGACY_HEADER_SIZE;
    array->lut.size = 8 * array->n_chunks;
    return omfi_array_check_size(array, file_size - array->lut.offset - array->lut.size, 8, err);
}

omf_status omf_header_decode(omf_array *array, const uint8_t *src, size_t src_len, uint64_t file_size, omf_error *err) {
    OMFI_CHECK(src_len >= OMF_HEADER_SIZE, err, OMF_ERR_NOT_OM, src_len, "header",
               "Not an OM file: too small for a header");
    OMFI_CHECK(src[0] == 'O' && src[1] == 'M' && src[2] >= 1 && src[2] <= 3, err, OMF_ERR_NOT_OM, 0, "header",
               "Not an OM file: it starts with neither 'OM' 1, 2 nor 3");
    OMFI_CHECK(src[2] != 3, err, OMF_ERR_TRUNCATED, file_size, "trailer",
               "the file has no trailer: it is unfinished, or its end was cut off");
    return legacy_decode(array, src, src_len, file_size, err);
}
