"""One Parquet file, whose column chunks are encoded by several threads.

pyarrow encodes some columns of one row group as a file in memory. Their column chunks are appended to the file, row
group by row group, and described in a footer of ours: what pyarrow says of them, but for where they lie. Schema and
metadata are what pyarrow writes for the file's schema. There is neither page index nor Bloom filter.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import pyarrow as pa

from ..engine.errors import WriteError
from ..engine.plan.source import Piece
from . import thrift
from .footers import Layout
from .ordered_append import OrderedAppend
from .parquet_columns import stored_column, wants_dictionary
from .thrift import Struct, Value, Values

_MAGIC = b"PAR1"
_TAIL = 8
"""Bytes after the footer: its length, and the magic bytes."""
_PIECE_VALUES = 512 * 1024
"""Values that are worth a piece of work of their own: it takes some milliseconds to encode them, and a third of one to
begin."""
_MOST_ORDINAL = 2**15 - 1

# Field numbers of parquet.thrift.
_FILE_ROWS, _FILE_GROUPS = 3, 4
_GROUP_COLUMNS, _GROUP_BYTES, _GROUP_ROWS, _GROUP_OFFSET, _GROUP_STORED, _GROUP_ORDINAL = 1, 2, 3, 5, 6, 7
_CHUNK_OFFSET, _CHUNK_META = 2, 3
_META_UNPACKED, _META_STORED, _META_DATA, _META_INDEX, _META_DICTIONARY = 6, 7, 9, 10, 11


class _Chunk(NamedTuple):
    """An encoded column chunk: its bytes, which began at ``start``, and its ``ColumnChunk`` of the footer."""

    data: pa.Buffer
    start: int
    described: Struct


class Form:
    """How files of one schema are encoded, and their footer without row groups."""

    def __init__(self, schema: pa.Schema, compression: str) -> None:
        import pyarrow.parquet as pq

        self.schema, self._compression = schema, compression
        # not `empty_table`, whose arrays are made of lists, for which pyarrow imports pandas
        empty = self.encoded(pa.Table.from_batches([], schema), dictionaries=())
        self.footer = _footer(empty)
        layout = Layout.of(pq.read_metadata(pa.BufferReader(empty)))
        self._leaves = {name: [layout.paths[i] for i in layout.chunks[name]] for name in schema.names}

    def encoded(self, table: pa.Table, dictionaries: Sequence[str]) -> pa.Buffer:
        """Return a file of at most one row group, with dictionaries where some columns repeat their values."""
        import pyarrow.parquet as pq

        out = pa.BufferOutputStream()
        writer = pq.ParquetWriter(
            out,
            table.schema,
            compression=self._compression,
            use_dictionary=[path for name in dictionaries for path in self._leaves[name]],
            store_decimal_as_integer=True,
        )
        try:
            if table.num_rows:
                writer.write_table(table, table.num_rows)
        finally:
            writer.close()
        return out.getvalue()

    def chunks(self, pieces: Sequence[pa.RecordBatch], columns: range) -> list[_Chunk]:
        """Encode some columns of a row group."""
        fields = [self.schema.field(i) for i in columns]
        arrays = [stored_column([batch.column(i) for batch in pieces], self.schema.field(i).type) for i in columns]
        wanted = [f.name for f, array in zip(fields, arrays, strict=True) if wants_dictionary(array)]
        given = pa.schema([pa.field(f.name, a.type, f.nullable) for f, a in zip(fields, arrays, strict=True)])
        data = self.encoded(pa.Table.from_arrays(arrays, schema=given), wanted)
        (group,) = _footer(data)[_FILE_GROUPS].value.values
        return [_cut(data, described) for described in group[_GROUP_COLUMNS].value.values]


def _footer(data: pa.Buffer) -> Struct:
    end = data.size - _TAIL
    size = int.from_bytes(data.slice(end, 4).to_pybytes(), "little")
    return thrift.read(data.slice(end - size, size).to_pybytes())


def _cut(data: pa.Buffer, described: Struct) -> _Chunk:
    meta = described[_CHUNK_META].value
    start = min(meta[field].value for field in (_META_DICTIONARY, _META_DATA) if field in meta)
    return _Chunk(data.slice(start, meta[_META_STORED].value), start, described)


class _Group:
    """A row group some of whose columns are encoded."""

    def __init__(self, number: int, rows: int, parts: int) -> None:
        self.number, self.rows = number, rows
        self._parts: list[list[_Chunk]] = [[] for _ in range(parts)]
        self._left = parts
        self._lock = threading.Lock()

    def add(self, part: int, chunks: list[_Chunk]) -> bool:
        """Take encoded columns; return whether they were the last."""
        with self._lock:
            self._parts[part] = chunks
            self._left -= 1
            return not self._left

    def chunks(self) -> Iterator[_Chunk]:
        """Yield all columns in order."""
        for part in self._parts:
            yield from part


class ParquetWriter:
    """Writes batches into a Parquet file by pieces of work that any thread may do.

    Batches are added by one thread at a time. Their columns are those of the schema, in order; text may come as
    dictionaries, and decimals in 64 bits.

    Parameters
    ----------
    handle
        An open ``pyarrow.NativeFile``, which the caller closes.
    compression
        pyarrow's name of a codec.
    group_rows
        Rows of a row group.
    """

    def __init__(self, handle: Any, schema: pa.Schema, *, compression: str, group_rows: int) -> None:
        self._handle, self._limit = handle, group_rows
        self._form = Form(schema, compression)
        self._waiting: list[pa.RecordBatch] = []
        self._rows = 0
        self._described: list[Struct] = []
        self._order = OrderedAppend(self._append)
        self._position = 0
        self._put(_MAGIC)

    def divide(self, batch: pa.RecordBatch) -> list[Piece]:
        """Take rows, and return what is to be done once a row group is full."""
        pieces: list[Piece] = []
        start = 0
        while start < batch.num_rows:
            part = batch.slice(start, self._limit - self._rows)
            self._waiting.append(part)
            self._rows += part.num_rows
            start += part.num_rows
            if self._rows == self._limit:
                pieces += self.last()
        return pieces

    def last(self) -> list[Piece]:
        """Return what is to be done for the rows that wait."""
        if not self._waiting:
            return []
        batches, self._waiting = self._waiting, []
        rows, self._rows = self._rows, 0
        width = max(1, _PIECE_VALUES // rows)
        columns = len(self._form.schema)
        runs = [range(first, min(first + width, columns)) for first in range(0, columns, width)]
        group = _Group(self._order.number(), rows, len(runs))
        share = sum(batch.nbytes for batch in batches) // len(runs)
        return [
            Piece(run=partial(self._encode, group, part, batches, run), nbytes=share) for part, run in enumerate(runs)
        ]

    def _encode(self, group: _Group, part: int, batches: Sequence[pa.RecordBatch], columns: range) -> None:
        if group.add(part, self._form.chunks(batches, columns)):
            self._order.put(group.number, group)

    def _append(self, group: _Group) -> None:
        """Write a row group's column chunks and describe them."""
        offset, columns, unpacked = self._position, [], 0
        for data, start, described in group.chunks():
            meta = described[_CHUNK_META].value
            moved = {
                field: Value(thrift.I64, self._position + meta[field].value - start)
                for field in (_META_DATA, _META_INDEX, _META_DICTIONARY)
                if field in meta
            }
            unpacked += meta[_META_UNPACKED].value
            columns.append(
                {**described, _CHUNK_OFFSET: Value(thrift.I64, 0), _CHUNK_META: Value(thrift.STRUCT, meta | moved)}
            )
            self._put(data)
        number = len(self._described)
        described = {
            _GROUP_COLUMNS: Value(thrift.LIST, Values(thrift.STRUCT, columns)),
            _GROUP_BYTES: Value(thrift.I64, unpacked),
            _GROUP_ROWS: Value(thrift.I64, group.rows),
            _GROUP_OFFSET: Value(thrift.I64, offset),
            _GROUP_STORED: Value(thrift.I64, self._position - offset),
        }
        if number <= _MOST_ORDINAL:
            described[_GROUP_ORDINAL] = Value(thrift.I16, number)
        self._described.append(described)

    def _put(self, data: Any) -> None:
        self._handle.write(data)
        self._position += len(data)

    @property
    def is_complete(self) -> bool:
        """Whether everything has been done that `divide` and `last` have returned."""
        return self._order.is_complete

    def close(self) -> None:
        """Write the footer; raises `WriteError` where work was left undone."""
        if self._waiting or not self.is_complete:
            raise WriteError("a Parquet file was closed before all of its rows were encoded")
        rows = sum(group[_GROUP_ROWS].value for group in self._described)
        footer = thrift.write(
            self._form.footer
            | {
                _FILE_ROWS: Value(thrift.I64, rows),
                _FILE_GROUPS: Value(thrift.LIST, Values(thrift.STRUCT, self._described)),
            }
        )
        self._put(footer)
        self._put(len(footer).to_bytes(4, "little"))
        self._put(_MAGIC)
