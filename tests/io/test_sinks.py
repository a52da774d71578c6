"""Sinks: what is written is read back, appears in one step, and a failure leaves what was there before."""

from __future__ import annotations

import csv
import datetime as dt
import errno
import gzip
import json
import os
import pickle
import subprocess
import sys
import textwrap
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from volley.engine.arrow import from_arrow_schema
from volley.engine.errors import ColumnNotFound, ConfigError, WriteError
from volley.io import open_source, sink_for, sinks, staging
from volley.io.sinks import CsvSink, FileSink, IpcSink, JsonSink, ParquetSink, TaskWriter

NOON = dt.datetime.fromisoformat("2024-01-31T12:00:00")


@pytest.fixture
def table() -> pa.Table:
    return pa.table(
        {
            "id": [1, 2, 3, None],
            "x": [0.5, None, float("inf"), -0.0],
            "city": pa.array(["Łódź", None, "a\nb", ""]).dictionary_encode(),
            "day": [NOON.date(), None, NOON.date(), NOON.date()],
            "at": pa.array([NOON, None, NOON, NOON], pa.timestamp("us")),
            "ok": [True, None, False, True],
            "exact": pa.array([Decimal("1.50"), None, Decimal("2.25"), Decimal("-3.00")], pa.decimal128(9, 2)),
        }
    )


def plain(table: pa.Table) -> pa.Table:
    return pa.table(
        {
            name: column.cast(pa.string()) if name == "city" else column
            for name, column in zip(table.column_names, table.columns, strict=True)
        }
    )


def entries(folder: Path) -> list[str]:
    """Return every file and directory below, temporary ones included."""
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*"))


def write_through(writer: TaskWriter, table: pa.Table) -> None:
    for batch in table.to_batches(max_chunksize=10_000):
        writer.write(batch)
    writer.close()


# -------------------------------------------------------------------------------------- round trips
@pytest.mark.parametrize("name", ["t.parquet", "t.arrow", "t.feather", "out"])
def test_exact_formats_round_trip(table: pa.Table, tmp_path: Path, scan: Any, write: Any, name: str) -> None:
    (file,) = write(sink_for(tmp_path / name), table)
    assert scan(open_source(tmp_path / name)).equals(plain(table))
    assert (file.rows, file.bytes) == (4, Path(file.path).stat().st_size)
    assert entries(tmp_path) == ([name, f"{name}/part-00000.parquet"] if name == "out" else [name])


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


def test_more_partitions_than_files_may_be_open(
    tmp_path: Path, scan: Any, write: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sinks, "_OPEN_FILES", 4)
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


# -------------------------------------------------------------------------------------- whole or not at all
@pytest.mark.parametrize("name", ["t.parquet", "out"])
def test_nothing_is_visible_before_commit_and_abort_leaves_the_old(
    table: pa.Table, tmp_path: Path, scan: Any, write: Any, name: str
) -> None:
    path = tmp_path / "new" / name
    sink = sink_for(path)
    sink.open(from_arrow_schema(table.schema))
    sink.writer(0).write(table.to_batches()[0])
    assert not path.exists()
    sink.abort()
    assert entries(tmp_path / "new") == []

    write(sink_for(path), table)
    before = entries(tmp_path)
    replacing = sink_for(path)
    replacing.open(from_arrow_schema(table.schema))
    writer = replacing.writer(0)
    writer.write(table.to_batches()[0])
    writer.close()
    replacing.abort()
    assert entries(tmp_path) == before
    assert scan(open_source(path)).equals(plain(table))


@pytest.mark.parametrize("name", ["t.parquet", "t.csv", "t.csv.gz", "t.jsonl", "t.arrow", "out"])
def test_disk_full_says_so_and_leaves_nothing(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging.Stage, "open", lambda self, relative: pa.OSFile("/dev/full", "wb"))
    rng = np.random.default_rng(0)
    table = pa.table({"x": rng.normal(size=200_000)})
    sink = sink_for(tmp_path / name)
    sink.open(from_arrow_schema(table.schema))
    with pytest.raises(WriteError, match=r"cannot write '.*': no space is left; free some or write elsewhere"):
        write_through(sink.writer(0), table)
    sink.abort()
    assert entries(tmp_path) == []


def test_a_file_limit_in_a_process_of_its_own_leaves_the_old_file(
    table: pa.Table, tmp_path: Path, scan: Any, write: Any
) -> None:
    path = tmp_path / "t.parquet"
    write(sink_for(path), table)
    script = f"""
        import resource, sys
        import numpy as np, pyarrow as pa
        from volley.engine.arrow import from_arrow_schema
        from volley.engine.errors import WriteError
        from volley.io import sink_for
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        table = pa.table({{"x": np.random.default_rng(0).normal(size=100_000)}})
        sink = sink_for({str(path)!r})
        sink.open(from_arrow_schema(table.schema))
        try:
            writer = sink.writer(0)
            writer.write(table.to_batches()[0])
            writer.close()
        except WriteError as error:
            sink.abort()
            sys.exit(str(error))
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=False)
    assert "larger than the system allows" in done.stderr
    assert done.returncode == 1
    assert entries(tmp_path) == ["t.parquet"]
    assert scan(open_source(path)).equals(plain(table))


def test_a_failed_swap_puts_the_old_data_set_back(
    table: pa.Table, tmp_path: Path, scan: Any, write: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(sink_for(tmp_path / "out"), table)
    monkeypatch.setattr(staging, "_exchanged", lambda first, second: False)
    rename, calls = Path.rename, []

    def failing(self: Path, target: Path) -> Path:
        calls.append(self.name)
        if len(calls) == 2:
            raise OSError(errno.EIO, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    sink = sink_for(tmp_path / "out")
    with pytest.raises(WriteError, match=r"cannot write '.*out': .*Input/output error"):
        write(sink, table.slice(0, 1))
    sink.abort()
    assert calls == ["data", "data", "old"] or calls == ["out", "data", "old"]
    assert entries(tmp_path) == ["out", "out/part-00000.parquet"]
    assert scan(open_source(tmp_path / "out")).equals(plain(table))


def test_permission_denied(table: pa.Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, **_: Any) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(WriteError, match=r"permission denied; check the folder's owner and mode"):
        sink_for(tmp_path / "t.parquet").open(from_arrow_schema(table.schema))


# -------------------------------------------------------------------------------------- what is refused
def test_foreign_files_are_not_replaced(table: pa.Table, tmp_path: Path) -> None:
    schema = from_arrow_schema(table.schema)
    (tmp_path / "notes.txt").write_text("precious")
    with pytest.raises(WriteError, match=r"holds 'notes.txt', which is no part of a data set; it would be lost"):
        sink_for(tmp_path).open(schema)
    with pytest.raises(WriteError, match=r"notes.txt/?' is a file; give the name of a directory, or remove it"):
        sink_for(f"{tmp_path}/notes.txt/", "csv").open(schema)
    (tmp_path / "d.parquet").mkdir()
    with pytest.raises(WriteError, match=r"d.parquet' is a directory; give the name of a file in it"):
        sink_for(tmp_path / "d.parquet").open(schema)
    assert entries(tmp_path) == ["d.parquet", "notes.txt"]


def test_devices_and_pipes_are_not_replaced(table: pa.Table, tmp_path: Path) -> None:
    for name in ("pipe.csv", "pipe"):
        os.mkfifo(tmp_path / name)
        with pytest.raises(WriteError, match=f"{name}' is a device, pipe or socket, which a file would replace"):
            sink_for(tmp_path / name).open(from_arrow_schema(table.schema))
        assert (tmp_path / name).is_fifo()
    assert entries(tmp_path) == ["pipe", "pipe.csv"]


@pytest.mark.parametrize(
    ("name", "arrow", "said"),
    [
        (
            "t.csv",
            pa.list_(pa.int64()),
            r"csv cannot hold column 'x' of type list\(int64\); cast it to text, or write Parquet",
        ),
        ("t.csv", pa.duration("s"), "csv cannot hold column 'x' of type duration"),
        ("t.jsonl", pa.binary(), "json cannot hold column 'x' of type binary"),
        ("t.parquet", pa.month_day_nano_interval(), "parquet cannot hold column 'x' of type interval"),
    ],
)
def test_types_that_a_format_cannot_hold(tmp_path: Path, name: str, arrow: pa.DataType, said: str) -> None:
    with pytest.raises(WriteError, match=said):
        sink_for(tmp_path / name).open(from_arrow_schema(pa.schema({"x": arrow})))
    assert entries(tmp_path) == []


@pytest.mark.parametrize("name", ["t.csv", "t.parquet", "t.arrow"])
def test_no_columns(tmp_path: Path, name: str) -> None:
    with pytest.raises(WriteError, match="needs at least one column"):
        sink_for(tmp_path / name).open(from_arrow_schema(pa.schema({})))


def test_wrong_partition_columns(table: pa.Table, tmp_path: Path) -> None:
    schema = from_arrow_schema(table.schema)
    with pytest.raises(ColumnNotFound, match="unknown column 'citi'; did you mean 'city'"):
        ParquetSink(tmp_path / "out", partition_by=["citi"]).open(schema)
    with pytest.raises(WriteError, match="cannot partition by 'x' of type float64"):
        ParquetSink(tmp_path / "out", partition_by=["x"]).open(schema)
    with pytest.raises(WriteError, match="at least one must remain"):
        ParquetSink(tmp_path / "out", partition_by=["id"]).open(schema.select(["id"]))
    with pytest.raises(ConfigError, match=r"partition_by must be a list of columns: \['id'\]"):
        ParquetSink(tmp_path / "out", partition_by="id")


@pytest.mark.parametrize(
    ("arguments", "options", "said"),
    [
        (("t.xlsx",), {}, "no format ends like 't.xlsx'; name one of parquet, csv, json, ipc"),
        (("t.csv", "excel"), {}, "unknown format 'excel'; available: parquet, csv, json, ipc"),
        (("t.parquet",), {"compresion": "zstd"}, "parquet has no option 'compresion'; did you mean 'compression'"),
        (("t.parquet",), {"compression": "zip"}, "compression must be one of zstd, snappy, gzip, lz4, none, not 'zip'"),
        (("t.parquet",), {"row_group_rows": 0}, "row_group_rows must be positive"),
        (("t.csv",), {"delimiter": ""}, "delimiter must be one ASCII character"),
        (("",), {}, "the path to write to is empty"),
    ],
)
def test_wrong_options(arguments: tuple[str, ...], options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        sink_for(*arguments, **options)


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


def test_a_sink_must_be_opened_first(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match=r"parquet .*t.parquet was not opened"):
        sink_for(tmp_path / "t.parquet").writer(0)


def test_empty_batches_make_no_file(table: pa.Table, tmp_path: Path) -> None:
    sink = sink_for(tmp_path / "out")
    sink.open(from_arrow_schema(table.schema))
    writer = sink.writer(3)
    writer.write(table.to_batches()[0].slice(0, 0))
    writer.close()
    (file,) = sink.commit()
    assert Path(file.path).name == "part-00000.parquet"


def test_a_file_written_by_two_tasks_is_refused(table: pa.Table, tmp_path: Path, write: Any) -> None:
    sink = sink_for(tmp_path / "t.parquet")
    with pytest.raises(WriteError, match="is one file but 2 tasks wrote"):
        write(sink, table, table)
    sink.abort()
    assert entries(tmp_path) == []


# -------------------------------------------------------------------------------------- stores without renames
def test_remote_file_and_data_set(table: pa.Table, scan: Any, write: Any) -> None:
    store = fsspec.filesystem("memory")
    (file,) = write(sink_for("memory://sink_tests/t.parquet"), table)
    assert file.path == "memory://sink_tests/t.parquet"
    assert scan(open_source(file.path)).equals(plain(table))

    first = write(sink_for("memory://sink_tests/out"), table, table)
    second = write(sink_for("memory://sink_tests/out"), table.slice(0, 1))
    assert scan(open_source("memory://sink_tests/out")).num_rows == 1
    left = {name.rpartition("/")[2] for name in store.find("/sink_tests/out")}
    assert left == {"_manifest.json", Path(second[0].path).name}
    assert not {Path(f.path).name for f in first} & left
    assert not [name for name in store.find("/sink_tests") if ".tmp-" in name]
    store.rm("/sink_tests", recursive=True)


def test_a_remote_write_that_fails_leaves_the_old_readable(
    table: pa.Table, scan: Any, write: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = fsspec.filesystem("memory")
    write(sink_for("memory://sink_tests/out"), table)
    before = sorted(store.find("/sink_tests"))
    put = type(store).pipe_file

    def failing(self: Any, path: str, value: bytes, **options: Any) -> None:
        if path.endswith("_manifest.json"):
            raise OSError(errno.EIO, "connection lost")
        put(self, path, value, **options)

    monkeypatch.setattr(type(store), "pipe_file", failing)
    sink = sink_for("memory://sink_tests/out")
    with pytest.raises(WriteError, match="connection lost"):
        write(sink, table, table)
    sink.abort()
    assert sorted(store.find("/sink_tests")) == before
    assert scan(open_source("memory://sink_tests/out")).num_rows == 4
    store.rm("/sink_tests", recursive=True)


def test_new_remote_files_are_hidden_until_the_manifest_lists_them(table: pa.Table, scan: Any, write: Any) -> None:
    store = fsspec.filesystem("memory")
    write(sink_for("memory://sink_tests/out"), table)
    store.pipe_file("/sink_tests/out/part-00009-stray.parquet", b"half")
    assert scan(open_source("memory://sink_tests/out")).num_rows == 4
    store.rm("/sink_tests", recursive=True)


def test_start_up_stays_light() -> None:
    heavy = ("pyarrow.parquet", "pyarrow.csv", "fsspec", "pandas")
    script = f"import sys, volley.io; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert done.stdout.strip() == "[]"
