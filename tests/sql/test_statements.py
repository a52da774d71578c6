"""Statements that are no queries: what they show, and what they do to tables and files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
import sqlglot

import volley as vl
from tests.sql.oracle import plain, rows_of, small_tables
from volley.engine.errors import ConfigError, SqlError, UnsupportedOperation, VolleyError


@pytest.fixture
def session() -> Iterator[vl.Session]:
    with vl.Session() as session:
        vl.register("t", small_tables()["t"])
        yield session


def run(text: str) -> pa.Table:
    return vl.sql(text).to_arrow()


def test_explain_shows_the_optimised_plan(session: vl.Session) -> None:
    lines = run("explain select id from t where k = 1")["plan"].to_pylist()
    assert lines[-1].lstrip().startswith("Scan")
    assert any("k = 1" in line for line in lines)


def test_explain_analyze_counts_rows(session: vl.Session) -> None:
    assert any("8" in line for line in run("explain analyze select id from t")["plan"].to_pylist())


def test_describe_a_table_and_a_query(session: vl.Session) -> None:
    described, nothing = run("describe t").to_pylist(), {"key": None, "default": None, "extra": None}
    assert described[0] == {"column_name": "id", "column_type": "int64", "null": "YES", **nothing}
    assert [row["column_name"] for row in described] == small_tables()["t"].schema.names
    assert run("describe select 1 as a, 'x' as b")["column_type"].to_pylist() == ["int64", "string"]


def test_describe_and_summarize_stand_in_from(session: vl.Session) -> None:
    run("create table held (a int primary key, b varchar not null)")
    query = "select column_name, key from (describe held) order by 1"
    assert run(query).to_pylist() == [{"column_name": "a", "key": "PRI"}, {"column_name": "b", "key": None}]
    cte = "with c as (select 1 as x, 'y' as z), d as (describe c) select column_name, column_type from d"
    assert run(cte).to_pydict() == {"column_name": ["x", "z"], "column_type": ["int64", "string"]}
    joined = "select d.column_type, s.min from (describe t) d join (summarize t) s using (column_name)"
    assert run(joined).num_rows == small_tables()["t"].num_columns
    twice = run("describe select 1 as a, 2 as a")["column_name"].to_pylist()
    theirs = duckdb.sql("describe select * from (select 1 as a, 2 as a)").fetchall()
    assert twice == [row[0] for row in theirs]


def quartiles(row: dict[str, Any]) -> list[str]:
    return [row["q25"], row["q50"], row["q75"]]


def test_summarize(session: vl.Session) -> None:
    connection = duckdb.connect()
    connection.register("t", small_tables()["t"])
    oracle = connection.sql("select min(m), max(m), count(distinct m), avg(m), stddev(m) from t").fetchall()[0]
    rows = {row["column_name"]: row for row in run("summarize t").to_pylist()}
    m = rows["m"]
    assert (m["min"], m["max"], m["unique"]) == (str(oracle[0]), str(oracle[1]), oracle[2])
    assert (plain(m["avg"]), plain(m["std"])) == (plain(oracle[3]), plain(oracle[4]))
    assert m["null_percentage"] == 12.5
    assert rows["s"]["avg"] is None
    assert rows["s"]["q50"] is None
    for name, function, value in (("m", "quantile_cont", "m::double"), ("d", "quantile_disc", "d")):
        oracle = connection.sql(f"select {function}({value}, [0.25, 0.5, 0.75]) from t").fetchall()[0][0]
        assert quartiles(rows[name]) == [str(each) for each in oracle]
    empty = run("summarize select k from t where false").to_pylist()[0]
    assert (empty["count"], empty["min"], empty["null_percentage"]) == (0, None, None)


def test_describe_says_what_the_rows_of_a_table_must_keep(session: vl.Session) -> None:
    connection = duckdb.connect()
    for statement in (
        "create table kept (a int primary key, B varchar not null default 'q', c double default 3, d int unique)",
        "create table pairs (a int, b int, c int, d int not null unique, primary key (a, b), unique (b, c))",
        "create view over_it as from kept",
    ):
        connection.execute(statement)
        run(statement)
    for name in ("kept", "pairs"):
        theirs = connection.sql(f"describe {name}").to_arrow_table().to_pydict()
        ours = run(f"describe {name}").to_pydict()
        assert list(ours) == list(theirs)
        assert {**ours, "column_type": []} == {**theirs, "column_type": []}, name
    assert run("describe over_it")["key"].to_pylist() == [None] * 4, "only a table keeps rules, not what reads it"


def test_tables_are_computed_once_and_views_each_time(session: vl.Session) -> None:
    run("create table some as select id, k from t where id < 4")
    run("create view few(number) as select id from some where k = 1")
    assert run("show tables")["name"].to_pylist() == ["few", "some", "t"]
    assert run("select * from few").to_pydict() == {"number": [1, 2]}
    run("create or replace temp table Some as select 1 as id, 1 as k")
    assert run("select * from few").to_pydict() == {"number": [1]}, "a view reads the table there is"
    assert rows_of(run("from SOME")) == [(1.0, 1.0)]


def test_create_and_drop_mind_what_is_there(session: vl.Session) -> None:
    run("create table z as select 1 as a")
    with pytest.raises(SqlError, match="'z' exists already; write create or replace table"):
        run("create table z as select 2 as a")
    assert run("create table if not exists z as select 2 as a")["result"].to_pylist() == ["exists already"]
    assert run("select a from z")["a"].to_pylist() == [1]
    run("drop table Z")
    assert run("drop table if exists z")["result"].to_pylist() == ["not there"]
    with pytest.raises(SqlError, match="unknown table 'z'; available: t"):
        run("drop view z")


def test_copy_writes_files(session: vl.Session, tmp_path: Path) -> None:
    written = run(f"copy (select id, k from t) to '{tmp_path}/x.parquet'").to_pylist()
    assert [row["rows"] for row in written] == [8]
    assert run(f"select count(*) as n from '{tmp_path}/x.parquet'")["n"].to_pylist() == [8]
    run(f"copy t to '{tmp_path}/x.csv' (delimiter '|', header false)")
    assert (tmp_path / "x.csv").read_text().startswith('1|1|1.5|"apple"|')
    run(f"copy (select id, k from t where k < 3) to '{tmp_path}/parts' (format parquet, partition_by (k))")
    assert sorted(path.name for path in (tmp_path / "parts").iterdir()) == ["k=1", "k=2"]


def test_copy_names_the_options_there_are(session: vl.Session, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="csv has no option 'nonsense'"):
        run(f"copy t to '{tmp_path}/x.csv' (nonsense 3)")
    assert not list(tmp_path.iterdir())


def test_what_the_parser_warns_of_is_heard_from_others_only(
    session: vl.Session, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(VolleyError):
        run("alter table t frobnicate y")
    assert not caplog.records
    sqlglot.parse_one("alter table t frobnicate y", dialect="duckdb")
    assert [record.name for record in caplog.records] == ["sqlglot"]


@pytest.mark.parametrize(
    "text", ["select 1 as a", "-- a\nSELECT 1 as a", "(select 1 as a)", "with a as (select 1 as a) from a"]
)
def test_queries_begin_with_words_of_their_own(session: vl.Session, text: str) -> None:
    assert run(text).to_pylist() == [{"a": 1}]


def test_moments_are_shown_in_utc() -> None:
    run("set timezone = 'UTC'")
    with pytest.raises(UnsupportedOperation, match=r"'Europe/Berlin' .* write t at time zone 'Europe/Berlin'"):
        run("set timezone = 'Europe/Berlin'")


def test_copy_replaces_what_stands_there(tmp_path: Path) -> None:
    for start in (1, 2):
        run(f"copy (select {start} as k, 'a' as s) to '{tmp_path}/parts' (format parquet, partition_by (k), overwrite)")
    assert run(f"from '{tmp_path}/parts'").to_pylist() == [{"s": "a", "k": 2}]
    with pytest.raises(UnsupportedOperation, match=r"overwrite_or_ignore .* COPY replaces what stands there"):
        run(f"copy (select 1 as k) to '{tmp_path}/parts' (format parquet, overwrite_or_ignore)")
