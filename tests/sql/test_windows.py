# ruff: noqa: E501  # one case is one line
"""Window functions and what is built on them, grouping sets, set operations with ALL, LATERAL: compared with DuckDB."""

from __future__ import annotations

import pyarrow as pa
import pytest

from tests.sql.oracle import assert_same, small_tables
from volley.engine.errors import UnsupportedOperation
from volley.sql import sql

WINDOWS = """
select id, row_number() over (order by id) as n from t
select id, row_number() over (partition by k order by id desc) as n, rank() over (order by k), dense_rank() over (order by k desc nulls first) from t
select id, percent_rank() over (order by k), cume_dist() over (partition by b order by x), ntile(3) over (order by id) from t
select id, lag(id) over (order by id), lead(id, 2) over (order by id), lag(id, 1, -1) over (partition by k order by id) from t
select id, lag(k ignore nulls) over (order by id), lead(s, 1, 'none') over (order by id desc), lag(id, -1) over (order by id) from t
select id, first_value(id) over (partition by k order by id desc), last_value(x) over (order by id), nth_value(s, 2) over (order by id) from t
select id, last_value(id) over (order by id rows between unbounded preceding and unbounded following), first_value(s ignore nulls) over (order by id rows between current row and unbounded following) from t
select id, sum(id) over (), count(*) over (partition by k), avg(x) over (partition by b), min(s) over (order by id), max(d) over (partition by k) from t
select id, sum(m) over (order by id), sum(x) over (order by id rows between 1 preceding and 1 following), avg(m) over (order by id rows 2 preceding) from t
select id, sum(id) over (order by k range between 1 preceding and 1 following), count(*) over (order by k groups between 1 preceding and current row) from t
select id, sum(id) over (order by id rows between 2 preceding and 2 following exclude current row), sum(id) over (order by k range between unbounded preceding and unbounded following exclude group), count(id) over (order by k groups between current row and 1 following exclude ties) from t
select id, count(*) over (order by d range between interval 1 month preceding and interval 10 days following) as n from t
select id, count(*) over (order by ts range between interval 2 hours preceding and current row) as n from t
select id, sum(id) over (order by m range between 2.5 preceding and 2.5 following) from t
select id, stddev(id) over (order by id rows 3 preceding), var_pop(x) over (partition by b), bool_or(b) over (order by id), any_value(s) over (partition by k order by id) as a from t
select id, product(id) over (order by id), product(k) over (partition by b), product(x) over (order by id rows 1 preceding) from t
select id, count(distinct k) over (), count(distinct k) over (partition by b), sum(distinct k) over (partition by b), avg(distinct x) over (), min(distinct s) over (partition by k) from t
select id, count(distinct k) over (order by id), count(distinct b) over (order by k desc), sum(distinct k) over (partition by b order by id), count(distinct x) over (order by b nulls first) from t
select id, count(distinct k) filter (where id > 2) over (), count(distinct s) filter (where b) over (order by id), count(distinct x) over (partition by k) + 1 from t
select id, count(distinct k) over (order by id rows between unbounded preceding and unbounded following), count(distinct d) over (partition by b order by id range between unbounded preceding and current row) from t
select id, count(distinct k) over (order by id rows between 2 preceding and 1 following) as a, count(distinct x) over (partition by b order by id rows between 1 following and 3 following) as b, count(distinct s) filter (where id > 2) over (order by id rows 3 preceding) as c from t
select id, count(distinct b) over (order by k range between 1 preceding and 1 following) as a, count(distinct x) over (order by id groups between 3 preceding and current row exclude current row) as b, count(distinct d) over (order by id rows between 4 preceding and 3 preceding) as c from t
select count(distinct v) over (order by k rows 1 preceding) as n from e
select id, sum(distinct k) over (order by id rows between 2 preceding and 1 following) as a, avg(distinct x) over (partition by b order by id rows between 1 following and 3 following) as b, sum(distinct m) filter (where id > 2) over (order by id rows 3 preceding) as c from t where x < 100
select id, stddev(distinct k) over (order by id rows 4 preceding) as a, product(distinct k) over (order by k range between 1 preceding and 1 following) as b, median(distinct id) over (order by id groups between 3 preceding and current row exclude current row) as c from t
select id, length(string_agg(distinct s, '-') over (order by id rows 2 preceding)) as a, sum(distinct b::int) over (order by id rows 1 preceding) as b from t
select k, count(distinct count(*)) over () as n, sum(distinct sum(id)) over (order by k) from t group by k
select id, (select max(c) from (select count(distinct v) over () as c from u where u.k = t.k) q) as m from t
select count(distinct v) over () from e
select id, median(id) over (), median(k) over (partition by b), median(x) over (partition by k), median(m) over (partition by b) from t
select id, median(d) over (), median(ts) over (), median(k) over (order by id rows between unbounded preceding and unbounded following), id - median(id) over (partition by k) as apart from t
select k, median(sum(id)) over (), median(v) over (partition by k) from t left join u using (k) group by k, v
select median(v) over () from e
select id, sum(id) filter (where b) over (order by id), count(*) filter (k = 1) over () from t
select id, sum(id) over w, count(*) over (w rows 1 preceding), rank() over (v) from t window w as (partition by b order by id), v as (order by k)
select id from t qualify row_number() over (partition by k order by id desc) = 1
select id, row_number() over (partition by k order by id desc) as rn from t qualify rn = 1 and id > 2
select id, k from t where id > 1 qualify count(*) over (partition by k) > 1 order by all
select k, sum(id), sum(sum(id)) over (order by k), rank() over (order by count(*) desc, k) from t group by k order by all
select k, sum(id) as total, sum(id) / sum(sum(id)) over () as share from t group by k having count(*) > 1 order by all
select k, count(*) from t group by k qualify row_number() over (order by count(*) desc, k) <= 2
select id from t order by row_number() over (order by x desc nulls last, id) limit 3
select id, sum(id) over (order by id) - lag(id) over (order by id) as diff, coalesce(lag(k) over (order by id), 0) + 1 as c from t
select distinct k, count(*) over (partition by k) as n from t order by all
select * from (select id, row_number() over (partition by k order by id) as rn from t) q join (select v, row_number() over (order by v) as rn from u) r on q.rn = r.rn order by all
with a as (select *, row_number() over (partition by k order by id) as rn from t) select id, rn from a where rn = 1 order by all
select id, max((select max(v) from u where u.k = t.k)) over () as m from t
select id from t where id in (select row_number() over (order by v) from u)
select id from t where exists (select 1 from u where u.k = t.k qualify row_number() over (order by v) > 1)
select id from t where k in (select sum(v) over () / 41 from u where u.k = t.k)
select id, count(*) over (partition by k + 1, b order by x desc, id) as n, sum(v) over (order by id, v) from t join u using (k)
select row_number() over () as n, count(*) over (order by v) from e
select sum(count(*)) over () from t
select max(id) over (order by id range between unbounded preceding and current row) from t
select id, avg(id) over (order by id) + 1, sum(1) over (partition by k order by id rows between unbounded preceding and 1 preceding) from t
select k, sum(id), rank() over (partition by grouping(k) order by sum(id)) from t group by rollup (k)
select id, (select max(v) over (order by v) from u where u.k = t.k order by v limit 1) as v from t where id in (1, 6)
select id, (select count(*) from (select row_number() over (order by v) as r from u) q where q.r < t.k) as n from t
select id, sum(id) over w as s1 from t window p as (partition by k), w as (p order by id)
"""

OTHERS = """
select distinct on (k) k, id from t order by k, id desc
select distinct on (k, b) id from t order by k, b, id
select distinct on (k + 1) id, k from t order by k + 1, id desc nulls last
select distinct on (1) k as key, id from t order by 1, id
select * from (select distinct on (b) b, id from t order by b, id) q order by all
select distinct on (k) k, count(*) as n from t group by k, b order by k, n desc
select id from t where id in (select distinct on (k) id from t order by k, id)
select k, b, sum(id) from t group by rollup (k, b)
select k, b, sum(id), grouping(k), grouping(k, b), grouping_id(b, k) from t group by cube (k, b)
select k, b, count(*) from t group by grouping sets ((k, b), (k), (), b)
select k, b, d, count(*), sum(m) from t group by k, rollup (b, d)
select k, b, d, count(*) from t group by rollup (k, (b, d))
select k, b, count(*) from t group by grouping sets (rollup (k, b), cube (b), k)
select k + 1 as j, sum(id) as n from t group by rollup (j) having sum(id) > 3
select k, sum(k), count(*) from t group by rollup (k)
select k, grouping(k) from t group by k
select v, count(*) from e group by rollup (v)
select count(*) from e group by grouping sets ((), ())
select case when grouping(b) = 1 then 'all' else cast(b as varchar) end as label, count(*) from t group by rollup (b)
select k, b, count(*) from t group by rollup (1, 2) order by all
select id, (select v from u where u.k = t.k order by v desc limit 1) as v from t
select id, (select v from u where u.k = t.k order by v limit 1 offset 1) as v from t
select id, (select max(v) from (select v from u order by v limit 2) q where q.v > t.id) as v from t
select id from t where id in (select v - 17 from u where u.k = t.k order by v limit 1)
select id from t where exists (select v from u where u.k <= t.k order by v limit 1 offset 2)
select id, (select v from u where u.k < t.k order by v desc, name limit 1) as v from t
select id from t where not exists (select v from u where u.k = t.k offset 1)
select k from t intersect all select k from u
select k from t except all select k from u
(select x from t union all select x from t) except all select x from t
select k, b from t intersect all (select k, b from t where id > 1)
"""

LATERAL = """
select id, n from t, lateral (select t.id + 1 as n) q order by all
select t.id, q.v from t cross join lateral (select v from u where u.k = t.k) q order by all
select t.id, q.v from t left join lateral (select v from u where u.k = t.k) q on true order by all
select t.id, q.* from t join lateral (select max(v) as m, count(*) as n from u where u.k = t.k) q on true order by all
select t.id, q.v from t, lateral (select v from u where u.k = t.k order by v desc limit 1) q order by all
select t.id, q.v from t left join lateral (select v, name from u where u.v > t.id * 10 order by v limit 2) q on true order by all
select t.id, q.v from t, lateral (select v from u where u.v > t.id * 10) q where q.v < 45 order by all
select t.id, a, r.b2 from t, lateral (select id + 1) q(a), lateral (select a + 1) r(b2) order by all
select id, (select sum(n) from u, lateral (select u.v + t.id as n) q where u.k = t.k) as s from t order by all
select t.id, q.rn from t, lateral (select row_number() over (order by v) as rn from u where u.k = t.k) q order by all
select t.id, q.k2, q.c from t, lateral (select u.k as k2, count(*) as c from u where u.k <= t.k group by u.k) q order by all
select t.id, q.v from t, lateral (select v from e where e.k = t.k) q
select t.id, q.n from t, lateral (select count(*) as n from e where e.k = t.k) q order by all
select t.id, q.z from t left join lateral (select * from w where w.k = t.k) q on true order by all
select t.id, q.v from t, lateral (select distinct v + t.id as v from u) q order by all
"""


@pytest.fixture(scope="module")
def tables() -> dict[str, pa.Table]:
    return small_tables()


@pytest.mark.parametrize("query", WINDOWS.strip().splitlines())
def test_window(query: str, tables: dict[str, pa.Table]) -> None:
    assert_same(query, tables)


@pytest.mark.parametrize("query", OTHERS.strip().splitlines())
def test_grouping_and_numbering(query: str, tables: dict[str, pa.Table]) -> None:
    assert_same(query, tables)


@pytest.mark.parametrize("query", LATERAL.strip().splitlines())
def test_lateral(query: str, tables: dict[str, pa.Table]) -> None:
    assert_same(query, tables)


def test_distinct_values_over_a_frame_of_values_are_told_as_such() -> None:
    window = "order by x range between 1.5 preceding and current row"
    with pytest.raises(UnsupportedOperation, match="list of DISTINCT values over a frame is not supported"):
        sql(f"select list(distinct x) over ({window}) as n from (select 1.0 as x) q")
