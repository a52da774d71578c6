"""Tables joined into one have the rows of all, in order, whatever their types, nulls and slices, on any threads."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from volley.engine.arrow import from_arrow_schema
from volley.engine.kernels.cpu import table as tables
from volley.engine.kernels.cpu.adopting import from_arrow, to_arrow
from volley.engine.kernels.cpu.native.parallel import Threads
from volley.engine.kernels.cpu.table import concat_tables

ROWS = 5_000


def values(kind: pa.DataType, seed: int) -> pa.Array:
    made = np.random.default_rng(seed)
    numbers = made.integers(0, 100, ROWS)
    if pa.types.is_string(kind) or pa.types.is_binary(kind):
        return pa.array(["né" * (number % 7) + str(number) for number in numbers.tolist()]).cast(kind)
    if pa.types.is_decimal(kind):
        return pa.array([Decimal(number) / 4 for number in numbers.tolist()], kind)
    if pa.types.is_interval(kind):
        return pa.array([(number, number % 3, 1000 * number) for number in numbers.tolist()], kind)
    if pa.types.is_boolean(kind):
        return pa.array((numbers % 2).astype(bool))
    if pa.types.is_date32(kind):
        return pa.array([dt.date(2020, 1, 1) + dt.timedelta(days=number) for number in numbers.tolist()])
    return pa.array(numbers).cast(kind)


KINDS = [
    *(pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint64(), pa.float32(), pa.float64(), pa.bool_(), pa.date32()),
    pa.month_day_nano_interval(),
    *(pa.timestamp("us"), pa.decimal128(9, 2), pa.decimal128(30, 2), pa.string(), pa.binary(), pa.list_(pa.int32())),
]


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("nulls", [False, True])
@pytest.mark.parametrize("whole_bytes", [False, True])  # of flags that say what is null
def test_rows_come_in_order(nulls: bool, threads: int, whole_bytes: bool) -> None:
    def piece(seed: int, start: int, length: int) -> pa.Table:
        columns = {}
        for kind in KINDS:
            column = pa.array([[1], []] * (ROWS // 2), kind) if pa.types.is_list(kind) else values(kind, seed)
            if nulls and seed % 2:
                column = pa.array([None if i % 5 == 0 else v for i, v in enumerate(column.to_pylist())], kind)
            columns[str(kind)] = column
        return pa.table(columns).slice(start, length)

    given = [piece(1, 0, ROWS), piece(2, 17, 2_000), piece(3, 4_000, 0), piece(4, 3, 1), piece(5, 1_001, 3_999)]
    given = given[:3] + given[3 + whole_bytes :]
    schema = from_arrow_schema(given[0].schema)
    with Threads(threads) as lent:
        made = concat_tables([from_arrow(t, schema) for t in given], schema, lent if threads > 1 else None)
    expected = pa.concat_tables(given).combine_chunks()
    assert to_arrow(made).to_pylist() == expected.to_pylist()


def test_texts_as_codes_and_plain() -> None:
    plain = pa.table({"s": ["a", "b", None, "b"]})
    codes = pa.table({"s": pa.array(["b", "c", "c"]).dictionary_encode()})
    schema = from_arrow_schema(plain.schema)
    for given in ([plain, codes], [codes, plain], [codes, codes], [plain.slice(3), plain.slice(0, 2)]):
        made = concat_tables([from_arrow(t, schema) for t in given], schema)
        assert to_arrow(made)["s"].to_pylist() == [v for t in given for v in t["s"].to_pylist()]


def test_texts_that_need_more_than_31_bits_go_another_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "_MAX_BYTES", 40)
    monkeypatch.setattr(tables, "_copied_text", lambda _: pytest.fail("too large for it"))
    given = [pa.table({"s": ["a" * 30, "b"]}), pa.table({"s": ["c"]})]
    schema = from_arrow_schema(given[0].schema)
    made = concat_tables([from_arrow(t, schema) for t in given], schema)
    assert to_arrow(made)["s"].to_pylist() == ["a" * 30, "b", "c"]


def test_texts_are_joined_in_memory_that_holds_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    def used(rows: int, kind: type[np.generic]) -> np.ndarray:
        return np.full(rows * np.dtype(kind).itemsize, 0xFF, np.uint8).view(kind)

    monkeypatch.setattr(tables, "empty", used)
    given = [pa.table({"s": ["a", "bc"]}), pa.table({"s": ["", "d"]})]
    schema = from_arrow_schema(given[0].schema)
    made = concat_tables([from_arrow(t, schema) for t in given], schema)
    assert to_arrow(made)["s"].to_pylist() == ["a", "bc", "", "d"]
