/* SPDX-License-Identifier: MIT */
/* Many threads over one plan, one array and one table of kernels: each encodes, looks up, decodes its share of the chunks
 * into memory that all share, and all of them into its own. Meant for the thread sanitizer. */
#include "common.h"

#include <pthread.h>

enum {
    N_THREADS = 8,
    ROWS = 60,
    COLS = 70,
    CHUNK_ROWS = 7,
    CHUNK_COLS = 16,
    N = ROWS * COLS,
    ROUNDS = 4,
    ROOM = 1 << 20
};

/* A file in memory: its chunks, back to back, then the look-up table. */
static omf_array array;
static float elements[N];
static uint8_t file[ROOM];
static float together[N];
static omf_plan shared_plan;

static omf_plan plan_of(float *memory) {
    const omf_select select[2] = {{0, ROWS, 1, COLS * sizeof(float)}, {0, COLS, 1, sizeof(float)}};
    omf_plan plan;
    CHECK(omf_plan_init(&plan, &array, select, (omf_buffer){memory, sizeof elements, 0}, NULL) == OMF_OK, "plan");
    return plan;
}

static size_t encode(const omf_cursor *cursor, uint8_t *dst, size_t cap, void *scratch, size_t scratch_size) {
    omf_range_report report = {0, 0, 0};
    omf_buffer from = cursor->buffer;
    size_t written;
    from.data = elements;
    CHECK(omf_chunk_encode(dst, cap, &written, &array.codec, &from, cursor->dims, 2, OMF_OVERFLOW_NAN, scratch,
                           scratch_size, &report) == OMF_OK,
          "encode");
    return written;
}

static void write_file(void) {
    static uint64_t entries[N];
    static uint64_t scratch[1 << 13];
    const omf_codec codec = {OMF_TYPE_FLOAT_ARRAY, OMF_PFOR_DELTA_2D_INT16, 20, 0};
    const uint64_t dims[2] = {ROWS, COLS}, lengths[2] = {CHUNK_ROWS, CHUNK_COLS};
    CHECK(omf_array_init(&array, &codec, 2, dims, lengths, NULL) == OMF_OK, "array");
    for (unsigned i = 0; i < N; i++) elements[i] = (float)(int)(rng_below(400)) / 20 + (float)(i / COLS);
    const omf_plan plan = plan_of(elements);
    omf_cursor cursor;
    omf_cursor_seek(&cursor, &plan, 0);
    size_t n = 0;
    entries[0] = 3;
    do {
        const size_t at = (size_t)entries[n];
        entries[++n] = at + encode(&cursor, file + at, ROOM - at, scratch, sizeof scratch);
    } while (omf_cursor_next(&cursor));
    const size_t group_size = omf_lut_group_size(entries, n + 1), n_groups = (size_t)omf_lut_n_groups(&array);
    array.lut = (omf_span){entries[n], group_size * n_groups};
    CHECK(omf_lut_encode(file + entries[n], ROOM - (size_t)entries[n], entries, n + 1, group_size) == OMF_OK, "table");
    array.file_size = array.lut.offset + array.lut.size;
}

static uint64_t locate(uint64_t number) {
    const omf_span range = omf_lut_range(&array, number / OMF_LUT_GROUP, number / OMF_LUT_GROUP);
    uint64_t entries[OMF_LUT_GROUP];
    unsigned n;
    CHECK(omf_lut_decode(entries, &n, &array, number / OMF_LUT_GROUP, file + range.offset, (size_t)range.size, NULL) ==
              OMF_OK,
          "table");
    return entries[number % OMF_LUT_GROUP];
}

static void decode(const omf_plan *plan, uint64_t index, void *scratch, size_t scratch_size) {
    omf_cursor cursor;
    omf_cursor_seek(&cursor, plan, index);
    const uint64_t begin = locate(cursor.chunk), end = locate(cursor.chunk + 1);
    CHECK(omf_cursor_check(&cursor, begin, end, NULL) == OMF_OK &&
              omf_cursor_decode(&cursor, file + begin, (size_t)(end - begin), scratch, scratch_size, NULL) == OMF_OK,
          "chunk %u", (unsigned)index);
}

static void *work(void *argument) {
    const unsigned thread = *(const unsigned *)argument;
    float *own = calloc(N, sizeof *own);
    uint8_t *bytes = malloc(ROOM);
    const size_t room = omf_chunk_decode_scratch(&array.codec, array.chunks, 2);
    void *scratch = malloc(room);
    CHECK(own && bytes && scratch && omf_simd_available(0) && omf_simd_name(), "memory");
    const omf_plan plan = plan_of(own);
    for (uint64_t i = thread; i < shared_plan.n_chunks; i += N_THREADS) decode(&shared_plan, i, scratch, room);
    for (uint64_t i = 0; i < plan.n_chunks; i++) {
        omf_cursor cursor;
        omf_cursor_seek(&cursor, &plan, i);
        decode(&plan, i, scratch, room);
        const uint64_t begin = locate(cursor.chunk);
        const size_t n_bytes = encode(&cursor, bytes, ROOM, scratch, room);
        CHECK(begin + n_bytes == locate(cursor.chunk + 1) && memcmp(bytes, file + begin, n_bytes) == 0, "other bytes");
    }
    CHECK(memcmp(own, elements, sizeof elements) == 0, "other elements in thread %u", thread);
    free(own), free(bytes), free(scratch);
    return NULL;
}

static void test_threads(void) {
    pthread_t threads[N_THREADS];
    unsigned numbers[N_THREADS];
    for (unsigned round = 0; round < ROUNDS; round++) {
        memset(together, 0, sizeof together);
        for (unsigned i = 0; i < N_THREADS; i++) {
            numbers[i] = i;
            CHECK(pthread_create(&threads[i], NULL, work, &numbers[i]) == 0, "thread %u", i);
        }
        for (unsigned i = 0; i < N_THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0, "thread %u", i);
        CHECK(memcmp(together, elements, sizeof elements) == 0, "other elements");
    }
}

int main(void) {
    write_file();
    shared_plan = plan_of(together);
    at_every_level(test_threads);
    return 0;
}
