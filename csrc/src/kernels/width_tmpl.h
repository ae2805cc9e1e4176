/* SPDX-License-Identifier: MIT */
/* kernels: all that is made for each word width W. */
#include "kernels/horizontal_tmpl.h"
#include "kernels/decode_tmpl.h"
#include "kernels/encode_tmpl.h"
#include "kernels/difference_tmpl.h"

#undef W
#undef T
#undef LOAD
#undef STORE
#undef REVERSE
