"""Comments, formats of dates and rows that are too short in CSV files, against DuckDB."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import duckdb
import pytest

import volley as vl
from volley.engine.errors import ConfigError, ReadError
from volley.io.comments import Comments

COMMENTED = b"""# a title with "one quote
a,b,c
1,x,"# no comment"
   # two, three
2,y,z # the rest, too

3,"q ""# q",# null
#
4,w,"two
lines # of text"
"""


@pytest.fixture
def written(tmp_path: Path):
    def write(data: bytes, name: str = "t.csv") -> str:
        path = tmp_path / name
        path.write_bytes(data)
        return str(path)

    return write


def test_comments_are_left_out(written):
    path = written(COMMENTED.replace(b'a title with "one quote', b"a title"))
    found = vl.read_csv(path, comment="#").to_dict()
    assert found == {
        "a": [1, 2, 3, 4],
        "b": ["x", "y", 'q "# q', "w"],
        "c": ["# no comment", "z", None, "two\nlines # of text"],
    }
    rows = vl.sql(f"select * from read_csv('{path}', comment = '#')").to_arrow().to_pylist()
    assert rows == [dict(zip(found, row, strict=True)) for row in zip(*found.values(), strict=True)]


def test_quotes_in_comments_open_nothing(written):
    made = vl.read_csv(written(COMMENTED), comment="#")
    assert made.a.to_list() == [1, 2, 3, 4]


def test_a_comment_may_be_cut_by_any_chunk():
    whole = Comments("#", '"')
    expected = whole.turn(COMMENTED) + whole.rest()
    for size in (1, 2, 3, 7, 20):
        piecewise = Comments("#", '"')
        parts = [piecewise.turn(COMMENTED[at : at + size]) for at in range(0, len(COMMENTED), size)]
        assert b"".join(parts) + piecewise.rest() == expected
    assert expected.count(b"\n") == COMMENTED.count(b"\n")


def test_lines_of_errors_count_comments(written):
    path = written(b"a\n# one\n1\n# two\nx\n")
    with pytest.raises(ReadError, match=r"t\.csv:5: column 'a': 'x' is not int64"):
        vl.read_csv(path, comment="#", dtypes={"a": "int64"}).to_arrow()


def test_many_commented_rows_are_read_whole(written):
    lines = b"".join(b"%d,%d # row %d\n# between\n" % (i, i % 7, i) for i in range(300_000))
    made = vl.read_csv(written(b"n,k\n" + lines), comment="#")
    assert made.agg({"n": "sum", "k": "max"}).to_dict() == {"n": 300_000 * 299_999 // 2, "k": 6}


DATED = b"d,t,s\n31/12/2024,31.12.2024 10:05,a\n,,b\n01/02/2023,01.02.2023 23:59,c\n"


def test_dates_and_timestamps_in_a_form_of_their_own(written):
    path = written(DATED)
    made = vl.read_csv(path, date_format="%d/%m/%Y", timestamp_format="%d.%m.%Y %H:%M")
    assert [str(made.dtypes[name]) for name in "dts"] == ["date", "timestamp(us)", "string"]
    options = "dateformat = '%d/%m/%Y', timestampformat = '%d.%m.%Y %H:%M'"
    theirs = duckdb.sql(f"select * from read_csv('{path}', {options})").to_arrow_table().to_pylist()
    assert vl.sql(f"select * from read_csv('{path}', {options})").to_arrow().to_pylist() == theirs
    assert made.d.to_list() == [dt.date(2024, 12, 31), None, dt.date(2023, 2, 1)]
    given = vl.read_csv(path, date_format="%d/%m/%Y", dtypes={"d": "date", "t": "string"})
    assert given.d.to_list() == made.d.to_list()
    assert given.filter(given.d > dt.date(2024, 1, 1)).s.to_list() == ["a"]


def test_a_date_in_another_form_is_told(written):
    path = written(b"d\n31/12/2024\n12/31/2024\n")
    with pytest.raises(ReadError, match=r"t\.csv:3: column 'd': '12/31/2024' is not date"):
        vl.read_csv(path, date_format="%d/%m/%Y", dtypes={"d": "date"}).to_arrow()


SHORT = b'a,b,c\r\n1,2,3\r\n4\r\n\r\n5,"x, ""y\r\n"\r\n6,7,8\r\n9,'


def test_short_rows_are_completed(written):
    path = written(SHORT)
    made = vl.read_csv(path, on_bad_rows="pad", dtypes={"b": "string"}).to_dict()
    assert made == {"a": [1, 4, 5, 6, 9], "b": ["2", None, 'x, "y\r\n', "7", None], "c": [3, None, None, 8, None]}
    found = vl.sql(f"select * from read_csv('{path}', null_padding = true, types = {{'b': 'varchar'}})").to_dict()
    assert found == made


def test_short_rows_everywhere(written):
    made = vl.read_csv(written(b"a,b\n1\n2\n"), on_bad_rows="pad")
    assert made.to_dict() == {"a": [1, 2], "b": [None, None]}
    lines = b"".join(b"%d%s\n" % (i, b",1" if i % 3 else b"") for i in range(100_000))
    many = vl.read_csv(written(b"a,b\n" + lines), on_bad_rows="pad")
    assert many.b.sum() == sum(1 for i in range(100_000) if i % 3)


def test_long_rows_and_wrong_values_are_told_beside_short_ones(written):
    with pytest.raises(ReadError, match=r"t\.csv:3: the row has 3 values where there are 2 columns"):
        vl.read_csv(written(b"a,b\n1\n1,2,3\n"), on_bad_rows="pad").to_arrow()
    with pytest.raises(ReadError, match=r"t\.csv:4: column 'a': 'x' is not int64"):
        vl.read_csv(written(b"a,b\n1\n1,2\nx\n"), on_bad_rows="pad", dtypes={"a": "int64"}).to_arrow()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"comment": "//"}, "comment must be one ASCII character, not '//'"),
        ({"comment": ",", "delimiter": ","}, "comment must be another character than delimiter, quote and decimal"),
        ({"date_format": "%f"}, "date_format '%f' has no %f; read the column as text and parse it there"),
        ({"timestamp_format": "dd.mm"}, "timestamp_format 'dd.mm' has no part such as %d"),
        ({"on_bad_rows": "fill"}, "on_bad_rows must be 'raise', 'skip' or 'pad', not 'fill'"),
    ],
)
def test_wrong_options(written, options, message):
    with pytest.raises(ConfigError, match=message):
        vl.read_csv(written(b"a\n1\n"), **options)
