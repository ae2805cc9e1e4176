/* SPDX-License-Identifier: MIT */
/* The functions of the core that live in the Python package omfiles, for extension modules in C and C++:
 *
 *     #include <omfiles.h>
 *
 *     const omfiles_api *omf = omfiles_import();
 *     if (omf == NULL) return NULL;
 *     status = omf->chunk_decode(...);
 *
 * Nothing is linked. This is the only header that needs Python; what the functions do is said in the others, where their
 * names begin with omf_. None of them needs the GIL. */
#ifndef OMFILES_H
#define OMFILES_H

#include <Python.h>

#include "omf/omf.h"

#ifdef __cplusplus
extern "C" {
#endif

/* New functions are only ever added at the end. */
typedef struct omfiles_api {
    uint32_t version; /* OMF_ABI_VERSION */
    uint32_t size;    /* of this struct, in bytes */

    /* omf/status.h */
    const char *(*status_text)(omf_status status);

    /* omf/types.h */
    bool (*type_is_array)(unsigned type);
    size_t (*type_size)(unsigned type);
    bool (*codec_is_valid)(const omf_codec *codec);

    /* omf/stream.h */
    omf_status (*stream_decode)(void *dst, size_t dst_cap, size_t n_values, omf_stream kind, unsigned width,
                                const uint8_t *src, size_t src_len, omf_error *err);
    size_t (*stream_bound)(size_t n_values, omf_stream kind, unsigned width);
    omf_status (*stream_encode)(uint8_t *dst, size_t dst_cap, size_t *written, const void *src, size_t n_values,
                                omf_stream kind, unsigned width);

    /* omf/chunk.h */
    uint64_t (*chunk_min_size)(const omf_codec *codec, uint64_t n_elements);
    uint64_t (*chunk_max_size)(const omf_codec *codec, uint64_t n_elements);
    size_t (*chunk_decode_scratch)(const omf_codec *codec, const uint64_t *chunk, unsigned n_dims);
    omf_status (*chunk_decode)(const omf_buffer *dst, const omf_codec *codec, const omf_dim *dims, unsigned n_dims,
                               const uint8_t *src, size_t src_len, void *scratch, size_t scratch_size, omf_error *err);
    bool (*table_fill)(float table[OMF_TABLE_LENGTH], const omf_codec *codec);
    omf_status (*chunk_decoder_init)(omf_chunk_decoder *decoder, const omf_buffer *dst, const omf_codec *codec,
                                     const omf_dim *dims, unsigned n_dims, void *scratch, size_t scratch_size,
                                     omf_error *err);
    omf_status (*chunk_decoder_feed)(omf_chunk_decoder *decoder, const uint8_t *src, size_t src_len, bool last,
                                     size_t *consumed, bool *done, omf_error *err);
    size_t (*chunk_bound)(const omf_codec *codec, uint64_t n_elements);
    size_t (*chunk_encode_scratch)(const omf_codec *codec, const uint64_t *chunk, unsigned n_dims);
    omf_status (*chunk_encode)(uint8_t *dst, size_t dst_cap, size_t *written, const omf_codec *codec,
                               const omf_buffer *src, const omf_dim *dims, unsigned n_dims, omf_overflow overflow,
                               void *scratch, size_t scratch_size, omf_range_report *report);
    omf_status (*chunk_encoder_init)(omf_chunk_encoder *encoder, const omf_codec *codec, const omf_buffer *src,
                                     const omf_dim *dims, unsigned n_dims, omf_overflow overflow, void *scratch,
                                     size_t scratch_size, omf_range_report *report);
    omf_status (*chunk_encoder_next)(omf_chunk_encoder *encoder, uint8_t *dst, size_t dst_cap, size_t *written,
                                     bool *done);

    /* omf/format.h */
    omf_status (*array_init)(omf_array *array, const omf_codec *codec, unsigned n_dims, const uint64_t *dims,
                             const uint64_t *chunks, omf_error *err);
    omf_status (*trailer_decode)(omf_span *root, const uint8_t *src, size_t src_len, uint64_t file_size,
                                 omf_error *err);
    omf_status (*header_decode)(omf_array *array, const uint8_t *src, size_t src_len, uint64_t file_size,
                                omf_error *err);
    omf_status (*record_decode)(omf_record *record, const uint8_t *src, size_t src_len, uint64_t offset,
                                uint64_t file_size, omf_error *err);
    omf_status (*record_child)(const omf_record *record, uint32_t index, omf_span *child, omf_error *err);
    size_t (*record_size)(const omf_record_spec *spec);
    omf_status (*record_encode)(uint8_t *dst, size_t dst_cap, const omf_record_spec *spec);
    void (*header_encode)(uint8_t dst[OMF_HEADER_SIZE]);
    void (*trailer_encode)(uint8_t dst[OMF_TRAILER_SIZE], omf_span root);
    uint64_t (*lut_n_groups)(const omf_array *array);
    omf_span (*lut_range)(const omf_array *array, uint64_t first, uint64_t last);
    omf_status (*lut_decode)(uint64_t entries[OMF_LUT_GROUP], unsigned *n_entries, const omf_array *array,
                             uint64_t group, const uint8_t *src, size_t src_len, omf_error *err);
    size_t (*lut_group_size)(const uint64_t *entries, uint64_t n_entries);
    omf_status (*lut_encode)(uint8_t *dst, size_t dst_cap, const uint64_t *entries, uint64_t n_entries,
                             size_t group_size);

    /* omf/plan.h */
    omf_status (*plan_init)(omf_plan *plan, const omf_array *array, const omf_select *select, omf_buffer buffer,
                            omf_error *err);
    void (*cursor_seek)(omf_cursor *cursor, const omf_plan *plan, uint64_t index);
    bool (*cursor_next)(omf_cursor *cursor);
    omf_status (*cursor_check)(const omf_cursor *cursor, uint64_t begin, uint64_t end, omf_error *err);
    omf_status (*cursor_decode)(const omf_cursor *cursor, const uint8_t *src, size_t src_len, void *scratch,
                                size_t scratch_size, omf_error *err);

    /* omf/format.h again: what is new comes last */
    bool (*record_is_named)(const uint8_t *src, size_t src_len, const char *name, size_t name_size);
} omfiles_api;

/* The table of the installed package, which is valid for as long as the process lives. NULL and an ImportError if there
 * is none, if it has another version, or if it lacks functions that this header declares. Needs the GIL. */
static inline const omfiles_api *omfiles_import(void) {
    const omfiles_api *api = (const omfiles_api *)PyCapsule_Import("omfiles._core._C_API", 0);
    if (api == NULL) return NULL;
    if (api->version != OMF_ABI_VERSION || api->size < sizeof(omfiles_api)) {
        PyErr_Format(
            PyExc_ImportError,
            "this module was compiled for version %d of the C API of omfiles with %d bytes of functions, but the "
            "installed omfiles has version %d with %d bytes: compile it again, or upgrade omfiles",
            (int)OMF_ABI_VERSION, (int)sizeof(omfiles_api), (int)api->version, (int)api->size);
        return NULL;
    }
    return api;
}

#ifdef __cplusplus
}
#endif
#endif
