# SPDX-License-Identifier: MIT
"""`ArraySpec`: the defaults and checks of the writer, as a value that can be passed around."""

from __future__ import annotations

import dataclasses
import inspect
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from omfiles import ArraySpec, OmFileWriter, encode_part

SPEC = ArraySpec(name="t", shape=(5, 8), chunks=(2, 20), dtype=">f4", scale_factor=0.1)


def test_arguments_are_normalised() -> None:
    assert (SPEC.shape, SPEC.chunks, SPEC.dtype) == ((5, 8), (2, 8), np.dtype("f4"))
    assert SPEC.dtype.isnative
    assert SPEC.scale_factor == float(np.float32(0.1))
    assert ArraySpec(shape=np.array([721, 1440]), chunks="auto", dtype="f4").chunks == (91, 180)


def test_it_is_a_value() -> None:
    for same in (pickle.loads(pickle.dumps(SPEC)), dataclasses.replace(SPEC), eval(repr(SPEC), vars(np) | globals())):
        assert same == SPEC
        assert hash(same) == hash(SPEC)
    assert dataclasses.replace(SPEC, chunks=[5, 8]).chunks == (5, 8)
    with pytest.raises(dataclasses.FrozenInstanceError):
        SPEC.name = "u"  # type: ignore[misc]
    with pytest.raises(TypeError):
        ArraySpec((5, 8), (2, 8), "f4")  # type: ignore[call-arg, misc]


@pytest.mark.parametrize("method", [OmFileWriter.write_array, OmFileWriter.write_array_streaming])
def test_the_defaults_are_those_of_the_writer(method: Any) -> None:
    writer = inspect.signature(method).parameters
    for name, parameter in inspect.signature(ArraySpec).parameters.items():
        if parameter.default is not inspect.Parameter.empty:
            assert parameter.default == writer[name].default, name


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"shape": ()}, ValueError, "at least one dimension"),
        ({"chunks": (1,)}, ValueError, "wrong number of elements"),
        ({"dtype": None}, TypeError, "dtype must be"),
        ({"dtype": "c8"}, ValueError, "Unsupported array data type"),
        ({"scale_factor": 0}, ValueError, "scale_factor must not be 0"),
        ({"add_offset": np.inf}, ValueError, "add_offset must be finite"),
        ({"compression": "zip"}, ValueError, "compression must be one of"),
        ({"compression": "pfor_delta_2d_int16", "dtype": "f8"}, ValueError, "Invalid data type"),
        ({"overflow": "wrap"}, ValueError, "overflow must be"),
        ({"name": 5}, TypeError, "name must be a str"),
    ],
)
def test_wrong_arguments(change: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        dataclasses.replace(SPEC, **change)


def test_parts_give_the_same_file_as_the_array(tmp_path: Path) -> None:
    data = np.linspace(0, 100, 40, dtype=np.float32).reshape(5, 8)
    with OmFileWriter(tmp_path / "whole.om") as writer:
        child = writer.write_scalar(1, "child")
        writer.write_array(data, (2, 8), 0.1, name="t", children=[child], attrs={"units": "K"}, dims=("y", "x"))
    with OmFileWriter(tmp_path / "parts.om") as writer:
        child = writer.write_scalar(1, "child")
        parts = [encode_part(SPEC, data[:2]), data[2:]]
        writer.write_parts(SPEC, parts, [child], attrs={"units": "K"}, dims=("y", "x"))
    assert (tmp_path / "parts.om").read_bytes() == (tmp_path / "whole.om").read_bytes()


def test_wrong_parts(tmp_path: Path) -> None:
    with OmFileWriter(tmp_path / "t.om") as writer:
        with pytest.raises(TypeError, match=r"spec must be an ArraySpec, not \(5, 8\)"):
            writer.write_parts((5, 8), [])  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="parts must be an iterable"):
            writer.write_parts(SPEC, 5)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="the iterator ended after 0 items"):
            writer.write_parts(SPEC, [])
        writer.discard()
    with pytest.raises(ValueError, match=r"a part has shape \(2, 3, 4\), but the array has 2 dimensions"):
        encode_part(SPEC, np.zeros((2, 3, 4), "f4"))
