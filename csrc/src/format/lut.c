/* SPDX-License-Identifier: MIT */
/* format: look-up tables of version 3 (groups of 64 entries, delta streams) and of legacy files (plain ends)
 * (format.md, sections 2 and 8). */
#include "base/bytes.h"
#include "base/checked.h"
#include "base/error.h"
#include "omf/format.h"
#include "stream/stream.h"

uint64_t omf_lut_n_groups(const omf_array *array) { return array->n_chunks / OMF_LUT_GROUP + 1; }

/* Entries of a group; the last one may hold fewer than OMF_LUT_GROUP. */
static unsigned group_length(const omf_array *array, uint64_t group) {
    const uint64_t left = array->n_chunks + 1 - group * OMF_LUT_GROUP;
    return left < OMF_LUT_GROUP ? (unsigned)left : OMF_LUT_GROUP;
}

omf_span omf_lut_range(const omf_array *array, uint64_t first, uint64_t last) {
    omf_span range;
    if (array->legacy) {
        /* Entry 0 is not stored, so entry i > 0 stands at place i - 1. */
        const uint64_t begin = first == 0 ? 0 : first * OMF_LUT_GROUP - 1;
        const uint64_t end = last * OMF_LUT_GROUP + group_length(array, last) - 1;
        range.offset = array->lut.offset + 8 * begin;
        range.size = 8 * (end - begin);
    } else {
        const uint64_t group_size = array->lut.size / omf_lut_n_groups(array);
        range.offset = array->lut.offset + first * group_size;
        range.size = (last - first + 1) * group_size;
    }
    return range;
}

static omf_status decode_legacy(uint64_t *entries, unsigned n, const omf_array *array, uint64_t group,
                                const uint8_t *src, uint64_t src_offset, omf_error *err) {
    const uint64_t data_start = array->lut.offset + array->lut.size;
    const uint64_t data_size = array->file_size - data_start;
    unsigned i = 0;
    if (group == 0) entries[i++] = data_start;
    for (const uint8_t *at = src; i < n; i++, at += 8) {
        const uint64_t end = omfi_load64(at);
        OMFI_CHECK(end >= 1 && end <= data_size, err, OMF_ERR_CORRUPT, src_offset + (uint64_t)(at - src),
                   "look-up table", "a chunk ends outside the file");
        entries[i] = data_start + end;
    }
    return OMF_OK;
}

omf_status omf_lut_decode(uint64_t entries[OMF_LUT_GROUP], unsigned *n_entries, const omf_array *array, uint64_t group,
                          const uint8_t *src, size_t src_len, omf_error *err) {
    OMFI_CHECK(group < omf_lut_n_groups(array), err, OMF_ERR_ARGUMENT, 0, "look-up table", "no such group");
    const omf_span range = omf_lut_range(array, group, group);
    OMFI_CHECK(src_len == range.size, err, OMF_ERR_ARGUMENT, range.offset, "look-up table",
               "src is not exactly the group");
    const unsigned n = group_length(array, group);
    if (array->legacy) {
        OMFI_TRY(decode_legacy(entries, n, array, group, src, range.offset, err));
    } else {
        omf_error inner;
        const omf_status status = omfi_delta64_decode(entries, n, src, src_len, &inner);
        OMFI_CHECK(status == OMF_OK, err, status, range.offset + inner.offset, "look-up table", inner.reason);
    }
    for (unsigned i = 1; i < n; i++)
        OMFI_CHECK(entries[i - 1] < entries[i], err, OMF_ERR_CORRUPT, range.offset, "look-up table",
                   "entries do not ascend");
    OMFI_CHECK(entries[n - 1] <= array->file_size, err, OMF_ERR_CORRUPT, range.offset, "look-up table",
               "an entry points behind the end of the file");
    *n_entries = n;
    return OMF_OK;
}

/* Encode one group into dst of at least GROUP_BOUND bytes. */
#define GROUP_BOUND 2048
static size_t encode_group(uint8_t *dst, const uint64_t *entries, uint64_t n_left) {
    size_t size = 0;
    const size_t n = n_left < OMF_LUT_GROUP ? (size_t)n_left : OMF_LUT_GROUP;
    (void)omf_stream_encode(dst, GROUP_BOUND, &size, entries, n, OMF_STREAM_DELTA, 64); /* cannot fail: it fits */
    return size;
}

size_t omf_lut_group_size(const uint64_t *entries, uint64_t n_entries) {
    uint8_t group[GROUP_BOUND];
    size_t longest = 0;
    for (uint64_t i = 0; i < n_entries; i += OMF_LUT_GROUP) {
        const size_t size = encode_group(group, entries + i, n_entries - i);
        if (size > longest) longest = size;
    }
    return longest;
}

omf_status omf_lut_encode(uint8_t *dst, size_t dst_cap, const uint64_t *entries, uint64_t n_entries,
                          size_t group_size) {
    uint8_t group[GROUP_BOUND];
    for (uint64_t i = 0; i < n_entries; i += OMF_LUT_GROUP) {
        const size_t size = encode_group(group, entries + i, n_entries - i);
        if (size > group_size) return OMF_ERR_ARGUMENT;
        if (dst_cap < group_size) return OMF_ERR_NO_SPACE;
        memcpy(dst, group, size);
        memset(dst + size, 0, group_size - size);
        dst += group_size;
        dst_cap -= group_size;
    }
    return OMF_OK;
}
