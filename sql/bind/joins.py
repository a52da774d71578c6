"""Joins as plans: conditions taken apart by the side that they read, and every kind of join made of the engine's."""

from __future__ import annotations

from collections.abc import Iterable

from ...engine.expr import Call, Column, Expr, NamedExpr, all_of, call, columns_of
from ...engine.plan import Join, JoinKind, Plan, Project, filtered
from ...engine.records import dataclass
from .attachment import Domain
from .bound import unchanged
from .names import Names


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinCondition:
    """A join's condition taken apart: equal pairs, conditions on one side, and the rest."""

    on: tuple[tuple[Expr, Expr], ...] = ()
    left_only: tuple[Expr, ...] = ()
    right_only: tuple[Expr, ...] = ()
    rest: tuple[Expr, ...] = ()


def split_condition(parts: Iterable[Expr], left: frozenset[str], right: frozenset[str]) -> JoinCondition:
    """Sort conjuncts by the side whose columns they read; ``left`` and ``right`` are the sides' column names."""
    on: list[tuple[Expr, Expr]] = []
    left_only: list[Expr] = []
    right_only: list[Expr] = []
    rest: list[Expr] = []
    for part in parts:
        pair = _equal_pair(part, left, right)
        reads = columns_of(part)
        if pair is not None:
            on.append(pair)
        elif reads and reads <= left:
            left_only.append(part)
        elif reads and reads <= right:
            right_only.append(part)
        else:
            rest.append(part)
    return JoinCondition(on=tuple(on), left_only=tuple(left_only), right_only=tuple(right_only), rest=tuple(rest))


def within_domain(
    names: Names, left: Plan, right: Plan, side: str, parts: Iterable[Expr], own: tuple[Column, ...]
) -> Plan:
    """Return a RIGHT or FULL join for each value of a domain, whose columns ``own`` the left side has."""
    theirs = tuple(Column(name=names.fresh(column.name), dtype=column.dtype) for column in own)
    renamed = tuple(NamedExpr(name=new.name, expr=column) for new, column in zip(theirs, own, strict=True))
    values = Project(input=Domain(columns=own), exprs=renamed)
    right = Join(left=values, right=right, kind=JoinKind.INNER, on=())
    pairs, rest = tuple(zip(own, theirs, strict=True)), all_of(parts)
    if side == "RIGHT":
        flipped = tuple((b, a) for a, b in pairs)
        made = Join(left=right, right=left, kind=JoinKind.LEFT, on=flipped, nulls_equal=True, residual=rest)
    else:
        made = Join(left=left, right=right, kind=JoinKind.FULL, on=pairs, nulls_equal=True, residual=rest)
    kept = [f for f in made.schema if f.name not in {column.name for column in (*own, *theirs)}]
    merged = (NamedExpr(name=a.name, expr=call("coalesce", a, b)) for a, b in pairs)
    return Project(input=made, exprs=(*unchanged(kept), *merged))


def _equal_pair(part: Expr, left: frozenset[str], right: frozenset[str]) -> tuple[Expr, Expr] | None:
    if not isinstance(part, Call) or part.function != "equal":
        return None
    a, b = part.args
    reads_a, reads_b = columns_of(a), columns_of(b)
    if not reads_a or not reads_b:
        return None
    if reads_a <= left and reads_b <= right:
        return a, b
    return (b, a) if reads_b <= left and reads_a <= right else None


def names_of(plan: Plan) -> frozenset[str]:
    """Return the column names of a plan."""
    return frozenset(plan.schema.names)


def semi(left: Plan, right: Plan, kind: JoinKind, condition: JoinCondition) -> Plan:
    """Return the left rows that have a partner, or that lack one."""
    rest = condition.rest
    if kind is JoinKind.SEMI:
        left = filtered(left, condition.left_only)
    else:
        rest = (*condition.left_only, *rest)
    return Join(
        left=left, right=filtered(right, condition.right_only), kind=kind, on=condition.on, residual=all_of(rest)
    )


def joined(left: Plan, right: Plan, side: str, condition: JoinCondition) -> Plan:
    """Return an inner or outer join; one-sided conditions go below it where that changes nothing."""
    if side == "RIGHT":
        flipped = JoinCondition(
            on=tuple((b, a) for a, b in condition.on),
            left_only=condition.right_only,
            right_only=condition.left_only,
            rest=condition.rest,
        )
        return joined(right, left, "LEFT", flipped)
    if side == "FULL":
        rest = (*condition.left_only, *condition.right_only, *condition.rest)
        return Join(left=left, right=right, kind=JoinKind.FULL, on=condition.on, residual=all_of(rest))
    right = filtered(right, condition.right_only)
    if side == "LEFT":
        rest = (*condition.left_only, *condition.rest)
        return Join(left=left, right=right, kind=JoinKind.LEFT, on=condition.on, residual=all_of(rest))
    left = filtered(left, condition.left_only)
    return Join(left=left, right=right, kind=JoinKind.INNER, on=condition.on, residual=all_of(condition.rest))
