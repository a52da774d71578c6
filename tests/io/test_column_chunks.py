"""The engine's decoder of Parquet against pyarrow's: every type, encoding, page form, compression and kind of null."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from volley.engine import dtypes
from volley.engine.arrow import to_arrow_schema
from volley.engine.expr import Call, Column, Expr, InList, literal
from volley.engine.kernels.cpu import decode
from volley.engine.kernels.decoding import key_set
from volley.engine.plan import KeyFilter, ScanRequest
from volley.io.parquet import ParquetSource, ParquetSplit

ROWS = 3000


@pytest.fixture(autouse=True)
def _decode_always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use the engine's decoder for small files too, whether or not it is compiled already."""
    monkeypatch.setattr("volley.io.parquet._WORTH_COMPILING", 0)
    monkeypatch.setattr("volley.io.parquet._SMALL_GROUP", 0)


TYPES: dict[str, pa.DataType] = {
    "bool": pa.bool_(),
    "i8": pa.int8(),
    "i16": pa.int16(),
    "i32": pa.int32(),
    "i64": pa.int64(),
    "u8": pa.uint8(),
    "u16": pa.uint16(),
    "u32": pa.uint32(),
    "u64": pa.uint64(),
    "f32": pa.float32(),
    "f64": pa.float64(),
    "date": pa.date32(),
    "ms": pa.timestamp("ms"),
    "us": pa.timestamp("us", "Europe/Berlin"),
    "ns": pa.timestamp("ns"),
    "time_ms": pa.time32("ms"),
    "time_ns": pa.time64("ns"),
    "duration": pa.duration("us"),
    "d9": pa.decimal128(9, 2),
    "d18": pa.decimal128(18, 4),
    "d38": pa.decimal128(38, 4),
    "text": pa.string(),
    "large": pa.large_string(),
    "bytes": pa.binary(),
    "fixed": pa.binary(5),
    "coded": pa.dictionary(pa.int32(), pa.string()),
}
INTEGERS = ("i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64")
TIMES = ("date", "ms", "us", "ns", "time_ms", "time_ns", "duration")
FLOATS = ("f32", "f64")
TEXTS = ("text", "large", "bytes")


def values_of(rng: np.random.Generator, arrow: pa.DataType, rows: int, distinct: int) -> pa.Array:
    """Return random values of a type, at most ``distinct`` different ones."""
    which = rng.integers(0, max(1, distinct), rows)
    numbers = rng.integers(-(2**62), 2**62, max(1, distinct))
    if pa.types.is_boolean(arrow):
        return pa.array(rng.integers(0, 2, rows).astype(bool))
    if pa.types.is_floating(arrow):
        choices = np.concatenate([rng.normal(size=max(1, distinct - 4)), [np.nan, -0.0, np.inf, 0.0]])
        return pa.array(choices[which % len(choices)]).cast(arrow)
    if pa.types.is_decimal(arrow):
        top = 10 ** min(arrow.precision, 18)
        choices = [Decimal(int(n) % (2 * top) - top + 1).scaleb(-arrow.scale) for n in numbers]
        return pa.array([choices[i] for i in which], arrow)
    if pa.types.is_integer(arrow):
        return pa.array(numbers[which]).cast(arrow, safe=False)
    if pa.types.is_date(arrow):
        return pa.array((numbers[which] % 2_000_000 - 600_000).astype(np.int32)).cast(arrow)
    if pa.types.is_time32(arrow):
        return pa.array((numbers[which] % 86_400_000).astype(np.int32)).cast(arrow)
    if pa.types.is_time64(arrow):
        return pa.array(numbers[which] % 86_400_000_000_000).cast(arrow)
    if pa.types.is_timestamp(arrow) or pa.types.is_duration(arrow):
        return pa.array(numbers[which] % 2**60).cast(arrow)
    if pa.types.is_fixed_size_binary(arrow):
        return pa.array([b"%05d" % (n % 10**5) for n in numbers[which]], arrow)
    letters = ["", "a", "Straße", "x" * 40, "日本語"]
    words = [letters[n % 5] + str(n % 1000) * int(n % 3) for n in numbers.tolist()]
    texts = pa.array([words[i] for i in which], pa.string())
    return texts.dictionary_encode() if pa.types.is_dictionary(arrow) else texts.cast(arrow)


def some_table(seed: int, *, rows: int = ROWS, distinct: int = 50, nulls: float = 0.2) -> pa.Table:
    rng = np.random.default_rng(seed)
    columns = {}
    for name, arrow in TYPES.items():
        values = values_of(rng, arrow, rows, distinct)
        missing = rng.random(rows) < nulls
        columns[name] = pc.if_else(pa.array(missing), pa.scalar(None, values.type), values) if nulls else values
    return pa.table(columns)


def splits_of(path: Path, *, predicate: Expr | None = None, batch_rows: int = 1024) -> Iterator[ParquetSplit]:
    """Yield the splits of all columns of a file, read by the engine's decoder."""
    source = ParquetSource(path)
    request = ScanRequest(columns=source.schema.names, predicate=predicate, batch_rows=batch_rows)
    for split in source.scan(request).splits:
        assert isinstance(split, ParquetSplit)
        yield split


def decoded(path: Path, *, predicate: Expr | None = None, batch_rows: int = 1024) -> pa.Table:
    wanted = to_arrow_schema(ParquetSource(path).schema)
    batches = [
        batch.cast(wanted)
        for split in splits_of(path, predicate=predicate, batch_rows=batch_rows)
        for batch in split.read()
    ]
    assert all(0 < batch.num_rows <= batch_rows for batch in batches)
    return pa.Table.from_batches(batches, wanted)


def bits(table: pa.Table) -> pa.Table:
    """Return a table whose floats are compared by their bits."""
    for i, field in enumerate(table.schema):
        if pa.types.is_floating(field.type):
            width = pa.int32() if field.type == pa.float32() else pa.int64()
            chunks = [chunk.view(width) for chunk in table.column(i).chunks]
            table = table.set_column(i, field.name, pa.chunked_array(chunks, width))
    return table


def check(path: Path, *, batch_rows: int = 1024) -> None:
    wanted = to_arrow_schema(ParquetSource(path).schema)
    expected = pq.read_table(path).cast(wanted).combine_chunks()
    assert bits(decoded(path, batch_rows=batch_rows).combine_chunks()).equals(bits(expected))


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


COLUMN_TESTS: dict[str, Any] = {
    "i64": [0, 17, -(2**40)],
    "f64": [0.0, float("nan"), 1.5],
    "date": [dt.date(2000, 1, 1)],
    "d18": [Decimal("0.5")],
    "text": ["", "a7", "x"],
    "bool": [True],
}


@pytest.mark.parametrize("seed", range(12))
def test_conditions_leave_the_rows_that_a_filter_would(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    table = some_table(seed, distinct=int(rng.choice([3, 40, 3000])), nulls=float(rng.choice([0.0, 0.2])))
    path = tmp_path / "x.parquet"
    pq.write_table(
        table,
        path,
        use_dictionary=bool(rng.integers(2)),
        dictionary_pagesize_limit=int(rng.choice([500, 10**6])),
        data_page_size=int(rng.choice([300, 10**6])),
        write_batch_size=100,
        row_group_size=int(rng.choice([700, 3000])),
        compression=str(rng.choice(["none", "snappy", "zstd"])),
    )
    everything = decoded(path)
    schema = ParquetSource(path).schema
    names = rng.choice(list(COLUMN_TESTS), 2, replace=False).tolist()
    predicates: list[Expr] = []
    mask = pa.array(np.ones(everything.num_rows, dtype=bool))
    for name in names:
        column = Column(name=name, dtype=schema[name].dtype)
        present = everything[name].drop_null().combine_chunks()
        drawn = present[int(rng.integers(len(present)))].as_py()
        values = everything[name].combine_chunks()
        if rng.integers(2) and name not in ("f64", "bool"):
            choices = [drawn, *COLUMN_TESTS[name]]
            predicates.append(InList(arg=column, values=tuple(choices), dtype=dtypes.bool_))
            passes = pc.is_in(values, pa.array(choices, values.type))
        else:
            if name == "f64" and np.isnan(drawn):
                drawn = 0.25
            function = "greater_equal" if name != "f64" else "less"
            predicates.append(
                Call(function=function, args=(column, literal(drawn, schema[name].dtype)), dtype=dtypes.bool_)
            )
            passes = getattr(pc, function)(values, pa.scalar(drawn, values.type))
        mask = pc.and_(mask, pc.fill_null(passes, False))
    predicate = Call(function="and", args=tuple(predicates), dtype=dtypes.bool_)
    assert ParquetSource(path).scan(ScanRequest(columns=schema.names, predicate=predicate)).residual is None
    expected = everything.filter(mask).combine_chunks()
    assert bits(decoded(path, predicate=predicate).combine_chunks()).equals(bits(expected))


def test_columns_that_only_conditions_read_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"a": range(100), "b": ["x", "y"] * 50, "c": range(100, 200)}), path)
    source = ParquetSource(path)
    y = Call(function="equal", args=(Column(name="b", dtype=dtypes.string), literal("y")), dtype=dtypes.bool_)
    request = ScanRequest(columns=("a", "b"), predicate=y, only_tested=frozenset({"b"}))
    plan = source.scan(request)
    assert (plan.columns, plan.residual, str(plan.applied)) == (("a",), None, "(b = 'y')")
    (split,) = plan.splits
    assert isinstance(split, ParquetSplit)
    for stored in (split.stored, {}):
        (batch,) = replace(split, stored=stored).read()
        assert batch.to_pydict() == {"a": list(range(1, 100, 2))}


def test_no_page_is_opened_where_no_entry_of_a_dictionary_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"t": ["a", "c"] * 100, "n": range(200)}), path, row_group_size=100)
    calls: list[str] = []

    def counted(name: str) -> Any:
        made = getattr(decode, name)

        def call(*args: Any) -> Any:
            calls.append(name)
            return made(*args)

        return call

    for name in ("select_rows", "decode_columns"):
        monkeypatch.setattr(decode, name, counted(name))
    for text, reads in (("b", []), ("c", ["select_rows", "decode_columns"])):
        calls.clear()
        wanted = Call(function="equal", args=(Column(name="t", dtype=dtypes.string), literal(text)), dtype=dtypes.bool_)
        assert decoded(path, predicate=wanted).num_rows == (100 if reads else 0)
        assert calls == reads


@pytest.mark.parametrize("distinct", [1, 200, 40_000, 90_000])
@pytest.mark.parametrize("nulls", [0.0, 0.1])
@pytest.mark.parametrize("codec", ["snappy", "none"])
def test_codes_of_every_width_for_all_many_and_few_rows(
    tmp_path: Path, distinct: int, nulls: float, codec: str
) -> None:
    """Codes of up to 8, up to 16 and more bits are unpacked in different ways; so are those of few rows of a page."""
    rng = np.random.default_rng(distinct)
    rows = 100_003
    long = rng.integers(-(2**62), 2**62, distinct)[rng.integers(0, distinct, rows)]
    missing = rng.random(rows) < nulls if nulls else None
    table = pa.table(
        {
            "n": pa.array(rng.integers(0, 1000, rows), pa.int32(), mask=missing),
            "long": pa.array(long, mask=missing),
            "short": pa.array(long.astype(np.int32), mask=missing),
            "real": pa.array(long / 3, mask=missing),
        },
        schema=pa.schema(
            [
                pa.field(n, t, bool(nulls))
                for n, t in (("n", pa.int32()), ("long", pa.int64()), ("short", pa.int32()), ("real", pa.float64()))
            ]
        ),
    )
    path = tmp_path / "x.parquet"
    pq.write_table(table, path, compression=codec, data_page_size=20_000)
    for limit in (1000, 980, 7):
        below = Call(
            function="less",
            args=(Column(name="n", dtype=dtypes.int32), literal(limit, dtypes.int32)),
            dtype=dtypes.bool_,
        )
        expected = table.filter(pc.less(table["n"], limit))
        found = decoded(path, predicate=below, batch_rows=30_000)
        assert found.cast(expected.schema).equals(expected), limit
    assert decoded(path, batch_rows=30_000).cast(table.schema).equals(table)


@pytest.mark.parametrize("nulls", [0.0, 0.1])
def test_what_passes_of_several_row_groups_comes_at_once(tmp_path: Path, nulls: float) -> None:
    """Ranges, texts and keys of a join are tested by one call for all row groups; few rows of each are left."""
    rng = np.random.default_rng(7)
    rows = 160_000
    missing = rng.random(rows) < nulls if nulls else None
    table = pa.table(
        {
            "n": pa.array(rng.integers(0, 1000, rows), pa.int32(), mask=missing),
            "key": pa.array(rng.integers(0, 5000, rows) * 1_000_003, mask=missing),
            "word": pa.array([f"word {k}" for k in rng.integers(0, 9, rows)], mask=missing),
            "other": pa.array([f"{k} of them" for k in rng.integers(0, 30, rows)], mask=missing),
            "real": pa.array(rng.integers(0, 500, rows) / 7),
        }
    )
    path = tmp_path / "x.parquet"
    pq.write_table(table, path, row_group_size=20_000, data_page_size=8_000)
    below = Call(
        function="less", args=(Column(name="n", dtype=dtypes.int32), literal(100, dtypes.int32)), dtype=dtypes.bool_
    )
    word = Call(
        function="equal", args=(Column(name="word", dtype=dtypes.string), literal("word 3")), dtype=dtypes.bool_
    )
    both = Call(function="and", args=(below, word), dtype=dtypes.bool_)
    keys = key_set(dtypes.int64, [pa.chunked_array([pa.array([k * 1_000_003 for k in range(0, 5000, 3)])])])
    assert keys is not None
    for filters in ([], [KeyFilter("key", keys)]):
        plan = ParquetSource(path).scan(ScanRequest(columns=tuple(table.column_names), predicate=both))
        splits = [split for split in plan.splits if isinstance(split, ParquetSplit)]
        whole = replace(
            splits[0],
            row_groups=tuple(number for split in splits for number in split.row_groups),
            group_rows=tuple(count for split in splits for count in split.group_rows),
            group_bytes=tuple(size for split in splits for size in split.group_bytes),
        )
        narrowed = whole.narrowed(filters)
        assert narrowed is not None
        batches = list(narrowed.read())
        expected = table.filter(pc.and_(pc.less(table["n"], 100), pc.equal(table["word"], "word 3")))
        if filters:
            wanted = pa.array(np.arange(0, 5000, 3) * 1_000_003)
            expected = expected.filter(pc.is_in(expected["key"], value_set=wanted))
        found = pa.concat_tables([pa.Table.from_batches([batch]).cast(table.schema) for batch in batches])
        assert found.equals(expected)
        assert len(batches) < len(whole.row_groups)


def test_keys_of_unsigned_integers_beyond_the_signed_ones(tmp_path: Path) -> None:
    numbers = np.arange(2**31 - 40, 2**31 + 40).astype(np.uint32)
    table = pa.table({"key": np.tile(numbers, 50), "n": range(4000)})
    path = tmp_path / "x.parquet"
    pq.write_table(table, path)
    wanted = pa.array(numbers[::7])
    keys = key_set(dtypes.uint32, [pa.chunked_array([wanted])])
    assert keys is not None
    (split,) = splits_of(path, batch_rows=4000)
    narrowed = split.narrowed([KeyFilter("key", keys)])
    assert narrowed is not None
    found = pa.Table.from_batches(narrowed.read())
    assert found.equals(table.filter(pc.is_in(table["key"], value_set=wanted)))


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


@pytest.mark.parametrize("nulls", [0.0, 0.2])
@pytest.mark.parametrize("function", ["less", "less_equal", "greater", "greater_equal", "equal", "not_equal"])
def test_two_columns_are_compared_by_kernels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str, nulls: float
) -> None:
    """Columns of 32 and of 64 bits, and decimals that are stored as neither."""
    rng = np.random.default_rng(11)
    rows, kinds = 20_000, {"day": pa.date32(), "long": pa.int64(), "exact": pa.decimal128(12, 2)}
    table = pa.table(
        {
            f"{side} {name}": pa.array(
                rng.integers(-9, 9, rows).astype(np.int32), mask=rng.random(rows) < nulls if nulls else None
            ).cast(pa.decimal128(12, 0) if pa.types.is_decimal(kind) else kind)
            for side in ("one", "other")
            for name, kind in kinds.items()
        }
    ).cast(pa.schema([pa.field(f"{side} {name}", kind) for side in ("one", "other") for name, kind in kinds.items()]))
    path = tmp_path / "x.parquet"
    pq.write_table(table, path, row_group_size=7_000, data_page_size=2_000)
    schema = ParquetSource(path).schema
    tests, expected = [], table
    for name in kinds:
        sides = tuple(Column(name=f"{side} {name}", dtype=schema[f"{side} {name}"].dtype) for side in ("one", "other"))
        tests.append(Call(function=function, args=sides, dtype=dtypes.bool_))
        left, right = (expected[side.name] for side in sides)
        expected = expected.filter(getattr(pc, function)(left, right))
    monkeypatch.setattr(decode._Run, "passes", None)  # rows are not tested by expressions
    both = Call(function="and", args=tuple(tests), dtype=dtypes.bool_)
    for batch_rows in (1_000, rows):
        found = decoded(path, predicate=both, batch_rows=batch_rows)
        assert found.equals(expected)
