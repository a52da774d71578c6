from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.plans import col, compare, scan, select
from tests.support.rule_cases import check_rule, fixture_cases
from volley.engine.expr import all_of, in_list
from volley.engine.optimizer import OptimizerContext
from volley.engine.optimizer.rules.share_scans import share_scans
from volley.engine.plan import ColumnStatistics, Plan, Scan, Statistics, Union
from volley.engine.traversal import walk_once

COLUMNS = {"carrier": ColumnStatistics(distinct=100), "month": ColumnStatistics(distinct=12)}
KNOWN = Statistics(rows=1_000_000, columns=COLUMNS)
FLIGHTS = scan("flights", KNOWN, carrier="int64", month="int64", delay="int64")
OTHERS = scan("others", KNOWN, carrier="int64", month="int64", delay="int64")


def of(column: str, flights: Scan = FLIGHTS, limit: int | None = None, **values: int) -> Plan:
    """Return a column of the rows with some values."""
    conditions = [compare(flights, "equal", name, value) for name, value in values.items()]
    rows = replace(flights, columns=(column,), predicate=all_of(conditions), limit=limit)
    return select(rows, value=col(rows, column))


CASES: dict[str, Plan] = {
    "one wants less of what the other does": Union(inputs=(of("delay", carrier=1), of("delay", carrier=1, month=2))),
    "in any order": Union(inputs=(of("delay", month=2, carrier=1), of("delay", carrier=1))),
    "other columns": Union(inputs=(of("delay", carrier=1), of("month", carrier=1))),
    "several of them": Union(
        inputs=(of("delay", carrier=1, month=2), of("delay", carrier=1), of("month", carrier=1, delay=3))
    ),
    "two sets of them": Union(
        inputs=(of("delay", carrier=1), of("delay", carrier=2), of("month", carrier=1), of("month", carrier=2))
    ),
    "not where each wants others": Union(inputs=(of("delay", carrier=1), of("delay", carrier=2, month=2))),
    "not of another table": Union(inputs=(of("delay", carrier=1), of("delay", flights=OTHERS, carrier=1, month=2))),
    "not where one wants all": Union(inputs=(of("delay", carrier=1), of("delay"))),
    "not of a scan with a limit": Union(inputs=(of("delay", limit=3, carrier=1), of("month", carrier=1))),
}


@pytest.mark.parametrize("case", CASES)
def test_rule(case: str) -> None:
    check_rule(share_scans, case, CASES[case])


def test_fixture_has_no_other_sections() -> None:
    assert fixture_cases(share_scans) == set(CASES)


def test_long_lists_are_told_apart_by_all_of_their_values() -> None:
    def among(last: int) -> Plan:
        rows = replace(FLIGHTS, columns=("delay",), predicate=in_list(col(FLIGHTS, "carrier"), [*range(20), last]))
        return select(rows, value=col(rows, "delay"))

    plan = Union(inputs=(among(20), among(21)))
    assert share_scans(plan, OptimizerContext(fold=lambda _: None)) is plan


def test_the_scan_is_one_object() -> None:
    plan = share_scans(CASES["several of them"], OptimizerContext(fold=lambda _: None))
    assert sum(isinstance(node, Scan) for node in walk_once(plan)) == 1
