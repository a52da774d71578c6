"""Drop questions whether a value is null where its source says that it never is.

``NOT IN`` over a subquery asks them of both sides: without them it is the anti join that everybody means. What a join
may fill up with nulls, and what is computed, is left alone.
"""

from __future__ import annotations

from ...expr import Call, Column, Expr, NamedAggregate, aggregate, literal
from ...plan import Aggregate, Plan, Scan
from ...records import replace
from ...traversal import kinds_of, transform_up
from ..context import OptimizerContext
from ..expressions import rewrite_expressions
from ..properties import is_never_null

_CHECKS = frozenset({"is_null", "is_not_null", "coalesce"})


def drop_null_checks(plan: Plan, context: OptimizerContext) -> Plan:
    """Replace null checks of such columns by constants, and count rows instead of their values."""
    return transform_up(plan, _rewrite, context.settled[drop_null_checks])


def _rewrite(node: Plan) -> Plan:
    if isinstance(node, Scan):  # nothing is below it
        return node

    def without(expr: Expr) -> Expr:
        if _CHECKS.isdisjoint(kinds_of(expr)):
            return expr
        return transform_up(expr, lambda part: _without(part, node))

    changed = rewrite_expressions(node, without, without)
    if not isinstance(changed, Aggregate):
        return changed
    aggregates = tuple(_counting_rows(named, changed) for named in changed.aggregates)
    same = all(new is old for new, old in zip(aggregates, changed.aggregates, strict=True))
    return changed if same else replace(changed, aggregates=aggregates)


def _without(expr: Expr, node: Plan) -> Expr:
    if not isinstance(expr, Call) or expr.function not in _CHECKS:
        return expr
    first = expr.args[0]
    if not isinstance(first, Column) or not _is_never_null(first, node):
        return expr
    if expr.function == "coalesce":
        return first if first.dtype == expr.dtype else expr
    return literal(value=expr.function == "is_not_null")


def _counting_rows(named: NamedAggregate, node: Aggregate) -> NamedAggregate:
    own = named.call
    if own.function != "count" or own.distinct or len(own.args) != 1:
        return named
    (arg,) = own.args
    if not isinstance(arg, Column) or not _is_never_null(arg, node):
        return named
    return replace(named, call=replace(aggregate("size"), filter=own.filter))


def _is_never_null(column: Column, node: Plan) -> bool:
    below = next(child for child in node.children if column.name in child.schema)
    return is_never_null(below, column.name)
