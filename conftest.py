# SPDX-License-Identifier: MIT
"""Fixtures and Hypothesis profiles of all tests and doctests.

`HYPOTHESIS_PROFILE=thorough` runs forty times as many examples as the default, `quick` a fifth. This file is not in
`tests`: pytest puts its folder on the path of modules, where `tests/xarray` would pass for the package where that is
missing.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from omfiles import _core

# A fixture that picks the SIMD level stays the same for all examples of a test, as it should.
QUIET = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
settings.register_profile("default", max_examples=50, deadline=None, suppress_health_check=QUIET)
settings.register_profile("quick", settings.get_profile("default"), max_examples=10)
settings.register_profile("thorough", settings.get_profile("default"), max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

# What a shell starts in the background does not hear the Ctrl-C that some tests send to themselves and their children.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

TESTS = Path(__file__).parent / "tests"

# They hold no doctests, and have all the same module name.
collect_ignore_glob = ["*conftest.py"]


@pytest.fixture(autouse=True)
def _doctest_directory(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run doctests in a directory of their own, so that examples can write files by plain names."""
    if isinstance(request.node, pytest.DoctestItem):
        monkeypatch.chdir(tmp_path_factory.mktemp("doctest"))


@pytest.fixture(scope="session")
def golden() -> Path:
    """The folder of golden data."""
    return TESTS / "golden"


@pytest.fixture(scope="session")
def scratch_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One path that examples of a Hypothesis test may overwrite again and again."""
    return tmp_path_factory.mktemp("scratch") / "scratch.om"


@pytest.fixture
def few_descriptors() -> Iterator[int]:
    """Let this process open only 128 files more than it has; gives how many that are in all."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = len(os.listdir("/dev/fd")) + 128
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, before[1]))
    yield limit
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.fixture(params=_core.simd_available())
def simd(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run the test once with every instruction set that this CPU has."""
    before = _core.simd_name()
    _core.simd_select(request.param)
    yield request.param
    _core.simd_select(before)
