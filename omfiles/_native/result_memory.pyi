# SPDX-License-Identifier: MIT
from typing_extensions import Buffer, disjoint_base

__pyx_capi__: dict[str, object]

@disjoint_base
class Block(Buffer): ...

def drop_waiting() -> int: ...
