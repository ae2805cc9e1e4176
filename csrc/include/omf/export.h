/* SPDX-License-Identifier: MIT */
/* OMF_API marks the functions that a shared library of this core exports; in a static one, or inside of another
 * library, they stay private to what they are linked into. */
#ifndef OMF_EXPORT_H
#define OMF_EXPORT_H

#if !defined(OMF_BUILD_SHARED)
#define OMF_API
#elif defined(_WIN32)
#define OMF_API __declspec(dllexport)
#else
#define OMF_API __attribute__((visibility("default")))
#endif

#endif
