"""What a person sees who made a mistake: one clear line, its place, and the way out."""

from __future__ import annotations

from contextlib import suppress

import pyarrow as pa
import pytest

from tests.sql.oracle import small_tables
from volley.engine.errors import (
    ConfigError,
    ExecutionError,
    PlanError,
    SqlError,
    TypeMismatch,
    UnsupportedOperation,
    VolleyError,
)
from volley.sql import sql
from volley.sql.shell.words import functions

MISTAKES = """
explain select kk from t | 1:16 | unknown column 'kk'; did you mean 'k'?
explain analyze select kk from t | 1:24 | unknown column 'kk'
describe nope | 1:10 | unknown table 'nope'
create table z as select nope from t | 1:26 | unknown column 'nope'
create view z(a, b) as select 1 | 1:13 | the query gives 1 columns; 2 names are given
drop table nope | 1:12 | unknown table 'nope'
select id from t where row_number() over () = 1 | 1:24 | a window function cannot stand in WHERE; use QUALIFY
select sum(row_number() over ()) from t | 1:12 | a window function cannot stand in another aggregate
select rank() over (order by rank() over ()) from t | 1:30 | a window function cannot stand in another window function
select row_number() from t | 1:8 | row_number needs OVER
select lag(id) from t | 1:8 | lag needs OVER
select upper(s) over () from t | 1:8 | OVER may follow a window function or an aggregate, not upper
select sum(id) over w from t window ww as () | 1:8 | unknown window 'w'; did you mean 'ww'?
select sum(id) over w from t window w as (v), v as () | 1:8 | window 'w' builds on one that is not defined before it
select ntile(0) over () from t | 1:8 | ntile needs a number from 1 on, not 0
select sum(id) over (order by id rows -1 preceding) from t | 1:8 | a frame's offset must not be negative
select sum(id) over (order by id rows between current row and 1 preceding) from t | 1:8 | a frame cannot go from
select sum(id) over (order by s range 1 preceding) from t | 1:8 | a range frame cannot add 1 to s
select k, id, count(*) over () from t group by k | 1:11 | column 'id' must appear in GROUP BY
select k, grouping(b) from t group by k | 1:11 | the arguments of GROUPING must be keys
select grouping(k) from t where grouping(k) = 1 | 1:33 | GROUPING cannot stand in WHERE
select idd from t | 1:8 | unknown column 'idd'; did you mean 'id'?
select t.idd from t | 1:8 | unknown column 't.idd'; did you mean 'id'?
select q.id from t | 1:8 | unknown table or alias 'q'; available: t
select id from tt | 1:16 | unknown table 'tt'; did you mean 't'
select id from "a table" | 1:16 | unknown table 'a table'
select * form t | 1:15 | syntax error at 't'; did you mean 'from' by 'form'?
select * from t wher id = 1 | 1:22 | syntax error at 'id'; did you mean 'where' by 'wher'?
select k from t group k | 1:23 | syntax error at 'k'; did you mean 'group by' by 'group'?
select k from t order k | 1:23 | syntax error at 'k'; did you mean 'order by' by 'order'?
select k from t wehre k = 'form' | 1:23 | syntax error at 'k'; did you mean 'where' by 'wehre'?
select * from (select 1 | 1:23 | syntax error after '1': expecting )
select id from t where id = 1 2 | 1:31 | syntax error at '2'
crate table z as select 1 | 1:1 | 'crate' does not begin a statement; did you mean 'create'?
select id from missing | 1:16 | available: t, u, w, e; a file is named in quotes, like 'trips.parquet'
select id from data.csv | 1:16 | a file is named in quotes, like 'data.csv'
select "2020-01-01" from t | 1:8 | double quotes name a column, single quotes make a text: '2020-01-01'
select id from x.t | 1:16 | unknown table 'x.t'
select k from t, u | 1:8 | column 'k' is ambiguous: it may be t.k or u.k; say which
select id from t order by 3 | 1:27 | ORDER BY 3: the SELECT list has 1 columns
select id from t group by 3 | 1:27 | GROUP BY 3: the SELECT list has 1 columns
select id, count(*) from t | 1:8 | column 'id' must appear in GROUP BY or inside an aggregate
select count(*) from t group by k having id > 1 | 1:42 | column 'id' must appear in GROUP BY
select k from t group by k order by id | 1:37 | column 'id' must appear in GROUP BY
select id from t where count(*) > 1 | 1:24 | an aggregate cannot stand in WHERE; use HAVING
select sum(count(*)) from t | 1:12 | an aggregate cannot stand in another aggregate
select id from t where s | 1:24 | a condition in WHERE must be boolean, not string
select s + 1 from t | 1:8 | add does not accept (s: string, 1: int64)
select sum(s) from t | 1:8 | sum does not accept (s: string)
select avg(b) from t | 1:8 | avg takes a number, not bool
select uper(s) from t | 1:8 | unknown function 'uper'; did you mean 'upper'
select lower(s, s) from t | 1:18 | syntax error at ')': the number of provided arguments (2) is greater
select case when b then 1 else s end from t | 1:18 | the branches of a case have no common type
select id from t where s < 1 | 1:24 | less does not accept (s: string, 1: int64)
select date '2020-02-30' | 1:13 | '2020-02-30' is not a date
select d + 1.5 from t | 1:8 | date + decimal(2,1) is not defined; add an interval
select d + interval 'two days' from t | 1:21 | 'two days' is not an interval
select d + interval 2 fortnights from t | 1:8 | unknown unit of time 'FORTNIGHTS'
select extract(yeer from d) from t | 1:26 | unknown date part 'YEER'; did you mean 'year'
select cast(id as foo) from t | 1:13 | unknown type 'foo'
select cast(id as decimal(99)) from t | 1:27 | decimal(99,0) is not a type
select id from t limit -1 | 1:25 | LIMIT must be a whole number of at least 0, not -1
select id from t limit 1.5 | 1:24 | LIMIT must be a whole number
select id from t union select id, k from t | 1:8 | the queries of UNION give 1 and 2 columns
select id from t union select [id] from t | 1:8 | column 'id' of UNION is int64 and list(int64); cast one
select (select id, k from t) | 1:16 | a scalar subquery must give one column, this one gives 2
select id from t where id in (select id, k from t) | 1:24 | IN looks for 1 columns, the subquery gives 2
values (1), (2, 3) | 1:14 | this row of VALUES has 2 values, the first has 1
values (1), ('a') | 1:9 | column 1 of VALUES mixes types
select * from t join u | 1:17 | a join needs ON, USING or NATURAL; write cross join for all pairs
select * from t join u using (id) | 1:22 | column 'id' of USING does not exist on the right side
select * from t left join u | 1:27 | LEFT JOIN needs ON or USING
select * from t natural join (select 1 as z) q | 1:38 | NATURAL JOIN of tables that share no column name
select * | 1:8 | SELECT * needs a FROM clause
select u.* from t | 1:8 | unknown table or alias 'u'
select * exclude (zz) from t | 1:8 | * has no column 'zz'
select distinct k from t order by id | 1:35 | with SELECT DISTINCT, ORDER BY may only name columns of its list
with a(x, y, z) as (select id, k from t) select * from a | 1:6 | 'a' has 2 columns; 3 names are given
select $name from t | 1:8 | parameter $name has no value; pass it in params
\\d t | 1:1 | commands with a backslash are for the prompt; a script has show tables, and describe t
selec id from t | 1:1 | 'selec' does not begin a statement; did you mean 'select'?
select id frm t | 1:15 | syntax error at 't'
select id from | 1:11 | syntax error
select (id from t | 1:12 | syntax error at 'from': expecting )
select 'abc | 1:8 | ' is opened and never closed
select id from t; select 1 | 1:18 | more than one statement
select a as b, b as a | 1:8 | unknown column 'a'
select format('{} {:d}') | 1:8 | '{} {:d}' cannot be filled without values
select printf('%d') | 1:8 | '%d' cannot be filled without values
select levenshtein('a') | 1:8 | an argument is missing
select struct_insert() | 1:8 | struct_insert takes a struct and fields, as in struct_insert(s, a := 1)
select b from (select b + 1 as b from u) q | 1:23 | unknown column 'b'
"""

UNSUPPORTED = """
attach ':memory:' as x | 1:1 | ATTACH
explain drop table t | 1:9 | DROP
create trigger i after insert on t | 1:1 | CREATE
select id from t qualify rank() over () in (select 1) | 1:26 | a window function that a subquery reads
select approx_count_distinct(id) over () from t | 1:8 | approx_count_distinct with OVER
select list(distinct k) over (order by id rows 2 preceding) from t | 1:8 | list of DISTINCT values over a frame
select lag(id, k) over () from t | 1:16 | lag with a number that is not a constant
select sum(id) over (order by id rows k preceding) from t | 1:39 | a frame's offset that is not a constant
select (select count(*) from u where u.k = t.k limit 0) from t | 1:16 | a correlated subquery with LIMIT
select (select v from u where u.k = t.k order by v fetch next row with ties) from t | 1:16 | WITH TIES in a
select count(distinct id, k) from t | 1:8 | count of 2 arguments
select to_timestamp(1, 'a') | 1:24 | a scale that is not a constant whole number
select * from flatten(3) | 1:15 | the table function flatten
select id from t where s glob s | 1:31 | a pattern of GLOB that is not a constant text
"""


def _cases(block: str) -> list[tuple[str, str, str]]:
    rows = [line.split(" | ") for line in block.strip().splitlines()]
    return [(text, place, message) for text, place, message in rows]


@pytest.fixture(scope="module")
def tables() -> dict[str, pa.Table]:
    return small_tables()


@pytest.mark.parametrize(("text", "place", "message"), _cases(MISTAKES))
def test_mistake(text: str, place: str, message: str, tables: dict[str, pa.Table]) -> None:
    with pytest.raises(SqlError) as caught:
        sql(text, **tables)
    assert message in str(caught.value).splitlines()[0]
    assert f"{caught.value.line}:{caught.value.column}" == place


@pytest.mark.parametrize(("text", "place", "message"), _cases(UNSUPPORTED))
def test_unsupported(text: str, place: str, message: str, tables: dict[str, pa.Table]) -> None:
    with pytest.raises(UnsupportedOperation) as caught:
        sql(text, **tables)
    first, shown, caret = str(caught.value).splitlines()
    line, column = place.split(":")
    assert first.startswith(message)
    assert first.endswith(f"is not supported in SQL (line {line}, column {column})") or "; write a query" in first
    assert shown.strip() == text[-len(shown.strip()) :]
    assert caret == "  " + " " * (int(column) - 1) + "^"


@pytest.mark.parametrize(("text", "column"), [("select 'a'::enum('a', 'b')", 18), ("create type t as enum ('a')", 18)])
def test_enums_are_refused_with_a_way_out(text: str, column: int) -> None:
    way = r"is not supported in SQL; declare text with check \(x in \('a', 'b'\)\), and sort by list_position"
    with pytest.raises(UnsupportedOperation, match=way) as caught:
        sql(text)
    assert f"(line 1, column {column})" in str(caught.value)


def test_the_place_is_in_the_line_of_a_longer_text(tables: dict[str, pa.Table]) -> None:
    with pytest.raises(SqlError) as caught:
        sql("select id,\n       nope\nfrom t", **tables)
    assert (caught.value.line, caught.value.column) == (2, 8)
    assert str(caught.value).endswith("\n         nope\n         ^")


def test_the_first_of_several_mistakes_comes_first(tables: dict[str, pa.Table]) -> None:
    with pytest.raises(SqlError, match="unknown column 'aa'"):
        sql("select aa, bb from t", **tables)


@pytest.mark.parametrize("text", ["", "  ", ";", "-- nothing"])
def test_no_statement(text: str) -> None:
    with pytest.raises(SqlError, match="there is no SQL"):
        sql(text)


@pytest.mark.parametrize(("text", "dialect"), [("select week()", "bigquery"), ("select date_trunc()", "spark")])
def test_calls_that_the_parser_of_a_dialect_stumbles_over(text: str, dialect: str) -> None:
    with pytest.raises(SqlError, match="may lack an argument"):
        sql(text, dialect=dialect)


def test_unknown_dialect() -> None:
    with pytest.raises(ConfigError, match="unknown SQL dialect 'postgress'; did you mean 'postgres'"):
        sql("select 1", dialect="postgress")


def test_a_table_that_is_none() -> None:
    with pytest.raises(TypeMismatch, match="t is a int, not a table"):
        sql("select 1", t=3)


def test_a_scalar_subquery_with_two_rows_raises_when_it_runs(tables: dict[str, pa.Table]) -> None:
    for text in ("select (select v from u)", "select id, (select v from u where u.k = t.k) from t"):
        with pytest.raises(ExecutionError, match=r"a scalar subquery gave more than one row; .*\(line 1, column"):
            sql(text, **tables).to_arrow()


@pytest.mark.parametrize("arguments", ["", "*", "1", "'a'", "'a', 'a'", "[1]", "null, null, null"])
def test_a_call_with_any_arguments_is_planned_or_refused(arguments: str) -> None:
    for name in functions():
        with suppress(VolleyError):
            sql(f"select {name}({arguments})")


def test_errors_are_plan_errors() -> None:
    assert issubclass(SqlError, PlanError)
    assert issubclass(UnsupportedOperation, PlanError)
