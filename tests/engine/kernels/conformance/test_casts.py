"""Casts: values against DuckDB, refusals by name, nulls from a try."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from volley.engine import dtypes
from volley.engine.dtypes import DataType
from volley.engine.errors import CastError
from volley.engine.expr import Expr, literal
from volley.engine.expr.build import cast
from volley.engine.kernels.protocol import Device

from .cases import ENCODINGS, canonical_rows, col, duck, evaluate, random_table, rows

DATA = random_table("ijkudwfgsbtmz", 500)
NUMBERS = pa.table({"f": pa.array([0.5, 1.5, 2.5, -0.5, -2.5, 0.49999999999999994, 2.675, None, 1e15, -7.25])})
WIDE = pa.table(  # of 64 bits before a cast and after it, before it alone, and not even then
    {
        "n": pa.array([0, -1, None, 2**62, -(2**63)], pa.int64()),
        "few": pa.array([Decimal("-12345.67"), Decimal(0), None, Decimal("99999999.99"), None], pa.decimal128(38, 2)),
        "more": pa.array([Decimal(10**16 - 1), Decimal(-(10**15)), None, Decimal(1), None], pa.decimal128(38, 2)),
        "most": pa.array([Decimal(10**25), Decimal(-(10**30)), None, Decimal(1), None], pa.decimal128(38, 2)),
    }
)
TEXTS = pa.table(
    {
        "n": ["1", " 42 ", "-7", None, "+5", "0", "1e3", "12.5", "13.5"],
        "d": [
            *("2024-01-31", " 1969-12-31", None, "2024-2-9", "2000-02-29"),
            *("1999-12-31", "2024-01-31 10:00", "1900-01-01", "2024-07-01"),
        ],
        "m": [
            *("2024-01-31 10:20:30", "2024-01-31", None, "2024-01-31T10:20:30.25", "1969-12-31 23:59:59.999999"),
            *("2024-1-5 1:02", "2024-07-01 00:00:00", "2024-07-01 10:00:00Z", "2024-07-01 10:00:00+02"),
        ],
        "b": ["true", "f", None, "T", "NO", "yes", "0", "1", "False"],
        "x": ["1.5", "inf", None, "-0", "nan", "1e300", ".5", " 7 ", "-Infinity"],
    }
)

CASES: list[tuple[pa.Table, str, DataType, str]] = [
    (DATA, "i", dtypes.float64, "i::double"),
    (DATA, "i", dtypes.decimal(18, 2), "i::decimal(18,2)"),
    (DATA, "i", dtypes.string, "i::varchar"),
    (DATA, "i", dtypes.bool_, "i::bool"),
    (DATA, "j", dtypes.int8, "j::tinyint"),
    (DATA, "b", dtypes.int32, "b::int"),
    (DATA, "b", dtypes.float64, "b::double"),
    (DATA, "b", dtypes.decimal(4, 1), "b::decimal(4,1)"),
    (DATA, "b", dtypes.string, "b::varchar"),
    (DATA, "d", dtypes.float64, "d::double"),
    (DATA, "w", dtypes.float64, "w::double"),
    (DATA, "d", dtypes.int64, "d::bigint"),
    (DATA, "d", dtypes.decimal(5, 1), "d::decimal(5,1)"),
    (DATA, "d", dtypes.decimal(38, 6), "d::decimal(38,6)"),
    (DATA, "w", dtypes.decimal(27, 1), "w::decimal(27,1)"),
    (DATA, "w", dtypes.decimal(38, 8), "w::decimal(38,8)"),
    (DATA, "j", dtypes.decimal(38, 6), "j::decimal(38,6)"),
    (WIDE, "n", dtypes.decimal(38, 6), "n::decimal(38,6)"),
    (WIDE, "few", dtypes.decimal(38, 6), "few::decimal(38,6)"),
    (WIDE, "more", dtypes.decimal(38, 6), "more::decimal(38,6)"),
    (WIDE, "most", dtypes.decimal(38, 6), "most::decimal(38,6)"),
    (DATA, "d", dtypes.string, "d::varchar"),
    (DATA, "w", dtypes.string, "w::varchar"),
    (DATA, "f", dtypes.string, "f::varchar"),
    (DATA, "f", dtypes.float32, "f::float"),
    (DATA, "g", dtypes.float64, "g::double"),
    (DATA, "t", dtypes.string, "t::varchar"),
    (DATA, "t", dtypes.timestamp("us"), "t::timestamp"),
    (DATA, "m", dtypes.date, "m::date"),
    (DATA, "m", dtypes.string, "m::varchar"),
    (DATA, "m", dtypes.timestamp("s"), "m::timestamp_s"),
    (DATA, "m", dtypes.time("us"), "m::time"),
    (DATA, "z", dtypes.date, "z::date"),
    (DATA, "z", dtypes.timestamp("us"), "z::timestamp"),
    (DATA, "m", dtypes.timestamp("us", "Europe/Berlin"), "m::timestamptz"),
    (DATA, "z", dtypes.string, "z::varchar"),
    (NUMBERS, "f", dtypes.int64, "f::bigint"),
    (NUMBERS, "f", dtypes.decimal(18, 0), "f::decimal(18,0)"),
    (NUMBERS, "f", dtypes.decimal(18, 2), "f::decimal(18,2)"),
    (NUMBERS, "f", dtypes.decimal(30, 2), "f::decimal(30,2)"),
    (NUMBERS, "f", dtypes.bool_, "f::bool"),
    (TEXTS, "n", dtypes.int64, "n::bigint"),
    (TEXTS, "n", dtypes.float64, "n::double"),
    (TEXTS, "n", dtypes.decimal(9, 1), "n::decimal(9,1)"),
    (TEXTS, "d", dtypes.date, "d::date"),
    (TEXTS, "m", dtypes.timestamp("us"), "m::timestamp"),
    (TEXTS, "m", dtypes.timestamp("us", "Europe/Berlin"), "m::timestamptz"),
    (TEXTS, "b", dtypes.bool_, "b::bool"),
    (TEXTS, "x", dtypes.float64, "x::double"),
]


@pytest.mark.parametrize(("data", "name", "target", "sql"), CASES, ids=[f"{c[1]} as {c[2]}" for c in CASES])
def test_matches_duckdb(device: Device, data: pa.Table, name: str, target: DataType, sql: str) -> None:
    expected = canonical_rows(duck(f"select {sql} from data", data=data))
    for strict in (True, False):
        expr = cast(col(data, name), target, strict=strict)
        for encode in ENCODINGS:
            assert canonical_rows(rows(evaluate(device, encode(data), expr))) == expected
    assert evaluate(device, data.slice(0, 0), cast(col(data, name), target)).num_rows == 0


REFUSED: list[tuple[Any, pa.DataType, DataType]] = [
    (300, pa.int64(), dtypes.int8),
    (-1, pa.int64(), dtypes.uint64),
    (2**63, pa.uint64(), dtypes.int64),
    (1e10, pa.float64(), dtypes.int32),
    (math.nan, pa.float64(), dtypes.int64),
    (1e39, pa.float64(), dtypes.float32),
    (-1e308, pa.float64(), dtypes.float32),
    (math.inf, pa.float64(), dtypes.decimal(18, 2)),
    (1e17, pa.float64(), dtypes.decimal(18, 2)),
    (math.nan, pa.float64(), dtypes.decimal(38, 2)),
    (Decimal("100.50"), pa.decimal128(9, 2), dtypes.decimal(3, 1)),
    (Decimal("1000.50"), pa.decimal128(9, 2), dtypes.int8),
    (12345, pa.int64(), dtypes.decimal(4, 0)),
    ("x1", pa.string(), dtypes.int64),
    ("", pa.string(), dtypes.int64),
    ("1.2.3", pa.string(), dtypes.float64),
    ("maybe", pa.string(), dtypes.bool_),
    ("12345.6", pa.string(), dtypes.decimal(4, 1)),
    ("2024-02-30", pa.string(), dtypes.date),
    ("soon", pa.string(), dtypes.timestamp("us")),
]


@pytest.mark.parametrize(("value", "source", "target"), REFUSED, ids=[f"{v} {s} as {t}" for v, s, t in REFUSED])
def test_what_does_not_fit_raises_or_is_null(device: Device, value: Any, source: pa.DataType, target: DataType) -> None:
    data = pa.table({"x": pa.array([None, value, None], source)})
    for encode in ENCODINGS[:3]:
        with pytest.raises(CastError, match=str(target).replace("(", r"\(").replace(")", r"\)")) as caught:
            evaluate(device, encode(data), cast(col(data, "x"), target))
        assert repr(value) in str(caught.value)
        assert rows(evaluate(device, encode(data), cast(col(data, "x"), target, strict=False))) == [(None,)] * 3


def test_a_null_slot_never_raises(device: Device) -> None:
    hidden = pa.Array.from_buffers(pa.int64(), 2, [pa.py_buffer(b"\x01"), pa.array([1, 2**40]).buffers()[1]])
    data = pa.table({"x": hidden})
    assert rows(evaluate(device, data, cast(col(data, "x"), dtypes.int8))) == [(1,), (None,)]


def test_casts_of_constants(device: Device) -> None:
    data = pa.table({"x": [1]})
    exprs: list[Expr] = [
        cast(literal("2024-03-01"), dtypes.date),
        cast(literal("7"), dtypes.int32),
        cast(literal(None), dtypes.decimal(5, 2)),
        cast(literal(Decimal("1.25")), dtypes.float64),
    ]
    assert rows(evaluate(device, data, *exprs)) == [(dt.date(2024, 3, 1), 7, None, 1.25)]
