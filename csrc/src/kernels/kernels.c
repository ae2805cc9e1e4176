/* SPDX-License-Identifier: MIT */
/* kernels: which table is used. */
#include "kernels/kernels.h"
#include "kernels/cpu.h"
#include "omf/omf.h"

#include <string.h>

static const omfi_kernels *chosen = &omfi_kernels_generic;

/* From the lowest to the best. */
static const struct level {
    const omfi_kernels *kernels;
    bool (*supported)(void);
} levels[] = {
    {&omfi_kernels_generic, omfi_cpu_any},
#if OMFI_X86_64
    {&omfi_kernels_avx2, omfi_cpu_has_avx2},
    {&omfi_kernels_avx512, omfi_cpu_has_avx512},
#endif
#if OMFI_AARCH64
    {&omfi_kernels_neon, omfi_cpu_any},
#endif
};
#define N_LEVELS (sizeof levels / sizeof levels[0])

const omfi_kernels *omfi_kernels_get(void) { return chosen; }

const char *omf_simd_name(void) { return chosen->name; }

const char *omf_simd_available(unsigned index) {
    for (unsigned i = 0; i < N_LEVELS; i++)
        if (levels[i].supported() && index-- == 0) return levels[i].kernels->name;
    return NULL;
}

omf_status omf_simd_select(const char *name) {
    omf_status status = OMF_ERR_ARGUMENT;
    for (unsigned i = 0; i < N_LEVELS; i++) {
        if (name != NULL && strcmp(name, levels[i].kernels->name) != 0) continue;
        if (levels[i].supported()) {
            chosen = levels[i].kernels;
            status = OMF_OK;
        } else if (name != NULL) {
            status = OMF_ERR_UNSUPPORTED;
        }
    }
    return status;
}
