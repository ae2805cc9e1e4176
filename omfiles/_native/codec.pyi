# SPDX-License-Identifier: MIT
from typing import Any, Literal

import numpy.typing as npt
from typing_extensions import Buffer

from omfiles._core import ARRAY_TYPES as ARRAY_TYPES
from omfiles._core import COMPRESSIONS as COMPRESSIONS

def decode_stream(
    src: Buffer, n_values: int, kind: Literal["delta", "zigzag", "xor"], width: Literal[8, 16, 32, 64]
) -> npt.NDArray[Any]: ...
def encode_stream(
    values: npt.ArrayLike, kind: Literal["delta", "zigzag", "xor"], width: Literal[8, 16, 32, 64]
) -> bytes: ...
def decode_chunk(
    src: Buffer,
    shape: tuple[int, ...],
    dtype: npt.DTypeLike,
    compression: str,
    scale_factor: float = 1.0,
    add_offset: float = 0.0,
) -> npt.NDArray[Any]: ...
def encode_chunk(
    array: npt.NDArray[Any],
    compression: str,
    scale_factor: float = 1.0,
    add_offset: float = 0.0,
    overflow: Literal["raise", "clip", "nan"] = "raise",
) -> bytes: ...
