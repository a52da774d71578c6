from __future__ import annotations

from dataclasses import replace

from tests.support.duckdb_oracle import Oracle
from tests.support.plans import col, compare, filter_, group, join, scan, select
from tests.support.rule_cases import check_same
from tests.support.stages import doubled
from volley.engine import dtypes
from volley.engine.expr import Expr, Literal, aggregate, call, literal
from volley.engine.optimizer import OptimizerContext
from volley.engine.optimizer.rules.share_subplans import share_subplans
from volley.engine.plan import Plan, Project, Union
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


def renamed(plan: Plan, end: str = "_1") -> Plan:
    return select(plan, **{name + end: col(plan, name) for name in plan.schema.names})


def again(end: str) -> Plan:
    """Return `grouped` as a query makes it that names its table a second time, joined with itself."""
    table = renamed(T, end)
    groups = group(
        filter_(table, "less", f"a{end}", 3), f"a{end}", **{f"n{end}": aggregate("sum", col(table, f"b{end}"))}
    )
    return join(groups, renamed(groups, "x"), (f"a{end}", f"n{end}x"), residual=compare(groups, "less", f"n{end}", 5))


def test_plans_that_differ_in_names_become_one() -> None:
    plan = join(again("_1"), again("_2"), ("a_1", "n_2"))
    after = share_subplans(plan, CONTEXT)
    check_same(ORACLE, plan, after)
    assert share_subplans(after, CONTEXT) is after
    second, first = after.children
    assert isinstance(second, Project)
    assert second.input is first
    assert first.children[1].children[0] is first.children[0]


def test_places_of_columns_count() -> None:
    swapped = select(T, x=col(T, "b"), y=col(T, "a"), z=col(T, "f"))
    for other in (
        group(filter_(swapped, "less", "x", 3), "x", n=aggregate("sum", col(swapped, "y"))),
        group(filter_(swapped, "less", "y", 3), "y", n=aggregate("sum", col(swapped, "y"))),
        group(filter_(renamed(T), "less", "b_1", 3), "a_1", n=aggregate("sum", col(renamed(T), "b_1"))),
    ):
        plan = join(grouped(), select(other, x=col(other, other.schema.names[0]), y=col(other, "n")), ("n", "y"))
        after = share_subplans(plan, CONTEXT)
        check_same(ORACLE, plan, after)
        assert after.children[1].children[0] is not after.children[0]


def test_what_cannot_be_hashed_is_left_alone() -> None:
    constant = Literal(value=[1, 2], dtype=dtypes.list_(dtypes.int64))
    plan = select(T, "a", l=constant)
    total: Expr = col(T, "a")
    for _ in range(3000):
        total = call("add", total, col(T, "b"))
    for each in (plan, select(T, total=total)):
        twice = Union(inputs=(each, replace(each)))
        assert share_subplans(twice, CONTEXT) is twice
