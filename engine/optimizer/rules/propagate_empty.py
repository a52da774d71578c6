"""Replace what cannot give rows by the empty relation."""

from __future__ import annotations

from ...expr import Column, Literal, NamedExpr
from ...plan import (
    Aggregate,
    Distinct,
    EmptySource,
    Filter,
    Join,
    JoinKind,
    Limit,
    MapBatches,
    NearestJoin,
    Plan,
    Project,
    Scan,
    Sort,
    Union,
    Unnest,
    Window,
)
from ...records import replace
from ...traversal import transform_up
from ..context import OptimizerContext, concerning
from ..properties import empty, is_empty

_CONCERNS = frozenset({EmptySource, Limit, Sort})


@concerning(_CONCERNS)
def propagate_empty(plan: Plan, context: OptimizerContext) -> Plan:
    """Drop work on inputs without rows; an aggregate without keys still gives its one row."""
    return transform_up(plan, _rewrite, context.settled[propagate_empty], _CONCERNS)


def _rewrite(node: Plan) -> Plan:
    match node:
        case Limit(count=0) | Sort(fetch=0):
            return empty(node)
        case Scan(limit=0) if not is_empty(node):
            return empty(node)
        case Aggregate(keys=()):
            return node
        case Filter() | Project() | Aggregate() | Distinct() | Sort() | Limit() | Window() | Unnest():
            return empty(node) if is_empty(node.children[0]) else node
        case MapBatches(keeps=True, input=child):
            return empty(node) if is_empty(child) else node
        case Join():
            return _join(node)
        case NearestJoin(left=left, right=right, outer=outer):
            if is_empty(left) or (is_empty(right) and not outer):
                return empty(node)
            return without_partners(node, left) if is_empty(right) else node
        case Union():
            return _union(node)
        case _:
            return node


def _join(node: Join) -> Plan:
    left, right = is_empty(node.left), is_empty(node.right)
    match node.kind:
        case JoinKind.INNER | JoinKind.SEMI:
            return empty(node) if left or right else node
        case JoinKind.ANTI:
            return empty(node) if left else node.left if right else node
        case JoinKind.LEFT:
            return empty(node) if left else without_partners(node, node.left) if right else node
    if left and right:
        return empty(node)
    return without_partners(node, node.right if left else node.left) if left or right else node


def without_partners(node: Join | NearestJoin, side: Plan) -> Plan:
    """Return a side's rows with nulls in the columns of the other."""
    exprs = (
        NamedExpr(
            name=f.name,
            expr=Column(name=f.name, dtype=f.dtype) if f.name in side.schema else Literal(value=None, dtype=f.dtype),
        )
        for f in node.schema
    )
    return Project(input=side, exprs=tuple(exprs))


def _union(node: Union) -> Plan:
    inputs = tuple(each for each in node.inputs if not is_empty(each))
    if not inputs:
        return empty(node)
    if len(inputs) == 1:
        return inputs[0]
    return node if len(inputs) == len(node.inputs) else replace(node, inputs=inputs)
