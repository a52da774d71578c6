"""MERGE INTO, side by side in Volley and in DuckDB."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

import volley as vl
from volley.engine.errors import ExecutionError, SqlError, UnsupportedOperation

TABLES = (
    "create table t (id int, v int, w int default 7)",
    "insert into t values (1, 10, 0), (2, 20, 0), (3, 30, 0)",
    "create table s (id int, v int, op text)",
    "insert into s values (1, 100, 'd'), (2, 200, 'u'), (9, 900, 'i'), (10, null, 'i')",
)
MERGED = """
on t.id = s.id when matched and s.op = 'd' then delete when matched then update set v = s.v, w = t.w + 1
when not matched and s.v > 0 then insert (id, v) values (s.id, s.v)
when not matched by source then update set v = null

on t.id = s.id when matched then do nothing when not matched then insert values (s.id, s.v, 3)

on t.id = s.id when not matched then insert values (s.id, default, default)

on t.id = s.id when not matched by target then insert default values

on t.id = s.id when matched then update set v = default, w = default

on t.id = s.id when matched and s.op = 'd' then do nothing when matched and t.v > 1000 then delete
when matched then update set v = s.v * 2

on t.id = s.id and s.op <> 'u' when not matched and s.v is null then do nothing
when not matched and s.op = 'u' then insert (id) values (s.v)
when not matched then insert (id, w) values (s.id, (select max(w) + 5 from t))

on t.id < s.id when matched and s.id = 9 and t.id = 1 then update set v = s.v

on t.id = s.id when not matched by source and t.v > 25 then delete when not matched by source then update set w = 1

on t.id = s.id when matched and s.op = 'd' then update set v = 1.7 when matched then update set (w, v) = ('5', null)

on false when not matched by source then delete when not matched then insert (id) values (s.id + 1)

on true when not matched then insert (id) values (1)

on t.id = s.id when matched and s.v > 1000 then error 'too large: ' || s.v when matched then update set v = s.v
when not matched and s.op <> 'i' then error when not matched by source and t.v is null then error
"""
SOURCES = """
using (select id, v, 3 as w from s) q on t.id = q.id when matched then update when not matched then insert

using (select id, v, 3 as w from s) as q using (id) when matched then update set * when not matched then insert *

using (select v, id from s) as q using (id) when not matched then insert by name

using (values (1, 2), (5, 6)) q(id, v) on t.id = q.id when matched then update set v = q.v + t.v
when not matched then insert (v, id) values (q.v, q.id)

using (select * from s where id > 100) q on t.id = q.id when matched then delete
when not matched by source and t.id = 1 then delete

using t as q on t.id = q.id + 1 when matched then update set v = q.v when not matched then insert (id) values (q.id + 1)
"""
STATEMENTS = [
    *(f"merge into t using s {tail}" for tail in MERGED.strip().split("\n\n")),
    *(f"merge into t {tail}" for tail in SOURCES.strip().split("\n\n")),
    "with q as (from s where id = 1) merge into t using q on t.id = q.id when matched then delete",
    'merge into t as "my t" using s on "my t".id = s.id when matched then update set v = "my t".v - s.v',
]


@pytest.fixture
def session() -> Iterator[vl.Session]:
    with vl.Session() as session:
        for statement in TABLES:
            vl.sql(statement)
        yield session


@pytest.fixture
def connection() -> Any:
    connection = duckdb.connect()
    for statement in TABLES:
        connection.execute(statement)
    return connection


def in_order(rows: list[tuple[Any, ...]]) -> list[str]:
    return sorted(map(repr, rows))


def rows(frame: vl.DataFrame) -> list[str]:
    return in_order([tuple(row.values()) for row in frame.to_arrow().to_pylist()])


@pytest.mark.parametrize("returning", ["", " returning *", " returning merge_action, v as now, *"])
@pytest.mark.parametrize("statement", STATEMENTS)
def test_same_as_in_duckdb(session: vl.Session, connection: Any, statement: str, returning: str) -> None:
    theirs = connection.sql(statement + returning)
    ours = vl.sql(statement + returning)
    assert ours.columns == theirs.columns
    assert rows(ours) == in_order(theirs.fetchall())
    assert rows(vl.sql("from t")) == in_order(connection.sql("from t").fetchall())


@pytest.mark.parametrize(
    ("tail", "message"),
    [
        ("on true when matched then delete", "a row of 't' meets several rows of the source"),
        ("on t.id = s.id when matched then update set v = s.v, v = 3", "column 'v' is set twice"),
        ("on t.id = s.id when matched then update set nope = s.v", "unknown column 'nope'"),
        ("on t.id = s.id when not matched then delete", "can only be inserted"),
        ("on t.id = s.id when not matched then insert (id) values (t.id)", "unknown table or alias 't'"),
        ("on t.id = s.id when not matched then insert (id, v) values (s.id)", "takes 2 values; 1 are given"),
        ("on t.id = s.id when matched then update set v = s.op", "cannot cast '[du]' to int32"),  # the row met first
    ],
)
def test_what_is_wrong_is_said_and_changes_nothing(session: vl.Session, tail: str, message: str) -> None:
    before = rows(vl.sql("from t"))
    with pytest.raises((SqlError, ExecutionError), match=message):
        vl.sql(f"merge into t using s {tail}")
    assert rows(vl.sql("from t")) == before


@pytest.mark.parametrize(
    ("clause", "message"),
    [
        ("when matched then error", "'when matched' of MERGE INTO 't', an error$"),
        ("when matched and s.v > 150 then error 'v is ' || s.v", "'when matched and s.v > 150' .* an error: v is 200$"),
        ("when not matched and s.v is null then error concat(s.id, '!')", "an error: 10!$"),
        ("when not matched by source then error case when t.id = 3 then 'three' end", "by source' .* an error: three$"),
        ("when matched and s.op = 'd' then delete when matched then error s.op", "an error: u$"),
    ],
)
def test_rows_under_error_stop_the_merge(session: vl.Session, connection: Any, clause: str, message: str) -> None:
    before = rows(vl.sql("from t"))
    statement = f"merge into t using s on t.id = s.id {clause} when not matched then insert (id) values (s.id)"
    with pytest.raises(duckdb.ConstraintException):
        connection.execute(statement)
    with pytest.raises(ExecutionError, match=message):
        vl.sql(statement)
    assert rows(vl.sql("from t")) == before


def test_error_is_a_name_where_then_gives_a_value(session: vl.Session) -> None:
    vl.sql("create table k (id int, error int)")
    vl.sql("insert into k values (1, 2)")
    vl.sql("merge into k using k as q on k.id = q.id when matched then update set id = case when true then q.error end")
    assert rows(vl.sql("from k")) == ["(2, 2)"]


def test_a_source_of_too_many_columns(session: vl.Session) -> None:
    vl.sql("alter table s add column more int")
    for action in ("when matched then update set *", "when not matched then insert *"):
        with pytest.raises(SqlError, match="takes 3 values; "):
            vl.sql(f"merge into t using s on t.id = s.id {action}")
    with pytest.raises(UnsupportedOperation, match="INSERT for rows that are there"):
        vl.sql("merge into t using s on t.id = s.id when matched then insert values (1, 2, 3)")


def test_rules_and_generated_columns_hold(session: vl.Session) -> None:
    vl.sql("create table k (id int primary key, v int check (v < 1000), twice int as (v * 2))")
    vl.sql("insert into k (id, v) values (1, 1), (2, 2)")
    merge = """merge into k using s on k.id = s.id when matched then update set v = {}
    when not matched then insert (id, v) values {}"""
    with pytest.raises(ExecutionError, match="'k'"):
        vl.sql(merge.format("s.v", "(1, 1)"))
    with pytest.raises(ExecutionError, match="'k'"):
        vl.sql(merge.format("s.v * 100", "(s.id, 0)"))
    with pytest.raises(SqlError, match="'twice' is generated"):
        vl.sql(merge.format("s.v", "(s.id, 0)").replace("(id, v)", "(id, twice)"))
    said = vl.sql(merge.format("s.v", "(s.id, 5)") + " returning merge_action, id, twice")
    assert rows(said) == in_order([("UPDATE", 1, 200), ("UPDATE", 2, 400), ("INSERT", 9, 10), ("INSERT", 10, 10)])
    assert rows(vl.sql("from k")) == in_order([(1, 100, 200), (2, 200, 400), (9, 5, 10), (10, 5, 10)])
