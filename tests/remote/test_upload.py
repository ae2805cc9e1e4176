# SPDX-License-Identifier: MIT
"""Writing to filesystems: all of a file or nothing."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import fsspec
import pytest
import s3fs
from servers import CONTENT, S3

from omfiles._writing.fsspec_sink import FsspecSink, sink_of_fsspec
from omfiles._writing.local_sink import LocalSink

BLOCK = 5 << 20
LARGE = CONTENT * 60  # 18 MB, several parts


def write(sink: Any, content: bytes) -> None:
    """Write as the writer does: in pieces whose memory is used again."""
    memory = bytearray(1 << 20)
    for start in range(0, len(content), len(memory)):
        piece = content[start : start + len(memory)]
        memory[: len(piece)] = piece
        sink.write(memoryview(memory)[: len(piece)])


@pytest.fixture
def fs(s3: S3) -> s3fs.S3FileSystem:
    return s3fs.S3FileSystem(**s3.options, skip_instance_cache=True)


@pytest.mark.slow
@pytest.mark.parametrize("content", [CONTENT, LARGE], ids=["small", "large"])
def test_s3(s3: S3, fs: s3fs.S3FileSystem, content: bytes) -> None:
    sink = FsspecSink(fs, f"{s3.bucket}/file", BLOCK)
    write(sink, content)
    assert s3.objects() == []
    sink.commit()
    assert s3.objects() == ["file"]
    assert s3.uploads() == []
    assert fs.cat_file(f"{s3.bucket}/file") == content


@pytest.mark.parametrize("content", [b"", CONTENT, LARGE], ids=["empty", "small", "large"])
def test_s3_abort(s3: S3, fs: s3fs.S3FileSystem, content: bytes) -> None:
    s3.put("old", b"old")
    for name in ("new", "old"):
        sink = FsspecSink(fs, f"{s3.bucket}/{name}", BLOCK)
        write(sink, content)
        assert s3.uploads() == ([name] if content is LARGE else [])
        sink.abort()
        del sink
        assert s3.uploads() == []
    assert s3.objects() == ["old"]
    assert s3.client.get_object(Bucket=s3.bucket, Key="old")["Body"].read() == b"old"


def test_errors_of_commit(s3: S3, fs: s3fs.S3FileSystem) -> None:
    sink = FsspecSink(fs, "missing-bucket/file", BLOCK)
    write(sink, CONTENT)
    with pytest.raises(FileNotFoundError):
        sink.commit()
    sink.abort()


def test_errors_in_the_middle(s3: S3, fs: s3fs.S3FileSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = FsspecSink(fs, f"{s3.bucket}/file", BLOCK)
    call = fs.call_s3
    parts = []

    def fail(method: str, *args: Any, **kwargs: Any) -> Any:
        if method == "upload_part":
            parts.append(method)
            if len(parts) == 2:
                raise PermissionError("no more")
        return call(method, *args, **kwargs)

    monkeypatch.setattr(fs, "call_s3", fail)
    with pytest.raises(PermissionError, match="no more"):
        write(sink, LARGE)
    assert s3.uploads() == ["file"]
    sink.abort()
    assert s3.uploads() == []
    assert s3.objects() == []


@pytest.mark.slow
def test_an_upload_that_cannot_be_completed(s3: S3, fs: s3fs.S3FileSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = FsspecSink(fs, f"{s3.bucket}/file", BLOCK)
    write(sink, LARGE)
    call = fs.call_s3

    def fail(method: str, *args: Any, **kwargs: Any) -> Any:
        if method == "complete_multipart_upload":
            raise TimeoutError("too late")
        return call(method, *args, **kwargs)

    monkeypatch.setattr(fs, "call_s3", fail)
    with pytest.raises(TimeoutError, match="too late"):
        sink.commit()
    sink.abort()
    assert s3.uploads() == []
    assert s3.objects() == []


def test_memory_is_bounded(s3: S3, fs: s3fs.S3FileSystem) -> None:
    sink = FsspecSink(fs, f"{s3.bucket}/file", BLOCK)
    largest = 0
    for _ in range(20):
        write(sink, CONTENT * 3)
        largest = max(largest, sink._file.buffer.getbuffer().nbytes)
    assert largest <= BLOCK + (1 << 20)
    sink.abort()


def test_memory_filesystem() -> None:
    fs = fsspec.filesystem("memory")
    fs.pipe_file("/folder/file", b"old")
    sink = FsspecSink(fs, "memory://folder/file")
    write(sink, CONTENT)
    assert fs.cat_file("/folder/file") == b"old"
    sink.abort()
    assert fs.cat_file("/folder/file") == b"old"
    sink = FsspecSink(fs, "memory://folder/file")
    write(sink, CONTENT)
    sink.commit()
    assert fs.cat_file("/folder/file") == CONTENT


def test_simplecache(s3: S3) -> None:
    fs, path = fsspec.core.url_to_fs(f"simplecache::s3://{s3.bucket}/file", s3=s3.options, skip_instance_cache=True)
    sink = FsspecSink(fs, path)
    write(sink, CONTENT)
    sink.abort()
    assert s3.objects() == []
    sink = FsspecSink(fs, path)
    write(sink, CONTENT)
    sink.commit()
    assert s3.client.get_object(Bucket=s3.bucket, Key="file")["Body"].read() == CONTENT


def test_local(tmp_path: Path) -> None:
    sink = sink_of_fsspec(fsspec.filesystem("file"), tmp_path / "file")
    assert type(sink) is LocalSink
    write(sink, CONTENT)
    assert not (tmp_path / "file").exists()
    sink.commit()
    assert (tmp_path / "file").read_bytes() == CONTENT


class Folder:
    """The least that a filesystem to write to must be."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def open(self, path: str, mode: str) -> Any:
        return open(self.path / path, mode)

    def rm(self, path: str) -> None:
        (self.path / path).unlink()


def test_plain_objects(tmp_path: Path) -> None:
    sink = sink_of_fsspec(Folder(tmp_path), "file")
    write(sink, CONTENT)
    sink.commit()
    assert (tmp_path / "file").read_bytes() == CONTENT
    sink = sink_of_fsspec(Folder(tmp_path), "other")
    write(sink, CONTENT)
    sink.abort()
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    with pytest.raises(FileNotFoundError):
        sink_of_fsspec(Folder(tmp_path), "missing/file")


def test_short_writes_are_noticed() -> None:
    class Half(io.BytesIO):
        def write(self, data: Any) -> int:
            return super().write(data[: len(data) // 2])

    class Store:
        def open(self, path: str, mode: str) -> Any:
            return Half()

    with pytest.raises(OSError, match="file: 5 of 10 bytes were written"):
        sink_of_fsspec(Store(), "file").write(memoryview(b"0123456789"))


def test_refusals() -> None:
    with pytest.raises(AttributeError, match="open"):
        sink_of_fsspec(object(), "file")
    with pytest.raises(TypeError, match=r"must be str or os\.PathLike of str, not b'file'"):
        sink_of_fsspec(fsspec.filesystem("memory"), b"file")
    with pytest.raises(NotImplementedError):
        sink_of_fsspec(fsspec.filesystem("http"), "http://127.0.0.1/file")
