"""Compute aggregates of all rows, or by fewer keys, from finer groups that the plan makes of the same rows anyway.

As where groups are compared with a share of the total: ``having sum(x) > (select sum(x) * 0.0001 from …)``.
"""

from __future__ import annotations

from functools import partial
from itertools import permutations
from typing import TypeAlias

from ...expr import NamedAggregate, NamedExpr
from ...plan import Aggregate, Plan, Project, Scan
from ...records import replace
from ...traversal import transform_up, walk_once
from ..context import OptimizerContext
from ..estimate import Estimator
from ..likeness import Likeness, nameless, places
from ..partials import FreshNames, column, is_mergeable, merged, of_one

_Named: TypeAlias = NamedExpr | NamedAggregate
_Replacements: TypeAlias = tuple[tuple[Aggregate, Plan], ...]

_FEWER = 0.5
"""Groups are read instead of rows only where they are at most this share of what the rows are made of: a plan reads its
groups again by merging them again."""


def reuse_groups(plan: Plan, context: OptimizerContext) -> Plan:
    """Put an aggregation above another one of the same rows whose keys and aggregates include all that it needs."""
    while (found := _coarser_and_finer(plan, context.estimator)) is not None:
        plan = transform_up(plan, partial(_replaced, found))
    return plan


def _replaced(found: _Replacements, node: Plan) -> Plan:
    return next((new for old, new in found if node is old), node)


def _coarser_and_finer(plan: Plan, estimator: Estimator) -> _Replacements | None:
    """Return an aggregation and what computes it from another, and what that one becomes where it has to."""
    aggregations = [node for node in walk_once(plan) if isinstance(node, Aggregate)]
    if len({len(node.keys) for node in aggregations}) < 2:
        return None
    likeness = Likeness()
    alike: dict[int, list[Aggregate]] = {}
    for node in aggregations:
        alike.setdefault(likeness.of(node.input), []).append(node)
    for together in alike.values():
        for coarse, fine in permutations(together, 2):
            if len(coarse.keys) < len(fine.keys) and _is_less(fine, coarse, estimator):
                reused = _from_groups(coarse, fine)
                if reused is not None:
                    return ((coarse, reused),)
                in_parts = _in_parts(fine)
                reused = None if in_parts is None else _from_groups(coarse, in_parts[0])
                if in_parts is not None and reused is not None:
                    return (coarse, reused), (fine, in_parts[1])
    return None


def _is_less(fine: Aggregate, coarse: Aggregate, estimator: Estimator) -> bool:
    """Return whether there are few groups beside the rows that the other aggregation would read for itself."""
    read = sum(estimator.rows(node) for node in walk_once(coarse.input) if isinstance(node, Scan))
    return estimator.rows(fine) <= _FEWER * read


def _in_parts(fine: Aggregate) -> tuple[Aggregate, Plan] | None:
    """Return an aggregation whose means are sums and counts, and the means made of these; None where it has no mean."""
    means = [named for named in fine.aggregates if named.call.function == "mean" and is_mergeable(named.call)]
    if not means:
        return None
    names = FreshNames([*fine.schema.names, *fine.input.schema.names])
    levels = {named.name: merged(named, names, grouped=True) for named in means}
    kept = [named for named in fine.aggregates if named.name not in levels]
    summed = [part for level in levels.values() for part in level.partials]
    parts = replace(fine, aggregates=(*kept, *summed))
    given: tuple[_Named, ...] = (*fine.keys, *fine.aggregates)
    exprs = (
        of_one(levels[each.name]) if each.name in levels else NamedExpr(name=each.name, expr=column(each))
        for each in given
    )
    return parts, Project(input=parts, exprs=tuple(exprs))


def _from_groups(coarse: Aggregate, fine: Aggregate) -> Plan | None:
    """Return what computes an aggregation from finer groups, None where they lack something that it needs."""
    if not all(is_mergeable(named.call) for named in coarse.aggregates):
        return None
    ours, theirs = places(coarse.input.schema), places(fine.input.schema)
    given: tuple[_Named, ...] = (*fine.keys, *fine.aggregates)
    there = {nameless(each, theirs): column(each) for each in given}
    names = FreshNames(coarse.schema.names)
    levels = [merged(named, names, grouped=bool(coarse.keys)) for named in coarse.aggregates]
    needed: tuple[_Named, ...] = (*coarse.keys, *(part for level in levels for part in level.partials))
    read = [(each.name, there.get(nameless(each, ours))) for each in needed]
    exprs = tuple(NamedExpr(name=name, expr=found) for name, found in read if found is not None)
    if len(exprs) < len(needed):
        return None
    keys = tuple(NamedExpr(name=key.name, expr=column(key)) for key in coarse.keys)
    merges = tuple(merge for level in levels for merge in level.merges)
    upper = replace(coarse, input=Project(input=fine, exprs=exprs), keys=keys, aggregates=merges)
    return Project(input=upper, exprs=(*keys, *(level.result for level in levels)))
