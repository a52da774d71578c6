# ruff: noqa: E501  # one case is one line
"""DuckDB's friendly SQL and its lesser known functions, each compared with DuckDB."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pyarrow as pa
import pytest

import volley as vl
from tests.sql.oracle import assert_same, rows_of, same_value, small_tables

N = pa.table(
    {
        "i": pa.array([1, 2, 3, 4, 5, 6], pa.int32()),
        "x": pa.array([1.5, None, 2.5, -1.0, 0.0, None]),
        "s": ["a", "b", None, "abc", "héllo", "a"],
        "l": pa.array([[1, 2, 3], [], None, [3, 1, None], [5], [2]], pa.list_(pa.int32())),
        "c": pa.array(
            [
                {"a": 1, "b": "x"},
                {"a": None, "b": "y"},
                None,
                {"a": 4, "b": None},
                {"a": 5, "b": "v"},
                {"a": 1, "b": "x"},
            ]
        ),
    }
)

QUERIES = """
select * ilike 'I%' from n
select c.* exclude (a) from n
select c.* replace (i as a) from n
select c.* rename (a as z) from n
select * from n order by columns('i|x') desc, i
select i, x from n order by columns(* exclude (s, l, c)) limit 3
select [v + p for v, p in l] as r, [v * p for v, p in l if p > 1] as q, [v for v, p in l if v <> 2 and p < 3] as t from n
select apply(l, lambda v: v * 2) as r from n
select 'el' in 'hello' as a, s in 'abc' as b, i in l as c, i in [1, 2] as d, 'k' in map {'k': 1} as e, 2 in map {1: 1} as f from n
select list_intersect(l, null::int[]) as a, list_intersect(null::int[], l) as b, list_intersect([1, 2], l) as c from n
select list_transform(l, lambda v: v + 1) as g, count(*) as c from n group by all
select [v * 2 for v in l if v is not null] as g, sum(i) as c from n group by [v * 2 for v in l if v is not null]
select list_zip(l, list_zip(l, [1])) as g, count(*) as c, len(list_zip(l, list_zip(l, [1]))) as d from n group by list_zip(l, list_zip(l, [1]))
select list_transform([l, l], lambda v: list_transform(v, lambda v: v + 1)) as g, count(*) as c from n group by all having len(list_transform([l, l], lambda v: list_transform(v, lambda v: v + 1))) > 1
select list_transform(l, lambda v: list_transform(l, lambda w: w * v)) as a, list_transform(l, lambda v: list_filter(l, lambda v: v > 1)) as b from n
select list_transform(l, lambda v: list_transform([v, 1], lambda v: list_transform([v], lambda v: v + 1))) as a from n
select array_extract('abc', 2) as a, array_extract(c, 'a') as b, list_extract(l, 1) as d, array_extract(l, -1) as e from n
select struct_position(row(1, 2), 2) as a, struct_position(row(1, 2), 9) as b, struct_contains(row(1, 2), 1) as c, struct_contains(row(1, null), 3) as d
unpivot (select 42 as col1, 'woot' as col2, 5 as z) on columns('col.')::varchar
unpivot (select 42 as col1, 'woot' as col2, 5 as z) on (col1 + 100)::varchar, col2
unpivot (select 42 as col1, 'woot' as col2, 5 as z) on (col1 + 100)::varchar as q, col2 into name n value v
from query('select i from n where i > 2') q where q.i < 5
from query_table(['n', 'n']) m
select m.i, v from query_table('n') m join u on m.i = u.k
select map_entries(histogram(i, [2, 4])) as a, map_entries(histogram(x, [0.0, 1.0])) as b, map_entries(histogram_exact(s, ['a', 'zz'])) as c from n
select i % 2 as p, map_entries(histogram(i, [2]) filter (i > 1)) as h from n group by all
select map_entries(histogram(i, equi_width_bins(0, 6, 3, true))) as h from n
select map_entries(histogram(i, [1])) as h from n where i > 9
select map_entries(histogram(d, [date '1971-01-01', date '2010-01-01'])) as h from t where d < date '2005-01-01'
select map_entries(histogram(s, ['a', 'b'])) as h, map_entries(histogram(i + x, [2.5])) as g from n
select equi_width_bins(0, 10, 2, true) as a, equi_width_bins(0, 101, 5, false) as b, equi_width_bins(0, 101, 5, true) as c, equi_width_bins(-7, 13, 3, true) as d, equi_width_bins(5, 5, 3, true) as e, equi_width_bins(-845, -834, 6, true) as f
select equi_width_bins(0.0::double, 1.0::double, 3, true) as a, equi_width_bins(0.13::double, 97.2::double, 5, true) as b, equi_width_bins(-3.7::double, 3.3::double, 4, true) as c
select equi_width_bins(date '2024-01-01', date '2024-03-01', 3, false) as a
select approx_top_k(i % 2, 1) as a, approx_top_k(s, 1) as b, approx_top_k(x, 2) as c from n where i in (1, 3)
select approx_top_k(i, 1) as a from n where i > 9
select reservoir_quantile(i, 0.5) >= 1 as a, reservoir_quantile(i, [0.1, 0.9])[1] >= 1 as b from n
select try('a'::int) as a, try('5'::int) as b, try(strptime('x', '%Y')) as c, try(cast(300 as utinyint)) as d, try((s || '1')::int + 1) as e from n
select try(9223372036854775807 + i) as a, try(i * 9223372036854775807::bigint) as b, try(i - 9223372036854775807::bigint - 9223372036854775807::bigint) as c from n
select try(s::double) as a, try(i / 0) is null or true as b, try(x) as c from n
with recursive r(a, b) using key (a) as (select 1, 1 union select a, b from r where b < 3) from r
with recursive r(a, b) using key (a) as (select 1, 1 union select 1, b + 1 from r where b < 3) from r
with recursive r(a, b) using key (a) as (select 1, 1 union all select 1, b + 1 from r where b < 3) from r
with recursive r(a, b) using key (a) as ((select 1, 1 union all select 1, 9) union all select a + 1, b + 1 from r where a < 3) from r
with recursive r(a, b) using key (a) as ((select 1 a, 1 b union all select 2, 9) union (select 1, x.b + y.b from r x, recurring.r y where x.a = 1 and y.a = 2 and x.b < 30)) from r
with recursive r(a, b) using key (a) as ((select 1 a, 1 b) union all (select null, b + 1 from r where b < 5)) from r
with recursive cc(id, comp) using key (id) as (select v.id, v.id as comp from (values (1), (2), (3), (4), (5)) v(id) union (select distinct on (previous.id) previous.id, initial.comp from recurring.cc as initial, cc as previous, (values (1, 2), (2, 1), (2, 3), (3, 2), (4, 5), (5, 4)) e(a, b) where previous.id = e.a and e.b = initial.id and initial.comp < previous.comp order by previous.id, initial.comp)) table cc
select i, fill(v) over (order by i) as f from (values (1, null), (2, 10), (3, null), (4, null), (5, 13), (6, null), (8, null)) w(i, v)
select i, fill(v) over (order by i desc) as f from (values (1, null), (2, 10.0::double), (3, null), (4, null), (5, 13), (6, null), (8, null)) w(i, v)
select i, fill(v) over (order by i) as f from (values (1, null), (2, 10.0::double), (3, null)) w(i, v)
select i, fill(v) over (order by i) as f from (values (1, null), (2, 10.25::decimal(5, 2)), (3, null), (6, 1.0)) w(i, v)
select i, fill(v) over (order by d) as f from (values (1, date '2024-01-01', 1.0::double), (2, date '2024-01-02', null), (3, date '2024-01-05', 5)) w(i, d, v)
select i, fill(d) over (order by i) as f from (values (1, date '2024-01-01'), (2, null), (3, date '2024-01-06')) w(i, d)
select i, fill(d) over (order by i) as f from (values (1, timestamp '2024-01-01'), (2, null), (4, timestamp '2024-01-06')) w(i, d)
select i, fill(v) over (order by i) as f from (values (1, 1), (2, null), (2, null), (3, 9), (null, null), (null, 5)) w(i, v)
select i, fill(v) over (order by i) as f from (values (1, -1.55::decimal(6, 2)), (3, null), (4, null), (6, -19.33), (7, null), (9, 20), (11, null)) w(i, v)
select i, fill(v) over (partition by i % 2 order by i) as f from range(9) w(i), lateral (select case when i in (1, 5, 6) then i * 10 end) y(v)
select i, fill(x) over (order by i) as f, fill(null::double) over (order by i) as g from n
"""


@pytest.mark.parametrize("query", QUERIES.strip().splitlines())
def test_queries(query: str) -> None:
    assert_same(query, {"n": N, **small_tables()})


STATEMENTS = """
create table nd as select 1 as a with no data; from nd
create table wd as select 1 as a with data; from wd
create table g (i int, k int generated always as (i * 2) virtual, m int as (i + 1)); insert into g (i) values (1), (2); from g
create type price as decimal(12, 2); select 1.5::price as a, cast([2] as price[]) as b
create type pair as struct(a int, b text); create table p (x pair, y pair[]); insert into p values ({'a': 1, 'b': 'x'}, []); from p
create type w as int; create or replace type w as text; select 5::w || 'x' as a
create type v as int; create type if not exists v as text; select 5::v + 1 as a
create or replace macro rows_of(t) as table select count(*) as c from query_table(t); create table k as from range(3); from rows_of('k')
"""


@pytest.fixture
def session() -> Iterator[vl.Session]:
    with vl.Session() as made:
        yield made


@pytest.mark.parametrize("statements", STATEMENTS.strip().splitlines())
@pytest.mark.usefixtures("session")
def test_statements(statements: str) -> None:
    connection = duckdb.connect()
    for statement in statements.split("; "):
        ours, theirs = vl.sql(statement), connection.sql(statement)
    expected = theirs.to_arrow_table()
    assert ours.to_arrow().column_names == expected.column_names
    left, right = rows_of(ours.to_arrow()), rows_of(expected)
    assert len(left) == len(right)
    assert all(same_value(a, b) for one, two in zip(left, right, strict=True) for a, b in zip(one, two, strict=True))


@pytest.mark.usefixtures("session")
def test_types_are_forgotten() -> None:
    vl.sql("create type price as int")
    with pytest.raises(vl.VolleyError, match="the type 'price' exists already; write create or replace type"):
        vl.sql("create type price as int")
    with pytest.raises(vl.VolleyError, match="unknown type 'pric'; did you mean 'price'"):
        vl.sql("drop type pric")
    assert vl.sql("drop type price").to_dict() == {"name": ["price"], "result": ["dropped"]}
    assert vl.sql("drop type if exists price").to_dict()["result"] == ["not there"]
    with pytest.raises(vl.VolleyError, match="unknown type 'price'"):
        vl.sql("select 1::price")
    with pytest.raises(vl.VolleyError, match="unknown type 'nope'"):
        vl.sql("create type other as nope")


def test_a_parameter_names_a_table() -> None:
    assert vl.sql("select count(*) as c from query_table($t)", {"t": "n"}, n=N).to_dict() == {"c": [6]}


def test_an_endless_recursion_by_keys_is_stopped() -> None:
    with vl.Session() as session:
        session.recursion_limit = 5
        endless = vl.sql("with recursive r(a) using key (a) as (select 1 union all select a from r) from r")
        with pytest.raises(vl.VolleyError, match="has not ended after 5 rounds"):
            endless.to_arrow()
