/* SPDX-License-Identifier: MIT */
/* kernels: the portable table, which defines what all others compute. */
#include "base/bytes.h"
#include "kernels/choose.h"
#include "kernels/kernels.h"

#include <float.h>
#include <math.h>
#include <stddef.h>

#define OMFI_ISA generic
#include "kernels/primitives_generic.h"
#include "kernels/kernel_tmpl.h"
