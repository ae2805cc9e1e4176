# SPDX-License-Identifier: MIT
from typing_extensions import disjoint_base

from omfiles.io.remote import RemoteFile

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
    @property
    def remote(self) -> RemoteFile | None: ...
