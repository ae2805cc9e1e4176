# SPDX-License-Identifier: MIT
"""The benchmarks run; how fast things are is no matter of tests."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.source_tree

ROOT = Path(__file__).parents[2]


def test_benchmarks_run_on_small_data(tmp_path: Path) -> None:
    """This library in both roles, as the peer has an environment of its own."""
    figures, page = tmp_path / "figures.json", tmp_path / "page.md"
    command = [sys.executable, ROOT / "benchmarks/run.py", "--quick", "--peer", sys.executable, "--folder", tmp_path]
    subprocess.run([*map(str, command), "--json", figures, "--markdown", page], check=True, cwd=tmp_path)
    found = json.loads(figures.read_text())
    groups = {"Bulk read", "Small reads", "Metadata", "xarray", "Write", "Growth", "Threads"}
    assert {result["group"] for result in found["results"]} == groups
    assert all(result["ours_seconds"] > 0 for result in found["results"])
    assert {store["name"] for store in found["stores"]} >= {"this library, pfor_delta_2d", "this library, fpx_xor_2d"}
    assert all(store["size"] < store["n_bytes"] for store in found["stores"])
    assert len(found["machine"]) == 7
    n_rows = len(found["results"]) + len(found["stores"]) + len(found["machine"])
    assert page.read_text().count("\n| ") >= n_rows
    assert {path.name for path in tmp_path.iterdir()} == {"figures.json", "page.md"}


def test_the_benchmark_of_remote_files_runs(tmp_path: Path) -> None:
    pytest.importorskip("fsspec")
    page = tmp_path / "page.md"
    page.write_text("before\n")
    command = [
        sys.executable,
        ROOT / "benchmarks/remote.py",
        "--rounds",
        "1",
        "--peer",
        sys.executable,
        "--markdown",
        page,
    ]
    for _ in range(2):
        subprocess.run([*map(str, command)], check=True, cwd=tmp_path, stdout=subprocess.DEVNULL)
        text = page.read_text()
        assert text.startswith("before\n")
        assert text.count("## Remote files") == 1
        assert text.count(" requests) |") == 14
