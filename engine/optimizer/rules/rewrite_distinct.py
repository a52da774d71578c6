"""Write a distinct over all columns as the grouping that it is, so that one operator and its rules serve both."""

from __future__ import annotations

from ...expr import Column, NamedExpr
from ...plan import Aggregate, Distinct, Plan
from ...traversal import transform_up
from ..context import OptimizerContext, concerning

_CONCERNS = frozenset({Distinct})


@concerning(_CONCERNS)
def rewrite_distinct(plan: Plan, context: OptimizerContext) -> Plan:
    """Turn ``Distinct`` over every column into ``Aggregate`` with keys and no aggregates."""
    return transform_up(plan, _rewrite, context.settled[rewrite_distinct], _CONCERNS)


def _rewrite(node: Plan) -> Plan:
    if not isinstance(node, Distinct) or (node.on is not None and set(node.on) != set(node.schema.names)):
        return node
    if not node.schema.names:
        return node
    keys = tuple(NamedExpr(name=f.name, expr=Column(name=f.name, dtype=f.dtype)) for f in node.schema)
    return Aggregate(input=node.input, keys=keys)
