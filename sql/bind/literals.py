"""Constants: numbers, texts, dates, intervals and parameters, typed as DuckDB types them."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from decimal import Decimal

from sqlglot import exp

from ...engine import dtypes
from ...engine.dtypes import MAX_DECIMAL_PRECISION, DataType, Kind
from ...engine.errors import suggestion
from ...engine.expr import Expr, Literal, call, cast, literal
from ..parse import SqlText

_MICROSECONDS = {
    "microsecond": 1,
    "millisecond": 1_000,
    "second": 1_000_000,
    "minute": 60_000_000,
    "hour": 3_600_000_000,
}
_DAYS = {"day": 1, "week": 7}
_MONTHS = {"month": 1, "quarter": 3, "year": 12, "decade": 120, "century": 1200}
_SHORT_UNITS = {
    "us": "microsecond", "usec": "microsecond", "ms": "millisecond", "msec": "millisecond", "s": "second",
    "sec": "second", "m": "minute", "min": "minute", "h": "hour", "hr": "hour", "d": "day", "w": "week",
    "mon": "month", "q": "quarter", "y": "year", "yr": "year", "centurie": "century",
}  # fmt: skip
_PART = re.compile(r"\s*([+-]?\d+(?:\.\d+)?)\s*([A-Za-z]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A length of time: months, then days, then microseconds, each added in turn."""

    months: int = 0
    days: int = 0
    microseconds: int = 0

    def __neg__(self) -> Interval:
        return Interval(months=-self.months, days=-self.days, microseconds=-self.microseconds)

    def __add__(self, other: Interval) -> Interval:
        return Interval(
            months=self.months + other.months,
            days=self.days + other.days,
            microseconds=self.microseconds + other.microseconds,
        )

    def scaled(self, factor: int) -> Interval:
        """Return this length so many times."""
        return Interval(months=self.months * factor, days=self.days * factor, microseconds=self.microseconds * factor)


def number(source: SqlText, node: exp.Expr) -> Literal:
    """Return a number as written: an integer, a decimal where it has a point, a float where it has an exponent."""
    text = str(node.this).replace("_", "")
    try:
        if "e" in text.lower():
            return literal(float(text))
        if "." not in text:
            value = int(text)
            return literal(value) if value < 2**63 else _decimal(text)
        return _decimal(text)
    except (ValueError, ArithmeticError):
        raise source.error(node, f"{text} is not a number") from None


def _decimal(text: str) -> Literal:
    whole, _, fraction = text.partition(".")
    precision = max(len(whole) + len(fraction), 1)
    if precision > MAX_DECIMAL_PRECISION:
        return literal(float(text))
    return literal(Decimal(text), dtypes.decimal(precision, len(fraction)))


def time_constant(source: SqlText, node: exp.Expr, value: str, target: DataType) -> Expr | None:
    """Return a text as a date or timestamp constant; None where the target is neither or has a time zone."""
    if not target.is_temporal or target.tz is not None:
        return None
    try:
        moment = dt.datetime.fromisoformat(value.strip())
    except ValueError:
        raise source.error(
            node, f"{value!r} is not a {target.kind.value}; write it like '2024-01-31' or '2024-01-31 12:30:00'"
        ) from None
    if target.kind is Kind.DATE:
        return literal(moment.date())
    return None if moment.tzinfo is not None else cast(literal(moment), target)


def unit_name(source: SqlText, node: exp.Expr, written: str) -> str:
    """Return the plain name of a unit of time, e.g. ``month`` for ``Months`` or ``mon``."""
    name = written.strip("'\"").lower()
    known = (*_MICROSECONDS, *_DAYS, *_MONTHS)
    for candidate in (name, name.removesuffix("s"), _SHORT_UNITS.get(name), _SHORT_UNITS.get(name.removesuffix("s"))):
        if candidate in known:
            return candidate
    raise source.error(node, f"unknown unit of time {written!r}{suggestion(name, known)}")


def length_of(unit: str, amount: Decimal) -> Interval:
    """Return so many units; a fraction of a month or day is dropped, as DuckDB drops it."""
    if unit in _MONTHS:
        return Interval(months=int(amount) * _MONTHS[unit])
    if unit in _DAYS:
        return Interval(days=int(amount) * _DAYS[unit])
    return Interval(microseconds=int(amount * _MICROSECONDS[unit]))


def interval(source: SqlText, node: exp.Interval) -> Interval:
    """Return the length that ``INTERVAL …`` means; it must be a constant."""
    value, unit = node.this, node.args.get("unit")
    sign = 1
    while isinstance(value, exp.Paren | exp.Neg):
        sign = -sign if isinstance(value, exp.Neg) else sign
        value = value.this
    if not isinstance(value, exp.Literal):
        raise source.unsupported(node, "an interval whose length is not a constant")
    if unit is not None:
        if not isinstance(unit, exp.Var):
            raise source.unsupported(node, f"the interval unit {unit.sql()}")
        try:
            amount = Decimal(str(value.this).strip())
        except ArithmeticError:
            raise source.error(node, f"{value.this!r} is not a number of {unit.name.lower()}s") from None
        return length_of(unit_name(source, node, unit.name), amount * sign)
    total, text, end = Interval(), str(value.this), 0
    for match in _PART.finditer(text):
        if match.start() != end:
            break
        end = match.end()
        total += length_of(unit_name(source, node, match[2]), Decimal(match[1]))
    if not end or text[end:].strip():
        raise source.error(node, f"{text!r} is not an interval; write it like interval '3 days' or interval 3 day")
    return total.scaled(sign)


def shifted(moment: Expr, length: Interval) -> Expr:
    """Return a date or timestamp moved by an interval: a timestamp, as in DuckDB.

    A date moved by whole days or months stays a date inside the cast, so that comparisons with dates need no cast.
    """
    if moment.dtype.kind is Kind.DATE and length.microseconds:
        moment = cast(moment, dtypes.timestamp("us"))
    moved = call("add_interval", moment, months=length.months, days=length.days, microseconds=length.microseconds)
    return cast(moved, dtypes.timestamp("us")) if moved.dtype.kind is Kind.DATE else moved


def is_true(expr: Expr) -> bool:
    """Return whether an expression is the constant true."""
    return isinstance(expr, Literal) and expr.value is True
