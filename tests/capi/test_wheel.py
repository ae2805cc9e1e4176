# SPDX-License-Identifier: MIT
"""What is in the wheel."""

from __future__ import annotations

import json
import re
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

import pytest
from strangers import ROOT

import omfiles

pytestmark = [pytest.mark.slow, pytest.mark.source_tree]


@pytest.fixture(scope="module")
def archive(wheel: Path) -> ZipFile:
    return ZipFile(wheel)


@pytest.fixture(scope="module")
def info(archive: ZipFile) -> str:
    return f"omfiles-{omfiles.__version__}.dist-info"


def test_is_small(wheel: Path) -> None:
    assert wheel.stat().st_size < 1_000_000


def test_files(archive: ZipFile) -> None:
    """All Python files and types, all headers, the .pxd files that are for others; neither sources nor tests."""
    here = {str(path.relative_to(ROOT)) for kind in ("py", "pyi") for path in ROOT.glob(f"omfiles/**/*.{kind}")}
    here |= {f"omfiles/{path.relative_to(ROOT / 'csrc')}" for path in ROOT.glob("csrc/include/**/*.h")}
    here |= {
        f"omfiles/{name}" for name in ["py.typed", "__init__.pxd", "_core.pxd", "_core_declarations.pxi", "libomf.pxd"]
    }
    modules = {str(path.relative_to(ROOT).with_suffix("")) for path in ROOT.glob("omfiles/**/*.pyx")}
    names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert here <= names
    assert {name.split(".")[0] for name in names - here} == modules


def test_metadata(archive: ZipFile, info: str) -> None:
    metadata = Parser().parsestr(archive.read(f"{info}/METADATA").decode())
    assert (metadata["Name"], metadata["License-Expression"]) == ("omfiles", "MIT")
    assert archive.read(f"{info}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()
    entries = archive.read(f"{info}/entry_points.txt").decode()
    assert {"om = omfiles.xarray:OmXarrayEntrypoint"} <= set(entries.splitlines())


def test_bill_of_materials(archive: ZipFile, info: str) -> None:
    """PEP 770: what was compiled into the modules, in a form that scanners know."""
    bill = json.loads(archive.read(f"{info}/sboms/omfiles.cdx.json"))
    assert (bill["bomFormat"], bill["metadata"]["component"]["version"]) == ("CycloneDX", omfiles.__version__)
    assert all(re.fullmatch(r"pkg:pypi/\w+@[\w.]+", part["purl"]) for part in bill["components"])
    assert {part["name"] for part in bill["components"]} == {"cython"}


def test_nothing_tells_of_the_machine(archive: ZipFile) -> None:
    """Neither paths of the build nor different times, so that a build can be repeated."""
    assert len({entry.date_time for entry in archive.infolist()}) == 1
    root = str(ROOT).encode()
    assert not [name for name in archive.namelist() if root in archive.read(name)]
