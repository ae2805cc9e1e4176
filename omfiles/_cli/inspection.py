# SPDX-License-Identifier: MIT
"""``info``, ``tree`` and ``ls``: what is in a file. No data are read, only records and look-up tables."""

from __future__ import annotations

import argparse
from typing import Any

from omfiles._cli.common import (
    OK,
    add_command,
    add_file,
    add_json,
    attributes,
    find,
    open_file,
    print_json,
    print_table,
    size_text,
)
from omfiles._reading import display
from omfiles._reading.reader import OmFileReader
from omfiles._tools.stored_chunks import nbytes_stored
from omfiles._writing.array_spec import EXACT

__all__ = ["add_parsers"]

ARRAY_COLUMNS = ("type", "shape", "chunks", "codec", "scale", "decoded", "stored", "ratio")
NUMBERS = range(5, 9)


def add_parsers(commands: Any) -> None:
    parser = add_command(
        commands,
        "info",
        info,
        "show arrays, their chunks, codecs, sizes and ratios, and the attributes of a file or of one variable",
        "omfiles info weather.om t2m",
    )
    add_file(parser)
    parser.add_argument(
        "variable", metavar="VAR", nargs="?", default="", help="path of a variable, by default the root"
    )
    add_json(parser)

    parser = add_command(
        commands,
        "tree",
        tree,
        "show all variables below each other, with their attributes",
        "omfiles tree weather.om",
    )
    add_file(parser)
    parser.add_argument(
        "variable", metavar="VAR", nargs="?", default="", help="path of a variable, by default the root"
    )
    parser.add_argument("--limit", type=int, default=10_000, help="most variables that are shown (default %(default)s)")
    add_json(parser)

    parser = add_command(
        commands,
        "ls",
        ls,
        "list the children of a group, or all variables that are not attributes",
        "omfiles ls -lr weather.om",
    )
    add_file(parser)
    parser.add_argument("variable", metavar="VAR", nargs="?", default="", help="path of a group, by default the root")
    parser.add_argument("-l", "--long", action="store_true", help="with type, shape and sizes")
    parser.add_argument("-r", "--recursive", action="store_true", help="also what is below the children")
    add_json(parser)


# --- info -------------------------------------------------------------------------------------------------------------


def info(arguments: argparse.Namespace) -> int:
    with open_file(arguments) as root:
        start = find(root, arguments.variable)
        described = [(path, node, _description(node)) for path, node in start.walk()]
        summary = {
            "file": arguments.file,
            "bytes": root._file_size,
            "version": _version(root),
            "variable": arguments.variable,
            "attributes": attributes(start),
        }
        if arguments.json:
            variables = [{"path": path, **what, "attributes": attributes(node)} for path, node, what in described]
            print_json({**summary, "variables": variables})
        else:
            _print_info(summary, [(path or start.name or "(root)", what) for path, _, what in described])
    return OK


def _print_info(summary: dict[str, Any], described: list[tuple[str, dict[str, Any]]]) -> None:
    arrays = [(path, what) for path, what in described if what["kind"] == "array"]
    n_groups = sum(what["kind"] == "group" for _, what in described)
    counts = f"{display.counted(n_groups, 'group')}, {display.counted(len(arrays), 'array')}"
    print(f"{summary['file']}: {summary['version']}, {size_text(summary['bytes'])}, {counts}")
    if arrays:
        print()
        rows = [[path, *_cells(what)] for path, what in arrays]
        if len(rows) > 1:
            decoded, stored = (sum(what[key] for _, what in arrays) for key in ("nbytes", "nbytes_stored"))
            rows.append(["total", *[""] * 5, size_text(decoded), size_text(stored), f"{decoded / stored:.1f}"])
        print_table(["array", *ARRAY_COLUMNS], rows, NUMBERS)
    if summary["attributes"]:
        print()
        print_table(["attribute", "value"], [[name, str(value)] for name, value in summary["attributes"].items()])


def _version(root: OmFileReader) -> str:
    return "OM version 3" if root._span[0] else "OM legacy version (1 or 2)"


def _description(node: OmFileReader) -> dict[str, Any]:
    """What is known of a variable, for JSON and for tables."""
    if node.is_group:
        return {"kind": "group"}
    if node.is_scalar:
        dtype = "str" if node.dtype is str else str(node.dtype)
        return {"kind": "scalar", "dtype": dtype, "value": node.read_scalar()}
    stored = nbytes_stored(node)
    return {
        "kind": "array",
        "dtype": str(node.dtype),
        "shape": list(node.shape),
        "chunks": list(node.chunks),
        "compression": node.compression_name,
        "scale_factor": node.scale_factor,
        "add_offset": node.add_offset,
        "nbytes": node.nbytes,
        "nbytes_stored": stored,
        "ratio": round(node.nbytes / stored, 3),
    }


def _cells(what: dict[str, Any]) -> list[str]:
    """Columns of an array."""
    scaled = what["dtype"].startswith("float") and what["compression"] != EXACT
    return [
        what["dtype"],
        str(tuple(what["shape"])),
        str(tuple(what["chunks"])),
        what["compression"],
        display.float_text(what["scale_factor"]) if scaled else "-",
        size_text(what["nbytes"]),
        size_text(what["nbytes_stored"]),
        f"{what['ratio']:.1f}",
    ]


# --- tree -------------------------------------------------------------------------------------------------------------


def tree(arguments: argparse.Namespace) -> int:
    with open_file(arguments) as root:
        start = find(root, arguments.variable)
        if arguments.json:
            print_json(_nested(start))
        else:
            print(start.tree(arguments.limit))
    return OK


def _nested(start: OmFileReader) -> dict[str, Any]:
    """A variable and all below it, as a tree of mappings."""
    start._fetch_tree()
    levels: list[dict[str, Any]] = []  # the last variable of each
    walk = start._walk()
    for node in walk:
        described = {"name": node.name, **_description(node), "attributes": attributes(node), "children": []}
        if walk.depth:
            levels[walk.depth - 1]["children"].append(described)
        levels[walk.depth :] = [described]
    return levels[0]


# --- ls ---------------------------------------------------------------------------------------------------------------


def ls(arguments: argparse.Namespace) -> int:
    with open_file(arguments) as root:
        start = find(root, arguments.variable)
        found = list(start.walk(None if arguments.recursive else 1))
        found = [(start.name, start)] * (not start.is_group) + found[1:]
        if arguments.json:
            print_json([{"path": path, **_description(node)} for path, node in found])
        elif arguments.long:
            rows = []
            for path, node in found:
                what = _description(node)
                cells = _cells(what) if node.is_array else [what.get("dtype", "group"), *[""] * 7]
                rows.append([path, *cells])
            print_table(["name", *ARRAY_COLUMNS], rows, NUMBERS)
        else:
            for path, node in found:
                print(f"{display.name_text(path)}{'/' if node.is_group else ''}")
    return OK
