"""Random tables, the encodings they may arrive in, and comparison with an oracle."""

from __future__ import annotations

import atexit
import datetime as dt
import math
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from functools import cache
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from hypothesis import strategies as st

from volley.engine.arrow import from_arrow_schema, to_arrow_schema
from volley.engine.expr import Column, Expr, NamedExpr
from volley.engine.kernels.protocol import Device, Table
from volley.engine.schema import Schema

TEXTS = (
    "",
    "a",
    "A",
    "ab",
    "abc",
    "b%",
    "_x",
    "a\\b",
    "naïve",
    "ÉTÉ",
    "straße",
    "日本語",
    " pad ",
    "zz top\nnext",
    "😀x",
)
TYPES = {
    "i": pa.int64(),
    "j": pa.int32(),
    "k": pa.int8(),
    "u": pa.uint64(),
    "f": pa.float64(),
    "g": pa.float32(),
    "d": pa.decimal128(9, 2),
    "w": pa.decimal128(30, 4),
    "s": pa.string(),
    "r": pa.string(),
    "b": pa.bool_(),
    "c": pa.bool_(),
    "t": pa.date32(),
    "m": pa.timestamp("us"),
    "z": pa.timestamp("us", "Europe/Berlin"),
}
START = dt.datetime.fromisoformat("1950-01-01")
_FLOATS = st.sampled_from([math.nan, -0.0, 0.0, math.inf, -math.inf, 1.5, -2.5, 3.25, 1e300, 0.1])
_MOMENTS = st.datetimes(START, START + dt.timedelta(days=50_000))
_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "i": st.integers(-3, 3) | st.integers(-(2**31), 2**31),
    "j": st.integers(-3, 3),
    "k": st.integers(-3, 3),
    "u": st.integers(0, 4) | st.just(2**64 - 1) | st.just(2**63),
    "f": _FLOATS,
    "g": st.sampled_from([math.nan, -0.0, 0.0, 0.5, -2.5, math.inf]),
    "d": st.decimals(-99, 99, places=2) | st.just(Decimal("0.00")),
    "w": st.decimals(-3, 3, places=4) | st.sampled_from([Decimal(10**24), Decimal(-(10**24)) - Decimal("0.0001")]),
    "s": st.sampled_from(TEXTS) | st.text(max_size=3),
    "r": st.sampled_from(TEXTS[:4]),
    "b": st.booleans(),
    "c": st.booleans(),
    "t": st.dates(dt.date(1950, 1, 1), dt.date(2090, 1, 1)) | st.just(dt.date(2024, 1, 31)),
    "m": _MOMENTS,
    "z": _MOMENTS.map(lambda moment: moment.replace(tzinfo=dt.UTC)),
}


@st.composite
def tables(draw: st.DrawFn, names: str, *, max_rows: int = 40, nulls: bool = True) -> pa.Table:
    """Draw a table with the columns of the given one-letter names, in plain, dictionary or sliced encoding."""
    rows = draw(st.integers(0, max_rows))
    columns = {}
    for name in names:
        values = _VALUES[name]
        cells = draw(st.lists(st.none() | values if nulls else values, min_size=rows, max_size=rows))
        columns[name] = pa.array(cells, TYPES[name])
    return draw(st.sampled_from(ENCODINGS))(pa.table(columns))


def random_table(names: str, rows: int, seed: int = 0, null_share: float = 0.15) -> pa.Table:
    """Return a larger table, fast: values are drawn from small pools."""
    rng = np.random.default_rng(seed)
    pools: dict[str, list[Any]] = {
        "i": [*range(-50, 50), 2**31, -(2**31)],
        "j": [*range(-5, 6)],
        "k": [*range(-5, 6)],
        "u": [0, 1, 2, 7, 2**63, 2**64 - 1],
        "f": [math.nan, -0.0, 0.0, 1.5, -2.5, 3.25, 0.1, 2.5, 1e6, math.inf, -math.inf],
        "g": [math.nan, -0.0, 0.0, 0.5, -2.5, 1.25],
        "d": [Decimal(x) / 100 for x in range(-2000, 2000, 37)],
        "w": [Decimal(x) / 10000 for x in range(-20000, 20000, 371)] + [Decimal(10**24)],
        "s": [*TEXTS],
        "r": [*TEXTS[:4]],
        "b": [True, False],
        "c": [True, False],
        "t": [dt.date(1960, 1, 1) + dt.timedelta(days=97 * x) for x in range(300)] + [dt.date(2024, 2, 29)],
        "m": [START + dt.timedelta(days=31 * x, microseconds=x * 987_654_321) for x in range(400)],
        "z": [dt.datetime(1999, 1, 1, tzinfo=dt.UTC) + dt.timedelta(days=11 * x, seconds=x * 987) for x in range(400)],
    }
    columns = {}
    for name in names:
        pool = pa.array(pools[name], TYPES[name])
        picks = rng.integers(0, len(pool), rows)
        columns[name] = pool.take(pa.array(picks, mask=rng.random(rows) < null_share))
    return pa.table(columns)


def _dictionary(table: pa.Table) -> pa.Table:
    return pa.table(
        {
            name: column.combine_chunks().dictionary_encode() if pa.types.is_string(column.type) else column
            for name, column in zip(table.column_names, table.columns, strict=True)
        }
    )


def _sliced(table: pa.Table) -> pa.Table:
    """The same rows as the middle of a longer table, so that every buffer has an offset."""
    if table.num_rows == 0:
        return table
    padding = table.slice(0, min(3, table.num_rows))
    return pa.concat_tables([padding, table, padding]).combine_chunks().slice(padding.num_rows, table.num_rows)


def _chunked(table: pa.Table) -> pa.Table:
    middle = table.num_rows // 2
    return pa.concat_tables([table.slice(0, middle), table.slice(middle)])


ENCODINGS: tuple[Callable[[pa.Table], pa.Table], ...] = (
    lambda table: table,
    _dictionary,
    _sliced,
    lambda table: _sliced(_dictionary(table)),
    lambda table: pa.concat_tables(
        [_dictionary(_chunked(table).slice(0, table.num_rows // 2)), _dictionary(table.slice(table.num_rows // 2))]
    ),
)


def schema_of(data: pa.Table) -> Schema:
    return from_arrow_schema(data.schema)


def upload(device: Device, data: pa.Table) -> Table:
    return device.from_arrow(data, schema_of(data))


def download(device: Device, table: Table) -> pa.Table:
    """Return a table's rows after checking that their types are exactly the schema's."""
    data = device.to_arrow(table)
    if len(table.schema):
        assert data.schema.types == to_arrow_schema(table.schema).types
        assert tuple(data.schema.names) == table.schema.names
        data.validate(full=True)
    assert data.num_rows == table.num_rows
    return data


def col(data: pa.Table, name: str) -> Expr:
    return Column(name=name, dtype=schema_of(data)[name].dtype)


def rows(data: pa.Table) -> list[tuple[Any, ...]]:
    return list(zip(*(column.to_pylist() for column in data.columns), strict=True))


def canonical(value: Any) -> Any:
    """Make values comparable: NaN equals itself, 0.0 equals -0.0, decimals and times have one form."""
    if isinstance(value, float):
        return "NaN" if math.isnan(value) else float(f"{value:.12g}") + 0.0
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else value.normalize()
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        return value.astimezone(dt.UTC)
    return value


def canonical_rows(given: Iterable[Sequence[Any]]) -> list[tuple[Any, ...]]:
    return [tuple(canonical(value) for value in row) for row in given]


def unordered(given: Iterable[Sequence[Any]]) -> list[str]:
    """Return rows in an order of their own, for comparing as bags."""
    return sorted(repr(row) for row in canonical_rows(given))


def evaluate(device: Device, data: pa.Table, *exprs: Expr) -> pa.Table:
    """Return the columns of expressions, named e0, e1, ….

    Every expression's result also has its own type.
    """
    named = [NamedExpr(name=f"e{n}", expr=expr) for n, expr in enumerate(exprs)]
    return download(device, device.project(upload(device, data), named))


@cache
def _oracle() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"threads": 1})
    connection.execute("set timezone = 'Europe/Berlin'")
    atexit.register(_oracle.cache_clear)  # or DuckDB's bindings complain of leaks after the last line of the tests
    return connection


def duck(sql: str, **data: pa.Table) -> list[tuple[Any, ...]]:
    """Run SQL on Arrow tables in DuckDB."""
    connection = _oracle()
    for name, table in data.items():
        connection.register(name, table)
    answer = rows(connection.sql(sql).to_arrow_table())
    for name in data:
        connection.unregister(name)
    return answer
