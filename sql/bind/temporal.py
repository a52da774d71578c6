"""Functions of dates and timestamps in SQL."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from ...engine import dtypes
from ...engine.dtypes import Kind
from ...engine.errors import suggestion
from ...engine.expr import Expr, Literal, call, case, cast, literal
from ...engine.intervals import MONTHS, length_of
from .arguments import arguments, constant_text, counted_arguments
from .intervals import Times, length, moved, negated
from .lengths import CLOCKS, is_length, part_of, ticks_since, truncated_length
from .literals import unit_name
from .operands import as_date, unwrapped

if TYPE_CHECKING:
    from .expressions import ExpressionBinder

_PARTS = {
    "dow": "day_of_week", "dayofweek": "day_of_week", "weekday": "day_of_week", "isodow": "iso_day_of_week",
    "doy": "day_of_year", "dayofyear": "day_of_year", "dayofmonth": "day", "weekofyear": "week",
    "years": "year", "quarters": "quarter", "months": "month", "days": "day", "weeks": "week",
    "isoyear": "iso_year", "milliseconds": "millisecond", "ms": "millisecond", "microseconds": "microsecond",
    "us": "microsecond", "centuries": "century", "decades": "decade", "millennia": "millennium",
    "hours": "hour", "minutes": "minute", "seconds": "second", "y": "year", "mon": "month", "d": "day",
}  # fmt: skip
PARTS = frozenset((
    "year", "quarter", "month", "day", "hour", "minute", "second", "millisecond", "microsecond", "epoch", "decade",
    "century", "millennium",
))  # fmt: skip
"""Parts that are functions too."""
_SUNDAY_IS_ONE = frozenset(("bigquery", "databricks", "doris", "hive", "mysql", "spark", "spark2", "starrocks", "tsql"))
_CLOCK = ("hour", "minute", "second", "millisecond", "microsecond")
_TRUNCATIONS = ("year", "quarter", "month", "week", "day", *_CLOCK)
_OF_ZONES = ("timezone", "timezone_hour", "timezone_minute")
_SCALES = {"3": "ms", "6": "us", "9": "ns"}


def _part(binder: ExpressionBinder, node: exp.Expr, written: str, moment: Expr) -> Expr:
    name = written.strip("'\"").lower()
    known = _PARTS.get(name, name)
    if known in _OF_ZONES and moment.dtype.tz is not None:  # moments are shown in UTC
        return case([(call("is_not_null", moment), literal(0))])
    parts = ("year", "quarter", "month", "day", "week", "epoch", "decade", "century", "millennium", *_PARTS.values())
    if known not in (*parts, *_CLOCK):
        raise binder.source.error(node, f"unknown date part {written!r}{suggestion(name, sorted({*parts, *_CLOCK}))}")
    if moment.dtype.kind in CLOCKS:
        return part_of(binder, node, known, moment)
    return call(known, moment if known in _CLOCK else as_date(moment))


def _extract(binder: ExpressionBinder, node: Any) -> Expr:
    if node.this.name.lower() in ("dayofweek", "weekday") and binder.source.dialect in _SUNDAY_IS_ONE:
        return _day_of_week(binder, exp.DayOfWeek(this=node.expression))
    return _part(binder, node, node.this.name, binder.bind(node.expression))


def _day_of_week(binder: ExpressionBinder, node: Any) -> Expr:
    day = call("day_of_week", as_date(binder.bind(node.this)))
    return call("add", day, literal(1)) if binder.source.dialect in _SUNDAY_IS_ONE else day


def _date_part(binder: ExpressionBinder, node: Any) -> Expr:
    part, moment = counted_arguments(binder, node, 2)
    inner = unwrapped(part)
    if isinstance(inner, exp.Array):
        from .structs import struct_of

        names = [constant_text(binder, item, "a date part") for item in inner.expressions]
        value = binder.bind(moment)
        return struct_of(binder, node, names, [_part(binder, node, name, value) for name in names])
    return _part(binder, node, constant_text(binder, part, "a date part"), binder.bind(moment))


def _weekday(binder: ExpressionBinder, node: Any) -> Expr:
    (moment,) = counted_arguments(binder, node, 1)
    if binder.source.dialect != "duckdb":
        raise binder.source.unsupported(node, "weekday outside DuckDB's dialect")
    return call("day_of_week", as_date(binder.bind(moment)))


def _truncate(binder: ExpressionBinder, node: Any) -> Expr:
    binder.statement.allow_only(node, ("this", "unit", "input_type_preserved"), "date_trunc")
    truncated = _truncated(binder, node, node.args["unit"].name, binder.bind(node.this))
    # DuckDB makes a timestamp of a date; other dialects for which sqlglot says DateTrunc, or marks it, keep the date.
    keeps = isinstance(node, exp.DateTrunc) or node.args.get("input_type_preserved")
    keeps = keeps and binder.source.dialect != "duckdb"
    return as_date(truncated) if keeps else truncated


def _date_trunc(binder: ExpressionBinder, node: Any) -> Expr:
    unit, moment = counted_arguments(binder, node, 2)
    return _truncated(binder, node, constant_text(binder, unit, "a unit of time"), binder.bind(moment))


_ROUND_YEARS = {"decade": 10, "century": 100, "millennium": 1_000}
"""Units that are truncated to a round year, as DuckDB truncates them."""


def _truncated(binder: ExpressionBinder, node: exp.Expr, written: str, moment: Expr) -> Expr:
    unit = unit_name(binder.source, node, written)
    if is_length(moment):
        return truncated_length(unit, moment)
    if unit in _ROUND_YEARS and moment.dtype.is_temporal:
        years = literal(_ROUND_YEARS[unit])
        first = call("multiply", call("floor_divide", call("year", moment), years), years)
        zone = moment.dtype.tz if moment.dtype.kind is Kind.TIMESTAMP else None
        return cast(call("make_date", first, literal(1), literal(1)), dtypes.timestamp("us", zone))
    if unit not in _TRUNCATIONS:
        raise binder.source.unsupported(node, f"date_trunc to {unit}")
    if not moment.dtype.is_temporal:
        raise binder.source.error(node, f"date_trunc takes a date or a timestamp, not {moment.dtype}")
    day = as_date(moment)
    if day.dtype.kind is Kind.DATE:
        whole = day if unit in _CLOCK else call("date_trunc", day, unit=unit)
        return cast(whole, dtypes.timestamp("us"))
    return call("date_trunc", moment, unit=unit)


def _date_add(binder: ExpressionBinder, node: Any) -> Expr:
    minus = isinstance(node, exp.DateSub | exp.TimestampSub | exp.DatetimeSub)
    moment = binder.bind(node.this)
    amount = length(binder, node.expression)
    if amount is not None:
        return moved(binder, node, moment, negated(amount) if minus else amount)
    if not moment.dtype.is_temporal:
        raise binder.source.error(node, f"a date or a timestamp is needed, not {moment.dtype}; cast it first")
    unit = node.args.get("unit")
    step = length_of(unit_name(binder.source, node, unit.name if unit is not None else "day"), Decimal(1))
    step = -step if minus else step
    times = binder.bind(node.expression)
    if isinstance(times, Literal) and isinstance(times.value, int | Decimal | str):
        times = literal(int(times.value))
    later = moved(binder, node, moment, Times(times=times, step=step))
    # Other dialects keep a date a date where whole days are added.
    return as_date(later) if moment.dtype.kind is Kind.DATE else later


def _date_diff(binder: ExpressionBinder, node: Any) -> Expr:
    unit_node = node.args.get("unit")
    unit = "day" if unit_node is None else unit_name(binder.source, node, unit_node.name)
    end, start = (_as_moment(binder, node, binder.bind(side)) for side in (node.this, node.expression))
    return call("date_diff", start, end, unit=unit)


def _as_moment(binder: ExpressionBinder, node: exp.Expr, moment: Expr) -> Expr:
    if isinstance(moment, Literal) and moment.dtype.is_text:
        return cast(moment, dtypes.timestamp("us"))
    if not moment.dtype.is_temporal:
        raise binder.source.error(node, f"a date or a timestamp is needed, not {moment.dtype}; cast it first")
    return as_date(moment)


def _date_sub(binder: ExpressionBinder, node: Any) -> Expr:
    """Return how many whole units lie between two moments."""
    written, first, second = counted_arguments(binder, node, 3)
    unit = unit_name(binder.source, node, constant_text(binder, written, "a unit of time"))
    start, end = (_as_moment(binder, node, binder.bind(side)) for side in (first, second))
    if unit not in MONTHS:
        distance = call("subtract", *(call("epoch_count", side, unit="us") for side in (end, start)))
        step = length_of(unit, Decimal(1))
        return call("truncate_divide", distance, literal(step.days * 86_400_000_000 + step.microseconds))
    start, end = (cast(side, dtypes.timestamp("us")) if side.dtype.kind is Kind.DATE else side for side in (start, end))
    months = call("date_diff", start, end, unit="month")
    reached = call("later_by", start, months, literal(0), literal(0))
    early = call("and", call("greater_equal", end, start), call("greater", reached, end))
    late = call("and", call("less", end, start), call("less", reached, end))
    one = case([(early, literal(-1)), (late, literal(1))], literal(0))
    return call("truncate_divide", call("add", months, one), literal(MONTHS[unit]))


def _age(binder: ExpressionBinder, node: Any) -> Expr:
    given = [_as_moment(binder, node, binder.bind(side)) for side in counted_arguments(binder, node, 1, 2)]
    return call("age", *(given if len(given) > 1 else [_today(binder, node), given[0]]))


def _strftime(binder: ExpressionBinder, node: Any) -> Expr:
    binder.statement.allow_only(node, ("this", "format"), "strftime")
    moment, form = node.this, node.args["format"]
    if isinstance(moment, exp.Literal) and moment.is_string and not isinstance(form, exp.Literal):
        moment, form = form, moment  # DuckDB takes them in either order
    return call("strftime", as_date(binder.bind(moment)), format=constant_text(binder, form, "a format"))


def _strptime(binder: ExpressionBinder, node: Any) -> Expr:
    text, form = counted_arguments(binder, node, 2)
    name = "try_strptime" if isinstance(node, exp.Anonymous) else "strptime"
    inner = unwrapped(form)
    if isinstance(inner, exp.Array) and inner.expressions:
        value = binder.bind(text)
        *tries, last = (constant_text(binder, item, "a format") for item in inner.expressions)
        made = [call("try_strptime", value, format=each) for each in tries]
        return call("coalesce", *made, call(name, value, format=last)) if made else call(name, value, format=last)
    return call(name, binder.bind(text), format=constant_text(binder, form, "a format"))


def _at_time_zone(binder: ExpressionBinder, node: Any) -> Expr:
    zone = constant_text(binder, node.args["zone"], "a time zone")
    moment = binder.bind(node.this)
    if moment.dtype.is_temporal and moment.dtype.tz is not None:
        return call("local_time", moment, zone=zone)
    return call("assume_timezone", moment, zone=zone)


def _from_parts(name: str) -> Callable[[ExpressionBinder, Any], Expr]:
    return lambda binder, node: call(name, *(binder.bind(part) for part in arguments(node)))


def _from_epoch(binder: ExpressionBinder, node: Any) -> Expr:
    scale = node.args.get("scale")
    binder.statement.allow_only(node, ("this", "scale"), "a timestamp of seconds")
    seconds = binder.bind(node.this)
    if scale is not None and not (isinstance(scale, exp.Literal) and scale.name.isdecimal()):
        raise binder.source.unsupported(scale, "a scale that is not a constant whole number")
    moment_or_length = seconds.dtype.is_temporal or seconds.dtype.kind in CLOCKS
    if scale is not None and scale.name in _SCALES and moment_or_length:
        return ticks_since(binder, node, seconds, _SCALES[scale.name])
    if scale is None:
        return call("from_epoch", seconds)
    moment = call("from_epoch", call("divide", seconds, literal(10.0 ** int(scale.name))))
    return cast(moment, dtypes.timestamp("us"))


def _epoch(binder: ExpressionBinder, node: Any) -> Expr:
    value = binder.bind(node.this)
    return part_of(binder, node, "epoch", value) if value.dtype.kind in CLOCKS else call("epoch", as_date(value))


def _ticks_since(unit: str) -> Callable[[ExpressionBinder, Any], Expr]:
    def handler(binder: ExpressionBinder, node: Any) -> Expr:
        (moment,) = counted_arguments(binder, node, 1)
        return ticks_since(binder, node, binder.bind(moment), unit)

    return handler


def _to_date(binder: ExpressionBinder, node: Any) -> Expr:
    binder.statement.allow_only(node, ("this",), "date")
    return binder.cast_to(node, binder.bind(node.this), dtypes.date, strict=True)


def _today(binder: ExpressionBinder, _: Any) -> Expr:
    return literal(binder.statement.started.date())


def _now(binder: ExpressionBinder, _: Any) -> Expr:
    return literal(binder.statement.started, dtypes.timestamp("us", "UTC"))


def _local_now(binder: ExpressionBinder, _: Any) -> Expr:
    return literal(binder.statement.started.replace(tzinfo=None))


def _clock(binder: ExpressionBinder, _: Any) -> Expr:
    return literal(binder.statement.started.time())


def _make_time(binder: ExpressionBinder, node: Any) -> Expr:
    binder.statement.allow_only(node, ("hour", "min", "sec"), "make_time")
    hour, minute, second = (binder.bind(node.args[key]) for key in ("hour", "min", "sec"))
    moment = call("make_timestamp", literal(1970), literal(1), literal(1), hour, minute, second)
    return cast(moment, dtypes.time("us"))


BY_NAME: dict[str, Callable[[ExpressionBinder, Any], Expr]] = {
    "date_part": _date_part,
    "datepart": _date_part,
    "datetrunc": _date_trunc,
    "try_strptime": _strptime,
    "weekday": _weekday,
    "now": _now,
    "today": _today,
    "get_current_timestamp": _now,
    "transaction_timestamp": _now,
    "current_localtimestamp": _local_now,
    "current_localtime": _clock,
    "age": _age,
    "date_sub": _date_sub,
    "datesub": _date_sub,
    "epoch_us": _ticks_since("us"),
    "epoch_ns": _ticks_since("ns"),
}

SPECIAL: dict[type[exp.Expr], Callable[[ExpressionBinder, Any], Expr]] = {
    exp.Extract: _extract,
    exp.DayOfWeek: _day_of_week,
    exp.TimestampTrunc: _truncate,
    exp.DateTrunc: _truncate,
    exp.DateAdd: _date_add,
    exp.DateSub: _date_add,
    exp.TimestampAdd: _date_add,
    exp.TimestampSub: _date_add,
    exp.DatetimeAdd: _date_add,
    exp.DatetimeSub: _date_add,
    exp.TsOrDsAdd: _date_add,
    exp.DateDiff: _date_diff,
    exp.AtTimeZone: _at_time_zone,
    exp.DateFromParts: _from_parts("make_date"),
    exp.TimestampFromParts: _from_parts("make_timestamp"),
    exp.StrToTime: _strptime,
    exp.TimeToStr: _strftime,
    exp.TimeToUnix: _epoch,
    exp.UnixToTime: _from_epoch,
    exp.Date: _to_date,
    exp.TsOrDsToDate: _to_date,
    exp.CurrentDate: _today,
    exp.CurrentTimestamp: _now,
    exp.CurrentTime: _clock,
    exp.Localtime: _clock,
    exp.Localtimestamp: _local_now,
    exp.TimeFromParts: _make_time,
}
