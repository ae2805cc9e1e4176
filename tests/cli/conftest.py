# SPDX-License-Identifier: MIT
"""Runs commands in this process, on small files like those that people have."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from weather_fields import HOURS, LATITUDES, LONGITUDES, temperatures

import omfiles
from omfiles.cli import main


class Ran(NamedTuple):
    """What a command has done."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def run(capfdbinary: pytest.CaptureFixture[bytes]) -> Callable[..., Ran]:
    def call(*arguments: Any) -> Ran:
        capfdbinary.readouterr()
        code = main([str(argument) for argument in arguments])
        out, err = capfdbinary.readouterr()
        return Ran(code, out.decode("latin-1"), err.decode())

    return call


@pytest.fixture(scope="session")
def weather(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two fields in a group, with coordinates and attributes."""
    path = tmp_path_factory.mktemp("weather") / "weather.om"
    dims = ("time", "latitude", "longitude")
    with omfiles.OmFileWriter(path) as writer:
        t2m = writer.write_array(
            temperatures(), (24, 6, 8), 20, name="t2m", attrs={"units": "K", "long_name": "temperature"}, dims=dims
        )
        rain = np.zeros((len(HOURS), len(LATITUDES), len(LONGITUDES)), np.float32)
        rain[3:9, 4:8] = 0.5
        rain_handle = writer.write_array(rain, "auto", name="rain", compression="fpx_xor_2d", dims=dims)
        axes = [
            writer.write_array(HOURS, "auto", name="time", attrs={"units": "hours since 2026-11-01"}, dims=("time",)),
            *(
                writer.write_array(
                    values, "auto", name=name, compression="fpx_xor_2d", attrs={"units": units}, dims=(name,)
                )
                for name, values, units in (
                    ("latitude", LATITUDES, "degrees_north"),
                    ("longitude", LONGITUDES, "degrees_east"),
                )
            ),
        ]
        writer.close(writer.write_group("", [t2m, rain_handle, *axes], attrs={"title": "a test"}))
    return path
