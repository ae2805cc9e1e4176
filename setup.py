# SPDX-License-Identifier: MIT
"""What pyproject.toml cannot say: extension modules and their build switches, and archives that can be reproduced.

OMFILES_DEBUG=1                       no optimisation, symbols, assertions of the C core
OMFILES_SANITIZE=address,undefined    the same with sanitizers (preload libasan to run it)
OMFILES_PREBUILT=1                    no compilation: the modules are in place already (for an editable package)
SOURCE_DATE_EPOCH=...                 the time that archives state, instead of now
"""

import gzip
import json
import os
import sys
import sysconfig
import tarfile
import tempfile
import time
from glob import glob
from pathlib import Path

import Cython
from Cython.Build import cythonize
from setuptools import Extension, find_packages, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext
from setuptools.command.sdist import sdist
from setuptools.errors import CompileError

# The stable ABI serves every CPython from 3.11 on; free-threaded builds have none that Cython can target.
stable_abi = not sysconfig.get_config_var("Py_GIL_DISABLED")
macros = [("Py_LIMITED_API", "0x030B0000")] if stable_abi else []

sanitizers = os.environ.get("OMFILES_SANITIZE", "")
debug = bool(sanitizers or os.environ.get("OMFILES_DEBUG"))

if sys.platform == "win32":
    compile_args = ["/std:c11", "/fp:precise", "/Od" if debug else "/O2"]
    link_args = []
else:
    # No fused multiply-add: sums and products round one by one, as the format asks. Nobody looks at floating-point
    # exceptions or errno, and without them compilers vectorise the conversions.
    compile_args = ["-std=c11", "-fvisibility=hidden", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math"]
    compile_args += ["-O1" if sanitizers else "-O0", "-g"] if debug else ["-O3", "-g0"]
    link_args = []
    if sys.platform == "linux" and not debug:
        link_args += ["-Wl,--strip-all"]
    if sanitizers:
        compile_args += [f"-fsanitize={sanitizers}", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"]
        link_args += [f"-fsanitize={sanitizers}"]
if not debug:
    macros.append(("NDEBUG", "1"))


def extension(source: str) -> Extension:
    """Describe the module of one .pyx file; only `_core` is linked with the C core."""
    name = source.removesuffix(".pyx").replace(os.sep, ".").replace("/", ".")
    core = sorted(glob("csrc/src/**/*.c", recursive=True)) if name == "omfiles._core" else []
    headers = glob("csrc/**/*.h", recursive=True) + glob("omfiles/**/*.h", recursive=True)
    return Extension(
        name,
        [source, *core],
        depends=headers,
        include_dirs=["csrc/include", "csrc/src", "omfiles/_native"],
        define_macros=macros,
        extra_compile_args=compile_args,
        extra_link_args=link_args,
        py_limited_api=stable_abi,
    )


def extensions() -> list[Extension]:
    """Translate all .pyx files to C."""
    return cythonize(
        [extension(source) for source in sorted(glob("omfiles/**/*.pyx", recursive=True))],
        build_dir="build/cython",
        compiler_directives={
            "language_level": "3",
            "freethreading_compatible": True,
            "embedsignature": True,
            "embedsignature.format": "python",
            "auto_pickle": False,
            "autotestdict": False,
        },
    )


class BuildExt(build_ext):
    """A machine that cannot compile says so in a sentence, once, instead of in a traceback of each module."""

    def build_extensions(self):
        self.try_header("stdlib.h", "a C compiler (Debian: apt-get install build-essential)")
        self.try_header("Python.h", "the headers of this Python (Debian: apt-get install python3-dev)")
        super().build_extensions()

    def try_header(self, name: str, needed: str) -> None:
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "probe.c")
            source.write_text(f"#include <{name}>\n")
            try:
                self.compiler.compile([str(source)], output_dir=folder, include_dirs=self.include_dirs)
            except CompileError:
                sys.exit(f"error: omfiles cannot be compiled: it needs {needed}")


class Sdist(sdist):
    """Archives without traces of the machine: files in order, times of the commit, nobody's names and umask."""

    def make_archive(self, base_name, format, root_dir=None, base_dir=None, owner=None, group=None):
        if format != "gztar":
            return super().make_archive(base_name, format, root_dir, base_dir, owner, group)
        now = int(os.environ.get("SOURCE_DATE_EPOCH", time.time()))

        def plain(entry):
            entry.mtime, entry.mode = now, 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
            entry.uid, entry.gid, entry.uname, entry.gname = 0, 0, "", ""
            return entry

        name = f"{base_name}.tar.gz"
        self.mkpath(os.path.dirname(name))
        with (
            open(name, "wb") as file,
            gzip.GzipFile("", "wb", mtime=now, fileobj=file) as stream,
            tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive,
        ):
            archive.add(base_dir, filter=plain)  # sorted
        return name


class Wheel(bdist_wheel):
    """Wheels with a software bill of materials (PEP 770): what is compiled into the modules."""

    def write_wheelfile(self, wheelfile_base, **options):
        super().write_wheelfile(wheelfile_base, **options)
        name = self.distribution.get_name()
        package = component(name, self.distribution.get_version(), "MIT")
        cython = component("cython", Cython.__version__, "Apache-2.0")  # parts of it are in its output
        bill = {
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "version": 1,
            "metadata": {"component": package},
            "components": [cython],
            "dependencies": [{"ref": package["bom-ref"], "dependsOn": [cython["bom-ref"]]}],
        }
        folder = Path(wheelfile_base, "sboms")
        folder.mkdir()
        (folder / f"{name}.cdx.json").write_text(json.dumps(bill, indent=2) + "\n")


def component(name: str, version: str, license: str) -> dict[str, object]:
    """Describe a package of PyPI in terms of CycloneDX."""
    url = f"pkg:pypi/{name}@{version}"
    licenses = [{"license": {"id": license}}]
    return {"type": "library", "bom-ref": url, "name": name, "version": version, "licenses": licenses, "purl": url}


setup(
    packages=[*find_packages(include=["omfiles*"]), "omfiles.include", "omfiles.include.omf"],
    package_dir={"omfiles.include": "csrc/include"},
    ext_modules=[] if os.environ.get("OMFILES_PREBUILT") else extensions(),
    cmdclass={"build_ext": BuildExt, "sdist": Sdist, "bdist_wheel": Wheel},
    options={
        "build_ext": {"parallel": True},
        **({"bdist_wheel": {"py_limited_api": "cp311"}} if stable_abi else {}),
    },
)
