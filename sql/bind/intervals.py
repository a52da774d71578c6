"""Lengths of time in arithmetic: constant ones, and those whose number is computed per row."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from ...engine import dtypes
from ...engine.dtypes import Kind
from ...engine.expr import Expr, call, cast, literal
from .literals import Interval, interval, length_of, shifted, unit_name
from .operands import as_date, unwrapped

if TYPE_CHECKING:
    from .expressions import ExpressionBinder

_NAMED = {
    "to_years": "year", "to_quarters": "quarter", "to_months": "month", "to_weeks": "week", "to_days": "day",
    "to_hours": "hour", "to_minutes": "minute", "to_seconds": "second", "to_milliseconds": "millisecond",
    "to_microseconds": "microsecond",
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
                return Times(times=_number(binder, node, binder.bind(other)), step=step)
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
    return Times(times=cast(number, dtypes.int64), step=step)


def _number(binder: ExpressionBinder, node: exp.Expr, number: Expr) -> Expr:
    if not number.dtype.is_numeric and number.dtype.kind is not Kind.NULL:
        raise binder.source.error(node, f"an interval takes a number, not {number.dtype}; cast it first")
    return number


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
