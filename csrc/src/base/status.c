/* SPDX-License-Identifier: MIT */
/* base: texts of the status codes, and the one place that fills an error record. */
#include "base/error.h"

const char *omf_status_text(omf_status status) {
    switch (status) {
    case OMF_OK: return "no error";
    case OMF_ERR_ARGUMENT: return "invalid argument";
    case OMF_ERR_TRUNCATED: return "the input ends too early";
    case OMF_ERR_CORRUPT: return "the input holds a value that the format does not allow";
    case OMF_ERR_TRAILING: return "the input goes on after its end";
    case OMF_ERR_NOT_OM: return "not an OM file";
    case OMF_ERR_UNSUPPORTED: return "not supported by this version";
    case OMF_ERR_NO_SPACE: return "the output or the scratch memory is too small";
    }
    return "unknown status";
}

omf_status omfi_fail(omf_error *err, omf_status status, uint64_t offset, const char *field, const char *reason) {
    if (err != NULL) {
        err->status = status;
        err->offset = offset;
        err->field = field;
        err->reason = reason;
    }
    return status;
}
