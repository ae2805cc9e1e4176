# SPDX-License-Identifier: MIT
"""The wheel under test, and an environment that has nothing but it and a compiler's needs."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from strangers import run


@pytest.fixture(scope="session")
def wheel() -> Path:
    path = os.environ.get("OMFILES_WHEEL")
    if path is None:
        pytest.skip("set OMFILES_WHEEL to a wheel, as `make pytest` does")
    return Path(path).resolve(strict=True)


@pytest.fixture(scope="session")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a fresh environment with the wheel, Cython and setuptools."""
    folder = tmp_path_factory.mktemp("stranger")
    run(sys.executable, "-m", "venv", "--without-pip", "env", cwd=folder)
    python = folder / "env" / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    pip = [sys.executable, "-m", "pip", "--python", python]
    run(*pip, "install", "--quiet", "--no-compile", wheel, "cython>=3.1", "setuptools>=77", cwd=folder)
    return python
