# SPDX-License-Identifier: MIT
"""What the documents show is true."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.source_tree

ROOT = Path(__file__).parents[2]
DOCUMENTS = [str(path.relative_to(ROOT)) for folder in (".", "docs", "csrc") for path in (ROOT / folder).glob("*.md")]


# Tests in tests/remote have the servers that these need; the files in c-api.md are built by tests/capi.
ELSEWHERE = {"docs/remote.md", "docs/cli.md", "docs/c-api.md"}
EXECUTED = [name for name in DOCUMENTS if "```python\n" in (ROOT / name).read_text() and name not in ELSEWHERE]


@pytest.mark.slow
@pytest.mark.parametrize("document", EXECUTED)
def test_examples_run(document: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / document).read_text(), re.DOTALL)
    namespace: dict[str, object] = {}
    for block in blocks:
        exec(block, namespace)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_and_paths_exist(document: str) -> None:
    text = (ROOT / document).read_text()
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)\)", text)
    missing = [target for target in targets if not ((ROOT / document).parent / target).exists()]
    assert not missing


def test_every_guarantee_has_a_test() -> None:
    promised = re.findall(r"^(\d+)\. ", (ROOT / "docs/guarantees.md").read_text(), re.MULTILINE)
    assert promised == [str(n) for n in range(1, len(promised) + 1)]
    tests = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    held = re.findall(r"@?pytest\.mark\.guarantee\(n=(\d+)\)", tests)
    assert set(held) == set(promised)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["tools/check-machine", sys.executable], r"This machine lacks a C compiler \(no-such-cc\)\..*\n"),
        (
            ["tools/check-machine", "no-such-python"],
            r"This machine lacks Python 3\.11 .*, a C compiler \(no-such-cc\)\..*\n",
        ),
        (
            [sys.executable, "setup.py", "--quiet", "build_ext"],
            r"error: .* cannot be compiled: it needs a C compiler .*\n",
        ),
    ],
    ids=["compiler", "Python", "setup.py"],
)
def test_one_line_says_what_a_machine_lacks(command: list[str], expected: str) -> None:
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, "CC": "no-such-cc"}, capture_output=True, text=True)
    assert done.returncode == 1
    assert re.fullmatch(expected, done.stderr)
