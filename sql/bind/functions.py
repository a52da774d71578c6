"""Scalar functions: from sqlglot's node classes and from plain names to the catalogue of the engine."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from ...engine import dtypes
from ...engine.dtypes import Kind
from ...engine.errors import suggestion
from ...engine.expr import Expr, Literal, call, case, cast, literal
from ...engine.expr.catalogue import FUNCTIONS, SQL_AGGREGATES, SQL_FUNCTIONS
from .literals import Interval, length_of, shifted, unit_name
from .operators import as_date, as_text, compare, move, unwrapped

if TYPE_CHECKING:
    from .expressions import ExpressionBinder

# Spellings that sqlglot gives to nodes or DuckDB to functions, and the catalogue does not list.
_SPELLINGS = {
    "day_of_month": "day",
    "dayofmonth": "day",
    "day_of_week": "day_of_week",
    "day_of_week_iso": "iso_day_of_week",
    "dayofweek_iso": "iso_day_of_week",
    "isodow": "iso_day_of_week",
    "day_of_year": "day_of_year",
    "week_of_year": "week",
    "startswith": "starts_with",
    "endswith": "ends_with",
}
_PARTS = {
    "dow": "day_of_week", "dayofweek": "day_of_week", "weekday": "day_of_week", "isodow": "iso_day_of_week",
    "doy": "day_of_year", "dayofyear": "day_of_year", "dayofmonth": "day", "weekofyear": "week",
    "years": "year", "quarters": "quarter", "months": "month", "days": "day", "weeks": "week",
    "hours": "hour", "minutes": "minute", "seconds": "second", "y": "year", "mon": "month", "d": "day",
}  # fmt: skip
_SUNDAY_IS_ONE = frozenset(("bigquery", "databricks", "doris", "hive", "mysql", "spark", "spark2", "starrocks", "tsql"))
_TRUNCATIONS = ("year", "quarter", "month", "week", "day", "hour", "minute", "second")
_OPTIONED = frozenset(name for name, entry in FUNCTIONS.items() if entry.options)


def spelled(node: exp.Expr) -> tuple[str, ...]:
    """Return the lower-case names by which a function node may be known."""
    if isinstance(node, exp.Anonymous):
        return (str(node.name).lower(),)
    return tuple(name.lower() for name in type(node).sql_names()) if isinstance(node, exp.Func) else ()


def function(binder: ExpressionBinder, node: exp.Expr) -> Expr:
    """Bind a function that needs no rule of its own."""
    names = spelled(node)
    for name in names:
        known = _SPELLINGS.get(name) or SQL_FUNCTIONS.get(name)
        if known is not None and known not in _OPTIONED:
            return call(known, *(binder.bind(arg) for arg in arguments(node)))
    if isinstance(node, exp.Anonymous):
        by_name = _BY_NAME.get(names[0])
        if by_name is not None:
            return by_name(binder, node)
        near = suggestion(names[0], (*SQL_FUNCTIONS, *SQL_AGGREGATES, *_BY_NAME))
        hint = near if "did you mean" in near else ""
        raise binder.source.error(node, f"unknown function {node.name!r}{hint}")
    raise binder.source.unsupported(node, f"the function {binder.source.written(node)}")


def arguments(node: exp.Expr) -> list[exp.Expr]:
    """Return a function's arguments in the order in which they are written."""
    keys = ("expressions",) if isinstance(node, exp.Anonymous) else tuple(node.arg_types)
    found: list[exp.Expr] = []
    for key in keys:
        value = node.args.get(key)
        if isinstance(value, list):
            found.extend(value)
        elif isinstance(value, exp.Expr):
            found.append(value)
    return found


def _count_of_arguments(binder: ExpressionBinder, node: Any, *allowed: int) -> list[exp.Expr]:
    found = arguments(node)
    if len(found) not in allowed:
        wanted = " or ".join(str(n) for n in allowed)
        raise binder.source.error(
            node, f"{binder.source.written(node)} takes {wanted} arguments; {len(found)} were given"
        )
    return found


def _constant_text(binder: ExpressionBinder, node: exp.Expr, what: str) -> str:
    value = binder.bind(node)
    if not isinstance(value, Literal) or not isinstance(value.value, str):
        raise binder.source.unsupported(node, f"{what} that is not a constant text")
    return value.value


# --- choice


def _case(binder: ExpressionBinder, node: Any) -> Expr:
    subject = None if node.this is None else binder.bind(node.this)
    branches = []
    for branch in node.args["ifs"]:
        if subject is None:
            condition = binder.condition(branch.this)
        else:
            condition = compare(binder, branch, "equal", subject, binder.bind(branch.this))
        branches.append((condition, binder.bind(branch.args["true"])))
    default = node.args.get("default")
    return case(branches, None if default is None else binder.bind(default))


def _if(binder: ExpressionBinder, node: Any) -> Expr:
    default = node.args.get("false")
    branch = (binder.condition(node.this), binder.bind(node.args["true"]))
    return case([branch], None if default is None else binder.bind(default))


def _iff(binder: ExpressionBinder, node: Any) -> Expr:
    condition, then, default = _count_of_arguments(binder, node, 3)
    return case([(binder.condition(condition), binder.bind(then))], binder.bind(default))


def _nullif(binder: ExpressionBinder, node: Any) -> Expr:
    value, other = binder.bind(node.this), binder.bind(node.expression)
    equal = compare(binder, node, "equal", value, other)
    return case([(equal, literal(None, value.dtype))], value)


# --- text


def _concat(binder: ExpressionBinder, node: Any) -> Expr:
    parts = [as_text(binder.bind(item)) for item in node.expressions]
    # The function skips nulls, the operator || does not; dialects differ and sqlglot marks which is meant.
    if node.args.get("coalesce"):
        parts = [
            part if isinstance(part, Literal) and part.value else call("coalesce", part, literal("")) for part in parts
        ]
    return call("concat", *parts)


def _trim(binder: ExpressionBinder, node: Any) -> Expr:
    binder.statement.allow_only(node, ("this", "expression", "position"), "TRIM")
    position = str(node.args.get("position") or "BOTH").upper()
    name = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(position, "trim")
    extra = [] if node.expression is None else [binder.bind(node.expression)]
    return call(name, binder.bind(node.this), *extra)


def _left(binder: ExpressionBinder, node: Any) -> Expr:
    count = binder.bind(node.expression)
    if not isinstance(count, Literal) or not isinstance(count.value, int) or count.value < 0:
        raise binder.source.unsupported(node, "left with a length that is not a constant of at least 0")
    return call("substring", binder.bind(node.this), literal(1), count)


def _regexp(binder: ExpressionBinder, node: Any) -> Expr:
    binder.statement.allow_only(node, ("this", "expression", "flag"), "a regular expression")
    pattern = _constant_text(binder, node.expression, "a regular expression")
    flag = node.args.get("flag")
    if flag is not None:
        flags = _constant_text(binder, flag, "flags of a regular expression")
        if set(flags) - set("ims"):
            raise binder.source.error(flag, f"unknown flags {flags!r}; known are i, m and s")
        pattern = f"(?{flags}){pattern}" if flags else pattern
    if isinstance(node, exp.RegexpFullMatch):
        pattern = f"^(?:{pattern})$"
    return call("regexp_matches", binder.bind(node.this), pattern=pattern)


# --- numbers


def _log(binder: ExpressionBinder, node: Any) -> Expr:
    if node.expression is None:
        return call("log10", binder.bind(node.this))
    base, value = binder.bind(node.this), binder.bind(node.expression)
    return call("divide", call("ln", value), call("ln", base))


# --- time


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
    part, moment = _count_of_arguments(binder, node, 2)
    return _part(binder, node, _constant_text(binder, part, "a date part"), binder.bind(moment))


def _weekday(binder: ExpressionBinder, node: Any) -> Expr:
    (moment,) = _count_of_arguments(binder, node, 1)
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
    unit, moment = _count_of_arguments(binder, node, 2)
    return _truncated(binder, node, _constant_text(binder, unit, "a unit of time"), binder.bind(moment))


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


_BY_NAME: dict[str, Callable[[ExpressionBinder, Any], Expr]] = {
    "iff": _iff,
    "ifelse": _iff,
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
    exp.Case: _case,
    exp.If: _if,
    exp.Nullif: _nullif,
    exp.Concat: _concat,
    exp.Trim: _trim,
    exp.Left: _left,
    exp.RegexpLike: _regexp,
    exp.RegexpFullMatch: _regexp,
    exp.Log: _log,
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
