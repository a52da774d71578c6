from __future__ import annotations

import pytest

from tests.support.plans import scan, select
from tests.support.rule_cases import check_rule, fixture_cases
from volley.engine.optimizer.rules.rewrite_distinct import rewrite_distinct
from volley.engine.plan import Distinct, Plan

T = scan("t", a="int64", s="string", f="double")

CASES: dict[str, Plan] = {
    "over all columns": Distinct(input=select(T, "s", "f")),
    "over all columns by name": Distinct(input=T, on=("f", "s", "a")),
    "over some columns": Distinct(input=T, on=("s",)),
}


@pytest.mark.parametrize("case", CASES)
def test_rule(case: str) -> None:
    check_rule(rewrite_distinct, case, CASES[case])


def test_fixture_has_no_other_sections() -> None:
    assert fixture_cases(rewrite_distinct) == set(CASES)
