# SPDX-License-Identifier: MIT
from typing import Any

import numpy as np
import numpy.typing as npt
from typing_extensions import Buffer, disjoint_base

__pyx_capi__: dict[str, object]

@disjoint_base
class ReadPlan:
    @property
    def out(self) -> npt.NDArray[Any]: ...
    @property
    def n_chunks(self) -> int: ...
    def groups(self, first: int, last: int) -> npt.NDArray[np.uint64]: ...
    def group_range(self, number: int) -> tuple[int, int]: ...
    def table_range(self) -> tuple[int, int]: ...
    def locate(
        self, first: int, last: int, groups: dict[int, Buffer]
    ) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]: ...
    def decode(
        self,
        first: int,
        last: int,
        starts: npt.NDArray[np.uint64],
        stops: npt.NDArray[np.uint64],
        source: Buffer,
        offset: int,
    ) -> None: ...
