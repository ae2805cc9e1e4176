# SPDX-License-Identifier: MIT
"""Kill or interrupt writers at random moments: ``kill_worker.py path seed n_kills [SIGINT]``.

Processes that are forked from this one write version after version of a file, one or two of them at a time, and are
killed, or interrupted as by Ctrl-C. Then the file must be whole, and no older than what a writer has reported complete.
Prints how often what was found.
"""

from __future__ import annotations

import concurrent.futures.thread  # noqa: F401 - not in every forked process anew
import contextlib
import itertools
import os
import random
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np

import omfiles

SHAPE, CHUNKS = (200, 200), (10, 10)
GRID = np.arange(SHAPE[1], dtype=np.int32)
N_WRITERS = 2
INTERRUPTED = 5  # a code of exit


def write_forever(path: Path, writer: int, version: int, report: int) -> None:
    """Write versions from `version` on, those of a writer being alike modulo N_WRITERS."""
    while True:
        data = np.full(SHAPE, version * N_WRITERS + writer, np.int32) + GRID
        if version % 2:
            omfiles.save(path, data, CHUNKS)
        else:
            with omfiles.OmFileWriter(path, metadata_placement="inline") as om:
                rows = (data[i : i + 50] for i in range(0, SHAPE[0], 50))
                om.close(om.write_array_streaming(SHAPE, CHUNKS, rows, data.dtype))
        os.write(report, version.to_bytes(8, "little"))
        version += 1


def start(path: Path, writer: int, version: int) -> tuple[int, int]:
    """Start a writer and wait until it is busy: its process, and where it reports versions."""
    receive, report = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have switched it off
        try:
            write_forever(path, writer, version, report)
        except KeyboardInterrupt:
            code = INTERRUPTED
        finally:
            os._exit(code)
    os.close(report)
    assert os.read(receive, 8), "the writer failed before it was killed"
    return child, receive


def kill(child: int, receive: int, number: int) -> int:
    """Returns the version after the last one that was reported."""
    os.kill(child, number)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code == (INTERRUPTED if number == signal.SIGINT else -number), "the writer failed before it was killed"
    reports = b""
    while more := os.read(receive, 1 << 16):
        reports += more
    os.close(receive)
    return int.from_bytes(reports[-8:], "little") + 1 if reports else 0


def main() -> None:
    path = Path(sys.argv[1])
    rng = random.Random(int(sys.argv[2]))
    n_kills = int(sys.argv[3])
    number = signal.SIGINT if sys.argv[4:] == ["SIGINT"] else signal.SIGKILL
    versions = [0] * N_WRITERS
    found: Counter[str] = Counter()
    for turn in itertools.count():
        if found["kills"] >= n_kills:
            break
        writers = range(1 + turn % 2)
        running = [start(path, writer, versions[writer]) for writer in writers]
        begun = [versions[writer] + 1 for writer in writers]
        time.sleep(rng.uniform(0, 0.01))
        for writer, (child, receive) in zip(writers, running, strict=True):
            versions[writer] = max(kill(child, receive, number), begun[writer])
            found["kills"] += 1
        assert omfiles.verify(path), str(omfiles.verify(path))
        values = omfiles.open(path)[...] - GRID
        assert (values == values[0, 0]).all(), "parts of several versions"
        version, writer = divmod(int(values[0, 0]), N_WRITERS)
        # What the file is named may be reported or not yet; with two writers, either may have been the last.
        if len(writers) == 1:
            assert (version - versions[0], writer) in [(0, 0), (-1, 0)], "neither the old nor the new version"
            found["renamed and not reported"] += version == versions[0]
        else:
            assert versions[writer] - 1 <= version <= versions[writer], "neither writer's last version"
        versions = [number + 1 for number in versions]
        left = [file for file in path.parent.iterdir() if file != path]
        assert len(left) <= len(writers)
        for file in left:
            found["left behind"] += 1
            assert file.name.startswith(f".{path.name}.") and file.name.endswith(".om-part"), file
            with contextlib.suppress(omfiles.OmFormatError):
                omfiles.open(file).close()
                found["complete when left"] += 1
            file.unlink()
    print(dict(found))


if __name__ == "__main__":
    main()
