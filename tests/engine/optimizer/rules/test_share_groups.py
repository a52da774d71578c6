from __future__ import annotations

import pytest

from tests.support.duckdb_oracle import Oracle
from tests.support.plans import col, compare, filter_, group, join, scan, select
from tests.support.rule_cases import check_rule, check_same, fixture_cases
from volley.engine import dtypes
from volley.engine.expr import aggregate, call, cast, literal
from volley.engine.optimizer import OptimizerContext, optimize
from volley.engine.optimizer.rules.push_down_filter import push_down_filter
from volley.engine.optimizer.rules.share_groups import mark_shared_groups, share_groups
from volley.engine.plan import Aggregate, ColumnStatistics, Plan, Sharing, Statistics, Union, filtered
from volley.engine.traversal import walk_once

ORACLE = Oracle()
DISTINCT = {"carrier": 20, "month": 12, "flight": 1000}
KNOWN = Statistics(rows=1000, columns={name: ColumnStatistics(distinct=n) for name, n in DISTINCT.items()})
FLIGHTS = scan("flights", KNOWN, carrier="int64", month="int32", delay="int64", flight="int64")
GROUPS = group(FLIGHTS, "carrier", "month", "flight", s=aggregate("sum", col(FLIGHTS, "delay")))
OUTER = group(GROUPS, "carrier", "month", most=aggregate("max", col(GROUPS, "s")))


def readers(*plans: Plan) -> Plan:
    """Return rows of all plans, with marks on what they share."""
    return mark_shared_groups(Union(inputs=plans), OptimizerContext(fold=ORACLE.fold))


def of(groups: Plan, **values: int) -> Plan:
    """Return the groups with some values."""
    return filtered(groups, [compare(groups, "equal", name, value) for name, value in values.items()])


MAY_FAIL = filtered(GROUPS, [call("equal", cast(col(GROUPS, "carrier"), dtypes.int32), literal(1, dtypes.int32))])

CASES: dict[str, Plan] = {
    "what one of them wants": readers(of(GROUPS, month=1), of(GROUPS, month=2)),
    "what all want, and what one of them does": readers(of(GROUPS, carrier=1, month=1), of(GROUPS, carrier=1, month=2)),
    "one wants all that the other does, and more": readers(of(GROUPS, carrier=1, month=1), of(GROUPS, carrier=1)),
    "one reads all of them": readers(of(GROUPS, month=1), GROUPS),
    "several columns": readers(of(GROUPS, carrier=1, month=1), of(GROUPS, carrier=2, month=2)),
    "conditions on aggregates stay with their readers": readers(of(GROUPS, month=1, s=3), of(GROUPS, month=2)),
    "not where all want the same": readers(of(GROUPS, month=1), of(GROUPS, month=1)),
    "not where none wants few of them": readers(of(GROUPS, s=1), of(GROUPS, s=2)),
    "not where most rows would be let through": readers(of(GROUPS, flight=1), of(GROUPS, carrier=2)),
    "what may fail tells nothing": readers(MAY_FAIL, of(GROUPS, month=2)),
    "what a grouping above wants is not known yet": readers(
        of(OUTER, month=1),
        of(OUTER, month=2),
        select(of(GROUPS, month=3), carrier=col(GROUPS, "carrier"), month=col(GROUPS, "month"), most=col(GROUPS, "s")),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_rule(case: str) -> None:
    check_rule(share_groups, case, CASES[case])
    after = share_groups(CASES[case], OptimizerContext(fold=ORACLE.fold))
    assert {sharing for _, sharing in marks(after)} - {Sharing.NO} == (set() if case[:3] == "not" else {Sharing.YES})


def test_fixture_has_no_other_sections() -> None:
    assert fixture_cases(share_groups) == set(CASES)


def marks(plan: Plan) -> list[tuple[int, Sharing]]:
    return [(len(n.keys), n.sharing) for n in walk_once(plan) if isinstance(n, Aggregate)]


def test_the_topmost_groupings_with_several_readers_are_marked() -> None:
    asked, no = Sharing.ASKED, Sharing.NO
    assert marks(readers(GROUPS, select(GROUPS, **{n: col(GROUPS, n) for n in GROUPS.schema.names}))) == [(3, asked)]
    both = Union(inputs=(GROUPS, GROUPS))
    assert marks(readers(of(both, s=1), of(both, s=2))) == [(3, asked)]
    assert marks(readers(of(OUTER, month=1), of(OUTER, month=2))) == [(2, asked), (3, no)]
    assert marks(readers(GROUPS)) == [(3, no)]
    total = group(FLIGHTS, s=aggregate("sum", col(FLIGHTS, "delay")))
    assert marks(readers(total, total)) == [(0, no)]


def test_filters_stop_above_groupings_that_others_read() -> None:
    context = OptimizerContext(fold=ORACLE.fold)
    plan = readers(filter_(GROUPS, "equal", "month", 1), GROUPS)
    assert push_down_filter(plan, context) is plan
    alone = share_groups(CASES["not where all want the same"], context)
    assert push_down_filter(alone, context) is not alone


def test_the_rows_of_a_sub_plan_with_several_readers_are_read_once() -> None:
    renamed = select(GROUPS, **{f"{name}_2": col(GROUPS, name) for name in GROUPS.schema.names})
    plan = filter_(filter_(join(GROUPS, renamed, ("carrier", "carrier_2")), "equal", "month", 1), "equal", "month_2", 2)
    after = optimize(plan, OptimizerContext(fold=ORACLE.fold))
    check_same(ORACLE, plan, after)
    aggregates = [node for node in walk_once(after) if isinstance(node, Aggregate)]
    assert [node.sharing for node in aggregates] == [Sharing.YES]
    assert "month in (1, 2)" in str(aggregates[0].input.detail)
