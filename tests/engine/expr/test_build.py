from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from volley.engine import dtypes
from volley.engine.dtypes import DataType
from volley.engine.errors import PlanError, TypeMismatch
from volley.engine.expr import Cast, Column, Expr, InList, Literal, aggregate, call, case, cast, in_list, literal
from volley.engine.expr.build import castable


def column(dtype: DataType, name: str = "x") -> Column:
    return Column(name=name, dtype=dtype)


SMALL, INT, BIG = column(dtypes.int8), column(dtypes.int32), column(dtypes.int64)
NARROW, REAL = column(dtypes.float32), column(dtypes.float64)
MONEY, TEXT, FLAG = column(dtypes.decimal(15, 2)), column(dtypes.string), column(dtypes.bool_)
DAY, MOMENT = column(dtypes.date), column(dtypes.timestamp("us"))


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (None, dtypes.null),
        (True, dtypes.bool_),
        (7, dtypes.int64),
        (2**63, dtypes.uint64),
        (0.5, dtypes.float64),
        (Decimal("12.50"), dtypes.decimal(4, 2)),
        (Decimal("0.05"), dtypes.decimal(2, 2)),
        (Decimal("1e3"), dtypes.decimal(4, 0)),
        ("a", dtypes.string),
        (b"a", dtypes.binary),
        (dt.date(2000, 1, 1), dtypes.date),
        (dt.datetime.fromisoformat("2000-01-01"), dtypes.timestamp("us")),
        (dt.datetime(2000, 1, 1, tzinfo=dt.UTC), dtypes.timestamp("us", "UTC")),
        (dt.time(1), dtypes.time("us")),
        (dt.timedelta(1), dtypes.duration("us")),
        (np.int32(7), dtypes.int64),
        (np.float64(0.5), dtypes.float64),
        (np.bool_(True), dtypes.bool_),
    ],
)
def test_literal_types(value: Any, dtype: DataType) -> None:
    assert literal(value).dtype == dtype


@pytest.mark.parametrize("value", [2**64, -(2**63) - 1])
def test_integers_beyond_64_bits(value: int) -> None:
    with pytest.raises(PlanError, match="does not fit 64 bits"):
        literal(value)


@pytest.mark.parametrize("value", [object(), Decimal("NaN")])
def test_no_constants(value: Any) -> None:
    with pytest.raises(TypeMismatch):
        literal(value)


@pytest.mark.parametrize(
    ("expr", "text", "dtype"),
    [
        (call("add", SMALL, literal(1)), "(x + 1)", dtypes.int8),
        (call("add", SMALL, literal(1000)), "(cast(x as int64) + 1000)", dtypes.int64),
        (call("add", SMALL, INT), "(cast(x as int32) + x)", dtypes.int32),
        (call("multiply", REAL, literal(2)), "(x * 2.0)", dtypes.float64),
        (call("multiply", NARROW, literal(0.5)), "(x * 0.5)", dtypes.float32),
        (call("divide", INT, INT), "(cast(x as float64) / cast(x as float64))", dtypes.float64),
        (call("add", MONEY, literal(1)), "(x + 1)", dtypes.decimal(16, 2)),
        (call("add", MONEY, literal(None)), "(x + null)", dtypes.decimal(16, 2)),
        (call("multiply", MONEY, MONEY), "(x * x)", dtypes.decimal(18, 4)),
        (call("less", MONEY, literal(24)), "(x < cast(24 as decimal(15,2)))", dtypes.bool_),
        (call("equal", DAY, literal("2001-07-04")), "(x = date '2001-07-04')", dtypes.bool_),
        (call("less", MOMENT, literal(dt.date(2000, 1, 1))), "(x < timestamp '2000-01-01 00:00:00')", dtypes.bool_),
        (call("equal", MOMENT, literal("2000-01-01 12:30:00")), "(x = timestamp '2000-01-01 12:30:00')", dtypes.bool_),
        (call("equal", DAY, MOMENT), "(cast(x as timestamp(us)) = x)", dtypes.bool_),
        (call("year", DAY), "year(x)", dtypes.int64),
        (call("hour", DAY), "hour(cast(x as timestamp(us)))", dtypes.int64),
        (call("coalesce", SMALL, literal(None), INT), "coalesce(cast(x as int32), null, x)", dtypes.int32),
        (call("substring", TEXT, literal(1), literal(2)), "substring(x, 1, 2)", dtypes.string),
        (call("difference", DAY, DAY), "difference(x, x)", dtypes.int64),
        (call("date_trunc", DAY, unit="month"), "date_trunc(x, unit=month)", dtypes.date),
        (call("and", FLAG, literal(None)), "(x and null)", dtypes.bool_),
        (case([(FLAG, SMALL)], literal(1000)), None, dtypes.int64),
        (case([(FLAG, literal(1))]), "case when x then 1 else null end", dtypes.int64),
        (cast(INT, dtypes.int32), "x", dtypes.int32),
        (cast(literal(None), dtypes.string), "null", dtypes.string),
        (cast(TEXT, dtypes.int32, strict=False), "try_cast(x as int32)", dtypes.int32),
    ],
)
def test_types_and_implicit_casts(expr: Expr, text: str | None, dtype: DataType) -> None:
    assert expr.dtype == dtype
    if text is not None:
        assert str(expr) == text


def test_a_typed_null_is_left_as_it_is() -> None:
    assert str(call("equal", INT, literal(None, dtypes.int64))) == "(cast(x as int64) = null)"


@pytest.mark.parametrize(
    ("function", "args", "message"),
    [
        ("add", (TEXT, INT), r"add does not accept \(x: string, x: int32\)"),
        ("equal", (TEXT, INT), "equal does not accept"),
        ("and", (FLAG, INT), "and does not accept"),
        ("year", (TEXT,), "year does not accept"),
        ("length", (INT,), "length does not accept"),
        ("negate", (FLAG,), "negate does not accept"),
        ("add", (INT,), "add does not accept"),
        ("round", (REAL, REAL), "round does not accept"),
    ],
)
def test_types_that_are_not_accepted(function: str, args: tuple[Expr, ...], message: str) -> None:
    with pytest.raises(TypeMismatch, match=message):
        call(function, *args)


def test_unknown_names() -> None:
    with pytest.raises(PlanError, match="unknown function 'lenght'; did you mean 'length'"):
        call("lenght", TEXT)
    with pytest.raises(PlanError, match="unknown aggregate 'summ'; did you mean 'sum'"):
        aggregate("summ", INT)


def test_options_are_required() -> None:
    with pytest.raises(PlanError, match="date_trunc needs the options unit"):
        call("date_trunc", DAY)
    with pytest.raises(PlanError, match=r"length needs the options \(none\)"):
        call("length", TEXT, unit="month")


def test_dates_that_are_none() -> None:
    with pytest.raises(TypeMismatch, match="'soon' is not a date; write it like"):
        call("less", DAY, literal("soon"))


def test_a_case_needs_conditions_and_one_type() -> None:
    with pytest.raises(TypeMismatch, match="a case condition must be boolean"):
        case([(INT, INT)])
    with pytest.raises(TypeMismatch, match="the branches of a case have no common type"):
        case([(FLAG, INT)], TEXT)


@pytest.mark.parametrize(
    ("arg", "values", "text"),
    [
        (SMALL, [1, 2, 1], "x in (1, 2)"),
        (SMALL, [1, 1000], "cast(x as int64) in (1, 1000)"),
        (INT, [1.5], "cast(x as float64) in (1.5)"),
        (REAL, [1, None], "x in (1.0, null)"),
        (DAY, ["2000-01-01"], "x in (date '2000-01-01')"),
        (MONEY, [Decimal("1.5"), 2], "x in (1.5, 2)"),
        (TEXT, ["it's"], "x in ('it''s')"),
    ],
)
def test_lists(arg: Expr, values: list[Any], text: str) -> None:
    tested = in_list(arg, values)
    assert isinstance(tested, InList)
    assert str(tested) == text
    assert all(type(v) is type(tested.values[0]) for v in tested.values)


def test_a_list_of_another_type() -> None:
    with pytest.raises(TypeMismatch, match=r"cannot look for 'a' \(string\) in x, which is int32"):
        in_list(INT, ["a"])


@pytest.mark.parametrize(
    ("function", "arg", "result"),
    [
        ("sum", SMALL, dtypes.int64),
        ("sum", NARROW, dtypes.float64),
        ("sum", MONEY, dtypes.decimal(38, 2)),
        ("sum", FLAG, dtypes.int64),
        ("mean", INT, dtypes.float64),
        ("mean", MONEY, dtypes.float64),
        ("min", TEXT, dtypes.string),
        ("var", SMALL, dtypes.float64),
        ("count", TEXT, dtypes.int64),
        ("any", FLAG, dtypes.bool_),
        ("first", DAY, dtypes.date),
    ],
)
def test_aggregates(function: str, arg: Expr, result: DataType) -> None:
    assert aggregate(function, arg).dtype == result


def test_aggregates_refuse() -> None:
    with pytest.raises(TypeMismatch, match="sum does not accept"):
        aggregate("sum", TEXT)
    with pytest.raises(TypeMismatch, match="the filter of sum must be boolean"):
        aggregate("sum", INT, filter=INT)
    assert aggregate("size", filter=FLAG).inputs == (FLAG,)


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        (dtypes.int8, dtypes.string, True),
        (dtypes.string, dtypes.timestamp("us"), True),
        (dtypes.bool_, dtypes.float64, True),
        (dtypes.date, dtypes.timestamp("ns"), True),
        (dtypes.timestamp("us"), dtypes.time("us"), True),
        (dtypes.null, dtypes.list_(dtypes.int8), True),
        (dtypes.list_(dtypes.int8), dtypes.list_(dtypes.string), True),
        (dtypes.int64, dtypes.date, False),
        (dtypes.date, dtypes.int64, False),
        (dtypes.list_(dtypes.int8), dtypes.string, True),
        (dtypes.string, dtypes.struct([("a", dtypes.int8)]), True),
        (dtypes.interval, dtypes.int64, False),
        (dtypes.duration("us"), dtypes.interval, True),
    ],
)
def test_castable(source: DataType, target: DataType, expected: bool) -> None:
    assert castable(source, target) is expected
    if not expected:
        with pytest.raises(TypeMismatch, match="cannot cast x"):
            cast(column(source), target)
    elif source != dtypes.null:
        assert isinstance(cast(column(source), target), Cast)


def test_constants_are_plain_python() -> None:
    assert type(literal(np.int64(3)).value) is int
    assert isinstance(call("equal", REAL, literal(3)).children[1], Literal)
