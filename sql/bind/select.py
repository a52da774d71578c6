"""One SELECT: its clauses in the order in which they are computed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlglot import exp

from ...engine.expr import Column, Expr, NamedExpr, columns_of, conjuncts
from ...engine.plan import Plan, Sort, filtered
from ...engine.plan.window import has_window
from ...engine.traversal import transform_down
from .aggregates import Aggregates, has_aggregate
from .attachment import attach
from .bound import BoundQuery, with_columns
from .core import Core, column_named
from .expressions import ExpressionBinder
from .grouping import GroupBinder, GroupingSet, Output, grouped
from .joins import names_of, split_condition
from .later import LaterBinder
from .limits import limited, sampled
from .literals import is_true
from .operators import flattened
from .outputs import OutputBinder
from .owners import AggregatedOutside
from .projection import Projection
from .registered import task_of
from .relations import RelationBinder
from .scope import DomainNeeded, Scope
from .unnesting import unnested

if TYPE_CHECKING:
    from .query import QueryBinder
    from .subqueries import SubqueryBinder

_SELECT_ARGS = (
    "with_", "expressions", "distinct", "from_", "joins", "where", "group", "having", "windows", "qualify", "order",
    "limit", "offset", "sample",
)  # fmt: skip


class SelectBinder:
    """Binds one SELECT in its scope."""

    def __init__(self, *, queries: QueryBinder, node: exp.Select, scope: Scope, subqueries: SubqueryBinder) -> None:
        self._queries = queries
        self._statement = queries.statement
        self._source = queries.statement.source
        self._node = node
        self._scope = scope
        self._subqueries = subqueries
        self._lists = OutputBinder(queries.statement, scope, queries.constant)
        self._later = LaterBinder(queries.statement, node, scope, self._lists)
        self._aliases: dict[str, exp.Expr] = {}

    def bind(self) -> BoundQuery:
        """Return the whole SELECT."""
        core = self.core(lift=False)
        plan, columns, keys = Projection(self._statement, self._node).apply(core)
        if keys:
            plan = Sort(input=plan, keys=keys)
        return BoundQuery(plan=limited(self._queries, plan, self._node, keys), columns=columns)

    # --- the clauses before the projection

    def core(self, *, lift: bool) -> Core:
        """Return everything before the projection; with ``lift`` WHERE may read outer columns."""
        try:
            return self._core(lift=lift)
        except AggregatedOutside as found:
            if found.scope is not self._scope:
                raise
        self._scope.columns, self._scope.aggregated = [], True
        return self._core(lift=lift)

    def _core(self, *, lift: bool) -> Core:
        self._statement.allow_only(self._node, _SELECT_ARGS, "SELECT")
        relations = RelationBinder(queries=self._queries, scope=self._scope, expressions=self._binder)
        plan = relations.bind(self._node)
        if self._node.args.get("sample") is not None:
            plan = sampled(self._queries, plan, self._node.args["sample"])
        added = {}
        for item in self._node.expressions:
            if task_of(item) is not None:
                plan, added[id(item)] = relations.modelled(plan, item)
        outputs = self._lists.outputs(self._node, added)
        self._aliases = _aliases(self._node)
        plan, lifted = self._where(plan, lift=lift)
        if self._is_aggregated(outputs):
            return self._aggregated(plan, outputs, lifted)
        return self._plain(plan, outputs, lifted)

    def _binder(self, clause: str, aggregates: Aggregates | None = None) -> ExpressionBinder:
        return ExpressionBinder(
            statement=self._statement,
            scope=self._scope,
            subqueries=self._subqueries,
            clause=clause,
            aliases=self._aliases,
            aggregates=aggregates,
        )

    def _where(self, plan: Plan, *, lift: bool) -> tuple[Plan, list[Expr]]:
        """Apply WHERE; conditions on outer columns are returned instead."""
        clause = self._node.args.get("where")
        if clause is None:
            return plan, []
        binder = self._binder("WHERE")
        plain: list[Expr] = []
        after: list[Expr] = []
        lifted: list[Expr] = []
        self._scope.lifting = lift and not self._scope.domain
        for part in [c for p in flattened(clause.this, exp.And) for c in self._lists.conditions(p)]:
            joined = len(binder.attachments)
            condition = self._subqueries.condition(binder, part)
            own = names_of(plan) | {n for a in binder.attachments for n in a.names}
            for attachment in binder.attachments[joined:]:
                self._require_own(attachment.outer, own)
            if not columns_of(condition) <= own:
                lifted.extend(conjuncts(condition))
            elif len(binder.attachments) > joined:
                after.append(condition)
            else:
                plain.append(condition)
        self._scope.lifting = False
        plan = attach(filtered(plan, plain), binder.attachments)
        return filtered(plan, [c for c in after if not is_true(c)]), lifted

    def _require_own(self, exprs: tuple[Expr, ...], own: frozenset[str]) -> None:
        """Ask for a domain where a nested query is joined by a column of an outer one."""
        for expr in exprs:
            for name in sorted(columns_of(expr) - own):
                raise DomainNeeded(self._scope, column_named(expr, name))

    # --- without aggregates

    def _plain(self, plan: Plan, outputs: list[Output], lifted: list[Expr]) -> Core:
        binder = self._binder("SELECT")
        items = [(o.name, o.column or binder.bind(o.node)) for o in outputs]
        later = self._later.bind(binder, outputs, items)
        plan = attach(plan, binder.attachments)
        keys, residual = self._correlation(plan, lifted)
        computed = [NamedExpr(name=c.name, expr=e) for _, e, c in keys if e != c]
        if computed:
            plan = with_columns(plan, computed)
        core = Core(
            plan=plan,
            items=tuple(items),
            order=tuple(later.order),
            keys=tuple((outer, column) for outer, _, column in keys),
            nulls_equal=bool(self._scope.domain),
            residual=tuple(residual),
        )
        return unnested(self._later.applied(core, later))

    def _correlation(self, plan: Plan, lifted: list[Expr]) -> tuple[list[tuple[Expr, Expr, Column]], list[Expr]]:
        """Sort what ties this query to the outer one: (outer expression, own expression, own column), and the rest."""
        keys: list[tuple[Expr, Expr, Column]] = [(outer, own, own) for outer, own in self._scope.domain]
        own_names = names_of(plan)
        outer_names = frozenset(n for part in lifted for n in columns_of(part)) - own_names
        condition = split_condition(lifted, outer_names, own_names)
        for outer, own in condition.on:
            column = (
                own if isinstance(own, Column) else Column(name=self._statement.names.fresh("key"), dtype=own.dtype)
            )
            keys.append((outer, own, column))
        return keys, [*condition.left_only, *condition.rest]

    # --- with aggregates

    def _is_aggregated(self, outputs: list[Output]) -> bool:
        if self._node.args.get("group") is not None or self._node.args.get("having") is not None:
            return True
        order = self._node.args.get("order")
        qualify = self._node.args.get("qualify")
        nodes = [o.node for o in outputs if o.column is None] + [n for n in (order, qualify) if n is not None]
        return self._scope.aggregated or any(has_aggregate(node, self._scope) for node in nodes)

    def _aggregated(self, plan: Plan, outputs: list[Output], lifted: list[Expr]) -> Core:
        grouping = self._binder("GROUP BY")
        sets = GroupBinder(grouping, outputs).sets(self._node)
        aggregates = Aggregates(self._statement.names)
        binder = self._binder("SELECT", aggregates)
        binder.nested, binder.computed = grouping.nested, dict(grouping.computed)
        self._scope.aggregating = binder
        items = [(o.name, o.column or binder.bind(o.node)) for o in outputs]
        having = self._having(binder)
        later = self._later.bind(binder, outputs, items)
        self._scope.aggregating = None
        plan = attach(plan, [*grouping.attachments, *binder.input_attachments])
        ties, residual = self._correlation(plan, lifted)
        # The group of all rows is there for every outer value, which only a domain knows.
        later_reads = bool(binder.attachments) or any(map(has_window, (*(e for _, e in items), *later.qualify)))
        complete = () in sets and bool(ties) and (len(sets) > 1 or later_reads)
        if residual or (complete and not self._scope.domain):
            read = residual[0] if residual else ties[0][0]
            outer = next(iter(columns_of(read) - names_of(plan)))
            raise DomainNeeded(self._scope, column_named(read, outer))
        by_key = self._named_keys(sets, ties)
        self._check_sets(by_key, aggregates)
        names = self._statement.names if complete else None
        groups = grouped(plan, sets, [own for _, own, _ in ties], by_key, aggregates, names)
        known = names_of(groups) | {n for a in binder.attachments for n in a.names}
        rewrite = self._grouped(by_key, known, binder.places)
        core = Core(
            plan=attach(groups, binder.attachments, rewrite),
            items=tuple((name, rewrite(expr)) for name, expr in items),
            having=tuple(rewrite(part) for part in having),
            order=tuple(later.rewritten(rewrite).order),
            keys=tuple((outer, by_key[own]) for outer, own, _ in ties),
            nulls_equal=bool(self._scope.domain),
            implicit=sets == ((),) and not complete,
            of_no_rows=tuple(aggregates.of_no_rows().items()),
        )
        return unnested(self._later.applied(core, later.rewritten(rewrite)))

    def _check_sets(self, by_key: dict[Expr, Column], aggregates: Aggregates) -> None:
        group = self._node.args.get("group")
        for keys in aggregates.groupings():
            if any(key not in by_key for key in keys):
                place = self._node.find(exp.Grouping, exp.GroupingId)
                raise self._source.error(place or group, "the arguments of GROUPING must be keys of GROUP BY")

    def _named_keys(self, sets: tuple[GroupingSet, ...], ties: list[tuple[Expr, Expr, Column]]) -> dict[Expr, Column]:
        by_key: dict[Expr, Column] = {}
        for expr in (*(key for keys in sets for key in keys), *(own for _, own, _ in ties)):
            if expr not in by_key:
                own = isinstance(expr, Column)
                name = expr.name if isinstance(expr, Column) else self._statement.names.fresh("key")
                by_key[expr] = expr if own and isinstance(expr, Column) else Column(name=name, dtype=expr.dtype)
        return by_key

    def _grouped(
        self, by_key: dict[Expr, Column], known: frozenset[str], places: dict[str, exp.Expr]
    ) -> Callable[[Expr], Expr]:
        """Return a function that reads group keys from their columns and refuses any other column."""

        def rewrite(expr: Expr) -> Expr:
            result = transform_down(expr, lambda e: by_key.get(e, e))
            for name in sorted(columns_of(result) - known):
                place = places.get(name)
                shown = place.name if place is not None else name
                raise self._source.error(
                    place or self._node,
                    f"column {shown!r} must appear in GROUP BY or inside an aggregate, e.g. any_value({shown})",
                )
            return result

        return rewrite

    def _having(self, binder: ExpressionBinder) -> list[Expr]:
        clause = self._node.args.get("having")
        if clause is None:
            return []
        binder.clause = "HAVING"
        parts = [self._subqueries.condition(binder, part) for part in flattened(clause.this, exp.And)]
        return [part for part in parts if not is_true(part)]


def _aliases(node: exp.Select) -> dict[str, exp.Expr]:
    aliases: dict[str, exp.Expr] = {}
    for item in node.expressions:
        if isinstance(item, exp.Alias):
            aliases.setdefault(str(item.alias).lower(), item.this)
    return aliases
