"""Random queries over random tables, each equal to DuckDB's answer; `make fuzz` runs more of them."""

from __future__ import annotations

from pathlib import Path

import pytest

import volley as vl
from tests.sql.fuzz import PER_TABLES, connected, verdict
from tests.sql.oracle import small_tables
from tests.sql.random_queries import QueryMaker, random_tables
from tests.sql.random_values import ValueMaker, random_values
from tests.support.clusters import many_tasks
from tests.support.simulated_gpu import GPU, SESSIONS

BATCH = 25
FOUND = [
    line.split("\t")
    for line in (Path(__file__).parent / "found_queries.tsv").read_text().splitlines()
    if not line.startswith("#")
]
"""Numbers of random tables and queries over them that once went wrong; smaller ones stand in ``tests/slt/cases``."""


@pytest.mark.parametrize(("device", "start"), [*(("cpu", n) for n in range(0, 200, BATCH)), (GPU, 200)])
def test_random_queries(device: str, start: int) -> None:
    with SESSIONS[device]():
        assert_as_duckdb(range(start, start + BATCH))


@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("seeds", "shuffled"),
    [
        (range(300, 305), False),
        *(pytest.param(range(n, n + 100), n % 200 == 0, marks=pytest.mark.cluster) for n in range(400, 1_200, 100)),
    ],
    ids=str,
)
def test_random_queries_on_a_cluster(seeds: range, shuffled: bool, cluster: vl.Session) -> None:
    with vl.Session(cluster=cluster.cluster.client, device=cluster.device), many_tasks(shuffled=shuffled):
        assert_as_duckdb(seeds)


@pytest.mark.parametrize("start", range(0, 200, BATCH))
def test_random_values(start: int) -> None:
    tables = random_values(start // PER_TABLES)
    connection = connected(tables)
    with vl.Session():
        for seed in range(start, start + BATCH):
            text = ValueMaker(seed).query()
            found = verdict(text, tables, connection)
            assert found is None, f"seed {seed}: {found}\n  {text}"


def assert_as_duckdb(seeds: range) -> None:
    tables = small_tables()
    connection = connected(tables)
    for seed in seeds:
        text = QueryMaker(seed).query()
        assert verdict(text, tables, connection) is None, f"seed {seed}: {text}"


@pytest.mark.parametrize("start", range(0, 100 * PER_TABLES, 5 * PER_TABLES))
def test_random_queries_over_random_tables(start: int) -> None:
    tables = random_tables(start // PER_TABLES)
    connection = connected(tables)
    for seed in range(start, start + 10):
        text = QueryMaker(seed).query()
        assert verdict(text, tables, connection) is None, f"seed {seed}: {text}"


@pytest.mark.parametrize(("number", "text"), FOUND, ids=range(len(FOUND)))
def test_what_random_queries_have_found(number: str, text: str) -> None:
    tables = random_tables(int(number))
    assert verdict(text, tables, connected(tables)) is None
