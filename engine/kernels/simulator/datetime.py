"""What stands for ``pylibcudf.datetime``: parts of timestamps, which have no zones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .binding import enumerated, simulated
from .column import Column
from .scalar import Scalar
from .types import TIMESTAMPS, DataType, TypeId
from .values import device, host, numbers, present, typed

DatetimeComponent = enumerated("pylibcudf.datetime.DatetimeComponent")
RoundingFrequency = enumerated("pylibcudf.datetime.RoundingFrequency")

INT16 = DataType(TypeId.INT16)
_PARTS = {
    "YEAR": pc.year, "MONTH": pc.month, "DAY": pc.day, "HOUR": pc.hour, "MINUTE": pc.minute, "SECOND": pc.second,
    "MILLISECOND": pc.millisecond, "MICROSECOND": pc.microsecond, "NANOSECOND": pc.nanosecond,
}  # fmt: skip


def _moments(input: Column) -> pa.Array:
    if input.type().id() not in TIMESTAMPS:
        raise TypeError(f"Column type should be timestamp, not {input.type()!r}")
    return host(input)


@simulated("pylibcudf.datetime.extract_datetime_component")
def extract_datetime_component(input: Column, component: Any, stream: Any = None, mr: Any = None) -> Column:
    """Return a part as INT16; weekdays from Monday 1 to Sunday 7; below seconds each of three digits."""
    array, part = _moments(input), DatetimeComponent(component)
    if part.name == "WEEKDAY":
        return device(pc.day_of_week(array, count_from_zero=False, week_start=1).cast(pa.int16()))
    if input.type().id() == TypeId.TIMESTAMP_DAYS and part.name not in ("YEAR", "MONTH", "DAY"):
        return device(pc.if_else(array.is_valid(), pa.scalar(0, pa.int16()), pa.scalar(None, pa.int16())))
    return device(_PARTS[part.name](array).cast(pa.int16()))


@simulated("pylibcudf.datetime.extract_quarter")
def extract_quarter(input: Column, stream: Any = None, mr: Any = None) -> Column:
    """Return the quarter, as INT16."""
    return device(pc.quarter(_moments(input)).cast(pa.int16()))


@simulated("pylibcudf.datetime.day_of_year")
def day_of_year(input: Column, stream: Any = None, mr: Any = None) -> Column:
    """Return the day of the year, as INT16."""
    return device(pc.day_of_year(_moments(input)).cast(pa.int16()))


@simulated("pylibcudf.datetime.last_day_of_month")
def last_day_of_month(input: Column, stream: Any = None, mr: Any = None) -> Column:
    """Return the last date of the month."""
    array = _moments(input)
    following = (_days(array).astype("datetime64[M]") + 1).astype("datetime64[D]") - 1
    return device(typed(following.astype(np.int64), present(array), DataType(TypeId.TIMESTAMP_DAYS)))


def _days(array: pa.Array) -> Any:
    if pa.types.is_date(array.type):
        return numbers(array).astype("datetime64[D]")
    return numbers(array).view(f"datetime64[{array.type.unit}]").astype("datetime64[D]")


@simulated("pylibcudf.datetime.floor_datetimes")
def floor_datetimes(input: Column, freq: Any, stream: Any = None, mr: Any = None) -> Column:
    """Return the start of the unit."""
    array = _moments(input)
    if pa.types.is_date(array.type):
        return device(array)
    return device(pc.floor_temporal(array, unit=RoundingFrequency(freq).name.lower()))


@simulated("pylibcudf.datetime.add_calendrical_months")
def add_calendrical_months(input: Column, months: Column | Scalar, stream: Any = None, mr: Any = None) -> Column:
    """Move by months of INT16 or INT32; a day that the month has not becomes its last."""
    if months.type().id() not in (TypeId.INT16, TypeId.INT32):
        raise TypeError("months type must be int16_t or int32_t.")
    array, counts = _moments(input), host(months)
    days = _days(array)
    per_day = (
        1 if pa.types.is_date(array.type) else {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[array.type.unit] * 86400
    )
    rest = numbers(array).astype(np.int64) - days.astype(np.int64) * per_day
    start = days.astype("datetime64[M]")
    moved = start + numbers(counts).astype(np.int64)
    last = (moved + 1).astype("datetime64[D]").astype(np.int64) - 1
    day = np.minimum(
        moved.astype("datetime64[D]").astype(np.int64) + (days - start.astype("datetime64[D]")).astype(np.int64), last
    )
    valid = present(array) & present(counts)
    return device(typed(day * per_day + rest, valid, input.type()))
