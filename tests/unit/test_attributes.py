# SPDX-License-Identifier: MIT
"""Scalar children as a mapping."""

from collections.abc import Mapping

import numpy as np
import pytest
from fakes import FakeReader

from omfiles._reading.attributes import SHOWN, Attributes


@pytest.fixture
def reader():
    return FakeReader(
        "t2m",
        FakeReader("units", value="K"),
        FakeReader("lat", shape=(3,)),
        FakeReader("group", FakeReader("inner", value="x")),
        FakeReader("height", value=np.int8(2)),
        FakeReader("units", value="second"),
    )


def test_mapping_of_scalar_children_in_file_order(reader):
    attrs = Attributes(reader)
    assert isinstance(attrs, Mapping)
    assert list(attrs.items()) == [("units", "K"), ("height", 2)]
    assert type(attrs["height"]) is np.int8
    assert len(attrs) == 2
    assert "units" in attrs
    assert "lat" not in attrs
    assert attrs == {"units": "K", "height": 2}
    assert attrs.get("group") is None
    with pytest.raises(KeyError, match="has no attribute 'lat'; there are 'units', 'height'"):
        attrs["lat"]
    with pytest.raises(KeyError, match="has no attribute 'unit'; there are 'units'"):
        attrs["unit"]
    with pytest.raises(TypeError):
        attrs["units"] = "C"


def test_children_are_opened_at_the_first_use_and_only_once(reader):
    attrs = Attributes(reader)
    assert reader.opened == 0
    for _ in range(2):
        assert attrs["units"] == "K"
        assert reader.opened == reader.num_children


def test_repr(reader):
    assert repr(Attributes(reader)) == "Attributes({'units': 'K', 'height': 2})"
    assert repr(Attributes(FakeReader("empty"))) == "Attributes({})"
    many = FakeReader("many", *(FakeReader(f"a{i}", value=np.float32(0.1)) for i in range(SHOWN + 7)))
    assert repr(Attributes(many)).endswith(f"'a{SHOWN - 1}': 0.1, ... 7 more}})")
    assert len(repr(Attributes(FakeReader("long", FakeReader("text", value="x" * 10**6))))) < 200
