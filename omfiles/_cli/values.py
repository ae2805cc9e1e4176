# SPDX-License-Identifier: MIT
"""``dump`` and ``stats``: values, and what they are like. Both read part by part."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from omfiles._chunk_grid import Shape
from omfiles._cli.common import (
    OK,
    USAGE,
    CommandError,
    add_command,
    add_file,
    add_force,
    add_json,
    atomic_output,
    find,
    find_array,
    number_text,
    open_file,
    parse_slice,
    print_json,
    print_table,
    size_text,
)
from omfiles._cli.progress import Progress
from omfiles._cli.selections import Key, slabs
from omfiles._reading.fancy_index import select_axes
from omfiles._reading.names import list_names
from omfiles._reading.reader import OmFileReader
from omfiles._tools.statistics import statistics
from omfiles._writing.array_spec import DIMENSION_KEY

__all__ = ["add_parsers"]

SLAB_ELEMENTS = 1 << 21
"""Values that are read at a time."""


def add_parsers(commands: Any) -> None:
    parser = add_command(
        commands,
        "dump",
        dump,
        "print the values of an array, or of part of it",
        "omfiles dump weather.om t2m --slice '0, 10:20, :' --format csv",
    )
    add_file(parser)
    parser.add_argument("variable", metavar="VAR", nargs="?", help="path of the array, if there are several")
    parser.add_argument(
        "-s",
        "--slice",
        metavar="SLICE",
        type=parse_slice,
        default=(...,),
        help="as between brackets in Python: '0, :, 10:20'",
    )
    parser.add_argument(
        "-F",
        "--format",
        choices=WRITERS,
        help="text: a line for each row, an empty one between maps; csv: a line for each value, after its indices; "
        "npy: for numpy.load. By default as the name of the output ends, or text",
    )
    parser.add_argument("-o", "--output", metavar="OUT", help="a file to write, by default stdout")
    add_force(parser)

    parser = add_command(
        commands,
        "stats",
        stats,
        "show minimum, maximum, mean, the share of NaN and sizes of chunks; everything is read",
        "omfiles stats weather.om t2m",
    )
    add_file(parser)
    parser.add_argument("variable", metavar="VAR", nargs="*", help="paths of arrays or groups, by default all arrays")
    add_json(parser)


# --- dump -------------------------------------------------------------------------------------------------------------


def dump(arguments: argparse.Namespace) -> int:
    with open_file(arguments) as root:
        array = find_array(root, arguments.variable)
        try:
            selected, parts = slabs(arguments.slice, array.shape, SLAB_ELEMENTS)
        except (IndexError, ValueError) as error:
            raise CommandError(f"--slice: {error}", USAGE) from None
        write = WRITERS[arguments.format or _format_of(arguments.output)]
        if write is _write_npy and arguments.output is None and sys.stdout.isatty():
            raise CommandError("npy is no text: name a file with --output, or send it to another program", USAGE)
        n_bytes = int(np.prod(selected, dtype=object)) * array.dtype.itemsize
        on_screen = arguments.output is None and sys.stdout.isatty()
        with Progress("reading", n_bytes if not on_screen else 0) as progress, _opened(arguments) as out:

            def read() -> Iterator[npt.NDArray[Any]]:
                for part in parts:
                    values = array.read_array(part)
                    yield values
                    if not on_screen:
                        progress(values.nbytes)

            write(out, array, arguments.slice, selected, read())
    return OK


def _format_of(output: str | None) -> str:
    ending = os.path.splitext(output or "")[1].removeprefix(".").lower()
    return ending if ending in WRITERS else "text"


@contextmanager
def _opened(arguments: argparse.Namespace) -> Iterator[BinaryIO]:
    """Open the output, as bytes."""
    if arguments.output is None:
        sys.stdout.flush()
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with atomic_output(arguments.output, arguments.force) as part, open(part, "wb") as file:
        yield file


def _write_text(
    out: BinaryIO, array: OmFileReader, key: Key, selected: Shape, parts: Iterator[npt.NDArray[Any]]
) -> None:
    """Write the last dimension in lines, with an empty line where a dimension before the last two goes on."""
    width = selected[-1] if selected else 1
    rows_of_map = selected[-2] if len(selected) > 2 else 0
    column = row = 0
    for part in parts:
        flat = part.reshape(-1)
        start = 0
        while start < flat.size:
            stop = min(flat.size, start + width - column)
            if column == 0 and row and rows_of_map and row % rows_of_map == 0:
                out.write(b"\n")
            text = " ".join(_texts(flat[start:stop]))
            column += stop - start
            start = stop
            ends = column == width
            out.write(f"{text}{chr(10) if ends else ' '}".encode())
            if ends:
                column, row = 0, row + 1


def _texts(values: npt.NDArray[Any]) -> Iterator[str]:
    """The shortest texts that give the same values."""
    return map(str, values) if values.dtype == np.float32 else map(str, values.tolist())


def _write_csv(
    out: BinaryIO, array: OmFileReader, key: Key, selected: Shape, parts: Iterator[npt.NDArray[Any]]
) -> None:
    """Write a line for each value: its index in the array along each dimension that is kept, and itself."""
    kept = {axis: part for axis, part in enumerate(select_axes(key, array.shape)) if isinstance(part, range)}
    names = _dimension_names(array)
    out.write((",".join([names[axis] for axis in kept] + [_quoted(array.name or "value")]) + "\n").encode())
    done = 0
    for part in parts:
        flat = part.reshape(-1)
        for start in range(0, flat.size, 1 << 16):
            values = flat[start : start + (1 << 16)]
            positions = np.unravel_index(np.arange(done, done + values.size), selected) if kept else ()
            columns = [(part.start + part.step * at).astype(str) for part, at in zip(kept.values(), positions)]
            lines = map(",".join, zip(*columns, _texts(values)))
            out.write(("\n".join(lines) + "\n").encode())
            done += values.size


def _dimension_names(array: OmFileReader) -> list[str]:
    names = array.attrs.get(DIMENSION_KEY)
    named = names.split() if isinstance(names, str) else []
    return list(map(_quoted, named)) if len(named) == array.ndim else [f"dim{axis}" for axis in range(array.ndim)]


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if any(character in text for character in ',"\r\n') else text


def _write_npy(
    out: BinaryIO, array: OmFileReader, key: Key, selected: Shape, parts: Iterator[npt.NDArray[Any]]
) -> None:
    header = {"descr": np.lib.format.dtype_to_descr(array.dtype), "fortran_order": False, "shape": selected}
    np.lib.format.write_array_header_1_0(out, header)
    for part in parts:
        out.write(part.tobytes())


Writer = Callable[[BinaryIO, OmFileReader, Key, Shape, Iterator[npt.NDArray[Any]]], None]
WRITERS: dict[str, Writer] = {"text": _write_text, "csv": _write_csv, "npy": _write_npy}


# --- stats ------------------------------------------------------------------------------------------------------------


def stats(arguments: argparse.Namespace) -> int:
    with open_file(arguments) as root:
        arrays = _arrays(root, arguments.variable)
        found = {}
        with Progress("reading", sum(array.nbytes for array in arrays.values())) as progress:
            for path, array in arrays.items():
                found[path] = statistics(array, progress=progress)
    if arguments.json:
        print_json([{"path": path, **one._asdict()} for path, one in found.items()])
        return OK
    rows = [
        [
            path,
            number_text(one.minimum),
            number_text(one.mean),
            number_text(one.maximum),
            f"{one.n_nan / one.n_values:.1%}",
            f"{one.nbytes / one.nbytes_stored:.1f}",
            str(one.n_chunks),
            size_text(one.smallest_chunk),
            size_text(one.median_chunk),
            size_text(one.largest_chunk),
        ]
        for path, one in found.items()
    ]
    header = ("array", "minimum", "mean", "maximum", "NaN", "ratio", "chunks", "smallest", "median", "largest")
    print_table(header, rows, range(1, 10))
    return OK


def _arrays(root: OmFileReader, paths: list[str]) -> dict[str, OmFileReader]:
    """All arrays below some variables, by path."""
    found = {}
    for path in paths or [""]:
        start = find(root, path)
        for below, node in start.walk():
            if node.is_array:
                found["/".join(filter(None, (path.strip("/"), below))) or start.name or "(root)"] = node
    if not found:
        raise CommandError(f"there is no array below {' or '.join(paths) or 'the root'}; {list_names(root.keys())}")
    return found
