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
[`benchmarks/cases.py`](../benchmarks/cases.py) has the code of every case. Each result is gone before the next one is
read, which on Linux has its memory then, from 32 to 512 MiB; the first one of such a size takes longer.

Memory is bounded by tests ([`tests/stress/test_memory.py`](../tests/stress/test_memory.py)): a read takes its output
plus at most 8 MiB, a streaming write its item plus at most 32 MiB plus 8 bytes a chunk.
"""

SMALL_READS = """\
For each point or place. The same 1,000 random ones are read in each round, as by a service that is asked for the same
places again and again: of ours the reader still has most of the chunks, of which it keeps 1 MiB. With 20,000 it has
few, and asks the system for nearly each.
"""

THREADS = """\
Time on the clock of this library, with one thread and with one for each core.
"""

GROWTH = """\
The same map in 64 x 64 chunks by `pfor_delta_2d`, from 1 MB to 1 GB.
"""

STORES = """\
The same values with the same chunks, rounded to multiples of 0.05 beforehand. It is the median CPU time of five runs on
one core with one thread. [`benchmarks/stores.py`](../benchmarks/stores.py) has the settings.
"""

MACHINE = """\
With {megabytes} MiB; new memory is what the operating system has to find and clear first.
"""


def duration(seconds: float) -> str:
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("us", 1e6)):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def speed(n_bytes: int, seconds: float) -> str:
    return f"{n_bytes / seconds / 1e9:.2f} GB/s"


def row(result: dict[str, Any]) -> list[str]:
    def cost(seconds: float) -> str:
        return duration(seconds) + (f" ({speed(result['n_bytes'], seconds)})" if result["n_bytes"] else "")

    spread = f"{result['ratio']:.2f} ({result['ratio_low']:.2f} to {result['ratio_high']:.2f})"
    return [result["name"], cost(result["peer_seconds"]), cost(result["ours_seconds"]), spread]


def table(*rows: list[str]) -> list[str]:
    """Lines of a table, the first row being its head, and an empty one."""
    lines = ["| " + " | ".join(cells) + " |" for cells in rows]
    return [lines[0], "|" + "---|" * len(rows[0]), *lines[1:], ""]


def markdown(figures: dict[str, Any]) -> str:
    """The whole page: how it was measured, and a table for each group of cases."""
    about = figures["about"]
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
    for group, members in groupby(figures["results"], key=lambda result: result["group"]):
        heads = ["peer", "ours"]
        lines += [f"## {group}", ""]
        if group == "Small reads":
            lines += [SMALL_READS]
        if group == "Threads":
            heads = ["1 thread", f"{about['n_cores']} threads"]
            lines += [THREADS]
        if group == "Growth":
            lines += [GROWTH]
        lines += table(["case", *heads, "ratio"], *map(row, members))
    if figures["stores"]:
        lines += ["## Other stores", "", STORES]
    for data, stores in groupby(figures["stores"], key=lambda store: store["data"]):
        lines += table(
            [data, "write", "read", "size"],
            *(
                [
                    store["name"],
                    speed(store["n_bytes"], store["write_seconds"]),
                    speed(store["n_bytes"], store["read_seconds"]),
                    f"{store['size'] / 1e6:.1f} MB ({store['n_bytes'] / store['size']:.1f} times smaller)",
                ]
                for store in stores
            ),
        )
    if figures["machine"]:
        lines += ["## Limits of the machine", "", MACHINE.format(megabytes=figures["machine"][0]["n_bytes"] >> 20)]
        limits = [[limit["name"], speed(limit["n_bytes"], limit["seconds"])] for limit in figures["machine"]]
        lines += table(["one core, plain numpy and `read` and `write`", "speed"], *limits)
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
