# SPDX-License-Identifier: MIT
"""The limits of the machine, on one core: what no library can be faster than. Run by `run.py`; prints JSON."""

from __future__ import annotations

import json
import os
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from worker import pin, time_loops

PIECE = 1 << 20  # bytes written or read at once


def jobs(folder: Path, n_bytes: int) -> dict[str, Callable[[], Any]]:
    """Each of them moves n_bytes once."""
    source, target = np.ones(n_bytes, np.uint8), np.ones(n_bytes, np.uint8)
    path = folder / "limits"
    piece = source.data[:PIECE]

    def write() -> None:
        path.unlink(missing_ok=True)
        with open(path, "wb", buffering=0) as file:
            for _ in range(n_bytes // PIECE):
                file.write(piece)

    def read() -> None:
        buffer = target.data[:PIECE]
        with open(path, "rb", buffering=0) as file:
            while file.readinto(buffer):
                pass

    return {
        "read memory (sum)": lambda: source.view(np.uint64).sum(),
        "fill, warm memory": lambda: target.fill(2),
        "fill, new memory": lambda: np.empty(n_bytes, np.uint8).fill(2),
        "copy, into warm memory": lambda: np.copyto(target, source),
        "copy, into new memory": lambda: source.copy(),
        "write a new file (page cache)": write,
        "read a file (page cache)": read,
    }


def main(folder: Path, quick: bool) -> None:
    pin()
    n_bytes = PIECE * (4 if quick else 256)
    results = []
    for name, job in jobs(folder, n_bytes).items():
        seconds = statistics.median(time_loops(job, 1) for _ in range(2 if quick else 9))
        results.append({"name": name, "n_bytes": n_bytes, "seconds": seconds})
    os.unlink(folder / "limits")
    print(json.dumps(results))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] == "quick")
