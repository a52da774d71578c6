"""All rules together: the plans that come out, and a plan whose input may not run twice."""

from __future__ import annotations

import pytest

from tests.support.duckdb_oracle import Oracle
from tests.support.plans import col, compare, filter_, group, join, scan, select, sort, where
from tests.support.stages import doubled
from volley.engine.explain import explain_plan
from volley.engine.expr import aggregate, all_of, call, literal
from volley.engine.frame.session import Session
from volley.engine.optimizer import OptimizerContext, optimize, optimizer
from volley.engine.optimizer.context import concerning
from volley.engine.plan import ColumnStatistics, Join, Limit, Plan, Statistics, Union

ORACLE = Oracle()
CONTEXT = OptimizerContext(fold=ORACLE.fold)

LARGE = Statistics(rows=1_000_000, columns={"customer": ColumnStatistics(minimum=1, maximum=10_000)})
ORDERS = scan("orders", LARGE, id="int64", customer="int64", price="double", day="date", note="string")
CUSTOMERS = scan(
    "customers",
    Statistics(rows=10_000, columns={"key": ColumnStatistics(minimum=1, maximum=10_000)}),
    key="int64",
    name="string",
    segment="string",
)
BOTH = join(CUSTOMERS, ORDERS, ("key", "customer"))


def conditions() -> Plan:
    parts = all_of(
        [
            compare(BOTH, "equal", "segment", "a"),
            call("less", literal(3), col(BOTH, "customer")),
            call("greater", col(BOTH, "day"), literal("1999-12-31")),
        ]
    )
    assert parts is not None
    return where(BOTH, parts)


def test_filters_columns_and_join_order() -> None:
    plan = group(conditions(), "name", total=aggregate("sum", col(BOTH, "price")))
    assert explain_plan(optimize(plan, CONTEXT)) == (
        "Aggregate keys=[name] aggregates=[sum(price) as total]\n"
        "  Project name, price\n"
        "    Join inner on customer = key\n"
        "      Scan orders columns=[customer, price] where ((customer > 3) and (day > date '1999-12-31'))\n"
        "      Scan customers columns=[key, name] where ((segment = 'a') and (key > 3))"
    )


def test_a_filter_moves_below_a_stage_and_unread_columns_are_not_read() -> None:
    scored = doubled(ORDERS, "id")
    plan = select(filter_(scored, "less", "customer", 5), "id", "twice")
    assert explain_plan(optimize(plan, CONTEXT)) == (
        "MapBatches double reads=[id] adds=[twice]\n  Scan orders columns=[id] where (customer < 5)"
    )


def test_a_limit_reaches_every_scan_of_a_union() -> None:
    plan = Limit(
        input=sort(Union(inputs=(select(ORDERS, "id"), select(CUSTOMERS, id=col(CUSTOMERS, "key")))), "id"), count=3
    )
    assert explain_plan(optimize(plan, CONTEXT)) == (
        "Sort id fetch 3\n"
        "  Union\n"
        "    Scan orders columns=[id]\n"
        "    Project key as id\n"
        "      Scan customers columns=[key]"
    )


def test_contradictions_read_nothing() -> None:
    never = where(ORDERS, call("and", compare(ORDERS, "less", "id", 3), call("equal", literal(1), literal(2))))
    plan = group(join(CUSTOMERS, never, ("key", "customer")), n=aggregate("size"))
    assert explain_plan(optimize(plan, CONTEXT)) == "Aggregate aggregates=[size(*) as n]\n  Scan no rows columns=[]"


def test_nothing_to_do_is_the_same_object() -> None:
    plan = optimize(conditions(), CONTEXT)
    assert optimize(plan, CONTEXT) is plan
    assert optimize(ORDERS, CONTEXT) is ORDERS


@pytest.mark.parametrize("threads", [1, 3])
def test_any_ten_rows_read_three_times_are_the_same_rows(threads: int) -> None:
    ten = Limit(input=join(ORDERS, CUSTOMERS, ("customer", "key")), count=10)
    plan = group(
        ten,
        "name",
        notes=aggregate("count", col(ten, "note"), distinct=True),
        days=aggregate("count", col(ten, "day"), distinct=True),
        spread=aggregate("var", col(ten, "id")),
        rows=aggregate("size"),
    )
    table = Session(threads=threads).collect(plan).to_pydict()
    assert sum(table["rows"]) == 10
    assert all(0 <= n <= rows for n, rows in zip(table["notes"], table["rows"], strict=True))


def test_rules_are_not_asked_about_plans_without_what_they_concern(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Plan] = []

    @concerning(frozenset({Join}))
    def note(plan: Plan, _: OptimizerContext) -> Plan:
        asked.append(plan)
        return plan

    monkeypatch.setattr(optimizer, "RULES", ((note,), (note, note)))
    assert optimize(ORDERS, CONTEXT) is ORDERS
    assert not asked
    assert optimize(BOTH, CONTEXT) is BOTH
    assert asked == [BOTH] * 3
