# SPDX-License-Identifier: MIT
"""Arrays written part by part: the same bytes as in one go, every item checked, bounded memory."""

from __future__ import annotations

import threading
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omfiles import OmFileReader, OmFileWriter
from omfiles._chunk_grid import covered_chunks

DATA = np.arange(6 * 10, dtype=np.float32).reshape(6, 10)
CHUNKS = (2, 4)


def parts(*boxes: str) -> list[np.ndarray]:
    """Parts of DATA, given like "0:2, 0:4"."""
    return [eval(f"data[{box}]", {"data": DATA}) for box in boxes]


def stream(path: Path, items: Any, data: np.ndarray = DATA, chunks: Any = CHUNKS, **options: Any) -> bytes:
    with OmFileWriter(path) as writer:
        writer.write_array_streaming(data.shape, chunks, items, data.dtype, **options)
    return path.read_bytes()


def whole(path: Path, data: np.ndarray = DATA, chunks: Any = CHUNKS, **options: Any) -> bytes:
    with OmFileWriter(path) as writer:
        writer.write_array(data, chunks, **options)
    return path.read_bytes()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file.om"


ROWS = ["0:2, :", "2:4, :", "4:6, :"]


@pytest.mark.parametrize(
    "boxes",
    [
        [":, :"],
        ROWS,
        ["0:4, :", "4:6, :"],
        ["0:2, 0:4", "0:2, 4:8", "0:2, 8:10", *ROWS[1:]],
        ["0:2, 0:8", "0:2, 8:10", "2:4, 0:4", "2:4, 4:10", "4:6, :"],
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", [list, tuple, iter, lambda items: (item for item in items)])
@pytest.mark.guarantee(n=17)
def test_same_bytes_as_the_whole(path: Path, boxes: list[str], kind: Callable[[Any], Any]) -> None:
    assert stream(path, kind(parts(*boxes))) == whole(path)


@st.composite
def streams(draw: st.DrawFn) -> tuple[np.ndarray, tuple[int, ...], list[np.ndarray]]:
    """An array, its chunks, and legal items of random sizes."""
    shape = tuple(draw(st.lists(st.integers(1, 7), min_size=1, max_size=4)))
    chunks = tuple(draw(st.integers(1, extent)) for extent in shape)
    data = np.random.default_rng(0).integers(-99, 99, shape, np.int16)
    items, number = [], 0
    grid = [-(-n // c) for n, c in zip(shape, chunks, strict=True)]
    while number < np.prod(grid):
        at = np.unravel_index(number, grid)
        start = [int(i) * c for i, c in zip(at, chunks, strict=True)]
        # From the chunk at `start`: grow in one dimension, take all of those behind it if they begin here.
        axis = len(shape) - 1
        while axis > 0 and at[axis] == 0 and draw(st.booleans()):
            axis -= 1
        count = draw(st.integers(1, grid[axis] - int(at[axis])))
        lengths = [
            c if i < axis else count * c if i == axis else n for i, (c, n) in enumerate(zip(chunks, shape, strict=True))
        ]
        item = data[tuple(slice(s, s + n) for s, n in zip(start, lengths, strict=True))]
        number += covered_chunks(shape, chunks, number, item.shape)
        items.append(item)
    return data, chunks, items


@given(streams())
def test_random_streams(scratch_file: Path, case: tuple[np.ndarray, tuple[int, ...], list[np.ndarray]]) -> None:
    data, chunks, items = case
    assert stream(scratch_file, items, data, chunks) == whole(scratch_file, data, chunks)


def test_any_layout(path: Path) -> None:
    reference = whole(path)
    assert stream(path, [item.astype(">f4") for item in parts(*ROWS)]) == reference
    assert stream(path, [np.asfortranarray(item) for item in parts(*ROWS)]) == reference
    assert stream(path, [item[::-1].copy()[::-1] for item in parts(*ROWS)]) == reference


@pytest.mark.parametrize("dtype", [np.dtype("float32"), np.float32, "float32", ">f4"])
def test_dtype_is_what_makes_a_dtype(path: Path, dtype: Any) -> None:
    with OmFileWriter(path) as writer:
        writer.write_array_streaming(DATA.shape, CHUNKS, [DATA], dtype)
    assert path.read_bytes() == whole(path)


def test_auto_chunks(path: Path) -> None:
    assert stream(path, [DATA], chunks="auto") == whole(path, chunks="auto")


def test_attributes(path: Path) -> None:
    options: dict[str, Any] = {"attrs": {"units": "K"}, "dims": ("y", "x"), "scale_factor": 7, "name": "t"}
    assert stream(path, [DATA], **options) == whole(path, **options)


@pytest.mark.parametrize(
    ("items", "error", "message"),
    [
        ([], ValueError, r"ended after 0 items with 0 of 9 chunks; the next one begins at index \(0, 0\)"),
        (
            parts(*ROWS[:2]),
            ValueError,
            r"ended after 2 items with 6 of 9 chunks; the next one begins at index \(4, 0\)",
        ),
        (parts(*ROWS, ROWS[0]), ValueError, r"item 3 of the iterator: the array of shape \(6, 10\) is complete"),
        (parts("0:1, :"), ValueError, r"item 0 of the iterator: its shape \(1, 10\) does not fit at index \(0, 0\)"),
        (parts("0:2, 0:3"), ValueError, r"\(2, 3\) does not fit"),
        (parts("0:4, 0:4"), ValueError, r"\(4, 4\) does not fit"),
        (parts("0:2, 0:4", "0:4, :"), ValueError, r"item 1 .* \(4, 10\) does not fit at index \(0, 4\)"),
        (parts("0:2, 0:4", "0:2, :"), ValueError, r"\(2, 10\) does not fit at index \(0, 4\)"),
        ([np.zeros((2, 0), "f4")], ValueError, r"\(2, 0\) does not fit"),
        ([np.zeros((8, 10), "f4")], ValueError, r"\(8, 10\) does not fit"),
        ([np.zeros(10, "f4")], RuntimeError, "wrong number of elements"),
        ([np.float32(1)], TypeError, "item 0 of the iterator must be a numpy.ndarray, not float32"),
        ([[1, 2]], TypeError, "numpy.ndarray, not list"),
        ([DATA.astype("f8")], TypeError, "dtype float64, not float32"),
        ([DATA.astype("f2")], ValueError, "Unsupported array data type"),
        ([np.ma.masked_array(DATA)], ValueError, "masked array"),
        (5, TypeError, "chunk_iterator must be an iterable of arrays, not 5"),
    ],
)
@pytest.mark.guarantee(n=14)
def test_wrong_items(path: Path, items: Any, error: type[Exception], message: str) -> None:
    with OmFileWriter(path) as writer:
        with pytest.raises(error, match=message):
            writer.write_array_streaming(DATA.shape, CHUNKS, items, np.float32, name="t")
        writer.close(writer.write_array(DATA, CHUNKS))
    with OmFileReader(path) as reader:
        assert np.array_equal(reader[:], DATA)


@pytest.mark.parametrize("dtype", [None, "nonsense"])
def test_wrong_dtype(path: Path, dtype: Any) -> None:
    with OmFileWriter(path) as writer:
        with pytest.raises(TypeError):
            writer.write_array_streaming(DATA.shape, CHUNKS, [DATA], dtype)
        with pytest.raises(ValueError, match="Unsupported array data type"):
            writer.write_array_streaming(DATA.shape, CHUNKS, [DATA], "float16")
        with pytest.raises(RuntimeError, match="Dimension must be larger than 0"):
            writer.write_array_streaming((), (), [DATA], "float32")
        with pytest.raises(TypeError, match="dimensions must be a sequence of integers"):
            writer.write_array_streaming(60, CHUNKS, [DATA], "float32")  # type: ignore[arg-type]
        writer.write_group("root", [])


@pytest.mark.parametrize(
    ("dimensions", "message"),
    [((6, 2**70), f"axis 1 has {2**70}"), ((10**5000, 10), "axis 0 has an integer of 16610 bits")],
    ids=["2**70", "10**5000"],
)
def test_dimensions_of_no_array(path: Path, dimensions: tuple[int, int], message: str) -> None:
    with OmFileWriter(path) as writer:
        with pytest.raises(ValueError, match=rf"dimensions must be below 2\*\*63, but {message}"):
            writer.write_array_streaming(dimensions, "auto", [DATA], np.float32)
        writer.discard()


class Passing(Exception):
    pass


@pytest.mark.parametrize("error", [Passing, KeyboardInterrupt, MemoryError])
@pytest.mark.guarantee(n=22)
def test_exceptions_of_the_iterator_pass(path: Path, error: type[BaseException]) -> None:
    def items() -> Iterator[np.ndarray]:
        yield DATA[:2]
        raise error

    with OmFileWriter(path) as writer:
        with pytest.raises(error):
            writer.write_array_streaming(DATA.shape, CHUNKS, items(), np.float32)
        writer.close(writer.write_array(DATA, CHUNKS))
    with OmFileReader(path) as reader:
        assert np.array_equal(reader[:], DATA)


def test_the_writer_cannot_be_used_from_its_iterator(path: Path) -> None:
    def items() -> Iterator[np.ndarray]:
        for use in (
            lambda: writer.write_array(DATA, CHUNKS),
            lambda: writer.write_scalar(1, "x"),
            lambda: writer.write_group("x", []),
            lambda: writer.write_array_streaming(DATA.shape, CHUNKS, [DATA], np.float32),
            lambda: writer.close(root),
            lambda: writer.discard(),
        ):
            with pytest.raises(RuntimeError, match="inside the iterator"):
                use()
        assert not writer.closed
        yield DATA

    with OmFileWriter(path) as writer:
        root = writer.write_group("root", [])
        writer.close(writer.write_array_streaming(DATA.shape, CHUNKS, items(), np.float32))
    with OmFileReader(path) as reader:
        assert np.array_equal(reader[:], DATA)


def test_other_threads_wait(path: Path) -> None:
    entered, handles = threading.Event(), []

    def other() -> None:
        entered.set()
        handles.append(writer.write_scalar(1, "other"))

    def items() -> Iterator[np.ndarray]:
        yield DATA[:2]
        thread.start()
        entered.wait()
        yield DATA[2:]

    writer = OmFileWriter(path)
    thread = threading.Thread(target=other)
    array = writer.write_array_streaming(DATA.shape, CHUNKS, items(), np.float32)
    thread.join()
    writer.close(writer.write_group("root", [array, *handles]))
    with OmFileReader(path) as reader:
        assert np.array_equal(reader["data"][:], DATA)
        assert reader["other"].read_scalar() == 1


def peak(call: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("dtype", ["float32", ">f4"])
@pytest.mark.parametrize("chunks", [(1, 100, 100), (10, 1000, 1000), (1, 1000, 1000)])
def test_memory(path: Path, dtype: str, chunks: tuple[int, ...]) -> None:
    """400 MB in items of 40 MB; not two of them at once."""
    noise = np.random.default_rng(0).normal(size=1000).astype("f4")

    def items() -> Iterator[np.ndarray]:
        for _ in range(10):
            yield np.tile(noise.astype(dtype), (10, 1000, 1))

    def write() -> None:
        with OmFileWriter(path) as writer:
            writer.write_array_streaming((100, 1000, 1000), chunks, items(), np.float32, scale_factor=10)

    # A byte-swapped item of one chunk is copied.
    copies = 2 if dtype == ">f4" and chunks[0] == 10 else 1
    assert peak(write) < copies * 40_000_000 + (8 << 20)


def test_memory_of_write_array(path: Path) -> None:
    data = np.zeros((4000, 4000), np.int32)[::2]
    assert peak(lambda: whole(path, data, (100, 100))) < 4 << 20
