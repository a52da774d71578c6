"""Transactions, schemas and what a session tells of itself, where DuckDB's answer is of another form."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import volley as vl
from volley.engine.errors import ExecutionError, SqlError


@pytest.fixture(autouse=True)
def session() -> Iterator[vl.Session]:
    with vl.Session() as made:
        yield made


def test_rollback_brings_back_everything_that_has_a_name() -> None:
    vl.sql("create table t(a int primary key)")
    vl.sql("insert into t values (1)")
    vl.sql("create sequence q")
    vl.sql("select nextval('q')").to_arrow()
    vl.sql("begin")
    vl.sql("insert into t values (2)")
    vl.sql("create view v as select 1 as x")
    vl.sql("create macro f(x) as x")
    vl.sql("create schema s")
    vl.sql("alter table t add column b int")
    assert vl.sql("select nextval('q') as n").to_dict() == {"n": [2]}
    vl.sql("rollback")
    assert vl.sql("select * from t").to_dict() == {"a": [1]}
    assert vl.sql("select nextval('q') as n").to_dict() == {"n": [2]}
    assert vl.tables() == ["t"]
    for text in ("select * from v", "select f(1)", "create table s.t(a int)"):
        with pytest.raises(SqlError):
            vl.sql(text)
    with pytest.raises(ExecutionError, match="more than one row"):
        vl.sql("insert into t values (1)")


def test_a_transaction_begins_and_ends_once() -> None:
    for text in ("commit", "rollback"):
        with pytest.raises(ExecutionError, match="there is no transaction"):
            vl.sql(text)
    vl.sql("begin transaction")
    with pytest.raises(ExecutionError, match="has begun already"):
        vl.sql("begin")
    vl.sql("end")


def test_a_change_that_fails_changes_nothing() -> None:
    vl.sql("create table t(a int check (a < 3), b int)")
    vl.sql("insert into t values (1, 1)")
    for text in (
        "insert into t values (2, 2), (3, 3)",
        "update t set a = 9",
        "alter table t add column c int not null",
    ):
        with pytest.raises(ExecutionError):
            vl.sql(text)
    assert vl.sql("select * from t").to_dict() == {"a": [1], "b": [1]}


def test_show_all_tables_and_schemas() -> None:
    vl.sql("create schema s")
    vl.sql("create table s.t(a int, b varchar)")
    vl.sql("create view v as select 1::bigint as x")
    assert vl.sql("show all tables").to_dict() == {
        "database": ["memory", "memory"],
        "schema": ["s", "main"],
        "name": ["t", "v"],
        "column_names": [["a", "b"], ["x"]],
        "column_types": [["INTEGER", "VARCHAR"], ["BIGINT"]],
        "temporary": [False, False],
    }
    assert vl.sql("show schemas").to_dict()["schema_name"] == ["main", "s"]
    assert vl.sql("show tables").to_dict() == {"name": ["v"]}
    vl.sql("use s")
    assert vl.sql("show tables").to_dict() == {"name": ["t"]}
    assert vl.sql("select count(*) as n from t").to_dict() == {"n": [0]}
    with pytest.raises(SqlError, match="unknown schema 'z'"):
        vl.sql("use z")


def test_a_sequence_ends_or_begins_anew() -> None:
    vl.sql("create sequence few maxvalue 2")
    assert vl.sql("select nextval('few') as a, nextval('few') as b").to_dict() == {"a": [1], "b": [2]}
    with pytest.raises(ExecutionError, match="'few' has no number left after 2"):
        vl.sql("select nextval('few')")
    vl.sql("create sequence fresh")
    with pytest.raises(ExecutionError, match="has given no number yet"):
        vl.sql("select currval('fresh')")


def test_prepared_statements_keep_their_place_for_errors() -> None:
    vl.sql("prepare p as select $1 + nope")
    with pytest.raises(SqlError, match="unknown column 'nope'") as caught:
        vl.sql("execute p(1)")
    assert (caught.value.line, caught.value.column) == (1, 26)
    with pytest.raises(SqlError, match="unknown prepared statement 'q'"):
        vl.sql("execute q")
