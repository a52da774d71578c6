"""Constants that are computed without a device have the value that the device gives them."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volley.engine import dtypes
from volley.engine.expr import Expr, call, cast, literal
from volley.engine.frame import Session
from volley.engine.optimizer.simplify.constants import computed

DEVICE = Session(device="cpu", threads=1)
DAYS = st.dates(dt.date(1, 1, 1), dt.date(9999, 12, 31))
DECIMALS = st.decimals(min_value=-(10**6), max_value=10**6, places=2)


def assert_as_device(expr: Expr) -> None:
    """What is computed is what the device says, and where the device refuses nothing is."""
    made = computed(expr)
    if made is not None:
        theirs = DEVICE._fold_constant(expr)  # what the rules are given
        assert theirs is not None
        assert (made.value, repr(made.value), made.dtype) == (theirs.value, repr(theirs.value), theirs.dtype)


@given(value=st.integers(-(10**12), 10**12), precision=st.integers(1, 38), scale=st.integers(0, 38))
def test_integers_as_decimals(value: int, precision: int, scale: int) -> None:
    assert_as_device(cast(literal(value), dtypes.decimal(max(precision, scale), scale)))


@given(value=DECIMALS, precision=st.integers(1, 38), scale=st.integers(0, 38))
def test_decimals_as_other_decimals(value: Decimal, precision: int, scale: int) -> None:
    assert_as_device(cast(literal(value), dtypes.decimal(max(precision, scale), scale)))


@given(left=DECIMALS, right=DECIMALS, function=st.sampled_from(["add", "subtract"]))
def test_sums_of_decimals(left: Decimal, right: Decimal, function: str) -> None:
    assert_as_device(call(function, literal(left), literal(right)))


@given(day=DAYS, months=st.integers(-30_000, 30_000), days=st.integers(-800_000, 800_000))
def test_dates_moved(day: dt.date, months: int, days: int) -> None:
    assert_as_device(call("add_interval", literal(day), months=months, days=days, microseconds=0))


@pytest.mark.parametrize(
    ("expr", "value"),
    [
        (cast(literal(24), dtypes.decimal(15, 2)), "24.00"),
        (cast(literal(Decimal("0.07")), dtypes.decimal(15, 4)), "0.0700"),
        (call("subtract", literal(Decimal("0.06")), literal(Decimal("0.06"))), "0.00"),
        (call("add_interval", literal(dt.date(1996, 1, 31)), months=1, days=0, microseconds=0), "1996-02-29"),
        (call("add_interval", literal(dt.date(1998, 12, 1)), months=0, days=-90, microseconds=0), "1998-09-02"),
    ],
)
def test_what_is_computed(expr: Expr, value: str) -> None:
    made = computed(expr)
    assert made is not None
    assert str(made.value) == value


@pytest.mark.parametrize(
    "expr",
    [
        cast(literal(100), dtypes.decimal(4, 2)),  # an error
        cast(literal(Decimal("0.125")), dtypes.decimal(4, 2)),  # is rounded
        cast(literal(True), dtypes.decimal(4, 2)),
        call("add_interval", literal(dt.date(9999, 12, 1)), months=1, days=0, microseconds=0),
        call("add_interval", literal(dt.date(2000, 1, 1)), months=0, days=0, microseconds=1),
        call("add", literal(1), literal(2)),
    ],
)
def test_what_is_left_to_the_device(expr: Expr) -> None:
    assert computed(expr) is None
