# SPDX-License-Identifier: MIT
"""Checks of whole files: `verify` finds what is damaged, `write_hashes` keeps what a file should be."""

from __future__ import annotations

import contextlib
import itertools
import math
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from omfiles._native.threads import get_num_threads, share
from omfiles._reading.display import counted
from omfiles._reading.reader import OmFileReader
from omfiles._reading.remote_read import chunk_batches
from omfiles._stores.paths import options_for
from omfiles._tools.hashes import default_hash_path, differences
from omfiles._tools.local_ranges import open_ranges
from omfiles.errors import OmFormatError

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from omfiles._native.read_plan import ReadPlan
    from omfiles._stores.coalesce import FetchOptions
    from omfiles._stores.remote_file import RemoteFile

__all__ = ["Problem", "Verification", "verify"]

Progress = Callable[[int, int], object]
Failure = tuple[int, int, OmFormatError | MemoryError]  # of chunks [first, last)

MAX_PROBLEMS = 100_000
"""Problems, and notes, that are kept."""
MAX_PATH = 1000
"""Characters of a path that are kept: in a tree of n levels they grow with the square of n."""
JOB_SIZE = 1 << 19
"""Decoded bytes of the chunks that a thread takes at a time."""
PADDING = 8
"""Shorter gaps align what follows."""

STRUCTURE, TABLE, CHUNK, HASH = range(4)  # what is checked one after another


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong at one offset of a file.

    Attributes
    ----------
    path : str
        The variable: ``"/"`` is the root, ``"/weather/t2m"`` what ``reader["weather/t2m"]`` opens. Of a child that
        cannot be opened it is the parent.
    offset : int
        Byte offset in the file.
    message : str
        What was found, and what would be right.
    field : str or None
        Field of the format, such as ``"LUT size"``.
    """

    path: str
    offset: int
    message: str
    field: str | None = None

    def __str__(self) -> str:
        location = f"at byte {self.offset}" if self.field is None else f"field {self.field!r} at byte {self.offset}"
        return f"{self.path}: {location}: {self.message}"


@dataclass(frozen=True)
class Verification:
    """What `verify` found. It is true if the file is good.

    Attributes
    ----------
    name : str
        What messages call the file.
    problems : tuple of Problem
        All that is wrong: first in the structure, then in look-up tables, chunks, hashes. Of more than 100,000 the last
        one says so.
    notes : tuple of Problem
        What is unusual but does no harm: bytes that nothing refers to, parts that overlap, names used twice.
    n_variables, n_chunks, n_bytes : int
        Variables that were found, chunks of them that were checked, and the size of the file.
    hashes_checked : bool
        Whether the bytes were compared with hashes.

    Examples
    --------
    >>> import numpy as np, omfiles
    >>> omfiles.save("rain.om", np.arange(6), name="rain", attrs={"units": "mm"})
    >>> omfiles.verify("rain.om")
    <Verification of 'rain.om': good, 2 variables, 1 chunk, 144 bytes>
    """

    name: str
    problems: tuple[Problem, ...]
    notes: tuple[Problem, ...]
    n_variables: int
    n_chunks: int
    n_bytes: int
    hashes_checked: bool

    @property
    def ok(self) -> bool:
        """Whether the file is good."""
        return not self.problems

    def __bool__(self) -> bool:
        return self.ok

    def __repr__(self) -> str:
        return f"<Verification of {self.name!r}: {self._summary()}>"

    def __str__(self) -> str:
        notes = [f"note: {note}" for note in self.notes]
        return "\n".join([f"{self.name}: {self._summary()}", *map(str, self.problems), *notes])

    def _summary(self) -> str:
        verdict = "good" if self.ok else counted(len(self.problems), "problem")
        parts = [verdict, counted(self.n_variables, "variable"), counted(self.n_chunks, "chunk")]
        hashes = ["hashes compared"] if self.hashes_checked else []
        return ", ".join([*parts, counted(self.n_bytes, "byte"), *hashes])


def verify(
    source: Any,
    *,
    hashes: Any = None,
    storage_options: Mapping[str, Any] | None = None,
    fetch: FetchOptions | None = None,
    progress: Progress | None = None,
) -> Verification:
    """Check a whole file: its structure, then all look-up tables, then every chunk, which is decoded.

    All problems are found, not only the first. Large files take little memory: some megabytes, and two kilobytes for
    each array; a chunk's compressed bytes are held at once, however large it is.

    The format has no checksum. Bits that flip inside a chunk mostly change its values and nothing else; only hashes
    that were written when the file was good show that.

    Parameters
    ----------
    source : object
        A path, a URL, a file of fsspec, the content of a file, and what else `OmFileReader` takes.
    hashes : optional
        What `write_hashes` wrote, to compare all bytes with: a path, a URL, or what else a source may be. True means
        the file beside the source, with ``.blake2b`` appended.
    storage_options : mapping, optional
        For the filesystem of a URL.
    fetch : omfiles.io.FetchOptions, optional
        How many requests of which size are sent to a store.
    progress : callable, optional
        Called as ``progress(done_bytes, total_bytes)`` now and then, in the calling thread. What it raises ends the
        check.

    Returns
    -------
    Verification
        True if the file is good; `Verification.problems` says what is wrong.

    Raises
    ------
    OSError
        The source, or the hashes, cannot be read, or changed meanwhile. Exceptions of filesystems and stores arrive
        unchanged. Damage is never raised.

    Examples
    --------
    >>> import pathlib, numpy as np, omfiles
    >>> omfiles.save("rain.om", np.arange(60).reshape(3, 20), chunks=(1, 20), name="rain")
    >>> content = bytearray(pathlib.Path("rain.om").read_bytes())
    >>> content[4] = content[7] = 0xFF  # in the first two chunks
    >>> result = omfiles.verify(content)
    >>> result.ok, len(result.problems)
    (False, 2)
    >>> print(result.problems[0])
    /: field 'block' at byte 4: chunk 0, elements [0:1, 0:20]: the block goes on behind the end of its chunk
    """
    file = open_ranges(source, storage_options, fetch)
    expected = None
    if hashes is not None and hashes is not False:
        path = default_hash_path(source) if hashes is True else hashes
        expected = open_ranges(path, options_for(path, storage_options), fetch)
    check = _Check(file, progress, n_passes=1 if expected is None else 2)
    try:
        check.structure()
        check.data()
        check.layout()
        if expected is not None:
            check.compare(expected)
        return check.result(hashes_checked=expected is not None)
    finally:
        check.arrays.clear()  # they refer to each other, and would keep the file open


class _Advance:
    """Tells a callback how many bytes are done."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress = progress
        self._total = total
        self._done = 0

    def __call__(self, n: int) -> None:
        self._done = min(self._total, self._done + n)
        if self._progress is not None:
            self._progress(self._done, self._total)

    def finish(self) -> None:
        if self._done < self._total:
            self(self._total)


@dataclass(frozen=True, slots=True)
class _Location:
    """A variable in the tree. Its path is made when a problem asks for it."""

    parent: _Location | None
    name: str

    def path(self) -> str:
        names: list[str] = []
        length = 0
        location = self
        while location.parent is not None and length <= MAX_PATH:
            names.append(location.name)
            length += 1 + len(location.name)
            location = location.parent
        path = "/" + "/".join(reversed(names))
        return path if len(path) <= MAX_PATH else "..." + path[-MAX_PATH:]


@dataclass(frozen=True, slots=True)
class _ByteRange:
    """Bytes of a file, and what they are."""

    start: int
    stop: int
    what: str
    location: _Location | None = None

    def __str__(self) -> str:
        of = "" if self.location is None else f" of {self.location.path()}"
        return f"{self.what}{of} (bytes {self.start} ... {self.stop - 1})"


class _Check:
    """A verification on its way."""

    def __init__(self, file: RemoteFile, progress: Progress | None, n_passes: int) -> None:
        self.file = file
        self.advance = _Advance(progress, n_passes * file.size)
        self.budget = 2 * file.size  # bytes that may be looked at: in a good file each belongs to one thing
        self.root = _Location(None, "")
        self.n_variables = 0
        self.arrays: list[_ArrayCheck] = []
        self.ranges: list[_ByteRange] = []
        self.notes: list[Problem] = []
        self._found: list[tuple[int, int, int, Problem]] = []
        self._lock = threading.Lock()

    def add(
        self, stage: int, location: _Location, offset: int, message: str, field: str | None = None, order: int = 0
    ) -> None:
        """Report a problem. Those of one stage are sorted by `order`, then by offset."""
        with self._lock:
            if not self.full():
                self._found.append((stage, order, offset, Problem(location.path(), offset, message, field)))

    def full(self) -> bool:
        return len(self._found) >= MAX_PROBLEMS

    def note(self, location: _Location, offset: int, message: str) -> None:
        if len(self.notes) < MAX_PROBLEMS:
            self.notes.append(Problem(location.path(), offset, message))

    def afford(self, n_bytes: int) -> bool:
        """Whether so many more bytes may be looked at. Where parts overlap, it could be any number."""
        with self._lock:
            self.budget -= n_bytes
            return self.budget >= 0

    # --- structure ----------------------------------------------------------------------------------------------

    def structure(self) -> None:
        """Visit all records, each of them once."""
        try:
            root = OmFileReader(self.file)
        except OmFormatError as error:
            self._refused(self.root, error, error.reason)
            return
        with contextlib.suppress(OmFormatError):
            root._fetch_tree()  # in few requests, as far as they can be read
        self._ends(root)
        visited = set[tuple[int, int]]()
        levels: list[tuple[_Location, set[str]]] = []  # variables above, and the names of their children so far
        walk = root._walk(attributes=True)
        complete = True
        while complete:
            try:
                node = next(walk, None)
            except OmFormatError as error:
                self._refused(levels[walk.depth - 1][0], error, f"child {walk.index}: {error.reason}")
                continue
            if node is None:
                break
            if node._span in visited:
                walk.skip_children()
                continue
            visited.add(node._span)
            del levels[walk.depth :]
            location = self.root
            if levels:
                above, names = levels[-1]
                location = _Location(above, node.name)
                if node.name in names:
                    message = f"child {walk.index} has the name of one before, which alone is found by it"
                    self.note(location, node._span[0], message)
                names.add(node.name)
            levels.append((location, set()))
            complete = self._variable(location, node)

    def _refused(self, location: _Location, error: OmFormatError, message: str) -> None:
        self.add(STRUCTURE, location, error.offset or 0, message, error.field, order=self.n_variables)

    def _ends(self, root: OmFileReader) -> None:
        """Look at the header, which readers of version 3 do not need."""
        if root._span[0] == 0:
            return  # a legacy file: its header was read instead of a record
        self.ranges += [_ByteRange(0, 3, "the header"), _ByteRange(self.file.size - 24, self.file.size, "the trailer")]
        start = bytes(self.file.load([(0, 3)])[0])
        if start != b"OM\3":
            message = f"found {start.hex(' ')}; a file with this trailer starts with 4f 4d 03, which is 'OM' and 3"
            self.add(STRUCTURE, self.root, 0, message, "header")

    def _variable(self, location: _Location, node: OmFileReader) -> bool:
        """Look at a record; False if no others can be looked at."""
        start, stop = node._span
        n_bytes = stop - start
        array = _ArrayCheck(self, location, node, len(self.arrays)) if node.is_array else None
        if array is not None:
            table = array.table_range()
            n_bytes += table.stop - table.start
        if not self.afford(n_bytes):
            message = f"the records and look-up tables are longer than the {self.file.size} bytes of the file"
            self.add(STRUCTURE, location, start, message + ": they overlap; the rest is not checked")
            return False
        self.n_variables += 1
        self.ranges.append(_ByteRange(start, stop, "the record", location))
        self.advance(n_bytes)
        if array is not None and array.n_chunks > self.file.size:
            message = f"{array.n_chunks} chunks are more than a file of {self.file.size} bytes can hold"
            self.add(STRUCTURE, location, start, message, "dimensions", order=self.n_variables)
        elif array is not None:
            self.ranges.append(table)
            self.arrays.append(array)
        elif node.is_scalar:
            try:
                node.read_scalar()
            except OmFormatError as error:
                self._refused(location, error, error.reason)
        return True

    # --- data ---------------------------------------------------------------------------------------------------

    def data(self) -> None:
        """Check all look-up tables and chunks."""
        self.file.run(chunk_batches(self.file, self.arrays))

    def layout(self) -> None:
        """Note what overlaps, and bytes that nothing refers to."""
        if self.n_variables == 0:
            return
        self.ranges += [array.data_range() for array in self.arrays if array.stop > 0]
        self.ranges.sort(key=lambda byte_range: (byte_range.start, byte_range.stop))
        last, *others = self.ranges
        unused: list[tuple[int, int]] = []
        for found in [*others, _ByteRange(self.file.size, self.file.size, "the end")]:
            if found.start - last.stop >= PADDING:
                unused.append((last.stop, found.start))
            elif found.start < min(last.stop, found.stop):
                self.note(found.location or self.root, found.start, f"{found} and {last} overlap")
            if found.stop > last.stop:
                last = found
        if unused and not self._found:
            n_bytes = sum(stop - start for start, stop in unused)
            message = f"nothing refers to {counted(n_bytes, 'byte')} from here on, in {counted(len(unused), 'range')}"
            self.note(self.root, unused[0][0], message)

    def compare(self, hashes: RemoteFile) -> None:
        """Compare all bytes with hashes."""
        try:
            differing = differences(self.file, hashes, self.advance)
        except OmFormatError as error:
            self.add(HASH, self.root, 0, f"the hashes are of no use: {error}")
            return
        for start, stop in differing:
            message = f"bytes {start} ... {stop - 1} are not those that were hashed"
            if stop - start == self.file.size:
                message += ", perhaps because the hashes are of another version of the file"
            inside = [found.location for found in self.ranges if found.start < stop and start < found.stop]
            locations = list({id(location): location for location in inside if location is not None}.values())
            if len(locations) > 1:
                more = f" and {len(locations) - 10} more" if len(locations) > 10 else ""
                message += f"; they are of {', '.join(location.path() for location in locations[:10])}{more}"
            self.add(HASH, locations[0] if len(locations) == 1 else self.root, start, message)

    def result(self, hashes_checked: bool) -> Verification:
        self.advance.finish()
        problems = [problem for *_, problem in sorted(self._found, key=lambda found: found[:3])]
        if self.full():
            problems[-1] = Problem("/", 0, f"there are more problems than {MAX_PROBLEMS - 1}; the rest is not listed")
        return Verification(
            name=self.file.name,
            problems=tuple(problems),
            notes=tuple(self.notes),
            n_variables=self.n_variables,
            n_chunks=sum(array.n_checked for array in self.arrays),
            n_bytes=self.file.size,
            hashes_checked=hashes_checked,
        )


class _ArrayCheck:
    """The chunks of an array, as a `ChunkPlan`; what fails is reported, and the rest goes on."""

    def __init__(self, check: _Check, location: _Location, reader: OmFileReader, order: int) -> None:
        self._check = check
        self._location = location
        self._reader = reader
        self._order = order
        self.grid = [-(-extent // length) for extent, length in zip(reader.shape, reader.chunks)]
        self.n_chunks = math.prod(self.grid)
        self.n_checked = 0
        self.start, self.stop = check.file.size, 0  # where the chunks lie
        self._lost: set[int] = set()

    def _plan(self) -> ReadPlan:
        """A plan of its own for each thread, which decodes all elements into the memory of one."""
        return self._reader._plan_chunks()

    def table_range(self) -> _ByteRange:
        return _ByteRange(*self._plan().table_range(), "the look-up table", self._location)

    def data_range(self) -> _ByteRange:
        return _ByteRange(self.start, self.stop, "the data", self._location)

    def groups(self, first: int, last: int) -> npt.NDArray[np.uint64]:
        return self._plan().groups(first, last)

    def group_range(self, number: int) -> tuple[int, int]:
        return self._plan().group_range(number)

    def locate(
        self, first: int, last: int, groups: dict[int, Buffer]
    ) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
        """Find chunks. Instead of those that cannot be found there is the first byte of the file."""
        plan = self._plan()
        starts, stops = np.zeros(last - first, np.uint64), np.zeros(last - first, np.uint64)

        def find(begin: int, end: int) -> None:
            span = slice(begin - first, end - first)
            starts[span], stops[span] = plan.locate(begin, end, groups)

        self._lost = set()
        for begin, end, error in _joined(self._failures(find, first, last)):
            self._lost.update(range(begin, end))
            self._report(TABLE, begin, end, error, "cannot be found: ")
        found = stops > 0
        if found.any():
            self.start = min(self.start, int(starts[found].min()))
            self.stop = max(self.stop, int(stops.max()))
            if not self._check.afford(int((stops - starts).sum())):
                message = f"chunks {first} ... {last - 1} are not checked, for their bytes are also those of others"
                self._check.add(CHUNK, self._location, int(starts[found].min()), message, order=self._order)
                self._lost.update(range(first, last))
                found[:] = False
        starts[~found], stops[~found] = 0, 1
        return starts, stops

    def decode(
        self,
        first: int,
        last: int,
        starts: npt.NDArray[np.uint64],
        stops: npt.NDArray[np.uint64],
        source: Buffer,
        offset: int,
    ) -> None:
        """Decode chunks, in several threads, and forget what comes out."""
        n_bytes = math.prod(self._reader.chunks) * self._reader.dtype.itemsize
        per_job = JOB_SIZE // n_bytes + 1
        jobs = iter(range(first, last, per_job))
        lock = threading.Lock()

        def work() -> None:
            plan = self._plan()

            def decode(begin: int, end: int) -> None:
                span = slice(begin - first, end - first)
                plan.decode(begin, end, starts[span], stops[span], source, offset)

            while True:
                with lock:
                    begin = next(jobs, None)
                if begin is None:
                    return
                for bad, end, error in self._failures(decode, begin, min(last, begin + per_job)):
                    if bad not in self._lost:
                        self._report(CHUNK, bad, end, error)

        n_threads = min(get_num_threads(), -(-(last - first) // per_job))
        if n_threads > 1:
            share(work, n_threads)
        else:
            work()
        self.n_checked += last - first
        self._check.advance(int((stops - starts).sum()))

    def _failures(self, action: Callable[[int, int], None], first: int, last: int) -> Iterator[Failure]:
        """Do something with chunks [first, last), and find by halving with which of them it fails."""
        spans = [(first, last)]
        while spans:
            begin, end = spans.pop()
            try:
                action(begin, end)
            except (OmFormatError, MemoryError) as error:
                if end - begin == 1 or self._check.full():
                    yield begin, end, error
                else:
                    middle = (begin + end) // 2
                    spans += [(middle, end), (begin, middle)]

    def _report(self, stage: int, begin: int, end: int, error: OmFormatError | MemoryError, what: str = "") -> None:
        if end - begin == 1:
            index = np.unravel_index(begin, self.grid)
            bounds = zip(index, self._reader.chunks, self._reader.shape)
            ranges = [f"{i * length}:{min((i + 1) * length, extent)}" for i, length, extent in bounds]
            which = f"chunk {begin}, elements [{', '.join(ranges)}]"
        else:
            which = f"chunks {begin} ... {end - 1}"
        offset, field, reason = 0, None, str(error)
        if isinstance(error, OmFormatError):
            offset, field, reason = error.offset or 0, error.field, error.reason
        self._check.add(stage, self._location, offset, f"{which}: {what}{reason}", field, order=self._order)


def _joined(failures: Iterator[Failure]) -> Iterator[Failure]:
    """Join neighbours that fail for the same reason: a group of a look-up table tells of many chunks."""
    for _, same in itertools.groupby(failures, key=lambda failure: vars(failure[2]) | {"reason": str(failure[2])}):
        (first, last, error), *others = same
        yield first, others[-1][1] if others else last, error
