# SPDX-License-Identifier: MIT
"""Runs in the peer's own environment: reads and writes .om files with omfiles 1.2.0.

    python peer_worker.py jobs.jsonl results.jsonl folder

A job is {"write": path, "root": tree, "placement": ...} or {"read": path}; its result is null, or the tree that was
read. See exchange.py for trees.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from exchange import pack_value, unpack_value

from omfiles import OmFileReader, OmFileWriter

CODEC = ("chunks", "compression", "scale_factor", "add_offset")


def write(job: dict[str, Any]) -> None:
    writer = OmFileWriter(job["write"], metadata_placement=job["placement"])
    written: dict[int, Any] = {}

    def handle(node: dict[str, Any]) -> Any:
        if node["id"] not in written:
            written[node["id"]] = write_node(node)
        return written[node["id"]]

    def write_node(node: dict[str, Any]) -> Any:
        children = [handle(child) for child in node["children"]]
        value = unpack_value(node)
        if value is None:
            return writer.write_group(node["name"], children)
        if isinstance(value, np.ndarray):
            options = {key: node[key] for key in CODEC}
            return writer.write_array(np.ascontiguousarray(value), name=node["name"], children=children, **options)
        return writer.write_scalar(value, node["name"], children)

    writer.close(write_node(job["root"]))


def read(reader: OmFileReader, folder: Path) -> dict[str, Any]:
    node: dict[str, Any] = {"name": reader.name}
    node["children"] = [read(reader.get_child_by_index(i), folder) for i in range(reader.num_children)]
    if reader.is_array:
        node.update(pack_value(reader.read_array(...), folder))
        node.update(zip(CODEC, (reader.chunks, reader.compression_name, reader.scale_factor, reader.add_offset)))
    elif reader.is_scalar:
        node.update(pack_value(reader.read_scalar(), folder))
    return node


def main(jobs: str, results: str, folder: str) -> None:
    with open(jobs) as lines, open(results, "w") as out:
        for line in lines:
            job = json.loads(line)
            result = write(job) if "write" in job else read(OmFileReader(job["read"]), Path(folder))
            print(json.dumps(result), file=out)


if __name__ == "__main__":
    main(*sys.argv[1:])
