from __future__ import annotations

import pytest

from tests.support.duckdb_oracle import Oracle
from tests.support.plans import col, compare, filter_, group, join, nearest, scan, select, sort, unnest, where, window
from tests.support.rule_cases import check_rule, fixture_cases
from tests.support.stages import doubled
from volley.engine import dtypes
from volley.engine.expr import Expr, SortKey, aggregate, all_of, any_of, call, cast, literal
from volley.engine.optimizer import OptimizerContext
from volley.engine.optimizer.rules.push_down_filter import push_down_filter
from volley.engine.plan import Distinct, Filter, Limit, NamedWindow, Plan, Union, Window, window_call

T = scan("t", a="int64", b="int64", s="string", f="double")
U = scan("u", x="int64", y="int64", z="string")


def both(*parts: Expr) -> Expr:
    joined = all_of(parts)
    assert joined is not None
    return joined


def either(*parts: Expr) -> Expr:
    joined = any_of(parts)
    assert joined is not None
    return joined


def over_join(kind: str) -> Plan:
    joined = join(T, U, ("a", "x"), kind=kind)
    return filter_(filter_(joined, "greater", "b", 0), "less", "a", 3)


def renamed() -> Plan:
    return select(T, "a", c=call("add", col(T, "b"), literal(1)), t=col(T, "s"))


INNER = join(T, U, ("a", "x"))
LEFT = join(T, U, ("a", "x"), kind="left")
COUNTED = group(T, "s", n=aggregate("size"))
NEAREST = nearest(T, group(U, "x", n=aggregate("size")), ("a", "x"), outer=False)
QUOTIENT = call("truncate_divide", literal(12), col(T, "a"))

RANKED = window(T, "s", "a", r=window_call("rank"), p=window_call("lag", col(T, "b")))

CASES: dict[str, Plan] = {
    "two filters into the scan": filter_(filter_(T, "greater", "a", 0), "less", "b", 3),
    "a condition that is there already": filter_(filter_(T, "greater", "a", 0), "greater", "a", 0),
    "a scan with a limit": filter_(Limit(input=sort(T, "a", "b", "s", "f"), count=10), "greater", "a", 0),
    "what may fail stays behind other filters": where(
        filter_(T, "not_equal", "a", 0), both(call("greater", QUOTIENT, literal(3)), compare(T, "less", "b", 3))
    ),
    "a cast of text may fail": filter_(
        select(filter_(T, "equal", "s", "x"), "a", n=cast(col(T, "s"), dtypes.int64)), "greater", "n", 3
    ),
    "through a projection by substitution": where(
        renamed(), both(compare(renamed(), "greater", "c", 2), compare(renamed(), "equal", "t", "ab"))
    ),
    "through a grouping, keys only": where(
        COUNTED, both(compare(COUNTED, "equal", "s", "a"), compare(COUNTED, "greater", "n", 1))
    ),
    "not through an aggregate without keys": filter_(group(T, n=aggregate("size")), "greater", "n", 100),
    "to both sides of an inner join": where(
        INNER,
        both(compare(INNER, "greater", "b", 0), compare(INNER, "equal", "z", "a"), compare(INNER, "less", "a", 5)),
    ),
    "to the rows that look for the nearest, not to the others": where(
        NEAREST, both(compare(NEAREST, "less", "b", 3), compare(NEAREST, "greater", "n", 1))
    ),
    "an equality of both sides becomes a key": where(INNER, call("equal", col(INNER, "b"), col(INNER, "y"))),
    "another condition on both sides becomes residual": where(INNER, call("less", col(INNER, "b"), col(INNER, "y"))),
    "a disjunction of both sides demands something of each": where(
        INNER,
        either(
            both(compare(INNER, "equal", "s", "a"), compare(INNER, "equal", "z", "b")),
            both(compare(INNER, "equal", "s", "b"), compare(INNER, "equal", "z", "a")),
        ),
    ),
    "only the left side of a left join": where(
        LEFT, both(compare(LEFT, "greater", "b", 0), call("is_null", col(LEFT, "y")))
    ),
    "neither side of a full join": over_join("full"),
    "the left side of a semi join": over_join("semi"),
    "the left side of an anti join": over_join("anti"),
    "the residual of an inner join": join(
        T, U, ("a", "x"), residual=both(compare(T, "greater", "b", 0), compare(U, "less", "y", 3))
    ),
    "the residual of a left join": join(
        T, U, ("a", "x"), kind="left", residual=both(compare(T, "greater", "b", 0), compare(U, "less", "y", 3))
    ),
    "the residual of a semi join": join(
        T, U, ("a", "x"), kind="semi", residual=both(compare(T, "greater", "b", 0), compare(U, "less", "y", 3))
    ),
    "the residual of an anti join": join(
        T, U, ("a", "x"), kind="anti", residual=both(compare(T, "greater", "b", 0), compare(U, "less", "y", 3))
    ),
    "an equality in the residual becomes a key": join(T, U, residual=call("equal", col(T, "b"), col(U, "y"))),
    "into every input of a union": filter_(Union(inputs=(T, filter_(T, "less", "b", 3))), "greater", "a", 0),
    "through a sort": filter_(sort(T, "a", "b"), "greater", "a", 0),
    "not through a top-k": filter_(sort(T, "a", "b", "s", "f", fetch=5), "greater", "a", 0),
    "not through a limit": filter_(Limit(input=T, count=5), "is_not_distinct", "a", 9),
    "through a distinct": filter_(Distinct(input=T), "greater", "a", 0),
    "through a distinct on these columns": where(
        Distinct(input=T, on=("a",)), both(compare(T, "greater", "a", 0), compare(T, "less", "b", 100))
    ),
    "through a stage that keeps the columns": where(
        doubled(T, "a"),
        both(compare(doubled(T, "a"), "greater", "b", 0), compare(doubled(T, "a"), "greater", "twice", 2)),
    ),
    "whole partitions below a window": where(
        RANKED,
        both(compare(RANKED, "equal", "s", "a"), compare(RANKED, "less", "r", 3), compare(RANKED, "less", "a", 2)),
    ),
    "below an unnest, what reads no value of its lists": where(
        unnest(T, "a", "b"),
        both(
            compare(unnest(T, "a", "b"), "greater", "a", 0),
            compare(unnest(T, "a", "b"), "less", "l", 3),
            call("greater", QUOTIENT, literal(3)),
        ),
    ),
    "below an unnest that keeps every row also what may fail": where(
        unnest(filter_(T, "not_equal", "a", 0), "b", keeps_empty=True), call("greater", QUOTIENT, literal(3))
    ),
    "not below a window over all rows": filter_(window(T, "", "a", r=window_call("rank")), "less", "a", 2),
    "not below a window partitioned by an expression": filter_(
        Window(
            input=T,
            functions=(NamedWindow(name="n", call=window_call("row_number")),),
            partition_by=(call("add", col(T, "a"), literal(1)),),
            order_by=(SortKey(expr=col(T, "b")), SortKey(expr=col(T, "f"))),
        ),
        "less",
        "a",
        2,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_rule(case: str) -> None:
    check_rule(push_down_filter, case, CASES[case])


def test_fixture_has_no_other_sections() -> None:
    assert fixture_cases(push_down_filter) == set(CASES)


def test_a_large_computed_condition_is_not_copied_below_its_projection() -> None:
    total: Expr = col(T, "a")
    for _ in range(120):
        total = call("add", total, col(T, "b"))
    projected = select(T, total=total)
    condition = either(compare(projected, "less", "total", 3), compare(projected, "greater", "total", 9))
    filtered = Filter(input=projected, predicate=condition)
    assert push_down_filter(filtered, OptimizerContext(fold=Oracle().fold)) is filtered
