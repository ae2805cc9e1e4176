# SPDX-License-Identifier: MIT
"""Compare this library with the released package `omfiles` 1.2.0 (the peer), and with other stores: `make bench`.

Each implementation lives in a Python process of its own, pinned to one core. For each case they take turns, several
rounds within one run, so that a noisy machine disturbs both alike. What counts is CPU time, the median of the rounds,
and the ratio peer / ours: above 1 this library is faster. Both read the same files, and must compute the same. For the
group "Threads" one thread of this library takes the place of the peer, and what counts is time on the clock.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from cases import Case, Suite
from report import markdown, write_section

HERE = Path(__file__).parent
SAMPLE_SECONDS = 0.1  # a sample repeats its workload until it takes at least this long


class Worker:
    """A process that runs cases with the omfiles of its Python."""

    def __init__(self, python: str, folder: Path, quick: bool, threads: str = "pinned") -> None:
        command = [python, str(HERE / "worker.py"), str(folder), "quick" if quick else "full", threads]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, **request: Any) -> Any:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        reply = self.process.stdout.readline()
        if not reply:
            raise SystemExit(f"the worker {self.process.args!r} ended during {request}")
        return json.loads(reply)

    def stop(self) -> None:
        self.process.communicate()


def measure(number: int, case: Case, ours: Worker, peer: Worker, rounds: int, sample_seconds: float) -> dict[str, Any]:
    digests = [worker.ask(do="prepare", case=number) for worker in (ours, peer)]
    if digests[0] != digests[1]:
        raise SystemExit(f"{case.group}: {case.name}: the two implementations computed different things")
    seconds = {worker: worker.ask(do="run", loops=1) for worker in (ours, peer)}
    loops = max(1, round(sample_seconds / max(min(seconds.values()), 1e-6)))
    samples: dict[Worker, list[float]] = {ours: [], peer: []}
    for turn in range(rounds):
        for worker in (ours, peer) if turn % 2 else (peer, ours):
            samples[worker].append(worker.ask(do="run", loops=loops) / loops / case.n_calls)
    medians = {worker: statistics.median(times) for worker, times in samples.items()}
    ratios = sorted(p / o for p, o in zip(samples[peer], samples[ours], strict=True))
    return {
        "group": case.group,
        "name": case.name,
        "n_bytes": case.n_bytes,
        "ours_seconds": medians[ours],
        "peer_seconds": medians[peer],
        "ratio": medians[peer] / medians[ours],
        "ratio_low": ratios[0],
        "ratio_high": ratios[-1],
    }


def run_script(name: str, folder: Path, quick: bool) -> Any:
    """Run another file of this folder in a process of its own; it prints JSON."""
    command = [sys.executable, str(HERE / f"{name}.py"), str(folder), "quick" if quick else "full"]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", required=True, metavar="PYTHON", help="a Python that has omfiles 1.2.0")
    parser.add_argument("--ours", default=sys.executable, metavar="PYTHON", help="a Python that has this library")
    parser.add_argument("--quick", action="store_true", help="small data, one round: shows that it runs, no more")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--only", default="", metavar="TEXT", help="only cases whose group or name contains TEXT")
    parser.add_argument("--folder", type=Path, help="where the files are written (default: a temporary folder)")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--markdown", type=Path, help="put the tables into this page")
    options = parser.parse_args()

    if options.folder is not None:
        options.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        quick, n_cores = options.quick, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
        ours, peer = (Worker(python, folder, quick) for python in (options.ours, options.peer))
        many, one = (Worker(options.ours, folder, quick, str(threads)) for threads in (n_cores, 1))
        about = {
            "date": datetime.date.today().isoformat(),
            "cpu": cpu_model(),
            "n_cores": n_cores,
            "ours": ours.ask(do="about"),
            "peer": peer.ask(do="about"),
            "rounds": 1 if quick else options.rounds,
            "quick": quick,
        }
        results = []
        for number, case in enumerate(Suite(quick).cases()):
            if options.only not in f"{case.group}: {case.name}":
                continue
            pair = (many, one) if case.group == "Threads" else (ours, peer)
            result = measure(number, case, *pair, about["rounds"], 0.0 if quick else SAMPLE_SECONDS)
            results.append(result)
            print(f"{case.group:12} {case.name:58} {result['ratio']:6.2f} x", flush=True)
        for worker in (ours, peer, many, one):
            worker.stop()
        stores, limits = ([] if options.only else run_script(name, folder, quick) for name in ("stores", "machine"))

    figures = {"about": about, "results": results, "stores": stores, "machine": limits}
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    if options.markdown:
        write_section(options.markdown, "local", markdown(figures))


if __name__ == "__main__":
    main()
