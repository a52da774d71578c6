"""The optimised plan gives the same rows as the plan, for random plans, rule by rule and all together."""

from __future__ import annotations

import pytest
from hypothesis import given

from tests.support.duckdb_oracle import Oracle
from tests.support.random_plans import random_plans, shared_groups
from volley.engine.explain import explain_plan
from volley.engine.optimizer import OptimizerContext, optimize
from volley.engine.optimizer.optimizer import RULES
from volley.engine.optimizer.rules.aggregate_before_join import aggregate_before_join
from volley.engine.optimizer.rules.choose_build_side import choose_build_side
from volley.engine.optimizer.rules.order_joins import order_joins
from volley.engine.optimizer.rules.push_down_semi_join import push_down_semi_join
from volley.engine.optimizer.rules.restrict_groups import restrict_groups
from volley.engine.plan import Plan

WEIGHING = (restrict_groups, push_down_semi_join, order_joins, aggregate_before_join, choose_build_side)
"""Rules that weigh estimates."""


@pytest.fixture(scope="module")
def oracle() -> Oracle:
    return Oracle()


@given(plan=random_plans())
def test_optimised_plans_give_the_same_rows(oracle: Oracle, plan: Plan) -> None:
    optimised = optimize(plan, OptimizerContext(fold=oracle.fold))
    assert [(f.name, f.dtype) for f in optimised.schema] == [(f.name, f.dtype) for f in plan.schema]
    assert oracle.rows(optimised) == oracle.rows(plan), f"{explain_plan(plan)}\n=>\n{explain_plan(optimised)}"


@given(plan=shared_groups())
def test_groups_with_several_readers_give_the_same_rows(oracle: Oracle, plan: Plan) -> None:
    optimised = optimize(plan, OptimizerContext(fold=oracle.fold))
    assert oracle.rows(optimised) == oracle.rows(plan), f"{explain_plan(plan)}\n=>\n{explain_plan(optimised)}"


@given(plan=random_plans())
def test_rules_leave_an_optimised_plan_as_it_is(oracle: Oracle, plan: Plan) -> None:
    """All but those that weigh estimates: a better estimate of a better plan may let them go further."""
    context = OptimizerContext(fold=oracle.fold)
    optimised = optimize(plan, context)
    for rule in (rule for phase in RULES for rule in phase):
        if rule not in WEIGHING:
            assert explain_plan(rule(optimised, context)) == explain_plan(optimised), rule.__name__


@given(plan=random_plans())
def test_each_rule_keeps_the_schema(oracle: Oracle, plan: Plan) -> None:
    context = OptimizerContext(fold=oracle.fold)
    for rule in (rule for phase in RULES for rule in phase):
        after = rule(plan, context)
        assert [(f.name, f.dtype) for f in after.schema] == [(f.name, f.dtype) for f in plan.schema], rule.__name__
        plan = after
