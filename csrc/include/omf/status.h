/* SPDX-License-Identifier: MIT */
/* What went wrong, where, and in which field: status codes and the error record. */
#ifndef OMF_STATUS_H
#define OMF_STATUS_H

#include "export.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Numbers are pinned and grouped by tens; new ones are only ever added. */
typedef enum omf_status {
    OMF_OK = 0,

    OMF_ERR_ARGUMENT = 10, /* the caller broke a documented precondition */

    OMF_ERR_TRUNCATED = 20, /* the input ends before what it announces */

    OMF_ERR_CORRUPT = 30,  /* a value that the format does not allow */
    OMF_ERR_TRAILING = 31, /* the input goes on after its end */
    OMF_ERR_NOT_OM = 32,   /* not an OM file at all */

    OMF_ERR_UNSUPPORTED = 40, /* valid, but not known to this version */

    OMF_ERR_NO_SPACE = 50 /* dst or scratch is too small */
} omf_status;

/* Filled by whoever fails first and passed on unchanged. Every `omf_error *` parameter may be NULL.
 * The strings are static English text: nothing to free, nothing to parse. */
typedef struct omf_error {
    omf_status status;
    uint64_t offset;    /* byte offset of the offence; in the file where the function knows it, else in src */
    const char *field;  /* the field of format.md that is wrong, such as "lut_size" */
    const char *reason; /* what is wrong and what would be right */
} omf_error;

/* A static English sentence for a status. */
OMF_API const char *omf_status_text(omf_status status);

#ifdef __cplusplus
}
#endif
#endif
