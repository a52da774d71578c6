"""Which columns a name can mean: the columns of the relations in FROM, and those of the queries around.

A column of an outer query is read in one of two ways. In WHERE it may be *lifted*: the condition that reads it leaves
the subquery and becomes part of the join with the outer query. Anywhere else the subquery is bound again with a
*domain*: the distinct outer values joined into its FROM, so that the outer column becomes one of its own.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from ...engine.errors import UnsupportedOperation
from ...engine.expr import Column
from ...engine.records import dataclass

if TYPE_CHECKING:
    from .expressions import ExpressionBinder


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeColumn:
    """A column that can be named.

    Attributes
    ----------
    name
        As the user sees it.
    relation
        Alias of its relation; None for a column that USING or NATURAL has merged.
    column
        The column of the plan, whose name is unique in the statement.
    merged
        Whether a merged column stands for it: then it is found only by ``relation.name``.
    """

    name: str
    relation: str | None
    column: Column
    merged: bool = False


class DomainNeeded(Exception):  # a signal between binders, never seen by users
    """An outer column is read where its condition cannot be lifted; bind the scope's query again with a domain."""

    def __init__(self, scope: Scope, column: Column) -> None:
        super().__init__(column.name)
        self.scope = scope
        self.column = column


class ReadsOuter(UnsupportedOperation):
    """A query in FROM or WITH reads a column of a query around it; it must be bound as a lateral join."""


@dataclass(slots=True, kw_only=True, eq=False)
class Scope:
    """The names of one SELECT.

    Attributes
    ----------
    outer
        Scope of the query around this one.
    around
        For a query in FROM: the scope it stands in, whose columns it reads only as a lateral join.
    domain
        Outer columns that this query reads, and the own columns that stand for them.
    lifting
        Whether an expression of this query may read outer columns as they are (while WHERE is bound).
    aggregated
        Whether a nested query calls an aggregate of this one.
    aggregating
        The binder of the clauses that may call aggregates, while they are bound.
    """

    columns: list[ScopeColumn] = field(default_factory=list)
    around: Scope | None = None
    outer: Scope | None = None
    domain: tuple[tuple[Column, Column], ...] = ()
    lifting: bool = False
    aggregated: bool = False
    aggregating: ExpressionBinder | None = None
    _indexed: list[ScopeColumn] | None = field(default=None, init=False)
    _by_name: dict[str, list[ScopeColumn]] = field(default_factory=dict, init=False)

    def _called(self, name: str) -> list[ScopeColumn]:
        """Return the columns of a name but for case, looked up in an index: a table may have thousands."""
        if self._indexed is not self.columns:  # which are replaced as a whole, never changed in place
            self._by_name = {}
            for column in self.columns:
                self._by_name.setdefault(column.name.lower(), []).append(column)
            self._indexed = self.columns
        return self._by_name.get(name.lower(), [])

    def find(self, name: str, relation: str | None) -> list[ScopeColumn]:
        """Return the columns a name can mean: those spelled alike, else those equal but for case."""
        if relation is None:
            candidates = [c for c in self._called(name) if not c.merged]
        else:
            wanted = relation.lower()
            candidates = [c for c in self._called(name) if c.relation is not None and c.relation.lower() == wanted]
        exact = [c for c in candidates if c.name == name]
        return exact or candidates

    def star(self, relation: str | None = None) -> list[ScopeColumn]:
        """Return the columns of ``*``, or of ``relation.*``, in order."""
        if relation is None:
            return [c for c in self.columns if not c.merged]
        return [c for c in self.columns if c.relation is not None and c.relation.lower() == relation.lower()]

    def at(self, place: str) -> ScopeColumn | None:
        """Return the column of ``#1``, ``#2``, …: the first, the second, … of ``*``."""
        columns = self.star()
        return columns[int(place) - 1] if place.isdecimal() and 1 <= int(place) <= len(columns) else None

    @property
    def relations(self) -> list[str]:
        """Aliases in order."""
        return list(dict.fromkeys(c.relation for c in self.columns if c.relation is not None))

    @property
    def chain(self) -> list[Scope]:
        """The scope itself and those of the queries around, the nearest first."""
        return [self, *([] if self.outer is None else self.outer.chain)]

    def hidden(self) -> list[Scope]:
        """Return the scopes whose columns can be read only if a query in FROM is bound as a lateral join."""
        found, seen = [self], {id(self)}
        for scope in found:  # which grows
            for next_one in (scope.outer, scope.around):
                if next_one is not None and id(next_one) not in seen:
                    seen.add(id(next_one))
                    found.append(next_one)
        return found[1:]

    def capture(self, column: Column, *, direct: bool) -> Column:
        """Return what stands in this query for a column of an outer one.

        ``direct`` says that an expression of this query reads it, rather than one of a query nested in it.
        """
        for outer, own in self.domain:
            if outer.name == column.name:
                return own
        if direct and self.lifting:
            return column
        raise DomainNeeded(self, column)
