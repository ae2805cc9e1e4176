/* SPDX-License-Identifier: MIT */
/* kernels: x86-64 with AVX-512 (F, BW, CD, DQ, VL, VBMI, VBMI2, VNNI and VPOPCNTDQ), GFNI, FMA, BMI1, BMI2, LZCNT and
 * POPCNT. */
#include "base/bytes.h"
#include "kernels/choose.h"
#include "kernels/kernels.h"

#include <float.h>
#include <math.h>
#include <stddef.h>

#if OMFI_X86_64
#include <immintrin.h>

#if defined(__clang__)
#pragma clang attribute push(                                                                                          \
    __attribute__((                                                                                                    \
        target("avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq,"        \
               "gfni,fma,bmi,bmi2,lzcnt,popcnt"))),                                                                    \
    apply_to = function)
#elif defined(__GNUC__)
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx512vbmi,avx512vbmi2,avx512vnni,avx512vpopcntdq")
#pragma GCC target("gfni,fma,bmi,bmi2,lzcnt,popcnt")
#endif

#define OMFI_ISA avx512
#define OMFI_FUSED
#define OMFI_NARROW_BLOCKS "kernels/narrow_avx512.h"
#include "kernels/primitives_avx512.h"

#include "kernels/encode_avx512.h"
#include "kernels/kernel_tmpl.h"

#if defined(__clang__)
#pragma clang attribute pop
#elif defined(__GNUC__)
#pragma GCC pop_options
#endif
#else
typedef int omfi_not_x86; /* a translation unit is not empty */
#endif
