# SPDX-License-Identifier: MIT
"""The benchmarks can be imported and explain themselves; `make bench-quick` runs them on small data."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.source_tree]

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.mark.parametrize("script", ["run.py", "remote.py"])
def test_help(script: str) -> None:
    command = [sys.executable, str(BENCHMARKS / script), "--help"]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "--peer" in shown


@pytest.mark.parametrize("script", ["worker.py", "stores.py"])
def test_import(script: str) -> None:
    """They run in processes of their own, where their arguments come from `run.py`."""
    code = f"import runpy; runpy.run_path({str(BENCHMARKS / script)!r}, run_name='imported')"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=BENCHMARKS)
