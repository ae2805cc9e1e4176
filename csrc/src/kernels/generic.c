/* SPDX-License-Identifier: MIT */
/* kernels: the portable table, which defines what all others compute. */
#include "base/bytes.h"
#include "kernels/choose.h"
#include "kernels/kernels.h"

#include <float.h>
#include <math.h>
#include <stddef.h>

#define FN(name) OMFI_PASTE(name, _generic)
#include "kernels/primitives_generic.h"

#include "kernels/kernel_tmpl.h"

const omfi_kernels omfi_kernels_generic = OMFI_KERNEL_TABLE("generic");
