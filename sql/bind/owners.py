"""Whose aggregate a call is: one over columns of queries around alone is computed by the nearest of these.

So in ``select (select sum(a.x)) from a`` the sum is one of the outer query, which thereby has a single row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from ...engine.expr import Column, Expr
from ..trees import holds
from .scope import Scope

if TYPE_CHECKING:
    from .expressions import ExpressionBinder


class AggregatedOutside(Exception):  # a signal between binders, never seen by users
    """A nested query calls an aggregate of the query around it, which so has one though its own clauses call none."""

    def __init__(self, scope: Scope) -> None:
        super().__init__("aggregated")
        self.scope = scope


def owner(scope: Scope, node: exp.Expr, own_names: frozenset[str] = frozenset()) -> Scope | None:
    """Return the scope of the query around that an aggregate belongs to; None where it is the query's own.

    ``own_names`` are in lower case the names that mean something else than a column here.
    """
    if scope.outer is None or holds(node, exp.Query):
        return None
    chain = scope.chain
    nearest: int | None = None
    for column in node.find_all(exp.Column):
        place = _place(chain, column, own_names)
        if not place:
            return None  # a column of its own, or one that nobody knows
        nearest = place if nearest is None else min(nearest, place)
    return None if nearest is None else chain[nearest]


def _place(chain: list[Scope], column: exp.Column, own_names: frozenset[str]) -> int | None:
    parts = [str(part.name) for part in column.parts]
    readings: list[tuple[str, str | None]] = [(parts[0], None)]
    if len(parts) > 1:
        readings.insert(0, (parts[1], parts[0]))
    if len(parts) == 1 and parts[0].lower() in own_names and not chain[0].find(parts[0], None):
        return None
    for place, scope in enumerate(chain):
        if any(scope.find(name, relation) for name, relation in readings):
            return place
    return None


def of_outer(binder: ExpressionBinder, found: Scope, node: exp.Expr, value: Expr) -> Expr:
    """Return what an outer query's aggregate is read as where ``binder`` stands."""
    assert isinstance(value, Column)
    column = _captured(binder.scope, found, value, direct=True)
    binder.places.setdefault(column.name, node)
    return column


def _captured(scope: Scope, found: Scope, column: Column, *, direct: bool) -> Column:
    assert scope.outer is not None
    if scope.outer is not found:
        column = _captured(scope.outer, found, column, direct=False)
    return scope.capture(column, direct=direct)
