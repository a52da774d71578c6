"""Random tables for the catalogue's tests: nulls, NaN, -0.0, extremes, cut into batches, sliced, dictionary-encoded."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from random import Random
from typing import Any

import pyarrow as pa

NAN, INF = math.nan, math.inf
STRUCT = pa.struct([("a", pa.int64()), ("b", pa.string())])

POOLS: dict[str, tuple[pa.DataType, list[Any]]] = {
    "int": (pa.int64(), [-7, -1, 0, 1, 2, 3, 10, 12]),
    "byte": (pa.int8(), [-128, -1, 0, 1, 127]),
    "some": (pa.int64(), [-3, -2, -1, 1, 2, 5]),  # never 0
    "count": (pa.int64(), [0, 1, 2, 3, 5]),
    "place": (pa.int64(), [1, 2, 3, 7]),
    "float": (pa.float64(), [-2.5, -0.0, 0.0, 0.5, 1.0, 3.75, 1e300, NAN, INF, -INF]),
    "real": (pa.float64(), [-2.25, -0.0, 0.0, 0.5, 1.0, 3.75, NAN]),
    "unit": (pa.float64(), [-1.0, -0.5, -0.0, 0.25, 1.0]),
    "money": (pa.decimal128(9, 2), [Decimal(x) for x in ("-7.25", "0.00", "0.05", "1.10", "99.99")]),
    "price": (pa.decimal128(5, 2), [Decimal(x) for x in ("-7.25", "0.05", "1.10", "2.00")]),  # never 0
    "long": (pa.decimal128(18, 0), [Decimal(x) for x in ("-999999999999999999", "999999999999999999", "5")]),
    "wide": (pa.decimal128(30, 4), [Decimal(x) for x in ("-7.25", "0", "1e25", "-12345678901234567890123.4567")]),
    "text": (pa.string(), ["", "a", "ab", "B", "abcab", "été", "日本", "a b", "x.y", "%", "Zebra"]),
    "part": (pa.string(), ["a", "b", "ab", ".", "é", " "]),
    "digits": (pa.string(), ["2024-02-29", "1999-12-31", "2000-01-01"]),
    "document": (
        pa.string(),
        ['{"a":1,"b":["x",null]}', '{"a":{"c":-2.5},"b":"x"}', "[1,2,3]", '"x"', "1", "null", "true", "{}"],
    ),
    "uuid": (pa.string(), ["00000000-0000-0000-0000-00000000000A", "12345678123456781234567812345678"]),
    "base64": (pa.string(), ["", "YWI=", "w6k="]),
    "digits16": (pa.string(), ["6162", "ff", ""]),
    "digits2": (pa.string(), ["0110", "1111000011110000"]),
    "bytes": (pa.binary(), [b"", b"ab", "\u00e9".encode()]),
    "size": (pa.int64(), [0, 1, 12, 1024, 123_456_789, 5 * 2**40]),
    "word": (pa.string(), ["duck", "dcuk", "luck", "cluc"]),
    "code": (pa.int64(), [65, 97, 233, 26085]),
    "bool": (pa.bool_(), [True, False]),
    "one": (pa.int64(), [7]),
    "date": (pa.date32(), [dt.date(2024, 2, 29), dt.date(1969, 12, 31), dt.date(2000, 1, 1), dt.date(2023, 7, 16)]),
    "time": (
        pa.timestamp("us"),
        [
            dt.datetime.fromisoformat(text)
            for text in ("2024-02-29 23:59:59.123456", "1969-07-20 20:17:40", "2001-01-01", "2023-12-31 12:00:00.5")
        ],
    ),
    "zoned": (
        pa.timestamp("us", "UTC"),
        [dt.datetime(2024, 3, 31, 1, 30, tzinfo=dt.UTC), dt.datetime(1970, 1, 1, tzinfo=dt.UTC)],
    ),
    "clock": (pa.time64("us"), [dt.time(), dt.time(23, 59, 59, 999_999), dt.time(12, 30)]),
    "length": (
        pa.month_day_nano_interval(),
        [(0, 0, 0), (1, 0, 0), (0, 30, 0), (-14, 3, -5_000_000_000), (25, -40, 90_061_000_001_000)],
    ),
    "year": (pa.int64(), [1969, 2000, 2024]),
    "month": (pa.int64(), [1, 2, 12]),
    "day": (pa.int64(), [1, 28]),
    "hour": (pa.int64(), [0, 23]),
    "seconds": (pa.float64(), [0.0, 59.5]),
    "epoch": (pa.float64(), [0.0, -1.5, 1_700_000_000.25]),
    "ints": (pa.list_(pa.int64()), [[], [1], [3, 1, 2], [2, None, 2], [None]]),
    "texts": (pa.list_(pa.string()), [[], ["a"], ["b", "", "a"], ["x", None, "x"]]),
    "lists": (pa.list_(pa.list_(pa.int64())), [[], [[1, 2], [], [3]], [[None], None]]),
    "struct": (STRUCT, [{"a": 1, "b": "x"}, {"a": None, "b": ""}]),
}


def table(random: Random, kinds: Sequence[str], rows: int) -> pa.Table:
    """Return a table of so many rows with columns ``c0``, ``c1``, … of the kinds, and ``i``, the row's number."""
    columns: dict[str, Any] = {"i": pa.chunked_array([pa.array(range(rows), pa.int64())])}
    cuts = sorted(random.randint(0, rows) for _ in range(random.choice([0, 1, 3])))
    edges = [0, *cuts, rows]
    for number, kind in enumerate(kinds):
        dtype, pool = POOLS[kind]
        values = [None if random.random() < 0.25 else random.choice(pool) for _ in range(rows)]
        encoded = kind in ("text", "part") and random.random() < 0.5
        chunks = [_piece(values[a:b], dtype, pool, encoded=encoded) for a, b in pairwise(edges)]
        columns[f"c{number}"] = pa.chunked_array(chunks, type=chunks[0].type)
    columns["i"] = pa.chunked_array([columns["i"].slice(a, b - a).combine_chunks() for a, b in pairwise(edges)])
    return pa.table(columns)


def _piece(values: list[Any], dtype: pa.DataType, pool: list[Any], *, encoded: bool) -> pa.Array:
    """Return values as a slice out of a longer array."""
    whole = pa.array([pool[0], None, *values, pool[-1]], dtype)
    if encoded:
        whole = whole.dictionary_encode()
    return whole.slice(2, len(values))


def decoded(given: pa.Table) -> pa.Table:
    """Return the same rows without dictionaries, as an oracle reads them."""
    plain = [c.cast(c.type.value_type) if pa.types.is_dictionary(c.type) else c for c in given.columns]
    return pa.table(dict(zip(given.schema.names, plain, strict=True)))


def normal(value: Any) -> Any:
    """Return a value in the form that is compared: numbers of all types alike, NaN equal to itself, one zero."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float | Decimal):
        number = float(value)
        return "nan" if math.isnan(number) else float(f"{number:.12g}") + 0.0
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).replace(tzinfo=None) if value.tzinfo else value
    if isinstance(value, tuple) and len(value) == 2:  # an entry of a map
        return {"key": normal(value[0]), "value": normal(value[1])}
    if isinstance(value, list):
        return [normal(one) for one in value]
    if isinstance(value, dict):
        return {key: normal(one) for key, one in value.items()}
    return value
