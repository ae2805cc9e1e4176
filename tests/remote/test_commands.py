# SPDX-License-Identifier: MIT
"""Commands on files that are far away."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from servers import Http

import omfiles
from omfiles.cli import main

pytest.importorskip("xarray")

LATITUDES, LONGITUDES = np.arange(400) / 10, np.arange(400) / 10
DIMS = ("time", "latitude", "longitude")


def test_extract_fetches_the_chunks_it_needs(http: Http, tmp_path: Path) -> None:
    """Two runs of two chunks of one variable, and nothing of the other."""
    rng = np.random.default_rng(3)
    fields = {name: rng.normal(280, 5, (24, 400, 400)).astype(np.float32) for name in ("t2m", "dew")}
    with omfiles.OmFileWriter(tmp_path / "file.om") as writer:
        arrays = [writer.write_array(field, (24, 20, 20), 100, name=name, dims=DIMS) for name, field in fields.items()]
        for name, values in (("latitude", LATITUDES), ("longitude", LONGITUDES)):
            arrays.append(writer.write_array(values, (400,), name=name, compression="fpx_xor_2d", dims=(name,)))
        writer.close(writer.write_group("", arrays))
    content = (tmp_path / "file.om").read_bytes()
    http.files["file.om"] = content

    # Rows 50 ... 70 and columns 130 ... 150 lie in chunks 2 and 3, and 6 and 7.
    box = "13.05,5.05,14.95,6.95"
    assert main(["extract", f"{http.url}/file.om", str(tmp_path / "box.om"), "--bbox", box, "--var", "t2m"]) == 0
    with omfiles.open(tmp_path / "box.om") as cut:
        np.testing.assert_allclose(cut["t2m"][...], fields["t2m"][:, 51:70, 131:150], atol=0.0051)

    chunk = len(content) / 800  # nearly all of the file is chunks, of nearly one size
    ranges = [range.removeprefix("bytes=").split("-") for _, _, range in http.requests if range]
    fetched = [int(last) + 1 - int(first) if first else int(last) for first, last in ranges]
    assert [n for n in fetched if chunk < n < 3 * chunk] == pytest.approx([2 * chunk] * 2, rel=0.1)
    assert sum(fetched) < len(content) / 40
    assert len(http.requests) <= 10
