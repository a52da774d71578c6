"""Random queries: joins, groups, set operations and nested queries, each equal to DuckDB's answer."""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pytest

from tests.sql.oracle import rows_of, same_value, small_tables
from tests.sql.random_queries import QueryMaker
from volley.sql import query

BATCH = 25


@pytest.fixture(scope="module")
def tables() -> dict[str, pa.Table]:
    return small_tables()


@pytest.mark.parametrize("start", range(0, 200, BATCH))
def test_random_queries(start: int, tables: dict[str, pa.Table]) -> None:
    connection = duckdb.connect()
    for name, table in tables.items():
        connection.register(name, table)
    for seed in range(start, start + BATCH):
        text = QueryMaker(seed).query()
        ours = sorted(rows_of(query(text, tables).to_arrow()), key=repr)
        theirs = sorted(rows_of(connection.sql(text).to_arrow_table()), key=repr)
        assert len(ours) == len(theirs), f"seed {seed}: {text}"
        for mine, oracle in zip(ours, theirs, strict=True):
            same = all(same_value(a, b) for a, b in zip(mine, oracle, strict=True))
            assert same, f"seed {seed}: {text}\n{mine} is not {oracle}"
