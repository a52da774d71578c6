"""What stands for ``pylibcudf.io.parquet``: whole row groups of files with flat columns."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..binding import simulated
from ..interop import relabelled
from ..machine import machine
from ..types import DECIMALS, DataType, TypeId, held_type
from ..values import device_table
from .types import SourceInfo, TableWithMetadata


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
    if parquet_metadatas is not None:
        raise NotImplementedError("reading by given footers is not simulated")
    [path] = options._source.paths
    try:
        file = pq.ParquetFile(path)
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
