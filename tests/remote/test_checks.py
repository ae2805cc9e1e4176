# SPDX-License-Identifier: MIT
"""Files of stores are checked in few requests, with the same result as local ones."""

from __future__ import annotations

from pathlib import Path

import fsspec
import numpy as np
import pytest
from servers import S3
from stores import AsyncCountingFS, CountingFS, Traffic

import omfiles


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """60 arrays, whose records and attributes lie between the data; three chunks are damaged."""
    path = tmp_path_factory.mktemp("verification") / "file"
    rng = np.random.default_rng(8)
    with omfiles.OmFileWriter(path, metadata_placement="inline") as writer:
        arrays = [
            writer.write_array(
                rng.integers(0, 1 << 13, (40, 40, 40), "int16"),
                (4, 4, 40),
                name=f"variable_{i}",
                attrs={"units": "K", "height": 2.0},
            )
            for i in range(60)
        ]
        writer.close(writer.write_group("root", arrays))
    damaged = bytearray(path.read_bytes())
    for offset in (1000, 2_000_000, 2_500_000):
        damaged[offset : offset + 200] = b"\xff" * 200
    return bytes(damaged)


@pytest.mark.parametrize("filesystem", [CountingFS, AsyncCountingFS])
def test_the_same_problems_in_few_requests(
    content: bytes, filesystem: type[CountingFS] | type[AsyncCountingFS]
) -> None:
    traffic = Traffic({"file": content}, delay=0.02, in_rounds=True)
    remote = omfiles.verify((filesystem(traffic), "file"))
    local = omfiles.verify(content)
    assert len(remote.problems) >= 3 and remote.problems == local.problems
    assert {problem.path for problem in remote.problems} == {"/variable_0", "/variable_16", "/variable_20"}
    # The end; records of arrays, and of attributes; tables; chunks, 4 MiB in each request.
    assert len(traffic.data_requests) <= 1 + 4 * (len(content) // (4 << 20) + 2)
    assert traffic.round_trips <= 8


def test_errors_of_a_store_arrive_unchanged(content: bytes) -> None:
    class StoreError(Exception):
        pass

    def fault(number: int, request: object, data: bytes) -> bytes:
        if number > 3:
            raise StoreError
        return data

    with pytest.raises(StoreError):
        omfiles.verify((CountingFS(Traffic({"file": content}, fault=fault)), "file"))


def test_a_file_that_changes_meanwhile(content: bytes) -> None:
    traffic = Traffic({"file": content})

    def swap(done: int, total: int) -> None:
        traffic.files["file"] = content[:1000] + bytes(len(content) - 1000)

    with pytest.raises(omfiles.OmReadError, match="the file changed while it was being read"):
        omfiles.verify((CountingFS(traffic), "file"), progress=swap)


def test_hashes_in_a_store(s3: S3, tmp_path: Path) -> None:
    path = tmp_path / "noise.om"
    omfiles.save(path, np.random.default_rng(9).integers(0, 1 << 60, 200_000))
    url, options = "s3://" + s3.put("noise.om", path.read_bytes()), s3.options
    target = omfiles.write_hashes(url, storage_options=options)
    assert target.endswith("noise.om.blake2b")
    assert omfiles.verify(url, hashes=True, storage_options=options).hashes_checked
    omfiles.write_hashes(path)
    assert omfiles.verify(url, hashes=f"{path}.blake2b", storage_options=options).ok


def test_hashes_beside_all_kinds_of_sources(tmp_path: Path) -> None:
    omfiles.save(tmp_path / "noise.om", np.random.default_rng(9).integers(0, 1 << 60, 2000))
    memory = fsspec.filesystem("memory")
    memory.pipe("noise.om", (tmp_path / "noise.om").read_bytes())
    try:
        for source in [(memory, "noise.om"), fsspec.open("memory://noise.om"), "memory://noise.om"]:
            omfiles.write_hashes(source)
            assert memory.exists("noise.om.blake2b")
            assert omfiles.verify(source, hashes=True).hashes_checked
            memory.rm("noise.om.blake2b")
    finally:
        memory.rm("noise.om")
