"""Whole queries: WITH, set operations, VALUES, and ORDER BY and LIMIT around them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from sqlglot import exp

from ...engine import dtypes
from ...engine.dtypes import DataType, Kind, common_type
from ...engine.errors import VolleyError, suggestion
from ...engine.expr import Column, Expr, Literal, NamedExpr, SortKey, cast
from ...engine.plan import Plan, Project, Recursion, Scan, Sort, Union, WorkingTable
from ...engine.records import dataclass, replace
from ...engine.schema import Field, Schema
from ...engine.traversal import remembered
from .attachment import attach
from .bound import BoundQuery
from .describing import describing
from .expressions import ExpressionBinder
from .limits import limited
from .operands import unwrapped
from .pivots import PivotBinder
from .rows import RowsSource, one_row
from .scope import Scope, ScopeColumn
from .select import SelectBinder
from .sets import MODIFIERS, SetBinder
from .statement import Statement
from .subqueries import SubqueryBinder

RECURRING = "recurring"
"""What stands before the name of a recursive CTE with USING KEY for the rows of all its rounds so far."""
MIXED = "mixed"
"""Marks VALUES whose columns need not be of one type, because each value is cast to that of a table's column."""


@dataclass(slots=True, kw_only=True)
class Cte:
    """A query of WITH; every reference after the first needs column names of its own."""

    query: BoundQuery
    referenced: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryBinder:
    """Binds queries in the sight of some CTEs; ``around`` is the scope of the FROM clause they stand in, if any."""

    statement: Statement
    ctes: Mapping[str, Cte] = field(default_factory=dict)
    around: Scope | None = None

    @property
    def cte_names(self) -> list[str]:
        """Names of the CTEs in sight."""
        return list(self.ctes)

    def bind(self, node: exp.Expr, outer: Scope | None = None) -> BoundQuery:
        """Return the plan of a query; ``outer`` is the scope of the query around it, if it may be read."""
        queries = self.with_ctes(node)
        if isinstance(node, exp.Select):
            return queries.select(node, Scope(outer=outer, around=self.around)).bind()
        if isinstance(node, exp.SetOperation):
            return queries.modified(SetBinder(queries, lambda side: queries.bind(side, outer)).bind(node), node)
        if isinstance(node, exp.Subquery):
            self.statement.allow_only(node, ("this", "alias", "joins", "pivots", "sample", *MODIFIERS), "a subquery")
            return queries.modified(queries.bind(node.this, outer), node)
        if isinstance(node, exp.Values):
            return queries.modified(queries.values(node), node)
        if isinstance(node, exp.Pivot):
            star = exp.Select(expressions=[exp.Star()], from_=exp.From(this=node.this))
            return PivotBinder(queries).bind(node, queries.bind(star, outer))
        if isinstance(node, exp.Describe | exp.Summarize):
            return describing(self.statement, node, queries.bind)
        raise self.statement.source.unsupported(node, f"{node.key.upper()} as a query")

    def select(self, node: exp.Select, scope: Scope) -> SelectBinder:
        """Return the binder of one SELECT."""
        return SelectBinder(queries=self, node=node, scope=scope, subqueries=SubqueryBinder(self, scope))

    # --- WITH

    def with_ctes(self, node: exp.Expr) -> QueryBinder:
        """Return a binder that also sees the CTEs which a query begins with; a later one may read those before."""
        clause = node.args.get("with_")
        if clause is None:
            return self
        self.statement.allow_only(clause, ("expressions", "recursive"), "WITH")
        queries = self
        given: set[str] = set()
        for cte in clause.expressions:
            if cte.alias.lower() in given:
                raise self.statement.source.error(
                    cte.args["alias"], f"{cte.alias!r} is defined twice in one WITH clause"
                )
            given.add(cte.alias.lower())
            self.statement.allow_only(cte, ("this", "alias", "materialized", "key_expressions"), "WITH")
            queries = replace(queries, ctes={**queries.ctes, cte.alias.lower(): queries._cte(cte, clause)})
        return queries

    def _cte(self, cte: exp.Expr, clause: exp.Expr) -> Cte:
        if clause.args.get("recursive") and any(t.name.lower() == cte.alias.lower() for t in cte.find_all(exp.Table)):
            return Cte(query=self._recursive(cte))
        if cte.args.get("key_expressions"):
            raise self.statement.source.error(cte.args["alias"], "USING KEY is for a recursive CTE that reads itself")
        return Cte(query=self._with_names(self.bind(cte.this), cte))

    def _with_names(self, bound: BoundQuery, cte: exp.Expr) -> BoundQuery:
        """Return a query with the column names that a CTE gives it."""
        renamed = cte.args["alias"].args.get("columns") or []
        if len(renamed) > len(bound.columns):
            shown = f"{cte.alias!r} has {len(bound.columns)} columns; {len(renamed)} names are given for them"
            raise self.statement.source.error(cte.args["alias"], shown)
        columns = list(bound.columns)
        for position, identifier in enumerate(renamed):
            columns[position] = (str(identifier.name), columns[position][1])
        return BoundQuery(plan=bound.exact, columns=tuple(columns))

    def _recursive(self, cte: exp.Expr) -> BoundQuery:
        """Return a CTE that reads itself: UNION [ALL] of a query that does not and one that does."""
        node, source = cte.this, self.statement.source
        if not isinstance(node, exp.Union):
            raise source.error(cte, f"the recursive CTE {cte.alias!r} must be a UNION [ALL] of two queries")
        self.statement.allow_only(node, ("this", "expression", "distinct"), "a recursive CTE")
        if any(t.name.lower() == cte.alias.lower() for t in node.this.find_all(exp.Table)):
            raise source.error(cte, f"{cte.alias!r} may read itself only in the last part of its UNION")
        seed = self._with_names(self.bind(node.this), cte)
        table = self.statement.names.fresh(cte.alias)
        own = [Field(self.statement.names.fresh(shown), column.dtype) for shown, column in seed.columns]
        rows = BoundQuery(
            plan=WorkingTable(table=table, fields=tuple(own)),
            columns=tuple(
                (shown, Column(name=f.name, dtype=f.dtype)) for (shown, _), f in zip(seed.columns, own, strict=True)
            ),
        )
        keys = self._keys(cte, rows)
        known = self.statement.names.fresh(f"{cte.alias} known") if keys else ""
        ctes = {**self.ctes, cte.alias.lower(): Cte(query=rows)}
        if keys:
            fields = tuple(replace(f, name=self.statement.names.fresh(f.name)) for f in own)
            pairs = zip(seed.columns, fields, strict=True)
            columns = tuple((shown, Column(name=f.name, dtype=f.dtype)) for (shown, _), f in pairs)
            whole = BoundQuery(plan=WorkingTable(table=known, fields=fields), columns=columns)
            ctes[f"{RECURRING}.{cte.alias.lower()}"] = Cte(query=whole)
        inner = replace(self, ctes=ctes)
        step = inner.bind(node.expression)
        if len(step.columns) != len(own):
            raise source.error(
                node, f"the queries of UNION give {len(own)} and {len(step.columns)} columns; they must give as many"
            )
        with source.placed(node.expression):
            step_plan = _renamed_to(step.plan, own, [column for _, column in step.columns])
        seed_plan = _renamed_to(seed.plan, own, [column for _, column in seed.columns])
        plan = Recursion(
            seed=seed_plan,
            step=step_plan,
            table=table,
            distinct=bool(node.args.get("distinct")),
            keys=keys,
            known=known,
        )
        return BoundQuery(plan=plan, columns=rows.columns)

    def _keys(self, cte: exp.Expr, rows: BoundQuery) -> tuple[str, ...]:
        """Return the columns that USING KEY names."""
        found = []
        for item in cte.args.get("key_expressions") or []:
            named = next((column for shown, column in rows.columns if shown.lower() == item.name.lower()), None)
            if named is None or named.dtype.is_nested:
                what = (
                    "is a list or a struct"
                    if named
                    else "does not exist" + suggestion(item.name, [n for n, _ in rows.columns])
                )
                raise self.statement.source.error(item, f"column {item.name!r} of USING KEY {what}")
            found.append(named.name)
        return tuple(found)

    def cte(self, name: str) -> BoundQuery | None:
        """Return a CTE for one more reference to it, or None where there is none of that name."""
        found = self.ctes.get(name.lower())
        if found is None:
            return None
        if not found.referenced:
            found.referenced = True
            return found.query
        return self._renamed(found.query.plan, [n for n, _ in found.query.columns])

    def table(self, plan: Plan) -> BoundQuery:
        """Return a table for one more reference to it, with column names that are new in the statement."""
        return self._renamed(plan, list(plan.schema.names))

    def _renamed(self, plan: Plan, visible: list[str]) -> BoundQuery:
        own = _columns_of(plan)
        if self.statement.names.are_fresh(plan.schema.names):
            return BoundQuery(plan=plan, columns=tuple(zip(visible, own, strict=True)))
        names = map(self.statement.names.fresh, plan.schema.names)
        columns = tuple([Column(name=name, dtype=each.dtype) for name, each in zip(names, own, strict=True)])
        exprs = tuple([NamedExpr(name=new.name, expr=old) for new, old in zip(columns, own, strict=True)])
        return BoundQuery(plan=Project(input=plan, exprs=exprs), columns=tuple(zip(visible, columns, strict=True)))

    # --- VALUES

    def values(self, node: exp.Expr) -> BoundQuery:
        """Return the rows of VALUES, their columns called ``col0``, ``col1`` and so on."""
        source = self.statement.source
        rows = [item.expressions if isinstance(item, exp.Tuple) else [unwrapped(item)] for item in node.expressions]
        for row, item in zip(rows, node.expressions, strict=True):
            if len(row) != len(rows[0]):
                raise source.error(item, f"this row of VALUES has {len(row)} values, the first has {len(rows[0])}")
        bound = [[self.constant(value, "VALUES") for value in row] for row in rows]
        fields = []
        for position in range(len(rows[0])):
            dtype = _row_type([row[position].dtype for row in bound])
            if dtype is None:
                dtype = self._mixed(node, position, bound)
            fields.append(Field(self.statement.names.fresh(f"col{position}"), dtype))
        schema = Schema(tuple(fields))
        plan = self._constant_rows(schema, bound)
        columns = [(f"col{i}", Column(name=f.name, dtype=f.dtype)) for i, f in enumerate(fields)]
        return BoundQuery(plan=plan, columns=tuple(columns))

    def _mixed(self, node: exp.Expr, position: int, rows: list[list[Expr]]) -> DataType:
        """Return the type of a column of VALUES with texts among other values, which constant texts are read as."""
        refused = f"column {position + 1} of VALUES mixes types; cast its values to one"
        dtype = _type_beside_texts([row[position] for row in rows], mixed=bool(node.meta.get(MIXED)))
        if dtype is None:
            raise self.statement.source.error(node, refused)
        for row in rows:
            value = row[position]
            if isinstance(value, Literal) and value.dtype.is_text and not dtype.is_text:
                try:
                    row[position] = self.statement.constant(cast(value, dtype)) or value
                except VolleyError:
                    raise self.statement.source.error(node, refused) from None
        return dtype

    def constant(self, node: exp.Expr, clause: str) -> Expr:
        """Bind an expression that reads no column; a subquery in it is run at once."""
        scope = Scope(around=self.around)
        binder = ExpressionBinder(
            statement=self.statement, scope=scope, subqueries=SubqueryBinder(self, scope), clause=clause
        )
        bound = binder.bind(node)
        if not binder.attachments:
            return bound
        plan = attach(Scan(source=one_row(self.statement.names.fresh("one_row"))), binder.attachments)
        ((value,),) = self.statement.catalogue.rows(Project(input=plan, exprs=(NamedExpr(name="value", expr=bound),)))
        return Literal(value=value, dtype=bound.dtype)

    def value(self, node: exp.Expr, clause: str) -> Literal:
        """Return the value of an expression that reads no column."""
        value = self.statement.constant(self.constant(node, clause))
        assert value is not None, "a scope without columns has none to read"
        return value

    def _constant_rows(self, schema: Schema, rows: list[list[Expr]]) -> Plan:
        values = [[_plain_value(value, f.dtype) for value, f in zip(row, schema, strict=True)] for row in rows]
        if all(constant is not None for row in values for constant in row):
            plain = tuple(tuple(constant.value for constant in row if constant is not None) for row in values)
            return Scan(source=RowsSource(schema=schema, values=plain))
        inputs = []
        for row in rows:
            exprs = [NamedExpr(name=f.name, expr=cast(v, f.dtype)) for v, f in zip(row, schema, strict=True)]
            dummy = Scan(source=one_row(self.statement.names.fresh("one_row")))
            inputs.append(Project(input=dummy, exprs=tuple(exprs)))
        return inputs[0] if len(inputs) == 1 else Union(inputs=tuple(inputs))

    # --- ORDER BY and LIMIT

    def modified(self, query: BoundQuery, node: exp.Expr) -> BoundQuery:
        """Return a query with the ORDER BY, LIMIT and OFFSET of a node around it."""
        order = node.args.get("order")
        keys = () if order is None else tuple(self.output_keys(query, order))
        plan = Sort(input=query.plan, keys=keys) if keys else query.plan
        return BoundQuery(plan=limited(self, plan, node, keys), columns=query.columns)

    def output_keys(self, query: BoundQuery, order: exp.Expr) -> list[SortKey]:
        """Return the keys of an ORDER BY around a query, which may read its columns alone."""
        scope = Scope(columns=[ScopeColumn(name=n, relation=None, column=c) for n, c in query.columns])
        binder = ExpressionBinder(
            statement=self.statement, scope=scope, subqueries=SubqueryBinder(self, scope), clause="ORDER BY"
        )
        keys: list[SortKey] = []
        for item in order.expressions:
            self.statement.allow_only(item, ("this", "desc", "nulls_first"), "ORDER BY")
            exprs = self._ordered_by(item.this, [c for _, c in query.columns], binder)
            keys.extend(sort_key(expr, item) for expr in exprs)
        if binder.attachments:
            raise self.statement.source.unsupported(order, "a subquery in ORDER BY of a set operation")
        return keys

    def _ordered_by(self, node: exp.Expr, columns: list[Column], binder: ExpressionBinder) -> list[Expr]:
        if isinstance(node, exp.Var) and node.name.upper() == "ALL":
            return list(columns)
        position = ordinal(node)
        if position is None:
            return [binder.bind(node)]
        if not 1 <= position <= len(columns):
            raise self.statement.source.error(node, f"ORDER BY {position}: there are {len(columns)} columns")
        return [columns[position - 1]]


def _renamed_to(plan: Plan, fields: list[Field], columns: list[Column]) -> Plan:
    """Return some columns of a plan as fields of given names and types."""
    pairs = zip(fields, columns, strict=True)
    return Project(input=plan, exprs=tuple(NamedExpr(name=f.name, expr=cast(c, f.dtype)) for f, c in pairs))


@remembered
def _columns_of(plan: Plan) -> tuple[Column, ...]:
    """Return the columns that a plan gives; of a table they are asked for by every statement that reads it."""
    return tuple([Column(name=f.name, dtype=f.dtype) for f in plan.schema])


def _row_type(types: list[DataType]) -> DataType | None:
    result: DataType | None = types[0]
    for dtype in types[1:]:
        result = None if result is None else common_type(result, dtype)
    if result is not None and result.kind is Kind.NULL:
        return dtypes.int32  # a column of nulls alone is an INTEGER in DuckDB
    return result


def _type_beside_texts(values: list[Expr], *, mixed: bool) -> DataType | None:
    """Return the type that constant texts take beside values of others; with ``mixed`` all can become texts."""
    texts = [value for value in values if value.dtype.is_text]
    if mixed:
        return dtypes.string if texts else None
    if not all(isinstance(value, Literal) for value in texts):
        return None
    return _row_type([value.dtype for value in values if not value.dtype.is_text])


def _plain_value(value: Expr, dtype: DataType) -> Literal | None:
    """Return a constant as one of the column's type, or None where only the engine can convert it."""
    if not isinstance(value, Literal):
        return None
    if value.value is None or value.dtype == dtype or (value.dtype.is_integer and dtype.is_integer):
        return replace(value, dtype=dtype)
    if dtype.is_float and value.dtype.is_numeric:
        return Literal(value=float(value.value), dtype=dtype)
    if dtype.is_decimal and (value.dtype.is_decimal or value.dtype.is_integer):
        return Literal(value=value.value, dtype=dtype)
    return None


def ordinal(node: exp.Expr) -> int | None:
    """Return the position that a plain whole number means in ORDER BY and GROUP BY, else None."""
    if isinstance(node, exp.Literal) and not node.is_string and str(node.this).isdigit():
        return int(str(node.this))
    return None


def sort_key(expr: Expr, item: Any) -> SortKey:
    """Return the sort key of an item of ORDER BY; sqlglot fills in the dialect's place of nulls."""
    return SortKey(expr=expr, descending=bool(item.args.get("desc")), nulls_first=bool(item.args.get("nulls_first")))
