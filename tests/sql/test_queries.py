# ruff: noqa: E501  # one case is one line
"""Every construct of the slice, compared with DuckDB over tables with nulls, NaN and empty ones."""

from __future__ import annotations

import pyarrow as pa
import pytest

from tests.sql.oracle import assert_same, small_tables

EXPRESSIONS = """
id + 1, id - k, id * 2, -id, x + id, m + 1, m * m, m - 0.05, m * 1.5
id / 2, k / 0, x / 0, 7 // k, -7 // 2, -7 % 3, 7 % -3, id % 3, m / 2, x % 2
2 ^ 3, 2 ** 0.5, pow(id, 2), abs(-id), sign(k), floor(x), ceil(x), round(m, 1), sqrt(4.0), ln(exp(1.0)), log(100.0)
1, 1.5, 1e3, .5, 123456789012, 'text', 'it''s', true, false, null
id = 1, id <> 1, id < 3, id <= 3, id > 3, id >= 3, x = x, x > 100, x < 100
k = null, k is null, k is not null, x is null, b is true, b is not true, b is false, b is not false
k is distinct from 1, k is not distinct from null, k is distinct from null
b and true, b or false, not b, b and null, b or null, null and false, null or true
id between 2 and 4, id not between 2 and 4, k between null and 3, d between '1970-01-15' and '2010-01-01'
id in (1, 2, 3), k in (1, null), k not in (1, null), s in ('apple', 'x'), k not in (1, 2), id in (1), d in ('1970-01-01')
id in (k, 3), (id, k) in ((1, 1), (2, 3)), id = '3', x < '2'
s like 'a%', s not like '%a', s ilike 'BA%', s like 'a!_b!%c' escape '!', s like '_____', s like null, s like ''
s similar to 'a.*', s not similar to '(apple|cherry)', s glob 'a*', s glob '?pple', s glob '*[e-n]*', s glob '[!a]*', 'a*b' glob 'a\\*b', 'a.b' glob 'a?b'
s || '!', s || id, 'a' || null, concat(s, '-', id), concat(s, null), lower(s), upper(s), length(s), trim('  a '), ltrim('xxa', 'x')
substring(s, 2, 3), substring(s from 2), substr(s, 1, 1), left(s, 2), replace(s, 'a', 'o'), starts_with(s, 'a'), contains(s, 'an')
trim(both 'x' from 'xax'), rtrim('ab  '), suffix(s, 'e'), prefix(s, 'ap'), regexp_matches(s, '^a'), s ~ 'b', len(s)
case when id > 3 then 'big' when id > 1 then 'mid' else 'one' end, case k when 1 then 'a' when 2 then 'b' end
case when b then 1 else 2.5 end, case when k is null then null else id end, if(b, 1, 2), coalesce(k, id, 0), ifnull(k, -1)
nullif(k, 1), greatest(id, k, 3), least(id, k), coalesce(null, null)
cast(id as varchar), cast('12' as int), id::double, cast(x as float), try_cast('abc' as int), try_cast('7' as bigint)
cast(m as double), cast('2020-02-29' as date), cast(d as varchar), cast('1.25' as decimal(5,2)), cast(id as decimal(10,2)), cast(b as int)
date '2020-01-31' + interval 1 month, d + interval '2 days', d - interval 1 year, d + 3, d - 1, d - date '1970-01-01'
ts + interval 90 minute, ts - interval '1 day 2 hours', timestamp '2020-01-01 10:00:00', date '2020-01-01' + interval 5 hour
interval 1 week + d, d + interval 1 month - interval 1 day, d = ts, d < '1999-01-01', d <= date '1999-01-01' + interval 1 day
extract(year from d), extract(month from ts), year(d), month(d), day(d), quarter(d), hour(ts), minute(ts), second(ts)
dayofweek(d), isodow(d), dayofyear(d), week(d), date_part('year', d), extract(dow from d), extract(doy from d)
date_trunc('month', d), date_trunc('year', ts), date_trunc('hour', ts), date_trunc('week', d), date_trunc('quarter', d)
date_diff('day', d, date '2000-01-01'), date_diff('month', d, date '2000-01-01'), date_diff('year', d, date '2000-01-01')
isnan(x), isfinite(x), x = 'nan'::double, (((id))), - (-id), not not b, id + k * 2 - 1
"""

QUERIES = """
select * from t order by all
select t.* from t
select id as "My Id", ID, T.Id from T where Id < 3
select * exclude (x, s) from t
select * replace (id * 2 as id) from t
select * rename (id as ident) from t
from t select id, k where k = 1
from t
select 1 as a, 2 as a, 3 as b
select distinct k from t
select distinct k, b from t order by all
select id from t where b order by id desc limit 3
select id from t order by id limit 2 offset 3
select id from t order by id offset 6
select id, x from t order by x desc, id limit 5
select id, x from t order by x nulls first, id
select id, s from t order by s desc nulls first, id limit 4
select id from t order by -id limit 2
select id as z from t order by z desc limit 2
select id, k from t order by 2, 1
select k + 1 as j, j * 2 as jj from t
select id + 1 as n from t where n > 5
select count(*), count(k), count(distinct k), sum(k), avg(k), min(x), max(x), min(s), max(d) from t
select k, count(*), sum(m), avg(m), min(m) from t group by k order by all
select k, b, count(*) from t group by k, b order by all
select k, b, count(*) from t group by all order by all
select k + 1, sum(id) from t group by k + 1 order by all
select k + 1 as j, sum(id) * 2 + count(*) from t group by j order by all
select k + 1 as j, sum(id) from t group by 1 order by all
select (k + 1) * 2, count(*) from t group by k + 1 order by all
select k, sum(id) as total from t group by k having sum(id) > 3 and count(*) > 1 order by all
select k, sum(id) as total from t group by k having total > 3 order by all
select count(*) from t having count(*) > 100
select sum(id) filter (where b), count(*) filter (where k = 1), count(*) filter (k is null) from t
select count_if(id > 3), bool_or(b), bool_and(b), stddev(id), var_pop(id), stddev_pop(id), variance(id) from t
select sum(b), sum(distinct k), count(distinct s), avg(distinct k), min(distinct id) from t
select b, count(distinct k), sum(id) from t group by b order by all
select count(*), sum(v), min(v), avg(v) from e
select k, count(*) from e group by k
select sum(id) + 1, max(id) - min(id) from t where id > 100
select b, case when sum(id) > 10 then 'many' else 'few' end from t group by b order by all
select extract(year from d) as y, count(*) from t group by y order by y nulls last
select date_trunc('month', d) as month, count(*) from t group by month order by all
select k from t group by k order by count(*) desc, k limit 2
select max(id) as biggest from t order by biggest
select 'x' as c, count(*) from t group by c
select any_value(s) from t where id = 1
select t.id, u.v from t join u on t.k = u.k order by all
select t.id, u.v from t inner join u using (k) order by all
select * from t join u using (k) order by all
select t.id, u.name from t left join u on t.k = u.k order by all
select * from u left join w using (k) order by all
select t.id, u.v from t left join u on t.k = u.k and u.v > 20 order by all
select t.id, u.v from t left join u on t.k = u.k and t.id > 2 order by all
select t.id, u.v from u right join t on t.k = u.k order by all
select k, id, v from t right join u using (k) order by all
select t.id, u.v from t full join u on t.k = u.k order by all
select k, id, v from t full join u using (k) order by all
select t.id, u.v from t cross join u order by all
select t.id, u.v from t, u where t.k = u.k and u.v > 10 order by all
select a.id, b.id from t a join t b on a.k = b.k and a.id < b.id order by all
select t.id, u.v, w.z from t join u on t.k = u.k join w on w.k = u.k order by all
select t.id, u.v, w.z from t left join u on t.k = u.k left join w on w.k = t.k order by all
select t.id, u.v from t join u on t.id < u.k order by all
select t.id, u.v from t left join u on t.id < u.k order by all
select * from u natural join w order by all
select id from t semi join u on t.k = u.k order by all
select id from t anti join u on t.k = u.k order by all
select id from t semi join u using (k) order by all
select id from t anti join u on t.k = u.k and u.v > 15 order by all
select t.id, q.v from t join (select k, max(v) as v from u group by k) q on q.k = t.k order by all
select * from (u join w on u.k = w.k) order by all
select t.id, u.v from t join e u on t.k = u.k
select t.id, e.v from t left join e on t.k = e.k order by all
select t.id from t full join e on t.k = e.k order by all
select q.a, q.b from (select id, k from t) q(a, b) where q.a < 3 order by all
select * from (values (1, 'x'), (2, null)) v(n, s) order by all
select sum(n) from (values (1), (2.5), (null)) v(n)
values (1, 'a'), (2, 'b')
select col0 + 1 from (values (1 + 1), (3))
with a as (select id, k from t), b as (select k, count(*) n from a group by k) select * from b order by all
with a as (select id from t where id < 3) select x.id, y.id from a x, a y order by all
with a(p, q) as (select id, k from t) select q, sum(p) from a group by q order by all
with t as (select 1 as id) select * from t
with a as (select 1 as i), b as (with a as (select 2 as i) select * from a) select a.i, b.i from a, b
select id from t union all select v from u order by id
select k from t union select k from u order by all
select k, 1.5 as c from t union all select v, 2 from u order by all
select k from t intersect select k from u order by all
select k from t except select k from u order by all
select 1 union all select 2 union all select 3 order by 1 desc limit 2
(select id from t order by id limit 2) union all (select v from u order by v desc limit 1) order by all
select id from (select id from t order by id desc limit 3) order by all
select distinct b from t union all select distinct b from t order by all
"""

SUBQUERIES = """
select id, (select max(v) from u) as top from t order by all
select id from t where id > (select avg(k) from u) order by all
select id, (select sum(v) from u where u.k = t.k) as total from t order by all
select id, (select count(*) from u where u.k = t.k) as n from t order by all
select id, (select count(*) + 1 from u where u.k = t.k) as n from t order by all
select id, (select coalesce(sum(v), -1) from u where u.k = t.k) as n from t order by all
select id, (select count(*) from u where u.v > t.id * 10) as n from t order by all
select id, (select max(v) from u where u.v > t.id * 10) as n from t order by all
select id, (select sum(v + t.id) from u where u.k = t.k) as n from t order by all
select id, (select t.id + 1) as n from t order by all
select id, (select count(*) from u where u.k = t.k having count(*) > 1) as n from t order by all
select id, (select count(*) from u where u.k = t.k having count(*) < 1) as n from t order by all
select id, (select v from u where u.k = t.k and v <> 21) as n from t order by all
select id, (select distinct name from u where u.k = t.k) as n from t order by all
select id, (select v from u where v < 15) as n from t order by all
select id, (select v from u where v < 0) as n from t order by all
select id, (select v from u order by v desc limit 1) as n from t order by all
select id, (select v from u where u.k = t.k) as n from t where t.k <> 2 order by all
select id, (select s from t t2 where t2.id = t.id) as a, (select m from t t2 where t2.id = t.id) as b from t order by all
select id, (select sum(v) from u where u.k = t.k group by k) as n from t order by all
select id, (select max(v) from (select v from u where u.k = t.k) q) as m from t order by all
select id, (select sum(q.v) from (select v, k from u where u.v > t.id * 9) q join w on w.k = q.k) as m from t order by all
select id from t where exists (select 1 from (select * from u where u.k = t.k) q where q.v > 10) order by all
select id from t where k in (select q.k from (select k, v from u where v > t.id) q where q.v < 30) order by all
select a.x from (select 1 x) a where a.x = (select max(b.x) from (select a.x) b) order by all
select id, (select count(*) from w, (select k from u where u.k = t.k) q where q.k = w.k) as m from t order by all
select id, (select count(*) from w join (select k from u where u.k = t.k) q on q.k = w.k) as m from t order by all
select id, (select max(z) from (select max(v) as z from u where u.k = t.k) q) as m from t order by all
select id, (select max(y) from (select * from (select v as y from u where u.k = t.k) a) b) as m from t order by all
select id, (select max(v) from (select v from u where u.k = t.k order by v limit 1) q) as m from t order by all
select id, (select count(*) from (select distinct name from u where u.k = t.k) q) as m from t order by all
with c as (select k, v from u) select id, (select max(v) from (select v from c where c.k = t.k) q) as m from t order by all
select id from t where (k, id) not in (select k, v from u) order by all
select id from t where (k, id) not in (select k, v / 10 from u) order by all
select id from t where (k, id) not in (select k, v / 10 from u where k is not null) order by all
select id from t where (k, id) not in (select k, v from e) order by all
select id from t where exists (select 1 from u where u.k=t.k union select 1 from w where w.k = t.k) order by all
select id from t where k in (select k from u union all select k from w where w.k = t.k) order by all
select id from t where k not in (select k from u where k is not null union all select k from w where w.k = t.k and w.k is not null) order by all
select id from t where not exists (select 1 from u where u.k=t.k union all select 1 from w where w.k = t.k) order by all
select id, exists (select 1 from u where u.k=t.k union all select 1 from w where w.k = t.k) as f from t order by all
select id from t where k in (select k from u) order by all
select id from t where k not in (select k from u) order by all
select id from t where k not in (select k from u where k is not null) order by all
select id from t where k not in (select k from e) order by all
select id from t where k in (select k from e) order by all
select id from t where id in (select v / 10 from u where u.k = t.k) order by all
select id from t where id not in (select v / 10 from u where u.k = t.k) order by all
select id from t where k in (select k from u where v > t.id) order by all
select id from t where k not in (select k from u where v > t.id * 5) order by all
select id from t where (k, id) in (select k, v / 10 from u) order by all
select id, k in (select k from u) as found from t order by all
select id, k not in (select k from u) as missing from t order by all
select id, k in (select k from u where k is not null) as found from t order by all
select id, id in (select v / 10 from u where u.k = t.k) as found from t order by all
select id, 1 in (select k from u) as found, 7 in (select k from u) as open, null in (select k from e) as none from t order by all
select id from t where k = any (select k from u) order by all
select id from t where k <> all (select k from u where k is not null) order by all
select id, k > any (select k from u) as a, k > all (select k from u) as b, k <= any (select k from e) as c, k <= all (select k from e) as d from t order by all
select id, k < any (select v / 10 from u) as a, k >= all (select v / 10 from u) as b, k <> any (select k from u) as c, k = all (select k from u where k = 1) as d from t order by all
select id from t where id * 10 > all (select v from u where u.k = t.k) order by all
select id from t where id * 10 >= any (select v from u where u.k = t.k) order by all
select id from t where x >= all (select z from w) or x < any (select z from w) order by all
select id from t where exists (select 1 from u where u.k = t.k) order by all
select id from t where not exists (select 1 from u where u.k = t.k) order by all
select id from t where exists (select 1 from u where u.k = t.k and u.v > t.id * 9) order by all
select id from t where exists (select 1 from u where u.v > t.id * 10) order by all
select id from t where not exists (select 1 from u where u.v > t.id * 10) order by all
select id from t where exists (select * from u) order by all
select id from t where exists (select * from e) order by all
select id from t where not exists (select * from e) order by all
select id from t where exists (select count(*) from e where e.k = t.k) order by all
select id from t where exists (select k from u where u.k = t.k group by k having count(*) > 1) order by all
select id, exists (select 1 from u where u.k = t.k) as found from t order by all
select id, exists (select 1 from u where u.v > t.id * 10) as found from t order by all
select id from t where id = 5 or exists (select 1 from u where u.k = t.k) order by all
select id from t where id = 5 or k in (select k from u) order by all
select id from t where not (k in (select k from u) or id = 8) order by all
select id from t where case when b then k in (select k from u) else id > 3 end order by all
select k, sum(id) from t group by k having sum(id) > (select max(k) from u) order by all
select k, count(*) from t group by k having k in (select k from u) order by all
select k, count(*) from t group by k having exists (select 1 from u where u.k = t.k) order by all
select k, (select max(v) from u where u.k = t.k) as best, count(*) from t group by k order by all
select k, sum((select max(v) from u where u.k = t.k)) as total from t group by k order by all
select id from t order by (select max(v) from u where u.k = t.k) nulls last, id
select id from t where k in (select k from u where exists (select 1 from w where w.k = u.k)) order by all
select id from t where exists (select 1 from u where u.k = t.k and exists (select 1 from w where w.k = t.k)) order by all
select id from t where exists (select 1 from u where exists (select 1 from w where w.k = t.k and w.k = u.k)) order by all
select id, (select max(v) from u where u.k = (select max(k) from w where w.k = t.k)) as n from t order by all
select id from t where x > (select avg(x) from t t2 where t2.k = t.k) order by all
select id from t where id = (select max(id) from t t2 where t2.k is not distinct from t.k) order by all
select id from t where (select count(*) from u where u.k = t.k) = 2 order by all
select (select count(*) from u) + (select count(*) from w) as n
select q.id, (select max(v) from u where u.k = q.k) as top from (select id, k from t where id < 4) q order by all
select id from t where k in (select k from u union select k from w) order by all
select id from t where k in (with c as (select k from u) select k from c) order by all
select id from t where id in (select k from u where u.k < t.id group by k having count(*) >= 1) order by all
"""


def _lines(block: str) -> list[str]:
    return [line for line in block.strip().splitlines() if line]


@pytest.fixture(scope="module")
def tables() -> dict[str, pa.Table]:
    return small_tables()


def _split(line: str) -> list[str]:
    """Split at commas outside parentheses and texts."""
    parts, depth, quoted, start = [], 0, False, 0
    for position, sign in enumerate(line):
        quoted = quoted != (sign == "'")
        depth += 0 if quoted else (sign == "(") - (sign == ")")
        if sign == "," and not depth and not quoted:
            parts.append(line[start:position].strip())
            start = position + 1
    return [*parts, line[start:].strip()]


@pytest.mark.parametrize("line", _lines(EXPRESSIONS))
def test_expressions(line: str, tables: dict[str, pa.Table]) -> None:
    items = ", ".join(f"{part} as c{number}" for number, part in enumerate(_split(line)))
    assert_same(f"select id as row, {items} from t", tables)


@pytest.mark.parametrize("query", _lines(QUERIES))
def test_queries(query: str, tables: dict[str, pa.Table]) -> None:
    assert_same(query, tables)


@pytest.mark.parametrize("query", _lines(SUBQUERIES))
def test_subqueries(query: str, tables: dict[str, pa.Table]) -> None:
    assert_same(query, tables)
