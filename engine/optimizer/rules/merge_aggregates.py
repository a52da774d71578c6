"""Compute an aggregate once that a grouping gives under several names."""

from __future__ import annotations

from ...expr import NamedAggregate, NamedExpr
from ...plan import Aggregate, Plan, Project
from ...records import replace
from ...traversal import transform_up
from ..context import OptimizerContext, concerning
from ..partials import column

_CONCERNS = frozenset({Aggregate})


@concerning(_CONCERNS)
def merge_aggregates(plan: Plan, context: OptimizerContext) -> Plan:
    """Let the first of equal aggregates stand for the others, which a projection names."""
    return transform_up(plan, _rewrite, context.settled[merge_aggregates], _CONCERNS)


def _rewrite(node: Plan) -> Plan:
    if not isinstance(node, Aggregate) or len(node.aggregates) < 2:
        return node
    first: dict[str, NamedAggregate] = {}
    stands: dict[str, NamedAggregate] = {}
    for named in node.aggregates:
        # The text tells 0.0 and -0.0 apart; constant lists have no hash.
        known = first.setdefault(str(named.call), named)
        stands[named.name] = known if known.call == named.call else named
    kept = tuple(named for named in node.aggregates if stands[named.name] is named)
    if len(kept) == len(node.aggregates):
        return node
    keys = tuple(NamedExpr(name=k.name, expr=column(k)) for k in node.keys)
    values = (NamedExpr(name=name, expr=column(named)) for name, named in stands.items())
    return Project(input=replace(node, aggregates=kept), exprs=(*keys, *values))
