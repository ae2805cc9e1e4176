# SPDX-License-Identifier: MIT
"""What xarray and zarr share: names of groups, arrays and dimensions, and attributes."""
