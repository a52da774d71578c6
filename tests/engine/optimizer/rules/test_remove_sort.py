from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.plans import col, filter_, group, join, scan, select, sort
from tests.support.rule_cases import check_rule, fixture_cases
from tests.support.stages import doubled
from volley.engine.expr import aggregate, call, literal
from volley.engine.optimizer.rules.remove_sort import remove_sort
from volley.engine.plan import Limit, Plan

T, U = scan("t", a="int64", b="int64", s="string"), scan("u", x="int64")
COMPUTED = select(sort(T, "a"), "s", c=call("add", col(T, "b"), literal(1)))
RENAMED = select(sort(T, "a", "b"), "s", c=col(T, "b"), d=col(T, "a"))

CASES: dict[str, Plan] = {
    "below a grouping": group(sort(T, "a"), "s", n=aggregate("sum", col(T, "b"))),
    "further below a grouping": group(
        filter_(sort(sort(T, "a"), "b"), "less", "a", 3), n=aggregate("max", col(T, "b"))
    ),
    "a stage may look at the order of its batch": group(doubled(sort(T, "a"), "a"), "s"),
    "below another sort": sort(filter_(COMPUTED, "less", "c", 3), "s"),
    "below a top-k": sort(sort(T, "a"), "a", "b", "s", fetch=4),
    "a stable sort goes on by the keys of the one below": replace(sort(sort(T, "a", "b"), "b"), stable=True),
    "a stable sort, under other names": replace(sort(filter_(RENAMED, "less", "d", 3), "s"), stable=True),
    "a stable sort that cannot see the keys below": replace(sort(COMPUTED, "s"), stable=True),
    "a stable sort of a stable one of another": replace(
        sort(replace(sort(sort(T, "a"), "b"), stable=True), "s"), stable=True
    ),
    "a stable sort of a top-k": replace(sort(sort(T, "a", "b", "s", fetch=4), "b"), stable=True),
    "what is first depends on the order": group(sort(T, "a", "b", "s"), n=aggregate("first", col(T, "b"))),
    "a top-k decides which rows": group(sort(T, "a", "b", "s", fetch=4), "s"),
    "a limit decides which rows": group(Limit(input=sort(T, "a", "b", "s"), count=4), "s"),
    "the result's own order": sort(T, "a"),
    "below a join it may still be seen": join(sort(T, "a"), U, ("a", "x"), kind="left"),
}


@pytest.mark.parametrize("case", CASES)
def test_rule(case: str) -> None:
    check_rule(remove_sort, case, CASES[case])


def test_fixture_has_no_other_sections() -> None:
    assert fixture_cases(remove_sort) == set(CASES)
