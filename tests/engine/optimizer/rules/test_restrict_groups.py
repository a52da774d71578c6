from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.plans import col, filter_, group, join, scan, select
from tests.support.rule_cases import check_rule, fixture_cases
from volley.engine import dtypes
from volley.engine.expr import NamedExpr, aggregate, call, cast
from volley.engine.optimizer.rules.restrict_groups import restrict_groups
from volley.engine.plan import Aggregate, ColumnStatistics, Plan, Statistics

LINES = scan(
    "lines",
    Statistics(rows=1_000_000, columns={"part": ColumnStatistics(distinct=50_000)}),
    rows=60,
    part="int64",
    quantity="int64",
    note="string",
)
PARTS = scan(
    "parts", Statistics(rows=50_000, columns={"p": ColumnStatistics(distinct=50_000)}), p="int64", kind="int32"
)
SOME = select(filter_(scan("few", Statistics(rows=100), k="int64"), "less", "k", 4), "k")
AVERAGE = group(LINES, "part", mean=aggregate("mean", col(LINES, "quantity")))
OTHER = select(LINES, other=col(LINES, "part"), amount=col(LINES, "quantity"))
BOUGHT = join(OTHER, SOME, ("other", "k"))
BY_SUM = Aggregate(
    input=LINES, keys=(NamedExpr(name="part", expr=call("add", col(LINES, "part"), col(LINES, "part"))),)
)

CASES: dict[str, Plan] = {
    "few keys on the left": join(SOME, AVERAGE, ("k", "part")),
    "few keys on the right": join(AVERAGE, SOME, ("part", "k")),
    "many keys": join(PARTS, AVERAGE, ("p", "part")),
    "keys from the smallest relation that holds them": join(BOUGHT, AVERAGE, ("other", "part")),
    "below a filter on groups and a renaming": join(
        SOME,
        select(filter_(AVERAGE, "greater", "mean", 1.0), key=col(AVERAGE, "part"), m=col(AVERAGE, "mean")),
        ("k", "key"),
    ),
    "not by what is computed of groups": join(
        SOME, select(AVERAGE, m=cast(col(AVERAGE, "mean"), dtypes.int64)), ("k", "m")
    ),
    "right of a left join": join(SOME, AVERAGE, ("k", "part"), kind="left"),
    "not left of a left join": join(AVERAGE, SOME, ("part", "k"), kind="left"),
    "left of a semi join": join(AVERAGE, SOME, ("part", "k"), kind="semi"),
    "not left of an anti join": join(AVERAGE, SOME, ("part", "k"), kind="anti"),
    "one of several keys": join(SOME, group(LINES, "part", "note", n=aggregate("size")), ("k", "part")),
    "not a computed key": join(SOME, BY_SUM, ("k", "part")),
    "null-safe keys are left alone": replace(join(SOME, AVERAGE, ("k", "part")), nulls_equal=True),
    "keys of a semi join's right side": join(
        join(OTHER, SOME, ("other", "k"), kind="semi"), AVERAGE, ("other", "part")
    ),
    "not from the nullable side alone": join(
        join(SOME, OTHER, ("k", "other"), kind="left"), AVERAGE, ("other", "part")
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_rule(case: str) -> None:
    check_rule(restrict_groups, case, CASES[case])


def test_fixture_has_no_other_sections() -> None:
    assert fixture_cases(restrict_groups) == set(CASES)
