# SPDX-License-Identifier: MIT
"""Every public name has a docstring, whose examples run as they stand: in a namespace and a folder of their own.

pytest's own collection passes over compiled functions, and over methods of classes that call ``omfiles`` their module
but are defined in a private one.
"""

from __future__ import annotations

import contextlib
import doctest
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from test_layout import public_modules

# pytest itself collects the examples of omfiles.testing; omfiles.libomf is for Cython.
MODULES = sorted(
    name for name in public_modules() if name != "omfiles.libomf" and not name.startswith("omfiles.testing")
)


def documented(module: str) -> Iterator[tuple[str, str]]:
    """Names and docstrings of a module, its public classes and functions, and public members of these classes."""
    try:
        found = importlib.import_module(module)
    except ImportError as error:
        skip_without_package(error)
        raise
    yield module, inspect.getdoc(found) or ""
    for name in sorted({*found.__all__, *(["open"] if module == "omfiles" else [])}):
        value = getattr(found, name)
        if not callable(value):
            continue
        text = inspect.getdoc(value) or ""
        yield f"{module}.{name}", text
        if not inspect.isclass(value):
            continue
        classes = [base for base in value.__mro__ if base.__module__.startswith("omfiles")]
        for member in sorted({key for base in classes for key in vars(base) if key[0] != "_"}):
            # Methods may inherit theirs; fields are described by their class.
            own = [inspect.getdoc(vars(base)[member]) for base in value.__mro__ if member in vars(base)]
            described = re.search(rf"^(\w+, )*{member}(, \w+)* : ", text, re.MULTILINE)
            yield f"{module}.{name}.{member}", next(filter(None, own), described[0] if described else "")


def skip_without_package(error: BaseException) -> None:
    if isinstance(error, ImportError) and not (error.name or "omfiles").startswith("omfiles"):
        pytest.skip(f"needs {error.name}")


class Runner(doctest.DocTestRunner):
    """Reports failures to a list, but skips an example that needs a package which is not installed."""

    def __init__(self) -> None:
        super().__init__(verbose=False, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
        self.reports: list[str] = []

    def report_unexpected_exception(self, out: Any, test: Any, example: Any, exc_info: Any) -> None:
        skip_without_package(exc_info[1])
        super().report_unexpected_exception(out, test, example, exc_info)

    def check(self, name: str, text: str) -> None:
        with contextlib.suppress(pytest.skip.Exception):
            self.run(doctest.DocTestParser().get_doctest(text, {}, name, None, None), out=self.reports.append)


@pytest.mark.parametrize("module", MODULES)
def test_public_names_have_docstrings_whose_examples_run(
    module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = Runner()
    for name, text in documented(module):
        assert text, f"{name} has no docstring"
        folder = tmp_path / name
        folder.mkdir()
        monkeypatch.chdir(folder)
        runner.check(name, text)
    assert not runner.reports, "".join(runner.reports)
    assert runner.tries > 0, f"{module} has no example"
