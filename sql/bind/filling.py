"""``fill(x) OVER (ORDER BY t)``: nulls between values on a straight line, and before the first and behind the last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlglot import exp

from ...engine import dtypes
from ...engine.dtypes import Kind
from ...engine.expr import Expr, SortKey, all_of, call, case, cast, literal
from ...engine.plan import (
    CURRENT_ROW,
    UNBOUNDED_FOLLOWING,
    UNBOUNDED_PRECEDING,
    Frame,
    FrameUnit,
    over,
    window_call,
)
from ...engine.records import replace
from .arguments import counted_arguments
from .lengths import of_ticks, ticks_since

if TYPE_CHECKING:
    from .expressions import ExpressionBinder

_SO_FAR = Frame(unit=FrameUnit.ROWS, start=UNBOUNDED_PRECEDING, end=CURRENT_ROW)
_FROM_NOW = Frame(unit=FrameUnit.ROWS, start=CURRENT_ROW, end=UNBOUNDED_FOLLOWING)
_ALL = Frame(unit=FrameUnit.ROWS, start=UNBOUNDED_PRECEDING, end=UNBOUNDED_FOLLOWING)


def filled(binder: ExpressionBinder, node: exp.Expr, partition_by: Sequence[Expr], order_by: Sequence[SortKey]) -> Expr:
    """Return the value of each row, or what lies at its key on the line through the values around it.

    Behind the last value, and before the first, it is the line through the two that are nearest; where there is one
    value alone, this one.
    """
    (arg,) = counted_arguments(binder, node, 1)
    value = binder.bind(arg)
    if len(order_by) != 1:
        raise binder.source.error(node, "fill needs one key of ORDER BY in its OVER: the line is drawn along it")
    key = order_by[0].expr
    for part in (value, key):
        if not (part.dtype.is_numeric or part.dtype.is_temporal):
            raise binder.source.error(node, f"fill draws lines of numbers, dates and timestamps, not of {part.dtype}")
    present = call("and", call("is_not_null", value), call("is_not_null", key))
    turned = [replace(one, descending=not one.descending, nulls_first=not one.nulls_first) for one in order_by]

    def near(function: str, frame: Frame, *, backwards: bool = False, offset: int = 1) -> tuple[Expr, Expr]:
        found = [
            over(
                window_call(function, case([(present, part)]), frame=frame, offset=offset, ignore_nulls=True),
                partition_by,
                turned if backwards else order_by,
            )
            for part in (key, value)
        ]
        return found[0], found[1]

    before, after = near("last_value", _SO_FAR), near("first_value", _FROM_NOW)
    first, last = near("first_value", _ALL), near("last_value", _ALL)
    second = near("nth_value", _ALL, offset=2)
    second_last = near("nth_value", _ALL, backwards=True, offset=2)
    between = all_of([call("is_not_null", before[0]), call("is_not_null", after[0])])
    assert between is not None
    return case(
        [
            (call("is_not_null", value), value),
            (call("is_null", key), literal(None, value.dtype)),
            (between, _on_line(binder, node, key, before, after, value)),
            (call("is_null", before[0]), _on_line(binder, node, key, first, second, value)),
        ],
        _on_line(binder, node, key, second_last, last, value),
    )


def _on_line(
    binder: ExpressionBinder, node: exp.Expr, key: Expr, one: tuple[Expr, Expr], two: tuple[Expr, Expr], value: Expr
) -> Expr:
    """Return what lies at a key on the line through two points, the first alone where there is no other."""
    length = _difference(binder, node, two[0], one[0])
    share = call("divide", _difference(binder, node, key, one[0]), length)
    low, high = (_number(binder, node, point[1]) for point in (one, two))
    rest = call("subtract", literal(1.0), share)
    found = call("add", call("multiply", low, rest), call("multiply", high, share))
    alone = call("coalesce", one[1], two[1])
    flat = call("coalesce", call("equal", length, literal(0.0)), literal(value=True))
    return case([(flat, alone)], _like(found, value))


def _ticks(binder: ExpressionBinder, node: exp.Expr, value: Expr) -> Expr:
    if value.dtype.kind is Kind.DATE:
        return call("epoch_count", cast(value, dtypes.timestamp("us")), unit="us")
    return ticks_since(binder, node, value, "us") if value.dtype.is_temporal else value


def _difference(binder: ExpressionBinder, node: exp.Expr, one: Expr, other: Expr) -> Expr:
    """Return how far two keys are from each other, as a float; moments are subtracted exactly before."""
    a, b = (_ticks(binder, node, part) for part in (one, other))
    if not one.dtype.is_temporal:
        a, b = (cast(part, dtypes.float64) for part in (a, b))
    return cast(call("subtract", a, b), dtypes.float64)


def _number(binder: ExpressionBinder, node: exp.Expr, value: Expr) -> Expr:
    return cast(_ticks(binder, node, value), dtypes.float64)


def _like(found: Expr, value: Expr) -> Expr:
    """Return a float as a value of the column's type, cut off where that holds less."""
    dtype = value.dtype
    if dtype.is_float:
        return cast(found, dtype)
    if dtype.is_temporal:
        return cast(of_ticks(dtype, cast(call("trunc", found), dtypes.int64)), dtype)
    if dtype.is_decimal and dtype.scale:
        scale = literal(10.0**dtype.scale)
        return cast(call("divide", call("trunc", call("multiply", found, scale)), scale), dtype)
    return cast(call("trunc", found), dtype)
