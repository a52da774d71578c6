"""``time_bucket``: the start of the interval of a fixed width that a moment lies in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from ...engine import dtypes
from ...engine.dtypes import Kind
from ...engine.expr import Expr, call, cast, literal
from ...engine.intervals import Interval
from .arguments import arguments
from .intervals import length
from .lengths import later
from .literals import of_constant
from .operands import as_date

if TYPE_CHECKING:
    from .expressions import ExpressionBinder

_DAY = 86_400_000_000
_MONDAY, _NEW_YEAR = dt.datetime(2000, 1, 3), dt.datetime(2000, 1, 1)  # noqa: DTZ001 - local time
"""Where buckets of days, and of months, begin."""


def time_bucket(binder: ExpressionBinder, node: Any) -> Expr:
    """Bind ``time_bucket(width, moment [, offset or origin])``."""
    given = arguments(node)
    if not 2 <= len(given) <= 3:
        raise binder.source.error(node, "time_bucket takes a width, a moment, and perhaps an offset or an origin")
    width = length(binder, given[0])
    if not isinstance(width, Interval) or not (width.months > 0) ^ (width.days > 0 or width.microseconds > 0):
        raise binder.source.error(node, "the width of time_bucket is a constant interval above 0, of months or of days")
    moment = as_date(binder.bind(given[1]))
    if not moment.dtype.is_temporal:
        raise binder.source.error(node, f"time_bucket takes a date or a timestamp, not {moment.dtype}")
    if moment.dtype.tz is not None:
        raise binder.source.unsupported(node, "time_bucket of a timestamp with a zone")
    origin: Expr = literal(_NEW_YEAR if width.months else _MONDAY)
    offset = None
    if len(given) == 3:
        shift = length(binder, given[2])
        if shift is None:
            origin = cast(as_date(binder.bind(given[2])), dtypes.timestamp("us"))
        elif isinstance(shift, Interval):
            offset = shift
        else:
            raise binder.source.unsupported(given[2], "an offset that is not constant")
    whole = moment.dtype.kind is Kind.DATE
    moment = cast(moment, dtypes.timestamp("us"))
    if offset is not None:
        moment = later(moment, of_constant(offset), minus=True)
    found = _of_months(moment, origin, width.months) if width.months else _of_ticks(moment, origin, _ticks(width))
    found = found if offset is None else later(found, of_constant(offset))
    return cast(found, dtypes.date) if whole else found


def _ticks(width: Interval) -> int:
    return width.days * _DAY + width.microseconds


def _floored(number: Expr, step: int) -> Expr:
    return call("multiply", call("floor_divide", number, literal(step)), literal(step))


def _of_ticks(moment: Expr, origin: Expr, step: int) -> Expr:
    distance = call("subtract", call("epoch_count", moment, unit="us"), call("epoch_count", origin, unit="us"))
    return call("later_by", origin, literal(0), literal(0), _floored(distance, step))


def _of_months(moment: Expr, origin: Expr, step: int) -> Expr:
    months, first = (
        call("add", call("multiply", call("year", side), literal(12)), call("month", side)) for side in (moment, origin)
    )
    start = call("date_trunc", origin, unit="month")
    return call("later_by", start, _floored(call("subtract", months, first), step), literal(0), literal(0))


Handler = Callable[["ExpressionBinder", Any], Expr]
BY_NAME: dict[str, Handler] = {"time_bucket": time_bucket}
SPECIAL: dict[type[exp.Expr], Handler] = {exp.DateBin: time_bucket}
