"""Runs logical plans in DuckDB: an oracle for rules and runners that shares no code with them.

Only what DuckDB defines as Volley does is translated; a function that it defines differently is refused.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa

from tests.support.plans import TableSource
from volley.engine import dtypes
from volley.engine.dtypes import DataType, Kind
from volley.engine.expr import AggregateCall, Call, Case, Cast, Column, Expr, InList, Literal, SortKey, call, literal
from volley.engine.plan import (
    Aggregate,
    Distinct,
    EmptySource,
    Filter,
    Join,
    Kept,
    Limit,
    MapBatches,
    NearestJoin,
    Plan,
    Project,
    Scan,
    Sort,
    Union,
    Unnest,
    Window,
    WindowCall,
)

_INFIX = {
    "add": "+",
    "subtract": "-",
    "multiply": "*",
    "divide": "/",
    "truncate_divide": "//",
    "remainder": "%",
    "equal": "=",
    "not_equal": "<>",
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
    "is_not_distinct": "IS NOT DISTINCT FROM",
    "and": "AND",
    "or": "OR",
    "concat": "||",
}
_PREFIX = {
    "abs": "abs",
    "coalesce": "coalesce",
    "length": "length",
    "lower": "lower",
    "upper": "upper",
    "starts_with": "starts_with",
    "ends_with": "ends_with",
    "contains": "contains",
    "year": "year",
    "month": "month",
    "is_nan": "isnan",
    "round": "round",
    "negate": "-",
    "not": "NOT",
    "least": "least",
    "greatest": "greatest",
    "list_value": "list_value",
}
_AGGREGATES = {
    "count": "count",
    "sum": "sum",
    "mean": "avg",
    "min": "min",
    "max": "max",
    "first": "any_value",
    "any": "bool_or",
    "all": "bool_and",
    "var": "var_samp",
    "std": "stddev_samp",
}


class Oracle:
    """A DuckDB connection that evaluates expressions and plans."""

    def __init__(self) -> None:
        self._connection = duckdb.connect(config={"threads": 1})
        self._registered: dict[int, tuple[TableSource, str]] = {}

    def fold(self, expr: Expr) -> Literal | None:
        """Evaluate a constant expression, as `OptimizerContext.fold` wants it."""
        try:
            ((value,),) = self._connection.sql(f"SELECT CAST({expression(expr)} AS {sql_type(expr.dtype)})").fetchall()
        except (duckdb.Error, LookupError):
            return None
        return literal(value, expr.dtype)

    def run(self, plan: Plan) -> pa.Table:
        """Return the rows of a plan."""
        columns = ", ".join(f"CAST({_name(f.name)} AS {sql_type(f.dtype)}) AS {_name(f.name)}" for f in plan.schema)
        return self._connection.sql(f"SELECT {columns or '1'} FROM ({self.sql(plan)})").to_arrow_table()

    def rows(self, plan: Plan) -> list[tuple[str, ...]]:
        """Return the rows of a plan as a sorted list of printed values, for comparison as bags."""
        return sorted_rows(self.run(plan))

    def sql(self, plan: Plan) -> str:
        """Return the plan as a SQL query."""
        match plan:
            case Scan():
                return self._scan(plan)
            case Filter(predicate=predicate):
                return f"SELECT * FROM ({self.sql(plan.input)}) WHERE {expression(predicate)}"
            case Project(exprs=exprs):
                shown = ", ".join(f"{expression(e.expr)} AS {_name(e.name)}" for e in exprs)
                return f"SELECT {shown or '1'} FROM ({self.sql(plan.input)})"
            case Aggregate():
                return self._aggregate(plan)
            case Join() | NearestJoin():
                return self._join(plan)
            case Sort(keys=keys, fetch=fetch):
                tail = "" if fetch is None else f" LIMIT {fetch}"
                return f"SELECT * FROM ({self.sql(plan.input)}) ORDER BY {', '.join(map(_key, keys))}{tail}"
            case Limit(count=count, offset=offset):
                tail = "" if count is None else f" LIMIT {count}"
                return f"SELECT * FROM ({self.sql(plan.input)}){tail} OFFSET {offset}"
            case Kept():
                return self.sql(plan.input)
            case Distinct(on=on):
                by = "" if on is None else f" ON ({', '.join(map(_name, on))})"
                return f"SELECT DISTINCT{by} * FROM ({self.sql(plan.input)})"
            case Window(functions=functions):
                added = ", ".join(f"{_window(plan, named.call)} AS {_name(named.name)}" for named in functions)
                return f"SELECT *, {added} FROM ({self.sql(plan.input)})"
            case Unnest():
                return f"SELECT {_unnested(plan)} FROM ({self.sql(plan.input)})"
            case Union(inputs=inputs):
                return " UNION ALL ".join(f"(SELECT * FROM ({self.sql(each)}))" for each in inputs)
            case MapBatches(keeps=True, function=function):
                added = ", ".join(f"{function.sql[f.name]} AS {_name(f.name)}" for f in plan.adds)
                return f"SELECT *, {added} FROM ({self.sql(plan.input)})"
        raise LookupError(f"the oracle cannot run {type(plan).__name__}")

    def _scan(self, plan: Scan) -> str:
        source = plan.source
        columns = ", ".join(_name(name) for name in plan.schema.names) or "1"
        if isinstance(source, EmptySource):
            nulls = ", ".join(f"CAST(NULL AS {sql_type(f.dtype)}) AS {_name(f.name)}" for f in source.schema)
            return f"SELECT {columns} FROM (SELECT {nulls or '1'}) WHERE false"
        assert isinstance(source, TableSource)
        if id(source) not in self._registered:
            table = f"table_{len(self._registered)}"
            self._connection.register(table, source.table)
            self._registered[id(source)] = (source, table)
        where = "" if plan.predicate is None else f" WHERE {expression(plan.predicate)}"
        limit = "" if plan.limit is None else f" LIMIT {plan.limit}"
        return f"SELECT {columns} FROM {self._registered[id(source)][1]}{where}{limit}"

    def _aggregate(self, plan: Aggregate) -> str:
        keys = [f"{expression(k.expr)} AS {_name(k.name)}" for k in plan.keys]
        shown = keys + [f"{_aggregate(a.call)} AS {_name(a.name)}" for a in plan.aggregates]
        grouped = f" GROUP BY {', '.join(str(i + 1) for i in range(len(keys)))}" if keys else ""
        return f"SELECT {', '.join(shown)} FROM ({self.sql(plan.input)}){grouped}"

    def _join(self, plan: Join | NearestJoin) -> str:
        if isinstance(plan, NearestJoin):
            pairs = [*(call("equal", a, b) for a, b in plan.nearest.on), plan.nearest.condition]
            on, kind = " AND ".join(map(expression, pairs)), "ASOF LEFT" if plan.outer else "ASOF"
            return f"SELECT * FROM ({self.sql(plan.left)}) {kind} JOIN ({self.sql(plan.right)}) ON {on}"
        equal = "IS NOT DISTINCT FROM" if plan.nulls_equal else "="
        conditions = [f"{expression(a)} {equal} {expression(b)}" for a, b in plan.on]
        conditions += [] if plan.residual is None else [expression(plan.residual)]
        on = " AND ".join(f"({c})" for c in conditions) or "true"
        kind = plan.kind.value.upper()
        return f"SELECT * FROM ({self.sql(plan.left)}) {kind} JOIN ({self.sql(plan.right)}) ON {on}"


def sorted_rows(table: pa.Table) -> list[tuple[str, ...]]:
    """Return the rows of a table as a sorted list of printed values."""
    return sorted(zip(*([_shown(v) for v in column.to_pylist()] for column in table.columns), strict=True))


def _shown(value: Any) -> str:
    return "0.0" if value == 0 and isinstance(value, float) else repr(value)


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _key(key: SortKey) -> str:
    direction = "DESC" if key.descending else "ASC"
    return f"{expression(key.expr)} {direction} NULLS {'FIRST' if key.nulls_first else 'LAST'}"


def _aggregate(own: AggregateCall) -> str:
    inner = ", ".join(expression(arg) for arg in own.args)
    shown = "count(*)" if own.function == "size" else f"{_AGGREGATES[own.function]}({inner})"
    if own.distinct:
        shown = shown.replace("(", "(DISTINCT ", 1)
    tail = "" if own.filter is None else f" FILTER (WHERE {expression(own.filter)})"
    return f"CAST({shown}{tail} AS {sql_type(own.dtype)})"


def _unnested(plan: Unnest) -> str:
    longest = f"greatest({', '.join(f'coalesce(len({_name(name)}), 0)' for name in plan.columns)})"

    def values(lists: str) -> str:
        return (
            f"unnest(CASE WHEN {longest} = 0 THEN [NULL] ELSE {lists} END)" if plan.keeps_empty else f"unnest({lists})"
        )

    shown = [
        f"{values(_name(name)) if name in plan.columns else _name(name)} AS {_name(name)}"
        for name in plan.input.schema.names
    ]
    if plan.ordinality is not None:
        shown.append(f"{values(f'generate_series(1, {longest})')} AS {_name(plan.ordinality)}")
    return ", ".join(shown)


def _window(plan: Window, own: WindowCall) -> str:
    shown = [expression(arg) for arg in own.args]
    if own.function in ("lag", "lead", "nth_value", "ntile"):
        shown.insert(1, str(own.offset))
    inner = ", ".join(shown) + (" IGNORE NULLS" if own.ignore_nulls else "")
    name = "count" if own.function == "size" else _AGGREGATES.get(own.function, own.function)
    tail = "" if own.filter is None else f" FILTER (WHERE {expression(own.filter)})"
    partition = f"PARTITION BY {', '.join(map(expression, plan.partition_by))} " if plan.partition_by else ""
    order = f"ORDER BY {', '.join(map(_key, plan.order_by))} " if plan.order_by else ""
    called = f"{name}({inner or ('*' if name == 'count' else '')}){tail} OVER ({partition}{order}{own.frame})"
    return f"CAST({called} AS {sql_type(own.dtype)})"


def expression(expr: Expr) -> str:
    """Return an expression as SQL."""
    match expr:
        case Column(name=name):
            return _name(name)
        case Literal(value=value, dtype=dtype):
            return f"CAST({_constant(value)} AS {sql_type(dtype)})"
        case Cast(arg=arg, dtype=dtype, strict=strict):
            return f"{'CAST' if strict else 'TRY_CAST'}({expression(arg)} AS {sql_type(dtype)})"
        case Case(branches=branches, default=default):
            whens = " ".join(f"WHEN {expression(c)} THEN {expression(v)}" for c, v in branches)
            return f"CASE {whens} ELSE {expression(default)} END"
        case InList(arg=arg, values=values, has_null=has_null):
            shown = [expression(Literal(value=v, dtype=arg.dtype)) for v in values] + ["NULL"] * has_null
            return f"({expression(arg)} IN ({', '.join(shown)}))"
        case Call(function="is_null" | "is_not_null" as function, args=(arg,)):
            return f"({expression(arg)} IS {'NOT ' if function == 'is_not_null' else ''}NULL)"
        case Call(function="like", args=(arg,)):
            word = "ILIKE" if expr.option("fold") else "LIKE"
            escape = expr.option("escape")
            tail = f" ESCAPE '{escape}'" if escape else ""
            return f"({expression(arg)} {word} {_constant(expr.option('pattern'))}{tail})"
        case Call(function="date_trunc", args=(arg,)):
            return f"CAST(date_trunc('{expr.option('unit')}', {expression(arg)}) AS {sql_type(expr.dtype)})"
        case Call(function="struct_field", args=(arg,)):
            return f"struct_extract({expression(arg)}, {_constant(expr.option('name'))})"
        case Call(function=function, args=args) if function in _INFIX:
            return "(" + f" {_INFIX[function]} ".join(expression(arg) for arg in args) + ")"
        case Call(function=function, args=args):
            return f"{_PREFIX[function]}({', '.join(expression(arg) for arg in args)})"
    raise LookupError(f"the oracle cannot evaluate {expr}")


def _constant(value: Any) -> str:
    match value:
        case None:
            return "NULL"
        case bool() | int() | Decimal():
            return str(value)
        case float() | dt.date() | dt.datetime():
            return f"'{value}'"
        case str():
            return "'" + value.replace("'", "''") + "'"
    raise LookupError(f"the oracle has no constant for {value!r}")


def sql_type(dtype: DataType) -> str:
    """Return DuckDB's name of a type."""
    match dtype.kind:
        case Kind.DECIMAL:
            return f"DECIMAL({dtype.precision},{dtype.scale})"
        case Kind.TIMESTAMP:
            return {"s": "TIMESTAMP_S", "ms": "TIMESTAMP_MS", "us": "TIMESTAMP", "ns": "TIMESTAMP_NS"}[dtype.unit]
        case Kind.NULL:
            return "INTEGER"
        case Kind.LIST if dtype.value is not None:
            return f"{sql_type(dtype.value)}[]"
        case Kind.STRUCT:
            return f"STRUCT({', '.join(f'{_name(name)} {sql_type(value)}' for name, value in dtype.fields)})"
    return _TYPES[dtype]


_TYPES = {
    dtypes.bool_: "BOOLEAN",
    dtypes.int8: "TINYINT",
    dtypes.int16: "SMALLINT",
    dtypes.int32: "INTEGER",
    dtypes.int64: "BIGINT",
    dtypes.uint8: "UTINYINT",
    dtypes.uint16: "USMALLINT",
    dtypes.uint32: "UINTEGER",
    dtypes.uint64: "UBIGINT",
    dtypes.float32: "FLOAT",
    dtypes.float64: "DOUBLE",
    dtypes.string: "VARCHAR",
    dtypes.date: "DATE",
}
