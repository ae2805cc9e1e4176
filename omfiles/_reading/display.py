# SPDX-License-Identifier: MIT
"""What readers look like: one line, a tree, HTML for notebooks.

The data of arrays are never read. Names and values come from files, so control characters are escaped, long texts
shortened, and the number of variables shown is limited.
"""

from __future__ import annotations

import html as _html
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

__all__ = ["counted", "float_text", "html", "name_text", "summary", "tree", "value_text"]

MAX_TEXT = 100
"""Most characters shown of a name or a string."""

MAX_READ = 65_536
"""Longer strings, in bytes, are not read for display: many names may share one."""


def summary(reader: Any) -> str:
    """One line about a variable, as its repr.

    Parameters
    ----------
    reader : OmFileReader

    Returns
    -------
    str
        Such as ``<OmFileReader 't2m' float32 (721, 1440) chunks (20, 20) pfor_delta_2d scale 20>``.
    """
    cls = type(reader).__name__
    if reader.closed:
        return f"<{cls} closed>"
    name = repr(_shortened(reader.name))
    if reader.is_group:
        return f"<{cls} group {name} {counted(reader.num_children, 'child', 'children')}>"
    children = f" {counted(reader.num_children, 'child', 'children')}" if reader.num_children else ""
    return f"<{cls} {name} {_description(reader)}{children}>"


def tree(reader: Any, limit: int = 10_000) -> str:
    """All variables below and including this one, a line for each.

    Scalars without children stand as attributes in the line of their parent, in braces.

    Parameters
    ----------
    reader : OmFileReader
    limit : int
        Most variables that are shown, attributes included. The last line says if there are more.

    Returns
    -------
    str
        Lines without a newline at the end.
    """
    lines = []
    continued: list[bool] = []  # by level, whether another variable follows below the same parent
    for node in reversed(list(_nodes(reader, limit))):
        if node is None:
            lines.append(f"... more than {limit} variables; tree(limit=...) shows more")
            continue
        continued += [False] * (node.depth + 1 - len(continued))
        indent = ["│   " if more else "    " for more in continued[1 : node.depth]]
        branch = ["├── " if continued[node.depth] else "└── "] if node.depth else []
        line = f"{''.join(indent + branch)}{node.name}  {node.description}"
        if node.attributes:
            line += "  {" + ", ".join(f"{name}: {value}" for name, value in node.attributes) + "}"
        lines.append(line)
        continued[node.depth :] = [True]
    return "\n".join(reversed(lines))


def html(reader: Any, limit: int = 1_000) -> str:
    """The same as HTML, with parts that fold.

    Parameters
    ----------
    reader : OmFileReader
    limit : int
        Most variables that are shown, attributes included.

    Returns
    -------
    str
        An element for a notebook; everything from the file is escaped.
    """
    if reader.closed:
        return f"<pre>{_html.escape(summary(reader))}</pre>"
    parts = ['<div style="font-family: monospace">']
    n_open = 0
    for node in _nodes(reader, limit):
        if node is None:
            parts.append("</details>" * n_open + f"<div>... more than {limit} variables</div>")
            n_open = 0
            continue
        parts.append("</details>" * (n_open - node.depth))
        parts.append("<details open>" if node.depth == 0 else '<details style="margin-left: 1.5em">')
        parts.append(f"<summary><b>{_html.escape(node.name)}</b> {_html.escape(node.description)}</summary>")
        if node.attributes:
            rows = (
                f"<tr><td>{_html.escape(name)}</td><td>{_html.escape(value)}</td></tr>"
                for name, value in node.attributes
            )
            parts.append(f'<table style="margin-left: 1.5em">{"".join(rows)}</table>')
        n_open = node.depth + 1
    parts.append("</details>" * n_open + "</div>")
    return "".join(parts)


def value_text(scalar: Any) -> str:
    """The value of a scalar's reader: numbers bare, strings in quotes and shortened, very long ones not read."""
    if scalar.nbytes > MAX_READ:
        return f"(string of {scalar.nbytes} bytes)"
    value = scalar.read_scalar()
    return repr(_shortened(value)) if isinstance(value, str) else str(value)


class _Node(NamedTuple):
    """A variable on its way to a line of text."""

    depth: int
    name: str
    description: str
    attributes: list[tuple[str, str]]


def _nodes(reader: Any, limit: int) -> Iterator[_Node | None]:
    """Variables depth first, in file order; None at the end if they and their attributes are more than `limit`."""
    walk = reader._walk()
    n_left = limit
    for variable in walk:
        if n_left <= 0 and walk.depth > 0:
            yield None
            return
        attributes = variable._open_attributes(max(0, n_left))  # one more than is shown
        yield _Node(
            walk.depth,
            name_text(variable.name),
            _description(variable),
            [(name_text(name), value_text(attributes[name])) for name in list(attributes)[: max(0, n_left - 1)]],
        )
        n_left -= 1 + len(attributes)
    if n_left < 0:
        yield None


def _description(reader: Any) -> str:
    if reader.is_group:
        return "group" if reader.num_children else "group, empty"
    if reader.is_scalar:
        dtype = "str" if reader.dtype is str else reader.dtype
        return f"{dtype} {value_text(reader)}"
    text = f"{reader.dtype} {reader.shape} chunks {reader.chunks} {reader.compression_name}"
    if reader.dtype.kind == "f" and reader.compression_name != "fpx_xor_2d":
        text += f" scale {float_text(reader.scale_factor)}"
        if reader.add_offset != 0 and not reader.compression_name.endswith("_logarithmic"):
            text += f" offset {float_text(reader.add_offset)}"
    return text


def float_text(number: float) -> str:
    """The shortest text that gives the same float32, without a trailing ``.0``."""
    return str(np.float32(number)).removesuffix(".0")


def counted(n: int, singular: str, plural: str | None = None) -> str:
    """A number and the noun that it counts, such as ``1 chunk`` and ``2 chunks``."""
    return f"{n} {singular if n == 1 else plural or singular + 's'}"


def name_text(name: str) -> str:
    """A name as it is if it can be read without quotes, else in quotes and with escapes."""
    name = _shortened(name)
    return name if name and name.isprintable() and name == name.strip() else repr(name)


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"
