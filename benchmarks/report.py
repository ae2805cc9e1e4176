# SPDX-License-Identifier: MIT
"""Figures as Markdown."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import Any

INTRODUCTION = """\
# Performance

Made by `make bench` on {date}, on one core of {cpu}, with Python {python} and numpy {numpy}: this library {ours}
with its {simd} kernels against the released package `omfiles` {peer} (the *peer*).

Both take turns within one run, each in a process of its own, pinned to a core. A figure is the median CPU time of
{rounds} rounds. The *ratio* is the peer's time divided by ours: above 1 this library is faster. In brackets is its
range over the rounds. Files are the same for both and lie in the page cache.

The data are smooth temperatures with noise of about one quantisation step (scale 20, so 0.05 degrees; for the
logarithmic codec scale 1000): maps of 1441 x 2879 values, series of 300 x 300 places and 504 times, and a large map of
10,000 x 10,000. GB/s count the bytes of the array, not of the file.
[`benchmarks/cases.py`](../benchmarks/cases.py) has the code of every case.

Memory is bounded by tests ([`tests/unit/test_memory.py`](../tests/unit/test_memory.py)): a read takes its output plus
at most 8 MiB, a streaming write its item plus at most 32 MiB plus 8 bytes a chunk.
"""


def duration(seconds: float) -> str:
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("us", 1e6)):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def row(result: dict[str, Any]) -> str:
    def cost(seconds: float) -> str:
        speed = f" ({result['n_bytes'] / seconds / 1e9:.2f} GB/s)" if result["n_bytes"] else ""
        return duration(seconds) + speed

    spread = f"{result['ratio']:.2f} ({result['ratio_low']:.2f} to {result['ratio_high']:.2f})"
    return f"| {result['name']} | {cost(result['peer_seconds'])} | {cost(result['ours_seconds'])} | {spread} |"


def markdown(about: dict[str, Any], results: list[dict[str, Any]]) -> str:
    """The whole page: how it was measured, and a table for each group of cases."""
    lines = [
        INTRODUCTION.format(
            date=about["date"],
            cpu=about["cpu"],
            python=about["ours"]["python"],
            numpy=about["ours"]["numpy"],
            ours=about["ours"]["omfiles"],
            simd=about["ours"]["simd"],
            peer=about["peer"]["omfiles"],
            rounds=about["rounds"],
        )
    ]
    for group, members in groupby(results, key=lambda result: result["group"]):
        lines += [f"## {group}", "", "| case | peer | ours | ratio |", "|---|---|---|---|", *map(row, members), ""]
    return "\n".join(lines)


def write_section(page: Path, name: str, text: str) -> None:
    """Put text between the markers of a section of a page; a section or page that is missing is made."""
    begin, end = (f"<!-- {edge} of what `make bench` measured: {name} -->" for edge in ("begin", "end"))
    old = page.read_text() if page.exists() else ""
    before, found, rest = old.partition(begin)
    after = rest.partition(end)[2] if found else ""
    if not found and before:
        before = before.rstrip() + "\n\n"
    page.write_text(f"{before}{begin}\n{text}{end}{after or chr(10)}")
