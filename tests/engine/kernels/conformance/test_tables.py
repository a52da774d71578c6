"""Tables at the device's door, and kernels that only move rows."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pytest
from hypothesis import given

from volley.engine import dtypes
from volley.engine.arrow import from_arrow_schema
from volley.engine.expr import NamedExpr, literal
from volley.engine.expr.build import call
from volley.engine.kernels.protocol import Device
from volley.engine.schema import Schema

from .cases import ENCODINGS, canonical_rows, col, download, random_table, rows, schema_of, tables, upload

EVERY = "ijkufgdwsrbtmz"


@given(data=tables(EVERY))
def test_arrow_rows_come_back(device: Device, data: pa.Table) -> None:
    table = upload(device, data)
    assert table.num_rows == data.num_rows
    assert table.schema == schema_of(data)
    assert table.nbytes >= 0
    assert canonical_rows(rows(download(device, table))) == canonical_rows(rows(data))


@pytest.mark.parametrize(
    "array",
    [
        pa.array(["a", None, "bc"], pa.large_string()),
        pa.array(["a", None, "a much longer text than that"], pa.string_view()),
        pa.array([b"x", None], pa.large_binary()),
        pa.array([b"ab", None], pa.binary(2)),
        pa.array([1, None, 1], pa.int64()).dictionary_encode(),
        pa.DictionaryArray.from_arrays(pa.array([0, 1, None, 2], pa.int8()), pa.array(["x", None, "x"])),
        pa.RunEndEncodedArray.from_arrays(pa.array([2, 3], pa.int32()), pa.array([7, None])),
        pa.RunEndEncodedArray.from_arrays(pa.array([2, 3], pa.int32()), pa.array([7, None], pa.decimal128(9, 2))),
        pa.array([{"a": 1, "b": [1, None]}, None]),
        pa.array([[1, 2], [], None]),
        pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int64())),
        pa.array([dt.date(2024, 1, 1)], pa.date64()),
        pa.array([None, None]),
        pa.array([1.5, None], pa.float16()),
        pa.array([dt.timedelta(seconds=3), None], pa.duration("ms")),
        pa.array([(1, 2, 3), None], pa.month_day_nano_interval()),
    ],
    ids=lambda array: str(array.type),
)
def test_every_arrow_encoding_is_taken(device: Device, array: pa.Array) -> None:
    data = pa.table({"x": array})
    assert [x for (x,) in rows(download(device, upload(device, data)))] == _plain_rows(array)


def _plain_rows(array: pa.Array) -> list[object]:
    if isinstance(array, pa.DictionaryArray):
        values = array.dictionary.to_pylist()
        return [None if i is None else values[i] for i in array.indices.to_pylist()]
    if pa.types.is_map(array.type):
        return [None if x is None else [{"key": k, "value": v} for k, v in x] for x in array.to_pylist()]
    return list(array.to_pylist())


def test_record_batches_and_reordered_columns(device: Device) -> None:
    batch = pa.record_batch({"a": [1, 2], "b": ["x", None]})
    assert rows(download(device, device.from_arrow(batch, from_arrow_schema(batch.schema)))) == [(1, "x"), (2, None)]
    turned = Schema.of([("b", dtypes.string), ("a", dtypes.float64)])
    assert rows(download(device, device.from_arrow(batch, turned))) == [("x", 1.0), (None, 2.0)]


@given(data=tables(EVERY))
def test_slices(device: Device, data: pa.Table) -> None:
    table = upload(device, data)
    expected = canonical_rows(rows(data))
    for offset, length in [(0, 0), (0, 5), (3, 4), (3, 1000), (1000, 1), (0, data.num_rows)]:
        piece = device.slice(table, offset, length)
        assert canonical_rows(rows(download(device, piece))) == expected[offset : offset + length]


@given(first=tables(EVERY, max_rows=12), second=tables(EVERY, max_rows=12))
def test_concatenation_keeps_order_across_encodings(device: Device, first: pa.Table, second: pa.Table) -> None:
    pieces = [upload(device, data) for data in (first, second, first.slice(0, 0), first)]
    whole = device.concat(pieces, schema_of(first))
    expected = rows(first) + rows(second) + rows(first)
    assert canonical_rows(rows(download(device, whole))) == canonical_rows(expected)


def test_concatenation_of_nothing(device: Device) -> None:
    schema = Schema.of([("a", dtypes.int64), ("s", dtypes.string), ("d", dtypes.decimal(5, 2))])
    assert download(device, device.concat([], schema)).num_rows == 0


def test_tables_without_columns_keep_their_rows(device: Device) -> None:
    table = upload(device, pa.table({"a": [1, 2, 3]}))
    bare = device.project(table, [])
    assert bare.num_rows == 3
    assert device.to_arrow(bare).num_rows == 3
    assert device.slice(bare, 1, 5).num_rows == 2
    assert device.concat([bare, bare], bare.schema).num_rows == 6
    assert device.filter(bare, literal(True)).num_rows == 3
    assert device.from_arrow(device.to_arrow(bare), bare.schema).num_rows == 3
    beside = device.zip(bare, table)
    assert rows(download(device, beside)) == [(1,), (2,), (3,)]


@given(data=tables("isb"))
def test_filters_keep_what_is_true(device: Device, data: pa.Table) -> None:
    table = upload(device, data)
    for predicate, keeps in [
        (col(data, "b"), lambda row: row[2] is True),
        (call("not", col(data, "b")), lambda row: row[2] is False),
        (call("greater", col(data, "i"), literal(0)), lambda row: row[0] is not None and row[0] > 0),
        (call("is_null", col(data, "s")), lambda row: row[1] is None),
        (literal(True), lambda _: True),
        (literal(False), lambda _: False),
        (literal(None, dtypes.bool_), lambda _: False),
    ]:
        assert rows(download(device, device.filter(table, predicate))) == [row for row in rows(data) if keeps(row)]


def test_shared_parts_are_computed_to_the_same(device: Device) -> None:
    data = random_table("ij", 300)
    total = call("add", col(data, "i"), col(data, "j"))
    named = [
        NamedExpr(name="a", expr=total),
        NamedExpr(name="b", expr=call("multiply", call("add", col(data, "i"), col(data, "j")), literal(2))),
        NamedExpr(name="i", expr=col(data, "i")),
    ]
    table = upload(device, data)
    result = rows(download(device, device.project(table, named)))
    assert result == [
        (None, None, i) if i is None or j is None else (i + j, 2 * (i + j), i) for i, j in rows(data.select(["i", "j"]))
    ]


def test_any_thread_may_call(device: Device) -> None:
    data = random_table("ijs", 2000)
    table = upload(device, data)
    predicate = call("less", col(data, "i"), literal(10))
    named = [NamedExpr(name="x", expr=call("add", col(data, "i"), literal(1)))]

    def work(_: int) -> list[tuple[object, ...]]:
        return rows(download(device, device.project(device.filter(table, predicate), named)))

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(work, range(16)))
    assert all(answer == answers[0] for answer in answers)
    assert answers[0] == [(i + 1,) for (i,) in rows(data.select(["i"])) if i is not None and i < 10]


def test_encodings_are_what_they_claim() -> None:
    """The suite would prove little if its encodings were all plain."""
    data = random_table("s", 50)
    kinds = {str(encode(data).schema.field("s").type).split("<")[0] for encode in ENCODINGS}
    assert kinds == {"string", "dictionary"}
    assert any(encode(data).column("s").chunk(0).offset for encode in ENCODINGS)


def test_settled_tables_have_the_same_rows(device: Device) -> None:
    data = pa.table({"i": [1, 2, 3, 4, 5, 6], "s": ["a", None, "c", "d", "e", "f"]})
    table = upload(device, data)
    for kept in (table, device.filter(table, call("greater", col(data, "i"), literal(2)))):
        [settled] = device.settle(kept)
        assert settled.num_rows == kept.num_rows
        assert download(device, settled).equals(download(device, kept))
    assert [t.num_rows for t in device.settle(table, kept, table)] == [6, 4, 6]
    assert not device.settle()


@given(data=tables("i" + EVERY.replace("i", "")))
def test_settled_tables_have_rows_of_every_type(device: Device, data: pa.Table) -> None:
    """Of an odd number of rows, cut from a larger table, some of them null, several tables at once."""
    whole = upload(device, data)
    few = device.slice(whole, 1, max(0, data.num_rows - 3))
    kept = [device.filter(table, call("greater", col(data, "i"), literal(0))) for table in (whole, few, whole)]
    expected = [canonical_rows(rows(download(device, table))) for table in kept]
    again = [device.filter(table, call("greater", col(data, "i"), literal(0))) for table in (whole, few, whole)]
    settled = device.settle(*again)
    assert [canonical_rows(rows(download(device, table))) for table in settled] == expected
