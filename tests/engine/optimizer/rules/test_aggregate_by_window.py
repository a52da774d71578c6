from __future__ import annotations

import pytest

from tests.support.plans import col, compare, filter_, group, scan, select
from tests.support.rule_cases import check_rule, fixture_cases
from volley.engine.expr import Expr, aggregate, call, literal
from volley.engine.optimizer.rules.aggregate_by_window import aggregate_by_window
from volley.engine.plan import Aggregate, ColumnStatistics, Filter, Join, JoinKind, Plan, Statistics


def known(rows: int, **distinct: int) -> Statistics:
    return Statistics(rows=rows, columns={name: ColumnStatistics(distinct=n) for name, n in distinct.items()})


LINES = scan("lines", known(10_000, part=100, shop=50), part="int64", shop="int32", price="int64", weight="double")
PARTS = scan("parts", known(100, id=100, brand=50), id="int64", brand="int32")
SHOPS = scan("shops", known(50, number=50, city=2), number="int32", city="int32")
BRANDED = filter_(PARTS, "equal", "brand", 1)


def again(plan: Plan, end: str = "_1") -> Plan:
    """Return the same rows as a query sees them that names their table a second time."""
    return select(plan, **{f"{name}{end}": col(plan, name) for name in plan.schema.names})


LINES_1, SHOPS_1 = again(LINES), again(SHOPS)


def on(left: Plan, right: Plan, *pairs: tuple[str, str], kind: JoinKind = JoinKind.INNER) -> Join:
    keys = tuple((col(left, a), col(right, b)) for a, b in pairs)
    return Join(left=left, right=right, kind=kind, on=keys)


def less(
    rows: Plan, groups: Plan, *pairs: tuple[str, str], name: str = "price", kind: JoinKind = JoinKind.INNER
) -> Plan:
    """Return the rows whose value is below what is known of their group."""
    joined = on(rows, groups, *pairs, kind=kind)
    both = on(rows, groups, *pairs)
    condition = call("less", col(both, name), col(both, "value"))
    return Join(left=rows, right=groups, kind=kind, on=joined.on, residual=condition)


def of_group(plan: Plan, *keys: str, function: str = "mean", arg: str = "price_1") -> Aggregate:
    return group(plan, *keys, value=aggregate(function, col(plan, arg)))


def share(groups: Plan, key: str) -> Plan:
    value: Expr = call("multiply", literal(0.2), col(groups, "value"))
    return select(groups, **{key: col(groups, key), "value": value})


ROWS = on(LINES, BRANDED, ("part", "id"))
LOCAL, LOCAL_1 = filter_(SHOPS, "equal", "city", 1), filter_(SHOPS_1, "equal", "city_1", 1)
SOLD = on(ROWS, LOCAL, ("shop", "number"))
SOLD_1 = on(LINES_1, LOCAL_1, ("shop_1", "number_1"))
MEANS = of_group(LINES_1, "part_1")
SOME = aggregate("max", col(LINES_1, "price_1"), filter=compare(LINES_1, "less", "price_1", 2))
KEY = ("part", "part_1")

CASES: dict[str, Plan] = {
    "a share of the mean of a group": less(ROWS, share(MEANS, "part_1"), ("id", "part_1")),
    "the least of a group": on(ROWS, of_group(LINES_1, "part_1", function="min"), ("id", "part_1"), ("price", "value")),
    "groups on the left": on(of_group(LINES_1, "part_1", function="max"), ROWS, ("part_1", "id"), ("value", "price")),
    "groups of several tables": less(SOLD, of_group(SOLD_1, "part_1"), ("id", "part_1")),
    "groups that must meet a condition": less(ROWS, filter_(MEANS, "greater", "value", 2.0), KEY),
    "groups by two keys": less(
        on(ROWS, SHOPS, ("shop", "number")), of_group(LINES_1, "part_1", "shop_1"), KEY, ("number", "shop_1")
    ),
    "not where one key of two is asked for": less(
        on(ROWS, SHOPS, ("shop", "number")), of_group(LINES_1, "part_1", "shop_1"), KEY
    ),
    "not where another table leaves out rows of a group": less(SOLD, MEANS, ("id", "part_1")),
    "not where the rows are fewer by a condition": less(
        on(filter_(LINES, "greater", "price", 3), BRANDED, ("part", "id")), MEANS, ("id", "part_1")
    ),
    "not where a condition is of both": less(
        Filter(input=ROWS, predicate=call("less", col(ROWS, "price"), col(ROWS, "id"))), MEANS, ("id", "part_1")
    ),
    "not where the group is of fewer rows": less(
        ROWS, of_group(filter_(LINES_1, "greater", "price_1", 3), "part_1"), ("id", "part_1")
    ),
    "not of most rows": less(on(LINES, PARTS, ("part", "id")), MEANS, ("id", "part_1")),
    "not a sum, which counts a row each time": less(
        ROWS, of_group(LINES_1, "part_1", function="sum"), ("id", "part_1")
    ),
    "not rows that need no group": less(ROWS, MEANS, KEY, kind=JoinKind.LEFT),
    "not some of the rows of a group": less(ROWS, group(LINES_1, "part_1", value=SOME), KEY),
    "not by another column": less(ROWS, of_group(LINES_1, "shop_1"), ("brand", "shop_1")),
    "not by floats": less(on(LINES, BRANDED, ("part", "id")), of_group(LINES_1, "weight_1"), ("weight", "weight_1")),
}


@pytest.mark.parametrize("case", CASES)
def test_rule(case: str) -> None:
    check_rule(aggregate_by_window, case, CASES[case])


def test_fixture_has_no_other_sections() -> None:
    assert fixture_cases(aggregate_by_window) == set(CASES)
