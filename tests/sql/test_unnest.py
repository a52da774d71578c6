# one case is one line
"""UNNEST in the SELECT list and in FROM, lists made of values and series of numbers, compared with DuckDB."""

from __future__ import annotations

import pyarrow as pa
import pytest

from tests.sql.oracle import assert_same
from volley.engine.errors import SqlError, UnsupportedOperation
from volley.sql import sql

TABLES = {
    "t": pa.table(
        {
            "id": pa.array([1, 2, 3, 4]),
            "l": pa.array([[1, 2], [], None, [3, None, 5]], pa.list_(pa.int64())),
            "m": pa.array([["a"], ["b", "c"], None, []], pa.list_(pa.string())),
            "s": pa.array([{"x": 1, "y": "q"}, None, {"x": None, "y": "r"}, {"x": 4, "y": None}]),
            "ll": pa.array([[[1], [2, 3]], [], None, [[4], None]], pa.list_(pa.list_(pa.int64()))),
            "ls": pa.array([[{"a": 1}], [], None, [{"a": 2}, None]], pa.list_(pa.struct([("a", pa.int64())]))),
            "n": pa.array([0, 1, 2, None]),
        }
    )
}

QUERIES = """
select id, unnest(l) u from t
select unnest(l) u, unnest(m) v, id from t
select unnest(l) + id u from t order by all
select unnest(l), l from t
select id, unnest(l) u from t order by u desc, id limit 3
select distinct unnest(l) from t
select id, unnest(s) from t
select unnest(s), unnest(m) as v from t
select unnest(ll, recursive := true) u from t
select unnest(ll, max_depth := 2) u from t
select unnest(ls, recursive := true) from t
select unnest(null)
select unnest(list(id)) i from t
select n, unnest(list(id)) i from t group by n
select id, row_number() over (order by id) r, unnest(m) v from t
select * from unnest([1, 2, null]) as t(x)
select unnest from unnest([3, 4])
select id, x from t, unnest(t.l) as u(x)
select id, x from t, lateral unnest(l) u(x)
select id, x, place from t cross join unnest(t.l) with ordinality as u(x, place)
select id, x, place from t left join unnest(t.m) with ordinality as u(x, place) on true
select id, x from t left join unnest(t.l) u(x) on true
select id, x from t join unnest(t.l) u(x) on x > id
select id, x, y from t, unnest(t.l) a(x), unnest(t.m) b(y)
select id, x from t, lateral (select unnest(t.l) x) q
select x, count(*) c, sum(id) s from t, unnest(l) u(x) group by x
select x from t, unnest(l) u(x) where x > 1 and id < 4
select id from t where exists (select 1 from unnest(t.l) u(x) where x > 2)
select id, (select sum(x) from unnest(t.l) u(x)) s from t
select id from t where id in (select unnest(l) from t)
select range(3) r, generate_series(1, 3) g, range(n) s, generate_series(5, n, -2) d from t
select id, i from t, generate_series(1, t.n) g(i)
select id, i from t left join range(t.n) g(i) on true
select id, unnest(range(n)) x from t
select [id, n] p, list_value(1.5, id) q, [m[1], 'z'] z from t
select unnest([id, id + 1]) x, m from t
select list_contains([1, 2], id) c from t where len([id, 3]) = 2
"""


@pytest.mark.parametrize("query", QUERIES.strip().splitlines())
def test_as_in_duckdb(query: str) -> None:
    assert_same(query, TABLES)


@pytest.mark.parametrize(
    ("query", "kind", "message"),
    [
        ("select id from t where unnest(l) > 1", SqlError, "UNNEST cannot stand in WHERE"),
        ("select sum(unnest(l)) from t", SqlError, "UNNEST cannot stand in another aggregate"),
        ("select rank() over (order by unnest(l)) from t", SqlError, "UNNEST cannot stand in another window function"),
        ("select unnest(id) from t", SqlError, "only lists can be unnested; id is int64"),
        ("select * from t, unnest(t.id)", SqlError, "only lists can be unnested; id is int64"),
        ("select * from t right join unnest([1]) u(x) on true", UnsupportedOperation, "UNNEST joined otherwise"),
        ("select * from t left join unnest(t.l) u(x) on x > 1", UnsupportedOperation, "UNNEST joined otherwise"),
        ("select unnest(l, depth := 2) from t", UnsupportedOperation, "an option of UNNEST"),
    ],
)
def test_what_cannot_be_unnested_is_said_while_planning(query: str, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        sql(query, **TABLES)


def test_a_series_without_a_step_says_so() -> None:
    with pytest.raises(Exception, match="the step of a series must not be 0"):
        sql("select range(1, id, id - 2) from t", **TABLES).to_arrow()
