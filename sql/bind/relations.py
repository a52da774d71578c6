"""FROM: tables, files, subqueries and joins."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from sqlglot import exp

from ...engine.errors import suggestion
from ...engine.expr import Call, Column, Expr, NamedExpr, all_of, call, columns_of, conjuncts, literal
from ...engine.frame.range_source import RangeSource
from ...engine.plan import Filter, Join, JoinKind, Plan, Project, Scan, Union
from .attachment import Domain, attach
from .operators import unwrapped
from .rows import one_row
from .scope import Scope, ScopeColumn
from .table_functions import Series, table_function
from .unnesting import beside_values, list_of, lists_in_from

if TYPE_CHECKING:
    from .expressions import ExpressionBinder
    from .query import BoundQuery, QueryBinder

_TABLE_ARGS = ("this", "alias", "db", "catalog", "joins")
_JOIN_ARGS = ("this", "on", "side", "kind", "using", "method")
_SEMI_KINDS = {"SEMI": JoinKind.SEMI, "ANTI": JoinKind.ANTI}


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """A plan and the names by which its columns can be called."""

    plan: Plan
    columns: tuple[ScopeColumn, ...]


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
        joins = node.args.get("joins") or []
        nothing = Relation(plan=Scan(source=one_row(self._statement.names.fresh("one_row"))), columns=())
        if clause is not None and (unnested := lists_in_from(clause.this)) is not None:
            relation = self._unnest(start or nothing, clause.this, *unnested)
        else:
            first = nothing if clause is None else self._relation(clause.this)
            relation = first if start is None else self._product(start, first)
        self._scope.columns = list(relation.columns)
        for join in joins:
            relation = self._join(relation, join)
            self._scope.columns = list(relation.columns)
        return relation.plan

    # --- single relations

    def _relation(self, node: exp.Expr) -> Relation:
        if isinstance(node, exp.Table):
            relation = self._table(node)
        elif isinstance(node, exp.Subquery):
            relation = self._subquery(node)
        elif isinstance(node, exp.Values):
            self._statement.allow_only(node, ("expressions", "alias"), "VALUES")
            relation = self._named(self._queries.bind(node), node.args.get("alias"), "values")
        else:
            raise self._source.unsupported(node, f"{node.key.upper()} in FROM")
        for join in node.args.get("joins") or []:
            relation = self._join(relation, join)
        return relation

    def _table(self, node: exp.Table) -> Relation:
        self._statement.allow_only(node, _TABLE_ARGS, "FROM")
        alias = node.args.get("alias")
        if not isinstance(node.this, exp.Identifier):
            return self._function(node, alias)
        parts = tuple(part.name for part in node.parts)
        if len(parts) == 1:
            bound = self._queries.cte(parts[0])
            if bound is not None:
                return self._named(bound, alias, parts[0])
        plan = self._statement.catalogue.table(parts)
        if plan is not None:
            return self._named(self._queries.table(plan), alias, parts[-1])
        if node.this.quoted and len(parts) == 1:
            found = self._file_or_none(node, parts[0], alias)
            if found is not None:
                return found
        known = (*self._queries.cte_names, *self._statement.catalogue.names())
        shown = ".".join(parts)
        hint = suggestion(shown, known) if known else "; there are no tables to choose from"
        raise self._source.error(node, f"unknown table {shown!r}{hint}")

    def _function(self, node: exp.Table, alias: exp.Expr | None) -> Relation:
        called = table_function(self._source, node.this, self._queries.constant)
        if isinstance(called, Series):
            name = (alias.name if alias is not None else "") or called.name
            series = RangeSource(name=name, start=called.start, stop=called.stop, step=called.step)
            return self._named(self._queries.table(Scan(source=series)), alias, name)
        paths: str | list[str] = called.paths[0] if len(called.paths) == 1 else list(called.paths)
        with self._source.placed(node):
            plan = self._statement.catalogue.file(paths, called.format, **called.options)
        if plan is None:
            raise self._source.error(node, f"{called.paths[0]!r} cannot be read as a table")
        return self._named(self._queries.table(plan), alias, PurePosixPath(called.paths[0]).stem)

    def _file_or_none(self, node: exp.Expr, path: str, alias: exp.Expr | None) -> Relation | None:
        plan = self._statement.catalogue.file(path)
        if plan is None:
            return None
        return self._named(self._queries.table(plan), alias, PurePosixPath(path).stem)

    def _subquery(self, node: exp.Subquery) -> Relation:
        alias = node.args.get("alias")
        if isinstance(node.this, exp.Table | exp.Subquery) and not isinstance(node.this, exp.Query):
            self._statement.allow_only(node, ("this", "joins"), "a join in parentheses")
            return self._relation(node.this)
        self._statement.allow_only(node, ("this", "alias", "joins", "with_", "order", "limit", "offset"), "FROM")
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

    # --- joins

    def _join(self, left: Relation, node: exp.Join) -> Relation:
        self._statement.allow_only(node, _JOIN_ARGS, "a join")
        method = str(node.args.get("method") or "").upper()
        side, kind = str(node.side or "").upper(), str(node.kind or "").upper()
        if method not in ("", "NATURAL") or kind not in ("", "CROSS", "INNER", "OUTER", "SEMI", "ANTI"):
            raise self._source.unsupported(node.this, f"{method or kind} JOIN")
        if lists_in_from(node.this) is not None:
            return self._joined_unnest(left, node, side if kind not in _SEMI_KINDS else kind)
        if isinstance(node.this, exp.Lateral):
            return self._lateral(left, node, side if kind not in _SEMI_KINDS else kind)
        right = self._relation(node.this)
        using = [str(identifier.name) for identifier in node.args.get("using") or []]
        if method == "NATURAL":
            using = self._shared_names(node, left, right)
        on = node.args.get("on")
        if on is None and not using and (side or kind in _SEMI_KINDS):
            raise self._source.error(node.this, f"{side or kind} JOIN needs ON or USING")
        pairs = [self._using_pair(node, name, left, right) for name in using]
        with self._source.placed(node.this):
            parts = [call("equal", a.column, b.column) for a, b in pairs]
        if on is not None:
            parts.extend(self._condition(on, left, right))
        condition = split_condition(parts, names_of(left.plan), names_of(right.plan))
        if kind in _SEMI_KINDS:
            return Relation(plan=_semi(left.plan, right.plan, _SEMI_KINDS[kind], condition), columns=left.columns)
        if side in ("RIGHT", "FULL") and self._scope.domain:
            raise self._source.unsupported(node.this, f"{side} JOIN in a correlated subquery")
        plan = _joined(left.plan, right.plan, side, condition)
        return self._merged(plan, left, right, pairs, side)

    def _lateral(self, left: Relation, node: exp.Join, side: str) -> Relation:
        """Join each row with what a query that reads its columns gives for it."""
        from .subqueries import SubqueryBinder

        lateral, on = node.this, node.args.get("on")
        self._statement.allow_only(lateral, ("this", "alias"), "LATERAL")
        plain = on is None or (isinstance(unwrapped(on), exp.Boolean) and bool(unwrapped(on).this))
        if (
            side not in ("", "LEFT")
            or not plain
            or node.args.get("using")
            or not isinstance(lateral.this, exp.Subquery)
        ):
            raise self._source.unsupported(lateral, "LATERAL other than of a query, joined on true or by LEFT JOIN")
        subqueries = SubqueryBinder(self._queries, self._scope)
        plan, columns = subqueries.lateral(lateral.this, left.plan, outer=side == "LEFT")
        # The names of the query's columns are found as those of any relation.
        right = self._named_columns(columns, lateral.args.get("alias"))
        return Relation(plan=plan, columns=(*left.columns, *right))

    def _joined_unnest(self, left: Relation, node: exp.Join, side: str) -> Relation:
        """Join each row with the values of lists of its own."""
        item, on = node.this, node.args.get("on")
        unnested = lists_in_from(item)
        assert unnested is not None
        plain = on is None or (isinstance(unwrapped(on), exp.Boolean) and bool(unwrapped(on).this))
        if side not in ("", "LEFT") or (side and not plain) or node.args.get("using"):
            raise self._source.unsupported(item, "UNNEST joined otherwise than by CROSS JOIN or LEFT JOIN … ON true")
        relation = self._unnest(left, item, *unnested, outer=side == "LEFT")
        if on is None or plain:
            return relation
        right = replace(relation, columns=relation.columns[len(left.columns) :])
        return replace(relation, plan=filtered(relation.plan, self._condition(on, left, right)))

    def _unnest(
        self, left: Relation, node: exp.Expr, lists: list[exp.Expr], value: str, *, outer: bool = False
    ) -> Relation:
        """Return the rows of a relation beside the values of lists that may be made of its columns."""
        inner = node.this if isinstance(node, exp.Lateral) else node
        self._statement.allow_only(inner, ("this", "expressions", "alias", "offset"), "UNNEST")
        binder = self._expressions("UNNEST")
        bound = [list_of(binder, item) for item in lists]
        plan = attach(left.plan, binder.attachments)
        offset = inner.args.get("offset")
        counted = (offset.name if isinstance(offset, exp.Expr) else "ordinality") if offset else None
        plan, columns = beside_values(self._statement.names, plan, bound, value, counted, keeps_empty=outer)
        named = self._named_columns(columns, node.args.get("alias"), value)
        return Relation(plan=plan, columns=(*left.columns, *named))

    def _named_columns(
        self, columns: tuple[tuple[str, Column], ...], alias: exp.Expr | None, default: str = "unnamed_subquery"
    ) -> tuple[ScopeColumn, ...]:
        from .query import BoundQuery

        dummy = Scan(source=one_row(self._statement.names.fresh("one_row")))
        return self._named(BoundQuery(plan=dummy, columns=columns), alias, default).columns

    def _product(self, left: Relation, right: Relation) -> Relation:
        plan = Join(left=left.plan, right=right.plan, kind=JoinKind.INNER, on=())
        return Relation(plan=plan, columns=(*left.columns, *right.columns))

    def _condition(self, node: exp.Expr, left: Relation, right: Relation) -> list[Expr]:
        self._scope.columns = [*left.columns, *right.columns]
        binder = self._expressions("ON")
        condition = binder.condition(node)
        if binder.attachments:
            raise self._source.unsupported(node, "a subquery in ON")
        return list(conjuncts(condition))

    def _shared_names(self, node: exp.Join, left: Relation, right: Relation) -> list[str]:
        ours = {c.name.lower() for c in left.columns if not c.merged}
        shared = [c.name for c in right.columns if not c.merged and c.name.lower() in ours]
        if not shared:
            raise self._source.error(node.this, "NATURAL JOIN of tables that share no column name; use ON")
        return shared

    def _using_pair(
        self, node: exp.Join, name: str, left: Relation, right: Relation
    ) -> tuple[ScopeColumn, ScopeColumn]:
        found = []
        for relation, where in ((left, "left"), (right, "right")):
            matches = Scope(columns=list(relation.columns)).find(name, None)
            if len(matches) != 1:
                problem = "is ambiguous" if matches else "does not exist"
                hint = "" if matches else suggestion(name, [c.name for c in relation.columns if not c.merged])
                raise self._source.error(node.this, f"column {name!r} of USING {problem} on the {where} side{hint}")
            found.append(matches[0])
        return found[0], found[1]

    def _merged(
        self,
        plan: Plan,
        left: Relation,
        right: Relation,
        pairs: list[tuple[ScopeColumn, ScopeColumn]],
        side: str,
    ) -> Relation:
        """Let one column stand for both of each USING pair, at the place of the left one."""
        columns = list(left.columns)
        hidden = {b.column.name for _, b in pairs}
        computed: list[NamedExpr] = []
        for a, b in pairs:
            value = b.column if side == "RIGHT" else a.column
            if side == "FULL":
                merged = call("coalesce", a.column, b.column)
                value = Column(name=self._statement.names.fresh(a.name), dtype=merged.dtype)
                computed.append(NamedExpr(name=value.name, expr=merged))
            position = columns.index(a)
            columns[position : position + 1] = [
                ScopeColumn(name=a.name, relation=None, column=value),
                replace(a, merged=True),
            ]
        columns.extend(replace(c, merged=c.merged or c.column.name in hidden) for c in right.columns)
        if computed:
            kept = [NamedExpr(name=f.name, expr=Column(name=f.name, dtype=f.dtype)) for f in plan.schema]
            plan = Project(input=plan, exprs=(*kept, *computed))
        return Relation(plan=plan, columns=tuple(columns))


def filtered(plan: Plan, parts: Iterable[Expr]) -> Plan:
    """Return the rows for which all conditions are true."""
    predicate = all_of(parts)
    return plan if predicate is None else Filter(input=plan, predicate=predicate)


def _semi(left: Plan, right: Plan, kind: JoinKind, condition: JoinCondition) -> Plan:
    rest = condition.rest
    if kind is JoinKind.SEMI:
        left = filtered(left, condition.left_only)
    else:
        rest = (*condition.left_only, *rest)
    return Join(
        left=left, right=filtered(right, condition.right_only), kind=kind, on=condition.on, residual=all_of(rest)
    )


def _joined(left: Plan, right: Plan, side: str, condition: JoinCondition) -> Plan:
    """Return an inner or outer join; one-sided conditions go below it where that changes nothing."""
    if side == "RIGHT":
        flipped = JoinCondition(
            on=tuple((b, a) for a, b in condition.on),
            left_only=condition.right_only,
            right_only=condition.left_only,
            rest=condition.rest,
        )
        return _joined(right, left, "LEFT", flipped)
    if side == "FULL":
        return _full(left, right, condition)
    right = filtered(right, condition.right_only)
    if side == "LEFT":
        rest = (*condition.left_only, *condition.rest)
        return Join(left=left, right=right, kind=JoinKind.LEFT, on=condition.on, residual=all_of(rest))
    left = filtered(left, condition.left_only)
    return Join(left=left, right=right, kind=JoinKind.INNER, on=condition.on, residual=all_of(condition.rest))


def _full(left: Plan, right: Plan, condition: JoinCondition) -> Plan:
    """Return a full join: the left join, and the right rows without a partner beside nulls."""
    rest = all_of((*condition.left_only, *condition.right_only, *condition.rest))
    matched = Join(left=left, right=right, kind=JoinKind.LEFT, on=condition.on, residual=rest)
    flipped = tuple((b, a) for a, b in condition.on)
    lonely = Join(left=right, right=left, kind=JoinKind.ANTI, on=flipped, residual=rest)
    nulls = [NamedExpr(name=f.name, expr=literal(None, f.dtype)) for f in left.schema]
    own = [NamedExpr(name=f.name, expr=Column(name=f.name, dtype=f.dtype)) for f in right.schema]
    return Union(inputs=(matched, Project(input=lonely, exprs=(*nulls, *own))))
