"""LIMIT, OFFSET and FETCH with expressions and shares, and samples, compared with DuckDB."""

from __future__ import annotations

import pytest

import volley as vl
from tests.sql.oracle import assert_same, small_tables
from volley.engine.errors import SqlError

QUERIES = """
select count(*) from t tablesample 100%
select count(*) from t using sample 100%
select count(*) from t tablesample reservoir(3)
select count(*) from t using sample 3
select count(*) from t using sample 3 rows
select count(*) from t tablesample bernoulli(100%) repeatable (42)
select id from t order by id limit 1+1
select id from t order by id limit (select 2)
select id from t order by id limit (select count(*) from w) offset 1
select id from t order by id limit 50%
select id from t order by id limit 50 percent
select id from t order by id limit 20% offset 1
select (select max(id) from t t2 where t2.k = t.k limit 1) as m from t
from t select id limit 2
select id from t fetch first 2 rows only
(select 1) union all (select 2) order by 1 desc limit 1
select id from t order by id limit 30% offset 2
select id from t order by id desc limit 12.5%
select id from t order by id limit 0%
select id from t order by id limit 2.0
select id from t order by id limit null
select id from t order by id limit (select max(k) from t) - 5 offset (select 1)
select * from (values ((select max(k) from t)), (2)) v(x)
select id from t union all select k from u order by 1 limit 50%
select count(*) from t tablesample 0%
select count(*) from (select * from t) x tablesample 3 rows
select count(*) from t using sample 20 rows
"""


@pytest.mark.parametrize("query", QUERIES.strip().splitlines())
def test_limits(query: str) -> None:
    assert_same(query, small_tables())


def test_a_share_keeps_the_order_of_the_rows() -> None:
    assert vl.sql("select x from (values (3), (1), (2), (0)) v(x) limit 50%").to_dict() == {"x": [3, 1]}


def test_a_sample_can_be_drawn_again() -> None:
    text = "select range from range(10000) tablesample bernoulli(30%) repeatable ({})"
    first, again, other = (vl.sql(text.format(seed)).to_dict()["range"] for seed in (1, 1, 2))
    assert first == again != other
    assert 2700 < len(first) < 3300
    assert len(set(first)) == len(first)
    assert len(vl.sql("from range(10000) using sample reservoir(50 rows) repeatable (7)")) == 50


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("select id from t limit 2.5", "LIMIT must be a whole number of at least 0"),
        ("select id from t limit -1", "LIMIT must be a whole number of at least 0"),
        ("select id from t limit 120%", "a share in LIMIT lies between 0 and 100 percent"),
        ("select id from t offset 'x'", "OFFSET must be a whole number"),
        ("select id from t limit id", "unknown column 'id'"),
        ("select id from t tablesample 120%", "between 0 and 1"),
        ("select id from t using sample -3 rows", "syntax error|must be a whole number"),
    ],
)
def test_mistakes(text: str, message: str) -> None:
    with pytest.raises(SqlError, match=message):
        vl.sql(text, **small_tables())
