"""Drop sorts whose order nobody sees."""

from __future__ import annotations

from collections.abc import Sequence

from ...expr import Column, Expr
from ...plan import Aggregate, Filter, Plan, Project, Sort
from ...records import replace
from ...traversal import transform_down
from ..context import OptimizerContext, concerning

_CONCERNS = frozenset({Sort})


@concerning(_CONCERNS)
def remove_sort(plan: Plan, context: OptimizerContext) -> Plan:
    """Drop sorts below groupings (but for ``first``, which reads the order) and below other sorts.

    A sort that is stable takes the other's keys over, behind its own, where it can see them.
    """
    return transform_down(plan, _rewrite, context.settled[remove_sort], _CONCERNS)


def _rewrite(node: Plan) -> Plan:
    match node:
        case Aggregate(aggregates=aggregates) if all(a.call.function != "first" for a in aggregates):
            pass
        case Sort(stable=True):
            node = _merged(node)
            if node.stable:
                return node
        case Sort():
            pass
        case _:
            return node
    child = _unsorted(node.input)
    return node if child is node.input else replace(node, input=child)


def _merged(node: Sort) -> Sort:
    """Return a stable sort without the sorts that give its rows their order, whose keys follow its own."""
    while node.stable:
        path: list[Filter | Project] = []
        below = node.input
        while isinstance(below, Filter | Project):
            path.append(below)
            below = below.input
        if not isinstance(below, Sort) or below.fetch is not None:
            return node
        keys = list(node.keys)
        for key in below.keys:
            expr = _above(key.expr, path)
            if expr is None:
                return node
            keys += [replace(key, expr=expr)] if all(expr != known.expr for known in keys) else []
        rest = below.input
        for passing in reversed(path):
            rest = passing.with_children((rest,))
        node = replace(node, input=rest, keys=tuple(keys), stable=below.stable)
    return node


def _above(expr: Expr, path: Sequence[Filter | Project]) -> Expr | None:
    """Return an expression as projections above it call it, given the highest first; None where one drops it."""
    for project in reversed(path):
        if isinstance(project, Filter):
            continue
        named = next((e for e in project.exprs if e.expr == expr), None)
        if named is None:
            return None
        expr = Column(name=named.name, dtype=expr.dtype)
    return expr


def _unsorted(plan: Plan) -> Plan:
    """Return the plan without the sorts that give its rows their order."""
    path: list[Plan] = []
    below = plan
    found = False
    while True:
        match below:
            case Sort(fetch=None):
                found = True
            case Filter() | Project():
                path.append(below)
            case _:
                break
        below = below.children[0]
    if not found:
        return plan
    for node in reversed(path):
        below = node.with_children((below,))
    return below
