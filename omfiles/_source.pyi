# SPDX-License-Identifier: MIT
from typing_extensions import disjoint_base

OPEN_FLAGS: int
__pyx_capi__: dict[str, object]

@disjoint_base
class Source:
    @property
    def size(self) -> int: ...
    @property
    def name(self) -> str | None: ...
    @property
    def origin(self) -> object: ...
