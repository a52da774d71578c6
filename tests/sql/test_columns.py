# one case is one line
r"""``COLUMNS(…)``, tests of names on ``*``, and what EXCLUDE, REPLACE and RENAME do with both, compared with DuckDB."""

from __future__ import annotations

import duckdb
import pytest

from tests.sql.oracle import assert_same, small_tables
from volley.engine.errors import SqlError
from volley.sql import sql

QUERIES = r"""
select columns(*) from t
select columns('^[ik]') from t
select columns(lambda c: c like 'i%') from t
select columns(['id', 'k']) from t
select columns(* exclude (s, b, d, ts)) + 1 from t
select columns(* replace (id + 1 as id)) from (select id, k from t)
select columns(t.*) from t join u using (k)
select columns(*) + columns(*) from (select id, k from t)
select columns('(i)(d)') as 'x\2\1' from t
select columns('i|k') as a, count(*) over () from t
select columns('i|k')::varchar from t
select coalesce(*columns('^[ik]')) as c from t
select min(columns(*)) from (select id, k from t)
select min(columns('i|k')) as 'min_\0' from t
select max(columns(*)) - min(columns(*)) from (select id, k from t)
select sum(columns(* exclude s)) from (select id, k, s from t)
select k, max(columns(* exclude k)) from (select id, k, s from t) group by k
select * from (select id, k from t) where columns(*) > 1
select * like 'i%' from t
select * not like 'i%' from t
select * exclude (s) like '%d%' from t
select * exclude (s) from t
select * exclude s from t
select * exclude (t.k) from t join u on t.k = u.k
select t.* exclude (k), u.* from t join u on t.k = u.k
select * rename (id as kk) from (select id, k from t)
select * exclude (s) replace (id + 1 as id) rename (k as kk) from t
"""


@pytest.mark.parametrize("query", QUERIES.strip().splitlines())
def test_columns(query: str) -> None:
    assert_same(query, small_tables())


def test_an_arrow_lambda_chooses_too() -> None:
    assert sql("select columns(c -> c in ('k', 'id')) from t", **small_tables()).columns == ["id", "k"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("select columns('zzz') from t", r"COLUMNS\(…\) chooses no column here \(line 1, column 8\)"),
        ("select columns('(') from t", r"'\(' is not a regular expression"),
        ("select columns(['id', 'nix']) from t", r"column 'nix' of COLUMNS\(…\) does not exist"),
        ("select columns('i') + columns('k') from t", "must choose the same columns"),
        ("select columns(* exclude (nix)) from t", r"\* has no column 'nix' to exclude"),
        ("select * like 'zzz' from t", "no column has a name that passes"),
        ("select columns(*)", "needs a FROM clause"),
        ("select columns(3) from t", r"COLUMNS takes \*, a pattern"),
    ],
)
def test_mistakes(text: str, message: str) -> None:
    with pytest.raises(SqlError, match=message):
        sql(text, **small_tables())


def test_columns_without_a_name_are_called_as_duckdb_calls_them() -> None:
    items = (
        "json_object('a', x)", "json_array(x)", "to_timestamp(x)", "epoch_ms(x)", "date_diff('day', d, d)",
        "dayofweek(d)", "isodow(d)", "cast(x as varchar)", "array_length([1])", "sum(x)",
    )  # fmt: skip
    rows = "from (select 1 as x, date '2024-01-01' as d) q group by all"
    for item in items:
        query = f"select {item} {rows}"
        assert sql(query).columns == [name.replace("hugeint", "HUGEINT") for name in duckdb.sql(query).columns], item
