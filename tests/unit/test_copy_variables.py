# SPDX-License-Identifier: MIT
"""Copying compressed chunks, other encodings, and sums over arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import omfiles
from omfiles._tools.copy_variables import copy_array, copy_file
from omfiles._tools.statistics import statistics
from omfiles._tools.stored_chunks import chunk_sizes, encoded_parts, nbytes_stored

GOLDEN = sorted((Path(__file__).parents[1] / "golden" / "files").glob("*.om"))


@pytest.mark.parametrize("placement", ["tail", "inline"])
@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_copy_has_the_same_tree_and_the_same_chunks(path, placement, scratch_file):
    with omfiles.open(path) as root:
        copy_file(root, omfiles.OmFileWriter(scratch_file, placement))
        with omfiles.open(scratch_file) as copy:
            assert copy.tree() == root.tree()
            assert copy._span[0] > 0  # a file of version 3, also if the source is a legacy one
            if root.is_array:
                np.testing.assert_array_equal(chunk_sizes(copy), chunk_sizes(root))
                np.testing.assert_array_equal(copy[...], root[...])


@pytest.fixture
def damaged(tmp_path):
    """A file whose second chunk cannot be decoded."""
    path = tmp_path / "damaged.om"
    omfiles.save(path, np.arange(400, dtype="i4").reshape(20, 20) % 17, (5, 20), name="numbers")
    with omfiles.open(path) as reader:
        start = 3 + int(chunk_sizes(reader)[0])
    content = bytearray(path.read_bytes())
    content[start] = 0xFF
    path.write_bytes(content)
    return path


def test_chunks_that_stay_are_not_decoded(damaged, tmp_path):
    with omfiles.open(damaged) as reader:
        with pytest.raises(omfiles.OmFormatError):
            reader[5:10]
        copy_file(reader, omfiles.OmFileWriter(tmp_path / "copy.om"))
        assert (tmp_path / "copy.om").read_bytes() == damaged.read_bytes()
        with pytest.raises(omfiles.OmFormatError), omfiles.OmFileWriter(tmp_path / "other.om") as writer:
            copy_file(reader, writer, encoding=lambda array: {"chunks": (4, 20)})
    assert not (tmp_path / "other.om").exists()


def test_a_damaged_table_is_found_and_nothing_is_left(tmp_path):
    path = tmp_path / "array.om"
    omfiles.save(path, np.arange(400, dtype="i4").reshape(20, 20), (5, 20), name="numbers")
    content = bytearray(path.read_bytes())
    with omfiles.open(path) as reader:
        end = 3 + nbytes_stored(reader)
    content[end : end + 4] = b"\xff\xff\xff\xff"
    with omfiles.open(content) as reader:
        with pytest.raises(omfiles.OmFormatError, match="look-up table"):
            chunk_sizes(reader)
        with pytest.raises(omfiles.OmFormatError), omfiles.OmFileWriter(tmp_path / "copy.om") as writer:
            copy_file(reader, writer)
    assert [entry.name for entry in tmp_path.iterdir()] == ["array.om"]


@pytest.mark.parametrize("max_bytes", [1, 1000, 1 << 20])
def test_other_chunks_and_codecs(tmp_path, max_bytes):
    field = np.random.default_rng(1).normal(280, 10, (13, 11, 17)).astype(np.float32)
    omfiles.save(tmp_path / "in.om", field, (3, 4, 5), name="t2m", scale_factor=20)
    copied = []
    with omfiles.open(tmp_path / "in.om") as reader:
        for encoding in ({"chunks": (13, 2, 2)}, {"compression": "fpx_xor_2d"}, {"scale_factor": 10, "chunks": "auto"}):
            with omfiles.OmFileWriter(tmp_path / "out.om") as writer:
                copy_array(writer, reader, encoding=encoding, max_bytes=max_bytes, progress=copied.append)
            with omfiles.open(tmp_path / "out.om") as copy:
                atol = 0.0501 if "scale_factor" in encoding else 0
                np.testing.assert_allclose(copy[...], reader[...], rtol=0, atol=atol)
                assert copy.compression_name == encoding.get("compression", "pfor_delta_2d")
                assert encoding.get("chunks", (3, 4, 5)) in (copy.chunks, "auto")
    assert sum(copied) == 3 * field.nbytes


def test_scales_of_what_is_exact_do_not_matter(damaged, tmp_path):
    with omfiles.open(damaged) as reader, omfiles.OmFileWriter(tmp_path / "copy.om") as writer:
        copy_array(writer, reader, encoding={"scale_factor": 3})  # of integers: nothing is decoded
    assert omfiles.open(tmp_path / "copy.om").scale_factor == 3


def test_encodings_that_do_not_exist(damaged, tmp_path):
    with omfiles.open(damaged) as reader, omfiles.OmFileWriter(tmp_path / "copy.om") as writer:
        with pytest.raises(ValueError, match=r"'chunk'.*may have only"):
            copy_array(writer, reader, encoding={"chunk": (1, 1)})
        writer.discard()


def test_a_child_of_two_parents_is_copied_once(tmp_path):
    with omfiles.OmFileWriter(tmp_path / "in.om") as writer:
        shared = writer.write_array(np.arange(5000) ** 2 % 977, "auto", name="shared")
        groups = [writer.write_group(name, [shared]) for name in "ab"]
        writer.close(writer.write_group("", groups))
    with omfiles.open(tmp_path / "in.om") as root:
        copy_file(root, omfiles.OmFileWriter(tmp_path / "out.om"))
    assert (tmp_path / "out.om").read_bytes() == (tmp_path / "in.om").read_bytes()


def test_remote_chunks_are_the_same(tmp_path):
    omfiles.save(tmp_path / "in.om", np.arange(60_000, dtype="i4").reshape(200, 300) % 91, (7, 11), name="numbers")
    content = (tmp_path / "in.om").read_bytes()

    from omfiles.io import RangeReader

    class Store(RangeReader):
        name = "store"

        def size(self):
            return len(content)

        def read_ranges(self, ranges, *, concurrency):
            for index, (start, stop) in reversed(list(enumerate(ranges))):
                yield index, content[start:stop]

    with omfiles.open(tmp_path / "in.om") as local, omfiles.open(Store()) as remote:
        for one, other in zip(encoded_parts(local, 5000), encoded_parts(remote, 5000), strict=True):
            assert one.shape == other.shape
            np.testing.assert_array_equal(one.data, other.data)
            np.testing.assert_array_equal(one.ends, other.ends)
        copy_file(remote, omfiles.OmFileWriter(tmp_path / "out.om"))
    assert (tmp_path / "out.om").read_bytes() == content


def test_sizes_are_of_arrays_only(tmp_path):
    omfiles.save(tmp_path / "array.om", np.arange(6), name="numbers", attrs={"units": "K"})
    with omfiles.open(tmp_path / "array.om") as reader:
        assert nbytes_stored(reader) == chunk_sizes(reader).sum()
        with pytest.raises(ValueError, match="is not an array"):
            chunk_sizes(reader["units"])


@pytest.mark.parametrize("dtype", ["f4", "f8", "i2", "u8"])
def test_statistics_are_those_of_numpy(tmp_path, dtype, monkeypatch):
    monkeypatch.setattr("omfiles._tools.statistics.PART_BYTES", 500)
    values = np.random.default_rng(2).normal(100, 30, (23, 19)).astype(dtype)
    if values.dtype.kind == "f":
        values[3:5] = np.nan
    omfiles.save(tmp_path / "array.om", values, (5, 7), name="numbers")
    with omfiles.open(tmp_path / "array.om") as reader:
        found = statistics(reader)
        sizes = chunk_sizes(reader)
    assert (found.minimum, found.maximum) == (np.nanmin(values), np.nanmax(values))
    assert found.mean == pytest.approx(np.nanmean(values.astype("f8")), rel=1e-12)
    assert (found.n_values, found.n_nan) == (values.size, np.isnan(values.astype("f8")).sum())
    assert (found.n_chunks, found.smallest_chunk, found.largest_chunk) == (15, sizes.min(), sizes.max())
    assert (found.median_chunk, found.nbytes_stored, found.nbytes) == (np.median(sizes), sizes.sum(), values.nbytes)


def test_statistics_of_nothing_but_nan_and_of_infinities(tmp_path):
    for values, expected in (
        (np.full(4, np.nan), (None, None, None)),
        (np.array([1, np.inf]), (1, np.inf, np.inf)),
        (np.array([-np.inf, np.inf, 0]), (-np.inf, np.inf, np.nan)),
    ):
        omfiles.save(tmp_path / "array.om", values)
        found = statistics(omfiles.open(tmp_path / "array.om"))
        np.testing.assert_equal((found.minimum, found.maximum, found.mean), expected)
