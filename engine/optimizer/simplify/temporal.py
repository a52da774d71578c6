"""Parts of dates compared with constants: as ranges of the date itself, which statistics and indexes know of."""

from __future__ import annotations

import datetime as dt
from typing import Any

from ... import dtypes
from ...dtypes import DataType, Kind
from ...expr import Call, Cast, Expr, InList, Literal

_COMPARISONS = frozenset({"equal", "not_equal", "less", "less_equal", "greater", "greater_equal"})
_YEARS = range(1, 9999)
"""Years whose first day, and the next year's, Python's calendar has."""


def simplify_temporal(node: Expr) -> Expr | None:
    """Compare a date with the bounds of a unit, not the start of its unit with a constant: exact also for nulls."""
    if isinstance(node, InList):
        return _years(node)
    if not isinstance(node, Call) or node.function not in _COMPARISONS or not isinstance(node.args[1], Literal):
        return None
    left, right = node.args
    assert isinstance(right, Literal)
    found = _unit(left)
    if found is None or right.value is None:
        return None
    arg, unit = found
    value: Any = right.value
    if unit == "year" and isinstance(left, Call) and left.function == "year":
        value = _midnight(value) if value in _YEARS else None
    start = _start(value, unit)
    following = None if start is None else _next(start, unit)
    if start is None or following is None:
        return None
    return _as_range(node.function, arg, _moment(value), start, following)


def _unit(expr: Expr) -> tuple[Expr, str] | None:
    """Return the date whose unit's start an expression is, and the unit; zones make the bounds depend on the date."""
    if isinstance(expr, Call) and expr.function == "year":
        arg, unit = expr.args[0], "year"
    elif isinstance(expr, Call) and expr.function == "date_trunc":
        arg, unit = expr.args[0], str(expr.option("unit"))
    elif isinstance(expr, Cast) and expr.dtype.kind is Kind.DATE and expr.arg.dtype.kind is Kind.TIMESTAMP:
        arg, unit = expr.arg, "day"
    else:
        return None
    plain = arg.dtype.kind is Kind.DATE or (arg.dtype.kind is Kind.TIMESTAMP and arg.dtype.tz is None)
    return (arg, unit) if plain else None


def _midnight(year: int, month: int = 1, day: int = 1) -> dt.datetime:
    return dt.datetime(year, month, day)  # noqa: DTZ001  # of a clock without a zone


def _moment(value: Any) -> dt.datetime:
    return value if isinstance(value, dt.datetime) else _midnight(value.year, value.month, value.day)


def _start(value: Any, unit: str) -> dt.datetime | None:
    """Return the start of the unit that a date lies in; None where that is not known here."""
    if not isinstance(value, dt.date) or (isinstance(value, dt.datetime) and value.tzinfo is not None):
        return None
    moment = _moment(value)
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    match unit:
        case "year":
            return midnight.replace(month=1, day=1)
        case "quarter":
            return midnight.replace(month=moment.month - (moment.month - 1) % 3, day=1)
        case "month":
            return midnight.replace(day=1)
        case "week" if moment.year > 1:
            return midnight - dt.timedelta(days=moment.weekday())
        case "day":
            return midnight
        case "hour":
            return moment.replace(minute=0, second=0, microsecond=0)
        case "minute":
            return moment.replace(second=0, microsecond=0)
        case "second":
            return moment.replace(microsecond=0)
    return None


def _next(start: dt.datetime, unit: str) -> dt.datetime | None:
    """Return the start of the next unit; None beyond Python's calendar."""
    if start.year not in _YEARS:
        return None
    months = {"year": 12, "quarter": 3, "month": 1}.get(unit)
    if months is None:
        return start + dt.timedelta(**{f"{unit}s": 1})
    month = start.month - 1 + months
    return start.replace(year=start.year + month // 12, month=month % 12 + 1)


def _as_range(function: str, arg: Expr, value: dt.datetime, start: dt.datetime, following: dt.datetime) -> Expr | None:
    low, high = _constant(start, arg.dtype), _constant(following, arg.dtype)
    if value != start:  # no unit starts there: it lies between two that do
        match function:
            case "less" | "less_equal":
                return _compare("less", arg, high)
            case "greater" | "greater_equal":
                return _compare("greater_equal", arg, high)
        return None
    match function:
        case "equal":
            return _both("and", _compare("greater_equal", arg, low), _compare("less", arg, high))
        case "not_equal":
            return _both("or", _compare("less", arg, low), _compare("greater_equal", arg, high))
        case "less":
            return _compare("less", arg, low)
        case "less_equal":
            return _compare("less", arg, high)
        case "greater":
            return _compare("greater_equal", arg, high)
    return _compare("greater_equal", arg, low)


def _constant(value: dt.datetime, dtype: DataType) -> Literal:
    return Literal(value=value.date() if dtype.kind is Kind.DATE else value, dtype=dtype)


def _compare(function: str, arg: Expr, constant: Literal) -> Expr:
    return Call(function=function, args=(arg, constant), dtype=dtypes.bool_)


def _both(connective: str, left: Expr, right: Expr) -> Expr:
    return Call(function=connective, args=(left, right), dtype=dtypes.bool_)


def _years(node: InList) -> Expr | None:
    """Turn a list of years that follow one another into a range of dates."""
    if not isinstance(node.arg, Call) or node.arg.function != "year" or node.has_null or not node.values:
        return None
    found = _unit(node.arg)
    years = sorted(set(node.values))
    if found is None or years[0] not in _YEARS or years[-1] not in _YEARS or years[-1] - years[0] + 1 != len(years):
        return None
    arg = found[0]
    low, high = (_constant(_midnight(year), arg.dtype) for year in (years[0], years[-1] + 1))
    return _both("and", _compare("greater_equal", arg, low), _compare("less", arg, high))
