# SPDX-License-Identifier: MIT
"""The peer, omfiles 1.2.0 from PyPI, in an environment of its own.

It is installed once, into `OMFILES_PEER_VENV` or `.cache/peer-venv`. Where pip cannot do that, the tests of this folder
are skipped; with OMFILES_REQUIRE_PEER=1 that is an error.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from exchange import pack_value, unpack_value

from omfiles.testing.reference import Variable

HERE = Path(__file__).parent
PEER = "omfiles==1.2.0"


class Peer:
    """Hands batches of jobs to the peer; its start takes longer than most jobs."""

    def __init__(self, python: Path, folder: Path) -> None:
        self.python = python
        self.folder = folder

    def write(self, trees: dict[Path, Variable], placement: str = "tail") -> None:
        """Write each tree to its path."""
        self._run(
            {"write": str(path), "root": self._to_json(tree), "placement": placement} for path, tree in trees.items()
        )

    def read(self, paths: Iterable[Path]) -> list[Variable]:
        """All that is in each of the files."""
        return [self._from_json(node) for node in self._run({"read": str(path)} for path in paths)]

    def _run(self, jobs: Iterable[dict[str, Any]]) -> list[Any]:
        inbox, outbox = self.folder / "jobs.jsonl", self.folder / "results.jsonl"
        inbox.write_text("".join(json.dumps(job) + "\n" for job in jobs))
        command = [self.python, HERE / "peer_worker.py", inbox, outbox, self.folder]
        # Neither PYTHONPATH nor the current folder may let the peer's process find our package.
        subprocess.run([*map(str, command)], check=True, cwd=self.folder, env={**os.environ, "PYTHONPATH": ""})
        return [json.loads(line) for line in outbox.read_text().splitlines()]

    def _to_json(self, variable: Variable) -> dict[str, Any]:
        return {
            "id": id(variable),
            "name": variable.name,
            "children": [self._to_json(child) for child in variable.children],
            **pack_value(variable.value, self.folder),
            "chunks": [*variable.chunks],
            "compression": variable.compression,
            "scale_factor": variable.scale_factor,
            "add_offset": variable.add_offset,
        }

    def _from_json(self, node: dict[str, Any]) -> Variable:
        value = unpack_value(node)
        variable = Variable(node["name"], value, [self._from_json(child) for child in node["children"]])
        if isinstance(value, np.ndarray):
            variable.chunks, variable.compression = tuple(node["chunks"]), node["compression"]
            variable.scale_factor, variable.add_offset = node["scale_factor"], node["add_offset"]
        return variable


def python_of(home: Path) -> Path:
    return home / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def install_peer(home: Path) -> None:
    """Make the environment under another name first: several test processes may be at it."""
    building = home.with_name(f"{home.name}-{os.getpid()}")
    venv.create(building, with_pip=True, clear=True)
    command = [python_of(building), "-m", "pip", "install", "--quiet", PEER, "numpy"]
    try:
        install = subprocess.run(command, capture_output=True, text=True)
        if install.returncode:
            raise RuntimeError(f"pip cannot install the peer, {PEER}: {install.stderr.strip()[-500:]}")
        (building / "ready").touch()
        building.rename(home)
    except OSError:
        if not (home / "ready").exists():  # otherwise another process was faster
            raise
    finally:
        shutil.rmtree(building, ignore_errors=True)


@pytest.fixture(scope="session")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Peer:
    default = HERE.parent.parent / ".cache" / "peer-venv"
    home = Path(os.environ.get("OMFILES_PEER_VENV", default)).absolute()
    if not (home / "ready").exists():
        shutil.rmtree(home, ignore_errors=True)
        home.parent.mkdir(parents=True, exist_ok=True)
        try:
            install_peer(home)
        except RuntimeError as error:
            if os.environ.get("OMFILES_REQUIRE_PEER") == "1":
                raise
            pytest.skip(str(error))
    return Peer(python_of(home), tmp_path_factory.mktemp("peer"))
