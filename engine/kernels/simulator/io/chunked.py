"""What the chunked writers of all formats share: chunks are encoded, then appended; a failure changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from ..column import Column
from ..machine import Buffer, current, machine
from ..rmm import Stream
from ..table import Table
from ..types import DECIMALS, TIMESTAMPS, TypeId
from ..values import host
from .types import ColumnInMetadata, SinkInfo, TableInputMetadata


class ChunkedOptions:
    """What a writer is told before its first chunk."""

    _sink: SinkInfo
    _metadata: TableInputMetadata | None = None
    _compression: Any = None
    _group_rows: int | None = None


class ChunkedFile:
    """A file under way, of one stream."""

    def __init__(self, options: ChunkedOptions, stream: Stream) -> None:
        if options._metadata is None:
            raise NotImplementedError("writing columns without names is not simulated")
        [self._path] = options._sink.paths
        self._options, self._stream = options, stream
        self._writer: Any = None

    def append(self, table: Table, opened: Any) -> pa.Table:
        """Return a chunk as Arrow has it, once there was memory to encode it; ``opened`` makes the file's writer."""
        call = current()
        assert call is not None
        for buffer in table._buffers():
            buffer.check(self._stream)
        metadata = self._options._metadata
        assert metadata is not None
        described = list(zip(table.columns(), metadata.column_metadata, strict=True))
        arrays = [_encoded(column, told) for column, told in described]
        fields = [
            pa.field(told._name, array.type, told._nullable) for array, (_, told) in zip(arrays, described, strict=True)
        ]
        chunk = pa.Table.from_arrays(arrays, schema=pa.schema(fields))
        Buffer(pa.nulls(0), max(1, chunk.nbytes), call.mr, self._stream)
        if self._writer is None:
            self._writer = opened(self._path, chunk.schema)
        return chunk

    def finish(self) -> None:
        """Close the file, and count what it holds as having crossed the bus."""
        if self._writer is None:
            raise NotImplementedError("closing a file without chunks is not simulated")
        self._writer.close()
        self._stream.synchronize()
        machine().moved(to_host=Path(self._path).stat().st_size)


def _encoded(column: Column, told: ColumnInMetadata) -> pa.Array:
    array, type_id = host(column), column.type().id()
    if not told._nullable and array.buffers()[0] is not None:
        raise RuntimeError("CUDF failure: a nullable input column cannot be prescribed nullability = false")
    if type_id in DECIMALS:
        return array.cast(pa.decimal128(told._precision or 38, array.type.scale))
    if type_id in TIMESTAMPS and type_id != TypeId.TIMESTAMP_DAYS:  # the chunked writers know instants in UTC only
        return array.cast(pa.timestamp("ms" if array.type.unit == "s" else array.type.unit, "UTC"))
    if told._binary:
        return array.cast(pa.binary())
    return array
