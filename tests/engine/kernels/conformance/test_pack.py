"""Tables as bytes and back: what another process gets is what was packed."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from volley.engine.kernels.protocol import Device
from volley.engine.schema import Schema

from .cases import canonical_rows, col, download, rows, schema_of, tables, upload

EVERY = "ijkufgdwsrbtmz"


@given(data=tables(EVERY), cut=st.integers(0, 9), length=st.integers(0, 9))
def test_packed_tables_come_back(device: Device, data: pa.Table, cut: int, length: int) -> None:
    table = upload(device, data)  # in any of the encodings
    part = device.slice(table, cut, length)
    packed = bytes(memoryview(device.pack([table, part])))  # as it would come over a wire
    whole, piece = device.unpack(packed, table.schema)
    assert whole.schema == schema_of(data)
    assert canonical_rows(rows(download(device, whole))) == canonical_rows(rows(data))
    assert canonical_rows(rows(download(device, piece))) == canonical_rows(rows(data.slice(cut, length)))


def test_rows_without_columns_are_counted(device: Device) -> None:
    table = device.project(upload(device, pa.table({"a": [1, 2, 3]})), [])
    (back,) = device.unpack(device.pack([table]), Schema(()))
    assert (back.num_rows, len(back.schema)) == (3, 0)


def test_nested_values_come_back(device: Device) -> None:
    data = pa.table({"l": [[1, None], None, []], "s": [{"a": "x"}, None, {"a": None}]})
    table = upload(device, data)
    (back,) = device.unpack(device.pack([device.slice(table, 1, 2)]), table.schema)
    assert download(device, back).to_pylist() == data.slice(1, 2).to_pylist()


def test_a_slice_is_packed_without_the_rest(device: Device) -> None:
    table = upload(device, pa.table({"a": list(range(100_000)), "s": [f"text {n}" for n in range(100_000)]}))
    whole, part = (memoryview(device.pack([t])).nbytes for t in (table, device.slice(table, 50_000, 10)))
    assert part * 100 < whole


def test_a_dictionary_larger_than_the_rows_is_not_sent(device: Device) -> None:
    texts = pa.array([f"text {n}" for n in range(100_000)]).dictionary_encode()
    table = upload(device, pa.table({"s": texts}))
    part = device.slice(table, 7, 2)
    packed = device.pack([part])
    assert memoryview(packed).nbytes < 2_000
    (back,) = device.unpack(packed, table.schema)
    assert download(device, back)["s"].to_pylist() == ["text 7", "text 8"]


@pytest.mark.parametrize("shift", range(1, 9))
def test_bytes_may_begin_anywhere(device: Device, shift: int) -> None:
    table = upload(device, pa.table({"a": [1, 2, 3], "s": ["x", None, "yz"]}))
    packed = memoryview(device.pack([table]))
    message = bytearray(shift + packed.nbytes)
    message[shift:] = packed
    (back,) = device.unpack(memoryview(message)[shift:], table.schema)
    keys = [col(download(device, table), "a")]
    assert sum(part.num_rows for part in device.hash_partition(back, keys, 4)) == 3  # a kernel of words takes it
    assert download(device, back).equals(download(device, table))
