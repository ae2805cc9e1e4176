/* SPDX-License-Identifier: MIT */
/* What all C tests share: checks, random numbers, guarded memory, random streams. */
#ifndef OMF_TESTS_COMMON_H
#define OMF_TESTS_COMMON_H

#include "omf/omf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(cond, ...)                                                                                               \
    do {                                                                                                               \
        if (!(cond)) {                                                                                                 \
            fprintf(stderr, "%s:%d: not true: %s\n    ", __FILE__, __LINE__, #cond);                                   \
            fprintf(stderr, __VA_ARGS__);                                                                              \
            fprintf(stderr, "\n");                                                                                     \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

/* --- random numbers: the same on every run ---------------------------------------------------------------------- */

uint64_t rng_next(void);
uint64_t rng_below(uint64_t limit);
uint64_t rng_bits(unsigned n_bits); /* n_bits random bits, 0 ... 64 */
void rng_fill(uint8_t *dst, size_t n_bytes);

/* The low n_bytes of a word, in the byte order of this machine. */
void store_word(void *dst, uint64_t word, size_t n_bytes);

/* --- memory that ends at an unmapped page ----------------------------------------------------------------------- */

typedef struct guard {
    uint8_t *base;
    size_t capacity;
} guard;

guard guard_new(size_t capacity);
/* The last n_bytes of the guard; the bytes in front are marked. */
uint8_t *guard_tail(const guard *g, size_t n_bytes);
/* guard_tail with a copy of src. */
uint8_t *guard_copy(const guard *g, const void *src, size_t n_bytes);
/* Whether the marks in front of the last n_bytes are still there. */
bool guard_intact(const guard *g, size_t n_bytes);

/* --- streams ---------------------------------------------------------------------------------------------------- */

enum { PLAIN, VBYTE, PATCH, CONSTANT }; /* header bits of format.md, section 5 */

typedef struct stream_kind {
    omf_stream kind;
    unsigned width;
    const char *name;
} stream_kind;

#define N_STREAM_KINDS 10
extern const stream_kind STREAM_KINDS[N_STREAM_KINDS];

/* Write one valid block of n <= 128 values with random content; returns its size. At most BLOCK_ROOM bytes.
 * bits: 0 ... width, for width 64 not 63. */
#define BLOCK_ROOM 2600
size_t grow_block(uint8_t *dst, unsigned n, unsigned width, unsigned layout, unsigned bits);

/* Write a valid stream of random blocks; returns its size. dst has (n / 128 + 2) * BLOCK_ROOM bytes. */
size_t grow_stream(uint8_t *dst, size_t n, stream_kind kind);

/* Change, cut or extend some of the n_bytes at random; returns the new size, at most n_bytes + 8. */
size_t damage(uint8_t *bytes, size_t n_bytes);

/* --- SIMD ------------------------------------------------------------------------------------------------------- */

/* Run `test` once at every level of this CPU. */
void at_every_level(void (*test)(void));

#endif
