/* SPDX-License-Identifier: MIT */
/* kernels: what this CPU, and the operating system on it, can do. */
#ifndef OMFI_CPU_H
#define OMFI_CPU_H

#include "base/compiler.h"

#include <stdbool.h>

bool omfi_cpu_any(void);
#if OMFI_X86_64
/* AVX2 with BMI1, BMI2, LZCNT and POPCNT, as all CPUs with AVX2 have them. */
bool omfi_cpu_has_avx2(void);
/* All that, and AVX-512 F, BW, CD, DQ, VL, VBMI, VBMI2, VNNI and VPOPCNTDQ, and GFNI, as CPUs have them since Intel's
 * Ice Lake and AMD's Zen 4. */
bool omfi_cpu_has_avx512(void);
#endif

#endif
