# SPDX-License-Identifier: MIT
"""Writing dask arrays: the same bytes as from memory, whatever the blocks and the scheduler; bounded memory; errors."""

from __future__ import annotations

import dataclasses
import pickle
import threading
import warnings
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omfiles import ArraySpec, OmFileReader, OmFileWriter, _chunk_grid, encode_part
from omfiles.testing import strategies

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")

from omfiles.dask import _Appender, write_dask_array  # noqa: E402

ARRAY = np.random.default_rng(1).normal(280, 10, (30, 21, 17)).astype("f4")
CHUNKS = (4, 5, 6)
OPTIONS: dict[str, Any] = {"scale_factor": 20, "name": "t2m", "attrs": {"units": "K"}, "dims": ("time", "lat", "lon")}


def write_plain(path: Path, array: np.ndarray = ARRAY, chunks: Any = CHUNKS, **options: Any) -> bytes:
    with OmFileWriter(path) as writer:
        writer.write_array(array, chunks, **{**OPTIONS, **options})
    return path.read_bytes()


def write_blocks(path: Path, data: Any, chunks: Any = CHUNKS, **options: Any) -> bytes:
    with OmFileWriter(path) as writer:
        write_dask_array(writer, data, chunks, **{**OPTIONS, **options})
    return path.read_bytes()


# --- the same bytes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("blocks", [(30, 21, 17), (8, 21, 17), (4, 10, 17), (4, 5, 12), (4, 5, 6)])
@pytest.mark.parametrize("scheduler", ["synchronous", "threads"])
def test_blocks_of_whole_chunks_are_written_as_they_are(tmp_path, blocks, scheduler):
    with dask.config.set(scheduler=scheduler):
        assert write_blocks(tmp_path / "b", da.from_array(ARRAY, blocks)) == write_plain(tmp_path / "a")


@pytest.mark.parametrize(
    "blocks",
    [
        (7, 21, 17),  # cut chunks in two
        (8, 10, 17),  # two chunks along two dimensions, hence not in order
        (4, 5, (7, 10)),
    ],
)
def test_other_blocks_are_rechunked_with_a_warning(tmp_path, blocks):
    data = da.from_array(ARRAY, blocks)
    message = r"variable 't2m': blocks of shape .* chunks of shape \(4, 5, 6\) .* data\.rechunk\(\(30, 21, 17\)\) could"
    with pytest.warns(da.PerformanceWarning, match=message) as caught:
        found = write_blocks(tmp_path / "b", data)
    assert caught[0].filename == __file__
    assert found == write_plain(tmp_path / "a") == write_blocks(tmp_path / "b", data.rechunk((30, 21, 17)))


@given(st.data())
def test_any_blocks_give_the_same_bytes(scratch_file, data):
    shape = data.draw(strategies.shapes(max_dims=3, max_elements=600))
    dtype, compression = data.draw(strategies.codecs())
    array = data.draw(strategies.values(dtype, shape, reach=1000))
    chunks = data.draw(strategies.chunk_shapes(shape))
    blocks = data.draw(strategies.chunk_shapes(shape, max_chunks=30))
    options = {"compression": compression, "overflow": "clip", "dims": None}
    with warnings.catch_warnings(), dask.config.set(scheduler="synchronous"):
        warnings.simplefilter("ignore", da.PerformanceWarning)
        warnings.filterwarnings(
            "ignore", ".*steps", UserWarning
        )  # of values that scales of the strategy hardly tell apart
        found = write_blocks(scratch_file, da.from_array(array, blocks), chunks, **options)
        assert found == write_plain(scratch_file, array, chunks, **options)


@pytest.mark.slow
def test_processes(tmp_path, monkeypatch):
    data = da.from_array(ARRAY, (4, 21, 17))
    monkeypatch.setattr("omfiles.dask.WINDOW_BYTES", 5 * 4 * 21 * 17 * 4)
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    with dask.config.set(scheduler="processes", num_workers=2):
        assert write_blocks(tmp_path / "b", data) == write_plain(tmp_path / "a")


def test_the_first_block_is_the_chunk_by_default(tmp_path):
    with OmFileWriter(tmp_path / "b") as writer:
        write_dask_array(writer, da.from_array(ARRAY, (8, 7, 17)), scale_factor=20)
    assert OmFileReader(tmp_path / "b").chunks == (8, 7, 17)


def test_empty_blocks_do_not_matter(tmp_path):
    data = da.from_array(ARRAY, (8, 21, 17))
    data = data[da.arange(30, chunks=8) >= 16].compute_chunk_sizes()
    assert data.chunks[0] == (0, 0, 8, 6)
    assert write_blocks(tmp_path / "b", data) == write_plain(tmp_path / "a", ARRAY[16:])


def test_any_memory_layout_of_blocks(tmp_path):
    data = da.from_array(ARRAY.T.astype(">f4"), (17, 21, 8)).T[::-1, :, ::-1]
    data = data.rechunk((8, 21, 17))
    assert write_blocks(tmp_path / "b", data) == write_plain(tmp_path / "a", ARRAY[::-1, :, ::-1])


def test_several_arrays_and_other_variables_of_one_file(tmp_path):
    data = da.from_array(ARRAY, (8, 21, 17))
    with OmFileWriter(tmp_path / "b") as writer:
        height = writer.write_scalar(2, "height")
        first = write_dask_array(writer, data, CHUNKS, scale_factor=20, name="a", children=[height])
        second = write_dask_array(writer, data + 1, "auto", compression="fpx_xor_2d", name="b")
        writer.close(writer.write_group("", [first, second]))
    with OmFileReader(tmp_path / "b") as reader:
        assert reader["a"].attrs["height"] == 2
        np.testing.assert_allclose(reader["a"][...], ARRAY, atol=0.026)
        np.testing.assert_array_equal(reader["b"][...], ARRAY + 1)


# --- order and memory -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_workers", [1, 2, 4])
def test_blocks_are_made_in_order_and_none_is_kept(tmp_path, n_workers):
    lock = threading.Lock()
    blocks: set[int] = set()
    most = 0

    class Block(np.ndarray):
        """An array that tells when it is gone; weak references need a subclass."""

    def load(block_id: tuple[int, ...]) -> np.ndarray:
        nonlocal most
        block = np.full((1, 256, 256), block_id[0], np.int32).view(Block)
        with lock:
            blocks.add(block_id[0])
            most = max(most, len(blocks))
        weakref.finalize(block, blocks.discard, block_id[0])
        return block

    data = da.map_blocks(load, chunks=((1,) * 60, (256,), (256,)), dtype=np.int32, meta=np.empty((0, 0, 0), np.int32))
    with dask.config.set(scheduler="threads", num_workers=n_workers):
        write_blocks(tmp_path / "b", data, (1, 64, 64), scale_factor=1)
    assert most <= 2 * n_workers + 2
    np.testing.assert_array_equal(OmFileReader(tmp_path / "b")[:, 0, 0], np.arange(60))


def test_what_blocks_have_in_common_is_computed_once(tmp_path):
    calls = []

    def load(block: np.ndarray, block_id: tuple[int, ...]) -> np.ndarray:
        calls.append(block_id)
        return block

    data = da.from_array(ARRAY, (10, 21, 17)).map_blocks(load, meta=np.empty((0, 0, 0), "f4"))
    with pytest.warns(da.PerformanceWarning), dask.config.set(scheduler="threads"):
        write_blocks(tmp_path / "b", (data - data.mean(axis=0)))
    assert sorted(calls) == [(0, 0, 0), (1, 0, 0), (2, 0, 0)]


def test_parts_from_several_threads_are_appended_in_order():
    appended: list[int] = []
    appender = _Appender(appended.append)
    numbers = np.random.default_rng(1).permutation(200).tolist()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: appender.put(number, number), numbers[:150]))
        assert appended == list(range(len(appended)))
        list(pool.map(lambda number: appender.put(number, number), numbers[150:]))
    assert appended == list(range(200))
    appender.close()
    appender.put(200, 200)
    assert len(appended) == 200


# --- errors -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def writer(tmp_path) -> Iterator[OmFileWriter]:
    """A writer that can still be used after each test."""
    with OmFileWriter(tmp_path / "after.om") as writer:
        yield writer
        writer.close(writer.write_array(ARRAY, CHUNKS, name="after"))
    assert OmFileReader(tmp_path / "after.om").name == "after"


BLOCKS = da.from_array(ARRAY, (8, 21, 17))


@pytest.mark.parametrize(
    ("data", "options", "error", "message"),
    [
        (ARRAY, {}, TypeError, "Expected a dask array, not ndarray"),
        (BLOCKS, {"chunks": (4, 5)}, ValueError, "'t': chunks has 2 elements, but the array 3 dimensions"),
        (BLOCKS, {"chunks": (4, 5, 0)}, ValueError, "larger than 0"),
        (BLOCKS, {"chunks": 4}, TypeError, "chunks"),
        (BLOCKS[BLOCKS > 280], {}, ValueError, "'t': lengths of its dask chunks are unknown; .*compute_chunk_sizes"),
        (BLOCKS[:0], {}, ValueError, r"'t' of shape \(0, 21, 17\) cannot be stored"),
        (BLOCKS[0, 0, 0], {}, ValueError, r"'t' of shape \(\) cannot be stored"),
        (BLOCKS > 280, {}, ValueError, "'t': Unsupported array data type bool"),
        (BLOCKS, {"compression": "none"}, ValueError, "'t': compression must be one of"),
        (BLOCKS, {"chunks": (5, 0, 5)}, ValueError, "'t': chunks.* axis 1 has 0"),
        (BLOCKS, {"dims": ("x", "y")}, ValueError, "dims must have 3"),
        (BLOCKS * np.inf, {}, ValueError, r"'t': 2856 values cannot be held .* inf at index \(0, 0, 0\)"),
        (BLOCKS.map_blocks(lambda b: b.astype("f8"), dtype="f4"), {}, TypeError, "'t': a part has dtype float64, not"),
        (BLOCKS.map_blocks(lambda b: b[1:], dtype="f4"), {}, ValueError, "'t': item 0 .* does not fit at index"),
        (BLOCKS.map_blocks(np.ma.masked_invalid, dtype="f4"), {}, ValueError, "'t': a part is a masked array"),
    ],
)
def test_errors(writer, data, options, error, message):
    with pytest.raises(error, match=message), dask.config.set(scheduler="synchronous"):
        write_dask_array(writer, data, **{"name": "t", "chunks": CHUNKS, **options})


@pytest.mark.parametrize("scheduler", ["synchronous", "threads"])
def test_an_exception_in_a_block_passes_through(writer, scheduler):
    def fail(block: np.ndarray, block_id: tuple[int, ...]) -> np.ndarray:
        if block_id == (2, 0, 0):
            raise ZeroDivisionError("in block 2")
        return block

    data = BLOCKS.map_blocks(fail, meta=np.empty((0, 0, 0), "f4"))
    with pytest.raises(ZeroDivisionError, match="in block 2"), dask.config.set(scheduler=scheduler):
        write_dask_array(writer, data, CHUNKS)


def test_what_cannot_be_held_is_named_by_its_index_in_the_array(writer):
    data = BLOCKS.copy()
    data[20, 3, 4] = 1e9
    with pytest.raises(ValueError, match=r"'t': 1 value cannot be held .* is 1e\+09 at index \(20, 3, 4\)"):
        write_dask_array(writer, data, CHUNKS, 20, compression="pfor_delta_2d_int16", name="t")


# --- parts ------------------------------------------------------------------------------------------------------------


@given(st.data())
def test_encoded_parts_are_as_good_as_arrays(scratch_file, data):
    shape = data.draw(strategies.shapes())
    dtype, compression = data.draw(strategies.codecs())
    array = data.draw(strategies.values(dtype, shape))
    chunks = data.draw(strategies.chunk_shapes(shape))
    options = {"compression": compression, "overflow": data.draw(st.sampled_from(["clip", "nan"])), "name": "a"}
    expected = write_plain(scratch_file, array, chunks, **options, scale_factor=1.5, dims=None, attrs=None)

    spec = ArraySpec(dtype=dtype, scale_factor=1.5, shape=shape, chunks=chunks, **options)
    arrays = [array[box] for box in _chunk_grid.boxes(shape, spec.chunks, data.draw(st.integers(1, 2000)))]
    encoded = data.draw(st.lists(st.booleans(), min_size=len(arrays), max_size=len(arrays)))
    parts = [pickle.loads(pickle.dumps(encode_part(spec, p))) if e else p for p, e in zip(arrays, encoded)]
    with OmFileWriter(scratch_file) as writer:
        writer.write_parts(spec, iter(parts))
    assert scratch_file.read_bytes() == expected


def test_a_part_of_another_array_is_refused(tmp_path):
    spec = ArraySpec(name="a", shape=(4, 4), chunks=(2, 4), dtype="f4", compression="fpx_xor_2d")
    part = encode_part(spec, np.zeros((4, 4), "f4"))
    with OmFileWriter(tmp_path / "b") as writer:
        with pytest.raises(ValueError, match="variable 'a': item 0 of the iterator was encoded for"):
            writer.write_parts(dataclasses.replace(spec, chunks=(4, 4)), [part])
        with pytest.raises(ValueError, match=r"item 1 of the iterator: the array .* is complete already"):
            writer.write_parts(spec, [part, part])
        writer.discard()


@pytest.mark.parametrize("chunks", [(300, 1000), (1, 10)])
def test_large_chunks_and_many_small_ones(tmp_path, chunks):
    """Chunks that do not fit the buffer go another way."""
    array = np.random.default_rng(1).integers(-(1 << 30), 1 << 30, (600, 1000), np.int32)
    found = write_blocks(tmp_path / "b", da.from_array(array, (300, 1000)), chunks, dims=None)
    assert found == write_plain(tmp_path / "a", array, chunks, dims=None)
