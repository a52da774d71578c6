from __future__ import annotations

import pytest

from tests.support.plans import col, filter_, group, join, scan, select
from tests.support.rule_cases import check_rule, fixture_cases
from volley.engine.expr import aggregate
from volley.engine.optimizer.rules.keep_rows import keep_rows
from volley.engine.plan import ColumnStatistics, Plan, Statistics, Union

COLUMNS = {"carrier": ColumnStatistics(distinct=100), "flight": ColumnStatistics(distinct=1000)}
FLIGHTS = scan("flights", Statistics(rows=1_000_000, columns=COLUMNS), carrier="int64", flight="int64", delay="int64")
SMALL = scan("small", Statistics(rows=10_000, columns=COLUMNS), carrier="int64", flight="int64", delay="int64")


def late(flights: Plan = FLIGHTS, by: str = "carrier") -> Plan:
    return filter_(flights, "equal", by, 1)


def renamed(plan: Plan, end: str = "_2") -> Plan:
    return select(plan, **{name + end: col(plan, name) for name in plan.schema.names})


def twice(plan: Plan, end: str = "_2") -> Plan:
    return join(plan, renamed(plan, end), ("flight", f"flight{end}"))


JOINED = join(late(), renamed(SMALL), ("flight", "flight_2"))

CASES: dict[str, Plan] = {
    "few of many rows": twice(late()),
    "columns of them": twice(select(late(), flight=col(FLIGHTS, "flight"))),
    "what they are joined with": Union(inputs=(JOINED, filter_(JOINED, "greater", "delay", 3), JOINED)),
    "inside of what is read twice itself": twice(twice(late()), "_3"),
    "not what is read once": late(),
    "not most rows": twice(filter_(FLIGHTS, "not_equal", "carrier", 1)),
    "not rows of a small table": twice(late(SMALL)),
    "not what ends a stage": twice(group(late(), "flight", n=aggregate("size"))),
}


@pytest.mark.parametrize("case", CASES)
def test_rule(case: str) -> None:
    check_rule(keep_rows, case, CASES[case])


def test_fixture_has_no_other_sections() -> None:
    assert fixture_cases(keep_rows) == set(CASES)
