"""A table of the GPU device: columns of libcudf and the schema that says what they mean."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pyarrow as pa

from ...schema import Schema
from ..protocol import Table
from . import memory
from .library import plc
from .memory import on_stream, run
from .moving import SpilledBytes
from .spilling import SpilledRows
from .types import carried_type, metadata


class GpuTable:
    """Rows on the GPU, or in the host's memory or a file while they are spilled.

    Parameters
    ----------
    schema
        Names and types.
    columns
        One column per field, of the type that ``types.device_type`` gives for it.
    num_rows
        Number of rows; carried apart since a table may have no columns.
    nbytes
        Bytes to account for where the columns share memory; else those that they refer to.
    """

    __slots__ = ("__weakref__", "_columns", "_lock", "_made_on", "_nbytes", "_spilled", "num_rows", "schema")

    def __init__(self, schema: Schema, columns: Sequence[plc.Column], num_rows: int, nbytes: int | None = None) -> None:
        assert len(schema) == len(columns)
        self.schema = schema
        self.num_rows = num_rows
        self._columns: tuple[plc.Column, ...] | None = tuple(columns)
        self._spilled: SpilledBytes | SpilledRows | None = None
        self._lock = threading.Lock()
        self._made_on = memory.stream()
        self._nbytes = sum(int(column.device_buffer_size()) for column in columns) if nbytes is None else nbytes
        if columns:
            with memory.pool().lock:
                memory.pool().tables.add(self)

    @property
    def nbytes(self) -> int:
        """Bytes of the rows."""
        return self._nbytes

    @property
    def columns(self) -> tuple[plc.Column, ...]:
        """The columns, brought back where they were spilled."""
        with self._lock:
            if self._columns is None:
                assert self._spilled is not None
                memory.ledger().add(to_device=self._spilled.nbytes)
                self._columns = _brought_back(self._spilled)
                self._spilled = None
            return self._columns

    def column(self, name: str) -> plc.Column:
        """Return a column by name."""
        return self.columns[self.schema.position(name)]

    @property
    def table(self) -> plc.Table:
        """All columns as libcudf's table."""
        return plc.Table(self.columns, self.num_rows)

    def select(self, names: Sequence[str]) -> plc.Table:
        """Return some columns as libcudf's table."""
        columns = self.columns
        return plc.Table([columns[self.schema.position(name)] for name in names], self.num_rows)

    def like(self, columns: plc.Table, num_rows: int | None = None) -> GpuTable:
        """Return a table of the same schema over other columns; ``num_rows`` where there may be no columns."""
        return GpuTable(self.schema, columns.columns(), columns.num_rows() if num_rows is None else num_rows)

    def part(self, offset: int, length: int) -> GpuTable:
        """Return a run of rows that shares the memory."""
        offset = min(offset, self.num_rows)
        length = max(0, min(length, self.num_rows - offset))
        if length == self.num_rows:
            return self
        if not self.schema.fields:
            return GpuTable(self.schema, (), length)
        [rows] = on_stream(plc.copying.slice, self.table, [offset, offset + length])
        return GpuTable(self.schema, rows.columns(), length, self._nbytes * length // self.num_rows)

    def spill(self) -> int:
        """Move the rows to the host; return how many bytes, 0 where they are there or in use by another thread."""
        if not self._lock.acquire(blocking=False):
            return 0
        try:
            if self._columns is None or not self.num_rows:
                return 0
            self._made_on.synchronize()  # another thread's kernel may have just made it
            spilled = _moved_out(plc.Table(self._columns, self.num_rows), self.schema)
            self._spilled, self._columns = spilled, None
            memory.ledger().add(to_host=spilled.nbytes, spilled=spilled.nbytes, to_files=spilled.file_bytes)
            return self._nbytes
        finally:
            self._lock.release()


def _moved_out(table: plc.Table, schema: Schema) -> SpilledBytes | SpilledRows:
    store = memory.pool().spilled
    try:
        return SpilledBytes(table, store)
    except MemoryError:  # copying column by column needs no device memory at all
        memory.ledger().add(retries=1)
        names = [metadata(f.name, f.dtype) for f in schema]
        return SpilledRows(_as_carried(on_stream(table.to_arrow, names), schema), store)


def _brought_back(spilled: SpilledBytes | SpilledRows) -> tuple[plc.Column, ...]:
    if isinstance(spilled, SpilledBytes):
        return spilled.columns()
    columns = tuple(run(plc.Column.from_arrow, column) for column in spilled.rows().columns)
    memory.stream().synchronize()  # other threads may ask next
    return columns


def _as_carried(rows: pa.Table, schema: Schema) -> pa.Table:
    """Name fields inside lists as they are sent, so that a spilled table comes back as it was; texts stay as wide."""
    large = pa.types.is_large_string
    wanted = pa.schema(
        [
            pa.field(f.name, c.type if large(c.type) else carried_type(f.dtype))
            for f, c in zip(schema, rows.schema, strict=True)
        ]
    )
    return rows if rows.schema.equals(wanted) else rows.cast(wanted)


def own(table: Table) -> GpuTable:
    """Return a table of the protocol as this device's own.

    Raises
    ------
    TypeError
        If the table belongs to another device.
    """
    if not isinstance(table, GpuTable):
        raise TypeError(f"the gpu device was given a {type(table).__name__}; move it with to_arrow and from_arrow")
    return table


def concat_tables(tables: Sequence[GpuTable], schema: Schema) -> GpuTable:
    """Join tables of one schema in order; none gives no rows."""
    filled = [table for table in tables if table.num_rows]
    if not filled:
        return empty_table(schema)
    if len(filled) == 1:
        return GpuTable(schema, filled[0].columns, filled[0].num_rows)
    rows = sum(table.num_rows for table in filled)
    if not len(schema):
        return GpuTable(schema, (), rows)
    parts = [table.columns for table in filled]
    try:
        columns = run(plc.concatenate.concatenate, [table.table for table in filled]).columns()
    except memory.OutOfDeviceMemory:  # one column after the other needs less at once
        columns = tuple(run(plc.concatenate.concatenate, [*column]) for column in zip(*parts, strict=True))
    return GpuTable(schema, columns, rows)


def empty_table(schema: Schema) -> GpuTable:
    """Return a table without rows."""
    arrays = [pa.nulls(0, carried_type(f.dtype)) for f in schema]
    if not arrays:
        return GpuTable(schema, (), 0)
    none = run(plc.Table.from_arrow, pa.Table.from_arrays(arrays, list(schema.names)))
    return GpuTable(schema, none.columns(), 0)
