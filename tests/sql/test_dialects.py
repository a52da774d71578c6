"""What other dialects write, and what it means: the first row of the small table, id 1, k 1, 1970-01-01, a Thursday."""

from __future__ import annotations

import datetime as dt

import pytest

from tests.sql.oracle import small_tables
from volley.engine.errors import UnsupportedOperation
from volley.sql import query

CASES = [
    ("postgres", "id / 2", 0),
    ("postgres", "d + interval '1 month'", dt.datetime(1970, 2, 1)),  # noqa: DTZ001  # timestamps without a zone
    ("postgres", "extract(dow from d)", 4),
    ("postgres", "s ~ 'pp'", True),
    ("postgres", "coalesce(k, 0)::text || 'x'", "1x"),
    ("mysql", "date_add(d, interval 1 month)", dt.date(1970, 2, 1)),
    ("mysql", "id div 2", 0),
    ("mysql", "dayofweek(d)", 5),
    ("mysql", "datediff(d, '1970-01-02')", -1),
    ("spark", "date_add(d, 1)", dt.date(1970, 1, 2)),
    ("spark", "dayofweek(d)", 5),
    ("spark", "s rlike 'pp'", True),
    ("snowflake", "dateadd(month, 1, d)", dt.date(1970, 2, 1)),
    ("snowflake", "iff(b, 1, 2)", 1),
    ("snowflake", "date_trunc('month', d)", dt.date(1970, 1, 1)),
    ("snowflake", "datediff(day, d, date '1970-01-05')", 4),
    ("bigquery", "date_diff(date '1970-01-05', d, day)", 4),
    ("bigquery", "date_trunc(d, year)", dt.date(1970, 1, 1)),
    ("bigquery", "safe_cast(s as int64)", None),
    ("bigquery", "extract(dayofweek from d)", 5),
    ("tsql", "dateadd(day, 1, d)", dt.date(1970, 1, 2)),
    ("trino", "date_diff('day', d, date '1970-01-05')", 4),
    ("duckdb", "dayofweek(d)", 4),
    ("duckdb", "weekday(d)", 4),
]


@pytest.mark.parametrize(("dialect", "expression", "value"), CASES)
def test_expression(dialect: str, expression: str, value: object) -> None:
    text = f"select {expression} as c from t where id = 1"
    assert query(text, small_tables(), dialect=dialect).to_arrow()["c"].to_pylist() == [value]


@pytest.mark.parametrize(("dialect", "first"), [("duckdb", 1), ("postgres", 1), ("mysql", None), ("spark", None)])
def test_nulls_stand_where_the_dialect_puts_them(dialect: str, first: int | None) -> None:
    frame = query("select k from t order by k limit 1", small_tables(), dialect=dialect)
    assert frame.to_arrow()["k"].to_pylist() == [first]


def test_what_dialects_count_differently_is_refused() -> None:
    with pytest.raises(UnsupportedOperation, match="weekday outside DuckDB's dialect"):
        query("select weekday(d) from t", small_tables(), dialect="mysql")
