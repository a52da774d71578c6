"""Make outer joins inner (or anti) where what stands above rejects the rows without a partner."""

from __future__ import annotations

from ...expr import Call, Column, Expr, Literal, NamedExpr, conjuncts, substitute
from ...plan import Filter, Join, JoinKind, Plan, Project, filtered
from ...records import replace
from ...traversal import transform_down
from ..context import OptimizerContext, concerning
from ..expressions import split
from ..simplify import Simplifier

_CONCERNS = frozenset({JoinKind.LEFT, JoinKind.FULL})


@concerning(_CONCERNS)
def outer_to_inner(plan: Plan, context: OptimizerContext) -> Plan:
    """Turn a left join below a null-rejecting filter or key into an inner join, below ``is null`` into an anti join."""
    simplifier = context.simplifier

    def rewrite(node: Plan) -> Plan:
        match node:
            case Filter(input=Join(kind=JoinKind.LEFT) as join):
                return _below_filter(node, join, simplifier)
            case Filter(input=Join(kind=JoinKind.FULL) as join):
                return _full_below_filter(node, join, simplifier)
            case Join(kind=JoinKind.INNER | JoinKind.SEMI, nulls_equal=False):
                return _below_join(node, simplifier)
            case _:
                return node

    return transform_down(plan, rewrite, context.settled[outer_to_inner], _CONCERNS)


def _below_filter(node: Filter, join: Join, simplifier: Simplifier) -> Plan:
    parts = list(conjuncts(node.predicate))
    if any(_rejects_nulls(part, join.right, simplifier) for part in parts):
        return replace(node, input=replace(join, kind=JoinKind.INNER))
    tests, others = split(parts, lambda part: _finds_unmatched(part, join))
    return filtered(_anti(join), others) if tests else node


def _full_below_filter(node: Filter, join: Join, simplifier: Simplifier) -> Plan:
    """Drop the rows of a full join that a filter drops anyway: those without a left, or without a right, partner."""
    parts = list(conjuncts(node.predicate))
    needs_left = any(_rejects_nulls(part, join.left, simplifier) for part in parts)
    needs_right = any(_rejects_nulls(part, join.right, simplifier) for part in parts)
    if needs_left:
        return replace(node, input=replace(join, kind=JoinKind.INNER if needs_right else JoinKind.LEFT))
    if not needs_right:
        return node
    turned = tuple((right, left) for left, right in join.on)
    flipped = replace(join, left=join.right, right=join.left, kind=JoinKind.LEFT, on=turned)
    exprs = (NamedExpr(name=f.name, expr=Column(name=f.name, dtype=f.dtype)) for f in join.schema)
    return replace(node, input=Project(input=flipped, exprs=tuple(exprs)))


def _rejects_nulls(condition: Expr, side: Plan, simplifier: Simplifier) -> bool:
    """Return whether the condition cannot be true where every column of a side is null."""
    nulls: dict[str, Expr] = {f.name: Literal(value=None, dtype=f.dtype) for f in side.schema}
    with_nulls = substitute(condition, nulls)
    if with_nulls is condition:
        return False
    outcome = simplifier.predicate(with_nulls)
    return isinstance(outcome, Literal) and outcome.value is not True


def _finds_unmatched(part: Expr, join: Join) -> bool:
    """Return whether the part is ``key is null`` for a right key, which a row with a partner cannot satisfy."""
    if join.nulls_equal or not isinstance(part, Call) or part.function != "is_null":
        return False
    return isinstance(part.args[0], Column) and any(part.args[0] == right for _, right in join.on)


def _anti(join: Join) -> Plan:
    kept = [NamedExpr(name=f.name, expr=Column(name=f.name, dtype=f.dtype)) for f in join.left.schema]
    nulls = [NamedExpr(name=f.name, expr=Literal(value=None, dtype=f.dtype)) for f in join.right.schema]
    return Project(input=replace(join, kind=JoinKind.ANTI), exprs=(*kept, *nulls))


def _below_join(node: Join, simplifier: Simplifier) -> Plan:
    left = _as_inner(node.left, [key for key, _ in node.on], simplifier)
    right = _as_inner(node.right, [key for _, key in node.on], simplifier)
    return node if left is node.left and right is node.right else replace(node, left=left, right=right)


def _as_inner(side: Plan, keys: list[Expr], simplifier: Simplifier) -> Plan:
    if not isinstance(side, Join) or side.kind is not JoinKind.LEFT:
        return side
    nulls: dict[str, Expr] = {f.name: Literal(value=None, dtype=f.dtype) for f in side.right.schema}
    for key in keys:
        outcome = simplifier.value(substitute(key, nulls))
        if isinstance(outcome, Literal) and outcome.value is None:
            return replace(side, kind=JoinKind.INNER)
    return side
