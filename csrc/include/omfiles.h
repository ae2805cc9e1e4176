/* SPDX-License-Identifier: MIT */
/* The functions of the core that live in the Python package omfiles, for extension modules in C and C++:
 *
 *     #include <omfiles.h>
 *
 *     const omfiles_api *omf = omfiles_import();
 *     if (omf == NULL) return NULL;
 *     status = omf->chunk_decode(...);
 *
 * Nothing is linked. This is the only header that needs Python; what the functions do is said in the others, where their
 * names begin with omf_. None of them needs the GIL. */
#ifndef OMFILES_H
#define OMFILES_H

#include <Python.h>

#include "omfiles_table.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The table of the installed package, which is valid for as long as the process lives. NULL and an ImportError if there
 * is none, if it has another version, or if it lacks functions that this header declares. Needs the GIL. */
static inline const omfiles_api *omfiles_import(void) {
    const omfiles_api *api = (const omfiles_api *)PyCapsule_Import("omfiles._core._C_API", 0);
    if (api == NULL) return NULL;
    if (api->version != OMF_ABI_VERSION || api->size < sizeof(omfiles_api)) {
        PyErr_Format(
            PyExc_ImportError,
            "this module was compiled for version %d of the C API of omfiles with %d bytes of functions, but the "
            "installed omfiles has version %d with %d bytes: compile it again, or upgrade omfiles",
            (int)OMF_ABI_VERSION, (int)sizeof(omfiles_api), (int)api->version, (int)api->size);
        return NULL;
    }
    return api;
}

#ifdef __cplusplus
}
#endif
#endif
