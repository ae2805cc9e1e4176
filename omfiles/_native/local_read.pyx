# SPDX-License-Identifier: MIT
"""Reading the chunks of a plan, without the GIL.

The chunks of a plan ascend in the file, so neighbours are fetched together. What is known of the look-up table is kept
between reads, and so are small chunks that were read alone: a call of the system takes longer than to decode them.
Large reads are shared by several threads, each of which takes the next few chunks until none are left.
"""

from libc.errno cimport ENOMEM
from libc.stdint cimport uint8_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memmove

from omfiles._core cimport (
    omf_chunk_decode_scratch, omf_chunk_decoder_feed, omf_chunk_decoder_init, omf_cursor_decode, omf_cursor_next,
    omf_cursor_range, omf_cursor_seek, omf_lut_decode, omf_lut_range, omf_table_fill, omf_type_size
)
from omfiles._native.platform cimport omfiles_count, omfiles_try_lock, omfiles_unlock
from omfiles.libomf cimport (
    OMF_OK, OMF_PFOR_DELTA_2D_INT16_LOGARITHMIC, OMF_TABLE_LENGTH, c_bool, omf_array, omf_chunk_decoder, omf_cursor,
    omf_plan, omf_span
)

from omfiles._native.threads import get_num_threads, share

cdef enum:
    MAX_SLOTS = 256           # groups kept for one array
    WINDOW_SIZE = 8192        # bytes of the look-up table fetched at once; a group has at most 1165
    BATCH_SIZE = 1 << 20      # bytes of neighbouring chunks fetched at once, 4 times it by all threads of a read
    BATCH_CHUNKS = 256
    MAX_GAP = 4096            # unwanted bytes between two chunks that are fetched together
    KEPT_CHUNKS = 2048        # slots for small chunks that were read alone
    KEPT_SIZE = 1 << 15       # bytes of a small chunk
    KEPT_TOTAL = 1 << 20      # bytes of all that are kept of one array
    STACK_SIZE = 8192         # bytes of buffer, and of scratch, that need no allocation
    SPAN_SIZE = 1 << 19       # decoded bytes of the chunks that a thread takes at a time
    SHARED_SIZE = 1 << 21     # decoded bytes of a read, for each of its threads at least
    TABLE_ELEMENTS = 4 * OMF_TABLE_LENGTH  # of a read that is worth a table


cdef struct Range:
    uint64_t begin
    uint64_t end


# One walk through the chunks of a plan.
cdef struct Walk:
    const omf_array *array
    uint64_t last_group     # the last one that will be needed
    bint dense              # most groups up to there will be needed
    Group[2] groups         # the last ones: of even numbers, of odd numbers
    uint64_t window_first   # groups [window_first, window_end) are in the window
    uint64_t window_end
    uint8_t[WINDOW_SIZE] window


cdef class LutCache:
    def __dealloc__(self):
        free(self.slots)
        if self.chunks != NULL:
            for i in range(KEPT_CHUNKS):
                free(self.chunks[i].data)
            free(self.chunks)


cdef LutCache new_cache(uint64_t n_groups):
    cdef LutCache cache = LutCache.__new__(LutCache)
    # Untouched slots of a large table take no memory: the system hands out zeroed pages on first use.
    cache.n_slots = min(n_groups, <uint64_t> MAX_SLOTS)
    cache.slots = <Group *> calloc(cache.n_slots, sizeof(Group))
    if cache.slots == NULL:
        raise MemoryError("no memory for the look-up table")
    return cache


# The lock is only ever tried, so a process forked while a thread held it goes on without the cache.
cdef bint recall(LutCache cache, Group *group, uint64_t number) noexcept nogil:
    cdef Group *slot = &cache.slots[number % cache.n_slots]
    cdef bint found = False
    if omfiles_try_lock(&cache.lock):
        if slot.key == number + 1:
            group[0] = slot[0]
            found = True
        omfiles_unlock(&cache.lock)
    return found


cdef void remember(LutCache cache, const Group *group) noexcept nogil:
    if omfiles_try_lock(&cache.lock):
        cache.slots[(group.key - 1) % cache.n_slots] = group[0]
        omfiles_unlock(&cache.lock)


cdef void start_walk(Walk *walk, const omf_plan *plan, uint64_t first, uint64_t last,
                     omf_cursor *cursor) noexcept nogil:
    """Put the cursor on chunk `first` of the plan, for a walk up to `last`."""
    walk.array = plan.array
    walk.groups[0].key = walk.groups[1].key = 0
    walk.window_first = walk.window_end = 0
    walk.last_group = 0
    walk.dense = False
    if last - first > 1:
        omf_cursor_seek(cursor, plan, last - 1)
        walk.last_group = cursor.last_group
    omf_cursor_seek(cursor, plan, first)
    if last - first > 1:
        walk.dense = last - first > walk.last_group - cursor.first_group


cdef int load_group(Walk *walk, Source source, LutCache cache, uint64_t number, Failure *failure) noexcept nogil:
    """Put group `number` of the look-up table into walk.groups."""
    cdef Group *group = &walk.groups[number & 1]
    cdef omf_span range_ = omf_lut_range(walk.array, number, number)
    cdef const uint8_t *src = source.view(range_.offset, range_.size)
    cdef uint64_t n_groups
    if recall(cache, group, number):
        return 0
    if src == NULL:
        if number < walk.window_first or number >= walk.window_end:
            n_groups = 1
            if walk.dense and range_.size > 0:
                n_groups = min(WINDOW_SIZE // range_.size, walk.last_group + 1 - number)
            walk.window_first = number
            walk.window_end = number  # nothing, should the read fail
            range_ = omf_lut_range(walk.array, number, number + n_groups - 1)
            if source.read(walk.window, range_.offset, range_.size, failure) != 0:
                return -1
            walk.window_end = number + n_groups
        src = walk.window + (omf_lut_range(walk.array, number, number).offset
                             - omf_lut_range(walk.array, walk.window_first, walk.window_first).offset)
        range_ = omf_lut_range(walk.array, number, number)
    group.key = 0
    failure.base = 0
    failure.error.status = omf_lut_decode(group.entries, &group.n_entries, walk.array, number, src, range_.size,
                                          &failure.error)
    if failure.error.status != OMF_OK:
        return -1
    group.key = number + 1
    remember(cache, group)
    return 0


cdef int locate(Walk *walk, Source source, LutCache cache, const omf_cursor *cursor, Range *found,
                Failure *failure) noexcept nogil:
    """Find the bytes of the cursor's chunk."""
    cdef uint64_t first = cursor.first_group, last = cursor.last_group
    if walk.groups[first & 1].key != first + 1 and load_group(walk, source, cache, first, failure) != 0:
        return -1
    if walk.groups[last & 1].key != last + 1 and load_group(walk, source, cache, last, failure) != 0:
        return -1
    failure.base = 0
    failure.error.status = omf_cursor_range(cursor, walk.groups[first & 1].entries, walk.groups[last & 1].entries,
                                            &found.begin, &found.end, &failure.error)
    return 0 if failure.error.status == OMF_OK else -1


cdef int locate_chunks(const omf_plan *plan, Source source, LutCache cache, uint64_t first, uint64_t last,
                       Failure *failure) noexcept nogil:
    cdef Walk walk
    cdef omf_cursor cursor
    cdef Range found
    start_walk(&walk, plan, first, last, &cursor)
    while True:
        if locate(&walk, source, cache, &cursor, &found, failure) != 0:
            return -1
        first += 1
        if first == last:
            return 0
        omf_cursor_next(&cursor)


cdef int out_of_memory(Failure *failure) noexcept nogil:
    failure.error.status = OMF_OK
    failure.system_error = ENOMEM
    return -1


cdef float *make_table(const omf_plan *plan) noexcept nogil:
    cdef uint64_t n_elements = 1
    cdef float *table
    cdef unsigned i
    if plan.array.codec.compression != OMF_PFOR_DELTA_2D_INT16_LOGARITHMIC:
        return NULL
    for i in range(plan.array.n_dims):
        n_elements *= plan.select[i].count
    if n_elements < TABLE_ELEMENTS:
        return NULL
    table = <float *> malloc(OMF_TABLE_LENGTH * sizeof(float))
    if table != NULL:
        omf_table_fill(table, &plan.array.codec)
    return table


cdef int read_plan(omf_plan *plan, Source source, LutCache cache, Failure *failure) except -2:
    cdef float *table = make_table(plan)
    plan.table = table
    try:
        return read_with_table(plan, source, cache, failure)
    finally:
        free(table)


cdef int read_with_table(const omf_plan *plan, Source source, LutCache cache, Failure *failure) except -2:
    cdef uint64_t chunk_size, n_threads, most
    cdef unsigned i
    cdef int failed
    if plan.n_chunks > 1:
        chunk_size = omf_type_size(plan.array.codec.type)
        for i in range(plan.array.n_dims):
            chunk_size *= plan.array.chunks[i]
        most = SHARED_SIZE // chunk_size + 1  # chunks for which one thread is enough
        n_threads = plan.n_chunks // most
        if n_threads > 1:
            n_threads = min(n_threads, <uint64_t> get_num_threads())
        if n_threads > 1:
            return read_in_threads(plan, source, cache, n_threads, SPAN_SIZE // chunk_size + 1, failure)
    with nogil:
        failed = read_chunks(plan, source, cache, 0, plan.n_chunks, BATCH_SIZE, failure)
    return failed


cdef int read_in_threads(const omf_plan *plan, Source source, LutCache cache, uint64_t n_threads, uint64_t span,
                         Failure *failure) except -2:
    cdef SharedRead shared = SharedRead.__new__(SharedRead)
    shared.plan = plan
    shared.source = source
    shared.cache = cache
    shared.span = span
    shared.batch_size = min(<uint64_t> BATCH_SIZE, 4 * BATCH_SIZE // n_threads)
    shared.failed_at = plan.n_chunks
    share(shared.run, n_threads)
    if shared.failed_at < plan.n_chunks:
        failure[0] = shared.failure
        return -1
    return 0


cdef class SharedRead:
    """A read that threads share."""

    cdef const omf_plan *plan
    cdef Source source
    cdef LutCache cache
    cdef uint64_t span         # chunks that are taken at a time
    cdef size_t batch_size
    cdef uint64_t next         # the first chunk that nobody has taken
    cdef char lock             # of what follows
    cdef uint64_t failed_at    # the first chunk of the first span that could not be read
    cdef Failure failure

    def run(self) -> None:
        """Work until nothing is left to take; each thread calls this."""
        with nogil:
            work(self)


cdef void work(SharedRead shared) noexcept nogil:
    cdef uint64_t n_chunks = shared.plan.n_chunks, first
    cdef Failure failure
    while True:
        first = omfiles_count(&shared.next, shared.span)
        if first >= n_chunks:
            return
        if read_chunks(shared.plan, shared.source, shared.cache, first, min(first + shared.span, n_chunks),
                       shared.batch_size, &failure) != 0:
            break
    # Nothing behind needs to be read. What lies before was taken before, so that of several failures the first counts.
    omfiles_count(&shared.next, n_chunks)
    while not omfiles_try_lock(&shared.lock):
        pass
    if first < shared.failed_at:
        shared.failed_at = first
        shared.failure = failure
    omfiles_unlock(&shared.lock)


# Memory of one call of read_chunks. Small chunks need no more than what lies on the stack.
cdef struct Memory:
    size_t batch_size
    void *scratch
    size_t scratch_size
    Bytes bytes
    bint alone         # it is a single chunk, and the caller has the lock of the kept ones
    Bytes *slot        # from which `bytes` were borrowed, or NULL
    uint64_t[1024] near_scratch
    uint8_t[STACK_SIZE] near_buffer


cdef int read_chunks(const omf_plan *plan, Source source, LutCache cache, uint64_t first, uint64_t last,
                     size_t batch_size, Failure *failure) noexcept nogil:
    """Fetch and decode chunks [first, last) of the plan: 0, or -1 and *failure is filled."""
    cdef Memory memory
    cdef int result = -1
    memory.batch_size = batch_size
    memory.bytes = Bytes(&memory.near_buffer[0], STACK_SIZE, 0, 0)
    memory.slot = NULL
    # Of a local file. The lock is only tried, as above.
    memory.alone = last - first == 1 and source.path != NULL and omfiles_try_lock(&cache.chunks_lock)
    memory.scratch = memory.near_scratch
    memory.scratch_size = omf_chunk_decode_scratch(&plan.array.codec, plan.array.chunks, plan.array.n_dims)
    if memory.scratch_size > STACK_SIZE:
        memory.scratch = malloc(memory.scratch_size)
    if memory.scratch_size == 0 or memory.scratch == NULL:
        out_of_memory(failure)
    else:
        result = read_batches(plan, source, cache, first, last, &memory, failure)
    if memory.slot != NULL and memory.bytes.capacity <= KEPT_SIZE:
        give_back(cache, &memory)
    elif memory.bytes.data != memory.near_buffer:
        free(memory.bytes.data)
    if memory.alone:
        omfiles_unlock(&cache.chunks_lock)
    if memory.scratch != memory.near_scratch:
        free(memory.scratch)
    return result


cdef int read_batches(const omf_plan *plan, Source source, LutCache cache, uint64_t first, uint64_t last,
                      Memory *memory, Failure *failure) noexcept nogil:
    cdef Walk walk
    cdef omf_cursor ahead, behind                # `ahead` locates chunks, `behind` decodes them
    cdef omf_cursor *cursor = &ahead             # a single chunk needs but one
    cdef Range[BATCH_CHUNKS + 1] ranges
    cdef uint64_t left = last - first, begin
    cdef const uint8_t *src
    cdef unsigned n, i
    start_walk(&walk, plan, first, last, &ahead)
    if left > 1:
        cursor = &behind
        omf_cursor_seek(cursor, plan, first)
    if locate(&walk, source, cache, &ahead, &ranges[0], failure) != 0:
        return -1
    while True:
        # ranges[0 ... n - 1] make a batch; ranges[n], if there is one, starts the next.
        n = 1
        while n < left:
            omf_cursor_next(&ahead)
            if locate(&walk, source, cache, &ahead, &ranges[n], failure) != 0:
                return -1
            if not belongs_together(ranges, n, memory.batch_size):
                break
            n += 1
        begin = ranges[0].begin
        src = source.view(begin, ranges[n - 1].end - begin)
        if src == NULL and ranges[n - 1].end - begin > memory.batch_size:
            if read_large_chunk(cursor, source, ranges[0], memory, failure) != 0:
                return -1
            if left > 1:
                omf_cursor_next(cursor)
        else:
            if src == NULL:
                if memory.alone:
                    borrow(cache, memory, begin)
                src = fetch(source, begin, ranges[n - 1].end - begin, memory, failure)
                if src == NULL:
                    return -1
            for i in range(n):
                failure.base = ranges[i].begin
                failure.error.status = omf_cursor_decode(cursor, src + (ranges[i].begin - begin),
                                                         ranges[i].end - ranges[i].begin, memory.scratch,
                                                         memory.scratch_size, &failure.error)
                if failure.error.status != OMF_OK:
                    return -1
                if left > 1:
                    omf_cursor_next(cursor)
        left -= n
        if left == 0:
            return 0
        ranges[0] = ranges[n]


cdef bint belongs_together(const Range *ranges, unsigned n, size_t batch_size) noexcept nogil:
    """Whether ranges[n] is fetched together with those before it."""
    if n == BATCH_CHUNKS or ranges[n].begin < ranges[n - 1].end:
        return False
    return ranges[n].begin - ranges[n - 1].end <= MAX_GAP and ranges[n].end - ranges[0].begin <= batch_size


cdef void borrow(LutCache cache, Memory *memory, uint64_t offset) noexcept nogil:
    """Read into a slot for the chunk at this place of the file, which may hold it already. There are two for each."""
    cdef Bytes *slot
    cdef Bytes *other
    cdef unsigned place = (offset * <uint64_t> 0x9E3779B97F4A7C15) >> 53  # Fibonacci hashing
    if cache.chunks == NULL:
        cache.chunks = <Bytes *> calloc(KEPT_CHUNKS, sizeof(Bytes))
        if cache.chunks == NULL:
            return
    slot = &cache.chunks[place]
    other = &cache.chunks[place ^ 1]
    if slot.data != NULL and slot.offset != offset and (other.data == NULL or other.offset == offset):
        slot = other
    memory.slot = slot
    memory.bytes = slot[0]
    slot[0] = Bytes(NULL, 0, 0, 0)
    cache.chunks_size -= memory.bytes.capacity


cdef void give_back(LutCache cache, Memory *memory) noexcept nogil:
    cdef Bytes *victim
    while cache.chunks_size + memory.bytes.capacity > KEPT_TOTAL:
        victim = &cache.chunks[cache.oldest % KEPT_CHUNKS]
        cache.oldest += 1
        cache.chunks_size -= victim.capacity
        free(victim.data)
        victim[0] = Bytes(NULL, 0, 0, 0)
    memory.slot[0] = memory.bytes
    cache.chunks_size += memory.bytes.capacity


cdef const uint8_t *fetch(Source source, uint64_t offset, size_t size, Memory *memory,
                          Failure *failure) noexcept nogil:
    """Bytes [offset, offset + size) of the file in memory.bytes; NULL on failure."""
    cdef Bytes *bytes_ = &memory.bytes
    if bytes_.offset == offset and bytes_.size == size:
        return bytes_.data
    bytes_.size = 0
    if bytes_.capacity < size:
        if bytes_.data != memory.near_buffer:
            free(bytes_.data)
        bytes_.data = <uint8_t *> malloc(size)
        bytes_.capacity = size if bytes_.data != NULL else 0
        if bytes_.data == NULL:
            out_of_memory(failure)
            return NULL
    if source.read(bytes_.data, offset, size, failure) != 0:
        return NULL
    bytes_.offset = offset
    bytes_.size = size
    return bytes_.data


cdef int read_large_chunk(const omf_cursor *cursor, Source source, Range range_, Memory *memory,
                          Failure *failure) noexcept nogil:
    """Decode a chunk piece by piece, so that no more than a batch of it is in memory."""
    cdef const omf_array *array = cursor.plan.array
    cdef omf_chunk_decoder decoder
    cdef uint64_t position = range_.begin    # of the next byte to fetch
    cdef size_t held = 0, used = 0, more
    cdef c_bool done = False
    cdef uint8_t *buffer
    if fetch(source, position, memory.batch_size, memory, failure) == NULL:
        return -1
    buffer = memory.bytes.data
    memory.bytes.size = 0  # what it holds will change
    held = memory.batch_size
    position += held
    failure.base = range_.begin
    failure.error.status = omf_chunk_decoder_init(&decoder, &cursor.buffer, &array.codec, cursor.dims, array.n_dims,
                                                  memory.scratch, memory.scratch_size, &failure.error)
    decoder.table = cursor.plan.table
    while failure.error.status == OMF_OK:
        failure.base = range_.begin
        failure.error.status = omf_chunk_decoder_feed(&decoder, buffer, held, position == range_.end, &used,
                                                      &done, &failure.error)
        if failure.error.status != OMF_OK or done:
            break
        held -= used
        memmove(buffer, buffer + used, held)
        more = min(<uint64_t> (memory.batch_size - held), range_.end - position)
        if source.read(buffer + held, position, more, failure) != 0:
            return -1
        held += more
        position += more
    return 0 if failure.error.status == OMF_OK else -1
