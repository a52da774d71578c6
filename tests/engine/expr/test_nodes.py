from __future__ import annotations

import pickle

import pyarrow as pa
import pytest

from volley.engine import dtypes
from volley.engine.expr import (
    Call,
    Column,
    Expr,
    NamedExpr,
    SortKey,
    aggregate,
    all_of,
    any_of,
    call,
    case,
    cast,
    columns_of,
    conjuncts,
    disjuncts,
    in_list,
    literal,
    substitute,
)

A, B = Column(name="a", dtype=dtypes.int64), Column(name="b", dtype=dtypes.int64)
P, Q, R = (Column(name=name, dtype=dtypes.bool_) for name in "pqr")
EXAMPLES: list[Expr] = [
    A,
    literal("it's"),
    call("add", A, B),
    call("like", Column(name="s", dtype=dtypes.string), pattern="a%", escape="\\", fold=False),
    cast(A, dtypes.string),
    case([(P, A), (Q, B)], literal(0)),
    in_list(A, [1, 2, None]),
]


@pytest.mark.parametrize("expr", EXAMPLES, ids=str)
def test_rebuilding_over_its_own_children_gives_an_equal_node(expr: Expr) -> None:
    assert expr.with_children(expr.children) == expr
    assert pickle.loads(pickle.dumps(expr)) == expr
    assert hash(expr.with_children(expr.children)) == hash(expr)


def test_columns_of() -> None:
    assert columns_of(case([(P, A)], B), in_list(A, [1])) == {"p", "a", "b"}
    assert columns_of() == frozenset()


def test_columns_of_a_shared_tree_takes_no_time() -> None:
    expr: Expr = A
    for _ in range(200):
        expr = call("add", expr, expr)
    assert columns_of(expr) == {"a"}


def test_substitute() -> None:
    expr = call("add", A, call("add", A, B))
    assert str(substitute(expr, {"a": literal(1)})) == "(1 + (1 + b))"
    assert substitute(expr, {"z": A}) is expr


def test_conjuncts_and_disjuncts() -> None:
    both = call("and", call("and", P, call("or", Q, R)), R)
    assert [str(part) for part in conjuncts(both)] == ["p", "(q or r)", "r"]
    assert list(disjuncts(both)) == [both]
    assert list(conjuncts(P)) == [P]
    assert str(both) == "(p and (q or r) and r)"


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 64, 3001])
def test_joined_parts_come_apart_again(count: int) -> None:
    parts = [Column(name=f"c{i}", dtype=dtypes.bool_) for i in range(count)]
    joined, either = all_of(parts), any_of(parts)
    assert joined is not None
    assert either is not None
    assert list(conjuncts(joined)) == parts
    assert list(disjuncts(either)) == parts
    assert hash(joined) != hash(either) or count == 1
    assert str(joined).count(" and ") == count - 1


def test_nothing_joined_is_none() -> None:
    assert all_of([]) is None
    assert any_of([]) is None


def test_long_chains_can_be_printed() -> None:
    total: Expr = A
    either: Expr = P
    for _ in range(3000):
        total = call("add", total, B)
        either = Call(function="or", args=(either, Q), dtype=dtypes.bool_)
    assert str(total).endswith("+ b) + b)")
    assert str(either).endswith("or q or q)")


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (literal(None), "null"),
        (literal(True), "true"),
        (literal("it's"), "'it''s'"),
        (in_list(A, range(9)), "a in (0, 1, 2, 3, 4, 5, … 3 more)"),
        (NamedExpr(name="a", expr=A), "a"),
        (NamedExpr(name="c", expr=A), "a as c"),
        (SortKey(expr=A, descending=True, nulls_first=True), "a desc nulls first"),
        (aggregate("count", A, distinct=True, filter=P), "count(distinct a) filter (where p)"),
        (aggregate("size"), "size(*)"),
    ],
)
def test_text(shown: object, text: str) -> None:
    assert str(shown) == text


def test_options_by_name() -> None:
    like = EXAMPLES[3]
    assert isinstance(like, Call)
    assert like.option("pattern") == "a%"
    with pytest.raises(KeyError):
        like.option("unit")


def test_inputs_of_an_aggregate_are_replaced_in_order() -> None:
    own = aggregate("sum", A, filter=P)
    assert str(own.with_inputs((B, Q))) == "sum(b) filter (where q)"
    assert str(aggregate("sum", A).with_inputs((B,))) == "sum(b)"


def test_literals_of_intervals_can_be_sent() -> None:
    from volley.engine.arrow import to_arrow_type

    value = pa.scalar(pa.MonthDayNano([1, 2, 3]), to_arrow_type(dtypes.interval)).as_py()
    for held in (value, [value, None]):
        node = literal(held, dtypes.interval)
        assert pickle.loads(pickle.dumps(node)).value == held
