from __future__ import annotations

import pytest

from tests.support.plans import col, filter_, join, scan, select, where
from tests.support.rule_cases import check_rule, fixture_cases
from volley.engine.expr import call
from volley.engine.optimizer.rules.order_joins import order_joins
from volley.engine.plan import ColumnStatistics, Join, JoinKind, Plan, Scan, Statistics


def table(label: str, rows: int, **distinct: int) -> Scan:
    """Return a table of int64 columns that claims a size and numbers of distinct values."""
    known = {name: ColumnStatistics(distinct=count) for name, count in distinct.items()}
    return scan(label, Statistics(rows=rows, columns=known), rows=20, **dict.fromkeys(distinct, "int64"))


LINES = table("lines", 6_000_000, l_order=1_500_000, l_part=200_000, l_supp=10_000)
ORDERS = table("orders", 1_500_000, o_key=1_500_000, o_cust=100_000)
CUSTOMERS = table("customers", 150_000, c_key=150_000, c_nation=25)
NATIONS = table("nations", 25, n_key=25, n_region=5)
PARTS = table("parts", 200_000, p_key=200_000, p_size=50)
ISLAND = table("island", 3, i_key=3)

TWIN = select(NATIONS, m_key=col(NATIONS, "n_key"), m_region=col(NATIONS, "n_region"))
SNOWFLAKE = join(
    join(join(LINES, ORDERS, ("l_order", "o_key")), CUSTOMERS, ("o_cust", "c_key")), NATIONS, ("c_nation", "n_key")
)

CASES: dict[str, Plan] = {
    "the smaller side is built": join(NATIONS, CUSTOMERS, ("n_key", "c_nation")),
    "already so": join(CUSTOMERS, NATIONS, ("c_nation", "n_key")),
    "a left join is left alone": join(NATIONS, CUSTOMERS, ("n_key", "c_nation"), kind="left"),
    "null-safe keys are left alone": Join(
        left=NATIONS,
        right=CUSTOMERS,
        kind=JoinKind.INNER,
        on=((col(NATIONS, "n_key"), col(CUSTOMERS, "c_nation")),),
        nulls_equal=True,
    ),
    "selective filters first": join(
        join(LINES, ORDERS, ("l_order", "o_key")), filter_(PARTS, "equal", "p_size", 3), ("l_part", "p_key")
    ),
    "a snowflake from its small end": filter_(SNOWFLAKE, "is_not_distinct", "n_region", 1),
    "no cross product before its time": where(
        join(join(NATIONS, LINES), ORDERS, ("l_order", "o_key"), ("n_key", "o_cust")),
        call("less", col(LINES, "l_part"), col(ORDERS, "o_cust")),
    ),
    "what nothing connects comes last": join(join(LINES, ISLAND), PARTS, ("l_part", "p_key")),
    "equal through a third": join(
        join(CUSTOMERS, NATIONS, ("c_nation", "n_key")), table("regions", 5, r_key=5), ("n_key", "r_key")
    ),
    "the same names on both sides of a renaming": join(
        select(join(LINES, PARTS, ("l_part", "p_key")), "l_supp", key=col(PARTS, "p_size")),
        select(ISLAND, p_key=col(ISLAND, "i_key")),
        ("l_supp", "p_key"),
    ),
    "conditions between the sides": join(
        join(LINES, ORDERS, ("l_order", "o_key"), residual=call("less", col(LINES, "l_part"), col(ORDERS, "o_cust"))),
        filter_(PARTS, "equal", "p_size", 3),
        ("l_part", "p_key"),
        residual=call("equal", call("add", col(LINES, "l_supp"), col(ORDERS, "o_cust")), col(PARTS, "p_key")),
    ),
    "both arms before they meet": join(
        join(join(LINES, filter_(PARTS, "equal", "p_size", 3), ("l_part", "p_key")), ORDERS, ("l_order", "o_key")),
        filter_(CUSTOMERS, "equal", "c_nation", 3),
        ("o_cust", "c_key"),
    ),
    "a group below a barrier": join(
        join(join(NATIONS, CUSTOMERS, ("n_key", "c_nation")), ISLAND, ("n_region", "i_key"), kind="left"),
        ORDERS,
        ("c_key", "o_cust"),
    ),
    "the same table twice": join(
        join(CUSTOMERS, NATIONS, ("c_nation", "n_key")),
        filter_(TWIN, "equal", "m_region", 2),
        ("n_region", "m_key"),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_rule(case: str) -> None:
    check_rule(order_joins, case, CASES[case])


def test_fixture_has_no_other_sections() -> None:
    assert fixture_cases(order_joins) == set(CASES)
