# SPDX-License-Identifier: MIT
"""Runs cases for `run.py`: one JSON request a line on stdin, one JSON reply a line on stdout.

{"do": "about"}                        versions
{"do": "files"}                        write the files that reading needs
{"do": "prepare", "case": i}           prepare the i-th case; the reply has a digest of what it computes
{"do": "run", "loops": n}              CPU seconds of n runs of the prepared workload
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


def time_loops(workload: Workload, loops: int) -> float:
    gc.collect()
    gc.disable()
    start = time.process_time()
    for _ in range(loops):
        workload()
    seconds = time.process_time() - start
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


def main(folder: Path, quick: bool) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    suite = Suite(quick)
    cases = suite.cases()
    workload: Workload | None = None
    for line in sys.stdin:
        request = json.loads(line)
        reply: Any = None
        match request["do"]:
            case "about":
                reply = about()
            case "files":
                for field in suite.fields():
                    field.write(folder / field.file_name, field.values())
            case "prepare":
                workload = None  # frees the memory of the case before
                case = cases[request["case"]]
                workload = case.prepare(case, folder)
                result = workload()
                reply = digest(result) if case.exact else None
            case "run":
                assert workload is not None
                reply = time_loops(workload, request["loops"])
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] == "quick")
