"""What must raise, what must not, and that the message names the expression."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from volley.engine import dtypes
from volley.engine.errors import ArithmeticOverflow, CastError, DivisionByZero, ExecutionError
from volley.engine.expr import Expr, literal
from volley.engine.expr.build import call, case, cast
from volley.engine.kernels.protocol import Device
from volley.engine.schema import Schema

from .cases import col, evaluate, rows, upload

BIG = pa.table(
    {
        "i": pa.array([2**63 - 1, 1, None, -(2**63)], pa.int64()),
        "k": pa.array([127, 1, None, -128], pa.int8()),
        "d": pa.array([Decimal("9999999999999999.99"), Decimal(1), None, Decimal(2)], pa.decimal128(18, 2)),
        "w": pa.array([Decimal(10**37), Decimal(1), None, Decimal(2)], pa.decimal128(38, 0)),
        "o": pa.array([0, 1, None, 2], pa.int64()),
        "t": pa.array([dt.date(2024, 1, 31)] * 4),
    }
)


def c(name: str) -> Expr:
    return col(BIG, name)


@pytest.mark.parametrize(
    "expr",
    [
        call("add", c("i"), literal(1)),
        call("subtract", c("i"), literal(1)),
        call("multiply", c("i"), literal(2)),
        call("add", c("k"), c("k")),
        call("negate", c("i")),
        call("abs", c("i")),
        call("truncate_divide", c("i"), literal(-1)),
        call("floor_divide", c("i"), literal(-1)),
        call("multiply", c("d"), c("d")),
        call("add", c("d"), call("multiply", c("d"), literal(10))),
        call("multiply", c("w"), literal(100)),
        call("add_interval", c("t"), months=0, days=2**33, microseconds=0),
    ],
    ids=str,
)
def test_overflow_raises_and_names_the_expression(device: Device, expr: Expr) -> None:
    with pytest.raises(ArithmeticOverflow) as caught:
        evaluate(device, BIG, expr)
    assert str(expr).split("(")[0].split(",")[0] in str(caught.value)


@pytest.mark.parametrize("function", ["truncate_divide", "floor_divide", "modulo", "remainder"])
def test_integer_division_by_zero_raises(device: Device, function: str) -> None:
    expr = call(function, c("o"), c("o"))
    with pytest.raises(DivisionByZero) as caught:
        evaluate(device, BIG, expr)
    assert str(expr) in str(caught.value)
    assert rows(evaluate(device, BIG.slice(1), expr))[1] == (None,)


def test_the_least_integer_by_minus_one_has_no_remainder(device: Device) -> None:
    exprs = [call(name, c("i"), literal(-1)) for name in ("modulo", "remainder")]
    assert rows(evaluate(device, BIG.slice(3), *exprs)) == [(0, 0)]


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("floor_divide", [3, -4, -4, 3]),
        ("truncate_divide", [3, -3, -3, 3]),
        ("modulo", [1, 1, -1, -1]),
        ("remainder", [1, -1, 1, -1]),
    ],
)
@pytest.mark.parametrize("kind", [pa.int64(), pa.int8(), pa.float64()])
def test_signs_of_division(device: Device, function: str, expected: list[int], kind: pa.DataType) -> None:
    data = pa.table({"a": pa.array([7, -7, 7, -7], kind), "b": pa.array([2, 2, -2, -2], kind)})
    assert rows(evaluate(device, data, call(function, col(data, "a"), col(data, "b")))) == [(x,) for x in expected]


@pytest.mark.parametrize("function", ["floor_divide", "truncate_divide", "divide"])
def test_float_division_by_zero_is_ieee(device: Device, function: str) -> None:
    data = pa.table({"a": [1.0, -1.0, 0.0], "b": [0.0, 0.0, 0.0]})
    result = [x for (x,) in rows(evaluate(device, data, call(function, col(data, "a"), col(data, "b"))))]
    assert result[:2] == [float("inf"), float("-inf")]
    assert result[2] != result[2]


def test_branches_not_taken_do_not_raise(device: Device) -> None:
    data = pa.table({"a": [6, 7, None, 9], "b": [2, 0, 3, None], "s": ["1", "x", None, "4"]})
    a, b, s = (col(data, name) for name in "abs")
    guarded = case([(call("not_equal", b, literal(0)), call("truncate_divide", a, b))], literal(-1))
    parsed = case([(call("not_equal", s, literal("x")), cast(s, dtypes.int64))])
    nested = case([(call("equal", b, literal(0)), literal(0))], call("add", guarded, parsed))
    assert rows(evaluate(device, data, guarded, parsed, nested)) == [
        (3, 1, 4),
        (-1, None, 0),
        (None, None, None),
        (-1, 4, 3),
    ]
    with pytest.raises(CastError, match="'x'"):
        evaluate(device, data, case([(call("equal", b, literal(0)), cast(s, dtypes.int64))]))


def test_an_overflow_in_rows_that_take_another_branch_is_none(device: Device) -> None:
    plain, doubled = call("equal", c("o"), literal(1)), call("multiply", c("i"), literal(2))
    summed, wide = call("add", c("d"), c("d")), call("multiply", c("d"), c("d"))
    taken = [case([(plain, doubled)], literal(0)), case([(plain, summed)]), case([(plain, wide)])]
    assert rows(evaluate(device, BIG, *taken)) == [
        (0, None, None),
        (2, Decimal(2), Decimal(1)),
        (0, None, None),
        (0, None, None),
    ]
    unlike = case([(plain, literal(0)), (call("greater", doubled, literal(0)), literal(1))], literal(2))
    with pytest.raises(ArithmeticOverflow):
        evaluate(device, BIG, unlike)


def test_a_cast_that_fails_in_rows_that_take_another_branch_does_not(device: Device) -> None:
    data = pa.table(
        {"x": [1, 1000, None], "f": [1.0, float("nan"), 2.5], "d": [Decimal("1.5"), Decimal("9999.5"), None]}
    )
    x, f, d = (col(data, name) for name in "xfd")
    small = call("less", x, literal(100))
    taken = [
        case([(small, cast(x, dtypes.int8))], literal(0)),
        case([(small, cast(f, dtypes.int64))], literal(0)),
        case([(small, cast(d, dtypes.decimal(4, 1)))]),
    ]
    assert rows(evaluate(device, data, *taken)) == [(1, 1, Decimal("1.5")), (0, 0, None), (0, 0, None)]
    with pytest.raises(CastError, match="1000"):
        evaluate(device, data, case([(small, literal(0))], cast(x, dtypes.int8)))


def test_a_like_pattern_must_not_end_in_its_escape(device: Device) -> None:
    data = pa.table({"s": ["a"]})
    with pytest.raises(ExecutionError, match="escape"):
        evaluate(device, data, call("like", col(data, "s"), pattern="a!", escape="!", fold=False))


def test_a_broken_regular_expression_is_named(device: Device) -> None:
    data = pa.table({"s": ["a"]})
    with pytest.raises(ExecutionError, match=r"'\(' is not a regular expression"):
        evaluate(device, data, call("regexp_matches", col(data, "s"), pattern="("))


def test_months_clip_to_the_last_day(device: Device) -> None:
    data = pa.table({"t": [dt.date(2024, 1, 31), dt.date(2023, 1, 30), dt.date(2024, 3, 31)]})
    later = [call("add_interval", col(data, "t"), months=n, days=0, microseconds=0) for n in (1, -1)]
    assert rows(evaluate(device, data, *later)) == [
        (dt.date(2024, 2, 29), dt.date(2023, 12, 31)),
        (dt.date(2023, 2, 28), dt.date(2022, 12, 30)),
        (dt.date(2024, 4, 30), dt.date(2024, 2, 29)),
    ]


def test_days_are_local_and_hours_are_not(device: Device) -> None:
    zone = "Europe/Berlin"
    noon = dt.datetime(2024, 3, 30, 11, tzinfo=dt.UTC)
    data = pa.table({"z": pa.array([noon], pa.timestamp("us", zone))})
    one_day = call("add_interval", col(data, "z"), months=0, days=1, microseconds=0)
    a_day_of_hours = call("add_interval", col(data, "z"), months=0, days=0, microseconds=86_400_000_000)
    ((local, instant),) = rows(evaluate(device, data, one_day, a_day_of_hours))
    assert local == dt.datetime(2024, 3, 31, 10, tzinfo=dt.UTC)
    assert instant == dt.datetime(2024, 3, 31, 11, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("function", "value", "kind", "expected"),
    [
        ("round", 2.5, pa.float64(), 3.0),
        ("round", -2.5, pa.float64(), -3.0),
        ("round", 0.49999999999999994, pa.float64(), 0.0),
        ("round", 2**53 + 1.0, pa.float64(), 2**53 + 1.0),
        ("round", Decimal("2.50"), pa.decimal128(5, 2), Decimal("3.00")),
        ("round", Decimal("-2.50"), pa.decimal128(5, 2), Decimal("-3.00")),
        ("floor", Decimal("-2.50"), pa.decimal128(5, 2), Decimal("-3.00")),
        ("ceil", Decimal("2.01"), pa.decimal128(5, 2), Decimal("3.00")),
    ],
)
def test_rounding(device: Device, function: str, value: Any, kind: pa.DataType, expected: Any) -> None:
    data = pa.table({"x": pa.array([value], kind)})
    assert rows(evaluate(device, data, call(function, col(data, "x")))) == [(expected,)]


def test_a_value_that_does_not_fit_its_column_is_refused_at_the_door(device: Device) -> None:
    data = pa.table({"x": pa.array([1, 400])})
    with pytest.raises(CastError, match="'x'"):
        device.from_arrow(data, Schema.of([("x", dtypes.int8)]))
    with pytest.raises(ExecutionError, match="lacks the column 'y'"):
        device.from_arrow(data, Schema.of([("y", dtypes.int64)]))


def test_zip_needs_equal_lengths(device: Device) -> None:
    left, right = upload(device, pa.table({"a": [1, 2]})), upload(device, pa.table({"b": [1]}))
    with pytest.raises(ExecutionError, match="2 rows beside 1"):
        device.zip(left, right)


def test_a_value_that_must_be_single(device: Device) -> None:
    data = pa.table({"v": ["a", None, "c"], "n": [1, None, 0], "m": [1, 2, None]})
    value = col(data, "v")
    single = evaluate(device, data, call("single", value, col(data, "n"), message="too many"))
    assert rows(single) == [("a",), (None,), ("c",)]
    with pytest.raises(ExecutionError, match="too many"):
        evaluate(device, data, call("single", value, col(data, "m"), message="too many"))
