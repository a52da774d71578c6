"""Dates and timestamps: parts and truncation in the column's zone, calendar arithmetic clipped to the month's end.

libcudf's timestamps have no zones. Of instants in UTC the parts are those of the clock; other zones go to the CPU.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .... import dtypes
from ....dtypes import TICKS, DataType, Kind
from ....errors import ExecutionError
from ....expr import Call
from ....intervals import DAY
from ...failures import out_of_range
from ..columns import Op, Un, Value, any_true, binary, cast, chosen, constant, full, is_valid, truth, unary
from ..library import plc
from ..memory import run
from ..transfer import uploaded
from ..types import FLOAT64, INT32, INT64, device_type
from .registry import on_cpu, scalar

_Part = plc.datetime.DatetimeComponent
_Floor = plc.datetime.RoundingFrequency
_UTC = frozenset({None, "UTC", "Etc/UTC", "Z", "+00:00"})
_FLOORS = {"day": _Floor.DAY, "hour": _Floor.HOUR, "minute": _Floor.MINUTE, "second": _Floor.SECOND,
           "millisecond": _Floor.MILLISECOND, "microsecond": _Floor.MICROSECOND}  # fmt: skip
_CALENDAR = ("year", "quarter", "month", "week")

on_cpu("libcudf writes and reads other formats", "strftime", "strptime", "try_strptime")
on_cpu("libcudf makes no dates of parts", "make_date", "make_timestamp", "from_epoch")
on_cpu("libcudf knows no time zones", "assume_timezone", "local_time")
on_cpu("its counts of months and days differ by row", "later_by")
on_cpu("units are counted on the CPU", "date_diff", "age", "epoch_count")
on_cpu(
    "libcudf has no intervals and no times of day",
    *("interval_value", "interval_scaled", "interval_part", "time_ticks", "time_value"),
)


def _zoned(call: Call) -> str | None:
    for argument in call.args:
        if argument.dtype.tz not in _UTC:
            return f"libcudf knows no time zones such as {argument.dtype.tz}"
    return None


def _component(value: plc.Column, part: Any) -> plc.Column:
    return cast(run(plc.datetime.extract_datetime_component, value, part), INT64)


def _number(value: int) -> plc.Scalar:
    return constant(value, dtypes.int64)


def _part(name: str, function: Callable[[plc.Column], plc.Column]) -> None:
    def run_part(_: Call, args: list[Value], rows: int) -> plc.Column:
        return function(full(args, rows)[0])

    scalar(name, refuses=_zoned)(run_part)


def _plus(left: plc.Column, right: plc.Column) -> plc.Column:
    return binary(left, right, Op.ADD, INT64)


def _times(left: plc.Column, factor: int) -> plc.Column:
    return binary(left, _number(factor), Op.MUL, INT64)


def _milliseconds(value: plc.Column) -> plc.Column:
    return _plus(_times(_component(value, _Part.SECOND), 1_000), _component(value, _Part.MILLISECOND))


def _microseconds(value: plc.Column) -> plc.Column:
    return _plus(_times(_milliseconds(value), 1_000), _component(value, _Part.MICROSECOND))


def _sunday_first(value: plc.Column) -> plc.Column:
    return binary(_component(value, _Part.WEEKDAY), _number(7), Op.MOD, INT64)


def _grouped_years(years: int, shift: int) -> Callable[[plc.Column], plc.Column]:
    """Return decades, centuries or millennia; libcudf divides towards zero, and years may be negative."""

    def grouped(value: plc.Column) -> plc.Column:
        year = binary(_component(value, _Part.YEAR), _number(shift), Op.SUB, INT64)
        rest = binary(year, _number(years), Op.MOD, INT64)
        rest = chosen(truth(rest, _number(0), Op.LESS), binary(rest, _number(years), Op.ADD, INT64), rest)
        return binary(
            binary(binary(year, rest, Op.SUB, INT64), _number(years), Op.DIV, INT64), _number(shift), Op.ADD, INT64
        )

    return grouped


def _thursday(value: plc.Column) -> plc.Column:
    """Return the Thursday of each date's week, in whose year the week is counted."""
    days = cast(value, device_type(dtypes.date))
    weekday = cast(run(plc.datetime.extract_datetime_component, days, _Part.WEEKDAY), INT32)
    return _days_later(days, binary(constant(4, dtypes.int32), weekday, Op.SUB, INT32), Op.ADD)


def _iso_week(value: plc.Column) -> plc.Column:
    day = cast(run(plc.datetime.day_of_year, _thursday(value)), INT64)
    return binary(binary(day, _number(6), Op.ADD, INT64), _number(7), Op.DIV, INT64)


def _as_libcudf(part: Any) -> Callable[[plc.Column], plc.Column]:
    return lambda value: _component(value, part)


for _name in ("year", "month", "day", "hour", "minute", "second"):
    _part(_name, _as_libcudf(getattr(_Part, _name.upper())))
_part("iso_day_of_week", _as_libcudf(_Part.WEEKDAY))
_part("quarter", lambda value: cast(run(plc.datetime.extract_quarter, value), INT64))
_part("day_of_year", lambda value: cast(run(plc.datetime.day_of_year, value), INT64))
_part("day_of_week", _sunday_first)
_part("millisecond", _milliseconds)
_part("microsecond", _microseconds)
_part("last_day", lambda value: run(plc.datetime.last_day_of_month, value))
_part("week", _iso_week)
_part("iso_year", lambda value: _component(_thursday(value), _Part.YEAR))
_part("decade", _grouped_years(10, 0))
_part("century", _grouped_years(100, 1))
_part("millennium", _grouped_years(1000, 1))


def _named(names: tuple[str, ...], part: Any) -> Callable[[plc.Column], plc.Column]:
    def named(value: plc.Column) -> plc.Column:
        import pyarrow as pa

        place = binary(_component(value, part), _number(1), Op.SUB, INT64)
        beyond = chosen(is_valid(place), place, _number(len(names)))
        table = plc.Table([uploaded(pa.array(names, pa.string()), dtypes.string)])
        return run(plc.copying.gather, table, beyond, plc.copying.OutOfBoundsPolicy.NULLIFY).columns()[0]

    return named


_part("day_name", _named(("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"), _Part.WEEKDAY))
_part(
    "month_name",
    _named(
        ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
         "December"),
        _Part.MONTH,
    ),
)  # fmt: skip


@scalar("epoch")
def epoch(call: Call, args: list[Value], rows: int) -> plc.Column:
    """Seconds since 1970-01-01 00:00 UTC, or of a duration."""
    source = call.args[0].dtype
    ticks = cast(ticks_of(full(args, rows)[0], source), FLOAT64)
    if source.kind is Kind.DATE:
        return binary(ticks, constant(86_400.0, dtypes.float64), Op.MUL, FLOAT64)
    return binary(ticks, constant(float(TICKS[source.unit]), dtypes.float64), Op.DIV, FLOAT64)


def ticks_of(value: plc.Column, dtype: DataType) -> plc.Column:
    """Return the integers behind moments: days of dates, units of all others."""
    return run(plc.unary.bit_cast, value, INT32 if dtype.kind is Kind.DATE else INT64)


@scalar("date_trunc", refuses=_zoned)
def date_trunc(call: Call, args: list[Value], rows: int) -> plc.Column:
    """Start of the unit; weeks start on Monday."""
    unit = str(call.option("unit")).lower()
    [value] = full(args, rows)
    if unit in _FLOORS:
        is_date = call.dtype.kind is Kind.DATE
        return value if is_date else run(plc.datetime.floor_datetimes, value, _FLOORS[unit])
    if unit not in _CALENDAR:
        known = ", ".join((*_CALENDAR, *_FLOORS))
        raise ExecutionError(f"date_trunc knows no unit {unit!r}; use one of {known}")
    days = cast(value, device_type(dtypes.date))
    return cast(_first_day(days, unit), device_type(call.dtype))


def _first_day(days: plc.Column, unit: str) -> plc.Column:
    """Return the first date of the unit that dates are in."""
    if unit == "week":
        past = run(plc.datetime.extract_datetime_component, days, _Part.WEEKDAY)
    elif unit == "year":
        past = run(plc.datetime.day_of_year, days)
    else:
        past = run(plc.datetime.extract_datetime_component, days, _Part.DAY)
    past = binary(cast(past, INT32), constant(1, dtypes.int32), Op.SUB, INT32)
    first = _days_later(days, past, Op.SUB)
    if unit != "quarter":
        return first
    month = cast(run(plc.datetime.extract_datetime_component, first, _Part.MONTH), INT32)
    back = binary(binary(month, constant(1, dtypes.int32), Op.SUB, INT32), constant(3, dtypes.int32), Op.MOD, INT32)
    return run(plc.datetime.add_calendrical_months, first, unary(back, Un.NEGATE))


def _days_later(days: plc.Column, count: Value, op: Any) -> plc.Column:
    moved = binary(run(plc.unary.bit_cast, days, INT32), count, op, INT32)
    return run(plc.unary.bit_cast, moved, device_type(dtypes.date))


_FAR = 2**62


def _refuses_interval(call: Call) -> str | None:
    months, days, micros = (int(call.option(name)) for name in ("months", "days", "microseconds"))
    if (months or days) and _zoned(call):
        return _zoned(call)
    if abs(months) > 12 * 9_000 or abs(days) > 366 * 9_000 or abs(micros) > _FAR:
        return "the interval is so long that it may leave the type"
    if call.dtype.unit == "ns":
        return "nanoseconds overflow within three centuries"
    if call.dtype.unit in ("s", "ms") and micros % (1_000_000 // TICKS[call.dtype.unit]):
        return "the interval is finer than the type"
    return None


@scalar("add_interval", refuses=_refuses_interval)
def add_interval(call: Call, args: list[Value], rows: int) -> plc.Column:
    """Later by months (clipped to the month's last day), then days, then microseconds."""
    months, days, micros = (int(call.option(name)) for name in ("months", "days", "microseconds"))
    [value] = full(args, rows)
    if months:
        value = run(plc.datetime.add_calendrical_months, value, constant(months, dtypes.int32))
    if call.dtype.kind is Kind.DATE:
        days += micros // DAY
        later = _days_later(value, constant(days, dtypes.int32), Op.ADD) if days else value
        _refuse_wrapped(call, value, later, days)
        return later
    ticks = TICKS[call.dtype.unit]
    step = days * 86_400 * ticks + micros * ticks // 1_000_000
    if not step:
        return value
    moved = binary(run(plc.unary.bit_cast, value, INT64), _number(step), Op.ADD, INT64)
    later = run(plc.unary.bit_cast, moved, device_type(call.dtype))
    _refuse_wrapped(call, value, later, step)
    return later


def _refuse_wrapped(call: Call, before: plc.Column, after: plc.Column, step: int) -> None:
    if step and any_true(truth(after, before, Op.LESS if step > 0 else Op.GREATER)):
        raise out_of_range(call)


@scalar("difference")
def difference(call: Call, args: list[Value], rows: int) -> plc.Column:
    """Days between dates, or the duration between timestamps in microseconds."""
    source = call.args[0].dtype
    left, right = (cast(ticks_of(column, source), INT64) for column in full(args, rows))
    distance = binary(left, right, Op.SUB, INT64)
    if source.kind is Kind.DATE:
        return distance
    unlike, turned = (binary(left, other, Op.BITWISE_XOR, INT64) for other in (right, distance))
    if any_true(truth(binary(unlike, turned, Op.BITWISE_AND, INT64), _number(0), Op.LESS)):
        raise out_of_range(call)
    held = run(plc.unary.bit_cast, distance, device_type(dtypes.duration(source.unit)))
    return cast(held, device_type(call.dtype))
