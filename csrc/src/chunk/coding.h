/* SPDX-License-Identifier: MIT */
/* chunk: how the elements of each codec become words, which stream holds them, and the window of words that both
 * directions work in (format.md, sections 3 and 4). */
#ifndef OMFI_CODING_H
#define OMFI_CODING_H

#include "kernels/kernels.h"
#include "omf/chunk.h"

typedef struct omfi_coding {
    omf_stream stream;
    unsigned width;            /* bits of a word */
    unsigned word_size;        /* bytes of a word */
    unsigned element_size;     /* bytes of an element */
    omfi_restore_fn restore;   /* NULL: the words are the elements */
    omfi_unfilter_fn unfilter; /* NULL: the filter is undone first, then elements are restored */
    omfi_quantize_fn quantize; /* NULL: the elements are the words */
} omfi_coding;

/* The coding of a valid codec, with the chosen kernels. */
omfi_coding omfi_coding_of(const omf_codec *codec);

/* Check what both directions are told about a chunk, and its matrix of n_rows by n_cols. */
omf_status omfi_chunk_check(const omf_codec *codec, const omf_buffer *buffer, const omf_dim *dims, unsigned n_dims,
                            uint64_t *n_rows, uint64_t *n_cols, omf_error *err);

/* Elements before the current ones that the 2-D filter looks back at: one row, or nothing. */
uint64_t omfi_history(uint64_t n_rows, uint64_t n_cols);

/* Elements of a window in scratch_size bytes; 0 if that is too small for this matrix. */
uint64_t omfi_window_capacity(const omfi_coding *coding, uint64_t n_rows, uint64_t n_cols, size_t scratch_size);

/* Bytes of scratch for chunks of at most this shape; 0 if it overflows. */
size_t omfi_window_size(const omf_codec *codec, const uint64_t *chunk, unsigned n_dims);

/* The 2-D filter works on elements; only for float64 with XOR it works on 32-bit words, rows of n_cols words, in the
 * first half of the chunk. [from, to) is the part of the elements [begin, end) that it changes, in its own unit. */
typedef struct omfi_filter_range {
    unsigned per_element; /* units in an element: 1 or 2 */
    uint64_t from, to;
} omfi_filter_range;

omfi_filter_range omfi_filter_range_of(const omfi_coding *coding, uint64_t n_rows, uint64_t n_cols, uint64_t begin,
                                       uint64_t end);

/* Copy n elements of `size` bytes between two strides. */
void omfi_copy_strided(void *dst, int64_t dst_stride, const void *src, int64_t src_stride, uint64_t n, unsigned size);

#endif
