"""Functions of dates and timestamps in SQL."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from ...engine import dtypes
from ...engine.dtypes import Kind
from ...engine.errors import suggestion
from ...engine.expr import Expr, Literal, call, cast, literal
from .arguments import constant_text, counted_arguments
from .literals import Interval, length_of, shifted, unit_name
from .operators import as_date, move, unwrapped

if TYPE_CHECKING:
    from .expressions import ExpressionBinder

_PARTS = {
    "dow": "day_of_week", "dayofweek": "day_of_week", "weekday": "day_of_week", "isodow": "iso_day_of_week",
    "doy": "day_of_year", "dayofyear": "day_of_year", "dayofmonth": "day", "weekofyear": "week",
    "years": "year", "quarters": "quarter", "months": "month", "days": "day", "weeks": "week",
    "hours": "hour", "minutes": "minute", "seconds": "second", "y": "year", "mon": "month", "d": "day",
}  # fmt: skip
_SUNDAY_IS_ONE = frozenset(("bigquery", "databricks", "doris", "hive", "mysql", "spark", "spark2", "starrocks", "tsql"))
_TRUNCATIONS = ("year", "quarter", "month", "week", "day", "hour", "minute", "second")


def _part(binder: ExpressionBinder, node: exp.Expr, written: str, moment: Expr) -> Expr:
    name = written.strip("'\"").lower()
    known = _PARTS.get(name, name)
    parts = ("year", "quarter", "month", "day", "week", "hour", "minute", "second", *_PARTS.values())
    if known not in parts:
        if known in ("epoch", "millisecond", "microsecond", "century", "decade", "millennium", "isoyear", "era"):
            raise binder.source.unsupported(node, f"the date part {known}")
        raise binder.source.error(node, f"unknown date part {written!r}{suggestion(name, sorted(set(parts)))}")
    return call(known, as_date(moment) if known not in ("hour", "minute", "second") else moment)


def _extract(binder: ExpressionBinder, node: Any) -> Expr:
    if node.this.name.lower() in ("dayofweek", "weekday") and binder.source.dialect in _SUNDAY_IS_ONE:
        return _day_of_week(binder, exp.DayOfWeek(this=node.expression))
    return _part(binder, node, node.this.name, binder.bind(node.expression))


def _day_of_week(binder: ExpressionBinder, node: Any) -> Expr:
    day = call("day_of_week", as_date(binder.bind(node.this)))
    return call("add", day, literal(1)) if binder.source.dialect in _SUNDAY_IS_ONE else day


def _date_part(binder: ExpressionBinder, node: Any) -> Expr:
    part, moment = counted_arguments(binder, node, 2)
    return _part(binder, node, constant_text(binder, part, "a date part"), binder.bind(moment))


def _weekday(binder: ExpressionBinder, node: Any) -> Expr:
    (moment,) = counted_arguments(binder, node, 1)
    if binder.source.dialect != "duckdb":
        raise binder.source.unsupported(node, "weekday outside DuckDB's dialect")
    return call("day_of_week", as_date(binder.bind(moment)))


def _truncate(binder: ExpressionBinder, node: Any) -> Expr:
    binder.statement.allow_only(node, ("this", "unit", "input_type_preserved"), "date_trunc")
    truncated = _truncated(binder, node, node.args["unit"].name, binder.bind(node.this))
    # DuckDB makes a timestamp of a date; the dialects for which sqlglot says DateTrunc, or marks it, keep the date.
    keeps = isinstance(node, exp.DateTrunc) or node.args.get("input_type_preserved")
    return as_date(truncated) if keeps else truncated


def _date_trunc(binder: ExpressionBinder, node: Any) -> Expr:
    unit, moment = counted_arguments(binder, node, 2)
    return _truncated(binder, node, constant_text(binder, unit, "a unit of time"), binder.bind(moment))


def _truncated(binder: ExpressionBinder, node: exp.Expr, written: str, moment: Expr) -> Expr:
    unit = unit_name(binder.source, node, written)
    if unit not in _TRUNCATIONS:
        raise binder.source.unsupported(node, f"date_trunc to {unit}")
    if not moment.dtype.is_temporal:
        raise binder.source.error(node, f"date_trunc takes a date or a timestamp, not {moment.dtype}")
    day = as_date(moment)
    if day.dtype.kind is Kind.DATE:
        whole = day if unit in ("hour", "minute", "second") else call("date_trunc", day, unit=unit)
        return cast(whole, dtypes.timestamp("us"))
    return call("date_trunc", moment, unit=unit)


def _date_add(binder: ExpressionBinder, node: Any) -> Expr:
    minus = isinstance(node, exp.DateSub | exp.TimestampSub | exp.DatetimeSub)
    moment = binder.bind(node.this)
    length = unwrapped(node.expression)
    if isinstance(length, exp.Interval):
        return move(binder, node, moment, length, minus=minus)
    amount = binder.bind(node.expression)
    if not isinstance(amount, Literal) or not isinstance(amount.value, int | Decimal | str):
        raise binder.source.unsupported(node, "adding a computed number of units to a date")
    if not moment.dtype.is_temporal:
        raise binder.source.error(node, f"a date or a timestamp is needed, not {moment.dtype}; cast it first")
    unit = node.args.get("unit")
    step = length_of(unit_name(binder.source, node, unit.name if unit is not None else "day"), Decimal(amount.value))
    return _moved_date(moment, -step if minus else step)


def _moved_date(moment: Expr, length: Interval) -> Expr:
    """Other dialects keep a date a date where whole days are added."""
    moved = shifted(as_date(moment) if not length.microseconds else moment, length)
    return as_date(moved) if moment.dtype.kind is Kind.DATE else moved


def _date_diff(binder: ExpressionBinder, node: Any) -> Expr:
    unit_node = node.args.get("unit")
    unit = "day" if unit_node is None else unit_name(binder.source, node, unit_node.name)
    end, start = (_as_day(binder, node, binder.bind(side)) for side in (node.this, node.expression))
    if unit == "day":
        return call("difference", end, start)
    if unit not in ("month", "quarter", "year"):
        raise binder.source.unsupported(node, f"date_diff in {unit}s")
    years = call("subtract", call("year", end), call("year", start))
    if unit == "year":
        return years
    per_year = literal(12 if unit == "month" else 4)
    return call("add", call("multiply", years, per_year), call("subtract", call(unit, end), call(unit, start)))


def _as_day(binder: ExpressionBinder, node: exp.Expr, moment: Expr) -> Expr:
    if not moment.dtype.is_temporal and not (isinstance(moment, Literal) and moment.dtype.is_text):
        raise binder.source.error(node, f"a date or a timestamp is needed, not {moment.dtype}; cast it first")
    return cast(as_date(moment), dtypes.date)


def _to_date(binder: ExpressionBinder, node: Any) -> Expr:
    binder.statement.allow_only(node, ("this",), "date")
    return binder.cast_to(node, binder.bind(node.this), dtypes.date, strict=True)


def _today(binder: ExpressionBinder, _: Any) -> Expr:
    return literal(binder.statement.started.date())


def _now(binder: ExpressionBinder, _: Any) -> Expr:
    return literal(binder.statement.started, dtypes.timestamp("us", "UTC"))


BY_NAME: dict[str, Callable[[ExpressionBinder, Any], Expr]] = {
    "date_part": _date_part,
    "datepart": _date_part,
    "date_trunc": _date_trunc,
    "datetrunc": _date_trunc,
    "weekday": _weekday,
    "now": _now,
    "today": _today,
    "get_current_timestamp": _now,
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
    exp.Date: _to_date,
    exp.TsOrDsToDate: _to_date,
    exp.CurrentDate: _today,
    exp.CurrentTimestamp: _now,
}
