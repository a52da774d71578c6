from __future__ import annotations

import pytest

from tests.support.plans import col, filter_, group, join, nearest, scan, select, sort, unnest, window
from tests.support.rule_cases import check_rule, fixture_cases
from tests.support.stages import doubled
from volley.engine.expr import aggregate
from volley.engine.optimizer.properties import empty
from volley.engine.optimizer.rules.propagate_empty import propagate_empty
from volley.engine.plan import Distinct, Limit, Plan, Union, window_call

T, U = scan("t", a="int64", s="string"), scan("u", x="int64", y="int32")
NONE, NO_U = empty(T), empty(U)

CASES: dict[str, Plan] = {
    "limit 0": Limit(input=sort(T, "a"), count=0),
    "top 0": sort(T, "a", fetch=0),
    "one input": Distinct(input=sort(select(filter_(doubled(NONE, "a"), "greater", "a", 1), "a", "twice"), "a")),
    "groups": group(NONE, "s", n=aggregate("size")),
    "an aggregate of nothing is a row": group(NONE, n=aggregate("size"), m=aggregate("sum", col(T, "a"))),
    "inner join": join(T, NO_U, ("a", "x")),
    "left join with nothing": join(T, NO_U, ("a", "x"), kind="left"),
    "left join of nothing": join(NONE, U, ("a", "x"), kind="left"),
    "full join with nothing": join(T, NO_U, ("a", "x"), kind="full"),
    "full join of nothing": join(NONE, U, ("a", "x"), kind="full"),
    "full join of nothing with nothing": join(NONE, NO_U, ("a", "x"), kind="full"),
    "semi join": join(T, NO_U, ("a", "x"), kind="semi"),
    "anti join with nothing": join(T, NO_U, ("a", "x"), kind="anti"),
    "anti join of nothing": join(NONE, U, ("a", "x"), kind="anti"),
    "the nearest of nothing": nearest(T, NO_U, ("a", "x"), outer=False),
    "the nearest of nothing, or none": nearest(T, NO_U, ("a", "x")),
    "nothing beside the nearest": nearest(NONE, U, ("a", "x")),
    "union drops inputs": Union(inputs=(NONE, T, NONE, filter_(T, "less", "a", 2))),
    "union of one": Union(inputs=(NONE, T)),
    "union of nothing": Union(inputs=(NONE, NONE)),
    "nothing to do": filter_(T, "less", "a", 2),
    "an unnest": unnest(NONE, "a", keeps_empty=True),
    "a window": window(NONE, "s", "a", r=window_call("rank")),
}


@pytest.mark.parametrize("case", CASES)
def test_rule(case: str) -> None:
    check_rule(propagate_empty, case, CASES[case])


def test_fixture_has_no_other_sections() -> None:
    assert fixture_cases(propagate_empty) == set(CASES)
