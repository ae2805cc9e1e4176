# SPDX-License-Identifier: MIT
"""A cluster of several processes: data larger than their memory, and a worker that dies in the middle."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import omfiles
from omfiles import OmFileWriter

da = pytest.importorskip("dask.array")
distributed = pytest.importorskip("distributed")
xr = pytest.importorskip("xarray")

from omfiles.dask import write_dask_array  # noqa: E402
from omfiles.xarray import write_dataset  # noqa: E402

pytestmark = [pytest.mark.memory, pytest.mark.slow]

MEMORY = 400 << 20  # of a worker; half of it is taken by its modules
BLOCK = (8, 1024, 1024)  # 32 MiB
N_BLOCKS = 26  # 832 MiB


@pytest.fixture(scope="module")
def client() -> Iterator[distributed.Client]:
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, memory_limit=MEMORY, dashboard_address=":0", silence_logs=50
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def block(number: int) -> np.ndarray:
    """Smooth, so that it compresses fast, and different for each block."""
    rows = np.arange(BLOCK[1], dtype="f4") // 32
    return np.broadcast_to(rows[:, None] + number, BLOCK).astype("f4")


def load(block_id: tuple[int, ...]) -> np.ndarray:
    return block(block_id[0])


def large(n_blocks: int = N_BLOCKS) -> da.Array:
    chunks = ((BLOCK[0],) * n_blocks, *((extent,) for extent in BLOCK[1:]))
    return da.map_blocks(load, chunks=chunks, dtype="f4", meta=np.empty((0, 0, 0), "f4"))


def workers(client: distributed.Client) -> set[int]:
    return set(client.run(os.getpid).values())


def test_more_than_the_memory_is_written_and_read(client, tmp_path):
    before = workers(client)
    data = large()
    assert data.nbytes > 2 * MEMORY
    half = N_BLOCKS // 2 * BLOCK[0]
    paths = [tmp_path / "a.om", tmp_path / "b.om"]
    for path, part in zip(paths, (data[:half], data[half:])):
        ds = xr.Dataset({"t2m": (("time", "y", "x"), part)})
        write_dataset(ds, path, chunks={"time": 8, "y": 128, "x": 128}, scale_factor=1)

    with xr.open_mfdataset(paths, engine="om", chunks={}, combine="nested", concat_dim="time") as ds:
        assert ds.t2m.nbytes == data.nbytes
        assert ds.t2m.data.npartitions >= N_BLOCKS
        found = ds.t2m.mean(("y", "x")).compute().values
    np.testing.assert_allclose(found, np.repeat(np.arange(N_BLOCKS), BLOCK[0]) + 15.5)
    assert workers(client) == before, "a worker ran out of memory and was replaced"


def test_bytes_are_those_of_a_single_process(client, tmp_path):
    array = np.random.default_rng(1).normal(280, 10, (40, 90, 70)).astype("f4")
    with OmFileWriter(tmp_path / "a.om") as writer:
        writer.write_array(array, (4, 30, 70), 20, name="a")
    for blocks in [(8, 90, 70), (4, 30, 70)]:
        with OmFileWriter(tmp_path / "b.om") as writer:
            write_dask_array(writer, da.from_array(array, blocks), (4, 30, 70), 20, name="a")
        assert (tmp_path / "b.om").read_bytes() == (tmp_path / "a.om").read_bytes()


def test_delayed_writing_on_a_worker(client, tmp_path):
    """The task that writes waits for others, which one worker of one thread has to do meanwhile."""
    path = tmp_path / "a.om"
    delayed = write_dataset(xr.Dataset({"t2m": (("time", "y", "x"), large(3))}), path, scale_factor=1, compute=False)
    assert not path.exists()
    future = client.compute(delayed, workers=[next(iter(client.scheduler_info()["workers"]))])
    assert future.result() is None
    assert omfiles.open(path)["t2m"][-1, -1, -1] == 33


def dying(path: Path, n_times: int) -> da.Array:
    """Blocks of which the third one ends its process, as long as it can make another file."""

    def load_or_die(block_id: tuple[int, ...]) -> np.ndarray:
        if block_id[0] == 2:
            n_died = len(list(path.iterdir()))
            if n_died < n_times:
                (path / str(n_died)).touch()
                os._exit(1)
        return block(block_id[0])

    path.mkdir()
    return large(6).map_blocks(lambda b, block_id: load_or_die(block_id), meta=np.empty((0, 0, 0), "f4"))


def test_blocks_of_a_worker_that_dies_are_made_again(client, tmp_path):
    with OmFileWriter(tmp_path / "a.om") as writer:
        writer.write_array(np.concatenate([block(number) for number in range(6)]), (8, 128, 128), name="a")
    with OmFileWriter(tmp_path / "b.om") as writer:
        write_dask_array(writer, dying(tmp_path / "died", 1), (8, 128, 128), name="a")
    assert len(list((tmp_path / "died").iterdir())) == 1
    assert (tmp_path / "b.om").read_bytes() == (tmp_path / "a.om").read_bytes()


def test_workers_that_die_again_and_again_leave_the_older_file(client, tmp_path, monkeypatch):
    path = tmp_path / "a.om"
    path.write_bytes(b"older")
    monkeypatch.setattr(client.cluster.scheduler, "allowed_failures", 0)
    ds = xr.Dataset({"t2m": (("time", "y", "x"), dying(tmp_path / "died", 100))})
    with pytest.raises(distributed.KilledWorker):
        write_dataset(ds, path, scale_factor=1)
    assert path.read_bytes() == b"older"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.om", "died"]
