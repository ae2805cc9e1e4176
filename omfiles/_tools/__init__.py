# SPDX-License-Identifier: MIT
"""What goes through whole files: verification, hashes, copies, statistics."""
