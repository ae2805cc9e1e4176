# SPDX-License-Identifier: MIT
"""The integration with xarray. `omfiles.xarray` has the public names."""
