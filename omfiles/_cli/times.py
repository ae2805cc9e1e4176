# SPDX-License-Identifier: MIT
"""Periods, and the times of a dataset, which are found as the CF conventions say and selected in any order."""

from __future__ import annotations

import argparse
import re
import warnings
from collections.abc import Callable, Collection, Hashable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from omfiles._cli.common import CommandError

if TYPE_CHECKING:
    import xarray

__all__ = ["Period", "first_inside", "in_period", "is_time", "parse_time", "time_axis"]

TIME = re.compile(
    r"(?P<year>\d{4})(-(?P<month>\d\d)(-(?P<day>\d\d)([T ](?P<hour>\d\d)(:?(?P<minute>\d\d)(:?(?P<second>\d\d)"
    r"(\.(?P<fraction>\d{1,6}))?)?)?(?P<offset>[+-]\d\d(:?\d\d)?)?)?)?)?Z?"
)
UNITS = ("year", "month", "day", "hour", "minute", "second")
LIMITS = (9999, 12, 31, 23, 59, 59)
"""Of calendars of any kind: the one of the file decides whether a month has 31 days."""
NAMES = ("time", "valid_time")
REFERENCE_NAMES = ("forecast_reference_time", "reference_time", "init_time", "reftime")
PERIOD_NAMES = ("step", "lead_time", "forecast_period")


class Moment(NamedTuple):
    """A time as it was written: a year, or one of its months, days ..."""

    text: str
    fields: tuple[int, ...]
    """From the year on, as many as were given."""
    fraction: str
    """Decimals of the seconds."""
    offset: timedelta

    @classmethod
    def parse(cls, text: str) -> Moment:
        """Parse a time, or raise a ValueError."""
        match = TIME.fullmatch(text)
        if match is None:
            raise ValueError(text)
        fields = tuple(int(match[unit]) for unit in UNITS if match[unit] is not None)
        lowest = (0, 1, 1)
        if any(n > most for n, most in zip(fields, LIMITS)) or any(n < least for n, least in zip(fields, lowest)):
            raise ValueError(text)
        offset = (match["offset"] or "").replace(":", "").ljust(5, "0")
        minutes = int(f"{offset[0]}1") * (60 * int(offset[1:3]) + int(offset[3:5])) if match["offset"] else 0
        return cls(text, fields, match["fraction"] or "", timedelta(minutes=minutes))

    def span(self, make: Callable[..., Any]) -> tuple[Any, Any]:
        """Its first instant, and the one after its last; `make` makes times of year, month, day, ..., microsecond."""
        fields = (*self.fields, *(0, 1, 1, 0, 0, 0)[len(self.fields) :])
        start = make(*fields, int(self.fraction.ljust(6, "0")))
        if self.fraction:
            end = _later(start, timedelta(microseconds=10 ** (6 - len(self.fraction))))
        elif len(self.fields) > 2:
            end = _later(start, timedelta(**{f"{UNITS[len(self.fields) - 1]}s": 1}))
        else:
            year, month = fields[:2]
            end = make(*(year + month // 12, month % 12 + 1) if len(self.fields) == 2 else (year + 1, 1), 1, 0, 0, 0, 0)
        return _later(start, -self.offset), _later(end, -self.offset)


class Period(NamedTuple):
    """From the start of one moment to the end of another; None is open."""

    first: Moment | None
    last: Moment | None


def parse_time(text: str) -> Period:
    """Parse a period for argparse."""
    parts = text.split("/")
    try:
        moments = [Moment.parse(part) if part else None for part in parts]
    except ValueError:
        moments = []
    if len(moments) not in (1, 2) or not any(moments):
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 2026-11-01T06, and no START/END of two of them")
    return Period(moments[0], moments[-1])


# --- the axis ---------------------------------------------------------------------------------------------------------


def time_axis(ds: xarray.Dataset, dims: Collection[Hashable] | None = None) -> Any:
    """Find the coordinate of times that data are valid at, or None.

    In this order: by the standard name, the axis, what it holds, its name; the time of reference of a forecast only if
    there is no other, and then with its periods added.

    Parameters
    ----------
    ds : xarray.Dataset
        Times are decoded, except those without units.
    dims : collection, optional
        Dimensions that it may have.
    """
    found: tuple[Any, ...] = ()
    bounds = {of.get("bounds") for var in ds.variables.values() for of in (var.attrs, var.encoding)}
    for name, var in ds.variables.items():
        usable = name in ds.coords or var.ndim == 1
        if not usable or name in bounds or (dims is not None and not set(var.dims) <= set(dims)):
            continue
        rank = _rank(str(name), var)
        preference = (rank, name == "valid_time", name in ds.xindexes, name == "time", var.ndim)
        if rank and (not found or preference > found[0]):
            found = (preference, name)
    if not found:
        return None
    axis = ds[found[1]]
    return axis if found[0][0] > 1 else _with_periods(ds, axis)


def _rank(name: str, var: xarray.Variable) -> int:
    standard_name = var.attrs.get("standard_name")
    holds_times = is_time(var)
    # Where xarray has added time and step, the sum has the attributes of the time of reference.
    if name in REFERENCE_NAMES or (standard_name == "forecast_reference_time" and name != "valid_time"):
        return int(holds_times)
    if not holds_times and (var.dtype.kind not in "fiu" or "units" in var.attrs):
        return 0
    if standard_name == "time":
        return 5
    if var.attrs.get("axis") == "T":
        return 4
    if holds_times and (var.ndim or name in NAMES):
        return 3
    return 2 if name in NAMES else 0


def is_time(var: Any) -> bool:
    """Whether a variable holds times, of whatever calendar."""
    if var.dtype.kind == "O":
        return any(map(_is_moment, np.ravel(var.values)))
    return bool(var.dtype.kind == "M")


def _is_moment(value: Any) -> bool:
    return isinstance(value, datetime) or hasattr(value, "calendar")


def _with_periods(ds: xarray.Dataset, reference: Any) -> Any:
    """Add the periods of a forecast to its times of reference, if there are any."""
    import xarray

    for name, var in ds.variables.items():
        if reference.dtype.kind == "M" and (
            var.attrs.get("standard_name") == "forecast_period" or name in PERIOD_NAMES
        ):
            period = xarray.decode_cf(xarray.Dataset({name: var.drop_encoding()}), decode_timedelta=True)[name]
            if period.dtype.kind == "m":
                return (reference + period).rename("valid_time")
    return reference


# --- selection --------------------------------------------------------------------------------------------------------


def in_period(ds: xarray.Dataset, period: Period, dims: Collection[Hashable] | None = None) -> xarray.Dataset | None:
    """Select times, along whatever dimensions they have; None if there are none.

    Of runs and steps, it is the smallest rectangle that has the period.
    """
    axis = time_axis(ds, dims)
    if axis is None:
        return None
    inside = _inside(axis, period)
    if not inside.any():
        raise CommandError(f"no time is in the period: {_reach(axis)}")
    kept = {
        dim: np.flatnonzero(inside.any(axis=tuple(other for other in range(inside.ndim) if other != number)))
        for number, dim in enumerate(axis.dims)
    }
    outside = np.count_nonzero(~inside[np.ix_(*kept.values())]) if inside.ndim > 1 else 0
    if outside:
        warnings.warn(
            f"a rectangle of {' and '.join(map(str, axis.dims))} has the period, and {outside} times outside of it: "
            f"{axis.name!r} says which",
            stacklevel=2,
        )
    return ds.isel({dim: _as_slice(indices) for dim, indices in kept.items()})


def first_inside(axis: Any, period: Period) -> dict[Hashable, int]:
    """Position of the first time of a period along each dimension of the times, of which one must be inside."""
    inside = _inside(axis, period)
    return dict(zip(axis.dims, map(int, np.argwhere(inside)[0])))


def _as_slice(indices: npt.NDArray[np.intp]) -> slice | npt.NDArray[np.intp]:
    start, stop = int(indices[0]), int(indices[-1]) + 1
    return slice(start, stop) if stop - start == len(indices) else indices


def _inside(axis: Any, period: Period) -> npt.NDArray[np.bool_]:
    """Tell which times are in a period; missing ones are not."""
    values = axis.values
    if not is_time(axis):
        raise CommandError(
            f"{axis.name!r} has numbers without units such as 'hours since 2026-01-01', so they tell no times"
        )
    make: Callable[..., Any] = _datetime64
    if axis.dtype.kind == "O":
        sample = next(filter(_is_moment, values.flat))

        def make(*fields: int) -> Any:
            return sample.replace(**dict(zip((*UNITS, "microsecond"), fields)))

    first = _span(period.first, make, axis)[0] if period.first else None
    end = _span(period.last, make, axis)[1] if period.last else None
    if axis.dtype.kind == "M":
        values = values.astype("M8[us]")  # of which the range has all years
        inside: npt.NDArray[np.bool_] = ~np.isnat(values)
        return inside & (first is None or values >= first) & (end is None or values < end)
    return np.reshape(
        [_is_moment(time) and (first is None or time >= first) and (end is None or time < end) for time in values.flat],
        values.shape,
    )


def _span(moment: Moment, make: Callable[..., Any], axis: Any) -> tuple[Any, Any]:
    try:
        return moment.span(make)
    except ValueError:
        calendar = axis.dt.calendar
        raise CommandError(f"there is no {moment.text} in the calendar of {axis.name!r}, {calendar!r}") from None


def _later(time: Any, difference: timedelta) -> Any:
    return time + (np.timedelta64(difference, "us") if isinstance(time, np.datetime64) else difference)


def _datetime64(
    year: int, month: int, day: int, hour: int, minute: int, second: int, microsecond: int
) -> np.datetime64:
    of_month = np.datetime64(12 * (year - 1970) + month - 1, "M")
    date = of_month.astype("M8[D]") + np.timedelta64(day - 1, "D")
    if date.astype("M8[M]") != of_month:
        raise ValueError("the month has fewer days")
    seconds = 3600 * hour + 60 * minute + second
    return np.datetime64(date.astype("M8[us]") + np.timedelta64(10**6 * seconds + microsecond, "us"))


def _reach(axis: Any) -> str:
    if axis.dtype.kind == "M":
        known = np.sort(axis.values[~np.isnat(axis.values)], axis=None)
        texts = [str(np.datetime_as_string(time, unit="s")) for time in known[[0, -1]]] if known.size else []
    else:
        objects = sorted(filter(_is_moment, axis.values.flat))
        texts = [time.isoformat() for time in (objects[0], objects[-1])] if objects else []
    return f"they go from {' to '.join(texts)}" if texts else "all are missing"
