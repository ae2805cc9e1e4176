/* SPDX-License-Identifier: MIT */
/* base: filling the error record and passing it on. */
#ifndef OMFI_ERROR_H
#define OMFI_ERROR_H

#include "base/compiler.h"
#include "omf/status.h"

#include <stddef.h>

/* Fill *err (if there is one) and return the status. Out of line: failing is rare and its code should not be in the
 * way. */
omf_status omfi_fail(omf_error *err, omf_status status, uint64_t offset, const char *field, const char *reason);

#define OMFI_CHECK(condition, err, status, offset, field, reason)                                                      \
    do {                                                                                                               \
        if (OMFI_UNLIKELY(!(condition))) return omfi_fail(err, status, offset, field, reason);                         \
    } while (0)

#define OMFI_TRY(expression)                                                                                           \
    do {                                                                                                               \
        const omf_status omfi_status_ = (expression);                                                                  \
        if (OMFI_UNLIKELY(omfi_status_ != OMF_OK)) return omfi_status_;                                                \
    } while (0)

#endif
