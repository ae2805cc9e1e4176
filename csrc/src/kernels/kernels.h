/* SPDX-License-Identifier: MIT */
/* kernels: the table of hot loops. There is one table for each instruction set; `generic` is the definition, and the
 * others give the same results, bit for bit. Which one is used is asked once for each chunk or stream. */
#ifndef OMFI_KERNELS_H
#define OMFI_KERNELS_H

#include "base/compiler.h"
#include "omf/chunk.h"
#include "omf/stream.h"

/* Join two names; both are expanded first. */
#define OMFI_PASTE_(a, b) a##b
#define OMFI_PASTE(a, b) OMFI_PASTE_(a, b)

/* A name as a string; it is expanded first. */
#define OMFI_STRING_(a) #a
#define OMFI_STRING(a) OMFI_STRING_(a)

#define OMFI_BLOCK 128 /* values of a full block (format.md, section 5) */

/* No block of n values takes more bytes, whoever wrote it; for XOR streams the byte in front is counted. A value takes
 * a whole word of low bits, an exception of nine bytes and its position; there are four bytes of headers (kind, count,
 * leading zeros, and the byte 255 of raw exceptions). Only a PATCH block of 64-bit words without room for exceptions
 * can announce longer ones, of up to 255 zero bits. */
#define OMFI_BLOCK_MAX(n, width) ((n) * ((width) == 64 ? 40 : (width) / 8 + 10) + 4)

/* A writer's block: never larger than PLAIN by more than a byte a value (VBYTE's estimate) and four of headers. */
#define OMFI_BLOCK_BOUND(n, width) ((n) * ((width) / 8 + 1) + 4)

/* Index of a word width in the tables: 8 -> 0, 16 -> 1, 32 -> 2, 64 -> 3. */
#define OMFI_WIDTH_INDEX(width) ((width) == 8 ? 0 : (width) == 16 ? 1 : (width) == 32 ? 2 : 3)

/* Where a decoder stands. */
typedef struct omfi_input {
    const uint8_t *at;
    const uint8_t *end;
    bool last;          /* nothing follows `end` */
    const char *reason; /* after a failure: what is wrong with the block at `at` */
} omfi_input;

/* Decode blocks until n_values (a multiple of OMFI_BLOCK, or the rest of the stream) are there, or until what is left
 * of an input that is not the last one might not be a whole block. *n_done receives the number of values. *carry is the
 * value before the first one, afterwards the last one. If dst is NULL, n_values is a multiple of OMFI_BLOCK, and nothing
 * but *carry is wanted. */
typedef omf_status (*omfi_decode_fn)(void *dst, size_t n_values, uint64_t *carry, omfi_input *input, size_t *n_done);

/* Encode n_values (a multiple of OMFI_BLOCK, or the rest of the stream) words; returns the bytes written, at most
 * OMFI_BLOCK_BOUND for each block. */
typedef size_t (*omfi_encode_fn)(uint8_t *dst, const void *src, size_t n_values, uint64_t *carry);

/* words[i] += words[i - distance] (or ^=) for i < n_values; n_values <= distance. */
typedef void (*omfi_accumulate_fn)(void *words, size_t distance, size_t n_values);

/* dst[i] = words[i] - words[i - distance] (or ^) for i < n_values. */
typedef void (*omfi_difference_fn)(void *dst, const void *words, size_t distance, size_t n_values);

/* Add to each of n_rows rows of words, `distance` words apart, the row above it (or ^), and restore its elements; row
 * strides of elements in bytes. `above` is the row above the first one, NULL if it is the chunk's first. Of the words,
 * only the last row is what comes out. A row has at least OMFI_UNFILTER_MIN bytes of words. */
#define OMFI_UNFILTER_MIN 32
typedef void (*omfi_unfilter_fn)(void *dst, int64_t dst_stride, const void *above, void *words, size_t distance,
                                 size_t n_rows, size_t n_cols, float scale_factor, float add_offset);

/* Words -> elements, n_rows times n_cols of them; row strides in bytes. */
typedef void (*omfi_restore_fn)(void *dst, int64_t dst_stride, const void *words, size_t words_stride, size_t n_rows,
                                size_t n_cols, float scale_factor, float add_offset);

/* Words of 16 bits -> what the table has for them. */
typedef void (*omfi_look_up_fn)(void *dst, int64_t dst_stride, const void *words, size_t words_stride, size_t n_rows,
                                size_t n_cols, const float *table);

/* memcpy that leaves full lines out of the caches, where that is cheaper for much memory that nobody reads soon: the CPU
 * does not fetch them first. OMFI_NONTEMPORAL_END comes before anybody else may look. */
typedef void (*omfi_nontemporal_fn)(void *dst, const void *src, size_t n_bytes);

/* Elements -> words; values that cannot be held become the mark for NaN or are clipped. Returns how many there were. */
typedef size_t (*omfi_quantize_fn)(void *words, const void *src, size_t n_values, float scale_factor, float add_offset,
                                   omf_overflow overflow);

typedef struct omfi_kernels {
    const char *name;
    omfi_decode_fn decode[3][4]; /* [omf_stream][width index]; XOR has widths 32 and 64 only */
    omfi_encode_fn encode[3][4];
    omfi_accumulate_fn add[4], exclusive_or32;
    omfi_difference_fn subtract[4], difference_xor32;
    omfi_unfilter_fn unfilter_add[4], unfilter_xor32, unfilter_i16, unfilter_i32; /* not for words of 64 bits */
    omfi_restore_fn restore_i16, restore_i16_log, restore_i32, restore_i64;
    omfi_look_up_fn look_up;
    omfi_nontemporal_fn copy_nontemporal;
    omfi_quantize_fn quantize_i16, quantize_i16_log, quantize_i32, quantize_i64;
} omfi_kernels;

extern const omfi_kernels omfi_kernels_generic;
#if OMFI_X86_64
extern const omfi_kernels omfi_kernels_avx2, omfi_kernels_avx512;
#endif
#if OMFI_AARCH64
extern const omfi_kernels omfi_kernels_neon;
#endif

/* The chosen table. */
const omfi_kernels *omfi_kernels_get(void);

#endif
