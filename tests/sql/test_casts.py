"""Casts at the borders of types, and values as JSON: what DuckDB gives, digit by digit."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from tests.sql.oracle import assert_same
from volley.engine.errors import ArithmeticOverflow, CastError, SqlError
from volley.sql import sql


@pytest.fixture(scope="module")
def tables():
    rng = np.random.default_rng(3)
    narrow = np.float32([16777216, 1e10, 123456.789, 1e15, 1e16, 0.1, 0.0001, 1e-5, -2.5, 0.0, -0.0, 3.4e38])
    wide = np.concatenate(
        [rng.normal(size=300) * 10.0 ** rng.integers(-12, 25, 300), [1e39, -1e308, 3.4e38, 0.0, 1e21]]
    )
    return {
        "f": pa.table({"f": narrow}),
        "d": pa.table({"d": wide}),
        "s": pa.table(
            {
                "s": ["2024-1-2", "2024-01-02 03:04:05.123456789", "x", None, "1-1-1", "9999-12-31", "[1, 2]"],
                "u": ["A0EEBC99-9c0b-4ef8-bb6d-6bb9bd380a11", "zz", "", None, "{1}", "1", "x"],
            }
        ),
        "j": pa.table(
            {
                "m": pa.array([Decimal("999999999999999.999"), Decimal("1.500"), None], pa.decimal128(18, 3)),
                "b": [b"ab\x00\xff\\", b"", None],
                "t": pa.array([1, 3_723_500_000, None], pa.time64("us")),
                "ts": pa.array([1, 1_700_000_000_000_000, None], pa.timestamp("us")),
                "ns": pa.array([1, 1_700_000_000_000_000_000, None], pa.timestamp("ns")),
                "d": pa.array([0, 19000, None], pa.date32()),
            }
        ),
    }


@pytest.mark.parametrize(
    "query",
    [
        "select cast(f as varchar) as x from f",
        "select cast(d as varchar) as x from d",
        "select try_cast(d as float) is null as x, d from d",
        "select cast(to_json(d) as varchar) as x from d",
        "select cast(to_json(f) as varchar) as x from f",
        "select try_cast(s as date) as d, try_cast(s as timestamp) as t, try_cast(s as json) as j from s",
        "select cast(try_cast(s as timestamp_ns) as varchar) as x from s",
        "select try_cast(u as uuid)::varchar as x from s",
        "select to_json(m) as m, to_json(b) as b, to_json(t) as t, to_json(ts) as ts, to_json(d) as d from j",
        "select to_json(ns) as n, to_json({'a': m, 'l': [ts], 'z': b}) as x from j",
        "select date '2024-1-2' as a, timestamp '2024-1-2 3:04:05' as b, '2024-01-01 12:34:56'::time as c",
        "select cast('2024-01-01 12:34:56.123456789'::timestamp_ns as varchar) as x",
        "select count(*) as n from (values (date '2024-01-02')) v(d) where d >= '2024-1-2'",
        "select try_cast('x' as json) as a, try_cast('[1]' as json) as b, try_cast(1 as json) as c",
        "select cast(b as varchar) as x, b::varchar::blob = b as same, cast([b] as varchar) as l from j",
        "select cast(encode('é\"''~') as varchar) as x, '\\xfF\\x00a'::blob as b, ' a '::blob as c",
        "select try_cast('é' as blob) as a, try_cast('\\x4' as blob) as b, try_cast('\\' as blob) as c",
    ],
)
def test_casts_are_those_of_duckdb(tables, query):
    assert_same(query, tables)


def test_a_float_that_needs_more_bits_does_not_fit(tables):
    with pytest.raises(CastError, match=r"cannot cast -?1e\+\d+ to float32"):
        sql("select cast(d as float) from d", **tables).to_arrow()
    assert sql("select cast('inf'::double as float) as x").to_dict() == {"x": [float("inf")]}


def test_constants_that_are_no_moments_are_told_before_any_row_is_read():
    for text in ("date '2024-13-1'", "timestamp '2024-1-2 25:00'", "time 'noon'", "date '2024'"):
        with pytest.raises(SqlError, match="write it like"):
            sql(f"select {text} as x")


def test_frames_take_dates_without_zeros():
    frame = sql("select date '2024-01-02' as d")
    assert len(frame[frame.d == "2024-1-2"]) == 1
    assert frame.d.to_list() == [dt.date(2024, 1, 2)]


@pytest.mark.parametrize("unit", ["month", "decade", "century", "millennium", "decades", "c"])
def test_times_are_truncated_to_round_years(unit):
    moments = "(values (timestamp '2024-05-15 12:30'), (timestamp '1999-12-31'), (timestamp '2000-01-01'), (null)) v(t)"
    query = f"select date_trunc('{unit}', t) as a, date_trunc('{unit}', t::date) as b from {moments}"
    assert_same(query, {})
    assert_same(f"select date_trunc('{unit}', t::timestamptz)::varchar as a from {moments} where t is not null", {})


@pytest.mark.parametrize("over", ["", " over (order by x)", " over (order by x rows 1 preceding)"])
def test_sums_of_numbers_without_sign_say_that_they_overflow(over: str) -> None:
    numbers = pa.table({"x": pa.array([1, 2**64 - 1], pa.uint64())})
    with pytest.raises(ArithmeticOverflow, match=r"18446744073709551615 does not fit int64 in .*decimal\(20, 0\)"):
        sql(f"select sum(x){over} as s from t", t=numbers).to_arrow()
    exact = sql("select sum(x::decimal(20, 0)) as s from t", t=numbers).to_dict()
    assert exact == {"s": [Decimal(2**64)]}
