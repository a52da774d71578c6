"""Compute aggregates row by row where every group is a single row."""

from __future__ import annotations

from ...expr import AggregateCall, Column, Expr, NamedExpr, all_of, call, case, cast, literal
from ...plan import Aggregate, Plan, Project
from ...traversal import transform_up
from ..context import OptimizerContext, concerning
from ..properties import max_rows, unique_key

_VALUE_ITSELF = frozenset({"sum", "mean", "min", "max", "any", "all", "first", "last"})
"""Aggregates that give a single value back, in their own type."""


_CONCERNS = frozenset({Aggregate})


@concerning(_CONCERNS)
def eliminate_aggregate(plan: Plan, context: OptimizerContext) -> Plan:
    """Turn a grouping by columns of which no two rows agree in all into a projection."""
    return transform_up(plan, _rewrite, context.settled[eliminate_aggregate], _CONCERNS)


def _rewrite(node: Plan) -> Plan:
    if not isinstance(node, Aggregate) or not node.keys or not _groups_are_rows(node):
        return node
    exprs = list(node.keys)
    for named in node.aggregates:
        value = _of_one_row(named.call)
        if value is None:
            return node
        exprs.append(NamedExpr(name=named.name, expr=value))
    return Project(input=node.input, exprs=tuple(exprs))


def _groups_are_rows(node: Aggregate) -> bool:
    key, bound = unique_key(node.input), max_rows(node.input)
    columns = {k.expr.name for k in node.keys if isinstance(k.expr, Column)}
    return (key is not None and key <= columns) or (bound is not None and bound <= 1)


def _of_one_row(own: AggregateCall) -> Expr | None:
    """Return what an aggregate gives for a group of one row; None where that is not worth saying otherwise."""
    conditions = [] if own.filter is None else [own.filter]
    if own.function in ("size", "count"):
        present = all_of([*conditions, *(call("is_not_null", arg) for arg in own.args)])
        return literal(1) if present is None else case([(present, literal(1))], literal(0))
    if own.function not in _VALUE_ITSELF:
        return None
    value = cast(own.args[0], own.dtype)
    return case([(own.filter, value)]) if own.filter is not None else value
