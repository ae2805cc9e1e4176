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

#define OMFI_ISA neon
#define OMFI_FUSED
#include "kernels/primitives_neon.h"
#include "kernels/kernel_tmpl.h"
#else
typedef int omfi_not_aarch64; /* a translation unit is not empty */
#endif
