"""Errors name the row: of the file where a scan's rows are worked on, with the values that were read there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import volley as vl
from volley.engine.errors import ArithmeticOverflow, ExecutionError, UserFunctionError, told
from volley.engine.frame import DataFrame
from volley.engine.plan import ScanRequest
from volley.io import parquet
from volley.sql import query

ROWS, BAD = 5_000, 3_210


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a file in each of two formats; one row of each has a text that is no number."""
    folder = tmp_path_factory.mktemp("rows")
    texts = [str(n) if n != BAD else "seven" for n in range(ROWS)]
    frame = vl.from_arrow(pa.table({"id": range(ROWS), "t": texts, "k": [n % 4 for n in range(ROWS)]}))
    frame.to_parquet(folder / "rows.parquet", row_group_rows=1_000)
    frame.to_csv(folder / "rows.csv")
    return folder


def stumbles(x: int) -> int:
    if x == BAD:
        raise ValueError("no such thing")
    return x


def answers_wrongly(x: int) -> Any:
    return "x" if x == BAD else x


def fails(table: pa.Table) -> pa.Table:
    raise KeyError("gone")


Made = Callable[[DataFrame], DataFrame]
DIVISION = "division by zero in truncate_divide(k, (id - 3210)); make the divisor null there, e.g. with nullif(…, 0)"
CAST = "cannot cast 'seven' to int32 in cast(t as int32); use try_cast to get null instead"


def sql(text: str) -> Made:
    return lambda frame: query(text, {"f": frame})


ROW = {
    "select": (sql("select id, cast(t as int) x from f"), f"{CAST} (for t = 'seven') (in row 3,210 of FILE)"),
    "where": (sql("select id from f where cast(t as int) > 5"), f"{CAST} (for t = 'seven') (in row 3,210 of FILE)"),
    "behind a condition": (
        sql("select cast(t as int) x from f where (id + length(t)) % 3 = 2"),
        f"{CAST} (for t = 'seven') (in row 3,210 of FILE)",
    ),
    "aggregate": (
        sql("select k, sum(cast(t as int)) s from f group by k"),
        f"{CAST} (for t = 'seven') (in row 3,210 of FILE)",
    ),
    "aggregate without keys behind a condition": (
        sql("select sum(cast(t as int)) s from f where (id + length(t)) % 3 = 2"),
        f"{CAST} (for t = 'seven') (in row 3,210 of FILE)",
    ),
    "several columns": (
        sql(f"select k // (id - {BAD}) x, id + k y from f"),
        DIVISION + " (for id = 3210, k = 2) (in row 3,210 of FILE)",
    ),
    "function": (
        lambda f: f.assign(x=vl.udf(stumbles, dtype="int64", compile=False)(f.id)),
        "stumbles raised ValueError: no such thing; for id = 3210 (in row 3,210 of FILE)",
    ),
    "function behind a condition": (
        lambda f: f[f.t.str.len() * f.k > 2].assign(x=vl.udf(stumbles, dtype="int64", compile=False)(f.id)),
        "stumbles raised ValueError: no such thing; for id = 3210 (in row 3,210 of FILE)",
    ),
    "function's answer": (
        lambda f: f.assign(x=vl.udf(answers_wrongly, dtype="int64", compile=False)(f.id)),
        "answers_wrongly returned what is no int64: 'x'; for id = 3210 (in row 3,210 of FILE)",
    ),
    "function of batches": (
        lambda f: f.map_batches(fails, {"x": "int64"}, reads=["id"], keeps=True),
        "fails raised KeyError: 'gone' (in rows 0 to 4,999 of FILE)",
    ),
}


@pytest.mark.parametrize("name", ["rows.parquet", "rows.csv"])
@pytest.mark.parametrize("case", ROW)
def test_the_row_of_a_file(folder: Path, case: str, name: str) -> None:
    made, expected = ROW[case]
    read = vl.read_parquet if name.endswith("parquet") else vl.read_csv
    with pytest.raises(ExecutionError) as caught:
        made(read(folder / name)).to_arrow()
    assert told(caught.value) == expected.replace("FILE", str(folder / name))


def test_rows_of_later_row_groups_count_from_the_start_of_their_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / "rows.parquet"
    monkeypatch.setattr(parquet, "_SPLIT_BYTES_LEAST", 1)
    splits = parquet.ParquetSource(path).scan(ScanRequest(columns=("t",))).splits
    assert [split.origin() for split in splits] == [
        (str(path), sum(s.rows for s in splits[:n])) for n in range(len(splits))
    ]
    assert len(splits) > 1


def test_rows_have_no_number_where_the_scan_leaves_some_out(folder: Path) -> None:
    path = folder / "rows.parquet"
    with pytest.raises(ExecutionError) as caught:
        query("select cast(t as int) x from f where id >= 2500", {"f": vl.read_parquet(path)}).to_arrow()
    assert told(caught.value) == f"{CAST} (for t = 'seven') (in {path}[row groups 2-4])"


def test_rows_in_memory() -> None:
    frame = vl.from_arrow(pa.table({"a": list(range(300_000))}))
    with pytest.raises(ExecutionError) as caught:
        (frame.a // (frame.a - 200_000)).to_frame("x").to_arrow()
    assert told(caught.value).endswith("(for a = 200000) (in row 200,000 of memory[0:300000])")


def test_rows_in_memory_that_are_taken_as_they_lie() -> None:
    rows = pa.table({"key": [number % 50 for number in range(1 << 17)], "value": pa.repeat(2**60, 1 << 17)})
    frame = vl.from_arrow(pa.concat_tables([rows] * 4))
    with pytest.raises(ArithmeticOverflow) as caught:
        frame.groupby("key", dropna=False).agg(total=("value", "sum")).to_arrow()
    assert str(caught.value).startswith("sum(value) does not fit int64")
    assert " of memory[0:524288]" in told(caught.value)


def test_rows_that_no_file_has(folder: Path) -> None:
    f = vl.read_csv(folder / "rows.csv")
    frame = query("select s // (n - 5000) z from (select count(*) n, sum(id) s from f)", {"f": f})
    with pytest.raises(ExecutionError) as caught:
        frame.to_arrow()
    assert told(caught.value).endswith("(for count_star() = 5000, sum(id) = 12497500) (in stage 1 (collect))")


def test_long_and_many_values_are_cut(tmp_path: Path) -> None:
    columns = {f"c{n}": ["9" * 99] for n in range(10)}
    frame = vl.from_arrow(pa.table(columns))
    total = " || ".join(columns)
    with pytest.raises(ExecutionError) as caught:
        query(f"select cast({total} as int) x from f", {"f": frame}).to_arrow()
    note = caught.value.__notes__[0]
    assert note.count(" = ") == 8
    assert note.endswith(", …")
    assert len(note) < 8 * 70


def test_a_users_function_is_not_called_again_to_find_the_row(folder: Path) -> None:
    calls = []

    def counting(x: int) -> int:
        calls.append(x)
        return stumbles(x)

    frame = vl.read_csv(folder / "rows.csv")
    with pytest.raises(UserFunctionError), vl.Session(threads=1):
        frame.assign(x=vl.udf(counting, dtype="int64", compile=False)(frame.id)).to_arrow()
    assert calls.count(BAD) == 1
