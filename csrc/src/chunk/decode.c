/* SPDX-License-Identifier: MIT */
/* chunk: compressed bytes -> elements of the caller's array.
 *
 * Words are decoded into a window in scratch, get their 2-D filter undone there, and are converted and copied row by
 * row to where they belong. A chunk that is larger than the window passes through it in parts; the last row stays for
 * the filter. */
#include "base/bytes.h"
#include "base/checked.h"
#include "base/error.h"
#include "chunk/coding.h"
#include "stream/stream.h"

enum {
    SHORT_ROW = 64,       /* elements; shorter rows are converted together and then copied */
    PIECE = 256,          /* words converted at once where elements do not lie side by side */
    STREAM_MIN = 8 << 20, /* bytes of the caller's array, more than a core's share of the caches */
    STREAM_RUN = 1024,    /* bytes side by side in it; shorter runs have few full lines */
    STAGE = 8192,         /* bytes of elements on their way to such an array */
    PREFETCH_MAX = 1024,  /* bytes; longer rows are followed by the CPU itself */
    PREFETCHED = 1024,    /* bytes whose places are announced at once, not more than a CPU keeps in mind */
    BATCH = 2048, /* words decoded at once, a multiple of OMFI_BLOCK; they are still at hand in the steps that follow */
};

/* --- wanted rows, one after another ------------------------------------------------------------------------------- */

/* Recompute the wanted row's number and place from at[]. */
static void rows_locate(omf_chunk_decoder *decoder) {
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
            rows_locate(decoder);
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

/* Whether rows go past the caches, by way of a stage of STAGE bytes. */
static bool streams(const omf_chunk_decoder *decoder, const omfi_coding *coding) {
    const omf_dim *col = &decoder->dims[decoder->n_dims - 1];
    const omf_dim *row = decoder->n_dims > 1 ? &decoder->dims[decoder->n_dims - 2] : NULL;
    const uint64_t row_size = col->count * coding->element_size;
    if (decoder->dst->size < STREAM_MIN || row_size > STAGE) return false;
    const bool joined = row != NULL && row->stride == (int64_t)row_size;
    return row_size * (joined ? row->count : 1) >= STREAM_RUN;
}

/* Rows that lie side by side in the stage -> the caller's array. */
static void stream_rows(uint8_t *out, int64_t out_stride, const uint8_t *stage, uint64_t n_rows, size_t row_size) {
    const omfi_stream_fn stream = omfi_kernels_get()->stream;
    if (out_stride == (int64_t)row_size) row_size *= (size_t)n_rows, n_rows = 1;
    for (; n_rows > 0; n_rows--, out += out_stride, stage += row_size) stream(out, stage, row_size);
}

/* Rows of words -> rows of the caller's array, by way of the stage. */
static void emit_staged(const omf_chunk_decoder *decoder, const omfi_coding *coding, uint8_t *out, int64_t row_stride,
                        const uint8_t *words, size_t words_stride, uint64_t n_rows, uint64_t n) {
    uint8_t stage[STAGE];
    const size_t row_size = (size_t)n * coding->element_size;
    for (uint64_t done = 0, k; done < n_rows; done += k, out += (int64_t)k * row_stride, words += k * words_stride) {
        k = n_rows - done < STAGE / row_size ? n_rows - done : STAGE / row_size;
        restore_rows(decoder, coding, stage, (int64_t)row_size, words, words_stride, k, n);
        stream_rows(out, row_stride, stage, k, row_size);
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
        if (streams(decoder, coding)) emit_staged(decoder, coding, out, row_stride, words, words_stride, n_rows, n);
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

/* --- finishing ---------------------------------------------------------------------------------------------------- */

/* Whole rows that are wanted one after another, from where the filter stands: both steps at once. Returns how many rows
 * these were. */
static uint64_t finish_rows(omf_chunk_decoder *decoder, const omfi_coding *coding, uint64_t end) {
    const uint64_t n_cols = decoder->n_cols, start = decoder->finished;
    const omf_dim *col = &decoder->dims[decoder->n_dims - 1];
    if (coding->unfilter == NULL || start != decoder->row * n_cols || end - start < n_cols) return 0;
    if (col->step != 1 || col->stride != (int64_t)coding->element_size) return 0;
    if (col->count * coding->word_size < OMFI_UNFILTER_MIN) return 0;
    const omf_dim *row = decoder->n_dims > 1 ? &decoder->dims[decoder->n_dims - 2] : NULL;
    const uint64_t n_rows = row != NULL && row->step == 1 ? rows_together(decoder, end) : 1;
    const int64_t row_stride = n_rows > 1 ? row->stride : 0;
    const size_t row_size = (size_t)col->count * coding->element_size;
    const bool staged = streams(decoder, coding);
    const uint64_t together = staged ? STAGE / row_size : n_rows;
    uint8_t *out = (uint8_t *)decoder->dst->data + (size_t)decoder->out, stage[STAGE];
    uint8_t *words = decoder->scratch + (size_t)((start - decoder->window_start + col->start) * coding->word_size);
    for (uint64_t done = 0, k; done < n_rows; done += k, out += (int64_t)k * row_stride) {
        k = n_rows - done < together ? n_rows - done : together;
        coding->unfilter(staged ? stage : out, staged ? (int64_t)row_size : row_stride,
                         start + done == 0 ? NULL : words - (size_t)(n_cols * coding->word_size), words, (size_t)n_cols,
                         (size_t)k, (size_t)col->count, decoder->codec->scale_factor, decoder->codec->add_offset);
        if (staged) stream_rows(out, row_stride, stage, k, row_size);
        words += (size_t)(k * n_cols * coding->word_size);
    }
    rows_advance(decoder, n_rows);
    return n_rows;
}

/* Undo the filter and copy out up to the element `end`. */
static void finish(omf_chunk_decoder *decoder, const omfi_coding *coding, uint64_t end) {
    while (decoder->finished < end) {
        const uint64_t start = decoder->finished, n_cols = decoder->n_cols;
        uint64_t stop = start + finish_rows(decoder, coding, end) * n_cols;
        if (stop == start) {
            /* Up to the next wanted row, or of this row what is there. */
            const uint64_t wanted = decoder->row > start / n_cols ? decoder->row : start / n_cols + 1;
            stop = coding->unfilter == NULL || wanted > end / n_cols ? end : wanted * n_cols;
            unfilter(decoder, coding, start, stop);
            emit(decoder, coding, start, stop);
        }
        decoder->finished = stop;
    }
}

/* --- decoding ----------------------------------------------------------------------------------------------------- */

omf_status omf_chunk_decoder_init(omf_chunk_decoder *decoder, const omf_buffer *dst, const omf_codec *codec,
                                  const omf_dim *dims, unsigned n_dims, void *scratch, size_t scratch_size,
                                  omf_error *err) {
    uint64_t n_rows, n_cols, last = 0;
    OMFI_TRY(omfi_chunk_check(codec, dst, dims, n_dims, &n_rows, &n_cols, err));
    const omfi_coding coding = omfi_coding_of(codec);
    const uint64_t capacity = omfi_window_capacity(&coding, n_rows, n_cols, scratch_size);
    OMFI_CHECK(capacity != 0, err, OMF_ERR_NO_SPACE, 0, "scratch", "too small for this chunk");
    for (unsigned i = 0; i < n_dims; i++) {
        last = last * dims[i].size + dims[i].start + (dims[i].count - 1) * dims[i].step;
        decoder->at[i] = 0;
    }
    decoder->table = NULL;
    decoder->dst = dst;
    decoder->codec = codec;
    decoder->dims = dims;
    decoder->n_dims = n_dims;
    decoder->scratch = scratch;
    decoder->n_rows = n_rows;
    decoder->n_cols = n_cols;
    decoder->n_stop = last + 1;
    decoder->position = 0;
    decoder->finished = 0;
    decoder->window_start = 0;
    decoder->window_cap = capacity;
    decoder->carry = 0;
    decoder->fed = 0;
    rows_locate(decoder);
    return OMF_OK;
}

/* Whether rows are short and go to a larger array, where they lie where no CPU guesses. */
static bool is_scattered(const omf_chunk_decoder *decoder, const omfi_coding *coding) {
    const omf_dim *col = &decoder->dims[decoder->n_dims - 1];
    return decoder->n_dims > 1 && col->stride == (int64_t)coding->element_size &&
           col->count * coding->element_size <= PREFETCH_MAX && !streams(decoder, coding);
}

/* Announce where the rows go that begin among the next n elements of the chunk. They need not exist. */
static void prefetch_rows(const omf_chunk_decoder *decoder, const omfi_coding *coding, uint64_t n) {
    const omf_dim *row = &decoder->dims[decoder->n_dims - 2];
    const uint64_t row_size = decoder->dims[decoder->n_dims - 1].count * coding->element_size;
    const uint64_t end = omfi_ceil_div(decoder->position + n, decoder->n_cols);
    uint64_t first = omfi_ceil_div(decoder->position, decoder->n_cols);
    if (first < decoder->row) first = decoder->row;
    if (first >= end) return;
    const uint64_t left = row->count - decoder->at[decoder->n_dims - 2];
    uint64_t i = omfi_ceil_div(first - decoder->row, row->step), stop = omfi_ceil_div(end - decoder->row, row->step);
    if (stop > left) stop = left;
    uintptr_t out = (uintptr_t)decoder->dst->data + (uintptr_t)decoder->out + (uintptr_t)i * (uintptr_t)row->stride;
    for (; i < stop; i++, out += (uintptr_t)row->stride)
        for (uintptr_t at = out & ~(uintptr_t)63; at < out + row_size; at += 64) OMFI_PREFETCH_WRITE((const void *)at);
}

/* Whether there are whole blocks in columns that nobody wants, which count only for what comes behind them. */
static bool is_sparse(const omf_chunk_decoder *decoder, const omfi_coding *coding) {
    if (coding->stream == OMF_STREAM_XOR && coding->width == 64) return false; /* rows of the filter are others */
    const omf_dim *col = &decoder->dims[decoder->n_dims - 1];
    return decoder->n_cols - (col->count - 1) * col->step - 1 >= 2 * OMFI_BLOCK;
}

/* Elements to decode next: up to the last wanted one, rounded up to whole blocks, as far as the window has room. */
static uint64_t next_batch(const omf_chunk_decoder *decoder, const omfi_coding *coding) {
    const uint64_t left = decoder->n_rows * decoder->n_cols - decoder->position;
    const uint64_t wanted = decoder->n_stop - decoder->position;
    const uint64_t room = decoder->window_cap - (decoder->position - decoder->window_start);
    const uint64_t single = decoder->position == 0 && coding->stream != OMF_STREAM_XOR; /* the first value */
    uint64_t n = single + omfi_ceil_div(wanted - single, OMFI_BLOCK) * OMFI_BLOCK;
    if (n > left) n = left;
    if (n > BATCH && !is_sparse(decoder, coding)) n = BATCH + single;
    return n <= room ? n : single + (room - single) / OMFI_BLOCK * OMFI_BLOCK;
}

/* How many of the next n elements are treated alike: those in wanted columns and their neighbours, or blocks that nobody
 * wants. */
static uint64_t next_run(const omf_chunk_decoder *decoder, const omfi_coding *coding, uint64_t n, bool *wanted) {
    const omf_dim *col = &decoder->dims[decoder->n_dims - 1];
    const uint64_t n_cols = decoder->n_cols, column = decoder->position % n_cols, start = col->start;
    const uint64_t end = start + (col->count - 1) * col->step + 1;
    *wanted = true;
    if (!is_sparse(decoder, coding)) return n;
    const uint64_t before = column < start ? start - column : column < end ? 0 : n_cols - column + start;
    *wanted = before < OMFI_BLOCK || n < OMFI_BLOCK;
    if (!*wanted) return (before < n ? before : n) / OMFI_BLOCK * OMFI_BLOCK;
    const uint64_t run = before + end - (before == 0 ? column : start);
    const uint64_t whole = omfi_ceil_div(run, OMFI_BLOCK) * OMFI_BLOCK;
    return whole < n ? whole : n;
}

omf_status omf_chunk_decoder_feed(omf_chunk_decoder *decoder, const uint8_t *src, size_t src_len, bool last,
                                  size_t *consumed, bool *done, omf_error *err) {
    const omfi_coding coding = omfi_coding_of(decoder->codec);
    const omfi_decode_fn decode_blocks = omfi_kernels_get()->decode[coding.stream][OMFI_WIDTH_INDEX(coding.width)];
    omfi_input input = {src, src + src_len, last, NULL};
    const bool scattered = is_scattered(decoder, &coding);
    const uint64_t at_once = scattered ? PREFETCHED / coding.element_size : BATCH;
    while (decoder->position < decoder->n_stop) {
        if (decoder->position - decoder->window_start == decoder->window_cap ||
            next_batch(decoder, &coding) == 0) { /* slide the window: only the history stays */
            finish(decoder, &coding, decoder->position);
            const uint64_t filled = decoder->position - decoder->window_start;
            const uint64_t kept = omfi_history(decoder->n_rows, decoder->n_cols);
            const uint64_t gone = filled < kept ? 0 : filled - kept;
            memmove(decoder->scratch, decoder->scratch + (size_t)(gone * coding.word_size),
                    (size_t)((filled - gone) * coding.word_size));
            decoder->window_start += gone;
        }
        const uint64_t begin = decoder->position;
        uint64_t n = next_batch(decoder, &coding);
        uint8_t *words = decoder->scratch + (size_t)(begin - decoder->window_start) * coding.word_size;
        if (begin == 0 && coding.stream != OMF_STREAM_XOR) {
            if (!last && src_len < OMFI_FIRST_MAX) break;
            size_t taken;
            OMFI_TRY(omfi_first_decode(&decoder->carry, coding.width, src, src_len, &taken, err));
            input.at += taken;
            omfi_word_store(words, decoder->carry, coding.width);
            words += coding.word_size;
            decoder->position = 1;
            n--;
        }
        size_t n_done = 0;
        for (uint64_t k; n > 0; n -= n_done, words += n_done * coding.word_size) {
            bool wanted;
            k = next_run(decoder, &coding, n < at_once ? n : at_once, &wanted);
            if (scattered) prefetch_rows(decoder, &coding, k);
            const omf_status status = decode_blocks(wanted ? words : NULL, (size_t)k, &decoder->carry, &input, &n_done);
            OMFI_CHECK(status == OMF_OK, err, status, decoder->fed + (uint64_t)(input.at - src), "block", input.reason);
            decoder->position += n_done;
            if (n_done < k) break;
        }
        /* A row that is not complete yet waits for its rest, unless it is long. */
        const uint64_t in_row = decoder->position % decoder->n_cols;
        const bool waits = decoder->position < decoder->n_stop && coding.unfilter != NULL && in_row < BATCH / 2;
        finish(decoder, &coding, decoder->position - (waits ? in_row : 0));
        if (n > 0) break; /* more input is needed */
    }
    if (streams(decoder, &coding)) OMFI_STREAM_END();
    *consumed = (size_t)(input.at - src);
    decoder->fed += *consumed;
    *done = decoder->position >= decoder->n_stop;
    if (*done && decoder->position == decoder->n_rows * decoder->n_cols)
        OMFI_CHECK(last && input.at == input.end, err, OMF_ERR_TRAILING, decoder->fed, "chunk",
                   "bytes are left over behind the last block");
    return OMF_OK;
}

bool omf_table_fill(float table[OMF_TABLE_LENGTH], const omf_codec *codec) {
    if (!omf_codec_is_valid(codec) || codec->compression != OMF_PFOR_DELTA_2D_INT16_LOGARITHMIC) return false;
    const omfi_restore_fn restore = omfi_coding_of(codec).restore;
    uint16_t words[PIECE];
    for (uint32_t first = 0; first < OMF_TABLE_LENGTH; first += PIECE) {
        for (uint32_t i = 0; i < PIECE; i++) words[i] = (uint16_t)(first + i);
        restore(table + first, 0, words, 0, 1, PIECE, codec->scale_factor, codec->add_offset);
    }
    return true;
}

omf_status omf_chunk_decode(const omf_buffer *dst, const omf_codec *codec, const omf_dim *dims, unsigned n_dims,
                            const uint8_t *src, size_t src_len, void *scratch, size_t scratch_size, omf_error *err) {
    omf_chunk_decoder decoder;
    size_t consumed;
    bool done;
    OMFI_TRY(omf_chunk_decoder_init(&decoder, dst, codec, dims, n_dims, scratch, scratch_size, err));
    return omf_chunk_decoder_feed(&decoder, src, src_len, true, &consumed, &done, err);
}
