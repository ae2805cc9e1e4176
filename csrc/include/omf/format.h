/* SPDX-License-Identifier: MIT */
/* The container: trailer, variable records, look-up table, legacy header (format.md, sections 1, 2 and 8).
 *
 * Decoders give checked views into the caller's bytes, which must outlive them; err->offset counts in the file. */
#ifndef OMF_FORMAT_H
#define OMF_FORMAT_H

#include "status.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define OMF_HEADER_SIZE 3
#define OMF_TRAILER_SIZE 24
#define OMF_LEGACY_HEADER_SIZE 40
#define OMF_LUT_GROUP 64 /* entries of a look-up table that are coded together */

/* An array as a reader needs it. All numbers have been checked against each other and the size of the file. */
typedef struct omf_array {
    omf_codec codec;
    unsigned n_dims;
    bool legacy;        /* version 1 or 2: the LUT is not compressed */
    uint64_t file_size; /* 0: not in a file (an array to be written) */
    omf_span lut;
    uint64_t n_chunks;
    uint64_t dims[OMF_MAX_DIMS];   /* elements, slowest dimension first */
    uint64_t chunks[OMF_MAX_DIMS]; /* elements of a chunk, 1 <= chunks[i] <= dims[i] */
} omf_array;

/* Check dims, chunks and codec of an array to be written, and fill `array`. A chunk length above the extent is clipped.
 * OMF_ERR_ARGUMENT if one is 0, n_dims is 0 or above OMF_MAX_DIMS, the codec is invalid, or the number of bytes
 * or chunks does not fit 63 bits. */
OMF_API omf_status omf_array_init(omf_array *array, const omf_codec *codec, unsigned n_dims, const uint64_t *dims,
                                  const uint64_t *chunks, omf_error *err);

/* --- finding the root ------------------------------------------------------------------------------------------- */

/* Read a trailer: src is the last OMF_TRAILER_SIZE bytes of a file of file_size bytes.
 * OMF_ERR_NOT_OM if it is none (then try omf_header_decode), OMF_ERR_CORRUPT if it points outside. */
OMF_API omf_status omf_trailer_decode(omf_span *root, const uint8_t *src, size_t src_len, uint64_t file_size,
                                      omf_error *err);

/* For a file without a trailer: src is its first OMF_LEGACY_HEADER_SIZE bytes, or fewer if the file is shorter.
 * OMF_OK: a legacy file, *array is filled. OMF_ERR_TRUNCATED: version 3, unfinished or cut off. OMF_ERR_NOT_OM. */
OMF_API omf_status omf_header_decode(omf_array *array, const uint8_t *src, size_t src_len, uint64_t file_size,
                                     omf_error *err);

/* --- records ---------------------------------------------------------------------------------------------------- */

/* A view of one record; pointers lead into src. */
typedef struct omf_record {
    omf_type type;
    uint32_t n_children;
    uint64_t offset; /* of the record in the file */
    uint64_t file_size;
    const uint8_t *children; /* read with omf_record_child */
    const uint8_t *name;     /* UTF-8 (checked), not terminated */
    size_t name_size;
    /* Scalars: a little-endian number, or the bytes of a string. That these are UTF-8 is left to be checked by who uses
     * them: a small file can refer to one long string many times. */
    const uint8_t *value;
    size_t value_size;
    omf_array array; /* meaningful if omf_type_is_array(type) */
} omf_record;

/* Decode a record that fills src exactly and lies at file offset `offset`. */
OMF_API omf_status omf_record_decode(omf_record *record, const uint8_t *src, size_t src_len, uint64_t offset,
                                     uint64_t file_size, omf_error *err);

/* Where the index-th child's record lies; checked to be inside the file. */
OMF_API omf_status omf_record_child(const omf_record *record, uint32_t index, omf_span *child, omf_error *err);

/* Whether a record that fills src has this name, if omf_record_decode accepts it: far cheaper than decoding records most
 * of which have another one. */
OMF_API bool omf_record_is_named(const uint8_t *src, size_t src_len, const char *name, size_t name_size);

/* What a record is made from. `value`: scalars in little-endian, strings without length. */
typedef struct omf_record_spec {
    omf_type type;
    const char *name;
    size_t name_size; /* at most 65535 */
    const omf_span *children;
    uint32_t n_children;
    const void *value;
    size_t value_size;
    const omf_array *array; /* for array types; its `lut` is written */
} omf_record_spec;

/* Size of the record, 0 if the spec is invalid: sizes, a name that is not UTF-8, a codec that does not go with the type,
 * a number of dimensions. */
OMF_API size_t omf_record_size(const omf_record_spec *spec);
/* Write exactly omf_record_size() bytes. */
OMF_API omf_status omf_record_encode(uint8_t *dst, size_t dst_cap, const omf_record_spec *spec);

/* Header and trailer of a version 3 file. */
OMF_API void omf_header_encode(uint8_t dst[OMF_HEADER_SIZE]);
OMF_API void omf_trailer_encode(uint8_t dst[OMF_TRAILER_SIZE], omf_span root);

/* --- look-up table ------------------------------------------------------------------------------------------------ */

/* Entries 0 ... n_chunks of an array's LUT lie in groups of OMF_LUT_GROUP. Chunk i occupies the file from entry i to
 * entry i + 1. The same functions serve legacy files. */
OMF_API uint64_t omf_lut_n_groups(const omf_array *array);

/* Bytes that groups [first, last] occupy. */
OMF_API omf_span omf_lut_range(const omf_array *array, uint64_t first, uint64_t last);

/* Decode one group from the bytes that omf_lut_range(array, group, group) names. The entries have been checked to
 * ascend and to lie inside the file. *n_entries receives 1 ... OMF_LUT_GROUP. */
OMF_API omf_status omf_lut_decode(uint64_t entries[OMF_LUT_GROUP], unsigned *n_entries, const omf_array *array,
                                  uint64_t group, const uint8_t *src, size_t src_len, omf_error *err);

/* Bytes that each group of the LUT with these entries (n_chunks + 1, ascending) must have: the longest one's size. */
OMF_API size_t omf_lut_group_size(const uint64_t *entries, uint64_t n_entries);

/* Encode `n_entries` entries that start at a group's boundary, group_size bytes a group, rest filled with zeros.
 * A large table can be written in pieces. */
OMF_API omf_status omf_lut_encode(uint8_t *dst, size_t dst_cap, const uint64_t *entries, uint64_t n_entries,
                                  size_t group_size);

#ifdef __cplusplus
}
#endif
#endif
