/* SPDX-License-Identifier: MIT */
/* What all fuzz targets share. A target takes parameters from the front of its input and hands the rest to the core, in
 * memory of exactly the promised size, so that the address sanitizer sees every byte too many. */
#ifndef OMF_TESTS_FUZZ_H
#define OMF_TESTS_FUZZ_H

#include "omf/omf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)                                                                                             \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: not true with %s kernels: %s\n", __FILE__, __LINE__, omf_simd_name(), #condition); \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

/* For each instruction set of this CPU, from the lowest (number 0). */
#define FOR_EACH_LEVEL(number)                                                                                         \
    for (unsigned number = 0;                                                                                          \
         omf_simd_available(number) != NULL && omf_simd_select(omf_simd_available(number)) == OMF_OK; number++)

/* --- input -------------------------------------------------------------------------------------------------------- */

typedef struct input {
    const uint8_t *at;
    size_t left;
} input;

/* A little-endian number of n_bytes; behind the end, bytes are 0. */
uint64_t take(input *in, unsigned n_bytes);
/* 0 ... limit - 1, from two bytes. */
uint64_t take_below(input *in, uint64_t limit);
/* Numbers that are small, and now and then such that make sums and products overflow. */
uint64_t take_hostile(input *in);

/* Memory of exactly so many bytes, aligned for any type; freed by the caller. */
void *exactly(size_t n_bytes);
void *copy_of(const void *src, size_t n_bytes);

/* --- streams ------------------------------------------------------------------------------------------------------ */

typedef struct stream {
    omf_stream kind;
    unsigned width;
} stream;

stream take_stream(input *in);

/* --- chunks ------------------------------------------------------------------------------------------------------- */

/* A chunk, and what of it lies where in the caller's memory. */
typedef struct chunk {
    omf_codec codec;
    unsigned n_dims;
    uint64_t shape[4];
    size_t n, element_size;
    omf_dim dims[4]; /* the selection */
    size_t size;     /* bytes of memory that it reaches, from 0 on */
    size_t origin;
} chunk;

/* Any codec and shape; all elements, side by side in C order. At most 8192 elements. */
chunk take_chunk(input *in);
/* Any part of it, in any layout of memory. */
void take_selection(chunk *chunk, input *in);

/* Any finite number but 0. */
float take_scale(input *in);

/* omf_chunk_decode, and in pieces of at most `piece` bytes where that is not 0. Returns the memory, with 0x5A wherever
 * nothing was placed, or NULL if the bytes were refused. */
uint8_t *decode_chunk(const chunk *chunk, const uint8_t *bytes, size_t n_bytes, size_t piece);

#endif
