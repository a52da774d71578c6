"""Parquet files whose column chunks several threads encode: whole, in order, and described as they are."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from volley.engine.errors import WriteError
from volley.engine.plan import Piece
from volley.io import open_source, parquet_writer
from volley.io.parquet_columns import distinct_of, stored_column, wants_dictionary
from volley.io.parquet_writer import ParquetWriter

Order = Callable[[list[Piece]], None]
DAY = dt.date(2024, 1, 31)
NOON = dt.datetime.fromisoformat("2024-01-31T12:00:00.123456")


def in_turn(pieces: list[Piece]) -> None:
    for piece in pieces:
        piece.run()


def shuffled(pieces: list[Piece]) -> None:
    in_turn(random.Random(0).sample(pieces, len(pieces)))


def on_threads(pieces: list[Piece]) -> None:
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(piece.run) for piece in pieces]:
            done.result()


def written(
    path: Path,
    schema: pa.Schema,
    batches: Sequence[pa.RecordBatch],
    *,
    order: Order = in_turn,
    compression: str = "zstd",
    group_rows: int = 1000,
) -> pq.FileMetaData:
    with pa.OSFile(str(path), "wb") as handle:
        writer = ParquetWriter(handle, schema, compression=compression, group_rows=group_rows)
        order([piece for batch in batches for piece in writer.divide(batch)] + list(writer.last()))
        writer.close()
    return pq.read_metadata(path)


def every_type(rows: int, seed: int, *, nulls: bool) -> pa.Table:
    """Return columns of all types, some values of which are repeated."""
    rng = np.random.default_rng(seed)
    picks = rng.integers(0, max(1, rows // 3), rows)
    mask = rng.random(rows) < 0.2 if nulls else np.zeros(rows, dtype=bool)
    whole = pa.array(picks, mask=mask)
    texts = [None if m else f"text {p % 7}" for p, m in zip(picks, mask, strict=True)]
    columns: dict[str, pa.Array] = {
        "bool": pa.array(picks % 2 == 0, mask=mask),
        "float64": pa.array(rng.normal(size=rows), mask=mask),
        "float32": pc.cast(whole, pa.float32()),
        "text": pa.array(texts, pa.string()),
        "unlike": pa.array(
            [None if m else f"{i} {p}" for i, (p, m) in enumerate(zip(picks, mask, strict=True))], pa.string()
        ),
        "binary": pa.array([None if t is None else t.encode() for t in texts], pa.binary()),
        "date": pa.array(
            [None if m else DAY + dt.timedelta(days=int(p)) for p, m in zip(picks, mask, strict=True)], pa.date32()
        ),
        "time": pc.cast(whole, pa.time64("us")),
        "list": pa.array(
            [None if m else [int(p)] * (int(p) % 3) for p, m in zip(picks, mask, strict=True)], pa.list_(pa.int64())
        ),
        "struct": pa.array(
            [None if m else {"a": int(p), "b": [str(p)]} for p, m in zip(picks, mask, strict=True)],
            pa.struct([("a", pa.int64()), ("b", pa.list_(pa.string()))]),
        ),
        "dotted.name": whole,
        "nothing": pa.nulls(rows),
    }
    for kind in (pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()):
        columns[str(kind)] = pc.cast(pc.bit_wise_and(whole, 127), kind)
    for unit in ("ms", "us", "ns"):
        columns[f"at_{unit}"] = pc.cast(whole, pa.timestamp(unit))
        columns[f"utc_{unit}"] = pc.cast(whole, pa.timestamp(unit, "UTC"))
    for precision, scale in ((5, 2), (9, 0), (10, 3), (18, 18), (19, 2), (38, 5)):
        values = [None if m else Decimal(int(p) - rows // 6).scaleb(-scale) for p, m in zip(picks, mask, strict=True)]
        columns[f"decimal_{precision}"] = pa.array(values, pa.decimal128(precision, scale))
    fields = [pa.field(name, array.type, nullable=nulls or name == "nothing") for name, array in columns.items()]
    return pa.Table.from_arrays(list(columns.values()), schema=pa.schema(fields))


def as_held(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return a batch as the engine holds it: text as dictionaries, small decimals in 64 bits."""
    columns = []
    for array in batch.columns:
        if pa.types.is_string(array.type):
            columns.append(array.dictionary_encode())
        elif pa.types.is_decimal(array.type) and array.type.precision <= 18:
            columns.append(array.cast(pa.decimal64(array.type.precision, array.type.scale)))
        else:
            columns.append(array)
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


# -------------------------------------------------------------------------------------- what is read back
@pytest.mark.parametrize("order", [in_turn, shuffled, on_threads])
@pytest.mark.parametrize(("rows", "batch_rows"), [(1, 1), (999, 100), (1000, 1000), (3500, 640)])
@pytest.mark.parametrize("nulls", [False, True])
def test_every_type_is_read_back(tmp_path: Path, order: Order, rows: int, batch_rows: int, nulls: bool) -> None:
    table = every_type(rows, rows, nulls=nulls)
    batches = table.to_batches(max_chunksize=batch_rows)
    plain = written(tmp_path / "plain.parquet", table.schema, batches, order=order)
    held = written(tmp_path / "held.parquet", table.schema, [as_held(batch) for batch in batches], order=order)
    for name, metadata in (("plain.parquet", plain), ("held.parquet", held)):
        assert pq.read_table(tmp_path / name).equals(table)
        check(metadata, tmp_path / name, rows, 1000)


def test_others_read_the_same(tmp_path: Path) -> None:
    table = every_type(3500, 1, nulls=True)
    written(
        tmp_path / "t.parquet", table.schema, [as_held(b) for b in table.to_batches(max_chunksize=700)], order=shuffled
    )
    pq.write_table(table, tmp_path / "p.parquet", row_group_size=1000)
    with duckdb.connect() as connection:
        for one, other in (("t", "p"), ("p", "t")):
            left = connection.execute(f"from '{tmp_path}/{one}.parquet' except all from '{tmp_path}/{other}.parquet'")
            assert left.fetchall() == []
    assert pl.read_parquet(tmp_path / "t.parquet").equals(pl.read_parquet(tmp_path / "p.parquet"))


@pytest.mark.usefixtures("decode_always")
def test_volley_reads_the_same(tmp_path: Path, scan: Any) -> None:
    table = every_type(3500, 2, nulls=True)
    written(tmp_path / "t.parquet", table.schema, [as_held(b) for b in table.to_batches(max_chunksize=700)])
    assert scan(open_source(tmp_path / "t.parquet")).to_pylist() == table.to_pylist()


@pytest.mark.parametrize("compression", ["zstd", "snappy", "gzip", "lz4", "none"])
def test_every_codec(tmp_path: Path, compression: str) -> None:
    table = every_type(1500, 3, nulls=True)
    metadata = written(tmp_path / "t.parquet", table.schema, table.to_batches(), compression=compression)
    check(metadata, tmp_path / "t.parquet", 1500, 1000)
    assert pq.read_table(tmp_path / "t.parquet").equals(table)


@pytest.mark.parametrize("seed", range(12))
def test_random_tables(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    rows, group_rows = rng.randint(1, 5000), rng.choice([1, 7, 500, 1024, 10_000])
    rows = min(rows, group_rows * 40)
    names = rng.sample(every_type(1, 0, nulls=True).column_names, rng.randint(1, 12))
    table = every_type(rows, seed, nulls=rng.random() < 0.7).select(names)
    batches = [as_held(b) if rng.random() < 0.5 else b for b in table.to_batches(max_chunksize=rng.randint(1, 2000))]
    order = rng.choice([in_turn, shuffled, on_threads])
    metadata = written(tmp_path / "t.parquet", table.schema, batches, order=order, group_rows=group_rows)
    assert pq.read_table(tmp_path / "t.parquet").equals(table)
    check(metadata, tmp_path / "t.parquet", rows, group_rows)


def test_no_rows(tmp_path: Path) -> None:
    table = every_type(0, 0, nulls=True)
    metadata = written(tmp_path / "t.parquet", table.schema, [])
    assert (metadata.num_rows, metadata.num_row_groups) == (0, 0)
    assert pq.read_table(tmp_path / "t.parquet").equals(table)


# -------------------------------------------------------------------------------------- what the footer says
def check(metadata: pq.FileMetaData, path: Path, rows: int, group_rows: int) -> None:
    """Compare what the footer says with the file: the chunks lie one behind the other, and fill it."""
    assert metadata.num_rows == rows
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    full, rest = divmod(rows, group_rows)
    assert [group.num_rows for group in groups] == [group_rows] * full + [rest] * (rest > 0)
    position = 4
    for group in groups:
        chunks = [group.column(i) for i in range(group.num_columns)]
        assert group.total_byte_size == sum(chunk.total_uncompressed_size for chunk in chunks)
        for chunk in chunks:
            first = chunk.dictionary_page_offset if chunk.has_dictionary_page else chunk.data_page_offset
            assert first == position
            assert chunk.data_page_offset < position + chunk.total_compressed_size
            assert (chunk.has_offset_index, chunk.has_column_index) == (False, False)
            position += chunk.total_compressed_size
    content = path.read_bytes()
    assert position + metadata.serialized_size + 8 == len(content)
    assert content[:4] == content[-4:] == b"PAR1"


def test_each_field_of_the_footer_is_what_pyarrow_writes(tmp_path: Path) -> None:
    table = every_type(2500, 4, nulls=True)
    ours = written(tmp_path / "t.parquet", table.schema, table.to_batches(), order=shuffled)
    pq.write_table(
        table, tmp_path / "p.parquet", row_group_size=1000, compression="zstd", store_decimal_as_integer=True
    )
    theirs = pq.read_metadata(tmp_path / "p.parquet")
    assert ours.schema.equals(theirs.schema)
    assert (ours.metadata, ours.created_by, ours.format_version) == (
        theirs.metadata,
        theirs.created_by,
        theirs.format_version,
    )
    for i in range(3):
        for j in range(ours.num_columns):
            mine, other = ours.row_group(i).column(j).to_dict(), theirs.row_group(i).column(j).to_dict()
            where = {"data_page_offset", "dictionary_page_offset", "total_compressed_size", "total_uncompressed_size"}
            form = {"encodings", "has_dictionary_page"}
            assert {k: v for k, v in mine.items() if k not in where | form} == {
                k: v for k, v in other.items() if k not in where | form
            }


def test_statistics_are_of_the_rows_that_there_are(tmp_path: Path) -> None:
    """Entries of a dictionary that no row has are not among them."""
    words = pa.array(["aaa", "m", "zzz"])
    codes = pa.DictionaryArray.from_arrays(pa.array([1, None, 1, 1, 1, 1], pa.int32()), words)
    metadata = written(tmp_path / "t.parquet", pa.schema({"t": pa.string()}), [pa.record_batch({"t": codes})])
    chunk = metadata.row_group(0).column(0)
    assert chunk.has_dictionary_page
    assert (chunk.statistics.min, chunk.statistics.max, chunk.statistics.null_count) == ("m", "m", 1)


def test_more_row_groups_than_an_ordinal_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_writer, "_MOST_ORDINAL", 2)
    table = pa.table({"x": list(range(8))})
    assert written(tmp_path / "t.parquet", table.schema, table.to_batches(), group_rows=1).num_row_groups == 8
    assert pq.read_table(tmp_path / "t.parquet").equals(table)


# -------------------------------------------------------------------------------------- forms
def test_dictionaries_are_given_on_where_they_are_small() -> None:
    few = pa.array(["a", "b"] * 50).dictionary_encode()
    other = pa.array(["b", "c"] * 50).dictionary_encode()
    assert stored_column([few, other], pa.string()).unify_dictionaries().chunk(0).dictionary.to_pylist() == [
        "a",
        "b",
        "c",
    ]
    many = pa.array([str(i) for i in range(100)]).dictionary_encode()
    assert stored_column([few, many], pa.string()).type == pa.string()
    twice = pa.DictionaryArray.from_arrays(pa.array([0, 1, 2] * 9, pa.int32()), pa.array(["a", "b", "a"]))
    assert stored_column([twice], pa.string()).to_pylist() == ["a", "b", "a"] * 9


def test_a_dictionary_is_tried_where_values_repeat() -> None:
    rng = np.random.default_rng(0)
    rows = 100_000

    def wanted(values: Any) -> bool:
        return wants_dictionary(pa.chunked_array([pa.array(values)]))

    assert wanted(rng.integers(0, 2000, rows))
    assert wanted(rng.integers(0, 2000, rows).astype(np.int32))
    assert wanted([f"word {i}" for i in rng.integers(0, 5000, rows)])
    assert wanted(np.sort(rng.integers(0, 1000, rows)))
    assert not wanted(np.arange(rows))
    assert not wanted(rng.integers(0, rows, rows))
    assert not wanted([f"word {i}" for i in range(rows)])
    assert wanted([None] * 10)


@pytest.mark.parametrize("distinct", [1, 10, 1000, 20_000, 100_000])
def test_distinct_values_are_estimated(distinct: int) -> None:
    rng = np.random.default_rng(distinct)
    sample = rng.integers(0, distinct, 2048)
    estimate = distinct_of(len(np.unique(sample)), 2048, 1_000_000)
    assert distinct * 0.7 <= estimate <= distinct * 1.5


# -------------------------------------------------------------------------------------- failures
def test_a_file_with_work_undone_is_not_closed(tmp_path: Path) -> None:
    table = pa.table({"x": list(range(10)), "y": ["a"] * 10})
    with pa.OSFile(str(tmp_path / "t.parquet"), "wb") as handle:
        writer = ParquetWriter(handle, table.schema, compression="zstd", group_rows=4)
        pieces = writer.divide(table.to_batches()[0])
        with pytest.raises(WriteError, match="before all of its rows were encoded"):
            writer.close()
        in_turn([*pieces[1:], *writer.last()])
        with pytest.raises(WriteError, match="before all of its rows were encoded"):
            writer.close()
        in_turn(pieces[:1])
        writer.close()
    assert pq.read_table(tmp_path / "t.parquet").equals(table)


def test_pieces_share_out_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_writer, "_PIECE_VALUES", 20)
    table = pa.table({f"c{i}": list(range(10)) for i in range(5)})
    with pa.OSFile(str(tmp_path / "t.parquet"), "wb") as handle:
        writer = ParquetWriter(handle, table.schema, compression="zstd", group_rows=10)
        pieces = writer.divide(table.to_batches()[0])
        assert (len(pieces), sum(piece.nbytes for piece in pieces)) == (3, 399)
        shuffled(pieces)
        writer.close()
    assert pq.read_table(tmp_path / "t.parquet").equals(table)
