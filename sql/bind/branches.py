"""A set operation that reads the query around it: every branch is bound over one domain, whose columns come first.

So rows of different outer values never meet in it, and the outer values are the keys of what it gives. A branch that
reads none of them gives its rows for each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sqlglot import exp

from ...engine import dtypes
from ...engine.expr import Column, Expr, NamedExpr, call, case, literal, substitute
from ...engine.plan import Join, JoinKind, Plan, Project, filtered
from ...engine.records import replace
from .attachment import Domain
from .bound import BoundQuery
from .limits import limits
from .operands import unwrapped
from .scope import DomainNeeded, Scope
from .sets import SetBinder
from .windows import some_of_each

if TYPE_CHECKING:
    from .nested import Nested
    from .query import QueryBinder

Pairs = tuple[tuple[Column, Column], ...]


def rows_as_selects(node: exp.Values) -> exp.Expr:
    """Return VALUES as queries of one row each, put together: such a query may read the query around it."""
    queries = []
    for row in node.expressions:
        values = row.expressions if isinstance(row, exp.Tuple) else [row]
        named = [
            exp.Alias(this=exp.Paren(this=unwrapped(value).copy()), alias=exp.to_identifier(f"col{place}"))
            for place, value in enumerate(values)
        ]
        queries.append(exp.Select(expressions=named))
    made: exp.Expr = queries[0]
    for query in queries[1:]:
        made = exp.Union(this=made, expression=query, distinct=False)
    return made


class BranchBinder:
    """Binds one nested set operation; ``select`` binds a SELECT of it in a scope."""

    def __init__(self, queries: QueryBinder, outer: Scope, select: Callable[[exp.Select, Scope], Nested]) -> None:
        self._queries, self._outer, self._select = queries, outer, select
        self._statement = queries.statement
        self._opened: list[Scope] = []

    def bind(self, node: exp.Expr) -> tuple[BoundQuery, Pairs]:
        """Return the query, its first columns the outer values, and the domain that these come from."""
        domain: Pairs = ()
        while True:
            try:
                return self._query(node, domain), domain
            except DomainNeeded as need:
                if need.scope not in self._opened:
                    raise
                own = Column(name=self._statement.names.fresh(need.column.name), dtype=need.column.dtype)
                domain = (*domain, (need.column, own))

    def _query(self, node: exp.Expr, domain: Pairs) -> BoundQuery:
        node = unwrapped(node)
        if isinstance(node, exp.Values):
            node = rows_as_selects(node)
        if isinstance(node, exp.Select):
            scope = Scope(outer=self._outer, domain=domain)
            self._opened.append(scope)
            return self._with_keys(self._select(node, scope), domain)
        if isinstance(node, exp.Subquery):
            return self._modified(self._query(node.this, domain), node, len(domain))
        if not isinstance(node, exp.SetOperation):
            raise self._statement.source.unsupported(node, f"a correlated {node.key.upper()}")
        queries = self._queries.with_ctes(node)
        inner = BranchBinder(queries, self._outer, self._select)
        inner._opened = self._opened
        made = SetBinder(queries, lambda side: inner._query(side, domain)).bind(node)
        return self._modified(made, node, len(domain))

    def _modified(self, query: BoundQuery, node: exp.Expr, width: int) -> BoundQuery:
        """Apply ORDER BY and LIMIT around a query to the rows of each outer value."""
        count, skipped = limits(self._queries, node)
        if count is None and not skipped:
            return query
        values = replace(query, columns=query.columns[width:])
        order = node.args.get("order")
        keys = () if order is None else tuple(self._queries.output_keys(values, order))
        ties = [column for _, column in query.columns[:width]]
        return replace(query, plan=some_of_each(self._statement.names, query.plan, ties, keys, count, skipped))

    def _with_keys(self, nested: Nested, domain: Pairs) -> BoundQuery:
        """Return a SELECT's keys and values as columns of their own."""
        if nested.defaults is not None:
            return self._completed(nested, domain)
        by_outer = {outer.name: own for outer, own in nested.keys if isinstance(outer, Column)}
        values = [(f"outer {place}", by_outer[outer.name]) for place, (outer, _) in enumerate(domain)]
        return self._columns(filtered(nested.plan, nested.having), [*values, *nested.values])

    def _completed(self, nested: Nested, domain: Pairs) -> BoundQuery:
        """Return an aggregate without GROUP BY with its row for the outer values that no row has."""
        assert nested.defaults is not None
        by_outer = {outer.name: own for outer, own in nested.keys if isinstance(outer, Column)}
        found = self._columns(
            nested.plan,
            [*((own.name, by_outer[outer.name]) for outer, own in domain), *nested.values]
            + [("having", part) for part in nested.having]
            + [("matched", literal(value=True))],
        )
        keys, rest = found.columns[: len(domain)], found.columns[len(domain) :]
        matched = rest[-1][1]
        own = tuple(column for _, column in domain)
        plan: Plan = Join(
            left=Domain(columns=own),
            right=found.plan,
            kind=JoinKind.LEFT,
            on=tuple((mine, theirs) for mine, (_, theirs) in zip(own, keys, strict=True)),
            nulls_equal=True,
        )
        nothing: dict[str, Expr] = {name: literal(value, _dtype(nested, name)) for name, value in nested.defaults}
        written = [*(value for _, value in nested.values), *nested.having]
        filled = []
        for (name, column), value in zip(rest, written, strict=False):
            default = substitute(value, nothing)
            filled.append((name, case([(call("is_null", matched), default)], column)))
        width = len(nested.values)
        plan = filtered(plan, [part for _, part in filled[width:]])
        shown = [(f"outer {place}", column) for place, column in enumerate(own)]
        return self._columns(plan, [*shown, *filled[:width]])

    def _columns(self, plan: Plan, values: Sequence[tuple[str, Expr]]) -> BoundQuery:
        names = self._statement.names
        columns = tuple((name, Column(name=names.fresh(name), dtype=value.dtype)) for name, value in values)
        exprs = [NamedExpr(name=c.name, expr=value) for (_, c), (_, value) in zip(columns, values, strict=True)]
        return BoundQuery(plan=Project(input=plan, exprs=tuple(exprs)), columns=columns)


def _dtype(nested: Nested, name: str) -> dtypes.DataType:
    return nested.plan.schema[name].dtype
