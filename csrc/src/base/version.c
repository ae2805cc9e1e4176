/* SPDX-License-Identifier: MIT */
/* base: the version that runs, which may not be the one that was compiled against. */
#include "omf/version.h"

unsigned omf_abi_version(void) { return OMF_ABI_VERSION; }
