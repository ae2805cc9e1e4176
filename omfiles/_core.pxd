# SPDX-License-Identifier: MIT
"""The C functions of the core, under the names of csrc/include/omf, and what our other modules share besides.

The functions need neither the GIL nor linking: the one copy of the core lives in `_core`. Other packages cimport them
from `omfiles`.
"""

from cpython.buffer cimport Py_buffer
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from omfiles.libomf cimport (
    c_bool, omf_array, omf_buffer, omf_chunk_decoder, omf_chunk_encoder, omf_codec, omf_cursor, omf_dim, omf_error,
    omf_overflow, omf_plan, omf_range_report, omf_record, omf_record_spec, omf_select, omf_span, omf_status,
    omf_stream,
)

cdef class Buffer:
    """Holds the memory of a Python object while this object lives."""

    cdef Py_buffer view

# Acquire the memory of `source` as `flags` (PyBUF_...) ask; the exporter's own exception if it cannot give it.
cdef Buffer acquire(object source, int flags)

# Raise the Python exception for `status`; OmFormatError says `path`, `variable` and `base` + error.offset.
cdef int check(omf_status status, const omf_error *error, object path, object variable, uint64_t base) except -1

cdef unsigned omf_abi_version() noexcept nogil
cdef const char *omf_status_text(omf_status status) noexcept nogil
cdef c_bool omf_type_is_array(unsigned type) noexcept nogil
cdef size_t omf_type_size(unsigned type) noexcept nogil
cdef c_bool omf_codec_is_valid(const omf_codec *codec) noexcept nogil
cdef omf_status omf_stream_decode(void *dst, size_t dst_cap, size_t n_values, omf_stream kind, unsigned width,
                                  const uint8_t *src, size_t src_len, omf_error *err) noexcept nogil
cdef size_t omf_stream_bound(size_t n_values, omf_stream kind, unsigned width) noexcept nogil
cdef omf_status omf_stream_encode(uint8_t *dst, size_t dst_cap, size_t *written, const void *src, size_t n_values,
                                  omf_stream kind, unsigned width) noexcept nogil
cdef uint64_t omf_chunk_min_size(const omf_codec *codec, uint64_t n_elements) noexcept nogil
cdef uint64_t omf_chunk_max_size(const omf_codec *codec, uint64_t n_elements) noexcept nogil
cdef size_t omf_chunk_decode_scratch(const omf_codec *codec, const uint64_t *chunk, unsigned n_dims) noexcept nogil
cdef omf_status omf_chunk_decode(const omf_buffer *dst, const omf_codec *codec, const omf_dim *dims, unsigned n_dims,
                                 const uint8_t *src, size_t src_len, void *scratch, size_t scratch_size,
                                 omf_error *err) noexcept nogil
cdef c_bool omf_table_fill(float *table, const omf_codec *codec) noexcept nogil
cdef omf_status omf_chunk_decoder_init(omf_chunk_decoder *decoder, const omf_buffer *dst, const omf_codec *codec,
                                       const omf_dim *dims, unsigned n_dims, void *scratch, size_t scratch_size,
                                       omf_error *err) noexcept nogil
cdef omf_status omf_chunk_decoder_feed(omf_chunk_decoder *decoder, const uint8_t *src, size_t src_len, c_bool last,
                                       size_t *consumed, c_bool *done, omf_error *err) noexcept nogil
cdef size_t omf_chunk_bound(const omf_codec *codec, uint64_t n_elements) noexcept nogil
cdef size_t omf_chunk_encode_scratch(const omf_codec *codec, const uint64_t *chunk, unsigned n_dims) noexcept nogil
cdef omf_status omf_chunk_encode(uint8_t *dst, size_t dst_cap, size_t *written, const omf_codec *codec,
                                 const omf_buffer *src, const omf_dim *dims, unsigned n_dims, omf_overflow overflow,
                                 void *scratch, size_t scratch_size, omf_range_report *report) noexcept nogil
cdef omf_status omf_chunk_encoder_init(omf_chunk_encoder *encoder, const omf_codec *codec, const omf_buffer *src,
                                       const omf_dim *dims, unsigned n_dims, omf_overflow overflow, void *scratch,
                                       size_t scratch_size, omf_range_report *report) noexcept nogil
cdef omf_status omf_chunk_encoder_next(omf_chunk_encoder *encoder, uint8_t *dst, size_t dst_cap, size_t *written,
                                       c_bool *done) noexcept nogil
cdef omf_status omf_array_init(omf_array *array, const omf_codec *codec, unsigned n_dims, const uint64_t *dims,
                               const uint64_t *chunks, omf_error *err) noexcept nogil
cdef omf_status omf_trailer_decode(omf_span *root, const uint8_t *src, size_t src_len, uint64_t file_size,
                                   omf_error *err) noexcept nogil
cdef omf_status omf_header_decode(omf_array *array, const uint8_t *src, size_t src_len, uint64_t file_size,
                                  omf_error *err) noexcept nogil
cdef omf_status omf_record_decode(omf_record *record, const uint8_t *src, size_t src_len, uint64_t offset,
                                  uint64_t file_size, omf_error *err) noexcept nogil
cdef omf_status omf_record_child(const omf_record *record, uint32_t index, omf_span *child,
                                 omf_error *err) noexcept nogil
cdef c_bool omf_record_is_named(const uint8_t *src, size_t src_len, const char *name,
                                size_t name_size) noexcept nogil
cdef size_t omf_record_size(const omf_record_spec *spec) noexcept nogil
cdef omf_status omf_record_encode(uint8_t *dst, size_t dst_cap, const omf_record_spec *spec) noexcept nogil
cdef void omf_header_encode(uint8_t *dst) noexcept nogil
cdef void omf_trailer_encode(uint8_t *dst, omf_span root) noexcept nogil
cdef uint64_t omf_lut_n_groups(const omf_array *array) noexcept nogil
cdef omf_span omf_lut_range(const omf_array *array, uint64_t first, uint64_t last) noexcept nogil
cdef omf_status omf_lut_decode(uint64_t *entries, unsigned *n_entries, const omf_array *array, uint64_t group,
                               const uint8_t *src, size_t src_len, omf_error *err) noexcept nogil
cdef size_t omf_lut_group_size(const uint64_t *entries, uint64_t n_entries) noexcept nogil
cdef omf_status omf_lut_encode(uint8_t *dst, size_t dst_cap, const uint64_t *entries, uint64_t n_entries,
                               size_t group_size) noexcept nogil
cdef omf_status omf_plan_init(omf_plan *plan, const omf_array *array, const omf_select *select, omf_buffer buffer,
                              omf_error *err) noexcept nogil
cdef void omf_cursor_seek(omf_cursor *cursor, const omf_plan *plan, uint64_t index) noexcept nogil
cdef c_bool omf_cursor_next(omf_cursor *cursor) noexcept nogil
cdef omf_status omf_cursor_check(const omf_cursor *cursor, uint64_t begin, uint64_t end, omf_error *err) noexcept nogil
cdef omf_status omf_cursor_decode(const omf_cursor *cursor, const uint8_t *src, size_t src_len, void *scratch,
                                  size_t scratch_size, omf_error *err) noexcept nogil
