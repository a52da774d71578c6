"""Functions called behind a dot, bytes in hexadecimal digits, ``#1`` and texts in dollars, compared with DuckDB."""

from __future__ import annotations

import pytest

import volley as vl
from tests.sql.oracle import assert_same, small_tables
from volley.engine.errors import SqlError

QUERIES = """
select s.upper() as a, t.s.length() as b, (s || '!').lower() as c from t
select s.upper().lower()[1:2] as a, upper(s).left(2) as b, 'abc'.upper() as c, $$it's$$.length() as d from t
select s.replace('a', 'b').substr(1, 2) as a from t where s.starts_with('a') and not s.contains('z')
select [3, 1].list_sort() as a, ([3, 1])[1].abs() as b, {'a': 1}.struct_keys() as c, map {'a': 1}.map_keys() as d
select list_distinct([k, 2]).list_sort('desc') as a, [3, -1].list_transform(lambda y: y.abs() + 1) as b from t
select case when k > 1 then s else 'x' end.upper() as a, cast(k as varchar).length() as b from t
select x.abs().sum() as a, id.max() filter (where k > 1) as b, count(distinct s.lower()) as c from t
select k, id.sum() as a from t group by k having id.sum() > 3
select main.abs(-3) as a, id as b from t order by s.lower(), b
select a.b.upper() as a from (select {'b': 'x'} as a)
select [y.upper() for y in ['a', 'b']] as a, 'p,q'.string_split(',')[2] as b
select t.s.upper() as a from t join u on t.k.abs() = u.k.abs() where t.s in (u.name.replace('one', 'apple'), 'Banana')
select id.abs() as a from main.t where (id) in (1, 2)
select #2 as a, #1 from (values (1, 'x'), (2, 'y')) v(p, q) order by #1
select #2, #1 from (values (1, 'x'), (2, 'y')) v(p, q) where #1 > 1
select x'00ff4142', X'', x'ab' || x'CD' as j, x'00' < x'01' as l
select $$it's$$, $tag$a $$ b$tag$ as b
select '\\xAA'::blob || null::blob as a, x'41' || 'b' as b
"""


@pytest.mark.parametrize("query", QUERIES.strip().splitlines())
def test_queries(query: str) -> None:
    assert_same(query, small_tables())


def test_tables_with_a_schema_are_no_values() -> None:
    with vl.Session():
        vl.sql("create schema other")
        vl.sql("create table other.places (name varchar, n int)")
        vl.sql("insert into other.places (name, n) values ('a', 1)")
        vl.sql("create unique index i on other.places (name)")
        assert vl.sql("select name.upper() as u from other.places").to_dict() == {"u": ["A"]}


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("select x'0'", "x'0' is not bytes"),
        ("select x'zz'", "two digits from 0 to f"),
        ("select #9 from t", "#9 is no column; FROM gives 8"),
        ("select s.uper() from t", "unknown function 'uper'; did you mean 'upper'"),
    ],
)
def test_errors(query: str, said: str) -> None:
    with pytest.raises(SqlError, match=said):
        vl.sql(query, t=small_tables()["t"])


def test_bytes_are_written_alike_in_other_dialects() -> None:
    for dialect in ("mysql", "postgres", "sqlite"):
        assert vl.sql("select x'4142' as a", dialect=dialect).to_dict() == {"a": [b"AB"]}
