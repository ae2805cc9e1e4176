# SPDX-License-Identifier: MIT
"""The records of a file: where they lie, what they say."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from omfiles._native.source cimport Source
from omfiles.libomf cimport omf_record, omf_span


# A place in the tree of a file.
cdef class Node:
    cdef omf_span span      # of the record
    cdef tuple above        # the parent's way: (its parent's way, its index, its offset); None for the root
    cdef tuple way          # (above, index, offset) of this one, made when it is needed
    cdef uint32_t index     # among the parent's children
    cdef Py_ssize_t depth
    # Offsets of the records from the root to here: the lowest and the highest; distant ones in sets of BLOCK_LEVELS.
    cdef uint64_t lowest
    cdef uint64_t highest
    cdef tuple blocks


# The place of a variable that a listing found.
cdef class OmVariable(Node):
    cdef readonly str name


# Be the root.
cdef void start_at(Node self, omf_span span)
cdef void copy_place(Node self, Node other)
# Be a child, whose span is set, of `parent` with this record. A record that is among its own ancestors is refused.
cdef int descend(Node self, Node parent, const omf_record *of_parent, uint32_t index, Source source) except -1
cdef tuple way_of(Node self)

# Find the bytes of a record, a child of `parent` (NULL for the root); returns what keeps them if the source does not.
cdef object find_bytes(Source source, omf_span span, const omf_record *parent, const uint8_t **src)
# Decode a record, a child of `parent` (NULL for the root); returns what keeps its bytes if that is not the source.
cdef object load_record(Source source, omf_span span, omf_record *record, const omf_record *parent)
# Find the record of a child.
cdef int locate_child(const omf_record *record, Source source, uint32_t index, omf_span *span) except -1
cdef str name_of(const omf_record *record)
# The value of a scalar.
cdef object scalar_of(const omf_record *record, object path)
