/* SPDX-License-Identifier: MIT */
/* chunk: elements of the caller's array -> compressed bytes.
 *
 * Some blocks at a time are quantised into a window in scratch, filtered into a small buffer and coded, while the rows
 * that follow come from memory. The window slides when it is full; the last row stays for the filter. */
#include "base/bytes.h"
#include "base/checked.h"
#include "base/error.h"
#include "chunk/coding.h"
#include "stream/stream.h"

enum {
    SHORT_ROW = 64,         /* elements; shorter rows are gathered before they are quantised */
    PIECE = 512,            /* elements gathered at once */
    PREFETCH_AHEAD = 2048,  /* bytes to prefetch before they are read */
    BATCH = 4 * OMFI_BLOCK, /* words filtered at once */
};

/* --- filling the window ------------------------------------------------------------------------------------------- */

/* Turn n elements that lie side by side into words; `index` is the first one's place in the chunk. */
static void quantize(omf_chunk_encoder *encoder, const omfi_coding *coding, uint8_t *words, const uint8_t *elements,
                     uint64_t n, uint64_t index) {
    const float scale = encoder->codec->scale_factor, offset = encoder->codec->add_offset;
    const size_t n_bad = coding->quantize(words, elements, (size_t)n, scale, offset, encoder->overflow);
    omf_range_report *report = encoder->report;
    if (n_bad != 0 && report->n_values == 0) {
        /* Somebody may change the array meanwhile, so that there is none; the last one is as good as any then. */
        uint64_t word, i = 0;
        while (i + 1 < n &&
               coding->quantize(&word, elements + i * coding->element_size, 1, scale, offset, encoder->overflow) == 0)
            i++;
        float single;
        memcpy(&single, elements + i * coding->element_size, sizeof single);
        report->first_index = index + i;
        report->first_value = single;
        if (coding->element_size == 8)
            memcpy(&report->first_value, elements + i * coding->element_size, sizeof report->first_value);
    }
    report->n_values += n_bad;
}

/* How far ahead of the elements that are read others are prefetched, some rows on, where no CPU guesses; 0 for a single
 * row. */
static uintptr_t prefetch_distance(const omf_chunk_encoder *encoder, uint64_t size) {
    if (encoder->n_dims < 2) return 0;
    const uint64_t n_rows = 1 + PREFETCH_AHEAD / (encoder->n_cols * size);
    return (uintptr_t)(n_rows * (uint64_t)encoder->dims[encoder->n_dims - 2].stride);
}

/* Prefetch what will be read soon; it need not exist. */
static void prefetch(uintptr_t at, size_t n_bytes) {
    const uintptr_t end = at + n_bytes;
    for (at &= ~(uintptr_t)63; at < end; at += 64) OMFI_PREFETCH((const void *)at);
}

/* Go n columns on, which end at or before the end of the row. */
static void advance(omf_chunk_encoder *encoder, uint64_t n) {
    encoder->column += n;
    encoder->filled += n;
    if (encoder->column < encoder->n_cols) return;
    encoder->column = 0;
    for (unsigned i = encoder->n_dims - 1; i-- > 0;) {
        const omf_dim *dim = &encoder->dims[i];
        encoder->row += (uint64_t)dim->stride;
        if (++encoder->at[i] < dim->size) return;
        encoder->row -= dim->size * (uint64_t)dim->stride;
        encoder->at[i] = 0;
    }
}

/* How the elements of a row lie in the caller's array. */
typedef struct row_layout {
    int64_t stride, size; /* bytes */
    bool dense;           /* side by side */
    uintptr_t ahead;      /* see prefetch_distance */
} row_layout;

/* Where the next elements of the row lie: at most `limit`, which are prefetched some rows on. *n receives how many. */
static const uint8_t *next_elements(const omf_chunk_encoder *encoder, const row_layout *layout, uint64_t limit,
                                    uint64_t *n) {
    const uint8_t *row = (const uint8_t *)encoder->src->data + (size_t)encoder->row;
    const uint8_t *elements = row + (int64_t)encoder->column * layout->stride;
    const uint64_t left = encoder->n_cols - encoder->column;
    *n = left < limit ? left : limit;
    if (layout->ahead != 0) prefetch((uintptr_t)elements + layout->ahead, (size_t)(*n * (uint64_t)layout->size));
    return elements;
}

/* Copy n elements of a row side by side. */
static void copy_elements(uint8_t *dst, const uint8_t *elements, const row_layout *layout, uint64_t n) {
    if (layout->dense) omfi_copy(dst, elements, (size_t)(n * (uint64_t)layout->size));
    else omfi_copy_strided(dst, layout->size, elements, layout->stride, n, (unsigned)layout->size);
}

/* Where in the window the word of element `index` goes. */
static uint8_t *word_at(const omf_chunk_encoder *encoder, const omfi_coding *coding, uint64_t index) {
    return encoder->scratch + (size_t)((index - encoder->window_start) * coding->word_size);
}

/* Fill the window up to element `end`, each row by itself. */
static void fill_by_rows(omf_chunk_encoder *encoder, const omfi_coding *coding, const row_layout *layout,
                         uint64_t end) {
    while (encoder->filled < end) {
        uint64_t n;
        const uint8_t *elements = next_elements(encoder, layout, end - encoder->filled, &n);
        uint8_t *words = word_at(encoder, coding, encoder->filled);
        if (coding->quantize != NULL) quantize(encoder, coding, words, elements, n, encoder->filled);
        else copy_elements(words, elements, layout, n);
        advance(encoder, n);
    }
}

/* The same for rows that are short or not dense: elements are gathered before they are quantised. */
static void fill_gathering(omf_chunk_encoder *encoder, const omfi_coding *coding, const row_layout *layout,
                           uint64_t end) {
    uint64_t gathered[PIECE];
    while (encoder->filled < end) {
        const uint64_t first = encoder->filled, n_wanted = end - first < PIECE ? end - first : PIECE;
        for (uint64_t done = 0, n; done < n_wanted; done += n) {
            const uint8_t *elements = next_elements(encoder, layout, n_wanted - done, &n);
            copy_elements((uint8_t *)gathered + done * (uint64_t)layout->size, elements, layout, n);
            advance(encoder, n);
        }
        quantize(encoder, coding, word_at(encoder, coding, first), (const uint8_t *)gathered, n_wanted, first);
    }
}

/* Have the window begin with the history of `position`. */
static void slide_window(omf_chunk_encoder *encoder, const omfi_coding *coding) {
    const uint64_t history = omfi_history(encoder->n_rows, encoder->n_cols);
    const uint64_t start = encoder->position < history ? 0 : encoder->position - history;
    memmove(encoder->scratch, word_at(encoder, coding, start), (size_t)((encoder->filled - start) * coding->word_size));
    encoder->window_start = start;
}

/* Fill the window up to element `end`, or as far as it has room after it has been slid. */
static void fill_window(omf_chunk_encoder *encoder, const omfi_coding *coding, uint64_t end) {
    if (end > encoder->n_total) end = encoder->n_total;
    if (end > encoder->window_start + encoder->window_cap) slide_window(encoder, coding);
    if (end > encoder->window_start + encoder->window_cap) end = encoder->window_start + encoder->window_cap;
    const int64_t stride = encoder->dims[encoder->n_dims - 1].stride, size = coding->element_size;
    const bool dense = encoder->n_cols == 1 || stride == size;
    const row_layout layout = {
        .stride = stride,
        .size = size,
        .dense = dense,
        .ahead = dense ? prefetch_distance(encoder, (uint64_t)size) : 0,
    };
    if (coding->quantize != NULL && (!dense || encoder->n_cols < SHORT_ROW))
        fill_gathering(encoder, coding, &layout, end);
    else fill_by_rows(encoder, coding, &layout, end);
}

/* --- coding ------------------------------------------------------------------------------------------------------- */

/* The 2-D filter: words [begin, end) of the window into dst. */
static void filter(const omf_chunk_encoder *encoder, const omfi_coding *coding, void *dst, uint64_t begin,
                   uint64_t end) {
    const uint8_t *words = encoder->scratch + (size_t)((begin - encoder->window_start) * coding->word_size);
    const omfi_filter_range range = omfi_filter_range_of(coding, encoder->n_rows, encoder->n_cols, begin, end);
    const uint64_t n_cols = encoder->n_cols, origin = begin * range.per_element;
    const bool covered = range.from == origin && range.to == end * range.per_element;
    if (!covered) memcpy(dst, words, (size_t)((end - begin) * coding->word_size));
    if (range.from >= range.to) return;
    if (OMFI_BIG_ENDIAN && range.per_element == 2) {
        const uint32_t *halves = (const uint32_t *)encoder->scratch;
        const uint64_t shift = 2 * encoder->window_start;
        for (uint64_t i = range.from; i < range.to; i++)
            ((uint32_t *)dst)[(i - origin) ^ 1] = halves[(i - shift) ^ 1] ^ halves[(i - n_cols - shift) ^ 1];
        return;
    }
    const omfi_kernels *kernels = omfi_kernels_get();
    const omfi_difference_fn difference = coding->stream == OMF_STREAM_XOR
                                              ? kernels->difference_xor32
                                              : kernels->subtract[OMFI_WIDTH_INDEX(coding->width)];
    const size_t skip = (size_t)((range.from - origin) * (coding->word_size / range.per_element));
    difference((uint8_t *)dst + skip, words + skip, (size_t)n_cols, (size_t)(range.to - range.from));
}

omf_status omf_chunk_encoder_init(omf_chunk_encoder *encoder, const omf_codec *codec, const omf_buffer *src,
                                  const omf_dim *dims, unsigned n_dims, omf_overflow overflow, void *scratch,
                                  size_t scratch_size, omf_range_report *report) {
    uint64_t n_rows, n_cols;
    OMFI_TRY(omfi_chunk_check(codec, src, dims, n_dims, &n_rows, &n_cols, NULL));
    for (unsigned i = 0; i < n_dims; i++)
        if (dims[i].start != 0 || dims[i].step != 1 || dims[i].count != dims[i].size) return OMF_ERR_ARGUMENT;
    const omfi_coding coding = omfi_coding_of(codec);
    const uint64_t capacity = omfi_window_capacity(&coding, n_rows, n_cols, scratch_size);
    if (capacity == 0) return OMF_ERR_NO_SPACE;
    encoder->src = src;
    encoder->codec = codec;
    encoder->dims = dims;
    encoder->n_dims = n_dims;
    encoder->overflow = overflow;
    encoder->scratch = scratch;
    encoder->report = report;
    encoder->n_rows = n_rows;
    encoder->n_cols = n_cols;
    encoder->n_total = n_rows * n_cols;
    encoder->position = 0;
    encoder->filled = 0;
    encoder->column = 0;
    encoder->row = src->origin;
    memset(encoder->at, 0, n_dims * sizeof encoder->at[0]);
    encoder->window_start = 0;
    encoder->window_cap = capacity;
    encoder->carry = 0;
    return OMF_OK;
}

omf_status omf_chunk_encoder_next(omf_chunk_encoder *encoder, uint8_t *dst, size_t dst_cap, size_t *written,
                                  bool *done) {
    const omfi_coding coding = omfi_coding_of(encoder->codec);
    const omfi_encode_fn encode_blocks = omfi_kernels_get()->encode[coding.stream][OMFI_WIDTH_INDEX(coding.width)];
    const size_t block_bound = OMFI_BLOCK_BOUND(OMFI_BLOCK, coding.width);
    if (dst_cap < OMFI_FIRST_MAX + block_bound) return OMF_ERR_NO_SPACE;
    size_t size = 0;
    if (encoder->position == 0) fill_window(encoder, &coding, BATCH);
    if (encoder->position == 0 && coding.stream != OMF_STREAM_XOR) {
        encoder->carry = omfi_word_load(encoder->scratch, coding.width);
        size = omfi_first_encode(dst, encoder->carry, coding.width);
        encoder->position = 1;
    }
    while (encoder->position < encoder->n_total) {
        const uint64_t n_blocks = (dst_cap - size) / block_bound;
        uint64_t n = n_blocks * OMFI_BLOCK < BATCH ? n_blocks * OMFI_BLOCK : BATCH;
        if (n == 0) break;
        /* In whole batches: one element more or less would cut short rows into pieces. */
        fill_window(encoder, &coding, omfi_ceil_div(encoder->position + n, BATCH) * BATCH);
        if (encoder->filled < encoder->n_total && encoder->filled - encoder->position < n)
            n = (encoder->filled - encoder->position) / OMFI_BLOCK * OMFI_BLOCK;
        if (n > encoder->n_total - encoder->position) n = encoder->n_total - encoder->position;
        uint64_t filtered[BATCH];
        filter(encoder, &coding, filtered, encoder->position, encoder->position + n);
        size += encode_blocks(dst + size, filtered, (size_t)n, &encoder->carry);
        encoder->position += n;
    }
    *written = size;
    *done = encoder->position == encoder->n_total;
    return OMF_OK;
}

omf_status omf_chunk_encode(uint8_t *dst, size_t dst_cap, size_t *written, const omf_codec *codec,
                            const omf_buffer *src, const omf_dim *dims, unsigned n_dims, omf_overflow overflow,
                            void *scratch, size_t scratch_size, omf_range_report *report) {
    omf_chunk_encoder encoder;
    bool done;
    OMFI_TRY(omf_chunk_encoder_init(&encoder, codec, src, dims, n_dims, overflow, scratch, scratch_size, report));
    const size_t bound = omf_chunk_bound(codec, encoder.n_total);
    if (bound == 0 || dst_cap < bound) return OMF_ERR_NO_SPACE;
    return omf_chunk_encoder_next(&encoder, dst, dst_cap, written, &done);
}
