"""Arrow in and out: the only places where rows cross the bus, each counted in the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...arrow import empty_batch, to_arrow_type
from ...dtypes import DataType, Kind
from ...errors import ExecutionError
from ...schema import Schema
from ..cpu import adopting as cpu
from ..cpu.table import CpuTable
from . import memory
from .batch import GpuTable
from .library import plc
from .memory import on_stream, run
from .types import INTERVAL_FIELDS, carried_type, metadata


def from_arrow(data: Any, schema: Schema) -> GpuTable:
    """Copy Arrow rows to the device as columns of the given types.

    Text that arrives as dictionary codes is spread on the device, so that only codes and distinct values cross.
    """
    adopted = cpu.from_arrow(data, schema)  # checks and converts encodings as the CPU device does
    columns = [_spread(column, f.dtype) for column, f in zip(adopted.columns, schema, strict=True)]
    return GpuTable(schema, columns, adopted.num_rows)


def on_host(table: GpuTable) -> CpuTable:
    """Copy a table to the CPU device."""
    return cpu.from_arrow(to_arrow(table), table.schema)


def on_device(table: CpuTable) -> GpuTable:
    """Copy a table of the CPU device to this one."""
    return from_arrow(cpu.to_arrow(table), table.schema)


def _spread(array: pa.Array, dtype: DataType) -> plc.Column:
    if isinstance(array, pa.DictionaryArray):
        values = uploaded(array.dictionary, dtype)
        codes = array.indices.fill_null(-1 - len(array.dictionary)) if array.null_count else array.indices
        places = _upload(codes)
        policy = plc.copying.OutOfBoundsPolicy
        nulls = policy.NULLIFY if array.null_count else policy.DONT_CHECK
        spread = run(plc.copying.gather, plc.Table([values]), places, nulls)
        return spread.columns()[0]
    return uploaded(array, dtype)


def uploaded(array: pa.Array, dtype: DataType) -> plc.Column:
    """Copy host values to the device."""
    return _upload(to_carried(array, dtype))


def _upload(array: pa.Array) -> plc.Column:
    memory.ledger().add(to_device=array.nbytes)
    return run(plc.Column.from_arrow, _aligned(array))


def _aligned(array: pa.Array) -> pa.Array:
    """Return the values with bits that begin at a byte.

    libcudf 26.10 copies the bits of values and of nulls that begin within a byte to a buffer that may be a byte too
    short for them (``cpp/src/interop/from_arrow_host.cu``), which the driver refuses or writes beyond.
    """
    nested = pa.types.is_nested(array.type)
    if not array.offset or not (nested or (array.offset % 8 and (array.null_count or pa.types.is_boolean(array.type)))):
        return array
    middle = len(array) // 2
    return pa.concat_arrays([array.slice(0, middle), array.slice(middle)])  # of two: of one it makes no copy


def to_arrow(table: GpuTable) -> pa.Table:
    """Copy the rows to the host, as exactly the schema's types."""
    if not len(table.schema):
        return pa.Table.from_batches([empty_batch(table.num_rows)])
    names = [metadata(f.name, f.dtype) for f in table.schema]
    rows = on_stream(table.table.to_arrow, names)
    memory.ledger().add(to_host=rows.nbytes)
    pieces = [_exact(piece, table.schema) for piece in _pieces(rows)]
    return pieces[0] if len(pieces) == 1 else pa.concat_tables(pieces, promote_options="default")


def _exact(rows: pa.Table, schema: Schema) -> pa.Table:
    """Return rows that have arrived as exactly the schema's types."""
    arrays = [from_carried(whole(column), f.dtype) for column, f in zip(rows.columns, schema, strict=True)]
    fields = [
        pa.field(f.name, to_arrow_type(f.dtype), f.nullable or array.null_count > 0)
        for f, array in zip(schema, arrays, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


_MOST_TEXT = 2**31 - 1
"""Bytes that the texts of a column may have where offsets have 32 bits; libcudf's have 64 beyond."""


def _pieces(rows: pa.Table) -> Iterator[pa.Table]:
    """Yield rows, so many at a time that the texts of each column have not too many bytes."""
    if rows.num_rows < 2 or max(map(_text_bytes, rows.columns)) <= _MOST_TEXT:
        yield rows
        return
    middle = rows.num_rows // 2
    yield from _pieces(rows.slice(0, middle))
    yield from _pieces(rows.slice(middle))


def _text_bytes(column: pa.ChunkedArray) -> int:
    if not pa.types.is_large_string(column.type):
        return 0
    return int(pc.sum(pc.binary_length(column)).as_py() or 0)


def fetched(column: plc.Column, dtype: DataType) -> pa.Array:
    """Copy one column to the host."""
    array = on_stream(column.to_arrow, metadata("", dtype))
    memory.ledger().add(to_host=array.nbytes)
    return from_carried(whole(array), dtype)


def whole(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return a column in one piece."""
    if not isinstance(column, pa.ChunkedArray):
        return column
    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.nulls(0, column.type)


def to_carried(array: pa.Array, dtype: DataType) -> pa.Array:
    """Return host values in the Arrow type in which they travel."""
    match dtype.kind:
        case Kind.NULL:
            return pa.nulls(len(array), pa.bool_())
        case Kind.DECIMAL:
            return array if pa.types.is_decimal128(array.type) else array.cast(to_arrow_type(dtype))
        case Kind.BINARY:
            return relabelled(array, pa.string())
        case Kind.TIME:
            wide = array if array.type.bit_width == 64 else array.view(pa.int32()).cast(pa.int64())
            return wide.view(pa.duration(dtype.unit))
        case Kind.INTERVAL:
            return _interval_fields(array)
        case Kind.LIST:
            assert dtype.value is not None
            return _list_over(array, to_carried(array.values, dtype.value), carried_type(dtype))
        case Kind.STRUCT:
            fields = [to_carried(array.field(i), value) for i, (_, value) in enumerate(dtype.fields)]
            return _struct_over(array, fields, carried_type(dtype))
        case _:
            return array


def from_carried(array: pa.Array, dtype: DataType) -> pa.Array:
    """Return values that travelled as the Arrow type of ours."""
    wanted = to_arrow_type(dtype)
    match dtype.kind:
        case Kind.NULL:
            return pa.nulls(len(array))
        case Kind.STRING | Kind.BINARY if pa.types.is_large_string(array.type):
            return _narrow_text(array, wanted)
        case Kind.BINARY:
            return relabelled(array, wanted)
        case Kind.TIME:
            ticks = array.view(pa.int64())
            return (ticks if wanted.bit_width == 64 else ticks.cast(pa.int32())).view(wanted)
        case Kind.INTERVAL:
            return _intervals(array)
        case Kind.LIST:
            assert dtype.value is not None
            return _list_over(array, from_carried(array.values, dtype.value), wanted)
        case Kind.STRUCT:
            fields = [from_carried(array.field(i), value) for i, (_, value) in enumerate(dtype.fields)]
            return _struct_over(array, fields, wanted)
        case _:
            return array if array.type == wanted else relabelled(array, wanted)


def relabelled(array: pa.Array, wanted: pa.DataType) -> pa.Array:
    """Return the same memory as another type of the same layout."""
    return pa.Array.from_buffers(wanted, len(array), array.buffers(), null_count=array.null_count, offset=array.offset)


def _narrow_text(array: pa.Array, wanted: pa.DataType) -> pa.Array:
    try:
        narrow = array.cast(pa.string())
    except pa.ArrowInvalid as error:
        raise ExecutionError(
            "a text column of more than 2 GiB cannot be held in one piece; use more partitions"
        ) from error
    return narrow if narrow.type == wanted else relabelled(narrow, wanted)


def _list_over(array: pa.Array, values: pa.Array, wanted: pa.DataType) -> pa.Array:
    return pa.Array.from_buffers(
        wanted, len(array), array.buffers()[:2], null_count=array.null_count, offset=array.offset, children=[values]
    )


def _struct_over(array: pa.Array, fields: Sequence[pa.Array], wanted: pa.DataType) -> pa.Array:
    mask = array.is_null() if array.null_count else None
    if not fields:
        return array
    return pa.StructArray.from_arrays(list(fields), fields=list(wanted), mask=mask)


_INTERVAL = np.dtype([("months", np.int32), ("days", np.int32), ("nanoseconds", np.int64)])


def _interval_fields(array: pa.Array) -> pa.Array:
    data = array.buffers()[1]
    held = np.frombuffer(data, dtype=_INTERVAL) if data is not None else np.zeros(array.offset + len(array), _INTERVAL)
    rows = held[array.offset : array.offset + len(array)]
    parts = [pa.array(np.ascontiguousarray(rows[field.name])) for field in INTERVAL_FIELDS]
    mask = array.is_null() if array.null_count else None
    return pa.StructArray.from_arrays(parts, fields=list(INTERVAL_FIELDS), mask=mask)


def _intervals(array: pa.Array) -> pa.Array:
    rows = np.zeros(len(array), dtype=_INTERVAL)
    for place, field in enumerate(INTERVAL_FIELDS):
        rows[field.name] = array.field(place).fill_null(0).to_numpy(zero_copy_only=False)
    valid = None
    if array.null_count:
        valid = pa.py_buffer(np.packbits(array.is_valid().to_numpy(zero_copy_only=False), bitorder="little"))
    return pa.Array.from_buffers(pa.month_day_nano_interval(), len(array), [valid, pa.py_buffer(rows)])
