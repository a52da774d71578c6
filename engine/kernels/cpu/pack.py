"""Tables as one run of bytes, to send or to spill: an Arrow IPC stream, whose buffers are read where they lie."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from ...arrow import empty_batch
from ...schema import Schema
from .gather import plain
from .table import CpuTable, settle

_WORD = 8


def pack(tables: Sequence[CpuTable]) -> pa.Buffer:
    """Return at least one table of one schema as bytes; rows are copied once, and only those of a slice."""
    columns = [columns_to_send(table) for table in settle(tables)]
    _agree(columns)
    batches = [_batch(made, table.num_rows) for made, table in zip(columns, tables, strict=True)]
    counted = pa.MockOutputStream()
    _write(batches, counted)
    packed = pa.allocate_buffer(counted.size())
    _write(batches, pa.FixedSizeBufferWriter(packed))
    return packed


def unpack(packed: object, schema: Schema) -> list[CpuTable]:
    """Return the tables that ``packed``, anything with the buffer protocol, holds.

    They share its memory, unless it begins where the kernels' words would lie across those of the machine.
    """
    content = pa.py_buffer(packed)
    if content.address % _WORD:
        content = pa.py_buffer(content.to_pybytes())
    with pa.ipc.open_stream(content) as reader:
        return [CpuTable(schema=schema, columns=tuple(batch.columns), num_rows=batch.num_rows) for batch in reader]


def columns_to_send(table: CpuTable) -> list[pa.Array]:
    """Return the columns of a settled table; a dictionary with more values than it has rows is not worth sending."""
    return [
        plain(column) if isinstance(column, pa.DictionaryArray) and len(column.dictionary) > table.num_rows else column
        for column in table.columns
    ]


def _agree(tables: list[list[pa.Array]]) -> None:
    """Let every table have plain text in a column where one of them has."""
    for position in range(len(tables[0])):
        if len({columns[position].type for columns in tables}) > 1:
            for columns in tables:
                columns[position] = plain(columns[position])


def _batch(columns: list[pa.Array], rows: int) -> pa.RecordBatch:
    if not columns:
        return empty_batch(rows)
    return pa.RecordBatch.from_arrays(columns, [str(position) for position in range(len(columns))])


def _write(batches: list[pa.RecordBatch], sink: pa.NativeFile) -> None:
    with pa.ipc.new_stream(sink, batches[0].schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
