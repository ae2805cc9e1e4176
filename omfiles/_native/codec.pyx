# SPDX-License-Identifier: MIT
"""Single streams and single chunks, without a file: for tests, and for codecs of other array formats."""

from cpython.buffer cimport PyBUF_C_CONTIGUOUS, PyBUF_SIMPLE, PyBUF_WRITABLE
from cpython.bytes cimport PyBytes_AsString, PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t, uint64_t
from libc.stdlib cimport free, malloc

from omfiles._core cimport (
    Buffer, acquire, check, omf_array_init, omf_chunk_bound, omf_chunk_decode, omf_chunk_decode_scratch,
    omf_chunk_encode, omf_chunk_encode_scratch, omf_stream_bound, omf_stream_decode, omf_stream_encode
)
from omfiles.libomf cimport (
    OMF_OVERFLOW_CLIP, OMF_OVERFLOW_NAN, OMF_STREAM_DELTA, OMF_STREAM_XOR, OMF_STREAM_ZIGZAG, omf_array, omf_buffer,
    omf_codec, omf_compression, omf_dim, omf_error, omf_overflow, omf_range_report, omf_status, omf_stream, omf_type
)

import numpy as np

from omfiles._core import ARRAY_TYPES, COMPRESSIONS

cdef dict STREAMS = {"delta": OMF_STREAM_DELTA, "zigzag": OMF_STREAM_ZIGZAG, "xor": OMF_STREAM_XOR}


cdef omf_stream stream_of(kind, unsigned width) except *:
    if kind not in STREAMS:
        raise ValueError(f"unknown stream {kind!r}; known: {', '.join(STREAMS)}")
    if omf_stream_bound(1, STREAMS[kind], width) == 0:
        raise ValueError(f"a {kind} stream has no words of {width} bits")
    return STREAMS[kind]


def decode_stream(src, size_t n_values, str kind, unsigned width):
    """Decode one block stream.

    Parameters
    ----------
    src : bytes-like
        Exactly one stream.
    n_values : int
        Number of values in it.
    kind : {"delta", "zigzag", "xor"}
        Which stream.
    width : {8, 16, 32, 64}
        Bits of a word; "xor" has 32 and 64.

    Returns
    -------
    numpy.ndarray
        The words, unsigned.

    Examples
    --------
    >>> decode_stream(bytes.fromhex("00c101"), 10, "delta", 16).tolist()
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    """
    cdef omf_stream stream = stream_of(kind, width)
    cdef Buffer a = acquire(src, PyBUF_SIMPLE)
    cdef omf_error error
    cdef omf_status status
    values = np.empty(n_values, f"uint{width}")
    cdef Buffer b = acquire(values, PyBUF_WRITABLE)
    with nogil:
        status = omf_stream_decode(b.view.buf, b.view.len, n_values, stream, width, <const uint8_t *> a.view.buf,
                                   a.view.len, &error)
    check(status, &error, None, None, 0)
    return values


def encode_stream(values, str kind, unsigned width) -> bytes:
    """Encode words as one block stream.

    Parameters
    ----------
    values : array-like
        At least one unsigned word of `width` bits.
    kind, width
        As in `decode_stream`.

    Examples
    --------
    >>> encode_stream(range(10), "delta", 16).hex()
    '00c101'
    >>> encode_stream(range(10), "zigzag", 16).hex()
    '00c202'
    """
    cdef omf_stream stream = stream_of(kind, width)
    words = np.ascontiguousarray(values, dtype=f"uint{width}")
    cdef Buffer a = acquire(words, PyBUF_C_CONTIGUOUS)
    cdef size_t n_values = words.size, bound = omf_stream_bound(words.size, stream, width), written = 0
    cdef omf_error error
    cdef omf_status status
    cdef bytes result
    cdef uint8_t *dst
    if n_values == 0 or bound == 0:
        raise ValueError(f"a stream holds at least one value and fewer than memory can; found {n_values}")
    error.reason = error.field = NULL
    result = PyBytes_FromStringAndSize(NULL, bound)
    dst = <uint8_t *> PyBytes_AsString(result)
    with nogil:
        status = omf_stream_encode(dst, bound, &written, a.view.buf, n_values, stream, width)
    check(status, &error, None, None, 0)
    return result[:written]


cdef object describe(omf_array *array, omf_dim *dims, shape, dtype, compression, scale_factor, add_offset):
    """Fill the descriptions of a chunk that is an array of its own; returns the dtype."""
    cdef omf_codec codec
    cdef omf_error error
    cdef uint64_t[64] extents
    cdef Py_ssize_t i, n_dims = len(shape)
    dtype = np.dtype(dtype)
    if dtype not in ARRAY_TYPES:
        raise ValueError(f"Unsupported array data type {dtype}; supported: {', '.join(map(str, ARRAY_TYPES))}")
    if compression not in COMPRESSIONS:
        raise ValueError(f"unknown compression {compression!r}; known: {', '.join(COMPRESSIONS)}")
    if not 1 <= n_dims <= 64:
        raise ValueError(f"a chunk has 1 to 64 dimensions, not {n_dims}")
    codec.type = <omf_type> <int> ARRAY_TYPES[dtype]
    codec.compression = <omf_compression> <int> COMPRESSIONS[compression]
    codec.scale_factor = scale_factor
    codec.add_offset = add_offset
    for i in range(n_dims):
        extents[i] = shape[i]
    check(omf_array_init(array, &codec, <unsigned> n_dims, extents, extents, &error), &error, None, None, 0)
    stride = dtype.itemsize
    for i in reversed(range(n_dims)):
        dims[i].size = dims[i].count = extents[i]
        dims[i].start = 0
        dims[i].step = 1
        dims[i].stride = stride
        stride *= extents[i]
    return dtype


def decode_chunk(src, tuple shape, dtype, str compression, float scale_factor=1, float add_offset=0):
    """Decode one chunk.

    Parameters
    ----------
    src : bytes-like
        Exactly the chunk.
    shape : tuple of int
        Its shape.
    dtype : dtype-like
        Type of its elements.
    compression : str
        A name such as ``"pfor_delta_2d"``.
    scale_factor, add_offset : float
        How floats were scaled.

    Returns
    -------
    numpy.ndarray

    Examples
    --------
    >>> field = np.array([[1.5, 2.25], [np.nan, -4.0]], dtype="float32")
    >>> chunk = encode_chunk(field, "pfor_delta_2d", scale_factor=20)
    >>> decode_chunk(chunk, (2, 2), "float32", "pfor_delta_2d", scale_factor=20)
    array([[ 1.5 ,  2.25],
           [  nan, -4.  ]], dtype=float32)
    """
    cdef omf_array array
    cdef omf_dim[64] dims
    cdef omf_buffer dst
    cdef omf_error error
    cdef omf_status status
    cdef size_t scratch_size
    cdef void *scratch
    dtype = describe(&array, dims, shape, dtype, compression, scale_factor, add_offset)
    cdef Buffer a = acquire(src, PyBUF_SIMPLE)
    result = np.empty(shape, dtype)
    cdef Buffer b = acquire(result, PyBUF_WRITABLE)
    dst = omf_buffer(b.view.buf, b.view.len, 0)
    scratch_size = omf_chunk_decode_scratch(&array.codec, array.chunks, array.n_dims)
    scratch = allocate(scratch_size)
    with nogil:
        status = omf_chunk_decode(&dst, &array.codec, dims, array.n_dims, <const uint8_t *> a.view.buf, a.view.len,
                                  scratch, scratch_size, &error)
    free(scratch)
    check(status, &error, None, None, 0)
    return result


def encode_chunk(array, str compression, float scale_factor=1, float add_offset=0, str overflow="raise") -> bytes:
    """Encode an array as one chunk.

    Parameters
    ----------
    array : numpy.ndarray
        The chunk, of a type that arrays in files have.
    compression, scale_factor, add_offset
        As in `decode_chunk`.
    overflow : {"raise", "clip", "nan"}
        What becomes of floats that the integers of the compression cannot hold: a ValueError, the nearest value that
        can be held, or NaN.

    Examples
    --------
    >>> encode_chunk(np.arange(10, dtype="int16"), "pfor_delta_2d").hex()
    '00c202'
    """
    cdef omf_array description
    cdef omf_dim[64] dims
    cdef omf_buffer src
    cdef omf_error error
    cdef omf_status status
    cdef omf_range_report report
    cdef omf_overflow mode = OMF_OVERFLOW_CLIP if overflow == "clip" else OMF_OVERFLOW_NAN
    cdef size_t scratch_size, bound, written = 0
    cdef void *scratch
    cdef bytes result
    cdef uint8_t *dst
    if overflow not in ("raise", "clip", "nan"):
        raise ValueError(f"overflow is 'raise', 'clip' or 'nan', not {overflow!r}")
    values = np.ascontiguousarray(array)
    describe(&description, dims, values.shape, values.dtype, compression, scale_factor, add_offset)
    cdef Buffer a = acquire(values, PyBUF_C_CONTIGUOUS)
    src = omf_buffer(a.view.buf, a.view.len, 0)
    report = omf_range_report(0, 0, 0)
    error.reason = error.field = NULL
    bound = omf_chunk_bound(&description.codec, values.size)
    scratch_size = omf_chunk_encode_scratch(&description.codec, description.chunks, description.n_dims)
    result = PyBytes_FromStringAndSize(NULL, bound)
    dst = <uint8_t *> PyBytes_AsString(result)
    scratch = allocate(scratch_size)
    with nogil:
        status = omf_chunk_encode(dst, bound, &written, &description.codec, &src, dims, description.n_dims, mode,
                                  scratch, scratch_size, &report)
    free(scratch)
    check(status, &error, None, None, 0)
    if report.n_values != 0 and overflow == "raise":
        raise ValueError(
            f"{report.n_values} values cannot be held by {compression} with scale_factor {scale_factor}; "
            f"the first is {report.first_value} at position {report.first_index}"
        )
    return result[:written]


cdef void *allocate(size_t size) except NULL:
    cdef void *memory = malloc(size)
    if size == 0 or memory == NULL:
        free(memory)
        raise MemoryError(f"no memory for {size} bytes of scratch")
    return memory
