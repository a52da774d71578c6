"""Dates and timestamps: parts and truncation in the column's zone, calendar arithmetic clipped to the month's end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ....dtypes import TICKS
from ....errors import ExecutionError
from ....expr import Call
from ....intervals import DAY
from ...constants import scalar_of
from ...failures import out_of_range
from ..buffers import array_from, present, validity, values_of
from .arithmetic import full
from .registry import Value, elementwise, scalar

_TRUNCATIONS = ("year", "quarter", "month", "week", "day", "hour", "minute", "second", "millisecond", "microsecond")


def _part(name: str, function: Callable[[pa.Array], pa.Array]) -> Callable[[pa.Array], pa.Array]:
    def run(value: pa.Array) -> pa.Array:
        part = function(value)
        return part if part.type == pa.int64() else part.cast(pa.int64())

    run.__doc__ = f"{name.replace('_', ' ').capitalize()} in the column's zone."
    return elementwise(name)(run)


year = _part("year", pc.year)
quarter = _part("quarter", pc.quarter)
month = _part("month", pc.month)
day = _part("day", pc.day)
day_of_year = _part("day_of_year", pc.day_of_year)
week = _part("week", pc.iso_week)
hour = _part("hour", pc.hour)
minute = _part("minute", pc.minute)
second = _part("second", pc.second)
day_of_week = _part("day_of_week", lambda v: pc.day_of_week(v, count_from_zero=True, week_start=7))
iso_day_of_week = _part("iso_day_of_week", lambda v: pc.day_of_week(v, count_from_zero=False, week_start=1))


@scalar("date_trunc")
def date_trunc(call: Call, args: list[Value]) -> pa.Array:
    """Start of the unit; weeks start on Monday."""
    unit = str(call.option("unit")).lower()
    value = args[0]
    if unit not in _TRUNCATIONS:
        raise ExecutionError(f"date_trunc knows no unit {unit!r}; use one of {', '.join(_TRUNCATIONS)}")
    if pa.types.is_date(value.type) and _TRUNCATIONS.index(unit) >= _TRUNCATIONS.index("day"):
        return value
    if pa.types.is_timestamp(value.type) and value.type.tz not in (None, "UTC"):
        return _local_start(value, unit)
    return pc.floor_temporal(value, unit=unit, week_starts_monday=True)


def _local_start(value: pa.Array, unit: str) -> pa.Array:
    """Return the start of the unit by the clocks of a zone: of an hour, and less, as far away as these say.

    A day begins when its first time is shown first, or when clocks have passed it over.
    """
    local = pc.local_timestamp(value)
    start = pc.floor_temporal(local, unit=unit, week_starts_monday=True)
    if _TRUNCATIONS.index(unit) > _TRUNCATIONS.index("day"):
        return _added(value, pc.subtract(start.cast(pa.int64()), local.cast(pa.int64())))
    return pc.assume_timezone(start, value.type.tz, ambiguous="earliest", nonexistent="latest")


@scalar("add_interval")
def add_interval(call: Call, args: list[Value]) -> pa.Array:
    """Later by months (clipped to the month's last day), then days, then microseconds."""
    months, days, micros = (int(call.option(name)) for name in ("months", "days", "microseconds"))
    value = args[0]
    try:
        if pa.types.is_date(value.type):
            moved = _add_months(values_of(value).astype(np.int64), months) + days + micros // DAY
            if np.abs(moved[present(value)]).max(initial=0) >= 2**31:
                raise OverflowError
            return array_from(moved.astype(np.int32), value.type, validity(value))
        return _later(value, months, days, micros)
    except (OverflowError, pa.ArrowInvalid) as error:
        raise out_of_range(call) from error


@scalar("later_by")
def later_by(call: Call, args: list[Value]) -> pa.Array:
    """Later by so many months, days and microseconds of each row."""
    value, *counts = full(args)
    valid = value.is_valid()
    for count in counts:
        valid = pc.and_(valid, count.is_valid())
    months, days, micros = (values_of(pc.fill_null(count, 0)) for count in counts)
    try:
        if pa.types.is_date(value.type):
            moved = _add_months(values_of(value).astype(np.int64), months) + days + micros // DAY
            moved = np.where(valid.to_numpy(zero_copy_only=False), moved, 0)
            if np.abs(moved).max(initial=0) >= 2**31:
                raise OverflowError
            return pc.if_else(valid, array_from(moved.astype(np.int32), value.type), None)
        return pc.if_else(valid, _moved(value, valid, months, days, micros), None)
    except (OverflowError, pa.ArrowInvalid) as error:
        raise out_of_range(call) from error


def _moved(
    value: pa.Array, valid: pa.Array, months: NDArray[Any], days: NDArray[Any], micros: NDArray[Any]
) -> pa.Array:
    unit, zone = value.type.unit, value.type.tz
    ticks = TICKS[unit]
    local = pc.local_timestamp(value) if zone else value
    here = np.where(valid.to_numpy(zero_copy_only=False), values_of(local), 0)  # nulls may hide any number
    whole, rest = np.divmod(here, 86_400 * ticks)
    moved = array_from((_add_months(whole, months) + days) * 86_400 * ticks + rest, pa.timestamp(unit))
    if zone:
        moved = pc.assume_timezone(moved, zone, ambiguous="earliest", nonexistent="latest")
        stays = (months == 0) & (days == 0)  # its clock may show one time twice
        moved = pc.if_else(pa.array(stays), value, moved)
    return _added(moved, array_from(_in_ticks(micros, ticks), pa.int64()))


def _added(moments: pa.Array, ticks: pa.Array | pa.Scalar) -> pa.Array:
    """Return moments later by some ticks, each or all, as whole numbers.

    Arrow checks times for overflow also where they are null, and pandas leaves the least number there.
    """
    return pc.add_checked(moments.cast(pa.int64()), ticks).cast(moments.type)


def _in_ticks(micros: NDArray[np.int64], ticks: int) -> NDArray[np.int64]:
    """Return microseconds as ticks of so many a second, without a product that does not fit."""
    if ticks <= 1_000_000:
        return micros // (1_000_000 // ticks)
    factor = ticks // 1_000_000
    if np.abs(micros).max(initial=0) > 2**63 // factor:
        raise OverflowError
    return micros * factor


def _later(value: pa.Array, months: int, days: int, micros: int) -> pa.Array:
    """Months and days move the local clock, microseconds the instant."""
    unit, zone = value.type.unit, value.type.tz
    ticks = TICKS[unit]
    if months or days:
        local = pc.local_timestamp(value) if zone else value
        per_day = 86_400 * ticks
        whole, rest = np.divmod(values_of(local), per_day)
        moved = (_add_months(whole, months) + days) * per_day + rest
        value = array_from(moved, pa.timestamp(unit), validity(local))
        if zone:
            value = pc.assume_timezone(value, zone, ambiguous="earliest", nonexistent="latest")
    if micros:
        step = micros * ticks // 1_000_000
        value = _added(value, scalar_of(step, pa.int64()))
    return value


def _add_months(days: NDArray[Any], months: int | NDArray[Any]) -> NDArray[np.int64]:
    """Add months to days since 1970-01-01, keeping the day of the month or taking the last one."""
    if not np.any(months):
        return days.astype(np.int64)
    dates = days.astype("datetime64[D]")
    start = dates.astype("datetime64[M]")
    day_of_month = (dates - start.astype("datetime64[D]")).astype(np.int64)
    moved = start + np.asarray(months, dtype=np.int64).astype("timedelta64[M]")
    first = moved.astype("datetime64[D]").astype(np.int64)
    following = (moved + np.timedelta64(1, "M")).astype("datetime64[D]").astype(np.int64)
    clipped: NDArray[np.int64] = np.minimum(first + day_of_month, following - 1)
    return clipped


@scalar("difference")
def difference(call: Call, args: list[Value]) -> pa.Array:
    """Days between dates, or the duration between timestamps in microseconds."""
    left, right = args
    if pa.types.is_date(left.type):
        return pc.subtract(left.cast(pa.int32()).cast(pa.int64()), right.cast(pa.int32()).cast(pa.int64()))
    ticks = left.cast(pa.int64()), right.cast(pa.int64())  # see `_added`
    try:
        return pc.subtract_checked(*ticks).cast(pa.duration(left.type.unit)).cast(pa.duration("us"), safe=False)
    except pa.ArrowInvalid as error:
        raise out_of_range(call) from error
