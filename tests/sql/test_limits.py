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


@pytest.mark.parametrize(
    ("clauses", "kept"),
    [
        ("order by k fetch first 1 rows with ties", [1, 2]),
        ("order by k fetch first 2 rows with ties", [1, 2]),
        ("order by k fetch first 3 rows with ties", [1, 2, 3, 4]),
        ("order by k desc fetch first row with ties", [8]),
        ("order by k nulls first fetch next 1 row with ties", [6, 7]),
        ("order by k offset 1 rows fetch next 1 rows with ties", [2]),
        ("order by k offset 2 rows fetch next 1 rows with ties", [3, 4]),
        ("order by b, k fetch first 3 rows with ties", [1, 2, 5]),
        ("order by k fetch first 0 rows with ties", []),
        ("order by k fetch first 100 rows with ties", [1, 2, 3, 4, 5, 6, 7, 8]),
    ],
)
def test_ties_with_the_last_row_stay(clauses: str, kept: list[int]) -> None:
    """DuckDB has no WITH TIES; the rows are those of PostgreSQL's definition."""
    frame = vl.sql(f"select id from t {clauses}", **small_tables())
    assert sorted(frame.to_dict()["id"]) == kept
    assert frame.columns == ["id"]


def test_ties_keep_the_order_and_stand_around_unions() -> None:
    text = "select k from t union all select k from u order by k desc nulls last fetch first 4 rows with ties"
    assert vl.sql(text, **small_tables()).to_dict() == {"k": [9, 4, 3, 2, 2, 2, 2]}


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
        ("select id from t fetch first 2 rows with ties", "WITH TIES needs an ORDER BY"),
        ("select id from t tablesample 120%", "between 0 and 1"),
        ("select id from t using sample -3 rows", "syntax error|must be a whole number"),
    ],
)
def test_mistakes(text: str, message: str) -> None:
    with pytest.raises(SqlError, match=message):
        vl.sql(text, **small_tables())
