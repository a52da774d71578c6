"""Random queries over random tables, each equal to DuckDB's answer; `make fuzz` runs more of them."""

from __future__ import annotations

import pytest

from tests.sql.fuzz import PER_TABLES, connected, verdict
from tests.sql.oracle import small_tables
from tests.sql.random_queries import QueryMaker, random_tables

BATCH = 25
FOUND = (1026, 1345, 1449, 1476, 2584, 2922, 3001, 3027, 4652)
"""Seeds at which Volley once went wrong; what was smaller than these stands in ``tests/slt/cases/found.test``."""


@pytest.mark.parametrize("start", range(0, 200, BATCH))
def test_random_queries(start: int) -> None:
    tables = small_tables()
    connection = connected(tables)
    for seed in range(start, start + BATCH):
        text = QueryMaker(seed).query()
        assert verdict(text, tables, connection) is None, f"seed {seed}: {text}"


@pytest.mark.parametrize("start", range(0, 100 * PER_TABLES, 5 * PER_TABLES))
def test_random_queries_over_random_tables(start: int) -> None:
    tables = random_tables(start // PER_TABLES)
    connection = connected(tables)
    for seed in range(start, start + 10):
        text = QueryMaker(seed).query()
        assert verdict(text, tables, connection) is None, f"seed {seed}: {text}"


@pytest.mark.parametrize("seed", FOUND)
def test_what_random_queries_have_found(seed: int) -> None:
    tables = random_tables(seed // PER_TABLES)
    assert verdict(QueryMaker(seed).query(), tables, connected(tables)) is None
