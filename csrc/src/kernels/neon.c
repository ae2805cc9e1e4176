/* SPDX-License-Identifier: MIT */
/* kernels: AArch64, all of which have NEON. */
#include "base/bytes.h"
#include "kernels/choose.h"
#include "kernels/kernels.h"

#include <float.h>
#include <math.h>
#include <stddef.h>

#if OMFI_AARCH64
#include <arm_neon.h>

#define FN(name) OMFI_PASTE(name, _neon)
#define OMFI_FUSED
#include "kernels/primitives_neon.h"

#include "kernels/kernel_tmpl.h"

const omfi_kernels omfi_kernels_neon = OMFI_KERNEL_TABLE("neon");
#else
typedef int omfi_not_aarch64; /* a translation unit is not empty */
#endif
