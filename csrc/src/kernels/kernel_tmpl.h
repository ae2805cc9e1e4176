/* SPDX-License-Identifier: MIT */
/* kernels: one table of kernels, made of primitives. A file for an instruction set (`avx2.c`) sets the compiler's target,
 * names itself by OMFI_ISA, includes its primitives, and then this. All functions are static, so that each such file
 * has its own. `primitives_generic.h` is the definition of all primitives.
 *
 * Primitives must define (W: 8, 16, 32 and 64 if nothing else is said):
 *
 *     UNPACK_SLACK                         bytes that unpack_* may read behind the packed ones
 *     MERGE_SLACK                          words that merge* may read behind the exceptions
 *     unpack_verticalW, pack_verticalW     low parts of a full block of words of 16 and 32 bits
 *     unpack_wordsW                        horizontal low parts of words of 16, 32 and 64 bits
 *     unpack_bytes, pack_bytes             horizontal low parts of bytes
 *     integrate_deltaW, integrate_zigzagW  differences to values; integrate_xorW for words of 32 and 64 bits
 *     mergeW                               exceptions of a full PATCH block to their places
 *     lengthsW, count_longer, find_longer  what a writer needs to choose the layout of a block
 *     copy_nontemporal                     memcpy that leaves the caches alone
 *     to_double                            an integer of 64 bits to a double
 *
 * They may define these macros, if they have functions that do better than the text in the templates:
 *
 *     OMFI_HAS_MERGE_BYTES    merge_bytesW: mergeW with exceptions of up to 8 bits, given as bytes; no merge8 then
 *     OMFI_HAS_TAKE           takeW: exceptions side by side
 *     OMFI_HAS_TAKE_BYTES     take_bytesW: the same as bytes, from words of 16 and 32 bits
 *     OMFI_HAS_DIFFERENCES    differencesW, differences_xorW: a writer's differences
 *     OMFI_HAS_CHOOSE         chooseW: a writer's layout, of words of 16, 32 and 64 bits; no lengthsW and so on then
 *     OMFI_HAS_ENCODE_NARROW  encode_narrowW: a writer's blocks of values of up to 8 bits; needs OMFI_HAS_CHOOSE
 *     OMFI_NARROW_BLOCKS      the header with a reader's blocks of values of up to 8 bits: decode_narrow,
 *                             integrate_narrowW of words of 16, 32 and 64 bits, total_narrow
 *     OMFI_FUSED              `fma` is an instruction */
#ifndef OMFI_ISA
#error "a kernel file defines OMFI_ISA, the name of its table, before it includes this"
#endif
#if !defined(UNPACK_SLACK) || !defined(MERGE_SLACK)
#error "primitives define UNPACK_SLACK and MERGE_SLACK"
#endif
#if defined(OMFI_HAS_ENCODE_NARROW) && !defined(OMFI_HAS_CHOOSE)
#error "encode_narrow leaves bytes to no other layout, so that primitives with it bring choose as well"
#endif

/* The name of a function for words of this width. */
#define SUFFIXED(name) OMFI_PASTE(name, WORD_BITS)

/* How the low parts of a full block lie: words of 16 and 32 bits vertically, others horizontally; in XOR streams those of
 * up to 32 bits are vertical in any case. */
typedef enum block_packing { PACKED_BY_WIDTH, PACKED_AS_XOR, PACKED_HORIZONTALLY } block_packing;

#define WORD_BITS 8
#define word_t uint8_t
#define LOAD_WORD(at) (*(at))
#define STORE_WORD(at, x) (*(at) = (x))
#include "kernels/width_tmpl.h"

#ifdef OMFI_NARROW_BLOCKS
#include OMFI_NARROW_BLOCKS
#endif

#define WORD_BITS 16
#define word_t uint16_t
#define LOAD_WORD omfi_load16
#define STORE_WORD omfi_store16
#include "kernels/width_tmpl.h"

#define WORD_BITS 32
#define word_t uint32_t
#define LOAD_WORD omfi_load32
#define STORE_WORD omfi_store32
#define REVERSE_WORD omfi_reverse32
#include "kernels/width_tmpl.h"

#define WORD_BITS 64
#define word_t uint64_t
#define LOAD_WORD omfi_load64
#define STORE_WORD omfi_store64
#define REVERSE_WORD omfi_reverse64
#include "kernels/width_tmpl.h"

#include "kernels/convert_tmpl.h"

#define RESTORED(FLOAT, INTEGER, MARK, x)                                                                              \
    ((INTEGER)(x) == (MARK) ? (FLOAT)NAN : quotient_##FLOAT((FLOAT)(INTEGER)(x), scale, multiplies) - offset)

#define NAME unfilter_i16
#define WORD uint16_t
#define ELEMENT float
#define OP +
#define SCALED
#define RESTORE(x) RESTORED(float, int16_t, INT16_MAX, x)
#include "kernels/unfilter_tmpl.h"

#define NAME unfilter_i32
#define WORD uint32_t
#define ELEMENT float
#define OP +
#define SCALED
#define RESTORE(x) RESTORED(float, int32_t, INT32_MAX, x)
#include "kernels/unfilter_tmpl.h"

#undef RESTORED

#define NAME unfilter_xor32
#define WORD uint32_t
#define ELEMENT uint32_t
#define OP ^
#define RESTORE(x) (x)
#include "kernels/unfilter_tmpl.h"

/* The table of this instruction set. */
const omfi_kernels OMFI_PASTE(omfi_kernels_, OMFI_ISA) = {
    .name = OMFI_STRING(OMFI_ISA),
    .decode =
        {
            [OMF_STREAM_DELTA] = {decode_delta8, decode_delta16, decode_delta32, decode_delta64},
            [OMF_STREAM_ZIGZAG] = {decode_zigzag8, decode_zigzag16, decode_zigzag32, decode_zigzag64},
            [OMF_STREAM_XOR] = {NULL, NULL, decode_xor32, decode_xor64},
        },
    .encode =
        {
            [OMF_STREAM_DELTA] = {encode_delta8, encode_delta16, encode_delta32, encode_delta64},
            [OMF_STREAM_ZIGZAG] = {encode_zigzag8, encode_zigzag16, encode_zigzag32, encode_zigzag64},
            [OMF_STREAM_XOR] = {NULL, NULL, encode_xor32, encode_xor64},
        },
    .add = {add8, add16, add32, add64},
    .exclusive_or32 = exclusive_or32,
    .subtract = {subtract8, subtract16, subtract32, subtract64},
    .difference_xor32 = difference_xor32,
    .unfilter_add = {unfilter_add8, unfilter_add16, unfilter_add32, NULL},
    .unfilter_xor32 = unfilter_xor32,
    .unfilter_i16 = unfilter_i16,
    .unfilter_i32 = unfilter_i32,
    .restore_i16 = restore_i16,
    .restore_i16_log = restore_i16_log,
    .restore_i32 = restore_i32,
    .restore_i64 = restore_i64,
    .look_up = look_up,
    .copy_nontemporal = copy_nontemporal,
    .quantize_i16 = quantize_i16,
    .quantize_i16_log = quantize_i16_log,
    .quantize_i32 = quantize_i32,
    .quantize_i64 = quantize_i64,
};
