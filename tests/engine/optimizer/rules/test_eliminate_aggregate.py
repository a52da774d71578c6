from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.plans import col, compare, group, join, scan, sort
from tests.support.rule_cases import check_rule, fixture_cases
from volley.engine.expr import aggregate
from volley.engine.optimizer.rules.eliminate_aggregate import eliminate_aggregate
from volley.engine.plan import Distinct, Limit, Plan

T, U = scan("t", a="int64", b="int32", s="string", f="double", e="bool"), scan("u", x="int64", y="int64")
SINGLE = Distinct(input=T, on=("a",))
COUNTED = group(T, "a", "s", n=aggregate("size"), m=aggregate("max", col(T, "b")))
B, F = col(T, "b"), col(T, "f")
SOME = compare(T, "greater", "b", 1)

CASES: dict[str, Plan] = {
    "every aggregate of one value": group(
        COUNTED,
        "s",
        "a",
        size=aggregate("size"),
        count=aggregate("count", col(COUNTED, "m")),
        sum=aggregate("sum", col(COUNTED, "m")),
        mean=aggregate("mean", col(COUNTED, "m")),
        min=aggregate("min", col(COUNTED, "m")),
        first=aggregate("first", col(COUNTED, "m")),
    ),
    "of some rows": group(
        SINGLE,
        "a",
        size=aggregate("size", filter=SOME),
        count=aggregate("count", F, filter=SOME),
        sum=aggregate("sum", B, filter=SOME),
        any=aggregate("any", col(T, "e"), filter=SOME),
    ),
    "of distinct values": group(SINGLE, "a", n=replace(aggregate("count", B), distinct=True)),
    "not by fewer columns": group(COUNTED, "s", n=aggregate("sum", col(COUNTED, "m"))),
    "not without keys": group(COUNTED, n=aggregate("sum", col(COUNTED, "m"))),
    "not what needs all values": group(SINGLE, "a", v=aggregate("var", F)),
    "of at most one row": group(Limit(input=sort(T, "a", "b", "s", "f", "e"), count=1), "s", n=aggregate("size")),
    "of rows looked up in groups": group(
        join(SINGLE, group(U, "x", t=aggregate("sum", col(U, "y"))), ("a", "x"), kind="left"),
        "a",
        n=aggregate("size"),
    ),
    "not of rows that may have many partners": group(join(SINGLE, U, ("a", "x")), "a", n=aggregate("size")),
}


@pytest.mark.parametrize("case", CASES)
def test_rule(case: str) -> None:
    check_rule(eliminate_aggregate, case, CASES[case])


def test_fixture_has_no_other_sections() -> None:
    assert fixture_cases(eliminate_aggregate) == set(CASES)
