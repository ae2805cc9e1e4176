# SPDX-License-Identifier: MIT
"""The records of a file: where they lie, what they say."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from omfiles._native.source cimport Source
from omfiles.libomf cimport omf_record, omf_span


# A variable as those below it remember it.
cdef class Ancestor:
    cdef Ancestor parent    # None for the root
    cdef uint32_t index     # among the children of `parent`
    cdef uint64_t offset    # of the record


# Where a variable is in the tree of a file.
cdef class Node:
    cdef omf_span span      # of the record
    cdef Ancestor parent    # None for the root
    cdef uint32_t index     # among the children of `parent`
    cdef Py_ssize_t depth   # 0 for the root
    cdef Ancestor ancestor  # this node as an ancestor of others, made when it is needed


# A variable that a listing found.
cdef class OmVariable(Node):
    cdef readonly str name


cdef void copy_node(Node self, Node other)
# Become a child of `parent`, which has this record; the span has been set. Refuses cycles and trees that are too deep.
cdef int descend(Node self, Node parent, const omf_record *parent_record, uint32_t index, Source source) except -1
cdef Ancestor as_ancestor(Node self)

# Find the bytes of a record, a child of `parent` (NULL for the root); returns what keeps them if the source does not.
cdef object find_bytes(Source source, omf_span span, const omf_record *parent, const uint8_t **src)
# Decode a record, a child of `parent` (NULL for the root); returns what keeps its bytes if that is not the source.
cdef object load_record(Source source, omf_span span, omf_record *record, const omf_record *parent)
# Find the record of a child.
cdef int locate_child(const omf_record *record, Source source, uint32_t index, omf_span *span) except -1
cdef str name_of(const omf_record *record)
# The value of a scalar.
cdef object scalar_of(const omf_record *record, object path)
