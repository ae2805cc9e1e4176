# SPDX-License-Identifier: MIT
"""Names of earlier releases, which imports and attributes answer with today's."""

from __future__ import annotations

import importlib

import pytest

import omfiles


@pytest.mark.parametrize(
    ("code", "old", "new"),
    [
        ("from omfiles import OmFilePyReader", "omfiles.OmFilePyReader", "omfiles.OmFileReader"),
        ("from omfiles import OmFilePyWriter", "omfiles.OmFilePyWriter", "omfiles.OmFileWriter"),
        ("import omfiles.om_grid", "omfiles.om_grid", "omfiles.grids"),
        ("from omfiles.om_grid import OmGrid", "omfiles.om_grid", "omfiles.grids"),
        ("from omfiles import om_grid", "omfiles.om_grid", "omfiles.grids"),
        ("from omfiles.grids.om_grid import OmGrid", "omfiles.grids.om_grid", "omfiles.grids"),
        ("from omfiles.grids.regular import RegularGrid", "omfiles.grids.regular", "omfiles.grids"),
        ("from omfiles.grids.gaussian import GaussianGrid", "omfiles.grids.gaussian", "omfiles.grids"),
        ("from omfiles.omfiles import OmFileReader", "omfiles.omfiles", "omfiles"),
        ("from omfiles._rust import OmFileReader", "omfiles._rust", "omfiles"),
    ],
)
def test_old_imports_say_the_new_name(code: str, old: str, new: str) -> None:
    with pytest.raises(ImportError, match=rf"there is no {old} any more: import {new} instead$"):
        exec(code)


def test_old_attributes_say_the_new_name() -> None:
    with pytest.raises(AttributeError, match=r"PyReader any more: import omfiles.OmFileReader instead"):
        omfiles.OmFilePyReader  # noqa: B018
    assert not hasattr(omfiles, "OmFilePyWriter"), "programs may ask for both"
    assert getattr(omfiles, "om_grid", None) is None


def test_other_names_are_python_s_business() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'omfiles.nonsense'"):
        importlib.import_module("omfiles.nonsense")
    with pytest.raises(ImportError, match="cannot import name 'nonsense'"):
        exec("from omfiles import nonsense")
