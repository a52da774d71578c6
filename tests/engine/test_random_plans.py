"""The whole engine against DuckDB: random plans, optimised, lowered and run, give the rows they should."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import event, given, settings

import volley as vl
from tests.support.clusters import many_tasks
from tests.support.duckdb_oracle import Oracle, sorted_rows
from tests.support.random_plans import random_plans
from tests.support.simulated_gpu import GPU, SESSIONS
from volley.engine.arrow import to_arrow_schema
from volley.engine.errors import MemoryLimitExceeded
from volley.engine.exchange import spool
from volley.engine.explain import explain_plan
from volley.engine.plan import Plan
from volley.engine.runners import spilled
from volley.engine.runners.sinks import spooled


@pytest.fixture(scope="module")
def oracle() -> Oracle:
    return Oracle()


def assert_same_rows(session: vl.Session, oracle: Oracle, plan: Plan) -> None:
    assert sorted_rows(session.collect(plan)) == oracle.rows(plan), explain_plan(session.optimized(plan))


@pytest.mark.parametrize(("device", "threads"), [("cpu", 1), ("cpu", 3), (GPU, 2)])
@settings(max_examples=100)
@given(plan=random_plans())
def test_same_rows_as_duckdb(oracle: Oracle, device: str, threads: int, plan: Plan) -> None:
    assert_same_rows(SESSIONS[device](threads=threads), oracle, plan)


@pytest.mark.parametrize(("device", "examples"), [("cpu", 40), (GPU, 5)])
def test_same_rows_where_the_memory_is_too_small(
    oracle: Oracle, device: str, examples: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nearly all that lies between stages is in files, in small pieces, which are divided again."""
    monkeypatch.setattr(spool, "LEAST_TASK_BYTES", 400)
    monkeypatch.setattr(spilled, "BUCKETS", 2)
    monkeypatch.setattr(spooled, "BUCKETS", 2)
    session = SESSIONS[device](threads=2, memory_limit=2000)

    @settings(max_examples=examples)
    @given(plan=random_plans())
    def check(plan: Plan) -> None:
        try:
            found = pa.Table.from_batches(session.stream(plan), to_arrow_schema(plan.schema))
        except MemoryLimitExceeded:  # what cannot be divided
            event("does not fit")
            return
        assert sorted_rows(found) == oracle.rows(plan), explain_plan(session.optimized(plan))

    check()


@pytest.mark.parametrize("shuffled", [False, True])
@settings(max_examples=8)
@given(plan=random_plans())
def test_some_on_a_cluster(oracle: Oracle, cluster: vl.Session, shuffled: bool, plan: Plan) -> None:
    with many_tasks(shuffled=shuffled):
        assert_same_rows(cluster, oracle, plan)


@pytest.mark.cluster
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("shuffled", [False, True])
@settings(max_examples=300)
@given(plan=random_plans())
def test_many_on_a_cluster(oracle: Oracle, cluster: vl.Session, shuffled: bool, plan: Plan) -> None:
    with many_tasks(shuffled=shuffled):
        assert_same_rows(cluster, oracle, plan)
