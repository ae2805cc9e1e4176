# SPDX-License-Identifier: MIT
"""The binary interface is the one that was agreed on: tests/capi/abi.json, written by tools/abi.py."""

from __future__ import annotations

import importlib
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from strangers import ROOT

pytestmark = pytest.mark.source_tree

AGREED: dict[str, Any] = json.loads(Path(__file__).with_name("abi.json").read_text())


@pytest.mark.skipif(sys.platform != "linux" or sys.maxsize < 2**32, reason="abi.json holds the layouts of 64-bit Linux")
def test_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is there has not changed. If it must: raise OMF_ABI_VERSION; then, or after additions, `make abi`."""
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    found = importlib.import_module("abi").describe()
    for part in AGREED:
        assert found[part] == AGREED[part]


def test_table_has_all_functions_with_their_signatures() -> None:
    """Those that choose the instruction set for the whole process stay with omfiles."""
    fields = [field.split(": ", 1)[1] for field in AGREED["structs"]["omfiles_api"]["fields"]]
    assert fields[:2] == ["uint32_t version", "uint32_t size"]
    table = {re.sub(r"\(\*(\w+)\)", r"omf_\1", field) for field in fields[2:]}
    own = ("omf_simd_", "omf_abi_version")
    assert table == {text for name, text in AGREED["functions"].items() if not name.startswith(own)}


def test_cython_has_all_functions() -> None:
    assert set(AGREED["cython"]) == {name for name in AGREED["functions"] if not name.startswith("omf_simd_")}
    text = (ROOT / "omfiles" / "__init__.pxd").read_text()
    assert set(re.findall(r"\bomf_\w+", text.split("import (")[1])) == set(AGREED["cython"])
