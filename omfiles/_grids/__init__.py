# SPDX-License-Identifier: MIT
"""Grids of weather models. `omfiles.grids` has the public names."""
