from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from tests.support.plans import TableSource, col, filter_, join, nearest, scan, select, sort, unnest, where, window
from tests.support.rule_cases import check_rule, fixture_cases
from tests.support.stages import doubled
from volley.engine.expr import Expr, NamedAggregate, NamedExpr, aggregate, call, literal
from volley.engine.optimizer.rules.prune_fields import prune_fields
from volley.engine.plan import Aggregate, Distinct, Limit, Plan, Scan, Union, window_call

_ROWS: list[dict[str, Any] | None] = [
    {"a": 1, "b": "x", "deep": {"x": 1, "y": 5}},
    {"a": None, "b": "y", "deep": {"x": 2, "y": None}},
    {"a": 3, "b": None, "deep": None},
    None,
]
R = Scan(source=TableSource("r", pa.table({"i": [1, 2, 3, 4], "s": pa.array(_ROWS)})))
T = scan("t", x="int64", y="string")


def field(plan: Plan, *names: str) -> Expr:
    """Return a field of a column, or a field of its field."""
    expr: Expr = col(plan, names[0])
    for name in names[1:]:
        expr = call("struct_field", expr, name=name)
    return expr


JOINED = join(R, T, ("i", "x"), residual=call("less", field(R, "s", "a"), col(T, "x")))
RENAMED = select(R, "i", whole=col(R, "s"), deep=field(R, "s", "deep"))
PASSED = select(RENAMED, again=col(RENAMED, "whole"), d=col(RENAMED, "deep"))
ONLY_B = Scan(source=R.source, predicate=call("equal", field(R, "s", "b"), literal("x")))

CASES: dict[str, Plan] = {
    "one field": select(R, "i", a=field(R, "s", "a")),
    "a field of a field and its whole field": select(R, x=field(R, "s", "deep", "x"), d=field(R, "s", "deep")),
    "two fields, one filtered by": select(
        where(R, call("equal", field(R, "s", "b"), literal("x"))), x=field(R, "s", "deep", "x")
    ),
    "a scan's own condition": select(ONLY_B, a=field(ONLY_B, "s", "a")),
    "the whole struct is read, too": select(R, "s", a=field(R, "s", "a")),
    "compared as a whole": select(where(R, call("is_not_null", col(R, "s"))), a=field(R, "s", "a")),
    "no struct at all": select(T, "x"),
    "through projections that pass it on": select(PASSED, a=field(PASSED, "again", "a"), y=field(PASSED, "d", "y")),
    "both sides of a join and its condition": select(JOINED, "y", b=field(JOINED, "s", "b")),
    "both sides of a join with the nearest": select(nearest(R, T, ("i", "x")), "y", b=field(R, "s", "b")),
    "below a sort and a limit": select(Limit(input=sort(R, "i"), count=2), a=field(R, "s", "a")),
    "keys and arguments of a grouping": Aggregate(
        input=R,
        keys=(NamedExpr(name="b", expr=field(R, "s", "b")),),
        aggregates=(NamedAggregate(name="n", call=aggregate("sum", field(R, "s", "a"))),),
    ),
    "a distinct of all columns": select(Distinct(input=R), a=field(R, "s", "a")),
    "both inputs of a union": select(Union(inputs=(R, filter_(R, "less", "i", 3))), a=field(R, "s", "a")),
    "beside a window": select(window(R, "", "i", r=window_call("rank")), "r", a=field(R, "s", "a")),
    "beside what is unnested": select(unnest(R, "i", "i"), "l", a=field(R, "s", "a")),
    "past a stage that reads other columns": select(doubled(R, "i"), "twice", a=field(R, "s", "a")),
    "past a stage, under another name": select(doubled(RENAMED, "i"), "twice", a=field(RENAMED, "whole", "a")),
    "read twice, by its readers together": join(
        select(R, "i", a=field(R, "s", "a")), select(R, j=col(R, "i"), b=field(R, "s", "b")), ("i", "j")
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_rule(case: str) -> None:
    check_rule(prune_fields, case, CASES[case])


def test_fixture_has_no_other_sections() -> None:
    assert fixture_cases(prune_fields) == set(CASES)
