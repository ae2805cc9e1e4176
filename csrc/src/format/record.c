/* SPDX-License-Identifier: MIT */
/* format: variable records, bytes -> checked view and back (format.md, section 1). */
#include "base/bytes.h"
#include "base/checked.h"
#include "base/error.h"
#include "format/array.h"
#include "omf/format.h"

/* Fixed parts of the two layouts; children, dimensions, value and name follow. */
#define COMMON_SIZE 8
#define ARRAY_FIXED_SIZE 40
#define NAME_MAX_SIZE 65535

/* No delta stream of 64 words of 64 bits is longer (section 5). */
#define LUT_GROUP_MAX_SIZE (9 + OMF_LUT_GROUP * (8 + 10) + 4)

/* Whether src is UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF. */
static bool is_utf8(const uint8_t *src, size_t len) {
    size_t i = 0;
    while (i < len) {
        if (len - i >= 8 && (omfi_load64(src + i) & 0x8080808080808080u) == 0) { /* eight ASCII characters */
            i += 8;
            continue;
        }
        const uint8_t lead = src[i++];
        if (lead < 0x80) continue;
        const unsigned n_more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
        if (lead < 0xC2 || lead > 0xF4 || n_more > len - i) return false;
        const uint8_t low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
        const uint8_t high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
        if (src[i] < low || src[i] > high) return false;
        for (unsigned k = 1; k < n_more; k++)
            if ((src[i + k] & 0xC0) != 0x80) return false;
        i += n_more;
    }
    return true;
}

/* The part of a record that has not been read yet. */
typedef struct cursor {
    const uint8_t *at;
    uint64_t left;
    uint64_t offset; /* of `at` in the file */
} cursor;

/* The next n bytes, or NULL if the record is shorter. */
static const uint8_t *take(cursor *rest, uint64_t n) {
    if (n > rest->left) return NULL;
    const uint8_t *at = rest->at;
    rest->at += n;
    rest->left -= n;
    rest->offset += n;
    return at;
}

static omf_status decode_array(omf_record *record, cursor *rest, unsigned compression, uint64_t file_size,
                               omf_error *err) {
    omf_array *array = &record->array;
    const uint64_t start = rest->offset;
    const uint8_t *fixed = take(rest, ARRAY_FIXED_SIZE - COMMON_SIZE);
    OMFI_CHECK(fixed != NULL, err, OMF_ERR_TRUNCATED, start, "array record", "shorter than its fixed part of 40 bytes");
    array->lut.size = omfi_load64(fixed);
    array->lut.offset = omfi_load64(fixed + 8);
    const uint64_t n_dims = omfi_load64(fixed + 16);
    array->codec.type = record->type;
    array->codec.compression = (omf_compression)compression;
    array->codec.scale_factor = omfi_load_float(fixed + 24);
    array->codec.add_offset = omfi_load_float(fixed + 28);
    array->legacy = false;
    array->file_size = file_size;
    OMFI_CHECK(array->lut.offset <= file_size, err, OMF_ERR_CORRUPT, start + 8, "LUT offset",
               "lies behind the end of the file");
    OMFI_CHECK(array->lut.size <= file_size - array->lut.offset, err, OMF_ERR_CORRUPT, start, "LUT size",
               "the look-up table ends behind the end of the file");
    OMFI_CHECK(n_dims >= 1, err, OMF_ERR_CORRUPT, start + 16, "number of dimensions", "must be at least 1");
    OMFI_CHECK(n_dims <= rest->left / 16, err, OMF_ERR_TRUNCATED, start + 16, "number of dimensions",
               "the record is too short for its dimensions");
    OMFI_CHECK(n_dims <= OMF_MAX_DIMS, err, OMF_ERR_UNSUPPORTED, start + 16, "number of dimensions",
               "more than 64 dimensions");
    OMFI_CHECK(omf_codec_is_valid(&(omf_codec){record->type, (omf_compression)compression, 1, 0}), err, OMF_ERR_CORRUPT,
               start - COMMON_SIZE + 1, "compression",
               "unknown compression, or one that does not go with the data type");
    OMFI_CHECK(omf_codec_is_valid(&array->codec), err, OMF_ERR_CORRUPT, start + 24, "scale_factor or add_offset",
               "must be finite, and the scale not 0");
    array->n_dims = (unsigned)n_dims;

    record->children = take(rest, 16 * (uint64_t)record->n_children);
    OMFI_CHECK(record->children != NULL, err, OMF_ERR_TRUNCATED, start - COMMON_SIZE + 4, "number of children",
               "the record is too short for its children");
    const uint64_t dims_offset = rest->offset;
    const uint8_t *dims = take(rest, 16 * n_dims);
    OMFI_CHECK(dims != NULL, err, OMF_ERR_TRUNCATED, dims_offset, "dimensions",
               "the record is too short for its dimensions");
    for (unsigned i = 0; i < array->n_dims; i++) {
        array->dims[i] = omfi_load64(dims + 8 * (size_t)i);
        array->chunks[i] = omfi_load64(dims + 8 * (size_t)(array->n_dims + i));
        OMFI_CHECK(array->dims[i] >= 1, err, OMF_ERR_CORRUPT, dims_offset + 8 * (uint64_t)i, "dimensions",
                   "each must be at least 1");
        OMFI_CHECK(array->chunks[i] >= 1 && array->chunks[i] <= array->dims[i], err, OMF_ERR_CORRUPT,
                   dims_offset + 8 * (uint64_t)(array->n_dims + i), "chunk lengths",
                   "each must be at least 1 and at most the dimension");
    }
    OMFI_TRY(omfi_array_count(array, OMF_ERR_CORRUPT, dims_offset, err));
    /* A group of k entries takes at least 1 + ceil((k - 1) / 128) bytes, so 2 bytes hold at most 64 of them. */
    OMFI_CHECK(omfi_ceil_div(array->n_chunks + 1, 32) <= array->lut.size, err, OMF_ERR_CORRUPT, start, "LUT size",
               "too small for the number of chunks");
    OMFI_CHECK(array->lut.size % omf_lut_n_groups(array) == 0, err, OMF_ERR_CORRUPT, start, "LUT size",
               "not a multiple of the number of its groups");
    OMFI_CHECK(array->lut.size / omf_lut_n_groups(array) <= LUT_GROUP_MAX_SIZE, err, OMF_ERR_CORRUPT, start, "LUT size",
               "too large for the number of chunks");
    return omfi_array_check_size(array, file_size, dims_offset, err);
}

static omf_status decode_value(omf_record *record, cursor *rest, omf_error *err) {
    record->value_size = omf_type_size(record->type);
    if (record->type == OMF_TYPE_STRING) {
        const uint64_t start = rest->offset;
        const uint8_t *size = take(rest, 8);
        OMFI_CHECK(size != NULL && omfi_load64(size) <= rest->left, err, OMF_ERR_TRUNCATED, start, "string length",
                   "the string ends behind the end of its record");
        record->value_size = (size_t)omfi_load64(size);
    }
    const uint64_t start = rest->offset;
    record->value = take(rest, record->value_size);
    OMFI_CHECK(record->value != NULL, err, OMF_ERR_TRUNCATED, start, "value", "the record is too short for its value");
    return OMF_OK;
}

omf_status omf_record_decode(omf_record *record, const uint8_t *src, size_t src_len, uint64_t offset,
                             uint64_t file_size, omf_error *err) {
    cursor rest = {src, src_len, offset};
    const uint8_t *common = take(&rest, COMMON_SIZE);
    OMFI_CHECK(common != NULL, err, OMF_ERR_TRUNCATED, offset, "record", "shorter than its first 8 bytes");
    OMFI_CHECK(offset <= file_size && src_len <= file_size - offset, err, OMF_ERR_CORRUPT, offset, "record",
               "ends behind the end of the file");
    const unsigned type = common[0], compression = common[1];
    OMFI_CHECK(type <= OMF_TYPE_DOUBLE_ARRAY, err, OMF_ERR_UNSUPPORTED, offset, "data type",
               "unknown data type: 0 to 21 are known");
    record->type = (omf_type)type;
    record->offset = offset;
    record->file_size = file_size;
    record->name_size = omfi_load16(common + 2);
    record->n_children = omfi_load32(common + 4);
    record->value = NULL;
    record->value_size = 0;
    if (omf_type_is_array(type)) {
        OMFI_TRY(decode_array(record, &rest, compression, file_size, err));
    } else {
        OMFI_CHECK(compression == OMF_COMPRESSION_NONE, err, OMF_ERR_CORRUPT, offset + 1, "compression",
                   "must be 4 (none) for a scalar or group");
        record->children = take(&rest, 16 * (uint64_t)record->n_children);
        OMFI_CHECK(record->children != NULL, err, OMF_ERR_TRUNCATED, offset + 4, "number of children",
                   "the record is too short for its children");
        OMFI_TRY(decode_value(record, &rest, err));
    }
    OMFI_CHECK(rest.left >= record->name_size, err, OMF_ERR_TRUNCATED, offset + 2, "name size",
               "the name ends behind the end of the record");
    OMFI_CHECK(rest.left == record->name_size, err, OMF_ERR_TRAILING, rest.offset + record->name_size, "record",
               "bytes are left over behind the name");
    OMFI_CHECK(is_utf8(rest.at, record->name_size), err, OMF_ERR_CORRUPT, rest.offset, "name", "is not UTF-8");
    record->name = rest.at;
    return OMF_OK;
}

bool omf_record_is_named(const uint8_t *src, size_t src_len, const char *name, size_t name_size) {
    if (src_len < COMMON_SIZE || name_size > src_len - COMMON_SIZE || omfi_load16(src + 2) != name_size) return false;
    return name_size == 0 || memcmp(src + src_len - name_size, name, name_size) == 0;
}

omf_status omf_record_child(const omf_record *record, uint32_t index, omf_span *child, omf_error *err) {
    OMFI_CHECK(index < record->n_children, err, OMF_ERR_ARGUMENT, 0, "child index", "behind the last child");
    const uint8_t *size = record->children + 8 * (size_t)index;
    const uint8_t *offset = size + 8 * (size_t)record->n_children;
    child->size = omfi_load64(size);
    child->offset = omfi_load64(offset);
    /* The children's fields stand behind the fixed part of the record, whose size the layout tells. */
    const uint64_t table = record->offset + (omf_type_is_array(record->type) ? ARRAY_FIXED_SIZE : COMMON_SIZE);
    OMFI_CHECK(child->offset <= record->file_size, err, OMF_ERR_CORRUPT,
               table + 8 * ((uint64_t)record->n_children + index), "child offset", "lies behind the end of the file");
    OMFI_CHECK(child->size <= record->file_size - child->offset, err, OMF_ERR_CORRUPT, table + 8 * (uint64_t)index,
               "child size", "the child's record ends behind the end of the file");
    return OMF_OK;
}

size_t omf_record_size(const omf_record_spec *spec) {
    if (spec->name_size > NAME_MAX_SIZE || !is_utf8((const uint8_t *)spec->name, spec->name_size)) return 0;
    const size_t base = COMMON_SIZE + 16 * (size_t)spec->n_children + spec->name_size;
    if (omf_type_is_array(spec->type)) {
        const omf_array *array = spec->array;
        if (array == NULL || array->codec.type != spec->type || !omf_codec_is_valid(&array->codec)) return 0;
        if (array->n_dims < 1 || array->n_dims > OMF_MAX_DIMS) return 0;
        return base + ARRAY_FIXED_SIZE - COMMON_SIZE + 16 * (size_t)array->n_dims;
    }
    if (spec->type == OMF_TYPE_STRING) return spec->value_size > SIZE_MAX - base - 8 ? 0 : base + 8 + spec->value_size;
    if (spec->type > OMF_TYPE_DOUBLE_ARRAY || spec->value_size != omf_type_size(spec->type)) return 0;
    return base + spec->value_size;
}

omf_status omf_record_encode(uint8_t *dst, size_t dst_cap, const omf_record_spec *spec) {
    const size_t size = omf_record_size(spec);
    if (size == 0) return OMF_ERR_ARGUMENT;
    if (dst_cap < size) return OMF_ERR_NO_SPACE;
    const bool is_array = omf_type_is_array(spec->type);
    dst[0] = (uint8_t)spec->type;
    dst[1] = (uint8_t)(is_array ? spec->array->codec.compression : OMF_COMPRESSION_NONE);
    omfi_store16(dst + 2, (uint16_t)spec->name_size);
    omfi_store32(dst + 4, spec->n_children);
    dst += COMMON_SIZE;
    if (is_array) {
        omfi_store64(dst, spec->array->lut.size);
        omfi_store64(dst + 8, spec->array->lut.offset);
        omfi_store64(dst + 16, spec->array->n_dims);
        omfi_store_float(dst + 24, spec->array->codec.scale_factor);
        omfi_store_float(dst + 28, spec->array->codec.add_offset);
        dst += ARRAY_FIXED_SIZE - COMMON_SIZE;
    }
    for (uint32_t i = 0; i < spec->n_children; i++, dst += 8) omfi_store64(dst, spec->children[i].size);
    for (uint32_t i = 0; i < spec->n_children; i++, dst += 8) omfi_store64(dst, spec->children[i].offset);
    if (is_array) {
        for (unsigned i = 0; i < spec->array->n_dims; i++, dst += 8) omfi_store64(dst, spec->array->dims[i]);
        for (unsigned i = 0; i < spec->array->n_dims; i++, dst += 8) omfi_store64(dst, spec->array->chunks[i]);
    } else if (spec->value_size != 0 || spec->type == OMF_TYPE_STRING) {
        if (spec->type == OMF_TYPE_STRING) {
            omfi_store64(dst, spec->value_size);
            dst += 8;
        }
        if (spec->value_size != 0) memcpy(dst, spec->value, spec->value_size);
        dst += spec->value_size;
    }
    if (spec->name_size != 0) memcpy(dst, spec->name, spec->name_size);
    return OMF_OK;
}
