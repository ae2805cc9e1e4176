# SPDX-License-Identifier: MIT
"""What reads a file: the readers, selections, and how readers show themselves."""
