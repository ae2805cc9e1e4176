# SPDX-License-Identifier: MIT
"""Programs that were written for the peer run here, with the same results."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from omfiles import OmFileWriter

pytest.importorskip("xarray")
pytestmark = pytest.mark.slow

PROGRAM = """
import json, sys
import pandas as pd
import xarray as xr
ds = xr.open_dataset("~/run.om", engine="om")
data = ds[""]
times = pd.to_datetime(ds["time"].values, unit="s")
attrs = [{key: [type(value).__name__, str(value)] for key, value in sorted(of.attrs.items())} for of in (ds, data)]
print(json.dumps([list(ds), data.shape, data.dims, float(data[1, 2, 3]), [str(time) for time in times], *attrs]))
"""


def write_run(path: Path) -> None:
    """Write what Open-Meteo has in `data_run/`."""
    times = 1_767_225_600 + 3600 * np.arange(4)
    with OmFileWriter(path) as writer:
        scalars = {
            "crs_wkt": 'GEOGCRS["x",CS[ellipsoidal,2],ANGLEUNIT["degree",0.01745]USAGE[SCOPE["grid"],BBOX[0,0,2,4]]]',
            "unit": "K",
            "forecast_reference_time": np.int64(times[0]),
            "coordinates": "lat lon time",
            "created_at": np.int64(7),
        }
        children = [writer.write_scalar(value, name) for name, value in scalars.items()]
        children.append(writer.write_array(times, [4], name="time"))
        data = np.arange(60, dtype="f4").reshape(3, 5, 4)
        writer.close(writer.write_array(data, [1, 5, 4], scale_factor=1, name="", children=children))


def run(python: Path | str, folder: Path, **environment: str):
    environment = {**os.environ, "HOME": str(folder), "USERPROFILE": str(folder), **environment}
    done = subprocess.run([python, "-c", PROGRAM], cwd=folder, env=environment, capture_output=True, text=True)
    if "No module named 'xarray'" in done.stderr or "No module named 'pandas'" in done.stderr:
        pytest.skip(f"{python} has no xarray")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_program_of_open_meteo_s_site(peer, tmp_path):
    write_run(tmp_path / "run.om")
    *expected, attrs, own_attrs = run(peer.python, tmp_path, PYTHONPATH="")
    *found, found_attrs, found_own = run(sys.executable, tmp_path)
    assert found == expected
    assert found_attrs == attrs
    assert found_own == {**own_attrs, "units": ["str", "K"]}
