"""Fold constants and simplify every expression of the plan."""

from __future__ import annotations

from ...expr import Literal
from ...plan import Filter, Join, JoinKind, Plan, Scan, Union
from ...records import replace
from ...traversal import transform_up
from ..context import OptimizerContext
from ..expressions import rewrite_expressions
from ..properties import empty
from .propagate_empty import without_partners


def simplify_expressions(plan: Plan, context: OptimizerContext) -> Plan:
    """Simplify expressions; a filter that is always true goes, one that never is leaves the empty relation."""
    simplifier = context.simplifier

    def rewrite(node: Plan) -> Plan:
        changed = rewrite_expressions(node, simplifier.value, simplifier.predicate)
        match changed:
            case Filter(predicate=Literal(value=value), input=child):
                return child if value is True else empty(child)
            case Scan(predicate=Literal(value=value)):
                return replace(changed, predicate=None) if value is True else empty(changed)
            case Join(
                residual=Literal(), kind=JoinKind.FULL, left=left, right=right
            ):  # never true: no row has a partner
                return Union(inputs=(without_partners(changed, left), without_partners(changed, right)))
            case Join(residual=Literal()):  # never true: nothing on the right is a partner
                return replace(changed, right=empty(changed.right), residual=None)
            case _:
                return changed

    return transform_up(plan, rewrite, context.settled[simplify_expressions])
