# SPDX-License-Identifier: MIT
from collections.abc import Callable, Mapping
from typing import Any

from typing_extensions import Buffer, disjoint_base

from omfiles._stores.coalesce import FetchOptions
from omfiles._stores.remote_file import RemoteFile

OPEN_FLAGS: int
__pyx_capi__: dict[str, object]

@disjoint_base
class Part: ...

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
    def read_range(self, start: int, stop: int) -> Buffer: ...

def set_resolver(
    function: Callable[[Any, Mapping[str, Any] | None, FetchOptions | None], str | Buffer | RemoteFile],
) -> None: ...
def open_source(source: Any, storage_options: Mapping[str, Any] | None, fetch: FetchOptions | None) -> Source: ...
