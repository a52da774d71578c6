"""Sub-plans of one number give equal columns; what only one node does over its inputs is not looked at."""

from __future__ import annotations

from tests.support.plans import col, filter_, group, join, scan, select
from volley.engine.expr import NamedExpr, aggregate, call, literal
from volley.engine.optimizer.likeness import Likeness
from volley.engine.plan import Plan, Project

T = scan("t", a="int64", b="int64")
U = scan("u", a="int64", b="int64")


def plus(plan: Plan, value: float) -> Project:
    return Project(input=plan, exprs=(NamedExpr(name="c", expr=call("add", col(plan, "a"), literal(value))),))


def test_nodes_are_told_apart_by_what_they_do_and_over_what() -> None:
    likeness = Likeness()
    plans = [filter_(T, "less", "a", value) for value in (1, 2, 1, 3, 2)] + [filter_(U, "less", "a", 1)]
    numbers = [likeness.of(plan) for plan in plans]
    assert [numbers.index(number) for number in numbers] == [0, 1, 0, 3, 1, 5]
    assert likeness.of(T) not in numbers
    assert likeness.of(T) != likeness.of(U)


def test_names_mean_nothing_and_constants_that_only_compare_as_equal_are_two() -> None:
    likeness = Likeness()
    renamed = Project(input=T, exprs=tuple(NamedExpr(name=f"{name}_1", expr=col(T, name)) for name in T.schema.names))
    assert likeness.of(renamed) == likeness.of(T)
    assert likeness.of(filter_(renamed, "less", "a_1", 1)) == likeness.of(filter_(T, "less", "a", 1))
    assert likeness.of(plus(T, 0.0)) != likeness.of(plus(T, -0.0))
    assert likeness.of(plus(T, 0.0)) == likeness.of(plus(renamed.input, 0.0))


def test_what_stands_above_like_plans_is_alike() -> None:
    likeness = Likeness()

    def summed(value: int) -> Plan:
        kept = filter_(T, "less", "a", value)
        other = select(U, "b")
        renamed = Project(input=other, exprs=(NamedExpr(name="k", expr=col(other, "b")),))
        both = join(kept, renamed, ("b", "k"))
        return group(both, "b", total=aggregate("sum", col(both, "a")))

    first, other, again = (likeness.of(summed(value)) for value in (1, 2, 1))
    assert first == again != other
