"""TPC-H without its rows: schemas and statistics at any scale, in splits as the Parquet source would cut them.

Types, stored bytes and bounds are those in the footers of tpcgen-cli's files at scale 1; rows and keys grow with the
scale as TPC-H defines it. Texts of few values have their number, which footers do not tell: without it the planner
would expect groups for most rows.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any

from volley.engine import dtypes
from volley.engine.dtypes import DataType
from volley.engine.expr import columns_of
from volley.engine.frame import DataFrame
from volley.engine.plan import ColumnStatistics, Scan, ScanPlan, ScanRequest, Statistics
from volley.engine.schema import Field, Schema

GROUP_ROWS = 1024 * 1024
"""Rows of a row group: pyarrow's default."""
SPLIT_BYTES = 16 * 1024 * 1024
"""What the Parquet source aims at for each split."""
_MONEY = dtypes.decimal(15, 2)
_DAYS = (dt.date(1992, 1, 1), dt.date(1998, 8, 2))


@dataclass(frozen=True)
class Stored:
    """A column: its type, stored bytes a value, and its bounds, which for keys are 1 and a number for each scale."""

    dtype: DataType
    bytes: float
    minimum: Any = None
    maximum: Any = None
    per_scale: int = 0
    distinct: int | None = None

    def statistics(self, scale: float) -> ColumnStatistics:
        """Return the bounds at a scale."""
        if self.per_scale:
            return ColumnStatistics(minimum=1, maximum=max(1, int(self.per_scale * scale)), nulls=0)
        return ColumnStatistics(minimum=self.minimum, maximum=self.maximum, nulls=0, distinct=self.distinct)


def _key(size: float, per_scale: int) -> Stored:
    return Stored(dtypes.int64, size, per_scale=per_scale)


def _int(size: float, low: int, high: int, dtype: DataType = dtypes.int32) -> Stored:
    return Stored(dtype, size, low, high)


def _money(size: float, low: str, high: str) -> Stored:
    return Stored(_MONEY, size, Decimal(low), Decimal(high))


def _day(size: float, later: int, last: int) -> Stored:
    return Stored(dtypes.date, size, _DAYS[0] + dt.timedelta(later), _DAYS[1] + dt.timedelta(last))


def _text(size: float, distinct: int | None = None) -> Stored:
    return Stored(dtypes.string, size, distinct=distinct)


TABLES: dict[str, tuple[int, bool, dict[str, Stored]]] = {
    "region": (5, False, {
        "r_regionkey": _int(13.6, 0, 4, dtypes.int64), "r_name": _text(18.0, 5), "r_comment": _text(64.8),
    }),
    "nation": (25, False, {
        "n_nationkey": _int(6.7, 0, 24, dtypes.int64), "n_name": _text(12.2, 25),
        "n_regionkey": _int(3.1, 0, 4, dtypes.int64), "n_comment": _text(46.4),
    }),
    "supplier": (10_000, True, {
        "s_suppkey": _key(5.76, 10_000), "s_name": _text(6.78), "s_address": _text(30.5),
        "s_nationkey": _int(0.64, 0, 24, dtypes.int64), "s_phone": _text(13.6),
        "s_acctbal": _money(6.68, "-999.99", "9999.99"), "s_comment": _text(25.9),
    }),
    "part": (200_000, True, {
        "p_partkey": _key(6.03, 200_000), "p_name": _text(13.9), "p_mfgr": _text(0.38, 5), "p_brand": _text(0.63, 25),
        "p_type": _text(1.02, 150), "p_size": _int(0.76, 1, 50), "p_container": _text(0.76, 40),
        "p_retailprice": _money(2.13, "900.00", "2098.99"), "p_comment": _text(8.85),
    }),
    "partsupp": (800_000, True, {
        "ps_partkey": _key(2.49, 200_000), "ps_suppkey": _key(2.56, 10_000), "ps_availqty": _int(2.55, 1, 9_999),
        "ps_supplycost": _money(5.51, "1.00", "1000.00"), "ps_comment": _text(42.9),
    }),
    "customer": (150_000, True, {
        "c_custkey": _key(5.94, 150_000), "c_name": _text(6.91), "c_address": _text(30.5),
        "c_nationkey": _int(0.63, 0, 24, dtypes.int64), "c_phone": _text(13.8),
        "c_acctbal": _money(6.8, "-999.99", "9999.99"), "c_mktsegment": _text(0.38, 5), "c_comment": _text(27.8),
    }),
    "orders": (1_500_000, True, {
        "o_orderkey": _key(6.01, 6_000_000), "o_custkey": _key(4.9, 150_000), "o_orderstatus": _text(0.25, 3),
        "o_totalprice": _money(7.61, "800.00", "600000.00"), "o_orderdate": _day(1.61, 0, 0),
        "o_orderpriority": _text(0.38, 5), "o_clerk": _text(1.31), "o_shippriority": _int(0.0, 0, 0),
        "o_comment": _text(20.2),
    }),
    "lineitem": (6_000_000, True, {
        "l_orderkey": _key(2.67, 6_000_000), "l_partkey": _key(5.65, 200_000), "l_suppkey": _key(2.11, 10_000),
        "l_linenumber": _int(0.26, 1, 7), "l_quantity": _money(0.76, "1.00", "50.00"),
        "l_extendedprice": _money(6.88, "900.00", "105000.00"), "l_discount": _money(0.5, "0.00", "0.10"),
        "l_tax": _money(0.5, "0.00", "0.08"), "l_returnflag": _text(0.25, 3), "l_linestatus": _text(0.16, 2),
        "l_shipdate": _day(1.59, 1, 121), "l_commitdate": _day(1.59, 30, 90), "l_receiptdate": _day(1.59, 2, 151),
        "l_shipinstruct": _text(0.25, 4), "l_shipmode": _text(0.38, 7), "l_comment": _text(13.4),
    }),
}  # fmt: skip
"""By name: rows, whether they are for each unit of scale, and columns."""


@dataclass(frozen=True, slots=True)
class SizedSplit:
    """Some row groups that nobody can read."""

    label: str
    rows: int
    bytes: int

    def read(self) -> Iterator[Any]:
        """Fail: there are no rows."""
        raise NotImplementedError(f"{self.label} has no rows: it is simulated")


@dataclass(frozen=True, eq=False)
class SizedTable:
    """A table of a scale, as a source that applies every predicate itself, as ours does where it can."""

    name: str
    scale: float
    columns: dict[str, Stored] = field(repr=False)
    rows: int

    @property
    def label(self) -> str:
        """The table's name and rows."""
        return f"{self.name} ({self.rows:,} rows)"

    @cached_property
    def schema(self) -> Schema:
        """Names and types."""
        fields = (Field(name, column.dtype, nullable=False) for name, column in self.columns.items())
        return Schema(tuple(fields))

    def statistics(self) -> Statistics:
        """Return rows, bytes and bounds."""
        size = int(self.rows * sum(column.bytes for column in self.columns.values()))
        known = {name: column.statistics(self.scale) for name, column in self.columns.items()}
        return Statistics(rows=self.rows, bytes=size, columns=known)

    def scan(self, request: ScanRequest) -> ScanPlan:
        """Return splits of whole row groups; none are pruned."""
        tested = columns_of(request.predicate) if request.predicate is not None else frozenset()
        width = sum(self.columns[name].bytes for name in {*request.columns, *tested}) or 0.01
        groups = max(1, int(SPLIT_BYTES / (GROUP_ROWS * width)))
        step = groups * GROUP_ROWS
        splits = tuple(
            SizedSplit(f"{self.name}[{start}]", rows, max(1, int(rows * width)))
            for start in range(0, self.rows, step)
            for rows in (min(step, self.rows - start),)
        )
        given = tuple(name for name in request.columns if name not in request.only_tested)
        return ScanPlan(splits=splits, applied=request.predicate, columns=given)


def tables(scale: float) -> dict[str, DataFrame]:
    """Return all tables of TPC-H at a scale, as frames."""
    made = {}
    for name, (rows, grows, columns) in TABLES.items():
        source = SizedTable(name, scale, columns, max(1, int(rows * scale)) if grows else rows)
        made[name] = DataFrame.from_plan(Scan(source=source), None)
    return made
