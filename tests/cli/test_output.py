"""What `volley sql` prints and writes, in every format."""

from __future__ import annotations

import csv
import datetime as dt
import decimal
import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import volley as vl
from volley.cli import output
from volley.cli.display import Display
from volley.cli.table import fitting
from volley.engine.errors import ConfigError, WriteError


@pytest.fixture
def frame() -> vl.DataFrame:
    return vl.DataFrame(
        pa.table(
            {
                "n": pa.array([1, None, -30], pa.int64()),
                "x": pa.array([0.5, float("nan"), None], pa.float64()),
                "text": ['plain, with "quotes"', "two\nlines | bar", None],
                "day": pa.array([dt.date(2013, 1, 31), None, dt.date(1999, 12, 1)]),
                "price": pa.array([decimal.Decimal("1.50"), None, decimal.Decimal("-2.00")], pa.decimal128(9, 2)),
                "yes": [True, None, False],
            }
        )
    )


@pytest.fixture
def empty(frame: vl.DataFrame) -> vl.DataFrame:
    return frame.limit(0)


def printed(frame: vl.DataFrame, max_rows: int = 50) -> str:
    return Display(mode=None, rows=max_rows, interactive=False).render(frame, action=False)


def test_table_aligns_numbers_right_and_text_left(frame: vl.DataFrame) -> None:
    lines = printed(frame.select("n", "text", "yes")).splitlines()
    assert lines == [
        "   n  text                  yes",
        "────  ────────────────────  ─────",
        '   1  plain, with "quotes"  true',
        "NULL  two\\nlines | bar      NULL",
        " -30  NULL                  false",
        "(3 rows)",
    ]


def test_table_says_when_rows_are_left_out(frame: vl.DataFrame) -> None:
    assert printed(frame, max_rows=2).endswith("(first 2 rows; --rows 0 prints all)\n")
    assert printed(frame, max_rows=3).endswith("(3 rows)\n")
    assert printed(frame.limit(1)).endswith("(1 row)\n")
    assert printed(frame, max_rows=0).endswith("(3 rows)\n")


def test_table_without_rows_shows_its_columns(empty: vl.DataFrame) -> None:
    text = printed(empty)
    assert text.split() == [
        "n",
        "x",
        "text",
        "day",
        "price",
        "yes",
        "─",
        "─",
        "────",
        "───",
        "─────",
        "───",
        "(0",
        "rows)",
    ]


def test_middle_columns_give_way_on_a_narrow_terminal() -> None:
    assert fitting([10, 10, 10, 10], 46) == [0, 1, 2, 3]
    assert fitting([10, 10, 10, 10], 40) == [0, 1, None, 3]
    assert fitting([10, 10, 10, 10], 5) == [0, None]


def written(frame: vl.DataFrame, folder: Path, chosen: str) -> bytes:
    path = folder / "out"
    output.write(frame, chosen, path)
    assert [p.name for p in folder.iterdir()] == ["out"]
    return path.read_bytes()


def test_csv_round_trip(frame: vl.DataFrame, tmp_path: Path) -> None:
    rows = list(csv.reader(io.StringIO(written(frame, tmp_path, "csv").decode())))
    assert rows[0] == ["n", "x", "text", "day", "price", "yes"]
    assert rows[1] == ["1", "0.5", 'plain, with "quotes"', "2013-01-31", "1.50", "true"]
    assert rows[2] == ["", "nan", "two\nlines | bar", "", "", ""]


def test_tsv_uses_tabs(frame: vl.DataFrame, tmp_path: Path) -> None:
    assert written(frame.select("n", "x"), tmp_path, "tsv").split(b"\n")[1] == b"1\t0.5"


def test_json_has_no_nan(frame: vl.DataFrame, tmp_path: Path) -> None:
    rows = json.loads(written(frame, tmp_path, "json"))
    assert rows[0] == {
        "n": 1,
        "x": 0.5,
        "text": 'plain, with "quotes"',
        "day": "2013-01-31",
        "price": 1.5,
        "yes": True,
    }
    assert rows[1]["x"] is None
    lines = written(frame, tmp_path, "jsonl").splitlines()
    assert [json.loads(line) for line in lines] == rows


def test_markdown_escapes_bars(frame: vl.DataFrame, tmp_path: Path) -> None:
    lines = written(frame.select("n", "text"), tmp_path, "markdown").decode().splitlines()
    assert lines[:2] == ["| n | text |", "| ---: | --- |"]
    assert lines[3] == "| NULL | two\\nlines \\| bar |"


@pytest.mark.parametrize("rows", [3, 0])
def test_parquet_and_arrow_hold_the_same_table(frame: vl.DataFrame, tmp_path: Path, rows: int) -> None:
    chosen = frame.drop("x").limit(rows)  # without its NaN, which Arrow's equals() never finds equal
    wanted = chosen.collect()
    assert pq.read_table(pa.BufferReader(written(chosen, tmp_path, "parquet"))).equals(wanted)
    with pa.ipc.open_file(written(chosen, tmp_path, "arrow")) as reader:
        assert reader.read_all().equals(wanted)


@pytest.mark.parametrize("chosen", ["csv", "json", "jsonl", "markdown", "table"])
def test_every_text_format_takes_no_rows(empty: vl.DataFrame, tmp_path: Path, chosen: str) -> None:
    text = written(empty, tmp_path, chosen).decode()
    assert {"json": "[]\n", "jsonl": ""}.get(chosen, text) == text


def test_a_failed_write_keeps_the_older_file(frame: vl.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "kept.csv"
    path.write_text("older")

    def fail(table: pa.Table) -> pa.Table:
        raise RuntimeError("broken on purpose")

    broken = frame.map_batches(fail, {"z": "int64"})
    with pytest.raises(Exception, match="broken on purpose"):
        output.write(broken, "csv", path)
    assert [p.name for p in tmp_path.iterdir()] == ["kept.csv"]
    assert path.read_text() == "older"


def test_a_folder_that_does_not_exist_is_one_line(frame: vl.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(WriteError, match=r"no/out\.csv cannot be written: No such file or directory"):
        output.write(frame, "csv", tmp_path / "no" / "out.csv")


def test_format_follows_the_suffix() -> None:
    assert output.choose_format(None, None) == "table"
    assert output.choose_format(None, Path("a.PARQUET")) == "parquet"
    assert output.choose_format("csv", Path("a.txt")) == "csv"
    with pytest.raises(ConfigError, match=r"no format is known for the suffix of a\.xyz; use one of \.csv"):
        output.choose_format(None, Path("a.xyz"))


def test_json_has_decimals_as_numbers_unless_that_loses_digits(tmp_path: Path) -> None:
    values = ["1.50", "-0.001", "1234567890123456.75"]
    prices = pa.array([decimal.Decimal(value) for value in values], pa.decimal128(20, 3))
    frame = vl.DataFrame(
        pa.table({"p": prices, "l": pa.array([[price] for price in prices.to_pylist()], pa.list_(prices.type))})
    )
    rows = [json.loads(line) for line in written(frame, tmp_path, "jsonl").splitlines()]
    assert [row["p"] for row in rows] == [1.5, -0.001, "1234567890123456.750"]
    assert [row["l"] for row in rows] == [[1.5], [-0.001], ["1234567890123456.750"]]
