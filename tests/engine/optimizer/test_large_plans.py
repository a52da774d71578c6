"""Plans of a size that a quadratic rule, or one that recurses, would not survive."""

from __future__ import annotations

from tests.support.duckdb_oracle import Oracle
from tests.support.plans import col, filter_, group, join, scan, select, where
from volley.engine import dtypes
from volley.engine.explain import explain_plan
from volley.engine.expr import Call, Column, Expr, NamedExpr, aggregate, call, literal
from volley.engine.optimizer import OptimizerContext, optimize
from volley.engine.plan import Limit, Plan, Project, Scan, Statistics, Union
from volley.engine.traversal import walk

CONTEXT = OptimizerContext(fold=Oracle().fold)


def wide(columns: int) -> Scan:
    return scan("wide", rows=1, **{f"c{i}": "int64" for i in range(columns)})


def optimised(plan: Plan) -> Plan:
    result = optimize(plan, CONTEXT)
    assert [(f.name, f.dtype) for f in result.schema] == [(f.name, f.dtype) for f in plan.schema]
    assert explain_plan(optimize(result, CONTEXT)) == explain_plan(result)
    return result


def names_of(plan: Plan) -> list[str]:
    return [type(node).__name__ for node in walk(plan)]


def test_hundreds_of_assignments_become_one_projection() -> None:
    plan: Plan = wide(60)
    for name in plan.schema.names * 5:
        kept = (NamedExpr(name=n, expr=col(plan, n)) for n in plan.schema.names)
        plan = Project(
            input=plan,
            exprs=tuple(
                NamedExpr(name=name, expr=call("add", e.expr, literal(1))) if e.name == name else e for e in kept
            ),
        )
    assert names_of(optimised(plan)) == ["Project", "Scan"]


def test_hundreds_of_renamings_of_hundreds_of_columns_become_one_projection() -> None:
    plan: Plan = wide(500)
    for step in range(301):
        names = plan.schema.names
        turned = (*names[1:], names[0])
        exprs = (NamedExpr(name=f"r{step}_{i}", expr=col(plan, name)) for i, name in enumerate(turned))
        plan = Project(input=plan, exprs=tuple(exprs))
    result = optimised(plan)
    assert names_of(result) == ["Project", "Scan"]
    assert explain_plan(result).startswith("Project c301 as r300_0, c302 as r300_1, ")


def test_a_thousand_filters_become_one_predicate() -> None:
    plan: Plan = scan("t", a="int64")
    for value in range(1000):
        plan = filter_(plan, "not_equal", "a", value)
    assert names_of(optimised(plan)) == ["Scan"]


def test_thousands_of_alternatives_of_two_conditions() -> None:
    table = scan("t", a="int64", b="int64")
    chain: Expr | None = None
    for value in range(2000):
        pair = call(
            "and", call("equal", col(table, "a"), literal(value)), call("less", col(table, "b"), literal(value))
        )
        chain = pair if chain is None else Call(function="or", args=(chain, pair), dtype=dtypes.bool_)
    assert chain is not None
    assert names_of(optimised(where(table, chain))) == ["Scan"]


def test_a_sum_of_hundreds_of_columns() -> None:
    table = wide(500)
    total: Expr = col(table, "c0")
    for name in table.schema.names[1:]:
        total = call("add", total, col(table, name))
    plan = where(select(table, total=total), call("greater", Column(name="total", dtype=dtypes.int64), literal(3)))
    assert "c499" in explain_plan(optimised(plan))


def test_fifty_joins_and_the_columns_of_two_of_them() -> None:
    tables = [
        scan(f"t{i}", Statistics(rows=1000 * (i + 1)), rows=1, **{f"k{i}": "int64", f"v{i}": "int64", f"w{i}": "int64"})
        for i in range(51)
    ]
    plan: Plan = tables[0]
    for number, table in enumerate(tables[1:], 1):
        plan = join(plan, table, (f"v{number - 1}", f"k{number}"))
    plan = group(filter_(plan, "greater", "w50", 3), "w7", n=aggregate("sum", col(plan, "w9")))
    result = optimised(plan)
    read = {name for node in walk(result) if isinstance(node, Scan) for name in node.schema.names}
    assert {name for name in read if name.startswith("w")} == {"w7", "w9"}
    assert names_of(result).count("Join") == 50


def test_hundreds_of_inputs_of_a_union() -> None:
    table = scan("t", a="int64", b="int64")
    union = Union(inputs=tuple(filter_(table, "less", "a", value) for value in range(1, 301)))
    result = optimised(Limit(input=filter_(select(union, "a"), "greater", "a", 0), count=7))
    assert names_of(result) == ["Limit", "Union", *["Scan"] * 300]
    assert all(node.limit == 7 for node in walk(result) if isinstance(node, Scan))
