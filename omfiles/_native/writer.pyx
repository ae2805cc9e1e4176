# SPDX-License-Identifier: MIT
"""The bytes of a file being written: chunks and look-up tables of arrays, records, trailer.

The chunks of large items are encoded by several threads, each of which takes the next few until none are left. When
they are encoded it waits for its turn to append them, so that the file is the same as from one thread.
"""

cimport cython
from cpython.buffer cimport PyBUF_CONTIG, PyBUF_SIMPLE, PyBUF_STRIDED_RO
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy, memset

from omfiles._core cimport (
    Buffer, acquire, check, omf_array_init, omf_chunk_bound, omf_chunk_encode, omf_chunk_encode_scratch,
    omf_chunk_encoder_init, omf_chunk_encoder_next, omf_cursor_next, omf_cursor_seek, omf_header_encode,
    omf_lut_encode, omf_lut_group_size, omf_plan_init, omf_record_encode, omf_record_size, omf_trailer_encode,
)
from omfiles._native.platform cimport omfiles_count
from omfiles.libomf cimport (
    OMF_HEADER_SIZE, OMF_LUT_GROUP, OMF_MAX_DIMS, OMF_OK, OMF_OVERFLOW_CLIP, OMF_OVERFLOW_NAN, OMF_TRAILER_SIZE,
    c_bool, omf_array, omf_buffer, omf_chunk_encoder, omf_codec, omf_compression, omf_cursor, omf_error, omf_overflow,
    omf_plan, omf_range_report, omf_record_spec, omf_select, omf_span, omf_status, omf_type,
)

import os
from queue import SimpleQueue

import numpy as np

from omfiles._native.threads import get_num_threads, share

# Nobody else may have made the file.
PART_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)

cdef enum:
    PIECE = 1 << 20  # bytes that a sink gets at a time; a power of two that caches hold
    ELEMENTS = 1 << 24  # encoded without the GIL at most, so that an interrupt does not wait long
    SPAN = 1 << 19  # bytes of the chunks that a thread takes at a time
    SHARED = 1 << 21  # bytes of an item, for each of its threads at least
    MEMORY = 1 << 23  # bytes of the buffers of all threads


cdef int trust(omf_status status) except -1:
    """Raise for a status that only a mistake of this module can bring about."""
    cdef omf_error error
    error.offset = 0
    error.field = error.reason = NULL
    return check(status, &error, None, None, 0)


cdef class PartFile:
    """A new file that is deleted when this object is, if not before, unless it is given its final name.

    Interrupts arrive between instructions of Python, but not here: none comes between making the file and keeping in
    mind that it is there.
    """

    cdef readonly str path
    cdef readonly int fd    # -1 once closed
    cdef object _pid        # a process forked from this one gets a copy of this object, but not the file
    cdef bint _exists

    def __cinit__(self):
        self.fd = -1

    def __init__(self, str path):
        self.path = path
        self._pid = os.getpid()
        self.fd = os.open(path, PART_FLAGS, 0o666)
        self._exists = True

    def __dealloc__(self):
        try:
            self.remove()
        except OSError:
            pass

    def rename(self, str path) -> None:
        """Close the file and give it its final name, in the place of an older one."""
        self._close()
        os.replace(self.path, path)
        self._exists = False

    def remove(self) -> None:
        """Close the file and delete it."""
        try:
            self._close()
        finally:
            exists, self._exists = self._exists, False
            if exists and os.getpid() == self._pid:
                try:
                    os.unlink(self.path)
                except FileNotFoundError:
                    pass

    cdef int _close(self) except -1:
        # os.close gives the number back even when it fails, so it must not be closed again.
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)
        return 0


@cython.no_gc_clear  # of what `__dealloc__` needs
cdef class Output:
    """Bytes on their way to a sink, which gets them in pieces."""

    cdef object _sink
    cdef object _memory
    cdef Buffer _buffer
    cdef uint8_t *data
    cdef size_t fill
    cdef uint64_t flushed
    cdef readonly bint failed
    cdef readonly bint closed
    cdef object _dropped
    cdef object _pid

    # `dropped` is called with the sink if this object goes before the file is complete or given up. That is no business
    # of a `__del__` in Python: interrupts that arrive there are lost.
    def __init__(self, sink, dropped=None):
        self._sink = sink
        self._dropped = dropped
        self._pid = os.getpid()
        self._memory = np.empty(PIECE, np.uint8)
        self._buffer = acquire(self._memory, PyBUF_CONTIG)
        self.data = <uint8_t *>self._buffer.view.buf
        self.failed = False

    @property
    def position(self) -> int:
        return self.flushed + self.fill

    def flush(self) -> None:
        """Give the sink all that it has not got yet."""
        if self.fill:
            self.failed = True  # and stays so if the sink raises: nobody knows then what it has taken
            self._sink.write(memoryview(self._memory)[:self.fill])
            self.failed = False
            self.flushed += self.fill
            self.fill = 0

    cdef uint8_t *reserve(self, size_t n_bytes) except NULL:
        """Make room for n_bytes (at most PIECE) behind data + fill."""
        if n_bytes > PIECE - self.fill:
            self.flush()
        return self.data + self.fill

    cdef int align(self) except -1:
        cdef size_t n_bytes = (8 - (self.flushed + self.fill) % 8) % 8
        memset(self.reserve(n_bytes), 0, n_bytes)
        self.fill += n_bytes
        return 0

    cdef int put(self, const uint8_t *data, size_t n_bytes) except -1:
        cdef size_t done = 0, part
        while done < n_bytes:
            part = min(n_bytes - done, <size_t>PIECE)
            memcpy(self.reserve(part), data + done, part)
            self.fill += part
            done += part
        return 0

    def put_header(self) -> None:
        """Begin a file."""
        omf_header_encode(self.reserve(OMF_HEADER_SIZE))
        self.fill += OMF_HEADER_SIZE

    def put_record(self, int type, bytes name, list children, bytes value, ArrayEncoder array) -> tuple[int, int]:
        """Append a variable's record; returns its place, (offset, size).

        `children` are the places of their records, `value` is empty for groups and arrays, `array` is a finished one
        or None.
        """
        cdef omf_record_spec spec
        cdef size_t size
        cdef omf_span *spans = <omf_span *>PyMem_Malloc((len(children) + 1) * sizeof(omf_span))
        if spans == NULL:
            raise MemoryError
        try:
            for i, (child_offset, child_size) in enumerate(children):
                spans[i].offset = child_offset
                spans[i].size = child_size
            spec.type = <omf_type>type
            spec.name = name
            spec.name_size = len(name)
            spec.children = spans
            spec.n_children = len(children)
            spec.value = <const char *>value
            spec.value_size = len(value)
            spec.array = &array.array if array is not None else NULL
            size = omf_record_size(&spec)
            record = acquire(bytearray(size), PyBUF_CONTIG)
            trust(omf_record_encode(<uint8_t *>record.view.buf, size, &spec))
        finally:
            PyMem_Free(spans)
        self.align()
        offset = self.position
        self.put(<uint8_t *>record.view.buf, size)
        return offset, size

    def finish(self, root: tuple[int, int]) -> None:
        """Append the trailer that names the root's record, and make the file appear."""
        cdef omf_span span
        span.offset, span.size = root
        self.align()
        omf_trailer_encode(self.reserve(OMF_TRAILER_SIZE), span)
        self.fill += OMF_TRAILER_SIZE
        self.flush()
        self.failed = True
        self._sink.commit()
        self.failed = False
        self.closed = True

    def abort(self) -> None:
        """Give up the file."""
        self.closed = True
        self._sink.abort()

    def __dealloc__(self):
        # A process forked from the writer's has no right to give up the file.
        if self._dropped is not None and not self.closed and os.getpid() == self._pid:
            self._dropped(self._sink)


cdef struct Overflow:
    omf_range_report report
    uint64_t chunk  # which chunk holds the first value that could not be held


cdef omf_status encode_chunks(const omf_plan *plan, uint64_t *index, uint64_t stop, uint8_t *dst, size_t room,
                              size_t bound, size_t *written, uint64_t *sizes, omf_overflow overflow, Buffer scratch,
                              Overflow *lost) noexcept nogil:
    """Encode chunks [index, stop) of a plan one after another, while `bound` bytes are free in dst.

    Afterwards `index` is the first chunk that is left. sizes[i] receives the size of chunk i. Different parts of one
    plan may be encoded at once.
    """
    cdef const omf_array *array = plan.array
    cdef omf_cursor cursor
    cdef uint64_t n_elements = 0
    cdef size_t size = 0
    cdef omf_status status = OMF_OK
    cdef c_bool clean
    written[0] = 0
    omf_cursor_seek(&cursor, plan, index[0])
    while index[0] < stop and room - written[0] >= bound and n_elements < ELEMENTS:
        clean = lost.report.n_values == 0
        status = omf_chunk_encode(dst + written[0], room - written[0], &size, &array.codec, &cursor.buffer, cursor.dims,
                                  array.n_dims, overflow, scratch.view.buf, scratch.view.len, &lost.report)
        if status != OMF_OK:
            break
        if clean and lost.report.n_values:
            lost.chunk = index[0]
        sizes[index[0]] = size
        written[0] += size
        n_elements += cursor.n_elements
        index[0] += 1
        omf_cursor_next(&cursor)
    return status


cdef class ArrayEncoder:
    """One array on its way into a file: `append` its parts in the order of its chunks, then `finish`.

    `overflow` says what becomes of floats that the codec cannot hold: "clip", "nan", or "raise": then nothing
    more is written from the first one on, all are counted, and the caller raises what `lost` tells.
    """

    cdef Output _out
    cdef omf_array array
    cdef omf_overflow _overflow
    cdef bint _raises
    cdef Overflow _lost
    cdef Buffer _entries, _scratch
    cdef size_t _bound
    cdef readonly object n_done

    def __init__(self, Output out, int type, int compression, float scale_factor, float add_offset, tuple shape,
                 tuple chunks, str overflow):
        cdef uint64_t c_shape[OMF_MAX_DIMS]
        cdef uint64_t c_chunks[OMF_MAX_DIMS]
        cdef omf_codec codec
        cdef omf_error error
        cdef uint64_t n_elements = 1
        cdef unsigned i, n_dims = len(shape)
        if n_dims > OMF_MAX_DIMS:
            raise ValueError(f"an array has at most {OMF_MAX_DIMS} dimensions, not {n_dims}")
        for i in range(n_dims):
            c_shape[i] = shape[i]
            c_chunks[i] = chunks[i]
        codec.type = <omf_type>type
        codec.compression = <omf_compression>compression
        codec.scale_factor = scale_factor
        codec.add_offset = add_offset
        check(omf_array_init(&self.array, &codec, n_dims, c_shape, c_chunks, &error), &error, None, None, 0)
        for i in range(n_dims):
            n_elements *= self.array.chunks[i]
        self._bound = omf_chunk_bound(&self.array.codec, n_elements)
        self._overflow = OMF_OVERFLOW_CLIP if overflow == "clip" else OMF_OVERFLOW_NAN
        self._raises = overflow == "raise"
        self._out = out
        self._entries = acquire(np.empty(self.array.n_chunks + 1, np.uint64), PyBUF_CONTIG)
        scratch_size = omf_chunk_encode_scratch(&self.array.codec, self.array.chunks, n_dims)
        self._scratch = acquire(np.empty(scratch_size // 8 + 1, np.uint64), PyBUF_CONTIG)
        (<uint64_t *>self._entries.view.buf)[0] = out.position
        self.n_done = 0

    @property
    def lost(self) -> tuple[int, int, int, float] | None:
        """None, or of the floats that could not be held: how many; the first one's chunk, place there, and value."""
        cdef omf_range_report report = self._lost.report
        if report.n_values == 0:
            return None
        return report.n_values, self._lost.chunk, report.first_index, report.first_value

    @property
    def n_chunks(self) -> int:
        return self.array.n_chunks

    @property
    def ends(self) -> np.ndarray:
        """Where each chunk that was appended ends, counted in bytes from the beginning of the first one."""
        entries = (<object>self._entries.view.obj)[:self.n_done + 1]
        return entries[1:] - entries[0]

    def append_encoded(self, data, ends, lost) -> None:
        """Append what another encoder has made of the next chunks, on its own: its output, its `ends` and `lost`."""
        cdef Buffer encoded = acquire(data, PyBUF_SIMPLE)
        cdef uint64_t first = self.n_done, stop = first + len(ends)
        cdef Overflow found
        if stop > self.array.n_chunks:
            raise ValueError("more chunks than the array has")
        memset(&found, 0, sizeof(found))
        if lost is not None:
            found.report.n_values, found.chunk, found.report.first_index, found.report.first_value = lost
        self._append_span(<const uint8_t *>encoded.view.buf, encoded.view.len, &found, first)
        entries = <object>self._entries.view.obj
        np.add(ends, entries[first], out=entries[first + 1:stop + 1])
        self.n_done = stop

    def append(self, item) -> None:
        """Encode whole chunks, the next ones of the array: a native, aligned ndarray of any strides."""
        cdef Buffer memory = acquire(item, PyBUF_STRIDED_RO)
        cdef omf_array part
        cdef omf_plan plan
        cdef omf_select select[OMF_MAX_DIMS]
        cdef uint64_t shape[OMF_MAX_DIMS]
        cdef omf_buffer buffer
        cdef omf_error error
        cdef ssize_t reach
        cdef size_t n_threads
        cdef uint64_t i, first = self.n_done
        buffer.data = memory.view.buf
        buffer.origin = 0
        buffer.size = memory.view.itemsize
        for i in range(self.array.n_dims):
            shape[i] = memory.view.shape[i]
            select[i].start = 0
            select[i].count = shape[i]
            select[i].step = 1
            select[i].stride = memory.view.strides[i] if shape[i] > 1 else 0
            reach = (memory.view.shape[i] - 1) * select[i].stride
            buffer.size += abs(reach)
            if reach < 0:
                buffer.origin -= reach
        buffer.data = <uint8_t *>buffer.data - buffer.origin
        check(omf_array_init(&part, &self.array.codec, self.array.n_dims, shape, self.array.chunks, &error), &error,
              None, None, 0)
        check(omf_plan_init(&plan, &part, select, buffer, &error), &error, None, None, 0)
        if first + plan.n_chunks > self.array.n_chunks:
            raise ValueError("more chunks than the array has")
        n_threads = min(min(memory.view.len // <size_t>SHARED, plan.n_chunks), <size_t>MEMORY // self._bound)
        if n_threads > 1:
            n_threads = min(n_threads, <size_t>get_num_threads())
        if n_threads > 1:
            self._encode_in_threads(&plan, first, n_threads)
        elif self._bound <= PIECE:
            self._encode(&plan, first)
        else:
            self._encode_in_pieces(&plan, first)
        cdef uint64_t *entries = <uint64_t *>self._entries.view.buf
        for i in range(first, first + plan.n_chunks):
            entries[i + 1] += entries[i]
        self.n_done = first + plan.n_chunks

    cdef int _encode(self, const omf_plan *plan, uint64_t first) except -1:
        """Encode all chunks of the plan, the array's from number `first` on, and put down their sizes."""
        cdef uint64_t *sizes = <uint64_t *>self._entries.view.buf + first + 1
        cdef uint64_t index = 0
        cdef bint clean = self._lost.report.n_values == 0
        cdef size_t room, written = 0
        cdef uint8_t *dst
        cdef omf_status status
        while index < plan.n_chunks:
            dst = self._out.reserve(self._bound)
            room = PIECE - self._out.fill
            with nogil:
                status = encode_chunks(plan, &index, plan.n_chunks, dst, room, self._bound, &written, sizes,
                                       self._overflow, self._scratch, &self._lost)
            trust(status)
            self._keep(written)
        if clean:
            self._lost.chunk += first
        return 0

    cdef int _encode_in_threads(self, const omf_plan *plan, uint64_t first, size_t n_threads) except -1:
        """The same in several threads."""
        cdef SharedEncoding shared = SharedEncoding.__new__(SharedEncoding)
        shared.encoder = self
        shared.plan = plan
        shared.first = first
        shared.room = max(min(<size_t>SPAN, <size_t>MEMORY // n_threads), self._bound)
        shared.span = shared.room // self._bound
        shared.turns = [SimpleQueue() for _ in range(n_threads + 1)]
        shared.turns[0].put(True)
        share(shared.run, n_threads)
        return 0

    cdef int _encode_in_pieces(self, const omf_plan *plan, uint64_t first) except -1:
        """The same for chunks that may not fit the buffer."""
        cdef uint64_t *sizes = <uint64_t *>self._entries.view.buf + first + 1
        cdef omf_cursor cursor
        cdef omf_chunk_encoder encoder
        cdef bint clean
        cdef c_bool done
        cdef size_t room, written = 0
        cdef uint8_t *dst
        cdef omf_status status
        omf_cursor_seek(&cursor, plan, 0)
        for index in range(plan.n_chunks):
            clean = self._lost.report.n_values == 0
            trust(omf_chunk_encoder_init(&encoder, &plan.array.codec, &cursor.buffer, cursor.dims, plan.array.n_dims,
                                         self._overflow, self._scratch.view.buf, self._scratch.view.len,
                                         &self._lost.report))
            sizes[index] = 0
            done = False
            while not done:
                dst = self._out.reserve(PIECE // 2)
                room = PIECE - self._out.fill
                with nogil:
                    status = omf_chunk_encoder_next(&encoder, dst, room, &written, &done)
                trust(status)
                self._keep(written)
                sizes[index] += written
            if clean and self._lost.report.n_values:
                self._lost.chunk = first + index
            omf_cursor_next(&cursor)
        return 0

    cdef int _keep(self, size_t n_bytes) except -1:
        if not (self._raises and self._lost.report.n_values):
            self._out.fill += n_bytes
        return 0

    cdef int _append_span(self, const uint8_t *data, size_t n_bytes, const Overflow *lost, uint64_t first) except -1:
        """Keep what was encoded elsewhere, the array's chunks from number `first` on."""
        if self._lost.report.n_values == 0:
            self._lost = lost[0]
            self._lost.chunk += first
        else:
            self._lost.report.n_values += lost.report.n_values
        if not (self._raises and self._lost.report.n_values):
            self._out.put(data, n_bytes)
        return 0

    def finish(self) -> None:
        """Write the look-up table."""
        cdef Output out = self._out
        cdef const uint64_t *entries = <const uint64_t *>self._entries.view.buf
        cdef uint64_t n_entries = self.array.n_chunks + 1, done = 0, count
        cdef size_t group_size, size
        cdef uint8_t *dst
        cdef omf_status status
        with nogil:
            group_size = omf_lut_group_size(entries, n_entries)
        self.array.lut.offset = out.position
        while done < n_entries:
            count = min(n_entries - done, <uint64_t>(PIECE // group_size * OMF_LUT_GROUP))
            size = (count + OMF_LUT_GROUP - 1) // OMF_LUT_GROUP * group_size
            dst = out.reserve(size)
            with nogil:
                status = omf_lut_encode(dst, size, entries + done, count, group_size)
            trust(status)
            out.fill += size
            done += count
        self.array.lut.size = out.position - self.array.lut.offset
        self._entries = self._scratch = self._out = None


cdef class SharedEncoding:
    """The encoding of an item that threads share."""

    cdef ArrayEncoder encoder
    cdef const omf_plan *plan
    cdef uint64_t first     # which chunk of the array is the first of the plan
    cdef uint64_t span      # chunks that are taken at a time
    cdef size_t room        # bytes that these take at most
    cdef uint64_t taken     # spans that somebody has taken, in the order of the array
    cdef list turns         # where who has a span waits until all before it are appended, or have failed

    def run(self) -> None:
        """Work until nothing is left to take; each thread calls this."""
        cdef ArrayEncoder encoder = self.encoder
        cdef Buffer memory = acquire(np.empty(self.room, np.uint8), PyBUF_CONTIG)
        cdef Buffer scratch = acquire(np.empty(encoder._scratch.view.len // 8, np.uint64), PyBUF_CONTIG)
        cdef uint64_t *sizes = <uint64_t *>encoder._entries.view.buf + self.first + 1
        cdef uint64_t number, index, stop
        cdef size_t written = 0
        cdef Overflow lost
        cdef omf_status status
        cdef bint good
        while True:
            number = omfiles_count(&self.taken, 1)
            index = number * self.span
            if index >= self.plan.n_chunks:
                return
            stop = min(index + self.span, self.plan.n_chunks)
            memset(&lost, 0, sizeof(lost))
            good = False
            try:
                with nogil:
                    status = encode_chunks(self.plan, &index, stop, <uint8_t *>memory.view.buf, self.room,
                                           encoder._bound, &written, sizes, encoder._overflow, scratch, &lost)
                trust(status)
                if not self.turn(number).get():
                    return
                encoder._append_span(<uint8_t *>memory.view.buf, written, &lost, self.first)
                good = True
            finally:
                self.turn(number + 1).put(good)

    cdef object turn(self, uint64_t number):
        # No more spans are on their way than there are threads, so no two of them have the same place.
        return self.turns[number % len(self.turns)]
