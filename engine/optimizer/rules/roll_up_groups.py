"""Compute the grouping sets of one input from the groups of the finest of them, so that the input is read once.

Aggregates of ROLLUP, CUBE and nested GROUPING SETS are a union of one aggregation for each set; groups by fewer keys
are unions of groups by more. Source: Gray et al., "Data Cube: A Relational Aggregation Operator Generalizing Group-By,
Cross-Tab, and Sub-Totals" (1997), section 5.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...expr import NamedExpr
from ...plan import Aggregate, Plan, Project, Union
from ...traversal import transform_up
from ..context import OptimizerContext, concerning
from ..partials import FreshNames, column, is_mergeable, merged, of_one

_CONCERNS = frozenset({Union})


@concerning(_CONCERNS)
def roll_up_groups(plan: Plan, _: OptimizerContext) -> Plan:
    """Put one aggregation by the finest keys below those by some of its keys, where a union reads several."""

    def rewrite(node: Plan) -> Plan:
        return _rolled_up(node) if isinstance(node, Union) else node

    return transform_up(plan, rewrite, concerns=_CONCERNS)


def _rolled_up(node: Union) -> Plan:
    sets: dict[int, list[Aggregate]] = {}
    for project in node.inputs:
        if isinstance(project, Project) and isinstance(project.input, Aggregate):
            sets.setdefault(id(project.input.input), []).append(project.input)
    made: dict[int, Plan] = {}
    for together in sets.values():
        made |= _from_the_finest(together)
    if not made:
        return node
    inputs = [p.with_children((made[id(p.children[0])],)) if _reads(p, made) else p for p in node.inputs]
    return node.with_children(tuple(inputs))


def _reads(node: Plan, made: dict[int, Plan]) -> bool:
    return isinstance(node, Project) and id(node.input) in made


def _from_the_finest(together: Sequence[Aggregate]) -> dict[int, Plan]:
    """Return what computes aggregations of one input, by their ids; nothing where they have no groups in common."""
    finest = max(together, key=lambda each: len(each.keys))
    coarser = [each for each in together if each is not finest and _is_coarser(each, finest)]
    if not coarser or not all(is_mergeable(named.call) for named in finest.aggregates):
        return {}
    names = FreshNames([*finest.schema.names, *finest.input.schema.names])
    levels = [merged(named, names, grouped=True) for named in finest.aggregates]
    lower = Aggregate(
        input=finest.input,
        keys=finest.keys,
        aggregates=tuple(partial for level in levels for partial in level.partials),
    )
    kept = tuple(NamedExpr(name=key.name, expr=column(key)) for key in finest.keys)
    made: dict[int, Plan] = {id(finest): Project(input=lower, exprs=(*kept, *map(of_one, levels)))}
    for each in coarser:
        made[id(each)] = _merged_groups(each, finest, lower)
    return made


def _is_coarser(node: Aggregate, finest: Aggregate) -> bool:
    """Return whether the finest keys include a node's, and both compute the same."""
    same = _alike(node.aggregates, finest.aggregates)
    return same and all(any(_alike(key.expr, known.expr) for known in finest.keys) for key in node.keys)


def _alike(one: object, other: object) -> bool:
    """Return whether expressions are the same, also in their text, which tells 0.0 from -0.0 and 1 from true."""
    return one == other and str(one) == str(other)


def _merged_groups(node: Aggregate, finest: Aggregate, lower: Aggregate) -> Plan:
    """Return a coarser aggregation computed from the groups of the finest."""
    names = FreshNames([*finest.schema.names, *finest.input.schema.names])
    levels = [merged(named, names, grouped=bool(node.keys)) for named in node.aggregates]
    upper = Aggregate(
        input=lower,
        keys=tuple(
            NamedExpr(name=key.name, expr=next(column(k) for k in finest.keys if _alike(k.expr, key.expr)))
            for key in node.keys
        ),
        aggregates=tuple(merge for level in levels for merge in level.merges),
    )
    kept = tuple(NamedExpr(name=key.name, expr=column(key)) for key in node.keys)
    return Project(input=upper, exprs=(*kept, *(level.result for level in levels)))
