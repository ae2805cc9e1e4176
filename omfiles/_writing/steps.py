# SPDX-License-Identifier: MIT
"""Steps: the multiples of 1 / scale_factor that floats are rounded to, and whether values lie on them already."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from omfiles._writing.array_spec import EXACT, ArraySpec

__all__ = ["OffStepsError", "on_steps", "require_steps"]

BLOCK = 1 << 16  # elements that caches hold
LOGARITHMIC_ROUNDING = 4
"""Units in the last place that logarithms of numpy and of the codec may differ by."""


class OffStepsError(ValueError):
    """Values would be rounded."""


def on_steps(spec: ArraySpec, values: npt.NDArray[Any], rounding: int = 0) -> bool:
    """Tell whether values read back from a file as they are.

    Parameters
    ----------
    spec : ArraySpec
        How they are encoded. `overflow` does not matter: what is out of range is not on the steps.
    values : numpy.ndarray
        Of the type of `spec`.
    rounding : int
        They may differ by so many units in the last place of ``abs(value) + abs(add_offset)``. 0: they are equal.
    """
    if spec.dtype.kind != "f" or spec.compression == EXACT:
        return True
    logarithmic = spec.compression.endswith("logarithmic")
    if logarithmic:
        rounding = max(rounding, LOGARITHMIC_ROUNDING)
    real = spec.dtype.type
    scale, offset = real(spec.scale_factor), real(1 if logarithmic else spec.add_offset)
    least, largest = _range(spec)
    unit = np.finfo(spec.dtype).eps * rounding
    blocks: Any = np.nditer(
        values,
        ["external_loop", "buffered"],
        order="K",
        op_dtypes=[spec.dtype],
        casting="equiv",
        buffersize=BLOCK,
    )
    memory = np.empty(min(values.size, BLOCK), spec.dtype)
    with np.errstate(all="ignore"), blocks:
        for block in blocks:
            found = memory[: block.size]
            np.add(block, offset, out=found)
            if logarithmic:
                np.log10(found, out=found)
            np.multiply(found, scale, out=found)
            np.rint(found, out=found)
            np.clip(found, least, largest, out=found)  # and what is changed by this is not found again
            np.divide(found, scale, out=found)
            if logarithmic:
                np.power(real(10), found, out=found)
            np.subtract(found, offset, out=found)
            if np.array_equal(found, block):
                continue
            off = found != block
            if rounding:
                off &= ~(abs(found - block) <= unit * (abs(block) + abs(offset)))
            if np.any(off & ~np.isnan(block)):
                return False
    return True


def require_steps(block: npt.NDArray[Any], spec: ArraySpec, rounding: int) -> npt.NDArray[Any]:
    """Return a block whose values are on the steps of `spec`, or raise `OffStepsError`."""
    if not on_steps(spec, block, rounding):
        raise OffStepsError(spec.name)
    return block


def _range(spec: ArraySpec) -> tuple[Any, Any]:
    """Return the smallest and the largest integer that is a value, as floats of the array's type."""
    bits = 16 if "int16" in spec.compression else 8 * spec.dtype.itemsize
    real = spec.dtype.type
    largest = real(2 ** (bits - 1) - 2)
    if largest >= 2.0 ** (bits - 1) - 1:
        largest = np.nextafter(real(2 ** (bits - 1)), real(0))
    return real(-(2.0 ** (bits - 1))), largest
