"""UNNEST: in the SELECT list, side by side and after everything but DISTINCT and ORDER BY; in FROM, beside its row."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from ...engine import dtypes
from ...engine.dtypes import Kind
from ...engine.expr import Column, Expr, NamedExpr, call, cast, literal
from ...engine.expr.lambdas import ListMethod, list_lambda
from ...engine.intervals import Interval
from ...engine.plan import Plan, Unnest, UnnestExpr, has_unnest, plan_unnests, values_of_list
from ...engine.records import replace
from .bound import with_columns
from .core import Core
from .intervals import Length, length
from .json_tables import json_table, parts_of
from .names import Names
from .table_functions import moments_between

if TYPE_CHECKING:
    from .expressions import ExpressionBinder

_DEEPEST = 100


def unnest_call(binder: ExpressionBinder, node: Any) -> Expr:
    """Return the values of a list, of its lists to a depth, or a struct that its fields will stand for."""
    if binder.clause not in ("SELECT", "ORDER BY"):
        raise binder.source.error(
            node, f"UNNEST cannot stand in {binder.clause}; give it a name in a subquery's SELECT list"
        )
    depth = _depth(binder, node)
    bound = binder.bind(node.this)
    if bound.dtype.kind is Kind.STRUCT:
        return UnnestExpr(arg=bound, dtype=bound.dtype)
    bound = values_of_list(bound)
    while depth > 1 and bound.dtype.kind is Kind.LIST:
        bound, depth = values_of_list(bound), depth - 1
    return UnnestExpr(arg=bound, dtype=bound.dtype) if depth > 1 and bound.dtype.kind is Kind.STRUCT else bound


def series_call(binder: ExpressionBinder, node: Any) -> Expr:
    """Return ``range`` or ``generate_series`` as a list of whole numbers or of moments."""
    step = None if node.args.get("step") is None else length(binder, node.args["step"])
    if step is not None:
        return _moments(binder, node, step)
    bounds = [
        binder.bind(node.args[key]) if node.args.get(key) is not None else literal(default)
        for key, default in (("start", 0), ("end", 0), ("step", 1))
    ]
    return call("list_range", *bounds, inclusive=not node.args.get("is_end_exclusive"))


def _moments(binder: ExpressionBinder, node: Any, step: Length) -> Expr:
    """Return moments in constant steps: so many as may fit, less those behind the end."""
    if not isinstance(step, Interval) or bool(step.months) == bool(step.days or step.microseconds):
        raise binder.source.unsupported(node, "a series in steps that are not constant, or of months and days at once")
    start, end = (binder.bind(node.args[key]) for key in ("start", "end"))
    if not start.dtype.is_temporal or not end.dtype.is_temporal:
        raise binder.source.error(node, f"a series in steps of time takes moments, not {start.dtype} and {end.dtype}")
    start, end = (cast(side, dtypes.timestamp("us")) if side.dtype.kind is Kind.DATE else side for side in (start, end))
    if step.months:
        return _months(binder, node, start, end, step)
    ticks = step.days * 86_400_000_000 + step.microseconds
    distance = call("subtract", *(call("epoch_count", side, unit="us") for side in (end, start)))
    most = call("add", call("floor_divide", distance, literal(ticks)), literal(1))
    places = call("list_range", literal(0), most, literal(1), inclusive=True)
    place = binder.variable("place", dtypes.int64)
    counts = (literal(0), literal(0), call("multiply", place, literal(ticks)))
    moments = list_lambda(ListMethod.TRANSFORM, places, call("later_by", start, *counts), (place,))
    moment = binder.variable("moment", start.dtype)
    compare = ("less" if ticks > 0 else "greater") + ("" if node.args.get("is_end_exclusive") else "_equal")
    return list_lambda(ListMethod.FILTER, moments, call(compare, moment, end), (moment,))


def _months(binder: ExpressionBinder, node: Any, start: Expr, end: Expr, step: Interval) -> Expr:
    """Return moments in steps of months, each from the one before, whose day may have been clipped."""
    bounds = [binder.statement.constant(side) for side in (start, end)]
    first, last = (None if bound is None else bound.value for bound in bounds)
    if not isinstance(first, dt.datetime) or not isinstance(last, dt.datetime):
        raise binder.source.unsupported(node, "a series in steps of months between moments that are not constant")
    exclusive = bool(node.args.get("is_end_exclusive"))
    made = [literal(moment) for moment in moments_between(binder.source, node, first, last, step, exclusive=exclusive)]
    empty = call("list_slice", call("list_value", start), literal(2), literal(1))
    return call("list_value", *made) if made else empty


def lists_in_from(node: exp.Expr) -> tuple[list[exp.Expr], str] | None:
    """Return the lists that an item of FROM unnests and the name of their values; None where it is no such item."""
    if isinstance(node, exp.Lateral):
        return lists_in_from(node.this)
    if isinstance(node, exp.Unnest):
        return list(node.expressions), "unnest"
    documents = json_table(node)
    if documents is not None:
        return [node], documents
    series = node.this if isinstance(node, exp.Table) else node
    if isinstance(series, exp.GenerateSeries) and series.find(exp.Column, exp.Subquery) is not None:
        return [series], "range" if series.args.get("is_end_exclusive") else "generate_series"
    return None


def _depth(binder: ExpressionBinder, node: Any) -> int:
    """Return how many levels an unnest goes down."""
    depth = 1
    for option in node.expressions:
        name = str(option.this.name).lower() if isinstance(option, exp.PropertyEQ | exp.Kwarg | exp.EQ) else ""
        if name == "recursive":
            depth = _DEEPEST if bool(option.expression.this) else depth
        elif name == "max_depth" and option.expression.is_int:
            depth = int(option.expression.name)
        else:
            raise binder.source.unsupported(option, "an option of UNNEST other than recursive and max_depth")
    return depth


def unnested(core: Core) -> Core:
    """Return a SELECT whose unnested lists have become rows, and whose unnested structs columns."""
    exprs = [*(expr for _, expr in core.items), *(key.expr for key in core.order)]
    if not any(map(has_unnest, exprs)):
        return core
    items = [each for name, expr in core.items for each in _fields(name, expr)]
    width = len(items)
    plan, planned = plan_unnests(core.plan, [*(expr for _, expr in items), *(key.expr for key in core.order)])
    order = tuple(replace(key, expr=e) for key, e in zip(core.order, planned[width:], strict=True))
    named = tuple((name, expr) for (name, _), expr in zip(items, planned, strict=False))
    return replace(core, plan=plan, items=named, order=order, implicit=False)


def _fields(name: str, expr: Expr) -> list[tuple[str, Expr]]:
    if not isinstance(expr, UnnestExpr) or expr.arg.dtype.kind is not Kind.STRUCT:
        return [(name, expr)]
    return [(field, call("struct_field", expr.arg, name=field)) for field, _ in expr.arg.dtype.fields]


def list_of(binder: ExpressionBinder, node: exp.Expr) -> Expr:
    """Return the list that UNNEST in FROM is given."""
    with binder.source.placed(node):
        if json_table(node) is not None:
            return parts_of(binder, node)
        return values_of_list(binder.bind(node)).arg


def beside_values(
    names: Names, plan: Plan, lists: Sequence[Expr], value: str, counted: str | None, *, keeps_empty: bool
) -> tuple[Plan, tuple[tuple[str, Column], ...]]:
    """Return a plan's rows beside the values of lists over its columns, and the columns added, with their names.

    The columns are all called ``value``; a further one is called ``counted`` and says the values' places.
    """
    made = [NamedExpr(name=names.fresh(value), expr=one) for one in lists]
    ordinality = None if counted is None else names.fresh(counted)
    width = len(plan.schema)
    plan = Unnest(
        input=with_columns(plan, made),
        columns=tuple(named.name for named in made),
        keeps_empty=keeps_empty,
        ordinality=ordinality,
    )
    added = plan.schema.fields[width:]
    return plan, tuple(
        (counted if counted and field.name == ordinality else value, Column(name=field.name, dtype=field.dtype))
        for field in added
    )
