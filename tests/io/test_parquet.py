"""Parquet in, against pyarrow's own reading."""

from __future__ import annotations

import datetime as dt
import pickle
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from volley.engine import dtypes
from volley.engine.errors import ReadError, TypeMismatch
from volley.engine.expr import Column, Expr, call, in_list, literal
from volley.engine.kernels.cpu.native.compile import Kernel
from volley.engine.plan import KeyFilter, ScanRequest
from volley.io import footer_facts, footers
from volley.io.footers import read_footer
from volley.io.parquet import ParquetSource

ROWS = 10_000


@pytest.fixture(scope="module")
def table() -> pa.Table:
    rng = np.random.default_rng(0)
    return pa.table(
        {
            "id": range(ROWS),
            "price": pa.array(rng.normal(size=ROWS), mask=rng.random(ROWS) < 0.1),
            "city": rng.choice(["Oslo", "Bern", "Łódź"], ROWS),
            "note": [f"row {i}" for i in range(ROWS)],
            "exact": pa.array([Decimal(i) / 100 for i in range(ROWS)], pa.decimal128(12, 2)),
            "day": pa.array([dt.date(2024, 1, 1) + dt.timedelta(days=i // 100) for i in range(ROWS)]),
            "at": pa.array(np.arange(ROWS), pa.timestamp("us", "UTC")),
            "tags": [["a"] * (i % 3) for i in range(ROWS)],
            "inner": [{"x": i, "y": [str(i)]} for i in range(ROWS)],
        }
    )


@pytest.fixture(scope="module")
def path(table: pa.Table, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("parquet") / "t.parquet"
    pq.write_table(table, path, row_group_size=1000)
    return path


def column(source: ParquetSource, name: str) -> Column:
    return Column(name=name, dtype=source.schema[name].dtype)


def test_every_type_arrives_as_written(path: Path, table: pa.Table, scan: Any) -> None:
    source = ParquetSource(path)
    assert str(source.schema["exact"]) == "exact: decimal(12,2)"
    assert str(source.schema["inner"]) == "inner: struct(x: int64, y: list(string))"
    assert scan(source).equals(table)
    assert scan(source, batch_rows=300).equals(table)


def test_projection_keeps_the_order_asked_for(path: Path, table: pa.Table, scan: Any) -> None:
    assert scan(ParquetSource(path), ["day", "id"]).equals(table.select(["day", "id"]))


def test_no_columns_still_count_rows(path: Path, scan: Any) -> None:
    assert scan(ParquetSource(path), []).num_rows == ROWS


def test_repeating_text_stays_a_dictionary_and_unique_text_does_not(path: Path) -> None:
    source = ParquetSource(path)
    plan = source.scan(ScanRequest(columns=("city", "note")))
    batch = next(iter(plan.splits[0].read()))
    assert pa.types.is_dictionary(batch.schema.field("city").type)
    assert batch.schema.field("note").type == pa.string()


def test_small_row_groups_are_joined_into_full_batches(path: Path) -> None:
    plan = ParquetSource(path).scan(ScanRequest(columns=("id", "city"), batch_rows=2500))
    sizes = [batch.num_rows for split in plan.splits for batch in split.read()]
    assert sizes == [2000] * 5


@pytest.mark.parametrize(
    ("columns", "rows", "group_rows", "remark"),
    [
        (40, 500, 500, "40 of 40 column chunks by pyarrow"),
        (2, 2_000, 100, "40 of 40 column chunks by pyarrow"),
        (7, 2_000, 500, ""),
        (40, 9_000, 9_000, ""),
    ],
)
def test_many_small_column_chunks_are_left_to_pyarrow(
    columns: int, rows: int, group_rows: int, remark: str, tmp_path: Path, scan: Any
) -> None:
    table = pa.table({f"c{i}": np.arange(rows) + i for i in range(columns)})
    pq.write_table(table, tmp_path / "chunks.parquet", row_group_size=group_rows)
    source = ParquetSource(tmp_path / "chunks.parquet")
    assert source.scan(ScanRequest(columns=tuple(table.column_names))).remark == remark
    assert scan(source).equals(table)


def test_a_file_of_100_000_row_groups_is_read_in_full_batches(tmp_path: Path) -> None:
    path = tmp_path / "tiny.parquet"
    pq.write_table(pa.table({"id": range(100_000)}), path, row_group_size=1, use_dictionary=False, compression="none")
    source = ParquetSource(path)
    for columns, predicate, rows in (
        (("id",), None, 100_000),
        ((), None, 100_000),
        (("id",), call("less", column(source, "id"), literal(70_000)), 70_000),
    ):
        plan = source.scan(ScanRequest(columns=columns, predicate=predicate, batch_rows=65_536))
        batches = [batch for split in plan.splits for batch in split.read()]
        assert sum(batch.num_rows for batch in batches) == rows
        assert len(batches) <= len(plan.splits) + rows // 65_536
        assert len(plan.splits) < 50
        assert plan.residual is None
    assert source.statistics().columns["id"].maximum == 99_999


@pytest.mark.parametrize(
    ("build", "kept"),
    [
        (lambda c: call("less", c("id"), literal(2500)), 3),
        (lambda c: call("equal", c("exact"), literal(Decimal("35.01"))), 1),
        (lambda c: call("greater_equal", c("day"), literal("2024-03-21")), 2),
        (lambda c: call("less", c("at"), literal(dt.datetime(1970, 1, 1, 0, 0, 0, 1000, dt.UTC))), 1),
        (lambda c: call("starts_with", c("city"), literal("A")), 0),
        (lambda c: in_list(c("id"), [1, 9999]), 2),
        (lambda c: call("and", call("greater", c("id"), literal(1999)), call("less", c("id"), literal(3000))), 1),
        (lambda c: call("is_null", c("price")), 10),
        (lambda c: call("is_null", c("id")), 0),
    ],
)
def test_row_groups_are_pruned(path: Path, table: pa.Table, build: Any, kept: int) -> None:
    source = ParquetSource(path)
    predicate: Expr = build(lambda name: column(source, name))
    plan = source.scan(ScanRequest(columns=("id",), predicate=predicate))
    assert sum(split.rows or 0 for split in plan.splits) == kept * 1000
    assert plan.skipped == ("" if kept == 10 else f"{10 - kept} of 10 row groups")


def test_conjuncts_true_of_all_that_is_kept_are_done_with(path: Path) -> None:
    source = ParquetSource(path)
    lower = call("greater_equal", column(source, "id"), literal(3000))
    note = call("contains", column(source, "note"), literal("7"))
    assert source.scan(ScanRequest(columns=("id",), predicate=lower)).residual is None
    both = source.scan(ScanRequest(columns=("id",), predicate=call("and", lower, note)))
    assert (both.residual, both.applied) == (None, note)


def test_limit_stops_early_but_not_before_a_filter(path: Path, table: pa.Table, scan: Any) -> None:
    source = ParquetSource(path)
    assert scan(source, ["id"], limit=1500).column("id").to_pylist() == list(range(1500))
    assert scan(source, [], limit=1500).num_rows == 1500
    assert scan(source, ["id"], limit=0).num_rows == 0
    plan = source.scan(ScanRequest(columns=("id",), limit=1500))
    assert sum(len(split.row_groups) for split in plan.splits) < 10
    note = call("contains", column(source, "note"), literal("7"))
    matching = table.filter(pc.match_substring(table["note"], "7"))
    assert scan(source, ["id"], predicate=note, limit=5).column("id").equals(matching["id"])


def test_statistics_from_footers(path: Path, table: pa.Table) -> None:
    statistics = ParquetSource(path).statistics()
    assert statistics.rows == ROWS
    assert statistics.bytes is not None
    assert statistics.bytes < path.stat().st_size
    known = statistics.columns
    assert (known["id"].minimum, known["id"].maximum, known["id"].nulls) == (0, ROWS - 1, 0)
    assert (known["day"].minimum, known["day"].maximum) == (dt.date(2024, 1, 1), dt.date(2024, 4, 9))
    assert known["at"].maximum == dt.datetime(1970, 1, 1, 0, 0, 0, ROWS - 1, dt.UTC)
    assert known["exact"].maximum == Decimal("99.99")
    assert known["price"].nulls == table.column("price").null_count
    assert known["price"].maximum is None  # a NaN would not be in the file's statistics


def test_distinct_values_are_estimated_from_small_dictionaries(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    names = [f"name {i:03}" for i in range(200)]
    table = pa.table(
        {"few": rng.integers(0, 1000, 50_000), "text": rng.choice(names, 50_000), "unique": rng.permutation(50_000)}
    )
    pq.write_table(table, tmp_path / "t.parquet", compression="none", row_group_size=20_000)
    columns = ParquetSource(tmp_path / "t.parquet").statistics().columns
    assert 900 <= (columns["few"].distinct or 0) <= 1100
    assert 150 <= (columns["text"].distinct or 0) <= 250
    assert columns["unique"].distinct is None
    assert set(columns) == {"few", "text", "unique"}
    with pytest.raises(KeyError):
        columns["other"]


@pytest.mark.parametrize("stored", ["together", "in order", "in order with overlaps", "some apart"])
@pytest.mark.parametrize("kind", ["int64", "float64", "date32", "string"])
def test_distinct_values_of_row_groups_add_up_where_they_differ(tmp_path: Path, stored: str, kind: str) -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(0, 400, 40_000)
    if stored != "together":
        values.sort()
    if stored == "in order with overlaps":
        values = np.sort(values + rng.integers(0, 10, len(values)))
    if stored == "some apart":
        values[:20_000] = rng.permutation(values[:20_000])
    column = pa.array(values)
    column = pc.utf8_lpad(column.cast("string"), 4, "0") if kind == "string" else column.cast("int32").cast(kind)
    pq.write_table(pa.table({"x": column}), tmp_path / "t.parquet", compression="none", row_group_size=5_000)
    estimated = ParquetSource(tmp_path / "t.parquet").statistics().columns["x"].distinct or 0
    assert estimated == pytest.approx(len(np.unique(values)), rel=0.2)


def test_row_groups_of_one_value_each_have_as_many_values(tmp_path: Path) -> None:
    for kind in ("int64", "float64", "string"):
        column = pa.array(np.repeat(np.arange(30), 200)).cast(kind)
        pq.write_table(pa.table({"x": column}), tmp_path / "t.parquet", compression="none", row_group_size=200)
        known = ParquetSource(tmp_path / "t.parquet").statistics().columns["x"]
        assert (known.distinct or 0) == pytest.approx(30, rel=0.2), kind


def test_decimals_stored_as_integers_prune_and_count(tmp_path: Path, scan: Any) -> None:
    table = pa.table({"x": pa.array([Decimal(i) / 100 for i in range(-500, 500)], pa.decimal128(15, 2))})
    pq.write_table(table, tmp_path / "t.parquet", store_decimal_as_integer=True, row_group_size=100)
    source = ParquetSource(tmp_path / "t.parquet")
    assert source.statistics().columns["x"].minimum == Decimal("-5.00")
    predicate = call("less", column(source, "x"), literal(Decimal("-4.995")))
    plan = source.scan(ScanRequest(columns=("x",), predicate=predicate))
    assert plan.skipped == "9 of 10 row groups"


def test_bounds_outside_pythons_calendar_are_left_out(tmp_path: Path, scan: Any) -> None:
    table = pa.table({"t": pa.array([2**62], pa.timestamp("us")), "d": pa.array([2**30], pa.date32())})
    pq.write_table(table, tmp_path / "t.parquet")
    columns = ParquetSource(tmp_path / "t.parquet").statistics().columns
    assert columns["t"].maximum is None
    assert columns["d"].maximum is None


def test_a_column_that_one_file_lacks_has_no_statistics(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1]}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"b": [1]}), tmp_path / "2.parquet")
    known = ParquetSource(tmp_path).statistics()
    assert known.rows == 2
    assert (known.columns["a"].minimum, known.columns["a"].nulls) == (None, None)


def test_a_dot_in_the_name_of_a_nested_column_does_not_hide_it(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a.b": [[1], None, [2]], "k": [1, 2, 3]}), tmp_path / "dots.parquet")
    source = ParquetSource(tmp_path / "dots.parquet")
    plan = source.scan(ScanRequest(columns=("k",), predicate=call("is_not_null", column(source, "a.b"))))
    assert len(plan.splits) == 1


def test_small_row_groups_of_a_file_that_lacks_every_column(tmp_path: Path, scan: Any) -> None:
    pq.write_table(pa.table({"a": range(10)}), tmp_path / "1.parquet", row_group_size=2)
    pq.write_table(pa.table({"b": range(4)}), tmp_path / "2.parquet", row_group_size=2)
    assert scan(ParquetSource(tmp_path), ["b"]).column("b").to_pylist() == [None] * 10 + [0, 1, 2, 3]


def test_nullability_is_that_of_any_file(tmp_path: Path) -> None:
    strict = pa.schema([pa.field("a", pa.int64(), nullable=False), pa.field("b", pa.int64(), nullable=False)])
    pq.write_table(pa.table({"a": [1], "b": [1]}, strict), tmp_path / "1.parquet")
    assert not any(f.nullable for f in ParquetSource(tmp_path).schema)
    pq.write_table(pa.table({"a": [1]}), tmp_path / "2.parquet")
    assert all(f.nullable for f in ParquetSource(tmp_path).schema)


def test_splits_and_sources_pickle_small_and_read_the_same(path: Path, table: pa.Table, scan: Any) -> None:
    source = ParquetSource(path)
    plan = source.scan(ScanRequest(columns=("id",)))
    content = pickle.dumps(plan.splits[0])
    assert len(content) < 2000
    copies = pickle.loads(pickle.dumps(plan.splits))
    ids = [value for split in copies for batch in split.read() for value in batch.column(0).to_pylist()]
    assert ids == list(range(ROWS))
    assert scan(pickle.loads(pickle.dumps(source))).equals(table)


class AnyKeys:
    """Keys that may be anything."""

    nbytes = 0
    is_useful = False

    def may_hold(self, minimum: Any, maximum: Any) -> bool:
        return True

    def select(self, values: Any) -> Any:
        raise AssertionError("not useful")


def test_pickled_splits_of_a_file_read_its_footer_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (split,) = ParquetSource(path).scan(ScanRequest(columns=("id",))).splits
    read: list[str] = []

    def counted(location: Any, file: Any) -> Any:
        read.append(file.path)
        return read_footer(location, file)

    monkeypatch.setattr(footer_facts, "_kept", OrderedDict())  # as in another process
    monkeypatch.setattr(footers, "read_footer", counted)
    for _ in range(2):
        left = pickle.loads(pickle.dumps(split)).narrowed([KeyFilter("id", AnyKeys())])
        assert sum(batch.num_rows for batch in left.read()) == ROWS
    assert read == [str(path)]


def test_splits_are_read_by_many_threads_at_once(path: Path, table: pa.Table) -> None:
    splits = ParquetSource(path).scan(ScanRequest(columns=("id", "city"))).splits
    with ThreadPoolExecutor(8) as pool:
        parts = list(pool.map(lambda split: list(split.read()), splits * 20))
    total = sum(batch.num_rows for batches in parts for batch in batches)
    assert total == 20 * ROWS


def test_splits_learn_from_each_other_how_many_rows_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("volley.io.parquet._WORTH_COMPILING", 0)
    groups, rows = 40, 30_000
    numbers = np.arange(groups * rows) % 1_000
    pq.write_table(pa.table({"x": numbers}), tmp_path / "x.parquet", row_group_size=rows)
    source = ParquetSource(tmp_path / "x.parquet")
    few = call("less", column(source, "x"), literal(10))
    split = source.scan(ScanRequest(columns=("x",), predicate=few)).splits[0]
    halves = [
        replace(split, row_groups=part, group_rows=(rows,) * 20, group_bytes=(1,) * 20)
        for part in (tuple(range(20)), tuple(range(20, 40)))
    ]
    batches = [[batch.num_rows for batch in half.read()] for half in halves]
    assert [sum(each) for each in batches] == [300 * 20] * 2
    assert len(batches[0]) > 1
    assert len(batches[1]) == 1


def test_a_small_scan_waits_for_no_compiler(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = {"open_chunks": True, "decode_chunks": True, "select_chunks": False}
    monkeypatch.setattr(Kernel, "is_kept", property(lambda kernel: kept[kernel.function.__name__]))
    source = ParquetSource(path)
    equal = call("equal", column(source, "id"), literal(7))

    def split(predicate: Expr | None = None) -> Any:
        return source.scan(ScanRequest(columns=("id",), predicate=predicate)).splits[0]

    assert split().stored
    assert not split(equal).stored
    assert not split().narrowed([KeyFilter("id", AnyKeys())]).filters
    kept["select_chunks"] = True
    assert split(equal).stored
    assert split().narrowed([KeyFilter("id", AnyKeys())]).filters
    kept["decode_chunks"] = False
    assert not split().stored


def test_large_files_become_several_balanced_splits(tmp_path: Path) -> None:
    table = pa.table({"x": np.random.default_rng(0).normal(size=1_000_000)})
    pq.write_table(table, tmp_path / "x.parquet", row_group_size=20_000)
    splits = ParquetSource(tmp_path / "x.parquet").scan(ScanRequest(columns=("x",))).splits
    sizes = [split.bytes or 0 for split in splits]
    assert len(sizes) >= 8
    assert max(sizes) <= 2 * min(sizes)


def test_two_row_groups_that_are_nearly_alike_are_two_splits(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for first in (199_999, 200_000, 200_001):
        path = tmp_path / f"{first}.parquet"
        with pq.ParquetWriter(path, pa.schema({"x": pa.float64()})) as writer:
            for rows in (first, 200_000):
                writer.write_table(pa.table({"x": rng.normal(size=rows)}))
        splits = ParquetSource(path).scan(ScanRequest(columns=("x",))).splits
        assert [split.rows for split in splits] == [first, 200_000]


# -------------------------------------------------------------------------------------- several files
def test_files_are_united_by_name_with_nulls_for_what_is_missing(tmp_path: Path, scan: Any) -> None:
    pq.write_table(pa.table({"a": [1], "b": ["x"]}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"b": ["y"], "c": [2.5]}), tmp_path / "2.parquet")
    pq.write_table(pa.table({"c": pa.nulls(1)}), tmp_path / "3.parquet")
    source = ParquetSource(tmp_path)
    assert scan(source).to_pydict() == {"a": [1, None, None], "b": ["x", "y", None], "c": [None, 2.5, None]}
    assert source.label == f"parquet {tmp_path} (3 files)"
    assert scan(source, ["a"], predicate=call("equal", column(source, "a"), literal(1))).num_rows == 1
    assert scan(source, ["b"], predicate=call("is_null", column(source, "a"))).num_rows == 2


def test_type_conflict_names_both_files(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1]}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"a": ["x"]}), tmp_path / "2.parquet")
    with pytest.raises(TypeMismatch, match=r"'a' is int64 in '.*1.parquet' but string in '.*2.parquet'"):
        ParquetSource(tmp_path)


def test_partition_directories_give_typed_keys_and_prune_whole_files(tmp_path: Path, scan: Any) -> None:
    for year, day, name in ((2023, "2023-05-01", "a/b"), (2024, "2024-05-01", None)):
        part = "__HIVE_DEFAULT_PARTITION__" if name is None else "a%2Fb"
        folder = tmp_path / f"year={year}" / f"day={day}" / f"name={part}"
        folder.mkdir(parents=True)
        pq.write_table(pa.table({"x": [year, year + 1]}), folder / "part-0.parquet")
    source = ParquetSource(tmp_path)
    assert [str(f.dtype) for f in source.schema] == ["int64", "int64", "date", "string"]
    assert scan(source).to_pydict() == {
        "x": [2023, 2024, 2024, 2025],
        "year": [2023, 2023, 2024, 2024],
        "day": [dt.date(2023, 5, 1)] * 2 + [dt.date(2024, 5, 1)] * 2,
        "name": ["a/b", "a/b", None, None],
    }
    predicate = call("equal", column(source, "year"), literal(2024))
    plan = source.scan(ScanRequest(columns=("x", "year"), predicate=predicate, limit=1))
    assert plan.residual is None
    assert plan.skipped == "1 of 2 row groups"
    assert scan(source, ["year", "x"], predicate=predicate, limit=1).to_pydict() == {"year": [2024], "x": [2024]}
    assert scan(source, ["name"]).column("name").to_pylist() == ["a/b", "a/b", None, None]
    assert source.statistics().columns["year"].maximum == 2024


def test_arrow_types_without_their_own_kind_are_brought_to_one_form(tmp_path: Path, scan: Any) -> None:
    table = pa.table(
        {
            "large": pa.array(["a", None], pa.large_string()),
            "view": pa.array(["a", None], pa.string_view()),
            "nested": pa.array([["a"], None], pa.large_list(pa.string_view())),
            "mapping": pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int64())),
            "codes": pa.array(["a", None]).dictionary_encode().cast(pa.dictionary(pa.int8(), pa.string())),
            "numbers": pa.array([1, None]).dictionary_encode(),
            "fixed": pa.array([b"ab", None], pa.binary(2)),
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    source = ParquetSource(tmp_path / "t.parquet")
    kinds = ["string", "string", "list(string)", "list(struct(key: string, value: int64))", "string", "int64", "binary"]
    assert [str(f.dtype) for f in source.schema] == kinds
    assert scan(source).to_pydict() == {**table.to_pydict(), "mapping": [[{"key": "k", "value": 1}], None]}


def test_an_empty_table_has_a_schema_and_no_splits(tmp_path: Path, scan: Any) -> None:
    pq.write_table(pa.table({"a": pa.array([], pa.int64())}), tmp_path / "0.parquet")
    source = ParquetSource(tmp_path / "0.parquet")
    assert source.scan(ScanRequest(columns=("a",))).splits == ()
    assert scan(source).schema == pa.schema({"a": pa.int64()})
    assert source.statistics().rows == 0


def test_remote_file(table: pa.Table, path: Path, scan: Any) -> None:
    fsspec.filesystem("memory").pipe_file("/parquet_tests/t.parquet", path.read_bytes())
    source = ParquetSource("memory://parquet_tests/t.parquet")
    assert scan(source).equals(table)
    assert scan(pickle.loads(pickle.dumps(source)), ["id"]).num_rows == ROWS


# -------------------------------------------------------------------------------------- broken files
def test_broken_files_say_what_to_do(path: Path, tmp_path: Path) -> None:
    content = path.read_bytes()
    broken = tmp_path / "broken.parquet"
    cases = {
        b"": r"broken.parquet' is empty \(0 bytes\), not a Parquet file; write it again",
        content[: len(content) // 2]: r"broken.parquet' is cut short or damaged; copy or write it again",
        b"a,b\n1,2\n" * 10: r"broken.parquet' is not a Parquet file; name its format, e.g. format='csv'",
    }
    for data, said in cases.items():
        broken.write_bytes(data)
        with pytest.raises(ReadError, match=said):
            ParquetSource(broken)


def test_damage_inside_a_row_group_is_reported_when_it_is_read(path: Path, tmp_path: Path, scan: Any) -> None:
    content = bytearray(path.read_bytes())
    chunk = pq.read_metadata(path).row_group(5).column(0)
    start = chunk.dictionary_page_offset or chunk.data_page_offset
    content[start : start + chunk.total_compressed_size] = bytes(chunk.total_compressed_size)
    (tmp_path / "damaged.parquet").write_bytes(content)
    with pytest.raises(ReadError, match=r"damaged.parquet' is damaged: .*; copy or write it again"):
        scan(ParquetSource(tmp_path / "damaged.parquet"), ["id"])


def test_unsupported_type_names_file_and_column(tmp_path: Path) -> None:
    pq.write_table(pa.table({"big": pa.array([Decimal(1)], pa.decimal256(50, 0))}), tmp_path / "t.parquet")
    with pytest.raises(TypeMismatch, match=r"t.parquet': column 'big': decimal256\(50, 0\) is not supported"):
        ParquetSource(tmp_path / "t.parquet")


def test_columns_named_with_dots_are_not_taken_for_nested_ones(tmp_path: Path, scan: Any) -> None:
    table = pa.table({"a.b": [1, 2], "a": [{"b": 5}, {"b": 6}]})
    pq.write_table(table, tmp_path / "t.parquet", row_group_size=1)
    source = ParquetSource(tmp_path / "t.parquet")
    assert scan(source).equals(table)
    predicate = call("equal", Column(name="a.b", dtype=dtypes.int64), literal(2))
    assert scan(source, ["a"], predicate=predicate).to_pydict() == {"a": [{"b": 6}]}


def test_many_rows_of_few_bytes_are_several_splits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("volley.io.parquet._SPLIT_ROWS", 1000)
    pq.write_table(pa.table({"n": [7] * 10_000}), tmp_path / "same.parquet", row_group_size=100)
    splits = ParquetSource(str(tmp_path / "same.parquet")).scan(ScanRequest(columns=("n",))).splits
    assert [split.rows for split in splits] == [1000] * 10
