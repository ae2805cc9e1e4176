# SPDX-License-Identifier: MIT
"""Hold the coverage of the C core against a limit: llvm-cov export ... | python coverage.py 95

Prints lines and branches of each layer, and of all that decodes; fails if one of the latter two is below the limit. A
branch of a template counts as taken if one of the functions that are made from it takes it. Conditions that are known
when they are compiled have no branches; they show as neither true nor false where the code is run.
"""

import json
import sys
from bisect import bisect_right
from collections import defaultdict
from pathlib import Path

# What only writes; the rest reads, or does both.
ENCODERS = ("encode.c", "encode_tmpl.h", "encode_avx512.h", "choose.h")


def main() -> None:
    limit = float(sys.argv[1])
    totals: dict[str, dict[str, list[int]]] = defaultdict(lambda: {"lines": [0, 0], "branches": [0, 0]})
    for file in json.load(sys.stdin)["data"][0]["files"]:
        path = Path(file["filename"])
        if "csrc" not in path.parts:
            continue
        part = "encoders" if path.name in ENCODERS else "decoders"
        taken: dict[tuple[int, ...], list[int]] = defaultdict(lambda: [0, 0])
        for *place, n_true, n_false, _, _, _ in file["branches"]:
            taken[tuple(place)][0] += n_true
            taken[tuple(place)][1] += n_false
        lines = file["summary"]["lines"]
        segments = [(tuple(segment[:2]), segment[2]) for segment in file["segments"]]
        ways = [
            way > 0
            for place, both in taken.items()
            if any(both) or segments[bisect_right(segments, (place[:2], float("inf"))) - 1][1] == 0
            for way in both
        ]
        if lines["count"] == 0 or (lines["covered"] == 0 and "avx512" in path.name):  # of a CPU that has none
            continue
        for name in (path.parent.name, f"all {part}"):
            for kind, covered, count in (
                ("lines", lines["covered"], lines["count"]),
                ("branches", sum(ways), len(ways)),
            ):
                totals[name][kind][0] += covered
                totals[name][kind][1] += count
    failed = False
    for name, kinds in sorted(totals.items()):
        shares = {kind: 100 * covered / max(1, count) for kind, (covered, count) in kinds.items()}
        print(f"{name:14}" + "".join(f"{shares[kind]:8.1f} % of {kinds[kind][1]:5} {kind}" for kind in kinds))
        failed |= name == "all decoders" and min(shares.values()) < limit
    if failed:
        sys.exit(f"less than {limit} % of the decoders are covered")


if __name__ == "__main__":
    main()
