"""Values that are lengths of time or times of day: arithmetic, parts, and what they are compared as.

A length is taken apart into months, days and microseconds, a time of day into microseconds, and put together again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from ...engine import dtypes
from ...engine.dtypes import TICKS, DataType, Kind
from ...engine.expr import Call, Cast, Expr, Literal, call, case, cast, literal
from ...engine.intervals import MICROSECONDS, MONTHS
from ...engine.moments import EPOCH
from .literals import interval_of_text, of_constant
from .operands import as_date

if TYPE_CHECKING:
    from .expressions import ExpressionBinder

LENGTHS = (Kind.INTERVAL, Kind.DURATION)
CLOCKS = (*LENGTHS, Kind.TIME)
_HOUR, _MINUTE, _SECOND = 3_600_000_000, 60_000_000, 1_000_000
_DAY = 24 * _HOUR
_CLOCK_PARTS = {
    "hour": (None, _HOUR),
    "minute": (_HOUR, _MINUTE),
    "second": (_MINUTE, _SECOND),
    "millisecond": (_MINUTE, 1_000),
    "microsecond": (_MINUTE, 1),
}
"""What is left out of the microseconds, and how many make one."""
_TICKS = {"ms": (1_000, 1), "us": (1, 1), "ns": (1, 1_000)}


def is_length(expr: Expr) -> bool:
    """Return whether values are lengths of time."""
    return expr.dtype.kind in LENGTHS


def as_interval(binder: ExpressionBinder, node: exp.Expr, expr: Expr) -> Expr:
    """Return a length, or the text of one, as an interval."""
    if isinstance(expr, Literal) and isinstance(expr.value, str):
        return of_constant(interval_of_text(binder.source, node, expr.value))
    if expr.dtype.kind not in (*LENGTHS, Kind.NULL):
        raise binder.source.error(node, f"an interval is needed, not {expr.dtype}; cast it first")
    return cast(expr, dtypes.interval)


def parts(expr: Expr) -> tuple[Expr, Expr, Expr]:
    """Return the months, days and microseconds of a length."""
    if isinstance(expr, Call) and expr.function == "interval_value":
        months, days, micros = expr.args
        return months, days, micros
    value = cast(expr, dtypes.interval)
    months, days, micros = (call("interval_part", value, part=part) for part in ("months", "days", "microseconds"))
    return months, days, micros


def _ticks(time: Expr) -> Expr:
    return call("time_ticks", time)


def _int(expr: Expr, function: str, number: int) -> Expr:
    return call(function, expr, literal(number))


# --- arithmetic


def combined(binder: ExpressionBinder, node: exp.Expr, a: Expr, b: Expr, *, minus: bool) -> Expr:
    """Return the sum or difference of two values of which one is a length or a time of day."""
    kinds = (a.dtype.kind, b.dtype.kind)
    moment, other = (a, b) if is_length(b) else (b, a)
    if is_length(other) and (other is b or not minus):
        if moment.dtype.is_temporal:
            return later(moment, other, minus=minus)
        if moment.dtype.kind is Kind.TIME:
            ticks = call("subtract" if minus else "add", _ticks(moment), parts(other)[2])
            return call("time_value", ticks)
    if not minus and set(kinds) == {Kind.DATE, Kind.TIME}:
        day, clock = (a, b) if kinds[0] is Kind.DATE else (b, a)
        return call("later_by", cast(day, dtypes.timestamp("us")), literal(0), literal(0), _ticks(clock))
    if all(kind in (*LENGTHS, Kind.NULL) or _is_text(side) for kind, side in zip(kinds, (a, b), strict=True)):
        left, right = (parts(as_interval(binder, node, side)) for side in (a, b))
        function = "subtract" if minus else "add"
        return call("interval_value", *(call(function, x, y) for x, y in zip(left, right, strict=True)))
    symbol = "-" if minus else "+"
    moving = (not minus and is_length(other)) or is_length(b)
    if moving:
        raise binder.source.error(
            node, f"an interval is added to a date or a timestamp, not to {moment.dtype}; cast it first"
        )
    raise binder.source.error(node, f"{a.dtype} {symbol} {b.dtype} is not defined; cast a side to another type")


def _is_text(expr: Expr) -> bool:
    return isinstance(expr, Literal) and isinstance(expr.value, str)


def later(moment: Expr, length: Expr, *, minus: bool = False) -> Expr:
    """Return a date or timestamp later (or earlier) by a computed length: a timestamp, as in DuckDB."""
    counts = parts(length)
    if minus:
        counts = tuple(call("negate", count) for count in counts)  # type: ignore[assignment]  # three of them
    if moment.dtype.kind is Kind.DATE:
        moment = cast(moment, dtypes.timestamp("us"))
    return call("later_by", moment, *counts)


def difference(a: Expr, b: Expr) -> Expr:
    """Return the days between two dates, or the length between two moments."""
    made = call("difference", a, b)
    return cast(made, dtypes.interval) if made.dtype.kind is Kind.DURATION else made


def negated_length(expr: Expr) -> Expr:
    """Return a length the other way."""
    return call("interval_value", *(call("negate", part) for part in parts(expr)))


def multiplied(binder: ExpressionBinder, node: exp.Expr, length: Expr, number: Expr, *, divide: bool = False) -> Expr:
    """Return a length so many times, or divided."""
    if not number.dtype.is_numeric and number.dtype.kind is not Kind.NULL:
        word = "divided" if divide else "multiplied"
        raise binder.source.error(node, f"an interval is {word} by a number, not by {number.dtype}")
    if number.dtype.is_integer and not divide:
        times = cast(number, dtypes.int64)
        return call("interval_value", *(call("multiply", part, times) for part in parts(length)))
    return call("interval_scaled", cast(length, dtypes.interval), cast(number, dtypes.float64), divide=divide)


# --- parts


def part_of(binder: ExpressionBinder, node: exp.Expr, name: str, value: Expr) -> Expr:
    """Return a part such as ``hour`` or ``epoch`` of a length or a time of day."""
    found = _part_of_time(name, value) if value.dtype.kind is Kind.TIME else _part_of_length(name, value)
    if found is None:
        raise binder.source.error(node, f"{value.dtype} has no part {name!r}")
    return found


def _part_of_clock(name: str, ticks: Expr) -> Expr:
    rest, one = _CLOCK_PARTS[name]
    ticks = ticks if rest is None else _int(ticks, "remainder", rest)
    return ticks if one == 1 else _int(ticks, "truncate_divide", one)


def _part_of_time(name: str, value: Expr) -> Expr | None:
    ticks = _ticks(value)
    if name == "epoch":
        return call("divide", ticks, literal(1e6))
    return _part_of_clock(name, ticks) if name in _CLOCK_PARTS else None


def _part_of_length(name: str, value: Expr) -> Expr | None:
    if name == "epoch" and isinstance(value, Cast) and value.arg.dtype.kind is Kind.DURATION:
        return call("epoch", value.arg)
    months, days, micros = parts(value)
    if name in _CLOCK_PARTS:
        return _part_of_clock(name, micros)
    if name == "day":
        return days
    if name == "month":
        return _int(months, "remainder", 12)
    if name == "quarter":
        return _int(_int(_int(months, "remainder", 12), "truncate_divide", 3), "add", 1)
    if name in MONTHS:
        return _int(months, "truncate_divide", MONTHS[name])
    if name != "epoch":
        return None
    years = call("multiply", _int(months, "truncate_divide", 12), literal(365.25))
    whole = call("add", _int(_int(months, "remainder", 12), "multiply", 30), days)
    seconds = call("multiply", call("add", years, whole), literal(86_400.0))
    return call("add", seconds, call("divide", micros, literal(1e6)))


def ticks_since(binder: ExpressionBinder, node: exp.Expr, value: Expr, unit: str) -> Expr:
    """Return whole milli-, micro- or nanoseconds since 1970, since midnight, or of a length with months of 30 days."""
    divisor, factor = _TICKS[unit]
    if value.dtype.kind is Kind.TIME:
        ticks = _ticks(value)
    elif is_length(value):
        months, days, micros = parts(value)
        whole = call("add", _int(months, "multiply", 30), days)
        ticks = call("add", _int(whole, "multiply", _DAY), micros)
    elif value.dtype.is_temporal:
        return _rounded(as_date(value), unit)
    else:
        raise binder.source.error(node, f"a moment, a time or an interval is needed, not {value.dtype}")
    ticks = _int(ticks, "floor_divide", divisor) if divisor > 1 else ticks
    return _int(ticks, "multiply", factor) if factor > 1 else ticks


def _rounded(value: Expr, unit: str) -> Expr:
    """Return whole units since 1970, those of a finer moment rounded, halves away from 1970."""
    finer = value.dtype.unit if value.dtype.kind is Kind.TIMESTAMP else unit
    divisor = TICKS[finer] // TICKS[unit]
    if divisor <= 1:
        return call("epoch_count", value, unit=unit)
    ticks = call("epoch_count", value, unit=finer)
    half = case([(call("less", ticks, literal(0)), literal(-(divisor // 2)))], literal(divisor // 2))
    return _int(call("add", ticks, half), "truncate_divide", divisor)


def of_ticks(dtype: DataType, ticks: Expr) -> Expr:
    """Return whole microseconds as a moment, a time of day or a length of days and time."""
    if dtype.kind is Kind.TIME:
        return call("time_value", ticks)
    if dtype.is_temporal:
        epoch = literal(EPOCH)
        start = epoch if dtype.tz is None else call("assume_timezone", epoch, zone="UTC")
        moved = call("later_by", start, literal(0), literal(0), ticks)
        return moved if dtype.tz is None else cast(moved, dtypes.timestamp("us", dtype.tz))
    days = _int(ticks, "truncate_divide", _DAY)
    return call("interval_value", literal(0), days, _int(ticks, "remainder", _DAY))


def truncated_length(unit: str, value: Expr) -> Expr:
    """Return a length without what is less than a unit."""
    months, days, micros = parts(value)
    nothing = literal(0)
    if unit in MONTHS:
        step = MONTHS[unit]
        months = months if step == 1 else _int(_int(months, "truncate_divide", step), "multiply", step)
        return call("interval_value", months, nothing, nothing)
    if unit in ("day", "week"):
        days = days if unit == "day" else _int(_int(days, "truncate_divide", 7), "multiply", 7)
        return call("interval_value", months, days, nothing)
    step = MICROSECONDS[unit]
    return call("interval_value", months, days, _int(_int(micros, "truncate_divide", step), "multiply", step))


# --- comparison


def alike(binder: ExpressionBinder, node: exp.Expr, left: Expr, right: Expr) -> tuple[Expr, Expr]:
    """Return the sides of a comparison, lengths as intervals, and texts beside them or times as such."""
    if is_length(left) or is_length(right):
        return as_interval(binder, node, left), as_interval(binder, node, right)
    if Kind.TIME in (left.dtype.kind, right.dtype.kind):
        left, right = (
            binder.cast_to(node, side, dtypes.time("us"), strict=True) if _is_text(side) else side
            for side in (left, right)
        )
    return left, right
