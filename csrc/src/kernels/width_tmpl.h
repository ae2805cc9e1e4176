/* SPDX-License-Identifier: MIT */
/* kernels: all that is made for each width of words, which these macros describe; they are undefined again here:
 *
 *     WORD_BITS                8, 16, 32, 64
 *     word_t                   the unsigned type
 *     LOAD_WORD, STORE_WORD    unaligned, little-endian
 *     REVERSE_WORD             reverses the bits of words of 32 and 64 bits */
#if !defined(WORD_BITS) || !defined(word_t) || !defined(LOAD_WORD) || !defined(STORE_WORD)
#error "width_tmpl.h needs WORD_BITS, word_t, LOAD_WORD and STORE_WORD"
#endif
#if WORD_BITS >= 32 && !defined(REVERSE_WORD)
#error "width_tmpl.h needs REVERSE_WORD, with which XOR streams are packed"
#endif
#include "kernels/horizontal_tmpl.h"
#include "kernels/decode_tmpl.h"
#include "kernels/encode_tmpl.h"
#include "kernels/difference_tmpl.h"

#undef WORD_BITS
#undef word_t
#undef LOAD_WORD
#undef STORE_WORD
#undef REVERSE_WORD
