"""Statements that make, fill and change tables, run side by side in Volley and in DuckDB."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

import volley as vl
from volley.engine.errors import CastError, ConfigError, ExecutionError, SqlError, UnsupportedOperation, VolleyError

SCRIPT = """
create table x (a int, b varchar default 'q', c double not null)
insert into x values (1, 'a', 2.5), (2, null, 3)
insert into x (c, a) select 9, 7
insert into x by name select 4 as a, 0.5 as c
insert into x (c) values (1)
select * from x order by all
update x set a = a + 10, b = 'z' where a > 1
select * from x order by all
update x set c = (select max(a) from x)
update x set b = upper(b)
select * from x order by all
delete from x where a is null
delete from x where b like 'Z' and a in (select 14)
select * from x order by all
create table y as select * from x
drop table x
insert into y select a + 1, b, c from y
select count(*), sum(a) from y
truncate y
select count(*) from y
create table k (i int primary key, j int unique)
insert into k values (1, 1), (2, null), (3, null)
select * from k order by all
create or replace temp table k (i decimal(10, 2), d date, t timestamp, l int[])
insert into k values (1, '2020-01-01', '2020-01-01 10:00:00', [1, 2]), (2.345, null, null, null)
select * from k order by i
drop table y
drop table k
drop table if exists y
"""


@pytest.fixture
def session() -> Iterator[vl.Session]:
    with vl.Session() as session:
        yield session


def test_a_script_does_what_it_does_in_duckdb(session: vl.Session) -> None:
    connection = duckdb.connect()
    for statement in SCRIPT.strip().splitlines():
        theirs = connection.execute(statement).fetchall()
        ours = [tuple(row.values()) for row in vl.sql(statement).to_arrow().to_pylist()]
        if not statement.startswith(("create", "drop")):
            assert ours == theirs or statement.startswith("truncate"), statement


def test_frames_made_before_a_change_keep_their_rows(session: vl.Session) -> None:
    vl.register("x", vl.DataFrame({"a": [1, 2]}))
    before = vl.sql("from x")
    vl.sql("insert into x values (3)")
    assert (len(before), len(vl.sql("from x"))) == (2, 3)


def test_a_change_that_fails_leaves_the_table(session: vl.Session) -> None:
    vl.sql("create table k (i int primary key, j int)")
    vl.sql("insert into k values (1, 1)")
    for statement, message in (
        ("insert into k values (2, 2), (1, 3)", "i of 'k' would be 1 in more than one row"),
        ("insert into k values (null, 3)", "column 'i' of 'k' takes no null; 1 would be added"),
        ("update k set i = null", "takes no null"),
        ("insert into k select 3, 9999999999", "9999999999"),
        ("insert into k values ('x', 1)", "cannot cast 'x' to int32"),
    ):
        with pytest.raises((ExecutionError, CastError), match=message):
            vl.sql(statement)
        assert vl.sql("from k").to_dict() == {"i": [1], "j": [1]}, statement


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("insert into k values (1)", r"'k' takes 2 values; 1 are given"),
        ("insert into k (i, z) values (1, 2)", "unknown column 'z'; available: i, j"),
        ("insert into q values (1)", "unknown table 'q'; available: k"),
        ("update k set z = 1", "unknown column 'z'"),
        ("delete from k where z = 1", "unknown column 'z'"),
        ("create table q (a)", "column 'a' needs a type"),
        ("create table q (a inx)", "unknown type 'inx'"),
    ],
)
def test_mistakes(session: vl.Session, statement: str, message: str) -> None:
    vl.sql("create table k (i int, j int)")
    with pytest.raises(SqlError, match=message):
        vl.sql(statement)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("create type e as enum ('a')", "ENUM"),
        ("comment on table k is 'x'", "COMMENT"),
        ("pragma nope", "PRAGMA nope"),
    ],
)
def test_what_is_not_offered_is_named(session: vl.Session, statement: str, message: str) -> None:
    vl.sql("create table k (i int, j int)")
    with pytest.raises(UnsupportedOperation, match=message):
        vl.sql(statement)


def test_copy_from_takes_options_of_files(session: vl.Session, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a title\n-|y\n1,5|z\n1|2|3\n")
    vl.sql("create table o (n double, s varchar)")
    options = "header false, delim '|', skip 1, null '-', decimal_separator ',', ignore_errors true"
    vl.sql(f"copy o from '{tmp_path}/x.csv' ({options})")
    assert vl.sql("from o").to_dict() == {"n": [None, 1.5], "s": ["y", "z"]}


def test_copy_from_a_file(session: vl.Session, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("1|a\n2|b\n")
    vl.sql("create table x (n double, s varchar)")
    assert vl.sql(f"copy x from '{tmp_path}/x.csv' (header false, delim '|')").to_dict() == {"Count": [2]}
    vl.sql(f"copy x to '{tmp_path}/x.parquet'")
    vl.sql(f"copy x from '{tmp_path}/x.parquet' (format parquet)")
    assert vl.sql("select sum(n) as n, count(*) as rows from x").to_dict() == {"n": [6.0], "rows": [4]}
    (tmp_path / "one.csv").write_text("a\n1\n")
    with pytest.raises(SqlError, match=r"'x' takes 2 columns; .* has 1"):
        vl.sql(f"copy x from '{tmp_path}/one.csv'")
    with pytest.raises(VolleyError, match="does not exist"):
        vl.sql(f"copy x from '{tmp_path}/nothing.csv'")


def test_settings_are_those_of_the_session(session: vl.Session, tmp_path: Path) -> None:
    begun = session.threads
    vl.sql(f"set spill_dir = '{tmp_path}'")
    assert vl.sql("select current_setting('spill_dir') as folder").to_arrow().to_pylist() == [{"folder": str(tmp_path)}]
    vl.sql("reset spill_dir")
    assert session.spill_dir is None
    vl.sql("set threads = 1")
    vl.sql("set memory_limit = '1GB'")
    vl.sql("set recursion_limit = 5")
    assert (session.threads, session.memory_limit, session.recursion_limit) == (1, 10**9, 5)
    vl.sql("reset threads")
    vl.sql("RESET memory_limit;")
    assert (session.threads, session.memory_limit) == (begun, None)
    for statement, message in (
        ("set thread = 1", "unknown setting 'thread'; did you mean 'threads'"),
        ("set threads = 'x'", "threads must be a whole number"),
        ("set threads = 0", "threads must be a whole number"),
        ("set spill_dir = 'nowhere'", "'nowhere' is not a folder"),
        ("reset nothing", "unknown setting 'nothing'"),
    ):
        with pytest.raises(ConfigError, match=message):
            vl.sql(statement)
