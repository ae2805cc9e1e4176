# SPDX-License-Identifier: MIT
"""From opening to closing: sources, threads, processes, files that change, damaged files and deep trees."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import gc
import io
import mmap
import os
import pickle
import stat
import struct
import tracemalloc
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest import mock

import fsspec
import numpy as np
import pytest
from gil import lets_others_run
from shared import counts_descriptors, n_descriptors, posix, run_python

import omfiles
from omfiles import OmFileReader, OmFormatError

DATA = np.random.default_rng(3).integers(0, 2**31, (400, 600), dtype="int32")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "file.om"
    with omfiles.OmFileWriter(path) as w:
        array = w.write_array(DATA, (50, 60), name="array", attrs={"units": "m"})
        w.close(w.write_group("top", [array, w.write_scalar(1.5, "scalar")]))
    return path


# --- sources ----------------------------------------------------------------------------------------------------------


def test_sources(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = path.read_bytes()
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        sources = [str(path), path, content, bytearray(content), memoryview(content), np.frombuffer(content, "u1"),
                   io.BytesIO(content), mapped]  # fmt: skip
        for source in sources:
            with omfiles.open(source) as root, root["array"] as array:
                np.testing.assert_array_equal(array[10:20], DATA[10:20])
    monkeypatch.chdir(tmp_path)
    assert OmFileReader("file.om").name == "top"
    assert OmFileReader.from_path(file_path=path).name == "top"
    assert OmFileReader(source=path).name == "top"


@pytest.mark.parametrize("source", [None, 3, 1.5, [1], {1}], ids=repr)
def test_wrong_types(source: object) -> None:
    with pytest.raises(TypeError, match=r"type '\w+'; pass a path \(str or os.PathLike\)"):
        OmFileReader(source)


def test_wrong_types_of_paths(path: Path) -> None:
    with open(path) as file, pytest.raises(TypeError, match="opened as text"):
        OmFileReader(file)
    with pytest.raises(TypeError):
        OmFileReader()
    for source in (path.read_bytes(), os.fsencode(path), None, 3):
        with pytest.raises(TypeError, match=r"a path is a str or an os\.PathLike"):
            OmFileReader.from_path(source)
    with pytest.raises(OmFormatError, match=r"Not an OM file.*for its path pass a str"):
        OmFileReader(os.fsencode(path))


@pytest.mark.guarantee(n=22)
def test_errors_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        OmFileReader(tmp_path / "absent.om")
    assert caught.value.filename == str(tmp_path / "absent.om")
    with pytest.raises(ValueError, match="null"):
        OmFileReader("a\0b")


@posix
def test_errors_of_posix(path: Path, tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        OmFileReader(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="Not a regular file"):
        OmFileReader(tmp_path / "pipe")
    if os.geteuid() != 0:
        path.chmod(0)
        with pytest.raises(PermissionError):
            OmFileReader(path)
        path.chmod(stat.S_IRUSR)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "too small"),
        (b"OM", "too small"),
        (b"x" * 100, "Not an OM file"),
        (b"OM\x04" + bytes(100), "Not an OM file"),
        (b"OM\x03" + bytes(100), "no trailer: it is unfinished, or its end was cut off"),
        (b"OM\x02" + bytes(30), "too small"),
        (b"OM\x03" + bytes(29) + b"OM\x03\x00" + struct.pack("<IQQ", 0, 4000, 8), "field 'root offset' at byte 40"),
        (b"OM\x03" + bytes(29) + b"OM\x03\x00" + struct.pack("<IQQ", 0, 8, 800), "field 'root size' at byte 48"),
    ],
    ids=range(8),
)
def test_not_an_om_file(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "bad.om"
    path.write_bytes(content)
    with pytest.raises(OmFormatError, match=message) as caught:
        OmFileReader(path)
    assert caught.value.path == str(path)
    assert caught.value.offset is not None
    assert caught.value.field
    with pytest.raises(OmFormatError, match=message):
        OmFileReader(content)


def test_errors_name_variable_and_place(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[100:1000] = bytes(900)  # in the first chunk
    path.write_bytes(content)
    with pytest.raises(OmFormatError) as caught:
        OmFileReader(path)["array"][...]
    assert (caught.value.path, caught.value.variable) == (str(path), "array")
    assert 3 <= caught.value.offset < 10_000


# --- closing ----------------------------------------------------------------------------------------------------------


def test_context_manager(path: Path) -> None:
    with OmFileReader(path) as reader:
        assert not reader.closed
    assert reader.closed
    with reader as same:
        assert same is reader
    assert reader.__exit__(None, None, None) is False
    assert reader.close() is None


@pytest.mark.guarantee(n=20)
def test_closed_reader_answers_shape_only(path: Path) -> None:
    with OmFileReader(path) as root:
        listing = root._get_flat_variable_metadata()
        array, scalar = root["array"], root["scalar"]
    for reader in (array, scalar):
        reader.close()
    assert (array.shape, scalar.shape, root.shape) == (DATA.shape, (), ())
    uses: list[Callable[[OmFileReader], object]] = [
        lambda r: r.name, lambda r: r.chunks, lambda r: r.dtype, lambda r: r.ndim, lambda r: r.size, lambda r: r.nbytes,
        lambda r: r.is_array, lambda r: r.is_scalar, lambda r: r.is_group, lambda r: r.num_children,
        lambda r: r.compression_name, lambda r: r.scale_factor, lambda r: r.add_offset, lambda r: r.read_scalar(),
        lambda r: r.get_child_by_index(0), lambda r: r.get_child_by_name("array"), lambda r: r["array"], lambda r: r[0],
        lambda r: r.read_array(...), lambda r: r._get_flat_variable_metadata(), lambda r: r.keys(), lambda r: r.items(),
        lambda r: r.values(), lambda r: r.children, lambda r: len(r), lambda r: list(r), lambda r: "a" in r,
        lambda r: np.asarray(r), lambda r: r.attrs, lambda r: r.oindex, lambda r: r.vindex,
        lambda r: r.tree(), lambda r: pickle.dumps(r), lambda r: copy.copy(r),
        lambda r: r._init_from_variable(listing["/top/array"]),
    ]  # fmt: skip
    for use in uses:
        for reader in (root, array, scalar):
            with pytest.raises(ValueError, match="closed"):
                use(reader)
    assert "closed" in repr(root)
    with pytest.raises(IndexError):
        array[1000, 0]  # indices are parsed first


def test_a_reader_without_a_file_is_closed() -> None:
    reader = OmFileReader.__new__(OmFileReader)
    assert reader.closed
    with pytest.raises(ValueError, match="closed"):
        reader.name  # noqa: B018


def test_a_reader_is_opened_once(path: Path) -> None:
    reader = OmFileReader(path)
    with pytest.raises(ValueError, match="opened already"):
        reader.__init__(path)
    assert reader.name == "top"


def test_children_are_independent(path: Path) -> None:
    root = OmFileReader(path)
    array = root["array"]
    root.close()
    np.testing.assert_array_equal(array[0], DATA[0])
    assert array["units"].read_scalar() == "m"


def test_results_stay_valid(path: Path) -> None:
    with OmFileReader(path) as root:
        values = root["array"][5]
    values[0] += 1
    assert values.flags.owndata


@counts_descriptors
@pytest.mark.guarantee(n=24)
def test_no_descriptor_leaks(path: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.om").write_bytes(b"OM\x03" + bytes(60))
    gc.collect()
    before = n_descriptors()
    root = OmFileReader(path)
    array = root["array"]
    assert n_descriptors() == before + 1
    root.close()
    assert n_descriptors() == before + 1
    array.close()
    assert n_descriptors() == before
    for _ in range(500):
        OmFileReader(path)["array"][3, 4]
        OmFileReader(path).close()
        for bad in ("bad.om", "absent.om"):
            with contextlib.suppress(OmFormatError, FileNotFoundError):
                OmFileReader(tmp_path / bad)
    assert n_descriptors() == before


@pytest.mark.filterwarnings("error")
def test_collection_is_silent(path: Path) -> None:
    reader = OmFileReader(path)
    gone = weakref.ref(reader)
    del reader
    gc.collect()
    assert gone() is None


def test_bytearray_is_released(path: Path) -> None:
    content = bytearray(path.read_bytes())
    reader = OmFileReader(content)
    with pytest.raises(BufferError):
        content.append(0)
    reader.close()
    content.append(0)


# --- threads and processes --------------------------------------------------------------------------------------------


def test_threads_share_a_reader(path: Path) -> None:
    reader = OmFileReader(path)["array"]

    def read(seed: int) -> bool:
        rng = np.random.default_rng(seed)
        for _ in range(200):
            i, j = rng.integers(0, 400), rng.integers(0, 600)
            if reader[i, j] != DATA[i, j] or not np.array_equal(reader[i : i + 9, j::50], DATA[i : i + 9, j::50]):
                return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, range(8)))


@counts_descriptors
def test_an_asynchronous_read_that_fails_closes_its_file(path: Path) -> None:
    async def read() -> None:
        async with await omfiles.OmFileReaderAsync.open(path) as root, await root.get_child_by_name("array") as array:
            await array.read_array((400, 0))

    before = n_descriptors()
    with pytest.raises(IndexError):
        asyncio.run(read())
    assert n_descriptors() == before


@pytest.mark.guarantee(n=23)
def test_the_gil_is_released(tmp_path: Path) -> None:
    omfiles.save(tmp_path / "large.om", np.arange(20_000_000, dtype="int32").reshape(2000, 10000))
    reader = OmFileReader(tmp_path / "large.om")
    assert lets_others_run(lambda: reader[...], 4)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.guarantee(n=21)
def test_pickle(path: Path, protocol: int) -> None:
    root = OmFileReader(path)
    for reader in (root, root["array"], root["array/units"], root["scalar"]):
        pickled = pickle.dumps(reader, protocol)
        assert len(pickled) < 1000
        again = pickle.loads(pickled)
        assert (type(again), again.name, again.shape) == (OmFileReader, reader.name, reader.shape)
        assert pickle.loads(pickle.dumps(again, protocol)).name == reader.name
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(root["array"], protocol))[3], DATA[3])


class Named(OmFileReader):
    label = "class"


def test_pickle_of_subclass_relative_path_and_memory(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    reader = Named("file.om")["array"]
    reader.label = "mine"
    pickled = pickle.dumps(reader)
    monkeypatch.chdir("/")
    again = pickle.loads(pickled)
    assert (type(again), again.label, again.name) == (Named, "mine", "array")
    for content in (path.read_bytes(), bytearray(path.read_bytes()), memoryview(path.read_bytes())):
        again = pickle.loads(pickle.dumps(OmFileReader(content)["array"]))
        np.testing.assert_array_equal(again[7], DATA[7])
    listed = OmFileReader(path)
    variable = listed._get_flat_variable_metadata()["/top/array/units"]
    assert pickle.loads(pickle.dumps(listed._init_from_variable(variable))).read_scalar() == "m"


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts open files as Linux lists them")
def test_unpickled_readers_of_a_file_share_it(path: Path) -> None:
    def n_open() -> int:
        links = Path("/proc/self/fd").iterdir()
        return sum(os.path.realpath(link) == os.path.realpath(path) for link in links)

    root = OmFileReader(path)
    pickled = [pickle.dumps(root), pickle.dumps(root["array"]), pickle.dumps(root["array"])]
    del root
    readers = [pickle.loads(content) for content in pickled]
    assert n_open() == 1
    readers[0].close()
    np.testing.assert_array_equal(readers[1][3], DATA[3])
    other = path.with_name("other.om")
    omfiles.save(other, np.zeros(7), name="other")
    os.replace(other, path)
    again = pickle.loads(pickled[0])
    assert again.name == "other" and readers[1].name == "array", "what was replaced is another file"
    assert n_open() == 1, "the other one has no name any more"
    del readers, again
    assert n_open() == 0


@pytest.mark.guarantee(n=21)
def test_copy(path: Path) -> None:
    reader = Named(path)["array"]
    reader.label = "mine"
    for function in (copy.copy, copy.deepcopy):
        again = function(reader)
        assert (type(again), again.label, again.closed) == (Named, "mine", False)
        reader_of_root = function(OmFileReader(path))
        assert reader_of_root.name == "top"
    reader.close()
    np.testing.assert_array_equal(again[7], DATA[7])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.guarantee(n=21)
def test_fork(path: Path) -> None:
    reader = OmFileReader(path)["array"]
    reader[0]
    child = os.fork()
    if child == 0:
        os._exit(0 if np.array_equal(reader[...], DATA) else 1)
    np.testing.assert_array_equal(reader[...], DATA)
    assert os.waitpid(child, 0)[1] == 0


def test_class_attributes_can_be_replaced(path: Path) -> None:
    with mock.patch("omfiles.OmFileReader.from_path") as replaced:
        OmFileReader.from_path(path)
    replaced.assert_called_once_with(path)


# --- files that change while they are open ----------------------------------------------------------------------------


@posix
@pytest.mark.guarantee(n=19)
def test_truncated_file(path: Path) -> None:
    reader = OmFileReader(path)["array"]
    os.truncate(path, 100)
    with pytest.raises(OSError, match="truncated while it was open") as caught:
        reader[...]
    assert isinstance(caught.value, omfiles.OmReadError)
    assert (caught.value.path, caught.value.variable) == (str(path), "array")


@posix
@pytest.mark.guarantee(n=19)
def test_deleted_and_replaced_files(path: Path) -> None:
    reader = OmFileReader(path)["array"]
    omfiles.save(path, np.zeros(3))
    np.testing.assert_array_equal(reader[...], DATA)
    path.unlink()
    np.testing.assert_array_equal(reader[...], DATA)


@posix
@pytest.mark.guarantee(n=19)
@pytest.mark.parametrize("kind", ["path", "file", "fsspec"])
def test_truncated_anywhere(path: Path, kind: str) -> None:
    """Every read of a file that was cut off gives the old data or an `OSError`; what was read before stays."""
    content = path.read_bytes()
    page = mmap.PAGESIZE
    with path.open("rb", buffering=0) as file:
        for size in [0, 1, page - 1, page, page + 1, len(content) // 2, len(content) - 24, len(content) - 1]:
            source = {"path": path, "file": file, "fsspec": (fsspec.filesystem("local"), str(path))}[kind]
            reader = OmFileReader(source)["array"]
            before = reader[0, :60]
            os.truncate(path, size)
            n_failed = 0
            for key in np.ndindex(8, 10):
                part = tuple(slice(length * i, length * (i + 1)) for length, i in zip((50, 60), key))
                try:
                    np.testing.assert_array_equal(reader[part], DATA[part])
                except OSError:
                    n_failed += 1
            assert size > len(content) // 2 or n_failed
            np.testing.assert_array_equal(before, DATA[0, :60])
            path.write_bytes(content)  # the same file: the error has passed
            if kind != "fsspec":  # which tells that the file is another version
                np.testing.assert_array_equal(reader[...], DATA)


# --- what stays behind ------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.guarantee(n=24)
@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="counts descriptors and mappings through /proc")
def test_500_rounds_leave_nothing(path: Path) -> None:
    """Opening, reading, writing, verifying, and failing at each of them: no descriptors, mappings, or memory."""
    code = f"""
import contextlib, gc, io, os, pickle, re, sys
from pathlib import Path
import numpy as np
import omfiles

path, other, bad = (Path({str(path.parent)!r}, name) for name in ("file.om", "other.om", "bad.om"))
content = bytearray(path.read_bytes())
content[100:1000] = bytes(900)
bad.write_bytes(content)
data = np.arange(20_000).reshape(100, 200)

def held():
    gc.collect()
    status = Path("/proc/self/status").read_text()
    resident = int(re.search(r"VmRSS:\\s+(\\d+) kB", status)[1]) << 10
    return len(os.listdir("/proc/self/fd")), len(Path("/proc/self/maps").read_text().splitlines()), resident

def failing(error, action):
    try:
        action()
    except error:
        return
    raise AssertionError("it did not fail")

def items():
    yield data[:50]
    raise ZeroDivisionError

def unfinished():
    with omfiles.OmFileWriter(other) as writer:
        writer.write_array_streaming(data.shape, (10, 10), items(), data.dtype)

def round():
    with omfiles.open(path) as root:
        array = root["array"]
        array[3, 4], array[...], array.oindex[[1, 2]], root.attrs, list(root), root.tree()
    failing(ValueError, lambda: root["array"])
    failing(IndexError, lambda: array[1000, 0])
    failing(omfiles.OmFormatError, lambda: omfiles.open(bad)["array"][...])
    failing(omfiles.OmFormatError, lambda: omfiles.open(content[:-1]))
    failing(FileNotFoundError, lambda: omfiles.open("absent.om"))
    pickle.loads(pickle.dumps(array))[0]
    omfiles.open(io.BytesIO(path.read_bytes()))["array"][0]
    omfiles.save(other, data, (10, 10), attrs=dict(units="m"))
    omfiles.OmFileWriter(other).discard()
    failing(ZeroDivisionError, unfinished)
    failing(ValueError, lambda: omfiles.save(other, np.array([np.inf]), scale_factor=1))
    assert omfiles.verify(other) and not omfiles.verify(bad)

for _ in range(100):
    round()
states = [held()]
for _ in range(4):
    for _ in range(125):
        round()
    states.append(held())
for before, after in zip(states, states[1:]):
    print(*(b - a for a, b in zip(before, after)))
"""
    growth = np.array([line.split() for line in run_python(code).splitlines()], int)
    assert not growth[:, 0].any(), "descriptors"
    _, mappings, memory = growth.min(axis=0)  # what leaks, leaks always
    assert mappings <= 0
    assert memory < 100_000, "a kilobyte a round would be told"


# --- hostile files ----------------------------------------------------------------------------------------------------


def group(name: bytes, children: list[tuple[int, int]]) -> bytes:
    """A group's record with the (offset, size) of its children."""
    offsets, sizes = zip(*children) if children else ((), ())
    table = struct.pack(f"<{2 * len(children)}Q", *sizes, *offsets)
    return struct.pack("<BBHI", 0, 4, len(name), len(children)) + table + name


def container(records: list[tuple[int, bytes]], root: int) -> bytes:
    """A file with records at offsets that are multiples of 8; `root` is the number of the root's."""
    size = -(-max(offset + len(record) for offset, record in records) // 8) * 8
    content = bytearray(b"OM\x03".ljust(size, b"\0"))
    for offset, record in records:
        content[offset : offset + len(record)] = record
    offset, record = records[root]
    return bytes(content) + b"OM\x03\0" + struct.pack("<IQQ", 0, offset, len(record))


def test_a_variable_that_contains_itself() -> None:
    reader = OmFileReader(container([(8, group(b"a", [(8, 25)]))], 0))
    with pytest.raises(OmFormatError, match="among its own ancestors") as caught:
        reader.get_child_by_index(0)
    assert (caught.value.variable, caught.value.offset) == ("a", 8)
    with pytest.raises(OmFormatError, match="among its own ancestors"):
        reader._get_flat_variable_metadata()


@pytest.mark.guarantee(n=6)
def test_a_cycle_of_three() -> None:
    records = [(8, group(b"a", [(40, 25)])), (40, group(b"b", [(72, 25)])), (72, group(b"c", [(8, 25)]))]
    for root in range(3):
        reader = OmFileReader(container(records, root))
        for _ in range(2):
            reader = reader.get_child_by_index(0)
        with pytest.raises(OmFormatError, match="among its own ancestors"):
            reader.get_child_by_index(0)


def test_shared_children_are_no_cycle() -> None:
    leaf = group(b"leaf", [])
    both = group(b"top", [(8, len(leaf)), (8, len(leaf))])
    reader = OmFileReader(container([(8, leaf), (24, both)], 1))
    assert [child.name for child in reader.children] == ["leaf", "leaf"]
    assert list(reader._get_flat_variable_metadata()) == ["/top", "/top/leaf"]


@pytest.mark.guarantee(n=6)
def test_trees_that_explode() -> None:
    """60 levels, each of which has the next one twice: 2**60 paths."""
    offset, records, child = 8, [], None
    for _ in range(60):
        record = group(b"", [child, child] if child else [])
        records.append((offset, record))
        child = (offset, len(record))
        offset += 48
    with pytest.raises(OmFormatError, match="too large for a file"):
        OmFileReader(container(records, 59))._get_flat_variable_metadata()


@pytest.mark.guarantee(n=6)
def test_paths_that_explode() -> None:
    """A small file whose paths take gigabytes: 500 levels of one long name, each of them there twice."""
    name = b"x" * 60_000
    child = None
    records, offset = [], 8
    for _ in range(500):
        record = group(name if child is None or offset < 100 else b"x" * 20_000, [child] * 2 if child else [])
        records.append((offset, record))
        child = (offset, len(record))
        offset += -(-len(record) // 8) * 8
    root = OmFileReader(container(records, 499))
    tracemalloc.start()
    with pytest.raises(OmFormatError, match="too large for a file"):
        root._get_flat_variable_metadata()
    with pytest.raises(OmFormatError, match="too large for a file"):
        for _ in root.walk():
            pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 << 30


@pytest.mark.guarantee(n=5)
def test_damage_is_found_before_memory_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "large.om"
    omfiles.save(path, np.zeros((300, 1_000_000), "uint8"), (1, 1_000_000), name="large")
    content = bytearray(path.read_bytes())
    [variable] = OmFileReader(path)._get_flat_variable_metadata().values()
    lut_size, lut_offset = struct.unpack_from("<QQ", content, variable.offset + 8)
    content[lut_offset + lut_size - 40 : lut_offset + lut_size] = b"\xff" * 40
    path.write_bytes(content)
    reader = OmFileReader(path)
    tracemalloc.start()
    with pytest.raises(OmFormatError, match="look-up table"):
        reader[...]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20
