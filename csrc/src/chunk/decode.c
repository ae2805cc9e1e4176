/* SPDX-License-Identifier: MIT */
/* chunk: compressed bytes -> words, in a window in scratch, from where they are scattered. A chunk that is larger than
 * the window passes through it in parts; the last row stays for the filter. */
#include "base/checked.h"
#include "base/error.h"
#include "chunk/scatter.h"
#include "stream/stream.h"

#include <string.h>

enum {
    PREFETCHED = 1024,   /* bytes whose places are prefetched at once, not more than a CPU keeps in mind */
    PREFETCH_MAX = 1024, /* bytes; longer rows are followed by the CPU itself */
    TABLE_PIECE = 256,   /* elements of the table calculated at once */
    BATCH = 2048, /* words decoded at once, a multiple of OMFI_BLOCK; they are still at hand in the steps that follow */
};

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
    omfi_rows_locate(decoder);
    return OMF_OK;
}

/* Whether rows are short and go to a larger array, where they lie where no CPU guesses. */
static bool is_scattered(const omf_chunk_decoder *decoder, const omfi_coding *coding) {
    const omf_dim *col = &decoder->dims[decoder->n_dims - 1];
    if (decoder->n_dims == 1 || col->stride != (int64_t)coding->element_size) return false;
    const uint64_t row_size = col->count * coding->element_size;
    return row_size <= PREFETCH_MAX && decoder->dims[decoder->n_dims - 2].stride != (int64_t)row_size &&
           !omfi_is_nontemporal(decoder, coding);
}

/* A wanted row whose place is prefetched next: its first element, its place, and how many rows follow at equal distances,
 * it included. */
typedef struct next_row {
    uint64_t begin, n_left;
    uintptr_t out;
} next_row;

/* Prefetch the memory of rows that begin among the next n elements of the chunk. They need not exist. */
static void prefetch_rows(const omf_chunk_decoder *decoder, const omfi_coding *coding, next_row *next, uint64_t n) {
    const omf_dim *row = &decoder->dims[decoder->n_dims - 2];
    const uint64_t row_size = decoder->dims[decoder->n_dims - 1].count * coding->element_size;
    if (decoder->row == UINT64_MAX) return;
    if (next->begin <= decoder->row * decoder->n_cols) {
        next->begin = decoder->row * decoder->n_cols;
        next->n_left = row->count - decoder->at[decoder->n_dims - 2];
        next->out = (uintptr_t)decoder->dst->data + (uintptr_t)decoder->out;
    }
    const uint64_t end = decoder->position + n, distance = row->step * decoder->n_cols;
    for (; next->begin < end && next->n_left > 0; next->begin += distance, next->n_left--) {
        const uintptr_t out = next->out, last = out + row_size - 1;
        for (uintptr_t at = out; at < last; at += 64) OMFI_PREFETCH_WRITE((const void *)at);
        OMFI_PREFETCH_WRITE((const void *)last);
        next->out = out + (uintptr_t)row->stride;
    }
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
    *wanted = true;
    if (!is_sparse(decoder, coding)) return n;
    const uint64_t n_cols = decoder->n_cols, column = decoder->position % n_cols;
    const uint64_t start = col->start, end = start + (col->count - 1) * col->step + 1;
    const uint64_t before = column < start ? start - column : column < end ? 0 : n_cols - column + start;
    *wanted = before < OMFI_BLOCK || n < OMFI_BLOCK;
    if (!*wanted) return (before < n ? before : n) / OMFI_BLOCK * OMFI_BLOCK;
    const uint64_t run = before + end - (before == 0 ? column : start);
    const uint64_t whole = omfi_ceil_div(run, OMFI_BLOCK) * OMFI_BLOCK;
    return whole < n ? whole : n;
}

/* Make room in the window: only the history stays. */
static void slide_window(omf_chunk_decoder *decoder, const omfi_coding *coding) {
    omfi_scatter(decoder, coding, decoder->position);
    const uint64_t filled = decoder->position - decoder->window_start;
    const uint64_t kept = omfi_history(decoder->n_rows, decoder->n_cols);
    const uint64_t gone = filled < kept ? 0 : filled - kept;
    memmove(decoder->scratch, decoder->scratch + (size_t)(gone * coding->word_size),
            (size_t)((filled - gone) * coding->word_size));
    decoder->window_start += gone;
}

/* What omf_chunk_decoder_feed decodes with. */
typedef struct feed {
    omfi_input input;
    omfi_decode_fn decode_blocks;
    bool scattered;   /* rows are prefetched */
    uint64_t at_once; /* elements */
    next_row next;
} feed;

/* Decode n elements into the window, or as many as the input has; *n_left receives how many are missing. */
static omf_status decode_batch(omf_chunk_decoder *decoder, const omfi_coding *coding, feed *feed, uint64_t n,
                               uint64_t *n_left) {
    uint8_t *words = decoder->scratch + (size_t)(decoder->position - decoder->window_start) * coding->word_size;
    omf_status status = OMF_OK;
    while (n > 0) {
        bool wanted;
        size_t n_done;
        const uint64_t k = next_run(decoder, coding, n < feed->at_once ? n : feed->at_once, &wanted);
        if (feed->scattered) prefetch_rows(decoder, coding, &feed->next, k);
        status = feed->decode_blocks(wanted ? words : NULL, (size_t)k, &decoder->carry, &feed->input, &n_done);
        if (status != OMF_OK) break;
        decoder->position += n_done;
        words += n_done * coding->word_size;
        n -= n_done;
        if (n_done < k) break;
    }
    *n_left = n;
    return status;
}

/* Elements that can be scattered. A row that is not complete yet waits for its rest, unless it is long. */
static uint64_t complete_elements(const omf_chunk_decoder *decoder, const omfi_coding *coding) {
    const uint64_t in_row = decoder->position % decoder->n_cols;
    const bool waits = decoder->position < decoder->n_stop && coding->unfilter != NULL && in_row < BATCH / 2;
    return decoder->position - (waits ? in_row : 0);
}

omf_status omf_chunk_decoder_feed(omf_chunk_decoder *decoder, const uint8_t *src, size_t src_len, bool last,
                                  size_t *consumed, bool *done, omf_error *err) {
    const omfi_coding coding = omfi_coding_of(decoder->codec);
    const bool scattered = is_scattered(decoder, &coding);
    feed feed = {
        .input = {src, src + src_len, last, NULL},
        .decode_blocks = omfi_kernels_get()->decode[coding.stream][OMFI_WIDTH_INDEX(coding.width)],
        .scattered = scattered,
        .at_once = scattered ? PREFETCHED / coding.element_size : BATCH,
        .next = {0, 0, 0},
    };
    while (decoder->position < decoder->n_stop) {
        const bool is_full = decoder->position - decoder->window_start == decoder->window_cap;
        if (is_full || next_batch(decoder, &coding) == 0) slide_window(decoder, &coding);
        uint64_t n = next_batch(decoder, &coding);
        if (decoder->position == 0 && coding.stream != OMF_STREAM_XOR) {
            if (!last && src_len <= OMFI_FIRST_MAX) break; /* it may be all of the chunk */
            size_t taken;
            OMFI_TRY(omfi_first_decode(&decoder->carry, coding.width, src, src_len, &taken, err));
            omfi_word_store(decoder->scratch, decoder->carry, coding.width);
            feed.input.at += taken;
            decoder->position = 1;
            n--;
        }
        const omf_status status = decode_batch(decoder, &coding, &feed, n, &n);
        if (status != OMF_OK) OMFI_NONTEMPORAL_END();
        OMFI_CHECK(status == OMF_OK, err, status, decoder->fed + (uint64_t)(feed.input.at - src), "block",
                   feed.input.reason);
        omfi_scatter(decoder, &coding, complete_elements(decoder, &coding));
        if (n > 0) break; /* more input is needed */
    }
    if (omfi_is_nontemporal(decoder, &coding)) OMFI_NONTEMPORAL_END();
    *consumed = (size_t)(feed.input.at - src);
    decoder->fed += *consumed;
    *done = decoder->position >= decoder->n_stop;
    if (*done && decoder->position == decoder->n_rows * decoder->n_cols)
        OMFI_CHECK(last && feed.input.at == feed.input.end, err, OMF_ERR_TRAILING, decoder->fed, "chunk",
                   "bytes are left over behind the last block");
    return OMF_OK;
}

bool omf_table_fill(float table[OMF_TABLE_LENGTH], const omf_codec *codec) {
    if (!omf_codec_is_valid(codec) || codec->compression != OMF_PFOR_DELTA_2D_INT16_LOGARITHMIC) return false;
    const omfi_restore_fn restore = omfi_coding_of(codec).restore;
    uint16_t words[TABLE_PIECE];
    for (uint32_t first = 0; first < OMF_TABLE_LENGTH; first += TABLE_PIECE) {
        for (uint32_t i = 0; i < TABLE_PIECE; i++) words[i] = (uint16_t)(first + i);
        restore(table + first, 0, words, 0, 1, TABLE_PIECE, codec->scale_factor, codec->add_offset);
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
