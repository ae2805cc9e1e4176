# SPDX-License-Identifier: MIT
"""``python -m omfiles``: the command line."""

import sys

from omfiles.cli import main

if __name__ == "__main__":
    sys.exit(main())
