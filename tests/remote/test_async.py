# SPDX-License-Identifier: MIT
"""The asynchronous reader: over all kinds of stores, together with other tasks."""

from __future__ import annotations

import asyncio
import collections.abc
import io
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
import s3fs
from obstore.store import MemoryStore
from servers import S3
from stores import AsyncCountingFS, CountingFS, PlainAsyncStore, Traffic

import omfiles
from omfiles import OmFileReader, OmFileReaderAsync, OmFileWriter, OmReadError
from omfiles.io import FetchOptions

SHAPE, CHUNKS = (60, 40, 50), (1, 40, 50)
ARRAY = np.random.default_rng(1).integers(0, 1000, SHAPE, np.int32)
SLOW = FetchOptions(max_gap=0, max_size=1, concurrency=4)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A group of an array with attributes, a scalar and a group."""
    path = tmp_path_factory.mktemp("async") / "file.om"
    with OmFileWriter(path) as writer:
        array = writer.write_array(ARRAY, CHUNKS, name="array", attrs={"units": "K", "height": 2.5}, scale_factor=10)
        inner = writer.write_group("inner", [writer.write_scalar(np.int8(7), "seven")])
        writer.write_group("root", [array, writer.write_scalar("text", "scalar"), inner])
    return path


@pytest.fixture(scope="module")
def content(path: Path) -> bytes:
    return path.read_bytes()


Open = Callable[[], Awaitable[OmFileReaderAsync]]


@pytest.fixture(
    params=[
        "local", "local-open", "bytes", "memory", "s3-asynchronous", "s3-synchronous", "s3-url", "obstore-s3",
        "obstore-memory", "counting", "async-counting", "plain-async", "file-object",
    ]
)  # fmt: skip
def open_(request: pytest.FixtureRequest, path: Path, content: bytes) -> Any:
    kind = request.param
    closing = []

    def s3() -> S3:
        server = request.getfixturevalue("s3")
        server.put("file", content)
        return server

    async def on_loop(server: S3) -> OmFileReaderAsync:
        fs = s3fs.S3FileSystem(**server.options, asynchronous=True, skip_instance_cache=True)
        closing.append(fs)
        return await OmFileReaderAsync.from_fsspec(fs, f"{server.bucket}/file")

    def memory() -> Any:
        fs = fsspec.filesystem("memory")
        fs.pipe_file("/file", content)
        return fs

    def store() -> Any:
        made = MemoryStore()
        made.put("file", content)
        return made

    make: Callable[[], Any]
    if kind.startswith(("s3", "obstore-s3")):
        server = s3()
        make = {
            "s3-asynchronous": lambda: on_loop(server),
            "s3-synchronous": lambda: OmFileReaderAsync.from_fsspec(
                s3fs.S3FileSystem(**server.options), f"{server.bucket}/file"
            ),
            "s3-url": lambda: OmFileReaderAsync.open(
                f"s3://{server.bucket}/file", storage_options=server.options, fetch=FetchOptions(max_gap=0)
            ),
            "obstore-s3": lambda: OmFileReaderAsync.open((server.store(), "file")),
        }[kind]
    else:
        traffic = Traffic({"file": content})
        file = io.BufferedReader(io.BytesIO(content))
        make = {
            "local": lambda: OmFileReaderAsync.from_path(path),
            "local-open": lambda: OmFileReaderAsync.open(str(path)),
            "bytes": lambda: OmFileReaderAsync.open(content),
            "memory": lambda: OmFileReaderAsync.from_fsspec(memory(), "/file"),
            "obstore-memory": lambda: OmFileReaderAsync.open((store(), "file")),
            "counting": lambda: OmFileReaderAsync.from_fsspec(CountingFS(traffic), "file"),
            "async-counting": lambda: OmFileReaderAsync.from_fsspec(
                AsyncCountingFS(traffic, asynchronous=True), "file"
            ),
            "plain-async": lambda: OmFileReaderAsync.from_fsspec(PlainAsyncStore(traffic), "file"),
            "file-object": lambda: OmFileReaderAsync.open(file),
        }[kind]

    class Opened:
        """The file, and the session of its store closed at the end."""

        async def __aenter__(self) -> OmFileReaderAsync:
            self.reader = await make()
            return self.reader

        async def __aexit__(self, *error: object) -> None:
            self.reader.close()
            for fs in closing:
                await (await fs.set_session()).close()
            closing.clear()

    return Opened


@pytest.mark.slow
def test_everything(open_: Any) -> None:
    async def run() -> None:
        async with open_() as root:
            assert (root.name, root.is_group, root.is_array, root.num_children) == ("root", True, False, 3)
            assert await root.keys() == ["array", "scalar", "inner"]
            array = await root.get_child_by_name("array")
            assert (array.shape, array.chunks, array.dtype) == (SHAPE, CHUNKS, np.int32)
            assert (array.ndim, array.size, array.nbytes) == (3, ARRAY.size, ARRAY.nbytes)
            assert (array.compression_name, array.scale_factor, array.add_offset) == ("pfor_delta_2d", 10.0, 0.0)
            assert (await array.get_child_by_index(1)).read_scalar() == 2.5
            assert (await root.get_child_by_name("scalar")).read_scalar() == "text"
            seven = await (await root.get_child_by_name("inner")).get_child_by_name("seven")
            assert seven.is_scalar and seven.read_scalar() == 7 and seven.dtype == np.int8
            for key in (..., (3, 4, 5), np.s_[::-7, 1:3], np.s_[5, ..., -1], np.s_[1:1], np.s_[-100:3, ::20]):
                found = await array.read_array(key)
                np.testing.assert_array_equal(found, ARRAY[key])
                assert type(found) is np.ndarray and found.flags.c_contiguous and found.flags.writeable
            assert repr(array).startswith("<OmFileReaderAsync 'array'")

    asyncio.run(run())


def test_selections(open_: Any, content: bytes) -> None:
    """Each gives what the synchronous reader gives."""
    expected = OmFileReader(content)["array"]
    mask = np.arange(SHAPE[0]) % 7 == 2
    orthogonal = [(slice(3, 20, 4), [7, 7, -1], 5), ([59, 0, 30], ..., mask[:50]), mask, ..., ([], [1]), (4, 5, 6)]
    pointwise = [
        ([3, 59, 3], [0, -1, 39], [49, 2, 2]), (np.arange(60)[:, None], [[1, 2]], 3), np.zeros(SHAPE, bool), (1, 2, 3),
        (np.arange(60)[:, None], [5, 8, 3], [2, 1, 4]), ARRAY > 990,
    ]  # fmt: skip

    async def run() -> None:
        async with open_() as root:
            array = await root["array"]
            for key in orthogonal:
                np.testing.assert_array_equal(await array.oindex[key], expected.oindex[key], strict=True)
            for key in pointwise:
                np.testing.assert_array_equal(await array.vindex[key], expected.vindex[key], strict=True)
            for key in (..., 5, np.s_[::-7, 1:3]):
                np.testing.assert_array_equal(await array[key], expected[key], strict=True)
            many = await asyncio.gather(*[array.oindex[[i, 59 - i], 3] for i in range(20)])
            for i, found in enumerate(many):
                np.testing.assert_array_equal(found, ARRAY[[i, 59 - i], 3])
            out = np.zeros((50, 7), np.int32)
            assert await array.read_array(np.s_[10:17, 3], out=out.T) is not None
            np.testing.assert_array_equal(out.T, ARRAY[10:17, 3])
            with pytest.raises(ValueError, match="shape"):
                await array.read_array(0, out=out)
            for selector in (array.oindex, array.vindex):
                with pytest.raises(IndexError):
                    await selector[[60], [0], [0]]
            scalar = await root["scalar"]
            for reader in (root, scalar):
                with pytest.raises(ValueError, match="Only arrays have oindex"):
                    await reader.oindex[[0]]
                with pytest.raises(ValueError, match="Only arrays have vindex"):
                    await reader.vindex[[0]]
                with pytest.raises(ValueError, match="Only arrays can be indexed"):
                    await reader[0]
            array.close()
            for name in ("oindex", "vindex"):
                with pytest.raises(ValueError, match="closed"):
                    getattr(array, name)

    asyncio.run(run())


def test_children(open_: Any, content: bytes) -> None:
    expected = OmFileReader(content)

    async def run() -> None:
        async with open_() as root:
            array, scalar, inner = await root.children()
            assert [child.name for child in (array, scalar, inner)] == ["array", "scalar", "inner"]
            assert dict(await array.attrs()) == dict(expected["array"].attrs) == {"units": "K", "height": 2.5}
            assert (await inner.attrs())["seven"] == 7
            with pytest.raises(KeyError, match="'unit'"):
                (await array.attrs())["unit"]
            assert [(name, child.name) for name, child in await root.items()] == [(n, n) for n in expected]
            assert [child.num_children for child in await root.values()] == [2, 0, 1]
            assert (await root["inner/seven"]).read_scalar() == 7
            with pytest.raises(KeyError, match="'eight'"):
                await root["inner/eight"]
            for depth in (None, 0, 1, 2):
                found = [(path, variable.name) async for path, variable in root.walk(depth)]
                assert found == [(path, variable.name) for path, variable in expected.walk(depth)]
            assert ("array", SHAPE) in [(path, variable.shape) async for path, variable in root.walk()]
            assert await root.tree() == expected.tree()
            assert await root.tree(limit=2) == expected.tree(limit=2)
            with pytest.raises(TypeError, match="not iterable"):
                iter(root)
            with pytest.raises(TypeError):
                "array" in root  # noqa: B015
            root.close()
            calls = [
                root.children(),
                root.values(),
                root.items(),
                root.attrs(),
                root.tree(),
                root["array"],
            ]
            for call in calls:
                with pytest.raises(ValueError, match="closed"):
                    await call
            with pytest.raises(ValueError, match="closed"):
                await anext(root.walk())

    asyncio.run(run())


@pytest.mark.slow
def test_many_reads_at_a_time(open_: Any) -> None:
    async def run() -> None:
        async with open_() as root:
            array = await root.get_child_by_name("array")
            reads = [array.read_array(np.s_[i : i + 9, i]) for i in range(40)]
            children = [root.get_child_by_name("scalar") for _ in range(5)]
            for i, found in enumerate(await asyncio.gather(*reads)):
                np.testing.assert_array_equal(found, ARRAY[i : i + 9, i])
            assert {child.read_scalar() for child in await asyncio.gather(*children)} == {"text"}

    asyncio.run(run())


def test_cancelling(open_: Any) -> None:
    async def run() -> None:
        async with open_() as root:
            array = await root.get_child_by_name("array")
            for pause in (0, 0, 0.001, 0.005):
                tasks = [asyncio.create_task(array.read_array(...)) for _ in range(4)]
                await asyncio.sleep(pause)
                for task in tasks[1:]:
                    task.cancel()
                results = await asyncio.gather(*tasks, return_exceptions=True)
                np.testing.assert_array_equal(results[0], ARRAY)
                for result in results[1:]:
                    assert isinstance(result, (asyncio.CancelledError, np.ndarray))
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0):
                    await array.read_array(...)
            np.testing.assert_array_equal(await array.read_array(...), ARRAY)

    asyncio.run(run())


def test_errors(open_: Any) -> None:
    async def run() -> None:
        async with open_() as root:
            array = await root.get_child_by_name("array")
            scalar = await root.get_child_by_name("scalar")
            for reader in (root, scalar):
                for key in (..., 0, (1, 2)):
                    with pytest.raises(ValueError, match="Only arrays"):
                        await reader.read_array(key)
                for attribute in ("compression_name", "scale_factor", "add_offset"):
                    with pytest.raises(ValueError, match="array"):
                        getattr(reader, attribute)
            for reader in (root, array):
                with pytest.raises(ValueError, match="scalar"):
                    reader.read_scalar()
            with pytest.raises(ValueError, match="no child 'nothing'"):
                await root.get_child_by_name("nothing")
            with pytest.raises(ValueError, match="child index 3"):
                await root.get_child_by_index(3)
            with pytest.raises(OverflowError):
                await root.get_child_by_index(-1)
            with pytest.raises(TypeError):
                await root.get_child_by_name(1)
            for key in (60, (0, 0, 0, 0), None, [1]):
                with pytest.raises(IndexError):
                    await array.read_array(key)
            with pytest.raises(AttributeError):
                array.name = "other"

    asyncio.run(run())


def test_closed(open_: Any) -> None:
    async def run() -> None:
        async with open_() as root:
            array = await root.get_child_by_name("array")
            scalar = await root.get_child_by_name("scalar")
            root.close()
            root.close()
            assert root.closed and not array.closed
            np.testing.assert_array_equal(await array.read_array(0), ARRAY[0])
            with array as same:
                assert same is array
            async with scalar:
                pass
            assert array.shape == SHAPE
            for name in ("name", "chunks", "dtype", "is_array", "num_children", "scale_factor", "compression_name"):
                with pytest.raises(ValueError, match="closed"):
                    getattr(array, name)
            with pytest.raises(ValueError, match="closed"):
                await array.read_array(...)
            for call in (array.get_child_by_index(0), array.get_child_by_name("units"), root.keys()):
                with pytest.raises(ValueError, match="closed"):
                    await call
            with pytest.raises(ValueError, match="closed"):
                scalar.read_scalar()

    asyncio.run(run())


def test_closing_during_a_read(open_: Any) -> None:
    async def run() -> None:
        async with open_() as root:
            array = await root.get_child_by_name("array")
            task = asyncio.create_task(array.read_array(...))
            await asyncio.sleep(0)  # until it waits for the first time
            array.close()
            np.testing.assert_array_equal(await task, ARRAY)
            array = await root.get_child_by_name("array")
            task = asyncio.create_task(selected(array))
            await asyncio.sleep(0)
            array.close()
            np.testing.assert_array_equal(await task, ARRAY[:, [3, 30]])

    async def selected(array: OmFileReaderAsync) -> np.ndarray:
        return await array.oindex[:, [3, 30]]

    asyncio.run(run())


# --- single points ----------------------------------------------------------------------------------------------------


def test_no_constructor(path: Path) -> None:
    with pytest.raises(TypeError, match=r"await OmFileReaderAsync\.open"):
        OmFileReaderAsync()
    with pytest.raises(TypeError):
        OmFileReaderAsync(str(path))


def test_awaitables_are_coroutines(path: Path) -> None:
    coroutines = [OmFileReaderAsync.from_path(str(path)), OmFileReaderAsync.open(path)]
    for coroutine in coroutines:
        assert isinstance(coroutine, collections.abc.Coroutine)
        asyncio.run(coroutine).close()


def test_what_cannot_be_opened(tmp_path: Path, s3: S3) -> None:
    async def run() -> None:
        with pytest.raises(FileNotFoundError):
            await OmFileReaderAsync.from_path(tmp_path / "none.om")
        with pytest.raises(FileNotFoundError):
            await OmFileReaderAsync.open(f"s3://{s3.bucket}/none", storage_options=s3.options)
        for wrong in (None, 1, b"path"):
            with pytest.raises(TypeError):
                await OmFileReaderAsync.from_path(wrong)
        with pytest.raises(TypeError, match="'dict'"):
            await OmFileReaderAsync.open({})
        with pytest.raises(TypeError, match="'object' is no filesystem"):
            await OmFileReaderAsync.from_fsspec(object(), "file")

    asyncio.run(run())


@pytest.mark.parametrize("missing", ["_size", "_cat_file"])
def test_from_fsspec_wants_both_methods(content: bytes, missing: str) -> None:
    class Store:
        async def _size(self, path: str) -> int:
            return len(content)

        async def _cat_file(self, path: str, start: int, end: int) -> bytes:
            return content[start:end]

    delattr(Store, missing)
    with pytest.raises(TypeError, match="no filesystem"):
        asyncio.run(OmFileReaderAsync.from_fsspec(Store(), "file"))


def test_a_short_reply_is_noticed(content: bytes) -> None:
    class Store(PlainAsyncStore):
        async def _cat_file(self, path: str, start: int, end: int | None) -> bytes:
            return (await super()._cat_file(path, start, end))[:-1]

    with pytest.raises(OmReadError, match="the store sent") as caught:
        asyncio.run(OmFileReaderAsync.from_fsspec(Store(Traffic({"file": content})), "file"))
    assert isinstance(caught.value, RuntimeError)


def test_one_file_from_several_loops(content: bytes) -> None:
    """Stores whose coroutines belong to no loop serve one after another."""
    reader = asyncio.run(OmFileReaderAsync.from_fsspec(CountingFS(Traffic({"file": content})), "file"))
    for _ in range(3):
        array = asyncio.run(reader.get_child_by_name("array"))
        np.testing.assert_array_equal(asyncio.run(array.read_array(2)), ARRAY[2])


def test_cancelling_stops_the_requests(content: bytes) -> None:
    traffic = Traffic({"file": content})

    async def run() -> None:
        root = await OmFileReaderAsync.from_fsspec(AsyncCountingFS(traffic, asynchronous=True), "file", fetch=SLOW)
        array = await root.get_child_by_name("array")
        traffic.held = lambda request: True
        task = asyncio.create_task(array.read_array(...))
        while traffic.under_way == 0:
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        n_requests = len(traffic.requests)
        traffic.held = None
        await asyncio.sleep(0.05)
        assert len(traffic.requests) == n_requests
        assert len(asyncio.all_tasks()) == 1
        np.testing.assert_array_equal(await array.read_array(...), ARRAY)

    asyncio.run(run())


@pytest.mark.slow
def test_decoding_does_not_block_the_loop(tmp_path: Path) -> None:
    """While 200 MB are fetched and decoded, other tasks run."""
    array = np.random.default_rng(1).integers(0, 1000, (50, 1000, 1000), np.int32)
    omfiles.save(tmp_path / "large.om", array, (1, 500, 1000))
    content = (tmp_path / "large.om").read_bytes()

    async def run(opening: Awaitable[OmFileReaderAsync]) -> None:
        reader = await opening
        turns = 0
        task = asyncio.create_task(reader.read_array(...))
        while not task.done():
            await asyncio.sleep(0)
            turns += 1
        np.testing.assert_array_equal(await task, array)
        assert turns > 1000  # some 200 if the loop decodes

    fs = AsyncCountingFS(Traffic({"file": content}), asynchronous=True)
    asyncio.run(run(OmFileReaderAsync.from_fsspec(fs, "file")))
    asyncio.run(run(OmFileReaderAsync.from_path(tmp_path / "large.om")))


def test_a_file_that_fits_the_other_reader(path: Path) -> None:
    """What asynchronous and synchronous readers share is documented in one place."""
    for name in ("closed", "name", "shape", "chunks", "dtype", "num_children", "scale_factor"):
        assert getattr(OmFileReaderAsync, name).__doc__ == getattr(OmFileReader, name).__doc__


def test_nothing_is_missing() -> None:
    """What the synchronous reader offers, this one offers."""
    public = {name for name in dir(OmFileReader) if not name.startswith("_")}
    assert public <= set(dir(OmFileReaderAsync))
