/* SPDX-License-Identifier: MIT */
/* The OM file format in C: include this, or the single headers.
 *
 * Three promises hold for every function:
 *  - none allocates, opens, reads or writes files: ask for a size, bring memory and bytes;
 *  - none reads outside its input or writes outside its output, whatever the input says;
 *  - all are re-entrant. The one global, the table of kernels, is chosen by omf_simd_select.
 * Parameters that say nothing else are required (not NULL). Destinations come first. */
#ifndef OMF_OMF_H
#define OMF_OMF_H

#include "chunk.h"
#include "format.h"
#include "plan.h"
#include "status.h"
#include "stream.h"
#include "types.h"
#include "version.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Choose the instruction set: one of omf_simd_available, or NULL for the best that this CPU has. Until called, "generic"
 * is used. OMF_ERR_ARGUMENT for a name that this build does not know, OMF_ERR_UNSUPPORTED if the CPU lacks it; the
 * choice then stays. Results never depend on it. Not thread-safe: call it before the other functions, or while none
 * runs. */
OMF_API omf_status omf_simd_select(const char *name);

/* Name of the chosen instruction set. */
OMF_API const char *omf_simd_name(void);

/* The index-th instruction set that this CPU and build have, from the lowest; NULL behind the last. */
OMF_API const char *omf_simd_available(unsigned index);

#ifdef __cplusplus
}
#endif
#endif
