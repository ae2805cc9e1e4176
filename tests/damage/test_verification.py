# SPDX-License-Identifier: MIT
"""Whole files checked: what is damaged in each layer is found, at its place, and all of it."""

from __future__ import annotations

import gc
import io
import json
import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from crafted import (
    CHILDREN,
    CHUNK_LENGTHS,
    COMPRESSION,
    DIMS,
    LUT_PLACE,
    LUT_SIZE,
    NAME,
    START,
    STRING_SCALAR,
    array,
    legacy,
    om_file,
    small,
    u64,
)

import omfiles
from omfiles._tools import verify as verification
from omfiles._tools.verify import Problem


def changed(content: bytes, *changes: tuple[int, bytes]) -> bytes:
    copy = bytearray(content)
    for offset, data in changes:
        copy[offset : offset + len(data)] = data
    return bytes(copy)


def saved(folder: Path, values: np.ndarray, **options: object) -> bytes:
    path = folder / "saved.om"
    omfiles.save(path, values, **options)
    return path.read_bytes()


def places(content: object, **options: object) -> list[tuple[str, int, str | None]]:
    return [(problem.path, problem.offset, problem.field) for problem in omfiles.verify(content, **options).problems]


def test_good_files(golden: Path) -> None:
    index = json.loads((golden / "files/index.json").read_text())
    for path in sorted((golden / "files").glob("*.om")):
        result = omfiles.verify(path)
        assert result, str(result)
        assert result.ok and result.problems == () and result.notes == () and not result.hashes_checked
        assert result.name == str(path) and result.n_bytes == path.stat().st_size
    assert index


def test_what_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "weather.om"
    with omfiles.OmFileWriter(path) as writer:
        t2m = writer.write_array(np.zeros((6, 6)), chunks=(2, 2), name="t2m", attrs={"units": "K", "height": 2})
        rain = writer.write_array(np.zeros(5, "i4"), chunks=(5,), name="rain")
        writer.close(writer.write_group("", [t2m, rain]))
    result = omfiles.verify(path)
    assert (result.n_variables, result.n_chunks, result.n_bytes) == (5, 10, path.stat().st_size)
    assert repr(result) == f"<Verification of {str(path)!r}: good, 5 variables, 10 chunks, {result.n_bytes} bytes>"


@pytest.mark.parametrize("number_of_sources", range(3))
def test_all_kinds_of_sources(tmp_path: Path, number_of_sources: int) -> None:
    content = om_file(array(compression=4))
    (tmp_path / "bad.om").write_bytes(content)
    source = [str(tmp_path / "bad.om"), io.BytesIO(content), memoryview(content)][number_of_sources]
    assert places(source) == [("/", START + COMPRESSION, "compression")]


# --- each layer, damaged -----------------------------------------------------------------------------------------

GOOD = om_file(array())
TRAILER = len(GOOD) - 24
CONTAINERS = {
    "nothing": (b"", (0, "header")),
    "another format": (b"GRIB" + bytes(60), (0, "header")),
    "no trailer": (GOOD[:-24], (TRAILER, "trailer")),
    "header": (changed(GOOD, (0, b"XX")), (0, "header")),
    "root offset": (changed(GOOD, (TRAILER + 8, u64(1 << 60))), (TRAILER + 8, "root offset")),
    "root size": (changed(GOOD, (TRAILER + 16, u64(1 << 60))), (TRAILER + 16, "root size")),
}


@pytest.mark.parametrize("case", CONTAINERS)
def test_container(case: str) -> None:
    content, (offset, field) = CONTAINERS[case]
    assert places(content) == [("/", offset, field)]


RECORDS = {
    "type": (array(type=77), "/", START, "data type"),
    "LUT offset": (array(lut=(3, 1 << 50)), "/", START + LUT_PLACE, "LUT offset"),
    "LUT size": (array(lut=(1 << 50, 9)), "/", START + LUT_SIZE, "LUT size"),
    "dimension": (array(dims=(0,)), "/", START + DIMS, "dimensions"),
    "chunk length": (array(chunks=(0,)), "/", START + CHUNK_LENGTHS, "chunk lengths"),
    "name": (array(name=b"\xff"), "/", START + NAME, "name"),
    "string": (small(STRING_SCALAR, value=u64(2) + b"a\xff"), "/", START + 8 + 8 + 1, "value"),
    "itself": (small(children=[(25, START)]), "/", START, "child offset"),
}


@pytest.mark.parametrize("case", RECORDS)
def test_records(case: str) -> None:
    record, path, offset, field = RECORDS[case]
    assert places(om_file(record)) == [(path, offset, field)]


def test_children() -> None:
    """A bad child is told by its parent's path and its number; those beside it are still looked at."""
    child = array()
    bad = array(type=77)
    table = array(lut=(2, 9), name=b"u")
    offsets = [START]
    for record in (child, bad):
        offsets.append(offsets[-1] + len(record) + -len(record) % 8)
    links = [(len(child), offsets[0]), (len(bad), offsets[1]), (1 << 40, 0), (len(table), offsets[2])]
    content = om_file(child, bad, table, small(children=links))
    group = offsets[2] + len(table) + -len(table) % 8
    result = omfiles.verify(content)
    assert [(problem.path, problem.offset, problem.field) for problem in result.problems] == [
        ("/", offsets[1], "data type"),
        ("/", group + CHILDREN + 16, "child size"),
        ("/u", 10, "look-up table"),
    ]
    assert result.problems[0].message.startswith("child 1: unknown data type")
    assert result.problems[1].message.startswith("child 2: ")
    assert result.n_variables == 3


def test_look_up_table_and_chunks(tmp_path: Path) -> None:
    """One group of a table is destroyed, and chunks that other groups know."""
    values = np.arange(200 * 4).reshape(200, 4)
    content = saved(tmp_path, values, chunks=(1, 4), name="t")
    reader = omfiles.open(content)
    plan = reader._plan(...)
    starts, _ = plan.locate(0, 200, {i: content[slice(*plan.group_range(i))] for i in range(4)})
    group, _ = plan.group_range(1)
    damaged = changed(content, (group, b"\xff" * 8), (int(starts[3]) + 1, b"\x3f"), (int(starts[190]) + 2, b"\x3f"))
    result = omfiles.verify(damaged)
    table, third, last = result.problems
    assert group <= table.offset < plan.group_range(1)[1] and table.field == "look-up table"
    assert table.message.startswith("chunks 63 ... 127: cannot be found: ")
    assert int(starts[3]) <= third.offset < int(starts[4])
    assert third.message.startswith("chunk 3, elements [3:4, 0:4]: ")
    assert int(starts[190]) <= last.offset < int(starts[191])
    assert last.message.startswith("chunk 190, elements [190:191, 0:4]: ")
    assert {problem.path for problem in result.problems} == {"/"}


def test_every_reported_chunk_fails_to_be_read_and_no_other(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    values = rng.integers(0, 1000, (40, 50))
    content = saved(tmp_path, values, chunks=(8, 10), name="t")
    for _ in range(30):
        damaged = changed(content, *[(int(offset), rng.bytes(1)) for offset in rng.integers(3, 2500, 6)])
        reported = {
            problem.message.split(",")[0] for problem in omfiles.verify(damaged).problems if problem.field != "trailer"
        }
        reader = omfiles.open(damaged)
        failing = set()
        for number, (i, j) in enumerate(np.ndindex(5, 5)):
            try:
                reader[8 * i : 8 * i + 8, 10 * j : 10 * j + 10]
            except omfiles.OmFormatError:
                failing.add(f"chunk {number}")
        assert reported == failing


def test_legacy_files() -> None:
    assert omfiles.verify(legacy())
    assert places(legacy(ends=(3, 7))) == [("/", 48, "look-up table")]
    data = 40 + 2 * 8
    assert places(changed(legacy(), (data + 1, b"\x3f"), (data + 4, b"\x3f"))) == [
        ("/", data + 1, "block"),
        ("/", data + 4, "block"),
    ]


def test_threads_find_the_same(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    values = rng.integers(0, 1000, (1000, 1000), dtype="int16")
    content = saved(tmp_path, values, chunks=(20, 20), name="t")
    damaged = changed(content, *[(int(offset), b"\xff" * 30) for offset in rng.integers(3, 1_000_000, 200)])
    before = omfiles.get_num_threads()
    found = []
    for n_threads in (1, 4):
        omfiles.set_num_threads(n_threads)
        try:
            found.append(omfiles.verify(damaged))
        finally:
            omfiles.set_num_threads(before)
    assert len(found[0].problems) > 50
    assert found[0] == found[1]


def test_more_chunks_than_are_looked_at_together(tmp_path: Path) -> None:
    """What the windows are in which large files are checked makes no difference."""
    content = saved(tmp_path, np.zeros(300_000, "int8"), chunks=(2,))
    assert omfiles.verify(content).n_chunks == 150_000
    first_bytes = [(3 + 2 * chunk + 1, b"\x3f") for chunk in (0, 131_071, 131_072, 149_999)]
    problems = omfiles.verify(changed(content, *first_bytes)).problems
    assert [problem.message.split(",")[0] for problem in problems] == [
        "chunk 0",
        "chunk 131071",
        "chunk 131072",
        "chunk 149999",
    ]


# --- files from strangers ----------------------------------------------------------------------------------------


def test_a_record_of_many_parents_is_checked_once() -> None:
    """Forty levels of two links each have 2 ** 40 ways to the array at their end."""
    records = [array(compression=4), array(name=b"good")]
    offset = START
    links = []
    for record in records:
        links.append((len(record), offset))
        offset += len(record) + -len(record) % 8
    for _ in range(40):
        record = small(children=links)
        records.append(record)
        links = [(len(record), offset)] * 2
        offset += len(record) + -len(record) % 8
    result = omfiles.verify(om_file(*records))
    assert [problem.field for problem in result.problems] == ["compression"]
    assert result.n_variables == 41


def test_arrays_that_share_bytes_end(tmp_path: Path) -> None:
    """The work grows with the size of a file, whatever its records say."""
    noise = np.random.default_rng(5).integers(0, 1 << 60, 20_000)
    with omfiles.OmFileWriter(tmp_path / "a.om") as writer:
        writer.close(writer.write_array(noise, chunks=(100,)))
    content = (tmp_path / "a.om").read_bytes()
    reader = omfiles.open(content)
    start, stop = reader._span
    record = content[start:stop]
    body = content[3:start]
    n = 30
    records = [record[:4] + record[4:] for _ in range(n)]
    offset = start + -start % 8
    links = [(len(record), offset + i * (len(record) + -len(record) % 8)) for i in range(n)]
    shared = om_file(*records, small(children=links), body=body)
    result = omfiles.verify(shared)
    assert not result
    assert all("are not checked, for their bytes are also those of others" in p.message for p in result.problems)
    assert 20 < len(result.problems) < n and len(result.notes) == 2 * (n - 1) + n - 1


def test_many_problems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = saved(tmp_path, np.zeros(2000, "int8"), chunks=(2,))
    damaged = changed(content, (3, b"\x3f" * 2000))
    assert len(omfiles.verify(damaged).problems) == 1000
    monkeypatch.setattr(verification, "MAX_PROBLEMS", 100)
    problems = omfiles.verify(damaged).problems
    assert len(problems) == 100
    assert problems[-1].message == "there are more problems than 99; the rest is not listed"


def test_deep_trees_have_short_paths() -> None:
    record, records, offset, links = b"", [], START, []
    for _ in range(1000):
        record = small(STRING_SCALAR, value=u64(1) + b"\xff", children=links, name=b"n" * 20)
        records.append(record)
        links = [(len(record), offset)]
        offset += len(record) + -len(record) % 8
    problems = omfiles.verify(om_file(*records)).problems
    assert len(problems) == 1000
    assert problems[1].path == "/" + "n" * 20
    assert problems[-1].path.startswith("...") and len(problems[-1].path) < 1100


# --- what is only noted ------------------------------------------------------------------------------------------


def test_notes() -> None:
    child = array()
    links = [(len(child), START)]
    unused = om_file(child, b"?" * 100, small(children=links))
    result = omfiles.verify(unused)
    assert result.ok
    assert [note.path for note in result.notes] == ["/"]
    assert "nothing refers to 111 bytes from here on, in 1 range" in result.notes[0].message
    assert str(result).endswith(f"\nnote: {result.notes[0]}")

    twins = om_file(child, child, small(children=[*links, (len(child), START + len(child) + -len(child) % 8)]))
    messages = [(note.path, note.message) for note in omfiles.verify(twins).notes]
    assert ("/t", "child 1 has the name of one before, which alone is found by it") in messages
    assert any(
        "the data of /t (bytes 3 ... 8) and the data of /t (bytes 3 ... 8) overlap" in text for _, text in messages
    )


# --- sources that cannot be read, and callers --------------------------------------------------------------------


def test_sources_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        omfiles.verify(tmp_path / "missing.om")
    with pytest.raises(OSError, match="Not a regular file"):
        omfiles.verify(os.devnull)
    with pytest.raises(TypeError, match="cannot read an OM file from"):
        omfiles.verify(17)


def test_a_file_cut_off_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "noise.om"
    omfiles.save(path, np.random.default_rng(1).integers(0, 1 << 60, 100_000), chunks=(1000,))

    def cut(done: int, total: int) -> None:
        os.truncate(path, 100)

    with pytest.raises(omfiles.OmReadError, match="truncated while it was open"):
        omfiles.verify(path, progress=cut)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts open files as Linux lists them")
def test_the_file_is_closed(tmp_path: Path) -> None:
    omfiles.save(tmp_path / "file.om", np.zeros(4))
    gc.disable()
    try:
        before = len(os.listdir("/proc/self/fd"))
        omfiles.write_hashes(tmp_path / "file.om")
        assert omfiles.verify(tmp_path / "file.om", hashes=True)
        assert len(os.listdir("/proc/self/fd")) == before
    finally:
        gc.enable()


@pytest.mark.guarantee(n=5)
@pytest.mark.parametrize("hashes", [False, True])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, hashes: bool) -> None:
    path = tmp_path / "noise.om"
    noise = np.random.default_rng(0).integers(-(2**31), 2**31, (1600, 10_000), "i4")
    omfiles.save(path, noise, (10, 1000))
    assert path.stat().st_size > 64_000_000
    if hashes:
        omfiles.write_hashes(path)
    tracemalloc.start()
    try:
        assert omfiles.verify(path, hashes=hashes)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 40_000_000


def test_progress(tmp_path: Path) -> None:
    path = tmp_path / "noise.om"
    omfiles.save(path, np.random.default_rng(1).integers(0, 1 << 60, 1_500_000), chunks=(1000,))
    size = path.stat().st_size
    calls: list[tuple[int, int]] = []
    assert omfiles.verify(path, progress=lambda *call: calls.append(call))
    assert len(calls) > 3
    assert calls == sorted(calls) and calls[-1] == (size, size) and {total for _, total in calls} == {size}

    class Cancelled(Exception):
        pass

    def cancel(done: int, total: int) -> None:
        if done > size // 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        omfiles.verify(path, progress=cancel)


def test_problems_say_where_they_are() -> None:
    assert str(Problem("/t2m", 17, "is bad", "name")) == "/t2m: field 'name' at byte 17: is bad"
    assert str(Problem("/", 3, "is bad")) == "/: at byte 3: is bad"


def test_lazy_names() -> None:
    assert {"verify", "write_hashes"} <= set(dir(omfiles)) & set(omfiles.__all__)
    with pytest.raises(AttributeError, match="'omfiles' has no attribute 'nonsense'"):
        omfiles.nonsense  # noqa: B018
