"""FROM: tables, files, subqueries and joins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from ...engine import dtypes
from ...engine.errors import suggestion
from ...engine.expr import FLIPPED, Call, Column, Expr, NamedExpr, call, columns_of, conjuncts
from ...engine.frame.range_source import RangeSource
from ...engine.frame.registered import Role
from ...engine.plan import Join, JoinKind, Nearest, Plan, Project, Scan, filtered, nearest_join
from ...engine.records import dataclass, replace
from ...engine.schema import Field, Schema
from .attachment import Attached, Domain, attach
from .bound import BoundQuery
from .joins import joined, names_of, semi, split_condition, within_domain
from .json_tables import json_table, with_fields
from .limits import sampled
from .names import deduplicated
from .operands import zoned
from .operators import flattened
from .pairing import positional
from .pivots import PivotBinder
from .registered import applied, model_arguments, task_of
from .rewriting import behind_commas, is_always, without_alias
from .rows import RowsSource, one_row
from .scope import ReadsOuter, Scope, ScopeColumn
from .table_functions import Moments, Series, table_function
from .unnesting import beside_values, list_of, lists_in_from
from .using import Relation, merged, shared_names, using_pair

if TYPE_CHECKING:
    from .expressions import ExpressionBinder
    from .query import QueryBinder

_TABLE_ARGS = ("this", "alias", "db", "catalog", "joins", "pivots", "sample")
_SUBQUERY_ARGS = ("this", "alias", "joins", "pivots", "sample", "with_", "order", "limit", "offset")
_JOIN_ARGS = ("this", "on", "side", "kind", "using", "method")
_ORDERED = ("ASOF", "POSITIONAL")
_SEMI_KINDS = {"SEMI": JoinKind.SEMI, "ANTI": JoinKind.ANTI}


@dataclass(slots=True, kw_only=True)
class _On:
    """What ON states: conditions over the two plans, and those that can be computed only of joined rows."""

    left: Plan
    right: Plan
    parts: list[Expr] = field(default_factory=list)
    attachments: list[Attached] = field(default_factory=list)
    after: list[Expr] = field(default_factory=list)


class RelationBinder:
    """Binds the FROM clause of one SELECT; puts the columns that can be named into its scope.

    ``expressions`` makes a binder for a join's condition.
    """

    def __init__(self, *, queries: QueryBinder, scope: Scope, expressions: Callable[[str], ExpressionBinder]) -> None:
        self._queries = queries
        self._statement = queries.statement
        self._source = queries.statement.source
        self._scope = scope
        self._expressions = expressions

    def bind(self, node: exp.Select) -> Plan:
        """Return the plan of FROM, joined with the scope's domain; without FROM it is one row."""
        start = None
        if self._scope.domain:
            start = Relation(plan=Domain(columns=tuple(own for _, own in self._scope.domain)), columns=())
        clause = node.args.get("from_")
        joins = behind_commas(node.args.get("joins") or [])
        nothing = Relation(plan=Scan(source=one_row(self._statement.names.fresh("one_row"))), columns=())
        if clause is not None and (unnested := lists_in_from(clause.this)) is not None:
            relation = self._unnest(start or nothing, clause.this, *unnested)
        else:
            relation = self._first(start, nothing, None if clause is None else clause.this)
        self._scope.columns = list(relation.columns)
        for join in joins:
            relation = self._join(relation, join)
            self._scope.columns = list(relation.columns)
        return relation.plan

    def _first(self, start: Relation | None, nothing: Relation, node: exp.Expr | None) -> Relation:
        try:
            first = nothing if node is None else self._relation(node)
        except ReadsOuter:
            if self._scope.outer is None or node is None:
                raise
            return self._correlated(start or nothing, node)
        return first if start is None else self._product(start, first)

    # --- single relations

    def _relation(self, node: exp.Expr) -> Relation:
        if isinstance(node, exp.Table):
            relation = self._table(node)
        elif isinstance(node, exp.Subquery):
            relation = self._subquery(node)
        elif isinstance(node, exp.Values):
            self._statement.allow_only(node, ("expressions", "alias"), "VALUES")
            queries = replace(self._queries, around=self._scope)
            relation = self._named(queries.bind(node), node.args.get("alias"), "values")
        else:
            raise self._source.unsupported(node, f"{node.key.upper()} in FROM")
        if node.args.get("sample") is not None:
            relation = replace(relation, plan=sampled(self._queries, relation.plan, node.args["sample"]))
        for pivot in node.args.get("pivots") or []:
            rows = BoundQuery(plan=relation.plan, columns=tuple((c.name, c.column) for c in relation.columns))
            turned = PivotBinder(self._queries).bind(pivot, rows)
            relation = self._named(turned, pivot.args.get("alias"), "unnamed_pivot")
        for join in node.args.get("joins") or []:
            relation = self._join(relation, join)
        return relation

    def _table(self, node: exp.Table) -> Relation:
        self._statement.allow_only(node, _TABLE_ARGS, "FROM")
        alias = node.args.get("alias")
        if not isinstance(node.this, exp.Identifier):
            return self._function(node, alias)
        parts = tuple(part.name for part in node.parts)
        bound = self._queries.cte(".".join(parts))
        if bound is not None:
            return self._named(bound, alias, parts[-1])
        plan = self._statement.catalogue.table(parts)
        if plan is not None:
            return self._named(self._queries.table(plan), alias, parts[-1])
        if node.this.quoted and len(parts) == 1:
            found = self._file_or_none(node, parts[0], alias)
            if found is not None:
                return found
        known = (*self._queries.cte_names, *self._statement.catalogue.names())
        shown = ".".join(parts)
        hint = suggestion(shown, known) if known else "; no table has a name here"
        if "did you mean" not in hint:
            quoted = node.this.quoted and "." not in shown
            hint += (
                f"; a file without an ending is read by a function: read_csv('{shown}')"
                if quoted
                else f"; a file is named in quotes, like '{shown if '.' in shown else 'trips.parquet'}'"
            )
        raise self._source.error(node, f"unknown table {shown!r}{hint}")

    def _function(self, node: exp.Table, alias: exp.Expr | None) -> Relation:
        if task_of(node.this) is not None:
            found, rows = model_arguments(self._statement, node.this)
            bound = self._rows(rows)
            wide, added = applied(self._statement, node.this, found, bound)
            return self._named(BoundQuery(plan=wide, columns=(*bound.columns, *added)), alias, str(task_of(node.this)))
        registered = self._statement.catalogue.registered(str(node.this.name))
        if isinstance(node.this, exp.Anonymous) and registered is not None and registered.role is Role.TABLE:
            args = [self._argument(arg) for arg in node.this.expressions]
            with self._source.placed(node):
                made = self._statement.catalogue.call(registered, str(node.this.name), args)
            return self._named(self._queries.table(made), alias, str(node.this.name))
        called = table_function(self._source, node.this, self._queries.constant, self._queries.value)
        if isinstance(called, Series):
            name = (alias.name if alias is not None else "") or called.name
            series = RangeSource(name=name, start=called.start, stop=called.stop, step=called.step)
            return self._named(self._queries.table(Scan(source=series)), alias, name)
        if isinstance(called, Moments):
            schema = Schema((Field(called.name, dtypes.timestamp("us")),))
            moments = RowsSource(schema=schema, values=tuple((value,) for value in called.values))
            return self._named(self._queries.table(Scan(source=moments)), alias, called.name)
        paths: str | list[str] = called.paths[0] if len(called.paths) == 1 else list(called.paths)
        with self._source.placed(node):
            plan = self._statement.catalogue.file(paths, called.format, **called.options)
        if plan is None:
            raise self._source.error(node, f"{called.paths[0]!r} cannot be read as a table")
        if called.only:
            fields = {f.name: f.dtype for f in plan.schema}
            kept = tuple(NamedExpr(name=name, expr=Column(name=name, dtype=fields[name])) for name in called.only)
            plan = Project(input=plan, exprs=kept)
        return self._named(self._queries.table(plan), alias, PurePosixPath(called.paths[0]).stem)

    def _rows(self, node: exp.Expr) -> BoundQuery:
        """Return the rows that a function of tables is given: a table by its name, or a query."""
        if isinstance(node, exp.Column) and not isinstance(node.this, exp.Star):
            node = exp.Table(this=node.this.copy())
        if not isinstance(node, exp.Table | exp.Subquery | exp.Query):
            raise self._source.unsupported(node, "a table argument that is neither a name nor a query")
        relation = self._relation(node if isinstance(node, exp.Table | exp.Subquery) else exp.Subquery(this=node))
        return BoundQuery(plan=relation.plan, columns=tuple((c.name, c.column) for c in relation.columns))

    def _argument(self, node: exp.Expr) -> Any:
        """Return an argument of a function of tables: a plan, or a plain value."""
        known = isinstance(node, exp.Column) and not node.table
        if isinstance(node, exp.Subquery) or known:
            bound = self._rows(node)
            exprs = tuple(NamedExpr(name=shown, expr=column) for shown, column in bound.columns)
            return Project(input=bound.plan, exprs=exprs)
        return self._queries.value(node, "an argument").value

    def modelled(self, plan: Plan, node: exp.Expr) -> tuple[Plan, tuple[tuple[str, Column], ...]]:
        """Return a plan with what a model says of its rows, as ``predict(m, *)`` asks for, and the columns added."""
        found, rows = model_arguments(self._statement, node)
        if not isinstance(rows, exp.Star):
            raise self._source.error(node, f"{task_of(node)} stands in FROM, or takes * here")
        shown = tuple((c.name, c.column) for c in self._scope.star())
        return applied(self._statement, node, found, BoundQuery(plan=plan, columns=shown))

    def _file_or_none(self, node: exp.Expr, path: str, alias: exp.Expr | None) -> Relation | None:
        plan = self._statement.catalogue.file(path)
        if plan is None:
            return None
        return self._named(self._queries.table(plan), alias, PurePosixPath(path).stem)

    def _subquery(self, node: exp.Subquery) -> Relation:
        alias = node.args.get("alias")
        inner = node.this
        if isinstance(inner, exp.Table) or (isinstance(inner, exp.Subquery) and inner.args.get("joins")):
            self._statement.allow_only(node, ("this", "alias", "joins", "pivots", "sample"), "a join in parentheses")
            relation = self._relation(inner)
            return relation if alias is None else self._renamed(relation, alias)
        self._statement.allow_only(node, _SUBQUERY_ARGS, "FROM")
        queries = replace(self._queries, around=self._scope)
        return self._named(queries.bind(node), alias, "unnamed_subquery")

    def _named(self, bound: BoundQuery, alias: exp.Expr | None, default: str) -> Relation:
        name = (alias.name if alias is not None else "") or default
        columns = [ScopeColumn(name=n, relation=name, column=c) for n, c in bound.columns]
        renamed = [] if alias is None else alias.args.get("columns") or []
        if len(renamed) > len(columns):
            raise self._source.error(
                alias, f"{name!r} has {len(columns)} columns; {len(renamed)} names are given for them"
            )
        for position, identifier in enumerate(renamed):
            columns[position] = replace(columns[position], name=str(identifier.name))
        return Relation(plan=bound.plan, columns=tuple(columns))

    def _renamed(self, relation: Relation, alias: exp.Expr) -> Relation:
        """Return a join in parentheses that has got a name: its columns are those of one table."""
        shown = [c for c in relation.columns if not c.merged]
        names = deduplicated([c.name for c in shown])
        columns = tuple((name, c.column) for name, c in zip(names, shown, strict=True))
        return self._named(BoundQuery(plan=relation.plan, columns=columns), alias, "unnamed_subquery")

    # --- joins

    def _join(self, left: Relation, node: exp.Join) -> Relation:
        self._statement.allow_only(node, _JOIN_ARGS, "a join")
        method = str(node.args.get("method") or "").upper()
        side, kind = str(node.side or "").upper(), str(node.kind or "").upper()
        if method not in ("", "NATURAL", *_ORDERED) or kind not in ("", "CROSS", "INNER", "OUTER", "SEMI", "ANTI"):
            raise self._source.unsupported(node.this, f"{method or kind} JOIN")
        if isinstance(node.this, exp.Table) and task_of(node.this.this) is not None and node.this.this.find(exp.Star):
            self._scope.columns = list(left.columns)
            plan, added = self.modelled(left.plan, node.this.this)
            named = self._named_columns(added, node.this.args.get("alias"), str(task_of(node.this.this)))
            return Relation(plan=plan, columns=(*left.columns, *named))
        if lists_in_from(node.this) is not None:
            return self._joined_unnest(left, node, side if kind not in _SEMI_KINDS else kind)
        if isinstance(node.this, exp.Lateral):
            return self._lateral(left, node, side if kind not in _SEMI_KINDS else kind)
        self._scope.columns = list(left.columns)
        try:
            right = self._relation(node.this)
        except ReadsOuter:
            if method or kind in _SEMI_KINDS or node.args.get("using"):
                raise
            return self._lateral(left, node, side)
        if method == "POSITIONAL":
            both = (*left.columns, *right.columns)
            return Relation(plan=positional(self._statement.names, left.plan, right.plan), columns=both)
        using = [str(identifier.name) for identifier in node.args.get("using") or []]
        if method == "NATURAL":
            using = shared_names(self._source, node, left, right)
        on = node.args.get("on")
        if on is None and not using and (side or method or kind in _SEMI_KINDS):
            raise self._source.error(node.this, f"{method or side or kind} JOIN needs ON or USING")
        pairs = [using_pair(self._source, node, name, left, right) for name in using]
        if method == "ASOF":
            return self._asof(left, right, node, pairs)
        with self._source.placed(node.this):
            parts = [call("equal", *zoned([a.column, b.column])) for a, b in pairs]
        stated = self._condition(on, left, right) if on is not None else _On(left=left.plan, right=right.plan)
        parts.extend(stated.parts)
        condition = split_condition(parts, names_of(stated.left), names_of(stated.right))
        if stated.after and (side or kind in _SEMI_KINDS):
            return self._after_joining(left, right, node, side or kind)
        if kind in _SEMI_KINDS:
            return Relation(plan=semi(stated.left, stated.right, _SEMI_KINDS[kind], condition), columns=left.columns)
        if side in ("RIGHT", "FULL") and self._scope.domain:
            own = tuple(column for _, column in self._scope.domain)
            plan = within_domain(self._statement.names, stated.left, stated.right, side, parts, own)
        else:
            plan = joined(stated.left, stated.right, side, condition)
        plan = filtered(attach(plan, stated.attachments), stated.after)
        return merged(self._statement.names, plan, left, right, pairs, side)

    def _after_joining(self, left: Relation, right: Relation, node: exp.Join, side: str) -> Relation:
        """Join each row with the right rows that meet a condition with a subquery over both sides."""
        if side != "LEFT" or node.args.get("using") or len({c.relation for c in right.columns}) != 1:
            refused = f"a subquery that reads both sides in ON of a {side} JOIN"
            raise self._source.unsupported(node.args["on"], refused)
        query = exp.Select(expressions=[exp.Star()], from_=exp.From(this=node.this)).where(node.args["on"])
        named = exp.TableAlias(this=exp.to_identifier(right.columns[0].relation, quoted=True))
        return self._correlated(left, query, named, outer=True)

    def _asof(
        self, left: Relation, right: Relation, node: exp.Join, pairs: list[tuple[ScopeColumn, ScopeColumn]]
    ) -> Relation:
        """Join each left row with the nearest right one; the last column of USING is the one that orders."""
        side, on = str(node.side or "").upper(), node.args.get("on")
        if side not in ("", "LEFT") or str(node.kind or "").upper() in _SEMI_KINDS:
            raise self._source.unsupported(node.this, f"ASOF {side or node.kind} JOIN")
        with self._source.placed(node.this):
            parts = [call("greater_equal" if (a, b) == pairs[-1] else "equal", a.column, b.column) for a, b in pairs]
        if on is not None:
            stated = self._condition(on, left, right)
            if stated.left is not left.plan or stated.right is not right.plan or stated.after:
                raise self._source.unsupported(on, "a subquery in ON of an ASOF JOIN")
            parts.extend(stated.parts)
        condition = split_condition(parts, names_of(left.plan), names_of(right.plan))
        orders = [found for part in condition.rest if (found := _ordering(part, left, right)) is not None]
        if len(orders) != 1:
            raise self._source.error(on or node.this, f"an ASOF JOIN needs one inequality; there are {len(orders)}")
        if len(condition.rest) > 1 or (condition.left_only and side):
            raise self._source.unsupported(on, "an ASOF JOIN with further conditions than equalities")
        nearest = Nearest(on=condition.on, left=orders[0][1], right=orders[0][2], function=orders[0][0])
        plan = nearest_join(
            filtered(left.plan, condition.left_only),
            filtered(right.plan, condition.right_only),
            nearest,
            outer=side == "LEFT",
            fresh=self._statement.names.fresh,
        )
        return merged(self._statement.names, plan, left, right, pairs, side)

    def _lateral(self, left: Relation, node: exp.Join, side: str) -> Relation:
        """Join each row with what a query that reads its columns gives for it."""
        lateral, on = node.this, node.args.get("on")
        explicit = isinstance(lateral, exp.Lateral)
        query, alias = lateral.this if explicit else lateral, lateral.args.get("alias")
        if explicit:
            self._statement.allow_only(lateral, ("this", "alias"), "LATERAL")
        if side not in ("", "LEFT") or node.args.get("using") or not isinstance(query, exp.Subquery | exp.Values):
            raise self._source.unsupported(lateral, "LATERAL other than of a query, joined by ON")
        plain = is_always(on)
        if side and not plain:  # the rows that are joined are those of the query that meet the condition
            inner = exp.Subquery(this=without_alias(query), alias=None if alias is None else alias.copy())
            query, on = exp.Select(expressions=[exp.Star()], from_=exp.From(this=inner)).where(on), None
        relation = self._correlated(left, query, alias, outer=side == "LEFT")
        if on is None or plain:
            return relation
        stated = self._condition(on, relation, replace(relation, columns=()))
        return replace(
            relation, plan=filtered(attach(stated.right, stated.attachments), [*stated.parts, *stated.after])
        )

    def _correlated(
        self, left: Relation, node: exp.Expr, alias: exp.Expr | None = None, *, outer: bool = False
    ) -> Relation:
        """Join each row with what a query in FROM gives for it that reads its columns or those of queries around."""
        from .subqueries import SubqueryBinder

        if any(node.args.get(key) for key in ("pivots", "sample", "joins")):
            raise self._source.unsupported(node, "a column of the query around inside FROM (LATERAL)")
        alias = alias or node.args.get("alias")
        self._scope.columns = list(left.columns)
        plan, columns = SubqueryBinder(self._queries, self._scope).lateral(without_alias(node), left.plan, outer=outer)
        return Relation(plan=plan, columns=(*left.columns, *self._named_columns(columns, alias)))

    def _joined_unnest(self, left: Relation, node: exp.Join, side: str) -> Relation:
        """Join each row with the values of lists of its own."""
        item, on = node.this, node.args.get("on")
        unnested = lists_in_from(item)
        assert unnested is not None
        plain = is_always(on)
        if side not in ("", "LEFT") or (side and not plain) or node.args.get("using"):
            raise self._source.unsupported(item, "UNNEST joined otherwise than by CROSS JOIN or LEFT JOIN … ON true")
        relation = self._unnest(left, item, *unnested, outer=side == "LEFT")
        if on is None or plain:
            return relation
        stated = self._condition(on, relation, replace(relation, columns=()))
        return replace(relation, plan=filtered(stated.right, stated.parts))

    def _unnest(
        self, left: Relation, node: exp.Expr, lists: list[exp.Expr], value: str, *, outer: bool = False
    ) -> Relation:
        """Return the rows of a relation beside the values of lists that may be made of its columns."""
        inner = node.this if isinstance(node, exp.Lateral) else node
        if not isinstance(inner, exp.GenerateSeries):
            self._statement.allow_only(inner, ("this", "expressions", "alias", "offset"), "UNNEST")
        binder = self._expressions("UNNEST")
        bound = [list_of(binder, item) for item in lists]
        plan = attach(left.plan, binder.attachments)
        offset = inner.args.get("offset")
        counted = (offset.name if isinstance(offset, exp.Expr) else "ordinality") if offset else None
        plan, columns = beside_values(self._statement.names, plan, bound, value, counted, keeps_empty=outer)
        if json_table(lists[0]) is not None:
            plan, columns = with_fields(self._statement.names, plan, columns[0][1])
        named = self._named_columns(columns, node.args.get("alias"), value)
        return Relation(plan=plan, columns=(*left.columns, *named))

    def _named_columns(
        self, columns: tuple[tuple[str, Column], ...], alias: exp.Expr | None, default: str = "unnamed_subquery"
    ) -> tuple[ScopeColumn, ...]:
        dummy = Scan(source=one_row(self._statement.names.fresh("one_row")))
        return self._named(BoundQuery(plan=dummy, columns=columns), alias, default).columns

    def _product(self, left: Relation, right: Relation) -> Relation:
        plan = Join(left=left.plan, right=right.plan, kind=JoinKind.INNER, on=())
        return Relation(plan=plan, columns=(*left.columns, *right.columns))

    def _condition(self, node: exp.Expr, left: Relation, right: Relation) -> _On:
        """Bind ON; a subquery in it is joined to the side that it reads."""
        self._scope.columns = [*left.columns, *right.columns]
        binder = self._expressions("ON")
        on = _On(left=left.plan, right=right.plan)
        for part in flattened(node, exp.And):
            known = len(binder.attachments)
            condition = binder.condition(part)
            attached = binder.attachments[known:]
            given = frozenset(name for made in attached for name in made.names)
            reads = frozenset(name for made in attached for expr in made.outer for name in columns_of(expr)) - given
            if reads <= names_of(on.right):
                on.right = attach(on.right, attached)
            elif reads <= names_of(on.left):
                on.left = attach(on.left, attached)
            else:
                on.attachments.extend(attached)
                on.after.append(condition)
                continue
            on.parts.extend(conjuncts(condition))
        return on


def _ordering(part: Expr, left: Relation, right: Relation) -> tuple[str, Expr, Expr] | None:
    """Return an inequality between the sides of a join: its name, the left and the right expression."""
    if not isinstance(part, Call) or part.function not in FLIPPED:
        return None
    a, b = part.args
    sides = names_of(left.plan), names_of(right.plan)
    if columns_of(a) <= sides[0] and columns_of(b) <= sides[1]:
        return part.function, a, b
    return (FLIPPED[part.function], b, a) if columns_of(b) <= sides[0] and columns_of(a) <= sides[1] else None
