from __future__ import annotations

import pytest

from tests.support.plans import col, group, join, scan, select, where
from tests.support.rule_cases import check_rule, fixture_cases
from volley.engine.expr import Expr, aggregate, call, literal
from volley.engine.optimizer.rules.drop_null_checks import drop_null_checks
from volley.engine.plan import ColumnStatistics, Plan, Statistics

NONE = ColumnStatistics(nulls=0)
FULL = scan("full", Statistics(rows=40, columns={"a": NONE, "b": NONE}), nulls=0.0, a="int64", b="int64")
HOLED = scan("holed", Statistics(rows=40, columns={"x": ColumnStatistics(nulls=8)}), x="int64", y="int64")
BOTH = join(FULL, HOLED, ("a", "x"))
OUTER = join(HOLED, FULL, ("x", "a"), kind="left")
EVERY = join(FULL, HOLED, ("a", "x"), kind="full")
RENAMED = select(FULL, key=col(FULL, "a"), sum=call("add", col(FULL, "a"), literal(1)))
COUNTED = group(HOLED, "x", n=aggregate("size"), c=aggregate("count", col(HOLED, "y")))
TOTALS = group(
    BOTH,
    "x",
    s=aggregate("sum", col(BOTH, "a")),
    t=aggregate("sum", col(BOTH, "a"), filter=call("greater", col(BOTH, "b"), literal(1))),
    u=aggregate("sum", col(BOTH, "x")),
)
TOTAL = group(FULL, s=aggregate("sum", col(FULL, "a")))


def or_zero(plan: Plan, name: str) -> Expr:
    return call("coalesce", col(plan, name), literal(0))


def known(plan: Plan, name: str) -> Expr:
    return call("is_not_null", col(plan, name))


def unknown(plan: Plan, name: str) -> Expr:
    return call("is_null", col(plan, name))


CASES: dict[str, Plan] = {
    "a column without nulls": where(FULL, call("or", known(FULL, "a"), unknown(FULL, "b"))),
    "a column with some": where(HOLED, known(HOLED, "x")),
    "a column of which nothing is known": where(HOLED, known(HOLED, "y")),
    "within an expression": select(FULL, e=call("add", call("coalesce", col(FULL, "a"), literal(0)), col(FULL, "b"))),
    "through a renaming, but not a computation": where(
        RENAMED, call("and", known(RENAMED, "key"), known(RENAMED, "sum"))
    ),
    "both sides of an inner join": where(BOTH, call("and", known(BOTH, "b"), known(BOTH, "x"))),
    "not the side that a left join fills up": where(OUTER, known(OUTER, "a")),
    "not those of a full join": where(EVERY, known(EVERY, "a")),
    "in a join's condition": join(
        HOLED, FULL, ("x", "a"), kind="left", residual=call("or", known(FULL, "b"), known(HOLED, "y"))
    ),
    "counts are no nulls, keys may be": where(
        COUNTED,
        call("and", call("and", known(COUNTED, "n"), known(COUNTED, "c")), known(COUNTED, "x")),
    ),
    "counting values is counting rows": group(
        FULL,
        "b",
        n=aggregate("count", col(FULL, "a")),
        some=aggregate("count", col(FULL, "a"), filter=call("greater", col(FULL, "b"), literal(1))),
        sum=aggregate("sum", col(FULL, "a")),
    ),
    "not where there are some": group(HOLED, n=aggregate("count", col(HOLED, "x"))),
    "a group has rows, and so a sum of values of which none is null": select(
        TOTALS, s=or_zero(TOTALS, "s"), t=or_zero(TOTALS, "t"), u=or_zero(TOTALS, "u")
    ),
    "no rows have no sum": select(TOTAL, s=or_zero(TOTAL, "s")),
}


@pytest.mark.parametrize("case", CASES)
def test_rule(case: str) -> None:
    check_rule(drop_null_checks, case, CASES[case])


def test_fixture_has_no_other_sections() -> None:
    assert fixture_cases(drop_null_checks) == set(CASES)
