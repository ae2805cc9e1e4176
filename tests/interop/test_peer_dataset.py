# SPDX-License-Identifier: MIT
"""What `write_dataset` writes, the peer reads."""

from __future__ import annotations

import numpy as np
import pytest

from omfiles import OmFileReader
from omfiles.testing.compare import assert_same_tree
from omfiles.testing.trees import read_tree

pytest.importorskip("xarray")
import xarray as xr

from omfiles.xarray import write_dataset

pytestmark = pytest.mark.slow


def test_a_dataset(peer, tmp_path):
    rng = np.random.default_rng(1)
    ds = xr.Dataset(
        {
            "t2m": (
                ("time", "lat", "lon"),
                rng.normal(280, 10, (3, 40, 30)).astype("f4"),
                {"units": "K", "range": [1, 2]},
            ),
            "land": (("lat", "lon"), rng.random((40, 30)) > 0.5),
            "n": ((), np.uint16(5), {"long_name": "number"}),
        },
        {
            "time": np.array(["2026-11-01", "2026-11-02", "2026-11-04"], "M8[ns]"),
            "lat": np.linspace(40, 60, 40),
            "station": ("lat", [f"station {i}" for i in range(40)]),
            "run": np.datetime64("2026-11-01", "ns"),
            "model": "icon",
        },
        {"title": "test"},
    )
    tree = xr.DataTree.from_dict({"/": ds[["lat", "run"]], "/forecast": ds[["t2m"]].drop_vars(["lat", "run"])})
    paths = [tmp_path / "dataset.om", tmp_path / "tree.om"]
    write_dataset(ds, paths[0], scale_factor=20)
    write_dataset(tree, paths[1])
    for path, found in zip(paths, peer.read(paths)):
        with OmFileReader(path) as reader:
            assert_same_tree(found, read_tree(reader))
    children = {child.name: child.value for child in peer.read(paths[:1])[0].children}
    assert children["n"] == 5
    assert children["model"] == "icon"
    np.testing.assert_allclose(children["t2m"], ds.t2m, atol=0.026)
