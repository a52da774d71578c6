"""Sinks: what is written appears in one step; a failure or a refusal leaves what was there before."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pyarrow as pa
import pytest

from tests.io.written import all_kinds, entries, plain
from volley.engine.arrow import from_arrow_schema
from volley.engine.errors import ColumnNotFound, ConfigError, WriteError
from volley.io import open_source, sink_for, staging
from volley.io.sinks import ParquetSink
from volley.io.task_writer import TaskWriter


@pytest.fixture
def table() -> pa.Table:
    return all_kinds()


def write_through(writer: TaskWriter, table: pa.Table) -> None:
    for batch in table.to_batches(max_chunksize=10_000):
        writer.write(batch)
    writer.close()


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


WRITING = """
import sys, time
import pyarrow as pa
from volley.engine.arrow import from_arrow_schema
from volley.io import sink_for

rows = pa.record_batch({"a": [1, 2, 3]})
sink = sink_for(sys.argv[1])
sink.open(from_arrow_schema(rows.schema))
sink.writer(0).write(rows)
print("writes", flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("name", ["t.parquet", "out"])
def test_the_next_write_removes_what_a_killed_one_has_left(
    table: pa.Table, tmp_path: Path, scan: Any, write: Any, name: str
) -> None:
    path = tmp_path / name
    write(sink_for(path), table)
    with subprocess.Popen([sys.executable, "-c", WRITING, path], stdout=subprocess.PIPE) as writing:
        assert writing.stdout is not None
        assert writing.stdout.readline()
        (unfinished,) = tmp_path.glob(f".{name}.tmp-*")
        write(sink_for(path), table)
        assert unfinished.exists()  # it still writes
        writing.kill()
    assert scan(open_source(path)).equals(plain(table))
    write(sink_for(path), table)
    assert [place.name for place in tmp_path.iterdir()] == [name]


def test_the_next_write_puts_back_what_a_killed_one_was_about_to_replace(
    table: pa.Table, tmp_path: Path, scan: Any, write: Any
) -> None:
    path = tmp_path / "out"
    write(sink_for(path), table)
    for name in (".out.tmp-0123456789ab", ".out.tmp-cdef01234567", ".out.tmp-mine"):
        (tmp_path / name).mkdir()
    path.rename(tmp_path / ".out.tmp-0123456789ab" / "old")
    os.utime(tmp_path / ".out.tmp-0123456789ab", (0, 0))  # without a lock, and too old to be of anybody
    sink = sink_for(path)
    sink.open(from_arrow_schema(table.schema))
    sink.abort()
    assert scan(open_source(path)).equals(plain(table))
    assert sorted(place.name for place in tmp_path.iterdir()) == [".out.tmp-cdef01234567", ".out.tmp-mine", "out"]


@pytest.mark.parametrize("name", ["t.parquet", "t.csv", "t.csv.gz", "t.jsonl", "t.arrow", "t.orc", "out"])
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
    assert os.path.realpath("/dev/full") not in map(os.path.realpath, Path("/proc/self/fd").iterdir())


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
    with pytest.raises(ConfigError, match="partition_by names 'id' twice"):
        ParquetSink(tmp_path / "d", partition_by=["id", "x", "id"])
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


def test_a_sink_must_be_opened_first(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match=r"parquet .*t.parquet was not opened"):
        sink_for(tmp_path / "t.parquet").writer(0)


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
