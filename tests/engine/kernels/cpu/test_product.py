"""All pairs of two tables' rows have the values that taking them row by row gives."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from volley.engine.kernels.cpu.product import Product

COLUMNS: dict[str, pa.Array] = {
    "longs": pa.array([-(2**63), 2**63 - 1, 0, -1]),
    "bytes": pa.array([1, -128, 127, 0], pa.int8()),
    "floats": pa.array([math.nan, -0.0, 0.0, math.inf]),
    "halves": pa.array([1.5, math.nan, -math.inf, -0.0], pa.float32()),
    "bools": pa.array([True, False, True, True]),
    "texts": pa.array(["", "a", "ab", "\u00e9"]),
    "codes": pa.array(["b", "a", "b", "c"]).dictionary_encode(),
    "unknown codes": pa.array(["b", None, "b", "c"]).dictionary_encode(),
    "unknown": pa.array([1, None, None, 4]),
    "nothing": pa.nulls(4, pa.int64()),
    "small": pa.array([Decimal("1.25"), Decimal("-9.99"), Decimal(0), Decimal(3)], pa.decimal64(9, 2)),
    "large": pa.array([Decimal("1.25"), Decimal("-9.99"), Decimal(0), Decimal(3)], pa.decimal128(30, 2)),
    "days": pa.array([dt.date(1969, 12, 31), dt.date(1, 1, 1), dt.date(9999, 12, 31), dt.date(2000, 2, 29)]),
    "lists": pa.array([[1], [], [2, 3], None], pa.list_(pa.int64())),
}


def shown(array: pa.Array) -> list[Any]:
    return [repr(value) for value in array.to_pylist()]


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("others", [1, 3])
def test_values_are_those_of_the_rows(name: str, others: int) -> None:
    for column in (COLUMNS[name], COLUMNS[name].slice(1, 2), COLUMNS[name].slice(2)):
        rows = np.repeat(np.arange(len(column)), others)
        product = Product(len(column), others)
        assert shown(product.repeated(column)) == shown(column.take(pa.array(rows)))
        turned = Product(others, len(column))
        assert shown(turned.tiled(column)) == shown(column.take(pa.array(np.tile(np.arange(len(column)), others))))
        assert len(product) == len(turned) == len(rows)


def test_of_nothing_there_is_nothing() -> None:
    assert len(Product(0, 4).tiled(COLUMNS["longs"])) == 0
    assert len(Product(0, 4).repeated(COLUMNS["texts"].slice(4))) == 0
