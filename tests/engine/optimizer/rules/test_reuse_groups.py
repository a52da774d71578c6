from __future__ import annotations

import pytest

from tests.support.plans import col, compare, filter_, group, join, scan, select
from tests.support.rule_cases import check_rule, fixture_cases
from volley.engine.expr import Expr, aggregate, call, literal
from volley.engine.expr.nodes import AggregateCall
from volley.engine.optimizer import OptimizerContext
from volley.engine.optimizer.rules.reuse_groups import reuse_groups
from volley.engine.plan import ColumnStatistics, Plan, Statistics
from volley.engine.traversal import walk_once

DISTINCT = {"carrier": 20, "month": 12, "flight": 1000}
KNOWN = Statistics(rows=1000, columns={name: ColumnStatistics(distinct=n) for name, n in DISTINCT.items()})
FLIGHTS = scan("flights", KNOWN, carrier="int64", month="int32", delay="int64", late="bool", flight="int64")
AGAIN = select(FLIGHTS, **{f"{name}_1": col(FLIGHTS, name) for name in FLIGHTS.schema.names})
"""The same rows as a query sees them that names their table a second time."""


def late(plan: Plan, end: str = "", than: int = 1) -> Plan:
    return filter_(plan, "greater", f"delay{end}", than)


def both(fine: Plan, coarse: Plan, end: str = "_other") -> Plan:
    """Return groups beside what is computed of coarser ones."""
    return join(fine, select(coarse, **{name + end: col(coarse, name) for name in coarse.schema.names}))


def number(plan: Plan, name: str) -> Expr:
    return call("add", col(plan, name), literal(1))


def every(plan: Plan, end: str = "") -> dict[str, AggregateCall]:
    delay = col(plan, f"delay{end}")
    return {
        "n": aggregate("size"),
        "c": aggregate("count", delay),
        "s": aggregate("sum", number(plan, f"delay{end}")),
        "least": aggregate("min", delay),
        "most": aggregate("max", delay, filter=compare(plan, "greater", f"month{end}", 2)),
        "one": aggregate("any", col(plan, f"late{end}")),
    }


def mean(plan: Plan, end: str = "") -> AggregateCall:
    return aggregate("mean", col(plan, f"delay{end}"))


def parts_of_mean(plan: Plan) -> dict[str, AggregateCall]:
    args = mean(plan).args
    return {"s": aggregate("sum", *args), "c": aggregate("count", *args)}


SUM = aggregate("sum", col(FLIGHTS, "delay"))
SUM_AGAIN = aggregate("sum", col(AGAIN, "delay_1"))

CASES: dict[str, Plan] = {
    "the total of groups, of a table that is named twice": both(
        group(late(FLIGHTS), "carrier", s=SUM), group(late(AGAIN, "_1"), s=SUM_AGAIN)
    ),
    "every aggregate that merges": both(
        group(FLIGHTS, "carrier", "month", **every(FLIGHTS)), group(AGAIN, "carrier_1", **every(AGAIN, "_1"))
    ),
    "all rows": both(group(FLIGHTS, "carrier", **every(FLIGHTS)), group(AGAIN, **every(AGAIN, "_1"))),
    "a mean, where there are sums and counts": both(
        group(FLIGHTS, "carrier", **parts_of_mean(FLIGHTS)), group(AGAIN, m=mean(AGAIN, "_1"))
    ),
    "means of which both are computed of sums and counts": both(
        group(FLIGHTS, "carrier", m=mean(FLIGHTS), **every(FLIGHTS)),
        group(AGAIN, m=mean(AGAIN, "_1"), n=aggregate("size")),
    ),
    "not a mean of other values": both(
        group(FLIGHTS, "carrier", m=aggregate("mean", col(FLIGHTS, "flight"))), group(AGAIN, m=mean(AGAIN, "_1"))
    ),
    "keys alone": both(group(FLIGHTS, "carrier", "month"), group(AGAIN, "month_1")),
    "the coarser one first": both(group(FLIGHTS, s=SUM), group(AGAIN, "carrier_1", s=SUM_AGAIN)),
    "coarser still": both(
        both(group(FLIGHTS, "carrier", "month", s=SUM), group(FLIGHTS, "carrier", s=SUM)),
        group(AGAIN, s=SUM_AGAIN),
        "_all",
    ),
    "not a mean of which there is no count": both(group(FLIGHTS, "carrier", s=SUM), group(AGAIN, m=mean(AGAIN, "_1"))),
    "not of other rows": both(group(late(FLIGHTS), "carrier", s=SUM), group(late(AGAIN, "_1", than=2), s=SUM_AGAIN)),
    "not of another column": both(
        group(FLIGHTS, "carrier", s=SUM), group(AGAIN, s=aggregate("sum", col(AGAIN, "flight_1")))
    ),
    "not by other keys": both(group(FLIGHTS, "carrier", "month", s=SUM), group(AGAIN, "late_1", s=SUM_AGAIN)),
    "not where there are as many groups as rows": both(group(FLIGHTS, "flight", s=SUM), group(AGAIN, s=SUM_AGAIN)),
    "not distinct values": both(
        group(FLIGHTS, "carrier", s=aggregate("count", col(FLIGHTS, "delay"), distinct=True)),
        group(AGAIN, s=aggregate("count", col(AGAIN, "delay_1"), distinct=True)),
    ),
    "not what does not merge": both(
        group(FLIGHTS, "carrier", s=aggregate("var", col(FLIGHTS, "delay"))),
        group(AGAIN, s=aggregate("var", col(AGAIN, "delay_1"))),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_rule(case: str) -> None:
    check_rule(reuse_groups, case, CASES[case])


def test_the_rows_are_read_by_one_aggregation() -> None:
    context = OptimizerContext(fold=lambda _: None)
    plan = reuse_groups(CASES["coarser still"], context)
    assert sum(FLIGHTS in node.children for node in walk_once(plan)) == 1


def test_fixture_has_no_other_sections() -> None:
    assert fixture_cases(reuse_groups) == set(CASES)
