# ruff: noqa: E501  # one case is one line
"""Dates and timestamps moved by lengths of time, constant and computed, compared with DuckDB."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pytest

from tests.sql.oracle import assert_same, small_tables
from volley.engine.errors import ArithmeticOverflow, SqlError
from volley.sql import sql

QUERIES = """
select d + interval (id) day as a, d - interval (k) month as b, d + interval (id) hour as c, ts + interval (k) minute as e from t
select d + id::int as a, d - k as b, k + d as c from t
select d + to_days(id::int) as a, d + to_months(k) as b, ts + to_hours(id) as c, d + to_years(-k) as e from t
select d + 3 * interval 1 day as a, d + k * interval '1 month' as b, d - interval 1 week * k as c from t
select d + interval (k + 1) days as a, interval (id) day + d as b from t
select ts + to_seconds(x) as a from t where x < 100
select ts + to_seconds(1.5) as a, ts + interval 90 minute as b, d + interval 1 month as c from t
select date_add(d, interval (k) day) as a, date_add(d, interval 1 day) as b from t
select d + interval (null) day as a from t
select date '2020-01-31' + interval (k) month as a from t
select max(d) + interval (count(*)) day as a from t
select d from t where d + interval (id) day > date '2000-01-01'
select d + interval 1 day * 2 as a, d - (interval 1 day) as b, d + -interval 1 day as c, interval 2 day + ts as e from t
select d + interval '1 day 02:03:04.5' as a, ts - interval '2 days 10:00' as b, ts + interval '1 month ago' as c, d - -interval '1 day -02:00' as e from t
select interval '-1 day 25:00:00' as a, interval '1 day 02:00' * 2 > interval '2 days' as b, interval '1 day 02:00' + d as c from t
select ts, count(*) over (order by ts range between interval '1 day 00:00:01' preceding and current row) as n from t
select time_bucket(interval '1 day 02:00', ts) as a, d - interval '1 day 02:00' - interval '1 month ago' as b from t
"""


@pytest.mark.parametrize("query", QUERIES.strip().splitlines())
def test_intervals(query: str) -> None:
    assert_same(query, small_tables())


def test_computed_days_move_the_clock_of_a_zone() -> None:
    moment = dt.datetime(2024, 3, 30, 11, 0, tzinfo=dt.UTC)
    data = pa.table({"t": pa.array([moment], pa.timestamp("us", "Europe/Berlin")), "n": [1]})
    moved = sql("select t + interval (n) day as d, t + interval (n * 24) hour as h from z", z=data).to_dict()
    assert [moved[name][0].astimezone(dt.UTC).hour for name in ("d", "h")] == [10, 11], "a day of 23 hours"


def test_other_dialects_keep_dates() -> None:
    data = pa.table({"d": [dt.date(2024, 1, 31)], "n": [1]})
    assert sql("select date_add(d, n) as a from z", z=data, dialect="spark").to_dict() == {"a": [dt.date(2024, 2, 1)]}


def test_mistakes() -> None:
    with pytest.raises(SqlError, match="'- 1 day' is not an interval"):
        sql("select interval '- 1 day'")
    with pytest.raises(SqlError, match="an interval takes a number, not string"):
        sql("select d + interval (s) day from t", **small_tables())
    with pytest.raises(SqlError, match="an interval is added to a date or a timestamp, not to int64"):
        sql("select id + interval (id) day from t", **small_tables())
    with pytest.raises(ArithmeticOverflow, match="leaves the range of date"):
        sql("select d + interval (id * 1000000000000) day from t", **small_tables()).to_arrow()
