# ruff: noqa: E501  # one case is one line
"""Aggregates of values in an order, and percentiles, compared with DuckDB."""

from __future__ import annotations

import pytest

from tests.sql.oracle import assert_same, small_tables
from volley.engine.errors import PlanError, SqlError
from volley.sql import sql

QUERIES = """
select list(id order by id desc) as l from t
select array_agg(id order by k nulls first, id) as l from t
select string_agg(s, ',' order by id desc) as l from t
select string_agg(id, '-' order by id) as l from t
select string_agg(s order by id) as l from t
select string_agg(distinct s, ',' order by s) as l from t
select list(distinct k order by k) as l from t
select list(distinct k order by k desc nulls first) as l from t
select first(s order by id) as a, last(s order by id) as b, first(s order by id desc) as c from t
select any_value(s order by s desc) as a from t
select sum(x order by id) as a, count(k order by id) as b, arg_max(s, id order by k) as c, median(id order by id) as d from t where x < 100
select k, list(id order by x desc, id) as l, string_agg(s, '|' order by id) as j from t group by k
select list(id order by id) filter (where id > 3) as l from t
select percentile_cont(0.5) within group (order by id desc) as a, percentile_cont(0.25) within group (order by id desc) as b from t
select percentile_disc(0.25) within group (order by id) as a, percentile_disc(0.3) within group (order by id desc) as b, percentile_disc(0) within group (order by id desc) as c from t
select mode() within group (order by k) as m from t
select quantile_cont(id, [0.25, 0.5]) as a, quantile_disc(id, [0.1, 0.9]) as b from t
select percentile_cont([0.25, 0.5]) within group (order by id) as a from t
select k, percentile_disc(0.5) within group (order by m desc) as a from t group by k
select list(id order by id) as l from t where false
select string_agg(s, ',' order by d desc nulls last, id) as l from t
select string_agg(s, ',' || ' ' order by id) as l, string_agg(distinct s, chr(45) order by s) from t
select string_agg(s, upper('x')) over (order by id) as l, array_to_string([s, 'z'], chr(45)) as a, array_to_string([], '-') as b from t
select list({'a': id, 'b': k} order by k desc, id) as l from t
select list(id order by id)[1] as a, len(list(id order by id)) as b from t
select quantile_cont(id, 1 - 0.25) as a from t
select list(x order by x) [1:3] as l from t where x = x
select k, list(distinct x order by x) filter (id > 2) as l, count(*) as n from t group by k
select list_sort(list(distinct k) filter (k is null or k > 1)) as a, list(distinct k) filter (false) as b from t
select string_agg(distinct s, ',' order by s) filter (where id > 1) as a, first(distinct k order by k) filter (where k > 1) as b from t
select arg_min(s, id, 4) as a, arg_max(k, id, 20) as b, arg_min(k, x, 3) filter (where id < 9) as c from t
"""


@pytest.mark.parametrize("query", QUERIES.strip().splitlines())
def test_ordered_aggregates(query: str) -> None:
    assert_same(query, small_tables())


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        (
            "select string_agg(distinct s, ',' order by id) from t",
            SqlError,
            "with DISTINCT an aggregate is ordered by its own",
        ),
        ("select percentile_cont(k) within group (order by id) from t", SqlError, "a value and a constant share"),
        ("select percentile_cont(1.5) within group (order by id) from t", SqlError, "between 0 and 1"),
        (
            "select percentile_disc(1.5) within group (order by id desc) from t",
            SqlError,
            "a constant share from 0 to 1",
        ),
        (
            "select sum(id) within group (order by id) from t",
            PlanError,
            "syntax error|WITHIN GROUP but for a percentile",
        ),
        ("select string_agg(s, s order by id) from t", PlanError, "a separator that is not a constant"),
    ],
)
def test_mistakes(text: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        sql(text, **small_tables())
