"""Constants: numbers, texts, dates, intervals and parameters, typed as DuckDB types them."""

from __future__ import annotations

import datetime as dt
import re
from decimal import ROUND_DOWN, Decimal

from sqlglot import exp

from ...engine import dtypes
from ...engine.dtypes import MAX_DECIMAL_PRECISION, DataType, Kind
from ...engine.errors import suggestion
from ...engine.expr import Expr, Literal, call, cast, literal
from ...engine.intervals import UNITS, Interval, length_of, parse_interval, unit_of
from ...engine.moments import moment_of
from ..parse import SqlText


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
    """Return a text as a constant date, time or timestamp; None where a cast must read it."""
    if target.tz is not None and (zoned := _ZONED.fullmatch(value.strip())):
        local = time_constant(source, node, zoned[1], dtypes.timestamp("us"))
        assert local is not None
        return cast(call("assume_timezone", local, zone=zoned[2]), target)
    if target.kind is Kind.INTERVAL:
        return of_constant(interval_of_text(source, node, value))
    if target.kind is Kind.TIME:
        try:
            return literal(dt.time.fromisoformat(value.strip().zfill(8) if value.count(":") == 2 else value.strip()))
        except ValueError:
            return _clock(source, node, value)
    if not target.is_temporal or target.tz is not None or (target.unit == "ns" and _FINER.search(value)):
        return None
    try:
        moment = moment_of(value)
    except ValueError:
        raise source.error(
            node, f"{value!r} is not a {target.kind.value}; write it like '2024-01-31' or '2024-01-31 12:30:00'"
        ) from None
    if target.kind is Kind.DATE:
        return literal(moment.date())
    return None if moment.tzinfo is not None else cast(literal(moment), target)


_ZONED = re.compile(r"(\d.*?)\s+([A-Za-z]\w*(?:/[\w+-]+)*)")
"""A moment with the name of a time zone behind it, such as ``2024-03-31 12:00 Europe/Berlin``."""
_FINER = re.compile(r"\.\d{7}")
"""A fraction of a second finer than Python's moments hold."""


def _clock(source: SqlText, node: exp.Expr, value: str) -> Literal:
    """Return the time of day of a text that is a whole moment."""
    try:
        return literal(moment_of(value).time())
    except ValueError:
        raise source.error(node, f"{value!r} is not a time; write it like '12:30:00'") from None


def unit_name(source: SqlText, node: exp.Expr, written: str) -> str:
    """Return the plain name of a unit of time, e.g. ``month`` for ``Months`` or ``mon``."""
    found = unit_of(written)
    if found is None:
        raise source.error(node, f"unknown unit of time {written!r}{suggestion(written.lower(), UNITS)}")
    return found


def interval(source: SqlText, node: exp.Interval) -> Interval:
    """Return the length that ``INTERVAL …`` means; it must be a constant."""
    value, unit = node.this, node.args.get("unit")
    sign = 1
    while isinstance(value, exp.Paren | exp.Neg):
        sign = -sign if isinstance(value, exp.Neg) else sign
        value = value.this
    if not isinstance(value, exp.Literal):
        raise source.unsupported(node, "an interval whose length is not a constant")
    if unit is None:
        return interval_of_text(source, node, str(value.this)).scaled(sign)
    if not isinstance(unit, exp.Var):
        raise source.unsupported(node, f"the interval unit {unit.sql()}")
    try:
        amount = Decimal(str(value.this).strip())
    except ArithmeticError:
        raise source.error(node, f"{value.this!r} is not a number of {unit.name.lower()}s") from None
    name = unit_name(source, node, unit.name)
    # `interval '1.5' day` takes whole days, `interval '1.5 days'` does not; sqlglot says which was written.
    whole = name not in ("second", "millisecond") and not node.args.get("fraction_in_string")
    return length_of(name, (amount.to_integral_value(ROUND_DOWN) if whole else amount) * sign)


def of_constant(length: Interval) -> Expr:
    """Return a constant length."""
    return call("interval_value", *map(literal, (length.months, length.days, length.microseconds)))


def interval_of_text(source: SqlText, node: exp.Expr, text: str) -> Interval:
    """Return the length that a text means."""
    found = parse_interval(text)
    if found is None:
        raise source.error(node, f"{text!r} is not an interval; write it like interval '3 days' or interval 3 day")
    return found


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
