/* SPDX-License-Identifier: MIT */
/* Data types, compressions, and the few structs that all other headers share (format.md, sections 1, 3, 4). */
#ifndef OMF_TYPES_H
#define OMF_TYPES_H

#include "export.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Type codes as they stand in files. */
typedef enum omf_type {
    OMF_TYPE_NONE = 0, /* a group */
    OMF_TYPE_INT8 = 1,
    OMF_TYPE_UINT8 = 2,
    OMF_TYPE_INT16 = 3,
    OMF_TYPE_UINT16 = 4,
    OMF_TYPE_INT32 = 5,
    OMF_TYPE_UINT32 = 6,
    OMF_TYPE_INT64 = 7,
    OMF_TYPE_UINT64 = 8,
    OMF_TYPE_FLOAT = 9,
    OMF_TYPE_DOUBLE = 10,
    OMF_TYPE_STRING = 11,
    OMF_TYPE_INT8_ARRAY = 12,
    OMF_TYPE_UINT8_ARRAY = 13,
    OMF_TYPE_INT16_ARRAY = 14,
    OMF_TYPE_UINT16_ARRAY = 15,
    OMF_TYPE_INT32_ARRAY = 16,
    OMF_TYPE_UINT32_ARRAY = 17,
    OMF_TYPE_INT64_ARRAY = 18,
    OMF_TYPE_UINT64_ARRAY = 19,
    OMF_TYPE_FLOAT_ARRAY = 20,
    OMF_TYPE_DOUBLE_ARRAY = 21
} omf_type;

/* Compression codes as they stand in files. */
typedef enum omf_compression {
    OMF_PFOR_DELTA_2D_INT16 = 0,
    OMF_FPX_XOR_2D = 1,
    OMF_PFOR_DELTA_2D = 2,
    OMF_PFOR_DELTA_2D_INT16_LOGARITHMIC = 3,
    OMF_COMPRESSION_NONE = 4 /* scalars and groups */
} omf_compression;

/* numpy's limit as well; a file with more dimensions is OMF_ERR_UNSUPPORTED. */
#define OMF_MAX_DIMS 64

/* Bytes [offset, offset + size) of a file. */
typedef struct omf_span {
    uint64_t offset;
    uint64_t size;
} omf_span;

/* How the elements of an array are coded. */
typedef struct omf_codec {
    omf_type type; /* an array type, OMF_TYPE_INT8_ARRAY ... OMF_TYPE_DOUBLE_ARRAY */
    omf_compression compression;
    float scale_factor;
    float add_offset;
} omf_codec;

/* Whether `type` is an array type that this library reads and writes. */
OMF_API bool omf_type_is_array(unsigned type);

/* Bytes of one element (arrays) or of the value (numeric scalars); 0 for groups, strings, unknown types. */
OMF_API size_t omf_type_size(unsigned type);

/* Whether the pair is legal (format.md, section 1), scale and offset are finite and the scale is not 0. */
OMF_API bool omf_codec_is_valid(const omf_codec *codec);

#ifdef __cplusplus
}
#endif
#endif
