# SPDX-License-Identifier: MIT
from __future__ import annotations

import dataclasses
import json
from datetime import datetime, timedelta, timezone

import fsspec
import numpy as np
import pandas as pd
import pytest
from models import MODELS
from shared import run_python

from omfiles.grids import OmGrid
from omfiles.meta import EPOCH, OmChunksMeta, OmMetaBase, OmSpatialMeta, to_datetime64

CHUNKS = {
    "crs_wkt": "Gaussian Grid O320",
    "chunk_time_length": 121,
    "data_end_time": 1753300800,
    "last_run_availability_time": 1753265100,
    "last_run_initialisation_time": 1753250400,
    "last_run_modification_time": 1753264200,
    "temporal_resolution_seconds": 3600,
    "update_interval_seconds": 10800,
}
SPATIAL = {
    "crs_wkt": "x",
    "last_modified_time": "2025-07-23T09:12:00Z",
    "reference_time": "2025-07-23T06:00Z",
    "valid_times": ["2025-07-23T07:00Z", "2025-07-23T08:00Z"],
    "variables": ["rain", "temperature_2m"],
}


@pytest.fixture
def meta():
    return OmChunksMeta.from_dict(CHUNKS)


@pytest.mark.parametrize(("kind", "fields"), [(OmChunksMeta, CHUNKS), (OmSpatialMeta, SPATIAL)])
def test_ways_to_read(kind, fields):
    expected = kind(*fields.values())
    text = json.dumps(fields | {"completed": True})
    memory = fsspec.filesystem("memory")
    memory.pipe("/test_meta/meta.json", text.encode())
    assert vars(expected) == fields
    assert kind.from_dict(fields | {"completed": True}) == expected
    assert kind.from_metajson_string(text) == kind.from_metajson_string(text.encode()) == expected
    assert kind.from_s3_json_path("/test_meta/meta.json", memory) == expected
    assert isinstance(expected, OmMetaBase)


def test_bad_content():
    with pytest.raises(json.JSONDecodeError):
        OmSpatialMeta.from_metajson_string("{")
    with pytest.raises(TypeError, match="'variables'"):
        OmSpatialMeta.from_dict({name: SPATIAL[name] for name in SPATIAL if name != "variables"})
    with pytest.raises(TypeError, match="an object of JSON, not list"):
        OmSpatialMeta.from_metajson_string("[]")


def test_grid(meta):
    assert meta.get_grid([1, 421120]) == OmGrid("Gaussian Grid O320", (1, 421120))
    model = MODELS["ICON-D2"]
    assert OmMetaBase(model.wkt()).get_grid(model.shape).shape == model.shape


@pytest.mark.parametrize(
    ("timestamp", "seconds"),
    [
        (np.datetime64("1970-01-01"), 0),
        (np.datetime64(435600, "s"), 435600),
        (np.datetime64(435600 * 10**9 - 1, "ns"), 435599),
        (np.datetime64("2025-07", "M"), 1751328000),
        (np.datetime64("1969-12-31T23:59:59.999"), -1),
        (np.datetime64("1900", "Y"), -2208988800),
        ("2025-07-01T12:00Z", 1751371200),
        ("2025-07-01T12:00:00.5Z", 1751371200),
        ("2025-07-01T12:00+12:00", 1751328000),
        ("2025-07-01T12:00", 1751371200),
        ("2025-07", 1751328000),
        (1751371200, 1751371200),
        (np.int64(-1), -1),
        (datetime(2025, 7, 1, 12), 1751371200),
        (datetime(2025, 7, 1, 12, tzinfo=timezone(timedelta(hours=12))), 1751328000),
        (pd.Timestamp("2025-07-01 12:00:00.5"), 1751371200),
        (pd.Timestamp("2025-07-01 02:00", tz="Europe/Berlin"), 1751328000),
    ],
)
def test_time_to_chunk_index(meta, timestamp, seconds):
    index = meta.time_to_chunk_index(timestamp)
    assert type(index) is int
    assert index == seconds // (121 * 3600)
    every_second = dataclasses.replace(meta, chunk_time_length=1, temporal_resolution_seconds=1)
    assert every_second.time_to_chunk_index(timestamp) == seconds
    times = meta.get_chunk_time_range(index)
    assert times[0] <= np.datetime64(seconds, "s") < times[0] + np.timedelta64(121 * 3600, "s")


@pytest.mark.parametrize("timestamp", [np.datetime64("NaT", "s"), pd.NaT])
def test_not_a_time(meta, timestamp):
    with pytest.raises(ValueError, match="NaT"):
        meta.time_to_chunk_index(timestamp)


@pytest.mark.parametrize("text", ["", "noon", "2025-07-01T25:00Z"])
def test_texts_that_are_no_times(text):
    with pytest.raises(ValueError):  # noqa: PT011 - of datetime or numpy
        to_datetime64(text)


def test_times_by_which_datasets_are_selected():
    xr = pytest.importorskip("xarray")
    run = OmSpatialMeta.from_dict(SPATIAL)
    hours = np.array(["2025-07-23T06", "2025-07-23T07", "2025-07-23T08"], "M8[ns]")
    ds = xr.Dataset({"rain": ("valid_time", [0, 1, 2])}, {"valid_time": hours})
    assert run.times.dtype == np.dtype("M8[s]")
    assert run.times.tolist() == hours[1:].astype("M8[s]").tolist()
    for time in (run.times[1], *map(to_datetime64, (run.valid_times[1], pd.Timestamp(run.valid_times[1])))):
        assert ds.sel(valid_time=time)["rain"] == 2
    assert ds.sel(valid_time=to_datetime64(pd.Timestamp("2025-07-23 09:00", tz="Europe/Berlin")))["rain"] == 1
    assert ds.sel(valid_time=run.times)["rain"].values.tolist() == [1, 2]
    assert ds.sel(valid_time=slice(run.times[0], None))["rain"].values.tolist() == [1, 2]
    assert run.forecast_reference_time == hours[0]
    assert run.forecast_reference_time.dtype == np.dtype("M8[s]")
    chunks = OmChunksMeta.from_dict(CHUNKS)
    assert to_datetime64(chunks.data_end_time) == np.datetime64("2025-07-23T20:00")
    hourly = chunks.get_chunk_time_range(4024).astype("M8[ns]")
    series = xr.Dataset({"rain": ("time", np.arange(121))}, {"time": hourly})
    assert series.sel(time=run.times[0])["rain"] == 111, "hours after 2025-07-18T16:00"


def test_chunks_for_date_range(meta):
    first = np.datetime64(435600 * 4000, "s")
    hour = np.timedelta64(1, "h")
    assert meta.chunks_for_date_range(first, first) == [4000]
    assert meta.chunks_for_date_range(first - hour, first + 121 * hour) == [3999, 4000, 4001]
    assert meta.chunks_for_date_range(first, first - hour) == []


@pytest.mark.parametrize("index", [0, 4024, -3])
def test_get_chunk_time_range(meta, index):
    times = meta.get_chunk_time_range(index)
    assert times.dtype == np.dtype("datetime64[s]")
    np.testing.assert_array_equal((times - EPOCH).astype(int), 3600 * np.arange(121 * index, 121 * index + 121))


def test_no_fsspec_needed():
    code = "import sys; sys.modules['fsspec'] = None; import omfiles.meta, omfiles.chunk_reader"
    run_python(code)
