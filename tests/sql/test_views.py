"""Views are bound anew each time they are read; side by side with DuckDB."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

import volley as vl
from volley.engine.errors import SqlError

SCRIPT = """
create table t (a int, b varchar)
insert into t values (1, 'x')
create view v as select * from t
create view w(number) as select a + 1 from v where b is not null
insert into t values (2, 'y'), (3, null)
from v order by all
from w order by all
update t set a = 10 * a where a > 1
from w order by all
delete from t where a = 1
select v.a, w.number from v left join w on v.a + 1 = w.number order by all
describe v
create or replace table t as select 5 as a, 'z' as b
from w
create or replace view v as select 7 as a, 'q' as b
from w
create view r as with r as (select 1 as one) from r
from r
drop table t
from w
show tables
drop view v
"""


@pytest.fixture
def session() -> Iterator[vl.Session]:
    with vl.Session() as session:
        yield session


def test_views_follow_their_tables_as_in_duckdb(session: vl.Session) -> None:
    connection = duckdb.connect()
    for statement in SCRIPT.strip().splitlines():
        theirs = connection.execute(statement).fetchall()
        ours = [tuple(row.values()) for row in vl.sql(statement).to_arrow().to_pylist()]
        if statement.startswith("describe"):
            assert [row[0] for row in ours] == [row[0] for row in theirs]
        elif not statement.startswith(("create", "drop")):
            assert ours == theirs, statement


@pytest.mark.parametrize(
    "statement",
    ["insert into V values (1)", "update v set a = 1", "delete from v", "truncate v", "copy v from 'x.csv'"],
)
def test_the_rows_of_a_view_cannot_be_changed(session: vl.Session, statement: str) -> None:
    vl.sql("create table t as select 1 as a")
    vl.sql("create view v as from t")
    with pytest.raises(SqlError, match="'v' is a view, whose rows cannot be changed; change its tables"):
        vl.sql(statement)
    vl.sql("insert into t values (2)")
    assert len(vl.sql("from v")) == 2, "it is still a view"


def test_a_view_whose_table_is_gone_says_so_until_it_is_back(session: vl.Session) -> None:
    vl.sql("create table t as select 1 as a")
    vl.sql("create view v as\nselect a from t")
    vl.sql("create view w as from v")
    vl.sql("drop table t")
    with pytest.raises(SqlError, match=r"view 'v': unknown table 't'.*\(line 2, column 15\)"):
        vl.sql("from w")
    vl.sql("create table t as select 2 as a")
    assert vl.sql("from w").to_dict() == {"a": [2]}


def test_a_view_cannot_read_itself(session: vl.Session) -> None:
    with pytest.raises(SqlError, match="view 'v' would read itself"):
        vl.sql("create view v as select 1 as a union all from v")
    vl.sql("create view v as select 1 as a")
    vl.sql("create view w as from v")
    with pytest.raises(SqlError, match="view 'v' would read itself"):
        vl.sql("create or replace view v as from w")
    vl.sql("drop view v")
    with pytest.raises(SqlError, match="view 'v' would read itself"):
        vl.sql("create view v as from w")


def test_tables_and_views_do_not_replace_each_other(session: vl.Session) -> None:
    vl.sql("create table t as select 1 as a")
    vl.sql("create view v as from t")
    for statement, message in (
        ("drop table v", "'v' is a view, not a table"),
        ("drop view if exists t", "'t' is a table, not a view"),
        ("create or replace table v as select 1", "'v' is a view, not a table"),
        ("create or replace view t as select 1", "'t' is a table, not a view"),
        ("create view v as select 1", "'v' exists already; write create or replace view"),
    ):
        with pytest.raises(SqlError, match=message):
            vl.sql(statement)


def test_a_view_keeps_the_variables_frames_and_parameters_of_its_text(session: vl.Session) -> None:
    numbers = vl.DataFrame({"a": [1, 2, 3]})  # noqa: F841  # found by name
    vl.sql("create view v as select a from numbers where a > $least", {"least": 1})
    vl.sql("create view w as select a + 1 as a from given", given=vl.DataFrame({"a": [5]}))

    def elsewhere() -> tuple[vl.DataFrame, vl.DataFrame]:
        return vl.sql("from v order by a"), vl.sql("from w")

    assert [frame.to_dict() for frame in elsewhere()] == [{"a": [2, 3]}, {"a": [6]}]


def test_registering_a_frame_replaces_a_view_and_unregistering_forgets_one(session: vl.Session) -> None:
    vl.sql("create view v as select 1 as a")
    vl.register("v", vl.DataFrame({"a": [2]}))
    assert vl.sql("from v").to_dict() == {"a": [2]}
    vl.sql("create view w as select 1 as a")
    session.unregister("w")
    with pytest.raises(SqlError, match="unknown table 'w'"):
        vl.sql("from w")


def test_dropping_a_view_leaves_a_function_of_its_name(session: vl.Session) -> None:
    vl.register_function("several", lambda: {"a": [1, 2]}, kind="table")
    vl.sql("create view several as select max(a) as a from several()")
    assert vl.sql("from several").to_dict() == {"a": [2]}
    vl.sql("drop view several")
    assert vl.sql("from several()").to_dict() == {"a": [1, 2]}
