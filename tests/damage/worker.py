# SPDX-License-Identifier: MIT
"""Read mutants, all in one process with little memory and time: ``worker.py golden_folder folder seed first last``.

Each mutant is read twice, in different ways, and verified. Before each, its number goes to ``folder/progress``: if the
process dies, that is the one. A line of JSON on standard output tells each offence; the last line, how many ended how.
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # its threads would take the memory that is left to us

import asyncio
import faulthandler
import hashlib
import itertools
import json
import random
import resource
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from anatomy import Anatomy, dissect
from mutations import mutant

import omfiles
from omfiles import OmFileReader, OmFileReaderAsync, OmFormatError, _core
from omfiles.io import RangeReader
from omfiles.testing import reference
from omfiles.testing.reference import Variable

MEMORY = 2 << 30
SECONDS = 20
MAX_VARIABLES = 300
REMOTE_EVERY, ASYNC_EVERY = 5, 20
MAX_FILLED = 1 << 20
BYTES = itertools.cycle(range(1, 252))


class Memory(RangeReader):
    """A store that has one file."""

    name = "memory"

    def __init__(self, content: bytes) -> None:
        self.content = content

    def size(self) -> int:
        return len(self.content)

    def read_ranges(self, ranges, *, concurrency):
        for index, (start, stop) in enumerate(ranges):
            yield index, self.content[start:stop]


def seeds(golden: Path) -> list[Anatomy]:
    """Golden files that are not long, and some that are built like none of them."""
    files = [path.read_bytes() for path in sorted(golden.glob("*.om"))]
    rng = np.random.default_rng(0)
    attributes = [Variable("units", "K"), Variable("level", np.int16(500)), Variable("", np.float64(0.1))]
    noise = Variable("noise", rng.integers(0, 1000, (60, 90)).astype("i4"), attributes, (7, 9), "pfor_delta_2d")
    smooth = Variable("smooth", rng.random((40, 30)).cumsum(0).astype("f4"), [], (1, 9), "pfor_delta_2d_int16", 20.0)
    exact = Variable("exact", rng.random((3, 5, 70)).astype("f8"), [noise], (1, 5, 64), "fpx_xor_2d")
    files.append(reference.write_file(noise))
    files.append(reference.write_file(Variable("root", None, [exact, Variable("group", None, [smooth, *attributes])])))
    return [dissect(content) for content in files if len(content) <= 16_000] + [dissect(files[-1])] * 10


# --- reading ----------------------------------------------------------------------------------------------------------


def tell(digest: Any, variable: Any, value: Any) -> None:
    digest.update(repr((variable.name, variable.shape, str(variable.dtype), variable.num_children)).encode())
    digest.update(value.tobytes() if isinstance(value, (np.ndarray, np.generic)) else repr(value).encode())


def filled(variable: OmFileReader) -> np.ndarray:
    """Memory for an array that holds other bytes each time: what is not written makes readings differ."""
    return np.full(variable.nbytes, next(BYTES), "u1").view(variable.dtype).reshape(variable.shape)


def read_all(root: OmFileReader) -> str:
    """What is in the file: structure, values, and elements in three ways."""
    digest = hashlib.blake2b()
    digest.update(root.tree().encode())
    digest.update(repr(root._get_flat_variable_metadata()).encode())
    variables, n = [root], 0
    while variables and n < MAX_VARIABLES:
        variable = variables.pop()
        n += 1
        variables += variable.children[:100]
        value = None
        if variable.is_array:
            tell(digest, variable, variable[(0,) * variable.ndim])
            tell(digest, variable, variable[..., ::-3])
            value = variable[...] if variable.nbytes > MAX_FILLED else variable.read_array(..., out=filled(variable))
        elif variable.is_scalar:
            value = variable.read_scalar()
        tell(digest, variable, value)
    return digest.hexdigest()


def read_local(source: Any) -> str:
    with OmFileReader(source) as root:
        return read_all(root)


async def read_async(content: bytes) -> str:
    """The root alone, in the ways of asyncio."""
    digest = hashlib.blake2b()
    root = await OmFileReaderAsync.open(Memory(content))
    async with root:
        value = await root.read_array(...) if root.is_array else None
        tell(digest, root, value)
    return digest.hexdigest()


def read_root(content: bytes) -> str:
    digest = hashlib.blake2b()
    with OmFileReader(content) as root:
        tell(digest, root, root[...] if root.is_array else None)
    return digest.hexdigest()


def outcome(read: Any, source: Any, size: int) -> tuple[str, Any]:
    """How a reading ended: ("read", digest), or ("refused", where), or ("memory", None)."""
    try:
        return "read", read(source)
    except OmFormatError as error:
        if error.offset is None or not 0 <= error.offset <= size or not error.field:
            raise AssertionError(f"no place in the message {error}") from error
        return "refused", (error.offset, error.field)
    except MemoryError:
        return "memory", None


def check(content: bytes, number: int, path: Path) -> str:
    """Read a mutant in two ways or more; returns how it ended."""
    levels = _core.simd_available()
    _core.simd_select(levels[-1])
    ended, found = outcome(read_local, content, len(content))
    verified = omfiles.verify(content)
    assert not (verified and ended == "refused"), f"refused {found}, but found good by verify"
    path.write_bytes(content)
    _core.simd_select(levels[number % len(levels)])
    again = outcome(read_local, path, len(content))
    assert again == (ended, found), f"memory: {ended} {found}, file with {_core.simd_name()}: {again}"
    if number % REMOTE_EVERY == 0:  # here what is fetched first may be refused first
        again = outcome(read_local, Memory(content), len(content))
        assert (again[0] == ended) if ended != "read" else again == (ended, found), f"{ended} {found}, remote: {again}"
    if number % ASYNC_EVERY == 0:
        once = outcome(read_root, content, len(content))
        again = outcome(lambda source: asyncio.run(read_async(source)), content, len(content))
        assert (again[0] == once[0]) if once[0] != "read" else again == once, f"{once}, asyncio: {again}"
    return ended


def main() -> None:
    golden, folder = map(Path, sys.argv[1:3])
    seed, first, last = map(int, sys.argv[3:])
    faulthandler.enable()
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    files = seeds(golden)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    progress = os.open(folder / "progress", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    counts: Counter[str] = Counter()
    for number in range(first, last):
        kind, content = mutant(random.Random(f"{seed} {number}"), files)
        os.pwrite(progress, b"%-20d" % number, 0)
        signal.alarm(SECONDS)
        try:
            ended = check(content, number, folder / "mutant.om")
        except BaseException as error:
            ended = "offence"
            report = {"number": number, "kind": kind, "error": f"{type(error).__name__}: {error}"}
            print(json.dumps(report), flush=True)
        signal.alarm(0)
        counts[f"{kind} {ended}"] += 1
    print(json.dumps(counts))


if __name__ == "__main__":
    main()
