# SPDX-License-Identifier: MIT
"""Read many mutants in processes of their own: ``python tests/damage/campaign.py --count 100000 --seeds 5``.

No mutant may end the process, hang, take more memory than there is, raise anything but `OmFormatError` or
`MemoryError`, or read differently the second time. Those that do are written to a folder, and the status is 1; they
belong into tests/bad once the cause is found.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
GOLDEN = HERE.parent / "golden" / "files"


def run(seed: int, count: int) -> tuple[Counter[str], list[dict[str, Any]]]:
    """Mutants 0 ... count - 1 of a seed: how many ended how, and the offences."""
    counts: Counter[str] = Counter()
    offences: list[dict[str, Any]] = []
    first = 0
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}  # the same package as here
    with tempfile.TemporaryDirectory() as folder:
        while first < count:
            command = [sys.executable, HERE / "worker.py", GOLDEN, folder, seed, first, count]
            done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False, env=environment)
            lines = [json.loads(line) for line in done.stdout.splitlines()]
            if done.returncode == 0:
                counts.update(lines.pop())
                first = count
            else:  # it died: go on behind
                number = int(Path(folder, "progress").read_text())
                error = f"status {done.returncode}\n{done.stderr[-2000:]}"
                lines.append({"number": number, "kind": "fatal", "error": error})
                first = number + 1
            offences += [{"seed": seed, **line} for line in lines]
    return counts, offences


def summary(counts: Counter[str]) -> str:
    """A table: kinds of damage, and how many of each were read, refused, or too large."""
    ends = sorted({key.split()[1] for key in counts})
    rows = [f"{'kind':22}" + "".join(f"{end:>9}" for end in ends)]
    for kind in sorted({key.split()[0] for key in counts}):
        rows.append(f"{kind:22}" + "".join(f"{counts[f'{kind} {end}']:9}" for end in ends))
    return "\n".join(rows)


def keep(offences: list[dict[str, Any]], folder: Path) -> None:
    sys.path.insert(0, str(HERE))
    from mutations import mutant
    from worker import seeds

    folder.mkdir(parents=True, exist_ok=True)
    files = seeds(GOLDEN)
    for offence in offences:
        seed, number = offence["seed"], offence["number"]
        kind, content = mutant(random.Random(f"{seed} {number}"), files)
        path = folder / f"{kind}-{seed}-{number}.om"
        path.write_bytes(content)
        print(f"{path}: {offence['error']}", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000, help="mutants of all seeds together")
    parser.add_argument("--seeds", type=int, default=5, help="number of seeds, from 1 on")
    parser.add_argument("--keep", type=Path, default=Path("build/damage"), help="folder for mutants that offend")
    options = parser.parse_args()
    start = time.monotonic()
    share = options.count // options.seeds
    counts: Counter[str] = Counter()
    offences: list[dict[str, Any]] = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for some, bad in pool.map(lambda seed: run(seed, share), range(1, options.seeds + 1)):
            counts.update(some)
            offences += bad
    keep(offences, options.keep)
    print(summary(counts))
    totals = Counter(key.split()[1] for key in counts.elements())
    ends = ", ".join(f"{totals[end]} {end}" for end in ("read", "refused", "memory"))
    seconds = time.monotonic() - start
    print(
        f"{share * options.seeds} mutants of {options.seeds} seeds in {seconds:.0f} s: {ends}, {len(offences)} offences"
    )
    sys.exit(bool(offences))


if __name__ == "__main__":
    main()
