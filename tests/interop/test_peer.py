# SPDX-License-Identifier: MIT
"""Files of ours and of the peer, omfiles 1.2.0, read by both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from omfiles import OmFileReader
from omfiles.testing import reference, strategies
from omfiles.testing.compare import assert_same_tree, differs_only_in_padding
from omfiles.testing.reference import Variable
from omfiles.testing.trees import read_tree, write_tree

pytestmark = pytest.mark.slow

PLACEMENTS = ["tail", "inline"]


@dataclass
class Side:
    """An implementation of ours that meets the peer."""

    write: Callable[[Path, Variable, Any], object]
    read: Callable[[Path], Variable]


def read_by_library(path: Path) -> Variable:
    with OmFileReader(path) as reader:
        return read_tree(reader)


LIBRARY = Side(write_tree, read_by_library)
REFERENCE = Side(
    lambda path, tree, placement: path.write_bytes(reference.write_file(tree, placement)),
    lambda path: reference.read_file(path.read_bytes()),
)


def collect(strategy: st.SearchStrategy[Any], n: int) -> list[Any]:
    """The same n examples on every run, as a list: the peer wants them in one batch."""
    found: list[Any] = []

    @settings(
        max_examples=n,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def add(example: Any) -> None:
        found.append(example)

    add()
    return found


def peer_writes_wrongly(variable: Variable) -> bool:
    """docs/format.md, section 9: on x86-64 the peer swaps lanes in some blocks of float64 `fpx_xor_2d`."""
    value = variable.value
    wrong = isinstance(value, np.ndarray) and value.dtype == np.float64 and variable.compression == "fpx_xor_2d"
    return wrong or any(map(peer_writes_wrongly, variable.children))


def exchange(side: Side, trees: list[Variable], peer: Any, folder: Path, placement: str) -> None:
    """Write each tree with both, read each file with both, and compare everything."""
    ours = [folder / f"{i}-ours.om" for i in range(len(trees))]
    theirs = [folder / f"{i}-theirs.om" for i in range(len(trees))]
    for path, tree in zip(ours, trees, strict=True):
        side.write(path, tree, placement)
    peer.write(dict(zip(theirs, trees, strict=True)), placement)
    for tree, our, their, our_by_peer, their_by_peer in zip(
        trees, ours, theirs, peer.read(ours), peer.read(theirs), strict=True
    ):
        our_by_us = side.read(our)
        assert_same_tree(our_by_us, our_by_peer)
        if not peer_writes_wrongly(tree):
            their_by_us = side.read(their)
            assert_same_tree(their_by_us, their_by_peer)
            assert_same_tree(their_by_us, our_by_us)
            assert differs_only_in_padding(our.read_bytes(), their.read_bytes()), our


def test_arrays(peer: Any, tmp_path: Path) -> None:
    arrays = collect(strategies.variables(), 600)
    assert len(arrays) >= 500
    assert len({(array.value.dtype, array.compression) for array in arrays}) == len(strategies.CODECS)
    assert {array.value.ndim for array in arrays} == {1, 2, 3, 4}
    exchange(LIBRARY, arrays, peer, tmp_path, "tail")


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_trees(placement: str, peer: Any, tmp_path: Path) -> None:
    exchange(LIBRARY, collect(strategies.trees(), 100), peer, tmp_path, placement)


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_reference(placement: str, peer: Any, tmp_path: Path) -> None:
    """The reference implementation alone against the peer."""
    trees = collect(strategies.trees(), 40) + collect(strategies.variables(max_elements=800), 80)
    exchange(REFERENCE, trees, peer, tmp_path, placement)


def test_several_parents(peer: Any, tmp_path: Path) -> None:
    """A child of two parents is stored once; both readers show it twice."""
    unit = Variable("unit", "K")
    array = Variable("a", np.arange(300, dtype=np.float32).reshape(3, 100), [unit], (2, 50), scale_factor=4)
    root = Variable("root", None, [array, Variable("group", None, [unit, array])])
    exchange(LIBRARY, [root], peer, tmp_path, "tail")
