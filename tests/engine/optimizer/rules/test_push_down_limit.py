from __future__ import annotations

import pytest

from tests.support.plans import col, filter_, group, join, scan, select, sort, unnest
from tests.support.rule_cases import check_rule, fixture_cases
from tests.support.stages import doubled
from volley.engine.expr import aggregate, call, literal
from volley.engine.optimizer.rules.push_down_limit import push_down_limit
from volley.engine.plan import Limit, Plan, Union

T, U = scan("t", a="int64", s="string"), scan("u", x="int64", y="int64")


def limit(plan: Plan, count: int | None, offset: int = 0) -> Limit:
    return Limit(input=plan, count=count, offset=offset)


COMPUTED = select(T, "a", "s", b=call("add", col(T, "a"), literal(1)))
JOINED = join(T, U, ("a", "x"))
OUTER = join(T, U, ("a", "x"), kind="left")

CASES: dict[str, Plan] = {
    "into a scan": limit(T, 5),
    "into a scan with an offset": limit(T, 5, 2),
    "into a scan with a predicate": limit(filter_(T, "less", "a", 3), 5),
    "a scan's own limit is smaller": limit(limit(T, 3), 5),
    "through a projection": limit(select(T, b=call("add", col(T, "a"), literal(1))), 5),
    "through a stage": limit(doubled(T, "a"), 5),
    "into a union": limit(Union(inputs=(T, filter_(T, "less", "a", 3))), 5, 1),
    "a sort becomes a top-k": limit(sort(T, "a"), 5),
    "a top-k under an offset": limit(sort(T, "a"), 5, 3),
    "a top-k that is smaller": limit(sort(T, "a", fetch=3), 5),
    "a top-k below computed columns": sort(COMPUTED, "a", fetch=5),
    "a top-k of computed columns": sort(COMPUTED, "b", fetch=5),
    "a top-k over a renaming": sort(select(T, "s", b=col(T, "a")), "b", fetch=5),
    "a top-k over a renaming of what is computed": sort(select(JOINED, "s", b=col(JOINED, "a")), "b", fetch=5),
    "a top-k below a stage": limit(sort(doubled(T, "a"), "s", "a"), 5, 1),
    "a top-k of what a stage adds": sort(doubled(T, "a"), "twice", fetch=5),
    "a top-k of the left side of a left join": sort(OUTER, "a", "s", fetch=5),
    "a top-k of the right side of a left join": sort(OUTER, "y", "a", fetch=5),
    "the left side of a left join": limit(join(T, U, ("a", "x"), kind="left"), 5),
    "below an unnest that keeps every row": limit(unnest(T, "a", keeps_empty=True), 5),
    "not below an unnest that may drop rows": limit(unnest(T, "a"), 5),
    "not into an inner join": limit(join(T, U, ("a", "x")), 5),
    "not into a grouping": limit(group(T, "s", n=aggregate("size")), 5),
    "one row is within any limit": limit(group(T, n=aggregate("size")), 5),
    "limits of limits": limit(limit(sort(T, "a", "s"), 6, 2), 5, 3),
    "limits that leave nothing": limit(limit(group(T, "s"), 2), 5, 3),
    "no limit": limit(T, None),
    "an offset alone": limit(limit(group(T, "s"), None, 2), None, 1),
}


@pytest.mark.parametrize("case", CASES)
def test_rule(case: str) -> None:
    check_rule(push_down_limit, case, CASES[case])


def test_fixture_has_no_other_sections() -> None:
    assert fixture_cases(push_down_limit) == set(CASES)
