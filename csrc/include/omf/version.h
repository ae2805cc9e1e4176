/* SPDX-License-Identifier: MIT */
/* Version of the C library, and of its binary interface. */
#ifndef OMF_VERSION_H
#define OMF_VERSION_H

#include "export.h"

#ifdef __cplusplus
extern "C" {
#endif

#define OMF_VERSION_MAJOR 0
#define OMF_VERSION_MINOR 1
#define OMF_VERSION_PATCH 0
#define OMF_VERSION_STRING "0.1.0"

/* Grows when a signature, the layout of a struct or a number of these headers changes; additions leave it alone. What
 * was compiled with one number works with every library of the same number that is not older. */
#define OMF_ABI_VERSION 1

/* OMF_ABI_VERSION of the library that is running. */
OMF_API unsigned omf_abi_version(void);

#ifdef __cplusplus
}
#endif
#endif
