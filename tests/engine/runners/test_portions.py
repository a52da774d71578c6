"""Which rows of a scan are one task: all of them, once, in order; fewer near the end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import volley as vl
from volley.engine.errors import DivisionByZero, told
from volley.engine.frame import memory
from volley.engine.frame.memory import MemorySource, MemorySplit
from volley.engine.plan import ScanRequest, Split
from volley.engine.runners.portions import located, portions
from volley.io.parquet import ParquetSource

BATCH = 16


def splits_of(rows: int, batch: int = BATCH, columns: tuple[str, ...] = ("n",)) -> tuple[Split, ...]:
    chunks = [range(start, min(start + batch, rows)) for start in range(0, rows, batch)]
    table = pa.table({"n": pa.chunked_array(chunks, pa.int64())})
    return MemorySource(table).scan(ScanRequest(columns=columns, batch_rows=BATCH)).splits


def batches(splits: list[Split]) -> list[list[int]]:
    return [batch["n"].to_pylist() for split in splits for batch in split.read()]


@pytest.fixture(autouse=True)
def small_splits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "TASK_ROWS", 4 * BATCH)
    monkeypatch.setattr(memory, "DIVIDED_ROWS", 2 * BATCH)


@pytest.mark.parametrize("threads", [1, 2, 3, 16])
@pytest.mark.parametrize("rows", [0, 1, BATCH, 4 * BATCH, 46 * BATCH + 5])
def test_every_batch_is_part_of_one_task(rows: int, threads: int) -> None:
    splits = splits_of(rows)
    for least in (0, 1, 2):
        tasks = portions(splits, threads, least=least)
        assert all(tasks)
        assert batches([split for task in tasks for split in task]) == batches([*splits])


def test_tasks_are_large_at_first_and_small_at_the_end() -> None:
    tasks = portions(splits_of(12 * 4 * BATCH), 2)
    assert [sum(split.rows or 0 for split in task) // BATCH for task in tasks] == [20, 20, 2, 1, 1, 2, 1, 1]
    assert [len(task) for task in portions(splits_of(12 * 4 * BATCH), 1)] == [8, 4]


def test_tasks_of_rows_taken_as_they_are_dwindle() -> None:
    splits = splits_of(40 * 4 * BATCH)
    tasks = portions(splits, 2, least=2)
    assert [len(task) for task in tasks] == [18, 18, 2, 2]
    assert batches([split for task in tasks for split in task]) == batches([*splits])
    assert [len(task) for task in portions(splits_of(150 * 4 * BATCH), 1, least=2)] == [64, 64, 22]


def test_those_where_a_task_ends_are_divided_where_one_is_enough() -> None:
    splits = splits_of(8 * 4 * BATCH)
    tasks = portions(splits, 2, least=1)
    assert [sum(split.rows or 0 for split in task) // BATCH for task in tasks] == [14, 14, 2, 2]
    assert batches([split for task in tasks for split in task]) == batches([*splits])
    assert [len(task) for task in portions(splits, 1, least=1)] == [8]
    assert portions([], 2, least=1) == []


def test_splits_too_small_to_be_divided_are_taken_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    splits = splits_of(8 * 4 * BATCH)
    monkeypatch.setattr(memory, "DIVIDED_ROWS", 8 * BATCH)
    tasks = portions(splits, 2, least=1)
    assert [len(task) for task in tasks] == [4, 4]
    assert batches([split for task in tasks for split in task]) == batches([*splits])


def test_other_splits_are_a_task_each() -> None:
    class Other:
        label, rows, bytes = "other", 10, 10

        def read(self) -> list[pa.RecordBatch]:
            return []

    splits = [Other() for _ in range(9)]
    assert portions(splits, 2) == [[split] for split in splits]


def parquet_splits(path: Path, groups: int, files: int = 1) -> tuple[Split, ...]:
    for number in range(files):
        table = pa.table({"n": np.arange(groups * 1_000, dtype=np.int64) + number})
        pq.write_table(table, path / f"{number}.parquet", row_group_size=1_000)
    return ParquetSource(str(path)).scan(ScanRequest(columns=("n",), batch_rows=1_000)).splits


@pytest.fixture
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("volley.io.parquet._SPLIT_BYTES_LEAST", 1)
    monkeypatch.setattr("volley.io.parquet.available_cores", lambda: 16)


@pytest.mark.usefixtures("small_files")
@pytest.mark.parametrize("threads", [1, 2, 3, 16])
@pytest.mark.parametrize(("groups", "files"), [(1, 1), (7, 1), (40, 1), (3, 5)])
def test_splits_of_files_are_joined_in_order(tmp_path: Path, groups: int, files: int, threads: int) -> None:
    splits = parquet_splits(tmp_path, groups, files)
    tasks = portions(splits, threads)
    assert batches([split for task in tasks for split in task]) == batches([*splits])
    assert len({split.label.split("[")[0] for task in tasks for split in task}) == files
    assert [len(task) for task in tasks] == [files]  # too little work for more than one task


@pytest.mark.usefixtures("small_files")
def test_tasks_of_files_are_large_at_first_and_small_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    splits = parquet_splits(tmp_path, 32)
    monkeypatch.setattr("volley.engine.runners.portions.LEAST_WORK", 0.0)
    rows = [split.rows or 0 for (split,) in portions(splits, 2)]
    assert rows == sorted(rows, reverse=True)
    assert (sum(rows), max(rows), min(rows)) == (32_000, 8_000, 1_000)
    assert len(rows) < len(splits) // 2


class Stored:
    """A split of a file, of a MiB and some rows."""

    label, bytes = "stored", 1024 * 1024

    def __init__(self, rows: int) -> None:
        self.rows = rows

    def joined(self, _: Split) -> None:
        return None

    def read(self) -> list[pa.RecordBatch]:
        return []


@pytest.mark.parametrize(("rows", "wanted"), [(0, [3, 3]), (256 * 1024, [3, 2, 1])])
def test_the_work_of_a_task_of_files_is_that_of_bytes_and_of_rows(rows: int, wanted: list[int]) -> None:
    assert [len(task) for task in portions([Stored(rows) for _ in range(6)], 1)] == wanted


@pytest.mark.parametrize(
    ("splits", "wanted"),
    [(3, [3]), (4, [2, 2]), (7, [4, 3]), (9, [2, 2, 3, 2]), (16, [4, 3, 2, 2, 3, 2])],
)
def test_the_last_tasks_of_files_are_as_many_for_each_thread(splits: int, wanted: list[int]) -> None:
    assert [len(task) for task in portions([Stored(0) for _ in range(splits)], 2)] == wanted


@pytest.mark.parametrize("batch", [1, 3, 1_000])
def test_a_split_is_divided_where_batches_end(batch: int) -> None:
    (split,) = splits_of(4 * BATCH, batch)
    assert isinstance(split, MemorySplit)
    parts: list[Split] = [*split.divided()]
    assert len(parts) == 3
    assert batches(parts) == batches([split])


def test_rows_without_columns_stay_together() -> None:
    (split,) = splits_of(4 * BATCH, columns=())
    assert isinstance(split, MemorySplit)
    assert split.divided() == [split]
    with vl.Session(threads=2):
        frame = vl.from_arrow(pa.table({"a": range(999)}))
        assert vl.sql("select count(*) as n from t", t=frame).to_arrow()["n"].to_pylist() == [999]


def test_rows_are_named_by_the_split_that_has_them() -> None:
    where = located([lambda first, count: f"a {first} {count}", lambda first, count: f"b {first} {count}"], [10, 5])
    assert [where(0, 1), where(9, 1), where(10, 1), where(14, 1)] == ["a 0 1", "a 9 1", "b 0 1", "b 4 1"]
    assert [where(0, 10), where(8, 3), where(0, 15), where(10, 5)] == [
        "a 0 10",
        "a 8 2 to b 0 1",
        "a 0 10 to b 0 5",
        "b 0 5",
    ]


def test_an_error_names_a_row_of_the_split_that_was_planned() -> None:
    with vl.Session(threads=2):
        rows = pa.Table.from_batches(pa.table({"a": range(4 * BATCH)}).to_batches(max_chunksize=BATCH))
        frame = vl.from_arrow(rows)
        with pytest.raises(DivisionByZero) as caught:
            vl.sql("select sum(1 // (a - 55)) as s from t", t=frame).to_arrow()
    assert told(caught.value).endswith("(in row 55 of memory[0:64])")
