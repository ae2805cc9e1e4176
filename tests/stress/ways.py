# SPDX-License-Identifier: MIT
"""An older file, and three ways to write a new one in its place."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import omfiles
from omfiles import OmFileWriter

DATA = np.random.default_rng(1).integers(0, 1 << 30, (60, 100), dtype="int32")
OLD = DATA[::-1]


def old_file(folder: Path) -> Path:
    """A file alone in its folder."""
    path = folder / "file.om"
    omfiles.save(path, OLD, (20, 20), name="old", attrs={"units": "K"})
    return path


def write_at_once(path: Path) -> None:
    omfiles.save(path, DATA, (10, 10), name="new", attrs={"units": "m"})


def write_inline(path: Path) -> None:
    with OmFileWriter(path, metadata_placement="inline") as writer:
        writer.write_array(DATA, (10, 10), name="new", attrs={"units": "m"})


def write_streaming(path: Path) -> None:
    rows = (DATA[i : i + 20] for i in range(0, 60, 20))
    with OmFileWriter(path) as writer:
        writer.write_array_streaming(DATA.shape, (10, 10), rows, DATA.dtype, name="new", attrs={"units": "m"})


WAYS = [write_at_once, write_inline, write_streaming]
