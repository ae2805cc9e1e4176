# SPDX-License-Identifier: MIT
"""The extension modules and their build switches; everything else stands in pyproject.toml.

OMFILES_DEBUG=1                       no optimisation, symbols, assertions of the C core
OMFILES_SANITIZE=address,undefined    the same with sanitizers (preload libasan to run it)
"""

import os
import sys
import sysconfig
from glob import glob

from Cython.Build import cythonize
from setuptools import Extension, setup

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
    compile_args += ["-O0", "-g"] if debug else ["-O3", "-g0"]
    link_args = []
    if sanitizers:
        compile_args += [f"-fsanitize={sanitizers}", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"]
        link_args += [f"-fsanitize={sanitizers}"]
if not debug:
    macros.append(("NDEBUG", "1"))


def extension(source: str) -> Extension:
    """Describe the module of one .pyx file; only `_core` is linked with the C core."""
    name = os.path.splitext(os.path.basename(source))[0]
    core = sorted(glob("csrc/src/**/*.c", recursive=True)) if name == "_core" else []
    headers = glob("csrc/**/*.h", recursive=True) + glob("omfiles/*.h")
    return Extension(
        f"omfiles.{name}",
        [source, *core],
        depends=headers,
        include_dirs=["csrc/include", "csrc/src"],
        define_macros=macros,
        extra_compile_args=compile_args,
        extra_link_args=link_args,
        py_limited_api=stable_abi,
    )


setup(
    ext_modules=cythonize(
        [extension(source) for source in sorted(glob("omfiles/*.pyx"))],
        build_dir="build/cython",
        compiler_directives={
            "language_level": "3",
            "freethreading_compatible": True,
            "embedsignature": True,
            "embedsignature.format": "python",
            "auto_pickle": False,
            "autotestdict": False,
        },
    ),
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if stable_abi else {},
)
