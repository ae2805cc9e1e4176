# SPDX-License-Identifier: MIT
"""What writes a file: the writer, checks of arguments, encoding, and the sinks that take bytes."""
