# SPDX-License-Identifier: MIT
"""The pages on remote files and on the command line do what they show, with local servers in place of those named."""

from __future__ import annotations

import dataclasses
import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from servers import S3, Http

import omfiles
from omfiles.cli import main
from omfiles.meta import OmChunksMeta

pytest.importorskip("xarray")
pytest.importorskip("matplotlib")
pytest.importorskip("netCDF4")
pytest.importorskip("zarr")

pytestmark = pytest.mark.slow

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a new folder, where s3:// is the local server, with or without a key."""
    from fsspec.config import conf

    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(conf, "s3", s3.options)


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", (DOCS / page).read_text(), re.MULTILINE | re.DOTALL)


def run_python(block: str, names: dict[str, object]) -> None:
    exec(compile(block, "page", "exec", dont_inherit=True), names)


def test_command_line(s3: S3, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    for block in blocks("cli.md", "python"):
        run_python(block, {})
    s3.put("weather.om", (tmp_path / "weather.om").read_bytes())
    for session in blocks("cli.md", "console"):
        for command, shown in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", session, re.MULTILINE):
            program, *arguments = shlex.split(command)
            assert program == "omfiles"
            target = Path(arguments.pop()) if arguments[-2:-1] == [">"] else None
            arguments = [argument for argument in arguments if argument != ">"]
            capfdbinary.readouterr()
            assert main(arguments) == 0, command
            out, err = capfdbinary.readouterr()
            assert err == b""
            if target:
                target.write_bytes(out)
                out = b""
            if arguments[0] == "bench":  # every run has other numbers, and columns of other widths
                assert out.splitlines()[0].split() == shown.encode().splitlines()[0].split()
            else:
                assert out.decode() == shown, command


def s3_openmeteo(s3: S3, folder: Path) -> None:
    """Make a bucket as Open-Meteo has it, with a year of hours on a grid of 2 degrees."""
    grid = (
        'GEOGCRS["WGS 84",DATUM["WGS 84",ELLIPSOID["WGS 84",6378137,298.257223563]],CS[ellipsoidal,2],'
        'AXIS["latitude",north],AXIS["longitude",east],ANGLEUNIT["degree",0.0174532925199433],'
        'USAGE[SCOPE["grid"],BBOX[-90,-180,90,178]]]'
    )
    meta = OmChunksMeta(grid, 1000, 0, 0, 0, 0, 3600, 10800)
    content = {"static/meta.json": json.dumps(dataclasses.asdict(meta)).encode()}
    places = 100 * np.arange(91, dtype="float32")[:, None, None] + np.arange(180, dtype="float32")[:, None]
    for index in meta.chunks_for_date_range(np.datetime64("2025-11-01"), np.datetime64("2026-11-01")):
        hours = meta.get_chunk_time_range(index).astype("datetime64[h]").astype(int) % 24
        omfiles.save(folder / "chunk.om", places + hours, (1, 10, 1000), name="", scale_factor=1)
        content[f"temperature_2m/chunk_{index}.om"] = (folder / "chunk.om").read_bytes()
    s3.client.create_bucket(Bucket="openmeteo")
    for name, data in content.items():
        s3.client.put_object(Bucket="openmeteo", Key=f"data/dwd_icon/{name}", Body=data, ACL="public-read")


def test_remote_files(s3: S3, http: Http, tmp_path: Path) -> None:
    rain, wind = np.arange(6.0).reshape(2, 3), np.arange(6).reshape(2, 3)
    with omfiles.OmFileWriter("file.om") as writer:
        arrays = [writer.write_array(rain, "auto", name="rain"), writer.write_array(wind, "auto", name="wind")]
        writer.close(writer.write_group("", arrays))
    s3_openmeteo(s3, tmp_path)
    content = (tmp_path / "file.om").read_bytes()
    s3.put("file.om", content)
    s3.client.put_object_acl(Bucket=s3.bucket, Key="file.om", ACL="public-read")
    http.files["file.om"] = content
    names: dict[str, object] = {"key": "key", "secret": "secret", "field": rain}
    for block in blocks("remote.md", "python"):
        run_python(block.replace("https://example.com", http.url), names)
    np.testing.assert_array_equal(names["rain"], rain[0])
    np.testing.assert_array_equal(names["wind"], wind[0])
    hours = np.arange(np.datetime64("2025-11-01T00"), np.datetime64("2026-11-01T01"))
    np.testing.assert_array_equal(names["times"], hours)
    np.testing.assert_array_equal(names["values"], 100 * 71 + 97 + hours.astype(int) % 24)  # 52 N, 14 E
    with omfiles.open("s3://bucket/new.om") as reader:
        np.testing.assert_array_equal(reader[...], rain)
