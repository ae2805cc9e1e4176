# SPDX-License-Identifier: MIT
from typing import Any

import numpy as np
from typing_extensions import disjoint_base

ARRAY_TYPES: dict[np.dtype[Any], int]
COMPRESSIONS: dict[str, int]

__pyx_capi__: dict[str, object]

@disjoint_base
class Buffer: ...

def simd_name() -> str: ...
def simd_available() -> list[str]: ...
def simd_select(name: str | None) -> None: ...
