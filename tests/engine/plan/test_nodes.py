from __future__ import annotations

import pickle
from dataclasses import replace

import pytest
from hypothesis import given

from tests.support.plans import col, compare, filter_, group, join, scan, select, sort, where
from tests.support.random_plans import random_plans
from tests.support.stages import doubled
from volley.engine import dtypes
from volley.engine.errors import ColumnNotFound, PlanError, TypeMismatch
from volley.engine.explain import explain_plan
from volley.engine.expr import Column, NamedExpr, SortKey, aggregate, call, cast, literal
from volley.engine.plan import (
    Aggregate,
    Distinct,
    EmptySource,
    Filter,
    Join,
    JoinKind,
    Limit,
    MapBatches,
    Plan,
    Project,
    Scan,
    ScanRequest,
    Sort,
    Union,
    Write,
)
from volley.engine.schema import Field, Schema
from volley.engine.traversal import kinds_of, transform_up, walk

T = scan("t", a="int64", b="int32", s="string")
U = scan("u", x="int64", y="string")
WRONG = Column(name="bb", dtype=dtypes.int32)


def fields(plan: Plan) -> str:
    return str(plan.schema)


def test_schemas_are_derived() -> None:
    assert fields(Scan(source=T.source, columns=("s", "a"))) == "s: string, a: int64"
    assert fields(filter_(T, "less", "a", 3)) == fields(T)
    assert fields(select(T, "s", d=call("add", col(T, "b"), literal(1)))) == "s: string, d: int32"
    assert (
        fields(group(T, "s", n=aggregate("size"), m=aggregate("mean", col(T, "b"))))
        == "s: string, n: int64, m: float64"
    )
    assert fields(group(T, n=aggregate("size"))) == "n: int64"
    assert fields(join(T, U, ("a", "x"))) == "a: int64, b: int32, s: string, x: int64, y: string"
    assert fields(join(T, U, ("a", "x"), kind="semi")) == fields(T)
    assert fields(join(T, U, ("a", "x"), kind="anti")) == fields(T)
    assert fields(doubled(T, "a")) == "a: int64, b: int32, s: string, twice: int64"
    for plan in (sort(T, "a"), Limit(input=T, count=1), Distinct(input=T, on=("a",)), Union(inputs=(T, T))):
        assert fields(plan) == fields(T)


def test_nullability_follows() -> None:
    source = EmptySource(schema=Schema((Field("k", dtypes.int64, nullable=False), Field("v", dtypes.int64))))
    left, right = Scan(source=source), select(Scan(source=source), r=Column(name="k", dtype=dtypes.int64))
    assert [f.nullable for f in right.schema] == [False]
    assert [f.nullable for f in join(left, right, ("k", "r")).schema] == [False, True, False]
    assert [f.nullable for f in join(left, right, ("k", "r"), kind="left").schema] == [False, True, True]
    mixed = Union(inputs=(right, select(left, r=col(left, "v"))))
    assert [f.nullable for f in mixed.schema] == [True]


@pytest.mark.parametrize(
    "make",
    [
        lambda: Scan(source=T.source, columns=("bb",)),
        lambda: Scan(source=T.source, predicate=call("equal", WRONG, literal(1))),
        lambda: where(T, call("equal", WRONG, literal(1))),
        lambda: Project(input=T, exprs=(NamedExpr(name="x", expr=WRONG),)),
        lambda: Aggregate(input=T, keys=(NamedExpr(name="x", expr=WRONG),)),
        lambda: group(T, n=aggregate("sum", WRONG)),
        lambda: group(T, n=aggregate("size", filter=call("equal", WRONG, literal(1)))),
        lambda: Join(left=T, right=U, kind=JoinKind.INNER, on=((WRONG, cast(col(U, "x"), dtypes.int32)),)),
        lambda: join(T, U, ("a", "x"), residual=call("less", WRONG, literal(1))),
        lambda: Sort(input=T, keys=(SortKey(expr=WRONG),)),
        lambda: Distinct(input=T, on=("bb",)),
        lambda: MapBatches(input=T, label="f", function=len, adds=(), reads=("bb",)),
    ],
)
def test_unknown_columns_are_found_at_once(make: object) -> None:
    assert callable(make)
    with pytest.raises(ColumnNotFound, match="unknown column 'bb'; did you mean 'b'"):
        make()


def test_conditions_are_boolean() -> None:
    with pytest.raises(TypeMismatch, match="a filter must be boolean; a is int64"):
        where(T, col(T, "a"))
    with pytest.raises(TypeMismatch, match="a scan's predicate must be boolean"):
        Scan(source=T.source, predicate=col(T, "a"))
    with pytest.raises(TypeMismatch, match="a join condition must be boolean"):
        join(T, U, ("a", "x"), residual=col(T, "a"))


def test_what_does_not_fit_together() -> None:
    with pytest.raises(TypeMismatch, match="join keys differ in type: b is int32, x is int64"):
        join(T, U, ("b", "x"))
    with pytest.raises(PlanError, match="duplicate column name 'a'"):
        join(T, select(U, a=col(U, "x")), ("a", "a"))
    with pytest.raises(PlanError, match="duplicate column name 's'"):
        Project(input=T, exprs=(NamedExpr(name="s", expr=col(T, "s")), NamedExpr(name="s", expr=col(T, "a"))))
    with pytest.raises(TypeMismatch, match="the inputs of a union differ"):
        Union(inputs=(T, U))
    with pytest.raises(PlanError, match="a union needs at least one input"):
        Union(inputs=())
    with pytest.raises(PlanError, match="must not be negative"):
        Limit(input=T, count=-1)
    with pytest.raises(PlanError, match="duplicate column name 'twice'"):
        doubled(doubled(T, "a"), "a")


def test_a_write_gives_its_files() -> None:
    class Sink:
        label = "parquet out/"

    assert fields(Write(input=T, sink=Sink())) == "path: string not null, rows: int64 not null, bytes: int64 not null"  # type: ignore[arg-type]  # only its label is read


def test_the_empty_source() -> None:
    source = EmptySource(schema=T.schema)
    assert source.scan(ScanRequest(columns=("a",))).splits == ()
    assert source.statistics().rows == 0
    assert pickle.loads(pickle.dumps(source)) == source


@given(plan=random_plans())
def test_rebuilding_changes_nothing(plan: Plan) -> None:
    for node in walk(plan):
        again = node.with_children(node.children)
        assert again == node
        assert again.schema == node.schema
    assert transform_up(plan, lambda node: node) is plan


def test_kinds_tell_joins_and_sources_apart() -> None:
    kinds = kinds_of(Limit(input=join(T, select(U, "x"), ("a", "x"), kind="semi"), count=3))
    assert kinds == {Limit, Join, JoinKind.SEMI, Scan, Project, type(T.source)}
    assert kinds_of(Scan(source=EmptySource(schema=T.schema))) == {Scan, EmptySource}
    assert Limit in kinds_of(replace(T, limit=0))


EXPLAINED = """\
Limit 5 offset 2
  Sort n desc
    Project s, n
      Filter (n > 1)
        Aggregate keys=[s] aggregates=[size(*) as n, sum(a) filter (where (b < 3)) as m]
          Join left on a = x where (b < 5)
            MapBatches double reads=[a] adds=[twice]
              Scan t
            Distinct on x
              Union
                Scan u where (x > 0)
                Scan u columns=[x, y] limit 3"""


def example() -> Plan:
    right = Union(
        inputs=(
            Scan(source=U.source, predicate=compare(U, "greater", "x", 0)),
            Scan(source=U.source, columns=("x", "y"), limit=3),
        )
    )
    joined = join(
        doubled(T, "a"), Distinct(input=right, on=("x",)), ("a", "x"), kind="left", residual=compare(T, "less", "b", 5)
    )
    grouped = group(
        joined, "s", n=aggregate("size"), m=aggregate("sum", col(joined, "a"), filter=compare(joined, "less", "b", 3))
    )
    narrowed = select(filter_(grouped, "greater", "n", 1), "s", "n")
    return Limit(
        input=Sort(input=narrowed, keys=(SortKey(expr=col(narrowed, "n"), descending=True),)), count=5, offset=2
    )


def test_explain() -> None:
    assert explain_plan(example()) == EXPLAINED


def test_explain_with_estimates() -> None:
    counts = {Limit: 5.0, Sort: 1234567.4}
    text = explain_plan(example(), lambda node: counts.get(type(node), 0.0))
    assert text.splitlines()[:2] == ["Limit 5 offset 2  [~5 rows]", "  Sort n desc  [~1234567 rows]"]


def test_explain_of_a_deep_plan() -> None:
    plan: Plan = T
    for _ in range(3000):
        plan = Filter(input=plan, predicate=compare(T, "less", "a", 1))
    assert explain_plan(plan).count("\n") == 3000


def test_what_follows_from_inputs_does_so_again_where_their_columns_change() -> None:
    wider, other = scan("w", a="int64", b="int64", s="string"), scan("o", b="int32")
    for plan in (select(T, "a", "b"), filter_(T, "less", "a", 3), sort(T, "a"), join(T, U, ("a", "x"))):
        _, *others = plan.children
        same = plan.with_children((filter_(T, "less", "b", 5), *others))
        assert same.schema is plan.schema
        assert explain_plan(same.children[0]).startswith("Filter (b < 5)")
        with pytest.raises(ColumnNotFound):
            plan.with_children((other, *others))
    assert Limit(input=T, count=1).with_children((other,)).schema == other.schema
    assert sort(T, "a").with_children((wider,)).schema == wider.schema
