from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.plans import col, group, scan
from tests.support.rule_cases import check_rule, fixture_cases
from volley.engine.expr import Expr, NamedExpr, aggregate, call, literal
from volley.engine.optimizer.rules.reduce_group_keys import reduce_group_keys
from volley.engine.plan import Aggregate, Plan

T = scan("t", a="int64", b="int32", f="float64", s="string")
A, B, F = col(T, "a"), col(T, "b"), col(T, "f")


def keyed(**keys: Expr) -> Aggregate:
    """Return a count and a sum of groups by expressions."""
    exprs = tuple(NamedExpr(name=name, expr=expr) for name, expr in keys.items())
    return replace(group(T, n=aggregate("size"), s_sum=aggregate("sum", B)), keys=exprs)


ONE = literal(1)

CASES: dict[str, Plan] = {
    "a constant": keyed(one=ONE, s=col(T, "s")),
    "only constants": keyed(one=ONE, two=literal("two")),
    "what follows from one key": keyed(a=A, less=call("subtract", A, ONE), more=call("add", A, ONE)),
    "what follows from two keys": keyed(x=A, sum=call("add", A, B), y=B),
    "a column twice": keyed(x=A, y=A),
    "not what follows from another column": keyed(a=A, b=call("add", B, ONE)),
    "not of a float, whose zeros are one group": keyed(f=F, reciprocal=call("divide", literal(1.0), F)),
    "not where the column itself is no key": keyed(less=call("subtract", A, ONE), more=call("add", A, ONE)),
    "without aggregates": group(T, "a", "b"),
}


@pytest.mark.parametrize("case", CASES)
def test_rule(case: str) -> None:
    check_rule(reduce_group_keys, case, CASES[case])


def test_fixture_has_no_other_sections() -> None:
    assert fixture_cases(reduce_group_keys) == set(CASES)
