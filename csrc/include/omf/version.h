/* SPDX-License-Identifier: MIT */
/* Version of the C library. Semantic: the major number changes when a declaration of these headers changes. */
#ifndef OMF_VERSION_H
#define OMF_VERSION_H

#define OMF_VERSION_MAJOR 0
#define OMF_VERSION_MINOR 1
#define OMF_VERSION_PATCH 0
#define OMF_VERSION_STRING "0.1.0"

#endif
