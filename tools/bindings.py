# SPDX-License-Identifier: MIT
"""Write the files that repeat csrc/include/omf: the table of functions for C, and the declarations for Cython.

    python tools/bindings.py            write them
    python tools/bindings.py --check    fail if one of them is out of date

They are committed, so that building the package needs no parser for C.
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pycparser import c_ast, c_generator, c_parser

ROOT = Path(__file__).parents[1]
INCLUDE = ROOT / "csrc" / "include"
STANDARD = "typedef int bool, size_t, uint8_t, uint32_t, uint64_t, int64_t;"  # what our headers need of the C library


@dataclass
class Function:
    """A function of the core. `result` ends where the name begins: "const char *", "void "."""

    result: str
    name: str
    parameters: list[str]

    def in_table(self) -> str:
        """Return the member of the table that points to the function."""
        return join(f"    {self.result}(*{self.name.removeprefix('omf_')})(", self.parameters or ["void"], ");")

    def in_cython(self, before: str, after: str) -> str:
        """Return the declaration in Cython, in which parameters are pointers rather than arrays."""
        pointers = [re.sub(r"(\w+)\[\w+\]", r"*\1", parameter) for parameter in self.parameters]
        return join(to_cython(f"{before}{self.result}{self.name}("), map(to_cython, pointers), f"){after}")

    def call(self) -> str:
        """Return the statement that passes a call on to the core, in Cython."""
        keyword = "" if self.result == "void " else "return "
        return join(f"    {keyword}libomf.{self.name}(", map(declared_name, self.parameters), ")")


@dataclass
class Header:
    """What a header declares. Enums and structs have lists of their members."""

    constants: list[str]
    enums: dict[str, list[str]] = field(default_factory=dict)
    structs: dict[str, list[str]] = field(default_factory=dict)
    functions: list[Function] = field(default_factory=list)


def read_headers(name: str = "omf/omf.h") -> dict[str, Header]:
    """Read a public header and those that it includes."""
    sources: dict[str, str] = {}
    read_source(INCLUDE / name, sources)
    headers = {}
    text = STANDARD
    for name, source in sources.items():
        headers[name] = Header(re.findall(r"#define (OMF_(?!VERSION)\w+) \d", source))
        code = re.sub(r"(?ms)/\*.*?\*/|^#ifdef __cplusplus.*?#endif|^#[^\n]*|\bOMF_API\b", "", source)
        text += f'\n# 1 "{name}"\n{code}'
    write = c_generator.CGenerator().visit
    for node in c_parser.CParser().parse(text).ext:
        if node.coord.file not in headers:
            continue
        header = headers[node.coord.file]
        if isinstance(node, c_ast.Decl):
            parameters = [write(parameter) for parameter in node.type.args.params]
            result = write(node).split(node.name)[0]
            header.functions.append(Function(result, node.name, parameters if parameters != ["void"] else []))
        elif isinstance(node.type.type, c_ast.Enum):
            header.enums[node.name] = [value.name for value in node.type.type.values]
        else:
            header.structs[node.name] = [write(member) for member in node.type.type.decls]
    return headers


def read_source(path: Path, sources: dict[str, str]) -> None:
    """Put the text of a header behind those of the headers that it includes."""
    source = path.read_text()
    for name in re.findall(r'#include "(.*)"', source):
        if str((path.parent / name).relative_to(INCLUDE)) not in sources:
            read_source(path.parent / name, sources)
    sources[str(path.relative_to(INCLUDE))] = source


def join(before: str, items: Iterable[str], after: str) -> str:
    """Join items with commas. Where the line is full, the next begins below the first item."""
    text = before.replace(" ", "\xa0") + ", ".join(item.replace(" ", "\xa0") for item in items)
    text += after.replace(" ", "\xa0")
    return textwrap.fill(text, 120, subsequent_indent=" " * len(before)).replace("\xa0", " ")


def declared_name(declaration: str) -> str:
    """Return the name that `const uint8_t *src`, `uint64_t dims[64]` or `void (*free)(void *)` declares."""
    return re.search(r"\(\*(\w+)|(\w+)(?:\[\w+\])?$", declaration).expand(r"\1\2")


def to_cython(declaration: str) -> str:
    """Return a declaration with the name that bool of C has in libomf.pxd."""
    return re.sub(r"\bbool\b", "c_bool", declaration)


def generate() -> dict[str, str]:
    """Return the text of each generated file."""
    headers = {name: header for name, header in read_headers().items() if header != Header([])}
    # What chooses the instruction set of the whole process stays with omfiles.
    shared = [f for header in headers.values() for f in header.functions if not f.name.startswith("omf_simd_")]
    names = [function.name for function in shared]
    table = in_order_of_table(function for function in shared if function.name != "omf_abi_version")
    declarations = [function.in_cython("cdef ", " noexcept nogil") for function in shared]
    types = sorted(set(re.findall(r"\bomf_\w+|\bc_bool\b", "\n".join(declarations))) - set(names))
    return {
        "csrc/include/omfiles_table.h": TABLE.format("\n".join(function.in_table() for function in table)),
        "omfiles/_capi.h": CAPI.format("\n".join(f"    .{f.name.removeprefix('omf_')} = {f.name}," for f in table)),
        "omfiles/libomf.pxd": LIBOMF.format("\n\n".join(map(section, headers, headers.values()))),
        "omfiles/_core_declarations.pxi": DECLARATIONS.format(
            join("from omfiles.libomf cimport (", types, ")"), "\n".join(declarations)
        ),
        "omfiles/_core_functions.pxi": FUNCTIONS.format(
            "\n\n\n".join(f"{declaration}:\n{function.call()}" for declaration, function in zip(declarations, shared))
        ),
        "omfiles/__init__.pxd": INIT.format(join("from omfiles._core cimport (", names, ")")),
    }


def in_order_of_table(functions: Iterable[Function]) -> list[Function]:
    """Put functions at the places that were agreed on, and new ones behind them."""
    agreed = json.loads((ROOT / "tests" / "capi" / "abi.json").read_text())["structs"]["omfiles_api"]["fields"]
    places = {f"omf_{name}": i for i, name in enumerate(re.findall(r"\(\*(\w+)\)", " ".join(agreed)))}
    return sorted(functions, key=lambda function: places.get(function.name, len(places)))


def section(name: str, header: Header) -> str:
    """Return what libomf.pxd says of a header."""
    blocks = [f"    # {name.removeprefix('omf/')}"]
    for kind, members in [
        ("enum", header.constants),
        *((f"ctypedef enum {name}", members) for name, members in header.enums.items()),
        *((f"ctypedef struct {name}", members) for name, members in header.structs.items()),
    ]:
        if members:
            blocks.append("\n        ".join([f"    {kind}:", *map(to_cython, members)]))
    blocks.append("\n".join(function.in_cython("    ", "") for function in header.functions))
    return "\n\n".join(blocks)


def main() -> None:
    stale = {}
    for name, text in generate().items():
        path = ROOT / name
        if not path.exists() or path.read_text() != text:
            stale[path] = text
    if stale and "--check" in sys.argv:
        names = ", ".join(path.name for path in stale)
        sys.exit(f"{names}: out of date with csrc/include/omf; run `make abi` and commit what it writes")
    for path, text in stale.items():
        path.write_text(text)


NOTE = "Generated by tools/bindings.py from csrc/include/omf: `make abi` renews it."

TABLE = f"""\
/* {NOTE} */
/* SPDX-License-Identifier: MIT */
#ifndef OMFILES_TABLE_H
#define OMFILES_TABLE_H

#include "omf/omf.h"

/* What each function does is said in the headers of omf. New functions are only ever added at the end. */
typedef struct omfiles_api {{{{
    uint32_t version; /* OMF_ABI_VERSION */
    uint32_t size;    /* of this struct, in bytes */
{{}}
}}}} omfiles_api;

#endif
"""

CAPI = f"""\
/* {NOTE} */
/* SPDX-License-Identifier: MIT */
/* The table that `omfiles_import` finds. */
#ifndef OMFILES_CAPI_H
#define OMFILES_CAPI_H

#include "omfiles_table.h"

static const omfiles_api omfiles_table = {{{{
    .version = OMF_ABI_VERSION,
    .size = sizeof(omfiles_api),
{{}}
}}}};

#endif
"""

LIBOMF = f"""\
# {NOTE}
# SPDX-License-Identifier: MIT
\"""Declarations of the C core. What a function does is said in the headers.

Only `_core` links with these functions. Other modules cimport the types from here and the functions, under the same
names, from `_core`.
\"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

cdef extern from "stdbool.h":
    ctypedef bint c_bool "bool"

cdef extern from "omf/omf.h" nogil:
{{}}
"""

DECLARATIONS = f"""\
# {NOTE}
# SPDX-License-Identifier: MIT
# The functions of the core, for _core.pxd.

from libc.stdint cimport uint8_t, uint32_t, uint64_t

{{}}

{{}}
"""

FUNCTIONS = f"""\
# {NOTE}
# SPDX-License-Identifier: MIT
# The functions of the core, for _core.pyx.

{{}}
"""

INIT = f"""\
# {NOTE}
# SPDX-License-Identifier: MIT
\"""What other packages cimport: the functions of the core and, from `omfiles.libomf`, its types and constants.

    from omfiles cimport omf_chunk_decode
    from omfiles.libomf cimport omf_codec, omf_status
\"""

{{}}
"""

if __name__ == "__main__":
    main()
