"""PIVOT and UNPIVOT: values become columns, and columns become rows.

A pivot is written as the aggregation that it means, with one FILTER for each value, and bound like any query. Values
that the text does not list are looked up while binding: the columns of a query must be known before it runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from ...engine import dtypes
from ...engine.dtypes import DataType, common_type
from ...engine.expr import Column, Expr, NamedExpr, all_of, call, case, cast, columns_of, literal
from ...engine.plan import Join, JoinKind, Project, Scan, filtered
from ...engine.records import dataclass, replace
from ...engine.schema import Field, Schema
from ..trees import holds
from .bound import BoundQuery
from .naming import default_name
from .operands import unwrapped
from .patterns import ColumnChooser
from .rows import RowsSource
from .scope import Scope, ScopeColumn

if TYPE_CHECKING:
    from .query import QueryBinder

_SOURCE = "pivoted rows"
_MOST_COLUMNS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Value:
    """A value that becomes columns: what they are called after, and which rows count for them."""

    name: str
    condition: exp.Expr


class PivotBinder:
    """Binds PIVOT and UNPIVOT over the rows of a query."""

    def __init__(self, queries: QueryBinder) -> None:
        self._queries = queries
        self._statement = queries.statement
        self._source = queries.statement.source

    def bind(self, node: exp.Pivot, rows: BoundQuery) -> BoundQuery:
        """Return the rows turned around as a PIVOT or UNPIVOT, of either syntax, says."""
        known = (
            "this", "expressions", "fields", "using", "group", "unpivot", "into", "include_nulls", "alias", "columns",
            "with_", "pivot_column_naming",
        )  # fmt: skip
        self._statement.allow_only(node, known, "PIVOT")
        return self._unpivot(node, rows) if node.args.get("unpivot") else self._pivot(node, rows)

    # --- PIVOT

    def _pivot(self, node: exp.Pivot, rows: BoundQuery) -> BoundQuery:
        fields = node.args.get("fields")
        on = fields or node.args.get("expressions") or []
        aggregates = node.args.get("expressions" if fields else "using") or [exp.Count(this=exp.Star(), big_int=True)]
        group = node.args.get("group")
        mentioned = {str(c.name).lower() for part in (*on, *aggregates) for c in part.find_all(exp.Column)}
        names = [name for name, _ in rows.columns]
        keys: list[exp.Expr] = [
            exp.column(exp.to_identifier(n, quoted=True)) for n in names if n.lower() not in mentioned
        ]
        if not on:
            keys = []
        if group is not None:
            keys = [key.copy() for key in group.expressions]
        choices = [self._values(part, rows) for part in on]
        count = len(aggregates)
        for choice in choices:
            count *= len(choice)
        if count > _MOST_COLUMNS:
            raise self._source.error(node, f"PIVOT makes {count:,} columns; at most {_MOST_COLUMNS:,} can be")
        select = exp.Select(
            expressions=[
                *keys,
                *(self._column(agg, values, aggregates) for values in product(*choices) for agg in aggregates),
            ],
            from_=exp.From(this=exp.Table(this=exp.to_identifier(_SOURCE, quoted=True))),
        )
        if keys:
            select.set("group", exp.Group(expressions=[key.copy() for key in keys]))
        return self._over(rows).bind(select)

    def _over(self, rows: BoundQuery) -> QueryBinder:
        from .query import Cte

        return replace(self._queries, ctes={**self._queries.ctes, _SOURCE: Cte(query=rows)})

    def _column(self, aggregate: exp.Expr, values: Sequence[_Value], aggregates: Sequence[exp.Expr]) -> exp.Expr:
        """Return one column: an aggregate of the rows that have some values."""
        inner = aggregate.this if isinstance(aggregate, exp.Alias) else aggregate
        made: exp.Expr = inner.copy()
        if values:
            condition = exp.and_(*(value.condition.copy() for value in values), copy=False)
            made = exp.Filter(this=made, expression=exp.Where(this=condition))
        parts = [value.name for value in values]
        if isinstance(aggregate, exp.Alias):
            parts.append(str(aggregate.alias))
        elif len(aggregates) > 1 or not values:
            parts.append(default_name(inner))
        return exp.Alias(this=made, alias=exp.to_identifier("_".join(parts), quoted=True))

    def _values(self, node: exp.Expr, rows: BoundQuery) -> list[_Value]:
        """Return the values of one element of ON or FOR, in the order of their columns."""
        if not isinstance(node, exp.In):
            return self._found(node, rows)
        if node.args.get("query") is not None or not node.expressions:
            raise self._source.unsupported(node, "IN of anything but a list of values in PIVOT")
        listed = []
        for item in node.expressions:
            value = item.this if isinstance(item, exp.PivotAlias) else item
            shown = str(item.args["alias"].name) if isinstance(item, exp.PivotAlias) else self._shown(value)
            listed.append(_Value(name=shown, condition=_equal(node.this, value)))
        return listed

    def _shown(self, node: exp.Expr) -> str:
        if isinstance(node, exp.Tuple):
            return "_".join(self._shown(part) for part in node.expressions)
        if isinstance(node, exp.Column) and not node.table:
            return str(node.name)
        value = self._statement.constant(cast(self._queries.constant(node, "PIVOT"), dtypes.string))
        return "NULL" if value is None or value.value is None else str(value.value)

    def _found(self, node: exp.Expr, rows: BoundQuery) -> list[_Value]:
        """Look up the values that an expression has."""
        text = exp.Cast(this=node.copy(), to=exp.DataType.build("text"))
        table = exp.Table(this=exp.to_identifier(_SOURCE, quoted=True))
        query = exp.Select(
            expressions=[text], from_=exp.From(this=table), distinct=exp.Distinct(),
            where=exp.Where(this=exp.Not(this=exp.Is(this=text.copy(), expression=exp.Null()))),
            order=exp.Order(expressions=[exp.Ordered(this=exp.Literal.number(1))]),
        )  # fmt: skip
        found = self._statement.catalogue.rows(self._over(rows).bind(query).exact)
        return [_Value(name=value, condition=_equal(text, exp.Literal.string(value))) for (value,) in found]

    # --- UNPIVOT

    def _unpivot(self, node: exp.Pivot, rows: BoundQuery) -> BoundQuery:
        groups, named, valued = self._turned(node, rows)
        gone = {name for group in groups for expr in group.columns for name in columns_of(expr)}
        kept = [(shown, column) for shown, column in rows.columns if column.name not in gone]
        number = Column(name=self._statement.names.fresh("number"), dtype=dtypes.int64)
        numbers = RowsSource(
            schema=Schema((Field(number.name, number.dtype, nullable=False),)),
            values=tuple((i,) for i in range(len(groups))),
        )
        plan = Join(left=rows.plan, right=Scan(source=numbers), kind=JoinKind.INNER, on=())
        made: list[tuple[str, Expr]] = [(named, _chosen(number, [literal(group.name) for group in groups]))]
        for position, shown in enumerate(valued):
            dtype = self._common(node, [group.columns[position] for group in groups])
            made.append((shown, _chosen(number, [cast(group.columns[position], dtype) for group in groups])))
        columns = [(shown, Column(name=self._statement.names.fresh(shown), dtype=e.dtype)) for shown, e in made]
        exprs = [NamedExpr(name=column.name, expr=column) for _, column in kept]
        exprs += [NamedExpr(name=c.name, expr=e) for (_, c), (_, e) in zip(columns, made, strict=True)]
        turned = Project(input=plan, exprs=tuple(exprs))
        present = all_of(call("is_not_null", column) for _, column in columns[1:])
        some = [] if node.args.get("include_nulls") or present is None else [present]
        return BoundQuery(plan=filtered(turned, some), columns=(*kept, *columns))

    def _turned(self, node: exp.Pivot, rows: BoundQuery) -> tuple[list[_Group], str, list[str]]:
        """Return the columns to turn into rows, the name of the column of their names, and those of the values."""
        into, fields = node.args.get("into"), node.args.get("fields")
        named, values = "name", ["value"]
        items: list[Any] = node.args.get("expressions") or []
        if fields:
            (field,) = fields
            named, items = str(field.this.name), field.expressions
            values = [str(name.name) for item in node.expressions for name in _parts(item)]
        elif into is not None:
            named, values = str(into.this.name), [str(name.name) for name in into.expressions]
        chooser = self._chooser(rows)
        groups = [group for item in items for group in self._groups(item, chooser)]
        for group in groups:
            if len(group.columns) != len(values):
                raise self._source.error(
                    node, f"UNPIVOT of {len(group.columns)} columns at a time into {len(values)} columns of values"
                )
        return groups, named, values

    def _chooser(self, rows: BoundQuery) -> ColumnChooser:
        scope = Scope(columns=[ScopeColumn(name=n, relation=None, column=c) for n, c in rows.columns])
        return ColumnChooser(self._statement, scope, self._queries.constant)

    def _groups(self, item: exp.Expr, chooser: ColumnChooser) -> list[_Group]:
        alias = item.args.get("alias") if isinstance(item, exp.Alias | exp.PivotAlias) else None
        inner = unwrapped(item.this if alias is not None else item)
        if not isinstance(inner, exp.Columns) and holds(inner, exp.Columns):
            scope = chooser.scope
            return [
                _Group(name=choice.name, columns=(self._computed(made, scope),))
                for choice, made in chooser.expanded(inner)
            ]
        if isinstance(inner, exp.Columns):
            return [_Group(name=c.name, columns=(c.column.column,)) for c in chooser.choices(inner)]
        star = inner.this if isinstance(inner, exp.Column) else inner
        if isinstance(star, exp.Star):
            return [_Group(name=c.name, columns=(c.column.column,)) for c in chooser.of_star(inner, star)]
        parts = [self._of_column(part, chooser) for part in _parts(inner)]
        name = "_".join(shown for shown, _ in parts) if alias is None else str(alias.name)
        return [_Group(name=name, columns=tuple(expr for _, expr in parts))]

    def _of_column(self, node: exp.Expr, chooser: ColumnChooser) -> tuple[str, Expr]:
        """Return a column, or what an expression makes of one, and the column's name."""
        if isinstance(node, exp.Column):
            choice = chooser.named(node, "UNPIVOT")
            return choice.name, choice.column.column
        made = self._computed(node, chooser.scope)
        read = columns_of(made)
        if len(read) != 1:
            raise self._source.error(node, f"an expression of UNPIVOT reads one column, not {len(read)}")
        return next((c.name, made) for c in chooser.scope.star() if c.column.name in read)

    def _computed(self, node: exp.Expr, scope: Scope) -> Expr:
        from .expressions import ExpressionBinder
        from .subqueries import SubqueryBinder

        binder = ExpressionBinder(
            statement=self._statement, scope=scope, subqueries=SubqueryBinder(self._queries, scope), clause="UNPIVOT"
        )
        return binder.bind(node)

    def _common(self, node: exp.Expr, columns: Sequence[Expr]) -> DataType:
        result: DataType | None = columns[0].dtype
        for column in columns[1:]:
            result = None if result is None else common_type(result, column.dtype)
        if result is None:
            shown = " and ".join(str(t) for t in dict.fromkeys(column.dtype for column in columns))
            raise self._source.error(node, f"the columns of UNPIVOT are {shown}; cast them to one type before")
        return result


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """Columns that stand in one row after UNPIVOT, and the name of that row."""

    name: str
    columns: tuple[Expr, ...]


def _parts(node: exp.Expr) -> list[exp.Expr]:
    return list(node.expressions) if isinstance(node, exp.Tuple) else [node]


def _equal(left: exp.Expr, right: exp.Expr) -> exp.Expr:
    pairs = zip(_parts(left), _parts(right), strict=False)
    tests = []
    for a, b in pairs:
        wanted = exp.Literal.string(b.name) if isinstance(b, exp.Column) and not b.table else b.copy()
        tests.append(exp.EQ(this=a.copy(), expression=wanted))
    return tests[0] if len(tests) == 1 else exp.and_(*tests, copy=False)


def _chosen(number: Column, values: Sequence[Expr]) -> Expr:
    """Return the value whose place a number says."""
    branches = [(call("equal", number, literal(i)), value) for i, value in enumerate(values[:-1])]
    return case(branches, values[-1]) if branches else values[-1]
