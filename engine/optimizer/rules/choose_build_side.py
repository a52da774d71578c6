"""Build the hash table of an outer, semi or anti join of its left side where that is much smaller."""

from __future__ import annotations

from ...plan import Join, JoinKind, Plan
from ...records import replace
from ...traversal import transform_up
from ..context import OptimizerContext, concerning

_SMALLER = 0.5
"""Share of the right side's rows from which on the left one is built: what has no partner is looked through again."""


_CONCERNS = frozenset({JoinKind.LEFT, JoinKind.FULL, JoinKind.SEMI, JoinKind.ANTI})


@concerning(_CONCERNS)
def choose_build_side(plan: Plan, context: OptimizerContext) -> Plan:
    """Mark joins that are not inner (those have their sides swapped, see `order_joins`) as built of the left side."""
    estimator = context.estimator

    def rewrite(node: Plan) -> Plan:
        if not isinstance(node, Join) or node.kind is JoinKind.INNER:
            return node
        smaller = estimator.rows(node.left) < _SMALLER * estimator.rows(node.right)
        return node if smaller is node.builds_left else replace(node, builds_left=smaller)

    return transform_up(plan, rewrite, concerns=_CONCERNS)
