"""The constant expressions that most queries have, computed without a device: exact decimals, dates moved."""

from __future__ import annotations

import calendar
import datetime as dt
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow
from typing import Any

from ...dtypes import DataType, Kind
from ...expr import Call, Cast, Expr, Literal

_EXACT = Context(prec=76, traps=[Inexact, InvalidOperation, Overflow])


def computed(node: Expr) -> Literal | None:
    """Return the value of an expression over constants; None where only a device can say, or where it is an error."""
    match node:
        case Cast(arg=Literal(value=int() | Decimal() as value), dtype=dtype) if dtype.is_decimal:
            return None if isinstance(value, bool) else _decimal(value, dtype)
        case Call(
            function="add" | "subtract" as function,
            args=(Literal(value=Decimal() as left), Literal(value=Decimal() as right)),
            dtype=dtype,
        ) if dtype.is_decimal:
            return _decimal(_EXACT.add(left, right) if function == "add" else _EXACT.subtract(left, right), dtype)
        case Call(function="add_interval", args=(Literal(value=dt.date() as day),), dtype=dtype):
            moves = dict(node.options)
            if dtype.kind is not Kind.DATE or isinstance(day, dt.datetime) or moves["microseconds"]:
                return None
            return _moved(day, int(moves["months"]), int(moves["days"]), dtype)
        case _:
            return None


def _decimal(value: Any, dtype: DataType) -> Literal | None:
    """Return a value as a decimal of a type; None where its digits do not fit, which is rounded or refused."""
    try:
        made = _EXACT.quantize(Decimal(value), Decimal((0, (1,), -dtype.scale)))
    except (Inexact, InvalidOperation, Overflow):
        return None
    if len(made.as_tuple().digits) > dtype.precision:
        return None
    return Literal(value=made or abs(made), dtype=dtype)


def _moved(day: dt.date, months: int, days: int, dtype: DataType) -> Literal | None:
    """Return a date later by months, clipped to the month's last day, then days; None beyond Python's calendar."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if not dt.MINYEAR <= year <= dt.MAXYEAR:
        return None
    last = calendar.monthrange(year, month + 1)[1]
    try:
        moved = day.replace(year=year, month=month + 1, day=min(day.day, last)) + dt.timedelta(days=days)
    except OverflowError:
        return None
    return Literal(value=moved, dtype=dtype)
