"""Functions of lists over columns that are slices, and whose null lists hide values."""

from __future__ import annotations

import pyarrow as pa
import pytest

from volley.engine import dtypes
from volley.engine.errors import ArithmeticOverflow
from volley.engine.expr import Expr, call, literal
from volley.engine.expr.lambdas import ListMethod, Variable, list_lambda
from volley.engine.kernels.protocol import Device

from .cases import col, evaluate, rows

X = Variable(name="x", dtype=dtypes.int64)


def data() -> pa.Table:
    offsets, values = pa.array([0, 2, 4, 4, 7]), pa.array([9, 9, 2, 1, 5, None, 5])
    hidden = pa.ListArray.from_arrays(offsets, values, mask=pa.array([False, True, False, False]))
    whole = pa.table({"l": hidden, "n": pa.array([7, 1, 2, 10])})
    return whole.slice(1)


def cases(table: pa.Table) -> list[tuple[Expr, list[object]]]:
    lists, n = col(table, "l"), col(table, "n")
    return [
        (call("list_reverse", lists), [None, [], [5, None, 5]]),
        (call("list_distinct", lists), [None, [], [5]]),
        (call("list_sorted", lists, descending=False, nulls_first=True), [None, [], [None, 5, 5]]),
        (call("list_slice", lists, literal(2), literal(-1)), [None, [], [None, 5]]),
        (call("list_concat", lists, call("list_value", n)), [[1], [2], [5, None, 5, 10]]),
        (call("list_position", lists, literal(5)), [None, None, 1]),
        (call("list_fold", lists, fold="sum"), [None, None, 10]),
        (call("list_fold", lists, fold="count"), [None, 0, 2]),
        (call("list_intersect", lists, call("list_value", literal(5), n)), [None, [], [5]]),
        (call("list_flatten", call("list_value", lists, lists)), [[], [], [5, None, 5, 5, None, 5]]),
        (list_lambda(ListMethod.TRANSFORM, lists, call("add", X, n), (X,)), [None, [], [15, None, 15]]),
        (list_lambda(ListMethod.FILTER, lists, call("is_not_null", X), (X,)), [None, [], [5, 5]]),
    ]


@pytest.mark.parametrize("number", range(12))
def test_slices_and_hidden_values(device: Device, number: int) -> None:
    table = data()
    expr, expected = cases(table)[number]
    assert rows(evaluate(device, table, expr)) == [(value,) for value in expected]


def test_of_no_rows(device: Device) -> None:
    table = data().slice(0, 0)
    for expr, _ in cases(table):
        assert evaluate(device, table, expr).num_rows == 0


def test_a_sum_that_overflows_raises(device: Device) -> None:
    table = pa.table({"l": [[2**62, 2**62]]})
    with pytest.raises(ArithmeticOverflow, match="overflows int64"):
        evaluate(device, table, call("list_fold", col(table, "l"), fold="sum"))
