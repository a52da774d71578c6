"""Arrow IPC files and streams as sources."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pytest

from volley.engine.errors import ReadError
from volley.engine.plan import ScanRequest
from volley.io.ipc import IpcSource


@pytest.fixture(scope="module")
def table() -> pa.Table:
    return pa.table(
        {
            "id": range(5000),
            "city": pa.array([["Oslo", "Bern", None][i % 3] for i in range(5000)]).dictionary_encode(),
            "note": pa.array([f"row {i}" for i in range(5000)], pa.large_string()),
            "tags": [[i, None] for i in range(5000)],
        }
    )


def plain(table: pa.Table) -> pa.Table:
    return table.cast(
        pa.schema({"id": pa.int64(), "city": pa.string(), "note": pa.string(), "tags": pa.list_(pa.int64())})
    )


def save(table: pa.Table, path: Path, *, codec: str | None = None, stream: bool = False, rows: int = 100) -> Path:
    new = pa.ipc.new_stream if stream else pa.ipc.new_file
    with new(str(path), table.schema, options=pa.ipc.IpcWriteOptions(compression=codec)) as writer:
        writer.write_table(table, max_chunksize=rows)
    return path


@pytest.mark.parametrize("codec", [None, "zstd", "lz4"])
@pytest.mark.parametrize("stream", [False, True])
def test_files_and_streams(table: pa.Table, tmp_path: Path, scan: Any, codec: str | None, stream: bool) -> None:
    source = IpcSource(save(table, tmp_path / "t.arrow", codec=codec, stream=stream))
    assert scan(source).equals(plain(table))
    assert scan(source, ["note", "id"], batch_rows=30).equals(plain(table).select(["note", "id"]))
    assert scan(source, []).num_rows == 5000
    splits = source.scan(ScanRequest(columns=("id",))).splits
    assert len(splits) == (1 if stream else 4)
    assert len(pickle.dumps(splits[0])) < 2000
    assert sum(b.num_rows for split in pickle.loads(pickle.dumps(splits)) for b in split.read()) == 5000
    assert scan(pickle.loads(pickle.dumps(source))).equals(plain(table))


def test_long_record_batches_come_in_slices(table: pa.Table, tmp_path: Path) -> None:
    source = IpcSource(save(table, tmp_path / "t.arrow", rows=5000))
    (split,) = source.scan(ScanRequest(columns=("id",), batch_rows=2000)).splits
    assert [batch.num_rows for batch in split.read()] == [2000, 2000, 1000]


def test_several_files_keys_and_missing_columns(tmp_path: Path, scan: Any) -> None:
    for year, rows in ((2023, {"a": [1]}), (2024, {"b": ["x"]})):
        (tmp_path / f"year={year}").mkdir()
        save(pa.table(rows), tmp_path / f"year={year}" / "t.feather")
    source = IpcSource(tmp_path)
    assert scan(source).to_pydict() == {"a": [1, None], "b": [None, "x"], "year": [2023, 2024]}
    assert scan(source, ["a"]).column("a").to_pylist() == [1, None]
    assert scan(source, ["year"]).column("year").to_pylist() == [2023, 2024]


def test_file_without_rows(tmp_path: Path, scan: Any) -> None:
    source = IpcSource(save(pa.table({"a": pa.array([], pa.int64())}), tmp_path / "t.arrow"))
    assert scan(source).num_rows == 0


def test_remote(table: pa.Table, tmp_path: Path, scan: Any) -> None:
    content = save(table, tmp_path / "t.arrow").read_bytes()
    fsspec.filesystem("memory").pipe_file("/ipc_tests/t.arrow", content)
    assert scan(IpcSource("memory://ipc_tests/t.arrow")).equals(plain(table))


def test_broken_files(table: pa.Table, tmp_path: Path, scan: Any) -> None:
    content = save(table, tmp_path / "t.arrow").read_bytes()
    broken = tmp_path / "broken.arrow"
    for data, said in {
        b"": r"broken.arrow' is empty \(0 bytes\)",
        content[: len(content) // 2]: r"broken.arrow' is cut short or damaged",
        b"a,b\n1,2\n": r"broken.arrow' is not an Arrow IPC file or stream",
    }.items():
        broken.write_bytes(data)
        with pytest.raises(ReadError, match=said):
            IpcSource(broken)
    stream = save(table, tmp_path / "s.arrows", stream=True).read_bytes()
    broken.write_bytes(stream[: len(stream) // 2])
    with pytest.raises(ReadError, match=r"broken.arrow' is damaged: .*; copy or write it again"):
        scan(IpcSource(broken))
