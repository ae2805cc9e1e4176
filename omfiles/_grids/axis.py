# SPDX-License-Identifier: MIT
"""Grid points at equal distances along one dimension, and which of them is nearest."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["Axis", "Role"]

Role: TypeAlias = Literal["latitude", "longitude", "plane"]
Positions: TypeAlias = npt.NDArray[np.int64]


class Axis(NamedTuple):
    """Points at equal distances: rows, or columns.

    The nearest point is the one that Open-Meteo's API takes: degrees are divided in float32, and halves are rounded
    away from zero. Longitudes wrap, and a gap of two steps between the last and the first column belongs to these. So
    does what lies between the last row and a pole, up to one step.
    """

    origin: float
    step: float
    size: int
    role: Role

    def fraction(self, at: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Positions between the points, float64."""
        if self.role == "plane":
            return (at - self.origin) / self.step
        degrees, origin, step = (np.asarray(value, np.float32) for value in (at, self.origin, self.step))
        return np.asarray((degrees - origin) / step, np.float64)

    def nearest(self, at: npt.NDArray[np.float64]) -> Positions:
        """Positions of the nearest points, -1 half a step or more outside."""
        if self.role == "longitude":
            at = np.where(np.abs(at) <= 180, at, (at + 180) % 360 - 180)
            if self.wraps:
                return self._nearest_column(at)
            middle = self.origin + self.step * (self.size - 1) / 2
            at = at - 360 * np.rint((at - middle) / 360)
        fraction = self.fraction(at)
        low, high = -0.5, self.size - 0.5
        if self.role == "latitude":
            poles = sorted(self.fraction(np.array([-90.0, 90.0])).tolist())
            low = min(low, poles[0]) if poles[0] >= -1 else low
            high = max(high, poles[1]) if poles[1] <= self.size else high
        with np.errstate(invalid="ignore"):  # not finite where a projection is not continuous
            position = np.clip(_round(fraction), 0, self.size - 1)
            inside = (fraction >= low) & (fraction <= high)
            if self.role == "latitude":
                inside &= np.abs(at) <= 90
            return np.where(inside, position, -1).astype(np.int64)

    def nearest_in(self, at: npt.NDArray[np.float64], part: range) -> Positions:
        """Positions of the nearest points in a part of the axis, -1 where these are not in it."""
        if abs(part.step) != 1:
            return Axis(self.origin + self.step * part.start, self.step * part.step, len(part), self.role).nearest(at)
        whole = self.nearest(at)
        position = (whole - part.start) * part.step
        return np.where((whole >= 0) & (position >= 0) & (position < len(part)), position, -1)

    @property
    def turn(self) -> int:
        """Steps of a whole turn, of longitudes."""
        return round(360 / abs(self.step))

    @property
    def wraps(self) -> bool:
        """Whether longitudes go all around, with at most two steps from the last to the first."""
        return self.role == "longitude" and self.turn <= self.size + 1

    def _nearest_column(self, longitude: npt.NDArray[np.float64]) -> Positions:
        fraction = self.fraction(longitude)
        column = _round(fraction)
        column = np.where((column >= 0) & (column < self.size), column, column % self.turn)
        # In a gap the column that follows the last is not there: the nearer neighbour has the place, the first a tie.
        before = np.where(fraction % self.turn < self.size, self.size - 1, 0)
        return np.where(column < self.size, column, before).astype(np.int64)


def _round(fraction: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Round halves away from zero."""
    return np.copysign(np.floor(np.abs(fraction) + 0.5), fraction)
