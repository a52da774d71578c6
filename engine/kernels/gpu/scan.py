"""Parquet and ORC decoded on the device: stored bytes cross the bus instead of decoded ones.

Row groups, or stripes, are read in runs of about `_RUN_BYTES` with one call each, which may be repeated when memory
runs out, as a chunked reader's cannot; a run that does not fit is read in halves. Conditions are tested where the
rows are.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

from ...dtypes import DataType, Kind
from ...errors import ReadError
from ...expr import all_of
from ...plan.source import OrcRows, ParquetRows
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
    if not len(schema) or not all(decodes(f.dtype) for f in wanted):
        return None
    return _tables(rows, wanted, schema)


def _tables(rows: ParquetRows, wanted: Schema, schema: Schema) -> Iterator[GpuTable]:
    for groups in _runs(rows.row_groups, rows.group_bytes):
        table = _read(rows.path, groups, wanted, _row_groups)
        memory.ledger().add(to_device=sum(size for _, size in groups))
        yield _kept(table, rows, schema)


def read_orc(rows: OrcRows, schema: Schema) -> Iterator[GpuTable] | None:
    """Return the tables of some stripes, in order; None where a column has a type that is left to the host.

    Times are: libcudf moves them by the zone of whoever wrote them.
    """
    if not len(schema) or not all(decodes_orc(f.dtype) for f in schema):
        return None
    return _stripes(rows, schema)


def _stripes(rows: OrcRows, schema: Schema) -> Iterator[GpuTable]:
    for stripes in _runs(rows.stripes, [rows.stripe_bytes] * len(rows.stripes)):
        table = _read(rows.path, stripes, schema, _orc_stripes)
        memory.ledger().add(to_device=sum(size for _, size in stripes))
        yield table


def decodes(dtype: DataType) -> bool:
    """Whether columns of Parquet files are decoded here."""
    return dtype.is_integer or dtype.kind in _FLAT


def decodes_orc(dtype: DataType) -> bool:
    """Whether columns of ORC files are decoded here."""
    return decodes(dtype) and dtype.kind is not Kind.TIMESTAMP


def _runs(numbers: Sequence[int], sizes: Sequence[int]) -> Iterator[list[tuple[int, int]]]:
    """Yield row groups or stripes, with their bytes, in runs of one read each."""
    run_: list[tuple[int, int]] = []
    size = 0
    for number, stored in zip(numbers, sizes, strict=True):
        if run_ and size + stored > _RUN_BYTES:
            yield run_
            run_, size = [], 0
        run_.append((number, stored))
        size += stored
    yield run_


Reading: TypeAlias = "Callable[[str, list[int], Schema], plc.io.types.TableWithMetadata]"


@kernel
def _read(path: str, groups: list[tuple[int, int]], wanted: Schema, read: Reading) -> GpuTable:
    """Read row groups at once or, where memory runs out, half of them at a time, at last half of the columns."""
    names = list(wanted.names)
    try:
        columns = _decoded(path, groups, wanted, read)
    except OutOfDeviceMemory:
        if len(groups) < 2 and len(names) < 2:
            raise
        memory.ledger().add(splits=1)
        if len(groups) > 1:
            middle = len(groups) // 2
            halves = [_read(path, part, wanted, read) for part in (groups[:middle], groups[middle:])]
            return concat_tables(halves, wanted)
        middle = len(names) // 2
        parts = [_read(path, groups, wanted.select(part), read) for part in (names[:middle], names[middle:])]
        columns = [column for part in parts for column in part.columns]
    for column, field in zip(columns, wanted, strict=True):
        if column.type() != device_type(field.dtype):
            raise ReadError(f"{path!r}: column {field.name!r} was decoded as {column.type()!r}, not {field.dtype}")
    return GpuTable(wanted, columns, columns[0].size())


def _decoded(path: str, groups: list[tuple[int, int]], wanted: Schema, read: Reading) -> list[plc.Column]:
    try:
        found = read(path, [number for number, _ in groups], wanted)
    except (RuntimeError, OSError) as error:  # what libcudf throws reaches Python as the first
        raise ReadError(f"{path!r} is damaged: {error}; copy or write it again") from error
    by_name = dict(zip(found.column_names(), found.tbl.columns(), strict=True))  # in an order of libcudf's own
    return [by_name[name] for name in wanted.names]


def _row_groups(path: str, groups: list[int], wanted: Schema) -> plc.io.types.TableWithMetadata:
    builder = plc.io.parquet.ParquetReaderOptions.builder(plc.io.types.SourceInfo([path]))
    options = builder.column_names(list(wanted.names)).decimal_width(plc.TypeId.DECIMAL128).build()
    options.set_row_groups([groups])
    file = Path(path).stat()
    footers = _footers(path, file.st_size, file.st_mtime_ns)
    return run(plc.io.parquet.read_parquet, options, parquet_metadatas=footers)


@functools.lru_cache(maxsize=32)
def _footers(path: str, size: int, changed: int) -> list[plc.io.parquet_metadata.FileMetaData]:  # noqa: ARG001
    """Return the footer of a file, parsed once for all reads of the file as it is now.

    That of 524 row groups of 16 columns took 20 ms to parse, and reads that parse it do not run beside each other.
    """
    footers: list[plc.io.parquet_metadata.FileMetaData]
    footers = plc.io.parquet_metadata.read_parquet_footers(plc.io.types.SourceInfo([path]))
    return footers


def _orc_stripes(path: str, stripes: list[int], wanted: Schema) -> plc.io.types.TableWithMetadata:
    options = plc.io.orc.OrcReaderOptions.builder(plc.io.types.SourceInfo([path])).build()
    options.set_columns(list(wanted.names))
    options.set_stripes([stripes])
    options.set_decimal128_columns([f.name for f in wanted if f.dtype.is_decimal])
    return run(plc.io.orc.read_orc, options)


@kernel
def _kept(table: GpuTable, rows: ParquetRows, schema: Schema) -> GpuTable:
    condition = all_of(rows.conditions)
    if condition is not None:
        table = filter_rows(table, condition)
    return GpuTable(schema, [table.column(f.name) for f in schema], table.num_rows)
