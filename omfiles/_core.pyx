# SPDX-License-Identifier: MIT
"""The only module that is linked with the C core: errors, buffers, instruction sets, and the functions for others."""

from cpython.buffer cimport PyBuffer_Release, PyObject_GetBuffer
from cpython.pycapsule cimport PyCapsule_New
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from omfiles cimport libomf
from omfiles.libomf cimport (
    c_bool, omf_array, omf_buffer, omf_chunk_decoder, omf_chunk_encoder, omf_codec, omf_cursor, omf_dim, omf_error,
    omf_overflow, omf_plan, omf_range_report, omf_record, omf_record_spec, omf_select, omf_span, omf_status,
    omf_stream,
)
from omfiles.libomf cimport OMF_ERR_ARGUMENT, OMF_ERR_NO_SPACE, OMF_OK

import os

import numpy as np

from omfiles.errors import OmFormatError

# Type codes of arrays by the dtype of their elements, and of numeric scalars: eleven less.
ARRAY_TYPES = {
    np.dtype(name): 12 + i
    for i, name in enumerate(
        ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"]
    )
}

COMPRESSIONS = {
    "pfor_delta_2d_int16": 0,
    "fpx_xor_2d": 1,
    "pfor_delta_2d": 2,
    "pfor_delta_2d_int16_logarithmic": 3,
}


cdef extern from "_capi.h":
    ctypedef struct omfiles_api:
        pass
    const omfiles_api omfiles_table

# The same functions for C: see csrc/include/omfiles.h.
_C_API = PyCapsule_New(<void *>&omfiles_table, "omfiles._core._C_API", NULL)


cdef class Buffer:
    def __dealloc__(self):
        PyBuffer_Release(&self.view)


cdef Buffer acquire(object source, int flags):
    cdef Buffer buffer = Buffer.__new__(Buffer)
    PyObject_GetBuffer(source, &buffer.view, flags)
    return buffer


cdef int check(omf_status status, const omf_error *error, object path, object variable, uint64_t base) except -1:
    if status == OMF_OK:
        return 0
    reason = (error.reason if error.reason != NULL else libomf.omf_status_text(status)).decode()
    if status == OMF_ERR_ARGUMENT:
        raise ValueError(reason)
    if status == OMF_ERR_NO_SPACE:
        raise RuntimeError(f"internal error: {reason}")
    field = error.field.decode() if error.field != NULL else None
    raise OmFormatError(reason, path=path, variable=variable, offset=base + error.offset, field=field)


def simd_name() -> str:
    """Name of the instruction set in use.

    >>> simd_name() in simd_available()
    True
    """
    return libomf.omf_simd_name().decode()


def simd_available() -> list[str]:
    """Names of the instruction sets that this machine and build have, from the lowest.

    >>> simd_available()[0]
    'generic'
    """
    names = []
    while libomf.omf_simd_available(len(names)) != NULL:
        names.append(libomf.omf_simd_available(len(names)).decode())
    return names


def simd_select(name: str | None) -> None:
    """Use the instruction set `name`, or the best one if None. Call it while nothing is being read or written.

    >>> simd_select(None)
    """
    cdef const char *wanted = NULL
    if name is not None:
        encoded = name.encode()
        wanted = encoded
    if libomf.omf_simd_select(wanted) != OMF_OK:
        raise ValueError(f"no instruction set {name!r} here; available: {', '.join(simd_available())}")


# OMFILES_SIMD lowers the choice, for tests and for hunting bugs.
simd_select(os.environ.get("OMFILES_SIMD") or None)


cdef unsigned omf_abi_version() noexcept nogil:
    return libomf.omf_abi_version()


cdef const char *omf_status_text(omf_status status) noexcept nogil:
    return libomf.omf_status_text(status)


cdef c_bool omf_type_is_array(unsigned type) noexcept nogil:
    return libomf.omf_type_is_array(type)


cdef size_t omf_type_size(unsigned type) noexcept nogil:
    return libomf.omf_type_size(type)


cdef c_bool omf_codec_is_valid(const omf_codec *codec) noexcept nogil:
    return libomf.omf_codec_is_valid(codec)


cdef omf_status omf_stream_decode(void *dst, size_t dst_cap, size_t n_values, omf_stream kind, unsigned width,
                                  const uint8_t *src, size_t src_len, omf_error *err) noexcept nogil:
    return libomf.omf_stream_decode(dst, dst_cap, n_values, kind, width, src, src_len, err)


cdef size_t omf_stream_bound(size_t n_values, omf_stream kind, unsigned width) noexcept nogil:
    return libomf.omf_stream_bound(n_values, kind, width)


cdef omf_status omf_stream_encode(uint8_t *dst, size_t dst_cap, size_t *written, const void *src, size_t n_values,
                                  omf_stream kind, unsigned width) noexcept nogil:
    return libomf.omf_stream_encode(dst, dst_cap, written, src, n_values, kind, width)


cdef uint64_t omf_chunk_min_size(const omf_codec *codec, uint64_t n_elements) noexcept nogil:
    return libomf.omf_chunk_min_size(codec, n_elements)


cdef uint64_t omf_chunk_max_size(const omf_codec *codec, uint64_t n_elements) noexcept nogil:
    return libomf.omf_chunk_max_size(codec, n_elements)


cdef size_t omf_chunk_decode_scratch(const omf_codec *codec, const uint64_t *chunk, unsigned n_dims) noexcept nogil:
    return libomf.omf_chunk_decode_scratch(codec, chunk, n_dims)


cdef omf_status omf_chunk_decode(const omf_buffer *dst, const omf_codec *codec, const omf_dim *dims, unsigned n_dims,
                                 const uint8_t *src, size_t src_len, void *scratch, size_t scratch_size,
                                 omf_error *err) noexcept nogil:
    return libomf.omf_chunk_decode(dst, codec, dims, n_dims, src, src_len, scratch, scratch_size, err)


cdef c_bool omf_table_fill(float *table, const omf_codec *codec) noexcept nogil:
    return libomf.omf_table_fill(table, codec)


cdef omf_status omf_chunk_decoder_init(omf_chunk_decoder *decoder, const omf_buffer *dst, const omf_codec *codec,
                                       const omf_dim *dims, unsigned n_dims, void *scratch, size_t scratch_size,
                                       omf_error *err) noexcept nogil:
    return libomf.omf_chunk_decoder_init(decoder, dst, codec, dims, n_dims, scratch, scratch_size, err)


cdef omf_status omf_chunk_decoder_feed(omf_chunk_decoder *decoder, const uint8_t *src, size_t src_len, c_bool last,
                                       size_t *consumed, c_bool *done, omf_error *err) noexcept nogil:
    return libomf.omf_chunk_decoder_feed(decoder, src, src_len, last, consumed, done, err)


cdef size_t omf_chunk_bound(const omf_codec *codec, uint64_t n_elements) noexcept nogil:
    return libomf.omf_chunk_bound(codec, n_elements)


cdef size_t omf_chunk_encode_scratch(const omf_codec *codec, const uint64_t *chunk, unsigned n_dims) noexcept nogil:
    return libomf.omf_chunk_encode_scratch(codec, chunk, n_dims)


cdef omf_status omf_chunk_encode(uint8_t *dst, size_t dst_cap, size_t *written, const omf_codec *codec,
                                 const omf_buffer *src, const omf_dim *dims, unsigned n_dims, omf_overflow overflow,
                                 void *scratch, size_t scratch_size, omf_range_report *report) noexcept nogil:
    return libomf.omf_chunk_encode(dst, dst_cap, written, codec, src, dims, n_dims, overflow, scratch, scratch_size,
                                   report)


cdef omf_status omf_chunk_encoder_init(omf_chunk_encoder *encoder, const omf_codec *codec, const omf_buffer *src,
                                       const omf_dim *dims, unsigned n_dims, omf_overflow overflow, void *scratch,
                                       size_t scratch_size, omf_range_report *report) noexcept nogil:
    return libomf.omf_chunk_encoder_init(encoder, codec, src, dims, n_dims, overflow, scratch, scratch_size, report)


cdef omf_status omf_chunk_encoder_next(omf_chunk_encoder *encoder, uint8_t *dst, size_t dst_cap, size_t *written,
                                       c_bool *done) noexcept nogil:
    return libomf.omf_chunk_encoder_next(encoder, dst, dst_cap, written, done)


cdef omf_status omf_array_init(omf_array *array, const omf_codec *codec, unsigned n_dims, const uint64_t *dims,
                               const uint64_t *chunks, omf_error *err) noexcept nogil:
    return libomf.omf_array_init(array, codec, n_dims, dims, chunks, err)


cdef omf_status omf_trailer_decode(omf_span *root, const uint8_t *src, size_t src_len, uint64_t file_size,
                                   omf_error *err) noexcept nogil:
    return libomf.omf_trailer_decode(root, src, src_len, file_size, err)


cdef omf_status omf_header_decode(omf_array *array, const uint8_t *src, size_t src_len, uint64_t file_size,
                                  omf_error *err) noexcept nogil:
    return libomf.omf_header_decode(array, src, src_len, file_size, err)


cdef omf_status omf_record_decode(omf_record *record, const uint8_t *src, size_t src_len, uint64_t offset,
                                  uint64_t file_size, omf_error *err) noexcept nogil:
    return libomf.omf_record_decode(record, src, src_len, offset, file_size, err)


cdef omf_status omf_record_child(const omf_record *record, uint32_t index, omf_span *child,
                                 omf_error *err) noexcept nogil:
    return libomf.omf_record_child(record, index, child, err)


cdef c_bool omf_record_is_named(const uint8_t *src, size_t src_len, const char *name,
                                size_t name_size) noexcept nogil:
    return libomf.omf_record_is_named(src, src_len, name, name_size)


cdef size_t omf_record_size(const omf_record_spec *spec) noexcept nogil:
    return libomf.omf_record_size(spec)


cdef omf_status omf_record_encode(uint8_t *dst, size_t dst_cap, const omf_record_spec *spec) noexcept nogil:
    return libomf.omf_record_encode(dst, dst_cap, spec)


cdef void omf_header_encode(uint8_t *dst) noexcept nogil:
    libomf.omf_header_encode(dst)


cdef void omf_trailer_encode(uint8_t *dst, omf_span root) noexcept nogil:
    libomf.omf_trailer_encode(dst, root)


cdef uint64_t omf_lut_n_groups(const omf_array *array) noexcept nogil:
    return libomf.omf_lut_n_groups(array)


cdef omf_span omf_lut_range(const omf_array *array, uint64_t first, uint64_t last) noexcept nogil:
    return libomf.omf_lut_range(array, first, last)


cdef omf_status omf_lut_decode(uint64_t *entries, unsigned *n_entries, const omf_array *array, uint64_t group,
                               const uint8_t *src, size_t src_len, omf_error *err) noexcept nogil:
    return libomf.omf_lut_decode(entries, n_entries, array, group, src, src_len, err)


cdef size_t omf_lut_group_size(const uint64_t *entries, uint64_t n_entries) noexcept nogil:
    return libomf.omf_lut_group_size(entries, n_entries)


cdef omf_status omf_lut_encode(uint8_t *dst, size_t dst_cap, const uint64_t *entries, uint64_t n_entries,
                               size_t group_size) noexcept nogil:
    return libomf.omf_lut_encode(dst, dst_cap, entries, n_entries, group_size)


cdef omf_status omf_plan_init(omf_plan *plan, const omf_array *array, const omf_select *select, omf_buffer buffer,
                              omf_error *err) noexcept nogil:
    return libomf.omf_plan_init(plan, array, select, buffer, err)


cdef void omf_cursor_seek(omf_cursor *cursor, const omf_plan *plan, uint64_t index) noexcept nogil:
    libomf.omf_cursor_seek(cursor, plan, index)


cdef c_bool omf_cursor_next(omf_cursor *cursor) noexcept nogil:
    return libomf.omf_cursor_next(cursor)


cdef omf_status omf_cursor_check(const omf_cursor *cursor, uint64_t begin, uint64_t end, omf_error *err) noexcept nogil:
    return libomf.omf_cursor_check(cursor, begin, end, err)


cdef omf_status omf_cursor_decode(const omf_cursor *cursor, const uint8_t *src, size_t src_len, void *scratch,
                                  size_t scratch_size, omf_error *err) noexcept nogil:
    return libomf.omf_cursor_decode(cursor, src, src_len, scratch, scratch_size, err)
