# SPDX-License-Identifier: MIT
"""`info`, `tree`, `ls`, `dump`, `stats`, `verify`, `hash` and `bench`."""

from __future__ import annotations

import io

import numpy as np
import pytest
from weather_fields import HOURS, LATITUDES, temperatures

import omfiles


def test_info_shows_sizes_and_attributes(run, weather):
    done = run("info", weather)
    assert done.code == 0 and done.err == ""
    lines = done.out.splitlines()
    assert "OM version 3" in lines[0] and "1 group, 5 arrays" in lines[0]
    (row,) = (line for line in lines if line.startswith("t2m "))
    assert row.split()[8:12] == ["pfor_delta_2d", "20", "147", "kB"]
    assert "title      a test" in lines


def test_info_for_programs(run, weather):
    found = run("info", weather, "--json").json
    arrays = {one["path"]: one for one in found["variables"]}
    assert found["bytes"] == weather.stat().st_size
    assert arrays["t2m"]["chunks"] == [24, 6, 8] and arrays["t2m"]["attributes"]["units"] == "K"
    assert arrays["t2m"]["nbytes"] == 48 * 24 * 32 * 4 and 0 < arrays["t2m"]["nbytes_stored"] < 30_000
    assert found["attributes"] == {"title": "a test"}


def test_info_of_one_variable(run, weather):
    done = run("info", weather, "t2m")
    assert "units        K" in done.out and "rain" not in done.out


def test_tree(run, weather):
    assert "t2m  float32 (48, 24, 32) chunks (24, 6, 8)" in run("tree", weather).out.encode("latin-1").decode()
    tree = run("tree", weather, "--json").json
    assert [child["name"] for child in tree["children"]] == ["t2m", "rain", "time", "latitude", "longitude"]


def test_ls(run, weather, golden):
    assert run("ls", weather).out.split() == ["t2m", "rain", "time", "latitude", "longitude"]
    assert run("ls", "-l", weather).out.splitlines()[1].split()[:2] == ["t2m", "float32"]
    paths = [one["path"] for one in run("ls", "-r", "--json", golden / "files" / "hierarchy-tail.om").json]
    assert len(set(paths)) == len(paths) > 3 and any("/" in path for path in paths)


def test_legacy_files_are_called_so(run, golden):
    assert "legacy" in run("info", golden / "files" / "legacy-v1-pfor_delta_2d_int16.om").out


def test_dump_text_reads_back(run, weather):
    text = run("dump", weather, "t2m", "--slice", "::20, 2, -5:").out
    expected = omfiles.open(weather)["t2m"][::20, 2, -5:]
    np.testing.assert_array_equal(np.loadtxt(io.StringIO(text), dtype="f4"), expected)


def test_dump_separates_maps(run, weather):
    text = run("dump", weather, "t2m", "-s", ":2,:3,:4").out
    assert [len(part.splitlines()) for part in text.split("\n\n")] == [3, 3]


def test_dump_of_a_single_value(run, weather):
    assert float(run("dump", weather, "time", "--slice", "-1").out) == HOURS[-1]


def test_dump_csv_has_indices_of_the_array(run, weather):
    header, *lines = run("dump", weather, "t2m", "--slice", "47:43:-2,3,5:7", "--format", "csv").out.splitlines()
    assert header == "time,longitude,t2m"
    stored = omfiles.open(weather)["t2m"]
    for line, (hour, column) in zip(lines, [(47, 5), (47, 6), (45, 5), (45, 6)], strict=True):
        assert line.split(",") == [str(hour), str(column), str(stored[hour, 3, column])]


@pytest.mark.parametrize("key", ["...", "::-3,:,2", "5,5,5", "3:3"])
def test_dump_npy_is_what_numpy_loads(run, weather, tmp_path, key, monkeypatch):
    monkeypatch.setattr("omfiles._cli.values.SLAB_ELEMENTS", 700)
    assert run("dump", weather, "t2m", "--slice", key, "-o", tmp_path / "t2m.npy").code == 0
    expected = eval(f"omfiles.open(weather)['t2m'][{key}]")
    np.testing.assert_array_equal(np.load(tmp_path / "t2m.npy"), expected)
    assert [path.name for path in tmp_path.iterdir()] == ["t2m.npy"]


def test_stats(run, weather):
    (found,) = run("stats", weather, "t2m", "--json").json
    values = temperatures()
    assert found["minimum"] == pytest.approx(np.nanmin(values), abs=0.026)
    assert found["n_nan"] == np.isnan(values).sum()
    table = run("stats", weather).out.splitlines()
    assert [line.split()[0] for line in table[1:]] == ["t2m", "rain", "time", "latitude", "longitude"]
    assert "0.8%" in table[1]


def test_verify_and_hashes(run, weather, tmp_path):
    path = tmp_path / "weather.om"
    path.write_bytes(weather.read_bytes())
    assert run("hash", path).code == 0
    assert run("hash", path).code == 1  # it is there
    assert run("verify", path, "--hashes").code == 0
    content = bytearray(path.read_bytes())
    content[500] ^= 0x10
    path.write_bytes(content)
    damaged = run("verify", path, "--hashes", "--json")
    assert damaged.code == 1 and damaged.json["ok"] is False
    assert "not those that were hashed" in damaged.json["problems"][-1]["message"]
    assert "problem" in run("verify", "--hashes", f"{path}.blake2b", path).out


def test_bench_measures_what_there_is(run, weather):
    found = run("bench", weather, "--json", "--seconds", "0.001").json
    assert [one["path"] for one in found["results"]] == ["t2m", "rain"]
    assert all(one["nbytes_read"] > 0 and one["bytes_per_second"] > 0 and one["points"] > 0 for one in found["results"])
    assert "point, series: median" in run("bench", weather, "latitude", "--seconds", "0.001").out


def test_urls(run, weather):
    import fsspec

    fsspec.filesystem("memory").pipe_file("/cli/weather.om", weather.read_bytes())
    assert run("dump", "memory://cli/weather.om", "latitude", "--slice", ":2").out.split() == list(
        map(str, LATITUDES[:2])
    )
    assert run("verify", "memory://cli/weather.om").code == 0
    assert run("ls", "memory://cli/other.om").err == "omfiles ls: No such file or directory: '/cli/other.om'\n"


def test_storage_options_reach_the_filesystem(run, weather):
    import fsspec

    class Guarded(fsspec.get_filesystem_class("memory")):
        protocol = "guarded"
        cachable = False  # codespell:ignore cachable

        def __init__(self, *, anon, retries, **options):
            assert (anon, retries) == (True, 3)
            super().__init__(**options)

        @classmethod
        def _strip_protocol(cls, path):
            return super()._strip_protocol(path.replace("guarded://", "memory://"))

    fsspec.register_implementation("guarded", Guarded, clobber=True)
    fsspec.filesystem("memory").pipe_file("/cli/weather.om", weather.read_bytes())
    options = ("--storage-option", "anon=true", "--storage-option", "retries=3")
    assert run("ls", "guarded://cli/weather.om", *options).out.startswith("t2m")
