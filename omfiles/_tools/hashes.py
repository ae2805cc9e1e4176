# SPDX-License-Identifier: MIT
"""Hashes of a file in a text file beside it: the format does not protect what is inside of chunks.

The first line is what ``b2sum --check`` reads: BLAKE2b of the whole file, and its name. The others are comments to that
command: ``# <start> <stop> <hash>`` is BLAKE2b with 256 bits of bytes [start, stop), one line for each megabyte. So
``tail -c +<start + 1> FILE | head -c <stop - start> | b2sum -l 256`` gives the same.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from omfiles._reading.reader import OmFileReader
from omfiles._stores.paths import options_for, path_of
from omfiles._stores.remote_file import RemoteFile
from omfiles._tools.local_ranges import open_ranges
from omfiles._writing.fsspec_sink import sink_of_fsspec
from omfiles._writing.open_sink import open_sink
from omfiles.errors import OmFormatError

if TYPE_CHECKING:
    from omfiles._stores.coalesce import FetchOptions

__all__ = ["default_hash_path", "differences", "write_hashes"]

SUFFIX = ".blake2b"
BLOCK_SIZE = 1 << 20
WINDOW_SIZE = 16 << 20
"""Bytes that are fetched and hashed at a time."""
LINE = re.compile(rb"# (\d{1,19}) (\d{1,19}) ([0-9a-f]{64})\n")
LINE_SIZE = 2 + 20 + 20 + 65
"""At most: the size of a line of a block."""


def write_hashes(
    source: Any,
    target: Any = None,
    *,
    storage_options: Mapping[str, Any] | None = None,
    fetch: FetchOptions | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> str:
    """Write hashes of a file, with which `verify` finds any change of its bytes.

    They are a text file that the command ``b2sum --check`` of GNU coreutils takes: BLAKE2b of the whole file; and, as
    comments, of each of its megabytes, by which `verify` tells where a change is. Verify the file before: hashes keep
    what is there, good or bad.

    Parameters
    ----------
    source : object
        A path, a URL, a file of fsspec, the content of a file, and what else `OmFileReader` takes.
    target : optional
        Where to write them: a path, a URL, an ``fsspec.core.OpenFile``, a pair of a filesystem and a path. By default
        the name of the source with ``.blake2b`` appended. A file of that name is replaced.
    storage_options : mapping, optional
        For the filesystem of a URL.
    fetch : omfiles.io.FetchOptions, optional
        How many requests of which size are sent to a store.
    progress : callable, optional
        Called as ``progress(done_bytes, total_bytes)`` now and then, in the calling thread.

    Returns
    -------
    str
        The path that was written.

    Raises
    ------
    OmFormatError
        The source is not an OM file.
    OSError
        The source cannot be read, or the target not be written.

    Examples
    --------
    >>> import numpy as np, omfiles
    >>> omfiles.save("rain.om", np.arange(6), name="rain")
    >>> omfiles.write_hashes("rain.om")
    'rain.om.blake2b'
    >>> bool(omfiles.verify("rain.om", hashes=True))
    True
    """
    file = open_ranges(source, storage_options, fetch)
    OmFileReader(file)  # or it is no OM file
    if target is None:
        target = default_hash_path(source)
    if isinstance(target, tuple) and not hasattr(target[0], "open"):
        raise TypeError(
            f"hashes cannot be written to an object of type {type(target[0]).__name__!r}, which has no "
            "open(path, mode) like filesystems of fsspec; say by target= where to write them"
        )
    whole = hashlib.blake2b()
    lines = []
    for start, data in _blocks(file):
        whole.update(data)
        stop = start + len(data)
        lines.append(f"# {start} {stop} {_digest(data)}\n")
        if progress is not None:
            progress(stop, file.size)
    if isinstance(target, tuple):
        sink = sink_of_fsspec(*target)
    else:
        sink = open_sink(target, options_for(target, storage_options))
    try:
        name = path_of(source) or str(sink.name).removesuffix(SUFFIX)
        sink.write(memoryview((_line_of_b2sum(whole.hexdigest(), name) + "".join(lines)).encode()))
        sink.commit()
    except BaseException:
        sink.abort()
        raise
    return sink.name


def default_hash_path(source: Any) -> Any:
    """Where the hashes of a source lie if nobody says otherwise."""
    if isinstance(source, tuple):
        store, path = source
        return store, os.fspath(path) + SUFFIX
    fs, path = getattr(source, "fs", None), getattr(source, "path", None)
    if fs is not None and isinstance(path, str):
        return fs, path + SUFFIX
    if isinstance(source, (str, os.PathLike)):
        return os.fspath(source) + SUFFIX
    raise TypeError(f"an object of type {type(source).__name__!r} has no name; say where its hashes are")


def differences(file: RemoteFile, hashes: RemoteFile, progress: Callable[[int], None]) -> list[tuple[int, int]]:
    """Where a file differs from its hashes, as (start, stop); neighbours are joined.

    Raises
    ------
    OmFormatError
        The hashes are none, or of a file of another size.
    """
    found: list[tuple[int, int]] = []
    expected = _parse(hashes, file.size)
    for (start, data), digest in zip(_blocks(file), expected, strict=True):
        progress(len(data))
        if _digest(data) == digest:
            continue
        stop = start + len(data)
        if found and found[-1][1] == start:
            start, _ = found.pop()
        found.append((start, stop))
    return found


def _parse(hashes: RemoteFile, size: int) -> list[str]:
    """The hashes of all blocks of a file of `size` bytes."""
    n_blocks = -(-size // BLOCK_SIZE)
    if hashes.size > n_blocks * LINE_SIZE + (64 << 10):
        raise OmFormatError(f"it is too large for hashes of a file of {size} bytes", path=hashes.name)
    content = bytes(hashes.load([(0, hashes.size)])[0])
    lines = LINE.findall(content)
    if not lines:
        raise OmFormatError("it has no hashes of parts, as omfiles.write_hashes writes them", path=hashes.name)
    end = int(lines[-1][1])
    if end != size:
        raise OmFormatError(
            f"it is of {end} bytes, but the file has {size}: it was cut off, or is another version", path=hashes.name
        )
    edges = [*range(0, size, BLOCK_SIZE), size]
    if [(int(start), int(stop)) for start, stop, _ in lines] != list(itertools.pairwise(edges)):
        raise OmFormatError(f"its parts are not those of {BLOCK_SIZE} bytes from 0 to {size}", path=hashes.name)
    return [digest.decode() for _, _, digest in lines]


def _blocks(file: RemoteFile) -> Iterator[tuple[int, memoryview]]:
    """The blocks of a file, in order."""
    for first in range(0, file.size, WINDOW_SIZE):
        starts = np.arange(first, min(first + WINDOW_SIZE, file.size), BLOCK_SIZE, dtype=np.uint64)
        window = file.fetch(starts, np.minimum(starts + np.uint64(BLOCK_SIZE), np.uint64(file.size)))
        yield from zip(starts.tolist(), window, strict=True)


def _digest(data: memoryview) -> str:
    return hashlib.blake2b(data, digest_size=32).hexdigest()


def _line_of_b2sum(digest: str, name: str) -> str:
    """What b2sum prints, which says by a backslash in front that the name has escapes."""
    base = re.split(r"[/\\]" if os.name == "nt" else "/", name)[-1]
    escaped = base.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    return f"{'' if escaped == base else chr(92)}{digest}  {escaped}\n"
