# SPDX-License-Identifier: MIT
# cython: binding=False, embedsignature.format=clinic
# Python calls methods so made without a tuple of their arguments.
"""One variable of an OM file: its record, its children, its data. `omfiles.OmFileReader` is made from it."""

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_STRIDED, PyBUF_WRITABLE, Py_buffer, PyBuffer_Release, PyObject_GetBuffer
from cpython.number cimport PyNumber_AsSsize_t
from cpython.object cimport PyObject
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from omfiles._core cimport (
    Buffer, acquire, check, omf_header_decode, omf_lut_n_groups, omf_plan_init, omf_record_is_named,
    omf_trailer_decode, omf_type_is_array, omf_type_size
)
from omfiles._native.basic_index cimport Selection, check_out, parse, place, shape_of
from omfiles._native.local_read cimport LutCache, locate_chunks, new_cache, read_plan
from omfiles._native.read_plan cimport make_chunk_plan, make_plan
from omfiles._native.record cimport (
    Ancestor, Node, OmVariable, as_ancestor, copy_node, descend, find_bytes, load_record, locate_child, name_of,
    scalar_of
)
from omfiles._native.result_limit cimport require_size, result_limit
from omfiles._native.result_memory cimport new_result
from omfiles._native.source cimport Failure, Source, open_source, raise_failure, read_bytes, reopen_source
from omfiles.libomf cimport (
    OMF_ERR_NOT_OM, OMF_LEGACY_HEADER_SIZE, OMF_OK, OMF_TRAILER_SIZE, OMF_TYPE_FLOAT_ARRAY, OMF_TYPE_NONE, omf_error,
    omf_plan, omf_record, omf_span, omf_status
)

from omfiles._core import ARRAY_TYPES, COMPRESSIONS
from omfiles.errors import OmFormatError

cdef enum:
    # Results larger than this are allocated only when all their chunks have been found in the file.
    LARGE_RESULT = 256 << 20
    # Searches for children by name before there is a dict of all names, which takes as long.
    FEW_SEARCHES = 8
    # A walk may cost so much, and more for each byte of the file. A variable costs this, and the length of its path.
    WALK_BUDGET = 256 << 20
    WALK_BUDGET_PER_BYTE = 16
    STEP_COST = 128

cdef dict COMPRESSION_NAMES = {code: name for name, code in COMPRESSIONS.items()}
# What `dtype` answers, by type code: a group, scalars, a string, arrays.
cdef tuple ELEMENTS = (type(None), *ARRAY_TYPES, str, *ARRAY_TYPES)
cdef tuple NOTHING = ()

cdef extern from "Python.h":
    ctypedef object (*newfunc)(type cls, object args, PyObject *kwargs)
    int Py_tp_new
    void *PyType_GetSlot(type cls, int slot)


cdef class Reader(Node):
    """A variable of an OM file: an array, a scalar or a group."""

    cdef Source source      # None once closed
    cdef LutCache cache     # made by the first read
    cdef omf_record record  # its pointers lead into the source or into `owner`
    cdef object owner
    cdef tuple dims
    cdef object element     # what `dtype` answers
    cdef dict children_by_name
    cdef unsigned n_searches  # for children by name

    def __init__(self, source, *, storage_options=None, fetch=None):
        if self.dims is not None:
            raise ValueError("the reader has been opened already; make a new one")
        open_root(self, open_source(source, storage_options, fetch))

    # --- life cycle ---------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Close this reader. Children that were opened from it stay open. Closing twice does no harm."""
        with cython.critical_section(self):
            self.source = None
            self.cache = None

    @property
    def closed(self) -> bool:
        """Whether the reader has been closed."""
        return self.source is None

    def __enter__(self):
        return self

    def __exit__(self, exc_type=None, exc_value=None, traceback=None) -> bool:
        self.close()
        return False

    def __reduce__(self):
        cdef Source source = opened(self)
        cdef Ancestor node = as_ancestor(self)
        # Any kind of buffer becomes bytes.
        origin = bytes(source.origin) if source.remote is None and source.name is None else source.origin
        indices = []
        while node.parent is not None:
            indices.append(node.index)
            node = node.parent
        return _reopen, (type(self), origin, indices[::-1]), getattr(self, "__dict__", None) or None

    def __copy__(self):
        cdef Source source = opened(self)
        cdef Reader copy = spawn(self, source, self)
        if source.remote is None and omf_type_is_array(self.record.type):
            copy.cache = lut_cache(self)
        if hasattr(self, "__dict__"):
            copy.__dict__.update(self.__dict__)
        return copy

    def __deepcopy__(self, memo):
        return self.__copy__()

    # --- what it is ---------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """Name of the variable; may be empty."""
        cdef Source _source = opened(self)  # keeps the name
        return name_of(&self.record)

    @property
    def shape(self) -> tuple[int, ...]:
        """Extents of an array; () for scalars and groups."""
        return self.dims

    @property
    def chunks(self) -> tuple[int, ...]:
        """Chunk lengths of an array; () for scalars and groups."""
        opened(self)
        return tuple([self.record.array.chunks[i] for i in range(len(self.dims))])

    @property
    def ndim(self) -> int:
        """Number of dimensions; 0 for scalars and groups."""
        opened(self)
        return len(self.dims)

    @property
    def size(self) -> int:
        """Number of elements; 1 for scalars, 0 for groups."""
        opened(self)
        if self.record.type == OMF_TYPE_NONE:
            return 0
        product = 1
        for extent in self.dims:
            product *= extent
        return product

    @property
    def nbytes(self) -> int:
        """Bytes of the decoded data; of a string, of its UTF-8 form."""
        opened(self)
        if omf_type_is_array(self.record.type):
            return self.size * self.element.itemsize
        return self.record.value_size

    @property
    def dtype(self):
        """numpy.dtype of arrays and numbers, `str` for strings, `type(None)` for groups."""
        opened(self)
        return self.element

    @property
    def is_array(self) -> bool:
        """Whether this is an array."""
        opened(self)
        return omf_type_is_array(self.record.type)

    @property
    def is_scalar(self) -> bool:
        """Whether this is a single number or string."""
        opened(self)
        return is_scalar(&self.record)

    @property
    def is_group(self) -> bool:
        """Whether this only holds children."""
        opened(self)
        return self.record.type == OMF_TYPE_NONE

    @property
    def num_children(self) -> int:
        """Number of children."""
        opened(self)
        return self.record.n_children

    @property
    def compression_name(self) -> str:
        """How the chunks of an array are compressed."""
        require_array(self, "compression_name")
        return COMPRESSION_NAMES[self.record.array.codec.compression]

    @property
    def scale_factor(self) -> float:
        """Steps of one unit to which the floats of an array were rounded."""
        require_array(self, "scale_factor")
        return self.record.array.codec.scale_factor

    @property
    def add_offset(self) -> float:
        """What was added to the floats of an array before scaling."""
        require_array(self, "add_offset")
        return self.record.array.codec.add_offset

    # --- children -----------------------------------------------------------------------------------------------

    def get_child_by_index(self, index):
        """Open the child at a position.

        Parameters
        ----------
        index : int
            From 0 to ``num_children - 1``.

        Returns
        -------
        OmFileReader
            A reader of its own: close it, or let it be collected, independently of this one.

        Examples
        --------
        >>> import numpy as np, omfiles
        >>> omfiles.save("t2m.om", np.zeros((2, 3)), name="t2m", attrs={"units": "K"})
        >>> t2m = omfiles.open("t2m.om")
        >>> [t2m.get_child_by_index(i).name for i in range(t2m.num_children)]
        ['units']
        """
        cdef Source source = opened(self)
        cdef Py_ssize_t position = PyNumber_AsSsize_t(index, OverflowError)
        if position < 0 or position > 0xFFFFFFFF:
            raise OverflowError(f"child index {position} is outside 0 ... 4294967295")
        if position >= self.record.n_children:
            raise ValueError(f"child index {position}: {self.name!r} has {self.record.n_children} children")
        return open_child(self, source, position)

    def get_child_by_name(self, name):
        """Open the first child of this name. Paths are not taken apart; ``reader["a/b"]`` does that.

        Parameters
        ----------
        name : str
            Exact name of a direct child.

        Returns
        -------
        OmFileReader
            A reader of its own.

        Examples
        --------
        >>> import numpy as np, omfiles
        >>> omfiles.save("t2m.om", np.zeros((2, 3)), name="t2m", attrs={"units": "K"})
        >>> omfiles.open("t2m.om").get_child_by_name("units").read_scalar()
        'K'
        """
        cdef Source source = opened(self)
        if not isinstance(name, str):
            raise TypeError(f"a child's name is a str, not {type(name).__name__}")
        index = find_child(self, source, name)
        if index is None:
            raise ValueError(f"{self.name!r} has no child {name!r}")
        return open_child(self, source, index)

    def _get_flat_variable_metadata(self) -> dict[str, OmVariable]:
        """List this variable and all below it by path, in the order of the file."""
        cdef Source source = opened(self)
        cdef Walk walk = walk_from(self, source, True)
        cdef OmVariable node = OmVariable.__new__(OmVariable)
        cdef Reader parent
        cdef str path = "/" + self.name
        cdef str prefix = path + "/"
        cdef list prefixes = []  # of the levels above
        cdef dict found = {path: node}
        fetch_tree(self, source)
        node.name = path
        copy_node(node, self)
        enter(walk, self)
        while True:
            node = OmVariable.__new__(OmVariable)
            if not advance(walk, node):
                return found
            while len(prefixes) > len(walk.above):
                prefix = prefixes.pop()
            node.name = path = prefix + name_of(&walk.record)
            if path not in found:
                found[path] = node
            if walk.record.n_children != 0:
                parent = Reader.__new__(Reader)  # has children, and is nothing else
                copy_node(parent, node)
                parent.record = walk.record
                parent.owner = walk.owner
                enter(walk, parent)
                prefixes.append(prefix)
                prefix = path + "/"

    def _init_from_variable(self, variable):
        """Open a variable that a listing of the same file gave."""
        if not isinstance(variable, OmVariable):
            raise TypeError(f"expected an OmVariable, not {type(variable).__name__}")
        return spawn(self, opened(self), variable)

    # --- data ---------------------------------------------------------------------------------------------------

    def read_scalar(self):
        """Value of a scalar.

        Returns
        -------
        numpy scalar or str
            A number of exactly the stored type, or a string.

        Examples
        --------
        >>> import numpy as np, omfiles
        >>> omfiles.save("t2m.om", np.zeros((2, 3)), attrs={"level": np.int16(500)})
        >>> level = omfiles.open("t2m.om")["level"].read_scalar()
        >>> level.dtype, int(level)
        (dtype('int16'), 500)
        """
        cdef Source source = opened(self)
        if not is_scalar(&self.record):
            raise ValueError(f"{self.name!r} is {kind_of(self)}; only scalars have a value")
        return scalar_of(&self.record, source.name)

    def read_array(self, ranges, *, out=None):
        """Read part of an array; only chunks that touch it are fetched and decoded.

        Parameters
        ----------
        ranges : int, slice, ellipsis, or a tuple of them
            As numpy's basic indexing: integers drop their dimension, slices have any step.
        out : numpy.ndarray, optional
            Receives the result. It has its shape and dtype, and any memory layout.

        Returns
        -------
        numpy.ndarray
            A new C-contiguous array, or `out`. Also for integers in all dimensions it is an array, of no dimension.

        Examples
        --------
        >>> import numpy as np, omfiles
        >>> omfiles.save("rain.om", np.arange(60, dtype="int16").reshape(3, 4, 5))
        >>> rain = omfiles.open("rain.om")
        >>> rain.read_array((0, slice(None, None, -2), 3))
        array([18,  8], dtype=int16)
        >>> days = np.empty((5, 3), "int16")
        >>> _ = rain.read_array((slice(None), 2), out=days.T)
        >>> days[4]
        array([14, 34, 54], dtype=int16)
        """
        return read(self, ranges, out)

    def __getitem__(self, key):
        if isinstance(key, str):
            return self._descend(key)
        return read(self, key, None)

    # --- for the rest of the package; only _reading asks for `_remote` -----------------------------------------------

    def _index_of(self, name):
        """Index of the first child of a name, or None."""
        return find_child(self, opened(self), name)

    def _names(self) -> dict[str, int]:
        """Index of the first child of each name, in file order."""
        return names_of(self, opened(self))

    def _attributes(self) -> dict[str, object]:
        """Values of the attributes by name, in file order."""
        return attributes_of(self, opened(self), True, -1)

    def _open_attributes(self, limit=-1):
        """Readers of the attributes by name, in file order; of no more than `limit`."""
        return attributes_of(self, opened(self), False, limit)

    def _walk(self, *, attributes=False):
        """Visit this variable and all below it, with or without attributes. Records are not fetched together first."""
        return walk_from(self, opened(self), attributes)

    def _plan(self, key, out=None):
        """Resolve a basic selection to a `ReadPlan`: the bytes that it needs are to be brought by the caller."""
        cdef Source source = opened(self)
        if not omf_type_is_array(self.record.type):
            raise ValueError(f"Only arrays can be indexed by position; {self.name!r} is {kind_of(self)}")
        return make_plan(&self.record.array, self.element, key, out, source.name, name_of(&self.record))

    def _plan_chunks(self):
        """Resolve a selection of all to a `ReadPlan` that needs no memory: all elements go to one position."""
        cdef Source source = opened(self)
        require_array(self, "chunks")
        return make_chunk_plan(&self.record.array, self.element, source.name, name_of(&self.record))

    @property
    def _remote(self):
        """The file of a store that this reads from, or None."""
        return opened(self).remote

    @property
    def _span(self) -> tuple[int, int]:
        """Where the record lies in the file, as (start, stop); a legacy file has its header in place of one."""
        return self.span.offset, self.span.offset + self.span.size

    @property
    def _file_size(self) -> int:
        """Bytes of the whole file."""
        return opened(self).size

    def _read_bytes(self, uint64_t start, uint64_t stop):
        """Bytes [start, stop) of the file; those of a store are cached."""
        cdef Source source = opened(self)
        if not start <= stop <= source.size:
            raise ValueError(f"bytes {start} ... {stop} do not lie in a file of {source.size}")
        return read_bytes(source, start, stop - start, self.name)

    def _fetch_tree(self):
        """Have the records of all variables below here, those of a level fetched together."""
        fetch_tree(self, opened(self))


def _reopen(cls, origin, indices):
    """Open a pickled reader: the file again, and the way down to the variable."""
    cdef Reader reader = cls.__new__(cls)
    open_root(reader, reopen_source(origin))
    for index in indices:
        reader = reader.get_child_by_index(index)
    return reader


cdef Source opened(Reader self):
    """The source, kept alive for the caller even if another thread closes the reader."""
    cdef Source source
    with cython.critical_section(self):
        source = self.source
    if source is None:
        raise ValueError("the reader is closed")
    return source


cdef int open_root(Reader self, Source source) except -1:
    """Find the root of a file: through its trailer, or as a legacy file."""
    cdef omf_span span
    cdef omf_error error
    cdef Buffer header
    cdef omf_status status = OMF_ERR_NOT_OM
    refusal = None
    if source.size >= OMF_TRAILER_SIZE:
        status = omf_trailer_decode(&span, source.view(source.size - OMF_TRAILER_SIZE, OMF_TRAILER_SIZE),
                                    OMF_TRAILER_SIZE, source.size, &error)
    if status != OMF_ERR_NOT_OM:
        try:
            check(status, &error, source.name, None, 0)
            self.span = span
            load(self, source, None)
            return 0
        except OmFormatError as damaged:
            refusal = damaged
    header = acquire(read_bytes(source, 0, min(source.size, <uint64_t> OMF_LEGACY_HEADER_SIZE), None), PyBUF_SIMPLE)
    status = omf_header_decode(&self.record.array, <const uint8_t *> header.view.buf, header.view.len, source.size,
                               &error)
    if status == OMF_OK:
        self.record.type = OMF_TYPE_FLOAT_ARRAY
        self.record.n_children = 0
        self.record.name_size = 0
        self.span = omf_span(0, OMF_LEGACY_HEADER_SIZE)
        finish(self, source, None)
        return 0
    if refusal is not None:
        raise refusal
    if status == OMF_ERR_NOT_OM and source.name is None:
        raise OmFormatError(
            f"{error.reason.decode()} (bytes are the content of a file; for its path pass a str)",
            offset=error.offset, field=error.field.decode(),
        )
    check(status, &error, source.name, None, 0)


cdef int load(Reader self, Source source, Reader parent) except -1:
    """Read the record, whose place has been set."""
    finish(self, source,
           load_record(source, self.span, &self.record, NULL if parent is None else &parent.record))
    return 0


cdef int finish(Reader self, Source source, object owner) except -1:
    """Set what follows from the record."""
    cdef unsigned i
    self.owner = owner
    self.element = ELEMENTS[self.record.type]
    self.children_by_name = None
    self.dims = NOTHING
    if omf_type_is_array(self.record.type):
        self.dims = tuple([self.record.array.dims[i] for i in range(self.record.array.n_dims)])
    self.source = source
    return 0


cdef Reader new_like(Reader self):
    cdef type cls = type(self)
    return (<newfunc> PyType_GetSlot(cls, Py_tp_new))(cls, NOTHING, NULL)


cdef Reader spawn(Reader self, Source source, Node node):
    """A reader of the same class and file for the variable at `node`."""
    cdef Reader reader = new_like(self)
    if node.parent is None:
        open_root(reader, source)  # the root of a legacy file has no record
    else:
        copy_node(reader, node)
        load(reader, source, self)
    return reader


cdef Reader open_child(Reader self, Source source, uint32_t index):
    cdef Reader reader = new_like(self)
    locate_child(&self.record, source, index, &reader.span)
    descend(reader, self, &self.record, index, source)
    load(reader, source, self)
    return reader


cdef class Walk:
    """Visits a variable and all below it, depth first and in file order; each is opened when it is its turn.

    Readers are new ones, that of the first variable included. Nothing recurses. After an OmFormatError about one
    variable the walk goes on with the next.
    """

    cdef Source source
    cdef Reader root
    cdef bint with_attributes
    cdef bint started
    cdef list above         # the parents of `parent`, from the root of the walk
    cdef Reader parent      # whose children are visited; None before the first
    cdef uint32_t next      # index of its next child
    cdef Py_ssize_t length  # of its path
    cdef Reader current     # the variable that was visited last, if its children are next
    cdef omf_record record  # of the variable that was visited last; its pointers lead into the source or into `owner`
    cdef object owner
    cdef double budget

    def __iter__(self):
        return self

    def __next__(self):
        cdef Reader reader
        if not self.started:
            self.started = True
            self.current = spawn(self.root, self.source, self.root)
            return self.current
        if self.current is not None:
            enter(self, self.current)
            self.current = None
        elif self.parent is None:
            raise StopIteration
        reader = new_like(self.root)
        while advance(self, reader):
            if self.with_attributes or not is_attribute(&self.record):
                reader.record = self.record
                finish(reader, self.source, self.owner)
                self.current = reader if self.record.n_children != 0 else None
                return reader
        raise StopIteration

    @property
    def depth(self) -> int:
        """Levels from the root of the walk to the variable that was visited last."""
        return 0 if self.parent is None else len(self.above) + 1

    @property
    def index(self) -> int:
        """Index of the variable that was visited last among the children of its parent."""
        return self.next - 1

    def skip_children(self) -> None:
        """Do not visit what is below the variable that was visited last."""
        self.current = None


cdef Walk walk_from(Reader self, Source source, bint with_attributes):
    cdef Walk walk = Walk.__new__(Walk)
    walk.source = source
    walk.root = self
    walk.with_attributes = with_attributes
    walk.above = []
    walk.budget = WALK_BUDGET + <double> WALK_BUDGET_PER_BYTE * source.size
    return walk


cdef int enter(Walk self, Reader node) except -1:
    """Go on with the children of the variable that was visited last."""
    if self.parent is not None:
        self.above.append(self.parent)
        self.length += 1 + node.record.name_size
    self.parent = node
    self.next = 0
    return 0


cdef bint advance(Walk self, Node node) except -1:
    """Let `node` and `self.record` be the next variable; False at the end."""
    cdef const omf_record *parent
    while self.next == self.parent.record.n_children:
        if not self.above:
            return False
        self.next = self.parent.index + 1
        self.length -= 1 + self.parent.record.name_size
        self.parent = self.above.pop()
    parent = &self.parent.record
    self.next += 1
    locate_child(parent, self.source, self.next - 1, &node.span)
    descend(node, self.parent, parent, self.next - 1, self.source)
    self.owner = load_record(self.source, node.span, &self.record, parent)
    self.budget -= STEP_COST + self.length + self.record.name_size
    if self.budget < 0:
        self.above = []
        self.next = parent.n_children
        raise OmFormatError(
            f"the tree is too large for a file of {self.source.size} bytes: too many parents share their children",
            path=self.source.name, variable=name_of(&self.record), offset=node.span.offset, field="child offset",
        )
    return True


cdef list children_elsewhere(Reader self, Source source):
    """The places of the children's records that are not resident, as (start, stop)."""
    cdef omf_span span
    cdef uint32_t i
    places = []
    for i in range(self.record.n_children):
        locate_child(&self.record, source, i, &span)
        if source.view(span.offset, span.size) == NULL:
            places.append((span.offset, span.offset + span.size))
    return places


cdef int fetch_children(Reader self, Source source) except -1:
    if source.remote is not None:
        source.remote.load(children_elsewhere(self, source))
    return 0


cdef int fetch_tree(Reader self, Source source) except -1:
    cdef Reader node
    cdef omf_span span
    cdef uint32_t i
    cdef set seen = set()
    if source.remote is None:
        return 0
    level = [self]
    while level:
        places = [place for node in level for place in children_elsewhere(node, source)]
        if places:
            source.remote.load(places)
        below = []
        for node in level:
            for i in range(node.record.n_children):
                locate_child(&node.record, source, i, &span)
                if span.offset not in seen:
                    seen.add(span.offset)
                    child = open_child(node, source, i)
                    if child.record.n_children != 0:
                        below.append(child)
        level = below
    return 0


cdef object find_child(Reader self, Source source, str name):
    """Index of the first child of a name, or None."""
    cdef omf_span span
    cdef const uint8_t *src
    cdef uint32_t i
    cdef bytes wanted
    cdef Py_ssize_t size
    # A few times it is quicker to compare than to make a dict of all names; who goes on asking gets that.
    if self.children_by_name is None and source.remote is None and self.n_searches < FEW_SEARCHES:
        self.n_searches += 1
        wanted = name.encode(errors="surrogatepass")
        size = len(wanted)
        for i in range(self.record.n_children):
            locate_child(&self.record, source, i, &span)
            _owner = find_bytes(source, span, &self.record, &src)
            if omf_record_is_named(src, span.size, <const char *> wanted, size):
                return i
        return None
    return names_of(self, source).get(name)


cdef dict names_of(Reader self, Source source):
    """Names of the children, decoded once."""
    cdef dict names = self.children_by_name
    cdef omf_span span
    cdef omf_record record
    cdef uint32_t i
    if names is None:
        names = {}
        fetch_children(self, source)
        for i in range(self.record.n_children):
            locate_child(&self.record, source, i, &span)
            _owner = load_record(source, span, &record, &self.record)  # keeps the name
            names.setdefault(name_of(&record), i)
        with cython.critical_section(self):
            if self.children_by_name is None:
                self.children_by_name = names
    return names


cdef dict attributes_of(Reader self, Source source, bint values, Py_ssize_t limit):
    """The attributes by name, of several with one name the first: their values, or readers of them."""
    cdef Reader child = None
    cdef uint32_t i
    cdef str name
    cdef dict found = {}
    fetch_children(self, source)
    for i in range(self.record.n_children):
        if len(found) == limit:
            break
        if child is None:
            child = new_like(self)
        locate_child(&self.record, source, i, &child.span)
        owner = load_record(source, child.span, &child.record, &self.record)  # keeps the name and the value
        if not is_attribute(&child.record):
            continue
        name = name_of(&child.record)
        if name in found:
            continue
        if values:
            found[name] = scalar_of(&child.record, source.name)
        else:
            descend(child, self, &self.record, i, source)
            finish(child, source, owner)
            found[name] = child
            child = None
    return found


cdef bint is_attribute(const omf_record *record):
    """Whether a child is an attribute of its parent. A scalar that has children is a variable without dimensions."""
    return is_scalar(record) and record.n_children == 0


cdef bint is_scalar(const omf_record *record):
    return record.type != OMF_TYPE_NONE and not omf_type_is_array(record.type)


cdef str kind_of(Reader self):
    if self.record.type == OMF_TYPE_NONE:
        return "a group"
    return "an array" if omf_type_is_array(self.record.type) else "a scalar"


cdef int require_array(Reader self, str what) except -1:
    opened(self)
    if not omf_type_is_array(self.record.type):
        raise ValueError(f"{self.name!r} is {kind_of(self)}; only arrays have {what}")
    return 0


cdef object read(Reader self, object key, object out):
    """Read a basic selection into `out`, or into a new array."""
    cdef Selection selection
    cdef Source source
    cdef LutCache cache
    cdef omf_plan plan
    cdef omf_error error
    cdef Failure failure
    cdef Py_buffer view
    cdef size_t itemsize
    cdef int failed
    if not omf_type_is_array(self.record.type):
        opened(self)
        raise ValueError(f"Only arrays can be indexed by position; {self.name!r} is {kind_of(self)}")
    parse(&selection, key, &self.record.array)
    source = opened(self)
    if source.remote is not None:
        return self._read_remote(key, out)
    shape = shape_of(&selection)
    if out is not None:
        check_out(out, shape, self.element)
    if selection.n_elements == 0:
        return new_result(shape, self.element, 0) if out is None else out
    cache = lut_cache(self)
    itemsize = omf_type_size(self.record.type)
    if out is None:
        if selection.n_elements * itemsize > result_limit():
            require_size(shape, itemsize, name_of(&self.record))
        if selection.n_elements * itemsize > LARGE_RESULT:
            check(omf_plan_init(&plan, &self.record.array, selection.select,
                                place(&selection, NULL, NULL, itemsize), &error), &error, source.name, None, 0)
            with nogil:
                failed = locate_chunks(&plan, source, cache, 0, plan.n_chunks, &failure)
            if failed:
                raise_failure(&failure, source, name_of(&self.record))
        out = new_result(shape, self.element, selection.n_elements * itemsize)
    PyObject_GetBuffer(out, &view, PyBUF_STRIDED | PyBUF_WRITABLE)
    try:
        check(omf_plan_init(&plan, &self.record.array, selection.select,
                            place(&selection, view.buf, view.strides, itemsize), &error), &error, source.name, None, 0)
        if read_plan(&plan, source, cache, &failure) != 0:
            raise_failure(&failure, source, name_of(&self.record))
    finally:
        PyBuffer_Release(&view)
    return out


cdef LutCache lut_cache(Reader self):
    cdef LutCache cache
    with cython.critical_section(self):
        if self.cache is None:
            self.cache = new_cache(omf_lut_n_groups(&self.record.array))
        cache = self.cache
    return cache
