# SPDX-License-Identifier: MIT
"""Basic indexing against numpy, its errors, and reading into existing arrays."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import omfiles
from omfiles import OmFileReader

DATA = np.random.default_rng(7).integers(-1000, 1000, (7, 11, 13), dtype="int32")
SHAPE = DATA.shape


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> OmFileReader:
    path = tmp_path_factory.mktemp("indexing") / "a.om"
    omfiles.save(path, DATA, (3, 4, 5))
    return OmFileReader(path)


def check(result: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_array_equal(result, expected)
    assert isinstance(result, np.ndarray)
    assert result.shape == expected.shape
    assert result.dtype == expected.dtype
    assert result.flags.c_contiguous
    assert result.flags.writeable
    assert result.flags.owndata


class Index:
    def __index__(self) -> int:
        return 2

    def __repr__(self) -> str:
        return "Index()"


@pytest.mark.parametrize(
    "key",
    [
        (), ..., 0, -1, (0, 0, 0), (-7, -11, -13), (..., 3), (2, ...), (0, 0, 0, ...), (..., 0, 0, 0), (1, ..., 2),
        np.int8(3), np.uint64(3), Index(), np.array(4), slice(None), slice(2, 5), slice(-3, None), slice(0, 100),
        slice(-100, 2), slice(5, 1), slice(3, 3), slice(7, None), slice(None, None, 2), slice(None, None, -1),
        slice(5, 1, -2), slice(None, None, 100), slice(None, None, -100), slice(-1, -100, -3), slice(Index(), None),
        slice(np.int16(1), np.int16(3)), slice(None, None, -(2**63)), slice(0, 2**70),
        (slice(None), slice(None, None, 5)), (slice(None, None, -1), slice(None, None, -1), slice(None, None, -1)),
        (3, slice(10, None, -4), 5),
        (slice(1, 6, 2), 4, slice(2, 12, 3)), (slice(0, 0), 3), (slice(None), slice(4, 8), slice(5, 10)),
    ],
    ids=repr,
)  # fmt: skip
def test_as_numpy(reader: OmFileReader, key: object) -> None:
    check(reader[key], np.asarray(DATA[key]))
    check(reader.read_array(key), np.asarray(DATA[key]))


def basic_items(size: int) -> st.SearchStrategy[int | slice]:
    bound = st.none() | st.integers(-size - 3, size + 3)
    step = st.none() | st.integers(-size - 2, size + 2).filter(bool)
    return st.integers(-size, size - 1) | st.builds(slice, bound, bound, step)


@given(st.tuples(*map(basic_items, SHAPE)))
def test_random_selections(reader: OmFileReader, key: tuple[int | slice, ...]) -> None:
    check(reader[key], np.asarray(DATA[key]))


@pytest.mark.parametrize(
    "key", [7, -8, (0, 11), (0, 0, -14), 2**70, -(2**70), (0, 0, 0, 0), (0, 0, 0, 0, ...)], ids=repr
)
def test_out_of_bounds(reader: OmFileReader, key: object) -> None:
    with pytest.raises(IndexError):
        reader[key]


def test_message_names_axis_index_and_size(reader: OmFileReader) -> None:
    with pytest.raises(IndexError, match="index 11 is out of bounds for axis 1 with size 11"):
        reader[..., 11, 0]
    with pytest.raises(IndexError, match="too many indices: the array has 3 dimensions, but 4 were indexed"):
        reader[0, 0, 0, 0]


@pytest.mark.parametrize("key", [None, 1.0, np.float32(1), slice, (0, None), 1j, b"a", (0, "a")], ids=repr)
def test_unsupported_items(reader: OmFileReader, key: object) -> None:
    item = key[-1] if isinstance(key, tuple) else key
    message = f"unsupported selection item for basic indexing; expected integer or slice, got {type(item)}"
    with pytest.raises(IndexError) as caught:
        reader[key]
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "key", [[0, 1], range(2), np.arange(2), np.ones(7, bool), (slice(None), [1]), np.array([1])], ids=repr
)
def test_lists_and_masks_point_to_oindex(reader: OmFileReader, key: object) -> None:
    with pytest.raises(IndexError, match=r"unsupported selection item.*use reader\.oindex.* or reader\.vindex"):
        reader[key]


@pytest.mark.parametrize("item", [True, False, np.True_, np.False_], ids=repr)
def test_bool_is_no_index(reader: OmFileReader, tmp_path: Path, item: object) -> None:
    for key in (item, (0, item), (..., item), (slice(None), item, 0)):
        with pytest.raises(IndexError, match=r"unsupported selection item .* a mask has a value for each element"):
            reader[key]
        with pytest.raises(IndexError, match="unsupported selection item"):
            reader.read_array(key)
        with pytest.raises(IndexError, match="is no index; a mask has a value for each element"):
            reader.oindex[key]
    for key in (item, (0, item, 1), ([0, 1], item, 0)):
        with pytest.raises(IndexError, match="is no index; a mask has a value for each element"):
            reader.vindex[key]

    omfiles.save(tmp_path / "a.om", DATA)

    async def read() -> None:
        remote = await omfiles.OmFileReaderAsync.open(tmp_path / "a.om")
        for selector, key in (
            (remote, item),
            (remote, (0, item)),
            (remote.oindex, item),
            (remote.vindex, (0, item, 1)),
        ):
            with pytest.raises(IndexError, match="a mask has a value for each element"):
                await selector[key]

    asyncio.run(read())
    check(reader[np.int8(1), 2], DATA[1, 2])


def test_other_errors(reader: OmFileReader) -> None:
    with pytest.raises(ValueError, match="only one ellipsis"):
        reader[..., 0, ...]
    with pytest.raises(ValueError, match="step cannot be zero"):
        reader[::0]
    for bound in (1.0, "a", np.float32(1)):
        with pytest.raises(TypeError):
            reader[bound:]
        with pytest.raises(TypeError):
            reader[::bound]
    with pytest.raises(TypeError):
        reader.read_array()
    with pytest.raises(TypeError):
        reader.read_array(0, 1)
    with pytest.raises(IndexError, match="unsupported"):
        reader.read_array("name")


def test_fetches_nothing_for_an_empty_selection(tmp_path: Path) -> None:
    path = tmp_path / "a.om"
    omfiles.save(path, np.random.default_rng(0).integers(0, 2**31, 50000, "int32"), (1000,))
    reader = OmFileReader(path)
    path.write_bytes(b"")
    assert reader[5:5].shape == (0,)
    with pytest.raises(OSError, match="truncated while it was open"):
        reader[5]


# --- out= -------------------------------------------------------------------------------------------------------------


@given(st.tuples(*map(basic_items, SHAPE)), st.data())
def test_out_of_any_layout(reader: OmFileReader, key: tuple[int | slice, ...], data: st.DataObject) -> None:
    expected = DATA[key]
    axes = data.draw(st.permutations(range(expected.ndim)))
    steps = data.draw(st.tuples(*[st.sampled_from([1, 2, 3, -1, -2]) for _ in range(expected.ndim)]))
    memory = np.full([expected.shape[axis] * abs(steps[axis]) for axis in axes], 10**6, "int32")
    out = memory.transpose(np.argsort(axes))[(*(slice(None, None, step) for step in steps), ...)]
    assert out.shape == expected.shape
    assert reader.read_array(key, out=out) is out
    np.testing.assert_array_equal(out, expected)
    assert np.sum(memory != 10**6) == expected.size  # nothing else was written


def test_out_is_checked(reader: OmFileReader) -> None:
    with pytest.raises(ValueError, match=r"out has shape \(7, 11\); the selection has \(7, 11, 13\)"):
        reader.read_array(..., out=np.empty((7, 11), "int32"))
    with pytest.raises(ValueError, match="out has dtype <i8; the array has <i4"):
        reader.read_array(..., out=np.empty(SHAPE, "int64"))
    with pytest.raises(ValueError, match="out has dtype >i4; the array has <i4"):
        reader.read_array(..., out=np.empty(SHAPE, ">i4"))
    read_only = np.empty(SHAPE, "int32")
    read_only.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        reader.read_array(..., out=read_only)
    unaligned = np.empty(4 * DATA.size + 1, "u1")[1:].view("int32").reshape(SHAPE)
    with pytest.raises(ValueError, match="not aligned"):
        reader.read_array(..., out=unaligned)
    shared = np.lib.stride_tricks.as_strided(np.empty(13, "int32"), SHAPE, (0, 0, 4))
    with pytest.raises(ValueError, match="share memory"):
        reader.read_array(..., out=shared)
    for out in ([0], memoryview(bytearray(4)), np.int32(0)):
        with pytest.raises(TypeError, match=r"out must be a numpy\.ndarray"):
            reader.read_array((0, 0, 0), out=out)


def test_out_of_no_dimension_and_of_no_element(reader: OmFileReader) -> None:
    out = np.zeros((), "int32")
    assert reader.read_array((1, 2, 3), out=out) is out
    assert out == DATA[1, 2, 3]
    nothing = np.empty((0, 11, 13), "int32")
    assert reader.read_array(slice(0, 0), out=nothing) is nothing


# --- oindex and vindex ------------------------------------------------------------------------------------------------


def test_oindex(reader: OmFileReader) -> None:
    mask = DATA[0, 0] > 0
    np.testing.assert_array_equal(reader.oindex[[5, 0, 5], 2, mask], DATA[[5, 0, 5], 2][:, mask])
    np.testing.assert_array_equal(reader.oindex[[1, 6], ::-3, [0]], DATA[[1, 6], ::-3][..., [0]])
    np.testing.assert_array_equal(reader.oindex[1:3], DATA[1:3])
    assert reader.oindex[[], 0].shape == (0, 13)
    with pytest.raises(IndexError):
        reader.oindex[[7]]


def test_vindex(reader: OmFileReader) -> None:
    i, j, k = np.array([[0, 6], [-1, 3]]), np.array([10, 0]), 4
    np.testing.assert_array_equal(reader.vindex[i, j, k], DATA[i, j, k])
    np.testing.assert_array_equal(reader.vindex[DATA > 900], DATA[DATA > 900])
    with pytest.raises(IndexError):
        reader.vindex[i, j]


# --- many chunks, large chunks ----------------------------------------------------------------------------------------


def test_many_groups_of_the_look_up_table(tmp_path: Path) -> None:
    values = np.random.default_rng(1).integers(0, 2**40, 50_000)
    omfiles.save(tmp_path / "a.om", values, (2,))
    reader = OmFileReader(tmp_path / "a.om")
    np.testing.assert_array_equal(reader[...], values)
    np.testing.assert_array_equal(reader[::997], values[::997])
    np.testing.assert_array_equal(reader[::-3], values[::-3])
    for i in (0, 126, 127, 128, 129, 32767, 49999):
        assert reader[i] == values[i]


def test_chunk_larger_than_a_batch(tmp_path: Path) -> None:
    """Chunks of more than 1 MiB are fetched and decoded in pieces."""
    values = np.random.default_rng(2).integers(-(2**31), 2**31 - 1, (300, 4000), dtype="int32")
    for chunks in [(300, 4000), (299, 3999)]:
        omfiles.save(tmp_path / "a.om", values, chunks)
        reader = OmFileReader(tmp_path / "a.om")
        np.testing.assert_array_equal(reader[...], values)
        np.testing.assert_array_equal(reader[::7, ::-11], values[::7, ::-11])
        np.testing.assert_array_equal(reader[3, 5], values[3, 5])
        memory = OmFileReader((tmp_path / "a.om").read_bytes())
        np.testing.assert_array_equal(memory[100:], values[100:])


def test_points_of_chunks_of_all_sizes(tmp_path: Path) -> None:
    """Chunks of a few bytes, of kB and of MB, some of them read several times in a row."""
    rng = np.random.default_rng(22)
    data = np.zeros((6, 512, 1024), np.int32)
    data[1, 256] = data[4, 300] = rng.integers(-1000, 1000, 1024)
    data[2] = rng.integers(-(2**20), 2**20, data.shape[1:])
    omfiles.save(tmp_path / "a.om", data, (1, 512, 1024))
    reader = OmFileReader(tmp_path / "a.om")
    for row in [0, 1, 1, 5, 1, 4, 2, 2, 1, 3, 2, 0, *rng.integers(0, 6, 40)]:
        point = (int(row), *rng.integers(250, 310, 2).tolist())
        assert reader[point] == data[point]
        check(reader[point[:2]], data[point[:2]])
