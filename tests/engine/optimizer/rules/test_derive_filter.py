from __future__ import annotations

import pytest

from tests.support.plans import col, compare, filter_, group, join, scan, select, unnest, where
from tests.support.rule_cases import check_rule, fixture_cases
from volley.engine.expr import aggregate, call, in_list, literal
from volley.engine.optimizer.rules.derive_filter import derive_filter
from volley.engine.plan import Join, JoinKind, Plan, Union

T, U = scan("t", a="int64", b="int64", f="double"), scan("u", x="int64", y="int64", g="double")
SMALL = filter_(T, "less", "a", 3)
BIG = filter_(U, "greater", "x", 1)
INVERSE = where(T, call("greater", call("divide", literal(1.0), col(T, "f")), literal(0.0)))

CASES: dict[str, Plan] = {
    "inner join, both ways": join(SMALL, BIG, ("a", "x")),
    "what is known already": join(SMALL, filter_(U, "less", "x", 3), ("a", "x")),
    "left join, to the right only": join(SMALL, BIG, ("a", "x"), kind="left"),
    "semi join": join(SMALL, BIG, ("a", "x"), kind="semi"),
    "anti join, to the right only": join(SMALL, BIG, ("a", "x"), kind="anti"),
    "other columns say nothing": join(filter_(T, "less", "b", 3), U, ("a", "x")),
    "through renaming": join(select(SMALL, key=col(T, "a")), group(U, "x", n=aggregate("size")), ("key", "x")),
    "not onto a computed key": join(SMALL, select(U, k=call("add", col(U, "x"), literal(1))), ("a", "k")),
    "not into a union": join(SMALL, Union(inputs=(U, U)), ("a", "x")),
    "through an unnest, of what it repeats": join(unnest(SMALL, "a"), U, ("a", "x")),
    "not of what it replaces": join(filter_(unnest(T, "a"), "less", "l", 3), U, ("a", "x")),
    "a full join keeps rows of both sides": join(SMALL, BIG, ("a", "x"), kind="full"),
    "a list": join(where(T, in_list(col(T, "a"), [1, 2])), U, ("a", "x")),
    "null says nothing": join(where(T, call("is_not_null", col(T, "a"))), U, ("a", "x")),
    "null-safe keys carry nothing": Join(
        left=SMALL, right=U, kind=JoinKind.INNER, on=((col(T, "a"), col(U, "x")),), nulls_equal=True
    ),
    "comparisons of floats": join(where(T, compare(T, "less", "f", 1.0)), U, ("f", "g")),
    "equal floats may differ in sign of zero": join(INVERSE, U, ("f", "g")),
    "through a chain of joins": join(join(SMALL, U, ("a", "x")), scan("w", k="int64"), ("x", "k")),
}


@pytest.mark.parametrize("case", CASES)
def test_rule(case: str) -> None:
    check_rule(derive_filter, case, CASES[case])


def test_fixture_has_no_other_sections() -> None:
    assert fixture_cases(derive_filter) == set(CASES)
