# SPDX-License-Identifier: MIT
"""One line, tree and HTML of readers."""

from html.parser import HTMLParser

import numpy as np
import pytest
from fakes import FakeReader

from omfiles._reading.display import MAX_INDENT, html, summary, tree


@pytest.mark.parametrize(
    ("reader", "text"),
    [
        (FakeReader("root", FakeReader("a")), "group 'root' 1 child"),
        (FakeReader(""), "group '' 0 children"),
        (
            FakeReader("t2m", shape=(721, 1440), scale=20.0),
            "'t2m' float32 (721, 1440) chunks (721, 1440) pfor_delta_2d scale 20",
        ),
        (
            FakeReader("t", FakeReader("a"), shape=(3,), scale=np.float32(0.1).item(), offset=-273.15),
            "'t' float32 (3,) chunks (3,) pfor_delta_2d scale 0.1 offset -273.15 1 child",
        ),
        (FakeReader("t", shape=(3,), compression="fpx_xor_2d"), "'t' float32 (3,) chunks (3,) fpx_xor_2d"),
        (FakeReader("i", shape=(3,), dtype="uint8", scale=3.0), "'i' uint8 (3,) chunks (3,) pfor_delta_2d"),
        (
            FakeReader("r", shape=(3,), compression="pfor_delta_2d_int16_logarithmic", scale=1000.0, offset=5.0),
            "'r' float32 (3,) chunks (3,) pfor_delta_2d_int16_logarithmic scale 1000",
        ),
        (FakeReader("units", value="K"), "'units' str 'K'"),
        (FakeReader("history", value="a" * 65536), f"'history' str '{'a' * 99}…'"),
        (FakeReader("history", value="ä" * 32769), "'history' str (string of 65538 bytes)"),
        (FakeReader("height", value=np.float64(2)), "'height' float64 2.0"),
        (FakeReader("a\x1b[2J\n'", value=np.int8(1)), r""""a\x1b[2J\n'" int8 1"""),
        (FakeReader("n" * 65535), f"group '{'n' * 99}…' 0 children"),
    ],
)
def test_summary(reader, text):
    assert summary(reader) == f"<FakeReader {text}>"


def test_closed():
    reader = FakeReader("root")
    reader.closed = True
    assert summary(reader) == "<FakeReader closed>"
    assert html(reader) == "<pre>&lt;FakeReader closed&gt;</pre>"


@pytest.fixture
def forest():
    lat = FakeReader("lat", shape=(4,), dtype="float64", compression="fpx_xor_2d")
    return FakeReader(
        "forest",
        FakeReader("title", value="Wald"),
        FakeReader(
            "t2m", FakeReader("units", value="K"), lat, FakeReader("level", value=np.int8(2)), shape=(4, 6), scale=20.0
        ),
        FakeReader("height", FakeReader("units", value="m"), value=np.float32(1.5)),
        FakeReader("more", FakeReader("\x1b[31m<b>&", lat), FakeReader("")),
    )


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
    assert tree(FakeReader("units", value="K")) == "units  str 'K'"


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
    text = html(FakeReader("<i>", FakeReader("<u>", value="<script>alert(1)</script>")))
    for tag in ("<i>", "<u>", "<script"):
        assert tag not in text


def test_limit_counts_attributes(forest):
    lines = tree(forest, limit=3).splitlines()
    assert lines[0] == "forest  group ...  {title: 'Wald'}"
    assert lines[1] == "└── t2m  float32 (4, 6) chunks (4, 6) pfor_delta_2d scale 20 ..."
    assert lines[2] == "... more than 3 variables; tree(limit=...) shows more"
    assert len(lines) == 3


def test_wide_files_are_not_opened_beyond_the_limit():
    wide = FakeReader("wide", *[FakeReader("x", value="y")] * 100_000)
    assert len(tree(wide)) < 200_000
    assert wide.opened < 10_000
    assert len(html(wide)) < 100_000


def test_shared_children_are_shown_where_they_are_used():
    """Doubled thirty times, a variable stands at 2**30 places; the limit holds."""
    node = FakeReader("leaf", shape=(1,))
    for level in range(30):
        node = FakeReader(f"level {level}", node, node)
    assert len(tree(node).splitlines()) == 10_001
    assert len(html(node).split("<summary>")) == 1_001


def test_deep_trees_need_no_recursion_and_little_text():
    node = FakeReader("leaf", shape=(1,))
    for _ in range(100_000):
        node = FakeReader("g", node)
    text = tree(node, limit=10**6)
    lines = text.splitlines()
    assert len(lines) == 100_001
    assert lines[MAX_INDENT] == "    " * (MAX_INDENT - 1) + "└── g  group"
    assert lines[-1] == "[level 100000] └── leaf  float32 (1,) chunks (1,) pfor_delta_2d scale 1"
    assert len(text) < 5_000_000
    assert len(html(node)) < 200_000
    while node.children:  # Python frees nested tuples by recursion
        node.children, node = (), node.children[0]
