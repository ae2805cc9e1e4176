# SPDX-License-Identifier: MIT
from typing import Any

import numpy.typing as npt
from typing_extensions import disjoint_base

from omfiles.sink import Sink

@disjoint_base
class Output:
    def __init__(self, sink: Sink) -> None: ...
    @property
    def failed(self) -> bool: ...
    @property
    def position(self) -> int: ...
    def put_record(
        self, type: int, name: bytes, children: list[tuple[int, int]], value: bytes, array: ArrayEncoder | None
    ) -> tuple[int, int]: ...
    def finish(self, root: tuple[int, int]) -> None: ...

@disjoint_base
class ArrayEncoder:
    def __init__(
        self,
        out: Output,
        type: int,
        compression: int,
        scale_factor: float,
        add_offset: float,
        shape: tuple[int, ...],
        chunks: tuple[int, ...],
        overflow: str,
    ) -> None: ...
    @property
    def n_done(self) -> int: ...
    @property
    def n_chunks(self) -> int: ...
    @property
    def lost(self) -> tuple[int, int, int, float] | None: ...
    def append(self, item: npt.NDArray[Any]) -> None: ...
    def finish(self) -> None: ...
