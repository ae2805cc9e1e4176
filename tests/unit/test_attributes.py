# SPDX-License-Identifier: MIT
"""Attributes as a mapping."""

from collections.abc import Mapping

import numpy as np
import pytest

import omfiles
from omfiles import OmFileReader
from omfiles._reading.attributes import SHOWN, Attributes
from omfiles.testing.reference import Variable, write_file


def opened(name, *children):
    return omfiles.open(write_file(Variable(name, None, list(children))))


@pytest.fixture
def reader():
    return opened(
        "t2m",
        Variable("units", "K"),
        Variable("lat", np.zeros(3), [], (3,)),
        Variable("group", None, [Variable("inner", "x")]),
        Variable("height", np.int8(2)),
        Variable("units", "second"),
        Variable("level", np.int8(5), [Variable("units", "hPa")]),
        Variable("lat", np.float64(50)),
    )


def test_scalar_children_without_children_in_file_order(reader):
    attrs = Attributes(reader)
    assert isinstance(attrs, Mapping)
    assert list(attrs.items()) == [("units", "K"), ("height", 2), ("lat", 50)]
    assert type(attrs["height"]) is np.int8
    assert len(attrs) == 3
    assert "units" in attrs
    assert "level" not in attrs
    assert attrs == {"units": "K", "height": 2, "lat": 50}
    assert attrs.get("group") is None
    with pytest.raises(KeyError, match="has no attribute 'group'; there are 'units', 'height', 'lat'"):
        attrs["group"]
    with pytest.raises(KeyError, match="has no attribute 'unit'; did you mean 'units'"):
        attrs["unit"]
    with pytest.raises(TypeError):
        attrs["units"] = "C"


def test_attributes_are_opened_at_the_first_use_and_only_once(reader, monkeypatch):
    n_calls = 0

    def open_attributes(self, original=OmFileReader._open_attributes):
        nonlocal n_calls
        n_calls += 1
        return original(self)

    monkeypatch.setattr(OmFileReader, "_open_attributes", open_attributes)
    attrs = Attributes(reader)
    assert n_calls == 0
    for _ in range(2):
        assert attrs["units"] == "K"
        assert n_calls == 1


def test_repr(reader):
    assert repr(Attributes(reader)) == "Attributes({'units': 'K', 'height': 2, 'lat': 50.0})"
    assert repr(Attributes(opened("empty"))) == "Attributes({})"
    many = opened("many", *(Variable(f"a{i}", np.float32(0.1)) for i in range(SHOWN + 7)))
    assert repr(Attributes(many)).endswith(f"'a{SHOWN - 1}': 0.1, ... 7 more}})")
    assert len(repr(Attributes(opened("long", Variable("text", "x" * 10**6))))) < 200
