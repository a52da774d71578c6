"""DESCRIBE and SUMMARIZE: the columns of a table or query as rows, alone or in FROM."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from ...engine import dtypes
from ...engine.expr import Column, Expr, NamedExpr, aggregate, call, case, cast, literal
from ...engine.expr.nodes import NamedAggregate
from ...engine.plan import Aggregate, Plan, Project, Scan, Union
from ...engine.schema import Field, Schema
from ..rules import Rules
from .bound import BoundQuery
from .names import deduplicated
from .rows import RowsSource
from .statement import Statement

_DESCRIBED = ("column_name", "column_type", "null", "key", "default", "extra")
_QUARTILES = {"q25": 0.25, "q50": 0.5, "q75": 0.75}


def describing(
    statement: Statement, node: exp.Describe | exp.Summarize, bind: Callable[[exp.Expr], BoundQuery]
) -> BoundQuery:
    """Return the rows that say of each column what it is, or what is in it; ``bind`` binds the query asked about."""
    inner = node.this
    named = isinstance(inner, exp.Table)
    query = bind(exp.Select(expressions=[exp.Star()], from_=exp.From(this=inner)) if named else inner)
    names = deduplicated([name for name, _ in query.columns])
    pairs = zip(names, query.columns, strict=True)
    shown = Project(input=query.plan, exprs=tuple(NamedExpr(name=name, expr=column) for name, (_, column) in pairs))
    if isinstance(node, exp.Summarize):
        plan = _summary(shown)
    else:
        rules = statement.catalogue.rules(tuple(part.name for part in inner.parts)) if named else Rules()
        plan = _description(shown.schema, rules)
    own = [(f, statement.names.fresh(f.name)) for f in plan.schema]
    exprs = tuple(NamedExpr(name=name, expr=Column(name=f.name, dtype=f.dtype)) for f, name in own)
    columns = tuple((f.name, Column(name=name, dtype=f.dtype)) for f, name in own)
    return BoundQuery(plan=Project(input=plan, exprs=exprs), columns=columns)


def _description(schema: Schema, rules: Rules) -> Plan:
    """Return one row for each column: name, type, whether it may be null, of which key it is, default."""
    required, primary = ({name.lower() for name in names} for names in (rules.required, rules.primary))
    unique = {name.lower() for key in rules.unique for name in key}
    rows = []
    for f in schema:
        name = f.name.lower()
        key = "PRI" if name in primary else "UNI" if name in unique else None
        default = rules.defaults.get(name)
        nullable = f.nullable and name not in required
        rows.append((f.name, str(f.dtype), "YES" if nullable else "NO", key, default and default.sql("duckdb"), None))
    fields = Schema(tuple(Field(name, dtypes.string) for name in _DESCRIBED))
    return Scan(source=RowsSource(schema=fields, values=tuple(rows)))


def _summary(plan: Plan) -> Plan:
    """Return one row for each column: type, extremes, distinct values, mean, deviation, quartiles, share of nulls."""
    aggregates = [NamedAggregate(name="rows", call=aggregate("size"))]
    rows: list[list[tuple[str, Expr]]] = []
    for position, f in enumerate(plan.schema):
        column = Column(name=f.name, dtype=f.dtype)
        found: dict[str, Expr] = {}
        wanted = ("min", "max", "count", *(("mean", "std") if f.dtype.is_numeric else ()))
        for function in wanted:
            made = NamedAggregate(name=f"{function}_{position}", call=aggregate(function, column))
            aggregates.append(made)
            found[function] = Column(name=made.name, dtype=made.call.dtype)
        for name, share in _QUARTILES.items() if f.dtype.is_numeric or f.dtype.is_temporal else ():
            quantile = aggregate("quantile" if f.dtype.is_numeric else "quantile_disc", column, q=share)
            aggregates.append(NamedAggregate(name=f"{name}_{position}", call=quantile))
            found[name] = Column(name=f"{name}_{position}", dtype=quantile.dtype)
        distinct = NamedAggregate(name=f"distinct_{position}", call=aggregate("count", column, distinct=True))
        aggregates.append(distinct)
        rows.append(_summary_row(f, found, Column(name=distinct.name, dtype=dtypes.int64)))
    counted = Aggregate(input=plan, aggregates=tuple(aggregates))
    inputs = [
        Project(input=counted, exprs=tuple(NamedExpr(name=name, expr=expr) for name, expr in row)) for row in rows
    ]
    return inputs[0] if len(inputs) == 1 else Union(inputs=tuple(inputs))


def _summary_row(f: Field, found: dict[str, Expr], distinct: Expr) -> list[tuple[str, Expr]]:
    count, rows = Column(name="rows", dtype=dtypes.int64), found["count"]
    nothing = literal(None, dtypes.float64)
    share = call("multiply", call("divide", call("subtract", count, rows), count), literal(100.0))
    nulls = case([(call("greater", count, literal(0)), share)])
    return [
        ("column_name", literal(f.name)),
        ("column_type", literal(str(f.dtype))),
        ("min", cast(found["min"], dtypes.string)),
        ("max", cast(found["max"], dtypes.string)),
        ("unique", distinct),
        ("avg", cast(found.get("mean", nothing), dtypes.float64)),
        ("std", cast(found.get("std", nothing), dtypes.float64)),
        *((name, cast(found.get(name, nothing), dtypes.string)) for name in _QUARTILES),
        ("count", count),
        ("null_percentage", nulls),
    ]
