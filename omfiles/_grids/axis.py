# SPDX-License-Identifier: MIT
"""Grid points at equal distances along one dimension, and which of them is nearest."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["Axis", "Role"]

Role: TypeAlias = Literal["latitude", "longitude", "plane"]
Positions: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Axis:
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
        origin, step = self._in_float32
        return ((at.astype(np.float32) - origin) / step).astype(np.float64)

    def nearest(self, at: npt.NDArray[np.float64]) -> Positions:
        """Positions of the nearest points, -1 half a step or more outside."""
        if self.wraps:
            return self._nearest_column(at)
        if self.role == "longitude":
            away = at - (self.origin + self.step * (self.size - 1) / 2)
            if (np.abs(away) > 180).any():
                at = at - 360 * np.rint(away / 360)
        fraction = self.fraction(at)
        low, high = self._limits
        inside = (fraction >= low) & (fraction <= high)
        all_inside = inside.all()
        if not all_inside:  # or not finite, where a projection is not continuous
            fraction = np.where(inside, fraction, 0)
        position = np.minimum(np.maximum(np.floor(fraction + 0.5), 0), self.size - 1).astype(np.int64)
        return position if all_inside else np.where(inside, position, -1)

    def nearest_in(self, at: npt.NDArray[np.float64], part: range) -> Positions:
        """Positions of the nearest points in a part of the axis, -1 where these are not in it."""
        if part == range(self.size):
            return self.nearest(at)
        if abs(part.step) != 1:
            return Axis(self.origin + self.step * part.start, self.step * part.step, len(part), self.role).nearest(at)
        whole = self.nearest(at)
        position = (whole - part.start) * part.step
        return np.where((whole >= 0) & (position >= 0) & (position < len(part)), position, -1)

    @cached_property
    def turn(self) -> int:
        """Steps of a whole turn, of longitudes."""
        return round(360 / abs(self.step))

    @cached_property
    def wraps(self) -> bool:
        """Whether longitudes go all around, with at most two steps from the last to the first."""
        return self.role == "longitude" and self.turn <= self.size + 1

    @cached_property
    def _in_float32(self) -> tuple[np.float32, np.float32]:
        return np.float32(self.origin), np.float32(self.step)

    @cached_property
    def _limits(self) -> tuple[float, float]:
        """Fractions of places that have a point: up to half a step outside, or up to a pole that is near."""
        low, high = -0.5, self.size - 0.5
        if self.role == "latitude":
            first, last = sorted(self.fraction(np.array([-90.0, 90.0])).tolist())
            low = first if first >= -1 else low
            high = last if last <= self.size else high
        return low, high

    def _nearest_column(self, at: npt.NDArray[np.float64]) -> Positions:
        turned = np.abs(at) > 180
        if turned.any():
            at = np.where(turned, (at + 180) % 360 - 180, at)
        fraction = self.fraction(at)
        column = np.floor(fraction + 0.5)
        beyond = (fraction < 0) | (column >= self.size)
        if beyond.any():
            away_from_zero = np.trunc(fraction + np.copysign(0.5, fraction))
            column = np.where(beyond, away_from_zero % self.turn, column)
            # In a gap the column after the last is missing: the nearer neighbour has the place, the first has a tie.
            neighbour = np.where(fraction % self.turn < self.size, self.size - 1, 0)
            column = np.where(column < self.size, column, neighbour)
        return column.astype(np.int64)
