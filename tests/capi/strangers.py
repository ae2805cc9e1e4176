# SPDX-License-Identifier: MIT
"""What tests of foreign code share: commands that see nothing of the source tree, and the examples of docs/c-api.md."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden" / "files"
CPP = os.environ.get("CXX") or sysconfig.get_config_var("CXX") or "c++"
needs_cpp = pytest.mark.skipif(not shutil.which(CPP.split()[0]), reason=f"needs a C++ compiler: {CPP} is missing")


def run(*command: str | Path, cwd: Path, **variables: str) -> str:
    """Run a command, show what it says if it fails, return what it prints."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "OMFILES"))}
    result = subprocess.run(
        command, cwd=cwd, env=environment | variables, capture_output=True, text=True, errors="replace", check=False
    )
    assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"
    return result.stdout


def write_example(section: str, folder: Path) -> None:
    """Write the files that a section of docs/c-api.md shows; their first lines tell their names."""
    text = (ROOT / "docs" / "c-api.md").read_text()
    body = text.split(f"\n## {section}\n")[1].split("\n## ")[0]
    blocks = re.findall(r"```\w+\n((?:#|/\*) ([\w.]+)(?: \*/)?\n.*?)```", body, re.DOTALL)
    assert blocks
    for content, name in blocks:
        (folder / name).write_text(content)


def exported(library: Path, *options: str) -> set[str]:
    """Names that a library offers to others."""
    table = run("nm", "--defined-only", *(options or ["--dynamic"]), library, cwd=library.parent)
    return {words[-1] for words in map(str.split, table.splitlines()) if len(words) == 3 and words[1].isupper()}
