# SPDX-License-Identifier: MIT
"""The command ``omfiles``: what the library does, from a shell. docs/cli.md describes it for users.

Each module has the commands of one kind, and adds their parsers. What is a mistake of the user, or of a file, becomes
one line of text and an exit code.
"""

from omfiles.cli.app import main

__all__ = ["main"]
