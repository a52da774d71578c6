"""Taking a tree of inner joins apart: some of its relations joined by themselves, then joined with the others.

Knows joins and their keys; which part is worth it is for the rules to say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..expr import Expr, columns_of
from ..plan import Join, JoinKind, Plan
from ..records import dataclass, replace

Keys = tuple[Expr, Expr]


@dataclass(frozen=True, slots=True)
class JoinParts:
    """A join of two parts that gives the pairs of a tree of joins, and the part that was asked for: its right side."""

    join: Join
    part: Plan


def connected(tree: Join, names: frozenset[str], without: frozenset[str]) -> frozenset[str]:
    """Return the columns of the relation that has some, and of those joined to it past none that has others.

    Parameters
    ----------
    names
        Columns of relations that belong to the part.
    without
        Columns of relations that must not.
    """
    columns = [frozenset(leaf.schema.names) for leaf in _leaves(tree)]
    conditions = [columns_of(*pair) for pair in _conditions(tree)]
    free = [own for own in columns if own.isdisjoint(without)]
    found = frozenset[str]().union(*(own for own in free if own & names))
    while True:
        own = frozenset[str]().union(*free)
        reached = frozenset[str]().union(*(read for read in conditions if read <= own and read & found))
        more = found.union(*(each for each in free if each & reached))
        if more == found:
            return found
        found = more


def taken_apart(tree: Join, names: frozenset[str]) -> JoinParts | None:
    """Return a join of the relations that have some columns with the others; None where either would be a product."""
    part, others = _only(tree, names), _only(tree, frozenset(tree.schema.names) - names)
    if part is None or others is None:
        return None
    inside = [{*one.schema.names} for one in (part, others)]
    between = list[Keys]()
    for first, second in _conditions(tree):
        one, other = columns_of(first), columns_of(second)
        if any((one | other) <= own for own in inside):
            continue
        if one <= inside[1] and other <= inside[0]:
            between.append((first, second))
        elif one <= inside[0] and other <= inside[1]:
            between.append((second, first))
        else:
            return None
    if not between:
        return None
    return JoinParts(Join(left=others, right=part, kind=JoinKind.INNER, on=tuple(between)), part)


def _is_plain(plan: Plan) -> bool:
    """Return whether a plan is a join that says no more than which keys are equal."""
    return isinstance(plan, Join) and plan.kind is JoinKind.INNER and plan.residual is None and not plan.nulls_equal


def _joins(plan: Plan) -> Iterator[Join]:
    if isinstance(plan, Join) and _is_plain(plan):
        yield plan
        for child in plan.children:
            yield from _joins(child)


def _leaves(tree: Join) -> list[Plan]:
    return [child for join in _joins(tree) for child in join.children if not _is_plain(child)]


def _conditions(tree: Join) -> list[Keys]:
    return [keys for join in _joins(tree) for keys in join.on]


def _only(plan: Plan, names: frozenset[str]) -> Plan | None:
    """Return the part of a tree whose relations have some columns, all of them; None where there is none."""
    if not isinstance(plan, Join) or not _is_plain(plan):
        return plan if names.issuperset(plan.schema.names) else None
    sides: Sequence[Plan | None] = [_only(child, names) for child in plan.children]
    left, right = sides
    if left is None or right is None:
        return right if left is None else left
    known = {*left.schema.names}, {*right.schema.names}
    on = tuple(pair for pair in plan.on if columns_of(pair[0]) <= known[0] and columns_of(pair[1]) <= known[1])
    if not on:
        return None
    return plan if (left, right) == plan.children and on == plan.on else replace(plan, left=left, right=right, on=on)
