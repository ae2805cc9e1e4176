# SPDX-License-Identifier: MIT
"""Print the binary interface of the C core as JSON: what the public headers declare, and what Cython finds in `_core`.

`tests/capi/abi.json` holds what was agreed on, and `make abi` writes it. What is there stays as it is, unless
OMF_ABI_VERSION grows; new functions are added at the end of `omfiles_api`.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pycparser import c_ast, c_generator, c_parser

from omfiles import _core

INCLUDE = Path(__file__).parents[1] / "csrc" / "include"
CC = shlex.split(os.environ.get("CC", "cc"))

# Enough of other people's headers for ours to be parsed, or compiled.
PYTHON_H = """
typedef struct object PyObject;
extern PyObject *PyExc_ImportError;
void *PyCapsule_Import(const char *, int);
PyObject *PyErr_Format(PyObject *, const char *, ...);
"""
STANDARD = {
    "stdint.h": "typedef int uint8_t, uint32_t, uint64_t, int64_t;",
    "stdbool.h": "typedef int bool;",
    "stddef.h": "typedef int size_t;\n#define NULL 0",
}


def describe() -> dict[str, Any]:
    """The interface, as it is written to abi.json."""
    with TemporaryDirectory() as folder:
        Path(folder, "Python.h").write_text(PYTHON_H)
        text, constants = preprocess(Path(folder))
        functions: dict[str, str] = {}
        structs: dict[str, dict[str, str]] = {}
        generate = c_generator.CGenerator().visit
        for node in c_parser.CParser().parse(text).ext:
            if isinstance(node, c_ast.Decl) and isinstance(node.type, c_ast.FuncDecl) and node.name.startswith("omf_"):
                functions[node.name] = generate(node)
            if isinstance(node, c_ast.Typedef) and isinstance(node.type.type, c_ast.Enum):
                constants += [value.name for value in node.type.type.values]
            if isinstance(node, c_ast.Typedef) and isinstance(node.type.type, c_ast.Struct) and "omf" in node.name:
                structs[node.name] = {field.name: generate(field) for field in node.type.type.decls}
        places = [(name, field) for name, fields in structs.items() for field in fields]
        values = evaluate(
            Path(folder),
            constants
            + [f"offsetof({name}, {field})" for name, field in places]
            + [f"sizeof({name})" for name in structs],
        )
    offsets = dict(zip(places, values[len(constants) :], strict=False))
    return {
        "constants": dict(zip(constants, values, strict=False)),
        "functions": functions,
        "structs": {
            name: {
                "size": size,
                "fields": [f"{offsets[name, field]}: {declaration}" for field, declaration in structs[name].items()],
            }
            for name, size in zip(structs, values[-len(structs) :], strict=True)
        },
        "cython": dict(sorted(re.findall(r"'(omf_\w+)': <capsule object \"(.*?)\"", repr(_core.__pyx_capi__)))),
    }


def preprocess(folder: Path) -> tuple[str, list[str]]:
    """All declarations of the headers, and the names of the macros that are numbers."""
    with TemporaryDirectory() as stubs:
        for name, content in STANDARD.items():
            Path(stubs, name).write_text(content)
        command = [*CC, "-E", "-nostdinc", f"-I{stubs}", f"-I{folder}", INCLUDE / "omfiles.h"]
        text = subprocess.run([*command, "-P"], check=True, capture_output=True, text=True).stdout
        macros = subprocess.run([*command, "-dM"], check=True, capture_output=True, text=True).stdout
    return text, sorted(re.findall(r"#define (OMF_(?!VERSION)\w+) \d+$", macros, re.MULTILINE))


def evaluate(folder: Path, expressions: list[str]) -> list[int]:
    """What the compiler makes of expressions."""
    lines = "".join(f'printf("%lld\\n", (long long)({expression}));\n' for expression in expressions)
    Path(folder, "main.c").write_text(
        f"#include <stddef.h>\n#include <stdio.h>\n#include <omfiles.h>\nint main(void) {{\n{lines}return 0;\n}}\n"
    )
    subprocess.run([*CC, f"-I{folder}", f"-I{INCLUDE}", folder / "main.c", "-o", folder / "main"], check=True)
    output = subprocess.run([folder / "main"], check=True, capture_output=True, text=True).stdout
    return [int(line) for line in output.split()]


if __name__ == "__main__":
    print(json.dumps(describe(), indent=1))
