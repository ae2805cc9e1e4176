# SPDX-License-Identifier: MIT
"""The wheel under test, and an environment that has nothing but it and a compiler's needs."""

from __future__ import annotations

import os
import sys
from importlib import metadata
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
    run(*pip, "install", "--quiet", "--no-compile", "--no-index", "--no-deps", wheel, cwd=folder)
    packages = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip())
    for name in ["numpy", "cython", "setuptools"]:
        lend(name, packages)
    return python


def lend(name: str, packages: Path) -> None:
    """Link the files of a package that runs here into another environment, which needs no network."""
    for file in metadata.files(name) or []:
        if ".." not in file.parts:  # programs and their manuals
            (packages / file).parent.mkdir(parents=True, exist_ok=True)
            (packages / file).symlink_to(file.locate())
