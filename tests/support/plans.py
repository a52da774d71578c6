"""Small builders for plans in tests: a source over an Arrow table, columns by name, terse nodes."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any

import pyarrow as pa

from volley.engine.arrow import from_arrow_schema
from volley.engine.expr import Column, Expr, NamedAggregate, NamedExpr, SortKey, call, literal
from volley.engine.plan import (
    Aggregate,
    Filter,
    Join,
    JoinKind,
    NamedWindow,
    Nearest,
    NearestJoin,
    Plan,
    Project,
    Scan,
    ScanPlan,
    ScanRequest,
    Sort,
    Statistics,
    Unnest,
    Window,
    WindowCall,
)
from volley.engine.schema import Schema


@dataclass(frozen=True, eq=False)
class TableSource:
    """An Arrow table as a source of a few splits that applies no predicate itself."""

    label: str
    table: pa.Table = field(repr=False)
    known: Statistics = field(default_factory=Statistics, repr=False)

    @property
    def schema(self) -> Schema:
        return from_arrow_schema(self.table.schema)

    def statistics(self) -> Statistics:
        return self.known

    def scan(self, request: ScanRequest) -> ScanPlan:
        step = -(-self.table.num_rows // _SPLITS) or 1
        splits = (_Split(self, request.columns, start, step) for start in range(0, self.table.num_rows, step))
        return ScanPlan(splits=tuple(splits), residual=request.predicate)


_SPLITS = 3


@dataclass(frozen=True, eq=False)
class _Split:
    source: TableSource
    columns: tuple[str, ...]
    start: int
    rows: int

    @property
    def label(self) -> str:
        return f"{self.source.label}[{self.start}]"

    @property
    def bytes(self) -> int | None:
        return None

    def read(self) -> Iterator[Any]:
        yield from self.source.table.slice(self.start, self.rows).select(self.columns).to_batches()


def scan(
    label: str, statistics: Statistics | None = None, rows: int = 40, *, nulls: float = 0.2, **columns: str
) -> Scan:
    """Return the scan of a table of repeatable random values, a fifth of them null: ``scan("t", a="int64")``.

    ``nulls`` says what other share of them is null; ``statistics`` is what the source claims of itself, true or not.
    """
    random = Random(label)
    arrays = {}
    for name, kind in columns.items():
        dtype = _arrow(kind)
        pool = _pool(dtype)
        values = [None if random.random() < nulls else random.choice(pool) for _ in range(rows)]
        arrays[name] = pa.array(values, dtype)
    return Scan(source=TableSource(label, pa.table(arrays), statistics or Statistics()))


def _arrow(kind: str) -> pa.DataType:
    if kind.startswith("decimal"):
        precision, scale = kind.removeprefix("decimal(").removesuffix(")").split(",")
        return pa.decimal128(int(precision), int(scale))
    return {"timestamp": pa.timestamp("us"), "date": pa.date32()}.get(kind) or pa.type_for_alias(kind)


def _pool(dtype: pa.DataType) -> list[Any]:
    """Return the few values that random columns of a type are drawn from."""
    if pa.types.is_boolean(dtype):
        return [False, True]
    if pa.types.is_floating(dtype):
        return [-1.5, 0.0, 0.5, 2.0, math.nan]
    if pa.types.is_string(dtype):
        return ["", "a", "ab", "b", "%"]
    if pa.types.is_date32(dtype):
        return [dt.date(1999, 12, 31), dt.date(2000, 1, 1), dt.date(2001, 7, 4)]
    if pa.types.is_timestamp(dtype):
        return [dt.datetime.fromisoformat("2000-01-01"), dt.datetime.fromisoformat("2000-01-01 12:30")]
    if pa.types.is_decimal(dtype):
        return [Decimal("0.00"), Decimal("1.25"), Decimal("3.00")]
    return [0, 1, 2, 3, 5] if pa.types.is_unsigned_integer(dtype) else [-2, 0, 1, 2, 3, 5]


def col(plan: Plan, name: str) -> Column:
    """Return a column of a plan."""
    return Column(name=name, dtype=plan.schema[name].dtype)


def filter_(plan: Plan, function: str, name: str, value: Any) -> Filter:
    """Return the rows where ``function(column, value)`` holds."""
    return Filter(input=plan, predicate=compare(plan, function, name, value))


def compare(plan: Plan, function: str, name: str, value: Any) -> Expr:
    """Return ``function(column, constant)``."""
    return call(function, col(plan, name), literal(value))


def where(plan: Plan, predicate: Expr) -> Filter:
    """Return the rows where a predicate holds."""
    return Filter(input=plan, predicate=predicate)


def select(plan: Plan, *names: str, **computed: Expr) -> Project:
    """Return plain columns, then computed ones."""
    plain = [NamedExpr(name=name, expr=col(plan, name)) for name in names]
    return Project(input=plan, exprs=(*plain, *(NamedExpr(name=n, expr=e) for n, e in computed.items())))


def join(left: Plan, right: Plan, *on: tuple[str, str], kind: str = "inner", residual: Expr | None = None) -> Join:
    """Return a join on pairs of columns."""
    pairs = tuple((col(left, a), col(right, b)) for a, b in on)
    return Join(left=left, right=right, kind=JoinKind(kind), on=pairs, residual=residual)


def nearest(left: Plan, right: Plan, place: tuple[str, str], *on: tuple[str, str], outer: bool = True) -> NearestJoin:
    """Return a join with the nearest row whose place is not greater."""
    pairs = tuple((col(left, a), col(right, b)) for a, b in on)
    by = Nearest(on=pairs, left=col(left, place[0]), right=col(right, place[1]), function="greater_equal")
    return NearestJoin(left=left, right=right, nearest=by, outer=outer)


def group(plan: Plan, *keys: str, **aggregates: Any) -> Aggregate:
    """Return a grouping by columns; aggregates are `AggregateCall` values."""
    return Aggregate(
        input=plan,
        keys=tuple(NamedExpr(name=k, expr=col(plan, k)) for k in keys),
        aggregates=tuple(NamedAggregate(name=n, call=c) for n, c in aggregates.items()),
    )


def sort(plan: Plan, *names: str, fetch: int | None = None) -> Sort:
    """Return the plan sorted by columns."""
    return Sort(input=plan, keys=tuple(SortKey(expr=col(plan, n)) for n in names), fetch=fetch)


def unnest(plan: Plan, *names: str, keeps_empty: bool = False, ordinality: str | None = None) -> Unnest:
    """Return, beside a plan's columns, the values of a list ``l`` made of some of them."""
    made = call("list_value", *(col(plan, name) for name in names))
    return Unnest(
        input=select(plan, *plan.schema.names, l=made), columns=("l",), keeps_empty=keeps_empty, ordinality=ordinality
    )


def window(plan: Plan, partition: str, order: str, **functions: WindowCall) -> Window:
    """Return a window over columns, given as names with spaces between."""
    return Window(
        input=plan,
        functions=tuple(NamedWindow(name=name, call=one) for name, one in functions.items()),
        partition_by=tuple(col(plan, name) for name in partition.split()),
        order_by=tuple(SortKey(expr=col(plan, name)) for name in order.split()),
    )
