# SPDX-License-Identifier: MIT
"""tests/golden/streams.json in a form that C reads easily: python make_golden.py streams.json golden.bin

For each stream: u32 kind (0 delta, 1 zigzag, 2 xor), u32 width, u32 n_values, u32 n_bytes, the values, the bytes; all
little-endian.
"""

import json
import struct
import sys

KINDS = ("delta", "zigzag", "xor")

with open(sys.argv[1]) as source, open(sys.argv[2], "wb") as out:
    for entry in json.load(source):
        values = [int(value).to_bytes(entry["width"] // 8, "little") for value in entry["values"]]
        data = bytes.fromhex(entry["bytes"])
        out.write(struct.pack("<4I", KINDS.index(entry["stream"]), entry["width"], len(values), len(data)))
        out.write(b"".join(values) + data)
