"""Moments moved by pandas' offsets, which are told by what they have: pandas is not imported."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..errors import PlanError, TypeMismatch
from ..expr import Expr, call, case, cast, literal
from .durations import later

_MONTHS = {"years": 12, "months": 1}
_DAYS = {"weeks": 7, "days": 1}
_MICROSECONDS = {
    "hours": 3_600_000_000, "minutes": 60_000_000, "seconds": 1_000_000, "milliseconds": 1_000, "microseconds": 1,
}  # fmt: skip
_LENGTHS = {
    "Week": "weeks", "Day": "days", "Hour": "hours", "Minute": "minutes", "Second": "seconds",
    "Milli": "milliseconds", "Micro": "microseconds",
}  # fmt: skip


def is_offset(value: Any) -> bool:
    """Return whether a value is one of pandas' offsets, such as ``pd.DateOffset(months=1)``."""
    return hasattr(value, "is_on_offset") and hasattr(value, "kwds")


def moved_by_offset(moment: Expr, offset: Any, sign: int) -> Expr:
    """Return a moment later (sign 1) or earlier (-1) by one of pandas' offsets.

    Raises
    ------
    TypeMismatch
        If it is no moment.
    PlanError
        If the offset is none of those that are known.
    """
    if not moment.dtype.is_temporal:
        raise TypeMismatch(f"cannot move {moment} ({moment.dtype}) by {offset}; it is no moment")
    name, count = type(offset).__name__, sign * int(offset.n)
    known = _OF_MONTHS.get(name)
    if known is not None:
        moved = known(moment, count)
    else:
        parts = dict(offset.kwds)
        if name in _LENGTHS and not parts:
            parts = {_LENGTHS[name]: 1}
        elif name == "DateOffset" and not parts:
            parts = {"days": 1}
        if (name != "DateOffset" and name not in _LENGTHS) or parts.keys() - {*_MONTHS, *_DAYS, *_MICROSECONDS}:
            can = "DateOffset of years to microseconds, MonthBegin, MonthEnd, Week, Day, Hour and shorter ones"
            raise PlanError(f"moments cannot be moved by {offset!r} here; there are {can}")
        months, days, micros = (count * _total(parts, units) for units in (_MONTHS, _DAYS, _MICROSECONDS))
        moved = later(moment, months=months, days=days, microseconds=micros)
    return call("date_trunc", moved, unit="day") if offset.normalize else moved


def _total(parts: Mapping[str, int], units: Mapping[str, int]) -> int:
    return sum(int(parts[name]) * size for name, size in units.items() if name in parts)


def _months_and_days(moment: Expr, months: Expr, days: Callable[[Expr], Expr]) -> Expr:
    """Return a moment later by months, and then by the days that the new month asks for."""
    zero = literal(0)
    moved = call("later_by", moment, months, zero, zero)
    return cast(call("later_by", moved, zero, days(moved), zero), moment.dtype)


def _month_end(moment: Expr, count: int) -> Expr:
    is_last = call("equal", call("day", moment), _last_day(moment))
    months = literal(count) if count <= 0 else case([(is_last, literal(count))], literal(count - 1))
    return _months_and_days(moment, months, lambda moved: call("subtract", _last_day(moved), call("day", moved)))


def _month_begin(moment: Expr, count: int) -> Expr:
    is_first = call("equal", call("day", moment), literal(1))
    months = literal(count) if count > 0 else case([(is_first, literal(count))], literal(count + 1))
    return _months_and_days(moment, months, lambda moved: call("subtract", literal(1), call("day", moved)))


def _last_day(moment: Expr) -> Expr:
    return call("day", call("last_day", moment))


_OF_MONTHS: Mapping[str, Callable[[Expr, int], Expr]] = {"MonthEnd": _month_end, "MonthBegin": _month_begin}
