from __future__ import annotations

import pytest

from tests.support.plans import col, compare, filter_, group, join, nearest, scan, select, sort, unnest, where, window
from tests.support.rule_cases import check_rule, fixture_cases
from tests.support.stages import doubled
from volley.engine.expr import aggregate, call, literal
from volley.engine.optimizer import OptimizerContext
from volley.engine.optimizer.rules.prune_columns import prune_columns
from volley.engine.plan import Distinct, Limit, Plan, Union, window_call
from volley.engine.traversal import walk

CONTEXT = OptimizerContext(fold=lambda _: None)
T, U = scan("t", a="int64", b="int64", s="string", f="double"), scan("u", x="int64", y="int64", z="string")
INNER = join(T, U, ("a", "x"), residual=call("less", col(T, "b"), col(U, "y")))
COMPUTED = select(T, "s", c=call("add", col(T, "a"), literal(1)), k=literal(7))
ALL_COUNTED = group(T, n=aggregate("size"), m=aggregate("sum", col(T, "a")))

ANY_TEN = Limit(input=filter_(T, "less", "a", 5), count=10)
ANY_TEN_TWICE = join(select(ANY_TEN, "s", "a"), select(ANY_TEN, x=col(T, "a")), ("a", "x"))

RANKED = window(T, "s", "a", r=window_call("rank"), p=window_call("lag", col(T, "b")))

CASES: dict[str, Plan] = {
    "all columns in use": filter_(T, "less", "a", 2),
    "into a scan": select(T, "s"),
    "a filter's columns end with it": select(filter_(T, "less", "a", 2), "s"),
    "a projection's expressions": select(COMPUTED, "s"),
    "unused aggregates": select(group(T, "s", n=aggregate("size"), m=aggregate("sum", col(T, "a"))), "n"),
    "one aggregate stays for its row": select(ALL_COUNTED, k=literal(1)),
    "counting reads no column": group(T, n=aggregate("size")),
    "a join's keys end with it": sort(select(INNER, "s", "z"), "s"),
    "a join gives a grouping only what it reads": group(INNER, "s", n=aggregate("size")),
    "the right side of a semi join": select(join(T, U, ("a", "x"), kind="semi"), "b"),
    "the right side of a left join": select(join(T, U, ("a", "x"), kind="left"), "b"),
    "a left join that finds at most one partner, which nobody reads": select(
        join(T, group(U, "x", n=aggregate("size")), ("a", "x"), kind="left"), "b"
    ),
    "a product with one row that nobody reads": select(
        join(T, group(U, n=aggregate("size"))), "b", twice=call("add", col(T, "a"), col(T, "a"))
    ),
    "not one with a condition": select(
        join(T, group(U, n=aggregate("size")), residual=call("less", col(T, "a"), literal(3))), "b"
    ),
    "a left join that finds at most one row, whose partner is read": select(
        join(T, group(U, "x", n=aggregate("size")), ("a", "x"), kind="left"), "b", "n"
    ),
    "what a join with the nearest reads": select(nearest(T, group(U, "x"), ("b", "x"), outer=False), "s"),
    "the nearest, which nobody reads": select(nearest(T, U, ("b", "x"), ("a", "y")), "s"),
    "below a sort": select(sort(T, "a"), "s"),
    "below a top-k": select(Limit(input=sort(T, "a", fetch=3), count=3), "s"),
    "a union's inputs": select(Union(inputs=(T, filter_(T, "less", "a", 2))), "s"),
    "a distinct needs all columns": select(Distinct(input=T), "s"),
    "a distinct needs its own columns": select(Distinct(input=T, on=("a",)), "a"),
    "what a stage reads": select(doubled(T, "a"), "s", "twice"),
    "a stage whose columns nobody reads": select(doubled(filter_(T, "less", "b", 2), "a"), "s"),
    "any ten rows, but both times the same": ANY_TEN_TWICE,
    "no columns at all": select(where(T, compare(T, "less", "a", 2)), k=literal(1)),
    "an unnest repeats no column in vain": select(unnest(T, "a", "b", ordinality="at"), "s"),
    "unused window functions": select(RANKED, "b", "r"),
    "what a window reads": select(RANKED, "p"),
    "a window whose columns nobody reads": select(filter_(RANKED, "less", "b", 2), "s"),
}


@pytest.mark.parametrize("case", CASES)
def test_rule(case: str) -> None:
    check_rule(prune_columns, case, CASES[case])


def test_fixture_has_no_other_sections() -> None:
    assert fixture_cases(prune_columns) == set(CASES)


def test_what_is_read_twice_the_same_way_stays_one() -> None:
    after = prune_columns(join(select(ANY_TEN, "s", "a"), select(ANY_TEN, x=col(T, "b")), ("a", "x")), CONTEXT)
    limits = {id(node) for node in walk(after) if isinstance(node, Limit)}
    assert len(limits) == 1
