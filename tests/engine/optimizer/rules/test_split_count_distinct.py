from __future__ import annotations

import pytest

from tests.support.plans import col, compare, group, scan
from tests.support.rule_cases import check_rule, fixture_cases
from volley.engine.expr import AggregateCall, Expr, aggregate
from volley.engine.optimizer.rules.split_count_distinct import split_count_distinct
from volley.engine.plan import Plan

T = scan("t", rows=60, a="int64", b="int32", s="string", m="decimal(9,2)", p="bool")
NOTHING = scan("nothing", rows=0, a="int64", b="int32", s="string")


def distinct(function: str, name: str, condition: Expr | None = None) -> AggregateCall:
    return aggregate(function, col(T, name), distinct=True, filter=condition)


def plain(function: str, *names: str) -> AggregateCall:
    return aggregate(function, *(col(T, name) for name in names))


CASES: dict[str, Plan] = {
    "no distinct": group(T, "s", n=plain("count", "a")),
    "only distinct values": group(T, "s", n=distinct("count", "a"), m=distinct("sum", "a")),
    "where distinct changes nothing": group(T, "s", n=distinct("min", "a"), m=distinct("any", "p")),
    "beside aggregates that merge": group(
        T,
        "s",
        n=distinct("count", "a"),
        rows=plain("size"),
        present=plain("count", "b"),
        total=plain("sum", "m"),
        mean=plain("mean", "m"),
        any=plain("any", "p"),
        top=plain("max", "b"),
    ),
    "without keys": group(T, n=distinct("count", "a"), rows=plain("size"), top=plain("max", "b")),
    "without keys and rows": group(NOTHING, n=distinct("count", "a"), rows=plain("size"), total=plain("sum", "b")),
    "with a filter": group(T, "s", n=distinct("count", "a", compare(T, "greater", "b", 0)), rows=plain("size")),
    "several columns": group(T, "s", n=distinct("count", "a"), m=distinct("count", "b")),
    "several columns without keys": group(T, n=distinct("count", "a"), m=distinct("count", "b"), rows=plain("size")),
    "beside an aggregate that does not merge": group(T, "s", n=distinct("count", "a"), v=plain("var", "b")),
    "the key itself": group(T, "a", n=distinct("count", "a")),
}


@pytest.mark.parametrize("case", CASES)
def test_rule(case: str) -> None:
    check_rule(split_count_distinct, case, CASES[case])


def test_fixture_has_no_other_sections() -> None:
    assert fixture_cases(split_count_distinct) == set(CASES)
