"""Functions in FROM: series of numbers and files with options, compared with DuckDB."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sql.oracle import assert_same, rows_of
from volley.api import sql
from volley.engine.errors import ConfigError, ReadError, SqlError, UnsupportedOperation

SERIES = """
select * from range(3)
select * from generate_series(1, 5, 2)
select * from range(5, 1, -2)
select * from generate_series(3, 1)
select * from generate_series(-1, 1)
select i * 2 as j from range(3) r(i) where i > 0
select r, r.r as s from range(2) r
select a.i, b.i as j from range(2) a(i) join range(1, 4) b(i) on a.i < b.i
select count(*), sum(range) as s, min(range) as a, max(range) as b from range(10000000) where range % 3 = 1
select count(*) from range(6000000)
select * from range(date '2020-01-01', date '2020-01-05', interval 1 day)
select * from generate_series(timestamp '2020-01-01', timestamp '2020-01-03', interval 12 hour)
select * from generate_series(date '2020-01-31', date '2020-06-30', interval 1 month)
select * from range(timestamp '2020-01-05', timestamp '2020-01-01', interval (-1) day)
select * from range(date '2020-01-01', date '2020-01-01', interval 1 day)
select range from range(9000000) order by range desc limit 3
"""


@pytest.mark.parametrize("query", SERIES.strip().splitlines())
def test_series(query: str) -> None:
    assert_same(query, {})


def test_a_series_takes_parameters() -> None:
    assert rows_of(sql("select * from range($1)", [2]).to_arrow()) == [(0.0,), (1.0,)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.csv").write_text("x|y\n1|NA\n2|b\n")
    (tmp_path / "b.csv").write_text("x|y\n3|c\n")
    (tmp_path / "lines.txt").write_text('{"a": 1, "b": "x"}\n{"a": 2, "b": null}\n')
    (tmp_path / "array.json").write_text('[{"a": 1, "b": "x"},\n{"a": 2,\n "b": null}]')
    (tmp_path / "money.csv").write_text("n;s\n1,5;a\n2,25;b\n")
    (tmp_path / "bad.csv").write_text("x,y\n1,a\nb,2\n3,c\n")
    sql(f"copy (select 1 as p, 'q' as q) to '{tmp_path}/p.parquet'")
    return tmp_path


@pytest.mark.parametrize(
    "query",
    [
        "select * from read_csv('{}/a.csv', delim = '|', nullstr = 'NA')",
        "select * from read_csv(['{}/a.csv', '{}/b.csv'], delim = '|', header = true) r where r.x > 1",
        "select u from read_csv('{}/b.csv', delim = '|', header = false, names = ['u', 'v'])",
        "select * from read_ndjson('{}/lines.txt')",
        "select p.p from read_parquet(['{}/p.parquet', '{}/p.parquet']) p",
        "select q from read_parquet('{}/*.parquet')",
        "select * from read_csv('{}/b.csv', delim = '|', types = {'x': 'varchar'}, sample_size = -1)",
        "select * from read_csv('{}/b.csv', skip = 1, columns = {'u': 'double', 'v': 'varchar'}, header = false)",
        "select * from read_csv('{}/a.csv', delim = '|', all_varchar = true, nullstr = 'NA')",
        "select * from read_csv('{}/b.csv', dtypes = {'x': 'decimal(9,2)'}, skip = 0, auto_detect = true)",
        "select * from read_csv('{}/money.csv', decimal_separator = ',')",
        "select * from read_csv('{}/bad.csv', ignore_errors = true, types = {'x': 'bigint'})",
        "select * from read_json('{}/array.json', format = 'array')",
        "select * from '{}/array.json'",
        "select * from read_json_auto('{}/array.json', columns = {'b': 'varchar'}, sample_size = 100)",
        "select * from read_csv('{}/' || 'b.csv', delim = '|')",
        "select * from read_json(['{}' || '/array.json'])",
    ],
)
def test_files_with_options(query: str, folder: Path) -> None:
    assert_same(query.replace("{}", str(folder)), {})


@pytest.mark.parametrize(
    ("query", "error", "message"),
    [
        ("select * from read_csv('{}/a.csv', foo = 3)", ConfigError, "csv has no option 'foo'"),
        ("select * from read_csv('{}/nope.csv')", ReadError, "does not exist"),
        ("select * from read_csv('{}/a.csv', 3)", SqlError, "after the path come options"),
        ("select * from read_csv(x)", UnsupportedOperation, "a path that is not a quoted text"),
        (
            "select * from read_csv('{}/a.csv', types = {'x': 'vachar'})",
            SqlError,
            "'vachar' is not a type; write it like",
        ),
        (
            "select * from read_csv('{}/a.csv', types = ['varchar'])",
            UnsupportedOperation,
            "write types = {'a': 'varchar'}",
        ),
        (
            "select * from read_csv('{}/a.csv', x = a + 1)",
            UnsupportedOperation,
            "an option that is not a text, a whole",
        ),
        ("select * from read_csv('{}/a.csv', comment = '##')", ConfigError, "comment must be one ASCII character"),
        (
            "select * from read_csv('{}/a.csv', dateformat = '%Q')",
            ConfigError,
            "date_format '%Q' has no %Q; read the col",
        ),
        ("select * from read_csv('{}/a.csv', union_by_name = false)", UnsupportedOperation, "union_by_name = false"),
        ("from glob('*.csv')", UnsupportedOperation, "filename = true"),
        ("from sniff_csv('t.csv')", UnsupportedOperation, "write describe from 't.csv'"),
        (
            "attach 'x.db' as x",
            UnsupportedOperation,
            "write a query of files by their quoted paths",
        ),
        ("from 'plain'", SqlError, r"a file without an ending is read by a function: read_csv\('plain'\)"),
        ("from '{}/lines.txt'", ConfigError, r"in SQL by a function, such as read_csv"),
        ("select fill(1) over (order by 2)", SqlError, "fill needs one key of ORDER BY in its OVER"),
        ("select fill('a') over (order by n) from range(3) t(n)", SqlError, "fill draws lines of numbers"),
        ("select fill(n) filter (n > 1) over (order by n) from range(3) t(n)", SqlError, "OVER may follow a window"),
        ("from query_table(3)", SqlError, "query_table takes a quoted name, or a list of them"),
        ("from query('selec 1')", SqlError, "'selec' does not begin a statement; did you mean 'select'"),
        ("from query()", SqlError, "query takes the text of a query"),
        ("select equi_width_bins(0, 10, 0, true)", SqlError, "equi_width_bins makes 1 to 1,000 bins, not 0"),
        ("select equi_width_bins(9, 1, 2, true)", SqlError, "is below the least"),
        ("select equi_width_bins(9, 'a', 2, true)", SqlError, "takes numbers, dates or timestamps"),
        ("select equi_width_bins(n, 10, 2, true) from range(3) t(n)", SqlError, "equi_width_bins takes constants"),
        ("select histogram(n, [1, null]) from range(3) t(n)", SqlError, "a constant list without nulls"),
        ("select try(sum(n)) from range(3) t(n)", SqlError, "an aggregate cannot stand in TRY"),
        ("select try(chr(n::int)) from range(3) t(n)", UnsupportedOperation, "TRY of character"),
        ("select 1 in 2", SqlError, "IN looks into a list, a map, a text or"),
        ("export database 'x'", UnsupportedOperation, "EXPORT is not supported in SQL; write each table: copy t to"),
        (
            "with recursive r(a) using key (b) as (select 1 union select a from r) from r",
            SqlError,
            "column 'b' of USING KEY does not exist",
        ),
        ("with r(a) using key (a) as (select 1) from r", SqlError, "USING KEY is for a recursive CTE"),
        ("select * from read_jsn('x')", UnsupportedOperation, "the table function read_jsn .did you mean 'read_json'"),
        ("select * from range(1, 9, 0)", SqlError, "the step of range must not be 0"),
        ("from range(date '2020-01-01', date '2020-01-02', interval 0 day)", SqlError, "must go one way, and not be 0"),
        (
            "from range('x', date '2020-01-02', interval 1 day)",
            UnsupportedOperation,
            "but a constant date or timestamp",
        ),
        ("select * from range(date '2020-01-01')", UnsupportedOperation, "range of anything but constant whole"),
    ],
)
def test_mistakes(query: str, error: type[Exception], message: str, folder: Path) -> None:
    with pytest.raises(error, match=message):
        sql(query.replace("{}", str(folder)))
