/* SPDX-License-Identifier: MIT */
/* kernels: everything of one table but its primitives. A kernel file sets the target, defines FN and includes
 * its primitives, then this, then fills the table with OMFI_KERNEL_TABLE. */

#define FNW(name) FN(OMFI_PASTE(name, W))

/* How the low parts of a full block lie: words of 16 and 32 bits vertically, others horizontally; in XOR streams those of
 * up to 32 bits are vertical in any case. */
typedef enum FN(packing) { FN(PACKED_BY_WIDTH), FN(PACKED_AS_XOR), FN(PACKED_HORIZONTALLY) } FN(packing);

#define W 8
#define T uint8_t
#define LOAD(at) (*(at))
#define STORE(at, x) (*(at) = (x))
#include "kernels/width_tmpl.h"

#ifdef OMFI_NARROW_BLOCKS
#include OMFI_NARROW_BLOCKS
#endif

#define W 16
#define T uint16_t
#define LOAD omfi_load16
#define STORE omfi_store16
#include "kernels/width_tmpl.h"

#define W 32
#define T uint32_t
#define LOAD omfi_load32
#define STORE omfi_store32
#define REVERSE omfi_reverse32
#include "kernels/width_tmpl.h"

#define W 64
#define T uint64_t
#define LOAD omfi_load64
#define STORE omfi_store64
#define REVERSE omfi_reverse64
#include "kernels/width_tmpl.h"

#include "kernels/convert_tmpl.h"

#define RESTORED(FLOAT, INTEGER, MARK, x)                                                                              \
    ((INTEGER)(x) == (MARK) ? (FLOAT)NAN : FN(quotient_##FLOAT)((FLOAT)(INTEGER)(x), scale, multiplies) - offset)

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

#define OMFI_KERNEL_TABLE(isa)                                                                                         \
    {isa,                                                                                                              \
     {{FN(decode_delta8), FN(decode_delta16), FN(decode_delta32), FN(decode_delta64)},                                 \
      {FN(decode_zigzag8), FN(decode_zigzag16), FN(decode_zigzag32), FN(decode_zigzag64)},                             \
      {NULL, NULL, FN(decode_xor32), FN(decode_xor64)}},                                                               \
     {{FN(encode_delta8), FN(encode_delta16), FN(encode_delta32), FN(encode_delta64)},                                 \
      {FN(encode_zigzag8), FN(encode_zigzag16), FN(encode_zigzag32), FN(encode_zigzag64)},                             \
      {NULL, NULL, FN(encode_xor32), FN(encode_xor64)}},                                                               \
     {FN(add8), FN(add16), FN(add32), FN(add64)},                                                                      \
     FN(exclusive_or32),                                                                                               \
     {FN(subtract8), FN(subtract16), FN(subtract32), FN(subtract64)},                                                  \
     FN(difference_xor32),                                                                                             \
     {FN(unfilter_add8), FN(unfilter_add16), FN(unfilter_add32)},                                                      \
     FN(unfilter_xor32),                                                                                               \
     FN(unfilter_i16),                                                                                                 \
     FN(unfilter_i32),                                                                                                 \
     FN(restore_i16),                                                                                                  \
     FN(restore_i16_log),                                                                                              \
     FN(restore_i32),                                                                                                  \
     FN(restore_i64),                                                                                                  \
     FN(look_up),                                                                                                      \
     FN(stream),                                                                                                       \
     FN(quantize_i16),                                                                                                 \
     FN(quantize_i16_log),                                                                                             \
     FN(quantize_i32),                                                                                                 \
     FN(quantize_i64)}
