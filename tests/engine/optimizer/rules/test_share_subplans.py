from __future__ import annotations

from tests.support.duckdb_oracle import Oracle
from tests.support.plans import col, compare, filter_, group, join, scan, select, where
from tests.support.rule_cases import check_same
from tests.support.stages import doubled
from volley.engine import dtypes
from volley.engine.expr import Expr, Literal, aggregate, call, literal
from volley.engine.optimizer import OptimizerContext
from volley.engine.optimizer.rules.share_subplans import share_subplans
from volley.engine.plan import Plan, Union
from volley.engine.traversal import walk

ORACLE = Oracle()
CONTEXT = OptimizerContext(fold=ORACLE.fold)
T = scan("t", a="int64", b="int64", f="double")


def grouped() -> Plan:
    return group(filter_(T, "less", "a", 3), "a", n=aggregate("sum", col(T, "b")))


def is_shared(left: Plan, right: Plan) -> bool:
    plan = Union(inputs=(left, right))
    after = share_subplans(plan, CONTEXT)
    check_same(ORACLE, plan, after)
    assert share_subplans(after, CONTEXT) is after
    return after.children[0] is after.children[1]


def test_equal_plans_become_one() -> None:
    assert grouped() is not grouped()
    assert is_shared(grouped(), grouped())


def test_what_differs_stays_apart() -> None:
    assert not is_shared(filter_(T, "less", "a", 3), filter_(T, "less", "a", 4))
    assert not is_shared(
        filter_(T, "less", "a", 3), filter_(scan("t", a="int64", b="int64", f="double"), "less", "a", 3)
    )
    assert not is_shared(doubled(T, "a"), doubled(T, "a"))  # two functions, whatever they do


def test_zeros_of_both_signs_stay_apart() -> None:
    def over(zero: float) -> Plan:
        return select(T, x=call("divide", literal(1.0), literal(zero)))

    assert not is_shared(over(0.0), over(-0.0))
    assert is_shared(over(0.0), over(0.0))


def test_inner_parts_are_shared() -> None:
    other = select(grouped(), x=col(grouped(), "a"), y=col(grouped(), "n"))
    after = share_subplans(join(grouped(), other, ("n", "y")), CONTEXT)
    assert after.children[0] is after.children[1].children[0]
    assert len({id(node) for node in walk(after)}) == 5


def test_what_cannot_be_hashed_is_left_alone() -> None:
    constant = Literal(value=[1, 2], dtype=dtypes.list_(dtypes.int64))
    plan = select(T, "a", l=constant)
    total: Expr = col(T, "a")
    for _ in range(3000):
        total = call("add", total, col(T, "b"))
    for each in (plan, select(T, total=total), where(T, compare(T, "less", "a", 2))):
        assert share_subplans(each, CONTEXT) is each
