"""The whole engine against DuckDB: random plans, optimised, lowered and run on threads, give the rows they should."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from tests.support.duckdb_oracle import Oracle, sorted_rows
from tests.support.random_plans import random_plans
from tests.support.simulated_gpu import SESSIONS
from volley.engine.explain import explain_plan
from volley.engine.plan import Plan


@pytest.fixture(scope="module")
def oracle() -> Oracle:
    return Oracle()


@pytest.mark.parametrize(("device", "threads"), [("cpu", 1), ("cpu", 3), ("gpu-simulated", 2)])
@settings(max_examples=100)
@given(plan=random_plans())
def test_same_rows_as_duckdb(oracle: Oracle, device: str, threads: int, plan: Plan) -> None:
    session = SESSIONS[device](threads=threads)
    assert sorted_rows(session.collect(plan)) == oracle.rows(plan), explain_plan(session.optimized(plan))
