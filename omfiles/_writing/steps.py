# SPDX-License-Identifier: MIT
"""Steps: the multiples of 1 / scale_factor that floats are rounded to, and whether values lie on them already."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from omfiles._writing.array_spec import EXACT, LOGARITHMIC, ArraySpec

__all__ = ["Coarseness", "OffStepsError", "Reach", "on_steps", "reach", "require_steps", "warn_if_coarse"]

BLOCK = 1 << 16  # elements that caches hold
LOGARITHMIC_ROUNDING = 4
"""Units in the last place that logarithms of numpy and of the codec may differ by."""
LEAST_STEPS = 3
"""Steps that values must differ by, if a step is 1 or more."""
SAMPLE = 512  # elements


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
    logarithmic = spec.compression == LOGARITHMIC
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


# --- scales that are too coarse ---------------------------------------------------------------------------------------


class Reach(NamedTuple):
    """Where values lie."""

    low: float
    high: float
    rounded: bool
    """Whether some are not on the steps."""


def reach(spec: ArraySpec, values: npt.NDArray[Any]) -> Reach | None:
    """Return where values lie, or None if their scale is fine enough, which mostly a few of them tell."""
    if spec.dtype.kind != "f" or spec.compression in (EXACT, LOGARITHMIC):
        return None
    if _is_fine(spec, values.item(0), values.item(values.size // 2)):
        return None
    each = max(1, int(SAMPLE ** (1 / values.ndim)))
    sample = values[tuple(slice(None, None, max(1, extent // each)) for extent in values.shape)]
    for part in (sample, values):
        low, high = float(np.fmin.reduce(part, None)), float(np.fmax.reduce(part, None))
        if _is_fine(spec, low, high):
            return None
    return Reach(low, high, rounded=not on_steps(spec, values))


def _is_fine(spec: ArraySpec, one: float, other: float) -> bool:
    """Whether two values differ enough; with steps below 1, whether one is not 0 when it is rounded."""
    scale = abs(spec.scale_factor)
    return abs(other - one) * scale >= LEAST_STEPS if scale <= 1 else max(abs(one), abs(other)) * scale >= 0.5


class Coarseness:
    """Gathers whether the scale of an array is too coarse for its values.

    Parameters
    ----------
    spec : ArraySpec
        The array.
    """

    def __init__(self, spec: ArraySpec) -> None:
        self._spec = spec
        self._is_fine = False
        self._reach = Reach(np.nan, np.nan, rounded=False)

    def add(self, part: npt.NDArray[Any] | Reach | None) -> None:
        """Look at a part of the array, or at where its values lie, as long as it is not clear."""
        if self._is_fine:
            return
        found = reach(self._spec, part) if isinstance(part, np.ndarray) else part
        if found is None:
            self._is_fine = True
            return
        low, high, rounded = self._reach
        low, high = float(np.fmin(low, found.low)), float(np.fmax(high, found.high))
        self._reach = Reach(low, high, rounded or found.rounded)
        self._is_fine = _is_fine(self._spec, low, high)

    def warn(self, stacklevel: int) -> None:
        """Warn if the scale is too coarse."""
        if not self._is_fine:
            warn_if_coarse(self._spec, self._reach, stacklevel + 1)


def warn_if_coarse(spec: ArraySpec, found: Reach | None, stacklevel: int) -> None:
    """Warn if `reach` has found values of an array that are too close together for its scale."""
    if found is None or not found.rounded:
        return
    scale = spec.scale_factor
    if abs(scale) < 1:
        advice = (
            f"For steps of {scale:g}, which is what scale_factor={scale:g} means in NetCDF, give "
            f"precision={scale:g}; the scale_factor is the inverse, {1 / scale:g}"
        )
    else:
        advice = "Give a precision=, such as 0.01 for steps of 0.01; compression='fpx_xor_2d' rounds nothing"
    warnings.warn(
        f"variable {spec.name!r}: the values, {found.low:g} to {found.high:g}, are rounded to steps of "
        f"{1 / abs(scale):g} by scale_factor={scale:g}. {advice}",
        stacklevel=stacklevel + 1,
    )
