"""Bounds taken together and parts of dates as ranges; cases of `simplify_expressions` with a fixture of their own."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.duckdb_oracle import Oracle
from tests.support.plans import TableSource, col, scan, select, where
from tests.support.rule_cases import check_rule, fixture_cases
from volley.engine import dtypes
from volley.engine.expr import Expr, all_of, any_of, call, cast, in_list, literal
from volley.engine.frame.session import Session
from volley.engine.optimizer import OptimizerContext
from volley.engine.optimizer.rules.simplify_expressions import simplify_expressions
from volley.engine.plan import Plan, Scan

T = scan("t", a="int64", b="int64", s="string", f="double", d="date", at="timestamp")
A, B, S, F, D, AT = (col(T, name) for name in T.schema.names)
DAY = literal(dt.date(2000, 1, 1))
MIDNIGHT, NOON = (literal(dt.datetime.fromisoformat(text)) for text in ("2000-01-01", "2000-01-01T12:00"))


def all_(*parts: Expr) -> Expr:
    joined = all_of(parts)
    assert joined is not None
    return joined


def any_(*parts: Expr) -> Expr:
    joined = any_of(parts)
    assert joined is not None
    return joined


def less(value: Expr, constant: Any) -> Expr:
    return call("less", value, literal(constant))


def more(value: Expr, constant: Any) -> Expr:
    return call("greater", value, literal(constant))


def least(value: Expr, constant: Any) -> Expr:
    return call("greater_equal", value, literal(constant))


def most(value: Expr, constant: Any) -> Expr:
    return call("less_equal", value, literal(constant))


def is_(value: Expr, constant: Any) -> Expr:
    return call("equal", value, literal(constant))


def not_(value: Expr, constant: Any) -> Expr:
    return call("not_equal", value, literal(constant))


def trunc(unit: str, value: Expr = AT) -> Expr:
    return call("date_trunc", value, unit=unit)


CASES: dict[str, Plan] = {
    "the tightest bounds": where(T, all_(more(A, 1), more(A, 2), least(A, 2), most(A, 9), less(A, 9), less(B, 3))),
    "bounds that leave one value": where(T, all_(least(A, 2), most(A, 2))),
    "bounds that leave none": where(T, all_(more(A, 3), less(A, 2))),
    "bounds that touch": where(T, all_(more(A, 2), most(A, 2))),
    "an equality implies the rest": where(T, all_(less(A, 9), is_(A, 2), not_(A, 5), in_list(A, [1, 2]))),
    "an equality that contradicts": where(T, all_(less(A, 2), is_(A, 2))),
    "two equalities": where(T, all_(is_(A, 2), is_(A, 3))),
    "lists are cut": where(T, all_(in_list(A, [1, 2, 3, 5]), in_list(A, [2, 3, 5, 7]), less(A, 5))),
    "a list cut to one": where(T, all_(in_list(A, [1, 2]), more(A, 1))),
    "a list cut to none": where(T, all_(in_list(A, [1, 2]), more(A, 2))),
    "what lies outside is unequal anyway": where(T, all_(not_(A, 7), not_(A, 2), less(A, 5))),
    "an alternative that contradicts itself goes": where(T, any_(all_(more(A, 3), less(A, 2)), is_(B, 1))),
    "texts": where(T, all_(least(S, "a"), less(S, "b"), least(S, "ab"))),
    "floats": where(T, all_(least(F, 0.0), less(F, 2.0), more(F, -1.5))),
    "not of NaN": where(T, all_(less(F, float("nan")), less(F, 2.0))),
    "not as values": select(T, x=all_(more(A, 3), less(A, 2))),
    "a year": where(T, is_(call("year", D), 2000)),
    "years": where(T, in_list(call("year", D), [2001, 2000])),
    "years apart": where(T, in_list(call("year", D), [2001, 1999])),
    "before and after years": where(
        T, any_(less(call("year", D), 2000), more(call("year", AT), 2000), not_(call("year", D), 2000))
    ),
    "up to a year": where(T, all_(most(call("year", D), 2000), least(call("year", AT), 2000))),
    "a year that no date has": where(T, is_(call("year", D), 123456)),
    "the start of a month": where(T, call("equal", trunc("month"), MIDNIGHT)),
    "the start of no month": where(T, call("less", trunc("quarter"), NOON)),
    "after the start of no week": where(T, call("greater_equal", trunc("week"), NOON)),
    "never the start of an hour": where(T, call("equal", trunc("day"), NOON)),
    "the day of a moment": where(
        T, all_(call("greater_equal", cast(AT, dtypes.date), DAY), call("less", cast(AT, dtypes.date), DAY))
    ),
    "until the day of a moment": select(T, x=call("less_equal", cast(AT, dtypes.date), DAY)),
}


@pytest.mark.parametrize("case", CASES)
def test_rule(case: str) -> None:
    check_rule(simplify_expressions, case, CASES[case], fixture="simplify_ranges")


def test_fixture_has_no_other_sections() -> None:
    assert fixture_cases(simplify_expressions, fixture="simplify_ranges") == set(CASES)


COMPARISONS = ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")
MOMENTS = [
    dt.datetime.fromisoformat(text)
    for text in [
        "1999-12-31T23:59:59",
        "2000-01-01",
        "2000-01-01T12:30",
        "2000-01-03",
        "2000-02-29",
        "2000-04-01",
        "2001-01-01",
    ]
]


@given(
    unit=st.sampled_from(["year", "quarter", "month", "week", "day", "hour", "minute", "second"]),
    comparison=st.sampled_from(COMPARISONS),
    value=st.sampled_from(MOMENTS) | st.datetimes(MOMENTS[0], MOMENTS[-1]),
    on_date=st.booleans(),
)
def test_truncated_moments_compare_as_they_did(unit: str, comparison: str, value: dt.datetime, on_date: bool) -> None:
    coarse = unit in ("year", "quarter", "month", "week", "day")
    table = pa.table({"x": pa.array([*MOMENTS, None], pa.timestamp("us"))})
    if on_date and coarse:
        table = table.cast(pa.schema([("x", pa.date32())]), safe=False)
    plan = Scan(source=TableSource("moments", table))
    arg = col(plan, "x")
    wanted = literal(value.date() if arg.dtype == dtypes.date else value, arg.dtype)
    asked = select(plan, x=call(comparison, call("date_trunc", arg, unit=unit), wanted))
    session = Session(threads=1)
    after = simplify_expressions(asked, OptimizerContext(fold=lambda _: None))
    assert session.collect(after).equals(session.collect(asked))


CONDITIONS: list[Callable[[Expr, Any], Expr]] = [less, more, least, most, is_, not_]


@given(
    drawn=st.lists(
        st.tuples(st.sampled_from(CONDITIONS), st.integers(-1, 3))
        | st.lists(st.integers(-1, 3), min_size=1, max_size=4),
        min_size=2,
        max_size=5,
    )
)
def test_conditions_together_hold_for_the_same_values(drawn: list[Any]) -> None:
    parts = [in_list(A, each) if isinstance(each, list) else each[0](A, each[1]) for each in drawn]
    plan = where(T, all_(*parts))
    oracle = Oracle()
    after = simplify_expressions(plan, OptimizerContext(fold=oracle.fold))
    assert oracle.rows(after) == oracle.rows(plan)
    assert simplify_expressions(after, OptimizerContext(fold=oracle.fold)) is after
