# SPDX-License-Identifier: MIT
"""`precision`, which cannot be mistaken for its inverse, and the warning of scales that are mistaken."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import omfiles
from omfiles import ArraySpec, OmFileWriter, encode_part

VALUES = np.linspace(280.1, 281.7, 24).astype("f4").reshape(4, 6)


def save(path: Any, data: Any, **options: Any) -> None:
    omfiles.save(path, data, (2, 6), **options)


def write_array(path: Any, data: Any, **options: Any) -> None:
    with OmFileWriter(path) as writer:
        writer.write_array(data, (2, 6), **options)


def stream(path: Any, data: Any, **options: Any) -> None:
    with OmFileWriter(path) as writer:
        writer.write_array_streaming(data.shape, (2, 6), iter([data[:2], data[2:]]), data.dtype, **options)


def parts(path: Any, data: Any, **options: Any) -> None:
    spec = ArraySpec(shape=data.shape, chunks=(2, 6), dtype=data.dtype, **options)
    with OmFileWriter(path) as writer:
        writer.write_parts(spec, [encode_part(spec, data[:2]), data[2:]])


def dask_array(path: Any, data: Any, **options: Any) -> None:
    da = pytest.importorskip("dask.array")
    from omfiles.dask import write_dask_array

    with OmFileWriter(path) as writer:
        write_dask_array(writer, da.from_array(data, (2, 6)), (2, 6), **options)


def dataset(path: Any, data: Any, **options: Any) -> None:
    xarray = pytest.importorskip("xarray")
    from omfiles.xarray import write_dataset

    write_dataset(xarray.Dataset({"data": (("x", "y"), data)}), path, **options)


def encoding(path: Any, data: Any, **options: Any) -> None:
    dataset(path, data, encoding={"data": options})


def copied(path: Any, data: Any, **options: Any) -> None:
    omfiles.save(f"{path}.exact", data)
    from omfiles._tools.copy_variables import copy_array

    with omfiles.open(f"{path}.exact") as reader, OmFileWriter(path) as writer:
        copy_array(writer, reader, encoding={"compression": "pfor_delta_2d", **options})


def command(path: Any, data: Any, **options: Any) -> None:
    from omfiles.cli import main

    omfiles.save(f"{path}.exact.om", data)
    given = [text for key, value in options.items() for text in (f"--{key.replace('_', '-')}", str(value))]
    assert main(["convert", f"{path}.exact.om", str(path), *given]) == 0


WAYS: list[Callable[..., None]] = [
    save, write_array, stream, parts, dask_array, dataset, encoding, copied, command
]  # fmt: skip


def read(path: Any) -> Any:
    with omfiles.open(path) as root:
        array = root if root.is_array else root["data"]
        return array[...], array.scale_factor


@pytest.mark.parametrize("write", WAYS)
@pytest.mark.parametrize(("precision", "scale"), [(0.01, 100), (0.25, 4), (np.float32(0.05), 20)])
def test_precision_is_the_distance_between_steps(tmp_path, write, precision, scale):
    write(tmp_path / "a.om", VALUES, precision=precision)
    found, stored = read(tmp_path / "a.om")
    assert stored == scale
    np.testing.assert_allclose(found, VALUES, rtol=0, atol=precision / 2 + 2e-5)


@pytest.mark.parametrize("write", WAYS)
def test_a_scale_that_means_its_inverse_is_warned_of(tmp_path, write, capsys):
    message = r"280.1 to 281.7, are rounded to steps of 100 by scale_factor=0.01. .* precision=0.01; .* inverse, 100"
    if write is command:  # which tells it on its own
        write(tmp_path / "a.om", VALUES, scale_factor=0.01)
        assert re.search(message, capsys.readouterr().err)
    else:
        with pytest.warns(UserWarning, match=message) as caught:
            write(tmp_path / "a.om", VALUES, scale_factor=0.01)
        assert len(caught) == 1
    assert set(np.unique(read(tmp_path / "a.om")[0])) == {300}


@pytest.mark.parametrize("write", [write_array, stream, parts, dask_array])
@pytest.mark.parametrize(
    ("data", "scale"),
    [
        (VALUES, 1),  # the default
        (VALUES / 1000, 1),
        (VALUES / 100000, 10),
        (np.where(VALUES > 281, np.nan, VALUES), 0.1),
        (np.full((4, 6), 281.7), 0.01),
    ],
)
def test_scales_that_are_too_coarse(tmp_path, write, data, scale):
    with pytest.warns(
        UserWarning, match=f"are rounded to steps of {1 / scale:g} by scale_factor={scale:g}.*precision="
    ):
        write(tmp_path / "a.om", data.astype("f4"), scale_factor=scale)


@pytest.mark.parametrize("write", [write_array, stream, parts, dask_array])
@pytest.mark.parametrize(
    ("data", "options"),
    [
        (VALUES, {"scale_factor": 20}),
        (VALUES * 100, {"scale_factor": 0.1}),
        (np.zeros((4, 6)), {"scale_factor": 10}),  # no rain
        (np.where(VALUES.max() == VALUES, 0.1, 0), {"scale_factor": 10}),
        (np.where(VALUES.max() == VALUES, 30, 0.01), {"scale_factor": 10}),  # somewhere it rains
        (np.where(VALUES.min() == VALUES, 30, 0.01), {"scale_factor": 1}),
        (np.full((4, 6), 300), {"scale_factor": 0.01}),
        (np.full((4, 6), np.nan), {"scale_factor": 0.01}),
        (np.full((4, 6), 281.234), {"precision": 0.1}),
        (VALUES / 1000, {"compression": "fpx_xor_2d"}),
        (VALUES / 1000, {"compression": "pfor_delta_2d_int16_logarithmic", "scale_factor": 1000}),
        (VALUES.astype(int) // 200, {"scale_factor": 0.01}),
    ],
)
def test_scales_that_are_fine(tmp_path, write, data, options):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write(tmp_path / "a.om", data if data.dtype.kind == "i" else data.astype("f4"), **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"precision": 0.01, "scale_factor": 100}, "only one of them"),
        ({"precision": 0}, "precision is the distance"),
        ({"precision": -0.1}, "precision is the distance"),
        ({"precision": np.nan}, "precision must be finite"),
        ({"precision": 0.1, "compression": "fpx_xor_2d"}, "fpx_xor_2d has none"),
        ({"precision": 0.1, "compression": "pfor_delta_2d_int16_logarithmic"}, "logarithmic has none"),
    ],
)
@pytest.mark.parametrize("write", [save, write_array, stream, parts, dask_array, dataset, encoding])
def test_mistakes(tmp_path, write, options, message):
    with pytest.raises(ValueError, match=message):
        write(tmp_path / "a.om", VALUES, **options)


@pytest.mark.parametrize("write", [save, write_array, encoding])
def test_integers_have_no_precision(tmp_path, write):
    with pytest.raises(ValueError, match=r"precision|for floats"):
        write(tmp_path / "a.om", VALUES.astype("i4"), precision=0.1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dtype": "i2", "scale_factor": 0.01, "_FillValue": -1}, "scale_factor=0.01 .* is precision=0.01 here"),
        ({"zlib": True, "complevel": 4}, "compression= is the name"),
        ({"chunksizes": (1, 2)}, "chunks="),
        ({"least_significant_digit": 2}, "precision=0.01"),
        ({"unheard_of": 2}, "may have only"),
    ],
)
def test_encoding_of_other_formats_is_translated(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        encoding(tmp_path / "a.om", VALUES, **options)
