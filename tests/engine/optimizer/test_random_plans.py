"""The optimised plan gives the same rows as the plan, for random plans, rule by rule and all together."""

from __future__ import annotations

import pytest
from hypothesis import given

from tests.support.duckdb_oracle import Oracle
from tests.support.random_plans import random_plans
from volley.engine.explain import explain_plan
from volley.engine.optimizer import OptimizerContext, optimize
from volley.engine.optimizer.optimizer import RULES
from volley.engine.plan import Plan


@pytest.fixture(scope="module")
def oracle() -> Oracle:
    return Oracle()


@given(plan=random_plans())
def test_optimised_plans_give_the_same_rows(oracle: Oracle, plan: Plan) -> None:
    optimised = optimize(plan, OptimizerContext(fold=oracle.fold))
    assert [(f.name, f.dtype) for f in optimised.schema] == [(f.name, f.dtype) for f in plan.schema]
    assert oracle.rows(optimised) == oracle.rows(plan), f"{explain_plan(plan)}\n=>\n{explain_plan(optimised)}"


@given(plan=random_plans())
def test_an_optimised_plan_stays_as_it_is(oracle: Oracle, plan: Plan) -> None:
    context = OptimizerContext(fold=oracle.fold)
    once = optimize(plan, context)
    assert explain_plan(optimize(once, context)) == explain_plan(once)


@given(plan=random_plans())
def test_each_rule_keeps_the_schema(oracle: Oracle, plan: Plan) -> None:
    context = OptimizerContext(fold=oracle.fold)
    for rule in (rule for phase in RULES for rule in phase):
        after = rule(plan, context)
        assert [(f.name, f.dtype) for f in after.schema] == [(f.name, f.dtype) for f in plan.schema], rule.__name__
        plan = after
