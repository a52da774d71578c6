"""One SELECT: its clauses in the order in which they are computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from ...engine.expr import (
    Column,
    Expr,
    Literal,
    NamedExpr,
    SortKey,
    call,
    columns_of,
    conjuncts,
    literal,
)
from ...engine.plan import Distinct, Plan, Project, Sort
from ...engine.plan.window import has_window
from ...engine.traversal import transform_down
from .aggregates import Aggregates, has_aggregate
from .attachment import attach
from .expressions import ExpressionBinder
from .grouping import GroupBinder, GroupingSet, Output, grouped
from .naming import default_name
from .operators import flattened, unwrapped
from .relations import RelationBinder, filtered, names_of, split_condition
from .scope import DomainNeeded, Scope
from .windows import first_rows, with_windows

if TYPE_CHECKING:
    from .query import BoundQuery, QueryBinder
    from .subqueries import SubqueryBinder

_SELECT_ARGS = (
    "with_", "expressions", "distinct", "from_", "joins", "where", "group", "having", "windows", "qualify", "order",
    "limit", "offset",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """A SELECT before its projection.

    Attributes
    ----------
    plan
        Rows after WHERE and grouping (HAVING is not applied yet).
    items
        Names and expressions of the SELECT list, over the plan's columns.
    having
        Conditions of HAVING, over the plan's columns.
    keys
        Of a correlated query: pairs of an outer expression and a column of the plan that must equal it.
    nulls_equal
        Whether nulls count as equal in those pairs.
    residual
        Conditions over outer columns and the plan's columns; only where there are no aggregates.
    implicit
        Whether there are aggregates without GROUP BY, so that no rows still give one.
    of_no_rows
        The values of the aggregates' columns where there are no rows.
    """

    plan: Plan
    items: tuple[tuple[str, Expr], ...]
    having: tuple[Expr, ...] = ()
    order: tuple[SortKey, ...] = ()
    keys: tuple[tuple[Expr, Column], ...] = ()
    nulls_equal: bool = False
    residual: tuple[Expr, ...] = ()
    implicit: bool = False
    of_no_rows: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """The clauses that may read window functions; ``distinct_on`` is None without that clause."""

    order: list[SortKey]
    qualify: list[Expr]
    distinct_on: list[Expr] | None

    def rewritten(self, rewrite: Callable[[Expr], Expr]) -> Later:
        """Return the clauses over other columns."""
        return Later(
            order=[replace(key, expr=rewrite(key.expr)) for key in self.order],
            qualify=[rewrite(expr) for expr in self.qualify],
            distinct_on=None if self.distinct_on is None else [rewrite(expr) for expr in self.distinct_on],
        )


class SelectBinder:
    """Binds one SELECT in its scope."""

    def __init__(self, *, queries: QueryBinder, node: exp.Select, scope: Scope, subqueries: SubqueryBinder) -> None:
        self._queries = queries
        self._statement = queries.statement
        self._source = queries.statement.source
        self._node = node
        self._scope = scope
        self._subqueries = subqueries
        self._aliases: dict[str, exp.Expr] = {}

    def bind(self) -> BoundQuery:
        """Return the whole SELECT."""
        from .query import BoundQuery

        core = self.core(lift=False)
        plan, columns, keys = self._projected(core)
        if keys:
            plan = Sort(input=plan, keys=keys)
        return BoundQuery(plan=self._queries.limited(plan, self._node), columns=columns)

    # --- the clauses before the projection

    def core(self, *, lift: bool) -> Core:
        """Return everything before the projection; with ``lift`` WHERE may read outer columns."""
        self._statement.allow_only(self._node, _SELECT_ARGS, "SELECT")
        relations = RelationBinder(queries=self._queries, scope=self._scope, expressions=self._binder)
        plan = relations.bind(self._node)
        outputs = self._outputs()
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
        for part in flattened(clause.this, exp.And):
            joined = len(binder.attachments)
            condition = self._subqueries.condition(binder, part)
            own = names_of(plan) | {n for a in binder.attachments for n in a.plan.schema.names}
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
        return filtered(plan, [c for c in after if not _is_true(c)]), lifted

    def _require_own(self, exprs: tuple[Expr, ...], own: frozenset[str]) -> None:
        """Ask for a domain where a nested query is joined by a column of an outer one."""
        for expr in exprs:
            for name in sorted(columns_of(expr) - own):
                raise DomainNeeded(self._scope, _column_named(expr, name))

    def _outputs(self) -> list[Output]:
        outputs: list[Output] = []
        for node in self._node.expressions:
            star = node.this if isinstance(node, exp.Column) else node
            if isinstance(star, exp.Star):
                relation = str(node.table) if isinstance(node, exp.Column) else None
                outputs.extend(self._star(node, star, relation or None))
            else:
                outputs.append(Output(name=self._output_name(node), node=node))
        if not outputs:
            raise self._source.error(self._node, "SELECT gives no columns")
        return outputs

    def _output_name(self, node: exp.Expr) -> str:
        if isinstance(node, exp.Alias):
            return str(node.alias)
        column = unwrapped(node)
        if isinstance(column, exp.Column):
            matches = self._scope.find(str(column.name), str(column.table) or None)
            return matches[0].name if len(matches) == 1 else str(column.name)
        return default_name(node)

    def _star(self, node: exp.Expr, star: exp.Star, relation: str | None) -> list[Output]:
        self._statement.allow_only(star, ("except_", "replace", "rename"), "*")
        columns = self._scope.star(relation)
        if not columns:
            if relation is not None:
                raise self._source.error(
                    node, f"unknown table or alias {relation!r}; known are {self._scope.relations}"
                )
            raise self._source.error(node, "SELECT * needs a FROM clause")
        excluded = {str(item.name).lower() for item in star.args.get("except_") or []}
        replaced = {str(item.alias).lower(): item for item in star.args.get("replace") or []}
        renamed = {str(item.this.name).lower(): str(item.alias) for item in star.args.get("rename") or []}
        known = {c.name.lower() for c in columns}
        for name in (*excluded, *replaced, *renamed):
            if name not in known:
                raise self._source.error(node, f"* has no column {name!r} to exclude, replace or rename")
        return [
            Output(
                name=renamed.get(c.name.lower(), c.name),
                node=replaced.get(c.name.lower(), node),
                column=None if c.name.lower() in replaced else c.column,
            )
            for c in columns
            if c.name.lower() not in excluded
        ]

    # --- without aggregates

    def _plain(self, plan: Plan, outputs: list[Output], lifted: list[Expr]) -> Core:
        binder = self._binder("SELECT")
        items = [(o.name, o.column or binder.bind(o.node)) for o in outputs]
        later = self._later(binder, outputs, items)
        plan = attach(plan, binder.attachments)
        keys, residual = self._correlation(plan, lifted)
        computed = [NamedExpr(name=c.name, expr=e) for _, e, c in keys if e != c]
        if computed:
            own = [NamedExpr(name=f.name, expr=Column(name=f.name, dtype=f.dtype)) for f in plan.schema]
            plan = Project(input=plan, exprs=(*own, *computed))
        core = Core(
            plan=plan,
            items=tuple(items),
            order=tuple(later.order),
            keys=tuple((outer, column) for outer, _, column in keys),
            nulls_equal=bool(self._scope.domain),
            residual=tuple(residual),
        )
        return self._after_windows(core, later)

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
        return any(has_aggregate(node) for node in nodes)

    def _aggregated(self, plan: Plan, outputs: list[Output], lifted: list[Expr]) -> Core:
        grouping = self._binder("GROUP BY")
        sets = GroupBinder(grouping, outputs).sets(self._node)
        aggregates = Aggregates(self._statement.names)
        binder = self._binder("SELECT", aggregates)
        binder.nested = grouping.nested
        items = [(o.name, o.column or binder.bind(o.node)) for o in outputs]
        having = self._having(binder)
        later = self._later(binder, outputs, items)
        plan = attach(plan, [*grouping.attachments, *binder.input_attachments])
        ties, residual = self._correlation(plan, lifted)
        if residual:
            outer = next(iter(columns_of(residual[0]) - names_of(plan)))
            raise DomainNeeded(self._scope, _column_named(residual[0], outer))
        by_key = self._named_keys(sets, ties)
        self._check_sets(sets, ties, by_key, aggregates)
        groups = grouped(plan, sets, [own for _, own, _ in ties], by_key, aggregates)
        known = names_of(groups) | {n for a in binder.attachments for n in a.plan.schema.names}
        rewrite = self._grouped(by_key, known, binder.places)
        core = Core(
            plan=attach(groups, binder.attachments, rewrite),
            items=tuple((name, rewrite(expr)) for name, expr in items),
            having=tuple(rewrite(part) for part in having),
            order=tuple(later.rewritten(rewrite).order),
            keys=tuple((outer, by_key[own]) for outer, own, _ in ties),
            nulls_equal=bool(self._scope.domain),
            implicit=sets == ((),),
            of_no_rows=tuple(aggregates.of_no_rows().items()),
        )
        return self._after_windows(core, later.rewritten(rewrite))

    def _check_sets(
        self,
        sets: tuple[GroupingSet, ...],
        ties: list[tuple[Expr, Expr, Column]],
        by_key: dict[Expr, Column],
        aggregates: Aggregates,
    ) -> None:
        group = self._node.args.get("group")
        for keys in aggregates.groupings():
            if any(key not in by_key for key in keys):
                place = self._node.find(exp.Grouping, exp.GroupingId)
                raise self._source.error(place or group, "the arguments of GROUPING must be keys of GROUP BY")
        if ties and len(sets) > 1 and () in sets:
            raise self._source.unsupported(group, "the empty grouping set in a correlated subquery")

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
        return [part for part in parts if not _is_true(part)]

    # --- QUALIFY, DISTINCT ON and ORDER BY: what may read window functions

    def _later(self, binder: ExpressionBinder, outputs: list[Output], items: list[tuple[str, Expr]]) -> Later:
        order = self._order_keys(binder, outputs, items)
        qualify: list[Expr] = []
        clause = self._node.args.get("qualify")
        if clause is not None:
            binder.clause = "QUALIFY"
            qualify = [binder.condition(part) for part in flattened(clause.this, exp.And)]
        distinct = self._node.args.get("distinct")
        on: list[Expr] | None = None
        if distinct is not None and distinct.args.get("on") is not None:
            binder.clause = "DISTINCT ON"
            named = unwrapped(distinct.args["on"])
            nodes = named.expressions if isinstance(named, exp.Tuple) else [named]
            on = [expr for node in nodes for expr in self._ordered_by(binder, node, outputs, items)]
        for attachment in (*binder.attachments, *binder.input_attachments):
            if any(has_window(expr) for expr in attachment.outer):
                place = self._node.find(exp.Window)
                raise self._source.unsupported(place, "a window function that a subquery reads")
        return Later(order=order, qualify=qualify, distinct_on=on)

    def _after_windows(self, core: Core, later: Later) -> Core:
        """Compute window functions, and keep the rows that QUALIFY and DISTINCT ON leave."""
        width = len(core.items)
        exprs = [*(expr for _, expr in core.items), *(key.expr for key in later.order), *later.qualify]
        if later.distinct_on is None and not later.qualify and not any(map(has_window, exprs)):
            return core
        if core.implicit and core.keys:
            place = self._node.find(exp.Window, exp.Qualify, exp.Distinct)
            raise self._source.unsupported(place, "a window function in a correlated aggregate")
        if core.residual:
            outer = next(iter(columns_of(core.residual[0]) - names_of(core.plan)))
            raise DomainNeeded(self._scope, _column_named(core.residual[0], outer))
        names, ties = self._statement.names, [own for _, own in core.keys]
        plan = filtered(core.plan, core.having)
        with self._source.placed(self._node.find(exp.Window) or self._node):
            plan, exprs = with_windows(names, plan, exprs, ties)
        order = [replace(key, expr=e) for key, e in zip(later.order, exprs[width:], strict=False)]
        plan = filtered(plan, exprs[width + len(order) :])
        if later.distinct_on is not None:
            plan, (*_, number) = first_rows(names, plan, [*ties, *later.distinct_on], order)
            plan = filtered(plan, [call("equal", number, literal(1))])
        items = tuple((name, expr) for (name, _), expr in zip(core.items, exprs, strict=False))
        return replace(core, plan=plan, items=items, order=tuple(order), having=(), implicit=False)

    # --- ORDER BY and the projection

    def _order_keys(
        self, binder: ExpressionBinder, outputs: list[Output], items: list[tuple[str, Expr]]
    ) -> list[SortKey]:
        from .query import sort_key

        order = self._node.args.get("order")
        if order is None:
            return []
        binder.clause = "ORDER BY"
        keys: list[SortKey] = []
        for item in order.expressions:
            self._statement.allow_only(item, ("this", "desc", "nulls_first"), "ORDER BY")
            exprs = self._ordered_by(binder, item.this, outputs, items)
            keys.extend(sort_key(expr, item) for expr in exprs if not isinstance(expr, Literal))
        return keys

    def _ordered_by(
        self,
        binder: ExpressionBinder,
        node: exp.Expr,
        outputs: list[Output],
        items: list[tuple[str, Expr]],
    ) -> list[Expr]:
        from .query import ordinal

        if isinstance(node, exp.Var) and node.name.upper() == "ALL":
            return [expr for _, expr in items]
        position = ordinal(node)
        if position is not None:
            if not 1 <= position <= len(items):
                raise self._source.error(node, f"ORDER BY {position}: the SELECT list has {len(items)} columns")
            return [items[position - 1][1]]
        if isinstance(node, exp.Column) and not node.table:
            for output, (name, expr) in zip(outputs, items, strict=True):
                if isinstance(output.node, exp.Alias) and name.lower() == node.name.lower():
                    return [expr]
        return [binder.bind(node)]

    def _projected(self, core: Core) -> tuple[Plan, tuple[tuple[str, Column], ...], tuple[SortKey, ...]]:
        """Return the projected plan, its visible columns and its sort keys, which may be further columns."""
        plan = filtered(core.plan, core.having)
        named: dict[Expr, Column] = {}
        exprs: list[NamedExpr] = []
        columns = []
        for name, expr in core.items:
            column = self._column_for(expr, name, exprs)
            named.setdefault(expr, column)
            columns.append((name, column))
        keys = []
        for key in core.order:
            if key.expr not in named:
                if self._is_distinct:
                    raise self._source.error(
                        self._node.args["order"], "with SELECT DISTINCT, ORDER BY may only name columns of its list"
                    )
                named[key.expr] = self._column_for(key.expr, "sort_key", exprs)
            keys.append(SortKey(expr=named[key.expr], descending=key.descending, nulls_first=key.nulls_first))
        if [e.name for e in exprs] != list(plan.schema.names) or not all(e.is_passthrough for e in exprs):
            plan = Project(input=plan, exprs=tuple(exprs))
        return self._distinct(plan), tuple(columns), tuple(keys)

    def _column_for(self, expr: Expr, wanted: str, exprs: list[NamedExpr]) -> Column:
        """Add an expression to the projection; a column keeps its name where that is still free in it."""
        keeps = isinstance(expr, Column) and all(e.name != expr.name for e in exprs)
        name = expr.name if keeps and isinstance(expr, Column) else self._statement.names.fresh(wanted)
        exprs.append(NamedExpr(name=name, expr=expr))
        return Column(name=name, dtype=expr.dtype)

    def _distinct(self, plan: Plan) -> Plan:
        return Distinct(input=plan) if self._is_distinct else plan

    @property
    def _is_distinct(self) -> bool:
        """Whether whole rows are compared; DISTINCT ON has been applied before."""
        clause = self._node.args.get("distinct")
        return clause is not None and clause.args.get("on") is None


def _aliases(node: exp.Select) -> dict[str, exp.Expr]:
    aliases: dict[str, exp.Expr] = {}
    for item in node.expressions:
        if isinstance(item, exp.Alias):
            aliases.setdefault(str(item.alias).lower(), item.this)
    return aliases


def _is_true(expr: Expr) -> bool:
    return isinstance(expr, Literal) and expr.value is True


def _column_named(expr: Expr, name: str) -> Column:
    from ...engine.traversal import walk

    return next(e for e in walk(expr) if isinstance(e, Column) and e.name == name)
