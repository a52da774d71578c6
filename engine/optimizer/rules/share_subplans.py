"""Make equal sub-plans one object, which is lowered, and where it ends a stage also run, only once."""

from __future__ import annotations

from ...expr import Column, NamedExpr
from ...plan import Plan, Project, Scan
from ...traversal import transform_up, walk_once
from ..context import OptimizerContext
from ..likeness import Likeness


def share_subplans(plan: Plan, _: OptimizerContext) -> Plan:
    """Replace each sub-plan by the first one that gives the same rows, with its columns renamed where names differ."""
    if not _reads_twice(plan):
        return plan
    likeness = Likeness()
    first: dict[int, Plan] = {}

    def rewrite(node: Plan) -> Plan:
        same = first.setdefault(likeness.of(node), node)
        if same is node or (isinstance(node, Project) and node.input is same):
            return node
        return same if same.schema.names == node.schema.names else _renamed(same, node)

    return transform_up(plan, rewrite)


def _reads_twice(plan: Plan) -> bool:
    """Return whether a source or a sub-plan occurs twice; of others there are no two that are equal."""
    met: set[int] = set()
    for node in walk_once(plan):
        for child in node.children:
            what = id(child.source) if isinstance(child, Scan) else id(child)
            if what in met:
                return True
            met.add(what)
    return False


def _renamed(plan: Plan, like: Plan) -> Project:
    pairs = zip(plan.schema, like.schema, strict=True)
    exprs = (NamedExpr(name=to.name, expr=Column(name=field.name, dtype=field.dtype)) for field, to in pairs)
    return Project(input=plan, exprs=tuple(exprs))
