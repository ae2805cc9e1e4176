# SPDX-License-Identifier: MIT
"""What the documents show is true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_readme_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert blocks
    namespace: dict[str, object] = {}
    for block in blocks:
        exec(block, namespace)


@pytest.mark.parametrize(
    "document", ["README.md", "CONTRIBUTING.md", "docs/performance.md", "docs/remote.md", "csrc/README.md"]
)
def test_links_and_paths_exist(document: str) -> None:
    text = (ROOT / document).read_text()
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)\)", text)
    missing = [target for target in targets if not ((ROOT / document).parent / target).exists()]
    assert not missing
