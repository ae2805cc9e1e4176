# SPDX-License-Identifier: MIT
"""Thousands of mutants of good files, and those that were ever read wrongly. `make damage` tries 100,000."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from omfiles import OmFileReader, OmFormatError

HERE = Path(__file__).parent
BAD = HERE.parent / "bad"
EXPECTED = json.loads((BAD / "index.json").read_text())


@pytest.mark.slow
@pytest.mark.memory
@pytest.mark.skipif(sys.platform == "win32", reason="limits of memory and signals are those of POSIX")
@pytest.mark.guarantee(n=1)
@pytest.mark.guarantee(n=7)
@pytest.mark.guarantee(n=8)
def test_3000_mutants(tmp_path: Path) -> None:
    command = [sys.executable, HERE / "campaign.py", "--count", "3000", "--seeds", "2", "--keep", tmp_path]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}  # the same package as here
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    n_read, n_refused = map(int, re.findall(r"(\d+) (?:read|refused)", done.stdout))
    assert min(n_read, n_refused) > 200, f"too few were read, or refused: this damage proves nothing\n{done.stdout}"


@pytest.mark.parametrize("name", EXPECTED)
@pytest.mark.parametrize("source", ["path", "bytes"])
@pytest.mark.guarantee(n=1)
@pytest.mark.guarantee(n=7)
def test_what_was_ever_read_wrongly(name: str, source: str) -> None:
    path = BAD / name
    with pytest.raises(OmFormatError) as caught, OmFileReader(path if source == "path" else path.read_bytes()) as root:
        variables = [root]
        while variables:
            variable = variables.pop()
            variables += variable.children
            if variable.is_array:
                variable[...]
    assert {"field": caught.value.field, "offset": caught.value.offset} == EXPECTED[name]


def test_all_of_them_are_listed() -> None:
    assert {path.name for path in BAD.glob("*.om")} == EXPECTED.keys()
