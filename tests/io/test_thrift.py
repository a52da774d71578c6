"""Thrift's compact protocol: what pyarrow writes is read and written back byte by byte."""

from __future__ import annotations

import struct

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from volley.io import thrift
from volley.io.thrift import Struct, Value, Values


def footer(table: pa.Table, **options: object) -> bytes:
    out = pa.BufferOutputStream()
    pq.write_table(table, out, **options)
    data = out.getvalue().to_pybytes()
    (size,) = struct.unpack("<I", data[-8:-4])
    return data[-8 - size : -8]


@pytest.mark.parametrize("options", [{}, {"write_page_index": True}, {"row_group_size": 1}, {"compression": "zstd"}])
def test_footers_of_pyarrow_stay_as_they_are(options: dict[str, object]) -> None:
    columns = {f"c{i}": [i, None, -i] for i in range(20)} | {"l": [[1], None, []], "t": ["ä", "", None]}
    data = footer(pa.table(columns, metadata={"k": "v"}), **options)
    assert thrift.write(thrift.read(data)) == data


def test_every_kind_of_value() -> None:
    fields: Struct = {
        1: Value(thrift.TRUE, None),
        2: Value(thrift.FALSE, None),
        3: Value(thrift.BYTE, 200),
        4: Value(thrift.I16, -(2**15)),
        20: Value(thrift.I32, 2**31 - 1),
        21: Value(thrift.I64, -(2**63)),
        300: Value(thrift.DOUBLE, 0.1),
        301: Value(thrift.BINARY, b"x" * 300),
        302: Value(thrift.LIST, Values(thrift.I32, list(range(-20, 20)))),
        303: Value(thrift.SET, Values(thrift.BINARY, [b"a"])),
        304: Value(thrift.LIST, Values(thrift.TRUE, [1, 2])),
        305: Value(thrift.STRUCT, {}),
        306: Value(thrift.LIST, Values(thrift.STRUCT, [{1: Value(thrift.I64, 0)}])),
    }
    assert thrift.read(thrift.write(fields)) == fields


def test_what_is_cut_short_is_an_error() -> None:
    data = footer(pa.table({"x": ["some text"] * 5}))
    for size in range(len(data) - 1):
        with pytest.raises(ValueError, match="cut short"):
            thrift.read(data[:size])


def test_maps_are_refused() -> None:
    with pytest.raises(ValueError, match="of kind 11"):
        thrift.read(bytes([1 << 4 | thrift.MAP, 0, 0]))
    with pytest.raises(ValueError, match="of kind 11"):
        thrift.write({1: Value(thrift.MAP, {})})
