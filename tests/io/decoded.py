"""Tables of every type that a Parquet file stores, and how the engine's decoder reads them."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from volley.engine.arrow import to_arrow_schema
from volley.engine.expr import Expr
from volley.engine.plan import ScanRequest
from volley.io.parquet import ParquetSource, ParquetSplit

ROWS = 3000

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
