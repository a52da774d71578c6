"""The engine's decoder of Parquet against pyarrow's: every type, encoding, page form, compression and kind of null."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from tests.io.decoded import ROWS, TYPES, check, decoded, some_table, splits_of
from volley.engine import dtypes
from volley.engine.expr import Call, Column, literal
from volley.engine.plan import ScanRequest
from volley.io.parquet import ParquetSource

pytestmark = pytest.mark.usefixtures("decode_always")

INTEGERS = ("i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64")
TIMES = ("date", "ms", "us", "ns", "time_ms", "time_ns", "duration")
FLOATS = ("f32", "f64")
TEXTS = ("text", "large", "bytes")


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("compression", ["none", "snappy", "zstd", "gzip", "lz4", "brotli"])
@pytest.mark.parametrize("dictionary", [False, True])
def test_pages_and_compressions(tmp_path: Path, version: str, compression: str, dictionary: bool) -> None:
    table = some_table(len(compression) + dictionary)
    path = tmp_path / "x.parquet"
    pq.write_table(
        table,
        path,
        data_page_version=version,
        compression=compression,
        use_dictionary=dictionary,
        data_page_size=500,
        row_group_size=1300,
        write_batch_size=100,
    )
    check(path)
    check(path, batch_rows=333)


@pytest.mark.parametrize("nulls", [0.0, 0.01, 0.9, 1.0])
@pytest.mark.parametrize("distinct", [1, 2, 3, 300])
def test_nulls_and_widths_of_codes(tmp_path: Path, nulls: float, distinct: int) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(some_table(7, distinct=distinct, nulls=nulls), path, data_page_size=1500, write_batch_size=64)
    check(path)


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("nulls", [0.0, 0.3])
def test_encodings_without_dictionary(tmp_path: Path, version: str, nulls: float) -> None:
    encodings = (
        ("DELTA_BINARY_PACKED", (*INTEGERS, *TIMES)),
        ("BYTE_STREAM_SPLIT", (*FLOATS, "i32", "i64", "d9")),
        ("DELTA_LENGTH_BYTE_ARRAY", TEXTS),
        ("DELTA_BYTE_ARRAY", TEXTS),
        ("RLE", ("bool",)),
        ("PLAIN", tuple(TYPES)),
    )
    table = some_table(11, nulls=nulls, distinct=2000)
    for encoding, names in encodings:
        path = tmp_path / f"{encoding}.parquet"
        pq.write_table(
            table.select(names),
            path,
            use_dictionary=False,
            column_encoding=dict.fromkeys(names, encoding),
            data_page_version=version,
            data_page_size=2000,
            write_batch_size=200,
        )
        check(path)


def test_integers_of_all_sizes_as_deltas(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    columns = {f"b{bits}": rng.integers(-(2**bits), 2**bits, 1000) for bits in range(0, 63, 3)}
    columns["extreme"] = rng.choice(np.array([-(2**63), 2**63 - 1, 0]), 1000)
    path = tmp_path / "x.parquet"
    pq.write_table(
        pa.table(columns), path, use_dictionary=False, column_encoding=dict.fromkeys(columns, "DELTA_BINARY_PACKED")
    )
    check(path)


@pytest.mark.parametrize("wide_from", [0, 5000])
def test_deltas_that_pyarrow_cannot_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wide_from: int) -> None:
    """DuckDB takes 33 bits for differences of 32-bit numbers; what is pyarrow's to read is decoded here after all."""
    rng = np.random.default_rng(4)
    numbers = rng.integers(-(2**31), 2**31, 10_000).astype(np.int32)
    numbers[:wide_from] %= 100
    table = pa.table({"i": numbers, "u": numbers.view(np.uint32), "l": [[n] for n in numbers.tolist()]})
    path = tmp_path / "x.parquet"
    with duckdb.connect() as connection:
        connection.register("t", table)
        connection.execute(f"copy t to '{path}' (format parquet, parquet_version v2, dictionary_size_limit 1)")
    with pytest.raises(OSError, match="InitBlock EOF"):
        pq.read_table(path)
    monkeypatch.setattr("volley.io.parquet._MANY_CHUNKS", 0)
    monkeypatch.setattr("volley.io.parquet._SMALL_GROUP", 1 << 20)
    numbers_alone = ParquetSource(path).schema.names[:2]
    for above in (None, 50):
        i = Column(name="i", dtype=dtypes.int32)
        predicate = (
            None
            if above is None
            else Call(function="greater", args=(i, literal(above, dtypes.int32)), dtype=dtypes.bool_)
        )
        request = ScanRequest(columns=numbers_alone, predicate=predicate, batch_rows=1024)
        batches = [batch for split in ParquetSource(path).scan(request).splits for batch in split.read()]
        kept = table if above is None else table.filter(pc.greater(table["i"], above))
        assert pa.Table.from_batches(batches).to_pydict() == kept.select(["i", "u"]).to_pydict()


def test_dictionary_given_up_within_a_chunk(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    table = some_table(5, distinct=ROWS)
    pq.write_table(table, path, dictionary_pagesize_limit=2000, data_page_size=1500, write_batch_size=128)
    encodings = pq.read_metadata(path).row_group(0).column(list(TYPES).index("i64")).encodings
    assert {"PLAIN", "RLE_DICTIONARY"} <= set(encodings)
    check(path)


def test_no_rows_and_row_groups_without_rows(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    table = some_table(1, rows=20)
    with pq.ParquetWriter(path, table.schema) as writer:
        for piece in (table.slice(0, 0), table.slice(0, 7), table.slice(7, 0), table.slice(7)):
            writer.write_table(piece)
    check(path)
    pq.write_table(table.slice(0, 0), path)
    assert decoded(path).num_rows == 0


def test_decimals_stored_as_integers(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    table = some_table(2).select(["d9", "d18"])
    for dictionary in (False, True):
        pq.write_table(table, path, store_decimal_as_integer=True, use_dictionary=dictionary)
        assert {c.physical_type for c in pq.read_metadata(path).schema} == {"INT32", "INT64"}
        check(path)


def test_small_decimals_are_not_widened(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"d": pa.array([Decimal("1.25")], pa.decimal128(15, 2))}), path)
    (split,) = splits_of(path)
    (batch,) = split.read()
    assert batch.schema.field("d").type == pa.decimal64(15, 2)


def test_text_stored_as_codes_stays_codes(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"t": ["a", None, "b", "a"] * 500}), path, row_group_size=1000)
    (split,) = splits_of(path, batch_rows=700)
    batches = list(split.read())
    assert all(batch.column(0).type == pa.dictionary(pa.int32(), pa.string()) for batch in batches)
    assert [batch.num_rows for batch in batches] == [500, 500, 500, 500]


def test_what_the_decoder_does_not_know_comes_from_pyarrow(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    table = pa.table(
        {
            "list": [[1, 2], None, []],
            "struct": [{"a": 1}, {"a": None}, None],
            "wide": pa.array([Decimal(10**30), None, Decimal(-1)], pa.decimal128(38, 0)),
            "plain": [1, 2, None],
        }
    )
    pq.write_table(table, path)
    plan = ParquetSource(path).scan(ScanRequest(columns=tuple(table.column_names)))
    assert plan.remark == "3 of 4 column chunks by pyarrow"
    check(path)
    old = tmp_path / "old.parquet"
    stamps = pa.table({"t": pa.array([1, None, 2**40], pa.timestamp("ns")), "n": [1, 2, 3]})
    pq.write_table(stamps, old, use_deprecated_int96_timestamps=True)
    assert ParquetSource(old).scan(ScanRequest(columns=("t", "n"))).remark == "1 of 2 column chunks by pyarrow"
    check(old)


def test_columns_of_another_type_than_the_files(tmp_path: Path) -> None:
    folder = tmp_path / "t"
    folder.mkdir()
    pq.write_table(pa.table({"n": pa.array([1, None, 3], pa.int32()), "k": [1, 2, 3]}), folder / "a.parquet")
    pq.write_table(pa.table({"n": pa.array([2**40, -1, None], pa.int64())}), folder / "b.parquet")
    source = ParquetSource(folder)
    n = Column(name="n", dtype=dtypes.int64)
    positive = Call(function="greater", args=(n, literal(0, dtypes.int64)), dtype=dtypes.bool_)
    plan = source.scan(ScanRequest(columns=("n", "k"), predicate=positive))
    rows = [row for split in plan.splits for batch in split.read() for row in batch.to_pylist()]
    assert rows == [{"n": 1, "k": 1}, {"n": 3, "k": 3}, {"n": 2**40, "k": None}]


def test_equal_dictionaries_are_one_whatever_their_order(tmp_path: Path) -> None:
    """What kernels find out about a dictionary they remember by its identity."""
    path = tmp_path / "x.parquet"
    words = [["a", "b", "c"], ["c", "a", "b"], ["b", "c", "a"], ["a", "b", "c"]]
    pq.write_table(pa.table({"t": [word for own in words for word in own * 200]}), path, row_group_size=600)
    (split,) = [
        replace(split, row_groups=(0, 1, 2, 3), group_rows=(600,) * 4, group_bytes=(100,) * 4)
        for split in list(splits_of(path, batch_rows=1200))[:1]
    ]
    batches = list(split.read())
    assert [batch.num_rows for batch in batches] == [1200, 1200]
    assert [word for batch in batches for word in batch.column(0).to_pylist()] == [
        w for own in words for w in own * 200
    ]
    first, second = (batch.column(0).dictionary for batch in batches)
    assert first.buffers()[2].address == second.buffers()[2].address
