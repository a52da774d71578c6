"""What is kept of Parquet footers between queries, and when it is not."""

from __future__ import annotations

import pickle
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import volley as vl
from volley.io import footer_facts
from volley.io.parquet import ParquetSource


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many footers were read, one number for each time."""
    counted: list[int] = []
    read = footer_facts.read_footers
    monkeypatch.setattr(footer_facts, "read_footers", lambda files: counted.append(len(files.files)) or read(files))
    return counted


def write(path: Path, values: list[int]) -> None:
    pq.write_table(pa.table({"a": values}), path)


def test_footers_are_read_once_for_all_queries(tmp_path: Path, reads: list[int]) -> None:
    write(tmp_path / "t.parquet", [1, 2])
    for _ in range(3):
        assert vl.read_parquet(str(tmp_path / "t.parquet")).a.sum() == 3
    assert reads == [1]
    assert ParquetSource(tmp_path / "t.parquet").statistics() is ParquetSource(tmp_path / "t.parquet").statistics()
    assert reads == [1]


def test_a_replaced_file_is_read_anew(tmp_path: Path, reads: list[int]) -> None:
    path = tmp_path / "t.parquet"
    for values in ([1, 2], [3, 4, 5], [6, 7]):
        write(path, values)
        assert vl.read_parquet(str(path)).a.sum() == sum(values)
    assert reads == [1, 1, 1]


def test_a_file_that_joins_a_folder_is_noticed(tmp_path: Path) -> None:
    folder = tmp_path / "k=1"
    folder.mkdir()
    write(folder / "t.parquet", [1])
    assert vl.read_parquet(str(tmp_path)).a.sum() == 1
    write(folder / "u.parquet", [2])
    assert vl.read_parquet(str(tmp_path)).a.sum() == 3


def test_few_bytes_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reads: list[int]) -> None:
    write(tmp_path / "t.parquet", [1])
    write(tmp_path / "u.parquet", [1])
    size = pq.read_metadata(tmp_path / "t.parquet").serialized_size
    monkeypatch.setattr(footer_facts, "_MOST_BYTES", 5 * size)
    for _ in range(2):
        ParquetSource(tmp_path / "t.parquet")
    assert len(reads) == 1
    monkeypatch.setattr(footer_facts, "_MOST_BYTES", 4 * size)
    ParquetSource(tmp_path / "u.parquet")
    assert sum(facts.nbytes for facts in footer_facts._kept.values()) <= 4 * size
    monkeypatch.setattr(footer_facts, "_MOST_BYTES", size)
    ParquetSource([tmp_path / "t.parquet", tmp_path / "u.parquet"])
    ParquetSource([tmp_path / "t.parquet", tmp_path / "u.parquet"])
    assert reads[-2:] == [2, 2]


def test_a_copy_elsewhere_knows_the_same(tmp_path: Path) -> None:
    write(tmp_path / "t.parquet", [1, 2])
    source = ParquetSource(tmp_path / "t.parquet")
    copy = pickle.loads(pickle.dumps(source))
    assert copy.statistics().rows == source.statistics().rows == 2
