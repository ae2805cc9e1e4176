# SPDX-License-Identifier: MIT
"""The C core without Python: built and installed by CMake, found by CMake and pkg-config, used from C and C++."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from strangers import GOLDEN, ROOT, exported, needs_cpp, run

CMAKE = shutil.which("cmake", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}") or ""
pytestmark = [
    pytest.mark.slow,
    pytest.mark.source_tree,
    pytest.mark.skipif(not sys.platform.startswith("linux") or not CMAKE, reason="needs Linux and CMake"),
    pytest.mark.xdist_group("library"),
]


@pytest.fixture(scope="module")
def static(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(tmp_path_factory.mktemp("static"), "-DCMAKE_BUILD_TYPE=Debug")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(tmp_path_factory.mktemp("shared"), "-DBUILD_SHARED_LIBS=ON", "-DCMAKE_C_FLAGS_RELEASE=-O0")


def install(folder: Path, *options: str) -> Path:
    """Nothing is optimised, which takes less time."""
    run(CMAKE, "-S", ROOT / "csrc", "-B", "build", "-DCMAKE_INSTALL_LIBDIR=lib", *options, cwd=folder)
    run(CMAKE, "--build", "build", "--parallel", "2", cwd=folder)
    run(CMAKE, "--install", "build", "--prefix", folder / "prefix", cwd=folder)
    return folder / "prefix"


@pytest.fixture(params=["static", "shared"])
def prefix(request: pytest.FixtureRequest) -> Path:
    """Where the library was installed. Tests come in any order, so each kind is a fixture that stays."""
    path: Path = request.getfixturevalue(request.param)
    return path


def test_only_public_names_are_exported(prefix: Path) -> None:
    shared = prefix / "lib" / "libomf.so"
    headers = "".join(path.read_text() for path in ROOT.glob("csrc/include/omf/*.h"))
    public = set(re.findall(r"^OMF_API .*?\b(omf_\w+)\(", headers, re.MULTILINE))
    if shared.exists():
        assert exported(shared) == public
    else:
        names = exported(prefix / "lib" / "libomf.a", "--extern-only")
        assert public <= names
        assert all(name.startswith(("omf_", "omfi_")) for name in names)


@needs_cpp
def test_cmake_package(prefix: Path, tmp_path: Path) -> None:
    """Both examples find the library, and need nothing but it and the C library."""
    run(CMAKE, "-S", ROOT / "csrc/examples", "-B", tmp_path, f"-DCMAKE_PREFIX_PATH={prefix}", cwd=tmp_path)
    run(CMAKE, "--build", tmp_path, cwd=tmp_path)
    assert "off by at most 0.025" in run(tmp_path / "roundtrip", cwd=tmp_path)
    check_print(tmp_path / "print")


@pytest.mark.skipif(not shutil.which("pkg-config"), reason="needs pkg-config")
def test_pkg_config(prefix: Path, tmp_path: Path) -> None:
    options = ["--cflags", "--libs", *([] if (prefix / "lib" / "libomf.so").exists() else ["--static"])]
    flags = run("pkg-config", *options, "omf", cwd=tmp_path, PKG_CONFIG_PATH=str(prefix / "lib" / "pkgconfig"))
    compiler = os.environ.get("CC", "cc")
    strict = ["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
    path = f"-Wl,-rpath,{prefix / 'lib'}"
    run(compiler, *strict, ROOT / "csrc/examples/print.c", *flags.split(), path, "-o", "print", cwd=tmp_path)
    check_print(tmp_path / "print")


def check_print(program: Path) -> None:
    """The text that the standalone reader makes of golden files holds their values."""
    libraries = re.findall(r"(lib\w+)\.so", run("ldd", program, cwd=program.parent))
    assert set(libraries) <= {"libc", "libm", "libomf"}
    for name in [
        "f4-pfor_delta_2d_int16-3d",
        "i8-pfor_delta_2d-2d",
        "f8-fpx_xor_2d-1d",
        "legacy-v1-pfor_delta_2d_int16",
    ]:
        expected = np.load(GOLDEN / f"{name}.npz")["read"]
        lines = run(program, GOLDEN / f"{name}.om", cwd=program.parent).splitlines()
        assert lines[0].endswith(f" {expected.dtype} {list(expected.shape)}")
        rows = lines[1 : 1 + expected.size // expected.shape[-1]]
        values = np.array([row.split() for row in rows], dtype=expected.dtype).reshape(expected.shape)
        np.testing.assert_array_equal(values, expected)
    tree = run(program, GOLDEN / "hierarchy-tail.om", cwd=program.parent)
    assert "units string" in tree
