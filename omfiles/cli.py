# SPDX-License-Identifier: MIT
"""The command ``omfiles``: what the library does, from a shell.

A mistake of the user, or a damaged file, becomes one line of text and an exit code. `main` is what the command calls.
"""

from omfiles._cli.app import main

__all__ = ["main"]
