"""Files written on the device: Parquet and ORC by libcudf's chunked writers, so that encoded bytes cross the bus.

What would not be read back as it was is left to the host: times of Parquet that are no instants in UTC, since the
chunked writer knows no others, times of ORC, nested columns. Rows wait until they fill a row group. A call that finds
no memory is repeated: libcudf changes a file only when all of a chunk is encoded.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa

from ...arrow import rows_by_value
from ...dtypes import DataType, Kind
from ...errors import ExecutionError
from ...plan.source import StoredForm
from ...schema import Field, Schema
from . import memory
from .batch import GpuTable, concat_tables, empty_table, own
from .keys import gathered
from .library import Stream, plc
from .memory import kernel
from .transfer import fetched, uploaded

_CODECS = {"zstd": "ZSTD", "snappy": "SNAPPY", "gzip": "GZIP", "zlib": "ZLIB", "lz4": "LZ4", "none": "NONE"}
_PLAIN = frozenset({Kind.BOOL, Kind.FLOAT32, Kind.FLOAT64, Kind.STRING, Kind.DATE, Kind.DECIMAL})
_CHUNK_ROWS = 1 << 20
"""Rows that wait for each other where a format does not say: enough that encoding them costs more than starting to."""


class GpuEncoder:
    """Writes files of tables of the device. Stateless."""

    def refusal(self, form: StoredForm, schema: Schema) -> str | None:
        """Return why the host must write files of some columns; None where the device can."""
        if not _supported(form):
            return f"libcudf writes no {form.name} compressed with {form.compression}"
        for field in schema:
            reason = unfit(form, field.dtype)
            if reason is not None:
                return f"column {field.name!r}: {reason}"
        return None

    def open(self, path: str, form: StoredForm, schema: Schema) -> GpuFile:
        """Start a local file of some columns."""
        return GpuFile(path, form, schema)

    @kernel
    def parts(self, table: Any, keys: Sequence[str]) -> Iterator[tuple[tuple[Any, ...], GpuTable, int]]:
        """Return for each combination of values of some columns these, the other columns' rows, and their number."""
        rows = own(table)
        if not keys:
            return iter([((), rows, rows.num_rows)])
        values = [fetched(rows.column(name), rows.schema[name].dtype) for name in keys]
        order, edges = rows_by_value(values)
        stored = Schema(tuple(f for f in rows.schema if f.name not in keys))
        moved = gathered(rows.select(stored.names), uploaded(pa.array(order, pa.int32()), _POSITION))
        ordered = GpuTable(stored, moved.columns(), rows.num_rows)
        return iter(
            [
                (
                    tuple(value[int(order[start])].as_py() for value in values),
                    ordered.part(start, stop - start),
                    stop - start,
                )
                for start, stop in pairwise(map(int, edges))
            ]
        )


_POSITION = DataType(Kind.INT32)


class GpuFile:
    """One file under way."""

    def __init__(self, path: str, form: StoredForm, schema: Schema) -> None:
        self._path, self._form, self._schema = path, form, schema
        self._limit = form.group_rows or _CHUNK_ROWS
        self._waiting: list[GpuTable] = []
        self._rows = 0
        self._stream = Stream()  # which the writer keeps: threads take turns
        self._writer: Any = None

    @kernel
    def write(self, table: Any) -> None:
        """Append the rows of a table."""
        rows = own(table)
        start = 0
        while start < rows.num_rows:
            part = rows.part(start, self._limit - self._rows)
            self._waiting.append(part)
            self._rows += part.num_rows
            start += part.num_rows
            if self._rows == self._limit:
                self._flush()

    @kernel
    def close(self) -> None:
        """Write what waits, and the file's end."""
        if self._waiting or self._writer is None:
            self._flush()
        with self._told():  # once: a second call would find the writer closed, and leave the file without its end
            if self._form.name == "parquet":
                self._writer.close([])
            else:
                self._writer.close()
        memory.ledger().add(to_host=Path(self._path).stat().st_size)

    def _flush(self) -> None:
        rows = concat_tables(self._waiting, self._schema) if self._waiting else empty_table(self._schema)
        columns = [_as_declared(column, field) for column, field in zip(rows.columns, self._schema, strict=True)]
        chunk = plc.Table(columns, rows.num_rows)
        memory.stream().synchronize()  # the writer has a stream of its own
        if self._writer is None:
            self._writer = self._tried(lambda: _opened(self._path, self._form, self._schema, chunk, self._stream))
        self._tried(lambda: self._writer.write(chunk))
        self._stream.synchronize()
        self._waiting, self._rows = [], 0

    def _tried(self, call: Callable[[], Any]) -> Any:
        with self._told():
            return memory.retried(call)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Tell what libcudf throws as an error of writing."""
        try:
            yield
        except RuntimeError as error:  # what libcudf throws reaches Python so, a full disk included
            raise OSError(f"libcudf cannot write {os.path.basename(self._path)!r}: {error}") from error  # noqa: PTH119


def _supported(form: StoredForm) -> bool:
    module = plc.io.parquet.is_supported_write_parquet if form.name == "parquet" else plc.io.orc.is_supported_write_orc
    return form.compression in _CODECS and bool(module(_codec(form)))


def _codec(form: StoredForm) -> Any:
    return plc.io.types.CompressionType[_CODECS[form.compression]]


def unfit(form: StoredForm, dtype: DataType) -> str | None:
    """Return why columns of a type would not be read back as they are."""
    if dtype.kind in _PLAIN or (dtype.is_integer and (dtype.is_signed or form.name == "parquet")):
        return None
    if form.name == "parquet" and dtype.kind is Kind.BINARY:
        return None
    if form.name == "parquet" and dtype.kind is Kind.TIMESTAMP:
        exact = dtype.tz == "UTC" and dtype.unit != "s"
        return None if exact else "libcudf's chunked writer knows times in UTC only, and no seconds"
    return f"libcudf writes no {dtype} that is read back as one"


def _as_declared(column: plc.Column, field: Field) -> plc.Column:
    """Return a column without a mask where it is said to have no nulls, which libcudf insists on."""
    if field.nullable:
        return column
    if column.null_count():
        raise ExecutionError(f"column {field.name!r} is said to have no nulls, and has some")
    return column.with_mask(None, 0)


def _opened(path: str, form: StoredForm, schema: Schema, first: plc.Table, stream: Stream) -> Any:
    metadata = plc.io.types.TableInputMetadata(first)
    for column, field in zip(metadata.column_metadata, schema, strict=True):
        column.set_name(field.name).set_nullability(field.nullable)
        if field.dtype.is_decimal:
            column.set_decimal_precision(field.dtype.precision)
        if field.dtype.kind is Kind.BINARY:
            column.set_output_as_binary(True)
    sink = plc.io.types.SinkInfo([path])
    if form.name == "orc":
        orc = plc.io.orc.ChunkedOrcWriterOptions.builder(sink).metadata(metadata).compression(_codec(form))
        return plc.io.orc.OrcChunkedWriter.from_options(orc.build(), stream=stream)
    parquet = plc.io.parquet.ChunkedParquetWriterOptions.builder(sink).metadata(metadata).compression(_codec(form))
    options = parquet.row_group_size_rows(form.group_rows or _CHUNK_ROWS).build()
    return plc.io.parquet.ChunkedParquetWriter.from_options(options, stream=stream)
