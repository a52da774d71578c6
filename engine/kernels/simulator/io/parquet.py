"""What stands for ``pylibcudf.io.parquet``: whole row groups of files with flat columns, and the chunked writer."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..binding import simulated
from ..interop import relabelled
from ..machine import SimulatorError, machine
from ..rmm import Stream
from ..table import Table
from ..types import DECIMALS, DataType, TypeId, held_type
from ..values import device_table
from .chunked import ChunkedFile, ChunkedOptions
from .types import CompressionType, SinkInfo, SourceInfo, TableInputMetadata, TableWithMetadata


class ParquetReaderOptions:
    """What is read of a file."""

    def __init__(self) -> None:
        raise ValueError("ParquetReaderOptions should be constructed with a builder")

    _source: SourceInfo
    _names: list[str] | None
    _groups: list[list[int]] | None
    _decimals: Any

    @staticmethod
    @simulated("pylibcudf.io.parquet.ParquetReaderOptions.builder")
    def builder(source: SourceInfo) -> ParquetReaderOptionsBuilder:
        """Start the options of reading a source."""
        made = object.__new__(ParquetReaderOptionsBuilder)
        options = object.__new__(ParquetReaderOptions)
        options._source, options._names, options._groups, options._decimals = source, None, None, None
        made._options = options
        return made

    @simulated("pylibcudf.io.parquet.ParquetReaderOptions.set_row_groups", method=True)
    def set_row_groups(self, row_groups: list[list[int]]) -> None:
        """Read only some row groups of each file."""
        if len(row_groups) != len(self._source.paths):
            raise ValueError("one list of row groups for each source")
        self._groups = row_groups


class ParquetReaderOptionsBuilder:
    """Makes options."""

    def __init__(self) -> None:
        raise ValueError("ParquetReaderOptionsBuilder should be constructed with ParquetReaderOptions.builder")

    _options: ParquetReaderOptions

    @simulated("pylibcudf.io.parquet.ParquetReaderOptionsBuilder.column_names", method=True)
    def column_names(self, col_names: list[str]) -> ParquetReaderOptionsBuilder:
        """Read only some columns, in this order."""
        self._options._names = col_names
        return self

    @simulated("pylibcudf.io.parquet.ParquetReaderOptionsBuilder.decimal_width", method=True)
    def decimal_width(self, width: Any) -> ParquetReaderOptionsBuilder:
        """Give all decimals in one width."""
        self._options._decimals = TypeId(width)
        return self

    @simulated("pylibcudf.io.parquet.ParquetReaderOptionsBuilder.build", method=True)
    def build(self) -> ParquetReaderOptions:
        """Return the options."""
        return self._options


@simulated("pylibcudf.io.parquet.read_parquet")
def read_parquet(
    options: ParquetReaderOptions, stream: Any = None, mr: Any = None, parquet_metadatas: Any = None
) -> TableWithMetadata:
    """Decode row groups. The order of the columns is not promised: here it is the file's, whatever was asked for."""
    [path] = options._source.paths
    try:
        file = pq.ParquetFile(path)
        if parquet_metadatas is not None and not all(footer._describes(file) for footer in parquet_metadatas):
            raise SimulatorError(f"the footers given for {path!r} are not those that it has now")
        groups = range(file.num_row_groups) if options._groups is None else options._groups[0]
        rows = file.read_row_groups([*groups], columns=options._names, use_threads=False)
    except pa.ArrowException as error:
        raise RuntimeError(f"CUDF failure: {error}") from error
    asked = set(options._names or file.schema_arrow.names)
    if not asked <= set(file.schema_arrow.names):
        raise RuntimeError("CUDF failure: no such column")
    names = [name for name in file.schema_arrow.names if name in asked]
    machine().moved(to_device=_stored_bytes(file.metadata, groups, set(names)))
    arrays = [_held(rows.column(name), options._decimals) for name in names]
    return TableWithMetadata(device_table(arrays, rows.num_rows), [(name, []) for name in names])


def _held(column: pa.ChunkedArray, width: Any) -> pa.Array:
    array = pa.concat_arrays(column.chunks) if column.num_chunks else pa.nulls(0, column.type)
    if pa.types.is_decimal(array.type) and width not in DECIMALS:
        raise NotImplementedError("decimals in the widths of the file are not simulated: ask for one")
    if pa.types.is_binary(array.type):  # libcudf makes strings of bytes that are not said to be text
        return relabelled(array, pa.string())
    DataType.from_arrow(array.type)
    held = held_type(array.type)
    return array if array.type == held else array.cast(held)


def _stored_bytes(metadata: Any, groups: Any, names: set[str]) -> int:
    chunks = (metadata.row_group(g).column(c) for g in groups for c in range(metadata.num_columns))
    return sum(chunk.total_compressed_size for chunk in chunks if chunk.path_in_schema.split(".")[0] in names)


_CODECS = {"NONE": "none", "SNAPPY": "snappy", "GZIP": "gzip", "LZ4": "lz4", "ZSTD": "zstd"}


@simulated("pylibcudf.io.parquet.is_supported_write_parquet")
def is_supported_write_parquet(compression: Any) -> bool:
    """Return whether files can be written with a codec."""
    return CompressionType(compression).name in _CODECS


class ChunkedParquetWriterOptions(ChunkedOptions):
    """What is written."""

    def __init__(self) -> None:
        raise ValueError("ChunkedParquetWriterOptions should be constructed with a builder")

    @staticmethod
    @simulated("pylibcudf.io.parquet.ChunkedParquetWriterOptions.builder")
    def builder(sink: SinkInfo) -> ChunkedParquetWriterOptionsBuilder:
        """Start the options of writing to a sink."""
        made = object.__new__(ChunkedParquetWriterOptionsBuilder)
        made._options = object.__new__(ChunkedParquetWriterOptions)
        made._options._sink = sink
        return made


class ChunkedParquetWriterOptionsBuilder:
    """Makes options."""

    def __init__(self) -> None:
        raise ValueError("it should be constructed with ChunkedParquetWriterOptions.builder")

    _options: ChunkedParquetWriterOptions

    @simulated("pylibcudf.io.parquet.ChunkedParquetWriterOptionsBuilder.metadata", method=True)
    def metadata(self, metadata: TableInputMetadata) -> ChunkedParquetWriterOptionsBuilder:
        """Say what is not in the columns."""
        self._options._metadata = metadata
        return self

    @simulated("pylibcudf.io.parquet.ChunkedParquetWriterOptionsBuilder.compression", method=True)
    def compression(self, compression: Any) -> ChunkedParquetWriterOptionsBuilder:
        """Choose the codec."""
        self._options._compression = CompressionType(compression)
        return self

    @simulated("pylibcudf.io.parquet.ChunkedParquetWriterOptionsBuilder.row_group_size_rows", method=True)
    def row_group_size_rows(self, val: int) -> ChunkedParquetWriterOptionsBuilder:
        """Limit the rows of row groups."""
        if val < 1:
            raise RuntimeError("CUDF failure: the maximum row count of row groups must be positive")
        self._options._group_rows = val
        return self

    @simulated("pylibcudf.io.parquet.ChunkedParquetWriterOptionsBuilder.build", method=True)
    def build(self) -> ChunkedParquetWriterOptions:
        """Return the options."""
        return self._options


class ChunkedParquetWriter:
    """Writes a file chunk by chunk; each chunk begins a row group."""

    def __init__(self) -> None:
        raise ValueError("ChunkedParquetWriter should be constructed with from_options")

    _file: ChunkedFile

    @staticmethod
    @simulated("pylibcudf.io.parquet.ChunkedParquetWriter.from_options")
    def from_options(options: ChunkedParquetWriterOptions, stream: Stream) -> ChunkedParquetWriter:
        """Start a file."""
        made = object.__new__(ChunkedParquetWriter)
        made._file = ChunkedFile(options, stream)
        return made

    @simulated("pylibcudf.io.parquet.ChunkedParquetWriter.write", method=True)
    def write(self, table: Table, partitions_info: Any = None) -> None:
        """Append row groups."""
        if partitions_info is not None:
            raise NotImplementedError("several files at once are not simulated")
        options = self._file._options
        codec = _CODECS[options._compression.name]
        chunk = self._file.append(
            table, lambda path, schema: pq.ParquetWriter(path, schema, compression=codec, store_schema=False)
        )
        self._file._writer.write_table(chunk, options._group_rows)

    @simulated("pylibcudf.io.parquet.ChunkedParquetWriter.close", method=True)
    def close(self, metadata_file_path: list[Any]) -> None:
        """Write the footer."""
        if metadata_file_path:
            raise NotImplementedError("footers in files of their own are not simulated")
        self._file.finish()
