# SPDX-License-Identifier: MIT
"""The exceptions: what they say, what catches them, and that they travel between processes."""

import copy
import pickle

import pytest

from omfiles.errors import OmError, OmFormatError, OmReadError


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ({}, "too long"),
        ({"path": "t2m.om"}, "t2m.om: too long"),
        ({"offset": 7}, "at byte 7: too long"),
        ({"field": "lut_size"}, "field 'lut_size': too long"),
        ({"variable": ""}, "variable '': too long"),
        (
            {"path": "t2m.om", "variable": "t", "offset": 1234, "field": "lut_size"},
            "t2m.om: variable 't': field 'lut_size' at byte 1234: too long",
        ),
    ],
)
def test_message_names_what_is_known(place, text):
    error = OmFormatError("too long", **place)
    assert str(error) == text
    assert error.reason == "too long"
    for name in ("path", "variable", "offset", "field"):
        assert getattr(error, name) == place.get(name)


def test_hostile_names_are_escaped():
    assert str(OmFormatError("bad", variable="a\x1b[2J\n")) == r"variable 'a\x1b[2J\n': bad"


def test_place_may_be_filled_in_later():
    error = OmReadError("short", offset=3)
    error.path = "t2m.om"
    assert str(error) == "t2m.om: at byte 3: short"


@pytest.mark.parametrize(
    ("cls", "caught_by"),
    [(OmFormatError, (OmError, ValueError, RuntimeError)), (OmReadError, (OmError, OSError, RuntimeError))],
)
@pytest.mark.parametrize("clone", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])
def test_classes_and_copies(cls, caught_by, clone):
    error = clone(cls("short", path="t2m.om", variable="t", offset=2**63, field="dims"))
    assert type(error) is cls
    assert str(error) == f"t2m.om: variable 't': field 'dims' at byte {2**63}: short"
    for base in caught_by:
        assert isinstance(error, base)
