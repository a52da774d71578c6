"""Window nodes, calls and frames: what they accept, how they print, and how expressions become nodes."""

from __future__ import annotations

import math
import pickle
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.support.plans import col, scan, window
from volley.engine import dtypes
from volley.engine.errors import ColumnNotFound, PlanError, TypeMismatch, UnsupportedOperation
from volley.engine.expr import Column, SortKey, call, literal
from volley.engine.expr.catalogue import AGGREGATES, SQL_WINDOW_FUNCTIONS, WINDOW_FUNCTIONS
from volley.engine.plan import (
    CURRENT_ROW,
    UNBOUNDED_FOLLOWING,
    UNBOUNDED_PRECEDING,
    Bound,
    Edge,
    Exclusion,
    Frame,
    FrameUnit,
    Interval,
    NamedWindow,
    Window,
    following,
    over,
    plan_windows,
    preceding,
    window_call,
)
from volley.engine.plan.window import has_window, range_limit
from volley.engine.traversal import walk

T = scan("t", a="int64", k="uint64", s="string", f="double", d="date", m="timestamp", p="decimal(9,2)")
A, K, S, F, D, M, P = (col(T, name) for name in T.schema.names)
NEAR = Frame(unit=FrameUnit.RANGE, start=preceding(1), end=following(2))


def test_schema_children_and_text() -> None:
    near = Frame(unit=FrameUnit.ROWS, start=preceding(2), end=UNBOUNDED_FOLLOWING, exclusion=Exclusion.CURRENT_ROW)
    plan = Window(
        input=T,
        functions=(
            NamedWindow(name="n", call=window_call("row_number")),
            NamedWindow(name="x", call=window_call("sum", P, frame=near, where=call("less", A, literal(3)))),
            NamedWindow(name="l", call=window_call("lead", S, literal("none"), offset=2, ignore_nulls=True)),
            NamedWindow(name="c", call=window_call("size")),
        ),
        partition_by=(S,),
        order_by=(SortKey(expr=A, descending=True), SortKey(expr=F, nulls_first=True)),
        keeps_order=True,
    )
    assert plan.schema.names == (*T.schema.names, "n", "x", "l", "c")
    assert [str(plan.schema[name].dtype) for name in "nxlc"] == ["int64", "decimal(38,2)", "string", "int64"]
    assert plan.children == (T,)
    assert plan.with_children((T,)) == plan
    assert plan.detail == (
        "row_number() as n, "
        "sum(p) filter (where (a < 3)) rows between 2 preceding and unbounded following exclude current row as x, "
        "lead(s, 2, 'none') ignore nulls as l, size(*) as c partition by s order by a desc, f nulls first keeping order"
    )
    assert pickle.loads(pickle.dumps(plan)).detail == plan.detail


def test_columns_must_exist_and_names_be_new() -> None:
    with pytest.raises(ColumnNotFound, match="nope"):
        window(T, "s", "a", x=window_call("sum", Column(name="nope", dtype=dtypes.int64)))
    with pytest.raises(ColumnNotFound, match="nope"):
        Window(input=T, functions=(), partition_by=(Column(name="nope", dtype=dtypes.int64),))
    with pytest.raises(PlanError, match="'a'"):
        window(T, "s", "a", a=window_call("rank"))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: window_call("rnk"), PlanError, "unknown window function 'rnk'.*rank"),
        (lambda: window_call("rank", A), TypeMismatch, r"rank does not accept \(a: int64\)"),
        (lambda: window_call("lag"), TypeMismatch, "lag does not accept"),
        (lambda: window_call("lag", A, S), TypeMismatch, r"lag does not accept \(a: int64, s: string\)"),
        (lambda: window_call("sum", S), TypeMismatch, "sum does not accept"),
        (lambda: window_call("ntile", offset=0), PlanError, "ntile needs a number from 1 on"),
        (lambda: window_call("nth_value", A, offset=-1), PlanError, "nth_value needs a number from 1 on"),
        (lambda: window_call("rank", where=call("less", A, literal(1))), PlanError, "filter goes with aggregates"),
        (lambda: window_call("rank", ignore_nulls=True), PlanError, "reads no value"),
        (lambda: window_call("max", A, ignore_nulls=True), PlanError, "passes over nulls anyway"),
    ],
)
def test_calls_that_mean_nothing(make: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()  # type: ignore[operator]  # a lambda of the table above


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Frame(start=CURRENT_ROW, end=preceding(1)), "from current row to 1 preceding"),
        (lambda: Frame(start=following(1), end=CURRENT_ROW), "from 1 following to current row"),
        (lambda: Frame(start=UNBOUNDED_FOLLOWING, end=UNBOUNDED_FOLLOWING), "from unbounded following"),
        (lambda: Frame(start=UNBOUNDED_PRECEDING, end=UNBOUNDED_PRECEDING), "to unbounded preceding"),
        (lambda: Frame(unit=FrameUnit.ROWS, start=preceding(1.5)), "rows needs whole numbers"),
        (lambda: Frame(unit=FrameUnit.GROUPS, start=preceding(Interval(days=1))), "groups needs whole numbers"),
        (lambda: preceding(-1), "must not be negative"),
        (lambda: following(math.nan), "must not be negative"),
        (lambda: preceding(Interval(months=1, days=-1)), "must not be negative"),
        (lambda: Bound(Edge.PRECEDING), "needs an offset"),
        (lambda: Bound(Edge.CURRENT_ROW, 1), "takes no offset"),
    ],
)
def test_frames_that_mean_nothing(make: object, message: str) -> None:
    with pytest.raises(PlanError, match=message):
        make()  # type: ignore[operator]  # a lambda of the table above


def test_a_range_needs_one_key_that_the_offset_can_be_added_to() -> None:
    for order in ("", "a f"):
        with pytest.raises(PlanError, match="exactly one ordering key"):
            window(T, "s", order, x=window_call("size", frame=NEAR))
    for name, offset in [("s", 1), ("d", 1), ("a", Interval(days=1)), ("f", Interval(days=1))]:
        frame = Frame(unit=FrameUnit.RANGE, start=preceding(offset))  # type: ignore[arg-type]  # one of its kinds
        with pytest.raises(TypeMismatch, match="a range frame cannot add"):
            window(T, "", name, x=window_call("size", frame=frame))


def test_limits_have_the_type_of_their_key() -> None:
    cases = [
        (A, preceding(3), "(a - 3)"),
        (A, following(2.5), "(cast(a as float64) + 2.5)"),
        (F, following(1), "(f + 1.0)"),
        (P, preceding(Decimal("0.125")), "(p - 0.125)"),
        (K, preceding(3), "(cast(k as decimal(20,0)) - 3)"),
        (D, preceding(Interval(months=1)), "add_interval(d, months=-1, days=0, microseconds=0)"),
        (
            D,
            following(Interval(microseconds=5)),
            "add_interval(cast(d as timestamp(us)), months=0, days=0, microseconds=5)",
        ),
    ]
    for key, bound, shown in cases:
        value, limit = range_limit(SortKey(expr=key), bound)
        assert value.dtype == limit.dtype
        assert str(limit) == shown
    _, backwards = range_limit(SortKey(expr=A, descending=True), preceding(3))
    assert str(backwards) == "(a + 3)"


def test_windows_in_expressions_become_shared_nodes() -> None:
    by_s = over(window_call("rank"), (S,), (SortKey(expr=A),))
    again = over(window_call("sum", A), (S,), (SortKey(expr=A),))
    whole = over(window_call("count", call("add", by_s, literal(1))))
    plan, exprs = plan_windows(T, [call("add", by_s, again), whole, by_s, A])
    nodes = [node for node in walk(plan) if isinstance(node, Window)]
    assert [node.detail for node in nodes] == [
        "count((__window_0 + 1)) as __window_2",
        "rank() as __window_0, sum(a) as __window_1 partition by s order by a",
    ]
    assert [str(expr) for expr in exprs] == ["(__window_0 + __window_1)", "__window_2", "__window_0", "a"]
    assert not any(map(has_window, exprs))
    same, (unchanged,) = plan_windows(T, [A])
    assert same is T
    assert unchanged is A


def test_a_window_in_an_expression_prints_as_sql() -> None:
    shown = over(window_call("first_value", A, frame=NEAR), (S, F), (SortKey(expr=A, descending=True),))
    assert str(shown) == (
        "first_value(a) range between 1 preceding and 2 following over (partition by s, f order by a desc)"
    )
    assert shown.with_children(shown.children) == shown


def test_the_catalogue_has_no_window_function_twice() -> None:
    assert not WINDOW_FUNCTIONS.keys() & AGGREGATES.keys()
    spellings = [name for entry in WINDOW_FUNCTIONS.values() for name in entry.sql]
    assert len(spellings) == len(set(spellings)) == len(SQL_WINDOW_FUNCTIONS)


def test_aggregates_that_need_all_values_are_refused_while_planning(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = replace(AGGREGATES["sum"], name="whole", partial=("sketch",))
    monkeypatch.setitem(AGGREGATES, "whole", whole)
    with pytest.raises(UnsupportedOperation, match="whole has no window form; group by"):
        window_call("whole", A)
