"""Drop a distinct over rows that are distinct already, or whose repetition nobody sees."""

from __future__ import annotations

from ...expr import Column
from ...plan import Aggregate, Distinct, Join, JoinKind, Plan, Project
from ...records import replace
from ...traversal import transform_up
from ..context import OptimizerContext, concerning
from ..properties import max_rows, unique_key

_CONCERNS = frozenset({Distinct, Aggregate, JoinKind.SEMI, JoinKind.ANTI})


@concerning(_CONCERNS)
def eliminate_distinct(plan: Plan, context: OptimizerContext) -> Plan:
    """Drop distincts, and groupings without aggregates, of rows with a key among the columns and of rows looked up."""
    return transform_up(plan, _rewrite, context.settled[eliminate_distinct], _CONCERNS)


def _rewrite(node: Plan) -> Plan:
    match node:
        case Distinct(input=child, on=on):
            return child if _is_distinct(child, child.schema.names if on is None else on) else node
        case Aggregate(input=child, keys=(_, *_) as keys, aggregates=()):
            columns = tuple(k.expr.name for k in keys if isinstance(k.expr, Column))
            return Project(input=child, exprs=keys) if _is_distinct(child, columns) else node
        case Join(kind=JoinKind.SEMI | JoinKind.ANTI, right=right):
            wanted = _with_repetitions(right)
            return node if wanted is right else replace(node, right=wanted)
        case _:
            return node


def _with_repetitions(right: Plan) -> Plan:
    """Return rows of the same values, some of them repeated: a partner is a partner however often it occurs."""
    match right:
        case Distinct(input=child, on=None):
            return child
        case Aggregate(input=child, keys=(_, *_) as keys, aggregates=()):
            return Project(input=child, exprs=keys)
        case _:
            return right


def _is_distinct(plan: Plan, columns: tuple[str, ...]) -> bool:
    key = unique_key(plan)
    bound = max_rows(plan)
    return (key is not None and key <= set(columns)) or (bound is not None and bound <= 1)
