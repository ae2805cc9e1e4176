# SPDX-License-Identifier: MIT
"""The adapters over real stores: local servers for S3 and HTTP, and filesystems in memory and on disk."""

from __future__ import annotations

import asyncio
import io
import os
import pickle
import shutil
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from pathlib import Path
from typing import Any

import fsspec
import pytest
import s3fs
from fsspec.implementations.asyn_wrapper import AsyncFileSystemWrapper
from fsspec.implementations.dirfs import DirFileSystem
from fsspec.implementations.tar import TarFileSystem
from fsspec.implementations.zip import ZipFileSystem
from obstore.store import LocalStore, MemoryStore
from servers import CONTENT, S3, Http
from stores import AsyncCountingFS, CountingFS, PlainAsyncStore, PlainStore, Traffic

from omfiles._stores.file_object import FileObjectReader
from omfiles._stores.fsspec import AsyncFsspecReader, from_fsspec
from omfiles._stores.obstore import ObstoreReader
from omfiles._stores.resolve import resolve
from omfiles.io import RangeReader

RANGES = [(i * 7919 % 290_000, i * 7919 % 290_000 + 1 + i * 100) for i in range(12)] + [(0, len(CONTENT))]
RIGHT = [CONTENT[start:stop] for start, stop in RANGES]

Build = Callable[[bytes], RangeReader]


def build_s3(s3: S3, **options: Any) -> Build:
    return lambda content: from_fsspec(
        s3fs.S3FileSystem(**s3.options, **options, skip_instance_cache=True), s3.put("file", content)
    )


# fsspec leaves files of this cache to the garbage collector.
LEAKS = (
    pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
)
KINDS = [
    "s3", "obstore-s3", "obstore-memory", "obstore-local", "http", "memory", "local", "simplecache",
    pytest.param("blockcache", marks=LEAKS), "zip", "dir-s3", "dir-local", "wrapped", "counting", "async-counting",
    "plain", "file", "bytesio",
]  # fmt: skip


@pytest.fixture(params=KINDS)
def build(request: pytest.FixtureRequest, tmp_path: Path) -> Build:
    """What makes a reader of given content."""
    kind = request.param
    path = tmp_path / "file"

    memory_store = MemoryStore()

    def on_disk(content: bytes) -> str:
        path.write_bytes(content)
        return str(path)

    def in_zip(content: bytes) -> str:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("file", content)
        return f"zip://file::{path}"

    def in_memory(content: bytes) -> str:
        fsspec.filesystem("memory").pipe_file("/folder/file", content)
        return "memory://folder/file"

    def on_http(content: bytes) -> RangeReader:
        server = request.getfixturevalue("http")
        server.files["file"] = content
        return resolve(f"{server.url}/file", {"skip_instance_cache": True})

    def on_store(store: Any, content: bytes) -> RangeReader:
        store.put("file", content)
        return ObstoreReader(store, "file")

    def cached(kind: str, content: bytes) -> RangeReader:
        s3 = request.getfixturevalue("s3")
        place = s3.put("file", content)
        return resolve(
            f"{kind}::s3://{place}", {"s3": s3.options | {"default_block_size": 1 << 16}, "skip_instance_cache": True}
        )

    def in_folder(content: bytes) -> RangeReader:
        s3 = request.getfixturevalue("s3")
        s3.put("folder/file", content)
        return from_fsspec(DirFileSystem(f"{s3.bucket}/folder", s3fs.S3FileSystem(**s3.options)), "file")

    return {
        "s3": lambda content: build_s3(request.getfixturevalue("s3"))(content),
        "obstore-s3": lambda content: on_store(request.getfixturevalue("s3").store(), content),
        "obstore-memory": lambda content: on_store(memory_store, content),
        "obstore-local": lambda content: on_store(LocalStore(tmp_path), content),
        "http": on_http,
        "memory": lambda content: resolve(in_memory(content)),
        "local": lambda content: from_fsspec(fsspec.filesystem("file"), on_disk(content)),
        "simplecache": lambda content: cached("simplecache", content),
        "blockcache": lambda content: cached("blockcache", content),
        "zip": lambda content: resolve(in_zip(content), {"skip_instance_cache": True}),
        "dir-s3": in_folder,
        "dir-local": lambda content: from_fsspec(
            DirFileSystem(str(tmp_path), fsspec.filesystem("file")), os.path.basename(on_disk(content))
        ),
        "wrapped": lambda content: from_fsspec(
            AsyncFileSystemWrapper(fsspec.filesystem("file"), asynchronous=False), on_disk(content)
        ),
        "counting": lambda content: from_fsspec(CountingFS(Traffic({"file": content})), "file"),
        "async-counting": lambda content: from_fsspec(AsyncCountingFS(Traffic({"file": content})), "file"),
        "plain": lambda content: from_fsspec(PlainStore(Traffic({"file": content})), "file"),
        "file": lambda content: FileObjectReader(request.getfixturevalue("opened")(on_disk(content))),
        "bytesio": lambda content: FileObjectReader(io.BytesIO(content)),
    }[kind]


@pytest.fixture
def opened():
    files = []

    def open_(path: str):
        files.append(open(path, "rb", buffering=0))  # noqa: SIM115
        return files[-1]

    yield open_
    for file in files:
        file.close()


def read(reader: RangeReader, concurrency: int = 8) -> list[bytes]:
    found: dict[int, bytes] = {}
    for index, data in reader.read_ranges(RANGES, concurrency=concurrency):
        assert index not in found
        found[index] = bytes(data)
    return [found[i] for i in range(len(RANGES))]


async def read_async(reader: RangeReader, concurrency: int = 8) -> list[bytes]:
    found: dict[int, bytes] = {}
    async with aclosing(reader.read_ranges_async(RANGES, concurrency=concurrency)) as replies:
        async for index, data in replies:
            assert index not in found
            found[index] = bytes(data)
    return [found[i] for i in range(len(RANGES))]


@pytest.mark.slow
def test_synchronous(build: Build) -> None:
    reader = build(CONTENT)
    assert reader.size() == len(CONTENT)
    assert list(reader.read_ranges([], concurrency=4)) == []
    for concurrency in (1, 3, 100):
        assert read(reader, concurrency) == RIGHT


@pytest.mark.slow
def test_asynchronous(build: Build) -> None:
    reader = build(CONTENT)

    async def run() -> None:
        assert await read_async(reader, 1) == RIGHT
        for result in await asyncio.gather(*[read_async(reader) for _ in range(4)]):
            assert result == RIGHT
        size, version, data = await reader.tail_async(1000)
        assert (size, bytes(data)) == (len(CONTENT), CONTENT[-1000:])
        assert version == await reader.version_async()

    asyncio.run(run())
    # In one reader both ways, and several loops one after another.
    assert read(reader) == RIGHT
    asyncio.run(run())


@pytest.mark.parametrize("kind", ["tar", "zip"])
@pytest.mark.parametrize("in_folder", [False, True], ids=["archive", "folder"])
def test_readers_of_one_archive_take_turns(kind: str, in_folder: bool, tmp_path: Path) -> None:
    members = {f"folder/{i}": bytes([i]) + CONTENT for i in range(4)}
    for name, content in members.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    archive = shutil.make_archive(str(tmp_path / "archive"), kind, tmp_path, "folder")
    fs = {"tar": TarFileSystem, "zip": ZipFileSystem}[kind](archive, skip_instance_cache=True)
    if in_folder:
        readers = [from_fsspec(DirFileSystem("folder", fs), name.removeprefix("folder/")) for name in members]
    else:
        readers = [from_fsspec(fs, name) for name in members]
    right = [[content[start:stop] for start, stop in RANGES] for content in members.values()]
    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(lambda _: [read(reader) for reader in readers], range(32)):
            assert found == right
    fs.close() if kind == "zip" else fs.tar.close()


@pytest.mark.slow
@pytest.mark.parametrize("content", [b"", b"abc", b"x" * 1000, CONTENT], ids=["empty", "short", "equal", "long"])
def test_tail(build: Build, content: bytes) -> None:
    reader = build(content)
    for tail in (reader.tail(1000), asyncio.run(reader.tail_async(1000))):
        assert tail.size == len(content)
        assert bytes(tail.data) == content[-1000:]
        assert tail.version == reader.version()


@pytest.mark.slow
def test_the_version_changes_with_the_content(build: Build, request: pytest.FixtureRequest) -> None:
    reader = build(b"old content")
    old = reader.version()
    if request.node.callspec.params["build"] in ("simplecache", "blockcache", "zip", "plain", "file", "bytesio"):
        assert old is None  # these cannot tell
    else:
        hash(old)
        assert old is not None
        assert reader.version() == old
        assert build(b"new, longer content").version() != old


@pytest.mark.slow
def test_pickling(build: Build) -> None:
    reader = build(CONTENT)
    if isinstance(reader, FileObjectReader):
        with pytest.raises(TypeError, match="cannot be pickled; open OM files by path or URL"):
            pickle.dumps(reader)
    elif isinstance(getattr(reader, "_store", None), MemoryStore):
        with pytest.raises(TypeError, match="MemoryStore"):
            pickle.dumps(reader)
    elif not hasattr(getattr(reader, "_fs", None), "traffic"):
        reader.tail(100)
        pickled = pickle.dumps(reader)
        assert len(pickled) < 1000
        copy = pickle.loads(pickled)
        assert copy.name == reader.name
        assert read(copy) == RIGHT


# --- asynchronous filesystems -----------------------------------------------------------------------------------------


@pytest.fixture
def async_s3(s3: S3) -> AsyncFsspecReader:
    return build_s3(s3, asynchronous=True)(CONTENT)


def test_s3fs_on_the_callers_loop(async_s3: AsyncFsspecReader) -> None:
    async def run() -> None:
        assert await read_async(async_s3) == RIGHT
        assert async_s3._twin is None  # nothing went through the loop of fsspec
        assert (await async_s3.tail_async(10)).data == CONTENT[-10:]
        await (await async_s3._fs.set_session()).close()

    asyncio.run(run())


def test_s3fs_for_another_loop_used_synchronously(async_s3: AsyncFsspecReader) -> None:
    assert async_s3.size() == len(CONTENT)
    assert async_s3.tail(10).data == CONTENT[-10:]
    assert read(async_s3) == RIGHT


@pytest.mark.slow
def test_s3fs_of_a_loop_that_is_gone(async_s3: AsyncFsspecReader) -> None:
    async def run() -> None:
        assert await read_async(async_s3) == RIGHT

    async def first() -> None:
        await run()
        await (await async_s3._fs.set_session()).close()

    asyncio.run(first())
    asyncio.run(run())
    asyncio.run(run())


def test_folder_of_an_asynchronous_filesystem(traffic: Traffic) -> None:
    traffic.files["folder/file"] = CONTENT
    fs = DirFileSystem("folder", AsyncCountingFS(traffic, asynchronous=True), asynchronous=True)
    reader = from_fsspec(fs, "file")
    assert asyncio.run(read_async(reader)) == RIGHT
    assert read(reader) == RIGHT


def test_only_asynchronous_methods(traffic: Traffic) -> None:
    reader = from_fsspec(PlainAsyncStore(traffic), "file")
    assert asyncio.run(read_async(reader)) == RIGHT
    assert asyncio.run(reader.tail_async(10)).data == CONTENT[-10:]
    for use in (reader.size, lambda: read(reader), lambda: reader.tail(10)):
        with pytest.raises(
            TypeError, match="'PlainAsyncStore' is no filesystem to read from: it lacks cat_file and size"
        ):
            use()


# --- round trips ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "asked"),
    [(AsyncCountingFS, ["cat_file", "info"]), (CountingFS, ["info", "cat_file"]), (PlainStore, ["size", "cat_file"])],
)
def test_requests_of_the_tail(traffic: Traffic, kind: Any, asked: list[str]) -> None:
    traffic.delay, traffic.in_rounds = 0.02, True
    from_fsspec(kind(traffic), "file").tail(1000)
    assert sorted(request.method for request in traffic.requests) == sorted(asked)
    assert traffic.round_trips == (1 if kind is AsyncCountingFS else 2)


def test_tail_of_a_store_that_does_not_count_from_the_end(traffic: Traffic) -> None:
    def refuse(number: int, request: Any, data: bytes) -> bytes:
        if request.method == "cat_file" and request.start < 0:
            raise NotImplementedError("negative start")
        return data

    traffic.fault = refuse
    assert from_fsspec(AsyncCountingFS(traffic), "file").tail(1000).data == CONTENT[-1000:]
    assert len(traffic.requests) == 3
    traffic.fault = lambda number, request, data: CONTENT if (request.start or 0) < 0 else data
    assert from_fsspec(AsyncCountingFS(traffic), "file").tail(1000).data == CONTENT[-1000:]


def test_requests_over_http(http: Http) -> None:
    http.files["file"] = CONTENT
    reader = resolve(f"{http.url}/file")
    tail = reader.tail(1000)
    assert tail.data == CONTENT[-1000:]
    assert tail.version.strip('"') == f"{hash(CONTENT):x}"
    assert sorted(http.requests) == [("GET", "/file", "bytes=-1000"), ("HEAD", "/file", None)]


def test_http_servers_without_head(http: Http) -> None:
    http.files["file"] = CONTENT
    http.head = False
    assert resolve(f"{http.url}/file").tail(1000).data == CONTENT[-1000:]


def test_http_servers_without_ranges(http: Http) -> None:
    http.files["file"] = CONTENT
    http.ranges = False
    reader = resolve(f"{http.url}/file")
    assert reader.tail(1000).data == CONTENT  # the caller sees that it is too long
    assert [data for _, data in reader.read_ranges([(0, 10)], concurrency=1)] == [CONTENT]


def test_a_size_behind_an_old_listing(s3: S3) -> None:
    fs = s3fs.S3FileSystem(**s3.options, skip_instance_cache=True)
    s3.put("file", b"old")
    fs.ls(s3.bucket)
    reader = from_fsspec(fs, s3.put("file", b"longer content"))
    assert reader.size() == 14
    assert reader.tail(100).data == b"longer content"


# --- refusals ---------------------------------------------------------------------------------------------------------


def test_missing_files(s3: S3, http: Http, tmp_path: Path) -> None:
    readers = [
        from_fsspec(s3fs.S3FileSystem(**s3.options), f"{s3.bucket}/none"),
        ObstoreReader(s3.store(), "none"),
        ObstoreReader(LocalStore(tmp_path), "none"),
        resolve(f"{http.url}/none"),
        resolve("memory://none/none"),
        from_fsspec(fsspec.filesystem("file"), tmp_path / "none"),
        resolve(f"simplecache::s3://{s3.bucket}/none", {"s3": s3.options}),
    ]
    for reader in readers:
        with pytest.raises(FileNotFoundError):
            reader.tail(100)
        with pytest.raises(FileNotFoundError):
            asyncio.run(reader.tail_async(100))


def test_folders(s3: S3, tmp_path: Path) -> None:
    s3.put("folder/file", b"content")
    for reader in [
        from_fsspec(s3fs.S3FileSystem(**s3.options), f"{s3.bucket}/folder"),
        from_fsspec(fsspec.filesystem("file"), tmp_path),
    ]:
        with pytest.raises(IsADirectoryError):
            reader.tail(100)


def test_what_is_no_store() -> None:
    with pytest.raises(TypeError, match="'object' is no filesystem to read from: it lacks cat_file and size"):
        from_fsspec(object(), "file")
    with pytest.raises(TypeError, match="'object' is no object store to read from: it lacks get_range and head"):
        ObstoreReader(object(), "file")
    with pytest.raises(TypeError, match=r"must be str or os\.PathLike of str, not b'file'"):
        from_fsspec(fsspec.filesystem("memory"), b"file")


def test_a_store_that_does_not_tell_the_size(traffic: Traffic) -> None:
    fs = CountingFS(traffic)
    fs.info = lambda path: {"name": path, "size": None, "type": "file"}
    with pytest.raises(OSError, match="file: the store does not tell the size"):
        from_fsspec(fs, "file").tail(10)
