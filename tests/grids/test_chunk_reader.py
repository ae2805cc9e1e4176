# SPDX-License-Identifier: MIT
from __future__ import annotations

import threading
from datetime import datetime
from unittest import mock

import fsspec
import numpy as np
import pytest
from models import MODELS

import omfiles
from omfiles.chunk_reader import CONCURRENT_FILES, OmChunkFileReader
from omfiles.grids import RegularGrid
from omfiles.meta import OmChunksMeta

LENGTH, HOURS = 5, 6
META = OmChunksMeta("", LENGTH, 0, 0, 0, 0, 3600 * HOURS, 3600)
NY, NX = 3, 4
FIRST, FILES = 100, 7
DATA = np.arange(NY * NX * LENGTH * FILES, dtype="f4").reshape(NY, NX, LENGTH * FILES)


def at(step, hours=0):
    """The time of a step of `DATA`, and some hours."""
    return np.datetime64((FIRST * LENGTH + step) * HOURS + hours, "h")


@pytest.fixture
def memory(request):
    memory = fsspec.filesystem("memory")
    folder = f"/{request.node.name}"
    for i in range(FILES):
        with omfiles.OmFileWriter.from_fsspec(memory, f"{folder}/chunk_{FIRST + i}.om") as writer:
            part = np.ascontiguousarray(DATA[..., i * LENGTH : (i + 1) * LENGTH])
            writer.close(writer.write_array(part, chunks=(1, 2, LENGTH)))
    memory.folder = folder
    return memory


def reader_of(memory, start, end):
    return OmChunkFileReader(META, memory, memory.folder, start, end)


@pytest.mark.parametrize(
    ("first", "last"), [(0, LENGTH * FILES - 1), (3, 3), (4, 5), (7, 31), (0, 4), (5, 9)], ids=lambda step: str(step)
)
@pytest.mark.parametrize("index", [(1, 2), (slice(1, 3), slice(0, 2)), (-1, slice(None)), (slice(0, 4, 2), 0)], ids=str)
def test_values_and_times(memory, first, last, index):
    times, values = reader_of(memory, at(first), at(last, HOURS - 1)).load_data(index)
    np.testing.assert_array_equal(values, DATA[index[1], index[0], first : last + 1])
    np.testing.assert_array_equal(times, at(first) + np.arange(last + 1 - first) * np.timedelta64(HOURS, "h"))
    assert values.dtype == np.float32
    assert times.dtype == np.dtype("datetime64[s]")


def test_attributes(memory):
    reader = OmChunkFileReader(META, memory, "folder/", at(0), at(12))
    assert reader.chunks_meta is META
    assert reader.fs is memory
    assert (reader.chunk_files_path, reader.start_date, reader.end_date) == ("folder/", at(0), at(12))
    assert reader.chunk_indices == [100, 101, 102]
    assert list(reader.iter_files())[1] == (101, "folder//chunk_101.om")


def test_between_two_times(memory):
    for step in (3, 4):  # the second is at the end of a file
        reader = reader_of(memory, at(step, 1), at(step, 2))
        for index, shape in (((1, 2), (0,)), ((slice(1, 3), slice(None)), (NY, 2, 0))):
            times, values = reader.load_data(index)
            assert (times.shape, times.dtype) == ((0,), np.dtype("datetime64[s]"))
            assert (values.shape, values.dtype) == (shape, np.float32)


def test_files_without_times_are_not_needed(memory):
    memory.rm(f"{memory.folder}/chunk_{FIRST}.om")
    reader = reader_of(memory, at(LENGTH - 1, 1), at(LENGTH))
    assert reader.chunk_indices == [FIRST, FIRST + 1]
    assert reader.load_data((0, 0))[1].tolist() == [DATA[0, 0, LENGTH]]


def test_order_of_dates(memory):
    assert reader_of(memory, datetime(2025, 7, 1), datetime(2025, 7, 1)).start_date == datetime(2025, 7, 1)
    with pytest.raises(ValueError, match="start_date must be <= end_date"):
        reader_of(memory, np.datetime64("2025-07-02"), datetime(2025, 7, 1))
    with pytest.raises(ValueError, match="NaT"):
        reader_of(memory, np.datetime64("NaT", "s"), at(0))


def test_missing_file(memory):
    memory.rm(f"{memory.folder}/chunk_{FIRST + 2}.om")
    with pytest.raises(FileNotFoundError, match=f"{memory.folder}/chunk_{FIRST + 2}.om"):
        reader_of(memory, at(0), at(34)).load_data((0, 0))


@pytest.mark.parametrize("index", [(NX, 0), (0, -NY - 1), (0,), (0, "a"), (0, [1, 2]), 5, (slice(0, 2, 0), 1)], ids=str)
def test_bad_index(memory, index):
    with pytest.raises(RuntimeError, match=rf"cannot read .* of .*chunk_{FIRST}.om"):
        reader_of(memory, at(0), at(3)).load_data(index)


@pytest.mark.parametrize("index", [(1, 2), (slice(1, 3), slice(0, 2))], ids=str)
def test_a_file_with_fewer_times(memory, index):
    path = f"{memory.folder}/chunk_{FIRST + 1}.om"
    with omfiles.OmFileWriter.from_fsspec(memory, path) as writer:
        writer.close(
            writer.write_array(np.ascontiguousarray(DATA[..., LENGTH : 2 * LENGTH - 2]), chunks=(1, 2, LENGTH))
        )
    for last in (2 * LENGTH - 1, 3 * LENGTH):
        with pytest.raises(RuntimeError, match=f"chunk_{FIRST + 1}.om: it has 3 times instead of 5") as caught:
            reader_of(memory, at(0), at(last)).load_data(index)
        assert isinstance(caught.value, omfiles.OmFormatError)
    _, values = reader_of(memory, at(0), at(2 * LENGTH - 3)).load_data(index)  # what it has is enough
    np.testing.assert_array_equal(values, DATA[index[1], index[0], : 2 * LENGTH - 2])


def test_other_errors_arrive_unchanged(memory):
    memory.pipe(f"{memory.folder}/chunk_{FIRST + 1}.om", b"garbage" * 10)
    with pytest.raises(omfiles.OmFormatError, match=f"chunk_{FIRST + 1}.om"):
        reader_of(memory, at(0), at(34)).load_data((0, 0))
    denied = PermissionError("no access")
    with mock.patch.object(type(memory), "cat_file", side_effect=denied), pytest.raises(PermissionError) as caught:
        reader_of(memory, at(0), at(0)).load_data((0, 0))
    assert caught.value is denied


def test_from_fsspec_can_be_replaced():
    file = mock.MagicMock()
    file.__enter__.return_value.__getitem__.side_effect = lambda key: np.arange(100)[key[2]]
    filesystem = mock.Mock()
    with mock.patch("omfiles.chunk_reader.OmFileReader.from_fsspec", return_value=file) as opened:
        _, values = OmChunkFileReader(META, filesystem, "folder", at(3), at(6)).load_data((7, 8))
    assert values.tolist() == [3, 4, 0, 1]
    assert opened.mock_calls == [mock.call(filesystem, f"folder/chunk_{i}.om") for i in (100, 101)]
    file.__enter__.return_value.__getitem__.assert_any_call((8, 7, slice(3, 5)))
    assert file.__exit__.call_count == 2


def test_files_are_read_at_the_same_time():
    together = threading.Barrier(CONCURRENT_FILES, timeout=60)  # raises if not as many arrive
    file = mock.MagicMock()
    file.__enter__.return_value.__getitem__.side_effect = lambda key: np.zeros(LENGTH)

    def open_file(filesystem, path):
        together.wait()
        return file

    with mock.patch("omfiles.chunk_reader.OmFileReader.from_fsspec", open_file):
        reader = OmChunkFileReader(META, None, "", at(0), at(CONCURRENT_FILES * LENGTH - 1))
        assert len(reader.load_data((0, 0))[1]) == CONCURRENT_FILES * LENGTH


def test_places_outside_of_the_grid(memory):
    reader = reader_of(memory, at(0), at(3))
    grid = RegularGrid(MODELS["ICON-D2"].wkt(), MODELS["ICON-D2"].shape)
    with pytest.raises(RuntimeError, match="find_point_xy gives that for a place outside of the grid"):
        reader.load_data(grid.find_point_xy(10, 120))
    x, y = grid.find_points(10, 120, outside="mask")
    with pytest.raises(RuntimeError, match="cannot read"):
        reader.load_data((x, y))
    for wrong in ((True, 0), (0, np.False_)):
        with pytest.raises(RuntimeError, match="unsupported selection item"):
            reader.load_data(wrong)
