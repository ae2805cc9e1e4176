# SPDX-License-Identifier: MIT
"""A small parser of well-known text: ISO 19162:2019 (WKT 2), the grammar of its sections 6 and 7.

It makes a tree and knows no keywords; `omfiles._grids.crs` reads it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["Node", "parse", "repair"]

MAX_DEPTH = 100
"""Most open brackets. Real texts have about ten."""

_TOKEN = re.compile(
    r"""(?P<open>[A-Za-z_]\w*)\s*[\[(]
    |(?P<close>[\])])
    |(?P<comma>,)
    |(?P<text>"(?:[^"]|"")*")                                # a quote in it is doubled
    |(?P<word>[A-Za-z]\w*|\d{4}-[\w:.+-]*)                   # one of a list, such as `north`, or a date
    |(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    |(?P<other>\S)""",
    re.VERBOSE,
)
_QUOTED_OR_JOINED = re.compile(r'("(?:[^"]|"")*")|(\])(?=\s*[A-Za-z])')


class Node(NamedTuple):
    """A keyword and what stands in its brackets: texts, numbers and further nodes.

    Examples
    --------
    >>> node = parse('AXIS["latitude", north, ORDER[1]]')
    >>> node.keyword, node.values[:2], node.find("ORDER").values
    ('AXIS', ['latitude', 'north'], [1.0])
    """

    keyword: str
    values: list[str | float | Node]

    def nodes(self, *keywords: str) -> Iterator[Node]:
        """Return the nodes in the brackets that have one of some keywords."""
        return (value for value in self.values if isinstance(value, Node) and value.keyword in keywords)

    def find(self, *keywords: str) -> Node | None:
        """Return the first node in the brackets that has one of some keywords."""
        return next(self.nodes(*keywords), None)

    def text(self, index: int) -> str:
        """Return a value that must be a text."""
        value = self.values[index] if index < len(self.values) else None
        if not isinstance(value, str):
            raise ValueError(f"{self.keyword} of the WKT needs a text as value {index + 1}, but has {_show(value)}")
        return value

    def number(self, index: int) -> float:
        """Return a value that must be a number."""
        value = self.values[index] if index < len(self.values) else None
        if not isinstance(value, float):
            raise ValueError(f"{self.keyword} of the WKT needs a number as value {index + 1}, but has {_show(value)}")
        return value


def repair(text: str) -> str:
    """Insert commas that are missing between two nodes, as Open-Meteo forgets one before ``USAGE``.

    Examples
    --------
    >>> repair('ANGLEUNIT["degree",0.01745] USAGE[SCOPE["grid"]]')
    'ANGLEUNIT["degree",0.01745], USAGE[SCOPE["grid"]]'
    """
    return _QUOTED_OR_JOINED.sub(lambda match: match[1] or "],", text)


def parse(text: str) -> Node:
    """Parse a well-known text.

    Parameters
    ----------
    text : str
        One node, for example ``GEOGCRS[...]``. Keywords may be in any case; parentheses may stand for brackets.

    Raises
    ------
    ValueError
        It is not a well-known text; the message says where.

    Examples
    --------
    >>> parse('ELLIPSOID["Sphere", 6371229, 0]')
    Node(keyword='ELLIPSOID', values=['Sphere', 6371229.0, 0.0])
    >>> parse('ELLIPSOID["Sphere"')
    Traceback (most recent call last):
    ValueError: not a WKT: expected , or ] after 'ELLIPSOID["Sphere"', but it ends
    """
    parser = _Parser(text)
    node = parser.value()
    parser.end()
    if not isinstance(node, Node):
        raise ValueError(
            f"not a WKT: expected a keyword and brackets, such as GEOGCRS[...], but found {text.strip()[:40]!r}"
        )
    return node


class _Parser:
    """Recursive descent: a method for each rule of the grammar, which begins at the next token."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _TOKEN.finditer(text)
        self._next = next(self._tokens, None)
        self._depth = 0

    def value(self) -> str | float | Node:
        if self._is("open"):
            return self._node()
        if self._is("text"):
            return self._take()[0][1:-1].replace('""', '"')
        if self._is("number"):
            return float(self._take()[0])
        if self._is("word"):
            return self._take()[0]
        raise self._error("a value")

    def end(self) -> None:
        if self._next is not None:
            raise self._error("the end")

    def _node(self) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._error(f"at most {MAX_DEPTH} open brackets")
        node = Node(self._take()["open"].upper(), [self.value()])
        while self._is("comma"):
            self._take()
            node.values.append(self.value())
        if not self._is("close"):
            raise self._error(", or ]")
        self._take()
        self._depth -= 1
        return node

    def _is(self, kind: str) -> bool:
        return self._next is not None and self._next.lastgroup == kind

    def _take(self) -> re.Match[str]:
        token, self._next = self._next, next(self._tokens, None)
        assert token is not None
        return token

    def _error(self, expected: str) -> ValueError:
        token = self._next
        found = "it ends" if token is None else f"found {token[0]!r}"
        before = self._text[: None if token is None else token.start()].strip()
        return ValueError(f"not a WKT: expected {expected} after {before[-40:]!r}, but {found}")


def _show(value: str | float | Node | None) -> str:
    return "none" if value is None else value.keyword if isinstance(value, Node) else repr(value)
