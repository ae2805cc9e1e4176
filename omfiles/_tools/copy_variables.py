# SPDX-License-Identifier: MIT
"""Copying arrays and files: chunks that stay are not decoded, others go through a bounded amount of memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from omfiles._chunk_grid import boxes
from omfiles._reading.reader import OmFileReader
from omfiles._tools.stored_chunks import encoded_parts, same_encoding, spec_of
from omfiles._writing.array_spec import ArraySpec
from omfiles._writing.encode import EncodedPart
from omfiles._writing.writer import OmFileWriter, OmWriterVariable

__all__ = ["copy_array", "copy_file"]

MEMORY = 256 << 20
"""Bytes of an array that are decoded at a time when it gets other chunks."""

Encoding = Mapping[str, Any]
"""How an array is to be encoded, as far as that changes: some of ``chunks``, ``scale_factor``, ``add_offset``,
``compression``."""


def copy_array(
    writer: OmFileWriter,
    reader: OmFileReader,
    *,
    children: Sequence[OmWriterVariable] | None = None,
    encoding: Encoding | None = None,
    overflow: str = "raise",
    max_bytes: int = MEMORY,
    progress: Callable[[int], None] | None = None,
) -> OmWriterVariable:
    """Write an array of another file. As long as its encoding stays, its chunks are copied without being decoded.

    Parameters
    ----------
    writer : OmFileWriter
        Of the new file.
    reader : OmFileReader
        The array. Its children are not copied.
    children : sequence of OmWriterVariable, optional
        Variables below the new array.
    encoding : mapping, optional
        What changes: ``chunks``, ``precision``, ``scale_factor``, ``add_offset``, ``compression``, as for
        `OmFileWriter.write_array`.
    overflow : {"raise", "clip", "nan"}
        What becomes of floats that a new encoding cannot hold.
    max_bytes : int
        How much is decoded at a time for other chunks. Chunks that lie across are decoded several times, the fewer the
        larger this is.
    progress : callable, optional
        Called with the number of decoded bytes that were copied since the last call.

    Returns
    -------
    OmWriterVariable
        To be the child of another variable, or the root.

    Raises
    ------
    OmFormatError
        The array is damaged. What is inside of chunks that are not decoded is not looked at.

    Examples
    --------
    >>> import numpy as np, omfiles
    >>> omfiles.save("t2m.om", np.linspace(250, 300, 240, dtype="f4").reshape(24, 10), (1, 10), name="t2m")
    >>> with omfiles.open("t2m.om") as t2m, omfiles.OmFileWriter("series.om") as writer:
    ...     writer.close(copy_array(writer, t2m, encoding={"chunks": (24, 1)}))
    >>> omfiles.open("series.om").chunks
    (24, 1)
    """
    old = spec_of(reader)
    new = _changed(old, encoding or {}, overflow)
    report = progress or (lambda n_bytes: None)
    parts = _copied(reader, new, report) if same_encoding(old, new) else _decoded(reader, new, max_bytes, report)
    return writer.write_parts(new, parts, children)


def _changed(spec: ArraySpec, encoding: Encoding, overflow: str) -> ArraySpec:
    known = ("chunks", "scale_factor", "add_offset", "compression", "precision")
    unknown = set(encoding) - set(known)
    if unknown:
        raise ValueError(f"encoding has {sorted(unknown)}, but may have only {list(known)}")
    if "precision" in encoding and "scale_factor" not in encoding:
        spec = replace(spec, scale_factor=1.0)
    return replace(spec, **encoding, overflow=overflow)


def _copied(reader: OmFileReader, spec: ArraySpec, progress: Callable[[int], None]) -> Iterator[EncodedPart]:
    for part in encoded_parts(reader):
        yield part._replace(spec=spec)
        progress(int(np.prod(part.shape)) * spec.dtype.itemsize)


def _decoded(
    reader: OmFileReader, spec: ArraySpec, max_bytes: int, progress: Callable[[int], None]
) -> Iterator[npt.NDArray[Any]]:
    for box in boxes(spec.shape, spec.chunks, max_bytes // spec.dtype.itemsize):
        array = reader[box]
        yield array
        progress(array.nbytes)


def copy_file(
    source: OmFileReader,
    writer: OmFileWriter,
    *,
    encoding: Callable[[OmFileReader], Encoding] | None = None,
    overflow: str = "raise",
    max_bytes: int = MEMORY,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Copy a variable with all below it, mostly the root of a file, and close the writer.

    Names, types, values and the order of children stay. Legacy files become files of version 3. Damage of a look-up
    table is found, that inside of chunks only where they are decoded.

    Parameters
    ----------
    source : OmFileReader
        What becomes the root.
    writer : OmFileWriter
        Of the new file.
    encoding : callable, optional
        Called with each array; what it returns is as `copy_array` has it.
    overflow, max_bytes, progress
        As for `copy_array`.

    Examples
    --------
    >>> import numpy as np, omfiles
    >>> omfiles.save("t2m.om", np.zeros((24, 10), "f4"), (1, 10), name="t2m", attrs={"units": "K"})
    >>> with omfiles.open("t2m.om") as root, omfiles.OmFileWriter("copy.om") as writer:
    ...     copy_file(root, writer)
    >>> omfiles.open("copy.om").attrs["units"]
    'K'
    """
    source._fetch_tree()
    handles: dict[tuple[int, int], OmWriterVariable] = {}  # by record, as parents may share a child
    levels: list[tuple[OmFileReader, list[OmWriterVariable]]] = []  # variables, and those children that are copied

    def write_last() -> OmWriterVariable:
        node, children = levels.pop()
        if node.is_array:
            handle = copy_array(
                writer,
                node,
                children=children,
                encoding={} if encoding is None else encoding(node),
                overflow=overflow,
                max_bytes=max_bytes,
                progress=progress,
            )
        elif node.is_group:
            handle = writer.write_group(node.name, children)
        else:
            handle = writer.write_scalar(node.read_scalar(), node.name, children)
        handles[node._span] = handle
        if levels:
            levels[-1][1].append(handle)
        return handle

    walk = source._walk(attributes=True)
    for node in walk:
        while len(levels) > walk.depth:
            write_last()
        if node._span in handles:
            levels[-1][1].append(handles[node._span])
            walk.skip_children()
        else:
            levels.append((node, []))
    while levels:
        root = write_last()
    writer.close(root)
