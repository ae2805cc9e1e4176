# SPDX-License-Identifier: MIT
"""The extension modules of docs/c-api.md, which strangers build against the installed wheel."""

from __future__ import annotations

from pathlib import Path

import pytest
from strangers import GOLDEN, exported, needs_cpp, run, write_example

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("extensions")]  # which share an environment

USE_OF_CYTHON = """
import os, sys, threading
import numpy as np, omfiles, chunks, rows

assert omfiles.__file__.startswith(sys.prefix)
field = np.linspace(-20, 30, 12_000, dtype="float32").reshape(100, 120)
chunk = chunks.encode(field, 20)
decoded = np.empty_like(field)
chunks.decode(chunk, 20, decoded)
assert len(chunk) < field.nbytes / 4 and np.abs(decoded - field).max() <= 0.02501

# The bytes are those of a file with one chunk.
omfiles.save("one.om", field, chunks=field.shape, compression="pfor_delta_2d_int16", scale_factor=20)
assert chunk in open("one.om", "rb").read()
try:
    chunks.decode(chunk[:-1], 20, decoded)
except ValueError as error:
    assert "byte" in str(error)
else:
    raise AssertionError("a chunk that is cut off")

# Rows 13 ... of a file, by many threads at once.
omfiles.save("many.om", field, chunks=(7, 9), scale_factor=20)
expected = omfiles.open("many.om")[13:63]
def read():
    out = np.empty((50, 120), "float32")
    rows.read_rows(file.fileno(), os.path.getsize("many.om"), 13, out)
    equal.append(np.array_equal(out, expected))
equal = []
with open("many.om", "rb") as file:
    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
assert equal == [True] * 4

with open("cut.om", "wb") as cut:  # the trailer stays, chunks are gone
    whole = open("many.om", "rb").read()
    cut.write(bytes(len(whole) // 2) + whole[len(whole) // 2 :])
with open("cut.om", "rb") as file:
    try:
        rows.read_rows(file.fileno(), len(whole), 0, np.empty((100, 120), "float32"))
    except ValueError as error:
        assert "byte" in str(error)
    else:
        raise AssertionError("a file without its chunks")
"""

USE_OF_C = """
import sys
from pathlib import Path
import omfiles, variables

content = Path(sys.argv[1]).read_bytes()
found = variables.list_variables(content)

def walk(variable, prefix):
    path = f"{prefix}/{variable.name}"
    yield path, tuple(variable.shape or ())
    for child in variable.children:
        yield from walk(child, path)
reader = omfiles.open(content)
assert sorted((path, shape) for path, _, shape in found) == sorted(walk(reader, "")), found
assert len(found) > 10

for damaged in [b"", content[:-1], content[:100] + content[-24:]]:
    try:
        variables.list_variables(damaged)
    except ValueError as error:
        assert "byte" in str(error), error
    else:
        raise AssertionError(damaged)
"""


def build(python: Path, folder: Path, flags: str = "-O0") -> None:
    run(python, "setup.py", "--quiet", "build_ext", "--inplace", cwd=folder, CFLAGS=flags)


def test_cython(python: Path, tmp_path: Path) -> None:
    write_example("From Cython", tmp_path)
    build(python, tmp_path)
    run(python, "-c", USE_OF_CYTHON, cwd=tmp_path)


@pytest.mark.parametrize("suffix", ["c", pytest.param("cpp", marks=needs_cpp)])
def test_capsule(python: Path, tmp_path: Path, suffix: str) -> None:
    write_example("From C and C++ in an extension module", tmp_path)
    setup = tmp_path / "setup.py"
    setup.write_text(setup.read_text().replace("variables.c", f"variables.{suffix}"))
    (tmp_path / "variables.c").rename(tmp_path / f"variables.{suffix}")
    build(python, tmp_path, "-O0 -Wall -Wextra -Werror")
    run(python, "-c", USE_OF_C, GOLDEN / "hierarchy-tail.om", cwd=tmp_path)


def test_another_version_of_the_table_is_refused(python: Path, tmp_path: Path) -> None:
    """A module that was compiled against newer headers says so, rather than calling what is not there."""
    write_example("From C and C++ in an extension module", tmp_path)
    source = (tmp_path / "variables.c").read_text()
    (tmp_path / "variables.c").write_text(source.replace("#include <omfiles.h>", '#include "newer.h"'))
    header = Path(run(python, "-c", "import omfiles; print(omfiles.get_include())", cwd=tmp_path).strip(), "omfiles.h")
    declarations, function = header.read_text().split("static inline")
    for now, later in [("OMF_ABI_VERSION", "OMF_ABI_VERSION + 1"), ("sizeof(omfiles_api)", "sizeof(omfiles_api) + 8")]:
        (tmp_path / "newer.h").write_text(f"{declarations}static inline{function.replace(now, f'({later})')}")
        (tmp_path / "variables.c").touch()
        build(python, tmp_path)
        script = "try: import variables\nexcept ImportError as error: print(error)"
        assert "compile it again, or upgrade omfiles" in run(python, "-c", script, cwd=tmp_path)


def test_modules_export_their_init_function_only(wheel: Path, python: Path) -> None:
    folder = Path(run(python, "-c", "import omfiles; print(omfiles.__path__[0])", cwd=python.parent).strip())
    modules = sorted(folder.glob("*.so"))
    assert modules
    for module in modules:
        assert exported(module) == {f"PyInit_{module.name.split('.')[0]}"}
