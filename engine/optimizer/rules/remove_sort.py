"""Drop sorts whose order nobody sees."""

from __future__ import annotations

from dataclasses import replace

from ...plan import Aggregate, Filter, Plan, Project, Sort
from ...traversal import transform_down
from ..context import OptimizerContext


def remove_sort(plan: Plan, _: OptimizerContext) -> Plan:
    """Drop sorts below groupings (but for ``first``, which reads the order) and below other sorts, if not stable."""
    return transform_down(plan, _rewrite)


def _rewrite(node: Plan) -> Plan:
    match node:
        case Aggregate(aggregates=aggregates) if all(a.call.function != "first" for a in aggregates):
            pass
        case Sort(stable=False):
            pass
        case _:
            return node
    child = _unsorted(node.input)
    return node if child is node.input else replace(node, input=child)


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
