// SPDX-License-Identifier: MIT
// Compiles if the public headers, each on its own and all together, are good C++.
#include "omf/chunk.h"
#include "omf/format.h"
#include "omf/omf.h"
#include "omf/plan.h"
#include "omf/status.h"
#include "omf/stream.h"
#include "omf/types.h"
#include "omf/version.h"

omf_status decode_one(uint8_t byte) {
    uint8_t value = 0;
    return omf_stream_decode(&value, 1, 1, OMF_STREAM_DELTA, 8, &byte, 1, nullptr);
}
