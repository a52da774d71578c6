"""Sinks: what is written is read back, by Volley and by others."""

from __future__ import annotations

import csv
import gzip
import json
import os
import pickle
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.io.written import NOON, all_kinds, entries, plain
from volley.engine.arrow import from_arrow_schema
from volley.io import open_source, sink_for, staging, task_writer
from volley.io.sinks import CsvSink, FileSink, IpcSink, JsonSink, ParquetSink


@pytest.fixture
def table() -> pa.Table:
    return all_kinds()


# -------------------------------------------------------------------------------------- round trips
@pytest.mark.parametrize("name", ["t.parquet", "t.arrow", "t.feather", "out"])
def test_exact_formats_round_trip(table: pa.Table, tmp_path: Path, scan: Any, write: Any, name: str) -> None:
    (file,) = write(sink_for(tmp_path / name), table)
    assert scan(open_source(tmp_path / name)).equals(plain(table))
    assert (file.rows, file.bytes) == (4, Path(file.path).stat().st_size)
    assert entries(tmp_path) == ([name, f"{name}/part-00000.parquet"] if name == "out" else [name])


@pytest.mark.parametrize(
    ("name", "by"), [("t.parquet", []), ("t.arrow", []), ("t.csv", []), ("t.jsonl", []), ("out", []), ("out", ["g"])]
)
def test_columns_without_nulls_stay_such(tmp_path: Path, scan: Any, write: Any, name: str, by: list[str]) -> None:
    fields = [pa.field("i", pa.int64(), nullable=False), pa.field("s", pa.string()), pa.field("g", pa.int64(), False)]
    strict = pa.table({"i": [1, 2, 3], "s": ["a", None, "b"], "g": [0, 0, 0]}, pa.schema(fields))
    write(sink_for(tmp_path / name, partition_by=by), strict)
    read = scan(open_source(tmp_path / name))
    assert read.select(["i", "s", "g"]).to_pydict() == strict.to_pydict()
    if name in ("t.parquet", "t.arrow", "out"):
        stored = open_source(tmp_path / name).schema
        assert [field.nullable for field in stored][:2] == [False, True]


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.csv.zst", "t.csv.bz2", "t.csv.xz", "t.csv.lz4"])
def test_csv_round_trip(table: pa.Table, tmp_path: Path, scan: Any, write: Any, name: str) -> None:
    write(sink_for(tmp_path / name), table)
    source = open_source(tmp_path / name, dtypes={"exact": "decimal(9,2)"}, quoted_nulls=False)
    assert scan(source).equals(plain(table))


def test_csv_as_python_reads_it(table: pa.Table, tmp_path: Path, write: Any) -> None:
    write(sink_for(tmp_path / "t.csv", delimiter=";", header=False), table.select(["id", "city", "exact"]))
    with (tmp_path / "t.csv").open(encoding="utf-8", newline="") as stream:
        assert list(csv.reader(stream, delimiter=";")) == [
            ["1", "Łódź", "1.50"],
            ["2", "", ""],
            ["3", "a\nb", "2.25"],
            ["", "", "-3.00"],
        ]


def test_json_lines_as_python_reads_them(table: pa.Table, tmp_path: Path, write: Any) -> None:
    nested = table.append_column("inner", pa.array([{"d": NOON.date(), "l": [Decimal("1.5")]}] * 4))
    big = nested.append_column("big", pa.array([Decimal("12345678901234567.5")] * 4))
    write(sink_for(tmp_path / "t.jsonl"), big)
    rows = [json.loads(line) for line in (tmp_path / "t.jsonl").read_text().splitlines()]
    assert rows[0] == {
        "id": 1,
        "x": 0.5,
        "city": "Łódź",
        "day": "2024-01-31",
        "at": "2024-01-31 12:00:00.000000",
        "ok": True,
        "exact": 1.5,
        "inner": {"d": "2024-01-31", "l": [1.5]},
        "big": "12345678901234567.5",
    }
    assert rows[1]["id"] == 2
    assert rows[1]["city"] is None
    assert rows[2]["x"] is None  # JSON has no infinity


def test_json_round_trip_compressed(table: pa.Table, tmp_path: Path, scan: Any, write: Any) -> None:
    write(sink_for(tmp_path / "t.jsonl.gz"), table)
    assert gzip.decompress((tmp_path / "t.jsonl.gz").read_bytes()).count(b"\n") == 4
    back = scan(open_source(tmp_path / "t.jsonl.gz", dtypes={"exact": "decimal(9,2)"}))
    assert back.drop_columns("x").equals(plain(table).drop_columns("x"))


@pytest.mark.parametrize("codec", ["zstd", "snappy", "gzip", "lz4", "none"])
def test_parquet_options(table: pa.Table, tmp_path: Path, write: Any, codec: str) -> None:
    write(
        ParquetSink(tmp_path / "t.parquet", compression=codec, row_group_rows=3),
        table,
    )
    metadata = pq.read_metadata(tmp_path / "t.parquet")
    assert [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)] == [3, 1]
    written = metadata.row_group(0).column(0).compression.lower()
    assert written == {"none": "uncompressed"}.get(codec, codec)


def test_many_small_batches_make_full_row_groups(tmp_path: Path) -> None:
    sink = ParquetSink(tmp_path / "t.parquet", row_group_rows=100)
    batch = pa.record_batch({"x": list(range(30))})
    sink.open(from_arrow_schema(batch.schema))
    writer = sink.writer(0)
    for _ in range(10):
        writer.write(batch)
    writer.close()
    sink.commit()
    metadata = pq.read_metadata(tmp_path / "t.parquet")
    assert [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)] == [100, 100, 100]
    assert pq.read_table(tmp_path / "t.parquet").column("x").to_pylist() == list(range(30)) * 10


@pytest.mark.parametrize("name", ["t.parquet", "t.csv", "t.arrow", "out"])
def test_no_rows_still_leave_the_schema(table: pa.Table, tmp_path: Path, scan: Any, name: str) -> None:
    sink = sink_for(tmp_path / name)
    sink.open(from_arrow_schema(table.schema))
    sink.writer(0).close()
    (file,) = sink.commit()
    assert file.rows == 0
    back = scan(open_source(tmp_path / name))
    assert back.num_rows == 0
    assert back.column_names == table.column_names
    assert name == "t.csv" or back.schema == plain(table).schema


# -------------------------------------------------------------------------------------- directories
def test_directory_has_a_file_per_task(table: pa.Table, tmp_path: Path, scan: Any, write: Any) -> None:
    files = write(sink_for(tmp_path / "out"), table.slice(0, 2), table.slice(2, 0), table.slice(2))
    assert [Path(f.path).name for f in files] == ["part-00000.parquet", "part-00002.parquet"]
    assert [f.rows for f in files] == [2, 2]
    assert scan(open_source(tmp_path / "out")).equals(plain(table))


def test_partition_directories_are_read_back(tmp_path: Path, scan: Any, write: Any) -> None:
    rng = np.random.default_rng(0)
    table = pa.table(
        {
            "x": range(5000),
            "year": rng.choice([2023, 2024], 5000),
            "name": pa.array(rng.choice(["a/b", "c d", "é=?"], 5000), mask=rng.random(5000) < 0.1),
        }
    )
    files = write(ParquetSink(tmp_path / "out", partition_by=["year", "name"]), table.slice(0, 4000), table.slice(4000))
    assert len(files) == 2 * 2 * 4
    assert (tmp_path / "out" / "year=2023" / "name=a%2Fb" / "part-00001.parquet").is_file()
    assert (tmp_path / "out" / "year=2023" / "name=__HIVE_DEFAULT_PARTITION__").is_dir()
    back = scan(open_source(tmp_path / "out"))
    assert back.sort_by("x").equals(table)
    theirs = duckdb.sql(
        f"select sum(x), count(name) from read_parquet('{tmp_path}/out/**/*.parquet', hive_partitioning=1)"
    )
    assert theirs.fetchall() == [(sum(range(5000)), 5000 - table.column("name").null_count)]


def test_truth_values_are_keys_of_partitions(tmp_path: Path, scan: Any, write: Any) -> None:
    table = pa.table({"x": [1, 2, 3], "flag": [False, True, None]})
    write(CsvSink(tmp_path / "out", partition_by=["flag"]), table)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "flag=__HIVE_DEFAULT_PARTITION__",
        "flag=false",
        "flag=true",
    ]
    assert scan(open_source(tmp_path / "out")).sort_by("x").equals(table)
    (tmp_path / "out" / "flag=true").rename(tmp_path / "out" / "flag=True")  # as Python writes it
    assert scan(open_source(tmp_path / "out")).sort_by("x").equals(table)
    (tmp_path / "out" / "flag=True").rename(tmp_path / "out" / "flag=yes")
    assert scan(open_source(tmp_path / "out")).sort_by("x").column("flag").to_pylist() == ["false", "yes", None]


def test_more_partitions_than_files_may_be_open(
    tmp_path: Path, scan: Any, write: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task_writer, "_OPEN_FILES", 4)
    table = pa.table({"k": [i % 10 for i in range(100)], "x": range(100)})
    sink = CsvSink(tmp_path / "out", partition_by=["k"])
    write(sink, pa.concat_tables([table.slice(0, 50), table.slice(50)]))
    assert (tmp_path / "out" / "k=3" / "part-00000-1.csv").is_file()
    assert scan(open_source(tmp_path / "out")).sort_by("x").select(["k", "x"]).equals(table)


def test_partitioned_without_rows(tmp_path: Path, scan: Any, write: Any) -> None:
    write(
        ParquetSink(tmp_path / "out", partition_by=["k"]),
        pa.table({"k": pa.array([], pa.string()), "x": pa.array([], pa.int64())}),
    )
    assert scan(open_source(tmp_path / "out")).schema.names == ["k", "x"]


@pytest.mark.parametrize("exchange", [True, False])
def test_replacing_a_data_set_leaves_no_stale_file(
    table: pa.Table, tmp_path: Path, scan: Any, write: Any, exchange: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not exchange:
        monkeypatch.setattr(staging, "_exchanged", lambda first, second: False)
    write(sink_for(tmp_path / "out"), table, table, table)
    write(sink_for(tmp_path / "out"), table.slice(0, 1))
    assert entries(tmp_path) == ["out", "out/part-00000.parquet"]
    assert scan(open_source(tmp_path / "out")).num_rows == 1


def test_the_last_finished_writer_of_a_task_counts(table: pa.Table, tmp_path: Path, scan: Any) -> None:
    sink = pickle.loads(pickle.dumps(sink_for(tmp_path / "out")))
    sink.open(from_arrow_schema(table.schema))
    lost, first = sink.writer(0), sink.writer(1)
    lost.write(table.to_batches()[0])
    elsewhere = pickle.loads(pickle.dumps(sink))  # another process with the same store
    again = elsewhere.writer(0)
    again.write(table.slice(0, 1).to_batches()[0])
    again.close()
    first.write(table.slice(1, 2).to_batches()[0])
    first.close()
    files = sink.commit()
    assert [f.rows for f in files] == [1, 2]
    assert scan(open_source(tmp_path / "out")).column("id").to_pylist() == [1, 2, 3]
    lost.abandon()


def test_a_link_is_followed(table: pa.Table, tmp_path: Path, scan: Any, write: Any) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write(sink_for(tmp_path / "link"), table)
    assert (tmp_path / "link").is_symlink()
    assert scan(open_source(tmp_path / "real")).num_rows == 4


def test_labels_and_single_writers(tmp_path: Path) -> None:
    several: list[FileSink] = [
        ParquetSink("out", partition_by=["year"]),
        CsvSink("t.csv"),
        JsonSink("s3.jsonl/"),
        IpcSink("memory://a/b.arrow"),
    ]
    labels = ["parquet out partitioned by year", "csv t.csv", "json s3.jsonl", "ipc memory://a/b.arrow"]
    assert [sink.label for sink in several] == labels
    assert [sink.single_writer for sink in several] == [False, True, False, True]


def test_empty_batches_make_no_file(table: pa.Table, tmp_path: Path) -> None:
    sink = sink_for(tmp_path / "out")
    sink.open(from_arrow_schema(table.schema))
    writer = sink.writer(3)
    writer.write(table.to_batches()[0].slice(0, 0))
    writer.close()
    (file,) = sink.commit()
    assert Path(file.path).name == "part-00000.parquet"


def test_start_up_stays_light() -> None:
    heavy = ("pyarrow.parquet", "pyarrow.csv", "fsspec", "pandas")
    script = f"import sys, volley.io; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert done.stdout.strip() == "[]"
