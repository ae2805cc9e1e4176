# SPDX-License-Identifier: MIT
"""Golden data in a form that C reads easily: python make_golden.py golden_folder little|big streams.bin files.bin

Numbers and elements are in the byte order of the machine that runs the tests.
For each stream: u32 kind (0 delta, 1 zigzag, 2 xor), u32 width, u32 n_values, u32 n_bytes, the values, the bytes.
For each file: u32 n_bytes, u32 size of its elements in bytes, the file, the elements as read, those that were written.
"""

import json
import struct
import sys
from pathlib import Path

import numpy as np

KINDS = ("delta", "zigzag", "xor")


def main() -> None:
    golden, order, streams, files = sys.argv[1:]
    mark = {"little": "<", "big": ">"}[order]
    with open(streams, "wb") as out:
        for entry in json.loads(Path(golden, "streams.json").read_text()):
            values = [int(value).to_bytes(entry["width"] // 8, order) for value in entry["values"]]
            data = bytes.fromhex(entry["bytes"])
            out.write(struct.pack(f"{mark}4I", KINDS.index(entry["stream"]), entry["width"], len(values), len(data)))
            out.write(b"".join(values) + data)
    with open(files, "wb") as out:
        for path in sorted(Path(golden, "files").glob("*.npz")):
            content = path.with_suffix(".om").read_bytes()
            with np.load(path) as arrays:
                read, written = (arrays[name] for name in ("read", "written"))
            assert read.dtype == written.dtype
            assert read.shape == written.shape
            out.write(struct.pack(f"{mark}2I", len(content), read.nbytes) + content)
            for elements in (read, written):
                out.write(elements.astype(elements.dtype.newbyteorder(mark)).tobytes())


if __name__ == "__main__":
    main()
