"""Parquet decoded on the device: stored bytes cross the bus instead of decoded ones.

Row groups are read in runs of about `_RUN_BYTES` with one call each, which may be repeated when memory runs out, as a
chunked reader's cannot; a run that does not fit is read in halves. Conditions are tested where the rows are.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...dtypes import DataType, Kind
from ...errors import ReadError
from ...expr import all_of
from ...plan.source import ParquetRows
from ...schema import Schema
from . import memory
from .batch import GpuTable, concat_tables
from .filter import filter_rows
from .library import plc
from .memory import OutOfDeviceMemory, kernel, run
from .types import device_type

_RUN_BYTES = 512 << 20
"""Stored bytes of one read: a few per cent of a device's memory, decoded."""

_FLAT = frozenset({Kind.BOOL, Kind.DECIMAL, Kind.STRING, Kind.DATE, Kind.TIMESTAMP, Kind.FLOAT32, Kind.FLOAT64})


def read_parquet(rows: ParquetRows, schema: Schema) -> Iterator[GpuTable] | None:
    """Return the tables of some row groups, in order; None where a column has a type that is left to the host."""
    wanted = schema.extend(f for f in rows.tested if f.name not in schema)
    if not len(schema) or not all(_decodes(f.dtype) for f in wanted):
        return None
    return _tables(rows, wanted, schema)


def _tables(rows: ParquetRows, wanted: Schema, schema: Schema) -> Iterator[GpuTable]:
    for groups in _runs(rows):
        table = _read(rows.path, groups, wanted)
        memory.ledger().add(to_device=sum(size for _, size in groups))
        yield _kept(table, rows, schema)


def _decodes(dtype: DataType) -> bool:
    return dtype.is_integer or dtype.kind in _FLAT


def _runs(rows: ParquetRows) -> Iterator[list[tuple[int, int]]]:
    """Yield row groups, with their bytes, in runs of one read each."""
    run_: list[tuple[int, int]] = []
    size = 0
    for number, stored in zip(rows.row_groups, rows.group_bytes, strict=True):
        if run_ and size + stored > _RUN_BYTES:
            yield run_
            run_, size = [], 0
        run_.append((number, stored))
        size += stored
    yield run_


@kernel
def _read(path: str, groups: list[tuple[int, int]], wanted: Schema) -> GpuTable:
    """Read row groups at once or, where memory runs out, half of them at a time, at last half of the columns."""
    names = list(wanted.names)
    try:
        columns = _decoded(path, groups, names)
    except OutOfDeviceMemory:
        if len(groups) < 2 and len(names) < 2:
            raise
        memory.ledger().add(splits=1)
        if len(groups) > 1:
            middle = len(groups) // 2
            return concat_tables([_read(path, part, wanted) for part in (groups[:middle], groups[middle:])], wanted)
        middle = len(names) // 2
        parts = [_read(path, groups, wanted.select(part)) for part in (names[:middle], names[middle:])]
        columns = [column for part in parts for column in part.columns]
    for column, field in zip(columns, wanted, strict=True):
        if column.type() != device_type(field.dtype):
            raise ReadError(f"{path!r}: column {field.name!r} was decoded as {column.type()!r}, not {field.dtype}")
    return GpuTable(wanted, columns, columns[0].size())


def _decoded(path: str, groups: list[tuple[int, int]], names: list[str]) -> list[plc.Column]:
    source = plc.io.types.SourceInfo([path])
    builder = plc.io.parquet.ParquetReaderOptions.builder(source)
    options = builder.column_names(names).decimal_width(plc.TypeId.DECIMAL128).build()
    options.set_row_groups([[number for number, _ in groups]])
    try:
        read = run(plc.io.parquet.read_parquet, options)
    except RuntimeError as error:  # what libcudf throws reaches Python so
        raise ReadError(f"{path!r} is damaged: {error}; copy or write it again") from error
    by_name = dict(zip(read.column_names(), read.tbl.columns(), strict=True))  # in an order of libcudf's own
    return [by_name[name] for name in names]


@kernel
def _kept(table: GpuTable, rows: ParquetRows, schema: Schema) -> GpuTable:
    condition = all_of(rows.conditions)
    if condition is not None:
        table = filter_rows(table, condition)
    return GpuTable(schema, [table.column(f.name) for f in schema], table.num_rows)
