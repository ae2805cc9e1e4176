# SPDX-License-Identifier: MIT
"""What users may pass as a source or a target."""

from __future__ import annotations

import io
import mmap
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import fsspec
import pytest
import upath
from obstore.store import MemoryStore
from servers import CONTENT, S3
from stores import CountingFS, Traffic

from omfiles._stores.file_object import FileObjectReader
from omfiles._stores.fsspec import AsyncFsspecReader, FsspecReader
from omfiles._stores.obstore import ObstoreReader
from omfiles._stores.resolve import resolve
from omfiles._writing.fsspec_sink import FsspecSink
from omfiles._writing.local_sink import LocalSink
from omfiles._writing.open_sink import open_sink
from omfiles.io import RangeReader


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    return path


def content_of(reader: Any) -> bytes:
    assert isinstance(reader, RangeReader)
    return bytes(reader.tail(1 << 20).data)


def test_local_paths(path: Path) -> None:
    text = str(path)
    for source in (
        text, path, upath.UPath(text), upath.UPath(f"file://{text}"), f"file://{text}", f"local://{text}",
        fsspec.open(text), fsspec.open(f"file://{text}"),
    ):  # fmt: skip
        assert resolve(source) == text
    with fsspec.open(text) as file:
        assert resolve(file) == text
    assert resolve("C:\\folder\\file.om") == "C:\\folder\\file.om"
    assert resolve("C://folder/file.om") == "C://folder/file.om"
    assert resolve("missing/file.om") == "missing/file.om"
    assert resolve(Path("s3::file.om")) == "s3::file.om"
    assert resolve("12:00:00.om") == "12:00:00.om"


def test_content(path: Path) -> None:
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        for source in (CONTENT, bytearray(CONTENT), memoryview(CONTENT), mapped):
            assert resolve(source) is source
    assert resolve(io.BytesIO(CONTENT)) == CONTENT


def test_urls(s3: S3, path: Path) -> None:
    place = s3.put("file", CONTENT)
    fsspec.filesystem("memory").pipe_file("/file", CONTENT)
    for url, options, kind in [
        (f"s3://{place}", s3.options, AsyncFsspecReader),
        ("memory://file", None, FsspecReader),
        (f"simplecache::s3://{place}", {"s3": s3.options}, FsspecReader),
        (f"simplecache::file://{path}", {}, FsspecReader),
    ]:
        reader = resolve(url, options)
        assert type(reader) is kind
        assert reader.name == url
        assert content_of(reader) == CONTENT


def test_objects_of_fsspec(s3: S3) -> None:
    place = s3.put("file", CONTENT)
    fsspec.filesystem("memory").pipe_file("/file", CONTENT)
    for open_file in [
        fsspec.open(f"s3://{place}", **s3.options),
        fsspec.open("memory://file"),
        fsspec.open(f"simplecache::s3://{place}", s3=s3.options),
    ]:
        assert content_of(resolve(open_file)) == CONTENT
        with open_file as file:
            assert content_of(resolve(file)) == CONTENT
            assert not file.closed
    for found in (upath.UPath(f"s3://{place}", **s3.options), upath.UPath("memory://file")):
        assert content_of(resolve(found)) == CONTENT


def test_pairs(traffic: Traffic) -> None:
    store = MemoryStore()
    store.put("file", CONTENT)
    for place, kind in [(store, ObstoreReader), (CountingFS(traffic), FsspecReader)]:
        for path in ("file", Path("file")):
            assert type(resolve((place, path))) is kind
            assert content_of(resolve((place, path))) == CONTENT
        with pytest.raises(TypeError, match=r"must be str or os\.PathLike of str, not b'file'"):
            resolve((place, b"file"))


def test_file_objects(path: Path) -> None:
    with open(path, "rb") as buffered, open(path, "rb", buffering=0) as raw:
        for file in (buffered, raw):
            reader = resolve(file)
            assert type(reader) is FileObjectReader
            assert reader.name == str(path)
            assert content_of(reader) == CONTENT


def test_readers() -> None:
    reader = FileObjectReader(io.BytesIO(CONTENT))
    assert resolve(reader) is reader


def test_wrong_sources(path: Path) -> None:
    for source in (None, 1, object(), {}, ["a"], ("a", "b", "c"), max):
        with pytest.raises(TypeError, match=f"type '{type(source).__name__}'.* URL .* file object"):
            resolve(source)
    with pytest.raises(TypeError, match="'str' is no filesystem"):
        resolve(("a", "b"))
    with pytest.raises(TypeError, match=r"must be str or os\.PathLike of str, not 2"):
        resolve((fsspec.filesystem("memory"), 2))
    with pytest.raises(TypeError, match=r"storage_options must be a mapping, not \['key'\]"):
        resolve("memory://file", ["key"])
    with open(path) as text, pytest.raises(TypeError, match="opened as text; open it in mode 'rb'"):
        resolve(text)
    read_end, write_end = os.pipe()
    with os.fdopen(read_end, "rb") as pipe, pytest.raises(ValueError, match="is not seekable"):
        resolve(pipe)
    os.close(write_end)
    with pytest.raises(ValueError, match=r"compression 'gzip'; OM files have none"):
        resolve(fsspec.open(str(path), compression="gzip"))
    for source in (path, str(path), CONTENT):
        with pytest.raises(TypeError, match="storage_options are for URLs, but a"):
            resolve(source, {"anon": True})
    with pytest.raises(ValueError, match="unknown-protocol"):
        resolve("unknown-protocol://file")


def test_targets(tmp_path: Path) -> None:
    for target in (
        tmp_path / "file",
        str(tmp_path / "file"),
        f"file://{tmp_path}/file",
        fsspec.open(tmp_path / "file"),
    ):
        sink = open_sink(target)
        assert type(sink) is LocalSink
        sink.abort()
    for target in ("memory://file", upath.UPath("memory://file"), fsspec.open("memory://file", "wb")):
        assert type(open_sink(target)) is FsspecSink
    with pytest.raises(TypeError, match="cannot write an OM file to an object of type 'bytes'"):
        open_sink(b"file")


def test_without_libraries(path: Path) -> None:
    """Nothing is imported that is not needed, and a message tells what to install."""
    program = """
import sys
sys.modules.update(fsspec=None, obstore=None, aiohttp=None, s3fs=None)
from omfiles._stores.resolve import resolve
assert isinstance(resolve(sys.argv[1]), str)
assert resolve(b"content") == b"content"
resolve(open(sys.argv[1], "rb")).size()
try:
    resolve("s3://bucket/file")
except ImportError as error:
    print(error, error.name)
"""
    done = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True)
    assert done.stdout == "URLs such as 's3://bucket/file' need fsspec: pip install 'omfiles[fsspec]' fsspec\n", done
