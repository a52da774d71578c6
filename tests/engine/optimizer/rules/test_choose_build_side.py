from __future__ import annotations

import pytest

from tests.support.plans import filter_, join, scan
from tests.support.rule_cases import check_rule, fixture_cases
from volley.engine.optimizer.rules.choose_build_side import choose_build_side
from volley.engine.plan import Plan, Statistics

BIG = scan("big", Statistics(rows=1_000_000), a="int64", s="string")
TWIN = scan("twin", Statistics(rows=1_000_000), b="int64")
SMALL = scan("small", Statistics(rows=100), x="int64", y="int64")

CASES: dict[str, Plan] = {
    "a small left side": join(SMALL, BIG, ("x", "a"), kind="left"),
    "a small right side": join(BIG, SMALL, ("a", "x"), kind="left"),
    "sides alike": join(BIG, scan("other", Statistics(rows=1_000_000), x="int64"), ("a", "x"), kind="left"),
    "a filtered left side": join(filter_(BIG, "equal", "s", "a"), TWIN, ("a", "b"), kind="semi"),
    "a full join": join(SMALL, BIG, ("x", "a"), kind="full"),
    "an anti join": join(SMALL, BIG, ("x", "a"), kind="anti"),
    "an inner join has its sides swapped instead": join(SMALL, BIG, ("x", "a")),
}


@pytest.mark.parametrize("case", CASES)
def test_rule(case: str) -> None:
    check_rule(choose_build_side, case, CASES[case])


def test_fixture_has_no_other_sections() -> None:
    assert fixture_cases(choose_build_side) == set(CASES)
