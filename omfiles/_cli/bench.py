# SPDX-License-Identifier: MIT
"""``bench``: how fast a file is read here."""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from omfiles._chunk_grid import boxes
from omfiles._cli.common import (
    OK,
    add_command,
    add_file,
    add_json,
    find_array,
    open_file,
    print_json,
    print_table,
    size_text,
)
from omfiles._cli.progress import Progress
from omfiles._native.threads import get_num_threads
from omfiles._reading.reader import OmFileReader
from omfiles._tools.stored_chunks import nbytes_stored

__all__ = ["add_parsers"]

PART_BYTES = 64 << 20
"""Decoded bytes that are read at a time."""
POINTS = 200
"""Most points that are read of a variable."""


class Result(NamedTuple):
    """How fast a variable was read."""

    path: str
    nbytes: int
    nbytes_read: int
    seconds: float
    bytes_per_second: float
    stored_bytes_per_second: float
    points: int
    point_microseconds: float
    series_axis: int
    series_microseconds: float


def add_parsers(commands: Any) -> None:
    parser = add_command(
        commands,
        "bench",
        bench,
        "measure how fast a file is read here: as a whole, single values, and series along the longest dimension",
        "omfiles bench weather.om t2m",
    )
    add_file(parser)
    parser.add_argument(
        "variable", metavar="VAR", nargs="*", help="paths of arrays, by default all of two or more dimensions"
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=1.0,
        help="spend about so long on each of the three measurements of a variable (default %(default)s)",
    )
    add_json(parser)


def bench(arguments: argparse.Namespace) -> int:
    with open_file(arguments) as root:
        if arguments.variable:
            arrays = {path: find_array(root, path) for path in arguments.variable}
        else:
            arrays = {path or root.name or "(root)": node for path, node in root.walk() if node.is_array}
            arrays = {path: array for path, array in arrays.items() if array.ndim > 1} or arrays
        with Progress("reading", sum(array.nbytes for array in arrays.values())) as progress:
            results = [_measure(path, array, arguments.seconds, progress) for path, array in arrays.items()]
    if arguments.json:
        print_json({"file": arguments.file, "threads": get_num_threads(), "results": [r._asdict() for r in results]})
        return OK
    header = ("array", "read", "in", "decoded", "from file", "point", "series", "along")
    rows = [
        [
            one.path,
            size_text(one.nbytes_read),
            f"{one.seconds * 1000:.3g} ms",
            f"{size_text(one.bytes_per_second)}/s",
            f"{size_text(one.stored_bytes_per_second)}/s",
            f"{one.point_microseconds:.3g} us",
            f"{one.series_microseconds:.3g} us",
            f"axis {one.series_axis}",
        ]
        for one in results
    ]
    print_table(header, rows, range(1, 8))
    print(f"\npoint, series: median of up to {POINTS} at random indices; threads: {get_num_threads()}")
    return OK


def _measure(path: str, array: OmFileReader, seconds: float, progress: Progress) -> Result:
    """Read the whole array, then points and series, each for a while."""
    end = time.perf_counter() + seconds
    n_bytes, spent = _read(array, end, progress)
    while n_bytes == array.nbytes and time.perf_counter() + spent < end:  # what is small is read several times
        n_bytes, spent = min((n_bytes, spent), _read(array, end, lambda _: None), key=lambda one: one[1] / one[0])
    ratio = nbytes_stored(array) / array.nbytes
    axis = max(range(array.ndim), key=lambda axis: array.shape[axis])
    points = list(_timed(array, None, seconds))
    series = list(_timed(array, axis, seconds))
    return Result(
        path=path,
        nbytes=array.nbytes,
        nbytes_read=n_bytes,
        seconds=spent,
        bytes_per_second=n_bytes / spent,
        stored_bytes_per_second=n_bytes * ratio / spent,
        points=len(points),
        point_microseconds=statistics.median(points) * 1e6,
        series_axis=axis,
        series_microseconds=statistics.median(series) * 1e6,
    )


def _read(array: OmFileReader, end: float, progress: Callable[[int], None]) -> tuple[int, float]:
    """Read all parts, or until it is time to end; returns the bytes that were decoded, and seconds."""
    n_bytes = 0
    begin = time.perf_counter()
    for box in boxes(array.shape, array.chunks, PART_BYTES // array.dtype.itemsize):
        n_here = array[box].nbytes
        n_bytes += n_here
        progress(n_here)
        if time.perf_counter() > end:
            break
    return n_bytes, time.perf_counter() - begin


def _timed(array: OmFileReader, axis: int | None, seconds: float) -> Iterator[float]:
    """Seconds that values at random indices take, or all along an axis there."""
    generator = random.Random(1)
    begin = time.perf_counter()
    for _ in range(POINTS):
        key: list[int | slice] = [generator.randrange(extent) for extent in array.shape]
        if axis is not None:
            key[axis] = slice(None)
        start = time.perf_counter()
        array.read_array(tuple(key))
        stop = time.perf_counter()
        yield stop - start
        if stop - begin > seconds:
            return
