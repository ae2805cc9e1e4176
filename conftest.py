# SPDX-License-Identifier: MIT
"""Doctests run in a directory of their own, so that examples can write files by plain names."""

import pytest


@pytest.fixture(autouse=True)
def _doctest_directory(request, tmp_path_factory, monkeypatch):
    if isinstance(request.node, pytest.DoctestItem):
        monkeypatch.chdir(tmp_path_factory.mktemp("doctest"))
