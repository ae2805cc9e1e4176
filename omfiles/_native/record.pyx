# SPDX-License-Identifier: MIT
"""The records of a file as objects of Python: nodes of its tree, names, scalars."""

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from omfiles._core cimport acquire, check, omf_record_child, omf_record_decode
from omfiles._native.source cimport Part, Source, read_bytes
from omfiles.libomf cimport (
    OMF_OK, OMF_TYPE_DOUBLE, OMF_TYPE_FLOAT, OMF_TYPE_INT8, OMF_TYPE_INT16, OMF_TYPE_INT32, OMF_TYPE_INT64,
    OMF_TYPE_STRING, omf_error, omf_record, omf_span, omf_status
)

from omfiles._core import ARRAY_TYPES
from omfiles.errors import OmFormatError

MAX_LEVELS = 1000
"""Deeper trees are neither read nor written."""

cdef Py_ssize_t max_depth = MAX_LEVELS - 1

cdef enum:
    # Records mostly stand together: bytes that are read with one, and how many of them before it.
    PART_SIZE = 16384
    PART_BEFORE = 2048

# The types of numeric scalars, by type code.
cdef tuple SCALARS = (None, *[dtype.type for dtype in ARRAY_TYPES])


@cython.final
@cython.no_gc
cdef class Ancestor:
    pass


cdef class Node:
    pass


cdef class OmVariable(Node):
    """Where a variable lies in its file; made by listings, not by users.

    Attributes
    ----------
    name : str
        Path of the variable: for each level ``"/"`` and the name.
    offset, size : int
        The bytes of its record in the file.
    """

    def __init__(self):
        raise TypeError("OmVariable objects come from the listing of a reader and cannot be made otherwise")

    @property
    def offset(self) -> int:
        return self.span.offset

    @property
    def size(self) -> int:
        return self.span.size

    def __repr__(self) -> str:
        return f"OmVariable(name={self.name!r}, offset={self.offset}, size={self.size})"


cdef int locate_child(const omf_record *record, Source source, uint32_t index, omf_span *span) except -1:
    cdef omf_error error
    cdef omf_status status = omf_record_child(record, index, span, &error)
    if status != OMF_OK:
        check(status, &error, source.name, name_of(record), 0)
    return 0


cdef object find_bytes(Source source, omf_span span, const omf_record *parent, const uint8_t **src):
    cdef Part owner = None
    src[0] = source.view(span.offset, span.size)
    if src[0] == NULL:
        owner = find_part(source, span, parent)
        src[0] = owner.start + (span.offset - owner.offset)
    return owner


cdef object load_record(Source source, omf_span span, omf_record *record, const omf_record *parent):
    cdef const uint8_t *src
    cdef omf_error error
    cdef object owner = find_bytes(source, span, parent, &src)
    cdef omf_status status = omf_record_decode(record, src, span.size, span.offset, source.size, &error)
    if status != OMF_OK:
        check(status, &error, source.name, child_of(parent), 0)
    return owner


cdef Part find_part(Source source, omf_span span, const omf_record *parent):
    """Read a record, or find it among those that were read before; from a local file its neighbours come along."""
    cdef Part part
    cdef uint64_t start = span.offset, stop = span.offset + span.size
    with cython.critical_section(source):
        part = source.part
    if part is not None and part.offset <= start and stop <= part.offset + part.size:
        return part
    if source.remote is None:
        start -= min(start, <uint64_t> PART_BEFORE)
        stop = max(stop, min(start + PART_SIZE, source.size))
    part = Part.__new__(Part)
    part.buffer = acquire(read_bytes(source, start, stop - start, child_of(parent)), PyBUF_SIMPLE)
    part.start = <const uint8_t *> part.buffer.view.buf
    part.offset = start
    part.size = stop - start
    if part.size <= PART_SIZE:  # larger ones live as long as who asked for them
        with cython.critical_section(source):
            source.part = part
    return part


cdef object child_of(const omf_record *parent):
    """What messages call a variable whose name cannot be known yet."""
    return "root" if parent == NULL else f"a child of {name_of(parent)}"


cdef void copy_node(Node self, Node other):
    self.span = other.span
    self.parent = other.parent
    self.index = other.index
    self.depth = other.depth
    self.ancestor = other.ancestor


cdef int descend(Node self, Node parent, const omf_record *parent_record, uint32_t index, Source source) except -1:
    cdef Ancestor ancestor = as_ancestor(parent)
    self.parent = ancestor
    self.index = index
    self.depth = parent.depth + 1
    while ancestor is not None:
        if ancestor.offset == self.span.offset:
            raise_misplaced(self, "the record is among its own ancestors; the children of a variable must not contain "
                            "it", parent_record, source)
        ancestor = ancestor.parent
    if self.depth > max_depth:
        raise_misplaced(self, f"child {index} is at level {self.depth + 1}; trees of more than {MAX_LEVELS} levels are "
                        "not supported", parent_record, source)
    return 0


cdef int raise_misplaced(Node self, str reason, const omf_record *parent_record, Source source) except -1:
    raise OmFormatError(reason, path=source.name, variable=name_of(parent_record), offset=self.span.offset,
                        field="child offset")


cdef Ancestor as_ancestor(Node self):
    if self.ancestor is None:
        self.ancestor = Ancestor.__new__(Ancestor)
        self.ancestor.parent = self.parent
        self.ancestor.index = self.index
        self.ancestor.offset = self.span.offset
    return self.ancestor


cdef str name_of(const omf_record *record):
    return PyUnicode_DecodeUTF8(<const char *> record.name, record.name_size, NULL)


cdef object scalar_of(const omf_record *record, object path):
    """The value of a scalar record; numbers are little-endian in files."""
    cdef uint64_t bits = 0
    cdef uint32_t bits32
    cdef float single
    cdef double double_
    cdef size_t i
    if record.type == OMF_TYPE_STRING:
        try:
            return PyUnicode_DecodeUTF8(<const char *> record.value, record.value_size, NULL)
        except UnicodeDecodeError as error:
            # The children's table, which is 8 bytes into the record, tells where the value is in the file.
            offset = record.offset + 8 + (record.value - record.children) + error.start
            raise OmFormatError(
                "the string is not UTF-8", path=path, variable=name_of(record), offset=offset, field="value"
            ) from None
    make = SCALARS[record.type]
    for i in range(record.value_size):
        bits |= <uint64_t> record.value[i] << (8 * i)
    if record.type == OMF_TYPE_FLOAT:
        bits32 = <uint32_t> bits
        memcpy(&single, &bits32, sizeof(single))
        return make(single)
    if record.type == OMF_TYPE_DOUBLE:
        memcpy(&double_, &bits, sizeof(double_))
        return make(double_)
    if record.type == OMF_TYPE_INT8:
        return make(<int8_t> bits)
    if record.type == OMF_TYPE_INT16:
        return make(<int16_t> bits)
    if record.type == OMF_TYPE_INT32:
        return make(<int32_t> bits)
    if record.type == OMF_TYPE_INT64:
        return make(<int64_t> bits)
    return make(bits)
