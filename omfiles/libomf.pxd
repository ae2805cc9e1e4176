# SPDX-License-Identifier: MIT
"""Declarations of the C core, a mirror of csrc/include/omf; no code. What a function does is said in the headers.

Only `_core` links with these functions. Other modules cimport the types from here and the functions, under the same
names, from `_core`.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

cdef extern from "stdbool.h":
    ctypedef bint c_bool "bool"

cdef extern from "omf/omf.h" nogil:
    # version.h
    enum:
        OMF_ABI_VERSION

    unsigned omf_abi_version()

    # status.h
    ctypedef enum omf_status:
        OMF_OK
        OMF_ERR_ARGUMENT
        OMF_ERR_TRUNCATED
        OMF_ERR_CORRUPT
        OMF_ERR_TRAILING
        OMF_ERR_NOT_OM
        OMF_ERR_UNSUPPORTED
        OMF_ERR_NO_SPACE

    ctypedef struct omf_error:
        omf_status status
        uint64_t offset
        const char *field
        const char *reason

    const char *omf_status_text(omf_status status)

    # types.h
    ctypedef enum omf_type:
        OMF_TYPE_NONE
        OMF_TYPE_INT8
        OMF_TYPE_UINT8
        OMF_TYPE_INT16
        OMF_TYPE_UINT16
        OMF_TYPE_INT32
        OMF_TYPE_UINT32
        OMF_TYPE_INT64
        OMF_TYPE_UINT64
        OMF_TYPE_FLOAT
        OMF_TYPE_DOUBLE
        OMF_TYPE_STRING
        OMF_TYPE_INT8_ARRAY
        OMF_TYPE_UINT8_ARRAY
        OMF_TYPE_INT16_ARRAY
        OMF_TYPE_UINT16_ARRAY
        OMF_TYPE_INT32_ARRAY
        OMF_TYPE_UINT32_ARRAY
        OMF_TYPE_INT64_ARRAY
        OMF_TYPE_UINT64_ARRAY
        OMF_TYPE_FLOAT_ARRAY
        OMF_TYPE_DOUBLE_ARRAY

    ctypedef enum omf_compression:
        OMF_PFOR_DELTA_2D_INT16
        OMF_FPX_XOR_2D
        OMF_PFOR_DELTA_2D
        OMF_PFOR_DELTA_2D_INT16_LOGARITHMIC
        OMF_COMPRESSION_NONE

    enum:
        OMF_MAX_DIMS

    ctypedef struct omf_span:
        uint64_t offset
        uint64_t size

    ctypedef struct omf_codec:
        omf_type type
        omf_compression compression
        float scale_factor
        float add_offset

    c_bool omf_type_is_array(unsigned type)
    size_t omf_type_size(unsigned type)
    c_bool omf_codec_is_valid(const omf_codec *codec)

    # stream.h
    ctypedef enum omf_stream:
        OMF_STREAM_DELTA
        OMF_STREAM_ZIGZAG
        OMF_STREAM_XOR

    omf_status omf_stream_decode(void *dst, size_t dst_cap, size_t n_values, omf_stream kind, unsigned width,
                                 const uint8_t *src, size_t src_len, omf_error *err)
    size_t omf_stream_bound(size_t n_values, omf_stream kind, unsigned width)
    omf_status omf_stream_encode(uint8_t *dst, size_t dst_cap, size_t *written, const void *src, size_t n_values,
                                 omf_stream kind, unsigned width)

    # chunk.h
    ctypedef struct omf_dim:
        uint64_t size
        uint64_t start
        uint64_t count
        uint64_t step
        int64_t stride

    ctypedef struct omf_buffer:
        void *data
        size_t size
        size_t origin

    uint64_t omf_chunk_min_size(const omf_codec *codec, uint64_t n_elements)
    uint64_t omf_chunk_max_size(const omf_codec *codec, uint64_t n_elements)
    size_t omf_chunk_decode_scratch(const omf_codec *codec, const uint64_t *chunk, unsigned n_dims)
    omf_status omf_chunk_decode(const omf_buffer *dst, const omf_codec *codec, const omf_dim *dims, unsigned n_dims,
                                const uint8_t *src, size_t src_len, void *scratch, size_t scratch_size,
                                omf_error *err)

    enum:
        OMF_FEED_MIN

    ctypedef struct omf_chunk_decoder:
        const float *table

    enum:
        OMF_TABLE_LENGTH
    c_bool omf_table_fill(float *table, const omf_codec *codec)

    omf_status omf_chunk_decoder_init(omf_chunk_decoder *decoder, const omf_buffer *dst, const omf_codec *codec,
                                      const omf_dim *dims, unsigned n_dims, void *scratch, size_t scratch_size,
                                      omf_error *err)
    omf_status omf_chunk_decoder_feed(omf_chunk_decoder *decoder, const uint8_t *src, size_t src_len, c_bool last,
                                      size_t *consumed, c_bool *done, omf_error *err)

    ctypedef enum omf_overflow:
        OMF_OVERFLOW_NAN
        OMF_OVERFLOW_CLIP

    ctypedef struct omf_range_report:
        uint64_t n_values
        uint64_t first_index
        double first_value

    size_t omf_chunk_bound(const omf_codec *codec, uint64_t n_elements)
    size_t omf_chunk_encode_scratch(const omf_codec *codec, const uint64_t *chunk, unsigned n_dims)
    omf_status omf_chunk_encode(uint8_t *dst, size_t dst_cap, size_t *written, const omf_codec *codec,
                                const omf_buffer *src, const omf_dim *dims, unsigned n_dims, omf_overflow overflow,
                                void *scratch, size_t scratch_size, omf_range_report *report)

    enum:
        OMF_DRAIN_MIN

    ctypedef struct omf_chunk_encoder:
        pass

    omf_status omf_chunk_encoder_init(omf_chunk_encoder *encoder, const omf_codec *codec, const omf_buffer *src,
                                      const omf_dim *dims, unsigned n_dims, omf_overflow overflow, void *scratch,
                                      size_t scratch_size, omf_range_report *report)
    omf_status omf_chunk_encoder_next(omf_chunk_encoder *encoder, uint8_t *dst, size_t dst_cap, size_t *written,
                                      c_bool *done)

    # format.h
    enum:
        OMF_HEADER_SIZE
        OMF_TRAILER_SIZE
        OMF_LEGACY_HEADER_SIZE
        OMF_LUT_GROUP

    ctypedef struct omf_array:
        omf_codec codec
        unsigned n_dims
        c_bool legacy
        uint64_t file_size
        omf_span lut
        uint64_t n_chunks
        uint64_t[64] dims
        uint64_t[64] chunks

    ctypedef struct omf_record:
        omf_type type
        uint32_t n_children
        uint64_t offset
        uint64_t file_size
        const uint8_t *children
        const uint8_t *name
        size_t name_size
        const uint8_t *value
        size_t value_size
        omf_array array

    ctypedef struct omf_record_spec:
        omf_type type
        const char *name
        size_t name_size
        const omf_span *children
        uint32_t n_children
        const void *value
        size_t value_size
        const omf_array *array

    omf_status omf_array_init(omf_array *array, const omf_codec *codec, unsigned n_dims, const uint64_t *dims,
                              const uint64_t *chunks, omf_error *err)
    omf_status omf_trailer_decode(omf_span *root, const uint8_t *src, size_t src_len, uint64_t file_size,
                                  omf_error *err)
    omf_status omf_header_decode(omf_array *array, const uint8_t *src, size_t src_len, uint64_t file_size,
                                 omf_error *err)
    omf_status omf_record_decode(omf_record *record, const uint8_t *src, size_t src_len, uint64_t offset,
                                 uint64_t file_size, omf_error *err)
    omf_status omf_record_child(const omf_record *record, uint32_t index, omf_span *child, omf_error *err)
    c_bool omf_record_is_named(const uint8_t *src, size_t src_len, const char *name, size_t name_size)
    size_t omf_record_size(const omf_record_spec *spec)
    omf_status omf_record_encode(uint8_t *dst, size_t dst_cap, const omf_record_spec *spec)
    void omf_header_encode(uint8_t *dst)
    void omf_trailer_encode(uint8_t *dst, omf_span root)
    uint64_t omf_lut_n_groups(const omf_array *array)
    omf_span omf_lut_range(const omf_array *array, uint64_t first, uint64_t last)
    omf_status omf_lut_decode(uint64_t *entries, unsigned *n_entries, const omf_array *array, uint64_t group,
                              const uint8_t *src, size_t src_len, omf_error *err)
    size_t omf_lut_group_size(const uint64_t *entries, uint64_t n_entries)
    omf_status omf_lut_encode(uint8_t *dst, size_t dst_cap, const uint64_t *entries, uint64_t n_entries,
                              size_t group_size)

    # plan.h
    ctypedef struct omf_select:
        uint64_t start
        uint64_t count
        uint64_t step
        int64_t stride

    ctypedef struct omf_plan:
        const omf_array *array
        const float *table
        uint64_t n_chunks
        omf_buffer buffer
        omf_select[64] select
        uint64_t[64] first
        uint64_t[64] touched

    ctypedef struct omf_cursor:
        const omf_plan *plan
        uint64_t index
        uint64_t chunk
        uint64_t n_elements
        omf_buffer buffer
        omf_dim[64] dims

    omf_status omf_plan_init(omf_plan *plan, const omf_array *array, const omf_select *select, omf_buffer buffer,
                             omf_error *err)
    void omf_cursor_seek(omf_cursor *cursor, const omf_plan *plan, uint64_t index)
    c_bool omf_cursor_next(omf_cursor *cursor)
    omf_status omf_cursor_check(const omf_cursor *cursor, uint64_t begin, uint64_t end, omf_error *err)
    omf_status omf_cursor_decode(const omf_cursor *cursor, const uint8_t *src, size_t src_len, void *scratch,
                                 size_t scratch_size, omf_error *err)

    # omf.h
    omf_status omf_simd_select(const char *name)
    const char *omf_simd_name()
    const char *omf_simd_available(unsigned index)
