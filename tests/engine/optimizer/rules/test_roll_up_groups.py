from __future__ import annotations

import pytest

from tests.support.plans import col, compare, group, scan, select
from tests.support.rule_cases import check_rule, fixture_cases
from volley.engine.expr import aggregate, call, literal
from volley.engine.optimizer import OptimizerContext
from volley.engine.optimizer.rules.roll_up_groups import roll_up_groups
from volley.engine.plan import Aggregate, Plan, Statistics, Union
from volley.engine.traversal import walk_once

FLIGHTS = scan("flights", Statistics(rows=1000), carrier="int64", month="int32", delay="int64", late="bool")
DELAY = col(FLIGHTS, "delay")
SUM = aggregate("sum", DELAY)


def sets(*keys: tuple[str, ...], **aggregates: object) -> Plan:
    """Return grouping sets as a GROUP BY makes them: every key is there, null where a set lacks it."""
    inputs = []
    for own in keys:
        grouped = group(FLIGHTS, *own, **aggregates)
        names = {name: col(FLIGHTS, name) for name in dict.fromkeys(name for each in keys for name in each)}
        shown = {name: key if name in own else literal(None, key.dtype) for name, key in names.items()}
        inputs.append(select(grouped, **shown, **{name: col(grouped, name) for name in aggregates}))
    return Union(inputs=tuple(inputs))


def by_sum(*names: str) -> Aggregate:
    """Return an aggregation by an expression."""
    key = select(FLIGHTS, k=call("add", DELAY, literal(1))).exprs
    grouped = group(FLIGHTS, *names, s=SUM)
    return Aggregate(input=FLIGHTS, keys=(*key, *grouped.keys), aggregates=grouped.aggregates)


EVERY = {
    "n": aggregate("size"),
    "c": aggregate("count", DELAY),
    "s": SUM,
    "m": aggregate("mean", DELAY),
    "least": aggregate("min", DELAY),
    "most": aggregate("max", DELAY, filter=compare(FLIGHTS, "greater", "month", 2)),
    "one": aggregate("any", col(FLIGHTS, "late")),
}
CASES: dict[str, Plan] = {
    "a rollup of every aggregate that merges": sets(("carrier", "month"), ("carrier",), (), **EVERY),
    "the finest need not be the first": sets((), ("month",), ("carrier", "month"), s=SUM),
    "no aggregates": sets(("carrier", "month"), ("carrier",)),
    "keys that are computed": Union(
        inputs=(
            select(by_sum("month"), k=col(by_sum(), "k"), s=col(by_sum(), "s")),
            select(by_sum(), k=col(by_sum(), "k"), s=col(by_sum(), "s")),
        )
    ),
    "what shares no keys stays as it is": sets(("carrier", "month"), ("carrier",), ("late",), s=SUM),
    "not where no set is among another": sets(("carrier",), ("month",), s=SUM),
    "not what does not merge": sets(("carrier", "month"), ("carrier",), s=SUM, v=aggregate("var", DELAY)),
    "not distinct values": sets(("carrier", "month"), (), s=aggregate("count", DELAY, distinct=True)),
    "not other aggregates": Union(
        inputs=(
            select(group(FLIGHTS, "carrier", s=SUM), s=col(group(FLIGHTS, s=SUM), "s")),
            select(group(FLIGHTS, s=aggregate("max", DELAY)), s=col(group(FLIGHTS, s=SUM), "s")),
        )
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_rule(case: str) -> None:
    check_rule(roll_up_groups, case, CASES[case])


def test_the_input_is_read_by_one_aggregation() -> None:
    context = OptimizerContext(fold=lambda _: None)
    plan = roll_up_groups(CASES["a rollup of every aggregate that merges"], context)
    assert sum(FLIGHTS in node.children for node in walk_once(plan)) == 1


def test_fixture_has_no_other_sections() -> None:
    assert fixture_cases(roll_up_groups) == set(CASES)
