# SPDX-License-Identifier: MIT
"""Runs in the peer's own environment: reads what our codecs wrote, and writes the same with those of omfiles 1.2.0.

    python peer_zarr_worker.py folder

The folder holds arrays.npz, and in ours/ zarr arrays and single streams (*.pfor) of them. It gets theirs/, and
verdicts.json: whether each of ours was read rightly.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np


def main(folder: Path) -> None:
    import zarr

    from omfiles._numcodecs import TurboPfor
    from omfiles._zarr3 import PforCodec, PforSerializer

    pipelines = {
        "codec": {"compressors": [PforCodec()]},
        "serializer": {"serializer": PforSerializer(), "compressors": None},
    }
    arrays = np.load(folder / "arrays.npz")
    theirs = folder / "theirs"
    theirs.mkdir()
    verdicts = {}
    for path in (folder / "ours").iterdir():
        if path.suffix == ".pfor":
            array = arrays[path.stem]
            codec = TurboPfor(array.dtype.name, array.size)
            found = codec.decode(path.read_bytes()).reshape(array.shape)
            (theirs / path.name).write_bytes(codec.encode(array))
        else:
            name, _, kind = path.name.rpartition(" ")
            array = arrays[name]
            found = zarr.open_array(path, mode="r")[...]
            chunks = (200,) if array.ndim == 1 else (10, 20)
            zarr.create_array(theirs / path.name, data=array, chunks=chunks, **pipelines[kind])
        verdicts[path.name] = found.dtype == array.dtype and found.tobytes() == array.tobytes()
    (folder / "verdicts.json").write_text(json.dumps(verdicts))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
