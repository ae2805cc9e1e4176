# SPDX-License-Identifier: MIT
"""Everything that can be a source really opens and reads, by each way to open it."""

from __future__ import annotations

import asyncio
import io
import mmap
import os
import pickle
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import obstore.store
import pytest
import s3fs
import upath
from botocore.exceptions import EndpointConnectionError
from fsspec.implementations.dirfs import DirFileSystem
from servers import S3, Http
from shared import MemoryStore
from stores import CountingFS, PlainStore, Traffic

import omfiles
from omfiles import OmFileReader, OmFileReaderAsync, OmFileWriter
from omfiles.io import FetchOptions

ARRAY = np.random.default_rng(1).normal(280, 10, (20, 80, 90)).astype(np.float32)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sources") / "file.om"
    with OmFileWriter(path) as writer:
        array = writer.write_array(ARRAY, (3, 40, 30), compression="fpx_xor_2d", name="t2m", attrs={"units": "K"})
        writer.write_group("root", [array])
    return path


@pytest.fixture(scope="module")
def content(path: Path) -> bytes:
    return path.read_bytes()


class Getter:
    """Something with the methods of obspec and no more."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def head(self, path: str) -> dict[str, Any]:
        return {"path": path, "size": len(self.content), "e_tag": "1"}

    def get_range(self, path: str, *, start: int, end: int) -> bytes:
        return self.content[start:end]

    def get_ranges(self, path: str, *, starts: Any, ends: Any) -> list[bytes]:
        return [self.content[start:end] for start, end in zip(starts, ends)]


SOURCES: dict[str, Callable[[Any], Any]] = {
    # local files
    "str": lambda of: str(of.path),
    "Path": lambda of: of.path,
    "relative": lambda of: os.path.relpath(of.path),
    "PathLike": lambda of: type("Mine", (), {"__fspath__": lambda self: str(of.path)})(),
    "file://": lambda of: f"file://{of.path}",
    "local UPath": lambda of: upath.UPath(of.path),
    "local OpenFile": lambda of: fsspec.open(str(of.path)),
    "opened local OpenFile": lambda of: of.enter(fsspec.open(str(of.path))),
    # file objects and content
    "open()": lambda of: of.opened(),
    "unbuffered": lambda of: of.opened(buffering=0),
    "read and written": lambda of: of.opened("r+b"),
    "BytesIO": lambda of: io.BytesIO(of.content),
    "bytes": lambda of: of.content,
    "bytearray": lambda of: bytearray(of.content),
    "memoryview": lambda of: memoryview(of.content),
    "array": lambda of: np.frombuffer(of.content, np.uint8),
    "mmap": lambda of: of.enter(mmap.mmap(of.opened().fileno(), 0, access=mmap.ACCESS_READ)),
    "member of a zip file": lambda of: of.enter(of.enter(zipfile.ZipFile(of.zip())).open("file.om")),
    # URLs
    "s3://": lambda of: (f"s3://{of.object()}", of.s3.options),
    "http://": lambda of: f"{of.http()}/file.om",
    "memory://": lambda of: of.in_memory(),
    "zip://": lambda of: f"zip://file.om::{of.zip()}",
    "zip:// on s3://": lambda of: (f"zip://file.om::s3://{of.object(of.zip().read_bytes())}", {"s3": of.s3.options}),
    "simplecache::": lambda of: (f"simplecache::s3://{of.object()}", {"s3": of.s3.options}),
    "filecache::": lambda of: (f"filecache::s3://{of.object()}", {"s3": of.s3.options}),
    "blockcache::": lambda of: (f"blockcache::s3://{of.object()}", {"s3": of.s3.options}),
    # objects of fsspec and universal-pathlib
    "OpenFile": lambda of: fsspec.open(f"s3://{of.object()}", **of.s3.options),
    "OpenFile of a chain": lambda of: fsspec.open(f"simplecache::s3://{of.object()}", s3=of.s3.options),
    "opened S3File": lambda of: of.enter(s3fs.S3FileSystem(**of.s3.options).open(of.object())),
    "opened HTTPFile": lambda of: of.enter(fsspec.open(f"{of.http()}/file.om")),
    "opened MemoryFile": lambda of: of.enter(fsspec.open(of.in_memory())),
    "opened file of simplecache": lambda of: of.enter(SOURCES["OpenFile of a chain"](of)),
    "UPath on s3": lambda of: upath.UPath(f"s3://{of.object()}", **of.s3.options),
    "UPath in memory": lambda of: upath.UPath(of.in_memory()),
    "UPath on http": lambda of: upath.UPath(f"{of.http()}/file.om"),
    # pairs, and plug-ins
    "(s3fs, path)": lambda of: (s3fs.S3FileSystem(**of.s3.options), of.object()),
    "(s3fs for asyncio, path)": lambda of: (s3fs.S3FileSystem(**of.s3.options, asynchronous=True), of.object()),
    "(folder, path)": lambda of: (DirFileSystem(str(of.path.parent), fsspec.filesystem("file")), "file.om"),
    "(folder of a folder, path)": lambda of: (
        DirFileSystem(of.path.parent.name, DirFileSystem(str(of.path.parents[1]), fsspec.filesystem("file"))),
        "file.om",
    ),
    "(local, Path)": lambda of: (fsspec.filesystem("file"), of.path),
    "(plain filesystem, path)": lambda of: (PlainStore(Traffic({"file.om": of.content})), "file.om"),
    "(S3Store, path)": lambda of: (of.s3.store(), of.object().partition("/")[2]),
    "(LocalStore, path)": lambda of: (obstore.store.LocalStore(str(of.path.parent)), "file.om"),
    "(MemoryStore, path)": lambda of: of.in_store(),
    "(HTTPStore, path)": lambda of: (
        obstore.store.HTTPStore.from_url(of.http(), client_options={"allow_http": True}), "file.om"
    ),
    "(get_range, path)": lambda of: (Getter(of.content), "file.om"),
    "RangeReader": lambda of: MemoryStore(of.content),
}  # fmt: skip

LEAKS = {"blockcache::", "filecache::"}
"""fsspec leaves their files to the garbage collector."""


class Of:
    """What the sources are made of."""

    def __init__(
        self, request: pytest.FixtureRequest, path: Path, content: bytes, folder: Path, stack: ExitStack
    ) -> None:
        self.request, self.path, self.content, self.folder = request, path, content, folder
        self.enter = stack.enter_context

    @property
    def s3(self) -> S3:
        return self.request.getfixturevalue("s3")

    def opened(self, mode: str = "rb", **options: Any) -> Any:
        return self.enter(self.path.open(mode, **options))

    def object(self, content: bytes | None = None) -> str:
        return self.s3.put("folder/file.om", content or self.content)

    def http(self) -> str:
        server: Http = self.request.getfixturevalue("http")
        server.files["file.om"] = self.content
        return server.url

    def in_memory(self) -> str:
        fsspec.filesystem("memory").pipe_file("/folder/file.om", self.content)
        return "memory://folder/file.om"

    def in_store(self) -> tuple[Any, str]:
        store = obstore.store.MemoryStore()
        store.put("file.om", self.content)
        return store, "file.om"

    def zip(self) -> Path:
        place = self.folder / "archive.zip"
        with zipfile.ZipFile(place, "w") as archive:
            archive.writestr("file.om", self.content)
        return place


@pytest.fixture
def of(request: pytest.FixtureRequest, path: Path, content: bytes, tmp_path: Path) -> Iterator[Of]:
    with ExitStack() as stack:
        yield Of(request, path, content, tmp_path, stack)


@pytest.fixture(
    params=[
        pytest.param(kind, marks=[
            pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning"),
            pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
        ] if kind in LEAKS else [])
        for kind in SOURCES
    ]
)  # fmt: skip
def source(request: pytest.FixtureRequest, of: Of) -> tuple[Any, dict[str, Any]]:
    """A source, and the keyword arguments that go with it."""
    made = SOURCES[request.param](of)
    if isinstance(made, tuple) and isinstance(made[1], dict):
        return made[0], {"storage_options": made[1]}
    return made, {}


def check(root: Any) -> None:
    assert list(root) == ["t2m"]
    array = root["t2m"]
    assert dict(array.attrs) == {"units": "K"}
    np.testing.assert_array_equal(array[...], ARRAY)
    np.testing.assert_array_equal(array[7, ::-3, 5], ARRAY[7, ::-3, 5])
    np.testing.assert_array_equal(array.oindex[[3, 1], :, [0, 89]], ARRAY[np.ix_([3, 1], range(80), [0, 89])])


@pytest.mark.slow
def test_the_constructor(source: Any) -> None:
    place, options = source
    with OmFileReader(place, **options) as root:
        check(root)


@pytest.mark.slow
def test_open(source: Any) -> None:
    place, options = source
    with omfiles.open(place, fetch=FetchOptions(max_gap=1000), **options) as root:
        check(root)


@pytest.mark.slow
def test_the_asynchronous_reader(source: Any) -> None:
    place, options = source

    async def run() -> None:
        async with await OmFileReaderAsync.open(place, **options) as root:
            array = await root.get_child_by_name("t2m")
            np.testing.assert_array_equal(await array.read_array(...), ARRAY)
            assert (await array.get_child_by_name("units")).read_scalar() == "K"
        fs = place[0] if isinstance(place, tuple) else None
        if getattr(fs, "asynchronous", False):
            await (await fs.set_session()).close()

    asyncio.run(run())


def test_the_source_stays_as_it_was(of: Of) -> None:
    """Opened files are not closed by a reader, and their position does not matter."""
    with open(of.path, "rb") as file:
        file.seek(100)
        with OmFileReader(file) as root:
            check(root)
        assert not file.closed
    buffer = io.BytesIO(of.content)
    OmFileReader(buffer).close()
    assert buffer.read(2) == b"OM"


def test_options_reach_the_filesystem(of: Of) -> None:
    url = f"s3://{of.object()}"
    wrong = of.s3.options | {"endpoint_url": "http://127.0.0.1:1", "config_kwargs": {"retries": {"max_attempts": 1}}}
    with pytest.raises(EndpointConnectionError, match=r"127\.0\.0\.1:1"):
        OmFileReader(url, storage_options=wrong)
    check(OmFileReader(url, storage_options=of.s3.options))


# --- what is no source ------------------------------------------------------------------------------------------------

ACCEPTED = r"path \(str or os.PathLike\), a URL.*fsspec.*object store.*file object.*bytes-like.*RangeReader"


@pytest.mark.parametrize(
    "open_", [OmFileReader, omfiles.open, lambda wrong: asyncio.run(OmFileReaderAsync.open(wrong))]
)
@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        (None, "NoneType"), (1, "int"), (1.5, "float"), (object(), "object"), ({}, "dict"), (["file.om"], "list"),
        (("a", "b", "c"), "tuple"), (OmFileReader, "type"), (iter("a"), "str_ascii_iterator|str_iterator"),
    ],
)  # fmt: skip
def test_wrong_sources(open_: Any, wrong: Any, name: str) -> None:
    with pytest.raises(TypeError, match=f"type '({name})'.*{ACCEPTED}"):
        open_(wrong)


def test_nearly_sources(of: Of) -> None:
    for wrong, message in [
        ((object(), "file.om"), "'object' is no filesystem to read from: it lacks cat_file and size"),
        (("folder", "file.om"), "'str' is no filesystem"),
        ((CountingFS(Traffic()), 1), r"must be str or os\.PathLike of str, not 1"),
        ((Getter(b""), b"file.om"), r"must be str or os\.PathLike of str, not b'file\.om'"),
        (of.opened("r"), "opened as text; open it in mode 'rb'"),
    ]:
        with pytest.raises(TypeError, match=message):
            OmFileReader(wrong)
    with pytest.raises(TypeError, match=r"fetch must be an omfiles\.io\.FetchOptions, not \{'max_gap'"):
        OmFileReader(MemoryStore(of.content), fetch={"max_gap": 3})
    with pytest.raises(TypeError, match="storage_options are for URLs, but a str was passed"):
        OmFileReader(str(of.path), storage_options={"anon": True})
    with pytest.raises(ValueError, match="Protocol not known: nonsense"):
        OmFileReader("nonsense://file.om")


def test_a_plug_in_is_enough_for_everything(content: bytes) -> None:
    root = OmFileReader(MemoryStore(content))
    check(root)
    check(pickle.loads(pickle.dumps(root)))
