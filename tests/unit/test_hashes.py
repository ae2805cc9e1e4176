# SPDX-License-Identifier: MIT
"""Hashes beside a file find every change of it, and say where."""

from __future__ import annotations

import hashlib
import itertools
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import omfiles

pytestmark = pytest.mark.guarantee(n=10)

MIB = 1 << 20


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of 3.1 MiB: two arrays in a group, the second one in the last two of four parts, and short records."""
    path = tmp_path_factory.mktemp("hashes") / "weather.om"
    noise = np.random.default_rng(6).integers(0, 1 << 62, 400_000)
    with omfiles.OmFileWriter(path) as writer:
        arrays = [
            writer.write_array(noise[:280_000], chunks=(1000,), name="t2m", attrs={"units": "K"}),
            writer.write_array(noise[280_000:], chunks=(1000,), name="rain"),
        ]
        writer.close(writer.write_group("", arrays))
    return path


@pytest.fixture
def path(original: Path, tmp_path: Path) -> Path:
    """A copy with hashes."""
    copy = Path(shutil.copy(original, tmp_path))
    assert omfiles.write_hashes(copy) == f"{copy}.blake2b"
    return copy


def change(path: Path, offset: int) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 1]))


def problems(path: Path) -> list[tuple[str, int]]:
    return [(problem.path, problem.offset) for problem in omfiles.verify(path, hashes=True).problems]


def test_an_unchanged_file(path: Path) -> None:
    result = omfiles.verify(path, hashes=True)
    assert result.ok and result.hashes_checked
    assert repr(result).endswith(f"{path.stat().st_size} bytes, hashes compared>")
    assert omfiles.verify(path, hashes=f"{path}.blake2b").ok
    assert not omfiles.verify(path, hashes=False).hashes_checked


def test_what_is_in_the_file(path: Path) -> None:
    """Other tools can check it: this is a promise."""
    content = path.read_bytes()
    first, *others = Path(f"{path}.blake2b").read_text().splitlines()
    assert first == f"{hashlib.blake2b(content).hexdigest()}  weather.om"
    edges = [0, MIB, 2 * MIB, 3 * MIB, len(content)]
    assert others == [
        f"# {start} {stop} {hashlib.blake2b(content[start:stop], digest_size=32).hexdigest()}"
        for start, stop in itertools.pairwise(edges)
    ]


@pytest.mark.skipif(shutil.which("b2sum") is None, reason="b2sum is missing")
@pytest.mark.parametrize("name", ["weather.om", "with space.om", "back\\slash.om", "new\nline.om"])
def test_b2sum_checks_it(original: Path, tmp_path: Path, name: str) -> None:
    path = Path(shutil.copy(original, tmp_path / name))
    omfiles.write_hashes(path)
    command = ["b2sum", "--check", "--strict", "--quiet", f"{name}.blake2b"]
    subprocess.run(command, cwd=tmp_path, check=True)
    change(path, 1000)
    assert subprocess.run(command, cwd=tmp_path, capture_output=True).returncode == 1
    start, stop, digest = Path(f"{path}.blake2b").read_text().splitlines()[2][2:].split()
    part = f"tail -c +$(({start} + 1)) '{name}' | head -c $(({stop} - {start})) | b2sum -l 256"
    found = subprocess.run(part, shell=True, cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    assert found.split() == [digest, "-"]


def test_any_flipped_bit_is_found(path: Path) -> None:
    size = path.stat().st_size
    content = path.read_bytes()
    for offset in [0, size - 1, *np.random.default_rng(7).integers(3, size, 20).tolist()]:
        change(path, offset)
        found = problems(path)
        assert offset // MIB * MIB in [start for _, start in found]
        path.write_bytes(content)
    assert problems(path) == []


def test_where_a_change_is(path: Path) -> None:
    """Values that changed in a chunk which still can be decoded are found by hashes alone."""
    change(path, MIB + 7)
    change(path, 2 * MIB + 100)
    assert omfiles.verify(path).ok
    (problem,) = omfiles.verify(path, hashes=True).problems
    assert (problem.path, problem.offset) == ("/", MIB)
    assert problem.message == (f"bytes {MIB} ... {3 * MIB - 1} are not those that were hashed; they are of /t2m, /rain")
    change(path, 2 * MIB + 100)
    assert problems(path) == [("/t2m", MIB)]


def test_damage_is_reported_along_with_hashes(path: Path) -> None:
    change(path, path.stat().st_size - 24)  # the trailer
    assert problems(path) == [("/", path.stat().st_size), ("/", 3 * MIB)]


def test_hashes_of_another_version(path: Path) -> None:
    size = path.stat().st_size
    with path.open("ab") as file:
        file.write(bytes(8))
    found = omfiles.verify(path, hashes=True).problems
    assert f"it is of {size} bytes, but the file has {size + 8}: it was cut off, or is another version" in str(
        found[-1]
    )
    omfiles.save(path, np.random.default_rng(1).integers(0, 1 << 60, 1000))
    omfiles.write_hashes(path)
    omfiles.save(path, np.random.default_rng(2).integers(0, 1 << 60, 1000))
    (problem,) = omfiles.verify(path, hashes=True).problems
    assert (problem.path, problem.offset) == ("/", 0) and "another version" in problem.message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it has no hashes of parts"),
        (b"\xff\0\n" * 99, "it has no hashes of parts"),
        (b"0" * 128 + b"  weather.om\n", "it has no hashes of parts"),
        (b"# 0 %d " + b"0" * 64 + b"\n", "its parts are not those of 1048576 bytes"),
        (b"#" * 100_000, "it is too large for hashes"),
    ],
    ids=["empty", "binary", "of b2sum", "other parts", "large"],
)
def test_foreign_hashes(path: Path, content: bytes, message: str) -> None:
    beside = Path(f"{path}.blake2b")
    beside.write_bytes(content.replace(b"%d", str(path.stat().st_size).encode()))
    (problem,) = omfiles.verify(path, hashes=True).problems
    assert problem.message.startswith(f"the hashes are of no use: {beside}: {message}")


def test_missing_hashes(path: Path) -> None:
    Path(f"{path}.blake2b").unlink()
    with pytest.raises(FileNotFoundError, match=r"weather\.om\.blake2b"):
        omfiles.verify(path, hashes=True)


def test_a_file_in_memory_has_no_name(path: Path, tmp_path: Path) -> None:
    content = path.read_bytes()
    with pytest.raises(TypeError, match="an object of type 'bytes' has no name; say where its hashes are"):
        omfiles.verify(content, hashes=True)
    with pytest.raises(TypeError, match="has no name"):
        omfiles.write_hashes(content)
    target = tmp_path / "sub.om.blake2b"
    assert omfiles.write_hashes(content, target) == str(target)
    assert target.read_text().splitlines()[0].endswith("  sub.om")
    assert omfiles.verify(content, hashes=target).ok
    assert omfiles.verify(content, hashes=target.read_bytes()).ok


def test_a_store_that_is_only_read(path: Path, tmp_path: Path) -> None:
    class Store:
        def head(self, path: str) -> dict[str, int]:
            return {"size": (tmp_path / path).stat().st_size}

        def get_range(self, path: str, *, start: int, end: int) -> bytes:
            return (tmp_path / path).read_bytes()[start:end]

    target = tmp_path / "other.blake2b"
    progress: list[int] = []
    for place in (None, (Store(), target.name)):
        with pytest.raises(TypeError, match=r"an object of type 'Store'.*say by target= where"):
            omfiles.write_hashes((Store(), path.name), place, progress=lambda done, total: progress.append(done))
    assert progress == []  # it does not read all before
    omfiles.write_hashes((Store(), path.name), target)
    assert target.read_bytes() == Path(f"{path}.blake2b").read_bytes()


def test_what_is_no_om_file_gets_no_hashes(tmp_path: Path) -> None:
    path = tmp_path / "grib.om"
    path.write_bytes(b"GRIB" * 100)
    with pytest.raises(omfiles.OmFormatError, match="Not an OM file"):
        omfiles.write_hashes(path)
    assert list(tmp_path.iterdir()) == [path]


def test_hashes_are_replaced_whole_or_not_at_all(path: Path) -> None:
    beside = Path(f"{path}.blake2b")
    before = beside.read_bytes()

    def fail(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        omfiles.write_hashes(path, progress=fail)
    assert beside.read_bytes() == before
    omfiles.write_hashes(path)
    assert beside.read_bytes() == before
    assert sorted(file.name for file in path.parent.iterdir()) == ["weather.om", "weather.om.blake2b"]


def test_progress(path: Path) -> None:
    size = path.stat().st_size
    calls: list[tuple[int, int]] = []
    omfiles.write_hashes(path, progress=lambda *call: calls.append(call))
    assert calls == [(MIB, size), (2 * MIB, size), (3 * MIB, size), (size, size)]
    calls.clear()
    omfiles.verify(path, hashes=True, progress=lambda *call: calls.append(call))
    assert calls == sorted(calls) and calls[-1] == (2 * size, 2 * size)
