"""A nested query on its own: bound, with what ties it to the query around it set apart.

It is bound once with its conditions on outer columns lifted out of WHERE; equalities among them become keys. Where an
outer column is read elsewhere, the query is bound again over a domain (see ``attachment``), whose columns then are the
keys.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from ...engine.expr import Column, Expr, NamedExpr
from ...engine.plan import Aggregate, Plan, filtered
from ...engine.records import dataclass, replace
from ...engine.traversal import walk
from .branches import BranchBinder, rows_as_selects
from .inlining import inlined
from .limits import limits
from .operands import unwrapped
from .scope import DomainNeeded, ReadsOuter, Scope
from .windows import some_of_each

if TYPE_CHECKING:
    from .core import Core
    from .query import QueryBinder


@dataclass(frozen=True, slots=True, kw_only=True)
class Nested:
    """A nested query, ready to be joined.

    Attributes
    ----------
    values
        Names and expressions of what it gives, over the plan's columns.
    keys
        Pairs of an outer expression and a column of the plan; none where it is not correlated.
    one_row
        Whether there is exactly one row (for each key that occurs).
    defaults
        For an aggregate without GROUP BY: the values of its columns where there are no rows.
    having
        For an aggregate without GROUP BY: whether its row counts.
    """

    plan: Plan
    values: tuple[tuple[str, Expr], ...]
    keys: tuple[tuple[Expr, Column], ...] = ()
    nulls_equal: bool = False
    residual: tuple[Expr, ...] = ()
    one_row: bool = False
    at_most_one: bool = False
    defaults: tuple[tuple[str, Any], ...] | None = None
    having: tuple[Expr, ...] = ()
    domain: tuple[tuple[Column, Column], ...] = ()


class NestedBinder:
    """Binds the queries nested in the SELECT of one scope."""

    def __init__(self, queries: QueryBinder, scope: Scope) -> None:
        self._queries = queries
        self._statement = queries.statement
        self._source = queries.statement.source
        self._scope = scope

    def bind(self, node: exp.Expr, *, residual: bool, counted: bool = False) -> Nested:
        """Bind a nested query; with ``residual`` its conditions on outer columns need not be equalities.

        With ``counted`` it matters how often it gives a row, so that DISTINCT must be done before such conditions.
        """
        query = unwrapped(node)
        while isinstance(query, exp.Subquery) and not _modified(query):
            query = unwrapped(query.this)
        if isinstance(query, exp.Select) and not _modified(query):
            return self._select(query, residual=residual and not (counted and query.args.get("distinct")))
        if isinstance(query, exp.Values) and query.find(exp.Column) is not None:
            query = rows_as_selects(query)
        try:
            bound = replace(self._queries, around=self._scope).bind(query, self._scope)
        except DomainNeeded as need:
            if need.scope in self._scope.chain:
                raise
            if isinstance(query, exp.Select):
                return self._select(query, residual=False)
            return self._over_domain(query)
        except ReadsOuter:
            return self._over_domain(inlined(self._statement, query))
        values = tuple((name, column) for name, column in bound.columns)
        return Nested(plan=bound.plan, values=values, at_most_one=_takes_one(query))

    def _over_domain(self, query: exp.Expr) -> Nested:
        """Bind a set operation that reads the query around."""

        def select(branch: exp.Select, scope: Scope) -> Nested:
            queries = self._queries.with_ctes(branch)
            return self._from_core(branch, queries.select(branch, scope).core(lift=False), scope)

        bound, domain = BranchBinder(self._queries, self._scope, select).bind(query)
        width = len(domain)
        keys = tuple((outer, own) for (outer, _), (_, own) in zip(domain, bound.columns, strict=False))
        return Nested(
            plan=bound.plan,
            values=tuple((name, column) for name, column in bound.columns[width:]),
            keys=keys,
            nulls_equal=True,
            at_most_one=_takes_one(query),
            domain=domain,
        )

    def _select(self, query: exp.Select, *, residual: bool) -> Nested:
        try:
            queries = replace(self._queries, around=self._scope).with_ctes(query)
        except ReadsOuter:
            return self._select(inlined(self._statement, query), residual=residual)
        queries = replace(queries, around=self._queries.around)
        scope = Scope(outer=self._scope)
        while True:
            try:
                core = queries.select(query, scope).core(lift=True)
                if core.residual and not residual:
                    raise DomainNeeded(scope, self._outer_column(core))
            except DomainNeeded as need:
                if need.scope is not scope:
                    raise
                own = Column(name=self._statement.names.fresh(need.column.name), dtype=need.column.dtype)
                scope = Scope(outer=self._scope, domain=(*scope.domain, (need.column, own)))
                continue
            return self._from_core(query, core, scope)

    def _outer_column(self, core: Core) -> Column:
        own = set(core.plan.schema.names)
        columns = (e for part in core.residual for e in walk(part) if isinstance(e, Column))
        return next(column for column in columns if column.name not in own)

    def _from_core(self, query: exp.Select, core: Core, scope: Scope) -> Nested:
        distinct = query.args.get("distinct")
        if distinct is not None and distinct.args.get("on") is not None:
            distinct = None  # applied with the windows
        # A correlated aggregate without GROUP BY keeps its HAVING apart: a row that it drops is not a key without rows.
        apart = core.implicit and bool(core.keys)
        plan = core.plan if apart else filtered(core.plan, core.having)
        count, skipped = limits(self._queries, query)
        keeps_first = not skipped and (count is None or count > 0)  # all that an aggregate without GROUP BY has
        if _modified(query) and not (core.implicit and keeps_first):
            if core.implicit or distinct is not None:
                raise self._source.unsupported(query, "a correlated subquery with LIMIT and an aggregate or DISTINCT")
            own = [column for _, column in core.keys]
            plan = some_of_each(self._statement.names, plan, own, core.order, count, skipped)
        values = core.items
        keys = core.keys
        if distinct is not None and not core.implicit:
            plan, values, keys = self._distinct(plan, core)
        return Nested(
            plan=plan,
            values=values,
            keys=keys,
            nulls_equal=core.nulls_equal,
            residual=core.residual,
            defaults=core.of_no_rows if apart else None,
            having=core.having if apart else (),
            one_row=core.implicit and not core.having,
            at_most_one=core.implicit or count in (0, 1),
            domain=scope.domain,
        )

    def _distinct(
        self, plan: Plan, core: Core
    ) -> tuple[Plan, tuple[tuple[str, Expr], ...], tuple[tuple[Expr, Column], ...]]:
        if core.residual:
            return plan, core.items, core.keys  # EXISTS and IN, which ignore repetition: see `bind`
        own = {column.name: column for _, column in core.keys}
        exprs = [NamedExpr(name=name, expr=column) for name, column in own.items()]
        values = []
        for name, value in core.items:
            column = Column(name=self._statement.names.fresh(name), dtype=value.dtype)
            exprs.append(NamedExpr(name=column.name, expr=value))
            values.append((name, column))
        return Aggregate(input=plan, keys=tuple(exprs)), tuple(values), core.keys


def _modified(query: exp.Expr) -> bool:
    """Whether LIMIT or OFFSET chooses among the rows, so that they must be computed as written."""
    return query.args.get("limit") is not None or query.args.get("offset") is not None


def _takes_one(query: exp.Expr) -> bool:
    """Whether LIMIT plainly leaves no more than one row."""
    limit = query.args.get("limit")
    return isinstance(limit, exp.Limit) and limit.expression.name in ("0", "1")
