"""Aggregates of moments and lengths of time: of their microseconds, which become moments and lengths again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .. import dtypes
from ..dtypes import DataType, Kind
from ..expr import AggregateCall, Column, Expr, NamedAggregate, NamedExpr, aggregate, call, cast, literal
from ..plan import Plan, Project
from .durations import START, of_ticks, ticks_of

_OF_MOMENTS = ("mean", "std", "std_pop")
_OF_LENGTHS = (*_OF_MOMENTS, "sum", "median", "quantile")
_OF_BOOLS = ("median", "quantile", "product")
_TRUTHS = ("any", "all")
_SPREADS = ("std", "std_pop")


@dataclass(frozen=True, slots=True)
class Timed:
    """An aggregate of microseconds, and the type of what it comes to."""

    call: AggregateCall
    dtype: DataType

    def finished(self, column: Expr) -> Expr:
        """Return a column of the aggregate as moments or lengths; the sum of nothing is no time at all."""
        if self.call.function == "sum":
            column = call("coalesce", column, literal(0))
        ticks = cast(call("round", column), dtypes.int64)
        if self.dtype.kind is Kind.DURATION:
            return of_ticks(ticks)
        start = START if self.dtype.tz is None else call("assume_timezone", START, zone="UTC")
        moved = call("later_by", start, literal(0), literal(0), ticks)
        return cast(moved, self.dtype)


def reduced(function: str, *values: Expr, **options: Any) -> AggregateCall | Timed:
    """Return an aggregate: of moments and lengths that of microseconds, of bools as numbers, of numbers as bools."""
    dtype = values[0].dtype if values else None
    if dtype is not None and dtype.is_temporal and function in _OF_MOMENTS:
        made = dtypes.duration("us") if function in _SPREADS else dtypes.timestamp("us", dtype.tz)
        return Timed(_of_ticks(function, call("epoch_count", values[0], unit="us"), options), made)
    if dtype is not None and dtype.kind is Kind.DURATION and function in _OF_LENGTHS:
        return Timed(_of_ticks(function, ticks_of(values[0]), options), dtypes.duration("us"))
    if dtype is not None and dtype.kind is Kind.BOOL and function in _OF_BOOLS:
        values = (cast(values[0], dtypes.int8),)
    if dtype is not None and dtype.is_numeric and function in _TRUTHS:
        values = (call("not_equal", values[0], literal(0)),)
    return aggregate(function, *values, **options)


def apart(made: Mapping[str, AggregateCall | Timed]) -> tuple[tuple[NamedAggregate, ...], dict[str, Timed]]:
    """Return aggregates as a plan has them, and those among them whose columns `with_times` has to finish."""
    timed = {name: one for name, one in made.items() if isinstance(one, Timed)}
    plain = ((name, one.call if isinstance(one, Timed) else one) for name, one in made.items())
    return tuple(NamedAggregate(name=name, call=own) for name, own in plain), timed


def _of_ticks(function: str, ticks: Expr, options: Mapping[str, Any]) -> AggregateCall:
    """Return the aggregate of microseconds, whose sum may need more than 64 bits on the way to the mean."""
    exact = cast(ticks, dtypes.decimal(20, 0)) if function == "mean" else ticks
    return aggregate(function, exact, **options)


def with_times(plan: Plan, timed: Mapping[str, Timed]) -> Plan:
    """Return a plan whose columns of microseconds are moments and lengths again."""
    if not timed:
        return plan
    columns = [Column(name=field.name, dtype=field.dtype) for field in plan.schema]
    return Project(
        input=plan,
        exprs=tuple(
            NamedExpr(name=one.name, expr=timed[one.name].finished(one) if one.name in timed else one)
            for one in columns
        ),
    )
