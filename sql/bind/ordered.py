"""Aggregates of values in an order: ORDER BY among the arguments, WITHIN GROUP, and percentiles of several shares.

The values of a group are collected beside their keys and put in order when the group is whole, since no order of rows
outlasts an aggregation on several threads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from ...engine import dtypes
from ...engine.expr import Expr, aggregate, call, cast, literal
from ...engine.expr.lambdas import ListMethod, list_lambda
from .arguments import arguments, constant_text
from .naming import default_name
from .operators import as_text

if TYPE_CHECKING:
    from .expressions import ExpressionBinder

_BY_ORDER = (exp.ArrayAgg, exp.GroupConcat, exp.First, exp.Last, exp.AnyValue)
PERCENTILES = (exp.PercentileCont, exp.PercentileDisc, exp.Quantile)


def without_order(node: exp.Expr) -> exp.Expr:
    """Return a call of an aggregate whose result no order changes, without the ORDER BY among its arguments."""
    if isinstance(node, _BY_ORDER) or not any(isinstance(arg, exp.Order) for arg in node.args.values()):
        return node
    bare = node.copy()
    bare.meta.update(node.meta)
    for key, arg in list(bare.args.items()):
        if isinstance(arg, exp.Order):
            bare.set(key, arg.this)
    return bare


def ordered_aggregate(
    binder: ExpressionBinder, node: Any, condition: exp.Expr | None, named: exp.Expr | None
) -> Expr | None:
    """Return a call of an aggregate of values in an order, or of a percentile; None for all others."""
    if isinstance(node, exp.WithinGroup):
        return _within_group(binder, node, condition, named or node)
    if isinstance(node, PERCENTILES) and isinstance(share_of(node), exp.Array):
        return _shares(binder, node, condition, named or node)
    if isinstance(node, _BY_ORDER) and isinstance(node.this, exp.Order):
        return _in_order(binder, node, condition, named or node)
    return _several(binder, node, condition, named or node)


def _several(binder: ExpressionBinder, node: Any, condition: exp.Expr | None, named: exp.Expr) -> Expr | None:
    """Return the n least or greatest values, or those with the n least or greatest keys; None for other calls."""
    given = arguments(node) if isinstance(node, exp.Min | exp.Max | exp.ArgMin | exp.ArgMax) else []
    if len(given) != (2 if isinstance(node, exp.Min | exp.Max) else 3):
        return None
    *values, count = given
    number = binder.statement.constant(binder.bind(count))
    if number is None or not isinstance(number.value, int) or number.value < 0:
        raise binder.source.error(count, f"{binder.source.written(node)} takes a constant whole number of values")
    greatest = isinstance(node, exp.Max | exp.ArgMax)
    key = exp.Ordered(this=values[-1], desc=greatest)
    present = [exp.Not(this=exp.Is(this=value.copy(), expression=exp.Null())) for value in values]
    known = exp.and_(*present, *([] if condition is None else [condition.copy()]))
    found = _collected(binder, values[0], [key], known, named)
    return call("list_slice", found, literal(1), literal(number.value))


def share_of(node: Any) -> exp.Expr | None:
    """Return the share, or the list of shares, of a percentile."""
    share: exp.Expr | None = node.args.get("quantile") or node.expression
    return share


def with_share(node: Any, share: exp.Expr) -> exp.Expr:
    """Return a percentile of one share in the place of several."""
    single: exp.Expr = node.copy()
    single.meta.update(node.meta)
    single.set("quantile" if node.args.get("quantile") is not None else "expression", share.copy())
    return single


def _shares(binder: ExpressionBinder, node: Any, condition: exp.Expr | None, named: exp.Expr) -> Expr:
    """Return the percentiles of a list of shares."""
    from .aggregates import bind_aggregate

    share = share_of(node)
    assert share is not None
    made = [bind_aggregate(binder, with_share(node, item), condition, named) for item in share.expressions]
    if not made:
        raise binder.source.error(node, f"{binder.source.written(node)} takes at least one share")
    return call("list_value", *made)


def _within_group(binder: ExpressionBinder, node: Any, condition: exp.Expr | None, named: exp.Expr) -> Expr:
    from .aggregates import bind_aggregate

    inner, keys = node.this, node.expression.expressions
    if len(keys) != 1 or not isinstance(inner, (*PERCENTILES, exp.Mode)):
        raise binder.source.unsupported(node, "WITHIN GROUP but for a percentile or mode of one key")
    key = keys[0]
    if isinstance(inner, exp.Mode):
        return bind_aggregate(binder, exp.Mode(this=key.this.copy()), condition, named)
    shares = inner.this.expressions if isinstance(inner.this, exp.Array) else [inner.this]
    made = [_percentile(binder, type(inner), key, share, condition, named) for share in shares]
    return call("list_value", *made) if isinstance(inner.this, exp.Array) else made[0]


def _percentile(
    binder: ExpressionBinder,
    kind: type[Any],
    key: Any,
    share: exp.Expr,
    condition: exp.Expr | None,
    named: exp.Expr,
) -> Expr:
    from .aggregates import bind_aggregate

    if not key.args.get("desc"):
        return bind_aggregate(binder, kind(this=key.this.copy(), expression=share.copy()), condition, named)
    if kind is exp.PercentileCont:  # the same from the other end
        turned = exp.Sub(this=exp.Literal.number(1), expression=share.copy())
        return bind_aggregate(binder, kind(this=key.this.copy(), expression=turned), condition, named)
    found = binder.statement.constant(binder.bind(share))
    if found is None or not found.dtype.is_numeric or found.value is None or not 0 <= found.value <= 1:
        raise binder.source.error(share, "a percentile takes a constant share from 0 to 1")
    values = _collected(binder, key.this, [key], condition, named)
    present = _present(binder, values)
    place = call(
        "ceil", call("multiply", cast(call("list_length", present), dtypes.float64), literal(float(found.value)))
    )
    return call("list_element", present, cast(call("greatest", place, literal(1.0)), dtypes.int64))


def _in_order(binder: ExpressionBinder, node: Any, condition: exp.Expr | None, named: exp.Expr) -> Expr:
    separator = _separator(binder, node) if isinstance(node, exp.GroupConcat) else None
    order = node.this
    if isinstance(order.this, exp.Distinct):
        values = _distinct(binder, node, order, condition, named)
    else:
        values = _collected(binder, order.this, order.expressions, condition, named)
    if separator is not None:
        return joined_texts(binder, node, values)
    if isinstance(node, exp.AnyValue):
        return call("list_element", _present(binder, values), literal(1))
    if isinstance(node, exp.ArrayAgg):
        return values
    return call("list_element", values, literal(1 if isinstance(node, exp.First) else -1))


def _separator(binder: ExpressionBinder, node: Any) -> str:
    given = node.args.get("separator")
    return "," if given is None else constant_text(binder, given, "a separator")


def joined_texts(binder: ExpressionBinder, node: Any, values: Expr) -> Expr:
    """Return the texts of a list, joined as a call of string_agg says."""
    variable = binder.variable("x", _of(values))
    texts = list_lambda(ListMethod.TRANSFORM, values, as_text(variable), (variable,))
    return call("list_join", texts, separator=_separator(binder, node))


def _collected(
    binder: ExpressionBinder, value: exp.Expr, keys: list[Any], condition: exp.Expr | None, named: exp.Expr
) -> Expr:
    """Return the values of a group in the order of keys."""
    assert binder.aggregates is not None
    inner = binder.for_aggregate_input()
    exprs = [*(inner.bind(key.this) for key in keys), inner.bind(value)]
    names = tuple(str(number) for number in range(len(exprs)))
    predicate = None if condition is None else inner.condition(condition)
    pairs = aggregate("list", call("struct_value", *exprs, names=names), filter=predicate)
    column = binder.aggregates.column(pairs, default_name(named))
    return call("list_ordered", column, orders=tuple(direction(key) for key in keys))


def _distinct(
    binder: ExpressionBinder, node: exp.Expr, order: Any, condition: exp.Expr | None, named: exp.Expr
) -> Expr:
    """Return the different values of a group in order, which must be their own."""
    assert binder.aggregates is not None
    (value, *others), (key, *more) = order.this.expressions, order.expressions
    if others or more or key.this != value:
        raise binder.source.error(node, "with DISTINCT an aggregate is ordered by its own argument")
    values = different_values(binder, value, condition, named)
    descending, nulls_first = direction(key)
    return call("list_sorted", values, descending=descending, nulls_first=nulls_first)


def different_values(binder: ExpressionBinder, value: exp.Expr, condition: exp.Expr | None, named: exp.Expr) -> Expr:
    """Return the list of the different values of a group, also null, of the rows that a condition leaves."""
    assert binder.aggregates is not None
    inner = binder.for_aggregate_input()
    bound, name = inner.bind(value), default_name(named)
    if condition is None:
        return binder.aggregates.column(aggregate("list", bound, distinct=True), name)
    # Different values are found of rows whose value is null where the condition is not: here null is a value itself.
    boxed = aggregate("list", call("struct_value", bound, names=("value",)), filter=inner.condition(condition))
    different = call("list_distinct", binder.aggregates.column(boxed, name))
    box = binder.variable("x", _of(different))
    return list_lambda(ListMethod.TRANSFORM, different, call("struct_field", box, name="value"), (box,))


def direction(key: Any) -> tuple[bool, bool]:
    """Return whether a key of an order is descending, and whether nulls come first."""
    return bool(key.args.get("desc")), bool(key.args.get("nulls_first"))


def _of(values: Expr) -> dtypes.DataType:
    assert values.dtype.value is not None
    return values.dtype.value


def _present(binder: ExpressionBinder, values: Expr) -> Expr:
    variable = binder.variable("x", _of(values))
    return list_lambda(ListMethod.FILTER, values, call("is_not_null", variable), (variable,))
