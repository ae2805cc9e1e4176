/* SPDX-License-Identifier: MIT */
/* format: checks of an array description that records and legacy headers share. */
#ifndef OMFI_ARRAY_H
#define OMFI_ARRAY_H

#include "omf/format.h"

/* Compute array->n_chunks from checked dims and chunks; fails with `status` if the bytes of the array do not fit 63
 * bits. dims_offset is where the dimensions stand in the file. */
omf_status omfi_array_count(omf_array *array, omf_status status, uint64_t dims_offset, omf_error *err);

/* Hold the number of elements against the data_size bytes that could hold them. */
omf_status omfi_array_check_size(const omf_array *array, uint64_t data_size, uint64_t dims_offset, omf_error *err);

#endif
