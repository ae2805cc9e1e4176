# SPDX-License-Identifier: MIT
"""The compiled modules, and the two Python modules that only they build on: threads, and the limit of results."""
