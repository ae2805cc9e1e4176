# SPDX-License-Identifier: MIT
from typing import final

from typing_extensions import disjoint_base

from omfiles._core import ARRAY_TYPES as ARRAY_TYPES

__pyx_capi__: dict[str, object]

MAX_LEVELS: int

@final
class Ancestor: ...

@disjoint_base
class Node: ...

@disjoint_base
class OmVariable(Node):
    def __init__(self, *args: object, **kwargs: object) -> None: ...
    @property
    def name(self) -> str: ...
    @property
    def offset(self) -> int: ...
    @property
    def size(self) -> int: ...
