/* SPDX-License-Identifier: MIT */
/* chunk: decoded words of the window -> elements of the caller's array. */
#ifndef OMFI_SCATTER_H
#define OMFI_SCATTER_H

#include "chunk/coding.h"

/* Recompute the wanted row's number and place from at[]. */
void omfi_rows_locate(omf_chunk_decoder *decoder);

/* Whether rows go past the caches, by non-temporal stores; OMFI_NONTEMPORAL_END comes after the last one. */
bool omfi_is_nontemporal(const omf_chunk_decoder *decoder, const omfi_coding *coding);

/* Undo the filter and copy out up to the element `end`, which has been decoded. */
void omfi_scatter(omf_chunk_decoder *decoder, const omfi_coding *coding, uint64_t end);

#endif
