"""Lengths of time and times of day: made, taken apart, multiplied."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ....expr import Call
from ....intervals import DAY
from ...failures import division_by_zero, out_of_range
from ..buffers import array_from, present, validity, values_of
from ..comparable import interval_parts, intervals_of
from .arithmetic import full
from .registry import Value, scalar

_SMALL, _LARGE = 2.0**31, 2.0**63 / 1_000
_DAYS_PER_MONTH = 30


def _known(parts: list[pa.Array]) -> NDArray[np.bool_]:
    """Return the rows in which no part is null."""
    known: NDArray[np.bool_] = np.logical_and.reduce([present(part) for part in parts])
    return known


def _checked(
    call: Call, months: NDArray[Any], days: NDArray[Any], micros: NDArray[Any], parts: list[pa.Array]
) -> pa.Array:
    """Return intervals of whole numbers, after a look at whether they fit."""
    known = _known(parts)
    fits = (np.abs(months) < _SMALL) & (np.abs(days) < _SMALL) & (np.abs(micros) < _LARGE)
    if not fits[known].all():
        raise out_of_range(call)
    numbers = (np.where(known, part, 0).astype(np.int64) for part in (months, days, micros))
    return intervals_of(*numbers, *parts)


@scalar("interval_value")
def interval_value(call: Call, args: list[Value]) -> pa.Array:
    """Length of so many months, days and microseconds."""
    parts = full(args)
    months, days, micros = (values_of(part) for part in parts)
    return _checked(call, months, days, micros, parts)


@scalar("interval_part")
def interval_part(call: Call, args: list[Value]) -> pa.Array:
    """Months, days or microseconds of a length."""
    (value,) = args
    chosen = interval_parts(value)[("months", "days", "microseconds").index(call.option("part"))]
    return array_from(np.ascontiguousarray(chosen), pa.int64(), validity(value))


@scalar("interval_scaled")
def interval_scaled(call: Call, args: list[Value]) -> pa.Array:
    """Length so many times, or divided, as PostgreSQL rounds it."""
    value, factors = full(args)
    factor, known = values_of(factors), _known([value, factors])
    divide = bool(call.option("divide"))
    if divide and (factor[known] == 0).any():
        raise division_by_zero(call)
    with np.errstate(all="ignore"):
        months, days, micros = (
            np.where(known, part / factor if divide else part * factor, 0.0) for part in interval_parts(value)
        )
    if not np.isfinite(months + days + micros).all():
        raise out_of_range(call)
    rest_days = np.round((months - np.trunc(months)) * _DAYS_PER_MONTH, 6)
    share = days - np.trunc(days) + rest_days - np.trunc(rest_days)
    whole_days = np.trunc(days) + np.trunc(rest_days) + np.trunc(share)
    rest = np.rint(micros + (share - np.trunc(share)) * DAY)
    return _checked(call, np.trunc(months), whole_days, rest, [value, factors])


@scalar("age")
def age(_: Call, args: list[Value]) -> pa.Array:
    """Return years and months as months, days and time between moments, as a calendar counts them."""
    sides = [pc.local_timestamp(side) if side.type.tz else side for side in full(args)]
    later, earlier = (values_of(side) for side in sides)
    back = later < earlier
    months, days, ticks = (
        np.where(back, -difference, difference)
        for difference in (a - b for a, b in zip(*map(_calendar, (later, earlier)), strict=True))
    )
    days = days - (ticks < 0)
    ticks = np.where(ticks < 0, ticks + DAY, ticks)
    in_month = np.where(back, _days_of_month(later), _days_of_month(earlier))
    for _round in range(2):  # a month of 28 days may have to be added twice
        months, days = months - (days < 0), np.where(days < 0, days + in_month, days)
    months, days, ticks = (np.where(back, -part, part) for part in (months, days, ticks))
    return intervals_of(months, days, ticks, *sides)


def _calendar(moments: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the number of the month, the day in it and the microseconds of the day."""
    whole, ticks = np.divmod(moments, DAY)
    months = whole.astype("datetime64[D]").astype("datetime64[M]")
    return months.astype(np.int64), whole - months.astype("datetime64[D]").astype(np.int64), ticks


def _days_of_month(moments: NDArray[np.int64]) -> NDArray[np.int64]:
    months = (moments // DAY).astype("datetime64[D]").astype("datetime64[M]")
    lengths: NDArray[np.int64] = ((months + 1).astype("datetime64[D]") - months.astype("datetime64[D]")).astype(
        np.int64
    )
    return lengths


@scalar("time_value")
def time_value(_: Call, args: list[Value]) -> pa.Array:
    """Time of day so many microseconds after midnight."""
    (value,) = args
    return array_from(np.mod(values_of(value), DAY), pa.time64("us"), validity(value))


@scalar("time_ticks")
def time_ticks(_: Call, args: list[Value]) -> pa.Array:
    """Microseconds since midnight."""
    return args[0].cast(pa.int64())
