/* SPDX-License-Identifier: MIT */
/* chunk: decoded words of the window -> elements of the caller's array: the 2-D filter is undone, and the wanted elements
 * are restored and copied row by row to where they belong (format.md, section 3). */
#include "chunk/scatter.h"
#include "base/bytes.h"
#include "base/checked.h"

enum {
    SHORT_ROW = 64,            /* elements; shorter rows are converted together and then copied */
    PIECE = 256,               /* words converted at once where elements do not lie side by side */
    NONTEMPORAL_MIN = 8 << 20, /* bytes of the caller's array, more than a core's share of the caches */
    NONTEMPORAL_RUN = 1024,    /* bytes side by side in it; shorter runs have few full lines */
    STAGE = 8192,              /* bytes of elements on their way to such an array */
};

/* --- wanted rows, one after another ------------------------------------------------------------------------------- */

void omfi_rows_locate(omf_chunk_decoder *decoder) {
    uint64_t row = 0, out = decoder->dst->origin;
    for (unsigned i = 0; i + 1 < decoder->n_dims; i++) {
        const omf_dim *dim = &decoder->dims[i];
        row = row * dim->size + dim->start + decoder->at[i] * dim->step;
        out += decoder->at[i] * (uint64_t)dim->stride;
    }
    decoder->row = row;
    decoder->out = out;
}

/* Go n rows on; n - 1 of them lie along the innermost of the outer dimensions. */
static void rows_advance(omf_chunk_decoder *decoder, uint64_t n) {
    for (unsigned i = decoder->n_dims - 1; i-- > 0; n = 1) {
        decoder->at[i] += n;
        if (decoder->at[i] < decoder->dims[i].count) {
            omfi_rows_locate(decoder);
            return;
        }
        decoder->at[i] = 0;
    }
    decoder->row = UINT64_MAX; /* behind the last one */
}

/* Rows from here on along the innermost outer dimension that end at or before `end`; the first one does. */
static uint64_t rows_together(const omf_chunk_decoder *decoder, uint64_t end) {
    if (decoder->n_dims == 1) return 1;
    const omf_dim *dim = &decoder->dims[decoder->n_dims - 2];
    const uint64_t left = dim->count - decoder->at[decoder->n_dims - 2], distance = dim->step * decoder->n_cols;
    const uint64_t room = end - (decoder->row + 1) * decoder->n_cols;
    return (left - 1) * distance <= room ? left : room / distance + 1;
}

/* Copy elements of `size` bytes between two matrices; strides in bytes. */
static void copy_matrix(uint8_t *out, int64_t out_row, int64_t out_col, const uint8_t *in, int64_t in_row,
                        int64_t in_col, uint64_t n_rows, uint64_t n_cols, size_t size) {
    if (n_cols == 1) { /* a column is a row of another matrix */
        omfi_copy_strided(out, out_row, in, in_row, n_rows, (unsigned)size);
        return;
    }
    for (; n_rows > 0; n_rows--, out += out_row, in += in_row) {
        if (out_col == (int64_t)size && in_col == (int64_t)size) omfi_copy(out, in, (size_t)n_cols * size);
        else omfi_copy_strided(out, out_col, in, in_col, n_cols, (unsigned)size);
    }
}

/* Words -> elements. */
static void restore_rows(const omf_chunk_decoder *decoder, const omfi_coding *coding, void *dst, int64_t dst_stride,
                         const void *words, size_t words_stride, uint64_t n_rows, uint64_t n_cols) {
    const omf_codec *codec = decoder->codec;
    if (decoder->table != NULL)
        omfi_kernels_get()->look_up(dst, dst_stride, words, words_stride, (size_t)n_rows, (size_t)n_cols,
                                    decoder->table);
    else
        coding->restore(dst, dst_stride, words, words_stride, (size_t)n_rows, (size_t)n_cols, codec->scale_factor,
                        codec->add_offset);
}

bool omfi_is_nontemporal(const omf_chunk_decoder *decoder, const omfi_coding *coding) {
    const omf_dim *col = &decoder->dims[decoder->n_dims - 1];
    const omf_dim *row = decoder->n_dims > 1 ? &decoder->dims[decoder->n_dims - 2] : NULL;
    const uint64_t row_size = col->count * coding->element_size;
    if (decoder->dst->size < NONTEMPORAL_MIN || row_size > STAGE) return false;
    const bool joined = row != NULL && row->stride == (int64_t)row_size;
    return row_size * (joined ? row->count : 1) >= NONTEMPORAL_RUN;
}

/* Rows that lie side by side in the stage -> the caller's array. */
static void copy_rows_nontemporal(uint8_t *out, int64_t out_stride, const uint8_t *stage, uint64_t n_rows,
                                  size_t row_size) {
    const omfi_nontemporal_fn copy = omfi_kernels_get()->copy_nontemporal;
    if (out_stride == (int64_t)row_size) row_size *= (size_t)n_rows, n_rows = 1;
    for (; n_rows > 0; n_rows--, out += out_stride, stage += row_size) copy(out, stage, row_size);
}

/* Rows of words -> rows of the caller's array, by way of the stage. */
static void emit_staged(const omf_chunk_decoder *decoder, const omfi_coding *coding, uint8_t *out, int64_t row_stride,
                        const uint8_t *words, size_t words_stride, uint64_t n_rows, uint64_t n) {
    uint64_t stage[STAGE / 8];
    const size_t row_size = (size_t)n * coding->element_size;
    for (uint64_t done = 0, k; done < n_rows; done += k, out += (int64_t)k * row_stride, words += k * words_stride) {
        k = n_rows - done < STAGE / row_size ? n_rows - done : STAGE / row_size;
        restore_rows(decoder, coding, stage, (int64_t)row_size, words, words_stride, k, n);
        copy_rows_nontemporal(out, row_stride, (const uint8_t *)stage, k, row_size);
    }
}

/* Copy the wanted columns j in [from, to) of n_rows rows to the caller's array. The first of the rows starts at element
 * `start` of the window; one that began in an earlier window wraps there, and is back where its columns are. */
static void emit_rows(const omf_chunk_decoder *decoder, const omfi_coding *coding, uint64_t start, uint64_t n_rows,
                      uint64_t from, uint64_t to) {
    const omf_dim *col = &decoder->dims[decoder->n_dims - 1];
    /* Of a single row step and stride may be anything, also what leads out of the address space. */
    const omf_dim *row = n_rows > 1 ? &decoder->dims[decoder->n_dims - 2] : NULL;
    const int64_t row_stride = row != NULL ? row->stride : 0;
    const size_t word_size = coding->word_size, element_size = coding->element_size;
    const size_t words_stride = row != NULL ? (size_t)(row->step * decoder->n_cols * word_size) : 0;
    const uint64_t n = to - from;
    uint8_t *out = (uint8_t *)decoder->dst->data + (size_t)(decoder->out + from * (uint64_t)col->stride);
    const uint8_t *words = decoder->scratch + (size_t)((start + col->start + from * col->step) * word_size);

    const bool dense = n == 1 || (col->step == 1 && col->stride == (int64_t)element_size);
    const int64_t out_step = dense ? (int64_t)element_size : col->stride, step = (int64_t)(col->step * word_size);
    if (coding->restore == NULL) {
        copy_matrix(out, row_stride, out_step, words, (int64_t)words_stride, step, n_rows, n, element_size);
        return;
    }
    if (dense && n >= SHORT_ROW) {
        if (omfi_is_nontemporal(decoder, coding))
            emit_staged(decoder, coding, out, row_stride, words, words_stride, n_rows, n);
        else restore_rows(decoder, coding, out, row_stride, words, words_stride, n_rows, n);
        return;
    }
    /* What lies apart in the window is gathered, some rows or part of a row at a time. */
    uint64_t picked[PIECE], elements[PIECE];
    const uint64_t together = n < PIECE ? PIECE / n : 1;
    const bool lies_apart = col->step != 1 || (n_rows > 1 && words_stride != n * word_size);
    for (uint64_t done = 0, k; done < n_rows; done += k, out += (int64_t)k * row_stride, words += k * words_stride) {
        k = n_rows - done < together ? n_rows - done : together;
        for (uint64_t j = 0; j < n; j += PIECE) {
            const uint64_t m = n - j < PIECE ? n - j : PIECE;
            const uint8_t *found = words + (size_t)(j * (uint64_t)step);
            if (lies_apart) {
                copy_matrix((uint8_t *)picked, (int64_t)(m * word_size), (int64_t)word_size, found,
                            (int64_t)words_stride, step, k, m, word_size);
                found = (const uint8_t *)picked;
            }
            restore_rows(decoder, coding, elements, 0, found, 0, 1, m * k);
            copy_matrix(out + (int64_t)j * out_step, row_stride, out_step, (const uint8_t *)elements,
                        (int64_t)(m * element_size), (int64_t)element_size, k, m, element_size);
        }
    }
}

/* How many wanted columns lie before chunk column `end`. */
static uint64_t columns_before(const omf_dim *col, uint64_t end) {
    if (end <= col->start) return 0;
    const uint64_t n = col->step == 1 ? end - col->start : omfi_ceil_div(end - col->start, col->step);
    return n < col->count ? n : col->count;
}

/* Copy out what is wanted of the elements [begin, end), which have been filtered. */
static void emit(omf_chunk_decoder *decoder, const omfi_coding *coding, uint64_t begin, uint64_t end) {
    const uint64_t n_cols = decoder->n_cols;
    const omf_dim *col = &decoder->dims[decoder->n_dims - 1];
    while (decoder->row < UINT64_MAX && decoder->row * n_cols < end) {
        const uint64_t base = decoder->row * n_cols, start = base - decoder->window_start;
        const bool begun = begin > base, complete = end - base >= n_cols;
        if (!begun && complete) {
            const uint64_t n_rows = rows_together(decoder, end);
            emit_rows(decoder, coding, start, n_rows, 0, col->count);
            rows_advance(decoder, n_rows);
        } else {
            const uint64_t from = begun ? columns_before(col, begin - base) : 0;
            const uint64_t to = columns_before(col, end - base);
            if (from < to) emit_rows(decoder, coding, start, 1, from, to);
            if (!complete) return;
            rows_advance(decoder, 1);
        }
    }
}

/* --- filter ------------------------------------------------------------------------------------------------------- */

/* Undo the 2-D filter on the elements [begin, end) of the window. Columns that nobody wants may be left alone. */
static void unfilter(const omf_chunk_decoder *decoder, const omfi_coding *coding, uint64_t begin, uint64_t end) {
    const omfi_filter_range range = omfi_filter_range_of(coding, decoder->n_rows, decoder->n_cols, begin, end);
    const uint64_t n_cols = decoder->n_cols, origin = range.per_element * decoder->window_start;
    const omfi_kernels *kernels = omfi_kernels_get();
    if (OMFI_BIG_ENDIAN && range.per_element == 2) {
        uint32_t *words = (uint32_t *)decoder->scratch;
        for (uint64_t i = range.from; i < range.to; i++) words[(i - origin) ^ 1] ^= words[(i - n_cols - origin) ^ 1];
        return;
    }
    const unsigned size = coding->word_size / range.per_element;
    const omfi_accumulate_fn accumulate =
        coding->stream == OMF_STREAM_XOR ? kernels->exclusive_or32 : kernels->add[OMFI_WIDTH_INDEX(coding->width)];
    const omf_dim *col = &decoder->dims[decoder->n_dims - 1];
    const bool all = range.per_element == 2; /* its rows are not the chunk's rows */
    const uint64_t first_col = all ? 0 : col->start;
    const uint64_t last_col = all ? n_cols : col->start + (col->count - 1) * col->step + 1;
    uint64_t row = range.from == n_cols ? n_cols : range.from - range.from % n_cols;
    for (; row < range.to; row += n_cols) {
        const uint64_t from = row + first_col < range.from ? range.from : row + first_col;
        const uint64_t to = row + last_col > range.to ? range.to : row + last_col;
        if (from < to)
            accumulate(decoder->scratch + (size_t)(from - origin) * size, (size_t)n_cols, (size_t)(to - from));
    }
}

/* --- both ---------------------------------------------------------------------------------------------------- */

/* How many whole rows that are wanted one after another can be unfiltered and restored at once, from where the filter
 * stands. */
static uint64_t rows_at_once(const omf_chunk_decoder *decoder, const omfi_coding *coding, uint64_t end) {
    const uint64_t n_cols = decoder->n_cols, start = decoder->finished;
    const omf_dim *col = &decoder->dims[decoder->n_dims - 1];
    if (coding->unfilter == NULL || start != decoder->row * n_cols || end - start < n_cols) return 0;
    if (col->step != 1 || col->stride != (int64_t)coding->element_size) return 0;
    if (col->count * coding->word_size < OMFI_UNFILTER_MIN) return 0;
    const bool are_neighbours = decoder->n_dims > 1 && decoder->dims[decoder->n_dims - 2].step == 1;
    return are_neighbours ? rows_together(decoder, end) : 1;
}

/* Unfilter and restore so many rows, to where they belong. */
static void unfilter_rows(omf_chunk_decoder *decoder, const omfi_coding *coding, uint64_t n_rows) {
    const uint64_t n_cols = decoder->n_cols, start = decoder->finished;
    const omf_dim *col = &decoder->dims[decoder->n_dims - 1];
    const omf_dim *row = n_rows > 1 ? &decoder->dims[decoder->n_dims - 2] : NULL;
    const int64_t row_stride = row != NULL ? row->stride : 0;
    const size_t row_size = (size_t)col->count * coding->element_size;
    const bool staged = omfi_is_nontemporal(decoder, coding);
    const uint64_t together = staged ? STAGE / row_size : n_rows;
    uint64_t stage[STAGE / 8];
    uint8_t *out = (uint8_t *)decoder->dst->data + (size_t)decoder->out;
    uint8_t *words = decoder->scratch + (size_t)((start - decoder->window_start + col->start) * coding->word_size);
    for (uint64_t done = 0, k; done < n_rows; done += k, out += (int64_t)k * row_stride) {
        k = n_rows - done < together ? n_rows - done : together;
        coding->unfilter(staged ? (uint8_t *)stage : out, staged ? (int64_t)row_size : row_stride,
                         start + done == 0 ? NULL : words - (size_t)(n_cols * coding->word_size), words, (size_t)n_cols,
                         (size_t)k, (size_t)col->count, decoder->codec->scale_factor, decoder->codec->add_offset);
        if (staged) copy_rows_nontemporal(out, row_stride, (const uint8_t *)stage, k, row_size);
        words += (size_t)(k * n_cols * coding->word_size);
    }
    rows_advance(decoder, n_rows);
}

void omfi_scatter(omf_chunk_decoder *decoder, const omfi_coding *coding, uint64_t end) {
    while (decoder->finished < end) {
        const uint64_t start = decoder->finished, n_cols = decoder->n_cols, n_rows = rows_at_once(decoder, coding, end);
        uint64_t stop = start + n_rows * n_cols;
        if (n_rows > 0) {
            unfilter_rows(decoder, coding, n_rows);
        } else { /* up to the next wanted row, or of this row what is there */
            const uint64_t wanted = decoder->row > start / n_cols ? decoder->row : start / n_cols + 1;
            stop = coding->unfilter == NULL || wanted > end / n_cols ? end : wanted * n_cols;
            unfilter(decoder, coding, start, stop);
            emit(decoder, coding, start, stop);
        }
        decoder->finished = stop;
    }
}
