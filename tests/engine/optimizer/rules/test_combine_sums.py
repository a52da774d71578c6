from __future__ import annotations

import pytest

from tests.support.plans import col, compare, group, scan, where
from tests.support.rule_cases import check_rule, fixture_cases
from volley.engine.expr import AggregateCall, Expr, aggregate, call, cast, literal
from volley.engine.optimizer.rules.combine_sums import combine_sums
from volley.engine.plan import ColumnStatistics, Plan, Statistics

KNOWN = Statistics(columns={"a": ColumnStatistics(minimum=-9, maximum=9), "b": ColumnStatistics(minimum=-9, maximum=9)})
T = scan("t", KNOWN, a="int16", b="int64", c="int16", k="int32")
A, B, C = col(T, "a"), col(T, "b"), col(T, "c")


def moved(function: str, value: Expr, by: int) -> AggregateCall:
    """Return the sum of a column to or from which each row adds or takes a constant."""
    return aggregate("sum", call(function, value, literal(by)))


def several(value: Expr) -> dict[str, AggregateCall]:
    """Return the sum of a column, and two that differ from it by a constant in each row."""
    return {"s": aggregate("sum", value), "more": moved("add", value, 1), "less": moved("subtract", value, 2)}


LARGE = call("subtract", cast(C, T.schema["b"].dtype), literal(3))

CASES: dict[str, Plan] = {
    "by what the source says": group(T, "k", **several(A)),
    "of 64 bits": group(T, **several(B)),
    "of a type that is wide enough": group(
        T, s=aggregate("sum", C), l=aggregate("sum", LARGE), m=moved("add", C, 70_000)
    ),
    "constant first": group(T, s=aggregate("sum", A), x=aggregate("sum", call("add", literal(5), A))),
    "without the sum itself": group(T, one=moved("add", A, 1), two=moved("add", A, 2)),
    "below a filter": group(where(T, compare(T, "greater", "k", 1)), **several(A)),
    "under the same condition": group(
        T,
        **{
            name: AggregateCall(function="sum", args=one.args, dtype=one.dtype, filter=compare(T, "greater", "k", 1))
            for name, one in several(A).items()
        },
    ),
    "not where a row might overflow": group(T, **several(C)),
    "not for one sum alone": group(T, n=aggregate("size"), one=moved("add", A, 1)),
    "not from a constant": group(T, s=aggregate("sum", A), x=aggregate("sum", call("subtract", literal(5), A))),
    "not of distinct values": group(
        T,
        s=aggregate("sum", A),
        x=AggregateCall(function="sum", args=moved("add", A, 1).args, dtype=moved("add", A, 1).dtype, distinct=True),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_rule(case: str) -> None:
    check_rule(combine_sums, case, CASES[case])


def test_fixture_has_no_other_sections() -> None:
    assert fixture_cases(combine_sums) == set(CASES)
