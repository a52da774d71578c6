from __future__ import annotations

import pytest

from tests.support.plans import col, group, join, scan, select
from tests.support.rule_cases import check_rule, fixture_cases
from volley.engine.expr import aggregate, call, literal
from volley.engine.optimizer import OptimizerContext
from volley.engine.optimizer.rules.merge_projections import merge_projections
from volley.engine.plan import Plan
from volley.engine.traversal import walk

T, U = scan("t", a="int64", b="int64", s="string"), scan("u", x="int64", y="int64")
COMPUTED = select(T, "s", c=call("add", col(T, "a"), col(T, "b")), k=literal(7))
NARROWED = select(join(T, U, ("a", "x")), "s", "y")

CASES: dict[str, Plan] = {
    "identity": select(T, "a", "b", "s"),
    "another order is no identity": select(T, "b", "a", "s"),
    "fewer columns are no identity": select(T, "a", "b"),
    "what is computed once": select(COMPUTED, "s", d=call("multiply", col(COMPUTED, "c"), literal(2))),
    "what would be computed twice stays": select(COMPUTED, "c", d=call("multiply", col(COMPUTED, "c"), literal(2))),
    "what nobody reads goes": select(COMPUTED, "s"),
    "constants may be copied": select(COMPUTED, d=call("add", col(COMPUTED, "k"), literal(1)), e=col(COMPUTED, "k")),
    "a chain": select(select(select(COMPUTED, "s", "c"), t=col(T, "s"), c=col(COMPUTED, "c")), "t", "c"),
    "into a grouping": group(COMPUTED, "s", n=aggregate("sum", col(COMPUTED, "c"))),
    "a grouping that reads twice keeps it": group(
        COMPUTED, "s", n=aggregate("sum", col(COMPUTED, "c")), m=aggregate("max", col(COMPUTED, "c"))
    ),
    "what narrows a join stays": group(NARROWED, "s", n=aggregate("sum", col(NARROWED, "y"))),
}


@pytest.mark.parametrize("case", CASES)
def test_rule(case: str) -> None:
    check_rule(merge_projections, case, CASES[case])


def test_fixture_has_no_other_sections() -> None:
    assert fixture_cases(merge_projections) == set(CASES)


def test_doubling_again_and_again_does_not_explode() -> None:
    plan: Plan = select(T, a=col(T, "a"))
    for _ in range(60):
        plan = select(plan, a=call("add", col(plan, "a"), col(plan, "a")))
    merged = merge_projections(plan, OptimizerContext(fold=lambda _: None))
    assert sum(1 for _ in walk(merged)) > 30
