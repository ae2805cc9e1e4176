# SPDX-License-Identifier: MIT
"""The command line. Each module has the commands of one kind, and adds their parsers."""
