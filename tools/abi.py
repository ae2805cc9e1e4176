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

from bindings import INCLUDE, declared_name, read_headers

from omfiles import _core

CC = shlex.split(os.environ.get("CC", "cc"))
INCLUDES = "#include <stddef.h>\n#include <stdio.h>\n#include <omfiles_table.h>\n"


def describe() -> dict[str, Any]:
    """Return the interface, as it is written to abi.json."""
    headers = read_headers("omfiles_table.h").values()
    structs = {name: members for header in headers for name, members in header.structs.items()}
    names = sorted(name for header in headers for name in header.constants)
    names += [value for header in headers for values in header.enums.values() for value in values]
    offsets = [f"offsetof({struct}, {declared_name(member)})" for struct in structs for member in structs[struct]]
    values = evaluate([*names, *offsets, *(f"sizeof({struct})" for struct in structs)])

    def with_lengths(declaration: str) -> str:
        return re.sub(r"\[(\w+)\]", lambda match: f"[{values[match[1]]}]", declaration)

    functions = {
        f.name: f"{f.result}{f.name}({', '.join(f.parameters) or 'void'})" for h in headers for f in h.functions
    }
    return {
        "constants": {name: values[name] for name in names},
        "functions": {name: with_lengths(declaration) for name, declaration in functions.items()},
        "structs": {
            struct: {
                "size": values[f"sizeof({struct})"],
                "fields": [
                    f"{values[f'offsetof({struct}, {declared_name(member)})']}: {with_lengths(member)}"
                    for member in members
                ],
            }
            for struct, members in structs.items()
        },
        "cython": dict(sorted(re.findall(r"'(omf_\w+)': <capsule object \"(.*?)\"", repr(_core.__pyx_capi__)))),
    }


def evaluate(expressions: list[str]) -> dict[str, int]:
    """Return what the compiler makes of expressions."""
    lines = "".join(f'printf("%lld\\n", (long long)({expression}));\n' for expression in expressions)
    with TemporaryDirectory() as folder:
        source, program = Path(folder, "main.c"), Path(folder, "main")
        source.write_text(f"{INCLUDES}int main(void) {{\n{lines}return 0;\n}}\n")
        subprocess.run([*CC, f"-I{INCLUDE}", source, "-o", program], check=True)
        output = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    return dict(zip(expressions, map(int, output.split())))


if __name__ == "__main__":
    print(json.dumps(describe(), indent=1))
