"""Small builders for plans in tests: a source over an Arrow table, columns by name, terse nodes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from volley.engine.arrow import from_arrow_schema
from volley.engine.expr import Column, Expr, Literal, NamedExpr, SortKey, call, literal
from volley.engine.plan import (
    Aggregate,
    Filter,
    Join,
    JoinKind,
    Plan,
    Project,
    Scan,
    ScanPlan,
    ScanRequest,
    Sort,
    Statistics,
)
from volley.engine.schema import Schema


@dataclass(frozen=True, eq=False)
class TableSource:
    """An Arrow table as a source that applies nothing and reads everything as one split."""

    label: str
    table: pa.Table
    known: Statistics = field(default_factory=Statistics)

    @property
    def schema(self) -> Schema:
        return from_arrow_schema(self.table.schema)

    def statistics(self) -> Statistics:
        return self.known

    def scan(self, request: ScanRequest) -> ScanPlan:
        return ScanPlan(splits=(_Split(self, request.columns),), residual=request.predicate)


@dataclass(frozen=True, eq=False)
class _Split:
    source: TableSource
    columns: tuple[str, ...]

    @property
    def label(self) -> str:
        return self.source.label

    @property
    def rows(self) -> int | None:
        return self.source.table.num_rows

    @property
    def bytes(self) -> int | None:
        return self.source.table.nbytes

    def read(self) -> Iterator[Any]:
        yield from self.source.table.select(self.columns).to_batches()


def scan(label: str, statistics: Statistics | None = None, **columns: str) -> Scan:
    """Return the scan of an empty table with the given Arrow types, e.g. ``scan("t", a="int64")``."""
    types = pa.schema([(name, _arrow(kind)) for name, kind in columns.items()])
    return Scan(source=TableSource(label, types.empty_table(), statistics or Statistics()))


def _arrow(kind: str) -> pa.DataType:
    if kind.startswith("decimal"):
        precision, scale = kind.removeprefix("decimal(").removesuffix(")").split(",")
        return pa.decimal128(int(precision), int(scale))
    return {"timestamp": pa.timestamp("us"), "date": pa.date32()}.get(kind) or pa.type_for_alias(kind)


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


def group(plan: Plan, *keys: str, **aggregates: Any) -> Aggregate:
    """Return a grouping by columns; aggregates are `AggregateCall` values."""
    from volley.engine.expr import NamedAggregate

    return Aggregate(
        input=plan,
        keys=tuple(NamedExpr(name=k, expr=col(plan, k)) for k in keys),
        aggregates=tuple(NamedAggregate(name=n, call=c) for n, c in aggregates.items()),
    )


def sort(plan: Plan, *names: str, fetch: int | None = None) -> Sort:
    """Return the plan sorted by columns."""
    return Sort(input=plan, keys=tuple(SortKey(expr=col(plan, n)) for n in names), fetch=fetch)


def true() -> Literal:
    """Return the constant true."""
    return literal(True)
