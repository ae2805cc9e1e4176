# SPDX-License-Identifier: MIT
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omfiles._grids.wkt import MAX_DEPTH, Node, parse, repair


def test_values():
    node = parse(' Proj ( "a ""b"" [,", -1.5e-3 , .5, north,\n\tTIMEEXTENT[2013-01-01, 2013-12-31T12:00:00.5Z])')
    dates = Node("TIMEEXTENT", ["2013-01-01", "2013-12-31T12:00:00.5Z"])
    assert node == Node("PROJ", ['a "b" [,', -0.0015, 0.5, "north", dates])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a value after '', but it ends"),
        ("foo", "expected a keyword and brackets, .* found 'foo'"),
        ('"foo"', "expected a keyword and brackets"),
        ("A[1", "expected , or ] after 'A.1', but it ends"),
        ("A[1,", "expected a value after 'A.1,', but it ends"),
        ("A[]", "expected a value after 'A.', but found ']'"),
        ("A[1 2]", "expected , or ] after 'A.1', but found '2'"),
        ("A[1]]", "expected the end after 'A.1.', but found ']'"),
        ("A[1],B[2]", "expected the end after 'A.1.', but found ','"),
        ('A["b]', "expected a value after 'A.', but found '\"'"),
        ("A[1;2]", "expected , or ] after 'A.1', but found ';'"),
        ("B" * 100 + "[1", "after '" + "B" * 38 + ".1', but it ends"),
    ],
)
def test_errors_say_where(text, message):
    with pytest.raises(ValueError, match=message):
        parse(text)


def test_depth_has_a_limit():
    node = parse("A[" * MAX_DEPTH + "1" + "]" * MAX_DEPTH)
    for _ in range(MAX_DEPTH - 1):
        node = node.values[0]
    assert node.values == [1.0]
    for depth in (MAX_DEPTH + 1, 100_000):
        with pytest.raises(
            ValueError, match=rf"expected at most {MAX_DEPTH} open brackets after '.*A\[', but found 'A\["
        ):
            parse("A[" * depth + "1" + "]" * depth)
    parse(f"A[{'B[1],' * MAX_DEPTH}1]")  # one after another, not in each other


@given(st.text("AB[](),\"' 1.e-\n", max_size=30))
def test_any_text_is_parsed_or_refused(text):
    try:
        node = parse(text)
    except ValueError:
        return
    assert isinstance(node, Node)
    assert parse(repair(text)) == node


def test_repair():
    assert repair('A["x] Y"]\n USAGE[1]B[2] C[3]') == 'A["x] Y"],\n USAGE[1],B[2], C[3]'
    complete = 'A["x", B[1], C[2]]'
    assert repair(complete) == complete


def test_nodes():
    node = parse('A["x", 1, B[2], C[3], B[4]]')
    assert [b.number(0) for b in node.nodes("B")] == [2, 4]
    assert node.find("D", "C") == Node("C", [3.0])
    assert node.find("D") is None
    assert (node.text(0), node.number(1)) == ("x", 1)
    with pytest.raises(ValueError, match="A of the WKT needs a number as value 1, but has 'x'"):
        node.number(0)
    with pytest.raises(ValueError, match="A of the WKT needs a text as value 3, but has B"):
        node.text(2)
    with pytest.raises(ValueError, match="needs a number as value 6, but has none"):
        node.number(5)
