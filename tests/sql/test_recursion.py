# ruff: noqa: E501  # one case is one line
"""Recursive CTEs, compared with DuckDB; what ends one that does not end by itself."""

from __future__ import annotations

import pytest

import volley as vl
from tests.sql.oracle import assert_same, small_tables
from volley.engine.errors import ExecutionError, SqlError

QUERIES = """
with recursive r(n) as (select 1 union all select n + 1 from r where n < 5) select * from r order by all
with recursive r(n) as (select 1 union select (n * 2) % 7 from r) select * from r order by all
with recursive r as (select 1 as a, 'x' as s union all select a + 1, s || 'y' from r where a < 4) select a, s from r
with recursive g(a, b) as (values (1, 2), (2, 3), (3, 1), (3, 4)), p(x) as (select 1 union select g.b from g join p on g.a = p.x) select * from p
with recursive r(n) as (select 1 union all select n + 1 from r where n < 5) select a.n, b.n as m from r a join r b on a.n = b.n + 1
with recursive r(n, p) as (select k, cast(null as bigint) from u union select id, n from t join r on t.k = r.n) select * from r
with recursive r(n) as (select id from t where false union all select n + 1 from r) select * from r
with recursive r(n) as (select 1 union all (with recursive q(m) as (select n from r where n < 4 union all select m + 10 from q where m < 20) select m - 10 + 1 from q where m > 20)) select * from r
with recursive fib(a, b) as (select 0, 1 union all select b, a + b from fib where b < 100) select a from fib order by all
with recursive r as (select null::int as n union select n + 1 from r) select * from r
with recursive not_really as (select 1 as x) select * from not_really
with recursive r(n) as (values (1) union all select n + 1 from r where n < 3) select (select max(n) from r) as top, n from r
with recursive r(n) as (select 1 union all select n + 1 from r where n < (select max(k) from t)) select n from r where n > 3
with recursive r(n) as (select 1 union all select max(n) + 1 from r having max(n) < 4) select n from r
"""


@pytest.mark.parametrize("query", QUERIES.strip().splitlines())
def test_recursive_queries(query: str) -> None:
    assert_same(query, small_tables())


ENDLESS = "with recursive r(n) as (select 1 union all select n + 1 from r) select n from r"


def test_a_reader_with_enough_rows_ends_an_endless_recursion() -> None:
    assert vl.sql(f"{ENDLESS} limit 4").to_dict() == {"n": [1, 2, 3, 4]}


def test_a_runaway_recursion_is_stopped_with_what_to_do() -> None:
    with vl.Session() as session:
        session.recursion_limit = 7
        with pytest.raises(ExecutionError, match=r"r has not ended after 7 rounds; give it a condition that ends it"):
            vl.sql(ENDLESS).to_arrow()
        bounded = vl.sql("with recursive r(n) as (select 1 union all select n + 1 from r where n < 8) from r")
        assert len(bounded) == 8, "the rounds that there are may be as many as the limit"


def test_the_step_reads_only_the_rows_of_the_last_round() -> None:
    counted = "with recursive r(n, rows) as (select 1, 1 union all select n + 1, (select count(*) from r) from r where n < 4) from r"
    assert vl.sql(counted).to_dict() == {"n": [1, 2, 3, 4], "rows": [1, 1, 1, 1]}


def test_explain_shows_the_recursion_and_its_parts() -> None:
    lines = vl.sql(f"{ENDLESS} where n < 3").explain("logical").splitlines()
    shown = [line.split()[0] for line in lines]
    assert shown.count("Recursion") == 1
    assert shown.count("WorkingTable") == 1
    assert "ScanExec recursion r" in vl.sql(ENDLESS).explain("physical")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("with recursive r as (select 1 as n from r) select * from r", "'r' must be a UNION"),
        (
            "with recursive r as (select 1 as n union all select n from r union all select n from r) from r",
            "'r' may read itself only in the last part",
        ),
        ("with recursive r(n) as (select 1 union all select n, n from r) select * from r", "give 1 and 2 columns"),
        ("with recursive r(n, m) as (select 1 union all select n from r) select * from r", "has 1 columns; 2 names"),
        ("with recursive r(n) as (select date '2020-01-01' union all select 1 from r) from r", "cannot cast"),
    ],
)
def test_mistakes_are_named_while_planning(query: str, message: str) -> None:
    with pytest.raises(SqlError, match=message):
        vl.sql(query)
