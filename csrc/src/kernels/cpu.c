/* SPDX-License-Identifier: MIT */
/* kernels: detection by CPUID and XGETBV, as the manuals of Intel (volume 1, section 14.3) and AMD describe it. */
#include "kernels/cpu.h"

bool omfi_cpu_any(void) { return true; }

#if OMFI_X86_64
#include <stdint.h>
#if defined(_MSC_VER)
#include <intrin.h>
static void cpuid(uint32_t leaf, uint32_t regs[4]) { __cpuidex((int *)regs, (int)leaf, 0); }
static uint64_t xgetbv(void) { return _xgetbv(0); }
#else
#include <cpuid.h>
static void cpuid(uint32_t leaf, uint32_t regs[4]) {
    if (!__get_cpuid_count(leaf, 0, &regs[0], &regs[1], &regs[2], &regs[3])) regs[0] = regs[1] = regs[2] = regs[3] = 0;
}
static uint64_t xgetbv(void) {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}
#endif

#define BIT(n) ((uint32_t)1 << (n))
#define XCR0_SSE_AVX 0x06u
#define XCR0_AVX512 0xE6u /* and mask registers, upper halves, upper registers */

enum { EAX, EBX, ECX, EDX };

enum { KNOWN = 1, AVX2 = 2, AVX512 = 4 };

static unsigned detect(void) {
    uint32_t basic[4], extended[4], more[4];
    cpuid(1, basic);
    const uint32_t osxsave_avx_popcnt_fma = BIT(27) | BIT(28) | BIT(23) | BIT(12);
    if ((basic[ECX] & osxsave_avx_popcnt_fma) != osxsave_avx_popcnt_fma) return KNOWN;
    if ((xgetbv() & XCR0_SSE_AVX) != XCR0_SSE_AVX) return KNOWN;
    cpuid(7, extended);
    const uint32_t bmi1_avx2_bmi2 = BIT(3) | BIT(5) | BIT(8);
    if ((extended[EBX] & bmi1_avx2_bmi2) != bmi1_avx2_bmi2) return KNOWN;
    cpuid(0x80000001u, more);
    if ((more[ECX] & BIT(5)) == 0) return KNOWN; /* LZCNT */
    const uint32_t f_dq_cd_bw_vl = BIT(16) | BIT(17) | BIT(28) | BIT(30) | BIT(31);
    const uint32_t vbmi_vbmi2_gfni_vnni_vpopcntdq = BIT(1) | BIT(6) | BIT(8) | BIT(11) | BIT(14);
    if ((extended[EBX] & f_dq_cd_bw_vl) != f_dq_cd_bw_vl || (xgetbv() & XCR0_AVX512) != XCR0_AVX512 ||
        (extended[ECX] & vbmi_vbmi2_gfni_vnni_vpopcntdq) != vbmi_vbmi2_gfni_vnni_vpopcntdq)
        return KNOWN | AVX2;
    return KNOWN | AVX2 | AVX512;
}

/* Asked once: on a virtual machine each CPUID takes some 30 microseconds. Threads that ask at the same time find the
 * same answer. */
static bool has(unsigned feature) {
    static unsigned cached;
    unsigned features = OMFI_LOAD_RELAXED(&cached);
    if (features == 0) {
        features = detect();
        OMFI_STORE_RELAXED(&cached, features);
    }
    return (features & feature) != 0;
}

bool omfi_cpu_has_avx2(void) { return has(AVX2); }

bool omfi_cpu_has_avx512(void) { return has(AVX512); }
#endif
