/* SPDX-License-Identifier: MIT */
/* One chunk: compressed bytes <-> elements of the caller's array (format.md, sections 3 and 4).
 *
 * A chunk is decoded straight into the array where it belongs, and encoded straight from it. `omf_dim` says for each
 * dimension which elements of the chunk are meant and how far apart they lie in the caller's memory. */
#ifndef OMF_CHUNK_H
#define OMF_CHUNK_H

#include "status.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One dimension of a chunk, slowest dimension first. */
typedef struct omf_dim {
    uint64_t size;  /* extent of the chunk, clipped at the edge of the array */
    uint64_t start; /* first wanted index */
    uint64_t count; /* how many are wanted, at least 1 */
    uint64_t step;  /* distance between wanted indices, at least 1 */
    int64_t stride; /* bytes between two wanted neighbours in the caller's memory; may be negative or 0 */
} omf_dim;

/* The caller's memory. Before anything is touched, all elements that `omf_dim`s can reach are checked to lie in
 * [data, data + size). data, origin and strides must be multiples of the element size. */
typedef struct omf_buffer {
    void *data;
    size_t size;   /* bytes */
    size_t origin; /* byte offset of the first wanted element */
} omf_buffer;

/* A chunk of n elements takes from omf_chunk_min_size to omf_chunk_max_size bytes, whoever wrote it
 * (format.md, section 5). Check before fetching. UINT64_MAX stands for any overflow. Thread-safe. */
OMF_API uint64_t omf_chunk_min_size(const omf_codec *codec, uint64_t n_elements);
OMF_API uint64_t omf_chunk_max_size(const omf_codec *codec, uint64_t n_elements);

/* --- decoding ------------------------------------------------------------------------------------------------- */

/* Bytes of scratch for decoding chunks of at most this shape; 0 if it overflows. At most 256 KiB, or a little more than
 * two rows of the chunk (its last dimension) where that is more; one will do, but is slow where rows are long. */
OMF_API size_t omf_chunk_decode_scratch(const omf_codec *codec, const uint64_t *chunk, unsigned n_dims);

/* Decode the wanted elements of one chunk. Blocks behind the last wanted element are not looked at; if the last element
 * of the chunk is wanted, src must be exactly the chunk (OMF_ERR_TRAILING otherwise). scratch must be aligned to 8
 * bytes. err->offset counts from src. On error the wanted elements of dst are unspecified. */
OMF_API omf_status omf_chunk_decode(const omf_buffer *dst, const omf_codec *codec, const omf_dim *dims, unsigned n_dims,
                                    const uint8_t *src, size_t src_len, void *scratch, size_t scratch_size,
                                    omf_error *err);

/* What each of the 65,536 words of the logarithmic codec stands for. The table takes as long to fill as so many elements
 * take to decode; with it, others take a third of that. Whoever reads many fills it once, and sets `table` of decoders or
 * plans. False, and nothing is written, for codecs that have no use for it. Thread-safe. */
#define OMF_TABLE_LENGTH 65536
OMF_API bool omf_table_fill(float table[OMF_TABLE_LENGTH], const omf_codec *codec);

/* The same in pieces, for chunks too large to be fetched at once: omf_chunk_decoder_init, then _feed with the chunk's
 * bytes in order. Each call consumes what it can (*consumed) and wants the rest again, in front of the bytes that
 * follow. A piece of at least OMF_FEED_MIN bytes always makes progress. `last` says that nothing follows this piece.
 * Done when *done is true. The struct's fields but `table` are private; it keeps pointers to all that is passed to
 * _init. */
#define OMF_FEED_MIN 8192
typedef struct omf_chunk_decoder {
    const float *table; /* of the codec, to be set after _init, which makes it NULL: none */
    const omf_buffer *dst;
    const omf_codec *codec;
    const omf_dim *dims;
    unsigned n_dims;
    uint8_t *scratch;
    uint64_t n_rows, n_cols, n_stop; /* n_stop: elements to decode, up to the last wanted one */
    uint64_t position;               /* elements decoded */
    uint64_t finished;               /* elements that went through the filter and were copied out */
    uint64_t window_start;           /* element that lies at the start of scratch */
    uint64_t window_cap;             /* elements that fit scratch */
    uint64_t carry;                  /* last value of the stream */
    uint64_t fed;                    /* bytes consumed so far */
    uint64_t row, out;               /* the next wanted row, and its place in dst */
    uint64_t at[OMF_MAX_DIMS];       /* its indices among the wanted ones */
} omf_chunk_decoder;

OMF_API omf_status omf_chunk_decoder_init(omf_chunk_decoder *decoder, const omf_buffer *dst, const omf_codec *codec,
                                          const omf_dim *dims, unsigned n_dims, void *scratch, size_t scratch_size,
                                          omf_error *err);
OMF_API omf_status omf_chunk_decoder_feed(omf_chunk_decoder *decoder, const uint8_t *src, size_t src_len, bool last,
                                          size_t *consumed, bool *done, omf_error *err);

/* --- encoding ------------------------------------------------------------------------------------------------- */

/* What to store for floats that the integer type of the codec cannot hold (infinities and, in the logarithmic codec,
 * values below -1 are among them). Both ways are counted in omf_range_report. */
typedef enum omf_overflow {
    OMF_OVERFLOW_NAN = 0, /* NaN */
    OMF_OVERFLOW_CLIP = 1 /* the nearest value that can be held */
} omf_overflow;

typedef struct omf_range_report {
    uint64_t n_values;    /* values that could not be held, added to what is there */
    uint64_t first_index; /* of the first one, in C order of the chunk; set when n_values was 0 before */
    double first_value;
} omf_range_report;

/* Bytes that omf_chunk_encode needs at most, and scratch for it; 0 if it overflows. Scratch is as for decoding. */
OMF_API size_t omf_chunk_bound(const omf_codec *codec, uint64_t n_elements);
OMF_API size_t omf_chunk_encode_scratch(const omf_codec *codec, const uint64_t *chunk, unsigned n_dims);

/* Encode one chunk from the caller's array; `start` must be 0, `step` 1 and `count` the size in all dims.
 * src is not written to. dst_cap below omf_chunk_bound() is OMF_ERR_NO_SPACE. *written receives the size.
 * scratch must be aligned to 8 bytes. Same input, same bytes. report is required. */
OMF_API omf_status omf_chunk_encode(uint8_t *dst, size_t dst_cap, size_t *written, const omf_codec *codec,
                                    const omf_buffer *src, const omf_dim *dims, unsigned n_dims, omf_overflow overflow,
                                    void *scratch, size_t scratch_size, omf_range_report *report);

/* The same in pieces, for chunks whose bound is too large to be held: _next fills dst with as many whole blocks as
 * surely fit (dst_cap at least OMF_DRAIN_MIN) and says when the chunk is done. Fields are private. */
#define OMF_DRAIN_MIN 4096
typedef struct omf_chunk_encoder {
    const omf_buffer *src;
    const omf_codec *codec;
    const omf_dim *dims;
    unsigned n_dims;
    omf_overflow overflow;
    uint8_t *scratch;
    omf_range_report *report;
    uint64_t n_rows, n_cols, n_total;
    uint64_t position;     /* elements encoded */
    uint64_t filled;       /* elements quantised into the window */
    uint64_t window_start; /* element that lies at the start of scratch */
    uint64_t window_cap;
    uint64_t carry;
    uint64_t row, column;      /* the next element to quantise: place of its row in src, place in the row */
    uint64_t at[OMF_MAX_DIMS]; /* indices of its row */
} omf_chunk_encoder;

OMF_API omf_status omf_chunk_encoder_init(omf_chunk_encoder *encoder, const omf_codec *codec, const omf_buffer *src,
                                          const omf_dim *dims, unsigned n_dims, omf_overflow overflow, void *scratch,
                                          size_t scratch_size, omf_range_report *report);
OMF_API omf_status omf_chunk_encoder_next(omf_chunk_encoder *encoder, uint8_t *dst, size_t dst_cap, size_t *written,
                                          bool *done);

#ifdef __cplusplus
}
#endif
#endif
