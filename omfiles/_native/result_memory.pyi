# SPDX-License-Identifier: MIT
import sys

from typing_extensions import Buffer, disjoint_base

__pyx_capi__: dict[str, object]

@disjoint_base
class Block(Buffer):
    if sys.version_info >= (3, 12):
        def __buffer__(self, flags: int, /) -> memoryview: ...

def drop_waiting() -> int: ...
