# SPDX-License-Identifier: MIT
"""Writing files to stores: the same bytes as locally, all of them or none."""

from __future__ import annotations

import gc
import io
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
import s3fs
import upath
from fsspec.implementations.dirfs import DirFileSystem
from servers import S3

import omfiles
from omfiles import OmFileReader, OmFileWriter
from omfiles._writing import fsspec_sink

ARRAY = np.random.default_rng(1).integers(0, 1 << 20, (30, 50, 60), np.int32)
PLANES = 24
PLANE = np.random.default_rng(2).integers(-(1 << 30), 1 << 30, (1, 500, 600), np.int32)


def write(writer: OmFileWriter) -> None:
    """Write a small file."""
    array = writer.write_array(ARRAY, (7, 20, 60), name="a", attrs={"units": "K"}, dims=("t", "y", "x"))
    writer.close(writer.write_group("root", [array], attrs={"title": "test"}))


def planes(n: int = PLANES, then: Callable[[], Any] = lambda: None) -> Any:
    """Parts of an array of 29 MB, more than one part of an upload."""
    for i in range(n):
        yield PLANE + i
    then()


def write_large(writer: OmFileWriter, **options: Any) -> Any:
    return writer.write_array_streaming((PLANES, 500, 600), (1, 250, 600), planes(**options), np.int32, name="a")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The right bytes, by placement of the metadata."""
    folder = tmp_path_factory.mktemp("small")
    for placement in ("tail", "inline"):
        write(OmFileWriter(folder / placement, placement))
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("large") / "file"
    with OmFileWriter(path) as writer:
        write_large(writer)
    return path.read_bytes()


class Folder:
    """The least that a filesystem to write to must be."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.calls: list[Any] = []

    def open(self, path: str, mode: str) -> Any:
        self.calls.append((path, mode))
        return open(self.path / path, mode)


HOLDING = [
    "s3-url",
    "s3",
    "s3-asynchronous",
    "upath",
    "openfile",
    "memory-url",
    "memory",
    "memory-folder",
    "local-url",
    "local",
]
"""Stores that can hold a file back until it is complete."""


@pytest.fixture(params=[*HOLDING, "plain"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """How to make a writer of a file, and its content or None."""
    kind = request.param
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    path = tmp_path / "file.om"
    in_memory = memory.store
    if kind.startswith(("s3", "upath", "openfile")):
        s3 = request.getfixturevalue("s3")
        fs = s3fs.S3FileSystem(**s3.options, skip_instance_cache=True)
        url = f"s3://{s3.bucket}/folder/file.om"
        make = {
            "s3-url": lambda *args: OmFileWriter(url, *args, storage_options=s3.options),
            "s3": lambda *args: OmFileWriter.from_fsspec(fs, f"{s3.bucket}/folder/file.om", *args),
            "s3-asynchronous": lambda *args: OmFileWriter.from_fsspec(
                s3fs.S3FileSystem(**s3.options, asynchronous=True), url, *args
            ),
            "upath": lambda *args: OmFileWriter(upath.UPath(url, **s3.options), *args),
            "openfile": lambda *args: OmFileWriter(fsspec.open(url, "wb", **s3.options), *args),
        }[kind]

        def content() -> bytes | None:
            assert s3.uploads() == []
            if s3.objects() == []:
                return None
            return s3.client.get_object(Bucket=s3.bucket, Key="folder/file.om")["Body"].read()

    elif kind.startswith("memory"):
        make = {
            "memory-url": lambda *args: OmFileWriter("memory://folder/file.om", *args),
            "memory": lambda *args: OmFileWriter.from_fsspec(memory, "folder/file.om", *args),
            "memory-folder": lambda *args: OmFileWriter.from_fsspec(DirFileSystem("/folder", memory), "file.om", *args),
        }[kind]

        def content() -> bytes | None:
            found = in_memory.get("/folder/file.om")
            return None if found is None else found.getvalue()

    else:
        make = {
            "local-url": lambda *args: OmFileWriter(f"file://{path}", *args),
            "local": lambda *args: OmFileWriter.from_fsspec(fsspec.filesystem("file"), path, *args),
            "plain": lambda *args: OmFileWriter.from_fsspec(Folder(tmp_path), "file.om", *args),
        }[kind]

        def content() -> bytes | None:
            left = [each.name for each in tmp_path.iterdir() if each.name != "file.om"]
            assert left == []
            return path.read_bytes() if path.exists() else None

    class Place:
        pass

    found = Place()
    found.kind, found.writer, found.content = kind, make, content
    return found


# --- what arrives -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("placement", ["tail", "inline"])
def test_the_same_bytes_as_locally(place: Any, small: dict[str, bytes], placement: str) -> None:
    writer = place.writer(placement)
    assert not writer.closed
    write(writer)
    assert writer.closed
    assert place.content() == small[placement]


@pytest.mark.slow
def test_large_files(place: Any, large: bytes) -> None:
    with place.writer() as writer:
        write_large(writer)
    assert place.content() == large


@pytest.mark.slow
def test_an_older_file_is_replaced(place: Any, small: dict[str, bytes], large: bytes) -> None:
    with place.writer() as writer:
        write_large(writer)
    write(place.writer())
    assert place.content() == small["tail"]


def test_what_was_written_can_be_read_by_the_same_means(s3: S3) -> None:
    url = f"s3://{s3.bucket}/file.om"
    write(OmFileWriter(url, storage_options=s3.options))
    with omfiles.open(url, storage_options=s3.options) as root:
        np.testing.assert_array_equal(root["a"][::2], ARRAY[::2])
        assert root.attrs["title"] == "test"


# --- all or nothing ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("place", HOLDING, indirect=True)
@pytest.mark.guarantee(n=11)
def test_nothing_appears_before_close(place: Any, large: bytes) -> None:
    seen = []
    writer = place.writer()
    root = write_large(writer, then=lambda: seen.append(exists(place)))
    assert seen == [False]
    writer.close(root)
    assert place.content() == large


def exists(place: Any) -> bool:
    """Whether the file is there, whatever else is."""
    try:
        return place.content() is not None
    except AssertionError:
        return False


@pytest.mark.slow
@pytest.mark.parametrize("place", HOLDING, indirect=True)
@pytest.mark.parametrize(("size", "old"), [("small", False), ("large", False), ("small", True)])
@pytest.mark.parametrize("way", ["discard", "exception", "dropped", "in the iterator"])
@pytest.mark.filterwarnings("ignore:OmFileWriter was dropped:RuntimeWarning")
@pytest.mark.guarantee(n=11)
def test_giving_up(place: Any, small: dict[str, bytes], size: str, old: bool, way: str) -> None:
    if old:
        write(place.writer())

    def fail() -> None:
        raise KeyError("mine")

    def some(writer: OmFileWriter) -> None:
        if size == "large":
            write_large(writer)
        else:
            writer.write_array(ARRAY, (30, 50, 60), name="a")

    if way == "discard":
        writer = place.writer()
        some(writer)
        writer.discard()
        assert writer.closed
    elif way == "exception":
        with pytest.raises(KeyError, match="mine"), place.writer() as writer:
            some(writer)
            fail()
    elif way == "dropped":
        writer = place.writer()
        some(writer)
        del writer
        gc.collect()
    else:
        with pytest.raises(KeyError, match="mine"), place.writer() as writer:
            write_large(writer, n=20 if size == "large" else 2, then=fail)
    assert place.content() == (small["tail"] if old else None)
    write(place.writer())
    assert place.content() == small["tail"]


# --- errors -----------------------------------------------------------------------------------------------------------


class Broken:
    """A store whose files take what they get, but cannot be closed."""

    def open(self, path: str, mode: str) -> Any:
        class File:  # of no class of io, which since Python 3.13 tell of errors when they are collected
            def write(self, data: bytes) -> int:
                return len(data)

            def close(self) -> None:
                raise OSError("the line is dead")

        return File()


def test_giving_up_fails_too() -> None:
    """What comes first is what users get."""
    with pytest.raises(KeyError, match="mine") as caught, OmFileWriter.from_fsspec(Broken(), "file"):
        raise KeyError("mine")
    assert caught.value.__notes__ == ["'file' could not be discarded either: OSError('the line is dead')"]
    with pytest.raises(OSError, match="the line is dead"), OmFileWriter.from_fsspec(Broken(), "file") as writer:
        writer.write_scalar(1, "one")
    writers = [OmFileWriter.from_fsspec(Broken(), "file")]
    with pytest.warns(RuntimeWarning, match="dropped .* could not be given up: OSError"):
        writers.clear()


@pytest.mark.parametrize("url", [False, True])
def test_a_missing_bucket(s3: S3, url: bool) -> None:
    """Here the constructor may know, but `close` at the latest."""
    fs = s3fs.S3FileSystem(**s3.options, skip_instance_cache=True)

    def new() -> OmFileWriter:
        if url:
            return OmFileWriter("s3://missing-bucket/file.om", storage_options=s3.options)
        return OmFileWriter.from_fsspec(fs, "missing-bucket/file.om")

    with pytest.raises(FileNotFoundError), new() as writer:
        write(writer)
    with pytest.raises(FileNotFoundError), new() as writer:
        write_large(writer)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["upload_part", "complete_multipart_upload", "create_multipart_upload"])
@pytest.mark.guarantee(n=12)
def test_errors_of_an_upload(s3: S3, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    fs = s3fs.S3FileSystem(**s3.options, skip_instance_cache=True)
    call = fs.call_s3

    def fail(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == method:
            raise PermissionError("no more")
        return call(name, *args, **kwargs)

    monkeypatch.setattr(fs, "call_s3", fail)
    writer = OmFileWriter.from_fsspec(fs, f"{s3.bucket}/file.om")
    with pytest.raises(PermissionError, match="no more"):
        writer.close(write_large(writer))
    with pytest.raises(ValueError, match="discard"):
        writer.write_array(ARRAY, (30, 50, 60))
    writer.discard()
    assert s3.uploads() == []
    assert s3.objects() == []


@pytest.mark.guarantee(n=12)
def test_errors_of_close_in_a_with_block(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    fs = s3fs.S3FileSystem(**s3.options, skip_instance_cache=True)

    def fail(name: str, *args: Any, **kwargs: Any) -> Any:
        raise TimeoutError("too late")

    with pytest.raises(TimeoutError, match="too late"), OmFileWriter.from_fsspec(fs, f"{s3.bucket}/file.om") as writer:
        root = writer.write_array(ARRAY, (30, 50, 60))
        monkeypatch.setattr(fs, "call_s3", fail)
        writer.close(root)
    monkeypatch.undo()
    assert s3.objects() == []


def test_targets_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="'bytes'"):
        OmFileWriter(b"file.om")
    with pytest.raises(TypeError, match="storage_options are for URLs"):
        OmFileWriter(tmp_path / "file.om", storage_options={"anon": True})
    with pytest.raises(ValueError, match="metadata_placement"):
        OmFileWriter("memory://file.om", "middle")
    with pytest.raises(AttributeError, match="open"):
        OmFileWriter.from_fsspec(object(), "file.om")
    with pytest.raises(FileNotFoundError):
        OmFileWriter.from_fsspec(Folder(tmp_path), "missing/file.om")
    with pytest.raises(FileNotFoundError):
        OmFileWriter(f"file://{tmp_path}/missing/file.om")
    assert list(tmp_path.iterdir()) == []


# --- stores with nothing but open(path, mode) -------------------------------------------------------------------------


def test_a_plain_object_is_asked_for_a_file_and_closes_it(tmp_path: Path, small: dict[str, bytes]) -> None:
    calls: list[str] = []

    class File(io.RawIOBase):
        """Takes what comes in order; cannot seek."""

        def __init__(self) -> None:
            self.content = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            assert type(data) is bytes
            calls.append("write")
            self.content += data
            return len(data)

        def seek(self, *args: Any) -> int:
            raise AssertionError("a writer must not seek")

        def close(self) -> None:
            if not self.closed:
                calls.append("close")
            super().close()

    class Store:
        file = File()

        def open(self, path: str, mode: str) -> Any:
            calls.append(f"open {path} {mode}")
            return self.file

    store = Store()
    write(OmFileWriter.from_fsspec(store, Path("file.om")))
    assert calls[0] == "open file.om wb"
    assert set(calls[1:-1]) == {"write"}
    assert calls[-1] == "close"
    assert bytes(store.file.content) == small["tail"]


def test_errors_of_a_plain_file_arrive(tmp_path: Path) -> None:
    class Full(io.BytesIO):
        def write(self, data: Any) -> int:
            raise OSError(28, "No space left on device")

    class Lost(io.BytesIO):
        def close(self) -> None:
            if not self.closed:
                super().close()
                raise ConnectionError("lost")

    class Store:
        def __init__(self, file: Any) -> None:
            self.file = file

        def open(self, path: str, mode: str) -> Any:
            return self.file

    with pytest.raises(OSError, match="No space left"), OmFileWriter.from_fsspec(Store(Full()), "file.om") as writer:
        write(writer)
    writer = OmFileWriter.from_fsspec(Store(Lost()), "file.om")
    with pytest.raises(ConnectionError, match="lost"):
        write(writer)
    writer.discard()


# --- memory -----------------------------------------------------------------------------------------------------------


def test_memory_is_bounded(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the file is, a part or two of it are in memory."""
    sent = 0

    class Upload(s3fs.core.S3File):
        def _upload_chunk(self, final: bool = False) -> Any:
            nonlocal sent
            sent += self.buffer.tell()
            return True

        def _initiate_upload(self) -> None:
            pass

        def discard(self) -> None:
            pass

    fs = s3fs.S3FileSystem(**s3.options, skip_instance_cache=True)
    monkeypatch.setattr(s3fs.core, "S3File", Upload)
    n = 120
    tracemalloc.start()
    try:
        writer = OmFileWriter.from_fsspec(fs, f"{s3.bucket}/file.om")
        writer.write_array_streaming((n, 500, 600), (1, 250, 600), planes(n), np.int32, name="a")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    writer.discard()
    assert sent > 100 << 20
    assert peak < 4 * fsspec_sink.BLOCK_SIZE


def test_parts_of_an_upload_are_large_and_equal(s3: S3, monkeypatch: pytest.MonkeyPatch, large: bytes) -> None:
    fs = s3fs.S3FileSystem(**s3.options, skip_instance_cache=True)
    call = fs.call_s3
    parts: list[int] = []

    def watch(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "upload_part":
            body = kwargs["Body"]
            parts.append(len(body) if isinstance(body, bytes) else body.getbuffer().nbytes - body.tell())
        return call(name, *args, **kwargs)

    monkeypatch.setattr(fs, "call_s3", watch)
    with OmFileWriter.from_fsspec(fs, f"{s3.bucket}/file.om") as writer:
        write_large(writer)
    assert sum(parts) == len(large)
    assert min(parts) >= 5 << 20
    assert OmFileReader.from_fsspec(fs, f"{s3.bucket}/file.om").shape == (PLANES, 500, 600)
