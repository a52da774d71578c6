from __future__ import annotations

import pytest

from tests.support.plans import col, filter_, group, join, scan, select, sort
from tests.support.rule_cases import check_rule, fixture_cases
from volley.engine.expr import aggregate
from volley.engine.optimizer.properties import empty
from volley.engine.optimizer.rules.eliminate_distinct import eliminate_distinct
from volley.engine.plan import Distinct, Limit, Plan, Union

T, U = scan("t", a="int64", b="int64", s="string"), scan("u", x="int64", y="int64")
COUNTED = group(T, "a", "s", n=aggregate("size"))
OF_NOTHING = group(empty(T), n=aggregate("size"))

CASES: dict[str, Plan] = {
    "over groups": Distinct(input=COUNTED),
    "over groups, renamed and narrowed": Distinct(input=select(COUNTED, "s", key=col(COUNTED, "a"))),
    "over groups without one of the keys": Distinct(input=select(COUNTED, "s", "n")),
    "over a distinct": Distinct(input=filter_(Distinct(input=T), "less", "a", 3)),
    "over a distinct on other columns": Distinct(input=Distinct(input=T, on=("a",)), on=("b",)),
    "over a distinct on some of the columns": Distinct(input=Distinct(input=T, on=("a",)), on=("a", "b")),
    "over at most one row": Distinct(input=Limit(input=sort(T, "a"), count=1)),
    "over rows that come of nothing": Distinct(input=Union(inputs=(OF_NOTHING, OF_NOTHING))),
    "groups of groups": group(COUNTED, "s", "a"),
    "groups with aggregates": group(COUNTED, "s", "a", m=aggregate("size")),
    "over a semi join": Distinct(input=join(Distinct(input=T), U, ("a", "x"), kind="semi")),
    "looked up by a semi join": join(T, Distinct(input=U), ("a", "x"), kind="semi"),
    "looked up by an anti join": join(T, group(U, "x"), ("a", "x"), kind="anti"),
    "counted and looked up": join(T, group(U, "x", n=aggregate("size")), ("a", "x"), kind="semi"),
    "over rows looked up in groups": Distinct(
        input=join(Distinct(input=T), group(U, "x", n=aggregate("size")), ("a", "x"), kind="left")
    ),
    "over groups that look rows up": Distinct(
        input=join(group(U, "x", n=aggregate("size")), Distinct(input=T), ("x", "a"))
    ),
    "not over a full join": Distinct(
        input=join(Distinct(input=T), group(U, "x", n=aggregate("size")), ("a", "x"), kind="full")
    ),
    "over an inner join": Distinct(input=join(Distinct(input=T), U, ("a", "x"))),
    "over a union": Distinct(input=Union(inputs=(Distinct(input=T), Distinct(input=T)))),
}


@pytest.mark.parametrize("case", CASES)
def test_rule(case: str) -> None:
    check_rule(eliminate_distinct, case, CASES[case])


def test_fixture_has_no_other_sections() -> None:
    assert fixture_cases(eliminate_distinct) == set(CASES)
