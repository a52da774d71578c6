"""Runs one query in Volley and in DuckDB over the same small tables, and compares the rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa

from volley.engine.frame import Session
from volley.sql import sql

NAN = float("nan")


def small_tables() -> dict[str, pa.Table]:
    """Return tables with nulls, NaN, repeated keys and keys without a partner."""
    t = pa.table(
        {
            "id": pa.array([1, 2, 3, 4, 5, 6, 7, 8], pa.int64()),
            "k": pa.array([1, 1, 2, 2, 3, None, None, 9], pa.int32()),
            "x": pa.array([1.5, -2.0, NAN, None, 0.0, 3.25, NAN, 1e10], pa.float64()),
            "s": pa.array(["apple", "Banana", None, "", "cherry", "apple", "déjà", "a_b%c"]),
            "b": pa.array([True, False, None, True, False, None, True, True]),
            "d": pa.array([0, 31, 59, None, 11016, 19782, 19782, 365], pa.int32()).cast(pa.date32()),
            "ts": pa.array([0, 86_399_999_999, None, 1_700_000_000_123_456, 5, 6, 7, 8], pa.timestamp("us")),
            "m": pa.array(
                [Decimal("1.10"), Decimal("-2.25"), None, *map(Decimal, ["0.00", "99.99", "5.00", "5.00", "7.77"])]
            ),
        }
    )
    u = pa.table(
        {
            "k": pa.array([1, 2, 2, 4, None], pa.int32()),
            "v": pa.array([10, 20, 21, 40, 50], pa.int64()),
            "name": pa.array(["one", "two", "two", "four", None]),
        }
    )
    w = pa.table({"k": pa.array([2, 3, None], pa.int64()), "z": pa.array([0.5, None, NAN], pa.float64())})
    e = pa.table({"k": pa.array([], pa.int32()), "v": pa.array([], pa.int64())})
    return {"t": t, "u": u, "w": w, "e": e}


def run_both(
    query: str, tables: Mapping[str, pa.Table], params: Any = None, session: Session | None = None
) -> tuple[pa.Table, pa.Table]:
    """Return Volley's and DuckDB's rows."""
    ours = sql(query, params, **tables)
    if session is not None:
        ours = type(ours).from_plan(ours.plan, session)
    connection = duckdb.connect()
    for name, table in tables.items():
        connection.register(name, table)
    theirs = connection.execute(query, params).fetch_arrow_table() if params else connection.sql(query).to_arrow_table()
    return ours.to_arrow(), theirs


def assert_same(query: str, tables: Mapping[str, pa.Table], params: Any = None, *, ordered: bool | None = None) -> None:
    """Compare names and rows; the order of rows only where the query orders them by its last clause."""
    ours, theirs = run_both(query, tables, params)
    assert ours.schema.names == deduplicated(theirs.schema.names)
    if ordered is None:
        ordered = "order by all" in query.lower()
    left, right = rows_of(ours), rows_of(theirs)
    if not ordered:
        left, right = sorted(left, key=repr), sorted(right, key=repr)
    assert len(left) == len(right), f"{len(left)} rows, DuckDB has {len(right)}:\n{left[:5]}\n{right[:5]}"
    for mine, oracle in zip(left, right, strict=True):
        assert all(same_value(a, b) for a, b in zip(mine, oracle, strict=True)), f"{mine} is not {oracle}"


def deduplicated(names: list[str]) -> list[str]:
    """Return DuckDB's names with the suffixes that a table of unique names needs."""
    seen: dict[str, int] = {}
    result = []
    for name in names:
        count = seen.get(name, 0)
        seen[name] = count + 1
        result.append(f"{name}_{count}" if count else name)
    return result


def rows_of(table: pa.Table) -> list[tuple[Any, ...]]:
    """Return rows of plain values; numbers of all types compare alike."""
    columns = [[plain(value) for value in column.to_pylist()] for column in table.columns]
    return list(zip(*columns, strict=True)) if columns else [()] * table.num_rows


def plain(value: Any) -> Any:
    """Return a value in the form that is compared."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float | Decimal):
        return "nan" if math.isnan(value) else round(float(value), 9) + 0.0
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    return value


def same_value(mine: Any, oracle: Any) -> bool:
    """Whether two values are equal, floats to a relative 1e-9."""
    if isinstance(mine, float) and isinstance(oracle, float):
        both_nan = math.isnan(mine) and math.isnan(oracle)
        return both_nan or mine == oracle or math.isclose(mine, oracle, rel_tol=1e-9, abs_tol=1e-12)
    if isinstance(mine, list) and isinstance(oracle, list):
        return len(mine) == len(oracle) and all(map(same_value, mine, oracle))
    if isinstance(mine, dict) and isinstance(oracle, dict):
        return [*mine] == [*oracle] and all(map(same_value, mine.values(), oracle.values()))
    return type(mine) is type(oracle) and bool(mine == oracle)
