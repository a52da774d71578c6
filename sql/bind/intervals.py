"""Lengths of time in arithmetic: constant ones, and those whose number is computed per row."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from ...engine import dtypes
from ...engine.dtypes import Kind
from ...engine.expr import Expr, call, cast, literal
from ...engine.intervals import Interval, length_of
from ...engine.records import dataclass
from .literals import interval, of_constant, shifted, unit_name
from .operands import as_date, unwrapped

if TYPE_CHECKING:
    from .expressions import ExpressionBinder

_NAMED = {
    "to_years": "year", "to_quarters": "quarter", "to_months": "month", "to_weeks": "week", "to_days": "day",
    "to_hours": "hour", "to_minutes": "minute", "to_seconds": "second", "to_milliseconds": "millisecond",
    "to_microseconds": "microsecond", "to_decades": "decade", "to_centuries": "century", "to_millennia": "millennium",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """A length of so many times a constant one."""

    times: Expr
    step: Interval


Length = Interval | Times


def length(binder: ExpressionBinder, node: exp.Expr) -> Length | None:
    """Return the length of time that a node means; None where it means something else."""
    node = unwrapped(node)
    if isinstance(node, exp.Interval):
        return _of_interval(binder, node)
    name = (
        "to_days" if isinstance(node, exp.ToDays) else str(node.name).lower() if isinstance(node, exp.Anonymous) else ""
    )
    if name in _NAMED:
        arguments = [node.this] if isinstance(node, exp.ToDays) else node.expressions
        if len(arguments) != 1:
            raise binder.source.error(node, f"{name} takes one number")
        return _times(binder, node, binder.bind(arguments[0]), _NAMED[name])
    if isinstance(node, exp.Neg):
        inner = length(binder, node.this)
        return None if inner is None else negated(inner)
    if isinstance(node, exp.Mul):
        for one, other in ((node.this, node.expression), (node.expression, node.this)):
            step = length(binder, one)
            if isinstance(step, Interval):
                times = _number(binder, node, binder.bind(other))
                return None if times.dtype.is_float or times.dtype.is_decimal else Times(times=times, step=step)
    return None


def _of_interval(binder: ExpressionBinder, node: Any) -> Length:
    value, unit = unwrapped(node.this), node.args.get("unit")
    while isinstance(value, exp.Neg):
        value = unwrapped(value.this)
    if isinstance(value, exp.Literal) or not isinstance(unit, exp.Var):
        return interval(binder.source, node)
    return _times(binder, node, binder.bind(node.this), unit_name(binder.source, node, unit.name))


def _times(binder: ExpressionBinder, node: exp.Expr, number: Expr, unit: str) -> Length:
    step = length_of(unit, Decimal(1))
    number = _number(binder, node, number)
    if step.microseconds and not number.dtype.is_integer:  # fractions of a second count
        micros = call("multiply", cast(number, dtypes.float64), literal(float(step.microseconds)))
        return Times(times=cast(call("round", micros), dtypes.int64), step=Interval(microseconds=1))
    whole = call("trunc", number) if number.dtype.is_float or number.dtype.is_decimal else number
    return Times(times=cast(whole, dtypes.int64), step=step)


def _number(binder: ExpressionBinder, node: exp.Expr, number: Expr) -> Expr:
    if not number.dtype.is_numeric and number.dtype.kind is not Kind.NULL:
        raise binder.source.error(node, f"an interval takes a number, not {number.dtype}; cast it first")
    return number


def interval_expr(amount: Length) -> Expr:
    """Return a length as a value."""
    if isinstance(amount, Interval):
        return of_constant(amount)
    times, step = cast(amount.times, dtypes.int64), amount.step
    numbers = (step.months, step.days, step.microseconds)
    return call("interval_value", *(call("multiply", times, literal(n)) for n in numbers))


def length_value(binder: ExpressionBinder, node: Any) -> Expr:
    """Bind ``INTERVAL …`` or a call such as ``to_days(…)`` as a value."""
    if isinstance(node, exp.Interval) and node.args.get("unit") is None:
        value = unwrapped(node.this)
        if not isinstance(value, exp.Literal | exp.Neg):
            return binder.cast_to(node, binder.bind(value), dtypes.interval, strict=True)
    amount = length(binder, node)
    assert amount is not None
    return interval_expr(amount)


def negated(amount: Length) -> Length:
    """Return a length the other way."""
    return Times(times=amount.times, step=-amount.step) if isinstance(amount, Times) else -amount


def moved(binder: ExpressionBinder, node: exp.Expr, moment: Expr, amount: Length) -> Expr:
    """Return a date or timestamp later by a length: a timestamp, as in DuckDB."""
    if not moment.dtype.is_temporal:
        raise binder.source.error(
            node, f"an interval is added to a date or a timestamp, not to {moment.dtype}; cast it first"
        )
    if isinstance(amount, Interval):
        return shifted(moment if amount.microseconds else as_date(moment), amount)
    constant = binder.statement.constant(amount.times)
    if constant is not None and isinstance(constant.value, int):
        return moved(binder, node, moment, amount.step.scaled(constant.value))
    step = amount.step
    if step.microseconds:
        moment = cast(moment, dtypes.timestamp("us")) if moment.dtype.kind is Kind.DATE else moment
    else:
        moment = as_date(moment)
    times = cast(amount.times, dtypes.int64)
    counts = [call("multiply", times, literal(n)) for n in (step.months, step.days, step.microseconds)]
    later = call("later_by", moment, *counts)
    return cast(later, dtypes.timestamp("us")) if later.dtype.kind is Kind.DATE else later


BY_NAME: dict[str, Callable[[ExpressionBinder, Any], Expr]] = dict.fromkeys(_NAMED, length_value)
SPECIAL: dict[type[exp.Expr], Callable[[ExpressionBinder, Any], Expr]] = {
    exp.Interval: length_value,
    exp.ToDays: length_value,
}
