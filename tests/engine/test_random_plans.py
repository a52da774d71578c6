"""The whole engine against DuckDB: random plans, optimised, lowered and run, give the rows they should."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

import volley as vl
from tests.support.clusters import many_tasks
from tests.support.duckdb_oracle import Oracle, sorted_rows
from tests.support.random_plans import random_plans
from tests.support.simulated_gpu import GPU, SESSIONS
from volley.engine.explain import explain_plan
from volley.engine.plan import Plan


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
