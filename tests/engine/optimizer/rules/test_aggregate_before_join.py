from __future__ import annotations

import pytest

from tests.support.plans import col, compare, filter_, group, join, scan, select
from tests.support.rule_cases import check_rule, fixture_cases
from volley.engine.expr import aggregate, call, literal
from volley.engine.optimizer.rules.aggregate_before_join import aggregate_before_join
from volley.engine.plan import Aggregate, ColumnStatistics, Plan, Statistics

FEW = {"carrier": ColumnStatistics(distinct=16), "month": ColumnStatistics(distinct=12)}
FLIGHTS = scan(
    "flights", Statistics(rows=1_000_000, columns=FEW), carrier="int64", month="int32", delay="int64", tail="int64"
)
AIRLINES = scan(
    "airlines", Statistics(rows=16, columns={"code": ColumnStatistics(distinct=16)}), code="int64", name="string"
)
PLANES = scan("planes", Statistics(rows=900_000), plane="int64", maker="string")
BOTH = join(FLIGHTS, AIRLINES, ("carrier", "code"))
LEFT = join(FLIGHTS, AIRLINES, ("carrier", "code"), kind="left")
OUTER = join(AIRLINES, FLIGHTS, ("code", "carrier"), kind="left")
LEGS = scan(
    "legs",
    Statistics(rows=6_000_000, columns={"flown": ColumnStatistics(distinct=900_000)}),
    flown="int64",
    miles="int64",
)
MILES = aggregate("sum", col(LEGS, "miles"))
DELAY = col(FLIGHTS, "delay")
SUM = aggregate("sum", DELAY)

SHOPS = scan(
    "shops",
    Statistics(rows=2000, columns={"nation": ColumnStatistics(distinct=20)}),
    shop="int64",
    town="string",
    nation="int64",
)
NATIONS = scan("nations", Statistics(rows=20), number="int64", called="string")
ONCE = {"id": ColumnStatistics(distinct=5000), "at": ColumnStatistics(distinct=2000)}
SALES = scan("sales", Statistics(rows=5000, columns=ONCE), id="int64", at="int64", price="int64")
ITEMS = scan("items", Statistics(rows=9000), sale="int64", amount="int64")
MEAN_PRICE = aggregate("mean", col(SALES, "price"))
SOLD = join(SHOPS, SALES, ("shop", "at"))
AMOUNTS = aggregate("sum", col(ITEMS, "amount"))
PRICES = aggregate("sum", col(SALES, "price"))

FLOWN = group(LEGS, "flown", far=MILES)
FREQUENT = select(filter_(FLOWN, "greater", "far", 300), frequent=col(FLOWN, "flown"))
IN_USE = join(join(PLANES, FREQUENT, ("plane", "frequent"), kind="semi"), LEGS, ("plane", "flown"))

CASES: dict[str, Plan] = {
    "every aggregate that merges": group(
        BOTH,
        "name",
        n=aggregate("size"),
        c=aggregate("count", DELAY),
        s=SUM,
        m=aggregate("mean", DELAY),
        least=aggregate("min", DELAY),
        most=aggregate("max", DELAY, filter=compare(FLIGHTS, "greater", "month", 2)),
    ),
    "keys of both sides": group(BOTH, "name", "month", s=SUM),
    "without keys": group(BOTH, n=aggregate("size"), s=SUM),
    "the right side of an inner join": group(join(AIRLINES, FLIGHTS, ("code", "carrier")), "name", s=SUM),
    "past a renaming": group(
        select(BOTH, airline=col(BOTH, "name"), late=DELAY),
        "airline",
        s=aggregate("sum", col(select(BOTH, late=DELAY), "late")),
    ),
    "the left side of a left join": group(LEFT, "name", s=SUM),
    "the right side of one": group(
        OUTER, "name", c=aggregate("count", DELAY), s=SUM, m=aggregate("mean", DELAY), least=aggregate("min", DELAY)
    ),
    "not rows that have no partner there": group(OUTER, "name", n=aggregate("size"), s=SUM),
    "not what is something of nulls": group(OUTER, "name", s=aggregate("sum", call("coalesce", DELAY, literal(1)))),
    "many groups that are those above as well": group(join(PLANES, LEGS, ("plane", "flown")), "plane", s=MILES),
    "groups that the plan makes anyway": group(IN_USE, "maker", total=MILES),
    "not groups of which it makes others": group(IN_USE, "maker", least=aggregate("min", col(LEGS, "miles"))),
    "not for others": group(join(PLANES, LEGS, ("plane", "flown")), "maker", s=MILES),
    "by an expression of both sides": Aggregate(
        input=BOTH,
        keys=select(BOTH, k=call("add", col(BOTH, "month"), col(BOTH, "month"))).exprs,
        aggregates=group(BOTH, s=SUM).aggregates,
    ),
    "not where the side hardly collapses": group(join(FLIGHTS, PLANES, ("tail", "plane")), "maker", s=SUM),
    "not where nobody knows": group(join(PLANES, AIRLINES, ("maker", "name")), "code", s=aggregate("size")),
    "not where the join drops most rows": group(
        join(FLIGHTS, filter_(AIRLINES, "equal", "code", 3), ("carrier", "code")), "name", s=SUM
    ),
    "beside text of a table": group(SOLD, "shop", "town", s=PRICES),
    "beside text, further down": group(
        join(SOLD, NATIONS, ("nation", "number")),
        "shop",
        "town",
        "called",
        s=PRICES,
        m=aggregate("mean", col(SALES, "price")),
    ),
    "beside text, what is joined itself": group(
        join(SHOPS, join(SALES, ITEMS, ("id", "sale")), ("shop", "at")), "shop", "town", s=PRICES
    ),
    "beside text that was joined first": group(
        join(join(join(SHOPS, SALES, ("shop", "at")), NATIONS, ("nation", "number")), ITEMS, ("id", "sale")),
        "shop",
        "town",
        "called",
        s=AMOUNTS,
    ),
    "not beside text without which others are a product": group(
        join(join(SHOPS, SALES, ("shop", "at")), ITEMS, ("nation", "sale")),
        "shop",
        "town",
        s=aggregate("sum", call("add", col(SALES, "price"), col(ITEMS, "amount"))),
    ),
    "not beside text joined first of what does not say which": group(
        join(join(SHOPS, SALES, ("shop", "at")), ITEMS, ("id", "sale")), "town", s=AMOUNTS
    ),
    "not beside text joined first of few rows": group(
        join(join(filter_(SHOPS, "equal", "shop", 3), SALES, ("shop", "at")), ITEMS, ("id", "sale")),
        "shop",
        "town",
        s=AMOUNTS,
    ),
    "not beside text of what hardly repeats": group(SOLD, "shop", "town", "id", s=PRICES),
    "not beside text that does not say which rows": group(SOLD, "town", s=PRICES),
    "not beside text of few rows": group(
        join(filter_(SHOPS, "equal", "shop", 3), SALES, ("shop", "at")), "shop", "town", s=PRICES
    ),
    "not beside text for rows without values": group(SOLD, "shop", "town", n=aggregate("size")),
    "not arguments of both sides": group(BOTH, "name", s=aggregate("sum", call("add", DELAY, col(BOTH, "code")))),
    "not what does not merge": group(BOTH, "name", s=aggregate("var", DELAY)),
    "not over a further condition": group(
        join(FLIGHTS, AIRLINES, ("carrier", "code"), residual=call("less", DELAY, col(AIRLINES, "code"))), "name", s=SUM
    ),
    "not below a semi join": group(join(FLIGHTS, AIRLINES, ("carrier", "code"), kind="semi"), "month", s=SUM),
}


@pytest.mark.parametrize("case", CASES)
def test_rule(case: str) -> None:
    check_rule(aggregate_before_join, case, CASES[case])


def test_fixture_has_no_other_sections() -> None:
    assert fixture_cases(aggregate_before_join) == set(CASES)
