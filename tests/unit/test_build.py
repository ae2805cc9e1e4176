# SPDX-License-Identifier: MIT
"""What the compiled modules are: stable ABI, private symbols, a clear message where they are missing."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import omfiles

FOLDER = Path(omfiles.__file__).parent
MODULES = sorted(FOLDER.rglob("*.so"))


@pytest.mark.skipif(not sys.platform.startswith("linux") or not shutil.which("nm"), reason="reads ELF symbols with nm")
@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_only_the_init_function_is_exported(module: Path) -> None:
    table = subprocess.run(["nm", "-D", "--defined-only", module], check=True, capture_output=True, text=True).stdout
    names = {line.split()[-1] for line in table.splitlines()}
    assert names == {f"PyInit_{module.name.split('.')[0]}"}


@pytest.mark.skipif(sys.platform == "win32", reason="names of Windows modules do not tell")
@pytest.mark.skipif(bool(sysconfig.get_config_var("Py_GIL_DISABLED")), reason="free-threaded Python has no stable ABI")
def test_stable_abi() -> None:
    assert MODULES
    assert all(module.name.endswith(".abi3.so") for module in MODULES)


def test_message_when_not_built(tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path / "omfiles", ignore=shutil.ignore_patterns("*.so", "*.pyd", "__pycache__"))
    # Without `site`, so that an editable installation does not offer its modules.
    command = [sys.executable, "-S", "-c", "import omfiles"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "ImportError: the compiled part of omfiles is missing: run `make build`" in result.stderr


def test_version() -> None:
    assert omfiles.__version__.count(".") == 2


def test_folders_of_tests_pass_for_no_package() -> None:
    """Or `importorskip("xarray")` would find one of ours where xarray is missing."""
    tests = Path(__file__).parents[1]
    for folder in tests.iterdir():
        spec = importlib.util.find_spec(folder.name) if folder.is_dir() else None
        assert spec is None or str(folder) not in (spec.submodule_search_locations or [])
