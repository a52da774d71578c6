"""Arithmetic of durations: they are added up, scaled, compared by division, and move moments."""

from __future__ import annotations

import datetime as dt

from .. import dtypes
from ..dtypes import DataType, Kind
from ..expr import Expr, Literal, call, cast, literal
from ..moments import EPOCH, moment_of

START = literal(EPOCH)
_MICROSECOND = dt.timedelta(microseconds=1)


def with_durations(function: str, left: Expr, right: Expr) -> Expr | None:
    """Return what an operator makes of a duration and a number, moment or duration; None for other values."""
    lengths = (left.dtype.kind is Kind.DURATION, right.dtype.kind is Kind.DURATION)
    if not any(lengths):
        return None
    if left.dtype.is_temporal and function in ("add", "subtract"):
        return _moved(left, right, 1 if function == "add" else -1)
    if right.dtype.is_temporal and function == "add":
        return _moved(right, left, 1)
    if all(lengths) and function in ("add", "subtract", "modulo"):
        return of_ticks(call(function, ticks_of(left), ticks_of(right)))
    if all(lengths) and function in ("divide", "floor_divide"):
        return call(function, ticks_of(left), ticks_of(right))
    length, number = (left, right) if lengths[0] else (right, left)
    scales = function == "multiply" or (lengths[0] and function in ("divide", "floor_divide"))
    if not scales or not number.dtype.is_numeric:
        return None
    return of_ticks(cast(call("trunc", call(function, ticks_of(length), number)), dtypes.int64))


def typed(function: str, value: Expr, other: Expr) -> Expr:
    """Return a null beside moments or lengths of time, such as the least one of no rows, as one of them.

    A text beside moments of a zone is a local time there.
    """
    if isinstance(value, Literal) and value.dtype.is_text and other.dtype.is_temporal and other.dtype.tz is not None:
        return _in_zone(value, other.dtype)
    if value.dtype.kind is not Kind.NULL or not (other.dtype.is_temporal or other.dtype.kind is Kind.DURATION):
        return value
    return cast(value, dtypes.duration("us") if function == "add" and other.dtype.is_temporal else other.dtype)


def _in_zone(text: Literal, dtype: DataType) -> Expr:
    try:
        moment = moment_of(text.value)
    except ValueError:
        return text  # what it is compared with says what is wrong
    if moment.tzinfo is not None:
        return text
    return call("assume_timezone", literal(moment), zone=dtype.tz)


def ticks_of(length: Expr) -> Expr:
    """Return the microseconds of a duration, exact up to 2^53 of them: 285 years."""
    if isinstance(length, Literal) and isinstance(length.value, dt.timedelta):
        return literal(length.value // _MICROSECOND)
    return cast(call("round", call("multiply", call("epoch", length), literal(1e6))), dtypes.int64)


def of_ticks(ticks: Expr) -> Expr:
    """Return whole microseconds as a duration."""
    return call("difference", call("later_by", START, literal(0), literal(0), ticks), START)


def _moved(moment: Expr, length: Expr, sign: int) -> Expr:
    if isinstance(length, Literal) and isinstance(length.value, dt.timedelta) and moment.dtype.tz is None:
        rest = length.value - dt.timedelta(days=length.value.days)
        return later(moment, days=sign * length.value.days, microseconds=sign * (rest // _MICROSECOND))
    ticks = ticks_of(length)
    return call("later_by", _with_time(moment), literal(0), literal(0), ticks if sign > 0 else call("negate", ticks))


def later(moment: Expr, *, months: int = 0, days: int = 0, microseconds: int = 0) -> Expr:
    """Return a moment later by constants: of a date and less than a day a timestamp."""
    moved = _with_time(moment) if microseconds else moment
    return call("add_interval", moved, months=months, days=days, microseconds=microseconds)


def _with_time(moment: Expr) -> Expr:
    return cast(moment, dtypes.timestamp("us")) if moment.dtype.kind is Kind.DATE else moment
