"""Record batches into one open file, per format. Knows nothing of where the file is or how it becomes visible."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any, Protocol, TypeAlias, runtime_checkable

import pyarrow as pa
import pyarrow.compute as pc

from ..engine.arrow import to_arrow_schema
from ..engine.dtypes import DataType, Kind
from ..engine.errors import ConfigError, WriteError
from ..engine.plan.source import Piece, StoredForm
from ..engine.schema import Schema
from .compression import packed
from .conform import conform
from .ordered_append import OrderedAppend

PARQUET_CODECS = ("zstd", "snappy", "gzip", "lz4", "none")
IPC_CODECS = ("zstd", "lz4", "none")
ORC_CODECS = ("zstd", "snappy", "zlib", "lz4", "none")
_EXACT_DIGITS = 15
"""A float64 holds every decimal of as many digits."""


class WholeWriter(Protocol):
    """Writes batches of one schema into one file; the caller closes the file."""

    def write(self, batch: pa.RecordBatch) -> None:
        """Append one batch of exactly the schema's Arrow types."""
        ...

    def close(self) -> None:
        """Write what is buffered and the file's end."""
        ...


@runtime_checkable
class DividingWriter(Protocol):
    """Writes batches of one schema into one file, which the caller closes, by pieces of work for any thread."""

    @property
    def is_complete(self) -> bool:
        """Whether all pieces have been done."""
        ...

    def divide(self, batch: pa.RecordBatch) -> Sequence[Piece]:
        """Append one batch of the schema's columns, text maybe as dictionaries, decimals maybe in 64 bits."""
        ...

    def last(self) -> Sequence[Piece]:
        """Return what is left to be done when all batches have come."""
        ...

    def close(self) -> None:
        """Write the file's end, once all pieces have been done."""
        ...


BatchWriter: TypeAlias = WholeWriter | DividingWriter


class Format(Protocol):
    """A file format with its options; pickles."""

    @property
    def name(self) -> str:
        """Name in labels and errors."""
        ...

    @property
    def suffix(self) -> str:
        """Ending of the files of a data set."""
        ...

    @property
    def stored(self) -> StoredForm | None:
        """The format and its options for devices that write files themselves; None where none may."""
        ...

    def check(self, schema: Schema) -> None:
        """Raise `WriteError` where the format cannot hold a column."""
        ...

    def open(self, handle: Any, schema: Schema) -> BatchWriter:
        """Return a writer into an open ``pyarrow.NativeFile``."""
        ...


def _refuse(schema: Schema, name: str, unfit: Callable[[DataType], bool], remedy: str) -> None:
    column = next((f for f in schema if unfit(f.dtype)), None)
    if column is not None:
        raise WriteError(f"{name} cannot hold column {column.name!r} of type {column.dtype}; {remedy}")


def _codec(name: str, allowed: tuple[str, ...]) -> str:
    if name not in allowed:
        raise ConfigError(f"compression must be one of {', '.join(allowed)}, not {name!r}")
    return name


# ------------------------------------------------------------------------------------------ Parquet
@dataclass(frozen=True, slots=True, kw_only=True)
class ParquetFormat:
    """Parquet; row groups small enough to prune by and to share among threads."""

    compression: str = "zstd"
    row_group_rows: int = 256 * 1024
    name: str = "parquet"
    suffix: str = ".parquet"

    def __post_init__(self) -> None:
        _codec(self.compression, PARQUET_CODECS)
        if self.row_group_rows < 1:
            raise ConfigError(f"row_group_rows must be positive, not {self.row_group_rows}")

    @property
    def stored(self) -> StoredForm:
        """Devices may write it."""
        return StoredForm(name=self.name, compression=self.compression, group_rows=self.row_group_rows)

    def check(self, schema: Schema) -> None:
        """Refuse intervals, which Parquet's writer has no type for, and tables of no columns."""
        if not schema.fields:
            raise WriteError("parquet needs at least one column; select some")
        _refuse(schema, self.name, lambda t: t.kind is Kind.INTERVAL, "cast it to a duration or text")

    def open(self, handle: Any, schema: Schema) -> BatchWriter:
        """Return a writer that gathers batches into row groups, whose columns several threads may encode."""
        from .parquet_writer import ParquetWriter

        columns = to_arrow_schema(schema)
        return ParquetWriter(handle, columns, compression=self.compression, group_rows=self.row_group_rows)


# ------------------------------------------------------------------------------------------ CSV
@dataclass(frozen=True, slots=True, kw_only=True)
class CsvFormat:
    """CSV in UTF-8; text is quoted, null is nothing, ``compressed`` is the suffix of a codec or empty."""

    delimiter: str = ","
    header: bool = True
    compressed: str = ""
    name: str = "csv"

    def __post_init__(self) -> None:
        if len(self.delimiter) != 1 or not self.delimiter.isascii():
            raise ConfigError(f"delimiter must be one ASCII character, not {self.delimiter!r}")

    @property
    def suffix(self) -> str:
        """``.csv`` and the codec's."""
        return ".csv" + self.compressed

    @property
    def stored(self) -> None:
        """Devices write floats with fewer digits than they have."""
        return

    def check(self, schema: Schema) -> None:
        """Refuse types without an agreed text form."""
        if not schema.fields:
            raise WriteError("csv needs at least one column; select some")
        kinds = (Kind.LIST, Kind.STRUCT, Kind.BINARY, Kind.INTERVAL, Kind.DURATION)
        _refuse(schema, self.name, lambda t: t.kind in kinds, "cast it to text, or write Parquet")

    def open(self, handle: Any, schema: Schema) -> BatchWriter:
        """Return a writer that has written the header."""
        return _CsvWriter(self, packed(handle, self.compressed), schema)


class _CsvWriter:
    """Rows become text on any thread, and are appended in order."""

    def __init__(self, options: CsvFormat, stream: Any, schema: Schema) -> None:
        self._options, self._stream, self._schema = options, stream, schema
        self._order: OrderedAppend[pa.Buffer] = OrderedAppend(stream.write)
        if options.header:
            stream.write(self._text(to_arrow_schema(schema).empty_table(), header=True))

    def _text(self, rows: pa.Table | pa.RecordBatch, *, header: bool = False) -> pa.Buffer:
        import pyarrow.csv as pacsv

        out = pa.BufferOutputStream()
        options = pacsv.WriteOptions(include_header=header, delimiter=self._options.delimiter)
        pacsv.write_csv(rows, out, write_options=options)
        return out.getvalue()

    def divide(self, batch: pa.RecordBatch) -> list[Piece]:
        """Take rows, and return what is to be done for them."""
        return [Piece(run=partial(self._add, self._order.number(), batch), nbytes=batch.nbytes)]

    def _add(self, number: int, batch: pa.RecordBatch) -> None:
        self._order.put(number, self._text(conform(batch, self._schema, plain=True)))

    def last(self) -> list[Piece]:
        """Return nothing: no rows wait."""
        return []

    @property
    def is_complete(self) -> bool:
        """Whether all rows have been appended."""
        return self._order.is_complete

    def close(self) -> None:
        """Finish the stream."""
        self._stream.close()


# ------------------------------------------------------------------------------------------ JSON lines
@dataclass(frozen=True, slots=True, kw_only=True)
class JsonFormat:
    """One JSON object per line.

    Times are ISO text, decimals numbers up to 15 digits and text beyond, NaN and infinities null, as JSON has none.
    """

    compressed: str = ""
    name: str = "json"

    @property
    def suffix(self) -> str:
        """``.jsonl`` and the codec's."""
        return ".jsonl" + self.compressed

    @property
    def stored(self) -> None:
        """Devices write floats with fewer digits than they have."""
        return

    def check(self, schema: Schema) -> None:
        """Refuse types without an agreed JSON form."""
        kinds = (Kind.BINARY, Kind.INTERVAL, Kind.DURATION)
        _refuse(schema, self.name, lambda t: t.kind in kinds, "cast it to text, or write Parquet")

    def open(self, handle: Any, schema: Schema) -> BatchWriter:
        """Return a writer of lines."""
        return _JsonWriter(packed(handle, self.compressed))


class _JsonWriter:
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, batch: pa.RecordBatch) -> None:
        """Append one line per row."""
        columns = [_json_ready(column).to_pylist() for column in batch.columns]
        names = batch.schema.names
        lines = [
            json.dumps(dict(zip(names, row, strict=True)), default=_json_value, ensure_ascii=False, allow_nan=False)
            for row in zip(*columns, strict=True)
        ]
        self._stream.write(("\n".join(lines) + "\n").encode())

    def close(self) -> None:
        """Finish the stream."""
        self._stream.close()


def _json_ready(column: pa.Array) -> pa.Array:
    kind = column.type
    if pa.types.is_floating(kind):
        return pc.if_else(pc.is_finite(column), column, pa.scalar(None, kind))
    if pa.types.is_decimal(kind):
        return column.cast(pa.float64() if kind.precision <= _EXACT_DIGITS else pa.string())
    return column.cast(pa.string()) if pa.types.is_temporal(kind) else column


def _json_value(value: Any) -> Any:
    """Return a nested value that ``json`` does not know in a form that it does."""
    if isinstance(value, Decimal):
        return float(value) if len(value.as_tuple().digits) <= _EXACT_DIGITS else str(value)
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    raise WriteError(f"json cannot hold a {type(value).__name__}; cast it to text")


# ------------------------------------------------------------------------------------------ Arrow IPC
@dataclass(frozen=True, slots=True, kw_only=True)
class IpcFormat:
    """Arrow IPC files (Feather); uncompressed ones are read back in place."""

    compression: str = "none"
    name: str = "ipc"
    suffix: str = ".arrow"

    def __post_init__(self) -> None:
        _codec(self.compression, IPC_CODECS)

    @property
    def stored(self) -> None:
        """It is how rows leave devices anyway."""
        return

    def check(self, schema: Schema) -> None:
        """Refuse tables of no columns."""
        if not schema.fields:
            raise WriteError("ipc needs at least one column; select some")

    def open(self, handle: Any, schema: Schema) -> BatchWriter:
        """Return a writer of record batches."""
        codec = None if self.compression == "none" else self.compression
        options = pa.ipc.IpcWriteOptions(compression=codec)
        return _IpcWriter(pa.ipc.new_file(handle, to_arrow_schema(schema), options=options), to_arrow_schema(schema))


class _IpcWriter:
    def __init__(self, writer: Any, schema: pa.Schema) -> None:
        self._writer, self._schema = writer, schema

    def write(self, batch: pa.RecordBatch) -> None:
        """Append one record batch."""
        self._writer.write_batch(batch.cast(self._schema))

    def close(self) -> None:
        """Write the footer."""
        self._writer.close()


# ------------------------------------------------------------------------------------------ ORC
@dataclass(frozen=True, slots=True, kw_only=True)
class OrcFormat:
    """ORC; times are stored with nanoseconds, those with a zone as instants."""

    compression: str = "zstd"
    name: str = "orc"
    suffix: str = ".orc"

    def __post_init__(self) -> None:
        _codec(self.compression, ORC_CODECS)

    @property
    def stored(self) -> StoredForm:
        """Devices may write it."""
        return StoredForm(name=self.name, compression=self.compression)

    def check(self, schema: Schema) -> None:
        """Refuse types that ORC has not, and tables of no columns."""
        if not schema.fields:
            raise WriteError("orc needs at least one column; select some")
        _refuse(schema, self.name, _unfit_for_orc, "cast it to a signed integer or text, or write Parquet")

    def open(self, handle: Any, schema: Schema) -> BatchWriter:
        """Return a writer of stripes."""
        import pyarrow.orc as paorc

        codec = "uncompressed" if self.compression == "none" else self.compression
        stream = _UnfailingStream(handle)
        return _OrcWriter(paorc.ORCWriter(stream, compression=codec), stream, to_arrow_schema(schema))


def _unfit_for_orc(dtype: DataType) -> bool:
    if dtype.kind is Kind.LIST and dtype.value is not None:
        return _unfit_for_orc(dtype.value)
    if dtype.kind is Kind.STRUCT:
        return any(_unfit_for_orc(part) for _, part in dtype.fields)
    unsigned = dtype.is_integer and not dtype.is_signed
    return unsigned or dtype.kind in (Kind.NULL, Kind.TIME, Kind.DURATION, Kind.INTERVAL)


class _UnfailingStream:
    """Keeps the first failure of a file instead of raising it: one that reaches the ORC library ends the process."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle
        self.failure: Exception | None = None
        self.closed = False

    def write(self, data: Any) -> int:
        """Write, until that fails once."""
        if self.failure is None:
            try:
                self._handle.write(data)
            except Exception as error:  # noqa: BLE001 - raised again by the writer
                self.failure = error
        return len(data)

    def flush(self) -> None:
        """Do nothing: the file is flushed where it is closed."""

    def close(self) -> None:
        """Leave the file open: it is the caller's."""
        self.closed = True


class _OrcWriter:
    def __init__(self, writer: Any, stream: _UnfailingStream, schema: pa.Schema) -> None:
        # what nanoseconds do not reach would be written, and could not be read
        fine = [f.with_type(pa.timestamp("ns", f.type.tz)) if pa.types.is_timestamp(f.type) else f for f in schema]
        self._writer, self._stream, self._schema, self._empty = writer, stream, pa.schema(fine), True

    def write(self, batch: pa.RecordBatch) -> None:
        """Append rows."""
        self._append(pa.Table.from_batches([batch]).cast(self._schema))
        self._empty = False

    def _append(self, rows: pa.Table) -> None:
        self._writer.write(rows)
        self._check()

    def _check(self) -> None:
        if self._stream.failure is not None:
            raise self._stream.failure

    def close(self) -> None:
        """Write the last stripe and the footer; a file of no rows holds the schema."""
        if self._empty:
            self._append(self._schema.empty_table())
        self._writer.close()
        self._check()
