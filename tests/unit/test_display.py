# SPDX-License-Identifier: MIT
"""One line, tree and HTML of readers."""

from html.parser import HTMLParser

import numpy as np
import pytest

import omfiles
from omfiles import OmFileReader
from omfiles._reading.display import html, summary, tree
from omfiles.testing.reference import Variable, write_file


def array(name, *children, shape=(3,), dtype="f4", compression="pfor_delta_2d", scale=1.0, offset=0.0):
    return Variable(name, np.zeros(shape, dtype), list(children), shape, compression, scale, offset)


def scalar(name, value, *children):
    return Variable(name, value, list(children))


def group(name, *children):
    return Variable(name, None, list(children))


def opened(variable):
    return omfiles.open(write_file(variable))


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        (group("root", group("a")), "group 'root' 1 child"),
        (group(""), "group '' 0 children"),
        (
            array("t2m", shape=(721, 1440), scale=20.0),
            "'t2m' float32 (721, 1440) chunks (721, 1440) pfor_delta_2d scale 20",
        ),
        (
            array("t", group("a"), scale=np.float32(0.1).item(), offset=np.float32(-273.15).item()),
            "'t' float32 (3,) chunks (3,) pfor_delta_2d scale 0.1 offset -273.15 1 child",
        ),
        (array("t", compression="fpx_xor_2d"), "'t' float32 (3,) chunks (3,) fpx_xor_2d"),
        (array("i", dtype="uint8", scale=3.0), "'i' uint8 (3,) chunks (3,) pfor_delta_2d"),
        (
            array("r", compression="pfor_delta_2d_int16_logarithmic", scale=1000.0, offset=5.0),
            "'r' float32 (3,) chunks (3,) pfor_delta_2d_int16_logarithmic scale 1000",
        ),
        (scalar("units", "K"), "'units' str 'K'"),
        (scalar("history", "a" * 65536), f"'history' str '{'a' * 99}…'"),
        (scalar("history", "ä" * 32769), "'history' str (string of 65538 bytes)"),
        (scalar("height", np.float64(2)), "'height' float64 2.0"),
        (scalar("a\x1b[2J\n'", np.int8(1)), r""""a\x1b[2J\n'" int8 1"""),
        (group("n" * 65535), f"group '{'n' * 99}…' 0 children"),
    ],
)
def test_summary(variable, text):
    assert summary(opened(variable)) == f"<OmFileReader {text}>"


def test_closed():
    reader = opened(group("root"))
    reader.close()
    assert summary(reader) == "<OmFileReader closed>"
    assert html(reader) == "<pre>&lt;OmFileReader closed&gt;</pre>"


@pytest.fixture
def forest():
    lat = array("lat", shape=(4,), dtype="f8", compression="fpx_xor_2d")
    t2m = array("t2m", scalar("units", "K"), lat, scalar("level", np.int8(2)), shape=(4, 6), scale=20.0)
    height = scalar("height", np.float32(1.5), scalar("units", "m"))
    more = group("more", group("\x1b[31m<b>&", lat), group(""))
    return opened(group("forest", scalar("title", "Wald"), t2m, height, more))


def test_tree(forest):
    assert tree(forest) == "\n".join(
        [
            "forest  group  {title: 'Wald'}",
            "├── t2m  float32 (4, 6) chunks (4, 6) pfor_delta_2d scale 20  {units: 'K', level: 2}",
            "│   └── lat  float64 (4,) chunks (4,) fpx_xor_2d",
            "├── height  float32 1.5  {units: 'm'}",
            "└── more  group",
            "    ├── '\\x1b[31m<b>&'  group",
            "    │   └── lat  float64 (4,) chunks (4,) fpx_xor_2d",
            "    └── ''  group, empty",
        ]
    )


def test_tree_of_a_lone_scalar():
    assert tree(opened(scalar("units", "K"))) == "units  str 'K'"


class Outline(HTMLParser):
    """Checks that tags match, and keeps the text."""

    def __init__(self):
        super().__init__()
        self.open = []
        self.tags = set()
        self.text = []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.tags.add(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


@pytest.mark.parametrize("limit", [0, 1, 2, 3, 5, 100])
def test_html_is_well_formed_and_escaped(forest, limit):
    outline = Outline()
    outline.feed(html(forest, limit=limit))
    assert outline.open == []
    assert outline.tags <= {"div", "details", "summary", "b", "table", "tr", "td"}
    assert ("'\\x1b[31m<b>&'" in outline.text) == (limit == 100)
    assert any("... more than" in text for text in outline.text) == (limit < 100)


def test_attributes_are_escaped_in_html():
    text = html(opened(group("<i>", scalar("<u>", "<script>alert(1)</script>"))))
    for tag in ("<i>", "<u>", "<script"):
        assert tag not in text


def test_limit_counts_attributes(forest):
    lines = tree(forest, limit=4).splitlines()
    assert lines[0] == "forest  group  {title: 'Wald'}"
    assert lines[1] == "└── t2m  float32 (4, 6) chunks (4, 6) pfor_delta_2d scale 20  {units: 'K'}"
    assert lines[2] == "... more than 4 variables; tree(limit=...) shows more"
    assert len(lines) == 3


def test_wide_files_are_not_opened_beyond_the_limit():
    n_opened = 0

    class Counted(OmFileReader):
        def __new__(cls, *args):
            nonlocal n_opened
            n_opened += 1
            return super().__new__(cls)

    wide = Counted(write_file(group("wide", *[scalar(f"x{i}", "y") for i in range(20_000)])))
    assert len(tree(wide)) < 200_000
    assert n_opened < 10_100
    assert len(html(wide)) < 110_000


def test_shared_children_are_shown_where_they_are_used():
    """Doubled thirty times, a variable stands at 2**30 places; the limit holds."""
    node = array("leaf", shape=(1,))
    for level in range(30):
        node = group(f"level {level}", node, node)
    reader = opened(node)
    assert len(tree(reader).splitlines()) == 10_001
    assert len(html(reader).split("<summary>")) == 1_001
