"""Aggregates computed in two levels: partial ones below, what merges them above, and the result of those."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from ..expr import AggregateCall, Column, Expr, NamedAggregate, NamedExpr, aggregate, call, literal, substitute
from ..records import dataclass, replace

MERGED_BY = {"size": "sum", "count": "sum", "sum": "sum", "min": "min", "max": "max", "any": "any", "all": "all"}
"""Aggregates that can be computed per distinct value and then merged, and what merges them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """How a plain aggregate is computed in two levels: partials below, their merging above, the result of those."""

    partials: tuple[NamedAggregate, ...]
    merges: tuple[NamedAggregate, ...]
    result: NamedExpr


_Parts: TypeAlias = tuple[NamedAggregate, NamedAggregate]


def is_mergeable(own: AggregateCall) -> bool:
    """Return whether an aggregate can be computed in two levels."""
    return not own.distinct and (own.function in MERGED_BY or own.function == "mean")


def merged(named: NamedAggregate, names: FreshNames, *, grouped: bool) -> Merged:
    """Return how an aggregate is computed in two levels; ``grouped`` says whether the upper one has keys."""
    own = named.call
    if own.function == "mean":
        total = replace(aggregate("sum", *own.args), filter=own.filter)
        count = replace(aggregate("count", *own.args), filter=own.filter)
        parts: tuple[_Parts, ...] = (_partial(total, "sum", names), _partial(count, "sum", names))
        quotient = call("divide", *(column(merge) for _, merge in parts))
        result = NamedExpr(name=named.name, expr=quotient)
    else:
        parts = (_partial(own, MERGED_BY[own.function], names),)
        value: Expr = column(parts[0][1])
        if own.function in ("size", "count") and not grouped:
            value = call("coalesce", value, literal(0))  # no rows below: a sum of nothing is null, a count is 0
        result = NamedExpr(name=named.name, expr=value)
    return Merged(partials=tuple(p for p, _ in parts), merges=tuple(m for _, m in parts), result=result)


def of_one(level: Merged) -> NamedExpr:
    """Return the result of a group that has one part."""
    parts: dict[str, Expr] = {
        merge.name: column(partial) for merge, partial in zip(level.merges, level.partials, strict=True)
    }
    return NamedExpr(name=level.result.name, expr=substitute(level.result.expr, parts))


def _partial(own: AggregateCall, merged_by: str, names: FreshNames) -> _Parts:
    lower = NamedAggregate(name=names.fresh("partial"), call=own)
    upper = NamedAggregate(name=names.fresh("merged"), call=aggregate(merged_by, column(lower)))
    return lower, upper


def column(named: NamedExpr | NamedAggregate) -> Column:
    """Return the column that a named expression or aggregate makes."""
    return Column(name=named.name, dtype=named.field.dtype)


class FreshNames:
    """Gives names that are not taken yet."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = set(taken)

    def fresh(self, base: str) -> str:
        """Return a name that nothing has, and take it."""
        number = 1
        while f"{base}#{number}" in self._taken:
            number += 1
        self._taken.add(f"{base}#{number}")
        return f"{base}#{number}"
