# ruff: noqa: E501  # one case is one line
"""Statements that analysts write: moments with and without zones, constants that are cast, shapes of documents."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pytest

from tests.sql.oracle import assert_same
from volley.engine.errors import SqlError, UnsupportedOperation
from volley.sql import sql

TIMES = [0, 86_340_000_000, None, 1_700_000_040_000_000, 1_700_000_100_000_000, 7_020_000_000]
"""Whole minutes, so that means over up to six rows are whole microseconds."""
EVENTS = pa.table(
    {
        "k": ["a", "b", "a", "a", "b", None],
        "n": [1, 2, 3, None, 5, 6],
        "ts": pa.array(TIMES, pa.timestamp("us")),
        "tz": pa.array(TIMES[::-1], pa.timestamp("us", "UTC")),
        "d": pa.array([0, 31, None, 19_000, 19_001, 5], pa.date32()),
        "j": [
            '{"a":1,"b":[1,"x",null],"c":{"d":"2024-01-31"}}',
            '{"a":"7","b":[],"c":5}',
            '{"a":2.5,"b":null,"e":[{"x":1},{"x":"y"},5]}',
            "[1,2,true]",
            "null",
            None,
        ],
        "p": ['{"a":null,"c":{"d":3,"f":null}}', "[1]", '{"z":2.50}', '{"a":{"b":null}}', '"s"', "{}"],
    }
)

ZONED = """
select ts < tz as a, ts = tz as b, tz >= ts as c, ts <> timestamptz '1970-01-01 01:57:00+00' as d from events
select ts is distinct from tz as a, ts in (tz, timestamptz '1970-01-01 00:00:00+00') as b, ts in (timestamptz '1970-01-01 00:00:00+00') as c from events
select ts between timestamptz '1970-01-01 00:00:00+00' and tz as a from events
select (ts - tz)::varchar as a, (tz - timestamp '2000-01-01')::varchar as b, tz - ts > interval 1 day as c from events
select case when n > 2 then ts else tz end as a, if(n > 2, tz, ts) as b, coalesce(ts, tz) as c, greatest(ts, tz) as d, case when n > 2 then ts end as e from events
select a.n, b.n as m from events a join events b on a.ts = b.tz
select a.n, b.n as m from events a left join events b on a.ts = b.tz and a.n < 5
select count(*) as n from events a join (select tz as ts from events) b using (ts)
select count(*) as n from events a natural join (select tz as ts from events) b
select n from events where ts in (select tz from events)
select n, (select max(tz) from events b where b.ts <= a.tz) as m from events a
select ts as t from events union select tz from events
select a.n, b.n as m from events a asof join (select tz, n from events where tz is not null) b on a.ts >= b.tz
"""
CONSTANTS = """
select date '2024-01-31'::timestamp as a, timestamp '2024-01-31 10:00'::date as b, date '2024-01-31'::varchar || 'x' as c, time '10:00'::varchar as d
select timestamp with time zone '2024-01-31 10:00:00+00'::date as a, timestamptz '2024-01-31 10:00:00+02'::date as b, '2024-01-31 10:00'::timestamp::date as c
select typeof(date '2024-01-31'::timestamp) as a, cast('2024-01-31 10:00'::timestamp as date) as b, timestamp '2024-01-31'::date + 1 as c
select E'a\\nb\\tc''d' as a, e'x' || 'y' as b, E'\\\\' as c
select m.k as a, m.z as b, (m).k + 1 as c from (values (map{'k': 1}), (map{'z': 2}), (null)) t(m)
select row(1, 'b')[2] as a, (1, 2)[1] as b, row(7)[1] + 1 as c
select list_resize(l, 3) as a, list_resize(l, 3, 0) as b from (values ([1]), (null), ([1,2,3,4])) t(l)
select array_cross_product([1.5, 2, 3], [2, 3.0, 4]::double[]) as a
select count(*) as a from events using sample 100 percent (bernoulli)
"""
MEANS = """
select n, avg(ts) over (partition by k order by n) as a, avg(d) over (partition by k) as b from events
select n, avg(tz) over (order by n rows between 1 preceding and 1 following) as a, avg(interval 1 hour * n) over (partition by k) as b from events
select avg(ts) filter (where k = 'a') over () as a from events where n <> 2
"""
SHAPES = """
select from_json(j, '{"a":"INT","b":["VARCHAR"],"c":"JSON"}') as a from events
select from_json(j, '{"a":"DOUBLE","b":["INT"],"c":{"d":"DATE"}}') as a, from_json(j, '["INT"]') as b, from_json(j, '"JSON"') as c from events
select json_transform(j, '{"e":[{"x":"INT"}],"a":"DECIMAL(5,2)"}') as a, from_json(j, '{"a":"BOOLEAN"}') as b from events
select unnest(from_json('[3,1,2]', '["BIGINT"]')) as a
select from_json('{"a":true,"b":1.7,"c":"x","d":1e3}', '{"a":"INT","b":"INT","c":"INT","d":"BIGINT"}') as a
select (from_json(j, '{"a":"INT"}')).a as a, count(*) as n from events group by all
select json_merge_patch(j, p) as a, json_merge_patch(p, j) as b, json_merge_patch(j, p, '{"q":[1]}') as c from events where j <> 'null'
select json('{"a" : [1, 2.50 ], "é":"\\u00e9"}') as a
"""


@pytest.mark.parametrize("query", [*ZONED.strip().splitlines(), *CONSTANTS.strip().splitlines()])
def test_moments_and_constants(query: str) -> None:
    assert_same(query, {"events": EVENTS})


@pytest.mark.parametrize("query", [*MEANS.strip().splitlines(), *SHAPES.strip().splitlines()])
def test_means_and_shapes(query: str) -> None:
    assert_same(query, {"events": EVENTS})


def test_moments_stand_in_the_zone_of_those_beside_them() -> None:
    """DuckDB has one zone for the session; here each column has its own."""
    berlin = pa.table({"b": pa.array([dt.datetime(2024, 1, 1, 11)], pa.timestamp("us", "UTC"))})  # noqa: DTZ001  # Arrow's
    berlin = berlin.set_column(0, "b", berlin["b"].cast(pa.timestamp("us", "Europe/Berlin")))
    assert sql(
        "select timestamp '2024-01-01 12:00' = b as a, timestamp '2024-01-01 11:00' = b as c from berlin", berlin=berlin
    ).to_dict() == {"a": [True], "c": [False]}


def test_slices_without_an_end_have_steps() -> None:
    found = sql("select [1,2,3,4][::-1] as a, [1,2,3,4][::2] as b, [1,2,3,4][2::2] as c, [1,2][1::int] as d").to_dict()
    assert found == {"a": [[4, 3, 2, 1]], "b": [[1, 3]], "c": [[2, 4]], "d": [1]}


def test_escapes_are_bytes_where_the_dialect_says_so() -> None:
    assert sql("select B'ab' as a", dialect="bigquery").to_dict() == {"a": [b"ab"]}
    assert sql("select E'a\\nb' as a", dialect="postgres").to_dict() == {"a": ["a\nb"]}


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("select from_json('{}', '{')", SqlError, "is no shape of a document"),
        ("select from_json('{}', '[1, 2]')", SqlError, "is no shape of a document; write it like"),
        ("select from_json('{}', '{\"a\": \"NOPE\"}')", SqlError, "'NOPE' is no type; write it like"),
        ("select from_json('{}', '{\"a\": \"INT[]\"}')", UnsupportedOperation, r'write a list as \["INT"\]'),
        ("select json_merge_patch('{}')", SqlError, "takes a document and a patch"),
        ("select row(1, 2)[3]", SqlError, "its places go from 1 to 2"),
        ("select {'a': 1}[1]", SqlError, "a field of a struct is named by a constant text"),
    ],
)
def test_mistakes(text: str, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        sql(text).to_arrow()


NAMED = """
list_min(l) | list_max(l) | list_has_any(l, l) | list_has_all(l, l) | string_split(s, ' ') | lpad(s, 3, 'x') | rpad(s, 3, 'x') | dayofyear(d) | dayofmonth(d) | weekofyear(d)
jaro_winkler_similarity(s, s) | make_time(n, n, n) | list_transform(l, lambda y: y + 1) | list_filter(l, lambda y, i: y > i) | list_reduce(l, lambda a, b: a + b)
"""


def test_columns_without_a_name_are_called_as_duckdb_calls_them() -> None:
    t = pa.table({"l": [[1, 2]], "s": ["a b"], "d": pa.array([1], pa.date32()), "n": [1]})
    for call in NAMED.replace("\n", " | ").strip(" |").split(" | "):
        assert_same(f"select {call} from t", {"t": t})
