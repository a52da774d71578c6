"""Group only what will be joined: where few keys are wanted of an aggregation, look them up in its input first."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ...expr import Column, Expr, NamedExpr
from ...plan import Aggregate, Filter, Join, JoinKind, Plan, Project, Sharing
from ...records import replace
from ...traversal import transform_down
from ..context import OptimizerContext, concerning
from ..estimate import Estimator
from ..properties import renamed

_FEWER = 0.2
"""Keys are looked up first only where they are at most this share of those grouped by: the look-up costs, too."""


_CONCERNS = frozenset({Join})


@concerning(_CONCERNS)
def restrict_groups(plan: Plan, context: OptimizerContext) -> Plan:
    """Semi-join the input of an aggregation with the keys that the join above it can match.

    A group without a partner is dropped by that join anyway, and a group is kept whole. The keys come from the
    smallest relation below the other side that holds all of them, not from that side's whole result.
    """
    estimator = context.estimator

    def rewrite(node: Plan) -> Plan:
        if not isinstance(node, Join) or node.nulls_equal or node.kind is JoinKind.FULL:
            return node
        left = node.left
        right = _restricted(node.right, list(node.on), node.left, estimator)
        if node.kind in (JoinKind.INNER, JoinKind.SEMI):
            left = _restricted(node.left, [(b, a) for a, b in node.on], node.right, estimator)
        return node if left is node.left and right is node.right else replace(node, left=left, right=right)

    return transform_down(plan, rewrite, concerns=_CONCERNS)


def _restricted(side: Plan, pairs: list[tuple[Expr, Expr]], other: Plan, estimator: Estimator) -> Plan:
    """Restrict the aggregation that ``side`` is, if it is one; ``pairs`` are keys of the other side and its own."""
    for theirs, own in pairs:
        if not isinstance(theirs, Column) or not isinstance(own, Column):
            continue
        found = _grouped_by(side, own.name)
        if found is None:
            continue
        aggregate, key, rebuild = found
        keys, name = min(_holders(other, theirs.name), key=lambda holder: estimator.rows(holder[0]))
        if estimator.rows(keys) <= _FEWER * estimator.estimate(aggregate.input).distinct(key):
            return rebuild(_semi_joined(aggregate, key, keys, name))
    return side


def _grouped_by(side: Plan, name: str) -> tuple[Aggregate, Column, Callable[[Plan], Plan]] | None:
    """Return the aggregation below filters and renaming, the key behind ``name``, and how to replace it there."""
    path: list[Plan] = []
    while isinstance(side, Project | Filter):
        path.append(side)
        if isinstance(side, Project):
            inner = renamed(side).get(name)
            if inner is None:
                return None
            name = inner
        side = side.input
    if not isinstance(side, Aggregate) or side.sharing is not Sharing.NO:
        return None
    key = next((k.expr for k in side.keys if k.name == name), None)
    if not isinstance(key, Column):
        return None

    def rebuild(plan: Plan) -> Plan:
        for node in reversed(path):
            plan = node.with_children((plan,))
        return plan

    return side, key, rebuild


def _holders(plan: Plan, name: str) -> Iterator[tuple[Plan, str]]:
    """Yield relations below the plan with a column that holds every value (but null) of the plan's column."""
    match plan:
        case Project():
            inner = renamed(plan).get(name)
            if inner is None:
                yield plan, name
            else:
                yield from _holders(plan.input, inner)
        case Join(left=left, right=right, kind=kind):
            yield from _holders(left if name in left.schema else right, name)
            if kind in (JoinKind.INNER, JoinKind.SEMI) and not plan.nulls_equal:
                yield from _partners(plan, name)
        case _:
            yield plan, name


def _partners(join: Join, name: str) -> Iterator[tuple[Plan, str]]:
    for left, right in join.on:
        if isinstance(left, Column) and isinstance(right, Column):
            if left.name == name:
                yield from _holders(join.right, right.name)
            elif right.name == name:
                yield from _holders(join.left, left.name)


def _semi_joined(aggregate: Aggregate, key: Column, keys: Plan, name: str) -> Aggregate:
    number = 1
    while f"{name}#{number}" in aggregate.input.schema:
        number += 1
    column = Column(name=f"{name}#{number}", dtype=key.dtype)
    wanted = Project(input=keys, exprs=(NamedExpr(name=column.name, expr=Column(name=name, dtype=key.dtype)),))
    semi = Join(left=aggregate.input, right=wanted, kind=JoinKind.SEMI, on=((key, column),))
    return replace(aggregate, input=semi)
