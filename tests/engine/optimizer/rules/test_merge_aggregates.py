from __future__ import annotations

import pytest

from tests.support.plans import col, compare, group, scan
from tests.support.rule_cases import check_rule, fixture_cases
from volley.engine.expr import aggregate
from volley.engine.optimizer.rules.merge_aggregates import merge_aggregates
from volley.engine.plan import Plan

T = scan("t", a="int64", b="int32")
A, SOME = col(T, "a"), compare(T, "greater", "b", 1)

CASES: dict[str, Plan] = {
    "equal ones": group(
        T, "b", n=aggregate("size"), s=aggregate("sum", A), rows=aggregate("size"), sum=aggregate("sum", A)
    ),
    "without keys": group(T, n=aggregate("size"), rows=aggregate("size")),
    "not with another filter": group(T, "b", n=aggregate("size"), some=aggregate("size", filter=SOME)),
    "not of another column": group(T, "b", s=aggregate("sum", A), t=aggregate("sum", col(T, "b"))),
}


@pytest.mark.parametrize("case", CASES)
def test_rule(case: str) -> None:
    check_rule(merge_aggregates, case, CASES[case])


def test_fixture_has_no_other_sections() -> None:
    assert fixture_cases(merge_aggregates) == set(CASES)
