# SPDX-License-Identifier: MIT
"""Compare reading from a slow store with the released package `omfiles` 1.2.0 (the peer): `make bench-remote`.

The store is an asynchronous filesystem in memory that answers each request after 20 ms, as a near S3 does, however
many are under way. Each implementation lives in a process of its own; they take turns. What counts is wall-clock time,
which is mostly waiting, so that the ratio is nearly that of round trips. Both must read the same values.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from fsspec.asyn import AsyncFileSystem
from report import duration, write_section

import omfiles

DELAY = 0.020
SHAPE = (40, 120, 120)
CHUNKS = (40, 10, 10)
N_VARIABLES = 60
ATTRS = {"units": "K", "long_name": "air temperature", "standard_name": "air_temperature", "height": 2.0}
POINTS = np.random.default_rng(7).integers(0, SHAPE, (100, 3))
LONG = 10.0  # seconds; a job that takes longer is measured once

INTRODUCTION = """\
## Remote files

Made by `make bench-remote` on {date}: reading from a store that answers each request after {delay}, with this library
and with the peer, which take turns, each in a process of its own. A figure is the median wall-clock time of {rounds}
rounds (of one, where it takes more than {long:.0f} s), with the number of requests. Those of this library include one
for the version of the file, beside the others. The peer reads the 100 points one by one, as it has no call for many.
[`benchmarks/remote.py`](../benchmarks/remote.py) has the code of every job.
"""


class DelayingFileSystem(AsyncFileSystem):  # type: ignore[misc]
    """Files of a folder, each request delayed."""

    cachable = False  # codespell:ignore cachable

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.contents = {path.name: path.read_bytes() for path in folder.iterdir()}
        self.n_requests = 0

    async def _delay(self) -> None:
        self.n_requests += 1
        await asyncio.sleep(DELAY)

    async def _info(self, path: str, **kwargs: Any) -> dict[str, Any]:
        await self._delay()
        return {"name": path, "size": len(self.contents[path]), "type": "file", "ETag": "1"}

    async def _cat_file(self, path: str, start: int | None = None, end: int | None = None, **kwargs: Any) -> bytes:
        await self._delay()
        return self.contents[path][start:end]


# --- files: what the writers of both implementations make, with all metadata at the end -------------------------------


def write_files(folder: Path) -> None:
    noise = np.random.default_rng(1)
    with omfiles.OmFileWriter(folder / "many.om") as writer:
        variables = []
        for i in range(N_VARIABLES):
            values = (noise.normal(0, 2, SHAPE).cumsum(0) + 280).astype(np.float32)
            variables.append(writer.write_array(values, CHUNKS, 20, name=f"variable_{i}", attrs=ATTRS))
        writer.write_group("root", variables)
    values = noise.normal(280, 10, (400, 400, 60)).astype(np.float32)
    omfiles.save(folder / "map.om", values, (4, 4, 60), scale_factor=20)
    values = noise.normal(280, 10, (34, 180, 180)).astype(np.float32)
    omfiles.save(folder / "field.om", values, (1, 180, 180), scale_factor=20)


# --- jobs: each returns what makes its workload, so that preparing is not measured ------------------------------------

Workload = Callable[[], Any]


def open_file(fs: Any, name: str = "many.om") -> Any:
    return omfiles.OmFileReader.from_fsspec(fs, name)


def listing(fs: Any) -> list[Any]:
    root = open_file(fs)
    found = []
    for i in range(root.num_children):
        variable = root.get_child_by_index(i)
        attributes = [variable.get_child_by_index(j) for j in range(variable.num_children)]
        found.append((variable.name, variable.shape, [(a.name, str(a.read_scalar())) for a in attributes]))
    return found


def point(fs: Any) -> Any:
    return open_file(fs).get_child_by_name("variable_30")[17, 55, 66]


def second_point(fs: Any) -> Workload:
    variable = open_file(fs).get_child_by_name("variable_30")
    variable[17, 55, 66]
    return lambda: variable[3, 103, 8]


def points(fs: Any) -> Workload:
    variable = open_file(fs).get_child_by_name("variable_30")
    if hasattr(variable, "vindex"):
        return lambda: variable.vindex[tuple(POINTS.T)]
    return lambda: np.array([variable[tuple(place)] for place in POINTS.tolist()])


JOBS: dict[str, Callable[[Any], Workload]] = {
    "open": lambda fs: lambda: open_file(fs).num_children,
    "open, list 60 variables with 4 attributes each": lambda fs: lambda: listing(fs),
    "open, find a variable by name, read a point": lambda fs: lambda: point(fs),
    "a second point of the same variable": second_point,
    "100 random points of a variable": points,
    "a map of 400 x 400 values, each chunk a point of it": lambda fs: lambda: open_file(fs, "map.om")[:, :, 30],
    "a whole variable of 34 chunks": lambda fs: lambda: open_file(fs, "field.om")[...],
}


def work(folder: Path) -> None:
    """Do what is asked: the name of a job a line on stdin, its figures as JSON a line on stdout."""
    fs = DelayingFileSystem(folder)
    for line in sys.stdin:
        workload = JOBS[line.strip()](fs)
        fs.n_requests = 0
        begin = time.perf_counter()
        result = workload()
        seconds = time.perf_counter() - begin
        data = result.tobytes() if isinstance(result, np.ndarray) else repr(result).encode()
        reply = {"seconds": seconds, "requests": fs.n_requests, "digest": hashlib.blake2b(data).hexdigest()}
        print(json.dumps(reply), flush=True)


# --- measuring --------------------------------------------------------------------------------------------------------


class Worker:
    """A process that does jobs with the omfiles of its Python."""

    def __init__(self, python: str, folder: Path, env: dict[str, str] | None = None) -> None:
        command = [python, __file__, "--work", str(folder)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)

    def do(self, job: str) -> dict[str, Any]:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(job + "\n")
        self.process.stdin.flush()
        reply = self.process.stdout.readline()
        if not reply:
            raise SystemExit(f"the worker {self.process.args!r} ended during {job!r}")
        return json.loads(reply)


def measure(job: str, ours: Worker, peer: Worker, rounds: int) -> dict[str, Any]:
    replies: dict[Worker, list[dict[str, Any]]] = {ours: [], peer: []}
    for turn in range(rounds):
        for worker in (ours, peer) if turn % 2 else (peer, ours):
            if turn == 0 or replies[worker][0]["seconds"] < LONG:
                replies[worker].append(worker.do(job))
    if len({reply["digest"] for each in replies.values() for reply in each}) != 1:
        raise SystemExit(f"{job}: the two implementations read different things")
    medians = [statistics.median(reply["seconds"] for reply in replies[worker]) for worker in (peer, ours)]
    requests = [replies[worker][-1]["requests"] for worker in (peer, ours)]
    return {"job": job, "seconds": medians, "requests": requests, "ratio": medians[0] / medians[1]}


def markdown(results: list[dict[str, Any]], rounds: int) -> str:
    lines = [
        INTRODUCTION.format(date=datetime.date.today(), delay=f"{DELAY * 1000:.0f} ms", rounds=rounds, long=LONG),
        "| job | peer | ours | ratio |",
        "|---|---|---|---|",
    ]
    for result in results:
        peer, ours = (
            f"{duration(seconds)} ({requests} request{'s' * (requests != 1)})"
            for seconds, requests in zip(result["seconds"], result["requests"])
        )
        ratio = f"{result['ratio']:.{0 if result['ratio'] >= 100 else 1}f}"
        lines.append(f"| {result['job']} | {peer} | {ours} | {ratio} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", metavar="PYTHON", default=".cache/peer-venv/bin/python", help="has omfiles 1.2.0")
    parser.add_argument("--ours", metavar="PYTHON", default=sys.executable, help="has this library")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", metavar="TEXT", help="only jobs whose name contains TEXT")
    parser.add_argument("--markdown", type=Path, help="put the table into this page")
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(options.work)
        return

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_files(folder)
        env = dict(os.environ)
        if options.peer != options.ours:
            env.pop("PYTHONPATH", None)  # it may lead to this library
        ours, peer = Worker(options.ours, folder), Worker(options.peer, folder, env)
        results = []
        for job in JOBS:
            if options.only in job:
                results.append(measure(job, ours, peer, options.rounds))
                print(f"{job:55} {results[-1]['requests']!s:12} {results[-1]['ratio']:8.1f} x", flush=True)
        for worker in (ours, peer):
            worker.process.communicate()
    if options.markdown:
        write_section(options.markdown, "remote", markdown(results, options.rounds))


if __name__ == "__main__":
    main()
