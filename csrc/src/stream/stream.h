/* SPDX-License-Identifier: MIT */
/* stream: the parts of a stream, for the layers above (format.md, sections 5 and 6). */
#ifndef OMFI_STREAM_H
#define OMFI_STREAM_H

#include "base/error.h"
#include "omf/stream.h"

/* Longest first value. */
#define OMFI_FIRST_MAX 9

/* Decode the first value of a delta stream; *consumed receives its length.
 * A value of `width` bits or more, or an invalid first byte, is OMF_ERR_CORRUPT. */
omf_status omfi_first_decode(uint64_t *value, unsigned width, const uint8_t *src, size_t src_len, size_t *consumed,
                             omf_error *err);

/* Write it; returns its length, at most OMFI_FIRST_MAX. */
size_t omfi_first_encode(uint8_t *dst, uint64_t value, unsigned width);

/* One word in native byte order; the pointer is aligned to it. */
uint64_t omfi_word_load(const void *word, unsigned width);
void omfi_word_store(void *word, uint64_t value, unsigned width);

/* Decode a delta stream of 64-bit words that other bytes may follow. */
omf_status omfi_delta64_decode(uint64_t *dst, size_t n_values, const uint8_t *src, size_t src_len, omf_error *err);

#endif
