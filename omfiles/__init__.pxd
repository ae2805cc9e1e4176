# SPDX-License-Identifier: MIT
# Makes the package known to `cimport`: the C functions are in omfiles._core, their types in omfiles.libomf.
