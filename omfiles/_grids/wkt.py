# SPDX-License-Identifier: MIT
"""A small parser of well-known text: ISO 19162:2019 (WKT 2), the grammar of its sections 6 and 7.

It makes a tree and knows no keywords; `omfiles._grids.crs` reads it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["Node", "parse", "repair"]

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
    top = Node("", [])
    stack = [top]
    due = True  # whether a value must come next, and not a comma or a bracket
    for match in _TOKEN.finditer(text):
        kind, token, values = match.lastgroup, match[0], stack[-1].values
        if due and kind == "open":
            node = Node(match["open"].upper(), [])
            values.append(node)
            stack.append(node)
            continue
        if due and kind == "text":
            values.append(token[1:-1].replace('""', '"'))
        elif due and kind == "number":
            values.append(float(token))
        elif due and kind == "word":
            values.append(token)
        elif not due and kind == "close" and len(stack) > 1:
            stack.pop()
        elif due or kind != "comma" or len(stack) == 1:
            raise _error(due, stack, text[: match.start()], f"found {token!r}")
        due = kind == "comma"
    if due or len(stack) > 1:
        raise _error(due, stack, text, "it ends")
    if not isinstance(top.values[0], Node):
        raise ValueError(
            f"not a WKT: expected a keyword and brackets, such as GEOGCRS[...], but found {text.strip()[:40]!r}"
        )
    return top.values[0]


def _error(due: bool, stack: list[Node], before: str, found: str) -> ValueError:
    expected = "a value" if due else ", or ]" if len(stack) > 1 else "the end"
    return ValueError(f"not a WKT: expected {expected} after {before.strip()[-40:]!r}, but {found}")


def _show(value: str | float | Node | None) -> str:
    return "none" if value is None else value.keyword if isinstance(value, Node) else repr(value)
