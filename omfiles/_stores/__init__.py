# SPDX-License-Identifier: MIT
"""Where bytes of files come from: local paths, URLs, filesystems, object stores; requests, and what waits for them."""
