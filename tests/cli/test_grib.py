# SPDX-License-Identifier: MIT
"""`convert` and `extract` of GRIB files, which ecCodes makes here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import omfiles

cfgrib = pytest.importorskip("cfgrib", reason="needs cfgrib and ecCodes", exc_type=Exception)
eccodes = pytest.importorskip("eccodes")
pytestmark = pytest.mark.filterwarnings("default")  # cfgrib and ecCodes may warn of what they like

HOURS = range(0, 12, 3)


def message(name: str, values: np.ndarray, hour: int, **keys: object) -> bytes:
    """Encode one field on a grid of 1 degree, from 60 degrees north and 0 degrees east on."""
    handle = eccodes.codes_grib_new_from_samples("regular_ll_sfc_grib2")
    n_rows, n_columns = values.shape
    settings = {
        "Ni": n_columns,
        "Nj": n_rows,
        "latitudeOfFirstGridPointInDegrees": 60,
        "latitudeOfLastGridPointInDegrees": 60 - (n_rows - 1),
        "longitudeOfFirstGridPointInDegrees": 0,
        "longitudeOfLastGridPointInDegrees": n_columns - 1,
        "iDirectionIncrementInDegrees": 1,
        "jDirectionIncrementInDegrees": 1,
        "dataDate": 20261101,
        "dataTime": 0,
        "stepRange": str(hour),
        **keys,
        "shortName": name,
        "bitsPerValue": 16,
    }
    for key, value in settings.items():
        eccodes.codes_set(handle, key, value)
    eccodes.codes_set_values(handle, values.ravel())
    encoded = eccodes.codes_get_message(handle)
    eccodes.codes_release(handle)
    return bytes(encoded)


def field(hour: int) -> np.ndarray:
    return 280 + hour + np.add.outer(np.arange(21.0), np.arange(31.0)) / 8


@pytest.fixture(scope="module")
def grib(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A forecast of some hours."""
    path = tmp_path_factory.mktemp("grib") / "forecast.grib2"
    with open(path, "wb") as file:
        for hour in HOURS:
            file.write(message("2t", field(hour), hour))
    return path


def test_forecast(run, grib, tmp_path):
    path = tmp_path / "forecast.om"
    options = ["--scale-factor", "t2m:20", "--chunks", "t2m:step=4,latitude=7,longitude=8"]
    assert run("convert", grib, path, *options) == (0, "", "")
    with (
        xr.open_dataset(grib, engine="cfgrib", backend_kwargs={"indexpath": ""}) as source,
        xr.open_dataset(path, engine="om") as new,
    ):
        assert new["t2m"].dims == source["t2m"].dims == ("step", "latitude", "longitude")
        np.testing.assert_allclose(new["t2m"], source["t2m"], atol=0.026)
        for name in ("step", "time", "latitude", "longitude"):
            np.testing.assert_array_equal(new[name], source[name])
        assert new["t2m"].attrs["units"] == "K"
    with omfiles.open(path) as reader:
        assert reader["t2m"].chunks == (4, 7, 8)
    assert [file.name for file in grib.parent.iterdir()] == [grib.name]  # no index beside it


def test_part_of_a_forecast(run, grib, tmp_path):
    path = tmp_path / "part.om"
    assert run("extract", grib, path, "--bbox", "3,50,7,55").code == 0
    with xr.open_dataset(path, engine="om") as part:
        np.testing.assert_allclose(part["t2m"][1], field(3)[5:11, 3:8], atol=0.01)


def test_period_of_a_forecast(run, grib, tmp_path):
    path = tmp_path / "part.om"
    assert run("extract", grib, path, "--time", "2026-11-01T06/2026-11-01T09") == (0, "", "")
    with xr.open_dataset(path, engine="om") as part:
        np.testing.assert_allclose(part["t2m"], [field(6), field(9)], atol=0.01)
        expected = np.array(["2026-11-01T06", "2026-11-01T09"], "M8[ns]")
        np.testing.assert_array_equal(part["valid_time"], expected)
    done = run("extract", grib, path, "--time", "2026-11-02", "--force")
    assert done.code == 1
    assert "they go from 2026-11-01T00:00:00 to 2026-11-01T09:00:00" in done.err


def test_period_of_one_message_and_of_several_runs(run, tmp_path):
    one, several = tmp_path / "one.grib", tmp_path / "several.grib"
    one.write_bytes(message("2t", field(6), 6))
    days = {20261101: 0, 20261102: 24}
    several.write_bytes(
        b"".join(message("2t", field(add + hour), hour, dataDate=day) for day, add in days.items() for hour in (0, 24))
    )
    assert run("extract", one, tmp_path / "one.om", "--time", "2026-11-01T06") == (0, "", "")
    with xr.open_dataset(tmp_path / "one.om", engine="om") as part:
        np.testing.assert_allclose(part["t2m"], field(6), atol=0.01)
    assert run("extract", several, tmp_path / "several.om", "--time", "2026-11-03") == (0, "", "")
    with xr.open_dataset(tmp_path / "several.om", engine="om") as part:
        np.testing.assert_allclose(np.squeeze(part["t2m"]), field(48), atol=0.01)
        assert part["valid_time"].values.tolist() == [[np.datetime64("2026-11-03", "ns").astype(int)]]


def test_levels_of_several_kinds_become_groups(run, tmp_path):
    content = message("2t", field(0), 0) + message("t", field(6) - 9, 0, typeOfLevel="isobaricInhPa", level=850)
    (tmp_path / "two.grib").write_bytes(content)
    assert run("convert", tmp_path / "two.grib", tmp_path / "two.om").code == 0
    with omfiles.open(tmp_path / "two.om") as reader:
        np.testing.assert_allclose(reader["isobaricInhPa/t"][...], field(6) - 9, atol=0.01)
        np.testing.assert_allclose(reader["heightAboveGround/t2m"][...], field(0), atol=0.01)


def test_grib_is_read_only(run, weather, tmp_path):
    done = run("convert", weather, tmp_path / "forecast.grib2")
    assert done.code == 2
    assert "GRIB" in done.err
    assert list(tmp_path.iterdir()) == []


def test_files_that_are_no_grib(run, tmp_path):
    (tmp_path / "text.grib").write_text("no messages in here")
    done = run("convert", tmp_path / "text.grib", tmp_path / "text.om")
    assert done.code == 1
    assert "has no GRIB messages" in done.err
    assert "Traceback" not in done.err
