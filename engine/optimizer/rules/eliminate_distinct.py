"""Drop a distinct over rows that are distinct already."""

from __future__ import annotations

from ...expr import Column
from ...plan import Aggregate, Distinct, Plan, Project
from ...traversal import transform_up
from ..context import OptimizerContext
from ..properties import max_rows, unique_key


def eliminate_distinct(plan: Plan, _: OptimizerContext) -> Plan:
    """Drop distincts, and groupings without aggregates, whose columns hold a key of the input."""
    return transform_up(plan, _rewrite)


def _rewrite(node: Plan) -> Plan:
    match node:
        case Distinct(input=child, on=on):
            return child if _is_distinct(child, child.schema.names if on is None else on) else node
        case Aggregate(input=child, keys=(_, *_) as keys, aggregates=()):
            columns = tuple(k.expr.name for k in keys if isinstance(k.expr, Column))
            return Project(input=child, exprs=keys) if _is_distinct(child, columns) else node
        case _:
            return node


def _is_distinct(plan: Plan, columns: tuple[str, ...]) -> bool:
    key = unique_key(plan)
    bound = max_rows(plan)
    return (key is not None and key <= set(columns)) or (bound is not None and bound <= 1)
