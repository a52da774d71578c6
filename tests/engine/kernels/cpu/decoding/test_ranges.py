"""Conditions as ranges of integers against the same conditions evaluated by row."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from volley.engine import dtypes
from volley.engine.expr import Call, Column, Expr, all_of, any_of, literal
from volley.engine.kernels.cpu.decoding.ranges import range_of


def compared(function: str, dtype: dtypes.DataType, value: Any) -> Expr:
    return Call(function=function, args=(Column(name="c", dtype=dtype), literal(value, dtype)), dtype=dtypes.bool_)


def kept(dtype: dtypes.DataType, *conditions: tuple[str, Any], values: np.ndarray[Any, Any]) -> list[int]:
    found = range_of([compared(function, dtype, value) for function, value in conditions])
    assert found is not None
    return values[found.contains(values).astype(bool)].tolist()


def test_each_comparison() -> None:
    values = np.arange(-5, 6)
    for function, expected in (
        ("equal", [2]),
        ("less", list(range(-5, 2))),
        ("less_equal", list(range(-5, 3))),
        ("greater", [3, 4, 5]),
        ("greater_equal", [2, 3, 4, 5]),
    ):
        assert kept(dtypes.int64, (function, 2), values=values) == expected, function
    assert kept(dtypes.int64, ("greater", -2), ("less", 1), values=values) == [-1, 0]
    assert kept(dtypes.int64, ("greater", 2), ("less", 1), values=values) == []


def test_values_are_those_held() -> None:
    days = np.arange(10, dtype=np.int32)
    assert kept(dtypes.date, ("less", dt.date(1970, 1, 4)), values=days) == [0, 1, 2]
    cents = np.arange(10)
    assert kept(dtypes.decimal(15, 2), ("greater_equal", Decimal("0.07")), values=cents) == [7, 8, 9]


@pytest.mark.parametrize("kind", [np.int8, np.int32, np.int64])
def test_extremes(kind: type[np.integer[Any]]) -> None:
    least, greatest = int(np.iinfo(kind).min), int(np.iinfo(kind).max)
    values = np.array([least, -1, 0, greatest], dtype=kind)
    top, bottom = 2**63 - 1, -(2**63)
    assert kept(dtypes.int64, ("greater", top), values=values) == []
    assert kept(dtypes.int64, ("less", bottom), values=values) == []
    assert kept(dtypes.int64, ("less_equal", top), ("greater_equal", bottom), values=values) == values.tolist()
    assert kept(dtypes.int64, ("greater", least - 1 if least > bottom else least), values=values)[-1] == greatest


def between(low: int, high: int) -> Expr:
    conditions = [compared("greater_equal", dtypes.int64, low), compared("less_equal", dtypes.int64, high)]
    both = all_of(conditions)
    assert both is not None
    return both


def test_ranges_of_which_any_will_do() -> None:
    def either(*bounds: tuple[int, int]) -> list[int] | None:
        whole = any_of([between(*each) for each in bounds])
        assert whole is not None
        found = range_of([whole, compared("less", dtypes.int64, 28)])
        values = np.arange(40)
        return None if found is None else values[found.contains(values).astype(bool)].tolist()

    assert either((20, 30), (1, 11), (10, 20)) == list(range(1, 28))
    assert either((1, 4), (5, 9)) == list(range(1, 10))
    assert either((1, 4), (6, 9)) is None
    assert either((1, 9), (2, 3), (10, 12)) == list(range(1, 13))
    assert either((9, 1), (20, 22)) == [20, 21, 22]
    assert either((9, 1), (8, 2)) == []
    assert either((-5, -3), (30, 35)) is None
    no_range = any_of([between(1, 4), compared("not_equal", dtypes.int64, 5)])
    assert no_range is not None
    assert range_of([no_range]) is None


def test_what_is_no_range() -> None:
    assert range_of([]) is None
    assert range_of([compared("not_equal", dtypes.int64, 1)]) is None
    assert range_of([compared("less", dtypes.float64, 1.0)]) is None
    assert range_of([compared("less", dtypes.uint64, 1)]) is None
    assert range_of([compared("equal", dtypes.int64, 1), compared("equal", dtypes.string, "a")]) is None
