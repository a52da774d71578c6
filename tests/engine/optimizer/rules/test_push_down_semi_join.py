from __future__ import annotations

import pytest

from tests.support.plans import col, join, scan, select
from tests.support.rule_cases import check_rule, fixture_cases
from volley.engine import dtypes
from volley.engine.expr import call, cast
from volley.engine.optimizer.rules.push_down_semi_join import push_down_semi_join
from volley.engine.plan import ColumnStatistics, Join, JoinKind, Plan, Statistics

LARGE = Statistics(rows=10_000, columns={"a": ColumnStatistics(distinct=100)})
SMALL = Statistics(rows=100, columns={"x": ColumnStatistics(distinct=100)})
T = scan("t", LARGE, a="int64", b="int64", s="string")
U = scan("u", SMALL, x="int64", y="int64")
W = scan("w", Statistics(rows=10), k="int64", n="int64")
BOTH = join(T, U, ("a", "x"))
SELECTIVE = join(T, scan("v", Statistics(rows=1), x="int64", y="int64"), ("b", "x"))

CASES: dict[str, Plan] = {
    "to the left side": join(BOTH, W, ("b", "k"), kind="semi"),
    "to the right side": join(BOTH, W, ("y", "k"), kind="anti"),
    "not where both sides are read": join(BOTH, W, ("b", "k"), ("y", "n"), kind="semi"),
    "not where the join leaves fewer rows to look up": join(SELECTIVE, W, ("a", "k"), kind="semi"),
    "with a residual": join(BOTH, W, ("y", "k"), kind="semi", residual=call("less", col(BOTH, "x"), col(W, "n"))),
    "not with a residual on the other side": join(
        BOTH, W, ("y", "k"), kind="semi", residual=call("less", col(BOTH, "b"), col(W, "n"))
    ),
    "below a left join, left side only": join(
        join(join(T, U, ("a", "x"), kind="left"), W, ("y", "k"), kind="semi"),
        scan("z", Statistics(rows=5), z="int64"),
        ("b", "z"),
        kind="semi",
    ),
    "through renaming": join(select(BOTH, q=col(BOTH, "y"), b=col(BOTH, "b")), W, ("q", "k"), kind="semi"),
    "through two joins": join(join(BOTH, scan("z", LARGE, z="int64"), ("b", "z")), W, ("y", "k"), kind="semi"),
    "not what may fail": Join(
        left=BOTH,
        right=W,
        kind=JoinKind.SEMI,
        on=((cast(cast(col(BOTH, "b"), dtypes.int32), dtypes.int64), col(W, "k")),),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_rule(case: str) -> None:
    check_rule(push_down_semi_join, case, CASES[case])


def test_fixture_has_no_other_sections() -> None:
    assert fixture_cases(push_down_semi_join) == set(CASES)
