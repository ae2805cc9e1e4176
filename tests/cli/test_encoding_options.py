# SPDX-License-Identifier: MIT
"""Which option counts for which variable."""

from __future__ import annotations

import argparse

import numpy as np
import pytest

from omfiles._cli.common import CommandError
from omfiles._cli.encoding import EncodingOptions, add_encoding

DIMS, SHAPE = ("time", "lat", "lon"), (100, 20, 30)


def encoding(*options, path="t2m", dims=DIMS, shape=SHAPE, dtype="f4", is_coordinate=False):
    parser = argparse.ArgumentParser()
    add_encoding(parser)
    parsed = EncodingOptions.parse(parser.parse_args(options))
    assert bool(parsed) == bool(options)
    return parsed.for_variable(path, dims, shape, np.dtype(dtype), is_coordinate)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], {}),
        (["--chunks=1,2,3"], {"chunks": (1, 2, 3)}),
        (["--chunks=auto", "--chunks=1,2,3"], {"chunks": "auto"}),
        (["--chunks=1,2", "--chunks=4,5,6"], {"chunks": (4, 5, 6)}),
        (["--chunks=x=3", "--chunks=lat=5,time=7"], {"chunks": (7, 5, 30)}),
        (["--chunks=t2m:1,1,1", "--chunks=auto", "--chunks=t2m:2,2,2"], {"chunks": (2, 2, 2)}),
        (["--chunks=t2m:1,1"], {"chunks": (1, 1)}),
        (["--scale-factor=10", "--scale-factor=20"], {"scale_factor": 20}),
        (["--scale-factor=t2m:5", "--scale-factor=20", "--add-offset=1"], {"scale_factor": 5, "add_offset": 1}),
        (["--compression=rain:fpx_xor_2d"], {}),
    ],
)
def test_a_variable(options, expected):
    assert encoding(*options) == expected


@pytest.mark.parametrize("other", [{"is_coordinate": True}, {"dtype": "i4"}])
def test_scales_are_for_float_data_unless_a_variable_is_named(other):
    assert encoding("--scale-factor=10", **other) == {}
    assert encoding("--scale-factor=t2m:10", **other) == {"scale_factor": 10}


def test_chunks_are_for_data_unless_a_coordinate_is_named():
    assert encoding("--chunks=lat=5", path="lat", dims=("lat",), shape=(20,), is_coordinate=True) == {}
    assert encoding("--chunks=lat:lat=5", path="lat", dims=("lat",), shape=(20,), is_coordinate=True) == {
        "chunks": (5,)
    }


def test_what_fits_nothing():
    with pytest.raises(CommandError, match="t2m has no dimension 'x'; there are 'time', 'lat', 'lon'"):
        encoding("--chunks=t2m:x=3,y=4")
    options = EncodingOptions({}, {"t2m": {"scale_factor": 10.0}})
    options.check(["t2m", "rain"])
    with pytest.raises(CommandError, match="an option is for the variable 't2m'; there are 'rain'"):
        options.check(["rain"])


def test_nothing_is_written_if_an_option_is_for_no_variable(run, weather, tmp_path):
    assert run("extract", weather, tmp_path / "cut.om", "--scale-factor", "t2n:10").code == 2
    assert not list(tmp_path.glob("cut*"))
