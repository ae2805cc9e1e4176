/* SPDX-License-Identifier: MIT */
/* Streams of integers: delta, zigzag delta and XOR (format.md, sections 5 and 6). */
#ifndef OMF_STREAM_H
#define OMF_STREAM_H

#include "status.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum omf_stream {
    OMF_STREAM_DELTA = 0,  /* width 8, 16, 32, 64 */
    OMF_STREAM_ZIGZAG = 1, /* width 8, 16, 32, 64 */
    OMF_STREAM_XOR = 2     /* width 32, 64 */
} omf_stream;

/* Decode one stream into n_values words of `width` bits, native byte order.
 * dst must be aligned to a word and have room for n_values of them (dst_cap, in bytes).
 * src must be exactly one stream: a byte left over is OMF_ERR_TRAILING.
 * On error the content of dst is unspecified; err->offset counts from src. Thread-safe. */
OMF_API omf_status omf_stream_decode(void *dst, size_t dst_cap, size_t n_values, omf_stream kind, unsigned width,
                                     const uint8_t *src, size_t src_len, omf_error *err);

/* Bytes that omf_stream_encode may need at most; 0 if the arguments are invalid or the size overflows. */
OMF_API size_t omf_stream_bound(size_t n_values, omf_stream kind, unsigned width);

/* Encode n_values (at least 1) words of `width` bits; *written receives the size of the stream.
 * src must be aligned to a word. dst_cap below omf_stream_bound() is OMF_ERR_NO_SPACE. Same input, same bytes; padding is
 * zero. Thread-safe. */
OMF_API omf_status omf_stream_encode(uint8_t *dst, size_t dst_cap, size_t *written, const void *src, size_t n_values,
                                     omf_stream kind, unsigned width);

#ifdef __cplusplus
}
#endif
#endif
