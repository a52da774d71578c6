from __future__ import annotations

import pytest

from tests.support.plans import col, compare, filter_, join, scan, where
from tests.support.rule_cases import check_rule, fixture_cases
from volley.engine.expr import Expr, any_of, call, literal
from volley.engine.optimizer.rules.outer_to_inner import outer_to_inner
from volley.engine.plan import Plan

T, U, W = scan("t", a="int64", s="string"), scan("u", x="int64", y="int64"), scan("w", k="int64", n="string")
LEFT = join(T, U, ("a", "x"), kind="left")
FULL = join(T, U, ("a", "x"), kind="full")


def either(*parts: Expr) -> Expr:
    joined = any_of(parts)
    assert joined is not None
    return joined


CASES: dict[str, Plan] = {
    "a comparison rejects null": filter_(LEFT, "greater", "y", 1),
    "an alternative without the right side does not": where(
        LEFT, either(compare(LEFT, "greater", "y", 1), compare(LEFT, "equal", "s", "a"))
    ),
    "alternatives that all do": where(LEFT, either(compare(LEFT, "greater", "y", 1), compare(LEFT, "equal", "x", 2))),
    "is not null": where(LEFT, call("is_not_null", col(LEFT, "y"))),
    "coalesce hides null": where(LEFT, call("greater", call("coalesce", col(LEFT, "y"), literal(2)), literal(1))),
    "a filter on the left side": filter_(LEFT, "greater", "a", 1),
    "a missing key finds rows without partner": where(LEFT, call("is_null", col(LEFT, "x"))),
    "another missing column may be null anyway": where(LEFT, call("is_null", col(LEFT, "y"))),
    "a join above on the right side's column": join(LEFT, W, ("y", "k")),
    "a join above on the left side's column": join(LEFT, W, ("a", "k")),
    "a full join whose left rows are wanted": filter_(FULL, "greater", "a", 1),
    "a full join whose right rows are wanted": filter_(FULL, "greater", "y", 1),
    "a full join whose pairs are wanted": where(FULL, call("less", col(FULL, "a"), col(FULL, "y"))),
    "a full join any of whose rows may be wanted": where(
        FULL, either(compare(FULL, "greater", "y", 1), compare(FULL, "equal", "s", "a"))
    ),
    "a left join above": join(LEFT, W, ("y", "k"), kind="left"),
}


@pytest.mark.parametrize("case", CASES)
def test_rule(case: str) -> None:
    check_rule(outer_to_inner, case, CASES[case])


def test_fixture_has_no_other_sections() -> None:
    assert fixture_cases(outer_to_inner) == set(CASES)
