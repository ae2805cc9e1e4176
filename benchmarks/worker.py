# SPDX-License-Identifier: MIT
"""Runs cases for `run.py`: one JSON request a line on stdin, one JSON reply a line on stdout.

{"do": "about"}                        versions
{"do": "prepare", "case": i}           prepare the i-th case; the reply has a digest of what it computes
{"do": "run", "loops": n}              seconds of n runs of the prepared workload

A worker for "pinned" stays on one core and takes CPU time; one for a number of threads takes time on the clock.
"""

from __future__ import annotations

import gc
import hashlib
import importlib.metadata
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from cases import Suite, Workload

import omfiles


def digest(result: Any) -> str:
    """A short text that is equal for equal results."""
    if isinstance(result, np.ndarray):
        data = repr((result.shape, result.dtype)).encode() + result.tobytes()
    else:
        data = repr(result).encode()
    return hashlib.blake2b(data, digest_size=8).hexdigest()


def pin() -> None:
    """Stay on one core, with one thread."""
    os.environ["OMFILES_NUM_THREADS"] = "1"
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def time_loops(workload: Workload, loops: int, clock: Callable[[], float] = time.process_time) -> float:
    gc.collect()
    gc.disable()
    start = clock()
    for _ in range(loops):
        workload()
    seconds = clock() - start
    gc.enable()
    return seconds


def about() -> dict[str, Any]:
    simd = getattr(getattr(omfiles, "_core", None), "simd_name", None)
    return {
        "omfiles": importlib.metadata.version("omfiles"),
        "simd": simd() if simd else None,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }


def main(folder: Path, quick: bool, threads: str) -> None:
    clock = time.process_time
    if threads == "pinned":
        pin()
    else:
        os.environ["OMFILES_NUM_THREADS"] = threads
        clock = time.perf_counter
    cases = Suite(quick).cases()
    workload: Workload | None = None
    result: Any
    for line in sys.stdin:
        request = json.loads(line)
        reply: Any = None
        match request["do"]:
            case "about":
                reply = about()
            case "prepare":
                workload = None  # frees the memory of the case before
                case = cases[request["case"]]
                workload = case.prepare(case, folder)
                result = workload()
                reply = digest(result) if case.exact else None
                result = None
                gc.collect()
                gc.freeze()  # collecting before each sample need not go through all modules
            case "run":
                assert workload is not None
                reply = time_loops(workload, request["loops"], clock)
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] == "quick", sys.argv[3])
