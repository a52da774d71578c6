"""Estimates where the answer follows from the statistics, and their direction where it is a rule of thumb."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given

from tests.support.duckdb_oracle import Oracle
from tests.support.plans import col, compare, filter_, group, join, scan, select, sort, where
from tests.support.random_plans import random_plans
from tests.support.stages import doubled
from volley.engine.expr import aggregate, any_of, call, in_list, literal
from volley.engine.optimizer import Estimator, OptimizerContext, optimize
from volley.engine.optimizer.estimate import UNKNOWN_ROWS
from volley.engine.optimizer.properties import empty
from volley.engine.plan import ColumnStatistics, Distinct, Limit, Plan, Scan, Statistics, Union

KNOWN = Statistics(
    rows=1000,
    columns={
        "a": ColumnStatistics(minimum=1, maximum=1000, nulls=0),
        "b": ColumnStatistics(distinct=10, nulls=500),
        "d": ColumnStatistics(minimum=dt.date(2000, 1, 1), maximum=dt.date(2000, 12, 31)),
    },
)
T = scan("t", KNOWN, a="int64", b="int64", s="string", d="date")
KEYS = scan("keys", Statistics(rows=10, columns={"k": ColumnStatistics(minimum=1, maximum=10)}), k="int64")
FACTS = scan(
    "facts", Statistics(rows=50_000, columns={"f": ColumnStatistics(minimum=1, maximum=10)}), f="int64", g="int64"
)


def rows(plan: Plan) -> float:
    return Estimator().rows(plan)


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (T, 1000),
        (empty(T), 0),
        (filter_(T, "equal", "a", 7), 1),
        (filter_(T, "not_equal", "b", 7), 900),
        (filter_(T, "equal", "b", 7), 100),
        (where(T, in_list(col(T, "b"), [1, 2, 3])), 300),
        (where(T, in_list(col(T, "b"), [None])), 0),
        (join(where(T, in_list(col(T, "a"), [None])), KEYS, ("a", "k"), kind="semi"), 0),
        (where(T, call("is_null", col(T, "b"))), 500),
        (where(T, call("is_not_null", col(T, "b"))), 500),
        (filter_(filter_(T, "greater_equal", "a", 251), "less_equal", "a", 750), 500),
        (filter_(T, "less", "d", dt.date(2000, 7, 1)), 499),
        (where(T, call("not", compare(T, "equal", "b", 1))), 900),
        (filter_(T, "less", "a", -5), 1),
        (group(T, "b", n=aggregate("size")), 10),
        (group(T, n=aggregate("size")), 1),
        (group(filter_(T, "equal", "b", 3), "b"), 1),
        (Distinct(input=T, on=("b",)), 10),
        (Union(inputs=(T, T)), 2000),
        (Limit(input=T, count=20, offset=990), 10),
        (Limit(input=T, count=None, offset=990), 10),
        (sort(T, "a", fetch=5), 5),
        (sort(T, "a"), 1000),
        (select(doubled(T, "a"), "twice"), 1000),
        (join(FACTS, KEYS, ("f", "k")), 50_000),
        (join(FACTS, filter_(KEYS, "equal", "k", 3), ("f", "k")), 5_000),
        (join(FACTS, KEYS, ("f", "k"), kind="left"), 50_000),
        (join(FACTS, filter_(KEYS, "equal", "k", 3), ("f", "k"), kind="semi"), 5_000),
        (join(FACTS, filter_(KEYS, "equal", "k", 3), ("f", "k"), kind="anti"), 45_000),
        (join(T, KEYS), 10_000),
    ],
)
def test_follows_from_statistics(plan: Plan, expected: float) -> None:
    assert rows(plan) == pytest.approx(expected, rel=0.01)


def test_unknown_sizes() -> None:
    assert rows(scan("u", a="int64")) == UNKNOWN_ROWS
    assert rows(scan("u", Statistics(bytes=8000), a="int64")) == 1000


def test_alternatives_add_up_and_conditions_multiply() -> None:
    one, other = compare(T, "equal", "b", 1), compare(T, "less_equal", "a", 500)
    either = any_of([one, other])
    assert either is not None
    assert rows(where(T, call("and", one, other))) < rows(where(T, one)) < rows(where(T, either)) < 1000


def test_a_guess_is_no_reason_to_call_a_filter_selective() -> None:
    assert rows(filter_(T, "equal", "s", "x")) == 50


def test_two_keys_of_a_foreign_key_pair_match_about_every_row() -> None:
    wide = {name: ColumnStatistics(distinct=count) for name, count in (("p", 2000), ("q", 100))}
    lines = scan("lines", Statistics(rows=60_000, columns=wide), p="int64", q="int64")
    known = {name: ColumnStatistics(distinct=count) for name, count in (("x", 2000), ("y", 100))}
    offers = scan("offers", Statistics(rows=8_000, columns=known), x="int64", y="int64")
    assert rows(join(lines, offers, ("p", "x"), ("q", "y"))) == pytest.approx(60_000)


def test_a_key_left_with_few_values_by_another_column_has_its_partners_among_those_it_had() -> None:
    calendar = {
        "day": ColumnStatistics(minimum=1, maximum=73_000),
        "year": ColumnStatistics(minimum=1900, maximum=2099),
    }
    days = scan("days", Statistics(rows=73_000, columns=calendar), day="int64", year="int64")
    sold = {"at": ColumnStatistics(minimum=36_001, maximum=37_825, distinct=365)}
    sales = scan("sales", Statistics(rows=1_000_000, columns=sold), at="int64", item="int64")
    a_year = filter_(days, "equal", "year", 2000)
    assert rows(join(sales, days, ("at", "day"))) == pytest.approx(1_000_000, rel=0.01)
    assert rows(join(sales, a_year, ("at", "day"))) == pytest.approx(200_000, rel=0.01)
    assert rows(join(sales, a_year, ("at", "day"), kind="semi")) == pytest.approx(200_000, rel=0.01)
    assert rows(join(sales, a_year, ("at", "day"), kind="anti")) == pytest.approx(800_000, rel=0.01)
    assert rows(group(join(sales, a_year, ("at", "day")), "at")) == pytest.approx(73, rel=0.01)


def test_keys_whose_bounds_do_not_meet_have_few_partners() -> None:
    late = scan("late", Statistics(rows=10, columns={"l": ColumnStatistics(minimum=50, maximum=59)}), l="int64")
    assert rows(join(FACTS, late, ("f", "l"))) == pytest.approx(5_000)  # not 50,000


def test_keys_of_no_rows() -> None:
    assert rows(join(empty(T), KEYS, ("a", "k"))) == rows(join(empty(T), empty(KEYS), ("a", "k"))) == 0


def test_a_foreign_key_that_bounds_alone_call_unique_has_the_values_of_the_key_it_names() -> None:
    lines = scan("lines", Statistics(rows=6_000, columns={"o": ColumnStatistics(minimum=1, maximum=6_000)}), o="int64")
    known = {"k": ColumnStatistics(minimum=1, maximum=6_000), "c": ColumnStatistics(distinct=10)}
    orders = scan("orders", Statistics(rows=1_500, columns=known), k="int64", c="int64")
    assert rows(join(lines, orders, ("o", "k"))) == pytest.approx(6_000)
    assert rows(join(lines, filter_(orders, "equal", "c", 1), ("o", "k"))) == pytest.approx(600)


def test_a_source_is_asked_once() -> None:
    asked = []

    class Source:
        label, schema = T.source.label, T.source.schema

        def statistics(self) -> Statistics:
            asked.append(1)
            return KNOWN

        scan = T.source.scan

    plan = Scan(source=Source())
    estimator = Estimator()
    estimator.rows(filter_(plan, "less", "a", 3))
    estimator.rows(filter_(plan, "less", "a", 4))
    assert asked == [1]


@given(plan=random_plans())
def test_every_plan_has_a_finite_estimate(plan: Plan) -> None:
    context = OptimizerContext(fold=Oracle().fold)
    for each in (plan, optimize(plan, context)):
        assert 0 <= rows(each) < float("inf")


def test_constants_decide_a_filter() -> None:
    assert rows(where(T, literal(True))) == 1000
    assert rows(where(T, literal(False))) == 0


def test_what_is_known_of_a_source_is_remembered_as_long_as_it_is_the_same() -> None:
    other = scan("other", KNOWN, a="int64")
    first = Estimator().whole(T.source)
    assert Estimator().whole(T.source) == first
    assert Estimator().whole(other.source).columns.keys() == {"a"}
    assert Estimator().whole(T.source).columns.keys() == first.columns.keys()
