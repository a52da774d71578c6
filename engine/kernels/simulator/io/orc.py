"""What stands for ``pylibcudf.io.orc``: whole stripes of files with flat columns, and the chunked writer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.orc as paorc

from ..binding import simulated
from ..machine import machine
from ..rmm import Stream
from ..table import Table
from ..types import DataType, held_type
from ..values import device_table
from .chunked import ChunkedFile, ChunkedOptions
from .types import CompressionType, SinkInfo, SourceInfo, TableInputMetadata, TableWithMetadata

_CODECS = {"NONE": "uncompressed", "SNAPPY": "snappy", "ZLIB": "zlib", "LZ4": "lz4", "ZSTD": "zstd"}


class OrcReaderOptions:
    """What is read of a file."""

    def __init__(self) -> None:
        raise ValueError("OrcReaderOptions should be constructed with a builder")

    _source: SourceInfo
    _names: list[str] | None
    _stripes: list[list[int]] | None
    _decimals: list[str]

    @staticmethod
    @simulated("pylibcudf.io.orc.OrcReaderOptions.builder")
    def builder(source: SourceInfo) -> OrcReaderOptionsBuilder:
        """Start the options of reading a source."""
        made = object.__new__(OrcReaderOptionsBuilder)
        options = object.__new__(OrcReaderOptions)
        options._source, options._names, options._stripes, options._decimals = source, None, None, []
        made._options = options
        return made

    @simulated("pylibcudf.io.orc.OrcReaderOptions.set_columns", method=True)
    def set_columns(self, col_names: list[str]) -> None:
        """Read only some columns."""
        self._names = col_names

    @simulated("pylibcudf.io.orc.OrcReaderOptions.set_stripes", method=True)
    def set_stripes(self, stripes: list[list[int]]) -> None:
        """Read only some stripes of each file."""
        if len(stripes) != len(self._source.paths):
            raise ValueError("one list of stripes for each source")
        self._stripes = stripes

    @simulated("pylibcudf.io.orc.OrcReaderOptions.set_decimal128_columns", method=True)
    def set_decimal128_columns(self, val: list[str]) -> None:
        """Give decimals of some columns with 128 bits."""
        self._decimals = val


class OrcReaderOptionsBuilder:
    """Makes options."""

    def __init__(self) -> None:
        raise ValueError("OrcReaderOptionsBuilder should be constructed with OrcReaderOptions.builder")

    _options: OrcReaderOptions

    @simulated("pylibcudf.io.orc.OrcReaderOptionsBuilder.build", method=True)
    def build(self) -> OrcReaderOptions:
        """Return the options."""
        return self._options


@simulated("pylibcudf.io.orc.read_orc")
def read_orc(options: OrcReaderOptions, stream: Any = None, mr: Any = None) -> TableWithMetadata:
    """Decode stripes; columns come in the file's order, and names with dots mean fields of structs."""
    [path] = options._source.paths
    try:
        file = paorc.ORCFile(path)
        asked = set(options._names or file.schema.names)
        names = [name for name in file.schema.names if name in asked]
        if asked - set(names):
            raise RuntimeError("CUDF failure: no such column")
        stripes = range(file.nstripes) if options._stripes is None else options._stripes[0]
        batches = [file.read_stripe(stripe, columns=names) for stripe in stripes]
    except (pa.ArrowException, OSError) as error:
        raise RuntimeError(f"CUDF failure: {error}") from error
    machine().moved(to_device=Path(path).stat().st_size * len(stripes) // max(1, file.nstripes))
    rows = pa.Table.from_batches(batches)
    arrays = [_held(rows.column(name), name in options._decimals) for name in names]
    return TableWithMetadata(device_table(arrays, rows.num_rows), [(name, []) for name in names])


def _held(column: pa.ChunkedArray, wide: bool) -> pa.Array:
    array = pa.concat_arrays(column.chunks) if column.num_chunks else pa.nulls(0, column.type)
    if (pa.types.is_decimal(array.type) and not wide) or pa.types.is_timestamp(array.type):
        raise NotImplementedError("decimals in the widths of the file, and times, are not simulated")
    DataType.from_arrow(array.type)
    held = held_type(array.type)
    return array if array.type == held else array.cast(held)


@simulated("pylibcudf.io.orc.is_supported_write_orc")
def is_supported_write_orc(compression: Any) -> bool:
    """Return whether files can be written with a codec."""
    return CompressionType(compression).name in _CODECS


class ChunkedOrcWriterOptions(ChunkedOptions):
    """What is written."""

    def __init__(self) -> None:
        raise ValueError("ChunkedOrcWriterOptions should be constructed with a builder")

    @staticmethod
    @simulated("pylibcudf.io.orc.ChunkedOrcWriterOptions.builder")
    def builder(sink: SinkInfo) -> ChunkedOrcWriterOptionsBuilder:
        """Start the options of writing to a sink."""
        made = object.__new__(ChunkedOrcWriterOptionsBuilder)
        made._options = object.__new__(ChunkedOrcWriterOptions)
        made._options._sink = sink
        return made


class ChunkedOrcWriterOptionsBuilder:
    """Makes options."""

    def __init__(self) -> None:
        raise ValueError("ChunkedOrcWriterOptionsBuilder should be constructed with ChunkedOrcWriterOptions.builder")

    _options: ChunkedOrcWriterOptions

    @simulated("pylibcudf.io.orc.ChunkedOrcWriterOptionsBuilder.metadata", method=True)
    def metadata(self, meta: TableInputMetadata) -> ChunkedOrcWriterOptionsBuilder:
        """Say what is not in the columns."""
        self._options._metadata = meta
        return self

    @simulated("pylibcudf.io.orc.ChunkedOrcWriterOptionsBuilder.compression", method=True)
    def compression(self, comp: Any) -> ChunkedOrcWriterOptionsBuilder:
        """Choose the codec."""
        self._options._compression = CompressionType(comp)
        return self

    @simulated("pylibcudf.io.orc.ChunkedOrcWriterOptionsBuilder.build", method=True)
    def build(self) -> ChunkedOrcWriterOptions:
        """Return the options."""
        return self._options


class OrcChunkedWriter:
    """Writes a file chunk by chunk."""

    def __init__(self) -> None:
        raise ValueError("OrcChunkedWriter should be constructed with from_options")

    _file: ChunkedFile

    @staticmethod
    @simulated("pylibcudf.io.orc.OrcChunkedWriter.from_options")
    def from_options(options: ChunkedOrcWriterOptions, stream: Stream) -> OrcChunkedWriter:
        """Start a file."""
        made = object.__new__(OrcChunkedWriter)
        made._file = ChunkedFile(options, stream)
        return made

    @simulated("pylibcudf.io.orc.OrcChunkedWriter.write", method=True)
    def write(self, table: Table) -> None:
        """Append a stripe."""
        codec = _CODECS[self._file._options._compression.name]
        chunk = self._file.append(table, lambda path, _: paorc.ORCWriter(path, compression=codec))
        self._file._writer.write(chunk)

    @simulated("pylibcudf.io.orc.OrcChunkedWriter.close", method=True)
    def close(self) -> None:
        """Write the footer."""
        self._file.finish()
